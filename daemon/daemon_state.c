/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_state.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/persist.h"
#include "daemon/log.h"
#include "daemon/restore.h"
#include "daemon/row_pipe.h"
#include "daemon/tables.h"
#include "schema/store_writer.h"

/* Somebody else's lock at the start: longer than a flush of another one takes. */
#define START_BUSY_MS 2000
/* Later it is tried again instead. */
#define BUSY_MS 50

/* What became of rows that were put. */
struct stored {
	uint64_t ticket;
	char *error; /* NULL: they are on the disk */
};

struct daemon_state {
	struct gateway *gateway;
	struct config_state config;
	char *directory;
	char *run_directory; /* NULL: none that is in memory */
	struct store *store; /* NULL: could not be opened, or is the writer's */
	char problem[STORE_TEXT_SIZE];
	struct given_file *given;
	bool owns_given;  /* no other daemon writes there */
	bool taken_given; /* it has what the directory's file had */
	uint64_t owner;
	struct store_writer *writer;
	struct restore restore;
	GPtrArray *kept;     /* NULL: could not be read */
	bool kept_in_part;   /* there may be more in the file */
	GPtrArray *later;    /* rows that nobody waits for, while there is no writer */
	GAsyncQueue *stored; /* of struct stored: from the writer's thread to ours */
	int stored_fd;       /* can be read when there are some */
	bool was_clean;
	uint64_t n_given; /* of the ring, those that are held already */
};

static void report_news(void *context, const char *text)
{
	log_line(LOG_WARNING, "%s", text);
}

static void report_writer(void *context, int level, const char *text)
{
	log_line(level, "%s", text);
}

static void count_aside(void *context)
{
	struct gateway *gateway = context;

	gateway_lock(gateway);
	gateway->store.n_set_aside++;
	gateway_unlock(gateway);
}

static struct store_config store_config(const struct daemon_state *state, int busy_ms)
{
	return (struct store_config){
		.directory = state->directory,
		.sync = state->config.sync_ms > 0,
		.report = report_news,
		.set_aside = count_aside,
		.context = state->gateway,
		.busy_ms = busy_ms,
	};
}

/* One directory may have several names. */
static bool is_same(const char *one, const char *other)
{
	struct stat status[2];

	return strcmp(one, other) == 0 ||
	       (stat(one, &status[0]) == 0 && stat(other, &status[1]) == 0 &&
		status[0].st_dev == status[1].st_dev && status[0].st_ino == status[1].st_ino);
}

static void open_given(struct daemon_state *state)
{
	int r;

	if (state->run_directory && given_file_open(state->run_directory, &state->given) == 0)
		return;
	g_clear_pointer(&state->run_directory, g_free);
	r = given_file_open(state->directory, &state->given);
	if (r < 0)
		log_line(LOG_WARNING,
			 "%s/ports can not be used (%s): after a crash, ports that were in use "
			 "right before may be given to others at once",
			 state->directory, g_strerror(-r));
}

/* Nobody comes after us but by the state: it is to outlive the machine. */
static void leave_given(struct daemon_state *state)
{
	if (!state->given || !state->run_directory || !state->owns_given)
		return;
	if (given_file_leave(state->given, state->directory) == 0)
		given_file_remove(state->run_directory);
}

static void stored_free(void *data)
{
	struct stored *stored = data;

	g_free(stored->error);
	g_free(stored);
}

/* It can not be read to its end. The writer begins anew, as there may be rows that the core does
 * not know of. */
static void give_up(struct daemon_state *state, int error)
{
	log_line(LOG_ERR, "%s; what could be read until then is used", store_error(state->store));
	(void)g_strlcpy(state->problem, store_error(state->store), sizeof(state->problem));
	if (error == -EUCLEAN || error == -EIO)
		(void)store_set_aside_open(state->store);
	store_close(state->store);
	state->store = NULL;
}

