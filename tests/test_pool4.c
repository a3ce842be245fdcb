/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool4: P-1 to P-13, P-17, P-18, P-21. Random operations: property/test_pool4_model.c. */
#include <glib.h>

#include "daemon/core/pairing.h"
#include "daemon/core/pool4.h"
#include "daemon/core/pool4_text.h"

static const struct siphash_key key = {{8, 9}};
static const uint8_t seed[RANDOM_SEED_SIZE] = {10};

static struct pool4 *new_pool(void)
{
	struct pool4 *pool = pool4_new(&key, seed);
	const struct pool4_policy policy = {.parity = true};

	pool4_set_policy(pool, &policy);
	return pool;
}

/* An entry as text; clients may be NULL. The addresses are the caller's to free. */
struct written {
	const char *name;
	const char *addresses;
	const char *ports;
	const char *clients;
	int pool6;
	bool overflow;
	bool tcp_only;
};

static enum pool4_result add_spec(struct pool4 *pool, const struct written *written,
				  uint32_t *ret_id)
{
	struct pool4_spec spec = {.pool6 = written->pool6, .overflow = written->overflow};
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text text;
	enum pool4_result result;

	g_assert_cmpstr(pool4_text_parse(written->addresses, &text, error), ==, NULL);
	g_assert_cmpstr(port_ranges_parse(written->ports, &spec.ports, error, sizeof(error)), ==,
			NULL);
	if (written->name)
		g_strlcpy(spec.name, written->name, sizeof(spec.name));
	if (written->clients) {
		g_auto(GStrv) words = g_strsplit(written->clients, " ", 0);

		for (; words[spec.n_clients]; spec.n_clients++)
			g_assert_true(prefix6_parse(words[spec.n_clients],
						    &spec.clients[spec.n_clients]));
	}
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		spec.protocol[i] = i == PROTOCOL_TCP || !written->tcp_only;
	spec.addresses = text.range;
	spec.n_addresses = text.n_ranges;
	result = pool4_add(pool, &spec, ret_id);
	pool4_text_deinit(&text);
	return result;
}

/* For all clients, active. */
static uint32_t add(struct pool4 *pool, const char *addresses, const char *ports)
{
	struct written written = {
		.addresses = addresses, .ports = ports, .pool6 = POOL4_ANY_PREFIX};
	uint32_t id = 0;

	g_assert_cmpint(add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return id;
}

static uint32_t add_for(struct pool4 *pool, const char *addresses, const char *ports,
			const char *clients, int pool6, bool overflow)
{
	struct written written = {.addresses = addresses,
				  .ports = ports,
				  .clients = clients,
				  .pool6 = pool6,
				  .overflow = overflow};
	uint32_t id = 0;

	g_assert_cmpint(add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return id;
}

static uint32_t addr4_of(const char *text)
{
	uint32_t addr;

	g_assert_true(addr4_parse(text, &addr));
	return addr;
}

struct take {
	enum protocol protocol;
	const char *client; /* NULL: 2001:db8::1 */
	int pool6;
	uint16_t port6;
	uint32_t paired4;
	uint64_t hash;
};

static enum pool4_result take_full(struct pool4 *pool, struct take take, struct taddr4 *ret,
				   uint32_t *ret_id)
{
	struct addr6 client;
	struct pool4_request request = {
		.protocol = take.protocol,
		.client = &client,
		.pool6 = take.pool6,
		.port6 = take.port6 ? take.port6 : 5000,
		.paired4 = take.paired4,
		.client_hash = take.hash,
	};

	g_assert_true(addr6_parse(take.client ? take.client : "2001:db8::1", &client));
	return pool4_take(pool, &request, ret, ret_id);
}

static enum pool4_result take(struct pool4 *pool, struct take what, struct taddr4 *ret)
{
	uint32_t id;

	return take_full(pool, what, ret, &id);
}

static enum pool4_result take_exactly(struct pool4 *pool, enum protocol protocol, const char *addr,
				      uint16_t port, uint32_t *ret_id)
{
	struct taddr4 taddr = {addr4_of(addr), port};

	return pool4_take_exactly(pool, protocol, &taddr, ret_id);
}

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
		{{0xc0000201, 0xc0000201}, {1, 65535}, POOL4_OK},
	};
	struct pool4 *pool = new_pool();
	struct pool4_spec spec = {.protocol = {true}, .pool6 = POOL4_ANY_PREFIX};
	uint32_t id;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		spec.addresses = &cases[i].range;
		spec.n_addresses = 1;
		spec.ports = (struct port_ranges){{cases[i].ports}, 1};
		g_assert_cmpint(pool4_add(pool, &spec, &id), ==, cases[i].result);
	}
	spec.n_addresses = 0;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_ADDRESS);
	spec.n_addresses = 1;
	spec.protocol[PROTOCOL_TCP] = false;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	spec.protocol[PROTOCOL_UDP] = true;
	spec.ports.n_ranges = 0;
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_BAD_PORTS);
	g_assert_cmpuint(pool4_n_entries(pool), ==, 1);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Entries are found by id, by name and in order; names are made where none is given. */
