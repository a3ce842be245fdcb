/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P-21: the work of an allocation is bounded by a constant, however full the pool is and whatever
 * is held.
 *
 * What is counted are the memory words that the core reads and writes. The compiler does it: the
 * core's sources are built once more with the accesses marked for the thread sanitizer
 * (tests/meson.build), and here are the functions that it calls instead of that sanitizer's.
 */
#include <glib.h>

#include "daemon/core/pool4.h"

/* Words that one take, or one way back, may touch. What remains of the size of a pool is the
 * logarithm of the number of its entries. An address has a bitmap of 1024 words. */
#define WORK_MAX (16 * 1024)

#define NOW     1000000u
#define HOLD_MS 120000u

static uint64_t work;

#define COUNTS(name)           \
	void name(void *word); \
	void name(void *word)  \
	{                      \
		work++;        \
	}

COUNTS(__tsan_read1)
COUNTS(__tsan_read2)
COUNTS(__tsan_read4)
COUNTS(__tsan_read8)
COUNTS(__tsan_read16)
COUNTS(__tsan_write1)
COUNTS(__tsan_write2)
COUNTS(__tsan_write4)
COUNTS(__tsan_write8)
COUNTS(__tsan_write16)
COUNTS(__tsan_unaligned_read2)
COUNTS(__tsan_unaligned_read4)
COUNTS(__tsan_unaligned_read8)
COUNTS(__tsan_unaligned_read16)
COUNTS(__tsan_unaligned_write2)
COUNTS(__tsan_unaligned_write4)
COUNTS(__tsan_unaligned_write8)
COUNTS(__tsan_unaligned_write16)

#define COUNTS_RANGE(name)                        \
	void name(void *range, long size);        \
	void name(void *range, long size)         \
	{                                         \
		work += ((uint64_t)size + 7) / 8; \
	}

COUNTS_RANGE(__tsan_read_range)
COUNTS_RANGE(__tsan_write_range)

void __tsan_init(void);
void __tsan_init(void) {}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller) {}

void __tsan_func_exit(void *caller);
void __tsan_func_exit(void *caller) {}

static const struct siphash_key key = {{14, 15}};
static const uint8_t seed[RANDOM_SEED_SIZE] = {16};

/* A pool, and every transport address of it that is taken. */
struct filled {
	struct pool4 *pool;
	struct taddr4 *taken;
	uint32_t *id;
	uint32_t n_taken;
	uint32_t n_ports;
	uint64_t most; /* work of one operation */
	const char *worst;
};

static void begin(struct filled *filled, const struct port_ranges *ports, uint32_t n_addresses,
		  uint32_t n_entries)
{
	const struct pool4_policy policy = {
		.parity = true, .hold_ms = HOLD_MS, .max_held = {100, true}};
	uint32_t each = n_addresses / n_entries;

	*filled = (struct filled){.pool = pool4_new(&key, seed)};
	pool4_set_policy(filled->pool, &policy);
	for (uint32_t i = 0; i < n_entries; i++) {
		struct addr4_range range = {0x0a000000 + i * each,
					    0x0a000000 + i * each + each - 1};
		struct pool4_spec spec = {
			.addresses = &range,
			.n_addresses = 1,
			.ports = *ports,
			.protocol = {[PROTOCOL_UDP] = true},
			.pool6 = POOL4_ANY_PREFIX,
		};
		uint32_t id;

		g_assert_cmpint(pool4_add(filled->pool, &spec, &id), ==, POOL4_OK);
		pool4_set_state(filled->pool, id, POOL4_ACTIVE);
	}
	filled->n_ports = n_addresses * port_ranges_count(ports);
	filled->taken = g_new(struct taddr4, filled->n_ports);
	filled->id = g_new(uint32_t, filled->n_ports);
}

static void end(struct filled *filled)
{
	pool4_free(filled->pool);
	g_free(filled->taken);
	g_free(filled->id);
}

static void note(struct filled *filled, uint64_t before, const char *what)
{
	if (work - before > filled->most) {
		filled->most = work - before;
		filled->worst = what;
	}
}

/* For a client of its own each time, so that nothing held is the client's own. */
static enum pool4_result take(struct filled *filled, uint32_t client, uint32_t paired4)
{
	const struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8}};
	struct pool4_request request = {
		.protocol = PROTOCOL_UDP,
		.client = &addr,
		.port6 = (uint16_t)client,
		.paired4 = paired4,
		.client_hash = siphash(&key, &client, sizeof(client)),
	};
	uint64_t before = work;
	enum pool4_result result =
		pool4_take(filled->pool, &request, &filled->taken[filled->n_taken],
			   &filled->id[filled->n_taken]);

	note(filled, before, "take");
	if (result == POOL4_OK)
		filled->n_taken++;
	return result;
}

