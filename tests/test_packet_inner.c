/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet embedded in an ICMP error: in all four shapes (whole, header and 8 bytes, a fragment,
 * with options or extension headers), cut off, lying, and with RFC 4884 extensions.
 */
#include "daemon/core/packet.h"

#include <glib.h>

#include "tests/craft.h"
#include "tests/naive.h"

static struct craft_buffer buffer, inner_buffer;

#define EXTENSION      "2000ddf40008010100010101"
#define EXTENSION_SIZE 12

/* An ICMP error around inner; attribute is the length attribute, extension is in hex and stands
 * behind padding up to padded bytes. */
struct error {
	uint8_t type;
	uint8_t attribute;
	struct craft inner;
	uint32_t cut_to; /* bytes of the embedded packet; 0 = all */
	uint32_t padded; /* 0 = no padding */
	const char *extension;
};

static struct packet error_packet(const struct error *error)
{
	struct packet inner = craft_packet(&inner_buffer, &error->inner);
	uint8_t version = error->inner.version;
	uint32_t size = error->cut_to != 0 ? error->cut_to : inner.size;
	struct craft_buffer extension_buffer;
	struct packet extension = craft_hex(&extension_buffer, error->extension);
	struct craft outer = {
		.version = version,
		.protocol = version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.icmp_type = error->type,
		.payload_size = MAX(size, error->padded) + extension.size,
	};
	struct packet packet = craft_packet(&buffer, &outer);
	uint8_t *icmp = packet.data + (version == 6 ? 40 : 20);

	memset(icmp + 4, 0, outer.payload_size + 4);
	icmp[version == 6 ? 4 : 5] = error->attribute;
	memcpy(icmp + 8, inner.data, size);
	memcpy(icmp + 8 + MAX(size, error->padded), extension.data, extension.size);
	return packet;
}

/* The checksum of the whole is of no matter to packet_parse_inner(); so is not packet_parse(). */
static enum outcome parse(struct packet *packet, struct inner_packet *ret)
{
	(void)packet_parse(packet);
	g_assert_true(packet->is_icmp_error);
	return packet_parse_inner(packet, ret);
}

static enum outcome parse_error(const struct error *error, struct inner_packet *ret)
{
	struct packet packet = error_packet(error);

	return parse(&packet, ret);
}

#define ASSERT_USABLE(got)   g_assert_cmpint(got, ==, OUTCOME_TRANSLATED)
#define ASSERT_UNUSABLE(got) g_assert_cmpint(got, ==, OUTCOME_ICMP_INNER_UNUSABLE)

static void test_whole4(void)
{
	const struct error error = {
		.type = ICMP_DEST_UNREACH,
		.inner = {.version = 4,
			  .traffic_class = 0x45,
			  .hop_limit = 3,
			  .dont_fragment = true,
			  .fragment_id = 0x4242,
			  .payload_size = 5},
	};
	struct inner_packet inner;

	ASSERT_USABLE(parse_error(&error, &inner));
	g_assert_cmpuint(inner.present, ==, 33);
	g_assert_cmpuint(inner.claimed, ==, 33);
	g_assert_cmpuint(inner.quoted_size, ==, 33);
	g_assert_cmpuint(inner.l4_offset, ==, 20);
	g_assert_cmpint(inner.protocol, ==, PROTOCOL_UDP);
	g_assert_cmpuint(inner.ip_protocol, ==, IPPROTO_UDP);
	g_assert_cmphex(inner.traffic_class, ==, 0x45);
	g_assert_cmpuint(inner.hop_limit, ==, 3);
	g_assert_false(inner.is_fragment);
	g_assert_cmphex(inner.fragment_id, ==, 0x4242);
	g_assert_null(inner.extension);
}

static void test_whole6(void)
{
	const struct error error = {
		.type = ICMP6_PACKET_TOO_BIG,
		.inner = {.version = 6,
			  .protocol = IPPROTO_TCP,
			  .traffic_class = 0x45,
			  .hop_limit = 3,
			  .payload_size = 5},
	};
	struct inner_packet inner;

	ASSERT_USABLE(parse_error(&error, &inner));
	g_assert_cmpuint(inner.present, ==, 65);
	g_assert_cmpuint(inner.claimed, ==, 65);
	g_assert_cmpuint(inner.l4_offset, ==, 40);
	g_assert_cmpint(inner.protocol, ==, PROTOCOL_TCP);
	g_assert_cmphex(inner.traffic_class, ==, 0x45);
	g_assert_cmpuint(inner.hop_limit, ==, 3);
	g_assert_false(inner.has_fragment_header);
}

