/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port hold-down: how long ports are held, how many, and of what: P-14, P-15, P-16, P-22, K-8, X-1.
 * Who gets them: test_pool4_held.c. Random operations: property/test_pool4_model.c.
 */
#include <glib.h>

#include "daemon/core/pool4_internal.h"
#include "tests/hold_fixture.h"
#include "tests/pool4_fixture.h"

/* K-8: for the time of the hold and not much longer; nothing is left behind. */
static void test_duration(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	size_t before;
	struct hold_taken taken;

	g_assert_cmpuint(pool4_next_deadline(pool), ==, UINT64_MAX);
	before = pool4_memory(pool);
	for (unsigned i = 0; i < 100; i++) {
		taken = hold_take(pool, 1);
		hold_retire(pool, &taken, HOLD_NOW + i * 1000);
	}
	for (unsigned i = 0; i < 100; i++) {
		g_assert_cmpuint(pool4_next_deadline(pool), <=,
				 HOLD_NOW + HOLD_MS + i * 1000 + HOLD_SLACK_MS);
		hold_expire(pool, HOLD_NOW + HOLD_MS + i * 1000 - 1);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 100 - i);
		hold_expire(pool, HOLD_NOW + HOLD_MS + i * 1000 + HOLD_SLACK_MS);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 99 - i);
	}
	g_assert_cmpuint(pool4_next_deadline(pool), ==, UINT64_MAX);
	/* One empty chunk of each table may stay. */
	g_assert_cmpuint(pool4_memory(pool) - before, <, 256 * 1024);
	pool4_free(pool);
}

/* The work of one call is what its budget says. */
static void test_expiry_in_parts(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	unsigned budget = 30;
	struct hold_taken taken;
	uint64_t n_left;

	for (unsigned i = 0; i < 100; i++) {
		taken = hold_take(pool, i);
		hold_retire(pool, &taken, HOLD_NOW);
	}
	pool4_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS, &budget);
	g_assert_cmpuint(budget, ==, 0);
	g_assert_true(pool4_check(pool));
	g_assert_cmpuint(hold_n_held(pool, id), >=, 70);
	g_assert_cmpuint(hold_n_held(pool, id), <=, 75);

	/* Where the queue is due, one of the budget goes to it, the rest to its holds. */
	n_left = hold_n_held(pool, id);
	budget = 2;
	pool4_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS, &budget);
	g_assert_cmpuint(hold_n_held(pool, id), ==, n_left - 1);
	hold_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 0);
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
		struct pool4 *pool = hold_new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		struct hold_taken taken[30];

		for (unsigned j = 0; j < 30; j++)
			taken[j] = hold_take(pool, j);
		for (unsigned j = 0; j < 30; j++) {
			hold_retire(pool, &taken[j], HOLD_NOW + j);
			g_assert_cmpuint(hold_n_held(pool, id), ==, MIN(j + 1, cases[i].n_held));
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
	struct pool4_policy policy = hold_all_of_it;
	struct pool4 *pool = hold_new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2999");
	struct hold_taken taken;

	for (unsigned i = 0; i < 50; i++) {
		taken = hold_take(pool, i);
		hold_retire(pool, &taken, HOLD_NOW);
	}
	policy.max_held = (struct port_share){10, false};
	pool4_set_policy(pool, &policy);
	/* Two less with each that comes, which is not held itself, and then no more of that. */
	for (unsigned i = 1; i <= 42; i++) {
		taken = hold_take(pool, 100 + i);
		hold_retire(pool, &taken, HOLD_NOW);
		g_assert_cmpuint(hold_n_held(pool, id), ==, i < 20 ? 50 - 2 * i : 10);
	}
	pool4_free(pool);
}