static void load_kept(struct daemon_state *state)
{
	uint64_t n_bad = 0;
	int r;

	if (state->kept)
		g_ptr_array_unref(state->kept);
	state->kept = kept_rows_new();
	r = store_load_kept(state->store, state->kept, &n_bad);
	state->kept_in_part = r < 0;
	if (n_bad > 0)
		log_line(LOG_WARNING,
			 "not used: %" PRIu64 " changes by command that are no texts, which nat64d "
			 "never writes",
			 n_bad);
	if (r < 0)
		give_up(state, r);
}

struct daemon_state *daemon_state_open(struct gateway *gateway, const char *directory,
				       const char *run_directory, const struct config_state *config)
{
	struct daemon_state *state;
	struct store_config store;

	if (!config->keep)
		return NULL;
	state = g_new0(struct daemon_state, 1);
	state->gateway = gateway;
	state->restore.gateway = gateway;
	state->config = *config;
	state->directory = g_strdup(directory);
	if (run_directory && !is_same(run_directory, directory) &&
	    given_file_is_place(run_directory))
		state->run_directory = g_strdup(run_directory);
	while (state->owner == 0)
		if (getrandom(&state->owner, sizeof(state->owner), 0) < 0)
			break;
	state->owner = state->owner >> 1 | 1; /* SQLite's integers have a sign */
	state->later = kept_rows_new();
	state->stored = g_async_queue_new_full(stored_free);
	state->stored_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store = store_config(state, START_BUSY_MS);
	store.or_read = true;
	if (store_open(&store, &state->store, state->problem) < 0)
		state->store = NULL;
	if (state->store)
		load_kept(state);
	open_given(state);
	return state;
}

const GPtrArray *daemon_state_kept(const struct daemon_state *state)
{
	return state ? state->kept : NULL;
}

/* ---- back into the core -------------------------------------------------------------------------
 */

static void hold_given(void *context, enum protocol protocol, const struct taddr4 *mapped)
{
	struct daemon_state *state = context;

	/* After a clean end there are none but those that bindings had left before it. */
	restore_hold(&state->restore, protocol, mapped,
		     state->was_clean ? POOL4_HOLD_LEFT : POOL4_HOLD_LOST);
}

/* What one that ended well has left, or a version that had the file there has, even as it runs.
 * True if only now it has that file. */
static bool take_given(struct daemon_state *state)
{
	struct given_file *older = NULL;
	bool had = state->taken_given;
	int r;

	if (!state->given || !state->run_directory)
		return false;
	r = given_file_take(state->given, state->directory, &older);
	if (r == -ESTALE)
		(void)given_file_each(older, PERSIST_KEEP_MS, hold_given, state);
	given_file_close(older);
	state->taken_given = r == 0;
	return state->taken_given && !had;
}

/* The file says from now on that somebody is at it. */
static int mark(struct daemon_state *state, const struct store_clock *now)
{
	const struct nat64 *nat = state->gateway->nat;
	int r = store_cut(state->store, slab_index_end(&nat->bib[0].entries),
			  slab_index_end(&nat->sessions[0].sessions));

	if (r == 0)
		r = store_begin(state->store);
	if (r == 0)
		r = store_commit(state->store, now, state->owner, false);
	if (r < 0)
		store_roll_back(state->store);
	return r;
}

struct reading {
	struct store *store;
	struct store_clock now;
	uint64_t n_bad;
};

static int read_rows(void *context, row_pipe_fn put, void *put_context)
{
	struct reading *reading = context;

	return store_load(reading->store, &reading->now, put, put_context, &reading->n_bad);
}

static void load(struct daemon_state *state)
{
	struct nat64 *nat = state->gateway->nat;
	struct reading reading = {.store = state->store};
	uint64_t reach[N_PERSIST_KINDS] = {0};
	struct store_clock now;
	int r;

	store_clock_read(&now);
	reading.now = now;
	state->restore.now_ms = now.boot_ms;
	store_set_pool6(state->store, nat->config.pool6);
	/* What is wrong shows when it is read. */
	(void)store_read_reach(state->store, reach);
	for (unsigned i = 0; i < N_PERSIST_KINDS; i++)
		persist_expect(nat, i, reach[i]);
	r = row_pipe_run(read_rows, &reading, restore_row, &state->restore);
	restore_rows_end(&state->restore);
	state->restore.n_bad = reading.n_bad;
	if (r < 0)
		give_up(state, r);
	if (state->store)
		(void)mark(state, &now); /* the writer will say what is wrong */
}