/* Header and 8 bytes: sizes are what is there and what is claimed. */
static void test_cut_off(void)
{
	const struct error error4 = {
		.type = ICMP_TIME_EXCEEDED,
		.inner = {.version = 4, .protocol = IPPROTO_TCP, .payload_size = 1000},
		.cut_to = 28,
	};
	const struct error error6 = {
		.type = ICMP6_TIME_EXCEEDED,
		.inner = {.version = 6, .protocol = IPPROTO_TCP, .payload_size = 1000},
		.cut_to = 48,
	};
	struct inner_packet inner;

	ASSERT_USABLE(parse_error(&error4, &inner));
	g_assert_cmpuint(inner.present, ==, 28);
	g_assert_cmpuint(inner.claimed, ==, 1040);
	ASSERT_USABLE(parse_error(&error6, &inner));
	g_assert_cmpuint(inner.present, ==, 48);
	g_assert_cmpuint(inner.claimed, ==, 1060);
}

/* I-13: ports are 4 bytes; an identifier ends at the 6th. */
static void test_too_short_for_tuple(void)
{
	static const struct {
		uint8_t version, protocol, icmp_type;
		uint32_t least;
	} rows[] = {
		{4, IPPROTO_TCP, 0, 24},          {4, IPPROTO_UDP, 0, 24},
		{4, IPPROTO_ICMP, ICMP_ECHO, 26}, {6, IPPROTO_TCP, 0, 44},
		{6, IPPROTO_UDP, 0, 44},          {6, IPPROTO_ICMPV6, ICMP6_ECHO_REPLY, 46},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct error error = {
			.type = rows[i].version == 6 ? 1 : 3,
			.inner = {.version = rows[i].version,
				  .protocol = rows[i].protocol,
				  .icmp_type = rows[i].icmp_type,
				  .payload_size = 20},
		};
		struct inner_packet inner;

		for (error.cut_to = 1; error.cut_to < rows[i].least; error.cut_to++)
			ASSERT_UNUSABLE(parse_error(&error, &inner));
		ASSERT_USABLE(parse_error(&error, &inner));
	}
}

/* The claimed length bounds what is there, too. */
static void test_claims_less_than_present(void)
{
	const struct error error = {.type = 1, .inner = {.version = 6, .payload_size = 20}};
	struct packet packet = error_packet(&error);
	struct inner_packet inner;

	packet.data[48 + 5] = 4;
	ASSERT_USABLE(parse(&packet, &inner));
	g_assert_cmpuint(inner.present, ==, 44);
	g_assert_cmpuint(inner.quoted_size, ==, 68);
	packet.data[48 + 5] = 3;
	ASSERT_UNUSABLE(parse(&packet, &inner));
}

/* I-8; RFC 7915, 5.3. */
static void test_options_and_extension_headers(void)
{
	const struct error error4 = {
		.type = 3,
		.inner = {.version = 4, .extra = "830704c000020100", .payload_size = 5},
	};
	const struct error error6 = {
		.type = 1,
		.inner = {.version = 6,
			  .extra = "1100010400000000",
			  .next_header = 60,
			  .payload_size = 5},
	};
	struct inner_packet inner;

	ASSERT_USABLE(parse_error(&error4, &inner));
	g_assert_cmpuint(inner.l4_offset, ==, 28);
	ASSERT_USABLE(parse_error(&error6, &inner));
	g_assert_cmpuint(inner.l4_offset, ==, 48);
	g_assert_cmpint(inner.protocol, ==, PROTOCOL_UDP);
}

