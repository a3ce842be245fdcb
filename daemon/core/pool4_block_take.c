/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a client gets a port where it has blocks of them (P-19; pool4_block.h): one of its blocks if
 * some has room, else a new block. What a block is, and who has it, is pool4_block.c's.
 */
#include "daemon/core/pool4_site.h"

/* Blocks that are looked at: some of the client's may be of entries that serve it no more, and new
 * ones may be static bindings' altogether where there was no memory to close them. */
#define BLOCKS_TRIED_MAX 8

/* A port of block number at addr, which the item has or had; false if none will do. */
static bool find_port(const struct pool4 *pool, const struct pool4_choice *choice, uint32_t id,
		      uint32_t addr, uint32_t number, struct pool4_pick *ret)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	struct port_ranges ports = {{pool4_block_ports(pool->blocks, number)}, 1};
	uint32_t unused;

	if (!item || !pool4_is_eligible(choice, item) || !pool4_item_number(item, addr, &unused))
		return false;
	/* The ports of the entry may have changed since. */
	port_ranges_keep(&ports, &item->entry.spec.ports);
	ret->entry = &item->entry;
	return pool4_site_draw(pool, choice->request, pool4_site_find(pool, choice, addr), &ports,
			       ret);
}

enum pool4_result pool4_choose_of_blocks(const struct pool4 *pool,
					 const struct pool4_choice *choice, struct pool4_offer *ret)
{
	const struct pool4_request *request = choice->request;
	const struct pool4_blocks *blocks = pool->blocks;
	uint32_t i = pool4_block_first(blocks, request->client_hash, request->protocol);
	enum pool4_result result = POOL4_OK;

	for (unsigned n = 0; i != SLAB_NONE && n < BLOCKS_TRIED_MAX; n++) {
		const struct pool4_block *block = pool4_block_at(blocks, i);

		if (find_port(pool, choice, block->id, block->addr, block->number, &ret->port))
			return POOL4_OK;
		i = block->link[request->protocol].behind;
	}
	ret->block.random = blocks->free->random;
	for (unsigned n = 0; n < BLOCKS_TRIED_MAX; n++) {
		result = pool4_block_choose(blocks, request, &ret->block);
		if (result != POOL4_OK)
			break;
		ret->has_new_block =
			find_port(pool, choice, ret->block.entry->id, ret->block.taddr.addr,
				  ret->block.taddr.port, &ret->port);
		if (ret->has_new_block)
			return POOL4_OK;
		/* All of it is used by static bindings. */
	}
	pool4_blame(pool, choice, &ret->port);
	return result == POOL4_NO_ENTRY ? POOL4_NO_ENTRY : POOL4_EXHAUSTED;
}

bool pool4_choose_block_of(const struct pool4 *pool, const struct pool4_request *request,
			   bool restored, struct pool4_offer *offer)
{
	const struct taddr4 *taddr = &offer->port.taddr;
	uint32_t block = pool4_block_find(pool->blocks, taddr);
	struct pool4_item *item;

	if (block != SLAB_NONE && !pool4_block_is_of(pool->blocks, block, request->client_hash))
		return false;
	offer->has_new_block =
		block == SLAB_NONE &&
		pool4_block_choose_exactly(pool->blocks, request, taddr, restored, &offer->block);
	if (block == SLAB_NONE && !offer->has_new_block)
		return false;
	/* Of several entries that have the port, the one that the block is of. */
	item = pool4_item_find(pool, block != SLAB_NONE ? pool4_block_at(pool->blocks, block)->id
							: offer->block.entry->id);
	if (item && port_ranges_contain(&item->entry.spec.ports, taddr->port))
		offer->port.entry = &item->entry;
	return true;
}

/* A new block counts what static bindings use of it. */
static void count_used_ports(struct pool4 *pool, uint32_t index)
{
	const struct pool4_block *block = pool4_block_at(pool->blocks, index);
	const struct port_ranges ports = {{pool4_block_ports(pool->blocks, block->number)}, 1};

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		uint32_t address = pool4_address_find(&pool->addresses, i, block->addr);

		if (address == SLAB_NONE)
			continue;
		pool4_block_count(
			pool->blocks, index, i,
			(int32_t)port_set_count(&pool4_address_at(&pool->addresses, address)->ports,
						&ports, &port_class_any));
	}
}

void pool4_close_full_block(struct pool4 *pool, uint32_t address, const struct taddr4 *taddr)
{
	struct pool4_blocks *blocks = pool->blocks;
	const struct port_ranges ports = {{pool4_block_ports(blocks, taddr->port / blocks->size)},
					  1};
	uint32_t block;

	if (port_set_count(&pool4_address_at(&pool->addresses, address)->ports, &ports,
			   &port_class_any) < blocks->size)
		return;
	block = pool4_block_close(blocks, taddr);
	if (block != SLAB_NONE)
		count_used_ports(pool, block);
}

/* The blocks of the item at an address where static bindings came before it. */
static void close_blocks_at(struct pool4 *pool, uint32_t address, const struct port_ranges *numbers)
{
	const struct pool4_address *record;
	struct taddr4 taddr;

	if (address == SLAB_NONE)
		return;
	record = pool4_address_at(&pool->addresses, address);
	if (record->n_outside < pool->blocks->size)
		return;
	taddr.addr = record->addr;
	for (uint32_t i = 0; i < numbers->n_ranges; i++) {
		for (uint32_t number = numbers->range[i].first; number <= numbers->range[i].last;
		     number++) {
			taddr.port = (uint16_t)(number * pool->blocks->size);
			pool4_close_full_block(pool, address, &taddr);
		}
	}
}

/* By the addresses of the item, or by all that have ports in use, whatever is less. */
void pool4_close_full_blocks(struct pool4 *pool, const struct pool4_item *item)
{
	const struct pool4_spec *spec = &item->entry.spec;
	const struct slab *known = &pool->addresses.addresses;
	struct port_ranges numbers;
	uint32_t unused;

	if (!pool->blocks || pool->n_outside < pool->blocks->size)
		return;
	pool4_blocks_ranges(pool->blocks, &spec->ports, &numbers);
	if (item->entry.n_addresses * N_PROTOCOLS >= known->n_used) {
		for (uint32_t i = slab_next(known, 0); i != SLAB_NONE; i = slab_next(known, i + 1))
			if (pool4_item_number(item, pool4_address_at(&pool->addresses, i)->addr,
					      &unused))
				close_blocks_at(pool, i, &numbers);
		return;
	}
	for (uint32_t i = 0; i < spec->n_addresses; i++) {
		for (uint32_t j = 0; j <= spec->addresses[i].last - spec->addresses[i].first; j++)
			for (unsigned k = 0; k < N_PROTOCOLS; k++)
				close_blocks_at(pool,
						pool4_address_find(&pool->addresses, k,
								   spec->addresses[i].first + j),
						&numbers);
	}
}

enum pool4_result pool4_accept_block(struct pool4 *pool, const struct pool4_request *request,
				     const struct pool4_offer *offer)
{
	struct pool4_offer within = *offer;
	uint32_t block = pool4_block_allocate(pool->blocks, request, &offer->block);

	if (block == SLAB_NONE)
		return POOL4_NO_MEMORY;
	count_used_ports(pool, block);
	within.has_new_block = false;
	if (pool4_accept(pool, request, &within) != POOL4_OK) {
		pool4_block_release(pool->blocks, block, false, 0);
		return POOL4_NO_MEMORY;
	}
	pool4_block_note(pool->blocks, block, true);
	return POOL4_OK;
}
