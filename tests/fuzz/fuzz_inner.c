/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors with any packet in them, with and without RFC 4884 extensions, into
 * packet_parse_inner() and xlat_icmp, there and back as a hairpinned error goes (I-5 to I-28, F-20
 * to F-23, H-6, X-10).
 *
 * An input is a byte of control (CONTROL_...), one of the outer traffic class, and an ICMP message
 * from its type on; the outer header is made here. With CONTROL_REPAIR the checksums of the
 * embedded IPv4 header and of the extension are made right, and the message's own always.
 *
 * The checks: the embedded packet is found where a naive reader finds it, and nothing outside of
 * it; what is sent is a right ICMP error, no larger than it may be, and viewed as it stands there;
 * in it stands the same packet with the tuple that was asked for, with the same data, and with a
 * checksum that is as right or wrong as before; an extension that has room is there, whole.
 */
#include <string.h>

#include "daemon/core/icmp_map.h"
#include "daemon/core/xlat_icmp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_parse.h"
#include "tests/naive.h"

#define CONTROL_REPAIR     0x01
#define CONTROL_6          0x02
#define CONTROL_SMALL      0x04 /* small next hops */
#define CONTROL_LARGE      0x08 /* unlimited ones */
#define CONTROL_KEEP_HOPS  0x10
#define CONTROL_FIXED_TOS  0x20
#define CONTROL_TRUST_ONLY 0x40 /* an extension without checksum */

#define MESSAGE_MAX 2048

#define POOL4   0xcb007107u /* 203.0.113.7 */
#define SERVER4 0xc6336414u /* 198.51.100.20 */
#define ROUTER4 0xc0000263u /* 192.0.2.99 */

static const struct addr6 client6 = {{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};
static const struct addr6 server6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc6, 0x33, 0x64, 0x14}};
static const struct addr6 router6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc0, 0, 2, 0x63}};

struct fuzz {
	struct xlat_path path;
	struct xlat_rules rules;
	struct out out;
};

/* The length attribute of RFC 4884, 4, or 0. */
static size_t extension_place(const uint8_t *icmp, bool is6)
{
	if (is6)
		return icmp[0] == 1 || icmp[0] == 3 ? icmp[4] * 8u : 0;
	return icmp[0] == 3 || icmp[0] == 11 || icmp[0] == 12 ? icmp[5] * 4u : 0;
}

static struct naive_bytes naive_extension(const uint8_t *icmp, size_t size, bool is6)
{
	const size_t at = 8 + extension_place(icmp, is6);
	const struct naive_bytes none = {NULL, 0};

	if (at < 8 + 128 || at + 4 > size || icmp[at] / 16 != 2)
		return none;
	if ((icmp[at + 2] | icmp[at + 3]) != 0 && naive_checksum(icmp + at, size - at) != 0)
		return none;
	return (struct naive_bytes){icmp + at, size - at};
}

/* Its header and how long it says that it is. is_first: it is no later fragment. */
struct naive_inner {
	size_t header_size;
	size_t claimed;
	uint8_t protocol;
	bool is_first;
};

static bool naive_inner4(const uint8_t *data, size_t size, struct naive_inner *ret)
{
	if (size < 20 || data[0] / 16 != 4)
		return false;
	*ret = (struct naive_inner){
		.header_size = data[0] % 16 * 4u,
		.claimed = load_be16(data + 2),
		.protocol = data[9],
		.is_first = data[6] % 32 == 0 && data[7] == 0,
	};
	return ret->header_size >= 20 && ret->header_size <= size &&
	       naive_checksum(data, ret->header_size) == 0;
}

static bool naive_inner6(const uint8_t *data, size_t size, struct naive_inner *ret)
{
	struct naive_chain chain;

	if (size < 40 || data[0] / 16 != 6)
		return false;
	*ret = (struct naive_inner){.claimed = 40u + load_be16(data + 4), .is_first = true};
	if (!naive_chain_parse(data, ret->claimed < size ? ret->claimed : size, &chain))
		return false;
	ret->header_size = chain.end;
	ret->protocol = chain.next_header;
	for (unsigned i = 0; i < chain.n; i++) {
		const uint8_t *header = chain.header[i].bytes.at;

		if (chain.header[i].kind == 44 && (header[2] != 0 || header[3] > 7))
			ret->is_first = false;
		if (chain.header[i].kind == 43 && header[3] != 0)
			return false;
	}
	return true;
}

