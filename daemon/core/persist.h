/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings and sessions as rows, which something outside keeps: what has changed is taken a slice
 * at a time (O-13), and after a start put back (O-12).
 *
 * A row's key is (kind, protocol, index), the index of the entry in its table, which it gets back.
 * As other packets come between two slices, the sessions of one flush may be older than its
 * bindings; a session therefore names its binding by index and number, and is nothing without it.
 * All times are those of the core's clock.
 */
#pragma once

#include "daemon/core/nat64.h"

enum persist_kind { PERSIST_SESSION, PERSIST_BINDING, N_PERSIST_KINDS };

/* A place of Pool6 that is none: the prefix is not configured any more. */
#define PERSIST_POOL6_GONE UINT8_MAX

struct persist_binding {
	struct addr6 addr6;
	uint16_t port6;
	struct taddr4 mapped;
	uint16_t number;
	uint8_t pool6;
	bool is_static;
	int32_t created_s; /* negative if it is older than the boot */
};

struct persist_session {
	uint32_t binding;
	uint16_t number; /* of the binding */
	struct taddr4 peer;
	uint8_t state;
	uint8_t pool6;
	uint32_t until_s;  /* upper bound of its deadline (K-13) */
	uint32_t segments; /* session_segments(); it is of TCP only */
};

struct persist_row {
	enum persist_kind kind;
	enum protocol protocol;
	uint32_t index;
	bool exists;  /* else there is none any more, and the rest says nothing */
	bool changed; /* of a copy: it has not been taken since */
	union {
		struct persist_binding binding;
		struct persist_session session;
	};
};

/* From now on it is marked what changes; everything there is counts as changed. False without
 * memory. */
bool persist_begin(struct nat64 *nat);
/* The same, and everything there counts as stored. */
bool persist_begin_stored(struct nat64 *nat);
/* Nothing is marked any more, and nobody wants to know what has ended. */
void persist_end(struct nat64 *nat);
bool persist_is_on(const struct nat64 *nat);
/* How many rows are not as what they stand for. */
uint32_t persist_n_changed(const struct nat64 *nat);

/* How far a flush has come; zeroed = at the beginning. */
struct persist_cursor {
	unsigned step;
	uint32_t index;
};
/* Takes up to max rows that have changed; fewer only at the end of the flush. */
unsigned persist_take(struct nat64 *nat, struct persist_cursor *cursor, struct persist_row *ret,
		      unsigned max, uint64_t now_ms);
/* A row that was taken could not be kept: it counts as changed. */
void persist_take_back(struct nat64 *nat, enum persist_kind kind, enum protocol protocol,
		       uint32_t index);

/*
 * Copies for a successor, bindings first, which change nothing: up to max rows, fewer only at the
 * end.
 *
 * PERSIST_ALL: what there is, and what has changed; nothing goes on meanwhile. Whoever restores
 * them knows then what is stored, and what is still to be.
 *
 * Or in two parts, the first of which may take its time while packets go on, from the moment at
 * which all was stored. PERSIST_STORED: sessions that are as they are stored, and bindings that may
 * be otherwise, but were there. So every session finds its binding, as that lives as long; and
 * what of all this comes to its end is marked. PERSIST_CHANGED, when nothing goes on any more: all
 * that is marked. For persist_make_way().
 */
enum persist_part { PERSIST_ALL, PERSIST_STORED, PERSIST_CHANGED, N_PERSIST_PARTS };
unsigned persist_copy(struct nat64 *nat, enum persist_part part, struct persist_cursor *cursor,
		      struct persist_row *ret, unsigned max);

enum persist_result {
	PERSIST_OK,
	PERSIST_BAD,          /* nothing that was ever kept: addresses, state or index are none */
	PERSIST_NO_POOL6,     /* its prefix is not in Pool6 */
	PERSIST_IN_POOL6,     /* the client's address lies in Pool6 */
	PERSIST_NOT_IN_POOL4, /* no entry has the transport address; it is held if one has it later
			       */
	PERSIST_TAKEN,        /* something else is bound already, or is at this index */
	PERSIST_FULL,         /* past Limits.Bindings or Limits.Sessions, or no memory */
	PERSIST_NO_BINDING,   /* a session whose binding is not there */
	PERSIST_OVER,         /* a session whose time is over */
	N_PERSIST_RESULTS,
};

/* About so many rows of a kind are to come: room is made for them once, not bit by bit. */
void persist_expect(struct nat64 *nat, enum persist_kind kind, uint64_t n);
/* After pool4 has its entries, before packets come, and bindings before their sessions. */
enum persist_result persist_restore(struct nat64 *nat, const struct persist_row *row,
				    uint64_t now_ms);
/* The same of several, n <= PERSIST_BLOCK: what they look for is fetched from memory for all at
 * once, which is most of the time that it takes. */
#define PERSIST_BLOCK 64
void persist_restore_all(struct nat64 *nat, const struct persist_row *row, unsigned n,
			 uint64_t now_ms, enum persist_result *ret);
/* Before rows of PERSIST_CHANGED are restored, for all of them: what stands at the place of this
 * one goes, as if it had never been, unless it is this binding itself. */
void persist_make_way(struct nat64 *nat, const struct persist_row *row, uint64_t now_ms);
/* Does this binding stand there already? Then it has what may have changed in it. */
bool persist_is_there(struct nat64 *nat, const struct persist_row *row);
/* What is kept of this row is not as the entry is, or there is none: it counts as changed. */
void persist_set_changed(struct nat64 *nat, const struct persist_row *row);
/* All rows have been restored: dynamic bindings without a session are kept for 120 s (O-12). After
 * an unclean end sessions may be missing: for that time a segment makes one (O-13). */
#define PERSIST_KEEP_MS 120000
void persist_restored(struct nat64 *nat, bool unclean, uint64_t now_ms);
/* Ends those bindings when their time is over; *budget counts down for each that is looked at. */
void persist_expire(struct nat64 *nat, uint64_t now_ms, unsigned *budget);
