/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port ranges and classes: P-1, P-6 to P-8, P-12, P-13. */
#include <glib.h>
#include <stdio.h>

#include "daemon/core/pool4_block.h"
#include "daemon/core/ports.h"
#include "tests/csv.h"

/* P-1: lists of ranges as people write them, and what they mean. */
static void test_parse(void)
{
	static const struct {
		const char *text;
		const char *printed;
		uint32_t n_ports;
	} cases[] = {
		{"1024-65535", "1024-65535", 64512},
		{"80 443 8000-8080", "80 443 8000-8080", 83},
		{"443,80", "80 443", 2},
		{" 7 , 9\t11\n", "7 9 11", 3},
		{"10-20 15-30", "10-30", 21},
		{"10-20 21-30", "10-30", 21},
		{"30 10-20 5-40", "5-40", 36},
		{"1-65535", "1-65535", 65535},
		{"65535 1", "1 65535", 2},
		{"0080", "80", 1},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_ranges ranges;
		char error[PORTS_ERROR_SIZE], printed[100];

		g_assert_null(port_ranges_parse(cases[i].text, &ranges, error, sizeof(error)));
		port_ranges_print(&ranges, printed, sizeof(printed));
		g_assert_cmpstr(printed, ==, cases[i].printed);
		g_assert_cmpuint(port_ranges_count(&ranges), ==, cases[i].n_ports);
		g_assert_true(port_ranges_are_valid(&ranges));
	}
}

static void test_parse_errors(void)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"0", "0 is not possible: port 0 is never used, the first is 1"},
		{"0-80", "0-80 is not possible: port 0 is never used, the first is 1"},
		{"80-70", "80-70 is reversed: did you mean 70-80?"},
		{"70000", "70000 is not possible: ports end at 65535"},
		{"1-65536", "1-65536 is not possible: ports end at 65535"},
		{"18446744073709551696",
		 "18446744073709551696 is not possible: ports end at 65535"},
		{"a", "a is not a port or a range of ports"},
		{"80 http", "http is not a port or a range of ports"},
		{"80-", "80- is not a port or a range of ports"},
		{"-80", "-80 is not a port or a range of ports"},
		{"1-2-3", "1-2-3 is not a port or a range of ports"},
		{"+5", "+5 is not a port or a range of ports"},
		{"80;90", "80;90 is not a port or a range of ports"},
		{"", "the list of ports is empty"},
		{" , ", "the list of ports is empty"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_ranges ranges = {.n_ranges = 1, .range = {{7, 7}}};
		char error[PORTS_ERROR_SIZE];

		g_assert_cmpstr(port_ranges_parse(cases[i].text, &ranges, error, sizeof(error)), ==,
				cases[i].error);
		g_assert_cmpuint(ranges.n_ranges, ==, 1);
		g_assert_cmpuint(ranges.range[0].first, ==, 7);
	}
}

static void test_too_many_ranges(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct port_ranges ranges;
	char buffer[PORTS_ERROR_SIZE];

	for (unsigned i = 1; i <= PORT_RANGES_MAX; i++)
		g_string_append_printf(text, "%u ", 10 * i);
	g_assert_null(port_ranges_parse(text->str, &ranges, buffer, sizeof(buffer)));
	g_assert_cmpuint(ranges.n_ranges, ==, PORT_RANGES_MAX);
	g_assert_false(port_ranges_add(&ranges, 5, 5));
	g_assert_true(port_ranges_remove(&ranges, 0, 0));
	g_assert_true(port_ranges_add(&ranges, 21, 21));
	g_assert_false(port_ranges_add(&ranges, 60001, 60002));
	g_assert_cmpuint(port_ranges_count(&ranges), ==, PORT_RANGES_MAX + 1);

	g_string_append(text, "60000");
	g_assert_cmpstr(port_ranges_parse(text->str, &ranges, buffer, sizeof(buffer)), ==,
			"there are more than 64 ranges of ports");
}

static void test_print_cuts(void)
{
	struct port_ranges ranges;
	char error[PORTS_ERROR_SIZE], buffer[32];

	g_assert_null(port_ranges_parse("80 443 8000-8080", &ranges, error, sizeof(error)));
	g_assert_cmpstr(port_ranges_print(&ranges, buffer, 17), ==, "80 443 8000-8080");
	g_assert_cmpstr(port_ranges_print(&ranges, buffer, 16), ==, "80 443...");
	g_assert_cmpstr(port_ranges_print(&ranges, buffer, 10), ==, "80 443...");
	g_assert_cmpstr(port_ranges_print(&ranges, buffer, 9), ==, "80...");
	g_assert_cmpstr(port_ranges_print(&ranges, buffer, 4), ==, "...");
}