static void test_fragments(void)
{
	static const struct {
		struct error error;
		bool usable;
		bool is_fragment;
	} rows[] = {
		{{.type = 3, .inner = {.version = 4, .more_fragments = true}}, true, true},
		{{.type = 3, .inner = {.version = 4, .fragment_offset = 8, .payload_size = 20}},
		 false,
		 false},
		{{.type = 1,
		  .inner = {.version = 6,
			    .fragment_header = true,
			    .fragment_id = 0xdeadbeef,
			    .more_fragments = true}},
		 true,
		 true},
		{{.type = 1,
		  .inner = {.version = 6, .fragment_header = true, .fragment_id = 0xdeadbeef}},
		 true,
		 false},
		{{.type = 1,
		  .inner = {.version = 6,
			    .fragment_header = true,
			    .fragment_offset = 8,
			    .payload_size = 20}},
		 false,
		 false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct inner_packet inner;
		enum outcome outcome = parse_error(&rows[i].error, &inner);

		g_test_message("row %zu", i);
		g_assert_cmpint(outcome == OUTCOME_TRANSLATED, ==, rows[i].usable);
		if (!rows[i].usable)
			continue;
		g_assert_cmpint(inner.is_fragment, ==, rows[i].is_fragment);
		g_assert_cmpint(inner.has_fragment_header, ==, rows[i].error.inner.version == 6);
		if (inner.has_fragment_header)
			g_assert_cmphex(inner.fragment_id, ==, 0xdeadbeef);
	}
}

/* I-15, and what is no echo (I-13). */
static void test_embedded_icmp(void)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		for (unsigned type = 0; type < 256; type++) {
			const struct error error = {
				.type = version == 6 ? 1 : 3,
				.inner = {.version = (uint8_t)version,
					  .protocol = version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
					  .icmp_type = (uint8_t)type,
					  .payload_size = 30},
			};
			bool echo =
				version == 6 ? type == 128 || type == 129 : type == 0 || type == 8;
			struct inner_packet inner;

			g_assert_cmpint(parse_error(&error, &inner) == OUTCOME_TRANSLATED, ==,
					echo);
		}
	}
}

/* One byte of the embedded packet overwritten. */
static void test_lies(void)
{
	static const struct {
		const char *name;
		uint8_t version;
		uint32_t at;
		uint8_t value;
	} rows[] = {
		{"IPv6 in ICMP", 4, 0, 0x65},
		{"IPv4 in ICMPv6", 6, 0, 0x45},
		{"IHL 4", 4, 0, 0x44},
		{"IHL longer than there is", 4, 0, 0x4f},
		{"header checksum (I-7)", 4, 1, 0x01},
		{"protocol", 6, 6, 132},
		{"ICMP in IPv6", 6, 6, 1},
		{"extension header longer than there is", 6, 6, 60},
		{"no ports by its payload length", 6, 5, 3},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct error error = {
			.type = rows[i].version == 6 ? 1 : 3,
			.inner = {.version = rows[i].version, .src_port = 0x1122},
		};
		struct packet packet = error_packet(&error);
		struct inner_packet inner;

		g_test_message("%s", rows[i].name);
		ASSERT_USABLE(parse(&packet, &inner));
		inner.data[rows[i].at] = rows[i].value;
		ASSERT_UNUSABLE(packet_parse_inner(&packet, &inner));
	}
}

/* A routing header with segments left says nothing about the destination. */
static void test_routing_header(void)
{
	struct error error = {
		.type = 1,
		.inner = {.version = 6, .next_header = 43, .extra = "1100020000000000"},
	};
	struct inner_packet inner;

	ASSERT_USABLE(parse_error(&error, &inner));
	error.inner.extra = "1100020100000000";
	ASSERT_UNUSABLE(parse_error(&error, &inner));
}

