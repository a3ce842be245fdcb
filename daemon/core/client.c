/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/client.h"

static_assert(sizeof(struct client) <= 48, "256 bytes for a client with one binding, all included");

static uint64_t hash_prefix(const struct client_table *table, const struct addr6 *prefix)
{
	return siphash(&table->key, prefix->byte, sizeof(prefix->byte));
}

static uint64_t hash_of_client(const void *context, const void *entry)
{
	const struct client *client = entry;

	return hash_prefix(context, &client->prefix);
}

void client_table_init(struct client_table *table, const struct siphash_key *key, uint32_t limit,
		       uint8_t prefix_length)
{
	*table = (struct client_table){.key = *key, .prefix_length = prefix_length};
	slab_init(&table->clients, sizeof(struct client), limit);
	slab_init(&table->quotas, sizeof(struct client_quota), limit);
	hash_index_init(&table->by_prefix, &table->clients, offsetof(struct client, next),
			hash_of_client, table);
}

void client_table_deinit(struct client_table *table)
{
	if (!table)
		return;
	hash_index_deinit(&table->by_prefix);
	slab_deinit(&table->quotas);
	slab_deinit(&table->clients);
}

static uint32_t find(const struct client_table *table, const struct addr6 *prefix, uint64_t hash)
{
	uint32_t i;

	for (i = hash_index_first(&table->by_prefix, hash); i != SLAB_NONE;
	     i = client_at(table, i)->next)
		if (addr6_equal(&client_at(table, i)->prefix, prefix))
			break;
	return i;
}

uint32_t client_find(const struct client_table *table, const struct addr6 *addr)
{
	struct addr6 prefix = addr6_mask(addr, table->prefix_length);

	return find(table, &prefix, hash_prefix(table, &prefix));
}

uint32_t client_get(struct client_table *table, const struct addr6 *addr)
{
	struct addr6 prefix = addr6_mask(addr, table->prefix_length);
	uint64_t hash = hash_prefix(table, &prefix);
	uint32_t index = find(table, &prefix, hash);

	if (index != SLAB_NONE)
		return index;
	index = slab_alloc(&table->clients);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	client_at(table, index)->prefix = prefix;
	client_at(table, index)->quota = SLAB_NONE;
	if (!hash_index_add(&table->by_prefix, index, hash)) {
		slab_free(&table->clients, index);
		return SLAB_NONE;
	}
	return index;
}

void client_add_binding(struct client_table *table, uint32_t index, enum protocol protocol)
{
	client_at(table, index)->n_bindings[protocol]++;
}

void client_remove_binding(struct client_table *table, uint32_t index, enum protocol protocol)
{
	assert(client_at(table, index)->n_bindings[protocol] > 0);
	client_at(table, index)->n_bindings[protocol]--;
	client_drop_unused(table, index);
}

static bool has_bindings(const struct client *client)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		if (client->n_bindings[i] > 0)
			return true;
	return false;
}

void client_drop_unused(struct client_table *table, uint32_t index)
{
	const struct client *client = client_at(table, index);

	if (has_bindings(client))
		return;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		assert(client->n_sessions[i] == 0);
	hash_index_remove(&table->by_prefix, index, hash_prefix(table, &client->prefix));
	if (client->quota != SLAB_NONE)
		slab_free(&table->quotas, client->quota);
	slab_free(&table->clients, index);
}

struct client_quota *client_quota(const struct client_table *table, uint32_t index)
{
	const struct client *client = client_at(table, index);

	return client->quota == SLAB_NONE ? NULL : slab_at(&table->quotas, client->quota);
}

struct client_quota *client_quota_get(struct client_table *table, uint32_t index)
{
	struct client *client = client_at(table, index);

	if (client->quota == SLAB_NONE)
		client->quota = slab_alloc(&table->quotas);
	return client_quota(table, index);
}

uint32_t client_next(const struct client_table *table, uint32_t from)
{
	return slab_next(&table->clients, from);
}

size_t client_table_memory(const struct client_table *table)
{
	return slab_memory(&table->clients) + slab_memory(&table->quotas) +
	       hash_index_memory(&table->by_prefix);
}

bool client_table_check(const struct client_table *table)
{
	uint32_t n_quotas = 0;

	if (!slab_check(&table->clients) || !slab_check(&table->quotas) ||
	    !hash_index_check(&table->by_prefix))
		return false;
	for (uint32_t i = client_next(table, 0); i != SLAB_NONE; i = client_next(table, i + 1)) {
		const struct client *client = client_at(table, i);

		if (client_find(table, &client->prefix) != i || !has_bindings(client))
			return false;
		if (client->quota == SLAB_NONE)
			continue;
		n_quotas++;
		if (!slab_is_used(&table->quotas, client->quota))
			return false;
	}
	return n_quotas == table->quotas.n_used;
}
