/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool4: its entries, and what becomes of them in use: P-1, P-11, P-18, P-22. Which port a client
 * gets: test_pool4_take.c; random operations: property/test_pool4_model.c. */
#include <glib.h>

#include "daemon/core/pairing.h"
#include "daemon/core/pool4.h"
#include "tests/pool4_fixture.h"

/* P-1: what add refuses by itself, whatever the text was checked for. */
static void test_refusals(void)
{
	static const struct {
		struct addr4_range range;
		struct port_range ports;
		enum pool4_result result;
	} cases[] = {
		{{0xe0000001, 0xe0000001}, {1, 10}, POOL4_BAD_ADDRESS},
		{{0x7f000001, 0x7f000001}, {1, 10}, POOL4_BAD_ADDRESS},
		{{0x00000000, 0x00000000}, {1, 10}, POOL4_BAD_ADDRESS},
		{{0xf0000000, 0xf0000000}, {1, 10}, POOL4_BAD_ADDRESS},
		{{0xc0000202, 0xc0000201}, {1, 10}, POOL4_BAD_ADDRESS},
		{{0xc0000201, 0xc0000201}, {0, 10}, POOL4_BAD_PORTS},
		{{0xc0000201, 0xc0000201}, {10, 9}, POOL4_BAD_PORTS},
		{{0xc0000201, 0xc0000201}, {9, 9}, POOL4_OK},
		{{0xc0000202, 0xc0000202}, {1, 65535}, POOL4_OK},
	};
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_spec spec = {.protocol = {true}, .pool6 = POOL4_ANY_PREFIX};
	uint32_t id;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		spec.addresses = &cases[i].range;
		spec.n_addresses = 1;
		spec.ports = (struct port_ranges){{cases[i].ports}, 1};
		id = 77;
		g_assert_cmpint(pool4_check_spec(pool, &spec, &id), ==, cases[i].result);
		g_assert_cmpuint(id, ==, 0);
		g_assert_cmpint(pool4_add(pool, &spec, &id), ==, cases[i].result);
		g_assert_true((id > 0) == (cases[i].result == POOL4_OK));
	}
	spec.n_addresses = 0;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_ADDRESS);
	spec.n_addresses = 1;
	spec.protocol[PROTOCOL_TCP] = false;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	spec.protocol[PROTOCOL_UDP] = true;
	spec.ports.n_ranges = 0;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	/* Ranges that are not in order, or touch. */
	spec.ports = (struct port_ranges){{{20, 30}, {1, 9}}, 2};
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	spec.ports = (struct port_ranges){{{20, 30}, {31, 40}}, 2};
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	g_assert_cmpuint(pool4_n_entries(pool), ==, 2);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Each result in words: what is logged, and told, of an entry that cannot be used. */
static void test_sentences(void)
{
	static const char *const texts[] = {
		[POOL4_OK] = "done",
		[POOL4_NO_ENTRY] = "no entry of pool4 serves this client, protocol and prefix",
		[POOL4_EXHAUSTED] = "no port is free",
		[POOL4_TAKEN] = "this address and port is in use",
		[POOL4_NO_MEMORY] = "there is no memory",
		[POOL4_OVERLAP] = "another entry has the same address, port, protocol and clients",
		[POOL4_EXISTS] = "there is an entry with this name",
		[POOL4_BAD_ADDRESS] = "the list of addresses is empty, or has one that cannot be "
				      "used: multicast, loopback, 0.0.0.0/8 or class E",
		[POOL4_BAD_PORTS] = "the list of ports or of protocols is empty, or has port 0",
		[POOL4_NO_SUCH_ENTRY] = "there is no such entry",
		[POOL4_IN_USE] = "bindings use it",
		[POOL4_BAD_CLIENTS] = "its clients cannot have ports of their own: there are more "
				      "of them than ports, or no Clients=",
		[POOL4_BAD_BLOCKS] = "there is no whole block in its ports, or it is not for all "
				     "of tcp, udp and icmp, as a block is",
		[POOL4_SAME_CLIENTS] = "another entry is for the same clients, and in "
				       "deterministic mode there can be only one",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		g_assert_cmpstr(pool4_result_text((enum pool4_result)i), ==, texts[i]);
}

/* An entry stays as long as a port of it is in use, whatever the protocol. */
static void test_remove(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		struct pool4_asked what = {.protocol = (enum protocol)i};
		struct taddr4 taddr;

		g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_IN_USE);
		pool4_give_back(pool, what.protocol, &taddr, id);
	}
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);
	g_assert_cmpuint(pool4_n_entries(pool), ==, 0);
	pool4_free(pool);
}