/* RFC 4884: I-23, I-25. */
static void test_extension(void)
{
	static const struct {
		const char *name;
		struct error error;
		bool found;
		uint32_t quoted, present;
	} rows[] = {
		{"time exceeded",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, EXTENSION},
		 true,
		 128,
		 33},
		{"destination unreachable",
		 {3, 32, {.version = 4, .payload_size = 5}, 0, 128, EXTENSION},
		 true,
		 128,
		 33},
		{"parameter problem",
		 {12, 32, {.version = 4, .payload_size = 5}, 0, 128, EXTENSION},
		 true,
		 128,
		 33},
		{"redirect has no attribute",
		 {5, 32, {.version = 4, .payload_size = 5}, 0, 128, EXTENSION},
		 false,
		 140,
		 33},
		{"ICMPv6 time exceeded, units of 8",
		 {3, 16, {.version = 6, .payload_size = 5}, 0, 128, EXTENSION},
		 true,
		 128,
		 53},
		{"ICMPv6 destination unreachable",
		 {1, 17, {.version = 6, .payload_size = 5}, 0, 136, EXTENSION},
		 true,
		 136,
		 53},
		{"ICMPv6 packet too big has none",
		 {2, 16, {.version = 6, .payload_size = 5}, 0, 128, EXTENSION},
		 false,
		 140,
		 53},
		{"ICMPv6 parameter problem has none",
		 {4, 16, {.version = 6, .payload_size = 5}, 0, 128, EXTENSION},
		 false,
		 140,
		 53},
		{"embedded packet longer than its field",
		 {11, 32, {.version = 4, .payload_size = 500}, 128, 128, EXTENSION},
		 true,
		 128,
		 128},
		{"no attribute: not looked for (RFC 4884, 5.5)",
		 {11, 0, {.version = 4, .payload_size = 500}, 128, 128, EXTENSION},
		 false,
		 140,
		 140},
		{"nothing behind the field",
		 {11, 32, {.version = 4, .payload_size = 500}, 128, 128, NULL},
		 false,
		 128,
		 128},
		{"attribute beyond the message",
		 {11, 36, {.version = 4, .payload_size = 500}, 128, 128, EXTENSION},
		 false,
		 140,
		 140},
		{"attribute to the end of the message",
		 {11, 35, {.version = 4, .payload_size = 500}, 128, 128, EXTENSION},
		 false,
		 140,
		 140},
		{"version 1",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, "1000edf40008010100010101"},
		 false,
		 140,
		 33},
		{"wrong checksum",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, "2000ddf50008010100010101"},
		 false,
		 140,
		 33},
		{"no checksum",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, "200000000008010100010101"},
		 true,
		 128,
		 33},
		{"header of 3 bytes",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, "200000"},
		 false,
		 131,
		 33},
		{"header alone",
		 {11, 32, {.version = 4, .payload_size = 5}, 0, 128, "20000000"},
		 true,
		 128,
		 33},
		{"shorter than an original datagram may be (RFC 4884, 4)",
		 {11, 9, {.version = 4, .payload_size = 5}, 0, 36, "20000000"},
		 false,
		 40,
		 33},
		{"rubbish in a byte unused before RFC 4884",
		 {11, 3, {.version = 4, .payload_size = 5}, 0, 0, NULL},
		 false,
		 33,
		 33},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = error_packet(&rows[i].error);
		struct inner_packet inner;

		g_test_message("%s", rows[i].name);
		ASSERT_USABLE(parse(&packet, &inner));
		g_assert_cmpint(inner.extension != NULL, ==, rows[i].found);
		g_assert_cmpuint(inner.quoted_size, ==, rows[i].quoted);
		g_assert_cmpuint(inner.present, ==, rows[i].present);
		g_assert_cmpuint(inner.quoted_size + inner.extension_size, ==,
				 packet_l4_size(&packet) - 8);
		if (rows[i].found)
			g_assert_true(inner.extension == inner.data + inner.quoted_size);
	}
}

/* An attribute that points behind the message is not followed, whatever stands there. */
static void test_extension_behind_message(void)
{
	const struct error error = {
		.type = 11,
		.attribute = 32,
		.inner = {.version = 4, .payload_size = 500},
		.cut_to = 128,
		.padded = 128,
		.extension = "20000000",
	};
	struct packet packet = error_packet(&error);
	struct inner_packet inner;

	ASSERT_USABLE(parse(&packet, &inner));
	g_assert_nonnull(inner.extension);
	packet.size -= 3;
	ASSERT_USABLE(packet_parse_inner(&packet, &inner));
	g_assert_null(inner.extension);
	packet.size -= 2;
	ASSERT_USABLE(packet_parse_inner(&packet, &inner));
	g_assert_null(inner.extension);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/packet_inner/whole4", test_whole4);
	g_test_add_func("/packet_inner/whole6", test_whole6);
	g_test_add_func("/packet_inner/cut_off", test_cut_off);
	g_test_add_func("/packet_inner/too_short_for_tuple", test_too_short_for_tuple);
	g_test_add_func("/packet_inner/claims_less_than_present", test_claims_less_than_present);
	g_test_add_func("/packet_inner/options_and_extension_headers",
			test_options_and_extension_headers);
	g_test_add_func("/packet_inner/fragments", test_fragments);
	g_test_add_func("/packet_inner/embedded_icmp", test_embedded_icmp);
	g_test_add_func("/packet_inner/lies", test_lies);
	g_test_add_func("/packet_inner/routing_header", test_routing_header);
	g_test_add_func("/packet_inner/extension", test_extension);
	g_test_add_func("/packet_inner/extension_behind_message", test_extension_behind_message);
	return g_test_run();
}
