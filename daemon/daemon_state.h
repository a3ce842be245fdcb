/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that survives: puts back what the database has before any packet comes (O-12), holds the
 * ports that were in use and are not put back (P-16), has what changes written behind (O-13), and
 * what is changed by command at once.
 *
 * Control thread; only the reports of the writer come in its own.
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"
#include "daemon/gateway.h"

struct daemon_state;

/* Rows with this ticket are on the disk, or this sentence says why not. Control thread. */
typedef void (*daemon_state_stored_fn)(void *context, uint64_t ticket, const char *error);

/* Opens the database of directory, before gateway has its core. Never fails for good: what can not
 * be opened is reported, and tried again by the writer. NULL if State.Keep=no. run_directory, if
 * that is in memory, has what packets write to (given_file.h); may be NULL. */
struct daemon_state *daemon_state_open(struct gateway *gateway, const char *directory,
				       const char *run_directory,
				       const struct config_state *config);

/* What was changed by command, as rows (kept_row.h); NULL if there is nothing to be read. state may
 * be NULL, as below. */
const GPtrArray *daemon_state_kept(const struct daemon_state *state);

/* What a predecessor has left. */
enum daemon_state_source {
	DAEMON_STATE_ALONE, /* nothing */
	DAEMON_STATE_KEPT,  /* tables, some time ago, so that the database may be newer */
	DAEMON_STATE_TABLES,
	DAEMON_STATE_STORED, /* those of PERSIST_STORED; what has changed comes later */
};
/* pool4 has its entries, and nothing else is there yet. tables_fd (tables.h) stays the caller's.
 * state may be NULL, as below. */
void daemon_state_restore(struct daemon_state *state, enum daemon_state_source source,
			  int tables_fd);
/* After DAEMON_STATE_STORED: what has changed; -1: the predecessor has died with it. */
void daemon_state_restore_changes(struct daemon_state *state, int tables_fd);

/* From now on changes are written. 0 or a negative errno. */
int daemon_state_start(struct daemon_state *state);
/* No other daemon goes on with what is kept: the ports that are given out are ours to note, to
 * leave, and to clear away. Before that a start may fail, and all is as it was found. */
void daemon_state_own(struct daemon_state *state);
/* In another thread than the control thread: what has changed so far is written, and nothing if it
 * can not be. daemon_state_leave() and _stop() wait for nobody who is in here. */
bool daemon_state_flush(struct daemon_state *state);
/* For a successor: what has changed is written, and the file is closed. If packets go on it does
 * not say that it has everything, and waits() is called once a second. False if not all could be
 * written, or nothing is. */
bool daemon_state_leave(struct daemon_state *state, bool packets_go_on,
			void (*waits)(void *context), void *context);
/* There is no successor after all. */
int daemon_state_go_on(struct daemon_state *state);
/* Whose the database is, for tables.h; 0 = nobody's. */
uint64_t daemon_state_owner(const struct daemon_state *state);

/* Stores rows, which it takes over, without waiting for the disk; stored() is called for a ticket
 * that is not 0, by daemon_state_tell(), once the descriptor can be read. Those with ticket 0 are
 * tried until it works. */
void daemon_state_put(struct daemon_state *state, GPtrArray *rows, uint64_t ticket);
int daemon_state_fd(const struct daemon_state *state);
void daemon_state_tell(struct daemon_state *state, daemon_state_stored_fn stored, void *context);

/* Packets have stopped: writes all that is left, and frees state. */
void daemon_state_stop(struct daemon_state *state);
