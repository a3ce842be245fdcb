/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which port of one address a binding gets (P-6 to P-10, P-14): free ones first, then those that
 * are held. All entries that cover the address and may serve the client count.
 */
#include "daemon/core/pool4_site.h"

bool pool4_is_eligible(const struct pool4_choice *choice, const struct pool4_item *item)
{
	if (item->entry.state != POOL4_ACTIVE ||
	    !item->entry.spec.protocol[choice->request->protocol])
		return false;
	for (uint32_t i = 0; i < item->n_memberships; i++) {
		for (unsigned j = 0; j < choice->n_scopes; j++) {
			if (item->membership[i].scope == choice->scope[j])
				return true;
		}
	}
	return false;
}

enum pool4_result pool4_commit(struct pool4 *pool, struct pool4_item *item, uint32_t address,
			       enum protocol protocol, const struct taddr4 *taddr)
{
	uint32_t hold = address == SLAB_NONE ? SLAB_NONE
					     : pool4_hold_find(&pool->holds, address, taddr->port);
	struct pool4_entry *entry;

	if (hold != SLAB_NONE)
		pool4_forget_hold(pool, hold);
	else
		address = pool4_address_use(&pool->addresses, address, protocol, taddr);
	if (address == SLAB_NONE)
		return POOL4_NO_MEMORY;
	if (!pool4_update_covers(pool, protocol, taddr, address)) {
		if (pool4_address_release(&pool->addresses, address, taddr->port))
			address = SLAB_NONE;
		(void)pool4_update_covers(pool, protocol, taddr, address);
		return POOL4_NO_MEMORY;
	}
	if (pool->blocks) {
		uint32_t block = pool4_block_find(pool->blocks, taddr);

		if (block != SLAB_NONE)
			pool4_block_count(pool->blocks, block, protocol, 1);
		else
			pool4_close_full_block(pool, address, taddr);
	}
	if (!item) {
		pool->n_outside++;
		pool4_address_at(&pool->addresses, address)->n_outside++;
		return POOL4_OK;
	}
	entry = &item->entry;
	if (++entry->n_used[protocol] > entry->n_peak[protocol])
		entry->n_peak[protocol] = entry->n_used[protocol];
	return POOL4_OK;
}

struct pool4_site pool4_site_find(const struct pool4 *pool, const struct pool4_choice *choice,
				  uint32_t addr)
{
	return (struct pool4_site){
		addr, pool4_address_find(&pool->addresses, choice->request->protocol, addr)};
}

struct pool4_item *pool4_site_find_item(const struct pool4 *pool, const struct pool4_choice *choice,
					uint32_t addr, uint16_t port)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, addr); node;
	     node = pool4_next_cover(node, addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);

		if (pool4_is_eligible(choice, item) &&
		    port_ranges_contain(&item->entry.spec.ports, port))
			return item;
	}
	return NULL;
}

/* The client's own port at this address, if it is free, or held for it (P-10, P-14). */
static struct pool4_item *preserve_port(const struct pool4 *pool, const struct pool4_choice *choice,
					struct pool4_site site)
{
	const struct pool4_request *request = choice->request;
	uint32_t hold;

	if (site.address != SLAB_NONE &&
	    port_set_contains(&pool4_address_at(&pool->addresses, site.address)->ports,
			      request->port6)) {
		hold = pool4_hold_find(&pool->holds, site.address, request->port6);
		if (hold == SLAB_NONE ||
		    pool4_hold_at(&pool->holds, hold)->client != (uint32_t)request->client_hash)
			return NULL;
	}
	return pool4_site_find_item(pool, choice, site.addr, request->port6);
}

/* Has the item a free port at the address of the node, where so many ports are not free? */
static bool has_free_port(const struct pool4 *pool, const struct pool4_choice *choice,
			  const struct pool4_index_node *node, uint32_t addr, uint32_t n_taken)
{
	const struct pool4_item *item = pool4_item_of(node->entry);

	if (!pool4_is_eligible(choice, item))
		return false;
	return n_taken < item->n_ports ||
	       !addr_choice_is_excluded(&pool->choices,
					&item->choice[choice->request->protocol][POOL4_WEIGHT_FREE],
					node->number + (addr - node->range.first));
}

static const struct port_set *taken_ports(const struct pool4 *pool, struct pool4_site site)
{
	static const struct port_set none = {.n_used = 0};

	return site.address == SLAB_NONE ? &none
					 : &pool4_address_at(&pool->addresses, site.address)->ports;
}

/* A free port at this address, by P-8. The item it belongs to, or NULL if there is none. */
static struct pool4_item *draw_port(const struct pool4 *pool, const struct pool4_choice *choice,
				    struct pool4_site site, struct pool4_pick *ret)
{
	const struct port_set *taken = taken_ports(pool, site);
	const struct pool4_request *request = choice->request;
	struct port_class classes[PORT_CLASSES_MAX];
	unsigned n_classes =
		port_classes(request->protocol, request->port6, pool->policy.parity, classes);

