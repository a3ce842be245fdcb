/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port hold-down: P-14, P-15, P-16, P-22, K-8, X-1. Random operations:
 * property/test_pool4_model.c.
 */
#include <glib.h>

#include "daemon/core/pool4_hold.h"
#include "tests/pool4_fixture.h"

#define NOW     1000000u
#define HOLD_MS 120000u
/* The clock of holds, and the wheel's. */
#define SLACK_MS 512u

static const struct pool4_policy all_of_it = {.hold_ms = HOLD_MS, .max_held = {100, true}};

static struct pool4 *new_pool(const struct pool4_policy *policy)
{
	struct pool4 *pool = pool4_fixture_new();

	pool4_set_policy(pool, policy);
	return pool;
}

static uint64_t hash_of(unsigned client)
{
	return siphash(&pool4_fixture_key, &client, sizeof(client));
}

struct taken {
	struct taddr4 taddr;
	uint32_t id;
	unsigned client;
	enum protocol protocol;
};

/* For a client with this number, in 2001:db8:1::/48 if it is 100 or more. */
static enum pool4_result take_paired(struct pool4 *pool, enum protocol protocol, unsigned client,
				     uint16_t port6, uint32_t paired4, struct taken *ret)
{
	struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8, 0, client >= 100, [15] = (uint8_t)client}};
	struct pool4_request request = {
		.protocol = protocol,
		.client = &addr,
		.port6 = port6,
		.paired4 = paired4,
		.client_hash = hash_of(client),
	};
	enum pool4_result result;

	*ret = (struct taken){.client = client, .protocol = protocol};
	result = pool4_take(pool, &request, &ret->taddr, &ret->id);
	g_assert_true(pool4_check(pool));
	return result;
}

static struct taken take_from(struct pool4 *pool, unsigned client, uint16_t port6)
{
	struct taken taken;

	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, client, port6, 0, &taken), ==, POOL4_OK);
	return taken;
}

static struct taken take(struct pool4 *pool, unsigned client)
{
	return take_from(pool, client, 5000);
}

static void retire(struct pool4 *pool, const struct taken *taken, uint64_t now_ms)
{
	pool4_retire(pool, taken->protocol, &taken->taddr, taken->id, hash_of(taken->client),
		     now_ms);
	g_assert_true(pool4_check(pool));
}

static void expire(struct pool4 *pool, uint64_t now_ms)
{
	unsigned budget = 1000;

	pool4_expire(pool, now_ms, &budget);
	g_assert_cmpuint(budget, >, 0);
	g_assert_true(pool4_check(pool));
}

static uint64_t n_held(struct pool4 *pool, uint32_t id)
{
	return pool4_entry(pool, id)->n_held[PROTOCOL_UDP];
}

static uint64_t n_reused(struct pool4 *pool, uint32_t id)
{
	return pool4_entry(pool, id)->n_reused[PROTOCOL_UDP];
}

/* P-14: another client gets every other port first, then this one, and that is counted. */
static void test_last_choice(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2019");
	struct taken held = take(pool, 1), other;

	retire(pool, &held, NOW);
	g_assert_cmpuint(n_held(pool, id), ==, 1);
	g_assert_cmpuint(pool4_entry(pool, id)->n_used[PROTOCOL_UDP], ==, 0);
	for (unsigned i = 0; i < 19; i++) {
		other = take(pool, 2 + i);
		g_assert_cmpuint(other.taddr.port, !=, held.taddr.port);
		g_assert_cmpuint(n_reused(pool, id), ==, 0);
	}
	other = take(pool, 30);
	g_assert_true(taddr4_equal(&other.taddr, &held.taddr));
	g_assert_cmpuint(n_reused(pool, id), ==, 1);
	g_assert_cmpuint(n_held(pool, id), ==, 0);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 31, 1, 0, &other), ==, POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-14: the same client may have it back, and that is no reuse; by number, too (P-10). */
static void test_same_client(void)
{
	struct pool4_policy policy = all_of_it;
	struct pool4 *pool = new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct taken mine = take(pool, 1), other = take(pool, 2), again;

	retire(pool, &other, NOW);
	retire(pool, &mine, NOW);
	again = take(pool, 1);
	g_assert_true(taddr4_equal(&again.taddr, &mine.taddr));
	again = take(pool, 2);
	g_assert_true(taddr4_equal(&again.taddr, &other.taddr));
	g_assert_cmpuint(n_reused(pool, id), ==, 0);
	pool4_free(pool);

	policy.preserve_port = true;
	pool = new_pool(&policy);
	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2019");
	mine = take_from(pool, 1, 2007);
	g_assert_cmpuint(mine.taddr.port, ==, 2007);
	retire(pool, &mine, NOW);
	other = take_from(pool, 2, 2007);
	g_assert_cmpuint(other.taddr.port, !=, 2007);
	again = take_from(pool, 1, 2007);
	g_assert_cmpuint(again.taddr.port, ==, 2007);
	pool4_free(pool);
}

