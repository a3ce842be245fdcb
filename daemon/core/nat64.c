/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a packet, RFC 6146, 3.4 to 3.8, in that order: incoming tuple, filtering and updating,
 * outgoing tuple, translation, hairpinning.
 *
 * All decisions come first and leave the packet as it was received, so that an ICMP error can quote
 * it (T-25); only a packet that will leave is rewritten, and from then on nothing can fail.
 */
#include "daemon/core/nat64.h"

#include "daemon/core/answer.h"
#include "daemon/core/filter.h"
#include "daemon/core/icmp_transit.h"
#include "daemon/core/policy.h"
#include "daemon/core/xlat_icmp.h"

#define IP6_MTU_MIN 1280 /* RFC 8200, 5 */

/* One packet on its way. */
struct passage {
	struct nat64 *nat;
	struct packet *packet;
	struct out *out;
	uint64_t now_ms;
	struct answer_field field; /* for the ICMP error, if it comes to that */
};

static uint8_t tcp_flags_of(const struct packet *packet)
{
	return packet->protocol == PROTOCOL_TCP ? packet_tcp_flags(packet) : 0;
}

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

/* is the packet ours, and may it have these addresses? *ret_peer4 is the
 * embedded address. */
static enum outcome admit_6to4(const struct nat64 *nat, const struct packet *packet, int *ret_pool6,
			       uint32_t *ret_peer4)
{
	struct addr6 src = packet_src6(packet);
	struct addr6 dst = packet_dst6(packet);
	int pool6 = policy_pool6_of(nat, &dst);
	if (pool6 < 0)
		return OUTCOME_NOT_OURS;

	bool embeds = rfc6052_extract(&nat->config.pool6[pool6], &dst, ret_peer4) == RFC6052_OK;
	if (policy_exempt6(nat, &dst) || (embeds && policy_exempt4(nat, *ret_peer4)))
		return OUTCOME_EXEMPT;
	if (policy_pool6_of(nat, &src) >= 0)
		return OUTCOME_SOURCE_IN_POOL6;
	if (addr6_is_illegal_source(&src))
		return OUTCOME_ILLEGAL_SOURCE;
	if (!embeds)
		return OUTCOME_BAD_U_OCTET;
	if (policy_nonglobal(nat, (uint8_t)pool6, *ret_peer4))
		return OUTCOME_NONGLOBAL_DESTINATION;
	if (addr4_is_illegal(*ret_peer4))
		return OUTCOME_ILLEGAL_DESTINATION;
	*ret_pool6 = pool6;
	return OUTCOME_TRANSLATED;
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
	const uint32_t limit = route.mtu > IP6_MTU_MIN ? route.mtu : IP6_MTU_MIN;
	if (packet_l4_size(packet) + IP6_HEADER_SIZE > limit) {
		passage->field.mtu = limit;
		return OUTCOME_TOO_BIG;
	}
	outcome = filter_4to6(nat, between, &input, &found);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const uint32_t back = mtu_back6(nat, packet);
	path.nh6_mtu = back < limit ? back : limit;
	xlat_6to4(packet, between, &path, &nat->config.rules);
	path.keep_hop_limit = true;
	xlat_4to6(packet, &to, &path, &nat->config.rules);
	emit_packet(packet, limit, 0, passage->out);
	return OUTCOME_HAIRPINNED;
}

/* What an IPv4 packet will meet on its way, and how large its pieces may be. */
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

/* TCP, UDP and echo out of the IPv6 side. */
static enum outcome forward_6to4(struct passage *passage, uint8_t pool6, uint32_t peer4)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	const struct tuple6 in = tuple6_of_packet(packet); /* 3.4 */
	const bool back =
		is_hairpin(nat, in.protocol, &in.src, &(struct taddr4){peer4, in.dst.port});
	const struct filter_input input = {tcp_flags_of(packet), back, passage->now_ms};

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

static enum outcome receive_6to4(struct passage *passage)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;
	uint32_t peer4;
	int pool6;

	enum outcome outcome = admit_6to4(nat, packet, &pool6, &peer4);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (packet->is_fragment)
		return OUTCOME_FRAGMENT;

	if (packet->protocol == PROTOCOL_ICMP) {
		const uint8_t *icmp = packet_l4(packet);
		outcome = xlat_icmp_6to4_type(icmp[0], icmp[1], load_be32(icmp + 4));
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	if (packet->is_icmp_error)
		return icmp_transit_6to4(nat, packet, (uint8_t)pool6, passage->out);
	return forward_6to4(passage, (uint8_t)pool6, peer4);
}

/* TCP, UDP and echo out of the IPv4 side. */
static enum outcome forward_4to6(struct passage *passage)
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

/* A-10; the outer source of an ICMP error may be stranger than others (I-20). */
static bool illegal_source4(const struct packet *packet)
{
	uint32_t src = packet_src4(packet);
	uint32_t top = src >> 24;

	if (packet->is_icmp_error)
		return top == 0 || top == 127 || (top >= 224 && top < 240);
	return addr4_is_illegal(src);
}

static enum outcome judge_4to6(struct passage *passage)
{
	struct nat64 *nat = passage->nat;
	struct packet *packet = passage->packet;

