/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a client gets a port where it has blocks of them (P-19; pool4_block.h): one of its blocks if
 * some has room, else a new block. What a block is, and who has it, is pool4_block.c's.
 */
#include "daemon/core/pool4_site.h"

/* Blocks that are looked at: some of the client's may be of entries that serve it no more, and new
 * ones may be static bindings' altogether. */
#define BLOCKS_TRIED_MAX 8

/* A port of the client's block; POOL4_EXHAUSTED if none will do. */
static enum pool4_result take_of_block(struct pool4 *pool, const struct pool4_choice *choice,
				       uint32_t index, struct taddr4 *ret, uint32_t *ret_id)
{
	const struct pool4_request *request = choice->request;
	const struct pool4_block *block = pool4_block_at(pool->blocks, index);
	struct pool4_item *item = pool4_item_find(pool, block->id);
	struct port_range range = pool4_block_ports(pool->blocks, block);
	struct pool4_site site = pool4_site_find(pool, choice, block->addr);
	struct taddr4 taddr = {.addr = block->addr};
	struct port_ranges ports = {.n_ranges = 0};
	enum pool4_result result;
	uint32_t number;

	if (!item || !pool4_is_eligible(choice, item) ||
	    !pool4_item_number(item, taddr.addr, &number))
		return POOL4_EXHAUSTED;
	/* The ports of the entry may have changed since. */
	ports.range[ports.n_ranges++] = range;
	port_ranges_keep(&ports, &item->entry.spec.ports);
	if (!pool4_site_draw(pool, request, site, &ports, &taddr.port))
		return POOL4_EXHAUSTED;
	result = pool4_commit(pool, item, site.address, request->protocol, &taddr, ret_id);
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

enum pool4_result pool4_take_of_blocks(struct pool4 *pool, const struct pool4_choice *choice,
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
		*ret_id = pool4_count_refusal(pool, choice);
	return result;
}