/* P-14: of those that are held, the one that was held longest. */
static void test_longest_held_first(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2039");
	struct taken taken[40], other;

	for (unsigned i = 0; i < 40; i++)
		taken[i] = take(pool, i);
	for (unsigned i = 0; i < 40; i++)
		retire(pool, &taken[i * 7 % 40], NOW + i * 10);
	g_assert_cmpuint(n_held(pool, id), ==, 40);
	for (unsigned i = 0; i < 40; i++) {
		other = take(pool, 99);
		g_assert_true(taddr4_equal(&other.taddr, &taken[i * 7 % 40].taddr));
	}
	g_assert_cmpuint(n_reused(pool, id), ==, 40);
	pool4_free(pool);
}

/* P-14: free ports of a worse class, and of another address, come before held ones; but a strict
 * pairing stays with its address (P-4). */
static void test_after_everything_free(void)
{
	struct pool4_policy policy = all_of_it;
	struct pool4 *pool;
	struct taken held[2], other;
	uint32_t here;

	policy.parity = true;
	pool = new_pool(&policy);
	(void)pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "1023-1024");
	for (unsigned i = 0; i < 2; i++)
		held[i] = take_from(pool, 1, 5000);
	here = held[0].taddr.addr;
	g_assert_cmpuint(held[1].taddr.addr, ==, here);
	g_assert_cmpuint(held[0].taddr.port, ==, 1024);
	retire(pool, &held[0], NOW);
	pool4_give_back(pool, PROTOCOL_UDP, &held[1].taddr, held[1].id);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_cmpuint(other.taddr.addr, ==, here);
	g_assert_cmpuint(other.taddr.port, ==, 1023);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_cmpuint(other.taddr.addr, !=, here);
	pool4_give_back(pool, PROTOCOL_UDP, &other.taddr, other.id);

	policy.strict_pairing = true;
	pool4_set_policy(pool, &policy);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_true(taddr4_equal(&other.taddr, &held[0].taddr));
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* K-8: for the time of the hold and not much longer; nothing is left behind. */
static void test_duration(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	size_t before;
	struct taken taken;

	g_assert_cmpuint(pool4_next_deadline(pool), ==, UINT64_MAX);
	before = pool4_memory(pool);
	for (unsigned i = 0; i < 100; i++) {
		taken = take(pool, 1);
		retire(pool, &taken, NOW + i * 1000);
	}
	for (unsigned i = 0; i < 100; i++) {
		g_assert_cmpuint(pool4_next_deadline(pool), <=,
				 NOW + HOLD_MS + i * 1000 + SLACK_MS);
		expire(pool, NOW + HOLD_MS + i * 1000 - 1);
		g_assert_cmpuint(n_held(pool, id), ==, 100 - i);
		expire(pool, NOW + HOLD_MS + i * 1000 + SLACK_MS);
		g_assert_cmpuint(n_held(pool, id), ==, 99 - i);
	}
	g_assert_cmpuint(pool4_next_deadline(pool), ==, UINT64_MAX);
	/* One empty chunk of each table may stay. */
	g_assert_cmpuint(pool4_memory(pool) - before, <, 256 * 1024);
	pool4_free(pool);
}

/* The work of one call is what its budget says. */
static void test_expiry_in_parts(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	unsigned budget = 30;
	struct taken taken;
	uint64_t n_left;

	for (unsigned i = 0; i < 100; i++) {
		taken = take(pool, i);
		retire(pool, &taken, NOW);
	}
	pool4_expire(pool, NOW + HOLD_MS + SLACK_MS, &budget);
	g_assert_cmpuint(budget, ==, 0);
	g_assert_true(pool4_check(pool));
	g_assert_cmpuint(n_held(pool, id), >=, 70);
	g_assert_cmpuint(n_held(pool, id), <=, 75);

	/* Where the queue is due, one of the budget goes to it, the rest to its holds. */
	n_left = n_held(pool, id);
	budget = 2;
	pool4_expire(pool, NOW + HOLD_MS + SLACK_MS, &budget);
	g_assert_cmpuint(n_held(pool, id), ==, n_left - 1);
	expire(pool, NOW + HOLD_MS + SLACK_MS);
	g_assert_cmpuint(n_held(pool, id), ==, 0);
	pool4_free(pool);
}

