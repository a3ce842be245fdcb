/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a client gets a transport address of pool4 (pool4.h; P-2 to P-11, P-17).
 *
 * An address is chosen first, with constant work in each scope and without regard to the port; then
 * a port at that address (pool4_site.h), among all entries that cover it and may serve the client.
 * The work of one allocation depends on how many entries cover one address, never on how full the
 * pool is (P-21). In the other modes the client has blocks or a range, and these say which address.
 */
#include "daemon/core/pool4_site.h"

/* The item's address with this number. */
static uint32_t nth_address(const struct pool4_item *item, uint32_t number)
{
	uint32_t low = 0, high = item->entry.spec.n_addresses;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (item->node[middle]->number <= number)
			low = middle;
		else
			high = middle;
	}
	return item->node[low]->range.first + (number - item->node[low]->number);
}

/* A hash as a number below bound: the upper 64 bits of their product, also where nothing is wider.
 */
static uint64_t scale(uint64_t hash, uint64_t bound)
{
	uint64_t hash_high = hash >> 32, hash_low = (uint32_t)hash;
	uint64_t bound_high = bound >> 32, bound_low = (uint32_t)bound;
	uint64_t middle = hash_high * bound_low + (hash_low * bound_low >> 32);
	uint64_t carry = hash_low * bound_high + (uint32_t)middle;

	return hash_high * bound_high + (middle >> 32) + (carry >> 32);
}

/*
 * P-5: the address that the hash points at among all of the scope, so that a client meets the same
 * one again while others fill up; if that one has no port that will do, another among those that
 * have. The second multiplier makes the clients of one full address spread over all others.
 */
static bool choose_address(const struct pool4 *pool, const struct pool4_choice *choice,
			   const struct pool4_scope *scope, enum pool4_weight weight, uint32_t *ret)
{
	enum protocol protocol = choice->request->protocol;
	uint64_t hash = choice->request->client_hash;
	const uint64_t *total = scope->total[protocol];
	struct pool4_item *item;
	uint32_t number;

	if (total[weight] == 0)
		return false;
	item = pool4_item_of(pool4_scope_pick(scope, protocol, POOL4_WEIGHT_ALL,
					      scale(hash, total[POOL4_WEIGHT_ALL]), &number));
	if (addr_choice_is_excluded(&pool->choices, &item->choice[protocol][weight], number)) {
		hash *= UINT64_C(0x9e3779b97f4a7c15);
		item = pool4_item_of(pool4_scope_pick(scope, protocol, weight,
						      scale(hash, total[weight]), &number));
		number = addr_choice_at(&pool->choices, &item->choice[protocol][weight], number);
	}
	*ret = nth_address(item, number);
	return true;
}

/* Whether an entry offers this address to the client, full or not. */
static struct pool4_item *find_offer(const struct pool4 *pool, const struct pool4_choice *choice,
				     uint32_t addr)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, addr); node;
	     node = pool4_next_cover(node, addr)) {
		if (pool4_is_eligible(choice, pool4_item_of(node->entry)))
			return pool4_item_of(node->entry);
	}
	return NULL;
}

/* P-4: strict pairing, and an entry offers the paired address. Then this is the entry. */
static struct pool4_item *find_strict(const struct pool4 *pool, const struct pool4_choice *choice)
{
	uint32_t addr = choice->request->paired4;

	return pool->policy.strict_pairing && addr != 0 ? find_offer(pool, choice, addr) : NULL;
}

void pool4_blame(const struct pool4 *pool, const struct pool4_choice *choice,
		 struct pool4_pick *ret)
{
	enum protocol protocol = choice->request->protocol;
	const struct pool4_scope *scope = choice->scope[0];
	struct pool4_item *strict = find_strict(pool, choice);
	uint32_t number;

	ret->entry = strict ? &strict->entry
			    : pool4_scope_pick(scope, protocol, POOL4_WEIGHT_ALL,
					       scale(choice->request->client_hash,
						     scope->total[protocol][POOL4_WEIGHT_ALL]),
					       &number);
}

void pool4_count_refusal(enum protocol protocol, const struct pool4_offer *offer)
{
	if (offer->port.entry)
		offer->port.entry->n_refused[protocol]++;
}

/* One that is free, at the paired address or any other. */
static bool choose_free(const struct pool4 *pool, const struct pool4_choice *choice, bool strict,
			struct pool4_pick *ret)
{
	uint32_t addr = choice->request->paired4;

	if (addr != 0 && (pool4_site_find_free(pool, choice, addr, ret) || strict))
		return ret->entry != NULL;
	for (unsigned i = 0; i < choice->n_scopes; i++) {
		if (choose_address(pool, choice, choice->scope[i], POOL4_WEIGHT_FREE, &addr))
			return pool4_site_find_free(pool, choice, addr, ret);
	}
	return false;
}

/* P-14: one that is held, in the same order, when there is no free one in any scope. */
static bool choose_held(const struct pool4 *pool, const struct pool4_choice *choice, bool strict,
			struct pool4_pick *ret)
{
	uint32_t addr = choice->request->paired4;

	if (addr != 0 && (pool4_site_find_held(pool, choice, addr, ret) || strict))
		return ret->entry != NULL;
	for (unsigned i = 0; i < choice->n_scopes; i++) {
		if (choose_address(pool, choice, choice->scope[i], POOL4_WEIGHT_UNUSED, &addr))
			return pool4_site_find_held(pool, choice, addr, ret);
	}
	return false;
}

enum pool4_result pool4_choose_port(const struct pool4 *pool, const struct pool4_choice *choice,
				    struct pool4_pick *ret)
{
	bool strict = find_strict(pool, choice) != NULL;