	if (illegal_source4(packet))
		return OUTCOME_ILLEGAL_SOURCE;
	if (packet->is_fragment)
		return OUTCOME_FRAGMENT;
	if (packet->protocol == PROTOCOL_ICMP) {
		const uint8_t *icmp = packet_l4(packet);
		enum outcome outcome = xlat_icmp_4to6_type(icmp[0], icmp[1], icmp[4]);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	if (packet->is_icmp_error)
		return icmp_transit_4to6(nat, packet, passage->out);
	return forward_4to6(passage);
}

/* These are found before any binding is looked at, or without one. */
static bool is_unbound(enum outcome outcome)
{
	static const bool unbound[N_OUTCOMES] = {
		[OUTCOME_FRAGMENT] = true,
		[OUTCOME_UNKNOWN_PROTOCOL] = true,
		[OUTCOME_ICMP_UNTRANSLATABLE] = true,
		[OUTCOME_ICMP_INNER_UNUSABLE] = true,
		[OUTCOME_ICMP_ADDRESS_MISMATCH] = true,
		[OUTCOME_ICMP_NO_BINDING] = true,
		[OUTCOME_ILLEGAL_SOURCE] = true,
		[OUTCOME_SOURCE_ROUTE] = true,
	};

	return unbound[outcome];
}

/* A-13, P-23: a packet that no binding wants is the host's on its own addresses, and the kernel's
 * outside pool4; elsewhere it ends as outcome says. */
static enum outcome whose_4to6(const struct nat64 *nat, const struct packet *packet,
			       enum outcome outcome)
{
	uint32_t dst = packet_dst4(packet);

	if (nat->world.own4(nat->world.context, dst))
		return OUTCOME_LEFT_TO_HOST;
	return pool4_has_address(nat->pool4, dst) ? outcome : OUTCOME_NOT_OURS;
}

static bool is_exempt_4to6(const struct nat64 *nat, const struct packet *packet)
{
	return policy_exempt4(nat, packet_dst4(packet)) || policy_exempt4(nat, packet_src4(packet));
}

static enum outcome receive_4to6(struct passage *passage)
{
	const struct nat64 *nat = passage->nat;
	const struct packet *packet = passage->packet;

	if (is_exempt_4to6(nat, packet))
		return OUTCOME_EXEMPT;

	enum outcome outcome = judge_4to6(passage);
	return is_unbound(outcome) ? whose_4to6(nat, packet, outcome) : outcome;
}

/* Is there a binding for a packet that was refused for its IPv4 options? */
static bool finds_binding4(const struct nat64 *nat, const struct packet *packet)
{
	bool has_tuple = packet->ip_protocol == IPPROTO_TCP || packet->ip_protocol == IPPROTO_UDP ||
			 (packet->ip_protocol == IPPROTO_ICMP && !packet->is_icmp_error);

	if (!has_tuple || packet->fragment_offset != 0 || packet_l4_size(packet) < ICMP_HEADER_SIZE)
		return false;
	const struct tuple4 in = tuple4_of_packet(packet);
	return bib_find4(&nat->bib[in.protocol], &in.dst) != SLAB_NONE;
}

/* A packet that did not pass packet_parse(): is it ours to judge at all? */
static enum outcome refused(const struct nat64 *nat, const struct packet *packet,
			    enum outcome outcome)
{
	if (outcome == OUTCOME_TRUNCATED || outcome == OUTCOME_MALFORMED_IP4 ||
	    outcome == OUTCOME_MALFORMED_IP6)
		return outcome; /* not even its addresses can be trusted */
	if (packet->version == 6) {
		uint32_t peer4;
		int pool6;
		enum outcome admitted = admit_6to4(nat, packet, &pool6, &peer4);
		return admitted == OUTCOME_TRANSLATED ? outcome : admitted;
	}
	if (is_exempt_4to6(nat, packet))
		return OUTCOME_EXEMPT;
	if (illegal_source4(packet))
		outcome = OUTCOME_ILLEGAL_SOURCE;
	if (outcome == OUTCOME_SOURCE_ROUTE && finds_binding4(nat, packet))
		return outcome;
	if (is_unbound(outcome) || !pool4_has_address(nat->pool4, packet_dst4(packet)))
		return whose_4to6(nat, packet, outcome);
	return outcome;
}

enum outcome nat64_receive(struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct out *out)
{
	struct passage passage = {nat, packet, out, now_ms, {0, 0}};
	const uint32_t size = packet->size;

	enum outcome outcome = packet_parse(packet);
	const bool from6 = packet->version == 6;
	if (outcome != OUTCOME_TRANSLATED)
		outcome = refused(nat, packet, outcome);
	else if (from6)
		outcome = receive_6to4(&passage);
	else
		outcome = receive_4to6(&passage);

	const enum verdict verdict = outcome_info(outcome)->verdict;
	if (verdict == VERDICT_TRANSLATED)
		nat->counters.bytes[!from6] += size;
	if (verdict == VERDICT_DROP) {
		passage.field.pointer = packet->error_pointer;
		answer_send(nat, packet, outcome, &passage.field, now_ms, out);
	}
	nat->counters.packets[!from6][outcome]++;
	return outcome;
}
