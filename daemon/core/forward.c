/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/forward.h"

#include "daemon/core/minmax.h"
#include "daemon/core/quota.h"
#include "daemon/core/segment.h"

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

	if (packet->reassembled || packet->has_fragment_header || packet->superpacket ||
	    packet->size <= IP6_MTU_MIN)
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

	if (packet->reassembled || !packet->dont_fragment || packet->superpacket ||
	    packet->size <= IP6_MTU_MIN)
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

/* Whatever is bound is in use there; which of the addresses have any such is known without waiting
 * for a large table. */
static bool is_bound(const struct nat64 *nat, enum protocol protocol, const struct taddr4 *to)
{
	const bool used = pool4_is_used(nat->pool4, protocol, to);

#ifdef __SANITIZE_ADDRESS__
	assert(used == (bib_find4(&nat->bib[protocol], to) != SLAB_NONE));
#endif
	return used;
}

/* Does an IPv4 packet to this transport address come back to us (3.8)? */
static bool is_hairpin(const struct nat64 *nat, enum protocol protocol, const struct taddr6 *from,
		       const struct taddr4 *to)
{
	if (protocol == PROTOCOL_ICMP)
		return pool4_has_address(nat->pool4, to->addr) || echo_is_bound(nat, from, to);
	/* A static binding may be at an address of the host's own, and a binding of an entry that
	 * is gone. */
	return pool4_find(nat->pool4, protocol, to->addr, to->port) || is_bound(nat, protocol, to);
}

/* S-25: a SYN that is to be kept, if there is room. */
static enum outcome outcome_of_syn(const struct nat64 *nat)
{
	return syn_store_is_full(&nat->syns) ? OUTCOME_SYN_STORE_FULL : OUTCOME_SYN_STORED;
}

/* Keeps it; it is IPv4 by now. */
static enum outcome store_syn(struct passage *passage, const struct filter_plan *plan)
{
	struct nat64 *nat = passage->nat;
	bool stored = syn_store_add(&nat->syns, &plan->mapped, &plan->peer, passage->packet->data,
				    passage->packet->size,
				    passage->now_ms + nat->config.tcp_incoming_syn_ms);

	return stored ? OUTCOME_SYN_STORED : OUTCOME_SYN_STORE_FULL;
}

/* The way to the host that a hairpinned packet goes back to. */
static enum outcome decide_way_back(const struct nat64 *nat, const struct packet *packet,
				    const struct addr6 *to, struct decision *decision)
{
	struct route_answer *route = &decision->route;

	nat->world.route6(nat->world.context, to, route);
	decision->has_route = true;
	enum outcome outcome = outcome_of_route(route);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const uint32_t nh6_mtu = max_u32(route->mtu, IP6_MTU_MIN);
	const uint32_t back = mtu_back6(nat, packet);
	decision->path.nh6_mtu = min_u32(back, nh6_mtu);
	decision->limit = nh6_mtu;
	if (packet->reassembled && nat->config.rules.lowest_ipv6_mtu < decision->limit)
		decision->limit = nat->config.rules.lowest_ipv6_mtu; /* F-19 */
	decision->mtu = decision->limit;
	if (packet->reassembled || packet->superpacket)
		return OUTCOME_TRANSLATED;
	return packet_l4_size(packet) + IP6_HEADER_SIZE > decision->limit ? OUTCOME_TOO_BIG
									  : OUTCOME_TRANSLATED;
}

/*
 * RFC 6146, 3.8: the packet for (T2,t2) goes back to the IPv6 side as if it came from (T1,t1). Seen
 * from outside the gateway is one hop (H-7), and the IPv4 packet in between has no size limit
 * (H-8).
 */
static enum outcome decide_back(const struct nat64 *nat, const struct packet *packet,
				const struct filter_input *input, struct decision *decision)
{
	const struct tuple4 between = filter_tuple4(&decision->plan);
	struct filter_plan *back = &decision->back;
	enum outcome outcome;

	decision->path = (struct xlat_path){.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};
	if (filter_turns_back(&decision->plan)) {
		outcome = decide_way_back(nat, packet, &decision->plan.client.addr, decision);
		if (outcome == OUTCOME_TRANSLATED)
			filter_turn_back(nat, input, &decision->plan);
		return outcome == OUTCOME_TRANSLATED ? OUTCOME_HAIRPINNED : outcome;
	}
	decision->has_back = true;
	outcome = filter_4to6_check(nat, &between, input, &decision->plan, back);
	if (outcome == OUTCOME_SYN_STORED)
		return outcome_of_syn(nat);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = decide_way_back(nat, packet, &back->client.addr, decision);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = filter_4to6(nat, input, &decision->plan, back);
	return outcome == OUTCOME_TRANSLATED ? OUTCOME_HAIRPINNED : outcome;
}

