/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/pool4_internal.h"

/* What glibc's tsearch() takes for a node. */
#define TREE_NODE_SIZE (4 * sizeof(void *))

static const struct port_class any_port = {0, UINT16_MAX, -1};

struct pool4 *pool4_new(const struct siphash_key *key, const uint8_t seed[RANDOM_SEED_SIZE])
{
	struct pool4 *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->key = *key;
	random_init(&pool->random, seed);
	addr_choice_table_init(&pool->choices, key);
	pool4_address_table_init(&pool->addresses, key);
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

static size_t item_size(const struct pool4_item *item)
{
	return sizeof(*item) + item->n_memberships * sizeof(item->membership[0]) +
	       item->entry.spec.n_addresses *
		       (sizeof(item->node[0]) + sizeof(item->entry.spec.addresses[0])) +
	       TREE_NODE_SIZE;
}

/* Adds or takes away what the item counts in its scopes. */
static void weigh(struct pool4_item *item, uint64_t sign)
{
	const struct pool4_entry *entry = &item->entry;

	if (entry->state != POOL4_ACTIVE && entry->state != POOL4_PENDING)
		return;
	for (uint32_t i = 0; i < item->n_memberships; i++) {
		struct pool4_membership *in = &item->membership[i];

		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			const struct addr_choice *choice = &item->choice[j];

			if (!entry->spec.protocol[j])
				continue;
			in->scope->n_entries[j] += (uint32_t)sign;
			in->scope->n_overflow[j] += entry->spec.overflow ? (uint32_t)sign : 0;
			if (entry->state != POOL4_ACTIVE)
				continue;
			pool4_scope_weigh(in->scope, in->slot, j, POOL4_WEIGHT_ALL,
					  sign * choice->n);
			pool4_scope_weigh(in->scope, in->slot, j, POOL4_WEIGHT_FREE,
					  sign * (choice->n - choice->n_excluded));
		}
	}
}

static void enter_scopes(struct pool4_item *item)
{
	weigh(item, 1);
}

static void leave_scopes(struct pool4_item *item)
{
	weigh(item, UINT64_MAX);
}

static void item_free(struct pool4 *pool, struct pool4_item *item)
{
	for (uint32_t i = 0; i < item->n_memberships; i++)
		pool4_scope_leave(&pool->scopes, item->membership[i].scope,
				  item->membership[i].slot);
	free(item->membership);
	free(item->node);
	free((void *)item->entry.spec.addresses);
	free(item);
}

void pool4_free(struct pool4 *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->n_items; i++) {
		(void)tdelete(&pool->item[i]->entry, &pool->by_name, compare_names);
		leave_scopes(pool->item[i]);
		item_free(pool, pool->item[i]);
	}
	free(pool->item);
	addr_choice_table_deinit(&pool->choices);
	pool4_address_table_deinit(&pool->addresses);
	free(pool);
}

void pool4_set_policy(struct pool4 *pool, const struct pool4_policy *policy)
{
	pool->policy = *policy;
}

static bool is_full(const struct pool4 *pool, const struct pool4_item *item, uint32_t address)
{
	const struct port_set *used;

	if (address == SLAB_NONE)
		return false;
	used = &pool4_address_at(&pool->addresses, address)->ports;
	/* Counting is for when it can make a difference. */
	return used->n_used >= item->n_ports &&
	       port_set_count(used, &item->entry.spec.ports, &any_port) == item->n_ports;
}

bool pool4_item_update(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
		       uint32_t number, uint32_t address)
{
	struct addr_choice *choice = &item->choice[protocol];
	bool full = is_full(pool, item, address);

	if (!item->entry.spec.protocol[protocol] ||
	    full == addr_choice_is_excluded(&pool->choices, choice, number))
		return true;
	if (!full)
		addr_choice_include(&pool->choices, choice, number);
	else if (!addr_choice_exclude(&pool->choices, choice, number))
		return false;
	if (item->entry.state != POOL4_ACTIVE)
		return true;
	for (uint32_t i = 0; i < item->n_memberships; i++)
		pool4_scope_weigh(item->membership[i].scope, item->membership[i].slot, protocol,
				  POOL4_WEIGHT_FREE, full ? UINT64_MAX : 1);
	return true;
}

bool pool4_item_number(const struct pool4_item *item, uint32_t addr, uint32_t *ret)
{
	uint32_t low = 0, high = item->entry.spec.n_addresses;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (item->node[middle].range.last < addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == item->entry.spec.n_addresses || item->node[low].range.first > addr)
		return false;
	*ret = item->node[low].number + (addr - item->node[low].range.first);
	return true;
}