/* Whether a range that is cut begins or ends with the port, or is that port. */
static void test_remove_at_edges(void)
{
	static const struct {
		uint16_t first, last;
		const char *left;
	} cases[] = {
		{5, 10, "11-20 30"},  {15, 20, "10-14 30"},    {20, 30, "10-19"},
		{21, 29, "10-20 30"}, {30, 40, "10-20"},       {0, 9, "10-20 30"},
		{10, 10, "11-20 30"}, {31, 65535, "10-20 30"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_ranges ranges;
		char error[PORTS_ERROR_SIZE], text[64];

		g_assert_null(port_ranges_parse("10-20 30", &ranges, error, sizeof(error)));
		g_assert_true(port_ranges_remove(&ranges, cases[i].first, cases[i].last));
		g_assert_cmpstr(port_ranges_print(&ranges, text, sizeof(text)), ==, cases[i].left);
	}
}

/* Adding and removing against an array of 65 536 truth values. */
static void test_add_and_remove_against_model(void)
{
	g_autofree bool *model = g_new0(bool, 65536);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	struct port_ranges ranges = {.n_ranges = 0};

	for (unsigned round = 0; round < 300; round++) {
		uint16_t first = (uint16_t)g_rand_int_range(rand, 0, 65536);
		uint16_t last = (uint16_t)g_rand_int_range(rand, first, MIN(first + 6000, 65536));
		bool add = g_rand_boolean(rand);
		uint32_t n = 0;

		if (round % 50 == 49)
			last = 65535;
		if (add ? port_ranges_add(&ranges, first, last)
			: port_ranges_remove(&ranges, first, last)) {
			for (uint32_t i = first; i <= last; i++)
				model[i] = add;
		}
		g_assert_true(port_ranges_are_valid(&ranges));
		for (uint32_t i = 0; i < 65536; i++)
			n += model[i];
		g_assert_cmpuint(port_ranges_count(&ranges), ==, n);
		for (unsigned i = 0; i < 50; i++) {
			uint16_t port = (uint16_t)g_rand_int_range(rand, 0, 65536);

			g_assert_true(port_ranges_contain(&ranges, port) == model[port]);
		}
		for (unsigned i = 0; i < ranges.n_ranges; i++) {
			g_assert_true(port_ranges_contain(&ranges, ranges.range[i].first));
			g_assert_true(port_ranges_contain(&ranges, ranges.range[i].last));
		}
	}
}

static void test_overlap(void)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{"1-10", "10-20", true},           {"1-10", "11-20", false},
		{"5 9 13", "6-8 10-12 14", false}, {"5 9 13", "6-8 10-13", true},
		{"1-65535", "443", true},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_ranges a, b;
		char error[PORTS_ERROR_SIZE];

		g_assert_null(port_ranges_parse(cases[i].a, &a, error, sizeof(error)));
		g_assert_null(port_ranges_parse(cases[i].b, &b, error, sizeof(error)));
		g_assert_true(port_ranges_overlap(&a, &b) == cases[i].overlap);
		g_assert_true(port_ranges_overlap(&b, &a) == cases[i].overlap);
	}
}

/* P-6, P-7, P-12, P-13: every row of port_class.csv is the first class to be tried. */
static void test_class_vectors(void)
{
	struct csv *csv = csv_open("port_class.csv");

	while (csv_next(csv)) {
		g_autofree char *name = g_ascii_strdown(csv_get(csv, "protocol"), -1);
		uint16_t port = (uint16_t)g_ascii_strtoull(csv_get(csv, "internal_port"), NULL, 10);
		const char *parity = csv_get(csv, "external_parity");
		struct port_class class[PORT_CLASSES_MAX];
		g_autofree char *range = NULL;
		enum protocol protocol;

		g_assert_true(protocol_parse(name, &protocol));
		g_assert_cmpuint(port_classes(protocol, port, true, class), >=, 1);
		range = g_strdup_printf("%u-%u", class[0].first, class[0].last);
		g_assert_cmpstr(range, ==, csv_get(csv, "external_range"));
		if (g_str_equal(parity, "even"))
			g_assert_cmpint(class[0].parity, ==, 0);
		else if (g_str_equal(parity, "odd"))
			g_assert_cmpint(class[0].parity, ==, 1);
		else
			g_assert_cmpint(class[0].parity, ==, -1);
	}
	csv_close(csv);
}

/* P-8: same range and parity; same range; other range and parity; other range. */
static void test_class_order(void)
{
	static const struct {
		enum protocol protocol;
		uint16_t port;
		bool parity;
		unsigned n_classes;
		struct port_class class[PORT_CLASSES_MAX];
	} cases[] = {
		{PROTOCOL_UDP,
		 53,
		 true,
		 4,
		 {{0, 1023, 1}, {0, 1023, -1}, {1024, 65535, 1}, {1024, 65535, -1}}},
		{PROTOCOL_UDP,
		 5004,
		 true,
		 4,
		 {{1024, 65535, 0}, {1024, 65535, -1}, {0, 1023, 0}, {0, 1023, -1}}},
		{PROTOCOL_UDP, 5004, false, 2, {{1024, 65535, -1}, {0, 1023, -1}}},
		{PROTOCOL_TCP, 22, true, 2, {{0, 1023, -1}, {1024, 65535, -1}}},
		{PROTOCOL_TCP, 1024, true, 2, {{1024, 65535, -1}, {0, 1023, -1}}},
		{PROTOCOL_ICMP, 22, true, 1, {{0, 65535, -1}}},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_class class[PORT_CLASSES_MAX];

		g_assert_cmpuint(
			port_classes(cases[i].protocol, cases[i].port, cases[i].parity, class), ==,
			cases[i].n_classes);
		for (unsigned j = 0; j < cases[i].n_classes; j++) {
			g_assert_cmpuint(class[j].first, ==, cases[i].class[j].first);
			g_assert_cmpuint(class[j].last, ==, cases[i].class[j].last);
			g_assert_cmpint(class[j].parity, ==, cases[i].class[j].parity);
		}
	}
}