/* I-7, I-8, I-13, I-15. */
static bool naive_is_usable(const uint8_t *data, size_t size, bool is6, struct naive_inner *ret)
{
	size_t l4_size;

	if (!(is6 ? naive_inner6 : naive_inner4)(data, size, ret) || !ret->is_first)
		return false;
	if (ret->claimed < size)
		size = ret->claimed;
	if (ret->header_size > size)
		return false;
	l4_size = size - ret->header_size;
	if (ret->protocol == IPPROTO_TCP || ret->protocol == IPPROTO_UDP)
		return l4_size >= 4;
	if (ret->protocol != (is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || l4_size < 6)
		return false;
	data += ret->header_size;
	return is6 ? *data == 128 || *data == 129 : *data == 0 || *data == 8;
}

/* Parses, and compares with the naive reading. */
static bool check_inner(const struct packet *packet, struct inner_packet *ret)
{
	const bool is6 = packet->version == 6;
	const uint8_t *icmp = packet_l4(packet);
	const size_t size = packet_l4_size(packet);
	const struct naive_bytes extension = naive_extension(icmp, size, is6);
	const size_t quoted_size = extension.at ? (size_t)(extension.at - icmp) - 8 : size - 8;
	struct naive_inner naive = {0};
	const bool is_usable = naive_is_usable(icmp + 8, quoted_size, is6, &naive);

	REQUIRE((packet_parse_inner(packet, ret) == OUTCOME_TRANSLATED) == is_usable);
	if (!is_usable)
		return false;
	REQUIRE(ret->data == icmp + 8);
	REQUIRE(ret->claimed == naive.claimed);
	REQUIRE(ret->l4_offset == naive.header_size);
	REQUIRE(ret->present == (naive.claimed < quoted_size ? naive.claimed : quoted_size));
	REQUIRE(ret->ip_protocol == naive.protocol);
	REQUIRE(ret->extension == extension.at && ret->extension_size == extension.size);
	REQUIRE(ret->quoted_size == quoted_size);
	return true;
}

/* The tuple as it stands in the embedded packet. */
static uint16_t inner_port(const struct inner_packet *inner, unsigned which)
{
	const uint8_t *l4 = inner->data + inner->l4_offset;

	return load_be16(inner->protocol == PROTOCOL_ICMP ? l4 + 4 : l4 + 2 * which);
}

/* Is the whole embedded packet there, in a form that naive_transport_error() can read? */
static bool is_whole(const struct inner_packet *inner, bool is6)
{
	const uint32_t l4_size = inner->claimed - inner->l4_offset;
	const uint8_t *l4 = inner->data + inner->l4_offset;

	if (inner->present != inner->claimed || inner->is_fragment ||
	    inner->l4_offset != (is6 ? 40 + (inner->has_fragment_header ? 8 : 0) : 20))
		return false;
	if (is6 && inner->has_fragment_header && inner->data[6] != IPPROTO_FRAGMENT)
		return false;
	switch (inner->protocol) {
	case PROTOCOL_TCP:
		return l4_size >= 20;
	case PROTOCOL_UDP:
		return l4_size >= 8 && load_be16(l4 + 4) == l4_size && load_be16(l4 + 6) != 0;
	case PROTOCOL_ICMP:
	case N_PROTOCOLS:
		break;
	}
	return l4_size >= 8;
}

/* I-9: everything but ports and checksum. RFC 4884, 4: behind what was there are zeros, if there
 * has to be something in front of an extension. */
static void check_data(const struct inner_packet *before, const struct inner_packet *after)
{
	static const uint32_t check_at[N_PROTOCOLS] = {
		[PROTOCOL_TCP] = 16, [PROTOCOL_UDP] = 6, [PROTOCOL_ICMP] = 2};
	const uint8_t *old = before->data + before->l4_offset;
	const uint8_t *new = after->data + after->l4_offset;
	const uint32_t old_size = before->present - before->l4_offset;
	const bool is_echo = before->protocol == PROTOCOL_ICMP;
	uint32_t size = after->present - after->l4_offset;

	REQUIRE(size <= old_size || after->extension);
	while (size > old_size)
		REQUIRE(new[--size] == 0);
	for (uint32_t i = 0; i < size; i++) {
		const bool is_check = i / 2 * 2 == check_at[before->protocol];
		const bool is_port = is_echo ? i == 0 || i == 4 || i == 5 : i < 4;

		REQUIRE(is_check || is_port || new[i] == old[i]);
	}
}

/* I-26: an extension so large that the quote is down to its minimum is cut. Its checksum can not be
 * right then, so who reads the message may take it for a part of the quote. */
static void check_cut_extension(const struct packet *packet, const struct inner_packet *before)
{
	const bool is6 = packet->version == 6;
	const uint8_t *icmp = packet_l4(packet);
	const uint32_t size = packet_l4_size(packet);

	REQUIRE(packet->size == (is6 ? 1280 : 576));
	REQUIRE(extension_place(icmp, is6) == 128);
	REQUIRE(memcmp(icmp + 8 + 128, before->extension, size - 8 - 128) == 0);
}

/* I-23 to I-26: before is what came, after what was made of it. */
static void check_embedded(const struct packet *packet, const struct inner_packet *before,
			   const struct inner_packet *after)
{
	const bool is6 = packet->version == 6;
	const uint32_t room = is6 ? 1280 - 40 - 8 : 576 - 20 - 8;
	const uint32_t claimed = before->claimed - before->l4_offset;
	const uint8_t *icmp = packet_l4(packet);
	/* Where RFC 4884 gives the message a length, and we have one to give. */
	const bool may_extend =
		is6 ? icmp[0] == 1 || icmp[0] == 3
		    : icmp[0] == 11 || (icmp[0] == 3 && icmp[1] != 4 && icmp[1] != 2);

	if (before->extension && may_extend && before->extension_size > room - 128) {
		check_cut_extension(packet, before);
		return;
	}
	REQUIRE(after->protocol == before->protocol);
	REQUIRE(after->claimed - after->l4_offset == (claimed > 65515 ? 65515 : claimed));
	REQUIRE(after->hop_limit == before->hop_limit);
	REQUIRE(after->more_fragments == before->more_fragments);
	check_data(before, after);
	if (is_whole(before, !is6) && is_whole(after, is6)) {
		/* Nothing but zeros is off by all ones, the other zero of this arithmetic. */
		REQUIRE(naive_transport_error(before->data, before->claimed) % 0xffff ==
			naive_transport_error(after->data, after->claimed) % 0xffff);
	}
	if (!before->extension || !may_extend) {
		REQUIRE(!after->extension);
		REQUIRE(after->quoted_size == after->present || after->present == after->claimed);
	} else {
		REQUIRE(after->extension && after->extension_size == before->extension_size);
		REQUIRE(memcmp(after->extension, before->extension, before->extension_size) == 0);
		REQUIRE(after->quoted_size >= 128);
		/* Padded to the unit of its length, and no further. */
		REQUIRE(after->quoted_size == 128 ||
			after->quoted_size < after->l4_offset + before->present -
						     before->l4_offset + (is6 ? 8 : 4));
	}
	/* Nothing is cut that has room. */
	if (after->present - after->l4_offset < before->present - before->l4_offset)
		REQUIRE(packet->size > (is6 ? 1280u : 576u) - 8);
}

static void check_mtu(const struct fuzz *fuzz, const struct packet *packet)
{
	const uint8_t *icmp = packet_l4(packet);

	if (packet->version == 6 && icmp[0] == 2) {
		REQUIRE(load_be32(icmp + 4) >= 1280);
		REQUIRE(load_be32(icmp + 4) <= fuzz->path.nh6_mtu || fuzz->path.nh6_mtu < 1280);
	}
	if (packet->version == 4 && icmp[0] == 3 && icmp[1] == 4) {
		REQUIRE(load_be16(icmp + 4) == 0);
		REQUIRE(load_be16(icmp + 6) <= fuzz->path.nh4_mtu);
	}
}

/* A whole and right error of the other family; its view is that of its bytes. */
static void check_message(const struct packet *packet, const struct packet *before)
{
	struct packet view;

	REQUIRE(packet->version == (before->version == 6 ? 4 : 6));
	REQUIRE(packet->size <= (packet->version == 6 ? 1280 : 576));
	REQUIRE(packet->headroom >= PACKET_HEADROOM && packet->mark == before->mark);
	REQUIRE(naive_packet_ok(packet->data, packet->size));
	REQUIRE(check_parse(packet->data, packet->size, &view) == OUTCOME_TRANSLATED);
	REQUIRE(view.is_icmp_error && packet->is_icmp_error);
	REQUIRE(view.size == packet->size && view.l4_offset == packet->l4_offset);
	REQUIRE(view.ip_protocol == packet->ip_protocol && view.protocol == packet->protocol);
	REQUIRE(view.traffic_class == packet->traffic_class);
	REQUIRE(view.hop_limit == packet->hop_limit);
	REQUIRE(view.fragment_id == packet->fragment_id);
	REQUIRE(!packet->is_fragment && !view.is_fragment);
	REQUIRE(view.dont_fragment == packet->dont_fragment);
}

static enum outcome to4(struct fuzz *fuzz, struct packet *packet, const struct inner_packet *inner,
			uint16_t port)
{
	const struct tuple4 to = {
		inner->protocol,
		{POOL4, port},
		{SERVER4, inner->protocol == PROTOCOL_ICMP ? port : inner_port(inner, 1)}};
	const uint8_t *icmp = packet_l4(packet);
	struct icmp_mapped mapped;
	const enum outcome expected = icmp_map_6to4(icmp[0], icmp[1], load_be32(icmp + 4), &mapped);
	const enum outcome outcome = xlat_icmp_6to4(packet, inner, &to, ROUTER4, POOL4, &fuzz->path,
						    &fuzz->rules, &fuzz->out);

	REQUIRE(outcome == expected);
	return outcome;
}

static enum outcome to6(struct fuzz *fuzz, struct packet *packet, const struct inner_packet *inner,
			uint16_t port)
{
	const struct tuple6 to = {
		inner->protocol,
		{client6, port},
		{server6, inner->protocol == PROTOCOL_ICMP ? port : inner_port(inner, 1)}};
	const uint8_t *icmp = packet_l4(packet);
	struct icmp_mapped mapped;
	const enum outcome expected = icmp_map_4to6(icmp[0], icmp[1], icmp[4], &mapped);
	const enum outcome outcome = xlat_icmp_4to6(packet, inner, &to, &router6, &client6,
						    &fuzz->path, &fuzz->rules, &fuzz->out);

	REQUIRE(outcome == expected);
	return outcome;
}

/* One translation, and all that is to be seen of it. */
static bool translate(struct fuzz *fuzz, struct packet *packet, struct inner_packet *inner,
		      uint16_t port)
{
	const struct packet before = *packet;
	struct inner_packet after;

	if ((packet->version == 6 ? to4 : to6)(fuzz, packet, inner, port) != OUTCOME_TRANSLATED)
		return false;
	check_message(packet, &before);
	REQUIRE(packet->hop_limit == before.hop_limit - !fuzz->path.keep_hop_limit);
	REQUIRE(check_inner(packet, &after));
	REQUIRE(inner_port(&after, 0) == port);
	if (after.protocol != PROTOCOL_ICMP)
		REQUIRE(inner_port(&after, 1) == inner_port(inner, 1));
	check_embedded(packet, inner, &after);
	check_mtu(fuzz, packet);
	*inner = after;
	return true;
}

/* There and back, as a hairpinned error goes. */
static void check_both_ways(struct fuzz *fuzz, struct packet *packet)
{
	struct inner_packet inner;
	uint16_t port;

	if (!check_inner(packet, &inner))
		return;
	port = inner_port(&inner, 0);
	if (!translate(fuzz, packet, &inner, port ^ 0x5555))
		return;
	fuzz->path.keep_hop_limit = true;
	(void)translate(fuzz, packet, &inner, port);
}

static void repair(uint8_t *icmp, size_t size, uint8_t control)
{
	const bool is6 = control & CONTROL_6;
	const size_t header_size = icmp[8] % 16 * 4u, at = 8 + extension_place(icmp, is6);

	if (at >= 8 + 128 && at + 4 <= size && icmp[at] / 16 == 2) {
		store_be16(icmp + at + 2, 0);
		if (!(control & CONTROL_TRUST_ONLY))
			store_be16(icmp + at + 2, naive_checksum(icmp + at, size - at));
	}
	if (!is6 && header_size >= 20 && 8 + header_size <= size) {
		store_be16(icmp + 18, 0);
		store_be16(icmp + 18, naive_checksum(icmp + 8, header_size));
	}
}

/* The header in front of the message, and its checksum. */
static void write_outer(uint8_t *data, size_t size, uint8_t traffic_class, bool is6)
{
	uint8_t *icmp = data + (is6 ? 40 : 20);

	store_be16(icmp + 2, 0);
	if (is6) {
		/* The pseudo header stands where the header will be. */
		memset(data, 0, 8);
		store_be32(data, (uint32_t)size);
		store_be32(data + 4, IPPROTO_ICMPV6);
		memcpy(data + 8, router6.byte, 16);
		memcpy(data + 24, client6.byte, 16);
		store_be16(icmp + 2, naive_checksum(data, 40 + size));
		store_be32(data, 6u << 28 | (uint32_t)traffic_class << 20);
		store_be16(data + 4, (uint16_t)size);
		data[6] = IPPROTO_ICMPV6;
		data[7] = 64;
		return;
	}
	store_be16(icmp + 2, naive_checksum(icmp, size));
	memset(data, 0, 20);
	data[0] = 0x45;
	data[1] = traffic_class;
	store_be16(data + 2, (uint16_t)(20 + size));
	data[8] = 64;
	data[9] = IPPROTO_ICMP;
	store_be32(data + 12, ROUTER4);
	store_be32(data + 16, POOL4);
	store_be16(data + 10, naive_checksum(data, 20));
}

static void begin(struct fuzz *fuzz, uint8_t control)
{
	static uint8_t arena[EMIT_ARENA_PER_PACKET];
	const uint32_t mtu = control & CONTROL_SMALL   ? 1300
			     : control & CONTROL_LARGE ? UINT32_MAX
						       : 1500;

	*fuzz = (struct fuzz){
		.path = {.nh4_mtu = control & CONTROL_SMALL ? 576 : mtu,
			 .nh6_mtu = mtu,
			 .ip4_id = 0x7777,
			 .keep_hop_limit = control & CONTROL_KEEP_HOPS},
		.rules = {.traffic_class = control & CONTROL_FIXED_TOS ? 0x20 : XLAT_COPY,
			  .type_of_service = control & CONTROL_FIXED_TOS ? 0x20 : XLAT_COPY,
			  .lowest_ipv6_mtu = 1280},
		.out = {.arena = arena, .arena_size = sizeof(arena)},
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz_input in = {input, size};
	const uint8_t control = fuzz_byte(&in), traffic_class = fuzz_byte(&in);
	const bool is6 = control & CONTROL_6;
	const size_t header_size = is6 ? 40 : 20;
	struct packet packet = {.mark = 0x64, .headroom = PACKET_HEADROOM};
	struct fuzz fuzz;
	uint8_t *memory;

	if (in.size < 8)
		return 0;
	if (in.size > MESSAGE_MAX)
		in.size = MESSAGE_MAX;
	/* Exactly as large as it is, so that the sanitizer sees every step beyond. */
	memory = malloc(header_size + in.size);
	REQUIRE(memory);
	memcpy(memory + header_size, in.at, in.size);
	if ((control & CONTROL_REPAIR) && in.size > 8)
		repair(memory + header_size, in.size, control);
	write_outer(memory, in.size, traffic_class, is6);
	packet.data = memory;
	packet.size = (uint32_t)(header_size + in.size);

	begin(&fuzz, control);
	REQUIRE(packet_parse(&packet) == OUTCOME_TRANSLATED);
	if (packet.is_icmp_error)
		check_both_ways(&fuzz, &packet);
	free(memory);
	return 0;
}
