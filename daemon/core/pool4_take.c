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

/* Blocks of a client that are looked at: some may be of entries that serve it no more. */
#define BLOCKS_TRIED_MAX 8

/* A request with what follows from it. */
struct choice {
	const struct pool4_request *request;
	struct pool4_scope *scope[POOL4_SCOPES_MAX];
	unsigned n_scopes;
};

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

/* Marks a port that is free or held as used and counts it. item NULL: it belongs to no entry;
 * address: of the address table, or SLAB_NONE. */
static enum pool4_result commit(struct pool4 *pool, struct pool4_item *item, uint32_t address,
				enum protocol protocol, const struct taddr4 *taddr,
				uint32_t *ret_id)
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

/* An address as the place of a choice. */
struct site {
	uint32_t addr;
	uint32_t address; /* of the address table; SLAB_NONE: all ports are free */
};

static struct site find_site(const struct pool4 *pool, const struct choice *choice, uint32_t addr)
{
	return (struct site){addr,
			     pool4_address_find(&pool->addresses, choice->request->protocol, addr)};
}

/* The entry that may give out this port of the site, or NULL. */
static struct pool4_item *find_item(const struct pool4 *pool, const struct choice *choice,
				    uint32_t addr, uint16_t port)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, addr); node;
	     node = pool4_next_cover(node, addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);

		if (is_eligible(choice, item) && port_ranges_contain(&item->entry.spec.ports, port))
			return item;
	}
	return NULL;
}

/* The client's own port at this address, if it is free, or held for it (P-10, P-14). */
static struct pool4_item *preserve_port(const struct pool4 *pool, const struct choice *choice,
					struct site site)
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
	return find_item(pool, choice, site.addr, request->port6);
}

/* Has the item a free port at the address of the node, where so many ports are not free? */
static bool has_free_port(const struct pool4 *pool, const struct choice *choice,
			  const struct pool4_index_node *node, uint32_t addr, uint32_t n_taken)
{
	const struct pool4_item *item = pool4_item_of(node->entry);

	if (!is_eligible(choice, item))
		return false;
	return n_taken < item->n_ports ||
	       !addr_choice_is_excluded(&pool->choices,
					&item->choice[choice->request->protocol][POOL4_WEIGHT_FREE],
					node->number + (addr - node->range.first));
}

static const struct port_set *taken_ports(const struct pool4 *pool, struct site site)
{
	static const struct port_set none = {.n_used = 0};

	return site.address == SLAB_NONE ? &none
					 : &pool4_address_at(&pool->addresses, site.address)->ports;
}

/* A free port at this address, by P-8. The item it belongs to, or NULL if there is none. */
static struct pool4_item *draw_port(struct pool4 *pool, const struct choice *choice,
				    struct site site, uint16_t *ret)
{
	const struct port_set *taken = taken_ports(pool, site);
	const struct pool4_request *request = choice->request;
	struct port_class class[PORT_CLASSES_MAX];
	unsigned n_classes =
		port_classes(request->protocol, request->port6, pool->policy.parity, class);

	for (unsigned i = 0; i < n_classes; i++) {
		for (struct pool4_index_node *node = pool4_first_cover(pool, site.addr); node;
		     node = pool4_next_cover(node, site.addr)) {
			struct pool4_item *item = pool4_item_of(node->entry);

			if (has_free_port(pool, choice, node, site.addr, taken->n_used) &&
			    port_set_draw(taken, &item->entry.spec.ports, &class[i],
					  &pool -> random, ret))
				return item;
		}
	}
	return NULL;
}

/* The port that was held longest of those held here for the client itself, which is as good as a
 * free one; or (any_client) for whom ever. Only the first few are looked at. */
static struct pool4_item *find_held(const struct pool4 *pool, const struct choice *choice,
				    struct site site, bool any_client, uint16_t *ret)
{
	const struct pool4_hold_place *place = pool4_hold_place(&pool->holds, site.address);
	uint32_t i = place ? place->list.oldest : SLAB_NONE;

	for (unsigned n = 0; i != SLAB_NONE && n < POOL4_HOLDS_TRIED_MAX; n++) {
		const struct pool4_hold *hold = pool4_hold_at(&pool->holds, i);
		struct pool4_item *item = NULL;

		if (any_client || hold->client == (uint32_t)choice->request->client_hash)
			item = find_item(pool, choice, site.addr, hold->port);
		if (item) {
			*ret = hold->port;
			return item;
		}
		i = hold->link[POOL4_HOLD_OF_PLACE].newer;
	}
	return NULL;
}

