/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line scan of a configuration file: where each section and key stands, and what GLib's parser
 * would swallow silently or report without a line (duplicate keys, lines that are nothing).
 *
 * Values are not read here: GKeyFile supplies them (config.c).
 */
#pragma once

#include <glib.h>

struct config_line {
	char *section;
	char *key; /* NULL: the section's own header */
	unsigned line;
};

/* What is wrong with a line, with the section it stands in ("" = none). */
struct config_scan_error {
	unsigned line;
	char *section;
	char *key; /* or "" */
	char *sentence;
};

struct config_scan {
	GPtrArray *lines;  /* struct config_line, in the order of the file */
	GPtrArray *errors; /* struct config_scan_error */
};

struct config_scan *config_scan_new(const char *text);
void config_scan_free(struct config_scan *scan);
