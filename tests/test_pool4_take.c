/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool4: which transport address a client gets: P-2 to P-13, P-17, P-21. */
#include <glib.h>

#include "daemon/core/pairing.h"
#include "daemon/core/pool4.h"
#include "tests/pool4_fixture.h"

/* P-11: entries of nested scopes share the ports of an address, and no port is given out twice. */
static void test_shared_addresses(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t general = pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "1024-1033");
	uint32_t special = pool4_fixture_add_for(pool, "192.0.2.1", "1029-1043", "2001:db8:1::/48",
						 POOL4_ANY_PREFIX, false);
	struct pool4_asked of_special = {.client = "2001:db8:1::1"}, of_general = {.client = NULL};
	bool used[2][20] = {{false}};
	struct taddr4 taddr;
	uint32_t id;

	for (unsigned i = 0; i < 15; i++) {
		g_assert_cmpint(pool4_fixture_take_full(pool, of_special, &taddr, &id), ==,
				POOL4_OK);
		g_assert_cmpuint(id, ==, special);
		g_assert_false(used[taddr.addr & 1][taddr.port - 1024]);
		used[taddr.addr & 1][taddr.port - 1024] = true;
	}
	g_assert_cmpint(pool4_fixture_take(pool, of_special, &taddr), ==, POOL4_EXHAUSTED);
	for (unsigned i = 0; i < 15; i++) {
		of_general.hash = (uint64_t)i << 61;
		g_assert_cmpint(pool4_fixture_take_full(pool, of_general, &taddr, &id), ==,
				POOL4_OK);
		g_assert_cmpuint(id, ==, general);
		g_assert_false(used[taddr.addr & 1][taddr.port - 1024]);
		used[taddr.addr & 1][taddr.port - 1024] = true;
		g_assert_true(pool4_check(pool));
	}
	g_assert_cmpint(pool4_fixture_take(pool, of_general, &taddr), ==, POOL4_EXHAUSTED);

	/* A port that one gives back is there for the other. */
	taddr = (struct taddr4){pool4_fixture_addr4("192.0.2.1"), 1030};
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, special);
	g_assert_cmpint(pool4_fixture_take_full(pool, of_general, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(id, ==, general);
	g_assert_cmpuint(taddr.port, ==, 1030);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-2, P-4: the paired address while it has ports; then another one, or none if strict. */
static void test_pairing(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_asked paired = {.paired4 = pool4_fixture_addr4("192.0.2.3"), .hash = 0};
	struct pool4_policy strict = {.strict_pairing = true};
	struct taddr4 taddr;
	uint32_t id = pool4_fixture_add(pool, "192.0.2.0/29", "2000-2019");

	for (unsigned i = 0; i < 20; i++) {
		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			paired.protocol = protocol;
			g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_OK);
			g_assert_cmpuint(taddr.addr, ==, paired.paired4);
		}
	}
	pool4_set_policy(pool, &strict);
	g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(pool4_entry(pool, id)->n_refused[PROTOCOL_ICMP], ==, 1);
	pool4_set_policy(pool, &(struct pool4_policy){.parity = true});
	g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4("192.0.2.0"));

	/* Strict holds to an address that is offered; one that is not (any more) binds nobody. */
	pool4_set_policy(pool, &strict);
	paired.paired4 = pool4_fixture_addr4("198.51.100.1");
	g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-5: clients are spread evenly over the addresses of all entries of the scope, the same client
 * comes to the same address, and does so while others fill up. */
