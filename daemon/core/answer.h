/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ICMP error that an outcome owes the sender of the packet: which one stands in outcome.h, how
 * it is made in icmp_error.h; here it is decided whether it goes out, and from which address.
 */
#pragma once

#include "daemon/core/nat64.h"

/* What an error tells besides its type. */
struct answer_field {
	uint32_t mtu;     /* Packet Too Big, Fragmentation Needed */
	uint32_t pointer; /* Parameter Problem */
};

/* The error that its sender is to get, as far as the limits of errors permit; NULL if none. */
const struct icmp_answer *answer_to(const struct nat64 *nat, const struct packet *packet,
				    enum outcome outcome);

/* packet: as it was received, with its outcome. May append one packet to out. */
void answer_send(struct nat64 *nat, const struct packet *packet, enum outcome outcome,
		 const struct answer_field *field, uint64_t now_ms, struct out *out);

/* The answer of TOO_BIG to a packet that goes on all the same. Returns false if none is sent. */
bool answer_too_big(struct nat64 *nat, const struct packet *packet, uint32_t mtu, uint64_t now_ms,
		    struct out *out);

/* The answer to the first fragment of a packet that never became whole: that of FRAGMENT_STORED. */
void answer_incomplete(struct nat64 *nat, const struct packet *first, uint64_t now_ms,
		       struct out *out);

/* The answer to a SYN that nobody inside has wanted for six seconds (S-28): that of SYN_STORED,
 * quoting it. Returns false if none is sent. */
bool answer_stored_syn(struct nat64 *nat, const struct stored_syn *syn, uint64_t now_ms,
		       struct out *out);
