/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/pool4_internal.h"

struct pool4 *pool4_new(const struct siphash_key *key, const uint8_t seed[RANDOM_SEED_SIZE])
{
	struct pool4 *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->key = *key;
	random_init(&pool->random, seed);
	addr_choice_table_init(&pool->choices, key);
	pool4_address_table_init(&pool->addresses, key);
	pool4_hold_table_init(&pool->holds, &pool->addresses, key);
	return pool;
}

static int compare_names(const void *a, const void *b)
{
	const struct pool4_entry *left = a, *right = b;

	return strcmp(left->spec.name, right->spec.name);
}

/* Where the item with this id is, or would be. */
static uint32_t position(const struct pool4 *pool, uint32_t id)
{
	uint32_t low = 0, high = pool->n_items;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pool->item[middle]->entry.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct pool4_item *pool4_item_find(const struct pool4 *pool, uint32_t id)
{
	uint32_t i = position(pool, id);

	return i < pool->n_items && pool->item[i]->entry.id == id ? pool->item[i] : NULL;
}

bool pool4_set_allocation(struct pool4 *pool, const struct pool4_allocation *allocation)
{
	uint8_t seed[RANDOM_SEED_SIZE];

	assert(pool->n_items == 0 && !pool->blocks);
	pool->allocation = *allocation;
	if (allocation->mode != POOL4_BLOCKS)
		return true;
	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)random_u32(&pool->random);
	pool->blocks = pool4_blocks_new(allocation, &pool->key, seed);
	return pool->blocks != NULL;
}

void pool4_free(struct pool4 *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->n_items; i++) {
		(void)tdelete(&pool->item[i]->entry, &pool->by_name, compare_names);
		pool4_item_leave_scopes(pool->item[i]);
		pool4_item_free(pool, pool->item[i]);
	}
	free(pool->item);
	pool4_blocks_free(pool->blocks);
	pool4_index_deinit(&pool->index);
	addr_choice_table_deinit(&pool->choices);
	pool4_hold_table_deinit(&pool->holds);
	pool4_address_table_deinit(&pool->addresses);
	free(pool);
}

static bool have_common_scope(const struct pool4_spec *a, const struct pool4_spec *b)
{
	if (a->pool6 != b->pool6)
		return false;
	if (a->n_clients == 0 || b->n_clients == 0)
		return a->n_clients == b->n_clients;
	for (uint32_t i = 0; i < a->n_clients; i++) {
		for (uint32_t j = 0; j < b->n_clients; j++) {
			if (a->clients[i].len == b->clients[j].len &&
			    addr6_equal(&a->clients[i].addr, &b->clients[j].addr))
				return true;
		}
	}
	return false;
}

static bool have_common_protocol(const struct pool4_spec *a, const struct pool4_spec *b)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (a->protocol[i] && b->protocol[i])
			return true;
	}
	return false;
}

/* An entry that overlaps, NULL if none. *ret: whether some entry has an address in common. */
static const struct pool4_entry *find_overlap(const struct pool4 *pool,
					      const struct pool4_spec *spec,
					      const struct pool4_entry *except, bool *ret)
{
	*ret = false;
	for (uint32_t i = 0; i < spec->n_addresses; i++) {
		struct addr4_range range = spec->addresses[i];

		for (struct pool4_index_node *node = pool4_index_first(&pool->index, range); node;
		     node = pool4_index_next(node, range)) {
			const struct pool4_spec *other = &node->entry->spec;

			if (node->entry == except)
				continue;
			*ret = true;
			if (have_common_protocol(spec, other) && have_common_scope(spec, other) &&
			    port_ranges_overlap(&spec->ports, &other->ports))
				return node->entry;
		}
	}
	return NULL;
}

static bool ports_are_good(const struct port_ranges *ports)
{
	return port_ranges_are_valid(ports) && ports->n_ranges > 0 && ports->range[0].first > 0;
}

static void choose_name(struct pool4 *pool, struct pool4_entry *entry)
{
	while (entry->spec.name[0] == '\0' || pool4_entry_by_name(pool, entry->spec.name))
		snprintf(entry->spec.name, sizeof(entry->spec.name), "p%u", ++pool->last_name);
}

