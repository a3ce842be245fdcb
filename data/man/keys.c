/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64d.conf(5) for scdoc: standard input, with the table of keys in place of the line "@KEYS@".
 * A program of the build, not installed.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config_manual.h"

int main(void)
{
	g_autofree char *keys = config_manual_keys();
	bool found = false;
	char line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		bool here = strcmp(line, "@KEYS@\n") == 0;

		found |= here;
		if (fputs(here ? keys : line, stdout) < 0)
			return 1;
	}
	return found && fflush(stdout) == 0 ? 0 : 1;
}
