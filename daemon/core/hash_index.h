/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An index from hash values to slab entries: linear hashing with chains through the entries.
 *
 * The table grows by one bucket for each entry added and shrinks by one for each removed, so no
 * single packet ever pays for a resize, and a bucket costs four bytes. The entry keeps the chain's
 * next index in a member of its own (next_offset); hash_of() gives back an entry's hash when its
 * bucket is split.
 *
 *	for (i = hash_index_first(&table, hash); i != SLAB_NONE; i = entry->next)
 *
 * A look-up waits twice for memory, for the bucket and for the first entry of its chain. Who knows
 * many hashes in advance calls hash_index_prefetch() for all of them, then
 * hash_index_prefetch_first() for all of them, and finds both in the cache; and who knows how many
 * entries will come makes their buckets before, so that none is ever split.
 */
#pragma once

#include "daemon/core/slab.h"

typedef uint64_t (*hash_index_fn)(const void *context, const void *entry);

#define HASH_INDEX_SEGMENT_BITS    10
#define HASH_INDEX_SEGMENT_BUCKETS (1u << HASH_INDEX_SEGMENT_BITS)

/* Segments of one block, which come and go together, for the reasons that slab.h gives for blocks
 * of chunks; and how many are blocks by themselves before: so one more is at most a quarter of what
 * is there. */
#define HASH_INDEX_BLOCK_SEGMENTS 16u
#define HASH_INDEX_FIRST_SEGMENTS (4 * HASH_INDEX_BLOCK_SEGMENTS)

struct hash_index {
	const struct slab *entries;
	size_t next_offset;
	hash_index_fn hash_of;
	const void *context;
	uint32_t **segment; /* HASH_INDEX_SEGMENT_BUCKETS heads of chains each */
	uint32_t n_segments;
	uint32_t segment_capacity;
	uint32_t n_entries;
	uint32_t n_buckets; /* one for each entry, or more that were reserved */
	uint32_t mask;      /* the lowest 2^k - 1 that reaches every bucket */
};

/* Takes no memory yet. */
void hash_index_init(struct hash_index *table, const struct slab *entries, size_t next_offset,
		     hash_index_fn hash_of, const void *context);
void hash_index_deinit(struct hash_index *table);

/* False without memory; then nothing has changed. The caller makes sure that it is not there yet.
 */
bool hash_index_add(struct hash_index *table, uint32_t index, uint64_t hash);
void hash_index_remove(struct hash_index *table, uint32_t index, uint64_t hash);
/* Puts index in the place of old, which has the same hash; can not fail. */
void hash_index_replace(struct hash_index *table, uint32_t old, uint32_t index, uint64_t hash);
/* The entry gets another hash; can not fail. */
void hash_index_move(struct hash_index *table, uint32_t index, uint64_t from, uint64_t to);

/* Where the chain of this hash begins; the table is not empty. */
static inline uint32_t *hash_index_bucket(const struct hash_index *table, uint64_t hash)
{
	uint32_t bucket = (uint32_t)hash & table->mask;

	/* Not split yet: its entries still stand in the lower half's bucket. */
	if (bucket >= table->n_buckets)
		bucket &= table->mask >> 1;
	return &table->segment[bucket >> HASH_INDEX_SEGMENT_BITS]
			      [bucket % HASH_INDEX_SEGMENT_BUCKETS];
}

/* Head of the chain that holds all entries with this hash, and others; SLAB_NONE if empty. */
static inline uint32_t hash_index_first(const struct hash_index *table, uint64_t hash)
{
	return table->n_buckets > 0 ? *hash_index_bucket(table, hash) : SLAB_NONE;
}

/* Before many entries come: buckets for n in all. Without memory there are fewer, which is slower
 * and nothing else. What is not used goes with hash_index_trim(). */
void hash_index_reserve(struct hash_index *table, uint32_t n);
/* As many buckets as entries, as ever. */
void hash_index_trim(struct hash_index *table);

/* Hints only: that a look-up for this hash comes soon. */
static inline void hash_index_prefetch(const struct hash_index *table, uint64_t hash)
{
	if (table->n_buckets > 0)
		slab_prefetch_at(hash_index_bucket(table, hash));
}
static inline void hash_index_prefetch_first(const struct hash_index *table, uint64_t hash)
{
	uint32_t index = hash_index_first(table, hash);

	if (index != SLAB_NONE)
		slab_prefetch(table->entries, index);
}

size_t hash_index_memory(const struct hash_index *table);
bool hash_index_check(const struct hash_index *table);
