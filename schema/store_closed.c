/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings that have ended (L-13), in runs of CLOSED_RUN_ROWS: the one that is being filled is all
 * that a flush touches, whichever addresses and ports end, and the oldest goes as a whole.
 */
#include <glib.h>

#include "schema/store_internal.h"

#define CLOSED_RUN_ROWS 65536
/* Of one call, so that nothing else waits long. */
#define FORGOTTEN_RUNS 4

/* The wall clock's second of a time of the core, rounded down, or up. */
static int64_t wall_s(const struct store_clock *now, int64_t core_ms, bool up)
{
	int64_t ms = core_ms + (int64_t)now->wall_ms - (int64_t)now->boot_ms;
	int64_t seconds = ms / 1000;

	if (ms % 1000 < 0)
		seconds--;
	return seconds + (up && ms % 1000 != 0);
}

/* The last run, to go on with; or none. */
static int find_run(struct store *store)
{
	sqlite3_stmt *statement = store->statement[STORE_LAST_RUN];
	int result = sqlite3_step(statement);
	int r = 0;

	store->run = (struct store_run){.number = 1};
	if (result == SQLITE_ROW)
		store->run = (struct store_run){
			.number = sqlite3_column_int64(statement, 0),
			.n = sqlite3_column_int64(statement, 1),
			.created = sqlite3_column_int64(statement, 2),
			.first_ended = sqlite3_column_int64(statement, 3),
			.ended = sqlite3_column_int64(statement, 4),
		};
	else if (result != SQLITE_DONE)
		r = store_fail(store, result, "can not be read");
	(void)sqlite3_reset(statement);
	store->run.is_known = r == 0;
	/* A number that nobody has counted up to. */
	if (r == 0 &&
	    (store->run.number < 1 || store->run.number > INT64_MAX / 2 || store->run.n < 0))
		r = store_fail(store, SQLITE_CORRUPT,
			       "has runs of closed bindings that can not be gone on with");
	return r;
}

void store_forget_run(struct store *store)
{
	store->run = (struct store_run){0};
}

int store_put_run(struct store *store)
{
	sqlite3_stmt *statement = store->statement[STORE_PUT_RUN];
	const struct store_run *run = &store->run;
	int result;

	if (!run->is_changed)
		return 0;
	(void)sqlite3_bind_int64(statement, 1, run->number);
	(void)sqlite3_bind_int64(statement, 2, run->n);
	(void)sqlite3_bind_int64(statement, 3, run->created);
	(void)sqlite3_bind_int64(statement, 4, run->first_ended);
	(void)sqlite3_bind_int64(statement, 5, run->ended);
	result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	store->run.is_changed = false;
	return result == SQLITE_DONE ? 0 : store_fail(store, result, "can not be written");
}

/* One with room for another row. */
static int have_run(struct store *store)
{
	int r = store->run.is_known ? 0 : find_run(store);

	if (r == 0 && store->run.n >= CLOSED_RUN_ROWS) {
		r = store_put_run(store);
		store->run = (struct store_run){.number = store->run.number + 1, .is_known = true};
	}
	return r;
}

static void count(struct store_run *run, int64_t created, int64_t ended)
{
	bool is_first = run->n++ == 0;

	run->created = is_first ? created : MIN(run->created, created);
	run->first_ended = is_first ? ended : MIN(run->first_ended, ended);
	run->ended = is_first ? ended : MAX(run->ended, ended);
	run->is_changed = true;
}

