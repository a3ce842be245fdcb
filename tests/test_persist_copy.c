/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that are taken to be kept, or copied for another process to go on with (O-12, O-13). */
#include "daemon/core/persist.h"

#include <glib.h>

#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct gateway_fixture *new_gateway(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	g_assert_true(persist_begin(gateway->nat));
	return gateway;
}

static uint32_t take_all(struct gateway_fixture *gateway)
{
	struct persist_cursor cursor = {0};
	struct persist_row rows[8];
	uint32_t n = 0;
	unsigned i;

	while ((i = persist_take(gateway->nat, &cursor, rows, G_N_ELEMENTS(rows), NOW)) > 0)
		n += i;
	return n;
}

/* All rows of a copy in steps of max. */
static GArray *copy_all(struct gateway_fixture *gateway, unsigned max)
{
	GArray *copied = g_array_new(FALSE, TRUE, sizeof(struct persist_row));
	const uint32_t n_changed = persist_n_changed(gateway->nat);
	struct persist_cursor cursor = {0};
	struct persist_row rows[16];
	unsigned n;

	do {
		memset(rows, 0, sizeof(rows)); /* of one that is gone nothing more is said */
		n = persist_copy(gateway->nat, PERSIST_ALL, &cursor, rows, max);
		g_array_append_vals(copied, rows, n);
	} while (n == max);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, n_changed);
	return copied;
}

/* O-12, a hand-over: bindings come before sessions; what has changed says so, what is gone, too;
 * and the copy is the same in steps of any size. */
static void test_order(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:80");
	unsigned n_changed = 0, n_gone = 0, n_of[N_PERSIST_KINDS] = {0};

	for (; client.port < 5005; client.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	g_assert_cmpuint(take_all(gateway), ==, 10);
	/* One more session of a binding that is stored; a new binding of another protocol; one that
	 * goes with its session, and one that comes and goes in between. */
	client.port = 5000;
	server.port = 81;
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	nat64_remove_binding(gateway->nat, PROTOCOL_UDP, 2, NOW);
	client.port = 6000;
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	nat64_remove_binding(gateway->nat, PROTOCOL_TCP, 1, NOW);

	g_autoptr(GArray) copied = copy_all(gateway, 16);
	g_assert_cmpuint(copied->len, ==, 5 + 6 + 2);
	for (unsigned i = 0; i < copied->len; i++) {
		const struct persist_row *row = &g_array_index(copied, struct persist_row, i);

		g_assert_true(row->kind == (i < 6 ? PERSIST_BINDING : PERSIST_SESSION));
		n_of[row->kind]++;
		n_changed += row->changed;
		n_gone += !row->exists;
		g_assert_true(row->exists || row->changed);
		if (!row->exists)
			g_assert_cmpuint(row->index, ==, 2);
		if (row->exists && row->kind == PERSIST_BINDING)
			g_assert_cmpuint(row->changed, ==, row->protocol == PROTOCOL_TCP);
	}
	g_assert_cmpuint(n_of[PERSIST_BINDING], ==, 6); /* one of them gone */
	g_assert_cmpuint(n_of[PERSIST_SESSION], ==, 7);
	g_assert_cmpuint(n_gone, ==, 2);
	g_assert_cmpuint(n_changed, ==, persist_n_changed(gateway->nat));
	for (unsigned max = 1; max < 16; max++) {
		g_autoptr(GArray) again = copy_all(gateway, max);

		g_assert_cmpmem(again->data, again->len * sizeof(struct persist_row), copied->data,
				copied->len * sizeof(struct persist_row));
	}
	gateway_free(gateway);
}

/* The copy of a gateway makes another one, which knows what is stored and what is still to be. */
static void test_is_restored(void)
{
	struct gateway_fixture *gateway = new_gateway(), *other = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");

	for (; client.port < 5003; client.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	(void)take_all(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	nat64_remove_binding(gateway->nat, PROTOCOL_UDP, 0, NOW);

	g_autoptr(GArray) copied = copy_all(gateway, 3);
	for (unsigned i = 0; i < copied->len; i++) {
		const struct persist_row *row = &g_array_index(copied, struct persist_row, i);

		if (row->exists)
			g_assert_cmpint(persist_restore(other->nat, row, NOW), ==, PERSIST_OK);
		if (row->changed)
			persist_set_changed(other->nat, row);
	}
	persist_restored(other->nat, false, NOW);
	g_assert_cmpuint(nat64_n_bindings(other->nat), ==, 3);
	g_assert_cmpuint(nat64_n_sessions(other->nat), ==, 3);
	g_assert_cmpuint(persist_n_changed(other->nat), ==, persist_n_changed(gateway->nat));
	g_autoptr(GArray) again = copy_all(other, 16);
	g_assert_cmpuint(again->len, ==, copied->len);
	for (unsigned i = 0; i < copied->len; i++) {
		const struct persist_row *a = &g_array_index(copied, struct persist_row, i);
		const struct persist_row *b = &g_array_index(again, struct persist_row, i);

		g_assert_true(a->kind == b->kind && a->protocol == b->protocol);
		g_assert_cmpuint(a->index, ==, b->index);
		g_assert_cmpint(a->exists, ==, b->exists);
		g_assert_cmpint(a->changed, ==, b->changed);
	}
	gateway_free(gateway);
	gateway_free(other);
}

/* Where nothing is written behind there is nothing that has changed. */
static void test_nothing_is_stored(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_autoptr(GArray) copied = copy_all(gateway, 16);
	g_assert_cmpuint(copied->len, ==, 2);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_true(g_array_index(copied, struct persist_row, i).exists);
		g_assert_false(g_array_index(copied, struct persist_row, i).changed);
	}
	gateway_free(gateway);
}

/* A row that could not be kept is taken once more, and removed if there is none by then. */
static void test_take_back(void)
{
	struct gateway_fixture *gateway = new_gateway();
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");
	struct persist_cursor cursor = {0};
	struct persist_row row;

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(take_all(gateway), ==, 2);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 0);
	persist_take_back(gateway->nat, PERSIST_BINDING, PROTOCOL_UDP, 0);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 1);
	g_assert_cmpuint(persist_take(gateway->nat, &cursor, &row, 1, NOW), ==, 1);
	g_assert_cmpint(row.kind, ==, PERSIST_BINDING);
	g_assert_true(row.exists);
	g_assert_false(row.changed);
	g_assert_cmpuint(row.binding.mapped.addr, ==, 0xcb007101);
	nat64_remove_binding(gateway->nat, PROTOCOL_UDP, 0, NOW);
	g_assert_cmpuint(take_all(gateway), ==, 2);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/persist_copy/order", test_order);
	g_test_add_func("/persist_copy/is_restored", test_is_restored);
	g_test_add_func("/persist_copy/nothing_is_stored", test_nothing_is_stored);
	g_test_add_func("/persist_copy/take_back", test_take_back);
	return g_test_run();
}
