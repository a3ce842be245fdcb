/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports and addresses that pool4 chooses are spread evenly (P-5, P-9): chi-square over a
 * million allocations. The seed is fixed, printed, and set by NAT64D_SEED.
 */
#include <glib.h>
#include <math.h>

#include "daemon/core/pool4.h"
#include "tests/property/seed.h"

#define N_TAKES    1000000u
#define N_FEWER    (N_TAKES / 5) /* where there are fewer cells */
#define FIRST_ADDR 0x0a000000u

/* How many standard deviations the sum may be off: once in 10 000 runs by chance. */
#define DEVIATIONS 4.0

static GRand *rand_of_test;

#define SEED 64

/* The cells are as if each had the same chance. */
static void check_even(const uint32_t *cells, uint32_t n_cells, const char *what)
{
	double expected, sum = 0;
	uint64_t total = 0;

	for (uint32_t i = 0; i < n_cells; i++)
		total += cells[i];
	expected = (double)total / n_cells;
	for (uint32_t i = 0; i < n_cells; i++)
		sum += (cells[i] - expected) * (cells[i] - expected) / expected;
	g_test_message("%s: chi-square %.0f of %u cells", what, sum, n_cells);
	/* With so many degrees of freedom it is a normal distribution, as good as. */
	g_assert_cmpfloat(fabs(sum - (n_cells - 1)), <, DEVIATIONS * sqrt(2.0 * (n_cells - 1)));
}

static struct pool4 *new_pool(const struct pool4_allocation *allocation, uint32_t n_addresses,
			      struct port_range ports, bool parity)
{
	struct siphash_key key = {{g_rand_int(rand_of_test), g_rand_int(rand_of_test)}};
	struct addr4_range range = {FIRST_ADDR, FIRST_ADDR + n_addresses - 1};
	struct pool4_spec spec = {
		.addresses = &range,
		.n_addresses = 1,
		.ports = {{ports}, 1},
		.protocol = {true, true, true},
		.clients = {{{{0x20, 0x01, 0x0d, 0xb8}}, 64}},
		.n_clients = 1,
		.pool6 = POOL4_ANY_PREFIX,
	};
	const struct pool4_policy policy = {.parity = parity};
	uint8_t random_seed[RANDOM_SEED_SIZE];
	struct pool4 *pool;
	uint32_t id;

	for (unsigned i = 0; i < sizeof(random_seed); i++)
		random_seed[i] = (uint8_t)g_rand_int(rand_of_test);
	pool = pool4_new(&key, random_seed);
	g_assert_true(pool4_set_allocation(pool, allocation));
	pool4_set_policy(pool, &policy);
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return pool;
}

static struct taddr4 take(struct pool4 *pool, enum protocol protocol, uint16_t port6, uint64_t hash,
			  uint32_t *ret_id)
{
	const struct addr6 client = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	struct pool4_request request = {
		.protocol = protocol, .client = &client, .port6 = port6, .client_hash = hash};
	struct taddr4 ret = {0};

	g_assert_cmpint(pool4_take(pool, &request, &ret, ret_id), ==, POOL4_OK);
	return ret;
}

/* One client again and again: which ports of first .. first + step * n does it get, one at a time,
 * while n_taken others are in use? */
static void check_ports(const struct pool4_allocation *allocation, uint32_t n_takes,
			enum protocol protocol, uint16_t port6, struct port_range ports,
			uint32_t step, uint32_t n_taken, const char *what)
{
	uint32_t n_ports = ports.last - ports.first + 1u, n_cells = 0, id;
	g_autofree uint32_t *cells = g_new0(uint32_t, n_ports);
	g_autofree bool *taken = g_new0(bool, n_ports);
	struct pool4 *pool = new_pool(allocation, 1, ports, true);

	for (uint32_t i = 0; i < n_taken; i++)
		taken[take(pool, protocol, port6, 1, &id).port - ports.first] = true;
	for (uint32_t i = 0; i < n_takes; i++) {
		struct taddr4 taddr = take(pool, protocol, port6, 1, &id);

		cells[taddr.port - ports.first]++;
		pool4_give_back(pool, protocol, &taddr, id);
	}
	/* Those that could come. */
	for (uint32_t i = 0; i < n_ports; i++) {
		if ((ports.first + i) % step != port6 % step || taken[i])
			g_assert_cmpuint(cells[i], ==, 0);
		else
			cells[n_cells++] = cells[i];
	}
	check_even(cells, n_cells, what);
	pool4_free(pool);
}

