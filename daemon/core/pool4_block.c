/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_block.h"

#include <stdlib.h>

#include "daemon/core/pool4_site.h"

/* Of the other pool: the protocol whose ports have neither parity nor range. */
#define ANY_PROTOCOL PROTOCOL_ICMP

static uint64_t hash_place(const struct pool4_blocks *blocks, uint32_t addr, uint32_t number)
{
	uint32_t data[2] = {addr, number};

	return siphash(&blocks->key, data, sizeof(data));
}

static uint64_t hash_of_block(const void *context, const void *entry)
{
	const struct pool4_block *block = entry;

	return hash_place(context, block->addr, block->number);
}

/* It is a keyed hash already. */
static uint64_t hash_of_owner(const void *context, const void *entry)
{
	return ((const struct pool4_block_owner *)entry)->client_hash;
}

struct pool4_blocks *pool4_blocks_new(const struct pool4_allocation *allocation,
				      const struct siphash_key *key,
				      const uint8_t seed[RANDOM_SEED_SIZE])
{
	struct pool4_blocks *blocks = calloc(1, sizeof(*blocks));

	assert(allocation->block_size > 0 && allocation->block_size <= UINT16_MAX);
	if (!blocks)
		return NULL;
	blocks->free = pool4_new(key, seed);
	if (!blocks->free) {
		free(blocks);
		return NULL;
	}
	blocks->size = allocation->block_size;
	blocks->client_length = allocation->client_length;
	blocks->key = *key;
	slab_init(&blocks->blocks, sizeof(struct pool4_block), SLAB_LIMIT_MAX);
	slab_init(&blocks->owners, sizeof(struct pool4_block_owner), SLAB_LIMIT_MAX);
	hash_index_init(&blocks->by_place, &blocks->blocks, offsetof(struct pool4_block, next),
			hash_of_block, blocks);
	hash_index_init(&blocks->by_client, &blocks->owners,
			offsetof(struct pool4_block_owner, next), hash_of_owner, blocks);
	return blocks;
}

void pool4_blocks_free(struct pool4_blocks *blocks)
{
	if (!blocks)
		return;
	hash_index_deinit(&blocks->by_place);
	hash_index_deinit(&blocks->by_client);
	slab_deinit(&blocks->blocks);
	slab_deinit(&blocks->owners);
	pool4_free(blocks->free);
	free(blocks);
}

void pool4_blocks_ranges(const struct pool4_blocks *blocks, const struct port_ranges *ports,
			 struct port_ranges *ret)
{
	ret->n_ranges = 0;
	for (uint32_t i = 0; i < ports->n_ranges; i++) {
		uint32_t first = (ports->range[i].first + blocks->size - 1) / blocks->size;
		uint32_t end = (ports->range[i].last + 1u) / blocks->size;

		/* Ranges that are apart may have blocks side by side, which becomes one range. */
		if (first < end)
			(void)port_ranges_add(ret, (uint16_t)first, (uint16_t)(end - 1));
	}
}

enum pool4_result pool4_blocks_add(struct pool4_blocks *blocks, const struct pool4_entry *entry)
{
	struct pool4_spec spec = entry->spec;
	uint32_t id;

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (!spec.protocol[i])
			return POOL4_BAD_BLOCKS;
		spec.protocol[i] = i == ANY_PROTOCOL;
	}
	pool4_blocks_ranges(blocks, &entry->spec.ports, &spec.ports);
	if (spec.ports.n_ranges == 0)
		return POOL4_BAD_BLOCKS;
	spec.name[0] = '\0';
	blocks->free->last_id = entry->id - 1; /* so that it gets the same one */
	return pool4_add(blocks->free, &spec, &id);
}

enum pool4_result pool4_blocks_change(struct pool4_blocks *blocks, uint32_t id,
				      const struct pool4_spec *wanted)
{
	struct pool4_spec spec = *wanted;
	uint32_t other;

	pool4_blocks_ranges(blocks, &wanted->ports, &spec.ports);
	return spec.ports.n_ranges == 0 ? POOL4_BAD_BLOCKS
					: pool4_set_places(blocks->free, id, &spec, &other);
}

static struct pool4_block_owner *owner_at(const struct pool4_blocks *blocks, uint32_t index)
{
	return slab_at(&blocks->owners, index);
}

static uint32_t find_owner(const struct pool4_blocks *blocks, uint64_t client_hash)
{
	uint32_t i = hash_index_first(&blocks->by_client, client_hash);

	while (i != SLAB_NONE && owner_at(blocks, i)->client_hash != client_hash)
		i = owner_at(blocks, i)->next;
	return i;
}