/* Any of those that are taken; hold: for a while. */
static void give_back(struct filled *filled, uint32_t at, bool hold)
{
	struct taddr4 taddr = filled->taken[at];
	uint32_t id = filled->id[at];
	uint64_t before = work;

	if (hold)
		pool4_retire(filled->pool, PROTOCOL_UDP, &taddr, id, 1, NOW);
	else
		pool4_give_back(filled->pool, PROTOCOL_UDP, &taddr, id);
	note(filled, before, hold ? "retire" : "give back");
	filled->n_taken--;
	filled->taken[at] = filled->taken[filled->n_taken];
	filled->id[at] = filled->id[filled->n_taken];
}

static void check(struct filled *filled, const char *when)
{
	g_test_message("%-14s at most %" G_GUINT64_FORMAT " words (%s)", when, filled->most,
		       filled->worst);
	g_assert_cmpuint(filled->most, <=, WORK_MAX);
	filled->most = 0;
}

/* Clients come and go at this level. */
static void play(struct filled *filled, GRand *rand, bool hold)
{
	for (uint32_t i = 0; i < 400; i++) {
		uint32_t at = (uint32_t)g_rand_int_range(rand, 0, (int)filled->n_taken);
		uint32_t paired4 = i % 2 ? filled->taken[at].addr : 0;

		give_back(filled, at, hold);
		g_assert_cmpint(take(filled, g_rand_int(rand), paired4), ==, POOL4_OK);
	}
}

static void fill_up_to(struct filled *filled, GRand *rand, uint32_t n)
{
	while (filled->n_taken < n)
		g_assert_cmpint(take(filled, g_rand_int(rand), 0), ==, POOL4_OK);
}

struct shape {
	const char *ports;
	uint32_t n_addresses;
	uint32_t n_entries;
};

static void test_work(const void *data)
{
	static const double levels[] = {0.5, 0.9, 0.99, 0.999};
	const struct shape *shape = data;
	GRand *rand = g_rand_new_with_seed(17);
	char error[PORTS_ERROR_SIZE];
	struct port_ranges ports;
	struct filled filled;
	unsigned budget = UINT32_MAX;

	g_assert_null(port_ranges_parse(shape->ports, &ports, error, sizeof(error)));
	begin(&filled, &ports, shape->n_addresses, shape->n_entries);
	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		g_autofree char *when = g_strdup_printf("%.1f %% full", 100 * levels[i]);

		fill_up_to(&filled, rand, (uint32_t)(levels[i] * filled.n_ports));
		play(&filled, rand, false);
		check(&filled, when);
	}
	fill_up_to(&filled, rand, filled.n_ports - 1);
	check(&filled, "to one left");
	play(&filled, rand, false);
	check(&filled, "one left");
	fill_up_to(&filled, rand, filled.n_ports);
	play(&filled, rand, false);
	g_assert_cmpint(take(&filled, 1, 0), ==, POOL4_EXHAUSTED);
	check(&filled, "full");
	play(&filled, rand, true);
	check(&filled, "full, held");
	while (filled.n_taken > 0)
		give_back(&filled, filled.n_taken - 1, true);
	fill_up_to(&filled, rand, 400);
	play(&filled, rand, true);
	check(&filled, "all held");
	pool4_expire(filled.pool, NOW + 2 * HOLD_MS, &budget);
	play(&filled, rand, true);
	check(&filled, "expired");
	g_assert_true(shape->n_entries > 1 || pool4_check(filled.pool));
	end(&filled);
	g_rand_free(rand);
}

int main(int argc, char **argv)
{
	static const struct shape one_address = {"1024-65535", 1, 1};
	static const struct shape many_ranges = {"1024-1999 2001-2999 3001-4999 5001-9999", 1, 1};
	static const struct shape addresses = {"2000-2015", 2048, 1};
	static const struct shape entries = {"2000-2015", 512, 512};
	static const struct shape middle = {"2000-3999", 16, 4};

	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/pool4-work/one-address", &one_address, test_work);
	g_test_add_data_func("/pool4-work/many-ranges", &many_ranges, test_work);
	g_test_add_data_func("/pool4-work/addresses", &addresses, test_work);
	g_test_add_data_func("/pool4-work/entries", &entries, test_work);
	g_test_add_data_func("/pool4-work/middle", &middle, test_work);
	return g_test_run();
}