/* From the predecessor's memory. If the database is not the one he has left, the writer begins it
 * anew. */
static bool load_tables(struct daemon_state *state, enum daemon_state_source source, int fd)
{
	struct store_clock now;
	uint64_t owner = 0;

	if (source == DAEMON_STATE_ALONE || fd < 0)
		return false;
	store_clock_read(&now);
	state->restore.now_ms = now.boot_ms;
	(void)tables_owner(fd, &owner);
	if (source == DAEMON_STATE_KEPT && state->store && owner != 0 &&
	    store_owner(state->store) != owner) {
		log_line(LOG_NOTICE, "another daemon has written the database after the one that "
				     "left its tables: the database is used");
		return false;
	}
	if (restore_tables(&state->restore,
			   source == DAEMON_STATE_STORED ? PERSIST_STORED : PERSIST_ALL, fd) < 0)
		return false;
	if (state->store && owner != 0 && store_owner(state->store) == owner) {
		store_set_pool6(state->store, state->gateway->nat->config.pool6);
		(void)mark(state, &now);
	}
	return true;
}

/* All rows are there. */
static void settle(struct daemon_state *state)
{
	struct nat64 *nat = state->gateway->nat;

	state->restore.now_ms = gateway_now_ms();
	persist_restored(nat, !state->was_clean, state->restore.now_ms);
	/* What it had until now was numbered otherwise. */
	if (take_given(state))
		state->n_given = 0;
	if (state->given && state->n_given > 0 && state->was_clean)
		given_file_each_since(state->given, state->n_given, hold_given, state);
	else if (state->given)
		(void)given_file_each(state->given, PERSIST_KEEP_MS, hold_given, state);
	if (state->given)
		nat->given = given_file_ring(state->given);
	restore_report(&state->restore,
		       state->was_clean ? "" : " after an end that was not a clean one");
}

void daemon_state_restore(struct daemon_state *state, enum daemon_state_source source,
			  int tables_fd)
{
	if (!state)
		return;
	/* There is no other thread yet, so nobody waits for the lock. */
	if (!persist_begin(state->gateway->nat))
		log_line(LOG_ERR, "no memory to remember what has to be stored");
	state->was_clean = load_tables(state, source, tables_fd);
	if (!state->was_clean && state->store) {
		state->was_clean = store_was_clean(state->store);
		load(state);
	}
	if (source != DAEMON_STATE_STORED) {
		settle(state);
	} else if (state->given && state->was_clean) {
		state->restore.now_ms = gateway_now_ms();
		(void)take_given(state);
		state->n_given = given_file_ring(state->given)->n;
		(void)given_file_each(state->given, PERSIST_KEEP_MS, hold_given, state);
	}
}

void daemon_state_restore_changes(struct daemon_state *state, int tables_fd)
{
	if (!state)
		return;
	state->restore.now_ms = gateway_now_ms();
	if (tables_fd < 0 || restore_changes(&state->restore, tables_fd) < 0)
		state->was_clean = false;
	settle(state);
}

/* ---- and out again ------------------------------------------------------------------------------
 */

/* What a person can do about it. */
static const char *remedy(int error)
{
	switch (error) {
	case -ENOSPC:
		return "make room on its file system";
	case -EROFS:
		return "make it writable for nat64d";
	case -EBUSY:
		return "try again when whoever has locked it has ended";
	case -E2BIG:
		return "use a shorter one";
	default:
		return "'nat64ctl status' and the log say more";
	}
}

static void note_stored(void *context, uint64_t ticket, int error, const char *text)
{
	struct daemon_state *state = context;
	struct stored *stored = g_new(struct stored, 1);
	const uint64_t one = 1;

	*stored = (struct stored){
		.ticket = ticket,
		.error = error < 0 ? g_strdup_printf("the change can not be stored, and nothing is "
						     "changed: %s: %s",
						     text, remedy(error))
				   : NULL,
	};
	g_async_queue_push(state->stored, stored);
	(void)!write(state->stored_fd, &one, sizeof(one));
}

