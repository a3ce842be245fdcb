/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of pool4 and what is kept for it: see pool4_internal.h. */
#include <assert.h>
#include <stdlib.h>

#include "daemon/core/pool4_internal.h"

/* What glibc's tsearch() takes for a node. */
#define TREE_NODE_SIZE (4 * sizeof(void *))

struct pool4_item *pool4_item_new(struct pool4 *pool, const struct pool4_spec *spec)
{
	struct pool4_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->entry.spec = *spec;
	item->entry.spec.addresses = NULL;
	item->membership = calloc(spec->n_clients ? spec->n_clients : 1, sizeof(*item->membership));
	if (!item->membership ||
	    !pool4_item_set_addresses(pool, item, spec->addresses, spec->n_addresses)) {
		free(item->membership);
		free(item);
		return NULL;
	}
	for (unsigned i = 0; i < N_PROTOCOLS * N_POOL4_HOLD_KINDS; i++)
		item->queue[i / N_POOL4_HOLD_KINDS][i % N_POOL4_HOLD_KINDS] = SLAB_NONE;
	return item;
}

static void free_nodes(struct pool4 *pool, struct pool4_index_node **node, uint32_t n)
{
	for (uint32_t i = 0; node && i < n; i++)
		pool4_index_node_free(&pool->index, node[i]);
	free(node);
}

/* NULL without memory. */
static struct pool4_index_node **new_nodes(struct pool4 *pool, uint32_t n)
{
	struct pool4_index_node **node = calloc(n, sizeof(struct pool4_index_node *));

	for (uint32_t i = 0; node && i < n; i++) {
		node[i] = pool4_index_node_new(&pool->index);
		if (!node[i]) {
			free_nodes(pool, node, i);
			node = NULL;
		}
	}
	return node;
}

bool pool4_item_set_addresses(struct pool4 *pool, struct pool4_item *item,
			      const struct addr4_range *addresses, uint32_t n_addresses)
{
	struct pool4_entry *entry = &item->entry;
	struct addr4_range *range = malloc(n_addresses * sizeof(*range));
	struct pool4_index_node **node = NULL;

	if (range) {
		memcpy(range, addresses, n_addresses * sizeof(*range));
		n_addresses = addr4_ranges_merge(range, n_addresses);
		node = new_nodes(pool, n_addresses);
	}
	if (!node) {
		free(range);
		return false;
	}
	free_nodes(pool, item->node, entry->spec.n_addresses);
	free((void *)entry->spec.addresses);
	item->node = node;
	entry->spec.addresses = range;
	entry->spec.n_addresses = n_addresses;
	entry->n_addresses = addr4_ranges_count(range, entry->spec.n_addresses);
	pool4_item_set_port_counts(item);
	return true;
}

/* Its held ports stay so, and nobody counts them any more (P-22). */
static void leave_holds(struct pool4 *pool, struct pool4_item *item)
{
	for (unsigned i = 0; i < N_PROTOCOLS * N_POOL4_HOLD_KINDS; i++) {
		uint32_t index = item->queue[i / N_POOL4_HOLD_KINDS][i % N_POOL4_HOLD_KINDS];
		struct pool4_hold_queue *queue;

		if (index == SLAB_NONE)
			continue;
		queue = pool4_hold_queue_at(&pool->holds, index);
		queue->entry = NULL;
		pool->n_left += queue->list.n;
	}
}

void pool4_item_free(struct pool4 *pool, struct pool4_item *item)
{
	leave_holds(pool, item);
	for (uint32_t i = 0; i < item->n_memberships; i++)
		pool4_scope_leave(&pool->scopes, item->membership[i].scope,
				  item->membership[i].slot);
	free(item->membership);
	free(item->map);
	free_nodes(pool, item->node, item->entry.spec.n_addresses);
	free((void *)item->entry.spec.addresses);
	free(item);
}

size_t pool4_item_size(const struct pool4_item *item)
{
	return sizeof(*item) + (item->map ? sizeof(*item->map) : 0) +
	       item->n_memberships * sizeof(*item->membership) +
	       item->entry.spec.n_addresses *
		       (sizeof(*item->node) + sizeof(*item->entry.spec.addresses)) +
	       TREE_NODE_SIZE;
}

void pool4_item_set_id(struct pool4_item *item, uint32_t id)
{
	uint32_t choice_id = id * N_PROTOCOLS * N_POOL4_CHOICES;

	assert(id < UINT32_MAX / (N_PROTOCOLS * N_POOL4_CHOICES));
	item->entry.id = id;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		for (unsigned j = 0; j < N_POOL4_CHOICES; j++)
			item->choice[i][j].id = choice_id++;
	}
}

