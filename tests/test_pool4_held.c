/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets a port that is held: the client that left it, and others when there is no other port
 * (P-14). */
#include <glib.h>

#include "tests/hold_fixture.h"
#include "tests/pool4_fixture.h"

/* P-14: another client gets every other port first, then this one, and that is counted. */
static void test_last_choice(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2019");
	struct hold_taken held = hold_take(pool, 1), other;

	hold_retire(pool, &held, HOLD_NOW);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 1);
	g_assert_cmpuint(pool4_entry(pool, id)->n_used[PROTOCOL_UDP], ==, 0);
	for (unsigned i = 0; i < 19; i++) {
		other = hold_take(pool, 2 + i);
		g_assert_cmpuint(other.taddr.port, !=, held.taddr.port);
		g_assert_cmpuint(hold_n_reused(pool, id), ==, 0);
	}
	other = hold_take(pool, 30);
	g_assert_true(taddr4_equal(&other.taddr, &held.taddr));
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 1);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 0);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 31, 1, 0, &other), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-14: the same client may have it back, and that is no reuse; by number, too (P-10). */
static void test_same_client(void)
{
	struct pool4_policy policy = hold_all_of_it;
	struct pool4 *pool = hold_new_pool(&policy);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	struct hold_taken mine = hold_take(pool, 1), other = hold_take(pool, 2), again;

	hold_retire(pool, &other, HOLD_NOW);
	hold_retire(pool, &mine, HOLD_NOW);
	again = hold_take(pool, 1);
	g_assert_true(taddr4_equal(&again.taddr, &mine.taddr));
	again = hold_take(pool, 2);
	g_assert_true(taddr4_equal(&again.taddr, &other.taddr));
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 0);
	pool4_free(pool);

	policy.preserve_port = true;
	pool = hold_new_pool(&policy);
	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2019");
	mine = hold_take_from(pool, 1, 2007);
	g_assert_cmpuint(mine.taddr.port, ==, 2007);
	hold_retire(pool, &mine, HOLD_NOW);
	other = hold_take_from(pool, 2, 2007);
	g_assert_cmpuint(other.taddr.port, !=, 2007);
	again = hold_take_from(pool, 1, 2007);
	g_assert_cmpuint(again.taddr.port, ==, 2007);
	pool4_free(pool);
}

/* P-14: of those that are held, the one that was held longest. */
static void test_longest_held_first(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2039");
	struct hold_taken taken[40], other;

	for (unsigned i = 0; i < 40; i++)
		taken[i] = hold_take(pool, i);
	for (unsigned i = 0; i < 40; i++)
		hold_retire(pool, &taken[i * 7 % 40], HOLD_NOW + i * 10);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 40);
	for (unsigned i = 0; i < 40; i++) {
		other = hold_take(pool, 99);
		g_assert_true(taddr4_equal(&other.taddr, &taken[i * 7 % 40].taddr));
	}
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 40);
	pool4_free(pool);
}

/* P-14: free ports of a worse class, and of another address, come before held ones; but a strict
 * pairing stays with its address (P-4). */
static void test_after_everything_free(void)
{
	struct pool4_policy policy = hold_all_of_it;
	struct pool4 *pool;
	struct hold_taken held[2], other;
	uint32_t here;

	policy.parity = true;
	pool = hold_new_pool(&policy);
	(void)pool4_fixture_add(pool, "192.0.2.1-192.0.2.2", "1023-1024");
	for (unsigned i = 0; i < 2; i++)
		held[i] = hold_take_from(pool, 1, 5000);
	here = held[0].taddr.addr;
	g_assert_cmpuint(held[1].taddr.addr, ==, here);
	g_assert_cmpuint(held[0].taddr.port, ==, 1024);
	hold_retire(pool, &held[0], HOLD_NOW);
	pool4_give_back(pool, PROTOCOL_UDP, &held[1].taddr, held[1].id);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_cmpuint(other.taddr.addr, ==, here);
	g_assert_cmpuint(other.taddr.port, ==, 1023);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_cmpuint(other.taddr.addr, !=, here);
	pool4_give_back(pool, PROTOCOL_UDP, &other.taddr, other.id);

	policy.strict_pairing = true;
	pool4_set_policy(pool, &policy);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==, POOL4_OK);
	g_assert_true(taddr4_equal(&other.taddr, &held[0].taddr));
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 2, 5000, here, &other), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-14: what the administrator binds takes no notice of holds; what was not used is not held. */
static void test_exactly(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2001"), taken_id;
	struct hold_taken taken = hold_take(pool, 1);

	hold_retire(pool, &taken, HOLD_NOW);
	g_assert_true(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, hold_hash_of(2)));
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, hold_hash_of(1)));
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_OK);
	g_assert_true(pool4_check(pool));
	g_assert_cmpuint(hold_n_held(pool, id), ==, 0);
	g_assert_cmpuint(hold_n_reused(pool, id), ==, 0);
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_TAKEN);
	pool4_give_back(pool, PROTOCOL_UDP, &taken.taddr, taken_id);
	g_assert_cmpuint(hold_n_held(pool, id), ==, 0);

	/* A port of no entry has nobody to count it. */
	taken.taddr.port = 80;
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taken.taddr, &taken_id), ==,
			POOL4_OK);
	pool4_retire(pool, PROTOCOL_UDP, &taken.taddr, taken_id, 0, HOLD_NOW);
	g_assert_false(pool4_is_held(pool, PROTOCOL_UDP, &taken.taddr, 1));
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-11, P-14: a port that an entry holds is the last choice of each entry that has it, and never a
 * reason to refuse, also when the ports held longest belong to others only. */
