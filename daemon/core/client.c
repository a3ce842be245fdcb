/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/client.h"

static_assert(offsetof(struct client, prefix) + 8 <= 24, "192 bytes for a client with one binding");

static struct client *client_at(const struct client_table *table, uint32_t index)
{
	return slab_at(&table->clients, index);
}

static size_t prefix_size(const struct client_table *table)
{
	return (table->prefix_length + 7u) / 8;
}

static struct addr6 prefix_of(const struct client_table *table, const struct client *client)
{
	struct addr6 prefix = {{0}};

	memcpy(prefix.byte, client->prefix, prefix_size(table));
	return prefix;
}

static uint64_t hash_prefix(const struct client_table *table, const struct addr6 *prefix)
{
	return siphash(&table->key, prefix->byte, sizeof(prefix->byte));
}

static uint64_t hash_of_client(const void *context, const void *entry)
{
	const struct client_table *table = context;
	const struct addr6 prefix = prefix_of(table, entry);

	return hash_prefix(table, &prefix);
}

void client_table_init(struct client_table *table, const struct siphash_key *key, uint32_t limit,
		       uint8_t prefix_length)
{
	*table = (struct client_table){.key = *key, .prefix_length = prefix_length};
	/* Whole words, for the records behind it. */
	const size_t size = offsetof(struct client, prefix) + prefix_size(table);

	slab_init(&table->clients, (size + 3) / 4 * 4, limit);
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
		if (memcmp(client_at(table, i)->prefix, prefix->byte, prefix_size(table)) == 0)
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
	memcpy(client_at(table, index)->prefix, prefix.byte, prefix_size(table));
	client_at(table, index)->quota = SLAB_NONE;
	if (!hash_index_add(&table->by_prefix, index, hash)) {
		slab_free(&table->clients, index);
		return SLAB_NONE;
	}
	return index;
}

uint32_t client_n_bindings(const struct client_table *table, uint32_t index, enum protocol protocol)
{
	const struct client_quota *quota = client_quota(table, index);

	return quota ? quota->n_bindings[protocol] : client_at(table, index)->n_bindings[protocol];
}

uint32_t client_n_sessions(const struct client_table *table, uint32_t index, enum protocol protocol)
{
	const struct client_quota *quota = client_quota(table, index);

	return quota ? quota->n_sessions[protocol] : client_at(table, index)->n_sessions[protocol];
}

void client_shift(const struct client_table *table, uint32_t index, enum protocol protocol,
		  uint32_t n_bindings, uint32_t n_sessions)
{
	struct client *client = client_at(table, index);
	struct client_quota *quota = client_quota(table, index);

	if (quota) {
		quota->n_bindings[protocol] += n_bindings;
		quota->n_sessions[protocol] += n_sessions;
	} else {
		client->n_bindings[protocol] = (uint8_t)(client->n_bindings[protocol] + n_bindings);
		client->n_sessions[protocol] = (uint8_t)(client->n_sessions[protocol] + n_sessions);
	}
}

void client_view(const struct client_table *table, uint32_t index, struct client_view *ret)
{
	ret->prefix = prefix_of(table, client_at(table, index));
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		ret->n_bindings[i] = client_n_bindings(table, index, (enum protocol)i);
		ret->n_sessions[i] = client_n_sessions(table, index, (enum protocol)i);
	}
}

bool client_reserve(struct client_table *table, uint32_t index)
{
	const struct client *client = client_at(table, index);
	bool full = false;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		full |= client->n_bindings[i] == CLIENT_FEW || client->n_sessions[i] == CLIENT_FEW;
	return !full || client_quota_get(table, index);
}

void client_add_binding(struct client_table *table, uint32_t index, enum protocol protocol)
{
	client_shift(table, index, protocol, 1, 0);
	assert(client_n_bindings(table, index, protocol) > 0); /* reserved */
}

void client_remove_binding(struct client_table *table, uint32_t index, enum protocol protocol)
{
	assert(client_n_bindings(table, index, protocol) > 0);
	client_shift(table, index, protocol, UINT32_MAX, 0);
	client_drop_unused(table, index);
}

void client_add_session(struct client_table *table, uint32_t index, enum protocol protocol)
{
	client_shift(table, index, protocol, 0, 1);
	assert(client_n_sessions(table, index, protocol) > 0); /* reserved */
}

void client_remove_session(struct client_table *table, uint32_t index, enum protocol protocol)
{
	assert(client_n_sessions(table, index, protocol) > 0);
	client_shift(table, index, protocol, 0, UINT32_MAX);
}

static bool has_bindings(const struct client_table *table, uint32_t index)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		if (client_n_bindings(table, index, (enum protocol)i) > 0)
			return true;
	return false;
}

void client_drop_unused(struct client_table *table, uint32_t index)
{
	const struct client *client = client_at(table, index);
	const struct addr6 prefix = prefix_of(table, client);

	if (has_bindings(table, index))
		return;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		assert(client_n_sessions(table, index, (enum protocol)i) == 0);
	hash_index_remove(&table->by_prefix, index, hash_prefix(table, &prefix));
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
	struct client_quota *quota = client_quota(table, index);
	uint32_t made;

	if (quota)
		return quota;
	made = slab_alloc(&table->quotas);
	if (made == SLAB_NONE)
		return NULL;
	quota = slab_at(&table->quotas, made);
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		quota->n_bindings[i] = client->n_bindings[i];
		quota->n_sessions[i] = client->n_sessions[i];
		client->n_bindings[i] = client->n_sessions[i] = 0;
	}
	client->quota = made;
	return quota;
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
		const struct addr6 prefix = prefix_of(table, client);

		if (client_find(table, &prefix) != i || !has_bindings(table, i))
			return false;
		if (client->quota == SLAB_NONE)
			continue;
		n_quotas++;
		if (!slab_is_used(&table->quotas, client->quota))
			return false;
	}
	return n_quotas == table->quotas.n_used;
}