void pool4_item_set_port_counts(struct pool4_item *item)
{
	item->n_ports = port_ranges_count(&item->entry.spec.ports);
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		for (unsigned j = 0; j < N_POOL4_CHOICES; j++)
			item->choice[i][j].n = (uint32_t)item->entry.n_addresses;
		if (item->entry.spec.protocol[i])
			item->entry.n_ports[i] = item->entry.n_addresses * item->n_ports;
	}
}

bool pool4_item_join_scopes(struct pool4 *pool, struct pool4_item *item)
{
	struct pool4_spec *spec = &item->entry.spec;
	uint32_t n = spec->n_clients ? spec->n_clients : 1;

	for (uint32_t i = 0; i < n; i++) {
		struct prefix6 clients = {.len = 0};
		struct pool4_membership *in = &item->membership[item->n_memberships];
		bool joined = false;

		if (spec->n_clients > 0)
			clients = spec->clients[i];
		for (uint32_t j = 0; j < i; j++)
			joined |= clients.len == spec->clients[j].len &&
				  addr6_equal(&clients.addr, &spec->clients[j].addr);
		if (joined)
			continue;
		in->slot = pool4_scope_join(&pool->scopes, &clients, spec->pool6, &item->entry,
					    &in->scope);
		if (in->slot == 0)
			return false;
		item->n_memberships++;
	}
	return true;
}

/* In all scopes of an active item. */
static void add_weight(struct pool4_item *item, enum protocol protocol, enum pool4_weight weight,
		       uint64_t delta)
{
	for (uint32_t i = 0; i < item->n_memberships; i++)
		pool4_scope_weigh(item->membership[i].scope, item->membership[i].slot, protocol,
				  weight, delta);
}

static void weigh(struct pool4_item *item, uint64_t sign)
{
	const struct pool4_entry *entry = &item->entry;

	if (entry->state != POOL4_ACTIVE)
		return;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (!entry->spec.protocol[i])
			continue;
		for (uint32_t j = 0; j < item->n_memberships; j++) {
			struct pool4_scope *scope = item->membership[j].scope;

			scope->n_overflow[i] += entry->spec.overflow ? (uint32_t)sign : 0;
			scope->n_ports[i] += sign * entry->n_ports[i];
		}
		add_weight(item, i, POOL4_WEIGHT_ALL, sign * entry->n_addresses);
		for (unsigned j = 0; j < N_POOL4_CHOICES; j++)
			add_weight(item, i, j,
				   sign * (item->choice[i][j].n - item->choice[i][j].n_excluded));
	}
}

void pool4_item_enter_scopes(struct pool4_item *item)
{
	weigh(item, 1);
}

void pool4_item_leave_scopes(struct pool4_item *item)
{
	weigh(item, UINT64_MAX);
}

void pool4_item_add_nodes(struct pool4 *pool, struct pool4_item *item)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < item->entry.spec.n_addresses; i++) {
		struct pool4_index_node *node = item->node[i];

		node->range = item->entry.spec.addresses[i];
		node->number = number;
		node->entry = &item->entry;
		number += node->range.last - node->range.first + 1;
		pool4_index_add(&pool->index, node, random_u32(&pool->random));
	}
}

void pool4_item_remove_nodes(struct pool4 *pool, struct pool4_item *item)
{
	for (uint32_t i = 0; i < item->entry.spec.n_addresses; i++)
		pool4_index_remove(&pool->index, item->node[i]);
}

bool pool4_item_number(const struct pool4_item *item, uint32_t addr, uint32_t *ret)
{
	uint32_t low = 0, high = item->entry.spec.n_addresses;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (item->node[middle]->range.last < addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == item->entry.spec.n_addresses || item->node[low]->range.first > addr)
		return false;
	*ret = item->node[low]->number + (addr - item->node[low]->range.first);
	return true;
}

/* Whether no port of the item is left at an address for each choice. */
static void find_full(const struct pool4 *pool, const struct pool4_item *item, uint32_t address,
		      bool ret[N_POOL4_CHOICES])
{
	const struct port_ranges *ranges = &item->entry.spec.ports;
	const struct pool4_hold_place *place;
	const struct port_set *ports;

	ret[POOL4_WEIGHT_FREE] = ret[POOL4_WEIGHT_UNUSED] = false;
	if (address == SLAB_NONE)
		return;
	/* Counting is for when it can make a difference. */
	ports = &pool4_address_at(&pool->addresses, address)->ports;
	if (ports->n_used < item->n_ports ||
	    port_set_count(ports, ranges, &port_class_any) < item->n_ports)
		return;
	place = pool4_hold_place(&pool->holds, address);
	ret[POOL4_WEIGHT_FREE] = true;
	ret[POOL4_WEIGHT_UNUSED] =
		!place || port_set_count(&place->ports, ranges, &port_class_any) == 0;
}

