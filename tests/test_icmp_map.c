/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ICMP error becomes which, from the vectors: types and codes, pointers, MTUs; as icmp_map.c
 * says it and as whole messages carry it (icmp_message.h). Requirements: I-1, I-2, I-5, F-20 to
 * F-23.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/icmp_map.h"
#include "tests/csv.h"
#include "tests/icmp_message.h"

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
	static struct icmp_run run;
	const struct icmp_message message = {.type = type, .code = code};
	const uint8_t *icmp;

	g_assert_cmpint(icmp_message_run(&run, version, &message, &icmp_tcp_header8, &icmp_path1500,
					 &icmp_copy_rules),
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
			if (translated)
				g_assert_cmpuint(mapped.type, ==,
						 strtoul(csv_get(csv, "type_out"), NULL, 10));
			/* The code of an echo is its own affair, and the table's is the RFC's. */
			if (translated && echo)
				g_assert_cmpuint(mapped.code, ==, atoi(to_code));
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
	static struct icmp_run run;
	const bool translated = strcmp(expected, "drop") != 0;
	struct icmp_mapped mapped;
	const uint32_t to = (uint32_t)strtoul(expected, NULL, 10);
	const struct icmp_message message = {.type = version == 4 ? 12 : 4,
					     .code = code,
					     .field = version == 4 ? pointer << 24 : pointer};
	const enum outcome outcome = icmp_message_run(&run, version, &message, &icmp_tcp_header8,
						      &icmp_path1500, &icmp_copy_rules);

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
	static struct icmp_run run;
	struct csv *csv = csv_open("mtu46.csv");

	while (csv_next(csv)) {
		const uint32_t mtu = csv_number(csv, "mtu_in");
		const uint32_t inner_size = csv_number(csv, "inner_total_length");
		const uint32_t expected = csv_number(csv, "mtu_out");
		const struct xlat_path path = {.nh4_mtu = csv_number(csv, "nexthop4_mtu"),
					       .nh6_mtu = csv_number(csv, "nexthop6_mtu")};
		const struct icmp_message message = {.type = 3, .code = 4, .field = mtu};
		const struct icmp_inner inner = {
			.protocol = PROTOCOL_UDP, .l4_size = inner_size - 20, .present = 8};

		g_test_message("mtu46.csv:%u", csv_line(csv));
		g_assert_cmpuint(icmp_map_4to6_mtu(mtu, inner_size, &path), ==, expected);
		g_assert_cmpint(
			icmp_message_run(&run, 4, &message, &inner, &path, &icmp_copy_rules), ==,
			OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be32(packet_l4(&run.packet) + 4), ==, expected);
	}
	csv_close(csv);
}

/* F-21, F-23. */
static void test_mtu_6to4(void)
{
	static struct icmp_run run;
	struct csv *csv = csv_open("mtu64.csv");

	while (csv_next(csv)) {
		const uint32_t mtu = csv_number(csv, "mtu_in");
		const bool atomic = csv_number(csv, "inner_has_fragment_header") != 0;
		const uint32_t expected = csv_number(csv, "mtu_out");
		const struct xlat_path path = {.nh4_mtu = csv_number(csv, "nexthop4_mtu"),
					       .nh6_mtu = csv_number(csv, "nexthop6_mtu")};
		const struct icmp_message message = {.type = 2, .field = mtu};
		const struct icmp_inner inner = {
			.protocol = PROTOCOL_UDP, .l4_size = 1400, .present = 8, .atomic = atomic};

		g_test_message("mtu64.csv:%u", csv_line(csv));
		g_assert_cmpuint(icmp_map_6to4_mtu(mtu, atomic, &path), ==, expected);
		g_assert_cmpint(
			icmp_message_run(&run, 6, &message, &inner, &path, &icmp_copy_rules), ==,
			OUTCOME_TRANSLATED);
		g_assert_cmpuint(load_be32(packet_l4(&run.packet) + 4), ==, expected);
	}
	csv_close(csv);
}

/* I-3: a router that names no MTU; the next plateau below what it refused, for each of them. */
static void test_plateaus(void)
{
	static const uint32_t plateau[] = {1492, 2002, 4352, 8166, 17914, 32000, 65535};
	const struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};

	for (size_t i = 0; i < G_N_ELEMENTS(plateau) - 1; i++) {
		g_assert_cmpuint(icmp_map_4to6_mtu(0, plateau[i] + 1, &path), ==, plateau[i] + 20);
		g_assert_cmpuint(icmp_map_4to6_mtu(0, plateau[i + 1], &path), ==, plateau[i] + 20);
	}
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/icmp_map/types_4to6", test_types_4to6);
	g_test_add_func("/icmp_map/types_6to4", test_types_6to4);
	g_test_add_func("/icmp_map/pointers_4to6", test_pointers_4to6);
	g_test_add_func("/icmp_map/pointers_6to4", test_pointers_6to4);
	g_test_add_func("/icmp_map/mtu_4to6", test_mtu_4to6);
	g_test_add_func("/icmp_map/mtu_6to4", test_mtu_6to4);
	g_test_add_func("/icmp_map/plateaus", test_plateaus);
	g_test_add_func("/icmp_map/mtu_at_both_ends", test_mtu_at_both_ends);
	return g_test_run();
}
