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

/* From the moment at which everything is stored only what comes after it has changed: what is new,
 * and what ends. */
static void test_begin_stored(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");

	g_assert_false(persist_is_on(gateway->nat));
	for (; client.port < 5003; client.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	g_assert_true(persist_begin_stored(gateway->nat));
	g_assert_true(persist_is_on(gateway->nat));
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 0);
	g_assert_cmpuint(take_all(gateway), ==, 0);
	nat64_remove_binding(gateway->nat, PROTOCOL_UDP, 1, NOW);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 2); /* it, and its session */
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 2); /* at their places */
	client.port++;
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 4);
	g_assert_cmpuint(take_all(gateway), ==, 4);
	gateway_free(gateway);
}

/* When it has ended nothing is marked, nothing of it is left, and nobody asks what has closed. */
static void test_end(void)
{
	struct gateway_fixture *gateway = new_gateway();
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");
	struct nat64 *nat = gateway->nat;

	nat->config.retention_s = 60;
	for (unsigned again = 0; again < 2; again++) {
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
		nat64_remove_binding(nat, PROTOCOL_UDP, 0, NOW);
		g_assert_cmpuint(nat->closed.end, ==, 1);
		if (again)
			break;
		g_assert_cmpuint(nat->closed.first, ==, 0);
		g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(persist_n_changed(nat), ==, 2);
		persist_end(nat);
		g_assert_false(persist_is_on(nat));
		g_assert_cmpuint(persist_n_changed(nat), ==, 0);
		g_assert_cmpuint(nat->closed.first, ==, 1);
		for (unsigned i = 0; i < N_PROTOCOLS; i++) {
			g_assert_cmpuint(dirty_memory(&nat->bib[i].dirty), ==, 0);
			g_assert_cmpuint(dirty_memory(&nat->sessions[i].dirty), ==, 0);
		}
	}
	g_assert_cmpuint(persist_n_changed(nat), ==, 0);
	gateway_free(gateway);
}

static bool is_same_row(const struct persist_row *a, const struct persist_row *b)
{
	if (a->kind != b->kind || a->protocol != b->protocol || a->index != b->index ||
	    a->exists != b->exists)
		return false;
	if (!a->exists)
		return true;
	if (a->kind == PERSIST_SESSION)
		return a->session.binding == b->session.binding &&
		       a->session.number == b->session.number &&
		       a->session.state == b->session.state &&
		       taddr4_equal(&a->session.peer, &b->session.peer);
	return addr6_equal(&a->binding.addr6, &b->binding.addr6) &&
	       a->binding.port6 == b->binding.port6 &&
	       taddr4_equal(&a->binding.mapped, &b->binding.mapped) &&
	       a->binding.number == b->binding.number &&
	       a->binding.is_static == b->binding.is_static;
}

static void restore_changed(struct gateway_fixture *to, const GArray *rows)
{
	for (unsigned i = 0; i < rows->len; i++)
		persist_make_way(to->nat, &g_array_index(rows, struct persist_row, i), NOW);
	for (unsigned i = 0; i < rows->len; i++) {
		const struct persist_row *row = &g_array_index(rows, struct persist_row, i);

		if (row->exists && !persist_is_there(to->nat, row))
			g_assert_cmpint(persist_restore(to->nat, row, NOW), ==, PERSIST_OK);
	}
}

/* O-12, in two parts: whatever becomes of bindings and sessions while the first part is copied, in
 * the end the successor has what there is. */
static void test_two_parts(void)
{
	for (unsigned changes_at = 0; changes_at < 14; changes_at++) {
		struct gateway_fixture *from = gateway_new("203.0.113.1", "1024-65535", NULL);
		struct gateway_fixture *to = gateway_new("203.0.113.1", "1024-65535", NULL);
		struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000"),
			      other = taddr6_of("[2001:db8:1::3]:6000");
		struct taddr4 server = taddr4_of("198.51.100.7:80");
		const struct taddr4 bound = taddr4_of("203.0.113.1:443");
		g_autoptr(GArray) changed = g_array_new(FALSE, TRUE, sizeof(struct persist_row));
		struct persist_cursor cursor = {0};
		struct persist_row row;
		unsigned n = 0;

		for (; client.port < 5006; client.port++)
			g_assert_cmpint(gateway_udp6(from, &client, &server, NOW), ==,
					OUTCOME_TRANSLATED);
		g_assert_true(persist_begin_stored(from->nat));
		for (bool more = true; more; n++) {
			if (n == changes_at) {
				/* A binding goes, and another one comes to its place; one goes
				 * with all it has; a session comes; a static binding comes. */
				nat64_remove_binding(from->nat, PROTOCOL_UDP, 1, NOW);
				g_assert_cmpint(gateway_udp6(from, &other, &server, NOW), ==,
						OUTCOME_TRANSLATED);
				nat64_remove_binding(from->nat, PROTOCOL_UDP, 3, NOW);
				client.port = 5004;
				server.port = 81;
				g_assert_cmpint(gateway_udp6(from, &client, &server, NOW), ==,
						OUTCOME_TRANSLATED);
				g_assert_cmpint(nat64_add_static(from->nat, PROTOCOL_TCP, &other,
								 &bound, NOW),
						==, NAT64_STATIC_OK);
			}
			memset(&row, 0, sizeof(row));
			more = persist_copy(from->nat, PERSIST_STORED, &cursor, &row, 1) == 1;
			if (more) {
				g_assert_true(row.exists);
				g_assert_false(row.changed);
				g_assert_cmpint(persist_restore(to->nat, &row, NOW), ==,
						PERSIST_OK);
			}
		}
		cursor = (struct persist_cursor){0};
		memset(&row, 0, sizeof(row));
		while (persist_copy(from->nat, PERSIST_CHANGED, &cursor, &row, 1) == 1) {
			g_assert_true(row.changed);
			g_array_append_val(changed, row);
			memset(&row, 0, sizeof(row));
		}
		g_assert_cmpuint(changed->len, ==, n > changes_at ? 5 : 0);
		restore_changed(to, changed);
		persist_restored(to->nat, false, NOW);
		g_assert_true(nat64_check(to->nat));

		persist_end(from->nat);
		g_autoptr(GArray) is = copy_all(to, 16), should_be = copy_all(from, 16);
		g_assert_cmpuint(is->len, ==, should_be->len);
		for (unsigned i = 0; i < is->len; i++)
			g_assert_true(
				is_same_row(&g_array_index(is, struct persist_row, i),
					    &g_array_index(should_be, struct persist_row, i)));
		gateway_free(from);
		gateway_free(to);
	}
}

