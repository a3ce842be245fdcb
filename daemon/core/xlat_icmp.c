/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors into the other family, see xlat_icmp.h.
 *
 * A message is looked up in the maps (icmp_map.h), laid out (I-23 to I-26) and then written from
 * front to back: outer header, ICMP header, embedded header, embedded transport header and data,
 * padding, extension. The embedded transport checksum is adjusted, not made: it may be wrong, or
 * cover bytes that are not here (I-9). The outer ICMP checksum is made anew; packet_parse()
 * verified the old.
 */
#include "daemon/core/xlat_icmp.h"

#include "daemon/core/checksum.h"
#include "daemon/core/icmp_map.h"
#include "daemon/core/minmax.h"

/* I-26: of the whole message, IP header included. */
#define ERROR6_SIZE_MAX 1280
#define ERROR4_SIZE_MAX 576

/* RFC 4884, 4: the original datagram in front of an extension, and the units of its length. */
#define QUOTED_SIZE_MIN 128
#define LENGTH_UNIT4    4
#define LENGTH_UNIT6    8

/* How large the parts behind the ICMP header become. */
struct layout {
	uint32_t inner_size;  /* embedded packet: translated, perhaps trimmed */
	uint32_t quoted_size; /* with its padding */
	uint32_t extension_size;
};

/* What the embedded packet's transport header becomes; a pseudo header is a sum (checksum.h). */
struct transport {
	enum protocol protocol;
	uint16_t src_port, dst_port;
	uint64_t old_pseudo, new_pseudo;
};

/*
 * header_size: of the embedded header to be written; room: for everything behind the ICMP header.
 * Where the new message has no place for a length, there is no extension (I-24).
 */
static struct layout layout_make(const struct icmp_mapped *mapped, uint32_t header_size,
				 const struct inner_packet *inner, uint32_t unit, uint32_t room)
{
	const uint32_t inner_size = header_size + inner->present - inner->l4_offset;
	uint32_t extension_size = mapped->rule == ICMP_MAP_LENGTH ? inner->extension_size : 0;
	uint32_t quoted_size;

	if (extension_size == 0) {
		quoted_size = min_u32(inner_size, room);
	} else {
		quoted_size = max_u32(inner_size, QUOTED_SIZE_MIN);
		quoted_size = (quoted_size + unit - 1) / unit * unit;
		/* The quote gives way down to its minimum, then the extension. */
		extension_size = min_u32(extension_size, room - QUOTED_SIZE_MIN);
		quoted_size = min_u32(quoted_size, (room - extension_size) / unit * unit);
	}
	return (struct layout){
		.inner_size = min_u32(inner_size, quoted_size),
		.quoted_size = quoted_size,
		.extension_size = extension_size,
	};
}

/* The transport header and data, padding and extension behind an embedded header. */
static void write_rest(uint8_t *inner_at, uint8_t *l4, const struct layout *layout,
		       const struct inner_packet *inner)
{
	memcpy(l4, inner->data + inner->l4_offset, layout->inner_size - (l4 - inner_at));
	memset(inner_at + layout->inner_size, 0, layout->quoted_size - layout->inner_size);
	if (inner->extension != NULL)
		memcpy(inner_at + layout->quoted_size, inner->extension, layout->extension_size);
}

/* The sum of all that changes in the transport header, and of the pseudo header. */
static uint64_t transport_sum(uint64_t pseudo, const uint8_t *l4, enum protocol protocol)
{
	if (protocol != PROTOCOL_ICMP)
		return checksum_add(pseudo, l4, 4);
	return checksum_add(checksum_add(pseudo, l4, 2), l4 + 4, 2);
}

static uint8_t echo_type(uint8_t type)
{
	switch (type) {
	case ICMP_ECHO:
		return ICMP6_ECHO_REQUEST;
	case ICMP_ECHOREPLY:
		return ICMP6_ECHO_REPLY;
	case ICMP6_ECHO_REQUEST:
		return ICMP_ECHO;
	default:
		return ICMP_ECHOREPLY;
	}
}

