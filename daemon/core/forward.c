/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/forward.h"

#include "daemon/core/filter.h"

#define IP6_MTU_MIN 1280 /* RFC 8200, 5 */

static uint8_t tcp_flags_of(const struct packet *packet)
{
	return packet->protocol == PROTOCOL_TCP ? packet_tcp_flags(packet) : 0;
}

/* RFC 1812, 5.2.7.1 and RFC 4443, 3.1: no route, or a next hop that does not answer. */
static enum outcome outcome_of_route(const struct route_answer *route)
{
	switch (route->state) {
	case ROUTE_OK:
		break;
	case ROUTE_NONE:
		return OUTCOME_NO_ROUTE;
	case ROUTE_NEXT_HOP_DEAD:
		return OUTCOME_HOST_UNREACHABLE;
	}
	return OUTCOME_TRANSLATED;
}

/* F-19 for what the kernel has put together, or would cut behind us: its size alone betrays it, if
 * it is more than the way to its sender could have carried; of the host's own, the way from it. */
static bool came_in_fragments6(const struct nat64 *nat, const struct packet *packet)
{
	struct route_answer route;
	struct addr6 far;

	if (packet->reassembled || packet->has_fragment_header || packet->size <= IP6_MTU_MIN)
		return packet->reassembled;
	far = packet_src6(packet);
	if (nat->world.own6(nat->world.context, &far))
		far = packet_dst6(packet);
	nat->world.route6(nat->world.context, &far, &route);
	return route.state != ROUTE_NONE && packet->size > route.mtu;
}

/* The same for what may not be cut: the kernel keeps DF if all fragments had it. */
static bool came_in_fragments4(const struct nat64 *nat, const struct packet *packet)
{
	struct route_answer route;

	if (packet->reassembled || !packet->dont_fragment || packet->size <= IP6_MTU_MIN)
		return packet->reassembled;
	nat->world.route4(nat->world.context, packet_src4(packet), &route);
	return route.state != ROUTE_NONE && packet->size > route.mtu;
}

/* T-39: the way back counts, too, when the MSS of a SYN is to be clamped. */
static bool clamps(const struct nat64 *nat, const struct packet *packet)
{
	return nat->config.rules.clamp_mss && (tcp_flags_of(packet) & TH_SYN);
}

static uint32_t mtu_back6(const struct nat64 *nat, const struct packet *packet)
{
	struct route_answer route;
	struct addr6 src;

	if (!clamps(nat, packet))
		return UINT32_MAX;
	src = packet_src6(packet);
	nat->world.route6(nat->world.context, &src, &route);
	return route.state == ROUTE_NONE ? UINT32_MAX : route.mtu;
}

static uint32_t mtu_back4(const struct nat64 *nat, const struct packet *packet)
{
	struct route_answer route;

	if (!clamps(nat, packet))
		return UINT32_MAX;
	nat->world.route4(nat->world.context, packet_src4(packet), &route);
	return route.state == ROUTE_NONE ? UINT32_MAX : route.mtu;
}

/* A static binding on an address of the host's own, which is not in pool4, for the identifier that
 * this client's echo has on the IPv4 side? */
static bool echo_is_bound(const struct nat64 *nat, const struct taddr6 *from,
			  const struct taddr4 *to)
{
	const struct bib *bib = &nat->bib[PROTOCOL_ICMP];
	uint32_t binding = bib_find6(bib, from);

	return binding != SLAB_NONE &&
	       bib_find4(bib, &(struct taddr4){to->addr, bib_at(bib, binding)->port4}) != SLAB_NONE;
}

/* Does an IPv4 packet to this transport address come back to us (3.8)? */
static bool is_hairpin(const struct nat64 *nat, enum protocol protocol, const struct taddr6 *from,
		       const struct taddr4 *to)
{
	if (protocol == PROTOCOL_ICMP)
		return pool4_has_address(nat->pool4, to->addr) || echo_is_bound(nat, from, to);
	return pool4_find(nat->pool4, protocol, to->addr, to->port) ||
	       bib_find4(&nat->bib[protocol], to) != SLAB_NONE;
}

/* S-25: keeps the SYN, which is IPv4 by now. */
static enum outcome store_syn(struct passage *passage, const struct tuple4 *in)
{
	struct nat64 *nat = passage->nat;
	bool stored = syn_store_add(&nat->syns, &in->dst, &in->src, passage->packet->data,
				    passage->packet->size,
				    passage->now_ms + nat->config.tcp_incoming_syn_ms);

	return stored ? OUTCOME_SYN_STORED : OUTCOME_SYN_STORE_FULL;
}

/*
 * RFC 6146, 3.8: the packet for (T2,t2) goes back to the IPv6 side as if it came from (T1,t1). Seen
 * from outside the gateway is one hop (H-7), and the IPv4 packet in between has no size limit
 * (H-8).
 */