static bool reserve_item(struct pool4 *pool)
{
	uint32_t capacity = pool->capacity ? pool->capacity * 2 : 8;
	struct pool4_item **item;

	if (pool->n_items < pool->capacity)
		return true;
	item = realloc(pool->item, capacity * sizeof(*item));
	if (!item)
		return false;
	pool->item = item;
	pool->capacity = capacity;
	return true;
}

static void item_detach(struct pool4 *pool, struct pool4_item *item)
{
	uint32_t at = position(pool, item->entry.id);

	pool4_item_leave_scopes(item);
	item->entry.state = POOL4_DISABLED;
	pool4_item_clear(pool, item);
	pool4_item_remove_nodes(pool, item);
	(void)tdelete(&item->entry, &pool->by_name, compare_names);
	pool->item_bytes -= pool4_item_size(item);
	pool->n_items--;
	memmove(&pool->item[at], &pool->item[at + 1], (pool->n_items - at) * sizeof(*pool->item));
}

static bool addresses_are_good(const struct addr4_range *addresses, uint32_t n_addresses)
{
	for (uint32_t i = 0; i < n_addresses; i++) {
		if (addresses[i].first > addresses[i].last || addr4_range_refusal(&addresses[i]))
			return false;
	}
	return n_addresses > 0;
}

static enum pool4_result check_spec(const struct pool4 *pool, const struct pool4_spec *spec,
				    bool *ret_shares, uint32_t *ret_id)
{
	const struct pool4_entry *other;
	bool any_protocol = false;

	*ret_id = 0;
	if (!addresses_are_good(spec->addresses, spec->n_addresses))
		return POOL4_BAD_ADDRESS;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		any_protocol |= spec->protocol[i];
	if (!any_protocol || !ports_are_good(&spec->ports))
		return POOL4_BAD_PORTS;
	other = spec->name[0] != '\0' ? pool4_entry_by_name(pool, spec->name) : NULL;
	if (other) {
		*ret_id = other->id;
		return POOL4_EXISTS;
	}
	other = find_overlap(pool, spec, NULL, ret_shares);
	if (other) {
		*ret_id = other->id;
		return POOL4_OVERLAP;
	}
	return POOL4_OK;
}

/* What the mode wants of an entry. */
static enum pool4_result check_way(const struct pool4 *pool, struct pool4_item *item)
{
	if (pool->allocation.mode != POOL4_DETERMINISTIC)
		return POOL4_OK;
	for (uint32_t i = 0; i < item->n_memberships; i++) {
		if (item->membership[i].scope->n_joined > 1)
			return POOL4_SAME_CLIENTS;
	}
	return pool4_item_set_map(pool, item);
}

enum pool4_result pool4_check_spec(struct pool4 *pool, const struct pool4_spec *spec,
				   uint32_t *ret_id)
{
	enum pool4_result result;
	struct pool4_item *item;
	bool shares;

	result = check_spec(pool, spec, &shares, ret_id);
	if (result != POOL4_OK || pool->allocation.mode != POOL4_DETERMINISTIC)
		return result;
	item = pool4_item_new(pool, spec);
	if (!item)
		return POOL4_NO_MEMORY;
	result = pool4_item_join_scopes(pool, item) ? check_way(pool, item) : POOL4_NO_MEMORY;
	pool4_item_free(pool, item);
	return result;
}

enum pool4_result pool4_add(struct pool4 *pool, const struct pool4_spec *spec, uint32_t *ret_id)
{
	struct pool4_item *item;
	enum pool4_result result;
	bool shares;

