/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors into the other family: the maps, from the vectors, and whole messages.
 *
 * Each message is built here in both families, byte by byte and with naive checksums; the
 * translation of the one has to be the other. Requirements: section 4, F-20 to F-23, H-6.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/icmp_map.h"
#include "daemon/core/xlat_icmp.h"
#include "tests/csv.h"
#include "tests/naive.h"

#define BUFFER_SIZE 4096
#define L4_MAX      65515

#define POOL4   0xcb007107u /* 203.0.113.7 */
#define SERVER4 0xc6336414u /* 198.51.100.20 */
#define ROUTER4 0xc0000263u /* 192.0.2.99 */

#define FRAGMENT_ID 0xabcd1234u

static const struct addr6 client6 = {{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};
static const struct addr6 server6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc6, 0x33, 0x64, 0x14}};
static const struct addr6 router6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc0, 0, 2, 0x63}};

static const struct xlat_rules copy_rules = {
	.traffic_class = XLAT_COPY,
	.type_of_service = XLAT_COPY,
	.lowest_ipv6_mtu = 1280,
};
static const struct xlat_path path1500 = {.nh4_mtu = 1500, .nh6_mtu = 1500, .ip4_id = 0x7777};

/* An embedded packet, the same in both families but for what translation changes. */
struct inner_spec {
	const char *name;
	enum protocol protocol;
	uint32_t l4_size;       /* by its header, or of the whole packet if fragmented */
	uint32_t present;       /* how much of it is quoted */
	uint32_t fragment_size; /* not 0: it is the first fragment, with so many bytes */
	bool atomic;            /* IPv6 only: Fragment header all the same */
	uint32_t options;       /* IPv4 options or an IPv6 extension header, not translated */
	bool reply;
	bool no_check;       /* UDP without a checksum */
	uint16_t tweak;      /* first bytes of the payload of UDP */
	uint8_t check_error; /* added to the checksum: it has to stay wrong (I-9) */
};

/* An ICMP error around it. */
struct message_spec {
	uint8_t type, code;
	uint32_t field;       /* bytes 4 to 7 */
	uint32_t quoted_size; /* 0: as much as there is */
	uint32_t extension_size;
};

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

