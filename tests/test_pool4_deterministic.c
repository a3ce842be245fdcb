/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each client has ports that are computed from its prefix: P-20. */
#include <glib.h>
#include <stdlib.h>

#include "tests/mode_fixture.h"

#define SEED 25

static const struct pool4_allocation deterministic = {.mode = POOL4_DETERMINISTIC,
						      .client_length = 64};

/* Clients of two entries, one of them nested in the other's prefix, come and go at random: each
 * port is of the client's range, and leads back to it; and all of a range can be used. */
static void test_ranges(void)
{
	enum { N_CLIENTS = 32, N_STEPS = 20000, N_PORTS = 40 };
	g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
	struct pool4 *pool = mode_fixture_new(&deterministic, true);
	struct taddr4 taken[N_CLIENTS][N_PORTS];
	uint32_t n_taken[N_CLIENTS] = {0}, id[N_CLIENTS], outer, inner;
	unsigned n_exhausted = 0;

	/* 32 clients on two addresses of 640 ports: 40 each. */
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1 192.0.2.7", "1000-1599 2000-2039",
					 "2001:db8::/59", &outer),
			==, POOL4_OK);
	/* The last 4 of them have an entry of their own. */
	g_assert_cmpint(
		mode_fixture_add(pool, "192.0.2.9", "5000-5159", "2001:db8:0:1c::/62", &inner), ==,
		POOL4_OK);
	for (unsigned step = 0; step < N_STEPS; step++) {
		unsigned n = (unsigned)g_rand_int_range(rand, 0, N_CLIENTS);
		struct addr6 client = mode_fixture_addr6("2001:db8::");
		struct port_ranges ports;
		struct prefix6 back;
		struct taddr4 taddr;
		uint32_t addr;

		client.byte[7] = (uint8_t)n;
		client.byte[15] = (uint8_t)step;
		g_assert_true(pool4_range_of(pool, PROTOCOL_UDP, &client, 0, &addr, &ports));
		g_assert_cmpuint(port_ranges_count(&ports), ==, N_PORTS);
		g_assert_cmpuint(pool4_n_reachable(pool, PROTOCOL_UDP, &client, 0), ==, N_PORTS);
		if (n_taken[n] > 0 && g_rand_int_range(rand, 0, 100) < 45) {
			taddr = taken[n][--n_taken[n]];
			pool4_retire(pool, PROTOCOL_UDP, &taddr, id[n], 1, 1000);
			g_assert_cmpuint(pool4_entry(pool, id[n])->n_held[PROTOCOL_UDP], ==, 0);
			continue;
		}
		if (n_taken[n] == N_PORTS) {
			uint64_t n_refused = pool4_entry(pool, id[n])->n_refused[PROTOCOL_UDP];

			g_assert_cmpint(
				mode_fixture_take(pool, PROTOCOL_UDP, &client, 5, &taddr, &id[n]),
				==, POOL4_EXHAUSTED);
			g_assert_cmpuint(pool4_entry(pool, id[n])->n_refused[PROTOCOL_UDP], ==,
					 n_refused + 1);
			n_exhausted++;
			continue;
		}
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client,
						  (uint16_t)g_rand_int(rand), &taddr, &id[n]),
				==, POOL4_OK);
		g_assert_cmpuint(id[n], ==, n >= 28 ? inner : outer);
		g_assert_cmpuint(taddr.addr, ==, addr);
		g_assert_true(port_ranges_contain(&ports, taddr.port));
		g_assert_true(pool4_client_of(pool, PROTOCOL_UDP, &taddr, &back));
		g_assert_cmpuint(back.len, ==, 64);
		g_assert_true(prefix6_contains(&back, &client));
		taken[n][n_taken[n]++] = taddr;
		g_assert_true(step % 101 || pool4_check(pool));
	}
	g_assert_cmpuint(n_exhausted, >, 100);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* The outer entry's ports of clients that have another entry are nobody's. */
static void test_nested_entry(void)
{
	struct pool4 *pool = mode_fixture_new(&deterministic, true);
	struct taddr4 taddr = {0xc0000201, 1003};
	struct prefix6 client;
	uint32_t id;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1000-1003", "2001:db8::/62", &id), ==,
			POOL4_OK);
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.2", "1000-1003", "2001:db8:0:3::/64", &id),
			==, POOL4_OK);
	g_assert_false(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	taddr.port = 1002;
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpuint(client.addr.byte[7], ==, 2);
	/* It was for 1 client, so the second address has all ports for it. */
	taddr = (struct taddr4){0xc0000202, 1003};
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpuint(client.addr.byte[7], ==, 3);
	pool4_free(pool);
}

