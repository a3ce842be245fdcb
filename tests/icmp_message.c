/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/icmp_message.h"

#include <glib.h>
#include <string.h>

#include "tests/naive.h"

#define L4_MAX 65515

#define POOL4   0xcb007107u /* 203.0.113.7 */
#define SERVER4 0xc6336414u /* 198.51.100.20 */
#define ROUTER4 0xc0000263u /* 192.0.2.99 */

#define FRAGMENT_ID 0xabcd1234u

static const struct addr6 client6 = {{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};
static const struct addr6 server6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc6, 0x33, 0x64, 0x14}};
static const struct addr6 router6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc0, 0, 2, 0x63}};

const struct xlat_rules icmp_copy_rules = {
	.traffic_class = XLAT_COPY,
	.type_of_service = XLAT_COPY,
	.lowest_ipv6_mtu = 1280,
};
const struct xlat_path icmp_path1500 = {.nh4_mtu = 1500, .nh6_mtu = 1500, .ip4_id = 0x7777};

const struct icmp_inner icmp_tcp_header8 = {.protocol = PROTOCOL_TCP, .l4_size = 40, .present = 8};

static void store_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

/* The checksum of a transport packet in ret, behind the given pseudo header. */
static uint16_t l4_check(const uint8_t *l4, uint32_t size, unsigned version, uint8_t ip_protocol)
{
	static uint8_t bytes[40 + L4_MAX];
	uint32_t at = 0;

	if (version == 6) {
		memcpy(bytes, client6.byte, 16);
		memcpy(bytes + 16, server6.byte, 16);
		store_be32(bytes + 32, size);
		store_be32(bytes + 36, ip_protocol);
		at = 40;
	} else if (ip_protocol != IPPROTO_ICMP) {
		store_be32(bytes, POOL4);
		store_be32(bytes + 4, SERVER4);
		store_be16(bytes + 8, ip_protocol);
		store_be16(bytes + 10, (uint16_t)size);
		at = 12;
	}
	memcpy(bytes + at, l4, size);
	return naive_checksum(bytes, at + size);
}

uint8_t icmp_message_build_l4(uint8_t *ret, unsigned version, const struct icmp_inner *spec)
{
	uint8_t *check = ret;
	uint8_t ip_protocol = 0;
	uint32_t sum;

	for (uint32_t i = 0; i < spec->l4_size; i++)
		ret[i] = (uint8_t)(i * 7 + 3);
	store_be16(ret, version == 6 ? 40000 : 51000);
	store_be16(ret + 2, 80);
	switch (spec->protocol) {
	case PROTOCOL_TCP:
		ip_protocol = IPPROTO_TCP;
		ret[12] = 0x50;
		check = ret + 16;
		break;
	case PROTOCOL_UDP:
		ip_protocol = IPPROTO_UDP;
		store_be16(ret + 4, (uint16_t)spec->l4_size);
		if (spec->l4_size >= 10)
			store_be16(ret + 8, spec->tweak);
		check = ret + 6;
		break;
	case PROTOCOL_ICMP:
		ip_protocol = version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		ret[0] = version == 6 ? (spec->reply ? 129 : 128) : (spec->reply ? 0 : 8);
		ret[1] = 0;
		store_be16(ret + 4, version == 6 ? 0x1111 : 0x2222);
		check = ret + 2;
		break;
	case N_PROTOCOLS:
		g_assert_not_reached();
	}
	store_be16(check, 0);
	sum = l4_check(ret, spec->l4_size, version, ip_protocol) + spec->check_error;
	if (spec->protocol == PROTOCOL_UDP && sum == 0)
		sum = 0xffff;
	store_be16(check, spec->no_check ? 0 : (uint16_t)(sum > 0xffff ? sum - 0xffff : sum));
	return ip_protocol;
}

