/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the store share. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

#include "schema/store.h"

#define STORE_FILE "state.db"

/* Nothing waits for the disk but a checkpoint. That always does: copied without, the log could
 * begin anew over rows that were said to be safe, and a power cut could leave neither. */
#define STORE_SYNC_NORMAL "PRAGMA synchronous = NORMAL"

/* Seconds that a clock may say: none is so far away that reckoning with them overflows. */
#define STORE_TIME_MAX_S ((int64_t)1 << 40)

enum store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_ROLLBACK,
	STORE_META,
	STORE_PUT_BINDING,
	STORE_REMOVE_BINDING,
	STORE_PUT_SESSION,
	STORE_REMOVE_SESSION,
	STORE_FIND_POOL6,
	STORE_PUT_POOL6,
	STORE_LAST_RUN,
	STORE_PUT_RUN,
	STORE_PUT_CLOSED,
	STORE_FIND_OLD,
	STORE_REMOVE_CLOSED,
	STORE_REMOVE_RUN,
	STORE_REMOVE_OLD,
	STORE_CUT_RUN,
	STORE_FIND_BLOCK,
	STORE_REMOVE_BLOCK,
	STORE_PUT_BLOCK,
	STORE_FORGET_BLOCKS,
	N_STORE_STATEMENTS,
};

/* The clocks at the last flush, as found. */
struct store_found {
	char boot_id[64];
	int64_t file_s;
	int64_t wall_s;
	int64_t base_s;
};

/* The run that closed bindings go to. */
struct store_run {
	int64_t number;
	int64_t n;
	int64_t created; /* wall clock's seconds, of those in it */
	int64_t first_ended;
	int64_t ended;
	bool is_known;
	bool is_changed;
};

struct store {
	struct store_config config;
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[N_STORE_STATEMENTS];
	struct prefix6 pool6[NAT64_POOL6_MAX];
	int64_t pool6_place[NAT64_POOL6_MAX]; /* theirs in the database; 0: to be asked */
	GHashTable
		*unused_pool6; /* struct store_prefix by place: that no row has; NULL: not known */
	struct store_found found;
	int64_t base_s; /* the clock of the file is that of this boot, and so much */
	struct store_run run;
	GArray *bad[N_PERSIST_KINDS]; /* places of rows that can not be read; NULL: none */
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

/* SQLite quotes what it has found in the file. */
void store_make_printable(char *text);
/* What a hostile file could make SQLite do is off. */
void store_harden(struct store *store);
/* As one that never changes: an SQLite result. */
int store_open_read_only(struct store *store);
/* While somebody else writes. With a negative errno there is a store, too, which has the sentence.
 */
int store_open_reader(const struct store_config *config, struct store **ret);
int store_prepare(struct store *store);
void store_shut(struct store *store);

/* store_migrate.c: the version, 0 of an empty file; errors as below. */
int store_read_version(struct store *store, int64_t *ret);
/* -EUCLEAN if it is not ours, -ERANGE if it is newer. */
int store_migrate(struct store *store);
/* The same of a file that can not be written: an older one goes on as a copy in memory, which takes
 * nothing new. */
int store_migrate_to_read(struct store *store);
/* The steps, as SQL. Text that they leave of a table is compared (store_schema.c): of ALTER only
 * ADD COLUMN leaves the same in every version of SQLite. */
extern const char *const store_steps[STORE_VERSION];
/* store_schema.c: -EUCLEAN if the file has not exactly the tables of that version. */
int store_check_schema(struct store *store, int64_t version);
/* store_pool6.c: the place in the database of one in the core, made in this transaction if need be.
 */
int store_place_of_pool6(struct store *store, uint8_t pool6, int64_t *ret);
/* A transaction was rolled back, or unused places have gone. */
void store_forget_places(struct store *store);
/* All places, for the next; and the core's place for one, or PERSIST_POOL6_GONE. False: the
 * database has none of that number. */
struct store_prefix {
	gint64 place;
	uint8_t pool6;
	bool is_used;
};
struct store_prefixes {
	GHashTable *by_place;
	struct store_prefix *last; /* that was asked for: most rows have the same */
};
int store_read_pool6(struct store *store, struct store_prefixes *ret);
bool store_pool6_of_place(struct store_prefixes *prefixes, uint64_t place, uint8_t *ret);
/* All rows have asked for theirs: the others go with store_cut(). */
void store_keep_unused_pool6(struct store *store, struct store_prefixes *prefixes);
/* store_closed.c: the run with what it has now, in this transaction; a transaction was rolled back.
 */
int store_put_run(struct store *store);
void store_forget_run(struct store *store);
/* store_closed_block.c: a binding of a block, in seconds of the wall clock, in this transaction. */
int store_put_closed_block(struct store *store, const struct closed_binding *closed,
			   int64_t created, int64_t ended);
/* Some of those that have ended before, or after; *ret_more: there are more. */
int store_forget_closed_blocks(struct store *store, int64_t before, int64_t after, bool *ret_more);
/* An address and port as one number. */
static inline int64_t store_key_of(const struct taddr4 *taddr)
{
	return (int64_t)taddr->addr << 16 | taddr->port;
}
/* store_check.c: as store_check(), of one file that is there. */
unsigned store_check_file(const char *path, void (*each)(void *context, const char *problem),
			  void *context);
/* store_aside.c: the file and its log get another name, "corrupt" or "newer" in it. 0 or errno. */
int store_set_aside(struct store *store, const char *what, const char *why);
/* Puts the copy of the highest version that we know in its place; false if there is none. */
bool store_take_copy(struct store *store);