/* Entries are found by id, by name and in order; names are made where none is given. */
static void test_entries(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_written written = {.name = "p2",
					.addresses = "192.0.2.8/29 192.0.2.1",
					.ports = "1000-1009",
					.pool6 = POOL4_ANY_PREFIX};
	const struct pool4_entry *entry;
	uint32_t a, b, c, id;

	g_assert_cmpint(pool4_fixture_add_spec(pool, &written, &a), ==, POOL4_OK);
	b = pool4_fixture_add(pool, "198.51.100.0/24", "1000-1009");
	c = pool4_fixture_add(pool, "203.0.113.0/24", "1000-1009");
	entry = pool4_entry(pool, a);
	g_assert_cmpint(entry->state, ==, POOL4_PENDING);
	g_assert_cmpuint(entry->n_addresses, ==, 9);
	g_assert_cmpuint(entry->n_ports[PROTOCOL_ICMP], ==, 90);
	g_assert_cmpuint(entry->spec.addresses[0].first, ==, pool4_fixture_addr4("192.0.2.1"));
	g_assert_cmpstr(pool4_entry(pool, b)->spec.name, ==, "p1");
	g_assert_cmpstr(pool4_entry(pool, c)->spec.name, ==, "p3");
	g_assert_true(pool4_entry_by_name(pool, "p2") == entry);
	g_assert_null(pool4_entry_by_name(pool, "p4"));
	g_assert_true(pool4_at(pool, 2) == pool4_entry(pool, c));
	g_assert_true(pool4_next(pool, 0) == entry);
	g_assert_true(pool4_next(pool, a) == pool4_entry(pool, b));
	g_assert_null(pool4_next(pool, c));
	g_assert_null(pool4_next(pool, UINT32_MAX));

	written.addresses = "192.0.2.77";
	g_assert_cmpint(pool4_fixture_add_spec(pool, &written, &id), ==, POOL4_EXISTS);
	g_assert_cmpuint(id, ==, a);
	g_assert_cmpint(pool4_remove(pool, b), ==, POOL4_OK);
	g_assert_cmpint(pool4_remove(pool, b), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_cmpuint(pool4_fixture_add(pool, "198.51.100.0/24", "1000-1009"), >, c);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Found by the new name and not by the old one, whatever the others are called. */
static void test_rename(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id[64];

	for (unsigned i = 0; i < G_N_ELEMENTS(id); i++) {
		g_autofree char *addresses = g_strdup_printf("192.0.2.%u", i);

		id[i] = pool4_fixture_add(pool, addresses, "1000-1009");
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(id); i++) {
		g_autofree char *before = g_strdup_printf("p%u", i + 1);
		g_autofree char *name = g_strdup_printf("%u", (i * 37) % 64);

		g_assert_true(pool4_entry_by_name(pool, before) == pool4_entry(pool, id[i]));
		g_assert_cmpint(pool4_rename(pool, id[i], before), ==, POOL4_EXISTS);
		g_assert_cmpint(pool4_rename(pool, id[i], name), ==, POOL4_OK);
		g_assert_null(pool4_entry_by_name(pool, before));
		for (unsigned j = 0; j < G_N_ELEMENTS(id); j++)
			g_assert_true(
				pool4_entry_by_name(pool, pool4_entry(pool, id[j])->spec.name) ==
				pool4_entry(pool, id[j]));
	}
	g_assert_cmpint(pool4_rename(pool, 1000, "x"), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Overlap: address, port, protocol and scope in common; and only then. */
static void test_overlap(void)
{
	static const struct {
		struct pool4_written written;
		enum pool4_result result;
	} cases[] = {
		{{"a", "192.0.2.0/28", "1000-1999", NULL, -1}, POOL4_OVERLAP},
		{{"b", "192.0.2.15-192.0.2.20", "500 1999-3000", NULL, -1}, POOL4_OVERLAP},
		{{"c", "192.0.2.0/24", "2000-3000", NULL, -1}, POOL4_OK},
		{{"d", "192.0.2.16/28", "1000-1999", NULL, -1}, POOL4_OK},
		{{"e", "192.0.2.0/28", "1000-1999", "2001:db8::/32", -1}, POOL4_OK},
		{{"f", "192.0.2.1", "1000", "2001:db8:1::/48 2001:db8::/32", -1}, POOL4_OVERLAP},
		{{"g", "192.0.2.1", "1000", "2001:db8:1::/48", -1}, POOL4_OK},
		{{"h", "192.0.2.1", "1000", "2001:db8:1::/48", 0}, POOL4_OK},
		{{"i", "192.0.2.1", "1000", NULL, 1}, POOL4_OK},
		{{"j", "192.0.2.1", "1000", "2001:db8:2::/48", -1}, POOL4_OK},
		{{"k", "192.0.2.1", "1000", "2001:db8::/48", -1}, POOL4_OK},
		{{"l", "192.0.2.1", "1000", "2001:db8:1::/48 2001:db8:5::/48", -1}, POOL4_OVERLAP},
		{{"m", "192.0.2.1", "1000", "2001:db8:5::/48 2001:db8:6::/48", -1}, POOL4_OK},
		{{"n", "192.0.2.1", "1000", "2001:db8:5::/48 2001:db8:7::/48", -1}, POOL4_OVERLAP},
	};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t first = pool4_fixture_add(pool, "192.0.2.0/28", "1000-1999"), id;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s", cases[i].written.name);
		id = 0;
		g_assert_cmpint(pool4_fixture_add_spec(pool, &cases[i].written, &id), ==,
				cases[i].result);
		if (i < 2)
			g_assert_cmpuint(id, ==, first);
	}
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Only active entries give out ports and keep their clients, which have the general one meanwhile;
 * disabled ones are gone. */
static void test_states(void)
{
	static const struct {
		enum pool4_state state;
		const char *addr;
		bool found;
	} cases[] = {
		{POOL4_PENDING, "192.0.2.1", true},
		{POOL4_ACTIVE, "192.0.2.2", true},
		{POOL4_DRAINING, "192.0.2.1", true},
		{POOL4_DISABLED, "192.0.2.1", false},
	};
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_asked what = {.client = "2001:db8:1::1"};
	uint32_t id;

	pool4_fixture_add(pool, "192.0.2.1", "2000-2009");
	id = pool4_fixture_add_for(pool, "192.0.2.2", "2000-2009", "2001:db8:1::/48", -1, false);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct taddr4 taddr;

		pool4_set_state(pool, id, cases[i].state);
		g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4(cases[i].addr));
		g_assert_true(pool4_has_address(pool, pool4_fixture_addr4("192.0.2.2")) ==
			      cases[i].found);
		g_assert_true((pool4_find(pool, PROTOCOL_TCP, pool4_fixture_addr4("192.0.2.2"),
					  2000) != NULL) == cases[i].found);
		g_assert_true(pool4_check(pool));
	}
	pool4_free(pool);
}

static void test_no_entry(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_written written = {.addresses = "192.0.2.1",
					.ports = "1-65535",
					.clients = "2001:db8:1::/48",
					.pool6 = 0,
					.tcp_only = true};
	struct pool4_asked what = {.client = "2001:db8:1::1"};
	struct taddr4 taddr;
	uint32_t id;

	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	g_assert_cmpint(pool4_fixture_add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
	what.protocol = PROTOCOL_UDP;
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	what.protocol = PROTOCOL_TCP;
	what.pool6 = 1;
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	what.pool6 = 0;
	what.client = "2001:db8:2::1";
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	pool4_free(pool);
}

/* P-1: entries for different protocols do not overlap, whatever else they have in common. */
static void test_protocols_do_not_overlap(void)
{
	static const struct addr4_range range = {0xc0000201, 0xc0000201};
	struct pool4_spec spec = {.addresses = &range,
				  .n_addresses = 1,
				  .ports = {{{2000, 2009}}, 1},
				  .pool6 = POOL4_ANY_PREFIX};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id[N_PROTOCOLS];

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		uint32_t unused;

		memset(spec.protocol, 0, sizeof(spec.protocol));
		spec.protocol[i] = true;
		g_assert_cmpint(pool4_add(pool, &spec, &id[i]), ==, POOL4_OK);
		g_assert_cmpint(pool4_add(pool, &spec, &unused), ==, POOL4_OVERLAP);
	}
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		for (unsigned j = 0; j < N_PROTOCOLS; j++)
			g_assert_cmpuint(pool4_entry(pool, id[i])->n_ports[j], ==, i == j ? 10 : 0);
		g_assert_true(pool4_find(pool, i, range.first, 2000) == pool4_entry(pool, id[i]));
	}
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* What the edges find out about an entry stands there, and of none nowhere. */
static void test_source_and_reach(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000");

	pool4_set_source(pool, id, POOL4_FROM_RUNTIME);
	pool4_set_source(pool, id + 1, POOL4_FROM_AUTO);
	pool4_set_reach(pool, id, POOL4_LOCAL | POOL4_ANNOUNCED);
	pool4_set_reach(pool, id + 1, POOL4_ROUTED);
	g_assert_cmpint(pool4_entry(pool, id)->spec.source, ==, POOL4_FROM_RUNTIME);
	g_assert_cmpuint(pool4_entry(pool, id)->reach, ==, POOL4_LOCAL | POOL4_ANNOUNCED);
	pool4_free(pool);
}

/* What stands behind the last range of a list of addresses is none of them. */
static void test_ranges_behind_the_last(void)
{
	static const struct addr4_range ranges[] = {
		{0xc0000205, 0xc0000205}, {0xc0000201, 0xc0000201}, {9, 1}};
	struct pool4_spec spec = {.addresses = ranges,
				  .n_addresses = 1,
				  .ports = {{{2000, 2000}}, 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t first = pool4_fixture_add(pool, "192.0.2.1", "2000"), id;

	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OK);
	g_assert_false(pool4_entry_has_address(pool4_entry(pool, id), 0xc0000201));
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);
	spec.n_addresses = 2;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OVERLAP);
	g_assert_cmpuint(id, ==, first);
	g_assert_cmpint(pool4_remove(pool, first), ==, POOL4_OK);
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OK);
	spec.n_addresses = 3;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_ADDRESS);
	pool4_free(pool);
}

