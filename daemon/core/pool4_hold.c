/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_hold.h"

static uint64_t hash(const struct pool4_hold_table *table, uint32_t address, uint16_t port)
{
	uint32_t data[2] = {address, port};

	return siphash(&table->key, data, sizeof(data));
}

static uint64_t hash_of_hold(const void *context, const void *entry)
{
	const struct pool4_hold *hold = entry;

	return hash(context, hold->address, hold->port);
}

static struct pool4_hold_place *place_at(const struct pool4_hold_table *table, uint32_t index)
{
	return slab_at(&table->places, index);
}

void pool4_hold_table_init(struct pool4_hold_table *table, struct pool4_address_table *addresses,
			   const struct siphash_key *key)
{
	table->key = *key;
	table->addresses = addresses;
	table->ports_bytes = 0;
	slab_init(&table->holds, sizeof(struct pool4_hold), SLAB_LIMIT_MAX);
	slab_init(&table->places, sizeof(struct pool4_hold_place), SLAB_LIMIT_MAX);
	slab_init(&table->queues, sizeof(struct pool4_hold_queue), SLAB_LIMIT_MAX);
	hash_index_init(&table->by_port, &table->holds, offsetof(struct pool4_hold, next),
			hash_of_hold, table);
}

void pool4_hold_table_deinit(struct pool4_hold_table *table)
{
	for (uint32_t i = slab_next(&table->places, 0); i != SLAB_NONE;
	     i = slab_next(&table->places, i + 1))
		port_set_deinit(&place_at(table, i)->ports);
	hash_index_deinit(&table->by_port);
	slab_deinit(&table->holds);
	slab_deinit(&table->places);
	slab_deinit(&table->queues);
}

const struct pool4_hold_place *pool4_hold_place(const struct pool4_hold_table *table,
						uint32_t address)
{
	uint32_t place = pool4_address_at(table->addresses, address)->place;

	return place == POOL4_NO_PLACE ? NULL : place_at(table, place - 1);
}

uint32_t pool4_hold_find(const struct pool4_hold_table *table, uint32_t address, uint16_t port)
{
	uint32_t i;

	if (pool4_address_at(table->addresses, address)->place == POOL4_NO_PLACE)
		return SLAB_NONE;
	i = hash_index_first(&table->by_port, hash(table, address, port));
	while (i != SLAB_NONE && (pool4_hold_at(table, i)->address != address ||
				  pool4_hold_at(table, i)->port != port))
		i = pool4_hold_at(table, i)->next;
	return i;
}

static const struct pool4_hold_list empty = {SLAB_NONE, SLAB_NONE, 0};

static void append(const struct pool4_hold_table *table, struct pool4_hold_list *list,
		   enum pool4_hold_order order, uint32_t index)
{
	struct pool4_hold_link *link = &pool4_hold_at(table, index)->link[order];

	*link = (struct pool4_hold_link){.older = list->newest, .newer = SLAB_NONE};
	if (list->newest == SLAB_NONE)
		list->oldest = index;
	else
		pool4_hold_at(table, list->newest)->link[order].newer = index;
	list->newest = index;
	list->n++;
}

static void unlink_hold(const struct pool4_hold_table *table, struct pool4_hold_list *list,
			enum pool4_hold_order order, uint32_t index)
{
	const struct pool4_hold_link *link = &pool4_hold_at(table, index)->link[order];

	if (link->older == SLAB_NONE)
		list->oldest = link->newer;
	else
		pool4_hold_at(table, link->older)->link[order].newer = link->newer;
	if (link->newer == SLAB_NONE)
		list->newest = link->older;
	else
		pool4_hold_at(table, link->newer)->link[order].older = link->older;
	list->n--;
}

uint32_t pool4_hold_queue_new(struct pool4_hold_table *table, struct pool4_entry *entry,
			      enum protocol protocol, enum pool4_hold_kind kind, uint64_t now_ms)
{
	bool first = table->queues.n_used == 0;
	uint32_t index = slab_alloc(&table->queues);
	struct pool4_hold_queue *queue;

