/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 4: IPv4 to IPv6 for TCP, UDP and echo.
 */
#include <assert.h>

#include "daemon/core/checksum.h"
#include "daemon/core/xlat.h"
#include "daemon/core/xlat_transport.h"

/* The IPv6 header, and the Fragment header of what was a fragment already (T-9). */
static uint32_t header6_size(const struct packet *packet)
{
	return IP6_HEADER_SIZE + (packet->is_fragment ? FRAGMENT_HEADER_SIZE : 0);
}

static bool is_udp_without_checksum(const struct packet *packet)
{
	return packet->protocol == PROTOCOL_UDP && packet->fragment_offset == 0 &&
	       load_be16(packet_l4(packet) + 6) == 0;
}

/* RFC 7915, 1.4, 4.4 and 4.5: no further goes what is too big and may not be cut, what has no hops
 * left, and UDP whose checksum nobody can make. */
enum outcome xlat_4to6_check(const struct packet *packet, const struct xlat_path *path,
			     const struct xlat_rules *rules, uint32_t *ret_limit, uint32_t *ret_mtu)
{
	uint32_t size = header6_size(packet) + packet_l4_size(packet);
	uint32_t limit = path->nh6_mtu > IP6_MTU_MIN ? path->nh6_mtu : IP6_MTU_MIN;

	*ret_mtu = limit - (header6_size(packet) - IP4_HEADER_SIZE);
	const bool may_cut = !packet->dont_fragment || packet->reassembled;
	if (may_cut && limit > rules->lowest_ipv6_mtu)
		limit = rules->lowest_ipv6_mtu; /* F-11, F-19 */
	*ret_limit = limit;

	if (packet->hop_limit <= 1 && !path->keep_hop_limit)
		return OUTCOME_HOP_LIMIT;
	/* T-34, T-35: of a fragment no checksum can be made. */
	if (is_udp_without_checksum(packet) &&
	    (rules->drop_udp4_zero_checksum || packet->is_fragment))
		return OUTCOME_UDP4_ZERO_CHECKSUM;
	if (!may_cut && !packet->superpacket && size > limit)
		return OUTCOME_TOO_BIG; /* F-12 */
	return OUTCOME_TRANSLATED;
}

/* RFC 7915, 4.1 and, of a fragment, its Fragment header. */
static struct ip_fields fields_4to6(const struct packet *packet, const struct xlat_path *path,
				    const struct xlat_rules *rules)
{
	struct ip_fields fields = {
		.traffic_class = packet->traffic_class,
		.hop_limit = packet->hop_limit,
		.ip_protocol = packet->ip_protocol,
	};

	if (rules->traffic_class != XLAT_COPY)
		fields.traffic_class = (uint8_t)rules->traffic_class;
	if (!path->keep_hop_limit)
		fields.hop_limit--;
	if (packet->protocol == PROTOCOL_ICMP)
		fields.ip_protocol = IPPROTO_ICMPV6;
	if (packet->is_fragment) { /* F-6 */
		fields.has_fragment_header = true;
		fields.more_fragments = packet->more_fragments;
		fields.fragment_offset = packet->fragment_offset;
		fields.fragment_id = packet->fragment_id;
	}
	return fields;
}

/* RFC 7915, 4.5: IPv6 wants a checksum where IPv4 has none (T-34). It covers what the UDP length
 * says (T-37). */
static void udp_make_checksum(uint8_t *udp, const struct tuple6 *to)
{
	uint16_t length = load_be16(udp + 4);
	uint64_t sum = checksum_pseudo6(&to->src.addr, &to->dst.addr, length, IPPROTO_UDP);
	uint16_t check;

	store_be16(udp, to->src.port);
	store_be16(udp + 2, to->dst.port);
	check = checksum_finish(checksum_add(sum, udp, length));
	if (check == 0)
		check = 0xffff;
	memcpy(udp + 6, &check, sizeof(check));
}

/* RFC 7915, 4.5, and 4.2 for echo: ports, identifier and checksum, which only the first fragment
 * has. */
static void transport_4to6(const struct packet *packet, const struct tuple6 *to,
			   const struct xlat_path *path, const struct xlat_rules *rules)
{
	uint8_t *l4 = packet_l4(packet);
	uint64_t removed, added;

	if (packet->fragment_offset != 0)
		return;

	/* Length and protocol of TCP and UDP are the same in both pseudo headers. */
	removed = checksum_pseudo4(packet_src4(packet), packet_dst4(packet), 0, 0);
	added = checksum_pseudo6(&to->src.addr, &to->dst.addr, 0, 0);
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		xlat_tcp(l4, to->src.port, to->dst.port, removed, added);
		if (rules->clamp_mss)
			xlat_clamp_mss(l4, path->nh4_mtu, path->nh6_mtu);
		if (packet->unfinished)
			xlat_tcp_unfinished(l4,
					    checksum_pseudo6(&to->src.addr, &to->dst.addr,
							     packet_l4_size(packet), IPPROTO_TCP));
		return;
	case PROTOCOL_UDP:
		if (is_udp_without_checksum(packet))
			udp_make_checksum(l4, to);
		else
			xlat_udp(l4, to->src.port, to->dst.port, removed, added);
		return;
	case PROTOCOL_ICMP: /* I-3: with a pseudo header */
		added = checksum_pseudo6(&to->src.addr, &to->dst.addr, packet_l4_size(packet),
					 IPPROTO_ICMPV6);
		xlat_echo(l4, l4[0] == ICMP_ECHO ? ICMP6_ECHO_REQUEST : ICMP6_ECHO_REPLY,
			  to->dst.port, 0, added);
		return;
	case N_PROTOCOLS:
		return;
	}
}

/* RFC 7915, 4.1: options are not translated (T-7). Puts room for the IPv6 header in place of the
 * IPv4 header and in front of it. */
static void become6(struct packet *packet, const struct ip_fields *fields)
{
	uint32_t payload_size = packet_l4_size(packet);
	uint32_t header_size = header6_size(packet);
	uint8_t *l4 = packet_l4(packet);

	assert(packet->headroom + packet->l4_offset >= header_size);
	packet->data = l4 - header_size;
	packet->headroom = packet->headroom + packet->l4_offset - header_size;
	packet->size = header_size + payload_size;
	packet->version = 6;
	packet->ip_protocol = fields->ip_protocol;
	packet->has_fragment_header = fields->has_fragment_header;
	packet->dont_fragment = false;
	packet->fragment_id = fields->fragment_id;
	packet->traffic_class = fields->traffic_class;
	packet->hop_limit = fields->hop_limit;
	packet->l4_offset = header_size;
}

/* RFC 7915, 4. */
void xlat_4to6(struct packet *packet, const struct tuple6 *to, const struct xlat_path *path,
	       const struct xlat_rules *rules)
{
	struct ip_fields fields = fields_4to6(packet, path, rules);
	uint32_t payload_size = packet_l4_size(packet);

	transport_4to6(packet, to, path, rules);
	become6(packet, &fields);
	ip6_header_write(packet->data, &fields, &to->src.addr, &to->dst.addr, payload_size);
}
