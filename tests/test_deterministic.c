/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deterministic NAT: who has what, there and back (RFC 7422, 2; P-20). */
#include <glib.h>

#include "daemon/core/deterministic.h"

#define SEED 24

struct fixture {
	struct deterministic map;
	struct prefix6 clients[4];
	struct addr4_range addresses[4];
	struct port_ranges ports;
	const char *problem;
	char error[DETERMINISTIC_ERROR_SIZE];
};

/* "2001:db8::/48 2001:db8:7::/56", 64, "192.0.2.0/31", "1024-65535" */
static void set_up(struct fixture *f, const char *clients, uint8_t client_length,
		   const char *addresses, const char *ports)
{
	g_auto(GStrv) client_words = g_strsplit(clients, " ", -1);
	g_auto(GStrv) address_words = g_strsplit(addresses, " ", -1);

	*f = (struct fixture){.map = {.client_length = client_length}};
	for (unsigned i = 0; client_words[i] && *client_words[i]; i++)
		g_assert_true(prefix6_parse(client_words[i], &f->clients[f->map.n_prefixes++]));
	for (unsigned i = 0; address_words[i]; i++) {
		struct prefix4 prefix;

		g_assert_true(prefix4_parse(address_words[i], &prefix));
		f->addresses[f->map.n_ranges++] =
			(struct addr4_range){prefix4_first(&prefix), prefix4_last(&prefix)};
	}
	g_assert_null(port_ranges_parse(ports, &f->ports, f->error, sizeof(f->error)));
	f->map.clients = f->clients;
	f->map.addresses = f->addresses;
	f->map.ports = &f->ports;
	f->problem = deterministic_init(&f->map, f->error);
}

