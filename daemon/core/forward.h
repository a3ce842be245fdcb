/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP, UDP and echo on their way through the gateway: RFC 6146, 3.4 to 3.8, in that order.
 *
 * All decisions come first (decision.h) and leave the packet as it was received, so that an ICMP
 * error can quote it (T-25); only a packet that will leave is rewritten, and from then on nothing
 * can fail but memory.
 */
#pragma once

#include "daemon/core/answer.h"
#include "daemon/core/decision.h"

/* One packet on its way. */
struct passage {
	struct nat64 *nat;
	struct packet *packet;
	struct out *out;
	struct random *random;
	uint64_t now_ms;
	struct answer_field field; /* for the ICMP error, if it comes to that */
	bool traced;               /* whoever traces packets has seen it */
	uint32_t size;             /* of the packet as it came, all its fragments together */
	struct packet whole;       /* what packet points to, if it came in fragments */
};

/*
 * The packet is no ICMP error and no fragment; 6->4 pool6 and peer4 stand in the decision already.
 * Deciding changes nothing but the view of the packet: whether it was put together. Carrying out
 * takes the outcome that was decided, and gives the one it came to.
 */
enum outcome forward_decide_6to4(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
				 struct decision *decision);
enum outcome forward_decide_4to6(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
				 struct decision *decision);
/* Would carrying it out write nothing but a deadline (lane.h)? */
bool forward_is_light(const struct nat64 *nat, const struct packet *packet,
		      const struct decision *decision, enum outcome decided);
enum outcome forward_6to4(struct passage *passage, const struct decision *decision,
			  enum outcome decided);
enum outcome forward_4to6(struct passage *passage, const struct decision *decision,
			  enum outcome decided);
