/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed by command, as rows of texts: entries of pool4 that were added, or of the files
 * and not to be used; the same of static bindings; keys of the configuration; blocked clients.
 * Texts are as people write them, and read by the code that reads the files: no row is trusted.
 *
 * Pure data.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum kept_table { KEPT_POOL4, KEPT_STATIC, KEPT_SETTING, KEPT_BLOCKED, N_KEPT_TABLES };

/* Columns, the key first. */
enum {
	KEPT_POOL4_NAME,
	KEPT_POOL4_ADDRESSES,
	KEPT_POOL4_PORTS,
	KEPT_POOL4_PROTOCOLS,
	KEPT_POOL4_CLIENTS,
	KEPT_POOL4_PREFIX,
	KEPT_POOL4_OVERFLOW, /* 0 or 1 */
	KEPT_POOL4_COMMENT,
	KEPT_POOL4_STATE,     /* active, draining, disabled */
	KEPT_POOL4_FILE_SAID, /* of the section with this name; "" = there was none */
	N_KEPT_POOL4,
};
enum {
	KEPT_STATIC_PROTOCOL,
	KEPT_STATIC_OUTSIDE,
	KEPT_STATIC_INSIDE,
	KEPT_STATIC_COMMENT,
	KEPT_STATIC_REMOVED, /* 1: one of the files that is not to be */
	N_KEPT_STATIC,
};
enum {
	KEPT_SETTING_SECTION,
	KEPT_SETTING_KEY,
	KEPT_SETTING_VALUE,
	KEPT_SETTING_FILE_SAID, /* "" = nothing, else "=VALUE" */
	N_KEPT_SETTING,
};
enum {
	KEPT_BLOCKED_PREFIX,
	KEPT_BLOCKED_SINCE, /* seconds of CLOCK_REALTIME */
	KEPT_BLOCKED_UNTIL, /* likewise; 0 = without end */
	N_KEPT_BLOCKED,
};

#define KEPT_COLUMNS_MAX 10
#define KEPT_KEYS_MAX    3

struct kept_row {
	enum kept_table table;
	bool exists; /* else it is to go, and only the key says something */
	char *value[KEPT_COLUMNS_MAX];
};

struct kept_columns {
	const char *table;
	const char *column[KEPT_COLUMNS_MAX];
	unsigned n_columns;
	unsigned n_keys;
};
extern const struct kept_columns kept_columns[N_KEPT_TABLES];

/* Without values: those of its key are still to be filled in. */
struct kept_row *kept_row_new(enum kept_table table, bool exists);
struct kept_row *kept_row_copy(const struct kept_row *row);
void kept_row_free(struct kept_row *row);

/* Lists that free their members. */
GPtrArray *kept_rows_new(void);

/* Table and key as one text, for g_free(). */
char *kept_row_key(const struct kept_row *row);
/* Do both say the same? */
bool kept_row_equal(const struct kept_row *one, const struct kept_row *other);
