/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of what was changed by command (kept_row.h), in and out. They are few and must not be lost,
 * so each transaction is on the disk when it ends, whatever State.SyncInterval says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "schema/store_internal.h"

/* Rows of a table that are read, and the length of one value. */
#define ROWS_MAX  "1000000"
#define VALUE_MAX (8u << 20)
/* Somebody else's lock: a person waits for this, but not for long. */
#define BUSY_MS 2000

static char *join(const struct kept_columns *columns, unsigned n, const char *format,
		  const char *separator)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			g_string_append(text, separator);
		for (const char *c = format; *c; c++) {
			if (*c == '%')
				g_string_append(text, columns->column[i]);
			else
				g_string_append_c(text, *c);
		}
	}
	return g_string_free(text, FALSE);
}

static char *sql_of(const struct kept_columns *columns, bool exists)
{
	g_autofree char *names = join(columns, columns->n_columns, "%", ", ");
	g_autofree char *places = join(columns, columns->n_columns, "?", ", ");
	g_autofree char *keys = join(columns, columns->n_keys, "% = ?", " AND ");

	return exists ? g_strdup_printf("INSERT OR REPLACE INTO %s (%s) VALUES (%s)",
					columns->table, names, places)
		      : g_strdup_printf("DELETE FROM %s WHERE %s", columns->table, keys);
}

static int put(struct store *store, sqlite3_stmt *statement, const struct kept_row *row)
{
	const struct kept_columns *columns = &kept_columns[row->table];
	unsigned n = row->exists ? columns->n_columns : columns->n_keys;
	int result;

	for (unsigned i = 0; i < n; i++)
		(void)sqlite3_bind_text(statement, (int)i + 1, row->value[i], -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE ? 0 : store_fail(store, result, "can not be written");
}

static int put_all(struct store *store, const GPtrArray *rows)
{
	sqlite3_stmt *statement[N_KEPT_TABLES][2] = {{NULL}};
	int r = 0;

	for (guint i = 0; r == 0 && i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);
		sqlite3_stmt **which = &statement[row->table][row->exists];

		if (!*which) {
			g_autofree char *sql = sql_of(&kept_columns[row->table], row->exists);
			int result = sqlite3_prepare_v2(store->db, sql, -1, which, NULL);

			if (result != SQLITE_OK)
				r = store_fail(store, result, "can not be written");
		}
		if (r == 0)
			r = put(store, *which, row);
	}
	for (unsigned i = 0; i < N_KEPT_TABLES; i++)
		for (unsigned j = 0; j < 2; j++)
			(void)sqlite3_finalize(statement[i][j]);
	return r;
}

static bool is_too_long(struct store *store, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);

		for (unsigned j = 0; j < KEPT_COLUMNS_MAX && row->value[j]; j++) {
			if (strlen(row->value[j]) <= VALUE_MAX)
				continue;
			(void)snprintf(store->error, sizeof(store->error),
				       "%s takes no text of %zu bytes: the longest is %u",
				       store->path, strlen(row->value[j]), VALUE_MAX);
			return true;
		}
	}
	return false;
}

int store_put_kept(struct store *store, const GPtrArray *rows, bool anew)
{
	int r;

	if (is_too_long(store, rows))
		return -E2BIG;
	(void)sqlite3_busy_timeout(store->db, BUSY_MS);
	r = store_run(store, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", "can not be written");
	for (unsigned i = 0; r == 0 && anew && i < N_KEPT_TABLES; i++) {
		g_autofree char *sql = g_strdup_printf("DELETE FROM %s", kept_columns[i].table);

		r = store_run(store, sql, "can not be written");
	}
	if (r == 0)
		r = put_all(store, rows);
	if (r == 0)
		r = store_run(store, "COMMIT", "can not be written");
	if (r < 0) {
		char why[STORE_TEXT_SIZE];

		(void)g_strlcpy(why, store->error, sizeof(why));
		store_roll_back(store);
		(void)g_strlcpy(store->error, why, sizeof(store->error));
	}
	(void)sqlite3_busy_timeout(store->db, store->config.busy_ms);
	(void)sqlite3_exec(store->db, STORE_SYNC_NORMAL, NULL, NULL, NULL);
	return r;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

/* NULL if a value is none that we have written. */
static struct kept_row *read_row(sqlite3_stmt *statement, enum kept_table table)
{
	struct kept_row *row = kept_row_new(table, true);

	for (unsigned i = 0; i < kept_columns[table].n_columns; i++) {
		const char *text = (const char *)sqlite3_column_text(statement, (int)i);
		int size = sqlite3_column_bytes(statement, (int)i);

		if (!text || !g_utf8_validate(text, size, NULL)) {
			kept_row_free(row);
			return NULL;
		}
		row->value[i] = g_strndup(text, (gsize)size);
	}
	return row;
}

static int load_table(struct store *store, enum kept_table table, GPtrArray *ret,
		      uint64_t *ret_n_bad)
{
	const struct kept_columns *columns = &kept_columns[table];
	g_autofree char *names = join(columns, columns->n_columns, "%", ", ");
	g_autofree char *sql =
		g_strdup_printf("SELECT %s FROM %s LIMIT " ROWS_MAX, names, columns->table);
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	int r = 0;

	if (result == SQLITE_OK)
		while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
			struct kept_row *row = read_row(statement, table);

			if (row)
				g_ptr_array_add(ret, row);
			else
				(*ret_n_bad)++;
		}
	if (result != SQLITE_DONE)
		r = store_fail(store, result, "can not be read");
	(void)sqlite3_finalize(statement);
	return r;
}

int store_load_kept(struct store *store, GPtrArray *ret, uint64_t *ret_n_bad)
{
	int r = 0;

	*ret_n_bad = 0;
	for (enum kept_table table = 0; r == 0 && table < N_KEPT_TABLES; table++)
		r = load_table(store, table, ret, ret_n_bad);
	return r;
}
