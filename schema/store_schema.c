/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is what a file has the tables of its version, word for word? What is there besides, or otherwise,
 * could be code: a trigger, a view in the place of a table, an index or a check that calls a
 * function. So it is asked before anything of ours is done with the file.
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "schema/store_internal.h"

/* But what ANALYZE leaves, which somebody's tool may have run. */
#define QUESTION                                                                             \
	"SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE NOT (type = 'table' AND " \
	"(sql = 'CREATE TABLE sqlite_stat1(tbl,idx,stat)' OR "                               \
	"sql = 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)')) ORDER BY name, type"
#define N_COLUMNS 4

/* An empty database of that version, in memory, and the question to it. */
static int open_model(int64_t version, sqlite3 **ret, sqlite3_stmt **ret_statement)
{
	int result = sqlite3_open(":memory:", ret);

	for (int64_t i = 0; i < version && result == SQLITE_OK; i++)
		result = sqlite3_exec(*ret, store_steps[i], NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_prepare_v2(*ret, QUESTION, -1, ret_statement, NULL);
	return result;
}

static bool is_same(sqlite3_stmt *one, sqlite3_stmt *other)
{
	for (int i = 0; i < N_COLUMNS; i++) {
		const char *a = (const char *)sqlite3_column_text(one, i);
		const char *b = (const char *)sqlite3_column_text(other, i);

		if (g_strcmp0(a, b) != 0)
			return false;
	}
	return true;
}

/* The name that comes first is in one of them only, or has another meaning. */
static int say_difference(struct store *store, sqlite3_stmt *ours, sqlite3_stmt *theirs)
{
	const char *expected = ours ? (const char *)sqlite3_column_text(ours, 0) : NULL;
	const char *found = theirs ? (const char *)sqlite3_column_text(theirs, 0) : NULL;
	int order = !expected ? 1 : !found ? -1 : strcmp(expected, found);

	(void)snprintf(store->error, sizeof(store->error),
		       "%s has other tables than ours: '%.64s' %s", store->path,
		       order < 0 ? expected
		       : found   ? found
				 : "?",
		       order < 0   ? "is missing"
		       : order > 0 ? "is none of ours"
				   : "is not as ours");
	store_make_printable(store->error);
	return -EUCLEAN;
}

static int compare(struct store *store, sqlite3_stmt *ours, sqlite3_stmt *theirs)
{
	for (;;) {
		int expected = sqlite3_step(ours), found = sqlite3_step(theirs);

		if (found != SQLITE_ROW && found != SQLITE_DONE)
			return store_fail(store, found, "can not be read");
		if (expected == SQLITE_DONE && found == SQLITE_DONE)
			return 0;
		if (expected != found || !is_same(ours, theirs))
			return say_difference(store, expected == SQLITE_ROW ? ours : NULL,
					      found == SQLITE_ROW ? theirs : NULL);
	}
}

int store_check_schema(struct store *store, int64_t version)
{
	sqlite3_stmt *ours = NULL, *theirs = NULL;
	sqlite3 *model = NULL;
	int result = open_model(version, &model, &ours);
	int r;

	if (result == SQLITE_OK)
		result = sqlite3_prepare_v2(store->db, QUESTION, -1, &theirs, NULL);
	r = result == SQLITE_OK ? compare(store, ours, theirs)
				: store_fail(store, result, "can not be read");
	(void)sqlite3_finalize(theirs);
	(void)sqlite3_finalize(ours);
	(void)sqlite3_close(model);
	return r;
}