/* As it is received (with options), or as it has to be translated (without). */
static uint32_t build_inner(uint8_t *ret, unsigned version, const struct icmp_inner *spec,
			    bool received)
{
	static uint8_t l4[L4_MAX];
	const uint8_t ip_protocol = icmp_message_build_l4(l4, version, spec);
	const uint32_t payload = spec->fragment_size != 0 ? spec->fragment_size : spec->l4_size;
	const uint32_t options = received ? spec->options : 0;
	uint32_t at;

	memset(ret, 0, ICMP_MESSAGE_MAX);
	if (version == 4) {
		const uint32_t total = 20 + options + payload;
		uint16_t fragment = 0;

		if (spec->fragment_size != 0)
			fragment = 0x2000;
		else if (!received && !spec->atomic && total > 1260)
			fragment = 0x4000;
		ret[0] = (uint8_t)(0x40 | (20 + options) / 4);
		ret[1] = 0x28;
		store_be16(ret + 2, (uint16_t)total);
		if (received || spec->fragment_size != 0 || spec->atomic)
			store_be16(ret + 4, FRAGMENT_ID & 0xffff);
		store_be16(ret + 6, fragment);
		ret[8] = 1;
		ret[9] = ip_protocol;
		store_be32(ret + 12, POOL4);
		store_be32(ret + 16, SERVER4);
		memset(ret + 20, 1, options);
		at = 20 + options;
		store_sum(ret + 10, naive_checksum(ret, at));
	} else {
		const bool has_fragment_header =
			spec->fragment_size != 0 || (received && spec->atomic);
		uint8_t *next_header = ret + 6;

		ret[0] = 0x62;
		ret[1] = 0x80;
		store_be16(ret + 4, (uint16_t)(options + (has_fragment_header ? 8 : 0) + payload));
		ret[7] = 1;
		memcpy(ret + 8, client6.byte, 16);
		memcpy(ret + 24, server6.byte, 16);
		at = 40;
		if (options != 0) {
			*next_header = IPPROTO_DSTOPTS;
			next_header = ret + at;
			ret[at + 1] = (uint8_t)(options / 8 - 1);
			at += options;
		}
		if (has_fragment_header) {
			*next_header = IPPROTO_FRAGMENT;
			next_header = ret + at;
			ret[at + 3] = spec->fragment_size != 0;
			store_be32(ret + at + 4, received ? FRAGMENT_ID : FRAGMENT_ID & 0xffff);
			at += 8;
		}
		*next_header = ip_protocol;
	}
	memcpy(ret + at, l4, spec->present);
	/* Half a checksum can not be adjusted and stays as it is. */
	if (spec->protocol != PROTOCOL_ICMP &&
	    spec->present == (spec->protocol == PROTOCOL_TCP ? 17 : 7))
		ret[at + spec->present - 1] = 0xee;
	return at + spec->present;
}

/* The whole message; size_max trims its quote as I-26 wants. */
uint32_t icmp_message_build(uint8_t *ret, unsigned version, const struct icmp_message *spec,
			    const struct icmp_inner *inner_spec, bool received)
{
	static uint8_t inner[ICMP_MESSAGE_MAX];
	uint32_t inner_size = build_inner(inner, version, inner_spec, received);
	const uint32_t quoted = spec->quoted_size != 0 ? spec->quoted_size : inner_size;
	const uint32_t size = 8 + quoted + spec->extension_size;
	const uint32_t header_size = version == 6 ? 40 : 20;
	uint8_t *icmp = ret + header_size;

	memset(ret, 0, ICMP_MESSAGE_MAX);
	if (version == 6) {
		const struct addr6 *src = received ? &router6 : &server6;

		ret[0] = 0x6c;
		store_be16(ret + 4, (uint16_t)size);
		ret[6] = 58;
		ret[7] = received ? 60 : 59;
		memcpy(ret + 8, src->byte, 16);
		memcpy(ret + 24, client6.byte, 16);
	} else {
		ret[0] = 0x45;
		ret[1] = 0xc0;
		store_be16(ret + 2, (uint16_t)(20 + size));
		store_be16(ret + 4, icmp_path1500.ip4_id);
		ret[8] = received ? 60 : 59;
		ret[9] = 1;
		store_be32(ret + 12, received ? ROUTER4 : SERVER4);
		store_be32(ret + 16, POOL4);
		store_sum(ret + 10, naive_checksum(ret, 20));
	}
	icmp[0] = spec->type;
	icmp[1] = spec->code;
	store_be32(icmp + 4, spec->field);
	memcpy(icmp + 8, inner, MIN(inner_size, quoted));
	for (uint32_t i = 0; i < spec->extension_size; i++)
		icmp[8 + quoted + i] = i == 0 ? 0x20 : i < 4 ? 0 : (uint8_t)(i * 5);
	if (version == 6) {
		/* The pseudo header just in front, for a moment. */
		uint8_t header[40];

		memcpy(header, ret, 40);
		store_be32(ret, size);
		store_be32(ret + 4, 58);
		store_sum(icmp + 2, naive_checksum(ret, 40 + size));
		memcpy(ret, header, 40);
	} else {
		store_sum(icmp + 2, naive_checksum(icmp, size));
	}
	g_assert_true(naive_packet_ok(ret, header_size + size));
	return header_size + size;
}

