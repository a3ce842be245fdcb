/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of address ranges: P-1. */
#include <glib.h>

#include "daemon/core/addr4_ranges.h"

static void test_merge(void)
{
	struct addr4_range ranges[] = {{50, 60},
				       {10, 20},
				       {21, 25},
				       {12, 13},
				       {40, 45},
				       {47, 47},
				       {44, 46},
				       {UINT32_MAX - 1, UINT32_MAX},
				       {0, 0},
				       {2, 2},
				       {UINT32_MAX, UINT32_MAX}};
	static const struct addr4_range merged[] = {
		{0, 0}, {2, 2}, {10, 25}, {40, 47}, {50, 60}, {UINT32_MAX - 1, UINT32_MAX}};
	uint32_t n = addr4_ranges_merge(ranges, G_N_ELEMENTS(ranges));

	g_assert_cmpuint(n, ==, G_N_ELEMENTS(merged));
	for (uint32_t i = 0; i < n; i++) {
		g_assert_cmpuint(ranges[i].first, ==, merged[i].first);
		g_assert_cmpuint(ranges[i].last, ==, merged[i].last);
	}
	g_assert_cmpuint(addr4_ranges_count(ranges, n), ==, 1 + 1 + 16 + 8 + 11 + 2);
	g_assert_cmpuint(addr4_ranges_merge(ranges, 0), ==, 0);
	ranges[0] = (struct addr4_range){0, UINT32_MAX};
	g_assert_cmpuint(addr4_ranges_count(ranges, 1), ==, UINT64_C(1) << 32);
}

/* Against a bit for each of 16 addresses at either end of the range of addresses. */
static void test_without(void)
{
	for (uint32_t base = 0; base <= 1; base++) {
		uint32_t first = base == 0 ? 0 : UINT32_MAX - 15;

		for (uint32_t a = 0; a < 1u << 16; a = a * 5 / 4 + 1) {
			for (uint32_t b = 0; b < 1u << 16; b = b * 5 / 4 + 1) {
				struct addr4_range range[16], minus[16], left[32];
				uint32_t n_ranges = 0, n_minus = 0, n, found = 0;

				for (uint32_t i = 0; i < 16; i++) {
					struct addr4_range one = {first + i, first + i};

					if (a >> i & 1)
						range[n_ranges++] = one;
					if (b >> i & 1)
						minus[n_minus++] = one;
				}
				n_ranges = addr4_ranges_merge(range, n_ranges);
				n_minus = addr4_ranges_merge(minus, n_minus);
				n = addr4_ranges_without(range, n_ranges, minus, n_minus, left);
				g_assert_cmpuint(n, <=, n_ranges + n_minus);
				for (uint32_t i = 0; i < n; i++) {
					uint32_t size = left[i].last - left[i].first + 1;

					found |= ((1u << size) - 1) << (left[i].first - first);
				}
				g_assert_cmphex(found, ==, a & ~b);
				g_assert_cmpuint(addr4_ranges_merge(left, n), ==, n);
			}
		}
	}
}

/* P-1: both sides of each border. */
static void test_refusal(void)
{
	static const struct {
		struct addr4_range range;
		const char *why;
	} cases[] = {
		{{0x00ffffff, 0x00ffffff}, "in 0.0.0.0/8"},
		{{0x01000000, 0x7effffff}, NULL},
		{{0x7f000000, 0x7f000000}, "loopback"},
		{{0x7fffffff, 0x7fffffff}, "loopback"},
		{{0x80000000, 0xdfffffff}, NULL},
		{{0xe0000000, 0xe0000000}, "multicast"},
		{{0xefffffff, 0xefffffff}, "multicast"},
		{{0xf0000000, 0xf0000000}, "reserved (class E)"},
		{{0xffffffff, 0xffffffff}, "reserved (class E)"},
		{{0x01000000, 0x80000000}, "loopback"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(addr4_range_refusal(&cases[i].range), ==, cases[i].why);
}

static void test_is_prefix(void)
{
	static const struct {
		struct addr4_range range;
		int len; /* -1: no prefix */
	} cases[] = {
		{{0, UINT32_MAX}, 0},           {{0x80000000, UINT32_MAX}, 1},
		{{0xc0000208, 0xc000020f}, 29}, {{0xc0000208, 0xc0000208}, 32},
		{{0xc0000208, 0xc0000209}, 31}, {{0xc0000209, 0xc000020a}, -1},
		{{0xc0000208, 0xc0000217}, -1}, {{0xc0000208, 0xc000020e}, -1},
		{{0xc0000201, 0xc0000208}, -1},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct prefix4 prefix = {.len = 99};
		bool is_prefix = addr4_range_is_prefix(&cases[i].range, &prefix);

		g_assert_true(is_prefix == (cases[i].len >= 0));
		if (is_prefix) {
			g_assert_cmpint(prefix.len, ==, cases[i].len);
			g_assert_cmpuint(prefix.addr, ==, cases[i].range.first);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/addr4-ranges/merge", test_merge);
	g_test_add_func("/addr4-ranges/refusal", test_refusal);
	g_test_add_func("/addr4-ranges/is-prefix", test_is_prefix);
	g_test_add_func("/addr4-ranges/without", test_without);
	return g_test_run();
}