/* What makes way leaves no trace: nobody is told of its end, and its port is free. */
static void test_make_way(void)
{
	struct gateway_fixture *gateway = new_gateway();
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:80"), mapped;
	struct nat64 *nat = gateway->nat;
	struct persist_row row = {.kind = PERSIST_SESSION, .protocol = PROTOCOL_UDP, .index = 1};

	for (unsigned i = 0; i < 3; i++, server.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	nat->events.want_bindings = nat->events.want_sessions = true;
	persist_make_way(nat, &row, NOW);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 2);
	persist_make_way(nat, &row, NOW); /* there is none any more */
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 2);
	row.protocol = N_PROTOCOLS;
	persist_make_way(nat, &row, NOW);
	g_assert_false(persist_is_there(nat, &row));
	row = (struct persist_row){
		.kind = PERSIST_BINDING, .protocol = PROTOCOL_UDP, .exists = true};
	g_assert_false(persist_is_there(nat, &row));
	persist_make_way(nat, &row, NOW);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 0);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 0);
	g_assert_cmpuint(nat->events.n_events, ==, 0);
	g_assert_false(pool4_is_used(nat->pool4, PROTOCOL_UDP, &mapped));
	g_assert_false(pool4_is_held(nat->pool4, PROTOCOL_UDP, &mapped, 1));
	g_assert_true(nat64_check(nat));
	gateway_free(gateway);
}

/* Whether it is the same binding depends on each side of it. */
static void test_is_there(void)
{
	struct gateway_fixture *gateway = new_gateway();
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct persist_row good = {.kind = PERSIST_BINDING,
					 .protocol = PROTOCOL_UDP,
					 .index = 3,
					 .exists = true,
					 .binding = {.addr6 = client.addr,
						     .port6 = client.port,
						     .mapped = taddr4_of("203.0.113.1:2000"),
						     .number = 7}};
	struct persist_row row = good;

	g_assert_cmpint(persist_restore(gateway->nat, &good, NOW), ==, PERSIST_OK);
	g_assert_true(prefix6_parse("2001:db8:65::/96", &gateway->nat->config.pool6[3]));
	row.binding.pool6 = 3;
	g_assert_true(persist_is_there(gateway->nat, &row));
	g_assert_cmpuint(bib_at(&gateway->nat->bib[PROTOCOL_UDP], 3)->pool6, ==, 3);
	for (unsigned i = 0; i < 10; i++) {
		row = good;
		switch (i) {
		case 0:
			row.binding.number++;
			break;
		case 1:
			row.binding.is_static = true;
			break;
		case 2:
			row.binding.port6++;
			break;
		case 3:
			row.binding.mapped.port++;
			break;
		case 4:
			row.binding.mapped.addr++;
			break;
		case 5:
			row.binding.addr6.byte[15]++;
			break;
		case 6:
			row.exists = false;
			break;
		case 7:
			row.index++;
			break;
		case 8:
			row.binding.pool6 = 2; /* there is no such prefix */
			break;
		case 9:
			row.protocol = PROTOCOL_TCP;
			break;
		}
		g_test_message("case %u", i);
		g_assert_false(persist_is_there(gateway->nat, &row));
	}
	g_assert_true(persist_is_there(gateway->nat, &good));
	persist_restored(gateway->nat, false, NOW);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/persist_copy/order", test_order);
	g_test_add_func("/persist_copy/is_restored", test_is_restored);
	g_test_add_func("/persist_copy/nothing_is_stored", test_nothing_is_stored);
	g_test_add_func("/persist_copy/take_back", test_take_back);
	g_test_add_func("/persist_copy/begin_stored", test_begin_stored);
	g_test_add_func("/persist_copy/end", test_end);
	g_test_add_func("/persist_copy/two_parts", test_two_parts);
	g_test_add_func("/persist_copy/make_way", test_make_way);
	g_test_add_func("/persist_copy/is_there", test_is_there);
	return g_test_run();
}
