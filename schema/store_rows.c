/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows in and out. A row's times are seconds of the file's own clock, which goes on over boots and
 * machines: it is CLOCK_BOOTTIME, and a base that each boot has of its own. meta has that clock,
 * the wall's and the base of the last flush, so a wall clock that steps within a boot moves
 * nothing, and over a boot it is the wall clock that says how long the daemon was away.
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "schema/store_internal.h"

static int64_t place_of(const struct persist_row *row)
{
	return (int64_t)row->index << 2 | row->protocol;
}

static int run_statement(struct store *store, enum store_statement which, const char *doing)
{
	sqlite3_stmt *statement = store->statement[which];
	int result = sqlite3_step(statement);
	int r = result == SQLITE_DONE ? 0 : store_fail(store, result, doing);

	(void)sqlite3_reset(statement);
	return r;
}

/* What was in the file stays true: whatever boot it was, the wall clock goes on. */
static void set_base(struct store *store, const struct store_clock *now)
{
	const struct store_found *found = &store->found;

	if (found->boot_id[0] == '\0' || strcmp(found->boot_id, now->boot_id) == 0)
		store->base_s = found->base_s;
	else
		store->base_s = found->file_s + (int64_t)(now->wall_ms / 1000) - found->wall_s -
				(int64_t)(now->boot_ms / 1000);
}

static int64_t core_s(const struct store *store, int64_t file_s)
{
	return file_s - store->base_s;
}

int store_begin(struct store *store)
{
	return run_statement(store, STORE_BEGIN, "can not be written");
}

void store_roll_back(struct store *store)
{
	store_forget_places(store);
	store_forget_run(store);
	/* A failure may have done it already. */
	if (sqlite3_get_autocommit(store->db) == 0)
		(void)run_statement(store, STORE_ROLLBACK, "can not be written");
}

