/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the ports of pool4 come back: given back, held for a while, free again (P-14, P-15, P-22;
 * RFC 6888, REQ-8).
 */
#include <assert.h>

#include "daemon/core/minmax.h"
#include "daemon/core/pool4_internal.h"

/* Holds that end early when a new one is to come: two, so that a limit that was lowered is kept
 * after half as many releases as ports are held too many; none of these is held itself. */
#define MADE_ROOM_MAX 2

static uint32_t hold_ms(const struct pool4 *pool, enum protocol protocol, enum pool4_hold_kind kind)
{
	uint32_t policy_ms =
		protocol == PROTOCOL_TCP ? pool->policy.hold_tcp_ms : pool->policy.hold_ms;

	/* Nobody else gets a port of a client's own range or block; what is held is the block. */
	if (pool->allocation.mode != POOL4_DYNAMIC)
		return 0;
	return kind == POOL4_HOLD_LOST ? max_u32(policy_ms, POOL4_HOLD_LOST_MS) : policy_ms;
}

static uint64_t deadline(const struct pool4 *pool, const struct pool4_hold_queue *queue)
{
	const struct pool4_hold *oldest = pool4_hold_at(&pool->holds, queue->list.oldest);

	return (uint64_t)oldest->since * POOL4_HOLD_UNIT_MS +
	       hold_ms(pool, queue->protocol, queue->kind);
}

void pool4_forget_hold(struct pool4 *pool, uint32_t hold)
{
	const struct pool4_hold_queue *queue =
		pool4_hold_queue_at(&pool->holds, pool4_hold_at(&pool->holds, hold)->queue);
	struct pool4_entry *entry = queue->entry;
	enum protocol protocol = queue->protocol;
	enum pool4_hold_kind kind = queue->kind;
	bool was_last = pool4_hold_remove(&pool->holds, hold);

	if (!entry) {
		pool->n_left--;
		return;
	}
	entry->n_held[protocol]--;
	if (was_last)
		pool4_item_of(entry)->queue[protocol][kind] = SLAB_NONE;
}

/* A port that nobody uses or holds any more. */
static void make_free(struct pool4 *pool, uint32_t address, uint16_t port)
{
	const struct pool4_address *record = pool4_address_at(&pool->addresses, address);
	struct taddr4 taddr = {record->addr, port};
	enum protocol protocol = record->protocol;
	bool updated;

	if (pool4_address_release(&pool->addresses, address, port))
		address = SLAB_NONE;
	updated = pool4_update_covers(pool, protocol, &taddr, address);
	assert(updated); /* including needs no memory */
	(void)updated;
}

static void end_hold(struct pool4 *pool, uint32_t index)
{
	const struct pool4_hold *hold = pool4_hold_at(&pool->holds, index);
	uint32_t address = hold->address;
	uint16_t port = hold->port;

	pool4_forget_hold(pool, index);
	make_free(pool, address, port);
}

/* The item has some. Of two that began at the same time, the lost one. */
static uint32_t oldest_hold(const struct pool4 *pool, const struct pool4_item *item,
			    enum protocol protocol)
{
	uint32_t oldest = SLAB_NONE;

	for (unsigned i = 0; i < N_POOL4_HOLD_KINDS; i++) {
		uint32_t queue = item->queue[protocol][i];
		uint32_t hold;

		if (queue == SLAB_NONE)
			continue;
		hold = pool4_hold_queue_at(&pool->holds, queue)->list.oldest;
		if (oldest == SLAB_NONE || pool4_hold_at(&pool->holds, hold)->since <=
						   pool4_hold_at(&pool->holds, oldest)->since)
			oldest = hold;
	}
	return oldest;
}