/* RFC 7915, 5: what an IPv4 packet will meet on its way, and how large its pieces may be. */
static enum outcome decide_way_6to4(const struct nat64 *nat, const struct packet *packet,
				    struct decision *decision)
{
	struct route_answer *route = &decision->route;

	decision->path =
		(struct xlat_path){.nh4_mtu = UINT32_MAX, .nh6_mtu = mtu_back6(nat, packet)};
	if (!decision->hairpinned) {
		nat->world.route4(nat->world.context, decision->peer4, route);
		decision->has_route = true;
		decision->path.nh4_mtu = route->mtu;
	}
	enum outcome outcome = xlat_6to4_check(packet, &decision->path, &nat->config.rules,
					       &decision->limit, &decision->mtu);
	if (outcome != OUTCOME_HOP_LIMIT && decision->has_route && route->state != ROUTE_OK)
		outcome = outcome_of_route(route);
	return outcome;
}

/* RFC 6146, 3.4 to 3.8, in their order: TCP, UDP and echo out of the IPv6 side. */
enum outcome forward_decide_6to4(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
				 struct decision *decision)
{
	const struct tuple6 in = tuple6_of_packet(packet); /* 3.4 */
	const uint8_t pool6 = (uint8_t)decision->pool6;
	const uint32_t peer4 = decision->peer4;

	decision->hairpinned =
		is_hairpin(nat, in.protocol, &in.src, &(struct taddr4){peer4, in.dst.port});
	const struct filter_input input = {.tcp_flags = tcp_flags_of(packet),
					   .hairpinned = decision->hairpinned,
					   .now_ms = now_ms,
					   .known_only = decision->known_only};

	packet->reassembled = came_in_fragments6(nat, packet);
	enum outcome way = decide_way_6to4(nat, packet, decision);
	if (way == OUTCOME_HOP_LIMIT)
		return way;
	decision->has_plan = true;
	if (way != OUTCOME_TRANSLATED) {
		enum outcome filtered =
			filter_6to4_check(nat, &in, pool6, peer4, &input, &decision->plan);
		return filtered == OUTCOME_TRANSLATED ? way : filtered;
	}

	enum outcome outcome =
		filter_6to4(nat, &in, pool6, peer4, &input, &decision->plan); /* 3.5, 3.6 */
	decision->goes_out = outcome == OUTCOME_TRANSLATED;
	if (decision->goes_out && decision->hairpinned)
		return decide_back(nat, packet, &input, decision); /* 3.8 */
	return outcome;
}

static uint32_t ip_size_of(bool is6)
{
	return is6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
}

static bool is_light_drop(const struct decision *decision, enum outcome decided)
{
	return outcome_info(decided)->verdict != VERDICT_STORED &&
	       !(decision->has_plan && quota_is_refusal(decided));
}

bool forward_is_light(const struct nat64 *nat, const struct packet *packet,
		      const struct decision *decision, enum outcome decided)
{
	const struct filter_plan *plan = &decision->plan;

	if (decided == FILTER_UNDECIDED || decision->hairpinned)
		return false;
	if (decided != OUTCOME_TRANSLATED)
		return is_light_drop(decision, decided);
	return filter_is_light(nat, plan) &&
	       !segment_learns(nat, plan, packet, ip_size_of(!plan->from6), decision->limit);
}

/* The packet, which is for the IPv4 side by its plan, becomes IPv4 (3.7). */
static void translate_6to4(struct passage *passage, const struct decision *decision,
			   struct xlat_path *path)
{
	const struct tuple4 to = filter_tuple4(&decision->plan);
	struct packet *packet = passage->packet;

	*path = decision->path;
	path->ip4_id = ip4_id_take(&passage->nat->ip4_ids, to.src.addr, to.dst.addr,
				   packet->ip_protocol, segment_count(packet));
	xlat_6to4(packet, &to, path, &passage->nat->config.rules);
	segment_learn(passage->nat, &decision->plan, packet);
}

static enum outcome commit(struct passage *passage, const struct decision *decision)
{
	if (!decision->known_only)
		return filter_commit(passage->nat, &decision->plan, passage->now_ms);
	filter_commit_light(passage->nat, &decision->plan);
	return OUTCOME_TRANSLATED;
}

/* The packet goes. */
static void leave6(const struct nat64 *nat, const struct decision *decision, const struct addr6 *to)
{
	if (decision->route.on_trial)
		nat->world.tried6(nat->world.context, to);
}

static void leave4(const struct nat64 *nat, const struct decision *decision)
{
	if (decision->route.on_trial)
		nat->world.tried4(nat->world.context, decision->peer4);
}