static void test_spread(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t hits[64] = {0}, before[256];
	struct pairing_table clients;
	double chi_square = 0;
	uint32_t id;

	pairing_table_init(&clients, &pool4_fixture_key, 100);
	pool4_fixture_add(pool, "192.0.2.0/27", "1-65535");
	pool4_fixture_add(pool, "192.0.2.32-192.0.2.47", "1-65535");
	for (unsigned i = 48; i < 64; i++) {
		g_autofree char *addr = g_strdup_printf("192.0.2.%u", i);

		pool4_fixture_add(pool, addr, "1-65535");
	}
	for (unsigned i = 0; i < 6400; i++) {
		struct addr6 prefix = {
			{0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
		struct pool4_asked what = {.hash = pairing_hash(&clients, &prefix, 0)};
		struct taddr4 taddr, again;

		g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
		g_assert_cmpint(pool4_fixture_take_full(pool, what, &again, &id), ==, POOL4_OK);
		pool4_give_back(pool, PROTOCOL_TCP, &again, id);
		g_assert_cmpuint(taddr.addr, ==, again.addr);
		hits[taddr.addr & 63]++;
		if (i < G_N_ELEMENTS(before))
			before[i] = taddr.addr;
	}
	for (unsigned i = 0; i < 64; i++)
		chi_square += (hits[i] - 100.0) * (hits[i] - 100.0) / 100.0;
	g_assert_cmpfloat(chi_square, <, 63 + 5 * 11.3); /* five standard deviations */
	pool4_free(pool);

	/* The same addresses as one entry, half of them full: whoever had another keeps it. */
	pool = pool4_fixture_new();
	pool4_fixture_add(pool, "192.0.2.0/26", "2000");
	for (unsigned i = 0; i < 64; i += 2) {
		struct taddr4 taddr = {pool4_fixture_addr4("192.0.2.0") + i, 2000};

		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(before); i++) {
		struct addr6 prefix = {{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)i}};
		struct pool4_asked what = {.hash = pairing_hash(&clients, &prefix, 0)};
		struct taddr4 taddr;

		g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr & 1, ==, 1);
		if (before[i] & 1)
			g_assert_cmpuint(taddr.addr, ==, before[i]);
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}
	pool4_free(pool);
	pairing_table_deinit(&clients);
}

/* P-5: the clients of one full address go to all others, not to its neighbour. */
static void test_spread_of_a_full_address(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct taddr4 full = {pool4_fixture_addr4("192.0.2.5"), 2000}, taddr;
	uint32_t hits[16] = {0}, id;

	pool4_fixture_add(pool, "192.0.2.0/28", "2000");
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &full, &id), ==, POOL4_OK);
	for (uint64_t i = 0; i < 1500; i++) {
		/* All of them point at the sixth of 16 addresses. */
		struct pool4_asked what = {.hash = UINT64_C(5) << 60 |
						   siphash(&pool4_fixture_key, &i, sizeof(i)) >> 4};

		g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
		hits[taddr.addr & 15]++;
	}
	for (unsigned i = 0; i < 16; i++) {
		g_assert_cmpuint(hits[i], >=, i == 5 ? 0 : 50);
		g_assert_cmpuint(hits[i], <=, i == 5 ? 0 : 150);
	}
	pool4_free(pool);
}

/* P-8: range and parity are given up in this order at one address, before another is taken. */
static void test_class_fallback(void)
{
	static const struct {
		uint16_t first, last;
		int parity;
		unsigned n;
	} turns[] = {{1024, 65535, 1, 2}, {1024, 65535, 0, 2}, {0, 1023, 1, 2}, {0, 1023, 0, 2}};
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_asked what = {.protocol = PROTOCOL_UDP,
				   .port6 = 5005,
				   .paired4 = pool4_fixture_addr4("192.0.2.1")};
	struct taddr4 taddr;

	/* Two entries of one scope share the address: the order is the address's, not theirs. */
	pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "1020-1023");
	pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "1024-1027");
	for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
		for (unsigned n = 0; n < turns[i].n; n++) {
			g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
			g_assert_cmpuint(taddr.addr, ==, what.paired4);
			g_assert_cmpuint(taddr.port, >=, turns[i].first);
			g_assert_cmpuint(taddr.port, <=, turns[i].last);
			g_assert_cmpint(taddr.port & 1, ==, turns[i].parity);
		}
	}
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4("192.0.2.2"));
	pool4_free(pool);
}