int store_put_closed(struct store *store, const struct closed_binding *closed,
		     const struct store_clock *now)
{
	sqlite3_stmt *statement = store->statement[STORE_PUT_CLOSED];
	int64_t ended = wall_s(now, (int64_t)closed->ended_ms, true);
	int64_t created = MIN(wall_s(now, (int64_t)closed->created_s * 1000, false), ended);
	int result, r;

	if (closed->protocol == N_PROTOCOLS)
		return store_put_closed_block(store, closed, created, ended);
	r = have_run(store);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, store->run.number);
	(void)sqlite3_bind_int64(statement, 2, store_key_of(&closed->mapped));
	(void)sqlite3_bind_int64(statement, 3, ended);
	(void)sqlite3_bind_int64(statement, 4, ended - created);
	(void)sqlite3_bind_int64(statement, 5, (int64_t)closed->port6 << 2 | closed->protocol);
	(void)sqlite3_bind_blob(statement, 6, closed->addr6.byte, sizeof(closed->addr6.byte),
				SQLITE_STATIC);
	result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	if (result != SQLITE_DONE)
		return store_fail(store, result, "can not be written");
	count(&store->run, created, ended);
	return 0;
}

/* ---- forgetting ---------------------------------------------------------------------------------
 */

struct forgetting {
	int64_t before; /* what ended before this second goes */
	int64_t after;  /* and what claims to have ended behind this one */
};

/* A run in which something has to go; *ret_run 0: there is none. */
static int find_old(struct store *store, const struct forgetting *what, int64_t *ret_run,
		    bool *ret_whole)
{
	sqlite3_stmt *statement = store->statement[STORE_FIND_OLD];
	int result;

	(void)sqlite3_bind_int64(statement, 1, what->before);
	(void)sqlite3_bind_int64(statement, 2, what->after);
	result = sqlite3_step(statement);
	*ret_run = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	*ret_whole = result == SQLITE_ROW && sqlite3_column_int64(statement, 1) != 0;
	(void)sqlite3_reset(statement);
	return result == SQLITE_ROW || result == SQLITE_DONE
		       ? 0
		       : store_fail(store, result, "can not be read");
}

static int run_of(struct store *store, enum store_statement which, int64_t run,
		  const struct forgetting *what)
{
	sqlite3_stmt *statement = store->statement[which];
	int result;

	(void)sqlite3_bind_int64(statement, 1, run);
	if (what) {
		(void)sqlite3_bind_int64(statement, 2, what->before);
		(void)sqlite3_bind_int64(statement, 3, what->after);
	}
	result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE ? 0 : store_fail(store, result, "can not be written");
}

static int forget_in_run(struct store *store, int64_t run, bool whole,
			 const struct forgetting *what)
{
	int r = whole ? run_of(store, STORE_REMOVE_CLOSED, run, NULL)
		      : run_of(store, STORE_REMOVE_OLD, run, what);

	return r < 0 ? r
		     : run_of(store, whole ? STORE_REMOVE_RUN : STORE_CUT_RUN, run,
			      whole ? NULL : what);
}

int store_closed_range(struct store *store, int64_t *ret_oldest_s, int64_t *ret_newest_s)
{
	int r = store_number(store,
			     "SELECT ifnull(min(ended), 0) FROM (SELECT min(first_ended) AS ended "
			     "FROM closed_run UNION ALL SELECT min(ended) FROM closed_block)",
			     ret_oldest_s);

	return r < 0 ? r
		     : store_number(
			       store,
			       "SELECT ifnull(max(ended), 0) FROM (SELECT max(ended) AS ended "
			       "FROM closed_run UNION ALL SELECT max(ended) FROM closed_block)",
			       ret_newest_s);
}

int store_forget_closed(struct store *store, int64_t before_s, int64_t after_s, bool *ret_more)
{
	const struct forgetting what = {before_s, after_s};
	bool whole, more_blocks = false;
	int64_t run = 1;
	int r = store_forget_closed_blocks(store, what.before, what.after, &more_blocks);

	for (unsigned i = 0; i < FORGOTTEN_RUNS && r == 0 && run > 0; i++) {
		r = find_old(store, &what, &run, &whole);
		if (r == 0 && run > 0)
			r = forget_in_run(store, run, whole, &what);
		if (run > 0)
			store_forget_run(store);
	}
	*ret_more = run > 0 || more_blocks;
	return r;
}