int daemon_state_start(struct daemon_state *state)
{
	struct store_writer_config config;
	int r;

	if (!state)
		return 0;
	/* What could only be read has been read. */
	if (state->problem[0]) {
		store_close(state->store);
		state->store = NULL;
	}
	config = (struct store_writer_config){
		.gateway = state->gateway,
		.store = store_config(state, BUSY_MS),
		.flush_ms = state->config.flush_ms,
		.sync_ms = state->config.sync_ms,
		.given = state->given,
		.owner = state->owner,
		.kept = state->kept_in_part ? NULL : state->kept,
		.report = report_writer,
		.stored = note_stored,
		.context = state,
	};
	r = store_writer_start(&config, state->store, state->problem, &state->writer);
	if (r < 0) {
		log_line(LOG_ERR, "the thread that writes the state can not be started: %s",
			 g_strerror(-r));
		return r;
	}
	state->store = NULL;
	store_writer_put(state->writer, state->later, 0);
	state->later = kept_rows_new();
	return 0;
}

void daemon_state_own(struct daemon_state *state)
{
	if (!state || state->owns_given)
		return;
	state->owns_given = true;
	/* One that was not taken stays until ours is left there. */
	if (state->taken_given)
		given_file_remove(state->directory);
	state->taken_given = false;
}

uint64_t daemon_state_owner(const struct daemon_state *state)
{
	return state ? state->owner : 0;
}

bool daemon_state_flush(struct daemon_state *state)
{
	return state && state->writer && store_writer_flush(state->writer);
}

bool daemon_state_leave(struct daemon_state *state, bool packets_go_on,
			void (*waits)(void *context), void *context)
{
	bool is_all = false;

	if (!state)
		return false;
	state->owns_given = false;
	if (packets_go_on)
		is_all = store_writer_leave(state->writer, waits, context);
	else
		store_writer_stop(state->writer);
	state->writer = NULL;
	return is_all;
}

int daemon_state_go_on(struct daemon_state *state)
{
	struct store_config store;

	if (!state)
		return 0;
	state->owns_given = true;
	if (state->writer)
		return 0;
	state->problem[0] = '\0';
	store = store_config(state, START_BUSY_MS);
	if (store_open(&store, &state->store, state->problem) < 0)
		state->store = NULL;
	if (state->store)
		load_kept(state);
	else
		g_clear_pointer(&state->kept, g_ptr_array_unref);
	return daemon_state_start(state);
}

void daemon_state_put(struct daemon_state *state, GPtrArray *rows, uint64_t ticket)
{
	if (state->writer) {
		store_writer_put(state->writer, rows, ticket);
		return;
	}
	for (guint i = 0; ticket == 0 && i < rows->len; i++)
		g_ptr_array_add(state->later, kept_row_copy(g_ptr_array_index(rows, i)));
	if (ticket != 0)
		note_stored(state, ticket, -EBUSY, "the database is handed over to a successor");
	g_ptr_array_unref(rows);
}

int daemon_state_fd(const struct daemon_state *state)
{
	return state->stored_fd;
}

void daemon_state_tell(struct daemon_state *state, daemon_state_stored_fn stored, void *context)
{
	struct stored *next;
	uint64_t n;

	(void)!read(state->stored_fd, &n, sizeof(n));
	while ((next = g_async_queue_try_pop(state->stored)) != NULL) {
		stored(context, next->ticket, next->error);
		stored_free(next);
	}
}

void daemon_state_stop(struct daemon_state *state)
{
	if (!state)
		return;
	store_writer_stop(state->writer);
	store_close(state->store);
	if (state->gateway->nat)
		state->gateway->nat->given = NULL;
	leave_given(state);
	given_file_close(state->given);
	if (state->kept)
		g_ptr_array_unref(state->kept);
	g_ptr_array_unref(state->later);
	g_async_queue_unref(state->stored);
	if (state->stored_fd >= 0)
		(void)close(state->stored_fd);
	g_free(state->directory);
	g_free(state->run_directory);
	g_free(state);
}
