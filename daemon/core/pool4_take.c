/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a client gets a transport address of pool4, and gives it back (pool4.h; P-2 to P-11, P-17).
 *
 * An address is chosen first, with constant work in each scope and without regard to the port; then
 * a port at that address, among all entries that cover it and may serve the client. The work of one
 * allocation depends on how many entries cover one address, never on how full the pool is (P-21).
 */
#include <assert.h>

#include "daemon/core/pool4_internal.h"

/* A request with what follows from it. */
struct choice {
	const struct pool4_request *request;
	struct pool4_scope *scope[POOL4_SCOPES_MAX];
	unsigned n_scopes;
};

/* Entries that cover addr, one after the other. */
static struct pool4_index_node *first_cover(const struct pool4 *pool, uint32_t addr)
{
	return pool4_index_first(&pool->index, (struct addr4_range){addr, addr});
}

static struct pool4_index_node *next_cover(struct pool4_index_node *node, uint32_t addr)
{
	return pool4_index_next(node, (struct addr4_range){addr, addr});
}

/* May a new binding of this request come from the item? */
static bool is_eligible(const struct choice *choice, const struct pool4_item *item)
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

/* Brings all entries up to date whose ports at this address have changed. */
static bool update_covers(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
			  uint32_t address)
{
	for (struct pool4_index_node *node = first_cover(pool, taddr->addr); node;
	     node = next_cover(node, taddr->addr)) {
		if (port_ranges_contain(&node->entry->spec.ports, taddr->port) &&
		    !pool4_item_update(pool, pool4_item_of(node->entry), protocol,
				       node->number + (taddr->addr - node->range.first), address))
			return false;
	}
	return true;
}

/* Marks a port that is free as used and counts it; item NULL: it belongs to no entry. */
static enum pool4_result commit(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
				const struct taddr4 *taddr, uint32_t *ret_id)
{
	uint32_t address = pool4_address_use(&pool->addresses, protocol, taddr);
	struct pool4_entry *entry;

	if (address == SLAB_NONE)
		return POOL4_NO_MEMORY;
	if (!update_covers(pool, protocol, taddr, address)) {
		if (pool4_address_release(&pool->addresses, address, taddr->port))
			address = SLAB_NONE;
		(void)update_covers(pool, protocol, taddr, address);
		return POOL4_NO_MEMORY;
	}
	if (!item) {
		pool->n_outside++;
		*ret_id = 0;
		return POOL4_OK;
	}
	entry = &item->entry;
	if (++entry->n_used[protocol] > entry->n_peak[protocol])
		entry->n_peak[protocol] = entry->n_used[protocol];
	*ret_id = entry->id;
	return POOL4_OK;
}

/* The client's own port at this address, if it is free (P-10). */
static struct pool4_item *preserve_port(const struct pool4 *pool, const struct choice *choice,
					uint32_t addr, const struct port_set *used)
{
	uint16_t port = choice->request->port6;

	if (port_set_contains(used, port))
		return NULL;
	for (struct pool4_index_node *node = first_cover(pool, addr); node;
	     node = next_cover(node, addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);

		if (is_eligible(choice, item) && port_ranges_contain(&item->entry.spec.ports, port))
			return item;
	}
	return NULL;
}

/* A free port at this address, by P-8. The item it belongs to, or NULL if there is none. */
static struct pool4_item *draw_port(struct pool4 *pool, const struct choice *choice, uint32_t addr,
				    const struct port_set *used, uint16_t *ret)
{
	const struct pool4_request *request = choice->request;
	struct port_class class[PORT_CLASSES_MAX];
	unsigned n_classes =
		port_classes(request->protocol, request->port6, pool->policy.parity, class);

	for (unsigned i = 0; i < n_classes; i++) {
		for (struct pool4_index_node *node = first_cover(pool, addr); node;
		     node = next_cover(node, addr)) {
			struct pool4_item *item = pool4_item_of(node->entry);

			if (is_eligible(choice, item) &&
			    port_set_draw(used, &item->entry.spec.ports, &class[i], &pool -> random,
					  ret))
				return item;
		}
	}
	return NULL;
}

/* Any port of this address; POOL4_EXHAUSTED if none is free. */
static enum pool4_result take_at(struct pool4 *pool, const struct choice *choice, uint32_t addr,
				 struct taddr4 *ret, uint32_t *ret_id)
{
	static const struct port_set none = {.n_used = 0};
	enum protocol protocol = choice->request->protocol;
	uint32_t address = pool4_address_find(&pool->addresses, protocol, addr);
	const struct port_set *used =
		address == SLAB_NONE ? &none : &pool4_address_at(&pool->addresses, address)->ports;
	struct taddr4 taddr = {addr, choice->request->port6};
	struct pool4_item *item = NULL;
	enum pool4_result result;

	if (pool->policy.preserve_port)
		item = preserve_port(pool, choice, addr, used);
	if (!item)
		item = draw_port(pool, choice, addr, used, &taddr.port);
	if (!item)
		return POOL4_EXHAUSTED;
	result = commit(pool, item, protocol, &taddr, ret_id);
	if (result == POOL4_OK)
		*ret = taddr;
	return result;
}

