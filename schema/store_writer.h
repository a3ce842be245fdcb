/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that writes bindings and sessions behind (O-13), and at once what was changed by
 * command, at nice 10.
 *
 * Every flush interval it takes what has changed, some hundred rows at a time with the gateway's
 * lock held and nothing else done meanwhile, and commits them: that is what a crash of the daemon
 * can not lose. Every sync interval it makes that safe from a power cut.
 *
 * Storage may fail in any way and for any time. Translation goes on, what has changed stays marked
 * in the core, and it is tried again, ever more rarely up to ten seconds. Where the file turns out
 * to be damaged, gone, or somebody else's, all that there is goes into a new one. The alarm is in
 * struct gateway and, once raised and once cleared, in the log.
 */
#pragma once

#include "daemon/gateway.h"
#include "schema/given_file.h"
#include "schema/kept_row.h"
#include "schema/store.h"

struct store_writer;

struct store_writer_config {
	struct gateway *gateway;
	struct store_config store;
	uint32_t flush_ms;        /* UINT32_MAX: at the end only */
	uint32_t sync_ms;         /* 0: never */
	struct given_file *given; /* NULL: there is none */
	uint64_t owner;           /* of what is written; drawn anew at each start, not 0 */
	/* What the store has of commands, as it was loaded; NULL: it could not be read. */
	const GPtrArray *kept;
	/* Called in the writer's thread; level as in syslog.h. */
	void (*report)(void *context, int level, const char *text);
	/* Likewise: rows with this ticket are on the disk, or error is a negative errno, text says
	 * why, and none of them is stored. */
	void (*stored)(void *context, uint64_t ticket, int error, const char *text);
	void *context;
};

/* store: as it was loaded, marked with this owner if that could be written; NULL if there is none
 * yet, with the reason in problem. It belongs to the writer. */
int store_writer_start(const struct store_writer_config *config, struct store *store,
		       const char *problem, struct store_writer **ret);
/* Stores rows (kept_row.h), which it takes over, with all that were put before. ticket 0: nobody
 * waits, and it is tried until it works. */
void store_writer_put(struct store_writer *writer, GPtrArray *rows, uint64_t ticket);
/* Waits, in another thread, until what has changed so far is written: did that work? Not called any
 * more when store_writer_stop() begins. */
bool store_writer_flush(struct store_writer *writer);
/* Writes all that is left, says so in the file, and ends. Packets have stopped. */
void store_writer_stop(struct store_writer *writer);
/* The same while packets go on: what changes from now on stays marked in the core. False if not all
 * could be written: that is marked, too. waits: is called once a second until then, for a watchdog;
 * may be NULL. */
bool store_writer_leave(struct store_writer *writer, void (*waits)(void *context), void *context);