/* SLAB_NONE without memory. */
static uint32_t get_owner(struct pool4_blocks *blocks, uint64_t client_hash)
{
	uint32_t index = find_owner(blocks, client_hash);

	if (index != SLAB_NONE)
		return index;
	index = slab_alloc(&blocks->owners);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	owner_at(blocks, index)->client_hash = client_hash;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		owner_at(blocks, index)->first[i] = SLAB_NONE;
	if (!hash_index_add(&blocks->by_client, index, client_hash)) {
		slab_free(&blocks->owners, index);
		return SLAB_NONE;
	}
	return index;
}

static void drop_owner_if_unused(struct pool4_blocks *blocks, uint32_t index)
{
	if (owner_at(blocks, index)->n_blocks > 0)
		return;
	hash_index_remove(&blocks->by_client, index, owner_at(blocks, index)->client_hash);
	slab_free(&blocks->owners, index);
}

static void file_block(struct pool4_blocks *blocks, uint32_t index, enum protocol protocol)
{
	struct pool4_block *block = pool4_block_at(blocks, index);
	uint32_t *first;

	if (block->owner == SLAB_NONE)
		return;
	first = &owner_at(blocks, block->owner)->first[protocol];
	block->link[protocol] = (struct pool4_block_link){SLAB_NONE, *first};
	if (*first != SLAB_NONE)
		pool4_block_at(blocks, *first)->link[protocol].before = index;
	*first = index;
}

static void unfile_block(struct pool4_blocks *blocks, uint32_t index, enum protocol protocol)
{
	const struct pool4_block *block = pool4_block_at(blocks, index);
	const struct pool4_block_link *link = &block->link[protocol];

	if (block->owner == SLAB_NONE)
		return;
	if (link->before == SLAB_NONE)
		owner_at(blocks, block->owner)->first[protocol] = link->behind;
	else
		pool4_block_at(blocks, link->before)->link[protocol].behind = link->behind;
	if (link->behind != SLAB_NONE)
		pool4_block_at(blocks, link->behind)->link[protocol].before = link->before;
}

static uint32_t find_at(const struct pool4_blocks *blocks, uint32_t addr, uint32_t number)
{
	uint32_t i = hash_index_first(&blocks->by_place, hash_place(blocks, addr, number));

	while (i != SLAB_NONE && (pool4_block_at(blocks, i)->addr != addr ||
				  pool4_block_at(blocks, i)->number != number))
		i = pool4_block_at(blocks, i)->next;
	return i;
}

uint32_t pool4_block_find(const struct pool4_blocks *blocks, const struct taddr4 *taddr)
{
	return find_at(blocks, taddr->addr, taddr->port / blocks->size);
}

bool pool4_block_is_of(const struct pool4_blocks *blocks, uint32_t block, uint64_t client_hash)
{
	uint32_t owner = pool4_block_at(blocks, block)->owner;

	return owner != SLAB_NONE && owner_at(blocks, owner)->client_hash == client_hash;
}

uint32_t pool4_block_first(const struct pool4_blocks *blocks, uint64_t client_hash,
			   enum protocol protocol)
{
	uint32_t owner = find_owner(blocks, client_hash);

	return owner == SLAB_NONE ? SLAB_NONE : owner_at(blocks, owner)->first[protocol];
}

/* The record of a block without an owner; SLAB_NONE without memory. */
static uint32_t add_record(struct pool4_blocks *blocks, const struct taddr4 *place, uint32_t id)
{
	uint32_t index = slab_alloc(&blocks->blocks);
	struct pool4_block *block;

	if (index == SLAB_NONE)
		return SLAB_NONE;
	block = pool4_block_at(blocks, index);
	block->addr = place->addr;
	block->number = place->port;
	block->id = id;
	block->owner = SLAB_NONE;
	if (hash_index_add(&blocks->by_place, index,
			   hash_place(blocks, block->addr, block->number)))
		return index;
	slab_free(&blocks->blocks, index);
	return SLAB_NONE;
}

/* The record of a client's block; SLAB_NONE without memory. */
static uint32_t add_owned(struct pool4_blocks *blocks, const struct taddr4 *place, uint32_t id,
			  const struct pool4_request *request)
{
	uint32_t owner = get_owner(blocks, request->client_hash);
	uint32_t index = owner == SLAB_NONE ? SLAB_NONE : add_record(blocks, place, id);
	struct pool4_block *block;

	if (index == SLAB_NONE) {
		if (owner != SLAB_NONE)
			drop_owner_if_unused(blocks, owner);
		return SLAB_NONE;
	}
	block = pool4_block_at(blocks, index);
	block->owner = owner;
	block->client.len = blocks->client_length;
	block->client.addr = addr6_mask(request->client, blocks->client_length);
	owner_at(blocks, owner)->n_blocks++;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		file_block(blocks, index, i);
	return index;
}

