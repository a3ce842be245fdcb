/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.5: filtering, and updating of bindings and sessions. Here the tables and the packets'
 * tuples meet; the one place where packets make and refresh state.
 *
 * Each function takes the incoming tuple and gives the outgoing one (3.6). OUTCOME_TRANSLATED means
 * go on; any other outcome has changed nothing. OUTCOME_SYN_STORED asks the caller to store the
 * packet.
 */
#pragma once

#include "daemon/core/nat64.h"

/* What the tables want to know of a packet besides its tuple. */
struct filter_input {
	uint8_t tcp_flags;
	bool hairpinned; /* comes from, or goes back to, the IPv6 side: nothing is the host's */
	uint64_t now_ms;
};

/*
 * 6->4. pool6: index of the prefix that in->dst lies in; peer4: the address embedded there. The
 * check alone changes nothing: for a packet that has met another obstacle, and is to be answered
 * only if the filter would have let it pass.
 */
enum outcome filter_6to4_check(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			       uint32_t peer4, const struct filter_input *input);
enum outcome filter_6to4(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6, uint32_t peer4,
			 const struct filter_input *input, struct tuple4 *ret);

/* What a packet from the IPv4 side has found. */
struct filter_found {
	uint32_t binding;
	uint32_t session; /* SLAB_NONE: none yet */
};

/*
 * 4->6 in two steps, as the way to the IPv6 host is known only with the binding, and a packet that
 * can not go that way must change nothing: the check says what would become of the packet, the
 * other makes or refreshes its session, between which nothing else may happen to the tables.
 */
enum outcome filter_4to6_check(const struct nat64 *nat, const struct tuple4 *in,
			       const struct filter_input *input, struct filter_found *ret_found,
			       struct tuple6 *ret);
enum outcome filter_4to6(struct nat64 *nat, const struct tuple4 *in,
			 const struct filter_input *input, const struct filter_found *found);

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