/* P-10: the client's own port while it is free; P-12: never port 0. */
static void test_preserve_port(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_policy preserve = {.preserve_port = true};
	struct pool4_asked what = {.port6 = 4321};
	struct addr6 client = {{0x20}};
	struct pool4_request from_zero = {.protocol = PROTOCOL_UDP, .client = &client};
	struct taddr4 taddr;
	uint32_t id;

	pool4_set_policy(pool, &preserve);
	pool4_fixture_add(pool, "192.0.2.1", "1-65535");
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 4321);
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, !=, 4321);
	g_assert_cmpuint(taddr.port, >=, 1024);
	for (unsigned i = 0; i < 50; i++) {
		g_assert_cmpint(pool4_take(pool, &from_zero, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(taddr.port, >, 0);
		g_assert_cmpuint(taddr.port, <=, 1023);
	}
	pool4_free(pool);
}

/* P-21, P-17: every port of every address is given out before the first refusal, which changes
 * nothing; each port that comes back is the next one given out. */
static void test_until_the_last_port(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t id = pool4_fixture_add(pool, "192.0.2.0/28 198.51.100.7 203.0.113.16-203.0.113.20",
					"1020-1029");
	const struct pool4_entry *entry = pool4_entry(pool, id);
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	struct pool4_asked what = {.protocol = PROTOCOL_UDP};
	struct taddr4 taddr;

	for (unsigned i = 0; i < 22 * 10; i++) {
		what.hash = (uint64_t)g_rand_int(rand) << 32;
		what.port6 = (uint16_t)g_rand_int_range(rand, 1, 65536);
		g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_true(g_hash_table_add(
			seen, GSIZE_TO_POINTER((gsize)taddr.addr << 16 | taddr.port)));
	}
	g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(entry->n_used[PROTOCOL_UDP], ==, 220);
	g_assert_cmpuint(entry->n_peak[PROTOCOL_UDP], ==, entry->n_ports[PROTOCOL_UDP]);
	g_assert_cmpuint(entry->n_refused[PROTOCOL_UDP], ==, 1);
	g_assert_cmpuint(entry->n_used[PROTOCOL_TCP], ==, 0);
	g_assert_true(pool4_check(pool));
	for (unsigned i = 0; i < 50; i++) {
		struct taddr4 back = {pool4_fixture_addr4("192.0.2.0") + i % 16,
				      (uint16_t)(1020 + i % 10)};

		pool4_give_back(pool, PROTOCOL_UDP, &back, id);
		what.hash = (uint64_t)g_rand_int(rand) << 32;
		g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_true(taddr4_equal(&taddr, &back));
	}
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_IN_USE);
	g_assert_cmpuint(entry->n_used[PROTOCOL_UDP], ==, 220);
	pool4_free(pool);
}

/* Would the client get port 2000 of the address, if it asked for just that? */
static bool is_offered(const struct pool4 *pool, const char *client, int pool6, const char *addr)
{
	const struct taddr4 taddr = {pool4_fixture_addr4(addr), 2000};
	struct pool4_request request = {.protocol = PROTOCOL_TCP, .pool6 = pool6, .port6 = 5000};
	struct pool4_offer offer;
	struct addr6 addr6;

	g_assert_true(addr6_parse(client, &addr6));
	request.client = &addr6;
	return pool4_choose_exactly(pool, &request, &taddr, &offer);
}

