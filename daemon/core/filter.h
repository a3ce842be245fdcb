/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.5: filtering, and updating of bindings and sessions. Here the tables and the packets'
 * tuples meet; the one place that makes and refreshes state.
 *
 * Each function takes the incoming tuple and gives the outgoing one (3.6). OUTCOME_TRANSLATED means
 * go on; any other outcome has changed nothing, but for OUTCOME_SYN_STORED.
 */
#pragma once

#include "daemon/core/nat64.h"

/* A packet as the tables see it. */
struct filter_input {
	uint8_t tcp_flags;
	uint64_t now_ms;
	const struct packet *packet; /* for storing an unsolicited SYN */
	bool hairpinned;             /* second leg: nothing is left to the host */
};

/* pool6: index of the prefix that in->dst lies in; peer4: the address extracted from it. */
enum outcome filter_6to4(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6, uint32_t peer4,
			 const struct filter_input *input, struct tuple4 *ret);
enum outcome filter_4to6(struct nat64 *nat, const struct tuple4 *in,
			 const struct filter_input *input, struct tuple6 *ret);

/* ICMP errors find, and change nothing (I-12, I-14, I-16). in: the swapped embedded tuple; ret the
 * swapped tuple on the other side. */
enum outcome filter_error_6to4(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			       uint32_t peer4, struct tuple4 *ret);
enum outcome filter_error_4to6(const struct nat64 *nat, const struct tuple4 *in,
			       struct tuple6 *ret);

/* A session whose time is over: it ends, or an established one goes to TRANS and *ret_probe is true
 * with the addresses of the probe (S-31). */
struct filter_probe {
	struct taddr6 src; /* (Y',y) */
	struct taddr6 dst; /* (X',x) */
};
void filter_expired(struct nat64 *nat, enum protocol protocol, uint32_t session, uint64_t now_ms,
		    bool *ret_probe, struct filter_probe *ret);

/* Removes a session, and its binding when that is dynamic and has no other (S-4). */
void filter_end_session(struct nat64 *nat, enum protocol protocol, uint32_t session);