/* P-15: a share is of the ports of the entry, a number is a number; at the maximum the port that
 * was held longest is free again. */
static void test_maximum(void)
{
	static const struct {
		struct port_share max;
		unsigned n_held;
	} cases[] = {
		{{25, true}, 8}, {{11, true}, 4}, {{3, false}, 3},   {{100, false}, 30},
		{{0, false}, 0}, {{0, true}, 0},  {{100, true}, 30},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pool4_policy policy = {.hold_ms = HOLD_MS, .max_held = cases[i].max};
		struct pool4 *pool = new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		struct taken taken[30];

		for (unsigned j = 0; j < 30; j++)
			taken[j] = take(pool, j);
		for (unsigned j = 0; j < 30; j++) {
			retire(pool, &taken[j], NOW + j);
			g_assert_cmpuint(n_held(pool, id), ==, MIN(j + 1, cases[i].n_held));
		}
		for (unsigned j = 0; j < 30; j++)
			g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &taken[j].taddr, 0) ==
				      (j >= 30 - cases[i].n_held));
		pool4_free(pool);
	}
}

/* A maximum that was lowered is kept after a while, without a pause. */
static void test_lowered_maximum(void)
{
	struct pool4_policy policy = all_of_it;
	struct pool4 *pool = new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	struct taken taken;

	for (unsigned i = 0; i < 50; i++) {
		taken = take(pool, i);
		retire(pool, &taken, NOW);
	}
	policy.max_held = (struct port_share){10, false};
	pool4_set_policy(pool, &policy);
	/* Two less with each that comes, which is not held itself, and then no more of that. */
	for (unsigned i = 1; i <= 42; i++) {
		taken = take(pool, 100 + i);
		retire(pool, &taken, NOW);
		g_assert_cmpuint(n_held(pool, id), ==, i < 20 ? 50 - 2 * i : 10);
	}
	pool4_free(pool);
}

/* one bound for all entries, which none can take from the others. */
static void test_limit_of_all(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t first = pool4_fixture_add_for(pool, "192.0.2.1", "2000-2029", "2001:db8::/48",
					       POOL4_ANY_PREFIX, false);
	uint32_t second = pool4_fixture_add_for(pool, "192.0.2.2", "2000-2029", "2001:db8:1::/48",
						POOL4_ANY_PREFIX, false);
	struct taken taken;

	pool4_set_held_limit(pool, 10);
	for (unsigned i = 0; i < 20; i++) {
		taken = take(pool, i);
		retire(pool, &taken, NOW);
	}
	taken = take(pool, 100);
	retire(pool, &taken, NOW);
	g_assert_cmpuint(n_held(pool, first), ==, 10);
	g_assert_cmpuint(n_held(pool, second), ==, 0);
	expire(pool, NOW + HOLD_MS + SLACK_MS);
	taken = take(pool, 100);
	retire(pool, &taken, NOW + HOLD_MS + SLACK_MS);
	g_assert_cmpuint(n_held(pool, second), ==, 1);
	pool4_free(pool);
}

/* P-15: a changed time holds for what is held already. */
static void test_changed_time(void)
{
	static const uint32_t times[] = {10000, 300000, 0};

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		struct pool4_policy policy = all_of_it;
		struct pool4 *pool = new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		struct taken taken[2] = {take(pool, 1), take(pool, 2)};

		retire(pool, &taken[0], NOW);
		retire(pool, &taken[1], NOW + 5000);
		policy.hold_ms = times[i];
		pool4_set_policy(pool, &policy);
		g_assert_true(pool4_check(pool));
		expire(pool, NOW + times[i]);
		g_assert_cmpuint(n_held(pool, id), ==, 2);
		expire(pool, NOW + times[i] + SLACK_MS);
		g_assert_cmpuint(n_held(pool, id), ==, 1);
		expire(pool, NOW + times[i] + 5000 + SLACK_MS);
		g_assert_cmpuint(n_held(pool, id), ==, 0);
		pool4_free(pool);
	}
}