	ret->entry = NULL;
	if (choose_free(pool, choice, strict, ret) || choose_held(pool, choice, strict, ret))
		return POOL4_OK;
	pool4_blame(pool, choice, ret);
	return POOL4_EXHAUSTED;
}

enum pool4_result pool4_choose(const struct pool4 *pool, const struct pool4_request *request,
			       struct pool4_offer *ret)
{
	struct pool4_choice choice = {.request = request};

	ret->has_new_block = false;
	ret->port.entry = NULL;
	ret->port.random = pool->random;
	choice.n_scopes = pool4_scope_match(&pool->scopes, request->client, request->pool6,
					    request->protocol, choice.scope);
	if (choice.n_scopes == 0)
		return POOL4_NO_ENTRY;
	switch ((enum pool4_mode)pool->allocation.mode) {
	case POOL4_DYNAMIC:
		break;
	case POOL4_BLOCKS:
		return pool4_choose_of_blocks(pool, &choice, ret);
	case POOL4_DETERMINISTIC:
		return pool4_choose_of_range(pool, &choice, &ret->port);
	}
	return pool4_choose_port(pool, &choice, &ret->port);
}

/* The port as one of this item, if it is not in use and nobody else has what it is of. */
static bool offer(const struct pool4 *pool, const struct pool4_request *request,
		  const struct taddr4 *taddr, struct pool4_item *item, bool restored,
		  struct pool4_offer *ret)
{
	enum protocol protocol = request->protocol;

	ret->has_new_block = false;
	ret->port = (struct pool4_pick){
		.taddr = *taddr,
		.address = pool4_address_find(&pool->addresses, protocol, taddr->addr),
		.random = pool->random,
	};
	if (!item || pool4_is_used(pool, protocol, taddr))
		return false;
	ret->port.entry = &item->entry;
	switch ((enum pool4_mode)pool->allocation.mode) {
	case POOL4_DYNAMIC:
		break;
	case POOL4_BLOCKS:
		return pool4_choose_block_of(pool, request, restored, ret);
	case POOL4_DETERMINISTIC:
		return (restored ? pool4_choose_in_range_restored
				 : pool4_choose_in_range)(pool, request, &ret->port);
	}
	return true;
}

bool pool4_choose_restored(const struct pool4 *pool, const struct pool4_request *request,
			   const struct taddr4 *taddr, struct pool4_offer *ret)
{
	const struct pool4_entry *entry =
		pool4_find(pool, request->protocol, taddr->addr, taddr->port);

	return offer(pool, request, taddr, entry ? pool4_item_find(pool, entry->id) : NULL, true,
		     ret);
}

bool pool4_choose_exactly(const struct pool4 *pool, const struct pool4_request *request,
			  const struct taddr4 *taddr, struct pool4_offer *ret)
{
	enum protocol protocol = request->protocol;
	struct pool4_choice choice = {.request = request};
	struct pool4_item *item;

	choice.n_scopes = pool4_scope_match(&pool->scopes, request->client, request->pool6,
					    protocol, choice.scope);
	item = pool4_site_find_item(pool, &choice, taddr->addr, taddr->port);
	return !pool4_is_held(pool, protocol, taddr, request->client_hash) &&
	       offer(pool, request, taddr, item, false, ret) &&
	       pool4_is_eligible(&choice, pool4_item_of(ret->port.entry));
}

enum pool4_result pool4_accept(struct pool4 *pool, const struct pool4_request *request,
			       const struct pool4_offer *offer)
{
	const struct pool4_pick *port = &offer->port;
	enum pool4_result result;

	if (offer->has_new_block)
		return pool4_accept_block(pool, request, offer);
	result = pool4_commit(pool, pool4_item_of(port->entry), port->address, request->protocol,
			      &port->taddr);
	if (result != POOL4_OK)
		return result;
	port->entry->n_reused[request->protocol] += port->of_others;
	pool->random = port->random;
	return POOL4_OK;
}

enum pool4_result pool4_take(struct pool4 *pool, const struct pool4_request *request,
			     struct taddr4 *ret, uint32_t *ret_id)
{
	struct pool4_offer offer;
	enum pool4_result result = pool4_choose(pool, request, &offer);

	if (result == POOL4_OK)
		result = pool4_accept(pool, request, &offer);
	if (result == POOL4_OK)
		*ret = offer.port.taddr;
	else if (result == POOL4_EXHAUSTED)
		pool4_count_refusal(request->protocol, &offer);
	if (result == POOL4_OK || result == POOL4_EXHAUSTED)
		*ret_id = offer.port.entry ? offer.port.entry->id : 0;
	return result;
}

bool pool4_is_used(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);

	return address != SLAB_NONE &&
	       port_set_contains(&pool4_address_at(&pool->addresses, address)->ports,
				 taddr->port) &&
	       pool4_hold_find(&pool->holds, address, taddr->port) == SLAB_NONE;
}

enum pool4_result pool4_take_exactly(struct pool4 *pool, enum protocol protocol,
				     const struct taddr4 *taddr, uint32_t *ret_id)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	const struct pool4_entry *entry = pool4_find(pool, protocol, taddr->addr, taddr->port);
	struct pool4_item *item = entry ? pool4_item_find(pool, entry->id) : NULL;
	enum pool4_result result;

	if (pool4_is_used(pool, protocol, taddr))
		return POOL4_TAKEN;
	result = pool4_commit(pool, item, address, protocol, taddr);
	if (result == POOL4_OK)
		*ret_id = entry ? entry->id : 0;
	return result;
}