static uint8_t build_l4(uint8_t *ret, unsigned version, const struct inner_spec *spec)
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
static uint32_t build_inner(uint8_t *ret, unsigned version, const struct inner_spec *spec,
			    bool received)
{
	static uint8_t l4[L4_MAX];
	const uint8_t ip_protocol = build_l4(l4, version, spec);
	const uint32_t payload = spec->fragment_size != 0 ? spec->fragment_size : spec->l4_size;
	const uint32_t options = received ? spec->options : 0;
	uint32_t at;

	memset(ret, 0, BUFFER_SIZE);
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
static uint32_t build_message(uint8_t *ret, unsigned version, const struct message_spec *spec,
			      const struct inner_spec *inner_spec, bool received)
{
	static uint8_t inner[BUFFER_SIZE];
	uint32_t inner_size = build_inner(inner, version, inner_spec, received);
	const uint32_t quoted = spec->quoted_size != 0 ? spec->quoted_size : inner_size;
	const uint32_t size = 8 + quoted + spec->extension_size;
	const uint32_t header_size = version == 6 ? 40 : 20;
	uint8_t *icmp = ret + header_size;

	memset(ret, 0, BUFFER_SIZE);
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
		store_be16(ret + 4, path1500.ip4_id);
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

struct run {
	uint8_t received[BUFFER_SIZE];
	struct packet packet;
	struct inner_packet inner;
	struct out out;
	uint8_t arena[EMIT_ARENA_PER_PACKET];
};

/* packet is what packet_parse() makes of its bytes (H-6: it may be translated again). */
static void check_view(const struct run *run)
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

static enum outcome translate(struct run *run, const struct xlat_path *path,
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
static enum outcome run_message(struct run *run, unsigned version,
				const struct message_spec *message, const struct inner_spec *inner,
				const struct xlat_path *path, const struct xlat_rules *rules)
{
	enum outcome outcome;

	run->out = (struct out){.arena = run->arena, .arena_size = sizeof(run->arena)};
	run->packet = (struct packet){.data = run->received, .mark = 7};
	run->packet.size = build_message(run->received, version, message, inner, true);
	g_assert_cmpint(packet_parse(&run->packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(packet_parse_inner(&run->packet, &run->inner), ==, OUTCOME_TRANSLATED);
	outcome = translate(run, path, rules);
	if (outcome == OUTCOME_TRANSLATED)
		check_view(run);
	return outcome;
}

static void check_message(const struct run *run, unsigned version,
			  const struct message_spec *message, const struct inner_spec *inner)
{
	static uint8_t expected[BUFFER_SIZE];
	const uint32_t size = build_message(expected, version, message, inner, false);

	g_assert_cmpuint(run->packet.version, ==, version);
	g_assert_cmpmem(run->packet.data, run->packet.size, expected, size);
}

static const struct inner_spec tcp_header8 = {
	.protocol = PROTOCOL_TCP, .l4_size = 40, .present = 8};

/* The vectors. */

static void parse_range(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
	char *end;

	if (strcmp(text, "any") == 0) {
		*ret_first = 0;
		*ret_last = 255;
		return;
	}
	*ret_first = (uint32_t)strtoul(text, &end, 10);
	*ret_last = *end == '-' ? (uint32_t)strtoul(end + 1, &end, 10) : *ret_first;
	g_assert_cmpint(*end, ==, '\0');
}

/* The whole message has this type and code, too. */
static void check_type(unsigned version, uint8_t type, uint8_t code, uint8_t to_type,
		       uint8_t to_code)
{
	static struct run run;
	const struct message_spec message = {.type = type, .code = code};
	const uint8_t *icmp;

	g_assert_cmpint(run_message(&run, version, &message, &tcp_header8, &path1500, &copy_rules),
			==, OUTCOME_TRANSLATED);
	icmp = packet_l4(&run.packet);
	g_assert_cmpuint(icmp[0], ==, to_type);
	g_assert_cmpuint(icmp[1], ==, to_code);
}

/* I-1: every type with every code. */
static void play_types(unsigned version, const char *file)
{
	struct csv *csv = csv_open(file);
	unsigned n = 0;

	while (csv_next(csv)) {
		const bool translated = strcmp(csv_get(csv, "action"), "translate") == 0;
		const char *to_code = csv_get(csv, "code_out");
		uint32_t type_first, type_last, code_first, code_last;

		g_test_message("%s:%u", file, csv_line(csv));
		parse_range(csv_get(csv, "type_in"), &type_first, &type_last);
		parse_range(csv_get(csv, "code_in"), &code_first, &code_last);
		for (uint32_t i = type_first << 8 | code_first; i <= (type_last << 8 | code_last);
		     i++) {
			const uint8_t type = (uint8_t)(i >> 8), code = (uint8_t)i;
			struct icmp_mapped mapped;
			const bool echo = version == 4 ? type == 0 || type == 8 : type >= 128;
			const enum outcome outcome =
				version == 4 ? icmp_map_4to6(type, code, 0, &mapped)
					     : icmp_map_6to4(type, code, 0, &mapped);

			n++;
			g_assert_cmpint(outcome, ==,
					translated ? OUTCOME_TRANSLATED
						   : OUTCOME_ICMP_UNTRANSLATABLE);
			if (translated && !echo)
				check_type(version, type, code,
					   (uint8_t)atoi(csv_get(csv, "type_out")),
					   strcmp(to_code, "same") == 0 ? code
									: (uint8_t)atoi(to_code));
		}
	}
	g_assert_cmpuint(n, ==, 65536);
	csv_close(csv);
}

static void test_types_4to6(void)
{
	play_types(4, "icmp46.csv");
}

static void test_types_6to4(void)
{
	play_types(6, "icmp64.csv");
}

/* I-2, I-5. */
static void check_pointer(unsigned version, uint8_t code, uint32_t pointer, const char *expected)
{
	static struct run run;
	const bool translated = strcmp(expected, "drop") != 0;
	struct icmp_mapped mapped;
	const uint32_t to = (uint32_t)strtoul(expected, NULL, 10);
	const struct message_spec message = {.type = version == 4 ? 12 : 4,
					     .code = code,
					     .field = version == 4 ? pointer << 24 : pointer};
	const enum outcome outcome =
		run_message(&run, version, &message, &tcp_header8, &path1500, &copy_rules);

	g_assert_cmpint(outcome, ==, translated ? OUTCOME_TRANSLATED : OUTCOME_ICMP_UNTRANSLATABLE);
	g_assert_cmpint(outcome, ==,
			version == 4 ? icmp_map_4to6(12, code, pointer, &mapped)
				     : icmp_map_6to4(4, code, pointer, &mapped));
	if (translated)
		g_assert_cmpuint(load_be32(packet_l4(&run.packet) + 4), ==,
				 version == 4 ? to : to << 24);
}

static void play_pointers(unsigned version, const char *file)
{
	struct csv *csv = csv_open(file);

	while (csv_next(csv)) {
		const char *expected = csv_get(csv, "pointer_out");
		uint32_t first, last;

		parse_range(csv_get(csv, "pointer_in"), &first, &last);
		g_test_message("%s:%u", file, csv_line(csv));
		for (uint32_t pointer = first; pointer <= MIN(last, 1000); pointer++) {
			check_pointer(version, 0, pointer, expected);
			if (version == 4)
				check_pointer(version, 2, pointer, expected);
		}
		check_pointer(version, 0, last, expected);
	}
	csv_close(csv);
}

static void test_pointers_4to6(void)
{
	play_pointers(4, "icmp_pointer46.csv");
}

static void test_pointers_6to4(void)
{
	play_pointers(6, "icmp_pointer64.csv");
}

static uint32_t csv_number(const struct csv *csv, const char *column)
{
	return (uint32_t)strtoul(csv_get(csv, column), NULL, 10);
}

/* F-20, F-22. */
static void test_mtu_4to6(void)
{
	static struct run run;
	struct csv *csv = csv_open("mtu46.csv");

	while (csv_next(csv)) {
		const uint32_t mtu = csv_number(csv, "mtu_in");
		const uint32_t inner_size = csv_number(csv, "inner_total_length");
		const uint32_t expected = csv_number(csv, "mtu_out");
		const struct xlat_path path = {.nh4_mtu = csv_number(csv, "nexthop4_mtu"),
					       .nh6_mtu = csv_number(csv, "nexthop6_mtu")};
		const struct message_spec message = {.type = 3, .code = 4, .field = mtu};
		const struct inner_spec inner = {
			.protocol = PROTOCOL_UDP, .l4_size = inner_size - 20, .present = 8};

		g_test_message("mtu46.csv:%u", csv_line(csv));
		g_assert_cmpuint(icmp_map_4to6_mtu(mtu, inner_size, &path), ==, expected);
		g_assert_cmpint(run_message(&run, 4, &message, &inner, &path, &copy_rules), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be32(packet_l4(&run.packet) + 4), ==, expected);
	}
	csv_close(csv);
}

/* F-21, F-23. */
static void test_mtu_6to4(void)
{
	static struct run run;
	struct csv *csv = csv_open("mtu64.csv");

	while (csv_next(csv)) {
		const uint32_t mtu = csv_number(csv, "mtu_in");
		const bool atomic = csv_number(csv, "inner_has_fragment_header") != 0;
		const uint32_t expected = csv_number(csv, "mtu_out");
		const struct xlat_path path = {.nh4_mtu = csv_number(csv, "nexthop4_mtu"),
					       .nh6_mtu = csv_number(csv, "nexthop6_mtu")};
		const struct message_spec message = {.type = 2, .field = mtu};
		const struct inner_spec inner = {
			.protocol = PROTOCOL_UDP, .l4_size = 1400, .present = 8, .atomic = atomic};

		g_test_message("mtu64.csv:%u", csv_line(csv));
		g_assert_cmpuint(icmp_map_6to4_mtu(mtu, atomic, &path), ==, expected);
		g_assert_cmpint(run_message(&run, 6, &message, &inner, &path, &copy_rules), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be32(packet_l4(&run.packet) + 4), ==, expected);
	}
	csv_close(csv);
}

/* H-8: nh4 counts as unlimited in a hairpin. And an IPv6 route below 1280 can not be meant. */
static void test_mtu_at_both_ends(void)
{
	const struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};
	const struct xlat_path narrow = {.nh4_mtu = 1500, .nh6_mtu = 0};

	g_assert_cmpuint(icmp_map_6to4_mtu(1400, false, &narrow), ==, 1260);
	g_assert_cmpuint(icmp_map_6to4_mtu(1400, true, &narrow), ==, 1252);

	g_assert_cmpuint(icmp_map_4to6_mtu(1400, 1500, &path), ==, 1420);
	g_assert_cmpuint(icmp_map_6to4_mtu(1400, false, &path), ==, 1380);
	g_assert_cmpuint(icmp_map_6to4_mtu(UINT32_MAX, false, &path), ==, 65535);
}

/* Whole messages. */

/* Section 14's four shapes and their like; I-8 to I-11, I-25. */
static const struct inner_spec shape[] = {
	/* clang-format off */
	{ "tcp, whole",              PROTOCOL_TCP,  60, 60 },
	{ "udp, whole",              PROTOCOL_UDP,  61, 61 },
	{ "echo, whole",             PROTOCOL_ICMP, 61, 61 },
	{ "tcp, ports alone",        PROTOCOL_TCP,  60, 4 },
	{ "tcp, 8 bytes",            PROTOCOL_TCP,  60, 8 },
	{ "tcp, half a checksum",    PROTOCOL_TCP,  60, 17 },
	{ "tcp, to the checksum",    PROTOCOL_TCP,  60, 18 },
	{ "udp, ports alone",        PROTOCOL_UDP,  60, 4 },
	{ "udp, half a checksum",    PROTOCOL_UDP,  60, 7 },
	{ "udp, 8 bytes",            PROTOCOL_UDP,  60, 8 },
	{ "echo, to the identifier", PROTOCOL_ICMP, 60, 6 },
	{ "echo, 8 bytes",           PROTOCOL_ICMP, 60, 8 },
	{ "tcp, fragment",           PROTOCOL_TCP,  3000, 100, .fragment_size = 1400 },
	{ "udp, fragment",           PROTOCOL_UDP,  3000, 100, .fragment_size = 1400 },
	{ "udp, fragment, 8 bytes",  PROTOCOL_UDP,  3000, 8,   .fragment_size = 1400 },
	{ "udp, atomic",             PROTOCOL_UDP,  100, 100,  .atomic = true },
	{ "udp, atomic, large",      PROTOCOL_UDP,  1400, 100, .atomic = true },
	{ "tcp, options",            PROTOCOL_TCP,  60, 60, .options = 24 },
	{ "udp, options, 8 bytes",   PROTOCOL_UDP,  60, 8,  .options = 8 },
	{ "echo, most options",      PROTOCOL_ICMP, 60, 60, .options = 40 },
	{ "fragment with options",   PROTOCOL_UDP,  3000, 8, .fragment_size = 1400, .options = 16 },
	{ "no DF at 1260",           PROTOCOL_TCP,  1240, 100 },
	{ "DF at 1261",              PROTOCOL_TCP,  1241, 100 },
	{ "udp, no checksum",        PROTOCOL_UDP,  60, 60, .no_check = true },
	{ "tcp, wrong checksum",     PROTOCOL_TCP,  60, 60, .check_error = 1 },
	{ "udp, wrong checksum",     PROTOCOL_UDP,  60, 60, .check_error = 77 },
	{ "echo, wrong checksum",    PROTOCOL_ICMP, 60, 60, .check_error = 1 },
	{ "echo reply",              PROTOCOL_ICMP, 60, 60, .reply = true },
	{ "huge by its header",      PROTOCOL_UDP,  65400, 8 },
	/* clang-format on */
};

static void test_shapes_4to6(void)
{
	static struct run run;
	static const struct message_spec received = {3, 3}, expected = {1, 4};

	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		if (shape[i].atomic) /* IPv4 has no such thing */
			continue;
		g_test_message("%s", shape[i].name);
		g_assert_cmpint(run_message(&run, 4, &received, &shape[i], &path1500, &copy_rules),
				==, OUTCOME_TRANSLATED);
		check_message(&run, 6, &expected, &shape[i]);
	}
}

static void test_shapes_6to4(void)
{
	static struct run run;
	static const struct message_spec received = {1, 4}, expected = {3, 3};

	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		g_test_message("%s", shape[i].name);
		g_assert_cmpint(run_message(&run, 6, &received, &shape[i], &path1500, &copy_rules),
				==, OUTCOME_TRANSLATED);
		check_message(&run, 4, &expected, &shape[i]);
	}
}

/* T-33: the one payload with which the checksum becomes 0 on the other side. */
static void test_udp_checksum_computes_to_zero(void)
{
	static struct run run;
	static uint8_t l4[20];
	static const struct message_spec message4 = {3, 3}, message6 = {1, 4};
	struct inner_spec inner = {.protocol = PROTOCOL_UDP, .l4_size = 20, .present = 20};

	for (unsigned version = 4; version <= 6; version += 2) {
		inner.tweak = 0;
		(void)build_l4(l4, 10 - version, &inner);
		inner.tweak = load_be16(l4 + 6);
		(void)build_l4(l4, 10 - version, &inner);
		g_assert_cmpuint(load_be16(l4 + 6), ==, 0xffff);
		g_assert_cmpint(run_message(&run, version, version == 4 ? &message4 : &message6,
					    &inner, &path1500, &copy_rules),
				==, OUTCOME_TRANSLATED);
		check_message(&run, 10 - version, version == 4 ? &message6 : &message4, &inner);
	}
}

/* An IPv6 header may claim 20 bytes more than an IPv4 header can. */
static void test_claim_is_too_large_for_ipv4(void)
{
	static struct run run;
	static const struct message_spec received = {1, 4};
	static const struct inner_spec inner = {
		.protocol = PROTOCOL_TCP, .l4_size = 65515, .present = 8};

	for (uint32_t claim = 65514; claim <= 65535; claim++) {
		run.packet = (struct packet){.data = run.received};
		run.packet.size = build_message(run.received, 6, &received, &inner, true);
		run.out = (struct out){.arena = run.arena, .arena_size = sizeof(run.arena)};
		g_assert_cmpint(packet_parse(&run.packet), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==,
				OUTCOME_TRANSLATED);
		run.inner.claimed = IP6_HEADER_SIZE + claim;
		g_assert_cmpint(translate(&run, &path1500, &copy_rules), ==, OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be16(run.packet.data + 30), ==, MIN(claim + 20, 65535));
	}
}

/* I-5: fields of the received message that are unused do not come through. */
static void test_unused_bytes_are_zero(void)
{
	static struct run run;
	static const struct {
		unsigned version;
		struct message_spec received, expected;
	} row[] = {
		/* clang-format off */
		{ 4, { 3, 1,  0xffffffff }, { 1, 0, 0 } },
		{ 4, { 3, 2,  0xffffffff }, { 4, 1, 6 } },
		{ 4, { 3, 4,  0xffff0578 }, { 2, 0, 1420 } },
		{ 4, { 12, 0, 0x09ffffff }, { 4, 0, 6 } },
		{ 6, { 1, 0,  0xffffffff }, { 3, 1, 0 } },
		{ 6, { 3, 0,  0x00ffffff }, { 11, 0, 0 } },
		{ 6, { 4, 1,  0xffffffff }, { 3, 2, 0 } },
		{ 6, { 4, 0,  7 },          { 12, 0, 0x08000000 } },
		/* clang-format on */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		g_test_message("row %zu", i);
		g_assert_cmpint(run_message(&run, row[i].version, &row[i].received, &tcp_header8,
					    &path1500, &copy_rules),
				==, OUTCOME_TRANSLATED);
		check_message(&run, row[i].version == 4 ? 6 : 4, &row[i].expected, &tcp_header8);
	}
}

/*
 * I-23, I-26. l4: bytes of the embedded transport; the embedded header is 20 or 40 in front. The
 * last two columns: how long the quote with its padding and the extension are to become.
 */
static void test_layout(void)
{
	static struct run run;
	static const struct {
		const char *name;
		unsigned version;
		uint32_t l4, quoted, extension, to_quoted, to_extension;
	} row[] = {
		/* clang-format off */
		{ "127 bytes are padded",           4,   87,  128,    8,  128,    8 },
		{ "128 bytes are not",              4,   88,  128,    8,  128,    8 },
		{ "129 bytes are, to a unit of 8",  4,   89,  128,    8,  136,    8 },
		{ "new padding, not the old",       4,    8,  256,    8,  128,    8 },
		{ "1279 bytes",                     4, 1191,    0,    0, 1231,    0 },
		{ "1280 bytes",                     4, 1192,    0,    0, 1232,    0 },
		{ "1281 bytes: the quote is cut",   4, 1193,    0,    0, 1232,    0 },
		{ "1280 with an extension",         4,  984, 1004,  208, 1024,  208 },
		{ "1284: the quote is cut",         4,  985, 1008,  204, 1024,  204 },
		{ "as above, in whole units",       4, 1000, 1020,  201, 1024,  201 },
		{ "the longest length",             4, 1000, 1020,  192, 1040,  192 },
		{ "the quote cut to 128",           4,  300,  320, 1104,  128, 1104 },
		{ "then the extension",             4,  300,  320, 1105,  128, 1104 },
		{ "and not the quote",              4,   20,  128, 1500,  128, 1104 },

		{ "127 bytes are padded",           6,  107,  152,    8,  128,    8 },
		{ "128 bytes are not",              6,  108,  152,    8,  128,    8 },
		{ "129 bytes are, to a unit of 4",  6,  109,  152,    8,  132,    8 },
		{ "new padding, not the old",       6,    8,  256,    8,  128,    8 },
		{ "575 bytes",                      6,  527,    0,    0,  547,    0 },
		{ "576 bytes",                      6,  528,    0,    0,  548,    0 },
		{ "577 bytes: the quote is cut",    6,  529,    0,    0,  548,    0 },
		{ "576 with an extension",          6,  500,  544,   28,  520,   28 },
		{ "580: the quote is cut",          6,  501,  544,   28,  520,   28 },
		{ "as above, in whole units",       6,  501,  544,   25,  520,   25 },
		{ "the quote cut to 128",           6,  300,  344,  420,  128,  420 },
		{ "then the extension",             6,  300,  344,  421,  128,  420 },
		{ "and not the quote",              6,   20,  128,  700,  128,  420 },
		/* clang-format on */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		const unsigned to_version = row[i].version == 4 ? 6 : 4;
		const bool extended = row[i].extension != 0;
		const struct message_spec received = {.type = row[i].version == 4 ? 11 : 3,
						      .field = row[i].version == 4
								       ? row[i].quoted / 4 << 16
								       : row[i].quoted / 8 << 24,
						      .quoted_size = row[i].quoted,
						      .extension_size = row[i].extension};
		const struct message_spec expected = {.type = row[i].version == 4 ? 3 : 11,
						      .field = !extended ? 0
							       : to_version == 4
								       ? row[i].to_quoted / 4 << 16
								       : row[i].to_quoted / 8 << 24,
						      .quoted_size = row[i].to_quoted,
						      .extension_size = row[i].to_extension};
		/* I-25: a packet that is cut anyway, so that padding is no part of it by length. */
		const struct inner_spec inner = {
			.protocol = PROTOCOL_TCP, .l4_size = row[i].l4, .present = row[i].l4};

		g_test_message("from %u: %s", row[i].version, row[i].name);
		g_assert_cmpint(run_message(&run, row[i].version, &received, &inner, &path1500,
					    &copy_rules),
				==, OUTCOME_TRANSLATED);
		check_message(&run, to_version, &expected, &inner);
		g_assert_cmpuint(run.packet.size, <=, to_version == 4 ? 576 : 1280);
	}
}

/* I-24. */
static void test_extension_without_a_place(void)
{
	static struct run run;
	static const struct inner_spec inner = {
		.protocol = PROTOCOL_TCP, .l4_size = 60, .present = 60};
	static const struct {
		struct message_spec received, expected;
	} row[] = {
		/* clang-format off */
		{ { 3, 2, 32 << 16, 128, 8 },             { 4, 1, 6 } },
		{ { 3, 4, 32 << 16 | 1400, 128, 8 },      { 2, 0, 1420 } },
		{ { 12, 0, 8u << 24 | 32 << 16, 128, 8 }, { 4, 0, 7 } },
		/* clang-format on */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		g_test_message("row %zu", i);
		g_assert_cmpint(
			run_message(&run, 4, &row[i].received, &inner, &path1500, &copy_rules), ==,
			OUTCOME_TRANSLATED);
		check_message(&run, 6, &row[i].expected, &inner);
	}
}

/* T-2, T-12: the configured Traffic Class or TOS is for embedded packets, too (I-10). */
static void test_fixed_traffic_class(void)
{
	static struct run run;
	const struct message_spec from4 = {3, 3}, from6 = {1, 4};
	struct xlat_rules rules = copy_rules;

	rules.traffic_class = 0;
	rules.type_of_service = 0x10;
	g_assert_cmpint(run_message(&run, 4, &from4, &tcp_header8, &path1500, &rules), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(load_be16(run.packet.data), ==, 0x6000);
	g_assert_cmpuint(load_be16(run.packet.data + 48), ==, 0x6000);
	g_assert_cmpint(run_message(&run, 6, &from6, &tcp_header8, &path1500, &rules), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(run.packet.data[1], ==, 0x10);
	g_assert_cmpuint(run.packet.data[29], ==, 0x10);
}

/* F-8: an atomic fragment keeps the low half of its Identification, here as everywhere. */
static void test_outer_atomic_fragment(void)
{
	static struct run run;
	static const struct message_spec received = {1, 4};

	g_assert_cmpint(run_message(&run, 6, &received, &tcp_header8, &path1500, &copy_rules), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(run.packet.fragment_id, ==, path1500.ip4_id);

	run.packet = (struct packet){.data = run.received, .mark = 7};
	run.packet.size = build_message(run.received, 6, &received, &tcp_header8, true);
	memmove(run.received + 48, run.received + 40, run.packet.size - 40);
	memcpy(run.received + 40, (uint8_t[]){58, 0, 0, 0, 0xbe, 0xef, 0x56, 0x78}, 8);
	run.received[6] = 44;
	run.packet.size += 8;
	store_be16(run.received + 4, (uint16_t)(run.packet.size - 40));
	g_assert_cmpint(packet_parse(&run.packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(translate(&run, &path1500, &copy_rules), ==, OUTCOME_TRANSLATED);
	check_view(&run);
	g_assert_cmpuint(run.packet.fragment_id, ==, 0x5678);
	g_assert_false(run.packet.dont_fragment);
}

/* H-6, H-7: an error for a hairpinned packet is translated twice and loses one hop. */
static void test_twice(void)
{
	static struct run run;
	static const struct message_spec plain = {3, 0}, extended = {3, 0, 16u << 24, 128, 12};
	struct xlat_path second = path1500;

	second.keep_hop_limit = true;
	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		struct inner_spec inner = shape[i];
		/* Padding behind a packet that was longer can not be told from the packet. */
		const bool padded =
			inner.present == inner.l4_size && inner.present + inner.options <= 80;
		const struct message_spec *message = padded ? &extended : &plain;

		g_test_message("%s", inner.name);
		g_assert_cmpint(run_message(&run, 6, message, &inner, &path1500, &copy_rules), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpint(translate(&run, &second, &copy_rules), ==, OUTCOME_TRANSLATED);
		check_view(&run);
		inner.atomic = false;
		check_message(&run, 6, message, &inner);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xlat_icmp/types_4to6", test_types_4to6);
	g_test_add_func("/xlat_icmp/types_6to4", test_types_6to4);
	g_test_add_func("/xlat_icmp/pointers_4to6", test_pointers_4to6);
	g_test_add_func("/xlat_icmp/pointers_6to4", test_pointers_6to4);
	g_test_add_func("/xlat_icmp/mtu_4to6", test_mtu_4to6);
	g_test_add_func("/xlat_icmp/mtu_6to4", test_mtu_6to4);
	g_test_add_func("/xlat_icmp/mtu_at_both_ends", test_mtu_at_both_ends);
	g_test_add_func("/xlat_icmp/shapes_4to6", test_shapes_4to6);
	g_test_add_func("/xlat_icmp/shapes_6to4", test_shapes_6to4);
	g_test_add_func("/xlat_icmp/udp_checksum_computes_to_zero",
			test_udp_checksum_computes_to_zero);
	g_test_add_func("/xlat_icmp/claim_is_too_large_for_ipv4", test_claim_is_too_large_for_ipv4);
	g_test_add_func("/xlat_icmp/unused_bytes_are_zero", test_unused_bytes_are_zero);
	g_test_add_func("/xlat_icmp/layout", test_layout);
	g_test_add_func("/xlat_icmp/extension_without_a_place", test_extension_without_a_place);
	g_test_add_func("/xlat_icmp/fixed_traffic_class", test_fixed_traffic_class);
	g_test_add_func("/xlat_icmp/outer_atomic_fragment", test_outer_atomic_fragment);
	g_test_add_func("/xlat_icmp/twice", test_twice);
	return g_test_run();
}