/* Translates size bytes of an embedded transport header: at least its ports or identifier. */
static void transport_translate(uint8_t *l4, uint32_t size, const struct transport *transport)
{
	static const uint32_t check_offset[N_PROTOCOLS] = {
		[PROTOCOL_TCP] = 16,
		[PROTOCOL_UDP] = 6,
		[PROTOCOL_ICMP] = 2,
	};
	uint8_t *field = l4 + check_offset[transport->protocol];
	const uint64_t removed = transport_sum(transport->old_pseudo, l4, transport->protocol);
	uint64_t added;
	uint16_t check;

	if (transport->protocol == PROTOCOL_ICMP) {
		l4[0] = echo_type(l4[0]);
		store_be16(l4 + 4, transport->src_port);
	} else {
		store_be16(l4, transport->src_port);
		store_be16(l4 + 2, transport->dst_port);
	}
	if (check_offset[transport->protocol] + sizeof(check) > size)
		return;
	memcpy(&check, field, sizeof(check));
	/* UDP without a checksum stays so: nobody verifies this one (I-9). */
	if (transport->protocol == PROTOCOL_UDP && check == 0)
		return;
	added = transport_sum(transport->new_pseudo, l4, transport->protocol);
	check = checksum_update(check, removed, added);
	if (transport->protocol == PROTOCOL_UDP && check == 0)
		check = UINT16_MAX;
	memcpy(field, &check, sizeof(check));
}

static void write_icmp_check(uint8_t *icmp, uint32_t size, uint64_t pseudo)
{
	uint16_t check;

	store_be16(icmp + 2, 0);
	check = checksum_finish(checksum_add(pseudo, icmp, size));
	memcpy(icmp + 2, &check, sizeof(check));
}

/* The view that packet_parse() would give of the message at data, which has no Fragment header. */
static void packet_become(struct packet *packet, uint8_t *data, uint32_t size,
			  const struct ip_fields *outer)
{
	const bool is4 = outer->ip_protocol == IPPROTO_ICMP;

	*packet = (struct packet){
		.data = data,
		.size = size,
		.headroom = PACKET_HEADROOM,
		.mark = packet->mark,
		.version = is4 ? 4 : 6,
		.ip_protocol = outer->ip_protocol,
		.protocol = PROTOCOL_ICMP,
		.is_icmp_error = true,
		.dont_fragment = outer->dont_fragment,
		.fragment_id = outer->fragment_id,
		.traffic_class = outer->traffic_class,
		.hop_limit = outer->hop_limit,
		.l4_offset = is4 ? IP4_HEADER_SIZE : IP6_HEADER_SIZE,
	};
}

static uint8_t hop_limit_behind(const struct packet *packet, const struct xlat_path *path)
{
	return path->keep_hop_limit ? packet->hop_limit : packet->hop_limit - 1;
}

/* What a header of this kind gets in its Traffic Class or TOS: rule is XLAT_COPY or a value. */
static uint8_t ruled(uint8_t value, int rule)
{
	return rule == XLAT_COPY ? value : (uint8_t)rule;
}

/* I-11: by the fields of the embedded header, not by the bytes that are there. */
static void write_inner4(uint8_t *ret, const struct inner_packet *inner, uint32_t payload_size,
			 const struct tuple4 *to, const struct xlat_rules *rules)
{
	const struct ip_fields fields = {
		.traffic_class = ruled(inner->traffic_class, rules->type_of_service),
		.hop_limit = inner->hop_limit,
		.ip_protocol =
			inner->ip_protocol == IPPROTO_ICMPV6 ? IPPROTO_ICMP : inner->ip_protocol,
		.dont_fragment =
			!inner->has_fragment_header && ip4_wants_df(IP4_HEADER_SIZE + payload_size),
		.more_fragments = inner->is_fragment,
		.fragment_id = inner->has_fragment_header ? inner->fragment_id & UINT16_MAX : 0,
	};

	ip4_header_write(ret, &fields, to->src.addr, to->dst.addr, payload_size);
}

static void write_inner6(uint8_t *ret, const struct inner_packet *inner, uint32_t payload_size,
			 const struct tuple6 *to, const struct xlat_rules *rules)
{
	const struct ip_fields fields = {
		.traffic_class = ruled(inner->traffic_class, rules->traffic_class),
		.hop_limit = inner->hop_limit,
		.ip_protocol =
			inner->ip_protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : inner->ip_protocol,
		.has_fragment_header = inner->is_fragment,
		.more_fragments = inner->is_fragment,
		.fragment_id = inner->fragment_id,
	};

	ip6_header_write(ret, &fields, &to->src.addr, &to->dst.addr, payload_size);
}