/* packet is what packet_parse() makes of its bytes (H-6: it may be translated again). */
void icmp_message_check_view(const struct icmp_run *run)
{
	const struct packet *packet = &run->packet;
	struct packet again = {
		.data = packet->data, .size = packet->size, .headroom = packet->headroom};

	g_assert_cmpint(packet_parse(&again), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(packet->headroom, ==, PACKET_HEADROOM);
	g_assert_true(packet->data - packet->headroom >= run->arena);
	g_assert_true(packet->data + packet->size <= run->arena + run->out.arena_used);
	g_assert_cmpuint(packet->size, ==, again.size);
	g_assert_cmpuint(packet->mark, ==, 7);
	g_assert_false(packet->truncated);
	g_assert_cmpuint(packet->version, ==, again.version);
	g_assert_cmpuint(packet->ip_protocol, ==, again.ip_protocol);
	g_assert_cmpint(packet->protocol, ==, again.protocol);
	g_assert_true(packet->is_icmp_error && again.is_icmp_error);
	g_assert_cmpint(packet->is_fragment, ==, again.is_fragment);
	g_assert_cmpint(packet->has_fragment_header, ==, again.has_fragment_header);
	g_assert_cmpint(packet->more_fragments, ==, again.more_fragments);
	g_assert_cmpint(packet->dont_fragment, ==, again.dont_fragment);
	g_assert_cmpuint(packet->fragment_offset, ==, again.fragment_offset);
	g_assert_cmpuint(packet->fragment_id, ==, again.fragment_id);
	g_assert_cmpuint(packet->traffic_class, ==, again.traffic_class);
	g_assert_cmpuint(packet->hop_limit, ==, again.hop_limit);
	g_assert_cmpuint(packet->l4_offset, ==, again.l4_offset);
	g_assert_cmpuint(packet->error_pointer, ==, again.error_pointer);
	g_assert_true(naive_packet_ok(packet->data, packet->size));
}

enum outcome icmp_message_translate(struct icmp_run *run, const struct xlat_path *path,
				    const struct xlat_rules *rules)
{
	const bool icmp = run->inner.protocol == PROTOCOL_ICMP;
	const struct tuple6 to6 = {.protocol = run->inner.protocol,
				   .src = {client6, icmp ? 0x1111 : 40000},
				   .dst = {server6, icmp ? 0x1111 : 80}};
	const struct tuple4 to4 = {.protocol = run->inner.protocol,
				   .src = {POOL4, icmp ? 0x2222 : 51000},
				   .dst = {SERVER4, icmp ? 0x2222 : 80}};

	if (run->packet.version == 4)
		return xlat_icmp_4to6(&run->packet, &run->inner, &to6, &server6, &client6, path,
				      rules, &run->out);
	return xlat_icmp_6to4(&run->packet, &run->inner, &to4, SERVER4, POOL4, path, rules,
			      &run->out);
}

/* Receives the message, in IPv4 or IPv6, and translates it. */
enum outcome icmp_message_run(struct icmp_run *run, unsigned version,
			      const struct icmp_message *message, const struct icmp_inner *inner,
			      const struct xlat_path *path, const struct xlat_rules *rules)
{
	enum outcome outcome;

	run->out = (struct out){.arena = run->arena, .arena_size = sizeof(run->arena)};
	run->packet = (struct packet){.data = run->received, .mark = 7};
	run->packet.size = icmp_message_build(run->received, version, message, inner, true);
	g_assert_cmpint(packet_parse(&run->packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(packet_parse_inner(&run->packet, &run->inner), ==, OUTCOME_TRANSLATED);
	outcome = icmp_message_translate(run, path, rules);
	if (outcome == OUTCOME_TRANSLATED)
		icmp_message_check_view(run);
	return outcome;
}

void icmp_message_check(const struct icmp_run *run, unsigned version,
			const struct icmp_message *message, const struct icmp_inner *inner)
{
	static uint8_t expected[ICMP_MESSAGE_MAX];
	const uint32_t size = icmp_message_build(expected, version, message, inner, false);

	g_assert_cmpuint(run->packet.version, ==, version);
	g_assert_cmpmem(run->packet.data, run->packet.size, expected, size);
}
