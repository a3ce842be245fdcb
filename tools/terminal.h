/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people, in lines that fit on their terminal. */
#pragma once

/* Columns: as COLUMNS says, else the terminal on stdout, else 80; not fewer than 20. */
unsigned terminal_width(void);

/* Prints the words of text from column on, where the cursor is; further lines begin at indent. Ends
 * the line. A word that is longer than a line is not broken. */
void terminal_print(unsigned column, unsigned indent, const char *text);