/* Some held port of this address, where the oldest ones belong to entries for others. */
static struct pool4_item *draw_held(struct pool4 *pool, const struct choice *choice,
				    struct site site, uint16_t *ret)
{
	const struct pool4_hold_place *place = pool4_hold_place(&pool->holds, site.address);

	for (struct pool4_index_node *node = place ? pool4_first_cover(pool, site.addr) : NULL;
	     node; node = pool4_next_cover(node, site.addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);

		if (is_eligible(choice, item) &&
		    port_set_draw_member(&place->ports, &item->entry.spec.ports, &pool->random,
					 ret))
			return item;
	}
	return NULL;
}

/* A free port of this address, or one that is held for the client; POOL4_EXHAUSTED if none is. */
static enum pool4_result take_free(struct pool4 *pool, const struct choice *choice, uint32_t addr,
				   struct taddr4 *ret, uint32_t *ret_id)
{
	struct site site = find_site(pool, choice, addr);
	struct taddr4 taddr = {addr, choice->request->port6};
	struct pool4_item *item = NULL;
	enum pool4_result result;

	if (pool->policy.preserve_port)
		item = preserve_port(pool, choice, site);
	if (!item)
		item = draw_port(pool, choice, site, &taddr.port);
	if (!item && site.address != SLAB_NONE)
		item = find_held(pool, choice, site, false, &taddr.port);
	if (!item)
		return POOL4_EXHAUSTED;
	result = commit(pool, item, site.address, choice->request->protocol, &taddr, ret_id);
	if (result == POOL4_OK)
		*ret = taddr;
	return result;
}

/* A port of this address that is held for the client, or (the last choice) for another. */
static enum pool4_result take_held(struct pool4 *pool, const struct choice *choice, uint32_t addr,
				   struct taddr4 *ret, uint32_t *ret_id)
{
	enum protocol protocol = choice->request->protocol;
	struct site site = find_site(pool, choice, addr);
	struct taddr4 taddr = {.addr = addr};
	struct pool4_item *item, *own;
	enum pool4_result result;

	if (site.address == SLAB_NONE)
		return POOL4_EXHAUSTED;
	item = own = find_held(pool, choice, site, false, &taddr.port);
	if (!item)
		item = find_held(pool, choice, site, true, &taddr.port);
	if (!item)
		item = draw_held(pool, choice, site, &taddr.port);
	if (!item)
		return POOL4_EXHAUSTED;
	result = commit(pool, item, site.address, protocol, &taddr, ret_id);
	if (result == POOL4_OK) {
		item->entry.n_reused[protocol] += own == NULL;
		*ret = taddr;
	}
	return result;
}

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
static bool choose_address(const struct pool4 *pool, const struct choice *choice,
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
static struct pool4_item *find_offer(const struct pool4 *pool, const struct choice *choice,
				     uint32_t addr)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, addr); node;
	     node = pool4_next_cover(node, addr)) {
		if (is_eligible(choice, pool4_item_of(node->entry)))
			return pool4_item_of(node->entry);
	}
	return NULL;
}

/* Counts the refusal where the client would have been served; the id of the entry, or 0. */
static uint32_t count_refusal(const struct choice *choice, struct pool4_item *strict)
{
	enum protocol protocol = choice->request->protocol;

	if (strict) {
		strict->entry.n_refused[protocol]++;
		return strict->entry.id;
	}
	for (unsigned i = 0; i < choice->n_scopes; i++) {
		uint64_t total = choice->scope[i]->total[protocol][POOL4_WEIGHT_ALL];
		struct pool4_entry *entry;
		uint32_t number;

		if (total == 0)
			continue;
		entry = pool4_scope_pick(choice->scope[i], protocol, POOL4_WEIGHT_ALL,
					 scale(choice->request->client_hash, total), &number);
		entry->n_refused[protocol]++;
		return entry->id;
	}
	return 0;
}

/* P-4: strict pairing, and an entry offers the paired address. Then this is the entry. */
static struct pool4_item *find_strict(const struct pool4 *pool, const struct choice *choice)
{
	uint32_t addr = choice->request->paired4;