/* Takes an address that is not so yet out of a choice, or lets it in again. */
static bool set_excluded(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
			 enum pool4_weight weight, uint32_t number, bool excluded)
{
	struct addr_choice *choice = &item->choice[protocol][weight];

	if (!excluded)
		addr_choice_include(&pool->choices, choice, number);
	else if (!addr_choice_exclude(&pool->choices, choice, number))
		return false;
	if (item->entry.state == POOL4_ACTIVE)
		add_weight(item, protocol, weight, excluded ? UINT64_MAX : 1);
	return true;
}

bool pool4_item_update(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
		       uint32_t number, uint32_t address)
{
	bool full[N_POOL4_CHOICES];
	unsigned was_full;

	if (!item->entry.spec.protocol[protocol])
		return true;
	find_full(pool, item, address, full);
	was_full = addr_choice_excluded(&pool->choices, item->choice[protocol], number);
	for (unsigned i = 0; i < N_POOL4_CHOICES; i++) {
		if (full[i] != (was_full >> i & 1) &&
		    !set_excluded(pool, item, protocol, i, number, full[i]))
			return false;
	}
	return true;
}

/* clear: as if all ports were free. */
static bool update_known(struct pool4 *pool, struct pool4_item *item, bool clear)
{
	const struct slab *addresses = &pool->addresses.addresses;
	bool done = true;

	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE;
	     i = slab_next(addresses, i + 1)) {
		const struct pool4_address *address = pool4_address_at(&pool->addresses, i);
		uint32_t number;

		if (pool4_item_number(item, address->addr, &number))
			done &= pool4_item_update(pool, item, address->protocol, number,
						  clear ? SLAB_NONE : i);
	}
	return done;
}

/* The same by the addresses of the item. */
static bool update_own(struct pool4 *pool, struct pool4_item *item, bool clear)
{
	bool done = true;

	for (uint32_t i = 0; i < item->entry.spec.n_addresses; i++) {
		const struct pool4_index_node *node = item->node[i];
		uint32_t n = node->range.last - node->range.first + 1;

		for (uint32_t j = 0; j < n * N_PROTOCOLS; j++) {
			enum protocol protocol = j % N_PROTOCOLS;
			uint32_t address =
				clear ? SLAB_NONE
				      : pool4_address_find(&pool->addresses, protocol,
							   node->range.first + j / N_PROTOCOLS);

			done &= pool4_item_update(pool, item, protocol,
						  node->number + j / N_PROTOCOLS, address);
		}
	}
	return done;
}

/* Whatever is less: the addresses of the item, or all that have a port which is not free. */
static bool update_each(struct pool4 *pool, struct pool4_item *item, bool clear)
{
	if (item->entry.n_addresses * N_PROTOCOLS < pool->addresses.addresses.n_used)
		return update_own(pool, item, clear);
	return update_known(pool, item, clear);
}

bool pool4_item_update_all(struct pool4 *pool, struct pool4_item *item)
{
	return update_each(pool, item, false);
}

void pool4_item_clear(struct pool4 *pool, struct pool4_item *item)
{
	uint32_t n_excluded = 0;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		n_excluded += item->choice[i][POOL4_WEIGHT_FREE].n_excluded;
	if (n_excluded > 0)
		(void)update_each(pool, item, true);
}

bool pool4_update_covers(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
			 uint32_t address)
{
	uint32_t n_taken = 0;

	if (address != SLAB_NONE)
		n_taken = pool4_address_at(&pool->addresses, address)->ports.n_used;
	/* An item with two ports left here had one before, whatever port it was. */
	for (struct pool4_index_node *node = pool4_first_cover(pool, taddr->addr); node;
	     node = pool4_next_cover(node, taddr->addr)) {
		if (n_taken + 1 >= pool4_item_of(node->entry)->n_ports &&
		    port_ranges_contain(&node->entry->spec.ports, taddr->port) &&
		    !pool4_item_update(pool, pool4_item_of(node->entry), protocol,
				       node->number + (taddr->addr - node->range.first), address))
			return false;
	}
	return true;
}