/* P-15: the item's oldest holds end where there would be too many. False if it may have none. */
static bool make_room(struct pool4 *pool, struct pool4_item *item, enum protocol protocol)
{
	const struct pool4_entry *entry = &item->entry;
	uint64_t max = port_share_of(&pool->policy.max_held, entry->n_ports[protocol]);
	const struct slab *holds = &pool->holds.holds;

	for (unsigned i = 0; i < MADE_ROOM_MAX && entry->n_held[protocol] > 0; i++) {
		if (entry->n_held[protocol] < max && holds->n_used < holds->limit)
			break;
		end_hold(pool, oldest_hold(pool, item, protocol));
	}
	return entry->n_held[protocol] < max;
}

/* Makes a port of the address's set, which is not in use any more, a held one of the item. */
static bool hold(struct pool4 *pool, struct pool4_item *item, uint32_t address, uint16_t port,
		 enum pool4_hold_kind kind, uint64_t client_hash, uint64_t now_ms)
{
	enum protocol protocol = pool4_address_at(&pool->addresses, address)->protocol;
	struct pool4_hold record = {
		.address = address,
		.client = (uint32_t)client_hash,
		.since = pool4_hold_unit(now_ms),
		.port = port,
	};

	if (hold_ms(pool, protocol, kind) == 0 || !make_room(pool, item, protocol))
		return false;
	record.queue = item->queue[protocol][kind];
	if (record.queue == SLAB_NONE)
		record.queue =
			pool4_hold_queue_new(&pool->holds, &item->entry, protocol, kind, now_ms);
	if (record.queue == SLAB_NONE ||
	    !pool4_hold_add(&pool->holds, &record, now_ms + hold_ms(pool, protocol, kind)))
		return false;
	item->queue[protocol][kind] = record.queue;
	item->entry.n_held[protocol]++;
	return true;
}

/* A used port is none any more; its address. */
static uint32_t end_use(struct pool4 *pool, struct pool4_item *item, enum protocol protocol,
			const struct taddr4 *taddr)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);

	assert(address != SLAB_NONE);
	assert(pool4_hold_find(&pool->holds, address, taddr->port) == SLAB_NONE);
	if (item) {
		assert(item->entry.n_used[protocol] > 0);
		item->entry.n_used[protocol]--;
	} else {
		assert(pool->n_outside > 0);
		pool->n_outside--;
		pool4_address_at(&pool->addresses, address)->n_outside--;
	}
	return address;
}

/* A port of a block, if it is of one, is not in use any more. */
static void leave_block(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
			bool hold_block, uint64_t now_ms)
{
	uint32_t block = pool->blocks ? pool4_block_find(pool->blocks, taddr) : SLAB_NONE;

	if (block == SLAB_NONE)
		return;
	pool4_block_count(pool->blocks, block, protocol, -1);
	if (pool4_block_at(pool->blocks, block)->owner == SLAB_NONE) {
		if (!pool4_block_is_full(pool->blocks, block))
			pool4_block_release(pool->blocks, block, false, 0);
		return;
	}
	if (!pool4_block_is_empty(pool->blocks, block))
		return;
	pool4_block_note(pool->blocks, block, false);
	pool4_block_release(pool->blocks, block, hold_block, now_ms);
}

bool pool4_block_changed(struct pool4 *pool, struct pool4_block_change *ret)
{
	if (!pool->blocks || !pool->blocks->has_changed)
		return false;
	pool->blocks->has_changed = false;
	*ret = pool->blocks->change;
	return true;
}

void pool4_give_back(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     uint32_t id)
{
	uint32_t address = end_use(pool, pool4_item_find(pool, id), protocol, taddr);

	make_free(pool, address, taddr->port);
	leave_block(pool, protocol, taddr, false, 0);
}

void pool4_retire(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		  uint32_t id, uint64_t client_hash, uint64_t now_ms)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	uint32_t address = end_use(pool, item, protocol, taddr);

	if (!item ||
	    !hold(pool, item, address, taddr->port, POOL4_HOLD_LEFT, client_hash, now_ms)) {
		make_free(pool, address, taddr->port);
		leave_block(pool, protocol, taddr, true, now_ms);
		return;
	}
	/* The address only has an unused port again, which needs no memory. */
	(void)pool4_update_covers(pool, protocol, taddr, address);
}

