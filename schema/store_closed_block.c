/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of ports that a client has had (L-11, L-13). A client has a block from its first binding
 * to its last, so the times of those that have ended, where they overlap, are one row.
 */
#include <glib.h>

#include "schema/store_internal.h"

/* Of one call, so that nothing else waits long. */
#define FORGOTTEN_BLOCKS 4096

static int run(struct store *store, sqlite3_stmt *statement, const char *doing)
{
	int result = sqlite3_step(statement);

	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE ? 0 : store_fail(store, result, doing);
}

/* The first five columns of its key. */
static sqlite3_stmt *bind_key(struct store *store, enum store_statement which,
			      const struct closed_binding *closed)
{
	sqlite3_stmt *statement = store->statement[which];

	(void)sqlite3_bind_int64(statement, 1, closed->mapped.addr);
	(void)sqlite3_bind_int64(statement, 2, closed->mapped.port);
	(void)sqlite3_bind_int64(statement, 3, closed->port6);
	(void)sqlite3_bind_blob(statement, 4, closed->addr6.byte, sizeof(closed->addr6.byte),
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 5, closed->prefix_len);
	return statement;
}

/* What is known of the time around this, or within it; *ret_n: of how many rows that is. */
static int find(struct store *store, const struct closed_binding *closed, int64_t *created,
		int64_t *ended, int64_t *ret_n)
{
	sqlite3_stmt *statement = bind_key(store, STORE_FIND_BLOCK, closed);
	int result;
	int r = 0;

	(void)sqlite3_bind_int64(statement, 6, *created);
	(void)sqlite3_bind_int64(statement, 7, *ended);
	result = sqlite3_step(statement);
	*ret_n = 0;
	if (result != SQLITE_ROW)
		r = store_fail(store, result == SQLITE_DONE ? SQLITE_CORRUPT : result,
			       "can not be read");
	else
		*ret_n = sqlite3_column_int64(statement, 0);
	if (*ret_n > 0) {
		*created = sqlite3_column_int64(statement, 1);
		*ended = sqlite3_column_int64(statement, 2);
	}
	(void)sqlite3_reset(statement);
	return r;
}

int store_put_closed_block(struct store *store, const struct closed_binding *closed,
			   int64_t created, int64_t ended)
{
	int64_t first = created, last = ended, n;
	sqlite3_stmt *statement;
	int r = find(store, closed, &first, &last, &n);

	if (r < 0)
		return r;
	/* The usual: another binding of a time that is known. */
	if (n == 1 && first <= created && last >= ended)
		return 0;
	if (n > 0) {
		statement = bind_key(store, STORE_REMOVE_BLOCK, closed);
		(void)sqlite3_bind_int64(statement, 6, created);
		(void)sqlite3_bind_int64(statement, 7, ended);
		r = run(store, statement, "can not be written");
	}
	if (r < 0)
		return r;
	statement = bind_key(store, STORE_PUT_BLOCK, closed);
	(void)sqlite3_bind_int64(statement, 6, MAX(last, ended));
	(void)sqlite3_bind_int64(statement, 7, MIN(first, created));
	return run(store, statement, "can not be written");
}

int store_forget_closed_blocks(struct store *store, int64_t before, int64_t after, bool *ret_more)
{
	sqlite3_stmt *statement = store->statement[STORE_FORGET_BLOCKS];
	int r;

	(void)sqlite3_bind_int64(statement, 1, before);
	(void)sqlite3_bind_int64(statement, 2, after);
	(void)sqlite3_bind_int64(statement, 3, FORGOTTEN_BLOCKS);
	r = run(store, statement, "can not be written");
	*ret_more = r == 0 && sqlite3_changes(store->db) == FORGOTTEN_BLOCKS;
	return r;
}
