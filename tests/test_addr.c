/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: text forms, prefixes, and which addresses may be translated (A-9, A-10, A-11). */
#include <arpa/inet.h>
#include <glib.h>

#include "daemon/core/addr.h"
#include "tests/csv.h"

static struct addr6 addr6_of(const char *text)
{
	struct addr6 addr = {0};

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

static void test_print_parsed(void)
{
	/* RFC 5952 forms; the first is what goes in. */
	static const char *const addr6[][2] = {
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	};
	static const char *const prefix6[][2] = {
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"::/0", "::/0"},
		{"2001:db8::1/64", "2001:db8::1/64"},
	};
	static const char *const taddr6[][2] = {
		{"[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"2001:db8::1#65535", "[2001:db8::1]:65535"},
		{"[::]:0", "[::]:0"},
	};
	static const char *const taddr4[][2] = {
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"192.0.2.1#0", "192.0.2.1:0"},
	};
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < G_N_ELEMENTS(addr6); i++) {
		struct addr6 addr = addr6_of(addr6[i][0]);

		g_assert_cmpstr(addr6_print(&addr, text), ==, addr6[i][1]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(prefix6); i++) {
		struct prefix6 prefix;

		g_assert_true(prefix6_parse(prefix6[i][0], &prefix));
		g_assert_cmpstr(prefix6_print(&prefix, text), ==, prefix6[i][1]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(taddr6); i++) {
		struct taddr6 taddr;

		g_assert_true(taddr6_parse(taddr6[i][0], &taddr));
		g_assert_cmpstr(taddr6_print(&taddr, text), ==, taddr6[i][1]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(taddr4); i++) {
		struct taddr4 taddr;

		g_assert_true(taddr4_parse(taddr4[i][0], &taddr));
		g_assert_cmpstr(taddr4_print(&taddr, text), ==, taddr4[i][1]);
	}
}

/* What is printed by hand is what inet_ntop() prints, groups of zeros in all places included. */
static void test_print_all(void)
{
	char text[ADDR_TEXT_SIZE], expected[ADDR_TEXT_SIZE];
	g_autoptr(GRand) numbers = g_rand_new_with_seed(6052);

	for (unsigned round = 0; round < 200000; round++) {
		uint32_t addr4 = g_rand_int(numbers) & g_rand_int(numbers);
		struct in_addr in = {htonl(addr4)};
		unsigned zeros = round % 256;
		struct addr6 addr;

		for (unsigned i = 0; i < 16; i++)
			addr.byte[i] =
				(uint8_t)(g_rand_int(numbers) >> g_rand_int_range(numbers, 0, 12));
		for (unsigned i = 0; i < 8; i++) {
			if (zeros >> i & 1)
				addr.byte[2 * i] = addr.byte[2 * i + 1] = 0;
		}
		(void)inet_ntop(AF_INET6, addr.byte, expected, sizeof(expected));
		g_assert_cmpstr(addr6_print(&addr, text), ==, expected);
		(void)inet_ntop(AF_INET, &in, expected, sizeof(expected));
		g_assert_cmpstr(addr4_print(addr4, text), ==, expected);
	}
}

static void test_print4(void)
{
	struct prefix4 prefix;
	uint32_t addr;
	char text[ADDR_TEXT_SIZE];

	g_assert_true(addr4_parse("192.0.2.1", &addr));
	g_assert_cmphex(addr, ==, 0xc0000201);
	g_assert_cmpstr(addr4_print(addr, text), ==, "192.0.2.1");
	g_assert_true(prefix4_parse("198.51.100.7/24", &prefix));
	g_assert_cmpstr(prefix4_print(&prefix, text), ==, "198.51.100.7/24");
	g_assert_true(prefix4_parse("198.51.100.7", &prefix));
	g_assert_cmpuint(prefix.len, ==, 32);
}

/* Wrong text is refused by every parser that could take it, and nothing is written. */
static void test_parse_refuses(void)
{
	static const char *const wrong6[] = {
		"",
		" ",
		"x",
		":",
		"1::2::3",
		"2001:db8::g",
		"2001:db8::1 ",
		" 2001:db8::1",
		"2001:db8::1%eth0",
		"192.0.2.1",
		"2001:db8::/129",
		"2001:db8::/",
		"2001:db8::/-1",
		"2001:db8::/+1",
		"2001:db8::/ 1",
		"2001:db8::/032",
		"/64",
		"2001:db8::/4294967328",
		"2001:db8::/32/32",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8",
	};
	static const char *const wrong4[] = {
		"",
		"1",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.1.",
		"192.0.02.1",
		"0x7f.0.0.1",
		"192.0.2.1 ",
		"192.0.2.0/33",
		"192.0.2.0/",
		"192.0.2.0/2 ",
		"/8",
		"2001:db8::1",
	};
	static const char *const wrong_taddr6[] = {
		"",
		"[",
		"[]",
		"[]:1",
		"[2001:db8::1]",
		"[2001:db8::1]:",
		"[2001:db8::1]:65536",
		"[2001:db8::1]:08",
		"2001:db8::1",
		"2001:db8::1#",
		"2001:db8::1#x",
		"#80",
		"[2001:db8::1:80",
		"2001:db8::1]:80",
		"[2001:db8::1]#80",
		"[2001:db8::1]x:80",
		"[192.0.2.1]:80",
		"[:80",
	};
	static const char *const wrong_taddr4[] = {
		"",
		":",
		":80",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:65536",
		"192.0.2.1:-1",
		"192.0.2.1:+1",
		"192.0.2.1: 1",
		"192.0.2.1#",
		"192.0.2.1:80#80",
		"[192.0.2.1]:80",
	};
	struct taddr6 taddr6 = {.port = 7};
	struct taddr4 taddr4 = {7, 7};
	struct prefix6 prefix6 = {.len = 7};
	struct prefix4 prefix4 = {7, 7};
	struct addr6 addr6 = {{7}};
	uint32_t addr4 = 7;

	for (size_t i = 0; i < G_N_ELEMENTS(wrong6); i++) {
		g_assert_false(addr6_parse(wrong6[i], &addr6));
		g_assert_false(prefix6_parse(wrong6[i], &prefix6));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong4); i++) {
		g_assert_false(addr4_parse(wrong4[i], &addr4));
		g_assert_false(prefix4_parse(wrong4[i], &prefix4));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong_taddr6); i++)
		g_assert_false(taddr6_parse(wrong_taddr6[i], &taddr6));
	for (size_t i = 0; i < G_N_ELEMENTS(wrong_taddr4); i++)
		g_assert_false(taddr4_parse(wrong_taddr4[i], &taddr4));

	g_assert_true(addr6.byte[0] == 7 && addr4 == 7);
	g_assert_true(prefix6.len == 7 && prefix6.addr.byte[0] == 0);
	g_assert_true(prefix4.len == 7 && prefix4.addr == 7);
	g_assert_true(taddr6.port == 7 && addr6_is_unspecified(&taddr6.addr));
	g_assert_true(taddr4.port == 7 && taddr4.addr == 7);
}

