/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/blocklist.h"

#include "daemon/core/minmax.h"

static uint64_t hash_prefix(const struct blocklist *list, const struct prefix6 *prefix)
{
	uint8_t data[sizeof(prefix->addr.byte) + 1];

	memcpy(data, prefix->addr.byte, sizeof(prefix->addr.byte));
	data[sizeof(prefix->addr.byte)] = prefix->len;
	return siphash(&list->key, data, sizeof(data));
}

static uint64_t hash_of_block(const void *context, const void *entry)
{
	const struct blocklist_entry *block = entry;

	return hash_prefix(context, &block->prefix);
}

void blocklist_init(struct blocklist *list, const struct siphash_key *key)
{
	*list = (struct blocklist){.key = *key, .next_ms = BLOCKLIST_FOREVER};
	slab_init(&list->entries, sizeof(struct blocklist_entry), BLOCKLIST_MAX);
	hash_index_init(&list->by_prefix, &list->entries, offsetof(struct blocklist_entry, next),
			hash_of_block, list);
}

void blocklist_deinit(struct blocklist *list)
{
	if (!list)
		return;
	hash_index_deinit(&list->by_prefix);
	slab_deinit(&list->entries);
}

struct blocklist_entry *blocklist_at(const struct blocklist *list, uint32_t index)
{
	return slab_at(&list->entries, index);
}

uint32_t blocklist_find(const struct blocklist *list, const struct prefix6 *prefix)
{
	uint32_t i;

	for (i = hash_index_first(&list->by_prefix, hash_prefix(list, prefix)); i != SLAB_NONE;
	     i = blocklist_at(list, i)->next) {
		const struct blocklist_entry *block = blocklist_at(list, i);

		if (block->prefix.len == prefix->len &&
		    addr6_equal(&block->prefix.addr, &prefix->addr))
			break;
	}
	return i;
}

bool blocklist_add(struct blocklist *list, const struct prefix6 *prefix, uint64_t until_ms)
{
	uint32_t index = blocklist_find(list, prefix);

	if (index == SLAB_NONE) {
		index = slab_alloc(&list->entries);
		if (index == SLAB_NONE)
			return false;
		blocklist_at(list, index)->prefix = *prefix;
		if (!hash_index_add(&list->by_prefix, index, hash_prefix(list, prefix))) {
			slab_free(&list->entries, index);
			return false;
		}
		list->n_of_length[prefix->len]++;
	}
	blocklist_at(list, index)->until_ms = until_ms;
	list->next_ms = min_u64(list->next_ms, until_ms);
	return true;
}

void blocklist_remove(struct blocklist *list, uint32_t index)
{
	const struct blocklist_entry *block = blocklist_at(list, index);

	list->n_of_length[block->prefix.len]--;
	hash_index_remove(&list->by_prefix, index, hash_prefix(list, &block->prefix));
	slab_free(&list->entries, index);
}

bool blocklist_find_cover(const struct blocklist *list, const struct addr6 *addr,
			  struct prefix6 *ret)
{
	for (int len = 128; len >= 0; len--) {
		if (list->n_of_length[len] == 0)
			continue;
		ret->len = (uint8_t)len;
		ret->addr = addr6_mask(addr, (uint8_t)len);
		if (blocklist_find(list, ret) != SLAB_NONE)
			return true;
	}
	return false;
}

bool blocklist_covers_some(const struct blocklist *list, const struct addr6 *addr)
{
	struct prefix6 prefix;

	return blocklist_find_cover(list, addr, &prefix);
}

void blocklist_expire(struct blocklist *list, uint64_t now_ms)
{
	if (now_ms < list->next_ms)
		return;
	list->next_ms = BLOCKLIST_FOREVER;
	for (uint32_t i = blocklist_next(list, 0); i != SLAB_NONE;
	     i = blocklist_next(list, i + 1)) {
		uint64_t until_ms = blocklist_at(list, i)->until_ms;

		if (until_ms <= now_ms)
			blocklist_remove(list, i);
		else
			list->next_ms = min_u64(list->next_ms, until_ms);
	}
}

uint64_t blocklist_next_deadline(const struct blocklist *list)
{
	return list->next_ms;
}

uint32_t blocklist_next(const struct blocklist *list, uint32_t from)
{
	return slab_next(&list->entries, from);
}

size_t blocklist_memory(const struct blocklist *list)
{
	return slab_memory(&list->entries) + hash_index_memory(&list->by_prefix);
}

bool blocklist_check(const struct blocklist *list)
{
	uint32_t n_of_length[129] = {0};

	if (!slab_check(&list->entries) || !hash_index_check(&list->by_prefix))
		return false;
	for (uint32_t i = blocklist_next(list, 0); i != SLAB_NONE;
	     i = blocklist_next(list, i + 1)) {
		const struct blocklist_entry *block = blocklist_at(list, i);

		n_of_length[block->prefix.len]++;
		if (blocklist_find(list, &block->prefix) != i || block->until_ms < list->next_ms)
			return false;
	}
	return memcmp(n_of_length, list->n_of_length, sizeof(n_of_length)) == 0;
}