/* P-6 to P-8 inside of a range, and S-30: nobody gets a port of another. */
static void test_inside_of_a_range(void)
{
	const struct addr6 client = mode_fixture_addr6("2001:db8::1"),
			   other = mode_fixture_addr6("2001:db8:0:1::1");
	struct pool4 *pool = mode_fixture_new(&deterministic, true);
	struct pool4_request request = {.protocol = PROTOCOL_TCP, .client = &client};
	struct pool4_offer offer;
	struct taddr4 taddr;
	uint32_t id;

	/* 1020-1027 for the one, 1028-1035 for the other. */
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1020-1035", "2001:db8::/63", &id), ==,
			POOL4_OK);
	for (unsigned i = 0; i < 8; i++) {
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 80, &taddr, &id), ==,
				POOL4_OK);
		/* Even and below 1024; below; even and above; above. */
		g_assert_cmpint(taddr.port % 2, ==, i / 2 % 2);
		g_assert_true((taddr.port < 1024) == (i < 4));
	}
	taddr.addr = 0xc0000201;
	for (taddr.port = 1019; taddr.port <= 1036; taddr.port++) {
		request.client = &client;
		g_assert_true(pool4_choose_exactly(pool, &request, &taddr, &offer) ==
			      (taddr.port >= 1020 && taddr.port < 1028));
		request.client = &other;
		g_assert_true(pool4_choose_exactly(pool, &request, &taddr, &offer) ==
			      (taddr.port >= 1028 && taddr.port < 1036));
	}
	pool4_free(pool);
}

/* P-10: the client's own port, if it is of its range and free, and only if that is wanted. */
static void test_own_port(void)
{
	const struct addr6 client = mode_fixture_addr6("2001:db8::1");
	struct pool4_policy policy = {.preserve_port = true};
	struct pool4 *pool = mode_fixture_new(&deterministic, false);
	unsigned n_same = 0;
	struct taddr4 taddr;
	uint32_t id;

	/* 2000-2099 for this one. */
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "2000-2199", "2001:db8::/63", &id), ==,
			POOL4_OK);
	pool4_set_policy(pool, &policy);
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 2050, &taddr, &id), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2050);
	for (unsigned i = 0; i < 3; i++) {
		const uint16_t port6 = (const uint16_t[]){2050, 2150, 80}[i];

		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, port6, &taddr, &id),
				==, POOL4_OK);
		g_assert_cmpuint(taddr.port, !=, port6);
		g_assert_cmpuint(taddr.port, <, 2100);
	}
	policy.preserve_port = false;
	pool4_set_policy(pool, &policy);
	for (uint16_t port6 = 2000; port6 < 2040; port6++) {
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, port6, &taddr, &id),
				==, POOL4_OK);
		n_same += taddr.port == port6;
	}
	g_assert_cmpuint(n_same, <, 10);
	pool4_free(pool);
}

static void test_refused_entries(void)
{
	struct pool4 *pool = mode_fixture_new(&deterministic, true);
	struct addr4_range fewer = {0xc0000201, 0xc0000201}, more = {0xc0000200, 0xc0000203};
	const struct addr6 client = mode_fixture_addr6("2001:db8::1");
	struct port_ranges ports = {{{1000, 1001}}, 1};
	struct pool4_spec changed;
	struct taddr4 taddr;
	uint32_t id, other;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1000-1003", "", &id), ==,
			POOL4_BAD_CLIENTS);
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1000-1003", "2001:db8::/61", &id), ==,
			POOL4_BAD_CLIENTS);
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.0/31", "1000-1003", "2001:db8::/61", &id),
			==, POOL4_OK);
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.8", "1000-1003", "2001:db8::/61", &other),
			==, POOL4_SAME_CLIENTS);
	g_assert_cmpuint(other, ==, 0);
	/* Ports or addresses that are too few change nothing. */
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_BAD_CLIENTS);
	g_assert_cmpint(pool4_set_addresses(pool, id, &fewer, 1), ==, POOL4_BAD_CLIENTS);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	/* Fewer ports at more addresses, which neither of both alone could be. */
	changed = pool4_entry(pool, id)->spec;
	changed.addresses = &more;
	changed.n_addresses = 1;
	changed.ports = ports;
	g_assert_cmpint(pool4_check_places(pool, id, &changed, &other), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	g_assert_cmpint(pool4_set_places(pool, id, &changed, &other), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	g_assert_cmpuint(pool4_entry(pool, id)->n_addresses, ==, 4);
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, 80, &taddr, &other), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_set_places(pool, id + 9, &changed, &other), ==, POOL4_NO_SUCH_ENTRY);
	changed.ports.n_ranges = 0;
	g_assert_cmpint(pool4_set_places(pool, id, &changed, &other), ==, POOL4_BAD_PORTS);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-deterministic/ranges", test_ranges);
	g_test_add_func("/pool4-deterministic/own-port", test_own_port);
	g_test_add_func("/pool4-deterministic/nested-entry", test_nested_entry);
	g_test_add_func("/pool4-deterministic/inside-of-a-range", test_inside_of_a_range);
	g_test_add_func("/pool4-deterministic/refused-entries", test_refused_entries);
	return g_test_run();
}
