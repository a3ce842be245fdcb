/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of pool4_internal.h, verified the slow way. */
#include "daemon/core/pool4_internal.h"

/* The ports of the item at an address that do not count as left for a choice. */
static uint32_t count_gone(const struct pool4 *pool, const struct pool4_item *item,
			   uint32_t address, enum pool4_weight weight)
{
	const struct port_ranges *ranges = &item->entry.spec.ports;
	const struct port_set *ports = &pool4_address_at(&pool->addresses, address)->ports;
	const struct pool4_hold_place *place = pool4_hold_place(&pool->holds, address);
	uint32_t n = port_set_count(ports, ranges, &port_class_any);

	if (weight == POOL4_WEIGHT_UNUSED && place)
		n -= port_set_count(&place->ports, ranges, &port_class_any);
	return n;
}

static uint32_t count_used(const struct pool4 *pool, uint32_t address,
			   const struct port_ranges *ranges)
{
	return port_set_count(&pool4_address_at(&pool->addresses, address)->ports, ranges,
			      &port_class_any);
}

/* How many addresses have no port of the item left, each of which must be excluded; UINT32_MAX if
 * one is not. */
static uint32_t count_full(const struct pool4 *pool, const struct pool4_item *item,
			   enum protocol protocol, enum pool4_weight weight)
{
	const struct slab *addresses = &pool->addresses.addresses;
	uint32_t n = 0;

	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE;
	     i = slab_next(addresses, i + 1)) {
		const struct pool4_address *address = pool4_address_at(&pool->addresses, i);
		uint32_t number;

		if (address->protocol != protocol ||
		    !pool4_item_number(item, address->addr, &number) ||
		    count_gone(pool, item, i, weight) < item->n_ports)
			continue;
		if (!addr_choice_is_excluded(&pool->choices, &item->choice[protocol][weight],
					     number))
			return UINT32_MAX;
		n++;
	}
	return n;
}

/* What the item counts in its scopes is its addresses without those that are excluded. */
static bool check_weight(const struct pool4_item *item, enum protocol protocol,
			 enum pool4_weight weight)
{
	uint64_t n = item->entry.n_addresses;

	if (weight < N_POOL4_CHOICES)
		n -= item->choice[protocol][weight].n_excluded;
	if (item->entry.state != POOL4_ACTIVE || !item->entry.spec.protocol[protocol])
		n = 0;
	for (uint32_t i = 0; i < item->n_memberships; i++) {
		const struct pool4_membership *in = &item->membership[i];

		if (pool4_scope_weight(in->scope, in->slot, protocol, weight) != n ||
		    !pool4_scope_check(in->scope))
			return false;
	}
	return item->n_memberships > 0;
}

static bool check_protocol(const struct pool4 *pool, const struct pool4_item *item,
			   enum protocol protocol)
{
	const struct pool4_entry *entry = &item->entry;
	uint32_t n_held = 0;

	for (unsigned i = 0; i < N_POOL4_CHOICES; i++) {
		uint32_t n_full =
			entry->spec.protocol[protocol] ? count_full(pool, item, protocol, i) : 0;

		if (item->choice[protocol][i].n_excluded != n_full)
			return false;
	}
	for (unsigned i = 0; i < N_POOL4_WEIGHTS; i++) {
		if (!check_weight(item, protocol, i))
			return false;
	}
	for (unsigned i = 0; i < N_POOL4_HOLD_KINDS; i++) {
		const struct pool4_hold_queue *queue;

		if (item->queue[protocol][i] == SLAB_NONE)
			continue;
		queue = pool4_hold_queue_at(&pool->holds, item->queue[protocol][i]);
		if (queue->entry != entry || queue->protocol != protocol || queue->kind != i)
			return false;
		n_held += queue->list.n;
	}
	return entry->n_held[protocol] == n_held &&
	       entry->n_used[protocol] <= entry->n_peak[protocol];
}

static bool check_item(const struct pool4 *pool, const struct pool4_item *item)
{
	const struct pool4_entry *entry = &item->entry;

	if (pool4_entry_by_name(pool, entry->spec.name) != entry ||
	    entry->n_addresses !=
		    addr4_ranges_count(entry->spec.addresses, entry->spec.n_addresses) ||
	    item->n_ports != port_ranges_count(&entry->spec.ports))
		return false;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (!check_protocol(pool, item, i))
			return false;
	}
	return true;
}

/* A block has counted the ports in it that are in use. */
static bool check_blocks(const struct pool4 *pool)
{
	const struct slab *slab = &pool->blocks->blocks;

	for (uint32_t i = slab_next(slab, 0); i != SLAB_NONE; i = slab_next(slab, i + 1)) {
		const struct pool4_block *block = pool4_block_at(pool->blocks, i);
		const struct port_ranges ports = {{pool4_block_ports(pool->blocks, block->number)},
						  1};

		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			uint32_t address = pool4_address_find(&pool->addresses, j, block->addr);
			uint32_t n = address == SLAB_NONE ? 0 : count_used(pool, address, &ports);

			if (n != block->n_used[j])
				return false;
		}
	}
	return true;
}

bool pool4_check(const struct pool4 *pool)
{
	const struct slab *addresses = &pool->addresses.addresses;
	uint64_t n_taken = 0, n_counted = pool->n_outside + pool->n_left;
	uint32_t n_excluded = 0, n_outside = 0;

	if (!pool4_index_check(&pool->index) || !pool4_scope_table_check(&pool->scopes) ||
	    !addr_choice_table_check(&pool->choices) ||
	    !pool4_address_table_check(&pool->addresses) || !pool4_hold_table_check(&pool->holds))
		return false;
	for (uint32_t i = 0; i < pool->n_items; i++) {
		const struct pool4_item *item = pool->item[i];

		if (!check_item(pool, item) ||
		    (i > 0 && pool->item[i - 1]->entry.id >= item->entry.id))
			return false;
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			n_counted += item->entry.n_used[j] + item->entry.n_held[j];
			for (unsigned k = 0; k < N_POOL4_CHOICES; k++)
				n_excluded += item->choice[j][k].n_excluded;
		}
	}
	if (pool->blocks && (!pool4_blocks_check(pool->blocks) || !check_blocks(pool)))
		return false;
	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE;
	     i = slab_next(addresses, i + 1)) {
		n_taken += pool4_address_at(&pool->addresses, i)->ports.n_used;
		n_outside += pool4_address_at(&pool->addresses, i)->n_outside;
	}
	return n_taken == n_counted && n_excluded == pool->choices.n_excluded &&
	       n_outside == pool->n_outside;
}
