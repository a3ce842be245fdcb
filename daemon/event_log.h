/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the core's events are logged (L-5 to L-11): each in the journal as one entry with fields of
 * its own (INTERFACE, section 8), or, where no journal is, as a line on stderr; bindings, sessions
 * and blocks of ports, as many as there are, where Log.Target says.
 *
 * In a file or syslog a binding is one line of fields between tabs: time (UTC, ms), number and name
 * of RFC 8158, protocol, X' and x, T and t; of a session also Z and z; of a block the client's
 * prefix, T, first and last port. Nothing else (L-5).
 *
 * What can not be written is counted, and told once a minute; translation does not wait (L-14): not
 * for a file, nor for a journald or syslogd that hangs.
 * Control thread only.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/core/event.h"

struct event_log;

struct event_log *event_log_new(void);
/* What nobody has taken by then is told as lost. */
void event_log_free(struct event_log *log);

/* Copies what it needs. The same target goes on; what a file that was the target has not taken by
 * now is lost, and counted. */
void event_log_set(struct event_log *log, const struct config_log *config);

/* wall_usec: when it happened, in microseconds of CLOCK_REALTIME; pool4: the entry's name, or "".
 */
void event_log_write(struct event_log *log, const struct event *event, const char *pool4,
		     uint64_t wall_usec);
/* At the end of a batch: what is in memory goes to where it belongs. Opens a file anew if somebody
 * has moved it away (logrotate). */
void event_log_flush(struct event_log *log, uint64_t now_ms);

/* Is this about one binding, session or block? */
bool event_log_is_binding(const struct event *event);

/* What the ports of a pool4 entry in deterministic mode are computed from (L-12). */
struct event_log_map {
	char *pool4;       /* the entry's name */
	const char *state; /* "active", "draining", "disabled"; "gone", and then there is nothing
			      else */
	char *protocols, *clients, *addresses, *ports; /* lists with spaces in between */
	unsigned client_length;                        /* of the prefix that is one client */
	uint32_t clients_each;                         /* of one address */
	uint32_t ports_each;                           /* of one client */
};

/* Whatever Log.Bindings says. As a line: time, "-" as RFC 8158 has no number for it, name,
 * entry, state, protocols, clients, their length, addresses, ports, clients of an address, ports of
 * a client. */
#define EVENT_LOG_MAP_ID "ec0bd85730e0448fbf01a14813cd9619"
void event_log_write_map(struct event_log *log, const struct event_log_map *map,
			 uint64_t wall_usec);
/* That line, from the name of the entry on; for g_free(). */
char *event_log_print_map(const struct event_log_map *map);

/* The line, without its end; ret holds EVENT_LOG_LINE_SIZE bytes and is returned. */
#define EVENT_LOG_LINE_SIZE 320
const char *event_log_print(const struct event *event, uint64_t wall_usec, char *ret);

/* Of the journal: "NAT64D_CLIENT=2001:db8::/64", one after the other, the message and its id
 * included; for g_strfreev(). */
char **event_log_fields(const struct event *event, const char *pool4);
