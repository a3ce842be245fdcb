/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries that come, or get other ports and addresses, where some are in use already (P-22). */
#include <glib.h>

#include "daemon/core/pool4.h"
#include "tests/pool4_fixture.h"

/* P-18: the allowed ports change while ports are in use; n_others addresses of another entry are,
 * too, which decides by which way those of this one are looked through. */
static void set_ports(uint32_t n_others)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2003");
	struct port_ranges ports;
	char error[PORTS_ERROR_SIZE];
	struct taddr4 taddr;
	uint32_t other;

	(void)pool4_fixture_add_for(pool, "198.51.100.0/24", "2000", "2001:db8:9::/48", -1, false);
	for (uint32_t i = 0; i < n_others; i++) {
		taddr = (struct taddr4){0xc6336400 + i, 2000};
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &other), ==,
				POOL4_OK);
	}
	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(
			pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	g_assert_null(port_ranges_parse("2002-2004", &ports, error, sizeof(error)));
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 3);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2004);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	g_assert_true(pool4_check(pool));

	taddr.port = 2000;
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	g_assert_cmpuint(pool4_entry(pool, id)->n_used[PROTOCOL_TCP], ==, 4);
	ports.n_ranges = 0;
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_BAD_PORTS);
	g_assert_cmpint(pool4_set_ports(pool, id + 9, &ports), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

static void test_set_ports(void)
{
	set_ports(0);
	set_ports(40);
}

/* An entry for others has ports in use where a new one comes: it begins with those that are left,
 * also where most of what is in use is elsewhere. */
static void add_where_ports_are_in_use(uint32_t n_others)
{
	struct pool4 *pool = pool4_fixture_new();
	struct taddr4 taddr, second = {0xc0000202, 2000}, behind = {0xc0000203, 2000};
	uint32_t other;

	(void)pool4_fixture_add_for(pool, "192.0.2.1-192.0.2.3 198.51.100.0/24", "2000",
				    "2001:db8:9::/48", -1, false);
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &behind, &other), ==, POOL4_OK);
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &second, &other), ==, POOL4_OK);
	for (uint32_t i = 0; i < n_others; i++) {
		taddr = (struct taddr4){0xc6336400 + i, 2000};
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &other), ==,
				POOL4_OK);
	}
	(void)pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "2000");
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, 0xc0000201);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	pool4_give_back(pool, PROTOCOL_TCP, &second, other);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_true(taddr4_equal(&taddr, &second));
	pool4_free(pool);
}

static void test_add_where_ports_are_in_use(void)
{
	add_where_ports_are_in_use(0);
	add_where_ports_are_in_use(40);
}

