/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prefixes of clients whose traffic the administrator has stopped, for some time or until it is
 * allowed again.
 *
 * A block is for a prefix of any length: one host, one client, or many. What its hosts send, and
 * what is sent to them, is dropped, established sessions included; bindings and sessions are not
 * touched, so they end in their own time, and traffic goes on if the block ends before. A look-up
 * asks once for each length that some block has, and costs nothing while there is none.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#define BLOCKS_MAX    4096
#define BLOCK_FOREVER UINT64_MAX

struct block {
	struct prefix6 prefix;
	uint32_t next; /* hash chain */
	uint64_t until_ms;
};

struct block_table {
	struct slab blocks;
	struct hash_index by_prefix;
	struct siphash_key key;
	uint32_t n_of_length[129];
	uint64_t next_ms; /* no block ends before */
};

void block_table_init(struct block_table *table, const struct siphash_key *key);
void block_table_deinit(struct block_table *table);

/* SLAB_NONE if there is no block of just this prefix. */
uint32_t block_find(const struct block_table *table, const struct prefix6 *prefix);
struct block *block_at(const struct block_table *table, uint32_t index);
/* Blocks the prefix, which has no host bits, until then; one that is blocked gets the new end.
 * False at the limit or without memory. */
bool block_add(struct block_table *table, const struct prefix6 *prefix, uint64_t until_ms);
void block_remove(struct block_table *table, uint32_t index);

/* Does some block cover the address? Every packet asks. */
bool block_covers_some(const struct block_table *table, const struct addr6 *addr);
static inline bool block_covers(const struct block_table *table, const struct addr6 *addr)
{
	return table->blocks.n_used > 0 && block_covers_some(table, addr);
}

/* Ends those whose time is over. */
void block_expire(struct block_table *table, uint64_t now_ms);
/* UINT64_MAX if there is nothing to end. */
uint64_t block_next_deadline(const struct block_table *table);

/* Cursor over positions: the first block at or behind from, or SLAB_NONE. */
uint32_t block_next(const struct block_table *table, uint32_t from);
size_t block_table_memory(const struct block_table *table);
bool block_table_check(const struct block_table *table);
