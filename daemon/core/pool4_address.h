/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports that are not free, of each (IPv4 address, protocol) that has some: those in use, and
 * those that are held (pool4_hold.h). This, and not the entry, is what makes (T,t) unique (P-11):
 * there is one record however many entries cover the address.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/hash_index.h"
#include "daemon/core/port_set.h"
#include "daemon/core/siphash.h"

#define POOL4_NO_PLACE 0

struct pool4_address {
	struct port_set ports; /* never empty between two calls of pool4.c */
	uint32_t addr;
	uint32_t next;  /* hash chain */
	uint32_t place; /* of what is held here, counted from 1: written by pool4_hold.c only */
	uint32_t n_outside : 24; /* ports in use that belong to no entry: written by pool4_*.c */
	uint32_t protocol : 8;
};

struct pool4_address_table {
	struct slab addresses;
	struct hash_index by_addr;
	struct siphash_key key;
	size_t ports_bytes; /* of all sets of ports */
};

void pool4_address_table_init(struct pool4_address_table *table, const struct siphash_key *key);
void pool4_address_table_deinit(struct pool4_address_table *table);

/* SLAB_NONE if all ports of it are free. */
uint32_t pool4_address_find(const struct pool4_address_table *table, enum protocol protocol,
			    uint32_t addr);
struct pool4_address *pool4_address_at(const struct pool4_address_table *table, uint32_t index);

/* Marks a port as not free. index: of the address, or SLAB_NONE to make its record. Returns the
 * index; SLAB_NONE without memory. */
uint32_t pool4_address_use(struct pool4_address_table *table, uint32_t index,
			   enum protocol protocol, const struct taddr4 *taddr);
/* Marks a port as free, which is not held any more. Frees the record with its last port, and
 * returns whether it did. */
bool pool4_address_release(struct pool4_address_table *table, uint32_t index, uint16_t port);

size_t pool4_address_table_memory(const struct pool4_address_table *table);
bool pool4_address_table_check(const struct pool4_address_table *table);