/* P-14: identifiers like UDP ports; TCP ports are free at once unless configured otherwise. */
static void test_protocols(void)
{
	struct pool4_policy policy = all_of_it;
	struct pool4 *pool = new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct taken taken;

	for (unsigned round = 0; round < 2; round++) {
		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			bool held = protocol != PROTOCOL_TCP || round > 0;

			g_assert_cmpint(take_paired(pool, protocol, 1, 7, 0, &taken), ==, POOL4_OK);
			retire(pool, &taken, NOW);
			g_assert_cmpuint(pool4_entry(pool, id)->n_held[protocol], ==,
					 held ? round + (protocol != PROTOCOL_TCP) : 0);
			g_assert_true(pool4_is_held(pool, protocol, &taken.taddr, 0) == held);
		}
		policy.hold_tcp_ms = 1000;
		pool4_set_policy(pool, &policy);
	}
	expire(pool, NOW + 1000 + SLACK_MS);
	g_assert_cmpuint(pool4_entry(pool, id)->n_held[PROTOCOL_TCP], ==, 0);
	g_assert_cmpuint(pool4_entry(pool, id)->n_held[PROTOCOL_ICMP], ==, 2);
	pool4_free(pool);
}

/* P-14: what the administrator binds takes no notice of holds; what was not used is not held. */
static void test_exactly(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001"), taken_id;
	struct taken taken = take(pool, 1);

	retire(pool, &taken, NOW);
	g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, hash_of(2)));
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, hash_of(1)));
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_OK);
	g_assert_true(pool4_check(pool));
	g_assert_cmpuint(n_held(pool, id), ==, 0);
	g_assert_cmpuint(n_reused(pool, id), ==, 0);
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_TAKEN);
	pool4_give_back(pool, PROTOCOL_UDP, &taken.taddr, taken_id);
	g_assert_cmpuint(n_held(pool, id), ==, 0);

	/* A port of no entry has nobody to count it. */
	taken.taddr.port = 80;
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_OK);
	pool4_retire(pool, PROTOCOL_UDP, &taken.taddr, taken_id, 0, NOW);
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, 1));
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-16: ports of before a restart. */
static void test_hold_at_start(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct taddr4 taddr = {0xc0000201, 2000}, elsewhere = {0xc0000201, 80};
	struct taken taken;

	g_assert_true(
		pool4_hold_port(pool, PROTOCOL_UDP, &taddr, POOL4_HOLD_LEFT, hash_of(1), NOW));
	g_assert_true(pool4_check(pool));
	g_assert_false(
		pool4_hold_port(pool, PROTOCOL_UDP, &taddr, POOL4_HOLD_LEFT, hash_of(2), NOW));
	g_assert_false(
		pool4_hold_port(pool, PROTOCOL_UDP, &elsewhere, POOL4_HOLD_LEFT, hash_of(1), NOW));
	g_assert_false(
		pool4_hold_port(pool, PROTOCOL_TCP, &taddr, POOL4_HOLD_LEFT, hash_of(1), NOW));
	g_assert_cmpuint(n_held(pool, id), ==, 1);
	taken = take(pool, 2);
	g_assert_cmpuint(taken.taddr.port, ==, 2001);
	g_assert_false(pool4_hold_port(pool, PROTOCOL_UDP, &taken.taddr, POOL4_HOLD_LEFT,
				       hash_of(1), NOW));
	taken = take(pool, 1);
	g_assert_cmpuint(taken.taddr.port, ==, 2000);
	g_assert_cmpuint(n_reused(pool, id), ==, 0);
	pool4_free(pool);
}

/* P-16: lost ports are held for 120 s whatever the policy says, and those of a binding that ends
 * meanwhile as ever. */