/* The item's address with this number. */
static uint32_t nth_address(const struct pool4_item *item, uint32_t number)
{
	uint32_t low = 0, high = item->entry.spec.n_addresses;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (item->node[middle].number <= number)
			low = middle;
		else
			high = middle;
	}
	return item->node[low].range.first + (number - item->node[low].number);
}

/* A hash as a number below bound. */
static uint64_t scale(uint64_t hash, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)hash * bound) >> 64);
}

/*
 * P-5: the address that the hash points at among all of the scope, so that a client meets the same
 * one again while others fill up; if that one is full, another among those with free ports. The
 * second multiplier makes the clients of one full address spread over all others.
 */
static bool choose_address(const struct pool4 *pool, const struct choice *choice,
			   const struct pool4_scope *scope, uint32_t *ret)
{
	enum protocol protocol = choice->request->protocol;
	uint64_t hash = choice->request->client_hash;
	const uint64_t *total = scope->total[protocol];
	struct pool4_item *item;
	uint32_t number;

	if (total[POOL4_WEIGHT_FREE] == 0)
		return false;
	item = pool4_item_of(pool4_scope_pick(scope, protocol, POOL4_WEIGHT_ALL,
					      scale(hash, total[POOL4_WEIGHT_ALL]), &number));
	if (addr_choice_is_excluded(&pool->choices, &item->choice[protocol], number)) {
		hash *= UINT64_C(0x9e3779b97f4a7c15);
		item = pool4_item_of(pool4_scope_pick(scope, protocol, POOL4_WEIGHT_FREE,
						      scale(hash, total[POOL4_WEIGHT_FREE]),
						      &number));
		number = addr_choice_at(&pool->choices, &item->choice[protocol], number);
	}
	*ret = nth_address(item, number);
	return true;
}

/* Whether an entry offers this address to the client, full or not. */
static struct pool4_item *find_offer(const struct pool4 *pool, const struct choice *choice,
				     uint32_t addr)
{
	for (struct pool4_index_node *node = first_cover(pool, addr); node;
	     node = next_cover(node, addr)) {
		if (is_eligible(choice, pool4_item_of(node->entry)))
			return pool4_item_of(node->entry);
	}
	return NULL;
}

/* Counts the refusal where the client would have been served. */
static enum pool4_result refuse(const struct choice *choice)
{
	enum protocol protocol = choice->request->protocol;

	for (unsigned i = 0; i < choice->n_scopes; i++) {
		uint64_t total = choice->scope[i]->total[protocol][POOL4_WEIGHT_ALL];
		struct pool4_entry *entry;
		uint32_t number;

		if (total == 0)
			continue;
		entry = pool4_scope_pick(choice->scope[i], protocol, POOL4_WEIGHT_ALL,
					 scale(choice->request->client_hash, total), &number);
		entry->n_refused[protocol]++;
		break;
	}
	return POOL4_EXHAUSTED;
}

enum pool4_result pool4_take(struct pool4 *pool, const struct pool4_request *request,
			     struct taddr4 *ret, uint32_t *ret_id)
{
	struct choice choice = {.request = request};

	choice.n_scopes = pool4_scope_match(&pool->scopes, request->client, request->pool6,
					    request->protocol, choice.scope);
	if (choice.n_scopes == 0)
		return POOL4_NO_ENTRY;

	if (request->paired4 != 0) {
		enum pool4_result result = take_at(pool, &choice, request->paired4, ret, ret_id);
		struct pool4_item *offer;

		if (result != POOL4_EXHAUSTED)
			return result;
		offer = pool->policy.strict_pairing ? find_offer(pool, &choice, request->paired4)
						    : NULL;
		if (offer) {
			offer->entry.n_refused[request->protocol]++;
			return POOL4_EXHAUSTED;
		}
	}
	for (unsigned i = 0; i < choice.n_scopes; i++) {
		uint32_t addr;

		if (choose_address(pool, &choice, choice.scope[i], &addr))
			return take_at(pool, &choice, addr, ret, ret_id);
	}
	return refuse(&choice);
}

enum pool4_result pool4_take_exactly(struct pool4 *pool, enum protocol protocol,
				     const struct taddr4 *taddr, uint32_t *ret_id)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	const struct pool4_entry *entry = pool4_find(pool, protocol, taddr->addr, taddr->port);
	struct pool4_item *item = entry ? pool4_item_find(pool, entry->id) : NULL;

	if (address != SLAB_NONE &&
	    port_set_contains(&pool4_address_at(&pool->addresses, address)->ports, taddr->port))
		return POOL4_TAKEN;
	return commit(pool, item, protocol, taddr, ret_id);
}

void pool4_give_back(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     uint32_t id)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	struct pool4_item *item = pool4_item_find(pool, id);
	bool updated;

	assert(address != SLAB_NONE);
	if (pool4_address_release(&pool->addresses, address, taddr->port))
		address = SLAB_NONE;
	updated = update_covers(pool, protocol, taddr, address);
	assert(updated); /* including needs no memory */
	(void)updated;
	if (id == 0) {
		assert(pool->n_outside > 0);
		pool->n_outside--;
	} else {
		assert(item && item->entry.n_used[protocol] > 0);
		item->entry.n_used[protocol]--;
	}
}