/* contains, mask and host bits against bit by bit, for all lengths and each differing bit. */
static void test_prefix6_bits(void)
{
	struct addr6 base = addr6_of("2001:db8:ffff:a5a5:5a5a:f0f0:0f0f:ffff");

	for (unsigned len = 0; len <= 128; len++) {
		struct prefix6 prefix = {addr6_mask(&base, (uint8_t)len), (uint8_t)len};
		unsigned n_set = 0;

		g_assert_false(prefix6_has_host_bits(&prefix));
		for (unsigned bit = 0; bit < 128; bit++) {
			struct addr6 other = base;
			struct prefix6 dirty = prefix;

			if (prefix.addr.byte[bit / 8] >> (7 - bit % 8) & 1)
				n_set = bit + 1;
			other.byte[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			g_assert_true(prefix6_contains(&prefix, &other) == (bit >= len));
			dirty.addr.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			if (bit >= len)
				g_assert_true(prefix6_has_host_bits(&dirty));
		}
		g_assert_cmpuint(n_set, <=, len);
	}
}

static void test_prefix4(void)
{
	struct prefix4 prefix = {0xc0000200, 24};
	struct prefix4 all = {0, 0};
	struct prefix4 host = {0xc0000201, 32};
	struct prefix4 beside = {0xc0000300, 24};

	g_assert_cmphex(prefix4_first(&prefix), ==, 0xc0000200);
	g_assert_cmphex(prefix4_last(&prefix), ==, 0xc00002ff);
	g_assert_cmphex(prefix4_first(&host), ==, prefix4_last(&host));
	g_assert_cmphex(prefix4_last(&all), ==, UINT32_MAX);
	g_assert_true(prefix4_contains(&prefix, 0xc00002ff));
	g_assert_false(prefix4_contains(&prefix, 0xc0000300));
	g_assert_false(prefix4_contains(&prefix, 0xc00001ff));
	g_assert_true(prefix4_contains(&all, UINT32_MAX));
	g_assert_true(prefix4_overlaps(&prefix, &host) && prefix4_overlaps(&host, &prefix));
	g_assert_true(prefix4_overlaps(&all, &beside));
	g_assert_false(prefix4_overlaps(&prefix, &beside));
	g_assert_false(prefix4_has_host_bits(&prefix));
	g_assert_true(prefix4_has_host_bits(&(struct prefix4){0xc0000201, 24}));
}

static void test_prefix6_overlaps(void)
{
	static const struct {
		const char *a;
		const char *b;
		bool overlaps;
	} cases[] = {
		{"2001:db8::/32", "2001:db8:1::/48", true},
		{"2001:db8::/32", "2001:db9::/32", false},
		{"::/0", "ff00::/8", true},
		{"64:ff9b::/96", "64:ff9b:1::/48", false},
		{"2001:db8::/96", "2001:db8::/96", true},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct prefix6 a;
		struct prefix6 b;

		g_assert_true(prefix6_parse(cases[i].a, &a) && prefix6_parse(cases[i].b, &b));
		g_assert_true(prefix6_overlaps(&a, &b) == cases[i].overlaps);
		g_assert_true(prefix6_overlaps(&b, &a) == cases[i].overlaps);
	}
}

static void test_protocols(void)
{
	enum protocol protocol = PROTOCOL_TCP;

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		g_assert_true(protocol_parse(protocol_name((enum protocol)i), &protocol));
		g_assert_cmpint(protocol, ==, i);
	}
	g_assert_false(protocol_parse("TCP", &protocol));
	g_assert_false(protocol_parse("", &protocol));
}