static void test_equal(void)
{
	const struct port_ranges one = {{{1024, 2047}}, 1};
	const struct port_ranges two = {{{1024, 2047}, {4000, 4000}}, 2};
	struct port_ranges other = two;

	g_assert_true(port_ranges_equal(&two, &other));
	g_assert_false(port_ranges_equal(&one, &two));
	other.range[1].last++;
	g_assert_false(port_ranges_equal(&two, &other));
	other.range[0].first--;
	g_assert_false(port_ranges_equal(&other, &two));
	/* What is not in use of the array is not compared. */
	other = one;
	other.range[1].first = 7;
	g_assert_true(port_ranges_equal(&one, &other));
}

/* What is not in use of the arrays is nothing: ranges that were there before. */
static void test_unused_ranges(void)
{
	const struct port_ranges one = {{{10, 20}, {30, 63}}, 1};
	const struct port_ranges other = {{{30, 40}}, 1};
	const struct port_ranges stale = {{{10, 20}, {50, 40}}, 1};
	const struct pool4_blocks blocks = {.size = 2};
	struct port_ranges ranges = other, none = {.n_ranges = 0};
	char text[64] = "before";

	g_assert_cmpstr(port_ranges_print(&none, text, sizeof(text)), ==, "");

	g_assert_cmpuint(port_ranges_count(&one), ==, 11);
	g_assert_cmpstr(port_ranges_print(&one, text, sizeof(text)), ==, "10-20");
	g_assert_false(port_ranges_contain(&one, 30));
	g_assert_true(port_ranges_are_valid(&stale));
	g_assert_true(port_ranges_equal(&one, &stale));
	port_ranges_keep(&ranges, &one);
	g_assert_cmpuint(ranges.n_ranges, ==, 0);
	ranges = one;
	port_ranges_keep(&ranges, &(struct port_ranges){{{1, 100}}, 1});
	g_assert_cmpuint(port_ranges_count(&ranges), ==, 11);
	ranges = one;
	g_assert_true(port_ranges_remove(&ranges, 15, 15));
	g_assert_cmpstr(port_ranges_print(&ranges, text, sizeof(text)), ==, "10-14 16-20");
	ranges = one;
	g_assert_true(port_ranges_add(&ranges, 22, 22));
	g_assert_cmpstr(port_ranges_print(&ranges, text, sizeof(text)), ==, "10-20 22");
	g_assert_false(port_ranges_overlap(&one, &other));
	g_assert_false(port_ranges_overlap(&other, &one));
	pool4_blocks_ranges(&blocks, &one, &ranges);
	g_assert_cmpuint(ranges.n_ranges, ==, 1);
	g_assert_cmpuint(ranges.range[0].first, ==, 5);
	g_assert_cmpuint(ranges.range[0].last, ==, 9);
}

/* What both have: no more ranges than there is room for, though two full lists can have twice as
 * many. */
static void test_keep(void)
{
	struct port_ranges ranges = {.n_ranges = PORT_RANGES_MAX}, others = ranges;

	for (uint16_t i = 0; i < PORT_RANGES_MAX; i++) {
		ranges.range[i] =
			(struct port_range){(uint16_t)(20 * i + 1), (uint16_t)(20 * i + 12)};
		others.range[i] =
			(struct port_range){(uint16_t)(20 * i + 11), (uint16_t)(20 * i + 22)};
	}
	port_ranges_keep(&ranges, &others);
	g_assert_cmpuint(ranges.n_ranges, ==, PORT_RANGES_MAX);
	for (uint16_t i = 0; i < PORT_RANGES_MAX; i++) {
		g_assert_cmpuint(ranges.range[i].first, ==, 10 * i + 11);
		g_assert_cmpuint(ranges.range[i].last, ==, 10 * i + 12);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ports/parse", test_parse);
	g_test_add_func("/ports/parse-errors", test_parse_errors);
	g_test_add_func("/ports/too-many-ranges", test_too_many_ranges);
	g_test_add_func("/ports/print-cuts", test_print_cuts);
	g_test_add_func("/ports/remove-at-edges", test_remove_at_edges);
	g_test_add_func("/ports/add-and-remove", test_add_and_remove_against_model);
	g_test_add_func("/ports/equal", test_equal);
	g_test_add_func("/ports/overlap", test_overlap);
	g_test_add_func("/ports/unused-ranges", test_unused_ranges);
	g_test_add_func("/ports/keep", test_keep);
	g_test_add_func("/ports/class-vectors", test_class_vectors);
	g_test_add_func("/ports/class-order", test_class_order);
	return g_test_run();
}
