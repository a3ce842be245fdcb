/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See terminal.h. */
#include "tools/terminal.h"

#include <glib.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     20
#define WIDTH_MAX     10000

unsigned terminal_width(void)
{
	const char *columns = g_getenv("COLUMNS");
	struct winsize size;
	guint64 width;

	if (columns != NULL && g_ascii_string_to_unsigned(columns, 10, 1, WIDTH_MAX, &width, NULL))
		return MAX((unsigned)width, WIDTH_MIN);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return MAX(size.ws_col, WIDTH_MIN);
	return WIDTH_DEFAULT;
}

void terminal_print(unsigned column, unsigned indent, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	unsigned width = terminal_width();

	for (unsigned i = 0; words[i] != NULL; i++) {
		unsigned length = (unsigned)g_utf8_strlen(words[i], -1);

		if (i > 0 && column + 1 + length > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (i > 0) {
			putchar(' ');
			column++;
		}
		fputs(words[i], stdout);
		column += length;
	}
	putchar('\n');
}
