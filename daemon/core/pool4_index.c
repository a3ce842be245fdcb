/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_index.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/core/minmax.h"

/* Each block has as many nodes as all before it, within these. */
#define BLOCK_MIN 16
#define BLOCK_MAX 1024

struct pool4_index_block {
	struct pool4_index_block *older;
	struct pool4_index_node node[];
};

void pool4_index_deinit(struct pool4_index *index)
{
	struct pool4_index_block *block = index->newest;

	while (block) {
		struct pool4_index_block *older = block->older;

		free(block);
		block = older;
	}
	*index = (struct pool4_index){.root = NULL};
}

static void put_free(struct pool4_index *index, struct pool4_index_node *node)
{
	node->parent = index->free;
	index->free = node;
}

static bool add_block(struct pool4_index *index)
{
	uint32_t n = index->n_nodes < BLOCK_MIN   ? BLOCK_MIN
		     : index->n_nodes < BLOCK_MAX ? index->n_nodes
						  : BLOCK_MAX;
	size_t size = sizeof(struct pool4_index_block) + n * sizeof(struct pool4_index_node);
	struct pool4_index_block *block = malloc(size);

	if (!block)
		return false;
	block->older = index->newest;
	index->newest = block;
	index->bytes += size;
	while (n > 0)
		put_free(index, &block->node[--n]);
	return true;
}

struct pool4_index_node *pool4_index_node_new(struct pool4_index *index)
{
	struct pool4_index_node *node;

	if (!index->free && !add_block(index))
		return NULL;
	node = index->free;
	index->free = node->parent;
	index->n_nodes++;
	*node = (struct pool4_index_node){.entry = NULL};
	return node;
}

void pool4_index_node_free(struct pool4_index *index, struct pool4_index_node *node)
{
	if (!node)
		return;
	put_free(index, node);
	if (--index->n_nodes == 0)
		pool4_index_deinit(index);
}

static void set_highest(struct pool4_index_node *node)
{
	node->highest = node->range.last;
	for (unsigned side = 0; side < 2; side++) {
		if (node->child[side] && node->child[side]->highest > node->highest)
			node->highest = node->child[side]->highest;
	}
}

/* The link that leads to node. */
static struct pool4_index_node **link_to(struct pool4_index *index, struct pool4_index_node *node)
{
	if (!node->parent)
		return &index->root;
	return &node->parent->child[node->parent->child[1] == node];
}

/* Puts node where its parent is, and the parent below it. */
static void rotate_up(struct pool4_index *index, struct pool4_index_node *node)
{
	struct pool4_index_node *parent = node->parent;
	unsigned side = parent->child[1] == node;
	struct pool4_index_node *middle = node->child[!side];

	*link_to(index, parent) = node;
	node->parent = parent->parent;
	node->child[!side] = parent;
	parent->parent = node;
	parent->child[side] = middle;
	if (middle)
		middle->parent = parent;
	set_highest(parent);
	set_highest(node);
}

void pool4_index_add(struct pool4_index *index, struct pool4_index_node *node, uint32_t priority)
{
	struct pool4_index_node **link = &index->root;
	struct pool4_index_node *parent = NULL;

	while (*link) {
		parent = *link;
		parent->highest = max_u32(parent->highest, node->range.last);
		link = &parent->child[node->range.first >= parent->range.first];
	}
	node->parent = parent;
	node->child[0] = node->child[1] = NULL;
	node->priority = priority;
	node->highest = node->range.last;
	*link = node;
	while (node->parent && node->parent->priority < node->priority)
		rotate_up(index, node);
}

void pool4_index_remove(struct pool4_index *index, struct pool4_index_node *node)
{
	struct pool4_index_node *parent;

	/* Down to where it is a leaf. */
	while (node->child[0] || node->child[1]) {
		unsigned side =
			!node->child[0] ||
			(node->child[1] && node->child[1]->priority > node->child[0]->priority);

		rotate_up(index, node->child[side]);
	}
	*link_to(index, node) = NULL;
	for (parent = node->parent; parent; parent = parent->parent)
		set_highest(parent);
	node->parent = NULL;
}

/* The first node, in order, from root down that overlaps range. root->highest >= range.first. */
static struct pool4_index_node *first_below(struct pool4_index_node *root, struct addr4_range range)
{
	while (root) {
		struct pool4_index_node *left = root->child[0], *right = root->child[1];

		/* What ends late enough on the left either overlaps or starts behind the range, and
		 * then so does everything that follows. */
		if (left && left->highest >= range.first) {
			root = left;
			continue;
		}
		if (root->range.first > range.last)
			return NULL;
		if (root->range.last >= range.first)
			return root;
		root = right && right->highest >= range.first ? right : NULL;
	}
	return NULL;
}

struct pool4_index_node *pool4_index_first(const struct pool4_index *index,
					   struct addr4_range range)
{
	return first_below(index->root, range);
}

struct pool4_index_node *pool4_index_next(struct pool4_index_node *node, struct addr4_range range)
{
	for (;;) {
		struct pool4_index_node *right = node->child[1];
		struct pool4_index_node *child;

		if (right && right->highest >= range.first)
			return first_below(right, range);
		do {
			child = node;
			node = node->parent;
		} while (node && node->child[1] == child);
		if (!node || node->range.first > range.last)
			return NULL;
		if (node->range.last >= range.first)
			return node;
	}
}

static bool check_node(const struct pool4_index_node *node)
{
	uint32_t highest = node->range.last;

	for (unsigned side = 0; side < 2; side++) {
		const struct pool4_index_node *child = node->child[side];

		if (!child)
			continue;
		if (child->parent != node || child->priority > node->priority)
			return false;
		highest = max_u32(highest, child->highest);
	}
	return node->highest == highest;
}

bool pool4_index_check(const struct pool4_index *index)
{
	const struct addr4_range all = {0, UINT32_MAX};
	const struct pool4_index_node *last = NULL;

	if (index->root && index->root->parent)
		return false;
	for (struct pool4_index_node *node = pool4_index_first(index, all); node;
	     node = pool4_index_next(node, all)) {
		if (!check_node(node) || (last && last->range.first > node->range.first))
			return false;
		last = node;
	}
	return true;
}