/* one bound for all entries, which none can take from the others. */
static void test_limit_of_all(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t first = pool4_fixture_add_for(pool, "192.0.2.1", "2000-2029", "2001:db8::/48",
					       POOL4_ANY_PREFIX, false);
	uint32_t second = pool4_fixture_add_for(pool, "192.0.2.2", "2000-2029", "2001:db8:1::/48",
						POOL4_ANY_PREFIX, false);
	struct hold_taken taken;

	pool4_set_held_limit(pool, 10);
	for (unsigned i = 0; i < 20; i++) {
		taken = hold_take(pool, i);
		hold_retire(pool, &taken, HOLD_NOW);
	}
	taken = hold_take(pool, 100);
	hold_retire(pool, &taken, HOLD_NOW);
	g_assert_cmpuint(hold_n_held(pool, first), ==, 10);
	g_assert_cmpuint(hold_n_held(pool, second), ==, 0);
	hold_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS);
	taken = hold_take(pool, 100);
	hold_retire(pool, &taken, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS);
	g_assert_cmpuint(hold_n_held(pool, second), ==, 1);
	pool4_free(pool);
}

/* P-15: a changed time holds for what is held already. */
static void test_changed_time(void)
{
	static const uint32_t times[] = {10000, 300000, 0};

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		struct pool4_policy policy = hold_all_of_it;
		struct pool4 *pool = hold_new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		struct hold_taken taken[2] = {hold_take(pool, 1), hold_take(pool, 2)};

		hold_retire(pool, &taken[0], HOLD_NOW);
		hold_retire(pool, &taken[1], HOLD_NOW + 5000);
		policy.hold_ms = times[i];
		pool4_set_policy(pool, &policy);
		g_assert_true(pool4_check(pool));
		hold_expire(pool, HOLD_NOW + times[i]);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 2);
		hold_expire(pool, HOLD_NOW + times[i] + HOLD_SLACK_MS);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 1);
		hold_expire(pool, HOLD_NOW + times[i] + 5000 + HOLD_SLACK_MS);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 0);
		pool4_free(pool);
	}
}

/* Each entry holds its own ports, of each protocol and kind. */
static void test_several_entries(void)
{
	static const struct pool4_policy policy = {
		.hold_ms = HOLD_MS, .hold_tcp_ms = HOLD_MS, .max_held = {100, true}};
	struct pool4 *pool = hold_new_pool(&policy);
	uint32_t id[3];

	for (unsigned i = 0; i < G_N_ELEMENTS(id); i++) {
		g_autofree char *address = g_strdup_printf("192.0.2.%u", i + 1);

		id[i] = pool4_fixture_add(pool, address, "2000-2009");
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(id); i++) {
		for (unsigned j = 0; j < N_PROTOCOLS * N_POOL4_HOLD_KINDS; j++) {
			const struct taddr4 taddr = {0xc0000201 + i, (uint16_t)(2000 + j)};
			uint32_t unused;

			if (j / N_PROTOCOLS == POOL4_HOLD_LOST) {
				g_assert_true(pool4_hold_port(pool, j % N_PROTOCOLS, &taddr,
							      POOL4_HOLD_LOST, 0, HOLD_NOW));
			} else {
				g_assert_cmpint(
					pool4_take_exactly(pool, j % N_PROTOCOLS, &taddr, &unused),
					==, POOL4_OK);
				pool4_retire(pool, j % N_PROTOCOLS, &taddr, id[i], 1, HOLD_NOW);
			}
			g_assert_true(pool4_check(pool));
		}
		for (unsigned j = 0; j < N_PROTOCOLS; j++)
			g_assert_cmpuint(pool4_entry(pool, id[i])->n_held[j], ==,
					 N_POOL4_HOLD_KINDS);
	}
	/* And they stay held when it goes (P-22). */
	for (unsigned i = 0; i < G_N_ELEMENTS(id); i++) {
		g_assert_cmpint(pool4_remove(pool, id[i]), ==, POOL4_OK);
		g_assert_true(pool4_check(pool));
		g_assert_cmpuint(pool->n_left, ==, (i + 1) * N_PROTOCOLS * N_POOL4_HOLD_KINDS);
	}
	hold_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS);
	g_assert_cmpuint(pool4_n_held(pool), ==, 0);
	pool4_free(pool);
}