	assert(spec->n_clients <= POOL4_CLIENTS_MAX);
	result = check_spec(pool, spec, &shares, ret_id);
	if (result != POOL4_OK)
		return result;
	item = pool4_item_new(pool, spec);
	if (!item || !reserve_item(pool) || !pool4_item_join_scopes(pool, item))
		goto no_memory;
	result = check_way(pool, item);
	if (result != POOL4_OK) {
		pool4_item_free(pool, item);
		return result;
	}
	choose_name(pool, &item->entry);
	if (!tsearch(&item->entry, &pool->by_name, compare_names))
		goto no_memory;
	pool4_item_set_id(item, ++pool->last_id);
	item->entry.state = POOL4_PENDING;
	pool->item[pool->n_items++] = item;
	pool->item_bytes += pool4_item_size(item);
	pool4_item_add_nodes(pool, item);
	pool4_item_enter_scopes(item);

	/* Ports may be taken here already only if somebody else has them, or had. */
	if ((shares || pool->n_outside > 0 || pool->n_left > 0 || pool->has_moved) &&
	    !pool4_item_update_all(pool, item)) {
		item_detach(pool, item);
		goto no_memory;
	}
	if (pool->blocks)
		result = pool4_blocks_add(pool->blocks, &item->entry);
	if (result != POOL4_OK) {
		item_detach(pool, item);
		pool4_item_free(pool, item);
		return result;
	}
	pool4_close_full_blocks(pool, item);
	*ret_id = item->entry.id;
	return POOL4_OK;
no_memory:
	if (item)
		pool4_item_free(pool, item);
	return POOL4_NO_MEMORY;
}

enum pool4_result pool4_remove(struct pool4 *pool, uint32_t id)
{
	struct pool4_item *item = pool4_item_find(pool, id);

	if (!item)
		return POOL4_NO_SUCH_ENTRY;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (item->entry.n_used[i] > 0)
			return POOL4_IN_USE;
	}
	if (pool->blocks)
		pool4_blocks_remove(pool->blocks, id);
	item_detach(pool, item);
	pool4_item_free(pool, item);
	return POOL4_OK;
}

void pool4_set_state(struct pool4 *pool, uint32_t id, enum pool4_state state)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	bool was_off;

	if (!item)
		return;
	was_off = item->entry.state == POOL4_DISABLED;
	pool4_item_leave_scopes(item);
	item->entry.state = state;
	if (pool->blocks)
		pool4_set_state(pool->blocks->free, id, state);
	pool4_item_enter_scopes(item);
	if (was_off && state != POOL4_DISABLED)
		pool4_close_full_blocks(pool, item);
}

void pool4_set_source(struct pool4 *pool, uint32_t id, enum pool4_source source)
{
	struct pool4_item *item = pool4_item_find(pool, id);

	if (item)
		item->entry.spec.source = source;
}

void pool4_set_comment(struct pool4 *pool, uint32_t id, const char comment[POOL4_COMMENT_SIZE])
{
	struct pool4_item *item = pool4_item_find(pool, id);

	if (item)
		memcpy(item->entry.spec.comment, comment, sizeof(item->entry.spec.comment));
}

enum pool4_result pool4_rename(struct pool4 *pool, uint32_t id, const char *name)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	struct pool4_entry key;
	void *found;

	if (!item)
		return POOL4_NO_SUCH_ENTRY;
	if (pool4_entry_by_name(pool, name))
		return POOL4_EXISTS;
	assert(strlen(name) > 0 && strlen(name) < sizeof(key.spec.name));
	memcpy(key.spec.name, name, strlen(name) + 1);
	/* The new place first, as that may need memory. */
	if (!tsearch(&key, &pool->by_name, compare_names))
		return POOL4_NO_MEMORY;
	(void)tdelete(&item->entry, &pool->by_name, compare_names);
	memcpy(item->entry.spec.name, key.spec.name, sizeof(key.spec.name));
	found = tfind(&key, &pool->by_name, compare_names);
	*(struct pool4_entry **)found = &item->entry;
	return POOL4_OK;
}

void pool4_set_reach(struct pool4 *pool, uint32_t id, unsigned reach)
{
	struct pool4_item *item = pool4_item_find(pool, id);

	if (item)
		item->entry.reach = reach;
}

