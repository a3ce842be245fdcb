/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session table, RFC 6146, 3.2: one for each protocol.
 *
 * A session belongs to a binding and has one peer (Z,z). As y = z always and Y' is the Pref64 form
 * of Z (S-6), the key is (binding, Z, z): both directions find the binding first and then the
 * session. The prefix that made Y' is kept as an index.
 *
 * A binding with few sessions, as nearly all have, has them in a list only: it is in the cache once
 * the binding has been found. Those of a binding with more are in two indices besides.
 *
 * Expiry is lazy: session_touch() writes the new deadline and nothing else, unless it is earlier
 * than the one the wheel knows. session_take_expired() files those again whose time has moved.
 *
 * Lock: as all tables (nat64.h). The one thing that several packet threads write at once is a
 * deadline, so it is read and written in one piece.
 */
#pragma once

#include "daemon/core/bib.h"
#include "daemon/core/wheel.h"

#define SESSION_TIMING                                                                  \
	uint64_t expires_ms : 42; /* not before this, at most 2 s later (K-13) */       \
	uint64_t mss_6to4 : 11;   /* of segments in this direction, in units of four */ \
	uint64_t mss_4to6 : 11

/* In one word. */
struct session_timing {
	SESSION_TIMING;
};

struct session {
	uint32_t bib;
	uint32_t addr4;     /* Z */
	uint16_t port4;     /* z = y; equal to the identifier for ICMP */
	uint16_t state : 3; /* enum tcp_fsm_state; 0 for UDP and ICMP. Written by
			       session_set_state() only */
	uint16_t pool6 : 4;
	uint16_t bound_shift : 5; /* private to session.c: see session_bound() */
	uint16_t syn_from6 : 1;   /* this and what follows of TCP: segment.h. Written by
				     session_set_segments() only */
	uint16_t syn_from4 : 1;
	uint32_t next;         /* hash chain of by_peer, if it is there */
	uint32_t next_address; /* hash chain of by_address, for the first of its address only */
	uint32_t bib_prev;     /* list of the binding's sessions */
	uint32_t bib_next;
	struct wheel_link timer;
	union {
		struct session_timing timing;
		uint64_t timing_word; /* of session_timing() and session.c only */
		struct {
			SESSION_TIMING;
		};
	};
};
#define SESSION_MSS_MAX  0x7ffu
#define SESSION_TIME_MAX ((UINT64_C(1) << 42) - 1) /* 139 years */

/* With more sessions than this a binding has them in the indices, and until it has half as many. */
#define SESSION_LISTED_MAX 4

struct session_table {
	struct slab sessions;
	struct hash_index by_peer;    /* (binding, Z, z), of bindings with many */
	struct hash_index by_address; /* (binding, Z): one session of each */
	struct wheel wheel;
	struct bib *bib; /* of the same protocol */
	struct siphash_key key;
	struct dirty dirty; /* what has to be stored: marked here, taken by persist.c */
};

void session_table_init(struct session_table *table, struct bib *bib, const struct siphash_key *key,
			uint32_t limit, uint64_t now_ms);
void session_table_deinit(struct session_table *table);

/* Index, or SLAB_NONE. */
uint32_t session_find(const struct session_table *table, uint32_t bib, const struct taddr4 *peer);
/* Has the binding a session with this address, on any port? (address-dependent filtering, S-16) */
bool session_exists_with(const struct session_table *table, uint32_t bib, uint32_t addr4);
static inline struct session *session_at(const struct session_table *table, uint32_t index)
{
	return slab_at(&table->sessions, index);
}

/* A hint only: the first one of the binding will be looked at. */
static inline void session_prefetch_first(const struct session_table *table, uint32_t bib)
{
	const uint32_t index = bib_at(table->bib, bib)->first_session;

	if (index != SLAB_NONE)
		slab_prefetch(&table->sessions, index);
}

/* SLAB_NONE at the limit or without memory. */
uint32_t session_add(struct session_table *table, uint32_t bib, const struct taddr4 *peer,
		     uint8_t pool6, uint8_t state, uint64_t expires_ms);
/* The same at this index (slab_alloc_at()); it is not there yet. */
bool session_add_at(struct session_table *table, uint32_t index, uint32_t bib,
		    const struct taddr4 *peer, uint8_t pool6, uint8_t state, uint64_t expires_ms);
/* The binding stays, also without sessions: the caller decides (S-4). */
void session_remove(struct session_table *table, uint32_t index);

/* What of a session may change while it is read (lane.h). */
static inline struct session_timing session_timing(const struct session *session)
{
	const uint64_t word = __atomic_load_n(&session->timing_word, __ATOMIC_RELAXED);
	struct session_timing timing;

	memcpy(&timing, &word, sizeof(timing));
	return timing;
}

/* Would session_set_state() write a deadline, and nothing else anywhere? Then session_live_on() is
 * the same, and several threads may do both at once, as long as nobody else writes. */
bool session_only_lives_on(const struct session_table *table, uint32_t index, uint8_t state,
			   uint64_t expires_ms);
void session_live_on(struct session_table *table, uint32_t index, uint64_t expires_ms);
/* A new deadline; state as it is. */
void session_touch(struct session_table *table, uint32_t index, uint64_t expires_ms);
/* A deadline to be stored (K-13: an upper bound), which holds while the session only lives on, for
 * a quarter to a half of the time that it has left now. Later it counts as changed. */
uint64_t session_bound(struct session *session, uint64_t now_ms);
/* The one that holds already. */
static inline uint64_t session_last_bound(const struct session *session)
{
	return ((session->expires_ms >> session->bound_shift) + 1) << session->bound_shift;
}
/* The only writer of a session's state. */
void session_set_state(struct session_table *table, uint32_t index, uint8_t state,
		       uint64_t expires_ms);

/* */
static inline void session_set_pool6(struct session_table *table, uint32_t index, uint8_t pool6)
{
	struct session *session = session_at(table, index);

	if (session->pool6 == pool6)
		return;
	session->pool6 = pool6 & 15;
	dirty_mark(&table->dirty, index);
}

/* What is known of a TCP session's segments (segment.h) as one number, which is stored; 0 =
 * nothing. */
#define SESSION_SEGMENTS_MAX ((1u << 24) - 1)
static inline uint32_t session_segments(const struct session *session)
{
	return session->syn_from6 | (uint32_t)session->syn_from4 << 1 |
	       (uint32_t)session->mss_6to4 << 2 | (uint32_t)session->mss_4to6 << 13;
}
static inline void session_set_segments(struct session_table *table, uint32_t index,
					uint32_t segments)
{
	struct session *session = session_at(table, index);

	if (session_segments(session) == segments)
		return;
	session->syn_from6 = segments & 1;
	session->syn_from4 = segments >> 1 & 1;
	session->mss_6to4 = segments >> 2 & SESSION_MSS_MAX;
	session->mss_4to6 = segments >> 13 & SESSION_MSS_MAX;
	dirty_mark(&table->dirty, index);
}

/* One session whose time is over, still in the table but no longer filed: the caller removes it or
 * gives it a new state or deadline (then it is filed again). SLAB_NONE if there is none; *budget
 * counts down for every session looked at, and 0 ends the search. */
uint32_t session_take_expired(struct session_table *table, uint64_t now_ms, unsigned *budget);
uint64_t session_next_deadline(const struct session_table *table);

uint32_t session_next(const struct session_table *table, uint32_t from);
size_t session_table_memory(const struct session_table *table);
bool session_table_check(const struct session_table *table);