	if (index == SLAB_NONE)
		return SLAB_NONE;
	/* An empty wheel may begin anew, and does not have to know when the pool was made. */
	if (first)
		wheel_init(&table->wheel, &table->queues, offsetof(struct pool4_hold_queue, timer),
			   now_ms);
	queue = pool4_hold_queue_at(table, index);
	queue->list = empty;
	queue->entry = entry;
	queue->protocol = (uint8_t)protocol;
	queue->kind = (uint8_t)kind;
	wheel_link_init(&queue->timer);
	return index;
}

static bool drop_queue_if_empty(struct pool4_hold_table *table, uint32_t index)
{
	struct pool4_hold_queue *queue = pool4_hold_queue_at(table, index);

	if (queue->list.n > 0)
		return false;
	if (wheel_is_filed(&queue->timer))
		wheel_remove(&table->wheel, index);
	slab_free(&table->queues, index);
	return true;
}

/* The place of an address, made if need be; NULL without memory. */
static struct pool4_hold_place *get_place(struct pool4_hold_table *table,
					  struct pool4_address *address)
{
	uint32_t index;

	if (address->place != POOL4_NO_PLACE)
		return place_at(table, address->place - 1);
	index = slab_alloc(&table->places);
	if (index == SLAB_NONE)
		return NULL;
	address->place = index + 1;
	place_at(table, index)->list = empty;
	return place_at(table, index);
}

static void drop_place_if_empty(struct pool4_hold_table *table, struct pool4_address *address)
{
	struct pool4_hold_place *place;

	if (address->place == POOL4_NO_PLACE)
		return;
	place = place_at(table, address->place - 1);
	if (place->ports.n_used > 0)
		return;
	port_set_deinit(&place->ports);
	slab_free(&table->places, address->place - 1);
	address->place = POOL4_NO_PLACE;
}

static bool add_port(struct pool4_hold_table *table, struct pool4_hold_place *place, uint16_t port)
{
	size_t bytes = port_set_memory(&place->ports);
	bool added = port_set_add(&place->ports, port);

	table->ports_bytes += port_set_memory(&place->ports) - bytes;
	return added;
}

static void remove_port(struct pool4_hold_table *table, struct pool4_hold_place *place,
			uint16_t port)
{
	size_t bytes = port_set_memory(&place->ports);

	port_set_remove(&place->ports, port);
	if (place->ports.n_used == 0)
		port_set_deinit(&place->ports);
	table->ports_bytes -= bytes - port_set_memory(&place->ports);
}

bool pool4_hold_add(struct pool4_hold_table *table, const struct pool4_hold *hold,
		    uint64_t deadline_ms)
{
	struct pool4_address *address = pool4_address_at(table->addresses, hold->address);
	struct pool4_hold_queue *queue = pool4_hold_queue_at(table, hold->queue);
	struct pool4_hold_place *place = get_place(table, address);
	uint32_t index;

	assert(port_set_contains(&address->ports, hold->port));
	if (!place)
		goto no_place;
	if (!add_port(table, place, hold->port))
		goto no_port;
	index = slab_alloc(&table->holds);
	if (index == SLAB_NONE)
		goto no_record;
	*pool4_hold_at(table, index) = *hold;
	if (!hash_index_add(&table->by_port, index, hash(table, hold->address, hold->port)))
		goto no_bucket;
	append(table, &place->list, POOL4_HOLD_OF_PLACE, index);
	append(table, &queue->list, POOL4_HOLD_OF_QUEUE, index);
	if (!wheel_is_filed(&queue->timer))
		wheel_add(&table->wheel, hold->queue, deadline_ms);
	return true;

no_bucket:
	slab_free(&table->holds, index);
no_record:
	remove_port(table, place, hold->port);
no_port:
	drop_place_if_empty(table, address);
no_place:
	(void)drop_queue_if_empty(table, hold->queue);
	return false;
}

