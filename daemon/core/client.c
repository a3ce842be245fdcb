/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/client.h"

static uint64_t hash_of_client(const void *context, const void *entry)
{
	const struct client_table *table = context;
	const struct client *client = entry;

	return client_hash(table, &client->prefix, client->pool6);
}

void client_table_init(struct client_table *table, const struct siphash_key *key, uint32_t limit)
{
	table->key = *key;
	slab_init(&table->clients, sizeof(struct client), limit);
	hash_index_init(&table->by_prefix, &table->clients, offsetof(struct client, next),
			hash_of_client, table);
}

void client_table_deinit(struct client_table *table)
{
	if (!table)
		return;
	hash_index_deinit(&table->by_prefix);
	slab_deinit(&table->clients);
}

uint64_t client_hash(const struct client_table *table, const struct addr6 *prefix, uint8_t pool6)
{
	uint8_t data[sizeof(prefix->byte) + 1];

	memcpy(data, prefix->byte, sizeof(prefix->byte));
	data[sizeof(prefix->byte)] = pool6;
	return siphash(&table->key, data, sizeof(data));
}

struct client *client_at(const struct client_table *table, uint32_t index)
{
	return slab_at(&table->clients, index);
}

static uint32_t find(const struct client_table *table, const struct addr6 *prefix, uint8_t pool6,
		     uint64_t hash)
{
	uint32_t i;

	for (i = hash_index_first(&table->by_prefix, hash); i != SLAB_NONE;
	     i = client_at(table, i)->next) {
		const struct client *client = client_at(table, i);

		if (client->pool6 == pool6 && addr6_equal(&client->prefix, prefix))
			break;
	}
	return i;
}

uint32_t client_find(const struct client_table *table, const struct addr6 *prefix, uint8_t pool6)
{
	return find(table, prefix, pool6, client_hash(table, prefix, pool6));
}

uint32_t client_get(struct client_table *table, const struct addr6 *prefix, uint8_t pool6)
{
	uint64_t hash = client_hash(table, prefix, pool6);
	uint32_t index = find(table, prefix, pool6, hash);

	if (index != SLAB_NONE)
		return index;
	index = slab_alloc(&table->clients);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	client_at(table, index)->prefix = *prefix;
	client_at(table, index)->pool6 = pool6;
	if (!hash_index_add(&table->by_prefix, index, hash)) {
		slab_free(&table->clients, index);
		return SLAB_NONE;
	}
	return index;
}

void client_ref(struct client_table *table, uint32_t index)
{
	client_at(table, index)->n_bindings++;
}

void client_unref(struct client_table *table, uint32_t index)
{
	assert(client_at(table, index)->n_bindings > 0);
	client_at(table, index)->n_bindings--;
	client_drop_unused(table, index);
}

void client_drop_unused(struct client_table *table, uint32_t index)
{
	const struct client *client = client_at(table, index);

	if (client->n_bindings > 0)
		return;
	hash_index_remove(&table->by_prefix, index,
			  client_hash(table, &client->prefix, client->pool6));
	slab_free(&table->clients, index);
}

size_t client_table_memory(const struct client_table *table)
{
	return slab_memory(&table->clients) + hash_index_memory(&table->by_prefix);
}

bool client_table_check(const struct client_table *table)
{
	if (!slab_check(&table->clients) || !hash_index_check(&table->by_prefix))
		return false;
	for (uint32_t i = slab_next(&table->clients, 0); i != SLAB_NONE;
	     i = slab_next(&table->clients, i + 1)) {
		const struct client *client = client_at(table, i);

		if (client_find(table, &client->prefix, client->pool6) != i)
			return false;
	}
	return true;
}
