/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A caller's words as an error message repeats them: whole, or their beginning and "...". */
#pragma once

#define QUOTE_SIZE 64

/* Cut between characters: what comes out is UTF-8 if value is. */
const char *quote(const char *value, char ret[QUOTE_SIZE]);

/* In the place of each control character: a question mark. What strangers say is no other line of
 * the log, and nothing that a terminal would obey. */
void quote_one_line(char *text);