/* A pool costs the same whatever its size, until it is used; one binding on each of 65 536
 * addresses, with a client each, at most 110 bytes. */
static void test_memory(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pairing_table clients;
	size_t before = pool4_memory(pool), memory;
	uint32_t id = pool4_fixture_add(pool, "10.0.0.0/8", "1024-65535");

	g_assert_cmpuint(pool4_memory(pool) - before, <, 16 * 1024);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 64512ull << 24);

	pairing_table_init(&clients, &pool4_fixture_key, 1u << 20);
	for (uint32_t i = 0; i < 65536; i++) {
		struct addr6 prefix = {
			{0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
		uint32_t client = pairing_get(&clients, &prefix, 128, 0);
		struct taddr4 taddr = {pool4_fixture_addr4("10.1.0.0") + i, 5000};

		g_assert_cmpuint(client, !=, SLAB_NONE);
		pairing_ref(&clients, client, PROTOCOL_UDP);
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taddr, &id), ==, POOL4_OK);
	}
	memory = pool4_memory(pool) + pairing_table_memory(&clients);
	g_test_message("%.1f bytes a binding", memory / 65536.0);
	g_assert_cmpuint(memory, <=, 110 * 65536);
	pool4_free(pool);
	pairing_table_deinit(&clients);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4/refusals", test_refusals);
	g_test_add_func("/pool4/sentences", test_sentences);
	g_test_add_func("/pool4/remove", test_remove);
	g_test_add_func("/pool4/entries", test_entries);
	g_test_add_func("/pool4/rename", test_rename);
	g_test_add_func("/pool4/overlap", test_overlap);
	g_test_add_func("/pool4/states", test_states);
	g_test_add_func("/pool4/no-entry", test_no_entry);
	g_test_add_func("/pool4/ranges-behind-the-last", test_ranges_behind_the_last);
	g_test_add_func("/pool4/protocols-do-not-overlap", test_protocols_do_not_overlap);
	g_test_add_func("/pool4/source-and-reach", test_source_and_reach);
	g_test_add_func("/pool4/memory", test_memory);
	return g_test_run();
}