/* P-14: identifiers like UDP ports; TCP ports are free at once unless configured otherwise. */
static void test_protocols(void)
{
	struct pool4_policy policy = hold_all_of_it;
	struct pool4 *pool = hold_new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct hold_taken taken;

	for (unsigned round = 0; round < 2; round++) {
		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			bool held = protocol != PROTOCOL_TCP || round > 0;

			g_assert_cmpint(hold_take_paired(pool, protocol, 1, 7, 0, &taken), ==,
					POOL4_OK);
			hold_retire(pool, &taken, HOLD_NOW);
			g_assert_cmpuint(pool4_entry(pool, id)->n_held[protocol], ==,
					 held ? round + (protocol != PROTOCOL_TCP) : 0);
			g_assert_true(pool4_is_held(pool, protocol, &taken.taddr, 0) == held);
		}
		policy.hold_tcp_ms = 1000;
		pool4_set_policy(pool, &policy);
	}
	hold_expire(pool, HOLD_NOW + 1000 + HOLD_SLACK_MS);
	g_assert_cmpuint(pool4_entry(pool, id)->n_held[PROTOCOL_TCP], ==, 0);
	g_assert_cmpuint(pool4_entry(pool, id)->n_held[PROTOCOL_ICMP], ==, 2);
	pool4_free(pool);
}

/* P-16: ports of before a restart. */
static void test_hold_at_start(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct taddr4 taddr = {0xc0000201, 2000}, elsewhere = {0xc0000201, 80};
	struct hold_taken taken;

	g_assert_true(pool4_hold_port(pool, PROTOCOL_UDP, &taddr, POOL4_HOLD_LEFT, hold_hash_of(1),
				      HOLD_NOW));
	g_assert_true(pool4_check(pool));
	g_assert_false(pool4_hold_port(pool, PROTOCOL_UDP, &taddr, POOL4_HOLD_LEFT, hold_hash_of(2),
				       HOLD_NOW));
	g_assert_false(pool4_hold_port(pool, PROTOCOL_UDP, &elsewhere, POOL4_HOLD_LEFT,
				       hold_hash_of(1), HOLD_NOW));
	g_assert_false(pool4_hold_port(pool, PROTOCOL_TCP, &taddr, POOL4_HOLD_LEFT, hold_hash_of(1),
				       HOLD_NOW));
	g_assert_cmpuint(hold_n_held(pool, id), ==, 1);
	taken = hold_take(pool, 2);
	g_assert_cmpuint(taken.taddr.port, ==, 2001);
	g_assert_false(pool4_hold_port(pool, PROTOCOL_UDP, &taken.taddr, POOL4_HOLD_LEFT,
				       hold_hash_of(1), HOLD_NOW));
	taken = hold_take(pool, 1);
	g_assert_cmpuint(taken.taddr.port, ==, 2000);
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 0);
	pool4_free(pool);
}

/* P-16: lost ports are held for 120 s whatever the policy says, and those of a binding that ends
 * meanwhile as ever. */
