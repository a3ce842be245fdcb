/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_pool4: what pool4 costs in the core, in figures beside the bars that they have to keep;
 * called by `tools/bench pool4`. Exits with 1 if one does not hold.
 *
 * Times are CPU time of the thread, of one call each, less what reading the clock takes. Seeds are
 * fixed, so the same is measured each time. An allocation is measured in several runs that do the
 * same, and the least counts: so it is the work of the core, and not an interrupt or a cache that
 * another process has used meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/pool4.h"
#include "tools/bench_clients.h"
#include "tools/bench_gateway.h"
#include "tools/bench_rows.h"

#define N_SINGLE  65536u /* addresses added one by one, or filled up */
#define N_EDGE    1000u  /* the first and the last ones of them */
#define N_CLIENTS 4096u  /* entries for clients of their own */
#define N_PORTS   16u    /* of each address that is filled up */
#define N_TAKES   200000u
#define N_RUNS    5u

#define ADD_US        20.0
#define ADD_GROWTH    3.0
#define ADD_BIG_US    1000.0
#define ACROSS_US     50000.0
#define BIG_BYTES     (16.0 * 1024)
#define BIG_RESIDENT  (256.0 * 1024)
#define TAKE_US       2.0
#define HELD_US       4.0 /* two tables more to look at */
#define TAKE_WORST_US 50.0

static const struct siphash_key key = {{20, 21}};
static const uint8_t seed[RANDOM_SEED_SIZE] = {22};

static void fail(const char *what)
{
	fprintf(stderr, "bench_pool4: %s\n", what);
	exit(2);
}

static struct random numbers; /* for what is measured, apart from the pool's own */

static void restart_numbers(void)
{
	random_init(&numbers, seed);
}

static uint32_t next_number(void)
{
	return random_u32(&numbers);
}

/* Without what reading the clock takes. */
static double microseconds_since(double begin)
{
	double us = (bench_cpu_ns() - begin - bench_clock_ns()) / 1000;

	return us > 0.001 ? us : 0.001;
}

static struct pool4 *new_pool(void)
{
	const struct pool4_policy policy = {
		.parity = true, .hold_ms = 120000, .max_held = {25, true}};
	struct pool4 *pool = pool4_new(&key, seed);

	if (!pool)
		fail("no memory for a pool");
	pool4_set_policy(pool, &policy);
	return pool;
}

/* Adds an entry and makes it active; returns the time of both. */
static double add(struct pool4 *pool, uint32_t first, uint32_t last, const struct prefix6 *clients)
{
	struct addr4_range range = {first, last};
	struct pool4_spec spec = {
		.addresses = &range,
		.n_addresses = 1,
		.ports = {.range = {{1024, 65535}}, .n_ranges = 1},
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
	};
	double begin = bench_cpu_ns();
	uint32_t id;

	if (clients) {
		spec.clients[0] = *clients;
		spec.n_clients = 1;
	}
	if (pool4_add(pool, &spec, &id) != POOL4_OK)
		fail("an entry cannot be added");
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return microseconds_since(begin);
}

/* ---- adding ------------------------------------------------------------------------------------
 */

/* 0 .. n - 1, in order or mixed. */
static uint32_t *new_order(uint32_t n, bool mixed)
{
	uint32_t *order = calloc(n, sizeof(*order));

	if (!order)
		fail("no memory");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = mixed ? next_number() % (i + 1) : i;

		order[i] = order[at];
		order[at] = i;
	}
	return order;
}

static void show_adding(double *us, uint32_t n, const struct pool4 *pool, size_t memory)
{
	double first = bench_quantile(us, N_EDGE, 0.5);
	double last = bench_quantile(us + n - N_EDGE, N_EDGE, 0.5);

	bench_show("one call, median of the first 1000", first, "us");
	bench_at_most("one call, median of the last 1000", last, "us", ADD_US);
	bench_at_most("last / first", last / first, "", ADD_GROWTH);
	bench_show("memory counted before", (double)memory, "bytes");
	bench_show("memory counted after, of each", (double)(pool4_memory(pool) - memory) / n,
		   "bytes");
}

static void measure_singles(bool mixed)
{
	struct pool4 *pool = new_pool();
	size_t memory = pool4_memory(pool);
	uint32_t *order = new_order(N_SINGLE, mixed);
	double *us = calloc(N_SINGLE, sizeof(*us));

	if (!us)
		fail("no memory");
	bench_section(mixed ? "65536 single addresses, one call each, in random order"
			    : "65536 single addresses, one call each, in order");
	for (uint32_t i = 0; i < N_SINGLE; i++) {
		uint32_t addr = 0x0a000000 + order[i];

		us[i] = add(pool, addr, addr, NULL);
	}
	show_adding(us, N_SINGLE, pool, memory);
	free(us);
	free(order);
	pool4_free(pool);
}

