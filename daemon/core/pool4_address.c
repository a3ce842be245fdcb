/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_address.h"

static uint64_t hash(const struct pool4_address_table *table, enum protocol protocol, uint32_t addr)
{
	uint32_t data[2] = {addr, protocol};

	return siphash(&table->key, data, sizeof(data));
}

static uint64_t hash_of_address(const void *context, const void *entry)
{
	const struct pool4_address *address = entry;

	return hash(context, address->protocol, address->addr);
}

void pool4_address_table_init(struct pool4_address_table *table, const struct siphash_key *key)
{
	table->key = *key;
	table->ports_bytes = 0;
	slab_init(&table->addresses, sizeof(struct pool4_address), SLAB_LIMIT_MAX);
	hash_index_init(&table->by_addr, &table->addresses, offsetof(struct pool4_address, next),
			hash_of_address, table);
}

void pool4_address_table_deinit(struct pool4_address_table *table)
{
	for (uint32_t i = slab_next(&table->addresses, 0); i != SLAB_NONE;
	     i = slab_next(&table->addresses, i + 1))
		port_set_deinit(&pool4_address_at(table, i)->ports);
	hash_index_deinit(&table->by_addr);
	slab_deinit(&table->addresses);
}

struct pool4_address *pool4_address_at(const struct pool4_address_table *table, uint32_t index)
{
	return slab_at(&table->addresses, index);
}

uint32_t pool4_address_find(const struct pool4_address_table *table, enum protocol protocol,
			    uint32_t addr)
{
	uint32_t i = hash_index_first(&table->by_addr, hash(table, protocol, addr));

	while (i != SLAB_NONE && (pool4_address_at(table, i)->addr != addr ||
				  pool4_address_at(table, i)->protocol != protocol))
		i = pool4_address_at(table, i)->next;
	return i;
}

static uint32_t make(struct pool4_address_table *table, enum protocol protocol, uint32_t addr)
{
	uint32_t index = slab_alloc(&table->addresses);

	if (index == SLAB_NONE)
		return SLAB_NONE;
	pool4_address_at(table, index)->addr = addr;
	pool4_address_at(table, index)->protocol = (uint8_t)protocol;
	if (!hash_index_add(&table->by_addr, index, hash(table, protocol, addr))) {
		slab_free(&table->addresses, index);
		return SLAB_NONE;
	}
	return index;
}

static bool drop_if_unused(struct pool4_address_table *table, uint32_t index)
{
	struct pool4_address *address = pool4_address_at(table, index);

	if (address->ports.n_used > 0)
		return false;
	assert(address->place == POOL4_NO_PLACE);
	port_set_deinit(&address->ports);
	hash_index_remove(&table->by_addr, index, hash(table, address->protocol, address->addr));
	slab_free(&table->addresses, index);
	return true;
}

uint32_t pool4_address_use(struct pool4_address_table *table, uint32_t index,
			   enum protocol protocol, const struct taddr4 *taddr)
{
	struct port_set *ports;
	size_t bytes;

	if (index == SLAB_NONE)
		index = make(table, protocol, taddr->addr);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	ports = &pool4_address_at(table, index)->ports;
	bytes = port_set_memory(ports);
	if (!port_set_add(ports, taddr->port)) {
		(void)drop_if_unused(table, index);
		return SLAB_NONE;
	}
	table->ports_bytes += port_set_memory(ports) - bytes;
	return index;
}

bool pool4_address_release(struct pool4_address_table *table, uint32_t index, uint16_t port)
{
	struct port_set *ports = &pool4_address_at(table, index)->ports;
	size_t bytes = port_set_memory(ports);

	port_set_remove(ports, port);
	if (ports->n_used == 0)
		port_set_deinit(ports);
	table->ports_bytes -= bytes - port_set_memory(ports);
	return drop_if_unused(table, index);
}

size_t pool4_address_table_memory(const struct pool4_address_table *table)
{
	return slab_memory(&table->addresses) + hash_index_memory(&table->by_addr) +
	       table->ports_bytes;
}

bool pool4_address_table_check(const struct pool4_address_table *table)
{
	size_t ports_bytes = 0;

	if (!slab_check(&table->addresses) || !hash_index_check(&table->by_addr))
		return false;
	for (uint32_t i = slab_next(&table->addresses, 0); i != SLAB_NONE;
	     i = slab_next(&table->addresses, i + 1)) {
		const struct pool4_address *address = pool4_address_at(table, i);

		if (address->ports.n_used == 0 || !port_set_check(&address->ports) ||
		    pool4_address_find(table, address->protocol, address->addr) != i)
			return false;
		ports_bytes += port_set_memory(&address->ports);
	}
	return ports_bytes == table->ports_bytes;
}