/* Clients=, Overflow= and Prefix=: the longest match wins, and the prefix chooses the exit. */
static void test_scopes(void)
{
	static const struct {
		const char *client;
		int pool6;
		const char *addr;
	} cases[] = {
		{"2001:db8:9::1", 0, "192.0.2.1"},   {"2001:db8:1::1", 0, "192.0.2.2"},
		{"2001:db8:1:1::1", 0, "192.0.2.3"}, {"2001:db8:1:1::1", 1, "192.0.2.4"},
		{"2001:db8:1::1", 1, "192.0.2.2"},   {"2001:db8:9::1", 1, "192.0.2.5"},
		{"2001:db8:2::1", 1, "192.0.2.2"},   {"2001:db8:3::1", 0, "192.0.2.6"},
	};
	static const struct {
		const char *client;
		int pool6;
		const char *addr;
		bool offered;
	} exactly[] = {
		{"2001:db8:9::1", 0, "192.0.2.1", true},
		{"2001:db8:9::1", 0, "192.0.2.2", false},
		{"2001:db8:9::1", 0, "192.0.2.7", false},
		{"2001:db8:1::1", 0, "192.0.2.2", true},
		{"2001:db8:1::1", 0, "192.0.2.1", false},
		{"2001:db8:1:1::1", 0, "192.0.2.3", true},
		{"2001:db8:1:1::1", 0, "192.0.2.2", false},
		{"2001:db8:1:1::1", 0, "192.0.2.1", true},
		{"2001:db8:1:1::1", 0, "192.0.2.4", false},
		{"2001:db8:1:1::1", 1, "192.0.2.4", true},
	};
	struct pool4 *pool = pool4_fixture_new();
	struct taddr4 taddr;
	uint32_t id;

	pool4_fixture_add(pool, "192.0.2.1", "2000-2009");
	pool4_fixture_add_for(pool, "192.0.2.2", "2000-2009", "2001:db8:1::/48 2001:db8:2::/48", -1,
			      false);
	pool4_fixture_add_for(pool, "192.0.2.3", "2000-2009", "2001:db8:1:1::/64", -1, true);
	pool4_fixture_add_for(pool, "192.0.2.4", "2000-2009", "2001:db8:1:1::/64", 1, false);
	pool4_fixture_add_for(pool, "192.0.2.5", "2000-2009", NULL, 1, false);
	pool4_fixture_add_for(pool, "192.0.2.6", "2000-2009", "2001:db8:3::/48", 0, false);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pool4_asked what = {.client = cases[i].client, .pool6 = cases[i].pool6};

		g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4(cases[i].addr));
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}

	/* Not before it is active. */
	const struct pool4_written pending = {
		.addresses = "192.0.2.7", .ports = "2000", .pool6 = POOL4_ANY_PREFIX};
	g_assert_cmpint(pool4_fixture_add_spec(pool, &pending, &id), ==, POOL4_OK);
	/* A certain port, of an entry that the client may use, and no other. */
	for (size_t i = 0; i < G_N_ELEMENTS(exactly); i++)
		g_assert_cmpint(
			is_offered(pool, exactly[i].client, exactly[i].pool6, exactly[i].addr), ==,
			exactly[i].offered);

	/* Full: with Overflow=yes general entries help out, else nobody does. */
	for (unsigned i = 0; i < 11; i++) {
		struct pool4_asked special = {.client = "2001:db8:1::1"};
		struct pool4_asked overflowing = {.client = "2001:db8:1:1::1"};

		g_assert_cmpint(pool4_fixture_take(pool, special, &taddr), ==,
				i < 10 ? POOL4_OK : POOL4_EXHAUSTED);
		g_assert_cmpint(pool4_fixture_take(pool, overflowing, &taddr), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==,
				 pool4_fixture_addr4(i < 10 ? "192.0.2.3" : "192.0.2.1"));
	}
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Prefixes of an entry of which one is in another, or the same again: each counts, and once. */
static void test_clients_of_an_entry(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_asked what = {.client = "2001:db8::1"};
	struct taddr4 taddr;
	uint32_t id, nested, twice, n_twice = 0;

	nested = pool4_fixture_add_for(pool, "192.0.2.1", "2000", "2001:db8::/32 2001:db8::/48", -1,
				       false);
	(void)pool4_fixture_add_for(pool, "192.0.2.2", "2000", "2001:db8::/48", -1, false);
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(pool4_fixture_take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_EXHAUSTED);
	what.client = "2001:db8:1::1";
	g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(id, ==, nested);

	what.client = "2001:db9::1";
	twice = pool4_fixture_add_for(pool, "192.0.2.3", "2000-2001", "2001:db9::/32 2001:db9::/32",
				      -1, false);
	(void)pool4_fixture_add_for(pool, "192.0.2.4", "2000-2001", "2001:db9::/32", -1, false);
	for (uint64_t i = 0; i < 256; i++) {
		what.hash = i << 56;
		g_assert_cmpint(pool4_fixture_take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		n_twice += id == twice;
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}
	g_assert_cmpuint(n_twice, ==, 128);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-2: whether the paired address has a port left is asked of that address, in the entries that may
 * serve the protocol. */
static void test_ports_of_the_paired(void)
{
	struct pool4 *pool = pool4_fixture_new();
	struct pool4_asked paired = {.paired4 = pool4_fixture_addr4("192.0.2.10")};
	const struct pool4_written tcp_only = {.addresses = "192.0.2.20",
					       .ports = "2000",
					       .pool6 = POOL4_ANY_PREFIX,
					       .tcp_only = true};
	struct taddr4 taddr;
	uint32_t id;

	(void)pool4_fixture_add(pool, "192.0.2.1-192.0.2.2 192.0.2.9-192.0.2.10", "2000");
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "192.0.2.2", 2000, &id), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "192.0.2.10", 80, &id), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, paired.paired4);

	g_assert_cmpint(pool4_fixture_add_spec(pool, &tcp_only, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	paired.paired4 = pool4_fixture_addr4("192.0.2.20");
	paired.protocol = PROTOCOL_UDP;
	g_assert_cmpint(pool4_fixture_take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, !=, paired.paired4);
	pool4_free(pool);
}

/* S-30: a port that a stored SYN is about is chosen while nobody has it. */
static void test_choose_exactly(void)
{
	struct pool4 *pool = pool4_fixture_new();
	const struct taddr4 taddr = {pool4_fixture_addr4("192.0.2.1"), 2000};
	const struct addr6 client = {{0x20, 0x01}};
	const struct pool4_request request = {.protocol = PROTOCOL_TCP, .client = &client};
	struct pool4_offer offer;

	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	g_assert_true(pool4_choose_exactly(pool, &request, &taddr, &offer));
	g_assert_cmpint(pool4_accept(pool, &request, &offer), ==, POOL4_OK);
	g_assert_false(pool4_choose_exactly(pool, &request, &taddr, &offer));
	pool4_free(pool);
}

/* Static bindings: any port of any address; what they hold is not given out (P-11). */
static void test_take_exactly(void)
{
	struct pool4 *pool = pool4_fixture_new();
	uint32_t entry = pool4_fixture_add(pool, "192.0.2.1", "2000-2001"), id = 99;
	struct taddr4 taddr;

	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 80, &id), ==,
			POOL4_OK);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "198.51.100.1", 2000, &id),
			==, POOL4_OK);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 2000, &id), ==,
			POOL4_OK);
	g_assert_cmpuint(id, ==, entry);
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 2000, &id), ==,
			POOL4_TAKEN);
	g_assert_cmpint(pool4_fixture_take_exactly(pool, PROTOCOL_UDP, "192.0.2.1", 2000, &id), ==,
			POOL4_OK);
	g_assert_true(pool4_check(pool));

	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 1}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2001);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.port6 = 1}, &taddr), ==,
			POOL4_EXHAUSTED);

	/* An entry that comes later respects what is held already. */
	(void)pool4_fixture_add(pool, "198.51.100.0/31", "2000");
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.hash = UINT64_MAX}, &taddr),
			==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4("198.51.100.0"));
	taddr = (struct taddr4){pool4_fixture_addr4("198.51.100.1"), 2000};
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, 0);
	g_assert_cmpint(pool4_fixture_take(pool, (struct pool4_asked){.hash = 0}, &taddr), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, pool4_fixture_addr4("198.51.100.1"));
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4_take/shared-addresses", test_shared_addresses);
	g_test_add_func("/pool4_take/pairing", test_pairing);
	g_test_add_func("/pool4_take/spread", test_spread);
	g_test_add_func("/pool4_take/spread-of-a-full-address", test_spread_of_a_full_address);
	g_test_add_func("/pool4_take/class-fallback", test_class_fallback);
	g_test_add_func("/pool4_take/preserve-port", test_preserve_port);
	g_test_add_func("/pool4_take/until-the-last-port", test_until_the_last_port);
	g_test_add_func("/pool4_take/scopes", test_scopes);
	g_test_add_func("/pool4_take/clients-of-an-entry", test_clients_of_an_entry);
	g_test_add_func("/pool4_take/ports-of-the-paired", test_ports_of_the_paired);
	g_test_add_func("/pool4_take/choose-exactly", test_choose_exactly);
	g_test_add_func("/pool4_take/take-exactly", test_take_exactly);
	return g_test_run();
}
