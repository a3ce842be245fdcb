/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915: one packet from one family into the other, in place. Pure header work: which addresses
 * and ports to write is the caller's, out of the tables (RFC 6146, 3.6 and 3.7).
 *
 * The files: xlat_6to4.c and xlat_4to6.c translate TCP, UDP and ICMP echo, whose transport header
 * is done in xlat_transport.c; xlat_icmp.c translates ICMP errors with their embedded packet
 * (xlat_icmp.h).
 *
 * Order of things: xlat_6to4_check() judges by size and hop limit before anything is changed, so
 * that an ICMP error can still quote the packet as it came (T-25); then xlat_6to4() can not fail.
 */
#pragma once

#include "daemon/core/ip_header.h"
#include "daemon/core/tuple.h"

#define XLAT_COPY (-1)

/* Configuration. */
struct xlat_rules {
	int traffic_class;            /* of IPv6 packets: XLAT_COPY, or 0..255 (T-2) */
	int type_of_service;          /* of IPv4 packets: XLAT_COPY, or 0..255 (T-12) */
	uint32_t lowest_ipv6_mtu;     /* >= 1280 (K-9) */
	bool clamp_mss;               /* T-39 */
	bool drop_udp4_zero_checksum; /* T-34, option */
};

/* What this packet will meet. */
struct xlat_path {
	uint32_t nh4_mtu; /* route MTU towards the IPv4 and IPv6 destination; UINT32_MAX = unlimited
			   */
	uint32_t nh6_mtu;
	uint16_t ip4_id;     /* for a packet that needs one made (T-14) */
	bool keep_hop_limit; /* second leg of a hairpinned packet: already counted (H-7) */
};

/*
 * May the packet be sent, whole or in pieces? A superpacket may, whatever its size.
 * OUTCOME_TRANSLATED, _HOP_LIMIT (T-5, T-16), or _TOO_BIG with *ret_mtu for the ICMP error (F-12,
 * F-16), or for what was reassembled 6->4 _FRAGMENT_TOO_BIG; and 4->6 _UDP4_ZERO_CHECKSUM (T-34,
 * T-35). *ret_limit: no piece may be larger; emit_packet() cuts (F-11, F-15). Both are always set.
 * Not asked about ICMP errors.
 */
enum outcome xlat_6to4_check(const struct packet *packet, const struct xlat_path *path,
			     const struct xlat_rules *rules, uint32_t *ret_limit,
			     uint32_t *ret_mtu);
enum outcome xlat_4to6_check(const struct packet *packet, const struct xlat_path *path,
			     const struct xlat_rules *rules, uint32_t *ret_limit,
			     uint32_t *ret_mtu);

/* Rewrites packet, which is then of the other family: data, size, headroom and all of the view are
 * up to date, l4_offset is 20 (or 40, 48 with a Fragment header). to is the outgoing tuple; of an
 * echo the identifier is the client's side of it: the source port 6->4, the destination port 4->6.
 */
void xlat_6to4(struct packet *packet, const struct tuple4 *to, const struct xlat_path *path,
	       const struct xlat_rules *rules);
void xlat_4to6(struct packet *packet, const struct tuple6 *to, const struct xlat_path *path,
	       const struct xlat_rules *rules);

/* T-15: DF for a packet without Fragment header that becomes total_length bytes of IPv4. */
static inline bool ip4_wants_df(uint32_t total_length)
{
	return total_length > 1260;
}
