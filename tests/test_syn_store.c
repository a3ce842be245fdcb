/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stored SYNs: bounded (S-36), oldest first, found by the whole tuple and by the peer (S-30). */
#include <glib.h>

#include "daemon/core/syn_store.h"

#define SEED 6149

static const struct siphash_key key = {{5, 6}};
static const uint8_t packet[SYN_STORE_PACKET_MAX + 100] = {0x45, [SYN_STORE_PACKET_MAX - 1] = 9};

static struct taddr4 mapped(uint16_t port)
{
	return (struct taddr4){0xcb007101, port};
}

static struct taddr4 peer(uint16_t port)
{
	return (struct taddr4){0xc0000201, port};
}

static bool add(struct syn_store *store, uint16_t mapped_port, uint16_t peer_port,
		uint64_t expires_ms)
{
	struct taddr4 to = mapped(mapped_port);
	struct taddr4 from = peer(peer_port);

	return syn_store_add(store, &to, &from, packet, 60, expires_ms);
}

static uint32_t find(const struct syn_store *store, uint16_t mapped_port, uint16_t peer_port)
{
	struct taddr4 to = mapped(mapped_port);
	struct taddr4 from = peer(peer_port);

	return syn_store_find(store, &to, &from);
}

static uint32_t find_by_peer(const struct syn_store *store, uint16_t peer_port)
{
	struct taddr4 from = peer(peer_port);

	return syn_store_find_by_peer(store, &from);
}

static void test_find(void)
{
	struct syn_store store;
	uint32_t index;

	syn_store_init(&store, &key, 10);
	g_assert_cmpuint(find(&store, 1, 2), ==, SLAB_NONE);
	g_assert_cmpuint(syn_store_next_deadline(&store), ==, UINT64_MAX);
	g_assert_cmpuint(syn_store_expired(&store, UINT64_MAX), ==, SLAB_NONE);
	g_assert_true(add(&store, 1, 2, 6000));
	index = find(&store, 1, 2);
	g_assert_cmpuint(index, !=, SLAB_NONE);
	g_assert_cmpuint(find(&store, 2, 1), ==, SLAB_NONE);
	g_assert_cmpuint(find(&store, 1, 1), ==, SLAB_NONE);
	g_assert_cmpuint(find_by_peer(&store, 2), ==, index);
	g_assert_cmpuint(find_by_peer(&store, 1), ==, SLAB_NONE);
	g_assert_cmpmem(syn_store_at(&store, index)->packet,
			syn_store_at(&store, index)->packet_size, packet, 60);
	g_assert_true(syn_store_check(&store));
	syn_store_remove(&store, index);
	g_assert_cmpuint(find(&store, 1, 2), ==, SLAB_NONE);
	g_assert_cmpuint(find_by_peer(&store, 2), ==, SLAB_NONE);
	g_assert_true(syn_store_check(&store));
	syn_store_deinit(&store);
	syn_store_deinit(NULL);
}

/* As much as an ICMP error can quote, and no more. */
static void test_long_packet(void)
{
	struct syn_store store;
	struct taddr4 to = mapped(1);
	struct taddr4 from = peer(2);
	const struct stored_syn *syn;

	g_assert_cmpuint(20 + 8 + SYN_STORE_PACKET_MAX, ==, 576);
	syn_store_init(&store, &key, 1);
	g_assert_true(syn_store_add(&store, &to, &from, packet, sizeof(packet), 6000));
	syn = syn_store_at(&store, store.oldest);
	g_assert_cmpmem(syn->packet, syn->packet_size, packet, SYN_STORE_PACKET_MAX);
	syn_store_deinit(&store);
}

/* S-36: full is full, nothing else is pushed out. */
static void test_limit(void)
{
	struct syn_store store;

	syn_store_init(&store, &key, 3);
	for (uint16_t i = 0; i < 3; i++)
		g_assert_true(add(&store, i, 2, 6000));
	g_assert_false(add(&store, 3, 2, 6001));
	g_assert_false(add(&store, 3, 3, 6001));
	g_assert_cmpuint(find(&store, 0, 2), !=, SLAB_NONE);
	g_assert_true(syn_store_check(&store));
	syn_store_remove(&store, find(&store, 1, 2));
	g_assert_true(add(&store, 3, 3, 6001));
	g_assert_true(syn_store_check(&store));
	syn_store_deinit(&store);
}

