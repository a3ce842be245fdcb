/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/block.h"

static uint64_t hash_prefix(const struct block_table *table, const struct prefix6 *prefix)
{
	uint8_t data[sizeof(prefix->addr.byte) + 1];

	memcpy(data, prefix->addr.byte, sizeof(prefix->addr.byte));
	data[sizeof(prefix->addr.byte)] = prefix->len;
	return siphash(&table->key, data, sizeof(data));
}

static uint64_t hash_of_block(const void *context, const void *entry)
{
	const struct block *block = entry;

	return hash_prefix(context, &block->prefix);
}

void block_table_init(struct block_table *table, const struct siphash_key *key)
{
	*table = (struct block_table){.key = *key, .next_ms = BLOCK_FOREVER};
	slab_init(&table->blocks, sizeof(struct block), BLOCKS_MAX);
	hash_index_init(&table->by_prefix, &table->blocks, offsetof(struct block, next),
			hash_of_block, table);
}

void block_table_deinit(struct block_table *table)
{
	if (!table)
		return;
	hash_index_deinit(&table->by_prefix);
	slab_deinit(&table->blocks);
}

struct block *block_at(const struct block_table *table, uint32_t index)
{
	return slab_at(&table->blocks, index);
}

uint32_t block_find(const struct block_table *table, const struct prefix6 *prefix)
{
	uint32_t i;

	for (i = hash_index_first(&table->by_prefix, hash_prefix(table, prefix)); i != SLAB_NONE;
	     i = block_at(table, i)->next) {
		const struct block *block = block_at(table, i);

		if (block->prefix.len == prefix->len &&
		    addr6_equal(&block->prefix.addr, &prefix->addr))
			break;
	}
	return i;
}

bool block_add(struct block_table *table, const struct prefix6 *prefix, uint64_t until_ms)
{
	uint32_t index = block_find(table, prefix);

	if (index == SLAB_NONE) {
		index = slab_alloc(&table->blocks);
		if (index == SLAB_NONE)
			return false;
		block_at(table, index)->prefix = *prefix;
		if (!hash_index_add(&table->by_prefix, index, hash_prefix(table, prefix))) {
			slab_free(&table->blocks, index);
			return false;
		}
		table->n_of_length[prefix->len]++;
	}
	block_at(table, index)->until_ms = until_ms;
	if (until_ms < table->next_ms)
		table->next_ms = until_ms;
	return true;
}

void block_remove(struct block_table *table, uint32_t index)
{
	const struct block *block = block_at(table, index);

	table->n_of_length[block->prefix.len]--;
	hash_index_remove(&table->by_prefix, index, hash_prefix(table, &block->prefix));
	slab_free(&table->blocks, index);
}

bool block_covers_some(const struct block_table *table, const struct addr6 *addr)
{
	for (unsigned len = 0; len <= 128; len++) {
		struct prefix6 prefix = {.len = (uint8_t)len};

		if (table->n_of_length[len] == 0)
			continue;
		prefix.addr = addr6_mask(addr, (uint8_t)len);
		if (block_find(table, &prefix) != SLAB_NONE)
			return true;
	}
	return false;
}

void block_expire(struct block_table *table, uint64_t now_ms)
{
	if (now_ms < table->next_ms)
		return;
	table->next_ms = BLOCK_FOREVER;
	for (uint32_t i = block_next(table, 0); i != SLAB_NONE; i = block_next(table, i + 1)) {
		uint64_t until_ms = block_at(table, i)->until_ms;

		if (until_ms <= now_ms)
			block_remove(table, i);
		else if (until_ms < table->next_ms)
			table->next_ms = until_ms;
	}
}

uint64_t block_next_deadline(const struct block_table *table)
{
	return table->next_ms;
}

uint32_t block_next(const struct block_table *table, uint32_t from)
{
	return slab_next(&table->blocks, from);
}

size_t block_table_memory(const struct block_table *table)
{
	return slab_memory(&table->blocks) + hash_index_memory(&table->by_prefix);
}

bool block_table_check(const struct block_table *table)
{
	uint32_t n_of_length[129] = {0};

	if (!slab_check(&table->blocks) || !hash_index_check(&table->by_prefix))
		return false;
	for (uint32_t i = block_next(table, 0); i != SLAB_NONE; i = block_next(table, i + 1)) {
		const struct block *block = block_at(table, i);

		n_of_length[block->prefix.len]++;
		if (block_find(table, &block->prefix) != i || block->until_ms < table->next_ms)
			return false;
	}
	return memcmp(n_of_length, table->n_of_length, sizeof(n_of_length)) == 0;
}
