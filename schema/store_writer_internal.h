/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's own side, of which there are two files: its thread, with what the core has marked
 * (store_writer.c), and what was changed by command (store_writer_kept.c). But for
 * store_writer_put(), all here is called by that thread only.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "schema/closed_writer.h"
#include "schema/store_writer.h"

/* Rows that somebody has put. */
struct job {
	struct job *next;
	GPtrArray *rows;
	uint64_t ticket;
};

struct store_writer {
	struct store_writer_config config;
	pthread_t thread;
	int wake_fd;
	atomic_bool stop;
	bool leave;          /* before stop: it is no clean end */
	struct store *store; /* NULL: could not be opened */
	GArray *taken;       /* struct taken, of the transaction that is under way */
	uint32_t retry_ms;   /* 0: all is well */
	uint64_t synced_ms;
	uint64_t wal_size; /* that readers keep from being used anew */
	char wal_problem[200];
	bool is_slow;
	uint64_t flush_at_ms;
	struct closed_writer closed;
	GMutex jobs_lock;
	struct job *jobs; /* this, and its members, under the lock; all else is the thread's */
	struct job **last_job;
	GCond flushed; /* and these, which are flushes that somebody waits for */
	uint64_t n_wanted;
	uint64_t n_done;
	bool has_worked;  /* the last one */
	unsigned n_begun; /* how often everything was to be written */
	GHashTable *kept; /* by key: rows of commands, as the store has them */
	GHashTable *owed; /* by key: those that it is still to have */
	/* Keys of which nobody knows what it has: what failed may be in its log, and be found there
	 * by whoever opens it next. */
	GHashTable *unsure;
};

/* ---- store_writer.c -----------------------------------------------------------------------------
 */

void writer_report(struct store_writer *writer, int level, const char *text);
/* A store to write to: 0, or a negative errno if there is none now. */
int writer_have_store(struct store_writer *writer);
/* Where the store itself can not go on: what it is tried with next is opened anew. */
void writer_store_failed(struct store_writer *writer, int error);

/* ---- store_writer_kept.c ------------------------------------------------------------------------
 */

void writer_init_kept(struct store_writer *writer);
void writer_deinit_kept(struct store_writer *writer);
/* Somebody waits for each of them: also between two transactions of a long flush. */
void writer_do_jobs(struct store_writer *writer);
/* What nobody waits for, until it works. */
void writer_put_owed(struct store_writer *writer);
/* In place of what an older file has; but what could not be read at the start stays. 0 or a
 * negative errno. */
int writer_put_kept_anew(struct store_writer *writer);