enum pool4_result pool4_block_choose(const struct pool4_blocks *blocks,
				     const struct pool4_request *request, struct pool4_pick *ret)
{
	const struct pool4 *pool = blocks->free;
	struct pool4_request asked = *request;
	struct pool4_choice choice = {.request = &asked};

	asked.protocol = ANY_PROTOCOL;
	choice.n_scopes = pool4_scope_match(&pool->scopes, asked.client, asked.pool6,
					    asked.protocol, choice.scope);
	return choice.n_scopes == 0 ? POOL4_NO_ENTRY : pool4_choose_port(pool, &choice, ret);
}

bool pool4_block_choose_exactly(const struct pool4_blocks *blocks,
				const struct pool4_request *request, const struct taddr4 *taddr,
				bool restored, struct pool4_pick *ret)
{
	const struct taddr4 place = {taddr->addr, (uint16_t)(taddr->port / blocks->size)};
	struct pool4_request asked = *request;
	struct pool4_offer offer;

	asked.protocol = ANY_PROTOCOL;
	if (!(restored ? pool4_choose_restored : pool4_choose_exactly)(blocks->free, &asked, &place,
								       &offer))
		return false;
	*ret = offer.port;
	return true;
}

uint32_t pool4_block_allocate(struct pool4_blocks *blocks, const struct pool4_request *request,
			      const struct pool4_pick *pick)
{
	const struct pool4_request asked = {.protocol = ANY_PROTOCOL};
	const struct pool4_offer offer = {.port = *pick};
	uint32_t index;

	if (pool4_accept(blocks->free, &asked, &offer) != POOL4_OK)
		return SLAB_NONE;
	index = add_owned(blocks, &pick->taddr, pick->entry->id, request);
	if (index == SLAB_NONE)
		pool4_give_back(blocks->free, ANY_PROTOCOL, &pick->taddr, pick->entry->id);
	return index;
}

uint32_t pool4_block_close(struct pool4_blocks *blocks, const struct taddr4 *taddr)
{
	const struct taddr4 place = {taddr->addr, (uint16_t)(taddr->port / blocks->size)};
	uint32_t id, index;

	if (!pool4_find(blocks->free, ANY_PROTOCOL, place.addr, place.port) ||
	    pool4_take_exactly(blocks->free, ANY_PROTOCOL, &place, &id) != POOL4_OK)
		return SLAB_NONE;
	index = add_record(blocks, &place, id);
	if (index == SLAB_NONE)
		pool4_give_back(blocks->free, ANY_PROTOCOL, &place, id);
	return index;
}

bool pool4_block_is_full(const struct pool4_blocks *blocks, uint32_t index)
{
	const struct pool4_block *block = pool4_block_at(blocks, index);
	bool full = false;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		full |= block->n_used[i] == blocks->size;
	return full;
}

void pool4_block_count(struct pool4_blocks *blocks, uint32_t index, enum protocol protocol,
		       int32_t n)
{
	struct pool4_block *block = pool4_block_at(blocks, index);
	bool had_room = block->n_used[protocol] < blocks->size;

	block->n_used[protocol] += (uint32_t)n;
	assert(block->n_used[protocol] <= blocks->size);
	if (had_room && block->n_used[protocol] == blocks->size)
		unfile_block(blocks, index, protocol);
	else if (!had_room && block->n_used[protocol] < blocks->size)
		file_block(blocks, index, protocol);
}

bool pool4_block_is_empty(const struct pool4_blocks *blocks, uint32_t index)
{
	const struct pool4_block *block = pool4_block_at(blocks, index);

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (block->n_used[i] > 0)
			return false;
	}
	return true;
}

bool pool4_block_hold(struct pool4_blocks *blocks, const struct taddr4 *taddr,
		      enum pool4_hold_kind kind, uint64_t client_hash, uint64_t now_ms)
{
	const struct taddr4 place = {taddr->addr, (uint16_t)(taddr->port / blocks->size)};

	return pool4_hold_port(blocks->free, ANY_PROTOCOL, &place, kind, client_hash, now_ms);
}

void pool4_block_release(struct pool4_blocks *blocks, uint32_t index, bool hold, uint64_t now_ms)
{
	const struct pool4_block *block = pool4_block_at(blocks, index);
	struct taddr4 place = {block->addr, (uint16_t)block->number};
	uint32_t owner = block->owner;

	if (hold && owner != SLAB_NONE)
		pool4_retire(blocks->free, ANY_PROTOCOL, &place, block->id,
			     owner_at(blocks, owner)->client_hash, now_ms);
	else
		pool4_give_back(blocks->free, ANY_PROTOCOL, &place, block->id);
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (block->n_used[i] < blocks->size)
			unfile_block(blocks, index, i);
	}
	hash_index_remove(&blocks->by_place, index, hash_place(blocks, place.addr, place.port));
	slab_free(&blocks->blocks, index);
	if (owner == SLAB_NONE)
		return;
	owner_at(blocks, owner)->n_blocks--;
	drop_owner_if_unused(blocks, owner);
}