	return pool->policy.strict_pairing && addr != 0 ? find_offer(pool, choice, addr) : NULL;
}

/* One that is free, at the paired address or any other. */
static enum pool4_result choose_free(struct pool4 *pool, const struct choice *choice, bool strict,
				     struct taddr4 *ret, uint32_t *ret_id)
{
	uint32_t addr = choice->request->paired4;

	if (addr != 0) {
		enum pool4_result result = take_free(pool, choice, addr, ret, ret_id);

		if (result != POOL4_EXHAUSTED || strict)
			return result;
	}
	for (unsigned i = 0; i < choice->n_scopes; i++) {
		if (choose_address(pool, choice, choice->scope[i], POOL4_WEIGHT_FREE, &addr))
			return take_free(pool, choice, addr, ret, ret_id);
	}
	return POOL4_EXHAUSTED;
}

/* P-14: one that is held, in the same order, when there is no free one in any scope. */
static enum pool4_result choose_held(struct pool4 *pool, const struct choice *choice, bool strict,
				     struct taddr4 *ret, uint32_t *ret_id)
{
	uint32_t addr = choice->request->paired4;

	if (addr != 0) {
		enum pool4_result result = take_held(pool, choice, addr, ret, ret_id);

		if (result != POOL4_EXHAUSTED || strict)
			return result;
	}
	for (unsigned i = 0; i < choice->n_scopes; i++) {
		if (choose_address(pool, choice, choice->scope[i], POOL4_WEIGHT_UNUSED, &addr))
			return take_held(pool, choice, addr, ret, ret_id);
	}
	return POOL4_EXHAUSTED;
}

/* A free port out of ranges, by P-8 and P-10; false if there is none. */
static bool draw_of(struct pool4 *pool, const struct pool4_request *request, struct site site,
		    const struct port_ranges *ranges, uint16_t *ret)
{
	const struct port_set *taken = taken_ports(pool, site);
	struct port_class class[PORT_CLASSES_MAX];
	unsigned n_classes =
		port_classes(request->protocol, request->port6, pool->policy.parity, class);

	*ret = request->port6;
	if (pool->policy.preserve_port && port_ranges_contain(ranges, *ret) &&
	    !port_set_contains(taken, *ret))
		return true;
	for (unsigned i = 0; i < n_classes; i++) {
		if (port_set_draw(taken, ranges, &class[i], &pool -> random, ret))
			return true;
	}
	return false;
}

/* P-20: nothing but a port of the client's own range. */
static enum pool4_result take_deterministic(struct pool4 *pool, const struct choice *choice,
					    struct taddr4 *ret, uint32_t *ret_id)
{
	const struct pool4_request *request = choice->request;
	struct port_ranges ranges;
	struct taddr4 taddr;
	struct pool4_item *item = pool4_find_range(pool, request->protocol, request->client,
						   request->pool6, &taddr.addr, &ranges);
	enum pool4_result result = POOL4_EXHAUSTED;
	struct site site;

	if (!item)
		return POOL4_NO_ENTRY;
	site = find_site(pool, choice, taddr.addr);
	if (draw_of(pool, request, site, &ranges, &taddr.port))
		result = commit(pool, item, site.address, request->protocol, &taddr, ret_id);
	if (result == POOL4_OK)
		*ret = taddr;
	if (result == POOL4_EXHAUSTED) {
		item->entry.n_refused[request->protocol]++;
		*ret_id = item->entry.id;
	}
	return result;
}

/* A port of the client's block; POOL4_EXHAUSTED if none will do. */
static enum pool4_result take_of_block(struct pool4 *pool, const struct choice *choice,
				       uint32_t index, struct taddr4 *ret, uint32_t *ret_id)
{
	const struct pool4_request *request = choice->request;
	const struct pool4_block *block = pool4_block_at(pool->blocks, index);
	struct pool4_item *item = pool4_item_find(pool, block->id);
	struct port_range range = pool4_block_ports(pool->blocks, block);
	struct site site = find_site(pool, choice, block->addr);
	struct taddr4 taddr = {.addr = block->addr};
	struct port_ranges ports = {.n_ranges = 0};
	enum pool4_result result;
	uint32_t number;

	if (!item || !is_eligible(choice, item) || !pool4_item_number(item, taddr.addr, &number))
		return POOL4_EXHAUSTED;
	/* The ports of the entry may have changed since. */
	ports.range[ports.n_ranges++] = range;
	port_ranges_keep(&ports, &item->entry.spec.ports);
	if (!draw_of(pool, request, site, &ports, &taddr.port))
		return POOL4_EXHAUSTED;
	result = commit(pool, item, site.address, request->protocol, &taddr, ret_id);
	if (result == POOL4_OK)
		*ret = taddr;
	return result;
}