/* The same for all addresses of an item that have ports in use. gone: none is full any more. */
static bool update_all(struct pool4 *pool, struct pool4_item *item, bool gone)
{
	const struct slab *addresses = &pool->addresses.addresses;
	bool done = true;

	for (uint32_t i = slab_next(addresses, 0); i != SLAB_NONE;
	     i = slab_next(addresses, i + 1)) {
		const struct pool4_address *used = pool4_address_at(&pool->addresses, i);
		uint32_t number;

		if (pool4_item_number(item, used->addr, &number))
			done &= pool4_item_update(pool, item, used->protocol, number,
						  gone ? SLAB_NONE : i);
	}
	return done;
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
	return port_ranges_check(ports) && ports->n_ranges > 0 && ports->range[0].first > 0;
}

/* The parts of a new item that stand for themselves; its id and name are not set. */
static enum pool4_result item_new(const struct pool4_spec *spec, struct pool4_item **ret)
{
	struct pool4_item *item = calloc(1, sizeof(*item));
	struct addr4_range *addresses = calloc(spec->n_addresses, sizeof(*addresses));

	if (!item || !addresses) {
		free(item);
		free(addresses);
		return POOL4_NO_MEMORY;
	}
	struct pool4_entry *entry = &item->entry;
	memcpy(addresses, spec->addresses, spec->n_addresses * sizeof(*addresses));
	entry->spec = *spec;
	entry->spec.addresses = addresses;
	entry->spec.n_addresses = addr4_ranges_merge(addresses, spec->n_addresses);
	entry->n_addresses = addr4_ranges_count(addresses, entry->spec.n_addresses);
	item->node = calloc(entry->spec.n_addresses, sizeof(*item->node));
	item->membership = calloc(spec->n_clients ? spec->n_clients : 1, sizeof(*item->membership));
	*ret = item;
	return item->node && item->membership ? POOL4_OK : POOL4_NO_MEMORY;
}

static void set_port_counts(struct pool4_item *item)
{
	item->n_ports = port_ranges_count(&item->entry.spec.ports);
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (item->entry.spec.protocol[i])
			item->entry.n_ports[i] = item->entry.n_addresses * item->n_ports;
	}
}

/* The scopes, each once. */
static bool join_scopes(struct pool4 *pool, struct pool4_item *item)
{
	struct pool4_spec *spec = &item->entry.spec;
	uint32_t n = spec->n_clients ? spec->n_clients : 1;

	for (uint32_t i = 0; i < n; i++) {
		struct prefix6 clients = {.len = 0};
		struct pool4_membership *in = &item->membership[item->n_memberships];
		bool joined = false;

		if (spec->n_clients > 0)
			clients = spec->clients[i];
		for (uint32_t j = 0; j < i; j++)
			joined |= clients.len == spec->clients[j].len &&
				  addr6_equal(&clients.addr, &spec->clients[j].addr);
		if (joined)
			continue;
		in->slot = pool4_scope_join(&pool->scopes, &clients, spec->pool6, &item->entry,
					    &in->scope);
		if (in->slot == 0)
			return false;
		item->n_memberships++;
	}
	return true;
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

static void add_nodes(struct pool4 *pool, struct pool4_item *item)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < item->entry.spec.n_addresses; i++) {
		struct pool4_index_node *node = &item->node[i];

		node->range = item->entry.spec.addresses[i];
		node->number = number;
		node->entry = &item->entry;
		number += node->range.last - node->range.first + 1;
		pool4_index_add(&pool->index, node, random_u32(&pool->random));
	}
}

static bool is_excluded_somewhere(const struct pool4_item *item)
{
	bool ret = false;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		ret |= item->choice[i].n_excluded > 0;
	return ret;
}

static void item_detach(struct pool4 *pool, struct pool4_item *item)
{
	uint32_t at = position(pool, item->entry.id);

	leave_scopes(item);
	item->entry.state = POOL4_DISABLED;
	if (is_excluded_somewhere(item))
		(void)update_all(pool, item, true);
	for (uint32_t i = 0; i < item->entry.spec.n_addresses; i++)
		pool4_index_remove(&pool->index, &item->node[i]);
	(void)tdelete(&item->entry, &pool->by_name, compare_names);
	pool->item_bytes -= item_size(item);
	pool->n_items--;
	memmove(&pool->item[at], &pool->item[at + 1], (pool->n_items - at) * sizeof(pool->item[0]));
}

