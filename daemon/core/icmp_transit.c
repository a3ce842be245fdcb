/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/icmp_transit.h"

#include "daemon/core/filter.h"
#include "daemon/core/policy.h"
#include "daemon/core/segment.h"
#include "daemon/core/xlat_icmp.h"

/* The embedded packet travels against the error: what was looked up as source is its destination.
 */
static struct tuple6 swapped6(const struct tuple6 *tuple)
{
	return (struct tuple6){tuple->protocol, tuple->dst, tuple->src};
}

static struct tuple4 swapped4(const struct tuple4 *tuple)
{
	return (struct tuple4){tuple->protocol, tuple->dst, tuple->src};
}

/* The MTUs on both sides of the gateway, for Packet Too Big and Fragmentation Needed (F-20, F-21).
 */
static struct xlat_path path_between(const struct nat64 *nat, const struct addr6 *addr6,
				     uint32_t addr4)
{
	struct route_answer route6;
	struct route_answer route4;

	nat->world.route6(nat->world.context, addr6, &route6);
	nat->world.route4(nat->world.context, addr4, &route4);
	return (struct xlat_path){
		.nh6_mtu = route6.state == ROUTE_NONE ? UINT32_MAX : route6.mtu,
		.nh4_mtu = route4.state == ROUTE_NONE ? UINT32_MAX : route4.mtu,
	};
}

static bool is_too_big6(const struct packet *packet)
{
	return packet_l4(packet)[0] == ICMP6_PACKET_TOO_BIG;
}

static bool is_too_big4(const struct packet *packet)
{
	return packet_l4(packet)[0] == ICMP_DEST_UNREACH &&
	       packet_l4(packet)[1] == ICMP_FRAG_NEEDED;
}

/* An error about size has been passed back: as it came told (0: an old router) and as it went. */
static void learn_4to6(struct nat64 *nat, const struct tuple4 *in, uint16_t told,
		       const struct packet *sent)
{
	if (is_too_big6(sent))
		segment_error_4to6(nat, in,
				   told != 0 ? told
					     : load_be32(packet_l4(sent) + 4) - IP6_HEADER_SIZE +
						       IP4_HEADER_SIZE);
}

/* to: the tuple of the error itself on the IPv6 side. */
static enum outcome translate_4to6(struct nat64 *nat, struct packet *packet,
				   const struct inner_packet *inner, const struct tuple6 *to,
				   uint8_t pool6, struct xlat_path *path, struct out *out)
{
	const struct tuple6 inner_to = swapped6(to);
	const struct addr6 router =
		rfc6052_embed(policy_pool6(nat, pool6), packet_src4(packet)); /* I-19, C-2 */
	const struct addr6 *src = nat->config.error_source_server ? &to->src.addr : &router;

	return xlat_icmp_4to6(packet, inner, &inner_to, src, &to->dst.addr, path,
			      &nat->config.rules, out);
}

/* H-6: the error goes to a host on the IPv6 side, as if it came from the IPv4 side. */
static enum outcome hairpin_error(struct nat64 *nat, struct packet *packet,
				  const struct tuple4 *between, struct xlat_path *path,
				  struct out *out)
{
	struct inner_packet inner;
	struct tuple6 to;
	uint8_t pool6;

	enum outcome outcome = filter_error_4to6(nat, between, &to, &pool6);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	outcome = packet_parse_inner(packet, &inner);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const uint16_t told = load_be16(packet_l4(packet) + 6);
	path->keep_hop_limit = true;
	outcome = translate_4to6(nat, packet, &inner, &to, pool6, path, out);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	learn_4to6(nat, between, told, packet);
	emit_whole(packet, out);
	return OUTCOME_HAIRPINNED;
}

enum outcome icmp_transit_6to4(struct nat64 *nat, struct packet *packet, uint8_t pool6,
			       struct out *out)
{
	struct inner_packet inner;
	enum outcome outcome = packet_parse_inner(packet, &inner);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	/* I-17: it must be addressed to the sender of the packet that it is about. */
	const struct tuple6 in = tuple6_of_inner(&inner);
	const struct addr6 dst = packet_dst6(packet);
	uint32_t peer4;
	if (!addr6_equal(&dst, &in.dst.addr) ||
	    rfc6052_extract(&nat->config.pool6[pool6], &dst, &peer4) != RFC6052_OK)
		return OUTCOME_ICMP_ADDRESS_MISMATCH;

	struct tuple4 to;
	outcome = filter_error_6to4(nat, &in, peer4, &to);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	const bool back = pool4_has_address(nat->pool4, peer4) ||
			  bib_find4(&nat->bib[to.protocol], &to.dst) != SLAB_NONE;
	if (policy_denied4(nat, peer4, back))
		return OUTCOME_DESTINATION_DENIED; /* */
	if (packet->hop_limit <= 1)
		return OUTCOME_HOP_LIMIT;

	/* I-21: whoever sent it, on the IPv4 side it comes from the binding's address. */
	const struct tuple4 inner_to = swapped4(&to);
	struct xlat_path path = path_between(nat, &in.src.addr, peer4);
	if (back)
		path.nh4_mtu = UINT32_MAX;
	const uint32_t told = load_be32(packet_l4(packet) + 4);
	path.ip4_id = ip4_id_next(&nat->ip4_ids, to.src.addr, to.dst.addr, IPPROTO_ICMP);
	outcome = xlat_icmp_6to4(packet, &inner, &inner_to, to.src.addr, to.dst.addr, &path,
				 &nat->config.rules, out);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (is_too_big4(packet))
		segment_error_6to4(nat, &to, told);
	if (back)
		return hairpin_error(nat, packet, &to, &path, out);
	emit_whole(packet, out);
	return OUTCOME_TRANSLATED;
}

enum outcome icmp_transit_4to6(struct nat64 *nat, struct packet *packet, struct out *out)
{
	struct inner_packet inner;
	enum outcome outcome = packet_parse_inner(packet, &inner);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	const struct tuple4 in = tuple4_of_inner(&inner);
	if (packet_dst4(packet) != in.dst.addr)
		return OUTCOME_ICMP_ADDRESS_MISMATCH; /* I-17 */

	struct tuple6 to;
	uint8_t pool6;
	outcome = filter_error_4to6(nat, &in, &to, &pool6);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (packet->hop_limit <= 1)
		return OUTCOME_HOP_LIMIT;

	const uint16_t told = load_be16(packet_l4(packet) + 6);
	struct xlat_path path = path_between(nat, &to.dst.addr, in.src.addr);
	outcome = translate_4to6(nat, packet, &inner, &to, pool6, &path, out);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	learn_4to6(nat, &in, told, packet);
	emit_whole(packet, out);
	return OUTCOME_TRANSLATED;
}
