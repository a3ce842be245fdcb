/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prefixes of Pool6 by value. In the core a prefix is its place in the configuration, which another
 * order or a reload changes; in the database it has a place of its own for good, so that no flush
 * and no crash makes the rows that are there mean another one.
 */
#include <glib.h>
#include <string.h>

#include "schema/store_internal.h"

#define PREFIXES_MAX "4096" /* that a file may have */

static bool is_same(const struct prefix6 *a, const struct prefix6 *b)
{
	return a->len == b->len && addr6_equal(&a->addr, &b->addr);
}

void store_set_pool6(struct store *store, const struct prefix6 pool6[NAT64_POOL6_MAX])
{
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		/* What goes in a reload still has its rows for a while. */
		if (pool6[i].len == 0 || is_same(&store->pool6[i], &pool6[i]))
			continue;
		store->pool6[i] = pool6[i];
		store->pool6_place[i] = 0;
	}
}

void store_forget_places(struct store *store)
{
	memset(store->pool6_place, 0, sizeof(store->pool6_place));
}

static int step(struct store *store, enum store_statement which, const struct prefix6 *prefix,
		int64_t *ret_place)
{
	sqlite3_stmt *statement = store->statement[which];
	int result;

	(void)sqlite3_bind_blob(statement, 1, prefix->addr.byte, sizeof(prefix->addr.byte),
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, prefix->len);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_place = sqlite3_column_int64(statement, 0);
	(void)sqlite3_reset(statement);
	return result == SQLITE_ROW || result == SQLITE_DONE
		       ? 0
		       : store_fail(store, result, "can not be written");
}

int store_place_of_pool6(struct store *store, uint8_t pool6, int64_t *ret)
{
	int r = 0;

	/* Nobody has said what it is. */
	if (pool6 >= NAT64_POOL6_MAX || store->pool6[pool6].len == 0) {
		*ret = pool6;
		return 0;
	}
	if (store->pool6_place[pool6] == 0)
		r = step(store, STORE_FIND_POOL6, &store->pool6[pool6], &store->pool6_place[pool6]);
	if (r == 0 && store->pool6_place[pool6] == 0)
		r = step(store, STORE_PUT_POOL6, &store->pool6[pool6], &store->pool6_place[pool6]);
	*ret = store->pool6_place[pool6];
	return r;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

static uint8_t find(const struct store *store, const void *address, int64_t length)
{
	for (uint8_t i = 0; i < NAT64_POOL6_MAX; i++)
		if (store->pool6[i].len > 0 && store->pool6[i].len == length &&
		    memcmp(store->pool6[i].addr.byte, address, sizeof(struct addr6)) == 0)
			return i;
	return PERSIST_POOL6_GONE;
}

int store_read_pool6(struct store *store, struct store_prefixes *ret)
{
	GHashTable *table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(
		store->db, "SELECT place, address, length FROM pool6 LIMIT " PREFIXES_MAX, -1,
		&statement, NULL);
	int r = 0;

	if (result == SQLITE_OK)
		while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
			const void *address = sqlite3_column_blob(statement, 1);
			struct store_prefix *prefix;

			/* Its rows are as bad as it is. */
			if (!address || sqlite3_column_bytes(statement, 1) != sizeof(struct addr6))
				continue;
			prefix = g_new(struct store_prefix, 1);
			*prefix = (struct store_prefix){
				.place = sqlite3_column_int64(statement, 0),
				.pool6 = find(store, address, sqlite3_column_int64(statement, 2)),
			};
			g_hash_table_replace(table, &prefix->place, prefix);
		}
	if (result != SQLITE_DONE)
		r = store_fail(store, result, "can not be read");
	(void)sqlite3_finalize(statement);
	if (r < 0)
		g_hash_table_destroy(table);
	else
		*ret = (struct store_prefixes){.by_place = table};
	return r;
}

bool store_pool6_of_place(struct store_prefixes *prefixes, uint64_t place, uint8_t *ret)
{
	const gint64 key = (gint64)place;

	if (!prefixes->last || prefixes->last->place != key)
		prefixes->last = g_hash_table_lookup(prefixes->by_place, &key);
	if (prefixes->last) {
		prefixes->last->is_used = true;
		*ret = prefixes->last->pool6;
	} else if (place < NAT64_POOL6_MAX) {
		*ret = (uint8_t)place;
	}
	return prefixes->last || place < NAT64_POOL6_MAX;
}

static gboolean is_used(gpointer place, gpointer prefix, gpointer data)
{
	return ((const struct store_prefix *)prefix)->is_used;
}

void store_keep_unused_pool6(struct store *store, struct store_prefixes *prefixes)
{
	(void)g_hash_table_foreach_remove(prefixes->by_place, is_used, NULL);
	if (store->unused_pool6)
		g_hash_table_destroy(store->unused_pool6);
	store->unused_pool6 = g_steal_pointer(&prefixes->by_place);
}
