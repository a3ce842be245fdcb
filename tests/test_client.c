/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of clients: P-2, P-3, X-1. */
#include <glib.h>

#include "daemon/core/client.h"

static const struct siphash_key key = {{1, 2}};

static struct addr6 addr_of(const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

/* P-3: one record for each prefix and Pool6 prefix. */
static void test_find_and_get(void)
{
	struct addr6 one = addr_of("2001:db8::1"), two = addr_of("2001:db8::2");
	struct client_table table;
	uint32_t a, b, c;

	client_table_init(&table, &key, 100);
	g_assert_cmpuint(client_table_memory(&table), ==, 0);
	g_assert_cmpuint(client_find(&table, &one, 0), ==, SLAB_NONE);
	a = client_get(&table, &one, 0);
	b = client_get(&table, &one, 1);
	c = client_get(&table, &two, 0);
	g_assert_true(a != SLAB_NONE && b != SLAB_NONE && c != SLAB_NONE);
	g_assert_true(a != b && b != c && a != c);
	g_assert_cmpuint(client_get(&table, &one, 0), ==, a);
	g_assert_cmpuint(client_find(&table, &one, 1), ==, b);
	g_assert_cmpuint(client_at(&table, a)->n_bindings, ==, 0);
	g_assert_cmpuint(client_at(&table, a)->addr4, ==, 0);
	g_assert_true(client_table_check(&table));
	client_table_deinit(&table);
}

/* P-2: the record lives as long as bindings refer to it. */
static void test_life(void)
{
	struct addr6 one = addr_of("2001:db8::1");
	struct client_table table;
	uint32_t index;

	client_table_init(&table, &key, 100);
	index = client_get(&table, &one, 0);
	client_ref(&table, index);
	client_ref(&table, index);
	client_at(&table, index)->addr4 = 0xc0000201;
	client_drop_unused(&table, index);
	client_unref(&table, index);
	g_assert_cmpuint(client_find(&table, &one, 0), ==, index);
	client_unref(&table, index);
	g_assert_cmpuint(client_find(&table, &one, 0), ==, SLAB_NONE);

	index = client_get(&table, &one, 0);
	g_assert_cmpuint(client_at(&table, index)->addr4, ==, 0);
	client_drop_unused(&table, index);
	g_assert_cmpuint(client_find(&table, &one, 0), ==, SLAB_NONE);
	g_assert_true(client_table_check(&table));
	client_table_deinit(&table);
}

/* at the bound new clients are refused and known ones are found. */
static void test_limit(void)
{
	struct addr6 addr = addr_of("2001:db8::");
	struct client_table table;

	client_table_init(&table, &key, 3000);
	for (unsigned i = 0; i < 3000; i++) {
		addr.byte[14] = (uint8_t)(i >> 8);
		addr.byte[15] = (uint8_t)i;
		g_assert_cmpuint(client_get(&table, &addr, 0), !=, SLAB_NONE);
	}
	g_assert_true(client_table_check(&table));
	addr.byte[0] = 0x30;
	g_assert_cmpuint(client_get(&table, &addr, 0), ==, SLAB_NONE);
	addr.byte[0] = 0x20;
	g_assert_cmpuint(client_get(&table, &addr, 0), !=, SLAB_NONE);
	client_table_deinit(&table);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/client/find-and-get", test_find_and_get);
	g_test_add_func("/client/life", test_life);
	g_test_add_func("/client/limit", test_limit);
	return g_test_run();
}
