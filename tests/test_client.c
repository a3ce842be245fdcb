/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of clients: P-3, L-1, L-2, X-1. */
#include <glib.h>

#include "daemon/core/client.h"

static const struct siphash_key key = {{1, 2}};

static struct addr6 addr_of(const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

/* P-3: all addresses of one prefix are one client. */
static void test_prefix(void)
{
	struct addr6 one = addr_of("2001:db8::1"), same = addr_of("2001:db8::ffff:0:0:2"),
		     other = addr_of("2001:db8:0:1::1"), prefix = addr_of("2001:db8::");
	struct client_view view;
	struct client_table table;
	uint32_t a, b;

	client_table_init(&table, &key, 100, 64);
	g_assert_cmpuint(client_table_memory(&table), ==, 0);
	g_assert_cmpuint(client_find(&table, &one), ==, SLAB_NONE);
	a = client_get(&table, &one);
	b = client_get(&table, &other);
	g_assert_true(a != SLAB_NONE && b != SLAB_NONE && a != b);
	g_assert_cmpuint(client_get(&table, &same), ==, a);
	g_assert_cmpuint(client_find(&table, &other), ==, b);
	client_view(&table, a, &view);
	g_assert_true(addr6_equal(&view.prefix, &prefix));
	client_table_deinit(&table);

	client_table_init(&table, &key, 100, 128);
	g_assert_cmpuint(client_get(&table, &one), !=, client_get(&table, &same));
	client_table_deinit(&table);
}

/* The record lives as long as the client has bindings, and its quota with it. */
static void test_life(void)
{
	struct addr6 one = addr_of("2001:db8::1");
	struct client_table table;
	uint32_t index;

	client_table_init(&table, &key, 100, 64);
	index = client_get(&table, &one);
	client_add_binding(&table, index, PROTOCOL_TCP);
	client_add_binding(&table, index, PROTOCOL_UDP);
	g_assert_null(client_quota(&table, index));
	client_quota_get(&table, index)->n_refused = 7;
	g_assert_cmpuint(client_quota(&table, index)->n_refused, ==, 7);
	client_drop_unused(&table, index);
	client_remove_binding(&table, index, PROTOCOL_TCP);
	g_assert_cmpuint(client_find(&table, &one), ==, index);
	g_assert_true(client_table_check(&table));
	client_remove_binding(&table, index, PROTOCOL_UDP);
	g_assert_cmpuint(client_find(&table, &one), ==, SLAB_NONE);
	g_assert_cmpuint(table.quotas.n_used, ==, 0);

	index = client_get(&table, &one);
	g_assert_null(client_quota(&table, index));
	client_drop_unused(&table, index);
	g_assert_true(client_table_check(&table));
	client_table_deinit(&table);
}

/* at the bound new clients are refused and known ones are found; a cursor finds each. */
static void test_limit(void)
{
	struct addr6 addr = addr_of("2001:db8::");
	struct client_table table;
	unsigned n = 0;

	client_table_init(&table, &key, 3000, 64);
	for (unsigned i = 0; i < 3000; i++) {
		addr.byte[6] = (uint8_t)(i >> 8);
		addr.byte[7] = (uint8_t)i;
		client_add_binding(&table, client_get(&table, &addr), PROTOCOL_ICMP);
	}
	g_assert_true(client_table_check(&table));
	addr.byte[0] = 0x30;
	g_assert_cmpuint(client_get(&table, &addr), ==, SLAB_NONE);
	addr.byte[0] = 0x20;
	g_assert_cmpuint(client_get(&table, &addr), !=, SLAB_NONE);
	for (uint32_t i = client_next(&table, 0); i != SLAB_NONE; i = client_next(&table, i + 1))
		n += client_n_bindings(&table, i, PROTOCOL_ICMP);
	g_assert_cmpuint(n, ==, 3000);
	client_table_deinit(&table);
}

/* More than a small record can count: each count to the unit, and what is not there is not taken.
 */
static void test_many(void)
{
	const uint32_t n = CLIENT_FEW * 3;
	struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8, 1}};
	struct client_table table;
	struct client_view view;
	uint32_t index;

	client_table_init(&table, &key, 2, 61);
	index = client_get(&table, &addr);
	for (uint32_t i = 0; i < n; i++) {
		g_assert_true(client_reserve(&table, index));
		client_add_binding(&table, index, PROTOCOL_UDP);
		g_assert_true(client_reserve(&table, index));
		client_add_session(&table, index, PROTOCOL_UDP);
		if (i < 7)
			client_add_binding(&table, index, PROTOCOL_TCP);
		g_assert_cmpuint(client_n_bindings(&table, index, PROTOCOL_UDP), ==, i + 1);
		g_assert_cmpuint(client_n_sessions(&table, index, PROTOCOL_UDP), ==, i + 1);
		g_assert_true((client_quota(&table, index) != NULL) == (i >= CLIENT_FEW - 1));
	}
	client_view(&table, index, &view);
	g_assert_cmpuint(view.n_bindings[PROTOCOL_UDP], ==, n);
	g_assert_cmpuint(view.n_bindings[PROTOCOL_TCP], ==, 7);
	g_assert_cmpuint(view.n_sessions[PROTOCOL_UDP], ==, n);
	g_assert_cmpuint(view.n_sessions[PROTOCOL_TCP], ==, 0);
	g_assert_true(client_table_check(&table));
	for (uint32_t i = 0; i < n; i++) {
		client_remove_session(&table, index, PROTOCOL_UDP);
		client_remove_binding(&table, index, PROTOCOL_UDP);
	}
	g_assert_cmpuint(client_n_bindings(&table, index, PROTOCOL_UDP), ==, 0);
	for (uint32_t i = 0; i < 7; i++)
		client_remove_binding(&table, index, PROTOCOL_TCP);
	g_assert_cmpuint(table.clients.n_used, ==, 0);
	g_assert_cmpuint(table.quotas.n_used, ==, 0);
	client_table_deinit(&table);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/client/prefix", test_prefix);
	g_test_add_func("/client/life", test_life);
	g_test_add_func("/client/limit", test_limit);
	g_test_add_func("/client/many", test_many);
	return g_test_run();
}
