/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who had an address and port of pool4, and from when until when: put together out of what was
 * logged when it began and when it ended (RFC 6888, 4; RFC 8158, 4.2).
 *
 * A log may begin later than what it tells of, lose entries, and change between bindings and
 * sessions: nobody who can have had the address and port is left out, what was not logged is said
 * to be, and nobody is named for a time in which the log has it with another.
 */
#pragma once

#include <glib.h>

#include "daemon/core/addr.h"

#define OWNER_NEVER      UINT64_MAX       /* ended: has it still */
#define OWNER_NOT_LOGGED (UINT64_MAX - 1) /* created or ended: nobody knows when */

struct owner {
	enum protocol protocol; /* N_PROTOCOLS: all of them, as it had the block of ports */
	struct taddr6 client;   /* of a block the first address of the client's prefix */
	uint8_t prefix_len;     /* 128, or of the client that had the block */
	bool is_logged;         /* known by a log, not by the daemon */
	uint64_t created_usec;  /* of CLOCK_REALTIME, like the other times */
	uint64_t ended_usec;
	uint64_t after_usec; /* where created was not logged: but not before this */
};

/* A binding, block or session that began or ended. */
struct owner_change {
	uint64_t usec;
	bool begins;
	enum protocol protocol;
	struct taddr6 client;
	uint8_t prefix_len;
	struct taddr4 peer; /* of a session; 0.0.0.0:0: it is the binding or block itself */
};

/* All that one daemon has logged about one address and port. */
struct owner_log;

struct owner_log *owner_log_new(void);
void owner_log_free(struct owner_log *log);
/* In the order in which they were logged; the clock may have been set meanwhile. */
void owner_log_add(struct owner_log *log, const struct owner_change *change);
/* Appends to ret (of struct owner) who had it at any time from here to there, the earliest first.
 */
void owner_log_between(const struct owner_log *log, uint64_t from_usec, uint64_t until_usec,
		       GArray *ret);

/*
 * Does what the daemon says of an owner say all that is logged? Times of the two differ: the
 * daemon's are whole seconds, the journal's when it was told.
 */
bool owner_covers(const struct owner *known, const struct owner *logged);