static void test_expiry(void)
{
	struct syn_store store;

	syn_store_init(&store, &key, 10);
	for (uint16_t i = 0; i < 3; i++)
		g_assert_true(add(&store, i, i, 6000 + i * 10u));
	g_assert_cmpuint(syn_store_next_deadline(&store), ==, 6000);
	g_assert_cmpuint(syn_store_expired(&store, 5999), ==, SLAB_NONE);
	syn_store_remove(&store, find(&store, 1, 1));
	g_assert_cmpuint(syn_store_expired(&store, 6000), ==, find(&store, 0, 0));
	syn_store_remove(&store, syn_store_expired(&store, 6000));
	g_assert_cmpuint(syn_store_next_deadline(&store), ==, 6020);
	g_assert_cmpuint(syn_store_expired(&store, 9000), ==, find(&store, 2, 2));
	syn_store_deinit(&store);
}

/* S-30: of several from one peer the one that waited longest, also after removals anywhere. */
static void test_oldest_of_peer(void)
{
	struct syn_store store;

	syn_store_init(&store, &key, 100);
	for (uint16_t i = 0; i < 5; i++) {
		g_assert_true(add(&store, i, 7, 6000u + i));
		g_assert_true(add(&store, i, 8, 6000u + i));
	}
	g_assert_cmpuint(find_by_peer(&store, 7), ==, find(&store, 0, 7));
	syn_store_remove(&store, find(&store, 1, 7));
	g_assert_cmpuint(find_by_peer(&store, 7), ==, find(&store, 0, 7));
	syn_store_remove(&store, find(&store, 0, 7));
	g_assert_cmpuint(find_by_peer(&store, 7), ==, find(&store, 2, 7));
	g_assert_cmpuint(find_by_peer(&store, 8), ==, find(&store, 0, 8));
	syn_store_remove(&store, find(&store, 4, 7));
	g_assert_cmpuint(find_by_peer(&store, 7), ==, find(&store, 2, 7));
	g_assert_true(syn_store_check(&store));
	syn_store_remove(&store, find(&store, 2, 7));
	syn_store_remove(&store, find(&store, 3, 7));
	g_assert_cmpuint(find_by_peer(&store, 7), ==, SLAB_NONE);
	g_assert_true(syn_store_check(&store));
	syn_store_deinit(&store);
}

/* Random operations against an array of arrival numbers, in which 0 is "not there". */
static void test_churn(void)
{
	enum { N_MAPPED = 8, N_PEERS = 8, LIMIT = 40 };
	GRand *random = g_rand_new_with_seed(SEED);
	unsigned arrived[N_MAPPED][N_PEERS] = {{0}};
	unsigned n = 0;
	struct syn_store store;

	syn_store_init(&store, &key, LIMIT);
	for (unsigned step = 1; step < 5000; step++) {
		uint16_t to = (uint16_t)g_rand_int_range(random, 0, N_MAPPED);
		uint16_t from = (uint16_t)g_rand_int_range(random, 0, N_PEERS);
		uint32_t index = find(&store, to, from);
		unsigned oldest = to;

		g_assert_true((index != SLAB_NONE) == (arrived[to][from] != 0));
		if (index != SLAB_NONE) {
			syn_store_remove(&store, index);
			arrived[to][from] = 0;
			n--;
		} else {
			g_assert_true(add(&store, to, from, step) == (n < LIMIT));
			arrived[to][from] = n < LIMIT ? step : 0;
			n += arrived[to][from] != 0;
		}
		for (unsigned i = 0; i < N_MAPPED; i++) {
			if (arrived[i][from] != 0 && (arrived[oldest][from] == 0 ||
						      arrived[i][from] < arrived[oldest][from]))
				oldest = i;
		}
		g_assert_cmpuint(find_by_peer(&store, from), ==,
				 find(&store, (uint16_t)oldest, from));
		g_assert_true(syn_store_check(&store));
	}
	syn_store_deinit(&store);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/syn_store/find", test_find);
	g_test_add_func("/syn_store/long_packet", test_long_packet);
	g_test_add_func("/syn_store/limit", test_limit);
	g_test_add_func("/syn_store/expiry", test_expiry);
	g_test_add_func("/syn_store/oldest_of_peer", test_oldest_of_peer);
	g_test_add_func("/syn_store/churn", test_churn);
	return g_test_run();
}