	for (unsigned i = 0; i < n_classes; i++) {
		for (struct pool4_index_node *node = pool4_first_cover(pool, site.addr); node;
		     node = pool4_next_cover(node, site.addr)) {
			struct pool4_item *item = pool4_item_of(node->entry);

			if (has_free_port(pool, choice, node, site.addr, taken->n_used) &&
			    port_set_draw(taken, &item->entry.spec.ports, &classes[i], &ret->random,
					  &ret->taddr.port))
				return item;
		}
	}
	return NULL;
}

/* The port that was held longest of those held here for the client itself, which is as good as a
 * free one; or (any_client) for whom ever. Only the first few are looked at. */
static struct pool4_item *find_held(const struct pool4 *pool, const struct pool4_choice *choice,
				    struct pool4_site site, bool any_client, uint16_t *ret)
{
	const struct pool4_hold_place *place = pool4_hold_place(&pool->holds, site.address);
	uint32_t i = place ? place->list.oldest : SLAB_NONE;

	for (unsigned n = 0; i != SLAB_NONE && n < POOL4_HOLDS_TRIED_MAX; n++) {
		const struct pool4_hold *hold = pool4_hold_at(&pool->holds, i);
		struct pool4_item *item = NULL;

		if (any_client || hold->client == (uint32_t)choice->request->client_hash)
			item = pool4_site_find_item(pool, choice, site.addr, hold->port);
		if (item) {
			*ret = hold->port;
			return item;
		}
		i = hold->link[POOL4_HOLD_OF_PLACE].newer;
	}
	return NULL;
}

/* Some held port of this address, where the oldest ones belong to entries for others. */
static struct pool4_item *draw_held(const struct pool4 *pool, const struct pool4_choice *choice,
				    struct pool4_site site, struct pool4_pick *ret)
{
	const struct pool4_hold_place *place = pool4_hold_place(&pool->holds, site.address);

	for (struct pool4_index_node *node = place ? pool4_first_cover(pool, site.addr) : NULL;
	     node; node = pool4_next_cover(node, site.addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);

		if (pool4_is_eligible(choice, item) &&
		    port_set_draw_member(&place->ports, &item->entry.spec.ports, &ret->random,
					 &ret->taddr.port))
			return item;
	}
	return NULL;
}

/* The port that was found at the site, and the item that has it; false if none has. */
static bool pick(struct pool4_item *item, struct pool4_site site, bool of_others,
		 struct pool4_pick *ret)
{
	if (!item)
		return false;
	ret->taddr.addr = site.addr;
	ret->entry = &item->entry;
	ret->of_others = of_others;
	ret->address = site.address;
	return true;
}

bool pool4_site_find_free(const struct pool4 *pool, const struct pool4_choice *choice,
			  uint32_t addr, struct pool4_pick *ret)
{
	struct pool4_site site = pool4_site_find(pool, choice, addr);
	struct pool4_item *item = NULL;

	ret->taddr.port = choice->request->port6;
	if (pool->policy.preserve_port)
		item = preserve_port(pool, choice, site);
	if (!item)
		item = draw_port(pool, choice, site, ret);
	if (!item && site.address != SLAB_NONE)
		item = find_held(pool, choice, site, false, &ret->taddr.port);
	return pick(item, site, false, ret);
}

bool pool4_site_find_held(const struct pool4 *pool, const struct pool4_choice *choice,
			  uint32_t addr, struct pool4_pick *ret)
{
	struct pool4_site site = pool4_site_find(pool, choice, addr);
	struct pool4_item *item;

	if (site.address == SLAB_NONE)
		return false;
	item = find_held(pool, choice, site, false, &ret->taddr.port);
	if (item)
		return pick(item, site, false, ret);
	item = find_held(pool, choice, site, true, &ret->taddr.port);
	if (!item)
		item = draw_held(pool, choice, site, ret);
	return pick(item, site, true, ret);
}

bool pool4_site_draw(const struct pool4 *pool, const struct pool4_request *request,
		     struct pool4_site site, const struct port_ranges *ranges,
		     struct pool4_pick *ret)
{
	const struct port_set *taken = taken_ports(pool, site);
	struct port_class classes[PORT_CLASSES_MAX];
	unsigned n_classes =
		port_classes(request->protocol, request->port6, pool->policy.parity, classes);

	ret->taddr = (struct taddr4){site.addr, request->port6};
	ret->of_others = false;
	ret->address = site.address;
	if (pool->policy.preserve_port && port_ranges_contain(ranges, request->port6) &&
	    !port_set_contains(taken, request->port6))
		return true;
	for (unsigned i = 0; i < n_classes; i++) {
		if (port_set_draw(taken, ranges, &classes[i], &ret->random, &ret->taddr.port))
			return true;
	}
	return false;
}
