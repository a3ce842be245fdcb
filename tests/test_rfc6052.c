/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 6052: every row of the vectors. */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/rfc6052.h"
#include "tests/csv.h"

static struct prefix6 row_prefix(const struct csv *csv)
{
	struct prefix6 prefix = {.len = (uint8_t)atoi(csv_get(csv, "len"))};

	g_assert_true(addr6_parse(csv_get(csv, "prefix"), &prefix.addr));
	g_assert_null(rfc6052_prefix_problem(&prefix));
	return prefix;
}

/* */
static void test_embed_and_extract(void)
{
	struct csv *csv = csv_open("rfc6052.csv");

	while (csv_next(csv)) {
		struct prefix6 prefix = row_prefix(csv);
		struct addr6 addr6;
		uint32_t addr4;
		uint32_t extracted;
		char text[ADDR_TEXT_SIZE];

		g_test_message("line %u", csv_line(csv));
		g_assert_true(addr4_parse(csv_get(csv, "v4"), &addr4));
		addr6 = rfc6052_embed(&prefix, addr4);
		g_assert_cmpstr(addr6_print(&addr6, text), ==, csv_get(csv, "v6"));
		g_assert_cmpint(rfc6052_extract(&prefix, &addr6, &extracted), ==, RFC6052_OK);
		g_assert_cmphex(extracted, ==, addr4);
	}
	csv_close(csv);
}

static enum rfc6052_result expected(const char *text)
{
	if (g_str_equal(text, "accept"))
		return RFC6052_OK;
	if (g_str_equal(text, "drop"))
		return RFC6052_BAD_U_OCTET;
	g_assert_cmpstr(text, ==, "not-ours");
	return RFC6052_NOT_OURS;
}

/* */
static void test_extract_received(void)
{
	struct csv *csv = csv_open("rfc6052_reverse.csv");

	while (csv_next(csv)) {
		struct prefix6 prefix = row_prefix(csv);
		enum rfc6052_result result;
		struct addr6 addr6;
		uint32_t extracted = 7;
		uint32_t addr4 = 7;

		g_test_message("line %u", csv_line(csv));
		g_assert_true(addr6_parse(csv_get(csv, "v6_destination"), &addr6));
		result = rfc6052_extract(&prefix, &addr6, &extracted);
		g_assert_cmpint(result, ==, expected(csv_get(csv, "expect")));
		if (result == RFC6052_OK)
			g_assert_true(addr4_parse(csv_get(csv, "v4"), &addr4));
		g_assert_cmphex(extracted, ==, addr4);
	}
	csv_close(csv);
}

/* */
static void test_prefix_problem(void)
{
	struct csv *csv = csv_open("pref64_config.csv");

	while (csv_next(csv)) {
		struct prefix6 prefix;
		const char *problem;

		g_assert_true(prefix6_parse(csv_get(csv, "prefix"), &prefix));
		problem = rfc6052_prefix_problem(&prefix);
		g_test_message("line %u: %s: %s", csv_line(csv), csv_get(csv, "prefix"),
			       problem != NULL ? problem : "valid");
		g_assert_true((problem == NULL) == g_str_equal(csv_get(csv, "expect"), "valid"));
	}
	csv_close(csv);
}

/* all of each block, first and last prefix, and not its neighbours. */
static void test_reserved_blocks(void)
{
	static const struct {
		const char *prefix;
		bool valid;
	} cases[] = {
		{"fe7f:ffff::/32", true}, {"fe80::/32", false},      {"febf:ffff::/32", false},
		{"fec0::/32", true},      {"feff:ffff::/32", true},  {"ff00::/32", false},
		{"ff80::/32", false},     {"ffff:ffff::/32", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct prefix6 prefix;

		g_test_message("%s", cases[i].prefix);
		g_assert_true(prefix6_parse(cases[i].prefix, &prefix));
		g_assert_true((rfc6052_prefix_problem(&prefix) == NULL) == cases[i].valid);
	}
}

static void test_well_known_prefix(void)
{
	char text[ADDR_TEXT_SIZE];

	g_assert_cmpstr(prefix6_print(&rfc6052_well_known_prefix, text), ==, "64:ff9b::/96");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rfc6052/embed_and_extract", test_embed_and_extract);
	g_test_add_func("/rfc6052/extract_received", test_extract_received);
	g_test_add_func("/rfc6052/prefix_problem", test_prefix_problem);
	g_test_add_func("/rfc6052/reserved_blocks", test_reserved_blocks);
	g_test_add_func("/rfc6052/well_known_prefix", test_well_known_prefix);
	return g_test_run();
}
