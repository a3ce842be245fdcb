/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pool4.c (the entries), pool4_item.c (what is kept for each), pool4_take.c and pool4_site.c
 * (the choice), pool4_block_take.c and pool4_deterministic.c (the other modes) and
 * pool4_release.c (the way back) know of the pool in common, and nobody else.
 *
 * Invariants (pool4_check): an address is excluded from an entry's choice of free ports for a
 * protocol if and only if every port of the entry is in use or held there, and from the choice of
 * unused ones if and only if every port is in use; the weights of an entry in its scopes are its
 * addresses, and those not excluded from each choice, while it is active, else 0; the ports in use
 * of all entries, and outside of any, and those held, are the ports of the address table.
 */
#pragma once

#include "daemon/core/addr_choice.h"
#include "daemon/core/deterministic.h"
#include "daemon/core/pool4.h"
#include "daemon/core/pool4_address.h"
#include "daemon/core/pool4_block.h"
#include "daemon/core/pool4_hold.h"
#include "daemon/core/pool4_index.h"
#include "daemon/core/pool4_scope.h"

struct pool4_membership {
	struct pool4_scope *scope;
	uint32_t slot;
};

struct pool4_item {
	struct pool4_entry entry; /* first: pool4_item_of() */
	struct addr_choice choice[N_PROTOCOLS][N_POOL4_CHOICES];
	/* Of its held ports; SLAB_NONE without any. */
	uint32_t queue[N_PROTOCOLS][N_POOL4_HOLD_KINDS];
	struct pool4_membership *membership;
	uint32_t n_memberships;
	uint32_t n_ports;               /* of each address */
	struct pool4_index_node **node; /* one for each range of addresses */
	struct deterministic *map;      /* in this mode, else NULL */
};

struct pool4 {
	struct siphash_key key;
	struct random random;
	struct pool4_policy policy;
	struct pool4_allocation allocation;
	struct pool4_blocks *blocks; /* in this mode, else NULL */
	struct pool4_item **item;    /* in the order of ids */
	uint32_t n_items;
	uint32_t capacity;
	void *by_name; /* tsearch(3) */
	uint32_t last_id;
	uint32_t last_name; /* of p1, p2, ... */
	struct pool4_index index;
	struct pool4_scope_table scopes;
	struct addr_choice_table choices;
	struct pool4_address_table addresses;
	struct pool4_hold_table holds;
	uint32_t n_outside; /* ports in use that belong to no entry */
	uint32_t n_left;    /* held ports of entries that are gone */
	bool has_moved;     /* some entry's ports may be at addresses that it has no more */
	size_t item_bytes;
};

static inline struct pool4_item *pool4_item_of(struct pool4_entry *entry)
{
	return (struct pool4_item *)(void *)entry;
}

/* Entries that cover addr, one after the other. */
static inline struct pool4_index_node *pool4_first_cover(const struct pool4 *pool, uint32_t addr)
{
	return pool4_index_first(&pool->index, (struct addr4_range){addr, addr});
}

static inline struct pool4_index_node *pool4_next_cover(struct pool4_index_node *node,
							uint32_t addr)
{
	return pool4_index_next(node, (struct addr4_range){addr, addr});
}

/* NULL if there is none. */
struct pool4_item *pool4_item_find(const struct pool4 *pool, uint32_t id);

/* A copy of the spec that stands for itself: neither name nor id, in no scope and no index. NULL
 * without memory. */
struct pool4_item *pool4_item_new(struct pool4 *pool, const struct pool4_spec *spec);
/* It has left its scopes and the index. */
void pool4_item_free(struct pool4 *pool, struct pool4_item *item);
size_t pool4_item_size(const struct pool4_item *item);
void pool4_item_set_id(struct pool4_item *item, uint32_t id);
/* Other addresses for an item that is in no index, in no scope, and has no exclusions. False
 * without memory, and nothing has changed. */
bool pool4_item_set_addresses(struct pool4 *pool, struct pool4_item *item,
			      const struct addr4_range *addresses, uint32_t n_addresses);
/* What follows from the addresses and the ports of the spec. */
void pool4_item_set_port_counts(struct pool4_item *item);

/* Makes it a member of its scopes, each once, without weight. False without memory. */
bool pool4_item_join_scopes(struct pool4 *pool, struct pool4_item *item);
/* Adds, or takes away, what the item counts in its scopes, by its state. */
void pool4_item_enter_scopes(struct pool4_item *item);
void pool4_item_leave_scopes(struct pool4_item *item);

/* Puts its addresses into the index, or takes them out. */
void pool4_item_add_nodes(struct pool4 *pool, struct pool4_item *item);
void pool4_item_remove_nodes(struct pool4 *pool, struct pool4_item *item);

/* Which of the item's addresses this is, from 0; false if none. */
bool pool4_item_number(const struct pool4_item *item, uint32_t addr, uint32_t *ret);

/* Brings the exclusion of an address from an item's choices up to date with its ports. address:
 * SLAB_NONE if all are free. False without memory; calling it again mends what is half done, and
 * where ports became free it needs none. */
bool pool4_item_update(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
		       uint32_t number, uint32_t address);
/* The same for all addresses of an item that have a port which is not free. */
bool pool4_item_update_all(struct pool4 *pool, struct pool4_item *item);
/* Takes all exclusions back. */
void pool4_item_clear(struct pool4 *pool, struct pool4_item *item);
/* The same for all items that have the port at this address. */
bool pool4_update_covers(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
			 uint32_t address);

/* pool4_deterministic.c: makes, or brings up to date, the map of an item in this mode. POOL4_OK,
 * POOL4_BAD_CLIENTS or POOL4_NO_MEMORY; without a good map an item serves nobody. */
enum pool4_result pool4_item_set_map(const struct pool4 *pool, struct pool4_item *item);
/* Would an item of this spec have a good map, or need none? */
bool pool4_map_suits(const struct pool4 *pool, const struct pool4_spec *spec);
/* The item that this client has ports of, and which; NULL if there is none. */
struct pool4_item *pool4_find_range(const struct pool4 *pool, enum protocol protocol,
				    const struct addr6 *client, int pool6, uint32_t *ret_addr,
				    struct port_ranges *ret_ports);

/* POOL4_BLOCKS, pool4_block_take.c: no client is to draw blocks of the item in which static
 * bindings had all ports before it could give them out. */
void pool4_close_full_blocks(struct pool4 *pool, const struct pool4_item *item);

/* A held port is in use again, or free: what the hold was counted in. It stays in the set of its
 * address. */
void pool4_forget_hold(struct pool4 *pool, uint32_t hold);