static void test_ports(void)
{
	static const struct pool4_allocation dynamic = {.mode = POOL4_DYNAMIC};
	static const struct pool4_allocation deterministic = {.mode = POOL4_DETERMINISTIC,
							      .client_length = 64};

	check_ports(&dynamic, N_TAKES, PROTOCOL_TCP, 5000, (struct port_range){1024, 65535}, 1, 0,
		    "tcp, all free");
	check_ports(&dynamic, N_FEWER, PROTOCOL_UDP, 5001, (struct port_range){1024, 19999}, 2, 0,
		    "udp, odd ones");
	check_ports(&dynamic, N_FEWER, PROTOCOL_TCP, 5000, (struct port_range){2000, 2999}, 1, 400,
		    "tcp, some used");
	check_ports(&dynamic, N_FEWER, PROTOCOL_TCP, 5000, (struct port_range){2000, 4999}, 1, 2900,
		    "tcp, most used");
	check_ports(&dynamic, N_FEWER, PROTOCOL_TCP, 5000, (struct port_range){2000, 2031}, 1, 20,
		    "tcp, a few ports, counted");
	check_ports(&dynamic, N_FEWER, PROTOCOL_UDP, 5000, (struct port_range){2000, 2063}, 2, 20,
		    "udp, a few ports, counted");
	check_ports(&dynamic, N_FEWER, PROTOCOL_ICMP, 7, (struct port_range){1, 9999}, 1, 0,
		    "identifiers");
	check_ports(&deterministic, N_FEWER, PROTOCOL_TCP, 5000, (struct port_range){2000, 9999}, 1,
		    100, "tcp, a range of its own");
}

/* A block keeps one port, and so the others of it are the choice. */
static void test_ports_of_a_block(void)
{
	static const struct pool4_allocation blocks = {
		.mode = POOL4_BLOCKS, .block_size = 512, .client_length = 64};
	struct pool4 *pool = new_pool(&blocks, 4, (struct port_range){1024, 65535}, true);
	uint32_t cells[512] = {0}, id;
	struct taddr4 first = take(pool, PROTOCOL_TCP, 5000, 1, &id);

	for (uint32_t i = 0; i < N_FEWER; i++) {
		struct taddr4 taddr = take(pool, PROTOCOL_TCP, 5000, 1, &id);

		g_assert_cmpuint(taddr.addr, ==, first.addr);
		g_assert_cmpuint(taddr.port / 512, ==, first.port / 512);
		cells[taddr.port % 512]++;
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}
	g_assert_cmpuint(cells[first.port % 512], ==, 0);
	cells[first.port % 512] = cells[511];
	check_even(cells, 511, "tcp, a block");
	pool4_free(pool);
}

/* And which block a client gets: a new client each time. */
static void test_blocks(void)
{
	static const struct pool4_allocation blocks = {
		.mode = POOL4_BLOCKS, .block_size = 512, .client_length = 64};
	struct pool4 *pool = new_pool(&blocks, 4, (struct port_range){1024, 65535}, true);
	uint32_t cells[4 * 126] = {0}, id;

	for (uint32_t i = 0; i < N_TAKES; i++) {
		uint64_t hash = (uint64_t)g_rand_int(rand_of_test) << 32 | g_rand_int(rand_of_test);
		struct taddr4 taddr = take(pool, PROTOCOL_UDP, 5000, hash, &id);

		cells[(taddr.addr - FIRST_ADDR) * 126 + taddr.port / 512 - 2]++;
		pool4_give_back(pool, PROTOCOL_UDP, &taddr, id);
	}
	check_even(cells, G_N_ELEMENTS(cells), "blocks");
	pool4_free(pool);
}

/* P-5: clients over addresses, all free; and those of full ones over the others. */
static void check_addresses(uint32_t n_addresses, uint32_t n_full, const char *what)
{
	static const struct pool4_allocation dynamic = {.mode = POOL4_DYNAMIC};
	struct pool4 *pool =
		new_pool(&dynamic, n_addresses, (struct port_range){2000, 2001}, false);
	g_autofree uint32_t *cells = g_new0(uint32_t, n_addresses);
	uint32_t id;

	for (uint32_t i = 0; i < n_full * 2; i++) {
		struct taddr4 taddr = {FIRST_ADDR + i / 2, (uint16_t)(2000 + i % 2)};

		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
	}
	for (uint32_t i = 0; i < N_TAKES; i++) {
		uint64_t hash = (uint64_t)g_rand_int(rand_of_test) << 32 | g_rand_int(rand_of_test);
		struct taddr4 taddr = take(pool, PROTOCOL_TCP, 5000, hash, &id);

		cells[taddr.addr - FIRST_ADDR]++;
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
	}
	for (uint32_t i = 0; i < n_full; i++)
		g_assert_cmpuint(cells[i], ==, 0);
	check_even(cells + n_full, n_addresses - n_full, what);
	pool4_free(pool);
}

static void test_addresses(void)
{
	check_addresses(1000, 0, "addresses, all free");
	check_addresses(1000, 600, "addresses, most full");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* On stderr, so that a failed assertion leaves it behind. */
	g_printerr("# NAT64D_SEED=%u\n", seed_of_run(SEED));
	rand_of_test = g_rand_new_with_seed(seed_of_run(SEED));
	g_test_add_func("/uniformity/ports", test_ports);
	g_test_add_func("/uniformity/ports-of-a-block", test_ports_of_a_block);
	g_test_add_func("/uniformity/blocks", test_blocks);
	g_test_add_func("/uniformity/addresses", test_addresses);
	return g_test_run();
}
