/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file and its drop-ins as one set of settings, each with the place where it was
 * written last. Which sections and keys mean anything is not known here (config.c).
 */
#pragma once

#include "daemon/config.h"

struct config_setting {
	char *section;
	char *key;
	char *value;
	struct config_place place;
};

struct config_section {
	char *name;
	struct config_place place; /* where it was opened first */
};

struct config_file {
	GPtrArray *sections; /* struct config_section, in the order of their first appearance */
	GPtrArray *settings; /* struct config_setting, likewise */
	GHashTable *by_name; /* "section\nkey" or "section\n" -> one of them */
};

/*
 * Reads path and path.d/ *.conf; a later file changes single keys. What is wrong goes to problems;
 * what could be read is in the result all the same. may_be_missing: path itself, not an error.
 * Returns 0, or a negative errno if a file could not be read.
 */
int config_file_read(const char *path, bool may_be_missing, struct config_file **ret,
		     GPtrArray *problems);
/* One without any settings. */
struct config_file *config_file_new(void);
void config_file_free(struct config_file *file);

/* NULL if nobody wrote it. */
const struct config_setting *config_file_find(const struct config_file *file, const char *section,
					      const char *key);

/* Adds one problem. place NULL: the configuration as a whole. */
void config_problem_add(GPtrArray *problems, enum config_severity severity,
			const struct config_place *place, const char *section, const char *key,
			const char *format, ...) G_GNUC_PRINTF(6, 7);
