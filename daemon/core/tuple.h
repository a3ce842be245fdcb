/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.4 and 3.6: the tuple of a packet, by which the tables are asked.
 *
 * The tuple of an ICMP query has the identifier as both ports. The tuple of an ICMP error is that
 * of the embedded packet with source and destination swapped (I-12): the packet in the direction in
 * which the error travels.
 */
#pragma once

#include "daemon/core/packet.h"

struct tuple6 {
	enum protocol protocol;
	struct taddr6 src;
	struct taddr6 dst;
};

struct tuple4 {
	enum protocol protocol;
	struct taddr4 src;
	struct taddr4 dst;
};

/* The packet has passed packet_parse() and is no ICMP error and no later fragment. */
struct tuple6 tuple6_of_packet(const struct packet *packet);
struct tuple4 tuple4_of_packet(const struct packet *packet);

/* The swapped tuple of the embedded packet. */
struct tuple6 tuple6_of_inner(const struct inner_packet *inner);
struct tuple4 tuple4_of_inner(const struct inner_packet *inner);
