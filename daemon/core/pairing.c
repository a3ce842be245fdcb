/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pairing.h"

static_assert(sizeof(struct pairing) <= 32, "192 bytes for a client with one binding");

static uint64_t hash_of_pairing(const void *context, const void *entry)
{
	const struct pairing_table *table = context;
	const struct pairing *pairing = entry;

	return pairing_hash(table, &pairing->prefix, pairing->pool6);
}

void pairing_table_init(struct pairing_table *table, const struct siphash_key *key, uint32_t limit)
{
	*table = (struct pairing_table){.key = *key};
	slab_init(&table->pairings, sizeof(struct pairing), limit);
	slab_init(&table->many, sizeof(struct pairing_many), limit);
	hash_index_init(&table->by_prefix, &table->pairings, offsetof(struct pairing, next),
			hash_of_pairing, table);
}

void pairing_table_deinit(struct pairing_table *table)
{
	if (!table)
		return;
	hash_index_deinit(&table->by_prefix);
	slab_deinit(&table->many);
	slab_deinit(&table->pairings);
}

uint64_t pairing_hash(const struct pairing_table *table, const struct addr6 *prefix, uint8_t pool6)
{
	uint8_t data[sizeof(prefix->byte) + 1];

	memcpy(data, prefix->byte, sizeof(prefix->byte));
	data[sizeof(prefix->byte)] = pool6;
	return siphash(&table->key, data, sizeof(data));
}

struct pairing *pairing_at(const struct pairing_table *table, uint32_t index)
{
	return slab_at(&table->pairings, index);
}

static uint32_t find(const struct pairing_table *table, const struct addr6 *prefix, uint8_t pool6,
		     uint64_t hash)
{
	uint32_t i;

	for (i = hash_index_first(&table->by_prefix, hash); i != SLAB_NONE;
	     i = pairing_at(table, i)->next) {
		const struct pairing *pairing = pairing_at(table, i);

		if (pairing->pool6 == pool6 && addr6_equal(&pairing->prefix, prefix))
			break;
	}
	return i;
}

uint32_t pairing_find(const struct pairing_table *table, const struct addr6 *prefix, uint8_t pool6)
{
	return find(table, prefix, pool6, pairing_hash(table, prefix, pool6));
}

uint32_t pairing_get(struct pairing_table *table, const struct addr6 *prefix, uint8_t len,
		     uint8_t pool6)
{
	uint64_t hash = pairing_hash(table, prefix, pool6);
	uint32_t index = find(table, prefix, pool6, hash);

	if (index != SLAB_NONE)
		return index;
	index = slab_alloc(&table->pairings);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	pairing_at(table, index)->prefix = *prefix;
	pairing_at(table, index)->pool6 = pool6 & PAIRING_ADDRESS;
	pairing_at(table, index)->len = len;
	if (!hash_index_add(&table->by_prefix, index, hash)) {
		slab_free(&table->pairings, index);
		return SLAB_NONE;
	}
	table->n_addresses += pool6 == PAIRING_ADDRESS;
	return index;
}

static uint32_t many_index(const struct pairing *pairing)
{
	uint32_t index;

	memcpy(&index, pairing->n_bindings, sizeof(index));
	return index;
}

static struct pairing_many *many_of(const struct pairing_table *table,
				    const struct pairing *pairing)
{
	return slab_at(&table->many, many_index(pairing));
}

uint32_t pairing_n_bindings(const struct pairing_table *table, uint32_t index,
			    enum protocol protocol)
{
	const struct pairing *pairing = pairing_at(table, index);

	return pairing->has_many ? many_of(table, pairing)->n_bindings[protocol]
				 : pairing->n_bindings[protocol];
}

bool pairing_reserve(struct pairing_table *table, uint32_t index, enum protocol protocol)
{
	struct pairing *pairing = pairing_at(table, index);
	uint32_t made;

	if (pairing->has_many || pairing->n_bindings[protocol] < UINT16_MAX)
		return true;
	made = slab_alloc(&table->many);
	if (made == SLAB_NONE)
		return false;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		((struct pairing_many *)slab_at(&table->many, made))->n_bindings[i] =
			pairing->n_bindings[i];
	memcpy(pairing->n_bindings, &made, sizeof(made));
	pairing->has_many = true;
	return true;
}

void pairing_shift(const struct pairing_table *table, uint32_t index, enum protocol protocol,
		   uint32_t n)
{
	struct pairing *pairing = pairing_at(table, index);

	if (pairing->has_many)
		many_of(table, pairing)->n_bindings[protocol] += n;
	else
		pairing->n_bindings[protocol] = (uint16_t)(pairing->n_bindings[protocol] + n);
}

void pairing_ref(struct pairing_table *table, uint32_t index, enum protocol protocol)
{
	pairing_shift(table, index, protocol, 1);
	assert(pairing_n_bindings(table, index, protocol) > 0); /* reserved */
}

void pairing_unref(struct pairing_table *table, uint32_t index, enum protocol protocol)
{
	assert(pairing_n_bindings(table, index, protocol) > 0);
	pairing_shift(table, index, protocol, UINT32_MAX);
	pairing_drop_unused(table, index);
}

void pairing_drop_unused(struct pairing_table *table, uint32_t index)
{
	const struct pairing *pairing = pairing_at(table, index);

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		if (pairing_n_bindings(table, index, (enum protocol)i) > 0)
			return;
	table->n_addresses -= pairing->pool6 == PAIRING_ADDRESS;
	if (pairing->has_many)
		slab_free(&table->many, many_index(pairing));
	hash_index_remove(&table->by_prefix, index,
			  pairing_hash(table, &pairing->prefix, pairing->pool6));
	slab_free(&table->pairings, index);
}

size_t pairing_table_memory(const struct pairing_table *table)
{
	return slab_memory(&table->pairings) + slab_memory(&table->many) +
	       hash_index_memory(&table->by_prefix);
}

bool pairing_table_check(const struct pairing_table *table)
{
	uint32_t n_addresses = 0;
	uint32_t n_many = 0;

	if (!slab_check(&table->pairings) || !slab_check(&table->many) ||
	    !hash_index_check(&table->by_prefix))
		return false;
	for (uint32_t i = slab_next(&table->pairings, 0); i != SLAB_NONE;
	     i = slab_next(&table->pairings, i + 1)) {
		const struct pairing *pairing = pairing_at(table, i);

		if (pairing_find(table, &pairing->prefix, pairing->pool6) != i)
			return false;
		n_many += pairing->has_many;
		n_addresses += pairing->pool6 == PAIRING_ADDRESS;
	}
	return n_addresses == table->n_addresses && n_many == table->many.n_used;
}