/* The way back of a packet that has gone out. */
static enum outcome go_back(struct passage *passage, const struct decision *decision,
			    enum outcome decided)
{
	const struct filter_plan *back = &decision->back;
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	struct xlat_path path;

	if (decided == OUTCOME_SYN_STORED) {
		translate_6to4(passage, decision, &path);
		return store_syn(passage, back);
	}
	if (decided != OUTCOME_HAIRPINNED) {
		if (decision->has_back)
			filter_refused(nat, back, decided, passage->now_ms);
		return decided;
	}
	if (decision->has_back) {
		enum outcome outcome = filter_commit(nat, back, passage->now_ms);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}

	const struct tuple6 to =
		decision->has_back ? filter_tuple6(nat, back) : filter_tuple6(nat, &decision->plan);
	leave6(nat, decision, &to.dst.addr);
	segment_cut(passage, &decision->plan, IP6_HEADER_SIZE, decision->limit, decision->mtu);
	translate_6to4(passage, decision, &path);
	path.keep_hop_limit = true;
	xlat_4to6(packet, &to, &path, &nat->config.rules);
	if (decision->has_back)
		segment_learn(nat, back, packet);
	emit_packet(packet, decision->limit, random_u32(passage->random), passage->out);
	return OUTCOME_HAIRPINNED;
}

enum outcome forward_6to4(struct passage *passage, const struct decision *decision,
			  enum outcome decided)
{
	struct nat64 *nat = passage->nat;
	struct xlat_path path;

	passage->field.mtu = decision->mtu;
	if (!decision->goes_out) {
		if (decision->has_plan)
			filter_refused(nat, &decision->plan, decided, passage->now_ms);
		return decided;
	}
	enum outcome outcome = commit(passage, decision);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (decision->hairpinned)
		return go_back(passage, decision, decided);

	leave4(nat, decision);
	segment_cut(passage, &decision->plan, ip_size_of(false), decision->limit, decision->mtu);
	translate_6to4(passage, decision, &path);
	emit_packet(passage->packet, decision->limit, 0, passage->out);
	return OUTCOME_TRANSLATED;
}

/* RFC 7915, 4: the same for an IPv6 packet. */
static enum outcome decide_way_4to6(const struct nat64 *nat, struct packet *packet,
				    struct decision *decision)
{
	struct route_answer *route = &decision->route;

	packet->reassembled = came_in_fragments4(nat, packet);
	nat->world.route6(nat->world.context, &decision->plan.client.addr, route);
	decision->has_route = true;
	decision->path =
		(struct xlat_path){.nh4_mtu = mtu_back4(nat, packet), .nh6_mtu = route->mtu};
	enum outcome outcome = xlat_4to6_check(packet, &decision->path, &nat->config.rules,
					       &decision->limit, &decision->mtu);
	if (outcome != OUTCOME_HOP_LIMIT && route->state != ROUTE_OK)
		outcome = outcome_of_route(route);
	return outcome;
}

/* RFC 6146, 3.4 to 3.7, in their order: TCP, UDP and echo out of the IPv4 side. */
enum outcome forward_decide_4to6(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
				 struct decision *decision)
{
	const struct tuple4 in = tuple4_of_packet(packet); /* 3.4 */
	const struct filter_input input = {.tcp_flags = tcp_flags_of(packet),
					   .now_ms = now_ms,
					   .known_only = decision->known_only};

	decision->has_plan = true;
	enum outcome outcome = filter_4to6_check(nat, &in, &input, NULL, &decision->plan); /* 3.5 */
	if (outcome == OUTCOME_SYN_STORED)
		return outcome_of_syn(nat);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = decide_way_4to6(nat, packet, decision);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = filter_4to6(nat, &input, NULL, &decision->plan);
	decision->goes_out = outcome == OUTCOME_TRANSLATED;
	return outcome;
}

enum outcome forward_4to6(struct passage *passage, const struct decision *decision,
			  enum outcome decided)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;

	passage->field.mtu = decision->mtu;
	if (decided == OUTCOME_SYN_STORED)
		return store_syn(passage, &decision->plan);
	if (decided != OUTCOME_TRANSLATED) {
		filter_refused(nat, &decision->plan, decided, passage->now_ms);
		return decided;
	}
	enum outcome outcome = commit(passage, decision);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const struct tuple6 to = filter_tuple6(nat, &decision->plan); /* 3.6 */
	leave6(nat, decision, &to.dst.addr);
	segment_cut(passage, &decision->plan, IP6_HEADER_SIZE, decision->limit, decision->mtu);
	xlat_4to6(packet, &to, &decision->path, &nat->config.rules); /* 3.7 */
	segment_learn(nat, &decision->plan, packet);
	emit_packet(packet, decision->limit, random_u32(passage->random), passage->out);
	return OUTCOME_TRANSLATED;
}
