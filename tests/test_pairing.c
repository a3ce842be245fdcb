/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of IPv6 sources: P-2, P-3, L-1, X-1. */
#include <glib.h>

#include "daemon/core/pairing.h"

static const struct siphash_key key = {{1, 2}};

static struct addr6 addr_of(const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

/* P-3: one record for each prefix and Pool6 prefix, and one for the address besides. */
static void test_find_and_get(void)
{
	struct addr6 one = addr_of("2001:db8::1"), two = addr_of("2001:db8::2");
	struct pairing_table table;
	uint32_t a, b, c, d;

	pairing_table_init(&table, &key, 100);
	g_assert_cmpuint(pairing_table_memory(&table), ==, 0);
	g_assert_cmpuint(pairing_find(&table, &one, 0), ==, SLAB_NONE);
	a = pairing_get(&table, &one, 128, 0);
	b = pairing_get(&table, &one, 128, 1);
	c = pairing_get(&table, &two, 64, 0);
	d = pairing_get(&table, &two, 128, PAIRING_ADDRESS);
	g_assert_true(a != SLAB_NONE && b != SLAB_NONE && c != SLAB_NONE && d != SLAB_NONE);
	g_assert_true(a != b && b != c && a != c && c != d);
	g_assert_cmpuint(pairing_get(&table, &one, 128, 0), ==, a);
	g_assert_cmpuint(pairing_find(&table, &one, 1), ==, b);
	g_assert_cmpuint(pairing_find(&table, &two, PAIRING_ADDRESS), ==, d);
	g_assert_cmpuint(pairing_n_bindings(&table, a, PROTOCOL_UDP), ==, 0);
	g_assert_cmpuint(pairing_at(&table, a)->addr4, ==, 0);
	g_assert_cmpuint(pairing_at(&table, c)->len, ==, 64);
	g_assert_cmpuint(table.n_addresses, ==, 1);
	g_assert_true(pairing_table_check(&table));
	pairing_drop_unused(&table, d);
	g_assert_cmpuint(table.n_addresses, ==, 0);
	pairing_table_deinit(&table);
}

/* P-2: the record lives as long as bindings refer to it, of whatever protocol. */
static void test_life(void)
{
	struct addr6 one = addr_of("2001:db8::1");
	struct pairing_table table;
	uint32_t index;

	pairing_table_init(&table, &key, 100);
	index = pairing_get(&table, &one, 128, 0);
	pairing_ref(&table, index, PROTOCOL_TCP);
	pairing_ref(&table, index, PROTOCOL_ICMP);
	pairing_at(&table, index)->addr4 = 0xc0000201;
	pairing_drop_unused(&table, index);
	pairing_unref(&table, index, PROTOCOL_TCP);
	g_assert_cmpuint(pairing_find(&table, &one, 0), ==, index);
	pairing_unref(&table, index, PROTOCOL_ICMP);
	g_assert_cmpuint(pairing_find(&table, &one, 0), ==, SLAB_NONE);

	index = pairing_get(&table, &one, 128, 0);
	g_assert_cmpuint(pairing_at(&table, index)->addr4, ==, 0);
	pairing_drop_unused(&table, index);
	g_assert_cmpuint(pairing_find(&table, &one, 0), ==, SLAB_NONE);
	g_assert_true(pairing_table_check(&table));
	pairing_table_deinit(&table);
}

/* at the bound new sources are refused and known ones are found. */
static void test_limit(void)
{
	struct addr6 addr = addr_of("2001:db8::");
	struct pairing_table table;

	pairing_table_init(&table, &key, 3000);
	for (unsigned i = 0; i < 3000; i++) {
		addr.byte[14] = (uint8_t)(i >> 8);
		addr.byte[15] = (uint8_t)i;
		g_assert_cmpuint(pairing_get(&table, &addr, 128, 0), !=, SLAB_NONE);
	}
	g_assert_true(pairing_table_check(&table));
	addr.byte[0] = 0x30;
	g_assert_cmpuint(pairing_get(&table, &addr, 128, 0), ==, SLAB_NONE);
	addr.byte[0] = 0x20;
	g_assert_cmpuint(pairing_get(&table, &addr, 128, 0), !=, SLAB_NONE);
	pairing_table_deinit(&table);
}

/* A prefix with more than 65535 of a protocol: to the unit, up and down. */
static void test_many(void)
{
	const uint32_t n = UINT16_MAX + 3;
	struct addr6 one = addr_of("2001:db8::");
	struct pairing_table table;
	uint32_t index;

	pairing_table_init(&table, &key, 100);
	index = pairing_get(&table, &one, 48, 3);
	pairing_ref(&table, index, PROTOCOL_TCP);
	for (uint32_t i = 0; i < n; i++) {
		g_assert_cmpuint(pairing_n_bindings(&table, index, PROTOCOL_UDP), ==, i);
		g_assert_true(pairing_reserve(&table, index, PROTOCOL_UDP));
		pairing_ref(&table, index, PROTOCOL_UDP);
		g_assert_cmpuint(table.many.n_used, ==, i >= UINT16_MAX);
	}
	g_assert_cmpuint(pairing_n_bindings(&table, index, PROTOCOL_TCP), ==, 1);
	g_assert_true(pairing_table_check(&table));
	pairing_unref(&table, index, PROTOCOL_TCP);
	for (uint32_t i = n; i > 0; i--) {
		g_assert_cmpuint(pairing_n_bindings(&table, index, PROTOCOL_UDP), ==, i);
		pairing_unref(&table, index, PROTOCOL_UDP);
	}
	g_assert_cmpuint(table.pairings.n_used, ==, 0);
	g_assert_cmpuint(table.many.n_used, ==, 0);
	pairing_table_deinit(&table);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pairing/find-and-get", test_find_and_get);
	g_test_add_func("/pairing/life", test_life);
	g_test_add_func("/pairing/limit", test_limit);
	g_test_add_func("/pairing/many", test_many);
	return g_test_run();
}