/* A-9, A-10: the first, the last and one address in the middle of each block. */
static void test_wkp_nonglobal(void)
{
	struct csv *csv = csv_open("wkp_nonglobal.csv");

	while (csv_next(csv)) {
		bool nonglobal = g_str_equal(csv_get(csv, "action_wkp"), "drop");
		bool illegal = g_str_equal(csv_get(csv, "action_nsp"), "drop");
		struct prefix4 block;
		uint32_t first;
		uint32_t last;

		g_test_message("line %u: %s", csv_line(csv), csv_get(csv, "v4_block"));
		g_assert_true(prefix4_parse(csv_get(csv, "v4_block"), &block));
		first = prefix4_first(&block);
		last = prefix4_last(&block);
		for (unsigned i = 0; i < 3; i++) {
			uint32_t addr =
				(const uint32_t[]){first, first + (last - first) / 2, last}[i];

			g_assert_true(addr4_is_nonglobal(addr) == nonglobal);
			g_assert_true(addr4_is_illegal(addr) == illegal);
		}
	}
	csv_close(csv);
}

/* A-9: what lies just before or behind a block is in another one, or global. */
static void test_wkp_nonglobal_edges(void)
{
	struct csv *csv = csv_open("wkp_nonglobal.csv");
	struct prefix4 block[64];
	unsigned n_blocks = 0;

	while (csv_next(csv)) {
		if (!g_str_equal(csv_get(csv, "action_wkp"), "drop"))
			continue;
		g_assert_cmpuint(n_blocks, <, G_N_ELEMENTS(block));
		g_assert_true(prefix4_parse(csv_get(csv, "v4_block"), &block[n_blocks++]));
	}
	csv_close(csv);
	for (unsigned i = 0; i < 2 * n_blocks; i++) {
		uint32_t addr =
			i % 2 ? prefix4_first(&block[i / 2]) - 1 : prefix4_last(&block[i / 2]) + 1;
		bool nonglobal = false;

		for (unsigned j = 0; j < n_blocks; j++)
			nonglobal |= prefix4_contains(&block[j], addr);
		g_assert_true(addr4_is_nonglobal(addr) == nonglobal);
	}
}

/* The neighbours of A-10's blocks are legal. */
static void test_illegal4_edges(void)
{
	static const uint32_t legal[] = {0x01000000, 0x7effffff, 0x80000000,
					 0xa9fdffff, 0xa9ff0000, 0xdfffffff};

	for (size_t i = 0; i < G_N_ELEMENTS(legal); i++)
		g_assert_false(addr4_is_illegal(legal[i]));
}

/* A-10 */
static void test_illegal_source6(void)
{
	static const struct {
		const char *addr;
		bool illegal;
	} cases[] = {
		{"::", true},
		{"::1", true},
		{"::2", false},
		{"::ffff:192.0.2.1", true},
		{"::fffe:192.0.2.1", false},
		{"fe80::1", true},
		{"febf:ffff::1", true},
		{"fec0::1", false},
		{"fe7f::1", false},
		{"fd00::1", false},
		{"ff02::1", true},
		{"ff00::", true},
		{"2001:db8::1", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct addr6 addr = addr6_of(cases[i].addr);

		g_test_message("%s", cases[i].addr);
		g_assert_true(addr6_is_illegal_source(&addr) == cases[i].illegal);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/addr/print_parsed", test_print_parsed);
	g_test_add_func("/addr/print4", test_print4);
	g_test_add_func("/addr/print-all", test_print_all);
	g_test_add_func("/addr/parse_refuses", test_parse_refuses);
	g_test_add_func("/addr/prefix6_bits", test_prefix6_bits);
	g_test_add_func("/addr/prefix6_overlaps", test_prefix6_overlaps);
	g_test_add_func("/addr/prefix4", test_prefix4);
	g_test_add_func("/addr/protocols", test_protocols);
	g_test_add_func("/addr/wkp_nonglobal", test_wkp_nonglobal);
	g_test_add_func("/addr/wkp_nonglobal_edges", test_wkp_nonglobal_edges);
	g_test_add_func("/addr/illegal4_edges", test_illegal4_edges);
	g_test_add_func("/addr/illegal_source6", test_illegal_source6);
	return g_test_run();
}