bool pool4_hold_remove(struct pool4_hold_table *table, uint32_t index)
{
	const struct pool4_hold *hold = pool4_hold_at(table, index);
	struct pool4_address *address = pool4_address_at(table->addresses, hold->address);
	struct pool4_hold_place *place = place_at(table, address->place - 1);
	uint32_t queue = hold->queue;

	unlink_hold(table, &place->list, POOL4_HOLD_OF_PLACE, index);
	unlink_hold(table, &pool4_hold_queue_at(table, queue)->list, POOL4_HOLD_OF_QUEUE, index);
	remove_port(table, place, hold->port);
	drop_place_if_empty(table, address);
	hash_index_remove(&table->by_port, index, hash(table, hold->address, hold->port));
	slab_free(&table->holds, index);
	return drop_queue_if_empty(table, queue);
}

size_t pool4_hold_table_memory(const struct pool4_hold_table *table)
{
	return slab_memory(&table->holds) + slab_memory(&table->places) +
	       slab_memory(&table->queues) + hash_index_memory(&table->by_port) +
	       table->ports_bytes;
}

/* The list is whole and in the order of time; every record belongs to owner. */
static bool check_list(const struct pool4_hold_table *table, const struct pool4_hold_list *list,
		       enum pool4_hold_order order, uint32_t owner)
{
	uint32_t older = SLAB_NONE, since = 0, n = 0;

	for (uint32_t i = list->oldest; i != SLAB_NONE; n++) {
		const struct pool4_hold *hold = pool4_hold_at(table, i);
		uint32_t place = pool4_address_at(table->addresses, hold->address)->place;
		uint32_t of = order == POOL4_HOLD_OF_QUEUE ? hold->queue : place - 1;

		if (of != owner || hold->link[order].older != older || hold->since < since)
			return false;
		since = hold->since;
		older = i;
		i = hold->link[order].newer;
	}
	return n > 0 && n == list->n && list->newest == older;
}

static bool check_places(const struct pool4_hold_table *table)
{
	size_t ports_bytes = 0;
	uint32_t n = 0;

	for (uint32_t i = slab_next(&table->places, 0); i != SLAB_NONE;
	     i = slab_next(&table->places, i + 1)) {
		const struct pool4_hold_place *place = place_at(table, i);

		if (!check_list(table, &place->list, POOL4_HOLD_OF_PLACE, i) ||
		    !port_set_check(&place->ports) || place->ports.n_used != place->list.n)
			return false;
		n += place->list.n;
		ports_bytes += port_set_memory(&place->ports);
	}
	return n == table->holds.n_used && ports_bytes == table->ports_bytes;
}

static bool check_queues(const struct pool4_hold_table *table)
{
	uint32_t n = 0;

	for (uint32_t i = slab_next(&table->queues, 0); i != SLAB_NONE;
	     i = slab_next(&table->queues, i + 1)) {
		const struct pool4_hold_queue *queue = pool4_hold_queue_at(table, i);

		if (!check_list(table, &queue->list, POOL4_HOLD_OF_QUEUE, i) ||
		    !wheel_is_filed(&queue->timer))
			return false;
		n += queue->list.n;
	}
	return n == table->holds.n_used && (n == 0 || wheel_check(&table->wheel));
}

bool pool4_hold_table_check(const struct pool4_hold_table *table)
{
	if (!slab_check(&table->holds) || !slab_check(&table->places) ||
	    !slab_check(&table->queues) || !hash_index_check(&table->by_port))
		return false;
	for (uint32_t i = slab_next(&table->holds, 0); i != SLAB_NONE;
	     i = slab_next(&table->holds, i + 1)) {
		const struct pool4_hold *hold = pool4_hold_at(table, i);
		const struct pool4_address *address =
			pool4_address_at(table->addresses, hold->address);

		if (pool4_hold_find(table, hold->address, hold->port) != i ||
		    !port_set_contains(&address->ports, hold->port) ||
		    address->protocol != pool4_hold_queue_at(table, hold->queue)->protocol ||
		    !port_set_contains(&pool4_hold_place(table, hold->address)->ports, hold->port))
			return false;
	}
	return check_places(table) && check_queues(table);
}