/* P-22: addresses come and go while ports are in use; what stays is not disturbed. */
static void test_set_addresses(void)
{
	static const struct addr4_range moved[] = {{0xc0000202, 0xc0000203}};
	static const struct addr4_range reversed[] = {{0xc0000202, 0xc0000201}};
	static const struct addr4_range taken[] = {{0xc0000209, 0xc0000209}};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "2000-2001"), other;
	struct taddr4 taddr, gone = {0xc0000201, 2000};

	other = pool4_fixture_add(pool, "192.0.2.9", "2000");
	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(
			pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_set_addresses(pool, id + 9, moved, 1), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_cmpint(pool4_set_addresses(pool, id, reversed, 1), ==, POOL4_BAD_ADDRESS);
	g_assert_cmpint(pool4_set_addresses(pool, id, taken, 1), ==, POOL4_OVERLAP);
	g_assert_cmpint(pool4_set_addresses(pool, id, moved, 0), ==, POOL4_BAD_ADDRESS);
	g_assert_cmpint(pool4_remove(pool, other), ==, POOL4_OK);

	g_assert_cmpint(pool4_set_addresses(pool, id, moved, 1), ==, POOL4_OK);
	g_assert_true(pool4_check(pool));
	g_assert_cmpuint(pool4_entry(pool, id)->n_used[PROTOCOL_TCP], ==, 4);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 4);
	g_assert_false(pool4_has_address(pool, 0xc0000201));
	g_assert_true(pool4_entry_has_address(pool4_entry(pool, id), 0xc0000203));
	g_assert_false(pool4_entry_has_address(pool4_entry(pool, id), 0xc0000204));
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpint(
			pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, 0xc0000203);
	}
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	pool4_give_back(pool, PROTOCOL_TCP, &gone, id);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	g_assert_true(pool4_check(pool));

	/* Another entry that comes to the old address respects what is still there. */
	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_true(taddr4_equal(&taddr, &gone));
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-22: an entry that comes where a moved one has left every port in use has none to give there. */
static void test_comes_where_another_was(void)
{
	static const struct addr4_range elsewhere = {0xc0000202, 0xc0000202};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000"), other;
	struct taddr4 taddr;

	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_set_addresses(pool, id, &elsewhere, 1), ==, POOL4_OK);
	other = pool4_fixture_add(pool, "192.0.2.1", "2000");
	g_assert_true(pool4_check(pool));
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(
			pool4_fixture_take(pool, (struct pool4_asked){.port6 = 2000}, &taddr), ==,
			i == 0 ? POOL4_OK : POOL4_EXHAUSTED);
	g_assert_cmpuint(taddr.addr, ==, elsewhere.first);
	g_assert_cmpint(pool4_remove(pool, other), ==, POOL4_OK);
	pool4_free(pool);
}

/* What is in use of other protocols leaves an entry all its ports. */
static void test_other_protocols_in_use(void)
{
	static const struct addr4_range range = {0xc0000201, 0xc0000201};
	const struct pool4_spec spec = {.addresses = &range,
					.n_addresses = 1,
					.ports = {{{2000, 2009}}, 1},
					.protocol = {[PROTOCOL_TCP] = true},
					.pool6 = POOL4_ANY_PREFIX};
	struct pool4 *pool = pool4_fixture_new();
	struct taddr4 taddr = {range.first, 2000};
	uint32_t id, other;

	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	for (; taddr.port < 2010; taddr.port++)
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taddr, &other), ==,
				POOL4_OK);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(
		pool4_fixture_take(pool, (struct pool4_asked){.protocol = PROTOCOL_UDP}, &taddr),
		==, POOL4_NO_ENTRY);
	for (unsigned i = 0; i < 11; i++)
		g_assert_cmpint(pool4_fixture_take(pool,
						   (struct pool4_asked){.protocol = PROTOCOL_TCP},
						   &taddr),
				==, i < 10 ? POOL4_OK : POOL4_EXHAUSTED);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* What the addresses of an entry cost is counted anew when they change. */
static void test_memory_of_addresses(void)
{
	static const struct addr4_range one = {0xc0000201, 0xc0000201};
	static const struct addr4_range others[] = {{0xc0000203, 0xc0000203},
						    {0xc0000205, 0xc0000205}};
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000");
	size_t before = pool4_memory(pool);

	g_assert_cmpint(pool4_set_addresses(pool, id, others, 2), ==, POOL4_OK);
	g_assert_cmpuint(pool4_memory(pool), >=, before);
	g_assert_cmpint(pool4_set_addresses(pool, id, &one, 1), ==, POOL4_OK);
	g_assert_cmpuint(pool4_memory(pool), ==, before);
	pool4_free(pool);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-change/set-ports", test_set_ports);
	g_test_add_func("/pool4-change/add-where-ports-are-in-use",
			test_add_where_ports_are_in_use);
	g_test_add_func("/pool4-change/set-addresses", test_set_addresses);
	g_test_add_func("/pool4-change/comes-where-another-was", test_comes_where_another_was);
	g_test_add_func("/pool4-change/other-protocols-in-use", test_other_protocols_in_use);
	g_test_add_func("/pool4-change/memory-of-addresses", test_memory_of_addresses);
	return g_test_run();
}