enum pool4_result pool4_check_places(const struct pool4 *pool, uint32_t id,
				     const struct pool4_spec *wanted, uint32_t *ret_other)
{
	const struct pool4_item *item = pool4_item_find(pool, id);
	const struct pool4_entry *other;
	struct pool4_spec changed;
	struct port_ranges blocks;
	bool shares;

	*ret_other = 0;
	if (!item)
		return POOL4_NO_SUCH_ENTRY;
	if (!addresses_are_good(wanted->addresses, wanted->n_addresses))
		return POOL4_BAD_ADDRESS;
	if (!ports_are_good(&wanted->ports))
		return POOL4_BAD_PORTS;
	changed = item->entry.spec;
	changed.addresses = wanted->addresses;
	changed.n_addresses = wanted->n_addresses;
	changed.ports = wanted->ports;
	other = find_overlap(pool, &changed, &item->entry, &shares);
	if (other) {
		*ret_other = other->id;
		return POOL4_OVERLAP;
	}
	if (!pool4_map_suits(pool, &changed))
		return POOL4_BAD_CLIENTS;
	if (!pool->blocks)
		return POOL4_OK;
	pool4_blocks_ranges(pool->blocks, &changed.ports, &blocks);
	return blocks.n_ranges > 0 ? POOL4_OK : POOL4_BAD_BLOCKS;
}

static bool have_same_addresses(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return a->n_addresses == b->n_addresses &&
	       memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0;
}

enum pool4_result pool4_set_places(struct pool4 *pool, uint32_t id, const struct pool4_spec *wanted,
				   uint32_t *ret_other)
{
	enum pool4_result result = pool4_check_places(pool, id, wanted, ret_other);
	struct pool4_item *item = pool4_item_find(pool, id);
	struct port_ranges before;
	bool set;

	if (result == POOL4_OK && pool->blocks)
		result = pool4_blocks_change(pool->blocks, id, wanted);
	if (result != POOL4_OK)
		return result;
	before = item->entry.spec.ports;
	pool->has_moved |= !have_same_addresses(&item->entry.spec, wanted);
	pool4_item_clear(pool, item);
	pool4_item_leave_scopes(item);
	pool4_item_remove_nodes(pool, item);
	pool->item_bytes -= pool4_item_size(item);
	item->entry.spec.ports = wanted->ports;
	set = pool4_item_set_addresses(pool, item, wanted->addresses, wanted->n_addresses);
	if (!set)
		item->entry.spec.ports = before;
	pool4_item_set_port_counts(item);
	result = pool4_item_set_map(pool, item);
	pool->item_bytes += pool4_item_size(item);
	pool4_item_add_nodes(pool, item);
	pool4_item_enter_scopes(item);
	pool4_close_full_blocks(pool, item);
	return pool4_item_update_all(pool, item) && set ? result : POOL4_NO_MEMORY;
}

enum pool4_result pool4_set_ports(struct pool4 *pool, uint32_t id, const struct port_ranges *ports)
{
	const struct pool4_entry *entry = pool4_entry(pool, id);
	struct pool4_spec wanted;
	uint32_t other;

	if (!entry)
		return POOL4_NO_SUCH_ENTRY;
	wanted = entry->spec;
	wanted.ports = *ports;
	return pool4_set_places(pool, id, &wanted, &other);
}

enum pool4_result pool4_set_addresses(struct pool4 *pool, uint32_t id,
				      const struct addr4_range *addresses, uint32_t n_addresses)
{
	const struct pool4_entry *entry = pool4_entry(pool, id);
	struct pool4_spec wanted;
	uint32_t other;

	if (!entry)
		return POOL4_NO_SUCH_ENTRY;
	wanted = entry->spec;
	wanted.addresses = addresses;
	wanted.n_addresses = n_addresses;
	return pool4_set_places(pool, id, &wanted, &other);
}

const struct pool4_entry *pool4_entry(const struct pool4 *pool, uint32_t id)
{
	const struct pool4_item *item = pool4_item_find(pool, id);

	return item ? &item->entry : NULL;
}