static void test_lost_ports(void)
{
	static const struct pool4_policy short_ones = {
		.hold_ms = 10000, .hold_tcp_ms = 0, .max_held = {100, true}};
	struct pool4 *pool = new_pool(&short_ones);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2002");
	const struct taddr4 lost = {0xc0000201, 2000};
	struct taken taken;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_true(pool4_hold_port(pool, i, &lost, POOL4_HOLD_LOST, 0, NOW));
	g_assert_true(pool4_check(pool));
	taken = take(pool, 1);
	g_assert_cmpuint(taken.taddr.port, !=, 2000);
	retire(pool, &taken, NOW);
	g_assert_cmpuint(n_held(pool, id), ==, 2);
	expire(pool, NOW + 10000 + SLACK_MS);
	g_assert_cmpuint(n_held(pool, id), ==, 1);
	expire(pool, NOW + POOL4_HOLD_LOST_MS - 1);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_true(pool4_is_held(pool, i, &lost, 1));
	expire(pool, NOW + POOL4_HOLD_LOST_MS + SLACK_MS);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_false(pool4_is_held(pool, i, &lost, 1));
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-11, P-14: a port that an entry holds is the last choice of each entry that has it, and never a
 * reason to refuse, also when the ports held longest belong to others only. */
static void test_shared_addresses(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t general = pool4_fixture_add(pool, "192.0.2.1", "2000-2059");
	uint32_t special = pool4_fixture_add_for(pool, "192.0.2.1", "2050-2061", "2001:db8:1::/48",
						 POOL4_ANY_PREFIX, false);
	struct taken taken[60], other;

	for (unsigned i = 0; i < 60; i++)
		taken[i] = take(pool, i);
	/* First, and more than are looked at, those that the special entry has not. */
	for (unsigned i = 0; i < 60; i++) {
		if (taken[i].taddr.port < 2050)
			retire(pool, &taken[i], NOW);
	}
	for (unsigned i = 0; i < 60; i++) {
		if (taken[i].taddr.port >= 2050)
			retire(pool, &taken[i], NOW + 1000);
	}
	for (unsigned i = 0; i < 12; i++) {
		other = take(pool, 100);
		g_assert_cmpuint(other.id, ==, special);
		g_assert_cmpuint(n_reused(pool, special), ==, i < 2 ? 0 : i - 1);
		g_assert_cmpuint(n_held(pool, general), ==, i < 2 ? 60 : 61 - i);
	}
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 101, 1, 0, &other), ==, POOL4_EXHAUSTED);
	for (unsigned i = 0; i < 50; i++)
		g_assert_cmpuint(take(pool, 1).id, ==, general);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 1, 1, 0, &other), ==, POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-14: who is paired with an address that no entry has any more gets a held port elsewhere, when
 * there is no free one. */
static void test_paired_elsewhere(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	struct taken held, other;

	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	held = take(pool, 1);
	(void)take(pool, 2);
	retire(pool, &held, NOW);
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 3, 5000, 0xc0000209, &other), ==, POOL4_OK);
	g_assert_true(taddr4_equal(&other.taddr, &held.taddr));
	g_assert_cmpint(take_paired(pool, PROTOCOL_UDP, 3, 5000, 0xc0000209, &other), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-15, P-16: at the maximum the oldest ends, whether it was lost or left; of two of one time, the
 * lost one. */
static void test_oldest_of_both_kinds(void)
{
	static const struct {
		unsigned lost_ms, left_ms;
		bool lost_ends;
	} cases[] = {{0, 1000, true}, {1000, 0, false}, {0, 0, true}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pool4_policy policy = {.hold_ms = HOLD_MS, .max_held = {2, false}};
		struct pool4 *pool = new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		const struct taddr4 lost = {0xc0000201, 2000};
		struct taken left = take_from(pool, 1, 5001), third = take_from(pool, 2, 5001);

		for (unsigned first = 0; first < 2; first++) {
			if ((cases[i].lost_ms <= cases[i].left_ms) == (first == 0))
				g_assert_true(pool4_hold_port(pool, PROTOCOL_UDP, &lost,
							      POOL4_HOLD_LOST, 0,
							      NOW + cases[i].lost_ms));
			else
				retire(pool, &left, NOW + cases[i].left_ms);
		}
		g_assert_cmpuint(n_held(pool, id), ==, 2);
		retire(pool, &third, NOW + 2000);
		g_assert_cmpuint(n_held(pool, id), ==, 2);
		g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &third.taddr, 0));
		g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &lost, 1) != cases[i].lost_ends);
		g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &left.taddr, 0) ==
			      cases[i].lost_ends);
		pool4_free(pool);
	}
}

/* P-22: ports stay held when their entry goes, and when it comes again. */
static void test_entry_goes(void)
{
	struct pool4 *pool = new_pool(&all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2004");
	struct taken taken[3], other;
	char port[sizeof("65535")];

	for (unsigned i = 0; i < 3; i++)
		taken[i] = take(pool, i);
	for (unsigned i = 0; i < 3; i++)
		retire(pool, &taken[i], NOW);
	g_snprintf(port, sizeof(port), "%u", taken[0].taddr.port);
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);
	g_assert_true(pool4_check(pool));
	g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &taken[0].taddr, 0));

	/* One that has nothing else begins without a free port. */
	id = pool4_fixture_add(pool, "192.0.2.1", port);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);

	id = pool4_fixture_add(pool, "192.0.2.1", "2000-2004");
	g_assert_true(pool4_check(pool));
	for (unsigned i = 0; i < 2; i++) {
		other = take(pool, 9);
		for (unsigned j = 0; j < 3; j++)
			g_assert_cmpuint(other.taddr.port, !=, taken[j].taddr.port);
	}
	other = take(pool, 9);
	g_assert_true(taddr4_equal(&other.taddr, &taken[0].taddr));
	g_assert_cmpuint(n_reused(pool, id), ==, 1);
	expire(pool, NOW + HOLD_MS + SLACK_MS);
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken[1].taddr, 0));
	(void)take(pool, 9);
	g_assert_cmpuint(n_reused(pool, id), ==, 1);
	pool4_free(pool);
}

