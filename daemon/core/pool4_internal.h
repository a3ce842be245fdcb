/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pool4.c (the entries) and pool4_take.c (the choice) know of the pool in common, and nobody
 * else.
 *
 * Invariants (pool4_check): an address is excluded from an entry's choice for a protocol if and
 * only if every port of the entry is in use there; the weights of an entry in its scopes are its
 * addresses, and those not excluded, while it is active, else 0; the ports in use of all entries,
 * and outside of any, are those of the address table.
 */
#pragma once

#include "daemon/core/addr_choice.h"
#include "daemon/core/pool4.h"
#include "daemon/core/pool4_address.h"
#include "daemon/core/pool4_index.h"
#include "daemon/core/pool4_scope.h"

struct pool4_membership {
	struct pool4_scope *scope;
	uint32_t slot;
};

struct pool4_item {
	struct pool4_entry entry; /* first: pool4_item_of() */
	struct addr_choice choice[N_PROTOCOLS];
	struct pool4_membership *membership;
	uint32_t n_memberships;
	uint32_t n_ports; /* of each address */
	struct pool4_index_node *node;
};

struct pool4 {
	struct siphash_key key;
	struct random random;
	struct pool4_policy policy;
	struct pool4_item **item; /* in the order of ids */
	uint32_t n_items;
	uint32_t capacity;
	void *by_name; /* tsearch(3) */
	uint32_t last_id;
	uint32_t last_name; /* of p1, p2, ... */
	struct pool4_index index;
	struct pool4_scope_table scopes;
	struct addr_choice_table choices;
	struct pool4_address_table addresses;
	uint32_t n_outside; /* ports in use that belong to no entry */
	size_t item_bytes;
};

static inline struct pool4_item *pool4_item_of(struct pool4_entry *entry)
{
	return (struct pool4_item *)(void *)entry;
}

/* NULL if there is none. */
struct pool4_item *pool4_item_find(const struct pool4 *pool, uint32_t id);

/* Which of the item's addresses this is, from 0; false if none. */
bool pool4_item_number(const struct pool4_item *item, uint32_t addr, uint32_t *ret);

/* Brings the exclusion of an address from an item's choice up to date with its ports in use.
 * address: SLAB_NONE if none is. False without memory, and nothing has changed. */
bool pool4_item_update(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
		       uint32_t number, uint32_t address);