static struct addr6 inner_src6(const struct inner_packet *inner)
{
	struct addr6 addr;

	memcpy(addr.byte, inner->data + 8, sizeof(addr.byte));
	return addr;
}

static struct addr6 inner_dst6(const struct inner_packet *inner)
{
	struct addr6 addr;

	memcpy(addr.byte, inner->data + 24, sizeof(addr.byte));
	return addr;
}

/*
 * The part of an embedded pseudo header that changes. ICMPv6 has one, ICMP has none (I-3); of TCP
 * and UDP length and protocol are the same on both sides. The whole length of a fragmented echo is
 * not known here: the checksum of such a one stays off by the difference (I-9).
 */
static uint64_t pseudo6(const struct addr6 *src, const struct addr6 *dst, uint32_t payload_size,
			enum protocol protocol)
{
	if (protocol == PROTOCOL_ICMP)
		return checksum_pseudo6(src, dst, payload_size, IPPROTO_ICMPV6);
	return checksum_pseudo6(src, dst, 0, 0);
}

static uint64_t pseudo4(uint32_t src, uint32_t dst, enum protocol protocol)
{
	return protocol == PROTOCOL_ICMP ? 0 : checksum_pseudo4(src, dst, 0, 0);
}

/* Behind the outer header. Bytes 4 to 7: the pointer of ICMP is byte 4, its length byte 5, its MTU
 * bytes 6 and 7; in ICMPv6 the length is byte 4 and the others are all four (I-5). */
static void write_icmp4(uint8_t *icmp, const struct icmp_mapped *mapped,
			const struct layout *layout)
{
	icmp[0] = mapped->type;
	icmp[1] = mapped->code;
	store_be32(icmp + 4,
		   mapped->rule == ICMP_MAP_POINTER ? mapped->field << 24 : mapped->field);
	if (layout->extension_size != 0)
		icmp[5] = (uint8_t)(layout->quoted_size / LENGTH_UNIT4);
	write_icmp_check(icmp, ICMP_HEADER_SIZE + layout->quoted_size + layout->extension_size, 0);
}

static void write_icmp6(uint8_t *icmp, const struct icmp_mapped *mapped,
			const struct layout *layout, const struct addr6 *src,
			const struct addr6 *dst)
{
	const uint32_t size = ICMP_HEADER_SIZE + layout->quoted_size + layout->extension_size;

	icmp[0] = mapped->type;
	icmp[1] = mapped->code;
	store_be32(icmp + 4, mapped->field);
	if (layout->extension_size != 0)
		icmp[4] = (uint8_t)(layout->quoted_size / LENGTH_UNIT6);
	write_icmp_check(icmp, size, checksum_pseudo6(src, dst, size, IPPROTO_ICMPV6));
}

enum outcome xlat_icmp_6to4(struct packet *packet, const struct inner_packet *inner,
			    const struct tuple4 *inner_to, uint32_t src, uint32_t dst,
			    const struct xlat_path *path, const struct xlat_rules *rules,
			    struct out *out)
{
	const uint32_t room = ERROR4_SIZE_MAX - IP4_HEADER_SIZE - ICMP_HEADER_SIZE;
	const uint8_t *from = packet_l4(packet);
	/* IPv6 can claim 20 bytes more than IPv4 has numbers for. */
	const uint32_t payload_size =
		min_u32(inner->claimed - inner->l4_offset, UINT16_MAX - IP4_HEADER_SIZE);
	const struct ip_fields outer = {
		.traffic_class = ruled(packet->traffic_class, rules->type_of_service),
		.hop_limit = hop_limit_behind(packet, path),
		.ip_protocol = IPPROTO_ICMP,
		.fragment_id = packet->has_fragment_header ? packet->fragment_id & UINT16_MAX
							   : path->ip4_id,
	};
	const struct addr6 old_src = inner_src6(inner), old_dst = inner_dst6(inner);
	const struct transport transport = {
		.protocol = inner->protocol,
		.src_port = inner_to->src.port,
		.dst_port = inner_to->dst.port,
		.old_pseudo = pseudo6(&old_src, &old_dst, inner->claimed - inner->l4_offset,
				      inner->protocol),
		.new_pseudo = pseudo4(inner_to->src.addr, inner_to->dst.addr, inner->protocol),
	};
	struct icmp_mapped mapped;
	struct layout layout;
	uint8_t *message, *icmp, *inner_at, *l4;
	uint32_t size;