static void measure_clients(void)
{
	struct pool4 *pool = new_pool();
	size_t memory = pool4_memory(pool);
	double us[N_CLIENTS];

	bench_section("4096 entries, each of 16 addresses and for a prefix of clients of its own");
	for (uint32_t i = 0; i < N_CLIENTS; i++) {
		struct prefix6 clients = {{{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(i >> 8), (uint8_t)i}},
					  48};

		us[i] = add(pool, 0x0a000000 + i * 16, 0x0a000000 + i * 16 + 15, &clients);
	}
	show_adding(us, N_CLIENTS, pool, memory);
	for (uint32_t i = 0; i < N_CLIENTS; i++) {
		struct addr6 client = {
			{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(i >> 8), (uint8_t)i, 0, 1}};
		struct pool4_request request = {.protocol = PROTOCOL_UDP,
						.client = &client,
						.port6 = 5000,
						.client_hash = next_number()};
		double begin = bench_cpu_ns();
		struct taddr4 taddr;
		uint32_t id;

		if (pool4_take(pool, &request, &taddr, &id) != POOL4_OK ||
		    (taddr.addr - 0x0a000000) / 16 != i)
			fail("a client did not get an address of its entry");
		us[i] = microseconds_since(begin);
	}
	bench_at_most("a new binding for a client of each, median",
		      bench_quantile(us, N_CLIENTS, 0.5), "us", TAKE_US);
	pool4_free(pool);
}

/* The entries of other clients at the same addresses are looked at one by one: the one cost of
 * adding that grows with what is there. */
static void measure_across(void)
{
	const struct prefix6 clients = {{{0x20, 0x01, 0x0d, 0xb8}}, 32};
	struct pool4 *pool = new_pool();

	for (uint32_t i = 0; i < N_SINGLE; i++)
		(void)add(pool, 0x0a000000 + i, 0x0a000000 + i, NULL);
	bench_section("10.0.0.0/8 for some clients, where 65536 of its addresses have an entry");
	bench_at_most("the call", add(pool, 0x0a000000, 0x0affffff, &clients), "us", ACROSS_US);
	pool4_free(pool);
}

/* Before anything else, as memory that was freed stays with the process. */
static void measure_big(void)
{
	struct pool4 *pool = new_pool();
	size_t memory = pool4_memory(pool), resident = bench_resident();
	double us = add(pool, 0x0a000000, 0x0affffff, NULL);

	bench_section("10.0.0.0/8 in one call, without traffic");
	bench_at_most("the call", us, "us", ADD_BIG_US);
	bench_show("memory counted before", (double)memory, "bytes");
	bench_at_most("memory counted after", (double)pool4_memory(pool), "bytes", BIG_BYTES);
	bench_at_most("more resident memory of the process", (double)(bench_resident() - resident),
		      "bytes", BIG_RESIDENT);
	pool4_free(pool);
}

/* ---- allocation --------------------------------------------------------------------------------
 */

/* The levels that are measured. */
enum level {
	LEVEL_0,
	LEVEL_50,
	LEVEL_90,
	LEVEL_99,
	LEVEL_999,
	LEVEL_ONE_LEFT,
	LEVEL_FULL,
	LEVEL_HELD,
	N_LEVELS,
};

static const struct {
	const char *title;
	double share;
} levels[N_LEVELS] = {
	[LEVEL_0] = {"0 % full", 0},          [LEVEL_50] = {"50 % full", 0.5},
	[LEVEL_90] = {"90 % full", 0.9},      [LEVEL_99] = {"99 % full", 0.99},
	[LEVEL_999] = {"99.9 % full", 0.999}, [LEVEL_ONE_LEFT] = {"one free port left in all", 1},
	[LEVEL_FULL] = {"full (refusal)", 1}, [LEVEL_HELD] = {"90 % full, all others held", 0.9},
};

/* A pool of 65536 addresses, and what is taken of it. */
struct filled {
	struct pool4 *pool;
	struct taddr4 *taken;
	uint32_t n_taken;
	uint32_t n_ports;
	uint32_t id;
	double *us[N_LEVELS]; /* of each take; of several runs the least */
};

