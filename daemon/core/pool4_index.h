/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which address ranges of pool4's entries cover an address: an interval tree.
 *
 * Ranges of different entries may overlap or be equal (other ports, other protocols, other
 * clients). The tree is a treap, ordered by first address; each node knows the highest last address
 * below it, so that a search goes only where something overlaps. Adding, removing and each step of
 * a search take O(log n). Nodes stay where they are, close to each other, because a search among
 * many costs what the memory costs that it looks at.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/addr4_ranges.h"

struct pool4_entry;

struct pool4_index_node {
	struct addr4_range range;
	uint32_t number; /* of the range's first address among the addresses of the entry */
	uint32_t priority;
	struct pool4_entry *entry;
	struct pool4_index_node *parent;
	struct pool4_index_node *child[2];
	uint32_t highest; /* last address of all ranges from here down */
};

struct pool4_index_block; /* nodes side by side */

/* Zeroed: empty. */
struct pool4_index {
	struct pool4_index_node *root;
	struct pool4_index_block *newest;
	struct pool4_index_node *free; /* list by parent */
	uint32_t n_nodes;              /* that are not free */
	size_t bytes;
};

void pool4_index_deinit(struct pool4_index *index);

/* A node of the index that is not in the tree; NULL without memory. Memory of freed ones is kept
 * for others, until there is none any more. */
struct pool4_index_node *pool4_index_node_new(struct pool4_index *index);
void pool4_index_node_free(struct pool4_index *index, struct pool4_index_node *node);

/* range, number and entry are set; priority is random. */
void pool4_index_add(struct pool4_index *index, struct pool4_index_node *node, uint32_t priority);
void pool4_index_remove(struct pool4_index *index, struct pool4_index_node *node);

/* All nodes that overlap range, ordered by first address; NULL at the end. */
struct pool4_index_node *pool4_index_first(const struct pool4_index *index,
					   struct addr4_range range);
struct pool4_index_node *pool4_index_next(struct pool4_index_node *node, struct addr4_range range);

bool pool4_index_check(const struct pool4_index *index);