const struct pool4_entry *pool4_entry_by_name(const struct pool4 *pool, const char *name)
{
	struct pool4_entry key, **found;

	if (strlen(name) >= sizeof(key.spec.name))
		return NULL;
	memcpy(key.spec.name, name, strlen(name) + 1);
	found = tfind(&key, &pool->by_name, compare_names);
	return found ? *found : NULL;
}

const struct pool4_entry *pool4_next(const struct pool4 *pool, uint32_t after)
{
	uint32_t i = after < UINT32_MAX ? position(pool, after + 1) : pool->n_items;

	return i < pool->n_items ? &pool->item[i]->entry : NULL;
}

const struct pool4_entry *pool4_at(const struct pool4 *pool, uint32_t i)
{
	return &pool->item[i]->entry;
}

uint32_t pool4_n_entries(const struct pool4 *pool)
{
	return pool->n_items;
}

const struct pool4_entry *pool4_find(const struct pool4 *pool, enum protocol protocol,
				     uint32_t addr, uint16_t port)
{
	const struct addr4_range here = {addr, addr};
	const struct pool4_entry *ret = NULL;

	for (struct pool4_index_node *node = pool4_index_first(&pool->index, here); node;
	     node = pool4_index_next(node, here)) {
		const struct pool4_entry *entry = node->entry;

		if (entry->state != POOL4_DISABLED && entry->spec.protocol[protocol] &&
		    port_ranges_contain(&entry->spec.ports, port) && (!ret || entry->id < ret->id))
			ret = entry;
	}
	return ret;
}

bool pool4_has_address(const struct pool4 *pool, uint32_t addr)
{
	return pool4_has_address_besides(pool, addr, 0);
}

bool pool4_has_address_besides(const struct pool4 *pool, uint32_t addr, uint32_t id)
{
	const struct addr4_range here = {addr, addr};

	for (struct pool4_index_node *node = pool4_index_first(&pool->index, here); node;
	     node = pool4_index_next(node, here)) {
		if (node->entry->state != POOL4_DISABLED && node->entry->id != id)
			return true;
	}
	return false;
}

bool pool4_entry_has_address(const struct pool4_entry *entry, uint32_t addr)
{
	uint32_t number;

	return pool4_item_number((const struct pool4_item *)(const void *)entry, addr, &number);
}

size_t pool4_memory(const struct pool4 *pool)
{
	return sizeof(*pool) + (pool->blocks ? pool4_blocks_memory(pool->blocks) : 0) +
	       pool->capacity * sizeof(*pool->item) + pool->item_bytes + pool->scopes.bytes +
	       pool->index.bytes + addr_choice_table_memory(&pool->choices) +
	       pool4_address_table_memory(&pool->addresses) + pool4_hold_table_memory(&pool->holds);
}

const char *pool4_result_text(enum pool4_result result)
{
	static const char *const texts[] = {
		[POOL4_OK] = "done",
		[POOL4_NO_ENTRY] = "no entry of pool4 serves this client, protocol and prefix",
		[POOL4_EXHAUSTED] = "no port is free",
		[POOL4_TAKEN] = "this address and port is in use",
		[POOL4_NO_MEMORY] = "there is no memory",
		[POOL4_OVERLAP] = "another entry has the same address, port, protocol and clients",
		[POOL4_EXISTS] = "there is an entry with this name",
		[POOL4_BAD_ADDRESS] = "the list of addresses is empty, or has one that cannot be "
				      "used: multicast, loopback, 0.0.0.0/8 or class E",
		[POOL4_BAD_PORTS] = "the list of ports or of protocols is empty, or has port 0",
		[POOL4_NO_SUCH_ENTRY] = "there is no such entry",
		[POOL4_IN_USE] = "bindings use it",
		[POOL4_BAD_CLIENTS] = "its clients cannot have ports of their own: there are more "
				      "of them than ports, or no Clients=",
		[POOL4_BAD_BLOCKS] = "there is no whole block in its ports, or it is not for all "
				     "of tcp, udp and icmp, as a block is",
		[POOL4_SAME_CLIENTS] = "another entry is for the same clients, and in "
				       "deterministic mode there can be only one",
	};

	return texts[result];
}