/* What is closed is so for another entry that has it, or for none. */
static void leave_to_others(struct pool4_blocks *blocks, uint32_t index)
{
	const struct pool4_block before = *pool4_block_at(blocks, index);
	const struct taddr4 place = {before.addr, (uint16_t)(before.number * blocks->size)};

	pool4_block_release(blocks, index, false, 0);
	if (before.owner != SLAB_NONE)
		return;
	index = pool4_block_close(blocks, &place);
	if (index != SLAB_NONE)
		memcpy(pool4_block_at(blocks, index)->n_used, before.n_used, sizeof(before.n_used));
}

/* An entry goes that nobody uses any more: so do blocks of it that others' ports kept. */
void pool4_blocks_remove(struct pool4_blocks *blocks, uint32_t id)
{
	const struct pool4_entry *entry = pool4_entry(blocks->free, id);
	uint32_t i = 0;

	pool4_set_state(blocks->free, id, POOL4_DISABLED);
	while (entry->n_used[ANY_PROTOCOL] > 0) {
		i = slab_next(&blocks->blocks, i);
		if (pool4_block_at(blocks, i)->id == id)
			leave_to_others(blocks, i);
		i++;
	}
	(void)pool4_remove(blocks->free, id);
}

void pool4_block_note(struct pool4_blocks *blocks, uint32_t index, bool allocated)
{
	const struct pool4_block *block = pool4_block_at(blocks, index);

	blocks->has_changed = true;
	blocks->change = (struct pool4_block_change){
		.allocated = allocated,
		.client = block->client,
		.addr = block->addr,
		.ports = pool4_block_ports(blocks, block->number),
		.id = block->id,
	};
}

size_t pool4_blocks_memory(const struct pool4_blocks *blocks)
{
	return sizeof(*blocks) + pool4_memory(blocks->free) + slab_memory(&blocks->blocks) +
	       slab_memory(&blocks->owners) + hash_index_memory(&blocks->by_place) +
	       hash_index_memory(&blocks->by_client);
}

/* Every block in the lists of its owner that have it, and no other. */
static bool check_owner(const struct pool4_blocks *blocks, uint32_t owner, uint32_t *n_filed)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		uint32_t before = SLAB_NONE;

		for (uint32_t j = owner_at(blocks, owner)->first[i]; j != SLAB_NONE;
		     j = pool4_block_at(blocks, j)->link[i].behind) {
			const struct pool4_block *block = pool4_block_at(blocks, j);

			if (block->owner != owner || block->n_used[i] >= blocks->size ||
			    block->link[i].before != before)
				return false;
			before = j;
			(*n_filed)++;
		}
	}
	return find_owner(blocks, owner_at(blocks, owner)->client_hash) == owner;
}

bool pool4_blocks_check(const struct pool4_blocks *blocks)
{
	uint32_t n_filed = 0, n_room = 0, n_owned = 0;

	if (!pool4_check(blocks->free) || !slab_check(&blocks->blocks) ||
	    !slab_check(&blocks->owners) || !hash_index_check(&blocks->by_place) ||
	    !hash_index_check(&blocks->by_client))
		return false;
	for (uint32_t i = slab_next(&blocks->owners, 0); i != SLAB_NONE;
	     i = slab_next(&blocks->owners, i + 1)) {
		n_owned += owner_at(blocks, i)->n_blocks;
		if (owner_at(blocks, i)->n_blocks == 0 || !check_owner(blocks, i, &n_filed))
			return false;
	}
	for (uint32_t i = slab_next(&blocks->blocks, 0); i != SLAB_NONE;
	     i = slab_next(&blocks->blocks, i + 1)) {
		const struct pool4_block *block = pool4_block_at(blocks, i);

		if (find_at(blocks, block->addr, block->number) != i ||
		    pool4_block_is_empty(blocks, i))
			return false;
		if (block->owner == SLAB_NONE && !pool4_block_is_full(blocks, i))
			return false;
		n_owned += block->owner == SLAB_NONE;
		for (unsigned j = 0; j < N_PROTOCOLS && block->owner != SLAB_NONE; j++)
			n_room += block->n_used[j] < blocks->size;
	}
	return n_filed == n_room && n_owned == blocks->blocks.n_used;
}
