/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port hold-down (RFC 6888, REQ-8; P-14, P-15): the ports that bindings have left, and that other
 * clients should not get for a while.
 *
 * Theory of operation. A held port stays in its address's set of ports that are not free
 * (pool4_address.h), so whoever draws a free port need not know of holds. What is held and not used
 * stands here: one record for each port, found by (address, port), in two lists in the order of
 * time. The list of its place (address and protocol) is for the last choice. The list of its queue
 * is for the limit and for the end: a queue is what is held of one entry, for one protocol, for one
 * reason (enum pool4_hold_kind). All of a queue have the same duration, so the next to end is the
 * oldest, also when that duration changes, because a record has the time when its hold began. The
 * queues are filed in a wheel by the deadline that their oldest had; expiry is lazy, as in
 * session.h.
 *
 * Places and queues exist only while they have a record. A queue outlives its entry: ports that
 * went with it are held all the same (P-22). One port costs 40 bytes here, 4 in the index, and its
 * share of two sets of ports.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/pool4.h"
#include "daemon/core/pool4_address.h"
#include "daemon/core/wheel.h"

/* In which a hold's beginning is kept, rounded up: 32 bits of it are 34 years. */
#define POOL4_HOLD_UNIT_MS 256

/* Records that are looked at for one that suits, from the oldest. */
#define POOL4_HOLDS_TRIED_MAX 16

enum pool4_hold_order { POOL4_HOLD_OF_QUEUE, POOL4_HOLD_OF_PLACE, N_POOL4_HOLD_ORDERS };

struct pool4_hold_link {
	uint32_t older;
	uint32_t newer;
};

struct pool4_hold {
	uint32_t address; /* of the address table */
	uint32_t queue;
	uint32_t client; /* of its hash; may have the port back */
	uint32_t since;  /* in units of POOL4_HOLD_UNIT_MS */
	struct pool4_hold_link link[N_POOL4_HOLD_ORDERS];
	uint32_t next; /* hash chain */
	uint16_t port;
};

struct pool4_hold_list {
	uint32_t oldest; /* SLAB_NONE: empty */
	uint32_t newest;
	uint32_t n;
};

struct pool4_hold_place {
	struct pool4_hold_list list;
	struct port_set ports;
};

struct pool4_hold_queue {
	struct pool4_hold_list list;
	struct wheel_link timer;
	struct pool4_entry *entry; /* which counts them; NULL after it */
	uint8_t protocol;
	uint8_t kind;
};

struct pool4_hold_table {
	struct slab holds; /* its limit is that of all held ports */
	struct slab places;
	struct slab queues;
	struct hash_index by_port;
	struct wheel wheel; /* of queues */
	struct siphash_key key;
	struct pool4_address_table *addresses;
	size_t ports_bytes; /* of all sets of ports */
};

void pool4_hold_table_init(struct pool4_hold_table *table, struct pool4_address_table *addresses,
			   const struct siphash_key *key);
void pool4_hold_table_deinit(struct pool4_hold_table *table);

static inline struct pool4_hold *pool4_hold_at(const struct pool4_hold_table *table, uint32_t index)
{
	return slab_at(&table->holds, index);
}

static inline struct pool4_hold_queue *pool4_hold_queue_at(const struct pool4_hold_table *table,
							   uint32_t index)
{
	return slab_at(&table->queues, index);
}

/* The holds at an address; NULL if there are none. */
const struct pool4_hold_place *pool4_hold_place(const struct pool4_hold_table *table,
						uint32_t address);
/* SLAB_NONE if the port is not held. */
uint32_t pool4_hold_find(const struct pool4_hold_table *table, uint32_t address, uint16_t port);

/* An empty queue for an entry, to be filled at once; SLAB_NONE without memory. */
uint32_t pool4_hold_queue_new(struct pool4_hold_table *table, struct pool4_entry *entry,
			      enum protocol protocol, enum pool4_hold_kind kind, uint64_t now_ms);

/* A port that is in the address's set becomes held, as the newest. deadline_ms: of this hold, for
 * an empty queue. False at the limit or without memory; a queue that is empty then is gone. */
bool pool4_hold_add(struct pool4_hold_table *table, const struct pool4_hold *hold,
		    uint64_t deadline_ms);
/* The port stays in the address's set. Returns whether the queue went with its last record. */
bool pool4_hold_remove(struct pool4_hold_table *table, uint32_t index);

static inline uint32_t pool4_hold_unit(uint64_t now_ms)
{
	return (uint32_t)((now_ms + POOL4_HOLD_UNIT_MS - 1) / POOL4_HOLD_UNIT_MS);
}

size_t pool4_hold_table_memory(const struct pool4_hold_table *table);
bool pool4_hold_table_check(const struct pool4_hold_table *table);
