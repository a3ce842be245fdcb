/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.5: filtering, and updating of bindings and sessions. Here the tables and the packets'
 * tuples meet; the one place where packets make and refresh state.
 *
 * First it is decided, without any change, whether the packet may pass and what it does to the
 * tables: a plan, which names the outgoing tuple, too (3.6). filter_commit() carries it out. In
 * between nothing else may happen to the tables. So a packet that meets another obstacle changes
 * nothing, and who only wants to know what would happen asks the very same functions (nat64.h).
 */
#pragma once

#include "daemon/core/binding.h"
#include "daemon/core/nat64.h"

/* What the tables want to know of a packet besides its tuple. */
struct filter_input {
	uint8_t tcp_flags;
	bool hairpinned; /* comes from, or goes back to, the IPv6 side: nothing is the host's */
	uint64_t now_ms;
	bool known_only; /* what would need a new session ends as FILTER_UNDECIDED */
};

/* No outcome: who asks has to ask again without known_only. */
#define FILTER_UNDECIDED N_OUTCOMES

/* What becomes of the session. */
enum filter_change {
	FILTER_KEEPS, /* there is none and none is made (S-26), or its lifetime stays */
	FILTER_SETS,  /* state and deadline */
	FILTER_ADDS,
};

struct filter_plan {
	enum protocol protocol;
	bool from6;
	uint8_t pool6;        /* index of the prefix that embeds the peer on the IPv6 side */
	uint32_t binding;     /* SLAB_NONE: none yet; then it is to be made, from the IPv6 side */
	uint32_t session;     /* SLAB_NONE: none yet */
	struct taddr6 client; /* (X',x) */
	struct taddr4 mapped; /* (T,t) */
	struct taddr4 peer;   /* (Z,z) */
	enum filter_change change;
	uint8_t state; /* enum tcp_fsm_state, from now on */
	uint64_t expires_ms;
	uint32_t stored_syn; /* that ends with this (S-29); SLAB_NONE */
	struct binding_plan make;
};

/* The tuple of the packet on the other side (3.6), as the plan says. */
struct tuple4 filter_tuple4(const struct filter_plan *plan);
struct tuple6 filter_tuple6(const struct nat64 *nat, const struct filter_plan *plan);

/*
 * 6->4. pool6: index of the prefix that in->dst lies in; peer4: the address embedded there. ret is
 * whole with OUTCOME_TRANSLATED; otherwise what was found stands there, and who was refused. The
 * check alone makes no plan: it is for a packet that has met another obstacle, and is to be
 * answered only if the filter would have let it pass.
 */
enum outcome filter_6to4_check(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			       uint32_t peer4, const struct filter_input *input,
			       struct filter_plan *ret);
enum outcome filter_6to4(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			 uint32_t peer4, const struct filter_input *input, struct filter_plan *ret);

/*
 * 4->6 in two steps, as the way to the IPv6 host is known only with the binding: the check says
 * what would become of the packet, or (OUTCOME_SYN_STORED) asks the caller to store it; the other,
 * what becomes of the session. first: what a hairpinned packet does on its way out, which comes
 * before this; or NULL.
 */
enum outcome filter_4to6_check(const struct nat64 *nat, const struct tuple4 *in,
			       const struct filter_input *input, const struct filter_plan *first,
			       struct filter_plan *ret);
enum outcome filter_4to6(const struct nat64 *nat, const struct filter_input *input,
			 const struct filter_plan *first, struct filter_plan *plan);

/* Does the packet come back to the host that has sent it, by the session that it goes out by? Then
 * the plan is for both ways, as an inbound packet follows. */
bool filter_turns_back(const struct filter_plan *first);
void filter_turn_back(const struct nat64 *nat, const struct filter_input *input,
		      struct filter_plan *plan);

/* Is all that a plan writes a deadline, of a session that is there? And carries out such a one. */
bool filter_is_light(const struct nat64 *nat, const struct filter_plan *plan);
void filter_commit_light(struct nat64 *nat, const struct filter_plan *plan);
/* Carries the plan out: OUTCOME_TRANSLATED or OUTCOME_NO_MEMORY. */
enum outcome filter_commit(struct nat64 *nat, const struct filter_plan *plan, uint64_t now_ms);
/* Counts and tells that a packet was refused, if it was for a limit (L-4). */
void filter_refused(struct nat64 *nat, const struct filter_plan *plan, enum outcome outcome,
		    uint64_t now_ms);

/* ICMP errors find, and change nothing (I-12, I-14, I-16). in: the swapped embedded tuple; ret: the
 * swapped tuple on the other side. */
enum outcome filter_error_6to4(const struct nat64 *nat, const struct tuple6 *in, uint32_t peer4,
			       struct tuple4 *ret);
/* *ret_pool6: the prefix of the session, which embeds the outer source too. */
enum outcome filter_error_4to6(const struct nat64 *nat, const struct tuple4 *in, struct tuple6 *ret,
			       uint8_t *ret_pool6);

/* A probe that an idle established session asks for (S-31). */
struct filter_probe {
	struct taddr6 src; /* (Y',y) */
	struct taddr6 dst; /* (X',x) */
};

/* A session whose time is over: it ends, or goes to TRANS; then true, and *ret is to be sent,
 * unless the client is blocked. */
bool filter_expired(struct nat64 *nat, enum protocol protocol, uint32_t session, uint64_t now_ms,
		    struct filter_probe *ret);