static enum outcome hairpin(struct passage *passage, const struct tuple4 *between)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	const struct filter_input input = {tcp_flags_of(packet), true, passage->now_ms};
	struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};

	struct filter_found found;
	struct tuple6 to;
	enum outcome outcome = filter_4to6_check(nat, between, &input, &found, &to);
	if (outcome == OUTCOME_SYN_STORED) {
		path.ip4_id = ip4_id_next(&nat->ip4_ids, between->src.addr, between->dst.addr,
					  packet->ip_protocol);
		xlat_6to4(packet, between, &path, &nat->config.rules);
		return store_syn(passage, between);
	}
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	struct route_answer route;
	nat->world.route6(nat->world.context, &to.dst.addr, &route);
	outcome = outcome_of_route(&route);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	const uint32_t nh6_mtu = route.mtu > IP6_MTU_MIN ? route.mtu : IP6_MTU_MIN;
	uint32_t limit = nh6_mtu;
	if (packet->reassembled && nat->config.rules.lowest_ipv6_mtu < limit)
		limit = nat->config.rules.lowest_ipv6_mtu; /* F-19 */
	if (!packet->reassembled && packet_l4_size(packet) + IP6_HEADER_SIZE > limit) {
		passage->field.mtu = limit;
		return OUTCOME_TOO_BIG;
	}
	outcome = filter_4to6(nat, between, &input, &found);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const uint32_t back = mtu_back6(nat, packet);
	path.nh6_mtu = back < nh6_mtu ? back : nh6_mtu;
	xlat_6to4(packet, between, &path, &nat->config.rules);
	path.keep_hop_limit = true;
	xlat_4to6(packet, &to, &path, &nat->config.rules);
	emit_packet(packet, limit, random_u32(&nat->random), passage->out);
	return OUTCOME_HAIRPINNED;
}

/* RFC 7915, 5: what an IPv4 packet will meet on its way, and how large its pieces may be. */
static enum outcome find_way_6to4(struct passage *passage, uint32_t peer4, struct xlat_path *path,
				  uint32_t *ret_limit)
{
	const struct nat64 *nat = passage->nat;
	struct route_answer route;

	nat->world.route4(nat->world.context, peer4, &route);
	path->nh4_mtu = route.mtu;
	enum outcome outcome = xlat_6to4_check(passage->packet, path, &nat->config.rules, ret_limit,
					       &passage->field.mtu);
	if (outcome != OUTCOME_HOP_LIMIT && route.state != ROUTE_OK)
		outcome = outcome_of_route(&route);
	return outcome;
}

/* RFC 6146, 3.4 to 3.8, in their order: TCP, UDP and echo out of the IPv6 side. */
enum outcome forward_6to4(struct passage *passage, uint8_t pool6, uint32_t peer4)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	const struct tuple6 in = tuple6_of_packet(packet); /* 3.4 */
	const bool back =
		is_hairpin(nat, in.protocol, &in.src, &(struct taddr4){peer4, in.dst.port});
	const struct filter_input input = {tcp_flags_of(packet), back, passage->now_ms};

	packet->reassembled = came_in_fragments6(nat, packet);
	struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = mtu_back6(nat, packet)};
	uint32_t limit;
	enum outcome way = back ? xlat_6to4_check(packet, &path, &nat->config.rules, &limit,
						  &passage->field.mtu)
				: find_way_6to4(passage, peer4, &path, &limit);
	if (way == OUTCOME_HOP_LIMIT)
		return way;
	if (way != OUTCOME_TRANSLATED) {
		enum outcome filtered = filter_6to4_check(nat, &in, pool6, peer4, &input);
		return filtered == OUTCOME_TRANSLATED ? way : filtered;
	}

	struct tuple4 to;
	enum outcome outcome = filter_6to4(nat, &in, pool6, peer4, &input, &to); /* 3.5, 3.6 */
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (back)
		return hairpin(passage, &to); /* 3.8 */

	path.ip4_id = ip4_id_next(&nat->ip4_ids, to.src.addr, to.dst.addr, packet->ip_protocol);
	xlat_6to4(packet, &to, &path, &nat->config.rules); /* 3.7 */
	emit_packet(packet, limit, 0, passage->out);
	return OUTCOME_TRANSLATED;
}

/* RFC 6146, 3.4 to 3.7, in their order: TCP, UDP and echo out of the IPv4 side. */
enum outcome forward_4to6(struct passage *passage)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	const struct tuple4 in = tuple4_of_packet(packet); /* 3.4 */
	const struct filter_input input = {tcp_flags_of(packet), false, passage->now_ms};

	struct filter_found found;
	struct tuple6 to;
	enum outcome outcome = filter_4to6_check(nat, &in, &input, &found, &to); /* 3.5, 3.6 */
	if (outcome == OUTCOME_SYN_STORED)
		return store_syn(passage, &in);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	packet->reassembled = came_in_fragments4(nat, packet);
	struct route_answer route;
	nat->world.route6(nat->world.context, &to.dst.addr, &route);
	const struct xlat_path path = {.nh4_mtu = mtu_back4(nat, packet), .nh6_mtu = route.mtu};
	uint32_t limit;
	outcome = xlat_4to6_check(packet, &path, &nat->config.rules, &limit, &passage->field.mtu);
	if (outcome != OUTCOME_HOP_LIMIT && route.state != ROUTE_OK)
		outcome = outcome_of_route(&route);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	outcome = filter_4to6(nat, &in, &input, &found);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	xlat_4to6(packet, &to, &path, &nat->config.rules); /* 3.7 */
	emit_packet(packet, limit, random_u32(&nat->random), passage->out);
	return OUTCOME_TRANSLATED;
}