static struct addr6 addr6_of(const char *text)
{
	struct addr6 addr = {{0}};

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

/* "192.0.2.1 1024-2047", or "" */
static char *range_of(const struct fixture *f, const char *client)
{
	struct addr6 addr = addr6_of(client);
	char addr4[ADDR_TEXT_SIZE], ports[256];
	struct port_ranges ranges;
	uint32_t addr_of_client;

	if (!deterministic_range(&f->map, &addr, &addr_of_client, &ranges))
		return g_strdup("");
	return g_strdup_printf("%s %s", addr4_print(addr_of_client, addr4),
			       port_ranges_print(&ranges, ports, sizeof(ports)));
}

static char *client_of(const struct fixture *f, const char *text)
{
	char printed[ADDR_TEXT_SIZE];
	struct prefix6 prefix;
	struct taddr4 taddr;

	g_assert_true(taddr4_parse(text, &taddr));
	if (!deterministic_client(&f->map, &taddr, &prefix))
		return g_strdup("");
	return g_strdup(prefix6_print(&prefix, printed));
}

/* The example of RFC 7422, 2.3, with 16 clients instead of 14 and a dynamic pool. */
static void test_rfc7422_example(void)
{
	struct fixture f;

	set_up(&f, "2001:db8::/60", 64, "192.0.2.1", "1024-65535");
	g_assert_cmpstr(f.problem, ==, NULL);
	g_assert_cmpuint(f.map.n_clients, ==, 16);
	g_assert_cmpuint(f.map.ports_each, ==, (65536 - 1024) / 16);
	for (unsigned i = 0; i < 16; i++) {
		g_autofree char *client = g_strdup_printf("2001:db8:0:%x::1", i);
		g_autofree char *prefix =
			g_strdup_printf(i == 0 ? "2001:db8::/64" : "2001:db8:0:%x::/64", i);
		g_autofree char *expected =
			g_strdup_printf("192.0.2.1 %u-%u", 1024 + i * 4032, 1024 + i * 4032 + 4031);
		g_autofree char *range = range_of(&f, client);
		g_autofree char *last = g_strdup_printf("192.0.2.1:%u", 1024 + i * 4032 + 4031);
		g_autofree char *first = g_strdup_printf("192.0.2.1:%u", 1024 + i * 4032);
		g_autofree char *of_first = client_of(&f, first);
		g_autofree char *of_last = client_of(&f, last);

		g_assert_cmpstr(range, ==, expected);
		g_assert_cmpstr(of_first, ==, prefix);
		g_assert_cmpstr(of_last, ==, prefix);
	}
}

/* Every client of a small configuration, and every port of every address. */
static void check_exhaustively(const char *clients, uint8_t client_length, const char *addresses,
			       const char *ports)
{
	uint64_t n_owned = 0, n_seen = 0;
	struct fixture f;

	set_up(&f, clients, client_length, addresses, ports);
	g_assert_cmpstr(f.problem, ==, NULL);
	for (uint32_t i = 0; i < f.map.n_ranges; i++) {
		for (uint64_t addr = f.addresses[i].first; addr <= f.addresses[i].last; addr++) {
			for (unsigned port = 0; port <= UINT16_MAX; port++) {
				struct taddr4 taddr = {(uint32_t)addr, (uint16_t)port};
				struct port_ranges range;
				struct prefix6 client;
				uint32_t back;

				if (!deterministic_client(&f.map, &taddr, &client))
					continue;
				n_owned++;
				g_assert_true(port_ranges_contain(&f.ports, taddr.port));
				g_assert_cmpuint(client.len, ==, client_length);
				g_assert_true(
					deterministic_range(&f.map, &client.addr, &back, &range));
				g_assert_cmpuint(back, ==, addr);
				g_assert_true(port_ranges_contain(&range, taddr.port));
				g_assert_true(port_ranges_are_valid(&range));
				n_seen += port_ranges_count(&range) == f.map.ports_each;
			}
		}
	}
	/* Each client has its ports, and none is of two, as each has one client only. */
	g_assert_cmpuint(n_owned, ==, f.map.n_clients * f.map.ports_each);
	g_assert_cmpuint(n_seen, ==, n_owned);
}

static void test_every_client_and_port(void)
{
	check_exhaustively("2001:db8::/60", 64, "192.0.2.1", "1024-65535");
	check_exhaustively("2001:db8::/125 2001:db8::10/124", 128, "192.0.2.1 192.0.2.4/31",
			   "80 1000-1006 2000-2099");
	check_exhaustively("2001:db8::/62 2001:db8:1::/64 2001:db8:7::/63", 64, "192.0.2.8/30",
			   "3-7 9-11 65535");
	check_exhaustively("2001:db8::/64", 64, "192.0.2.0/30", "1-65535");
	check_exhaustively("2001:db8::/59", 64, "192.0.2.1", "1-32");
}

/* 2^40 clients on a /4: any client has its range, and any port of it leads back to it. */
static void test_large(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
	struct fixture f;

	set_up(&f, "2001:d00::/24", 64, "16.0.0.0/4", "1024-65535");
	g_assert_cmpstr(f.problem, ==, NULL);
	g_assert_cmpuint(f.map.n_clients, ==, UINT64_C(1) << 40);
	for (unsigned i = 0; i < 200000; i++) {
		struct addr6 addr = addr6_of("2001:d00::");
		struct port_ranges ports;
		struct prefix6 client;
		struct taddr4 taddr;

		for (unsigned j = 3; j < 16; j++)
			addr.byte[j] = (uint8_t)g_rand_int(rand);
		g_assert_true(deterministic_range(&f.map, &addr, &taddr.addr, &ports));
		g_assert_cmpuint(port_ranges_count(&ports), ==, f.map.ports_each);
		taddr.port = (uint16_t)g_rand_int_range(rand, ports.range[0].first,
							ports.range[0].last + 1);
		g_assert_true(deterministic_client(&f.map, &taddr, &client));
		g_assert_true(prefix6_contains(&client, &addr));
	}
}

static void test_nobody(void)
{
	struct addr6 stranger = addr6_of("2001:db8:1::1");
	struct port_ranges ports;
	struct fixture f;
	uint32_t addr;

	set_up(&f, "2001:db8::/63", 64, "192.0.2.0/30", "1000-1002");
	g_assert_cmpstr(f.problem, ==, NULL);
	g_assert_false(deterministic_range(&f.map, &stranger, &addr, &ports));
	/* More addresses than clients; a port of nobody; an address of nobody. */
	g_autofree char *second = client_of(&f, "192.0.2.1:1002");
	g_autofree char *third = client_of(&f, "192.0.2.2:1000");
	g_autofree char *port = client_of(&f, "192.0.2.0:1003");
	g_autofree char *address = client_of(&f, "192.0.2.4:1000");
	g_assert_cmpstr(second, ==, "2001:db8:0:1::/64");
	g_assert_cmpstr(third, ==, "");
	g_assert_cmpstr(port, ==, "");
	g_assert_cmpstr(address, ==, "");
}

static void test_what_cannot_work(void)
{
	static const struct {
		const char *clients, *addresses, *ports, *problem;
		uint8_t client_length;
	} cases[] = {
		{"", "192.0.2.1", "1024-65535",
		 "Clients= is needed: ports are computed from a client's place in it", 64},
		{"2001:db8::/72", "192.0.2.1", "1024-65535",
		 "2001:db8::/72 is smaller than one client, which is a /64 (PairingPrefixLength)",
		 64},
		{"2001:db8::/48", "192.0.2.1", "1024-65535",
		 "2001:db8::/48 has 2^80 clients, each a /128 (PairingPrefixLength), more than "
		 "there are IPv4 addresses and ports",
		 128},
		{"2001:db8::/79", "192.0.2.1", "1024-65535",
		 "2001:db8::/79 has 2^49 clients, each a /128 (PairingPrefixLength), more than "
		 "there are IPv4 addresses and ports",
		 128},
		{"2001:db8::/80", "192.0.2.1", "1024-65535",
		 "281474976710656 clients, each a /128 (PairingPrefixLength), cannot share 1 "
		 "address with 64512 ports: that is 281474976710656 clients for each address",
		 128},
		{"2001:db8::/48 2001:db8:0:1::/64", "192.0.2.1", "1024-65535",
		 "2001:db8::/48 and 2001:db8:0:1::/64 have clients in common", 64},
		{"2001:db8::/48", "192.0.2.1", "1024-65535",
		 "65536 clients, each a /64 (PairingPrefixLength), cannot share 1 address with "
		 "64512 ports: that is 65536 clients for each address",
		 64},
		{"2001:db8::/62", "192.0.2.0/31", "80",
		 "4 clients, each a /64 (PairingPrefixLength), cannot share 2 addresses with 1 "
		 "port: that is 2 clients for each address",
		 64},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct addr6 addr = addr6_of("2001:db8::1");
		struct port_ranges ports;
		struct fixture f;
		uint32_t addr4;

		set_up(&f, cases[i].clients, cases[i].client_length, cases[i].addresses,
		       cases[i].ports);
		g_assert_cmpstr(f.problem, ==, cases[i].problem);
		g_assert_false(deterministic_range(&f.map, &addr, &addr4, &ports));
		g_autofree char *client = client_of(&f, "192.0.2.1:1024");
		g_assert_cmpstr(client, ==, "");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/deterministic/rfc7422-example", test_rfc7422_example);
	g_test_add_func("/deterministic/every-client-and-port", test_every_client_and_port);
	g_test_add_func("/deterministic/large", test_large);
	g_test_add_func("/deterministic/nobody", test_nobody);
	g_test_add_func("/deterministic/what-cannot-work", test_what_cannot_work);
	return g_test_run();
}
