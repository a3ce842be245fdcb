/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interval tree against a plain list. */
#include <glib.h>
#include <string.h>

#include "daemon/core/pool4_index.h"

#define NODES 200
#define N     5000 /* of nodes that are not in the tree */

/* Overlapping, nested and equal ranges come and go; every search finds what a scan finds. */
static void test_against_scan(void)
{
	g_autofree struct pool4_index_node *nodes = g_new0(struct pool4_index_node, NODES);
	g_autoptr(GRand) rand = g_rand_new_with_seed(4);
	struct pool4_index index = {NULL};
	bool present[NODES] = {false};

	for (unsigned step = 0; step < 4000; step++) {
		unsigned i = (unsigned)g_rand_int_range(rand, 0, NODES);
		struct addr4_range range;
		unsigned n_found = 0, n_expected = 0;

		range.first = (uint32_t)g_rand_int_range(rand, 0, 1000);
		range.last = range.first + (uint32_t)g_rand_int_range(rand, 0, 1 << (step % 8));
		if (step % 97 == 0)
			range = (struct addr4_range){0, UINT32_MAX};
		if (present[i]) {
			pool4_index_remove(&index, &nodes[i]);
		} else {
			/* Whatever was in the node. */
			memset(&nodes[i], 0xff, sizeof(nodes[i]));
			nodes[i].range = range;
			pool4_index_add(&index, &nodes[i], g_rand_int(rand));
		}
		present[i] = !present[i];
		g_assert_true(pool4_index_check(&index));

		range.first = (uint32_t)g_rand_int_range(rand, 0, 1000);
		range.last = range.first + (uint32_t)g_rand_int_range(rand, 0, 20);
		for (struct pool4_index_node *node = pool4_index_first(&index, range); node;
		     node = pool4_index_next(node, range)) {
			g_assert_true(present[node - nodes]);
			g_assert_cmpuint(node->range.first, <=, range.last);
			g_assert_cmpuint(node->range.last, >=, range.first);
			n_found++;
		}
		for (unsigned j = 0; j < NODES; j++)
			n_expected += present[j] && nodes[j].range.first <= range.last &&
				      nodes[j].range.last >= range.first;
		g_assert_cmpuint(n_found, ==, n_expected);
	}
	for (unsigned i = 0; i < NODES; i++) {
		if (present[i])
			pool4_index_remove(&index, &nodes[i]);
	}
	g_assert_null(index.root);
}

/* Nodes keep where they are while others come and go; memory grows with them and ends with them. */
static void test_nodes(void)
{
	g_autofree struct pool4_index_node **nodes = g_new0(struct pool4_index_node *, N);
	struct pool4_index index = {NULL};
	size_t bytes = 0;

	for (uint32_t i = 0; i < N; i++) {
		nodes[i] = pool4_index_node_new(&index);
		g_assert_nonnull(nodes[i]);
		g_assert_null(nodes[i]->entry);
		nodes[i]->number = i;
		/* No more is asked for before what there is is used up: 16 first, then as many
		 * again. */
		if (i == 0 || i == 16)
			bytes = index.bytes;
		else if (i < 32)
			g_assert_cmpuint(index.bytes, ==, bytes);
	}
	g_assert_cmpuint(index.bytes, <, 2 * N * sizeof(struct pool4_index_node));
	bytes = index.bytes;
	for (uint32_t i = 0; i < N; i++) {
		g_assert_cmpuint(nodes[i]->number, ==, i);
		if (i % 2)
			pool4_index_node_free(&index, nodes[i]);
	}
	for (uint32_t i = 1; i < N; i += 2)
		nodes[i] = pool4_index_node_new(&index);
	g_assert_cmpuint(index.bytes, ==, bytes);
	for (uint32_t i = 0; i < N; i++)
		pool4_index_node_free(&index, nodes[i]);
	g_assert_cmpuint(index.bytes, ==, 0);
	pool4_index_node_free(&index, NULL);
	pool4_index_deinit(&index);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-index/against-scan", test_against_scan);
	g_test_add_func("/pool4-index/nodes", test_nodes);
	return g_test_run();
}
