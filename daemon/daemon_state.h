/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that survives: puts back what the database has before any packet comes (O-12), holds the
 * ports that were in use and are not put back (P-16), and has what changes written behind (O-13).
 *
 * Control thread; only the reports of the writer come in its own.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"

struct daemon_state;

/* Opens the database of directory. Never fails for good: what can not be opened is reported, and
 * tried again by the writer. NULL if State.Keep=no. */
struct daemon_state *daemon_state_open(struct gateway *gateway, const char *directory,
				       const struct config_state *config);

/* pool4 has its entries, and nothing else is there yet. state may be NULL, as below. */
void daemon_state_restore(struct daemon_state *state);

/* From now on changes are written. 0 or a negative errno. */
int daemon_state_start(struct daemon_state *state);
/* Packets have stopped: writes all that is left, and frees state. */
void daemon_state_stop(struct daemon_state *state);
