/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a running daemon hands over to its successor (nat64d --replace) without losing a packet: two
 * sides that talk over a unix socket beside the control socket.
 *
 *   successor                      running one
 *   ASK: these versions     ──►    gives up the bus name, the control socket and the database;
 *                           ◄──    READY: here are my sockets, and all that was stored then;
 *                                  packets go on meanwhile
 *   (starts up, restores)
 *   TAKE                    ──►    stops reading, finishes its batch;
 *                           ◄──    TABLES: here is what has changed; packets wait in the kernel
 *   (restores that)
 *   TAKEN                   ──►    ends
 *
 * If not all could be stored, READY comes without tables, and TABLES with all that there is.
 *
 * Until TAKEN the running one can go on as if nothing had been, and does if the successor closes
 * the connection or is too slow: then it says LATE and closes, and of TAKEN and LATE only one can
 * be. If the running one dies in the midst, the successor goes on with what it has.
 *
 * Each side looks whether the other is root or its own user.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/descriptors.h"

#define HANDOVER_PROTOCOL  1
#define HANDOVER_TEXT_SIZE 256

struct handover_config {
	const char *path;
	sd_event *event;
	uint32_t tables_format;
	/* From ASK to TAKE, and from TAKE to TAKEN. */
	uint64_t start_timeout_ms;
	uint64_t take_timeout_ms;

	/* ASK has come. ret stays the callee's, but for the tables: they are closed once they are
	 * sent. If the successor does not know the tables, packets stop already here, and the
	 * database gets everything. ret_more_ms is added to start_timeout_ms. 0 or a negative
	 * errno: then the successor is refused. */
	int (*ready)(void *context, bool knows_tables, struct descriptors *ret,
		     uint64_t *ret_more_ms);
	/* TAKE has come: packets stop. ret_tables_fd is -1, or to be closed once it is sent;
	 * ret_more_ms is added to take_timeout_ms, for large ones. */
	int (*take)(void *context, int *ret_tables_fd, uint64_t *ret_more_ms);
	/* After ready: the successor has failed, and why. */
	void (*go_on)(void *context, const char *why);
	/* The successor has everything. */
	void (*taken)(void *context, pid_t successor);
	void *context;
};

/* The side of the running one, in its event loop. 0 or a negative errno. */
struct handover;
int handover_new(const struct handover_config *config, struct handover **ret);
void handover_free(struct handover *handover);

/* The side of the successor, which waits for each answer. Functions return 0 or a negative errno
 * with a sentence in text: -ENOENT nobody is there; -ECONNRESET it has died, and one can go on with
 * what one has; all else: the running one goes on. */
struct handover_peer;
int handover_ask(const char *path, uint32_t tables_format, struct handover_peer **ret,
		 struct descriptors *ret_descriptors, char text[HANDOVER_TEXT_SIZE]);
/* Does it wait for us still? For what changes the host, right before. Waits for nothing. */
int handover_check(struct handover_peer *peer, char text[HANDOVER_TEXT_SIZE]);
/* *ret_tables_fd is -1 if the database has everything. */
int handover_take(struct handover_peer *peer, int *ret_tables_fd, char text[HANDOVER_TEXT_SIZE]);
int handover_taken(struct handover_peer *peer, char text[HANDOVER_TEXT_SIZE]);
void handover_peer_free(struct handover_peer *peer);

/* May a process of this user hand over to one of that, or the other way round? */
bool handover_may(uid_t own, uid_t peer);
