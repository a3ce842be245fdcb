/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the store share. */
#pragma once

#include <sqlite3.h>

#include "schema/store.h"

#define STORE_FILE "state.db"

enum store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_ROLLBACK,
	STORE_META,
	STORE_PUT_BINDING,
	STORE_REMOVE_BINDING,
	STORE_PUT_SESSION,
	STORE_REMOVE_SESSION,
	N_STORE_STATEMENTS,
};

struct store {
	struct store_config config;
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[N_STORE_STATEMENTS];
	struct store_clock written; /* the clocks at the last flush, as found */
	uint64_t owner;
	bool was_clean;
	char error[STORE_TEXT_SIZE];
};

/* The errno of an SQLite result, with a sentence in error: "doing", then SQLite's words. */
int store_fail(struct store *store, int result, const char *doing);
/* The same for SQL without parameters or rows. */
int store_run(struct store *store, const char *sql, const char *doing);
/* One integer. */
int store_number(struct store *store, const char *sql, int64_t *ret);

void store_report(const struct store *store, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* store_migrate.c: -EUCLEAN if it is not ours, -ERANGE if it is newer. */
int store_migrate(struct store *store);
/* store_aside.c: the file and its log get another name, "corrupt" or "newer" in it. 0 or errno. */
int store_set_aside(struct store *store, const char *what, const char *why);
/* Puts the copy of the highest version that we know in its place; false if there is none. */
bool store_take_copy(struct store *store);
