/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 5: IPv6 to IPv4 for TCP, UDP and echo.
 */
#include "daemon/core/checksum.h"
#include "daemon/core/emit.h"
#include "daemon/core/minmax.h"
#include "daemon/core/xlat.h"
#include "daemon/core/xlat_transport.h"

#define IP4_SIZE_MAX 65535
#define IP4_MTU_MIN  68 /* RFC 791, 3.2 */

/* RFC 7915, 5.1.1, after F-15: would emit_packet() need more pieces than out has room for? */
static bool is_too_many_pieces(uint32_t payload_size, uint32_t limit)
{
	uint32_t piece_size = (limit - IP4_HEADER_SIZE) & ~7u;

	return payload_size > piece_size * EMIT_PIECES_MAX;
}

/* RFC 7915, 5.1 and 5.4: no further goes what has no hops left, and what is too big, if its sender
 * can send smaller packets. */
enum outcome xlat_6to4_check(const struct packet *packet, const struct xlat_path *path,
			     const struct xlat_rules *rules, uint32_t *ret_limit, uint32_t *ret_mtu)
{
	uint32_t payload_size = packet_l4_size(packet);
	uint32_t size = IP4_HEADER_SIZE + payload_size;
	uint32_t limit = max_u32(min_u32(path->nh4_mtu, IP4_SIZE_MAX), IP4_MTU_MIN);

	*ret_limit = limit;
	*ret_mtu = max_u32(IP6_MTU_MIN, limit + IP6_HEADER_SIZE - IP4_HEADER_SIZE);

	if (packet->hop_limit <= 1 && !path->keep_hop_limit)
		return OUTCOME_HOP_LIMIT;
	/* No IPv4 packet is that long, not even in pieces. */
	if (packet->fragment_offset + size > IP4_SIZE_MAX)
		return OUTCOME_TOO_BIG;
	if (size <= limit || packet->superpacket)
		return OUTCOME_TRANSLATED;

	/* F-16: the sender could have known. Others are cut: F-15, F-17, F-19. */
	if (!packet->has_fragment_header && !packet->reassembled && packet->size > IP6_MTU_MIN)
		return OUTCOME_TOO_BIG;
	if (is_too_many_pieces(payload_size, limit))
		return packet->reassembled ? OUTCOME_FRAGMENT_TOO_BIG : OUTCOME_TOO_BIG;
	return OUTCOME_TRANSLATED;
}

/* IPv4's size, as it will be on the wire: of a superpacket, that of its segments. */
static uint32_t size4(const struct packet *packet)
{
	if (packet->segment_size == 0)
		return IP4_HEADER_SIZE + packet_l4_size(packet);
	return IP4_HEADER_SIZE + (packet_l4(packet)[12] >> 4) * 4u + packet->segment_size;
}

/* RFC 7915, 5.1 and, with a Fragment header, 5.1.1. */
static struct ip_fields fields_6to4(const struct packet *packet, const struct xlat_path *path,
				    const struct xlat_rules *rules)
{
	struct ip_fields fields = {
		.traffic_class = packet->traffic_class,
		.hop_limit = packet->hop_limit,
		.ip_protocol = packet->ip_protocol,
		.dont_fragment = !packet->reassembled && ip4_wants_df(size4(packet)),
		.fragment_id = path->ip4_id,
	};

	if (rules->type_of_service != XLAT_COPY)
		fields.traffic_class = (uint8_t)rules->type_of_service;
	if (!path->keep_hop_limit)
		fields.hop_limit--;
	if (packet->protocol == PROTOCOL_ICMP)
		fields.ip_protocol = IPPROTO_ICMP;
	if (packet->has_fragment_header) { /* F-7, F-8 */
		fields.dont_fragment = false;
		fields.more_fragments = packet->more_fragments;
		fields.fragment_offset = packet->fragment_offset;
		fields.fragment_id = packet->fragment_id & 0xffff;
	}
	return fields;
}

/* RFC 7915, 5.5, and 5.2 for echo: ports, identifier and checksum, which only the first fragment
 * has. */
static void transport_6to4(const struct packet *packet, const struct tuple4 *to,
			   const struct xlat_path *path, const struct xlat_rules *rules)
{
	uint8_t *l4 = packet_l4(packet);
	struct addr6 src = packet_src6(packet);
	struct addr6 dst = packet_dst6(packet);
	uint64_t removed, added;

	if (packet->fragment_offset != 0)
		return;

	/* Length and next header of TCP and UDP are the same in both pseudo headers. */
	removed = checksum_pseudo6(&src, &dst, 0, 0);
	added = checksum_pseudo4(to->src.addr, to->dst.addr, 0, 0);
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		xlat_tcp(l4, to->src.port, to->dst.port, removed, added);
		if (rules->clamp_mss)
			xlat_clamp_mss(l4, path->nh4_mtu, path->nh6_mtu);
		if (packet->unfinished)
			xlat_tcp_unfinished(l4, checksum_pseudo4(to->src.addr, to->dst.addr,
								 (uint16_t)packet_l4_size(packet),
								 IPPROTO_TCP));
		return;
	case PROTOCOL_UDP:
		xlat_udp(l4, to->src.port, to->dst.port, removed, added);
		return;
	case PROTOCOL_ICMP: /* I-3: without a pseudo header */
		removed = checksum_pseudo6(&src, &dst, packet_l4_size(packet), IPPROTO_ICMPV6);
		xlat_echo(l4, l4[0] == ICMP6_ECHO_REQUEST ? ICMP_ECHO : ICMP_ECHOREPLY,
			  to->src.port, removed, 0);
		return;
	case N_PROTOCOLS:
		return;
	}
}

/* RFC 7915, 5.1: extension headers are not translated (T-19). Puts room for the IPv4 header in
 * place of everything in front of the transport header. */
static void become4(struct packet *packet, const struct ip_fields *fields)
{
	uint32_t payload_size = packet_l4_size(packet);
	uint32_t shrinking = packet->l4_offset - IP4_HEADER_SIZE;

	packet->data += shrinking;
	packet->headroom += shrinking;
	packet->size = IP4_HEADER_SIZE + payload_size;
	packet->version = 4;
	packet->ip_protocol = fields->ip_protocol;
	packet->has_fragment_header = false;
	packet->dont_fragment = fields->dont_fragment;
	packet->fragment_id = fields->fragment_id;
	packet->traffic_class = fields->traffic_class;
	packet->hop_limit = fields->hop_limit;
	packet->l4_offset = IP4_HEADER_SIZE;
}

/* RFC 7915, 5. */
void xlat_6to4(struct packet *packet, const struct tuple4 *to, const struct xlat_path *path,
	       const struct xlat_rules *rules)
{
	struct ip_fields fields = fields_6to4(packet, path, rules);

	transport_6to4(packet, to, path, rules);
	become4(packet, &fields);
	ip4_header_write(packet->data, &fields, to->src.addr, to->dst.addr, packet_l4_size(packet));
}