static void test_entries(void)
{
	struct pool4 *pool = new_pool();
	struct written written = {.name = "p2",
				  .addresses = "192.0.2.8/29 192.0.2.1",
				  .ports = "1000-1009",
				  .pool6 = POOL4_ANY_PREFIX};
	const struct pool4_entry *entry;
	uint32_t a, b, c, id;

	g_assert_cmpint(add_spec(pool, &written, &a), ==, POOL4_OK);
	b = add(pool, "198.51.100.0/24", "1000-1009");
	c = add(pool, "203.0.113.0/24", "1000-1009");
	entry = pool4_entry(pool, a);
	g_assert_cmpint(entry->state, ==, POOL4_PENDING);
	g_assert_cmpuint(entry->n_addresses, ==, 9);
	g_assert_cmpuint(entry->n_ports[PROTOCOL_ICMP], ==, 90);
	g_assert_cmpuint(entry->spec.addresses[0].first, ==, addr4_of("192.0.2.1"));
	g_assert_cmpstr(pool4_entry(pool, b)->spec.name, ==, "p1");
	g_assert_cmpstr(pool4_entry(pool, c)->spec.name, ==, "p3");
	g_assert_true(pool4_entry_by_name(pool, "p2") == entry);
	g_assert_null(pool4_entry_by_name(pool, "p4"));
	g_assert_true(pool4_next(pool, 0) == entry);
	g_assert_true(pool4_next(pool, a) == pool4_entry(pool, b));
	g_assert_null(pool4_next(pool, c));

	written.addresses = "192.0.2.77";
	g_assert_cmpint(add_spec(pool, &written, &id), ==, POOL4_EXISTS);
	g_assert_cmpuint(id, ==, a);
	g_assert_cmpint(pool4_remove(pool, b), ==, POOL4_OK);
	g_assert_cmpint(pool4_remove(pool, b), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_cmpuint(add(pool, "198.51.100.0/24", "1000-1009"), >, c);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Overlap: address, port, protocol and scope in common; and only then. */
static void test_overlap(void)
{
	static const struct {
		struct written written;
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
	};
	struct pool4 *pool = new_pool();
	uint32_t first = add(pool, "192.0.2.0/28", "1000-1999"), id;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s", cases[i].written.name);
		id = 0;
		g_assert_cmpint(add_spec(pool, &cases[i].written, &id), ==, cases[i].result);
		if (i < 2)
			g_assert_cmpuint(id, ==, first);
	}
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-11: entries of nested scopes share the ports of an address, and no port is given out twice. */
static void test_shared_addresses(void)
{
	struct pool4 *pool = new_pool();
	uint32_t general = add(pool, "192.0.2.1-192.0.2.2", "1024-1033");
	uint32_t special =
		add_for(pool, "192.0.2.1", "1029-1043", "2001:db8:1::/48", POOL4_ANY_PREFIX, false);
	struct take of_special = {.client = "2001:db8:1::1"}, of_general = {.client = NULL};
	bool used[2][20] = {{false}};
	struct taddr4 taddr;
	uint32_t id;

	for (unsigned i = 0; i < 15; i++) {
		g_assert_cmpint(take_full(pool, of_special, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(id, ==, special);
		g_assert_false(used[taddr.addr & 1][taddr.port - 1024]);
		used[taddr.addr & 1][taddr.port - 1024] = true;
	}
	g_assert_cmpint(take(pool, of_special, &taddr), ==, POOL4_EXHAUSTED);
	for (unsigned i = 0; i < 15; i++) {
		of_general.hash = (uint64_t)i << 61;
		g_assert_cmpint(take_full(pool, of_general, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(id, ==, general);
		g_assert_false(used[taddr.addr & 1][taddr.port - 1024]);
		used[taddr.addr & 1][taddr.port - 1024] = true;
		g_assert_true(pool4_check(pool));
	}
	g_assert_cmpint(take(pool, of_general, &taddr), ==, POOL4_EXHAUSTED);

	/* A port that one gives back is there for the other. */
	taddr = (struct taddr4){addr4_of("192.0.2.1"), 1030};
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, special);
	g_assert_cmpint(take_full(pool, of_general, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(id, ==, general);
	g_assert_cmpuint(taddr.port, ==, 1030);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-2, P-4: the paired address while it has ports; then another one, or none if strict. */
static void test_pairing(void)
{
	struct pool4 *pool = new_pool();
	struct take paired = {.paired4 = addr4_of("192.0.2.3"), .hash = 0};
	struct pool4_policy strict = {.strict_pairing = true};
	struct taddr4 taddr;
	uint32_t id = add(pool, "192.0.2.0/29", "2000-2019");

	for (unsigned i = 0; i < 20; i++) {
		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			paired.protocol = protocol;
			g_assert_cmpint(take(pool, paired, &taddr), ==, POOL4_OK);
			g_assert_cmpuint(taddr.addr, ==, paired.paired4);
		}
	}
	pool4_set_policy(pool, &strict);
	g_assert_cmpint(take(pool, paired, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(pool4_entry(pool, id)->n_refused[PROTOCOL_ICMP], ==, 1);
	pool4_set_policy(pool, &(struct pool4_policy){.parity = true});
	g_assert_cmpint(take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, addr4_of("192.0.2.0"));

	/* Strict holds to an address that is offered; one that is not (any more) binds nobody. */
	pool4_set_policy(pool, &strict);
	paired.paired4 = addr4_of("198.51.100.1");
	g_assert_cmpint(take(pool, paired, &taddr), ==, POOL4_OK);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-5: clients are spread evenly over the addresses of all entries of the scope, the same client
 * comes to the same address, and does so while others fill up. */
static void test_spread(void)
{
	struct pool4 *pool = new_pool();
	uint32_t hits[64] = {0}, before[256];
	struct pairing_table clients;
	double chi_square = 0;
	uint32_t id;

	pairing_table_init(&clients, &key, 100);
	add(pool, "192.0.2.0/27", "1-65535");
	add(pool, "192.0.2.32-192.0.2.47", "1-65535");
	for (unsigned i = 48; i < 64; i++) {
		g_autofree char *addr = g_strdup_printf("192.0.2.%u", i);

		add(pool, addr, "1-65535");
	}
	for (unsigned i = 0; i < 6400; i++) {
		struct addr6 prefix = {
			{0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
		struct take what = {.hash = pairing_hash(&clients, &prefix, 0)};
		struct taddr4 taddr, again;

		g_assert_cmpint(take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
		g_assert_cmpint(take_full(pool, what, &again, &id), ==, POOL4_OK);
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
	pool = new_pool();
	add(pool, "192.0.2.0/26", "2000");
	for (unsigned i = 0; i < 64; i += 2) {
		struct taddr4 taddr = {addr4_of("192.0.2.0") + i, 2000};

		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(before); i++) {
		struct addr6 prefix = {{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)i}};
		struct take what = {.hash = pairing_hash(&clients, &prefix, 0)};
		struct taddr4 taddr;

		g_assert_cmpint(take_full(pool, what, &taddr, &id), ==, POOL4_OK);
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
	struct pool4 *pool = new_pool();
	struct taddr4 full = {addr4_of("192.0.2.5"), 2000}, taddr;
	uint32_t hits[16] = {0}, id;

	add(pool, "192.0.2.0/28", "2000");
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &full, &id), ==, POOL4_OK);
	for (uint64_t i = 0; i < 1500; i++) {
		/* All of them point at the sixth of 16 addresses. */
		struct take what = {.hash = UINT64_C(5) << 60 | siphash(&key, &i, sizeof(i)) >> 4};

		g_assert_cmpint(take_full(pool, what, &taddr, &id), ==, POOL4_OK);
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
	struct pool4 *pool = new_pool();
	struct take what = {
		.protocol = PROTOCOL_UDP, .port6 = 5005, .paired4 = addr4_of("192.0.2.1")};
	struct taddr4 taddr;

	/* Two entries of one scope share the address: the order is the address's, not theirs. */
	add(pool, "192.0.2.1-192.0.2.2", "1020-1023");
	add(pool, "192.0.2.1-192.0.2.2", "1024-1027");
	for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
		for (unsigned n = 0; n < turns[i].n; n++) {
			g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
			g_assert_cmpuint(taddr.addr, ==, what.paired4);
			g_assert_cmpuint(taddr.port, >=, turns[i].first);
			g_assert_cmpuint(taddr.port, <=, turns[i].last);
			g_assert_cmpint(taddr.port & 1, ==, turns[i].parity);
		}
	}
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, addr4_of("192.0.2.2"));
	pool4_free(pool);
}

/* P-10: the client's own port while it is free; P-12: never port 0. */
static void test_preserve_port(void)
{
	struct pool4 *pool = new_pool();
	struct pool4_policy preserve = {.preserve_port = true};
	struct take what = {.port6 = 4321};
	struct addr6 client = {{0x20}};
	struct pool4_request from_zero = {.protocol = PROTOCOL_UDP, .client = &client};
	struct taddr4 taddr;
	uint32_t id;

	pool4_set_policy(pool, &preserve);
	add(pool, "192.0.2.1", "1-65535");
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 4321);
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
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
	struct pool4 *pool = new_pool();
	uint32_t id = add(pool, "192.0.2.0/28 198.51.100.7 203.0.113.16-203.0.113.20", "1020-1029");
	const struct pool4_entry *entry = pool4_entry(pool, id);
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	struct take what = {.protocol = PROTOCOL_UDP};
	struct taddr4 taddr;

	for (unsigned i = 0; i < 22 * 10; i++) {
		what.hash = (uint64_t)g_rand_int(rand) << 32;
		what.port6 = (uint16_t)g_rand_int_range(rand, 1, 65536);
		g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_true(g_hash_table_add(
			seen, GSIZE_TO_POINTER((gsize)taddr.addr << 16 | taddr.port)));
	}
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(entry->n_used[PROTOCOL_UDP], ==, 220);
	g_assert_cmpuint(entry->n_peak[PROTOCOL_UDP], ==, entry->n_ports[PROTOCOL_UDP]);
	g_assert_cmpuint(entry->n_refused[PROTOCOL_UDP], ==, 1);
	g_assert_cmpuint(entry->n_used[PROTOCOL_TCP], ==, 0);
	g_assert_true(pool4_check(pool));
	for (unsigned i = 0; i < 50; i++) {
		struct taddr4 back = {addr4_of("192.0.2.0") + i % 16, (uint16_t)(1020 + i % 10)};

		pool4_give_back(pool, PROTOCOL_UDP, &back, id);
		what.hash = (uint64_t)g_rand_int(rand) << 32;
		g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_true(taddr4_equal(&taddr, &back));
	}
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_IN_USE);
	g_assert_cmpuint(entry->n_used[PROTOCOL_UDP], ==, 220);
	pool4_free(pool);
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
	struct pool4 *pool = new_pool();
	struct taddr4 taddr;
	uint32_t id;

	add(pool, "192.0.2.1", "2000-2009");
	add_for(pool, "192.0.2.2", "2000-2009", "2001:db8:1::/48 2001:db8:2::/48", -1, false);
	add_for(pool, "192.0.2.3", "2000-2009", "2001:db8:1:1::/64", -1, true);
	add_for(pool, "192.0.2.4", "2000-2009", "2001:db8:1:1::/64", 1, false);
	add_for(pool, "192.0.2.5", "2000-2009", NULL, 1, false);
	add_for(pool, "192.0.2.6", "2000-2009", "2001:db8:3::/48", 0, false);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct take what = {.client = cases[i].client, .pool6 = cases[i].pool6};
		struct addr6 client;

		g_assert_cmpint(take_full(pool, what, &taddr, &id), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, addr4_of(cases[i].addr));
		g_assert_true(addr6_parse(cases[i].client, &client));
		g_assert_true(pool4_entry_serves(pool4_entry(pool, id), &client, cases[i].pool6));
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}

	/* Full: with Overflow=yes general entries help out, else nobody does. */
	for (unsigned i = 0; i < 11; i++) {
		struct take special = {.client = "2001:db8:1::1"};
		struct take overflowing = {.client = "2001:db8:1:1::1"};

		g_assert_cmpint(take(pool, special, &taddr), ==,
				i < 10 ? POOL4_OK : POOL4_EXHAUSTED);
		g_assert_cmpint(take(pool, overflowing, &taddr), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, addr4_of(i < 10 ? "192.0.2.3" : "192.0.2.1"));
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
	struct pool4 *pool = new_pool();
	struct take what = {.client = "2001:db8:1::1"};
	uint32_t id;

	add(pool, "192.0.2.1", "2000-2009");
	id = add_for(pool, "192.0.2.2", "2000-2009", "2001:db8:1::/48", -1, false);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct taddr4 taddr;

		pool4_set_state(pool, id, cases[i].state);
		g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, addr4_of(cases[i].addr));
		g_assert_true(pool4_has_address(pool, addr4_of("192.0.2.2")) == cases[i].found);
		g_assert_true((pool4_find(pool, PROTOCOL_TCP, addr4_of("192.0.2.2"), 2000) !=
			       NULL) == cases[i].found);
		g_assert_true(pool4_check(pool));
	}
	pool4_free(pool);
}

static void test_no_entry(void)
{
	struct pool4 *pool = new_pool();
	struct written written = {.addresses = "192.0.2.1",
				  .ports = "1-65535",
				  .clients = "2001:db8:1::/48",
				  .pool6 = 0,
				  .tcp_only = true};
	struct take what = {.client = "2001:db8:1::1"};
	struct taddr4 taddr;
	uint32_t id;

	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	g_assert_cmpint(add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_OK);
	what.protocol = PROTOCOL_UDP;
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	what.protocol = PROTOCOL_TCP;
	what.pool6 = 1;
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	what.pool6 = 0;
	what.client = "2001:db8:2::1";
	g_assert_cmpint(take(pool, what, &taddr), ==, POOL4_NO_ENTRY);
	pool4_free(pool);
}

/* Static bindings: any port of any address; what they hold is not given out (P-11). */
static void test_take_exactly(void)
{
	struct pool4 *pool = new_pool();
	uint32_t entry = add(pool, "192.0.2.1", "2000-2001"), id = 99;
	struct taddr4 taddr;

	g_assert_cmpint(take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 80, &id), ==, POOL4_OK);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpint(take_exactly(pool, PROTOCOL_TCP, "198.51.100.1", 2000, &id), ==, POOL4_OK);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpint(take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 2000, &id), ==, POOL4_OK);
	g_assert_cmpuint(id, ==, entry);
	g_assert_cmpint(take_exactly(pool, PROTOCOL_TCP, "192.0.2.1", 2000, &id), ==, POOL4_TAKEN);
	g_assert_cmpint(take_exactly(pool, PROTOCOL_UDP, "192.0.2.1", 2000, &id), ==, POOL4_OK);
	g_assert_true(pool4_check(pool));

	g_assert_cmpint(take(pool, (struct take){.port6 = 1}, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2001);
	g_assert_cmpint(take(pool, (struct take){.port6 = 1}, &taddr), ==, POOL4_EXHAUSTED);

	/* An entry that comes later respects what is held already. */
	(void)add(pool, "198.51.100.0/31", "2000");
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(take(pool, (struct take){.hash = UINT64_MAX}, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, addr4_of("198.51.100.0"));
	taddr = (struct taddr4){addr4_of("198.51.100.1"), 2000};
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, 0);
	g_assert_cmpint(take(pool, (struct take){.hash = 0}, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, addr4_of("198.51.100.1"));
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-18: the allowed ports change while ports are in use. */
static void test_set_ports(void)
{
	struct pool4 *pool = new_pool();
	uint32_t id = add(pool, "192.0.2.1", "2000-2003");
	struct port_ranges ports;
	char error[PORTS_ERROR_SIZE];
	struct taddr4 taddr;

	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_OK);
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_null(port_ranges_parse("2002-2004", &ports, error, sizeof(error)));
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 3);
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2004);
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_true(pool4_check(pool));

	taddr.port = 2000;
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_cmpuint(pool4_entry(pool, id)->n_used[PROTOCOL_TCP], ==, 4);
	ports.n_ranges = 0;
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_BAD_PORTS);
	g_assert_cmpint(pool4_set_ports(pool, id + 1, &ports), ==, POOL4_NO_SUCH_ENTRY);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-22: addresses come and go while ports are in use; what stays is not disturbed. */
static void test_set_addresses(void)
{
	static const struct addr4_range moved[] = {{0xc0000202, 0xc0000203}};
	static const struct addr4_range reversed[] = {{0xc0000202, 0xc0000201}};
	static const struct addr4_range taken[] = {{0xc0000209, 0xc0000209}};
	struct pool4 *pool = new_pool();
	uint32_t id = add(pool, "192.0.2.1-192.0.2.2", "2000-2001"), other;
	struct taddr4 taddr, gone = {0xc0000201, 2000};

	other = add(pool, "192.0.2.9", "2000");
	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_OK);
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
		g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_OK);
		g_assert_cmpuint(taddr.addr, ==, 0xc0000203);
	}
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	pool4_give_back(pool, PROTOCOL_TCP, &gone, id);
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	g_assert_true(pool4_check(pool));

	/* Another entry that comes to the old address respects what is still there. */
	(void)add(pool, "192.0.2.1", "2000-2001");
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_OK);
	g_assert_true(taddr4_equal(&taddr, &gone));
	g_assert_cmpint(take(pool, (struct take){.port6 = 2000}, &taddr), ==, POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* A pool costs the same whatever its size, until it is used; one binding on each of 65 536
 * addresses, with a client each, at most 110 bytes. */
static void test_memory(void)
{
	struct pool4 *pool = new_pool();
	struct pairing_table clients;
	size_t before = pool4_memory(pool), memory;
	uint32_t id = add(pool, "10.0.0.0/8", "1024-65535");

	g_assert_cmpuint(pool4_memory(pool) - before, <, 16 * 1024);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 64512ull << 24);

	pairing_table_init(&clients, &key, 1u << 20);
	for (uint32_t i = 0; i < 65536; i++) {
		struct addr6 prefix = {
			{0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
		uint32_t client = pairing_get(&clients, &prefix, 128, 0);
		struct taddr4 taddr = {addr4_of("10.1.0.0") + i, 5000};

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
	g_test_add_func("/pool4/entries", test_entries);
	g_test_add_func("/pool4/overlap", test_overlap);
	g_test_add_func("/pool4/shared-addresses", test_shared_addresses);
	g_test_add_func("/pool4/pairing", test_pairing);
	g_test_add_func("/pool4/spread", test_spread);
	g_test_add_func("/pool4/spread-of-a-full-address", test_spread_of_a_full_address);
	g_test_add_func("/pool4/class-fallback", test_class_fallback);
	g_test_add_func("/pool4/preserve-port", test_preserve_port);
	g_test_add_func("/pool4/until-the-last-port", test_until_the_last_port);
	g_test_add_func("/pool4/scopes", test_scopes);
	g_test_add_func("/pool4/states", test_states);
	g_test_add_func("/pool4/no-entry", test_no_entry);
	g_test_add_func("/pool4/take-exactly", test_take_exactly);
	g_test_add_func("/pool4/set-ports", test_set_ports);
	g_test_add_func("/pool4/set-addresses", test_set_addresses);
	g_test_add_func("/pool4/memory", test_memory);
	return g_test_run();
}
