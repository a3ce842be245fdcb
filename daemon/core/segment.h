/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Superpackets: segments of one TCP flow that the kernel, or a sender on this machine, has put into
 * one packet, and that are cut again when it leaves. The kernel does not tell how large they were.
 *
 * They must never become larger than the sender's own were: those have found their way, larger ones
 * could be lost again and again. Smaller ones cost packets and nothing else. So for each session
 * and direction the largest MSS is kept that both ends have announced in their SYNs and that every
 * Packet Too Big passed back since has left. Where a SYN was not seen (after a restart), it is what
 * the largest single segment had; until then SEGMENT_MSS_UNKNOWN, which every host accepts.
 *
 * An MSS here is the payload and the options of a segment: what comes in addition to 20 bytes of
 * TCP header. It is kept in units of four, rounded down.
 */
#pragma once

#include "daemon/core/forward.h"

#define SEGMENT_MSS_UNKNOWN 536 /* RFC 9293, 3.7.1 */
#define SEGMENT_MSS_MIN     88  /* whoever asks for less gets this, as Linux' own TCP does */
#define SEGMENT_MSS_MAX     (SESSION_MSS_MAX * 4)

/* Would segment_learn() write anything, or segment_cut() tell the sender, of a packet whose session
 * is known and that has not been translated yet? The sizes are those of segment_cut(). */
bool segment_learns(const struct nat64 *nat, const struct filter_plan *plan,
		    const struct packet *packet, uint32_t header_size, uint32_t limit);
/* What a packet tells, which has been translated as the plan says. */
void segment_learn(struct nat64 *nat, const struct filter_plan *plan, const struct packet *packet);

/*
 * An ICMP error about the size of a packet was passed back to its sender. tuple: of that packet,
 * swapped, as filter_error_6to4() and filter_error_4to6() take it: the error came from the IPv6
 * side, or from the IPv4 side. mtu: of that side.
 */
void segment_error_6to4(struct nat64 *nat, const struct tuple4 *tuple, uint32_t mtu);
void segment_error_4to6(struct nat64 *nat, const struct tuple4 *tuple, uint32_t mtu);

/*
 * Before a superpacket is translated: sets its segment_size, so that no segment becomes larger than
 * limit with header_size bytes of IP in front, and unless a single segment is left. If the sender
 * may use larger ones it is told so (mtu: the MTU of its side), but nothing is lost.
 */
void segment_cut(struct passage *passage, const struct filter_plan *plan, uint32_t header_size,
		 uint32_t limit, uint32_t mtu);

/* Of a superpacket that segment_cut() has seen, or any other packet. */
uint16_t segment_count(const struct packet *packet);
