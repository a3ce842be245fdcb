/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP, UDP and echo on their way through the gateway: RFC 6146, 3.4 to 3.8, in that order.
 *
 * All decisions come first and leave the packet as it was received, so that an ICMP error can quote
 * it (T-25); only a packet that will leave is rewritten, and from then on nothing can fail.
 */
#pragma once

#include "daemon/core/answer.h"
#include "daemon/core/nat64.h"

/* One packet on its way. */
struct passage {
	struct nat64 *nat;
	struct packet *packet;
	struct out *out;
	uint64_t now_ms;
	struct answer_field field; /* for the ICMP error, if it comes to that */
	uint32_t size;             /* of the packet as it came, all its fragments together */
	struct packet whole;       /* what packet points to, if it came in fragments */
};

/* The packet is no ICMP error and no fragment. pool6: index of the prefix of its destination;
 * peer4: the address embedded there. */
enum outcome forward_6to4(struct passage *passage, uint8_t pool6, uint32_t peer4);
enum outcome forward_4to6(struct passage *passage);