static void test_lost_ports(void)
{
	static const struct pool4_policy short_ones = {
		.hold_ms = 10000, .hold_tcp_ms = 0, .max_held = {100, true}};
	struct pool4 *pool = hold_new_pool(&short_ones);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2002");
	const struct taddr4 lost = {0xc0000201, 2000};
	struct hold_taken taken;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_true(pool4_hold_port(pool, i, &lost, POOL4_HOLD_LOST, 0, HOLD_NOW));
	g_assert_true(pool4_check(pool));
	taken = hold_take(pool, 1);
	g_assert_cmpuint(taken.taddr.port, !=, 2000);
	hold_retire(pool, &taken, HOLD_NOW);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 2);
	hold_expire(pool, HOLD_NOW + 10000 + HOLD_SLACK_MS);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 1);
	hold_expire(pool, HOLD_NOW + POOL4_HOLD_LOST_MS - 1);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_true(pool4_is_held(pool, i, &lost, 1));
	hold_expire(pool, HOLD_NOW + POOL4_HOLD_LOST_MS + HOLD_SLACK_MS);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_false(pool4_is_held(pool, i, &lost, 1));
	g_assert_true(pool4_check(pool));
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
		struct pool4 *pool = hold_new_pool(&policy);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2029");
		const struct taddr4 lost = {0xc0000201, 2000};
		struct hold_taken left = hold_take_from(pool, 1, 5001),
				  third = hold_take_from(pool, 2, 5001);

		for (unsigned first = 0; first < 2; first++) {
			if ((cases[i].lost_ms <= cases[i].left_ms) == (first == 0))
				g_assert_true(pool4_hold_port(pool, PROTOCOL_UDP, &lost,
							      POOL4_HOLD_LOST, 0,
							      HOLD_NOW + cases[i].lost_ms));
			else
				hold_retire(pool, &left, HOLD_NOW + cases[i].left_ms);
		}
		g_assert_cmpuint(hold_n_held(pool, id), ==, 2);
		hold_retire(pool, &third, HOLD_NOW + 2000);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 2);
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
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2004");
	struct hold_taken taken[3], other;
	char port[sizeof("65535")];

	for (unsigned i = 0; i < 3; i++)
		taken[i] = hold_take(pool, i);
	for (unsigned i = 0; i < 3; i++)
		hold_retire(pool, &taken[i], HOLD_NOW);
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
		other = hold_take(pool, 9);
		for (unsigned j = 0; j < 3; j++)
			g_assert_cmpuint(other.taddr.port, !=, taken[j].taddr.port);
	}
	other = hold_take(pool, 9);
	g_assert_true(taddr4_equal(&other.taddr, &taken[0].taddr));
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 1);
	hold_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS);
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken[1].taddr, 0));
	(void)hold_take(pool, 9);
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 1);
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
		struct pool4 *pool = hold_new_pool(&hold_all_of_it);
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

			pool4_retire(pool, PROTOCOL_UDP, &taddr, id, j, HOLD_NOW);
		}
		g_test_message("%.1f bytes a held port",
			       (double)(pool4_memory(pool) - before) / 65536);
		g_assert_cmpuint(pool4_memory(pool) - before, <=, 56 * 65536);
		pool4_expire(pool, HOLD_NOW + HOLD_MS + HOLD_SLACK_MS, &budget);
		g_assert_cmpuint(hold_n_held(pool, id), ==, 0);
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
	g_test_add_func("/pool4-hold/duration", test_duration);
	g_test_add_func("/pool4-hold/expiry-in-parts", test_expiry_in_parts);
	g_test_add_func("/pool4-hold/maximum", test_maximum);
	g_test_add_func("/pool4-hold/lowered-maximum", test_lowered_maximum);
	g_test_add_func("/pool4-hold/limit-of-all", test_limit_of_all);
	g_test_add_func("/pool4-hold/changed-time", test_changed_time);
	g_test_add_func("/pool4-hold/several-entries", test_several_entries);
	g_test_add_func("/pool4-hold/protocols", test_protocols);
	g_test_add_func("/pool4-hold/hold-at-start", test_hold_at_start);
	g_test_add_func("/pool4-hold/lost", test_lost_ports);
	g_test_add_func("/pool4-hold/oldest-of-both-kinds", test_oldest_of_both_kinds);
	g_test_add_func("/pool4-hold/entry-goes", test_entry_goes);
	g_test_add_func("/pool4-hold/memory", test_memory);
	g_test_add_func("/pool4-hold/unit", test_unit);
	return g_test_run();
}