static void test_shared_addresses(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	uint32_t general = pool4_fixture_add(pool, "192.0.2.1", "2000-2059");
	uint32_t special = pool4_fixture_add_for(pool, "192.0.2.1", "2050-2061", "2001:db8:1::/48",
						 POOL4_ANY_PREFIX, false);
	struct hold_taken taken[60], other;

	for (unsigned i = 0; i < 60; i++)
		taken[i] = hold_take(pool, i);
	/* First, and more than are looked at, those that the special entry has not. */
	for (unsigned i = 0; i < 60; i++) {
		if (taken[i].taddr.port < 2050)
			hold_retire(pool, &taken[i], HOLD_NOW);
	}
	for (unsigned i = 0; i < 60; i++) {
		if (taken[i].taddr.port >= 2050)
			hold_retire(pool, &taken[i], HOLD_NOW + 1000);
	}
	for (unsigned i = 0; i < 12; i++) {
		other = hold_take(pool, 100);
		g_assert_cmpuint(other.id, ==, special);
		g_assert_cmpuint(hold_n_reused(pool, special), ==, i < 2 ? 0 : i - 1);
		g_assert_cmpuint(hold_n_held(pool, general), ==, i < 2 ? 60 : 61 - i);
	}
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 101, 1, 0, &other), ==,
			POOL4_EXHAUSTED);
	for (unsigned i = 0; i < 50; i++)
		g_assert_cmpuint(hold_take(pool, 1).id, ==, general);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 1, 1, 0, &other), ==, POOL4_EXHAUSTED);
	pool4_free(pool);
}

/* P-14, P-21: a client's own port is looked for among the sixteen that are held longest, so that
 * the work is bounded; behind these it is as good as any other. */
static void test_bounded_look(void)
{
	for (unsigned n_before = 14; n_before < 19; n_before++) {
		struct pool4 *pool = hold_new_pool(&hold_all_of_it);
		uint32_t id = pool4_fixture_add(pool, "192.0.2.1", "2000-2019");
		struct hold_taken taken[20], again;

		for (unsigned i = 0; i < 20; i++)
			taken[i] = hold_take(pool, i == n_before ? 50 : i);
		for (unsigned i = 0; i < 20; i++)
			hold_retire(pool, &taken[i], HOLD_NOW + 1000 * i);
		again = hold_take(pool, 50);
		g_assert_true(
			taddr4_equal(&again.taddr, &taken[n_before < 16 ? n_before : 0].taddr));
		g_assert_cmpuint(hold_n_reused(pool, id), ==, n_before < 16 ? 0 : 1);
		pool4_free(pool);
	}
}

/* P-14: who is paired with an address that no entry has any more gets a held port elsewhere, when
 * there is no free one. */
static void test_paired_elsewhere(void)
{
	struct pool4 *pool = hold_new_pool(&hold_all_of_it);
	struct hold_taken held, other;

	(void)pool4_fixture_add(pool, "192.0.2.1", "2000-2001");
	held = hold_take(pool, 1);
	(void)hold_take(pool, 2);
	hold_retire(pool, &held, HOLD_NOW);
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 3, 5000, 0xc0000209, &other), ==,
			POOL4_OK);
	g_assert_true(taddr4_equal(&other.taddr, &held.taddr));
	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, 3, 5000, 0xc0000209, &other), ==,
			POOL4_EXHAUSTED);
	pool4_free(pool);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-held/last-choice", test_last_choice);
	g_test_add_func("/pool4-held/same-client", test_same_client);
	g_test_add_func("/pool4-held/longest-held-first", test_longest_held_first);
	g_test_add_func("/pool4-held/after-everything-free", test_after_everything_free);
	g_test_add_func("/pool4-held/exactly", test_exactly);
	g_test_add_func("/pool4-held/shared-addresses", test_shared_addresses);
	g_test_add_func("/pool4-held/bounded-look", test_bounded_look);
	g_test_add_func("/pool4-held/paired-elsewhere", test_paired_elsewhere);
	return g_test_run();
}