	if (icmp_map_6to4(from[0], from[1], load_be32(from + 4), &mapped) != OUTCOME_TRANSLATED)
		return OUTCOME_ICMP_UNTRANSLATABLE;
	if (mapped.rule == ICMP_MAP_MTU)
		mapped.field =
			icmp_map_6to4_mtu(load_be32(from + 4), inner->has_fragment_header, path);
	layout = layout_make(&mapped, IP4_HEADER_SIZE, inner, LENGTH_UNIT4, room);
	size = IP4_HEADER_SIZE + ICMP_HEADER_SIZE + layout.quoted_size + layout.extension_size;

	message = out_alloc(out, PACKET_HEADROOM + size) + PACKET_HEADROOM;
	icmp = message + IP4_HEADER_SIZE;
	inner_at = icmp + ICMP_HEADER_SIZE;
	l4 = inner_at + IP4_HEADER_SIZE;

	ip4_header_write(message, &outer, src, dst, size - IP4_HEADER_SIZE);
	write_inner4(inner_at, inner, payload_size, inner_to, rules);
	write_rest(inner_at, l4, &layout, inner);
	transport_translate(l4, layout.inner_size - IP4_HEADER_SIZE, &transport);
	write_icmp4(icmp, &mapped, &layout);
	packet_become(packet, message, size, &outer);
	return OUTCOME_TRANSLATED;
}

enum outcome xlat_icmp_4to6(struct packet *packet, const struct inner_packet *inner,
			    const struct tuple6 *inner_to, const struct addr6 *src,
			    const struct addr6 *dst, const struct xlat_path *path,
			    const struct xlat_rules *rules, struct out *out)
{
	const uint32_t room = ERROR6_SIZE_MAX - IP6_HEADER_SIZE - ICMP_HEADER_SIZE;
	const uint32_t inner_header_size =
		IP6_HEADER_SIZE + (inner->is_fragment ? FRAGMENT_HEADER_SIZE : 0);
	const uint8_t *from = packet_l4(packet);
	const uint32_t payload_size = inner->claimed - inner->l4_offset;
	const struct ip_fields outer = {
		.traffic_class = ruled(packet->traffic_class, rules->traffic_class),
		.hop_limit = hop_limit_behind(packet, path),
		.ip_protocol = IPPROTO_ICMPV6,
	};
	const struct transport transport = {
		.protocol = inner->protocol,
		.src_port = inner_to->src.port,
		.dst_port = inner_to->dst.port,
		.old_pseudo = pseudo4(load_be32(inner->data + 12), load_be32(inner->data + 16),
				      inner->protocol),
		.new_pseudo = pseudo6(&inner_to->src.addr, &inner_to->dst.addr, payload_size,
				      inner->protocol),
	};
	struct icmp_mapped mapped;
	struct layout layout;
	uint8_t *message, *icmp, *inner_at, *l4;
	uint32_t size;

	if (icmp_map_4to6(from[0], from[1], from[4], &mapped) != OUTCOME_TRANSLATED)
		return OUTCOME_ICMP_UNTRANSLATABLE;
	if (mapped.rule == ICMP_MAP_MTU)
		mapped.field = icmp_map_4to6_mtu(load_be16(from + 6), inner->claimed, path);
	layout = layout_make(&mapped, inner_header_size, inner, LENGTH_UNIT6, room);
	size = IP6_HEADER_SIZE + ICMP_HEADER_SIZE + layout.quoted_size + layout.extension_size;

	message = out_alloc(out, PACKET_HEADROOM + size) + PACKET_HEADROOM;
	icmp = message + IP6_HEADER_SIZE;
	inner_at = icmp + ICMP_HEADER_SIZE;
	l4 = inner_at + inner_header_size;

	ip6_header_write(message, &outer, src, dst, size - IP6_HEADER_SIZE);
	write_inner6(inner_at, inner, payload_size, inner_to, rules);
	write_rest(inner_at, l4, &layout, inner);
	transport_translate(l4, layout.inner_size - inner_header_size, &transport);
	write_icmp6(icmp, &mapped, &layout, src, dst);
	packet_become(packet, message, size, &outer);
	return OUTCOME_TRANSLATED;
}