int store_commit(struct store *store, const struct store_clock *now, uint64_t owner, bool clean)
{
	sqlite3_stmt *meta = store->statement[STORE_META];
	int r;

	(void)sqlite3_bind_text(meta, 1, now->boot_id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(meta, 2, (int64_t)now->boot_ms + store->base_s * 1000);
	(void)sqlite3_bind_int64(meta, 3, (int64_t)now->wall_ms);
	(void)sqlite3_bind_int64(meta, 4, (int64_t)owner);
	(void)sqlite3_bind_int64(meta, 5, clean);
	(void)sqlite3_bind_int64(meta, 6, store->base_s);
	r = run_statement(store, STORE_META, "can not be written");
	if (r == 0)
		r = store_put_run(store);
	if (r == 0)
		r = run_statement(store, STORE_COMMIT, "can not be written");
	if (r < 0)
		return r;
	store->owner = owner;
	return 0;
}

static void bind_binding(const struct store *store, sqlite3_stmt *statement,
			 const struct persist_binding *binding, int64_t pool6)
{
	(void)sqlite3_bind_blob(statement, 2, binding->addr6.byte, sizeof(binding->addr6.byte),
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 3, binding->port6);
	(void)sqlite3_bind_int64(statement, 4, binding->mapped.addr);
	(void)sqlite3_bind_int64(statement, 5, binding->mapped.port);
	(void)sqlite3_bind_int64(statement, 6, binding->number);
	(void)sqlite3_bind_int64(statement, 7, pool6);
	(void)sqlite3_bind_int64(statement, 8, binding->is_static);
	(void)sqlite3_bind_int64(statement, 9, binding->created_s + store->base_s);
}

static void bind_session(const struct store *store, sqlite3_stmt *statement,
			 const struct persist_session *session, int64_t pool6)
{
	(void)sqlite3_bind_int64(statement, 2, session->binding);
	(void)sqlite3_bind_int64(statement, 3, session->number);
	(void)sqlite3_bind_int64(statement, 4, session->peer.addr);
	(void)sqlite3_bind_int64(statement, 5, session->peer.port);
	(void)sqlite3_bind_int64(statement, 6, session->state);
	(void)sqlite3_bind_int64(statement, 7, pool6);
	(void)sqlite3_bind_int64(statement, 8, session->until_s + store->base_s);
	(void)sqlite3_bind_int64(statement, 9, session->segments);
}

int store_put(struct store *store, const struct persist_row *row)
{
	enum store_statement which;
	int64_t pool6 = 0;
	int r = 0;

	if (row->kind == PERSIST_BINDING)
		which = row->exists ? STORE_PUT_BINDING : STORE_REMOVE_BINDING;
	else
		which = row->exists ? STORE_PUT_SESSION : STORE_REMOVE_SESSION;
	if (row->exists)
		r = store_place_of_pool6(store,
					 row->kind == PERSIST_BINDING ? row->binding.pool6
								      : row->session.pool6,
					 &pool6);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(store->statement[which], 1, place_of(row));
	if (row->exists && row->kind == PERSIST_BINDING)
		bind_binding(store, store->statement[which], &row->binding, pool6);
	else if (row->exists)
		bind_session(store, store->statement[which], &row->session, pool6);
	return run_statement(store, which, "can not be written");
}

int store_clear(struct store *store)
{
	int r = store_run(store,
			  "BEGIN IMMEDIATE; DELETE FROM binding; DELETE FROM session; "
			  "DELETE FROM pool6; COMMIT",
			  "can not be emptied");

	store_forget_places(store);
	if (r < 0)
		store_roll_back(store);
	return r;
}

/* In a transaction: those that were found to be none. */
static int remove_bad(struct store *store)
{
	static const enum store_statement remove[] = {
		[PERSIST_BINDING] = STORE_REMOVE_BINDING,
		[PERSIST_SESSION] = STORE_REMOVE_SESSION,
	};
	int r = 0;

	for (unsigned kind = 0; kind < N_PERSIST_KINDS; kind++)
		for (guint i = 0; store->bad[kind] && i < store->bad[kind]->len && r == 0; i++) {
			(void)sqlite3_bind_int64(store->statement[remove[kind]], 1,
						 g_array_index(store->bad[kind], int64_t, i));
			r = run_statement(store, remove[kind], "can not be written");
		}
	return r;
}

/* In a transaction. Looking at all rows takes long, and is for the time when some of them went. */
static int cut_pool6(struct store *store, bool rows_went)
{
	GHashTableIter iter;
	void *prefix;
	char sql[80];
	int r = 0;

	if (rows_went)
		return store_run(store,
				 "DELETE FROM pool6 WHERE place NOT IN "
				 "(SELECT pool6 FROM binding UNION SELECT pool6 FROM session)",
				 "can not be written");
	if (!store->unused_pool6)
		return 0;
	g_hash_table_iter_init(&iter, store->unused_pool6);
	while (r == 0 && g_hash_table_iter_next(&iter, NULL, &prefix)) {
		(void)snprintf(sql, sizeof(sql), "DELETE FROM pool6 WHERE place = %lld",
			       (long long)((const struct store_prefix *)prefix)->place);
		r = store_run(store, sql, "can not be written");
	}
	return r;
}

int store_cut(struct store *store, uint32_t n_bindings, uint32_t n_sessions)
{
	int n_before = sqlite3_total_changes(store->db);
	char sql[200];
	int r = store_begin(store);

	if (r == 0)
		r = remove_bad(store);
	(void)snprintf(sql, sizeof(sql),
		       "DELETE FROM binding WHERE place >= %lld OR place < 0; "
		       "DELETE FROM session WHERE place >= %lld OR place < 0",
		       (long long)n_bindings << 2, (long long)n_sessions << 2);
	if (r == 0)
		r = store_run(store, sql, "can not be written");
	if (r == 0)
		r = cut_pool6(store, sqlite3_total_changes(store->db) != n_before);
	if (r == 0)
		r = store_run(store, "COMMIT", "can not be written");
	store_forget_places(store);
	if (r == 0)
		g_clear_pointer(&store->unused_pool6, g_hash_table_destroy);
	if (r < 0)
		store_roll_back(store);
	return r;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

/* A number from 0 to max; false if the column has anything else. */
static bool number(sqlite3_stmt *statement, int column, uint64_t max, uint64_t *ret)
{
	sqlite3_int64 value = sqlite3_column_int64(statement, column);

	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER || value < 0 ||
	    (uint64_t)value > max)
		return false;
	*ret = (uint64_t)value;
	return true;
}

static bool read_place(sqlite3_stmt *statement, struct persist_row *ret)
{
	uint64_t place;

	if (!number(statement, 0, (uint64_t)UINT32_MAX << 2 | 3, &place) ||
	    (place & 3) >= N_PROTOCOLS)
		return false;
	ret->protocol = place & 3;
	ret->index = (uint32_t)(place >> 2);
	ret->exists = true;
	return true;
}

/* A second as it stands in the file: none is so far away that reckoning with it overflows. */
static bool time_of(sqlite3_stmt *statement, int column, int64_t *ret)
{
	*ret = sqlite3_column_int64(statement, column);
	return sqlite3_column_type(statement, column) == SQLITE_INTEGER &&
	       *ret >= -STORE_TIME_MAX_S && *ret <= STORE_TIME_MAX_S;
}

static bool read_binding(const struct store *store, const struct store_clock *now,
			 struct store_prefixes *prefixes, sqlite3_stmt *statement,
			 struct persist_row *ret)
{
	const void *addr6 = sqlite3_column_blob(statement, 1);
	uint64_t value[8];
	int64_t created_s;
	uint8_t pool6;
	const uint64_t max[] = {0,          0,          UINT16_MAX, UINT32_MAX,
				UINT16_MAX, UINT16_MAX, UINT32_MAX, 1};

	if (!addr6 || sqlite3_column_bytes(statement, 1) != sizeof(struct addr6))
		return false;
	for (int i = 2; i < 8; i++)
		if (!number(statement, i, max[i], &value[i]))
			return false;
	if (!time_of(statement, 8, &created_s))
		return false;
	if (!store_pool6_of_place(prefixes, value[6], &pool6))
		return false;
	ret->kind = PERSIST_BINDING;
	ret->binding = (struct persist_binding){
		.port6 = (uint16_t)value[2],
		.mapped = {(uint32_t)value[3], (uint16_t)value[4]},
		.number = (uint16_t)value[5],
		.pool6 = pool6,
		.is_static = value[7],
		.created_s = (int32_t)CLAMP(core_s(store, created_s), INT32_MIN,
					    (int64_t)(now->boot_ms / 1000)),
	};
	memcpy(ret->binding.addr6.byte, addr6, sizeof(struct addr6));
	return true;
}

static bool read_session(const struct store *store, const struct store_clock *now,
			 struct store_prefixes *prefixes, sqlite3_stmt *statement,
			 struct persist_row *ret)
{
	uint64_t value[7], segments;
	int64_t until_s;
	uint8_t pool6;
	const uint64_t max[] = {0,          UINT32_MAX, UINT16_MAX, UINT32_MAX,
				UINT16_MAX, UINT8_MAX,  UINT32_MAX};

	for (int i = 1; i < 7; i++)
		if (!number(statement, i, max[i], &value[i]))
			return false;
	/* Whatever boot has written it had not been up so long. */
	if (!time_of(statement, 7, &until_s) || until_s - store->found.base_s > UINT32_MAX)
		return false;
	if (!number(statement, 8, SESSION_SEGMENTS_MAX, &segments))
		return false;
	if (!store_pool6_of_place(prefixes, value[6], &pool6))
		return false;
	ret->kind = PERSIST_SESSION;
	ret->session = (struct persist_session){
		.binding = (uint32_t)value[1],
		.number = (uint16_t)value[2],
		.peer = {(uint32_t)value[3], (uint16_t)value[4]},
		.state = (uint8_t)value[5],
		.pool6 = pool6,
		.until_s = (uint32_t)CLAMP(core_s(store, until_s), 0, UINT32_MAX),
		.segments = (uint32_t)segments,
	};
	return true;
}

/* It is remembered where it is. */
static void note_bad(struct store *store, enum persist_kind kind, int64_t place)
{
	if (!store->bad[kind])
		store->bad[kind] = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_array_append_val(store->bad[kind], place);
}

int store_read_reach(struct store *store, uint64_t ret[N_PERSIST_KINDS])
{
	static const char *const sql[N_PERSIST_KINDS] = {
		[PERSIST_SESSION] = "SELECT ifnull(max(place), -1) FROM session",
		[PERSIST_BINDING] = "SELECT ifnull(max(place), -1) FROM binding",
	};
	int r = 0;

	for (unsigned i = 0; i < N_PERSIST_KINDS && r == 0; i++) {
		int64_t last;

		r = store_number(store, sql[i], &last);
		if (r == 0)
			ret[i] = last < 0 ? 0 : ((uint64_t)last >> 2) + 1;
	}
	return r;
}

int store_load(struct store *store, const struct store_clock *now,
	       void (*each)(void *context, const struct persist_row *row), void *context,
	       uint64_t *ret_n_bad)
{
	static const char *const sql[] = {
		"SELECT place, address6, port6, address4, port4, number, pool6, static, created "
		"FROM binding ORDER BY place",
		"SELECT place, binding, number, address4, port4, state, pool6, until, segments "
		"FROM session ORDER BY place",
	};
	struct store_prefixes prefixes = {.by_place = NULL};
	int r = store_read_pool6(store, &prefixes);

	set_base(store, now);
	*ret_n_bad = 0;
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		sqlite3_stmt *statement = NULL;
		struct persist_row row = {0};
		int result = sqlite3_prepare_v2(store->db, sql[i], -1, &statement, NULL);

		if (result == SQLITE_OK)
			while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
				bool good = read_place(statement, &row) &&
					    (i == 0 ? read_binding(store, now, &prefixes, statement,
								   &row)
						    : read_session(store, now, &prefixes, statement,
								   &row));
				if (good) {
					each(context, &row);
					continue;
				}
				note_bad(store, i == 0 ? PERSIST_BINDING : PERSIST_SESSION,
					 sqlite3_column_int64(statement, 0));
				(*ret_n_bad)++;
			}
		if (result != SQLITE_DONE)
			r = store_fail(store, result, "can not be read");
		(void)sqlite3_finalize(statement);
	}
	if (r == 0)
		store_keep_unused_pool6(store, &prefixes);
	if (prefixes.by_place)
		g_hash_table_destroy(prefixes.by_place);
	return r;
}