/* A new block counts what static bindings use of it. */
static void count_used_ports(struct pool4 *pool, uint32_t index)
{
	static const struct port_class any_port = {0, UINT16_MAX, -1};
	const struct pool4_block *block = pool4_block_at(pool->blocks, index);
	const struct port_ranges ports = {{pool4_block_ports(pool->blocks, block)}, 1};

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		uint32_t address = pool4_address_find(&pool->addresses, i, block->addr);

		if (address == SLAB_NONE)
			continue;
		pool4_block_count(
			pool->blocks, index, i,
			(int32_t)port_set_count(&pool4_address_at(&pool->addresses, address)->ports,
						&ports, &any_port));
	}
}

/* P-19: a port of the client's blocks, or of a new one. */
static enum pool4_result take_of_blocks(struct pool4 *pool, const struct choice *choice,
					struct taddr4 *ret, uint32_t *ret_id)
{
	const struct pool4_request *request = choice->request;
	struct pool4_blocks *blocks = pool->blocks;
	uint32_t block = pool4_block_first(blocks, request->client_hash, request->protocol);
	enum pool4_result result;

	for (unsigned i = 0; block != SLAB_NONE && i < BLOCKS_TRIED_MAX; i++) {
		uint32_t next = pool4_block_at(blocks, block)->link[request->protocol].behind;

		result = take_of_block(pool, choice, block, ret, ret_id);
		if (result != POOL4_EXHAUSTED)
			return result;
		block = next;
	}
	for (unsigned i = 0; i < BLOCKS_TRIED_MAX; i++) {
		block = pool4_block_allocate(blocks, request, &result);
		if (block == SLAB_NONE)
			break;
		count_used_ports(pool, block);
		result = take_of_block(pool, choice, block, ret, ret_id);
		if (result == POOL4_OK) {
			pool4_block_note(blocks, block, true);
			return result;
		}
		/* All of it is used by static bindings, or there is no memory. */
		pool4_block_release(blocks, block, false, 0);
		if (result != POOL4_EXHAUSTED)
			break;
	}
	if (result == POOL4_EXHAUSTED)
		*ret_id = count_refusal(choice, find_strict(pool, choice));
	return result;
}

enum pool4_result pool4_take(struct pool4 *pool, const struct pool4_request *request,
			     struct taddr4 *ret, uint32_t *ret_id)
{
	struct choice choice = {.request = request};
	struct pool4_item *strict;
	enum pool4_result result;

	choice.n_scopes = pool4_scope_match(&pool->scopes, request->client, request->pool6,
					    request->protocol, choice.scope);
	if (choice.n_scopes == 0)
		return POOL4_NO_ENTRY;
	if (pool->way.mode == POOL4_DETERMINISTIC)
		return take_deterministic(pool, &choice, ret, ret_id);
	if (pool->way.mode == POOL4_BLOCKS)
		return take_of_blocks(pool, &choice, ret, ret_id);

	strict = find_strict(pool, &choice);
	result = choose_free(pool, &choice, strict != NULL, ret, ret_id);
	if (result == POOL4_EXHAUSTED)
		result = choose_held(pool, &choice, strict != NULL, ret, ret_id);
	if (result == POOL4_EXHAUSTED)
		*ret_id = count_refusal(&choice, strict);
	return result;
}

enum pool4_result pool4_take_exactly(struct pool4 *pool, enum protocol protocol,
				     const struct taddr4 *taddr, uint32_t *ret_id)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	const struct pool4_entry *entry = pool4_find(pool, protocol, taddr->addr, taddr->port);
	struct pool4_item *item = entry ? pool4_item_find(pool, entry->id) : NULL;

	if (address != SLAB_NONE &&
	    port_set_contains(&pool4_address_at(&pool->addresses, address)->ports, taddr->port) &&
	    pool4_hold_find(&pool->holds, address, taddr->port) == SLAB_NONE)
		return POOL4_TAKEN;
	return commit(pool, item, address, protocol, taddr, ret_id);
}