static void fill_init(struct filled *filled)
{
	struct addr4_range range = {0x0a000000, 0x0a000000 + N_SINGLE - 1};
	struct pool4_spec spec = {
		.addresses = &range,
		.n_addresses = 1,
		.ports = {.range = {{2000, 2000 + N_PORTS - 1}}, .n_ranges = 1},
		.protocol = {[PROTOCOL_UDP] = true},
		.pool6 = POOL4_ANY_PREFIX,
	};

	filled->pool = new_pool();
	filled->n_ports = N_SINGLE * N_PORTS;
	filled->n_taken = 0;
	if (pool4_add(filled->pool, &spec, &filled->id) != POOL4_OK)
		fail("the entry cannot be added");
	pool4_set_state(filled->pool, filled->id, POOL4_ACTIVE);
}

/* For a new client each time; least_us: NULL, or the least time that it took in any run. */
static enum pool4_result take(struct filled *filled, double *least_us)
{
	const struct addr6 client = {{0x20, 0x01, 0x0d, 0xb8}};
	struct pool4_request request = {
		.protocol = PROTOCOL_UDP,
		.client = &client,
		.port6 = (uint16_t)next_number(),
		.client_hash = (uint64_t)next_number() << 32 | next_number(),
	};
	double begin = bench_cpu_ns();
	struct taddr4 taddr;
	uint32_t id;
	enum pool4_result result = pool4_take(filled->pool, &request, &taddr, &id);
	double us = microseconds_since(begin);

	if (least_us && (*least_us == 0 || us < *least_us))
		*least_us = us;
	if (result == POOL4_OK)
		filled->taken[filled->n_taken++] = taddr;
	return result;
}

static void fill_up_to(struct filled *filled, uint32_t n)
{
	while (filled->n_taken < n) {
		if (take(filled, NULL) != POOL4_OK)
			fail("a free port was not found");
	}
}

static void give_back(struct filled *filled, bool hold)
{
	uint32_t at = next_number() % filled->n_taken;
	struct taddr4 taddr = filled->taken[at];

	if (hold)
		pool4_retire(filled->pool, PROTOCOL_UDP, &taddr, filled->id, 1, 1000);
	else
		pool4_give_back(filled->pool, PROTOCOL_UDP, &taddr, filled->id);
	filled->taken[at] = filled->taken[--filled->n_taken];
}

/* Clients come and go at this level. */
static void play_level(struct filled *filled, enum level level)
{
	uint32_t n = (uint32_t)(levels[level].share * filled->n_ports);

	if (level == LEVEL_ONE_LEFT)
		n--;
	fill_up_to(filled, n);
	while (filled->n_taken > n)
		give_back(filled, true);
	for (uint32_t i = 0; i < N_TAKES; i++) {
		bool taken = take(filled, &filled->us[level][i]) == POOL4_OK;

		if (taken != (level != LEVEL_FULL))
			fail(taken ? "there was a port in a full pool"
				   : "a free port was not found");
		if (taken)
			give_back(filled, level == LEVEL_HELD);
	}
}

static void measure_allocation(void)
{
	struct filled filled;

	for (unsigned i = 0; i < N_LEVELS; i++) {
		filled.us[i] = calloc(N_TAKES, sizeof(double));
		if (!filled.us[i])
			fail("no memory");
	}
	filled.taken = calloc(N_SINGLE * N_PORTS, sizeof(*filled.taken));
	for (unsigned run = 0; run < N_RUNS; run++) {
		restart_numbers();
		fill_init(&filled);
		for (unsigned i = 0; i < N_LEVELS; i++)
			play_level(&filled, i);
		pool4_free(filled.pool);
	}
	bench_section("a new binding: 65536 addresses with 16 ports each");
	for (unsigned i = 0; i < N_LEVELS; i++) {
		char title[80];

		snprintf(title, sizeof(title), "%s: median", levels[i].title);
		bench_at_most(title, bench_quantile(filled.us[i], N_TAKES, 0.5), "us",
			      i == LEVEL_HELD ? HELD_US : TAKE_US);
		snprintf(title, sizeof(title), "%s: 99.99 of 100", levels[i].title);
		bench_at_most(title, bench_quantile(filled.us[i], N_TAKES, 0.9999), "us",
			      TAKE_WORST_US);
		free(filled.us[i]);
	}
	free(filled.taken);
}

/* bench_pool4 [add | clients | take | packets] */
int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	restart_numbers();
	(void)bench_clock_ns();

	if (!*only || strcmp(only, "add") == 0) {
		measure_big();
		measure_singles(false);
		measure_singles(true);
		measure_clients();
		measure_across();
	}
	if (!*only || strcmp(only, "clients") == 0)
		bench_clients_top();
	if (!*only || strcmp(only, "take") == 0)
		measure_allocation();
	if (!*only || strcmp(only, "packets") == 0) {
		bench_gateway_bindings();
		bench_gateway_packets();
	}
	printf("\n%u of the bars do not hold\n", bench_n_failed());
	return bench_n_failed() > 0;
}
