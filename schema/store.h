/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state database: DIRECTORY/state.db, SQLite in WAL mode. With store_*.c the only code that
 * speaks SQL, and the only one that turns monotonic times into such that outlive a boot.
 *
 * What can not be used never stands in the way: a file that is damaged or not ours is set aside as
 * state.db.corrupt-TIME, one of a newer version as state.db.newer-TIME, and there is an empty one,
 * or the copy that was made before the migration from an older version (state.db.vN). The last
 * three of each kind are kept.
 *
 * One thread at a time. Functions return 0 or a negative errno; then store_error() is a sentence
 * with SQLite's own words: -EBUSY locked, -ENOSPC full, -EROFS not writable, -EUCLEAN damaged (now
 * or at the next store_open() it is set aside), -EIO all else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/persist.h"
#include "schema/kept_row.h"

#define STORE_APPLICATION_ID 0x4e363464 /* "N64d" */
#define STORE_VERSION        7          /* as many as there are numbered steps */
#define STORE_TEXT_SIZE      512

struct store;

/* When it is, in both clocks, and in which boot. */
struct store_clock {
	uint64_t boot_ms;
	uint64_t wall_ms;
	char boot_id[64];
};
void store_clock_read(struct store_clock *ret);

struct store_config {
	const char *directory;
	/* false: State.SyncInterval=0, when the log is made safe is left to the kernel */
	bool sync;
	/* Of what the operator should know: what was set aside, migrated, not used. */
	void (*report)(void *context, const char *text);
	void *context;
	/* Besides: a file was set aside. */
	void (*set_aside)(void *context);
	/* How long to wait for somebody else's lock. */
	int busy_ms;
	bool or_read; /* what can not be written is opened to be read, without its log */
};

/* text: why not, or why it is only to be read: the same text as it was if neither. */
int store_open(const struct store_config *config, struct store **ret, char text[STORE_TEXT_SIZE]);
void store_close(struct store *store);
/* It has turned out to be damaged: it gets another name, and can only be closed now. */
int store_set_aside_open(struct store *store);
const char *store_error(const struct store *store);

/* Reads the database of a directory to its end, changes nothing, and says what is wrong with it, in
 * a sentence for each problem: how many. None if there is no database, whoever writes to it; and
 * if we may not read it, which is said. */
unsigned store_check(const char *directory, void (*each)(void *context, const char *problem),
		     void *context);

/* As it was found: had the last daemon written all that it had (true in an empty one)? */
bool store_was_clean(const struct store *store);
/* Who has written last. */
uint64_t store_owner(const struct store *store);
/* Is it still the file of that name? */
bool store_has_moved(const struct store *store);

/* Which prefixes pool6 of the rows stands for from now on, when they are put or loaded. */
void store_set_pool6(struct store *store, const struct prefix6 pool6[NAT64_POOL6_MAX]);

/* Above all indices of a kind that it has, which is about how many there are. */
int store_read_reach(struct store *store, uint64_t ret[N_PERSIST_KINDS]);
/* All bindings and then all sessions, with times of this boot. */
int store_load(struct store *store, const struct store_clock *now,
	       void (*each)(void *context, const struct persist_row *row), void *context,
	       uint64_t *ret_n_bad);
/* Removes all rows of bindings and sessions, in one transaction. */
int store_clear(struct store *store);
/* Removes those that no index below these limits can have, those that store_load() has found to be
 * none, and, after one to the end, prefixes that no row had. */
int store_cut(struct store *store, uint32_t n_bindings, uint32_t n_sessions);

/* A transaction: begin, put for each row, commit with what the clocks say; or roll back. */
int store_begin(struct store *store);
int store_put(struct store *store, const struct persist_row *row);
int store_commit(struct store *store, const struct store_clock *now, uint64_t owner, bool clean);
void store_roll_back(struct store *store);

/* In a transaction: a binding that has ended, in the words of the core's clock. */
int store_put_closed(struct store *store, const struct closed_binding *closed,
		     const struct store_clock *now);
/* In a transaction: forgets some of those that ended before one second of the wall clock, or after
 * the other one. *ret_more: there are more. */
int store_forget_closed(struct store *store, int64_t before_s, int64_t after_s, bool *ret_more);
/* When the first and the last one of them ended; 0 and 0 without any. */
int store_closed_range(struct store *store, int64_t *ret_oldest_s, int64_t *ret_newest_s);

/* Puts rows of what was changed by command, in a transaction of its own, which is power-safe when
 * this returns; anew: in place of all there are. -E2BIG: a text is too long. */
int store_put_kept(struct store *store, const GPtrArray *rows, bool anew);
/* All of them, behind those that are in ret. */
int store_load_kept(struct store *store, GPtrArray *ret, uint64_t *ret_n_bad);

/* Power-safe up to here, and the write-ahead log is empty unless a reader needs it: how large it is
 * then. */
int store_sync(struct store *store, uint64_t *ret_wal_size);