bool pool4_hold_port(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     enum pool4_hold_kind kind, uint64_t client_hash, uint64_t now_ms)
{
	const struct pool4_entry *entry = pool4_find(pool, protocol, taddr->addr, taddr->port);
	uint32_t address;

	if (!entry)
		return false;
	if (pool->blocks)
		return pool4_block_hold(pool->blocks, taddr, kind, client_hash, now_ms);
	address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	if (address != SLAB_NONE &&
	    port_set_contains(&pool4_address_at(&pool->addresses, address)->ports, taddr->port))
		return false;
	address = pool4_address_use(&pool->addresses, address, protocol, taddr);
	if (address == SLAB_NONE)
		return false;
	if (!hold(pool, pool4_item_find(pool, entry->id), address, taddr->port, kind, client_hash,
		  now_ms)) {
		make_free(pool, address, taddr->port);
		return false;
	}
	if (!pool4_update_covers(pool, protocol, taddr, address)) {
		end_hold(pool, pool4_hold_find(&pool->holds, address, taddr->port));
		return false;
	}
	return true;
}

bool pool4_is_held(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		   uint64_t client_hash)
{
	uint32_t address = pool4_address_find(&pool->addresses, protocol, taddr->addr);
	uint32_t hold = address == SLAB_NONE ? SLAB_NONE
					     : pool4_hold_find(&pool->holds, address, taddr->port);

	return hold != SLAB_NONE &&
	       pool4_hold_at(&pool->holds, hold)->client != (uint32_t)client_hash;
}

/* Ends what is over in one queue, which is not filed; and files it again if something is left. */
static void expire_queue(struct pool4 *pool, uint32_t index, uint64_t now_ms, unsigned *budget)
{
	const struct pool4_hold_queue *queue = pool4_hold_queue_at(&pool->holds, index);

	while (*budget > 0 && deadline(pool, queue) <= now_ms) {
		bool is_last = queue->list.n == 1;

		end_hold(pool, queue->list.oldest);
		(*budget)--;
		if (is_last)
			return;
	}
	wheel_add(&pool->holds.wheel, index, deadline(pool, queue));
}

void pool4_expire(struct pool4 *pool, uint64_t now_ms, unsigned *budget)
{
	if (pool->blocks)
		pool4_expire(pool->blocks->free, now_ms, budget);
	while (*budget > 0) {
		uint32_t queue = wheel_take_due(&pool->holds.wheel, now_ms, budget);

		if (queue == SLAB_NONE)
			break;
		expire_queue(pool, queue, now_ms, budget);
	}
}

uint64_t pool4_next_deadline(const struct pool4 *pool)
{
	if (pool->blocks)
		return pool4_next_deadline(pool->blocks->free);
	return wheel_next_deadline(&pool->holds.wheel);
}

void pool4_set_policy(struct pool4 *pool, const struct pool4_policy *policy)
{
	const struct slab *queues = &pool->holds.queues;

	pool->policy = *policy;
	if (pool->blocks)
		pool4_set_policy(pool->blocks->free,
				 &(struct pool4_policy){.strict_pairing = policy->strict_pairing,
							.hold_ms = policy->hold_ms,
							.max_held = policy->max_held});
	/* A shorter time holds for what is held already. */
	for (uint32_t i = slab_next(queues, 0); i != SLAB_NONE; i = slab_next(queues, i + 1)) {
		wheel_remove(&pool->holds.wheel, i);
		wheel_add(&pool->holds.wheel, i,
			  deadline(pool, pool4_hold_queue_at(&pool->holds, i)));
	}
}

uint32_t pool4_n_held(const struct pool4 *pool)
{
	return pool->holds.holds.n_used;
}

void pool4_set_held_limit(struct pool4 *pool, uint32_t limit)
{
	pool->holds.holds.limit = limit;
	if (pool->blocks)
		pool4_set_held_limit(pool->blocks->free, limit);
}