static enum pool4_result check_spec(const struct pool4 *pool, const struct pool4_spec *spec,
				    bool *ret_shares, uint32_t *ret_id)
{
	const struct pool4_entry *other;
	bool any_protocol = false;

	if (spec->n_addresses == 0)
		return POOL4_BAD_ADDRESS;
	for (uint32_t i = 0; i < spec->n_addresses; i++) {
		if (spec->addresses[i].first > spec->addresses[i].last ||
		    addr4_range_refusal(&spec->addresses[i]))
			return POOL4_BAD_ADDRESS;
	}
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

enum pool4_result pool4_add(struct pool4 *pool, const struct pool4_spec *spec, uint32_t *ret_id)
{
	struct pool4_item *item = NULL;
	enum pool4_result result;
	bool shares;

	assert(spec->n_clients <= POOL4_CLIENTS_MAX);
	result = check_spec(pool, spec, &shares, ret_id);
	if (result != POOL4_OK)
		return result;
	result = item_new(spec, &item);
	if (result != POOL4_OK || !reserve_item(pool) || !join_scopes(pool, item))
		goto no_memory;
	choose_name(pool, &item->entry);
	if (!tsearch(&item->entry, &pool->by_name, compare_names))
		goto no_memory;
	assert(pool->last_id < UINT32_MAX / N_PROTOCOLS);
	item->entry.id = ++pool->last_id;
	item->entry.state = POOL4_PENDING;
	set_port_counts(item);
	for (uint32_t i = 0; i < N_PROTOCOLS; i++)
		item->choice[i] = (struct addr_choice){
			.id = item->entry.id * N_PROTOCOLS + i,
			.n = (uint32_t)item->entry.n_addresses,
		};
	pool->item[pool->n_items++] = item;
	pool->item_bytes += item_size(item);
	add_nodes(pool, item);
	enter_scopes(item);

	/* Ports may be in use here already only if somebody else has them. */
	if ((shares || pool->n_outside > 0) && !update_all(pool, item, false)) {
		item_detach(pool, item);
		goto no_memory;
	}
	*ret_id = item->entry.id;
	return POOL4_OK;
no_memory:
	if (item)
		item_free(pool, item);
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
	item_detach(pool, item);
	item_free(pool, item);
	return POOL4_OK;
}

void pool4_set_state(struct pool4 *pool, uint32_t id, enum pool4_state state)
{
	struct pool4_item *item = pool4_item_find(pool, id);

	if (!item)
		return;
	leave_scopes(item);
	item->entry.state = state;
	enter_scopes(item);
}

enum pool4_result pool4_set_ports(struct pool4 *pool, uint32_t id, const struct port_ranges *ports)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	struct pool4_spec changed;
	bool shares;

	if (!item)
		return POOL4_NO_SUCH_ENTRY;
	if (!ports_are_good(ports))
		return POOL4_BAD_PORTS;
	changed = item->entry.spec;
	changed.ports = *ports;
	if (find_overlap(pool, &changed, &item->entry, &shares))
		return POOL4_OVERLAP;
	item->entry.spec.ports = *ports;
	set_port_counts(item);
	return update_all(pool, item, false) ? POOL4_OK : POOL4_NO_MEMORY;
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
	const struct addr4_range here = {addr, addr};

	for (struct pool4_index_node *node = pool4_index_first(&pool->index, here); node;
	     node = pool4_index_next(node, here)) {
		if (node->entry->state != POOL4_DISABLED)
			return true;
	}
	return false;
}

bool pool4_entry_serves(const struct pool4_entry *entry, const struct addr6 *client, int pool6)
{
	const struct pool4_spec *spec = &entry->spec;

	if (entry->state != POOL4_ACTIVE)
		return false;
	if (spec->pool6 != POOL4_ANY_PREFIX && spec->pool6 != pool6)
		return false;
	for (uint32_t i = 0; i < spec->n_clients; i++) {
		if (prefix6_contains(&spec->clients[i], client))
			return true;
	}
	return spec->n_clients == 0;
}

size_t pool4_memory(const struct pool4 *pool)
{
	return sizeof(*pool) + pool->capacity * sizeof(pool->item[0]) + pool->item_bytes +
	       pool->scopes.bytes + addr_choice_table_memory(&pool->choices) +
	       pool4_address_table_memory(&pool->addresses);
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
	};

	return texts[result];
}