/* What a held port costs, besides what its binding did: at most 56 bytes, and nothing when it is
 * over. 65 536 of them at 16 addresses, and 16 at each of 4096. */
static void test_memory(void)
{
	static const struct {
		const char *addresses;
		unsigned n_addresses;
	} cases[] = {{"198.18.0.0/28", 16}, {"198.18.0.0/20", 4096}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pool4 *pool = new_pool(&all_of_it);
		uint32_t id = pool4_fixture_add(pool, cases[i].addresses, "1024-65535"), taken_id;
		unsigned budget = 100000;
		size_t before;

		for (unsigned j = 0; j < 65536; j++) {
			struct taddr4 taddr = {0xc6120000 + j % cases[i].n_addresses,
					       (uint16_t)(2000 + j / cases[i].n_addresses)};

			g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taddr, &taken_id),
					==, POOL4_OK);
		}
		before = pool4_memory(pool);
		for (unsigned j = 0; j < 65536; j++) {
			struct taddr4 taddr = {0xc6120000 + j % cases[i].n_addresses,
					       (uint16_t)(2000 + j / cases[i].n_addresses)};

			pool4_retire(pool, PROTOCOL_UDP, &taddr, id, j, NOW);
		}
		g_test_message("%.1f bytes a held port",
			       (double)(pool4_memory(pool) - before) / 65536);
		g_assert_cmpuint(pool4_memory(pool) - before, <=, 56 * 65536);
		pool4_expire(pool, NOW + HOLD_MS + SLACK_MS, &budget);
		g_assert_cmpuint(n_held(pool, id), ==, 0);
		g_assert_cmpuint(pool4_memory(pool), <, 256 * 1024);
		g_assert_true(pool4_check(pool));
		pool4_free(pool);
	}
}

/* K-8: a hold is never shorter than its time: units are rounded up. */
static void test_unit(void)
{
	g_assert_cmpuint(pool4_hold_unit(0), ==, 0);
	g_assert_cmpuint(pool4_hold_unit(1), ==, 1);
	g_assert_cmpuint(pool4_hold_unit(POOL4_HOLD_UNIT_MS), ==, 1);
	g_assert_cmpuint(pool4_hold_unit(POOL4_HOLD_UNIT_MS + 1), ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-hold/unit", test_unit);
	g_test_add_func("/pool4-hold/last-choice", test_last_choice);
	g_test_add_func("/pool4-hold/same-client", test_same_client);
	g_test_add_func("/pool4-hold/longest-held-first", test_longest_held_first);
	g_test_add_func("/pool4-hold/after-everything-free", test_after_everything_free);
	g_test_add_func("/pool4-hold/duration", test_duration);
	g_test_add_func("/pool4-hold/expiry-in-parts", test_expiry_in_parts);
	g_test_add_func("/pool4-hold/maximum", test_maximum);
	g_test_add_func("/pool4-hold/lowered-maximum", test_lowered_maximum);
	g_test_add_func("/pool4-hold/limit-of-all", test_limit_of_all);
	g_test_add_func("/pool4-hold/changed-time", test_changed_time);
	g_test_add_func("/pool4-hold/protocols", test_protocols);
	g_test_add_func("/pool4-hold/exactly", test_exactly);
	g_test_add_func("/pool4-hold/hold-at-start", test_hold_at_start);
	g_test_add_func("/pool4-hold/lost", test_lost_ports);
	g_test_add_func("/pool4-hold/shared-addresses", test_shared_addresses);
	g_test_add_func("/pool4-hold/paired-elsewhere", test_paired_elsewhere);
	g_test_add_func("/pool4-hold/oldest-of-both-kinds", test_oldest_of_both_kinds);
	g_test_add_func("/pool4-hold/entry-goes", test_entry_goes);
	g_test_add_func("/pool4-hold/memory", test_memory);
	return g_test_run();
}
