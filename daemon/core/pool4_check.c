/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of pool4_internal.h, verified the slow way. */
#include "daemon/core/pool4_internal.h"

static const struct port_class any_port = {0, UINT16_MAX, -1};

/* How many addresses have every port of the item in use, each of which must be excluded;
 * UINT32_MAX if one is not. */
static uint32_t count_full(const struct pool4 *pool, const struct pool4_item *item,
			   enum protocol protocol)
{
	const struct slab *addresses = &pool->addresses.addresses;
	uint32_t n = 0;

	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE;
	     i = slab_next(addresses, i + 1)) {
		const struct pool4_address *address = pool4_address_at(&pool->addresses, i);
		uint32_t number;

		if (address->protocol != protocol ||
		    !pool4_item_number(item, address->addr, &number) ||
		    port_set_count(&address->ports, &item->entry.spec.ports, &any_port) <
			    item->n_ports)
			continue;
		if (!addr_choice_is_excluded(&pool->choices, &item->choice[protocol], number))
			return UINT32_MAX;
		n++;
	}
	return n;
}

static bool check_weights(const struct pool4_item *item, enum protocol protocol)
{
	const struct addr_choice *choice = &item->choice[protocol];
	bool counts = item->entry.state == POOL4_ACTIVE && item->entry.spec.protocol[protocol];
	uint64_t all = counts ? choice->n : 0;
	uint64_t free = counts ? choice->n - choice->n_excluded : 0;

	for (uint32_t i = 0; i < item->n_memberships; i++) {
		const struct pool4_membership *in = &item->membership[i];

		if (pool4_scope_weight(in->scope, in->slot, protocol, POOL4_WEIGHT_ALL) != all ||
		    pool4_scope_weight(in->scope, in->slot, protocol, POOL4_WEIGHT_FREE) != free ||
		    !pool4_scope_check(in->scope))
			return false;
	}
	return item->n_memberships > 0;
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
		uint32_t n_full = entry->spec.protocol[i] ? count_full(pool, item, i) : 0;

		if (item->choice[i].n_excluded != n_full || !check_weights(item, i) ||
		    entry->n_used[i] > entry->n_peak[i])
			return false;
	}
	return true;
}

bool pool4_check(const struct pool4 *pool)
{
	const struct slab *addresses = &pool->addresses.addresses;
	uint64_t n_used = 0, n_counted = pool->n_outside;
	uint32_t n_excluded = 0;

	if (!pool4_index_check(&pool->index) || !addr_choice_table_check(&pool->choices) ||
	    !pool4_address_table_check(&pool->addresses))
		return false;
	for (uint32_t i = 0; i < pool->n_items; i++) {
		const struct pool4_item *item = pool->item[i];

		if (!check_item(pool, item) ||
		    (i > 0 && pool->item[i - 1]->entry.id >= item->entry.id))
			return false;
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			n_counted += item->entry.n_used[j];
			n_excluded += item->choice[j].n_excluded;
		}
	}
	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE; i = slab_next(addresses, i + 1))
		n_used += pool4_address_at(&pool->addresses, i)->ports.n_used;
	return n_used == n_counted && n_excluded == pool->choices.excluded.n_used;
}
