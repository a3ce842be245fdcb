/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors into the other family as whole messages (icmp_message.h): shapes, checksums, layout,
 * extensions. What becomes of types and MTUs is in test_icmp_map.c. Requirements: section 4, H-6.
 */
#include <glib.h>
#include <string.h>

#include "tests/icmp_message.h"

/* Section 14's four shapes and their like; I-8 to I-11, I-25. */
static const struct icmp_inner shape[] = {
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
	static struct icmp_run run;
	static const struct icmp_message received = {3, 3}, expected = {1, 4};

	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		if (shape[i].atomic) /* IPv4 has no such thing */
			continue;
		g_test_message("%s", shape[i].name);
		g_assert_cmpint(icmp_message_run(&run, 4, &received, &shape[i], &icmp_path1500,
						 &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, 6, &expected, &shape[i]);
	}
}

static void test_shapes_6to4(void)
{
	static struct icmp_run run;
	static const struct icmp_message received = {1, 4}, expected = {3, 3};

	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		g_test_message("%s", shape[i].name);
		g_assert_cmpint(icmp_message_run(&run, 6, &received, &shape[i], &icmp_path1500,
						 &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, 4, &expected, &shape[i]);
	}
}

/* T-33: the one payload with which the checksum becomes 0 on the other side. */
static void test_udp_checksum_computes_to_zero(void)
{
	static struct icmp_run run;
	static uint8_t l4[20];
	static const struct icmp_message message4 = {3, 3}, message6 = {1, 4};
	struct icmp_inner inner = {.protocol = PROTOCOL_UDP, .l4_size = 20, .present = 20};

	for (unsigned version = 4; version <= 6; version += 2) {
		inner.tweak = 0;
		(void)icmp_message_build_l4(l4, 10 - version, &inner);
		inner.tweak = load_be16(l4 + 6);
		(void)icmp_message_build_l4(l4, 10 - version, &inner);
		g_assert_cmpuint(load_be16(l4 + 6), ==, 0xffff);
		g_assert_cmpint(icmp_message_run(&run, version,
						 version == 4 ? &message4 : &message6, &inner,
						 &icmp_path1500, &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, 10 - version, version == 4 ? &message6 : &message4,
				   &inner);
	}
}

/* An IPv6 header may claim 20 bytes more than an IPv4 header can. */
static void test_claim_is_too_large_for_ipv4(void)
{
	static struct icmp_run run;
	static const struct icmp_message received = {1, 4};
	static const struct icmp_inner inner = {
		.protocol = PROTOCOL_TCP, .l4_size = 65515, .present = 8};

	for (uint32_t claim = 65514; claim <= 65535; claim++) {
		run.packet = (struct packet){.data = run.received};
		run.packet.size = icmp_message_build(run.received, 6, &received, &inner, true);
		run.out = (struct out){.arena = run.arena, .arena_size = sizeof(run.arena)};
		g_assert_cmpint(packet_parse(&run.packet), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==,
				OUTCOME_TRANSLATED);
		run.inner.claimed = IP6_HEADER_SIZE + claim;
		g_assert_cmpint(icmp_message_translate(&run, &icmp_path1500, &icmp_copy_rules), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be16(run.packet.data + 30), ==, MIN(claim + 20, 65535));
	}
}

/* I-5: fields of the received message that are unused do not come through. */
static void test_unused_bytes_are_zero(void)
{
	static struct icmp_run run;
	static const struct {
		unsigned version;
		struct icmp_message received, expected;
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
		g_assert_cmpint(icmp_message_run(&run, row[i].version, &row[i].received,
						 &icmp_tcp_header8, &icmp_path1500,
						 &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, row[i].version == 4 ? 6 : 4, &row[i].expected,
				   &icmp_tcp_header8);
	}
}

/*
 * I-23, I-26. l4: bytes of the embedded transport; the embedded header is 20 or 40 in front. The
 * last two columns: how long the quote with its padding and the extension are to become.
 */
static void test_layout(void)
{
	static struct icmp_run run;
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
		const struct icmp_message received = {.type = row[i].version == 4 ? 11 : 3,
						      .field = row[i].version == 4
								       ? row[i].quoted / 4 << 16
								       : row[i].quoted / 8 << 24,
						      .quoted_size = row[i].quoted,
						      .extension_size = row[i].extension};
		const struct icmp_message expected = {.type = row[i].version == 4 ? 3 : 11,
						      .field = !extended ? 0
							       : to_version == 4
								       ? row[i].to_quoted / 4 << 16
								       : row[i].to_quoted / 8 << 24,
						      .quoted_size = row[i].to_quoted,
						      .extension_size = row[i].to_extension};
		/* I-25: a packet that is cut anyway, so that padding is no part of it by length. */
		const struct icmp_inner inner = {
			.protocol = PROTOCOL_TCP, .l4_size = row[i].l4, .present = row[i].l4};

		g_test_message("from %u: %s", row[i].version, row[i].name);
		g_assert_cmpint(icmp_message_run(&run, row[i].version, &received, &inner,
						 &icmp_path1500, &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, to_version, &expected, &inner);
		g_assert_cmpuint(run.packet.size, <=, to_version == 4 ? 576 : 1280);
	}
}

/* I-24. */
static void test_extension_without_a_place(void)
{
	static struct icmp_run run;
	static const struct icmp_inner inner = {
		.protocol = PROTOCOL_TCP, .l4_size = 60, .present = 60};
	static const struct {
		struct icmp_message received, expected;
	} row[] = {
		/* clang-format off */
		{ { 3, 2, 32 << 16, 128, 8 },             { 4, 1, 6 } },
		{ { 3, 4, 32 << 16 | 1400, 128, 8 },      { 2, 0, 1420 } },
		{ { 12, 0, 8u << 24 | 32 << 16, 128, 8 }, { 4, 0, 7 } },
		/* clang-format on */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		g_test_message("row %zu", i);
		g_assert_cmpint(icmp_message_run(&run, 4, &row[i].received, &inner, &icmp_path1500,
						 &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		icmp_message_check(&run, 6, &row[i].expected, &inner);
	}
}

/* T-2, T-12: the configured Traffic Class or TOS is for embedded packets, too (I-10). */
static void test_fixed_traffic_class(void)
{
	static struct icmp_run run;
	const struct icmp_message from4 = {3, 3}, from6 = {1, 4};
	struct xlat_rules rules = icmp_copy_rules;

	rules.traffic_class = 0;
	rules.type_of_service = 0x10;
	g_assert_cmpint(
		icmp_message_run(&run, 4, &from4, &icmp_tcp_header8, &icmp_path1500, &rules), ==,
		OUTCOME_TRANSLATED);
	g_assert_cmpuint(load_be16(run.packet.data), ==, 0x6000);
	g_assert_cmpuint(load_be16(run.packet.data + 48), ==, 0x6000);
	g_assert_cmpint(
		icmp_message_run(&run, 6, &from6, &icmp_tcp_header8, &icmp_path1500, &rules), ==,
		OUTCOME_TRANSLATED);
	g_assert_cmpuint(run.packet.data[1], ==, 0x10);
	g_assert_cmpuint(run.packet.data[29], ==, 0x10);
}

/* F-8: an atomic fragment keeps the low half of its Identification, here as everywhere. */
static void test_outer_atomic_fragment(void)
{
	static struct icmp_run run;
	static const struct icmp_message received = {1, 4};

	g_assert_cmpint(icmp_message_run(&run, 6, &received, &icmp_tcp_header8, &icmp_path1500,
					 &icmp_copy_rules),
			==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(run.packet.fragment_id, ==, icmp_path1500.ip4_id);

	run.packet = (struct packet){.data = run.received, .mark = 7};
	run.packet.size = icmp_message_build(run.received, 6, &received, &icmp_tcp_header8, true);
	memmove(run.received + 48, run.received + 40, run.packet.size - 40);
	memcpy(run.received + 40, (uint8_t[]){58, 0, 0, 0, 0xbe, 0xef, 0x56, 0x78}, 8);
	run.received[6] = 44;
	run.packet.size += 8;
	store_be16(run.received + 4, (uint16_t)(run.packet.size - 40));
	g_assert_cmpint(packet_parse(&run.packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(icmp_message_translate(&run, &icmp_path1500, &icmp_copy_rules), ==,
			OUTCOME_TRANSLATED);
	icmp_message_check_view(&run);
	g_assert_cmpuint(run.packet.fragment_id, ==, 0x5678);
	g_assert_false(run.packet.dont_fragment);
}

/* H-6, H-7: an error for a hairpinned packet is translated twice and loses one hop. */
static void test_twice(void)
{
	static struct icmp_run run;
	static const struct icmp_message plain = {3, 0}, extended = {3, 0, 16u << 24, 128, 12};
	struct xlat_path second = icmp_path1500;

	second.keep_hop_limit = true;
	for (size_t i = 0; i < G_N_ELEMENTS(shape); i++) {
		struct icmp_inner inner = shape[i];
		/* Padding behind a packet that was longer can not be told from the packet. */
		const bool padded =
			inner.present == inner.l4_size && inner.present + inner.options <= 80;
		const struct icmp_message *message = padded ? &extended : &plain;

		g_test_message("%s", inner.name);
		g_assert_cmpint(icmp_message_run(&run, 6, message, &inner, &icmp_path1500,
						 &icmp_copy_rules),
				==, OUTCOME_TRANSLATED);
		g_assert_cmpint(packet_parse_inner(&run.packet, &run.inner), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpint(icmp_message_translate(&run, &second, &icmp_copy_rules), ==,
				OUTCOME_TRANSLATED);
		icmp_message_check_view(&run);
		inner.atomic = false;
		icmp_message_check(&run, 6, message, &inner);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
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
