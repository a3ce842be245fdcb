/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See hash_index.h. Linear hashing (Litwin, 1980): with n buckets, 2^k >= n > 2^(k-1), an entry
 * stands in bucket (hash mod 2^k) if there is one, else in (hash mod 2^(k-1)). Adding bucket n
 * splits bucket n - 2^(k-1) in two, removing the last one joins them again. On average one entry
 * is looked at for that.
 *
 * Buckets are kept in segments that never move; only the small array of segments is copied when it
 * doubles (8 bytes for each 1024 entries). The first segments come one by one, the others a block
 * at a time, whose memory is touched as buckets are added.
 *
 * Invariants (hash_index_check): as many buckets as entries, or more that were reserved; every
 * entry stands in the bucket that its hash says.
 */
#include "daemon/core/hash_index.h"

#include <stdlib.h>

/* Some 100 ns for each of two waits, of which a new session takes a few times as long. */
#define SPLITS_AHEAD 4u
#define SEGMENT_SIZE (HASH_INDEX_SEGMENT_BUCKETS * sizeof(uint32_t))

void hash_index_init(struct hash_index *table, const struct slab *entries, size_t next_offset,
		     hash_index_fn hash_of, const void *context)
{
	assert(next_offset + sizeof(uint32_t) <= entries->entry_size);

	*table = (struct hash_index){
		.entries = entries,
		.next_offset = next_offset,
		.hash_of = hash_of,
		.context = context,
	};
}

/* How many segments the block has that a segment is of. */
static uint32_t block_size(uint32_t segment)
{
	return segment < HASH_INDEX_FIRST_SEGMENTS ? 1 : HASH_INDEX_BLOCK_SEGMENTS;
}

/* Where the last block begins. */
static uint32_t last_block(const struct hash_index *table)
{
	return table->n_segments - block_size(table->n_segments - 1);
}

static void remove_block(struct hash_index *table)
{
	table->n_segments = last_block(table);
	free(table->segment[table->n_segments]);
}

void hash_index_deinit(struct hash_index *table)
{
	if (table == NULL)
		return;
	while (table->n_segments > 0)
		remove_block(table);
	free(table->segment);
	table->segment = NULL;
	table->segment_capacity = 0;
	table->n_entries = 0;
	table->n_buckets = 0;
	table->mask = 0;
}

static uint32_t *next_of(const struct hash_index *table, uint32_t index)
{
	uint8_t *entry = slab_at(table->entries, index);

	return (uint32_t *)(void *)(entry + table->next_offset);
}

static uint32_t *bucket_at(const struct hash_index *table, uint32_t bucket)
{
	return &table->segment[bucket >> HASH_INDEX_SEGMENT_BITS]
			      [bucket % HASH_INDEX_SEGMENT_BUCKETS];
}

/* The link that points to index; it must be in the chain. */
static uint32_t *link_to(const struct hash_index *table, uint32_t index, uint64_t hash)
{
	uint32_t *link;

	assert(table->n_buckets > 0);

	link = hash_index_bucket(table, hash);
	while (*link != index) {
		assert(*link != SLAB_NONE);
		link = next_of(table, *link);
	}
	return link;
}

static bool append_block(struct hash_index *table)
{
	const uint32_t n = block_size(table->n_segments);
	uint32_t capacity = table->segment_capacity;
	uint32_t **segment;
	uint32_t *block;

	if (table->n_segments == capacity) {
		capacity = capacity > 0 ? capacity * 2 : 16;
		segment = realloc(table->segment, capacity * sizeof(*segment));
		if (segment == NULL)
			return false;
		table->segment = segment;
		table->segment_capacity = capacity;
	}
	block = malloc(n * SEGMENT_SIZE);
	if (block == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		table->segment[table->n_segments++] = block + i * HASH_INDEX_SEGMENT_BUCKETS;
	return true;
}

/* Buckets are split in turn, so what the next splits wait for is known: a bucket some splits ahead,
 * and by then the first entry of one a few ahead. */
static void expect_splits(const struct hash_index *table)
{
	const uint32_t next = table->n_buckets;
	uint32_t index;

	if (next + SPLITS_AHEAD > table->mask)
		return;
	slab_prefetch_at(bucket_at(table, (next + SPLITS_AHEAD) & table->mask >> 1));
	index = *bucket_at(table, (next + SPLITS_AHEAD / 2) & table->mask >> 1);
	if (index != SLAB_NONE)
		slab_prefetch(table->entries, index);
}

/* One more bucket: moves there what belongs there from the bucket that stood in for it. */
static bool grow(struct hash_index *table)
{
	uint32_t added = table->n_buckets;
	uint32_t *link;
	uint32_t *tail;

	if (added == table->n_segments << HASH_INDEX_SEGMENT_BITS && !append_block(table))
		return false;
	table->n_buckets++;
	if (added > table->mask)
		table->mask = table->mask << 1 | 1;

	tail = bucket_at(table, added);
	*tail = SLAB_NONE;
	if (added == 0)
		return true;
	link = bucket_at(table, added & table->mask >> 1);
	while (*link != SLAB_NONE) {
		uint32_t index = *link;
		uint32_t *next = next_of(table, index);
		uint64_t hash = table->hash_of(table->context, slab_at(table->entries, index));

		if (((uint32_t)hash & table->mask) != added) {
			link = next;
			continue;
		}
		*link = *next;
		*tail = index;
		*next = SLAB_NONE;
		tail = next;
	}
	expect_splits(table);
	return true;
}

/* One bucket less: its chain goes behind that of the bucket it was split from. */
static void shrink(struct hash_index *table)
{
	uint32_t removed = table->n_buckets - 1;
	uint32_t n_needed;
	uint32_t *link;

	if (removed > 0) {
		link = bucket_at(table, removed & table->mask >> 1);
		while (*link != SLAB_NONE)
			link = next_of(table, *link);
		*link = *bucket_at(table, removed);
	}
	table->n_buckets--;
	if (table->n_buckets <= (table->mask >> 1) + 1 && table->mask > 0)
		table->mask >>= 1;

	/* One segment at least stays in reserve, and an eighth of a large table: sessions end in
	 * crowds, and as many are there again a moment later. */
	n_needed = (table->n_buckets + HASH_INDEX_SEGMENT_BUCKETS - 1) >> HASH_INDEX_SEGMENT_BITS;
	while (n_needed + n_needed / 8 < last_block(table)) /* two at most */
		remove_block(table);
}

bool hash_index_add(struct hash_index *table, uint32_t index, uint64_t hash)
{
	uint32_t *bucket;

	if (table->n_entries == table->n_buckets && !grow(table))
		return false;
	table->n_entries++;
	bucket = hash_index_bucket(table, hash);
	*next_of(table, index) = *bucket;
	*bucket = index;
	return true;
}

void hash_index_remove(struct hash_index *table, uint32_t index, uint64_t hash)
{
	uint32_t *link = link_to(table, index, hash);
	uint32_t *next = next_of(table, index);

	*link = *next;
	*next = SLAB_NONE;
	table->n_entries--;
	shrink(table);
}

void hash_index_replace(struct hash_index *table, uint32_t old, uint32_t index, uint64_t hash)
{
	uint32_t *link = link_to(table, old, hash);
	uint32_t *next = next_of(table, old);

	*next_of(table, index) = *next;
	*next = SLAB_NONE;
	*link = index;
}

void hash_index_move(struct hash_index *table, uint32_t index, uint64_t from, uint64_t to)
{
	uint32_t *next = next_of(table, index);
	uint32_t *bucket;

	*link_to(table, index, from) = *next;
	bucket = hash_index_bucket(table, to);
	*next = *bucket;
	*bucket = index;
}

void hash_index_reserve(struct hash_index *table, uint32_t n)
{
	while (table->n_buckets < n && grow(table))
		;
}

void hash_index_trim(struct hash_index *table)
{
	while (table->n_buckets > table->n_entries)
		shrink(table);
}

size_t hash_index_memory(const struct hash_index *table)
{
	return table->n_segments * SEGMENT_SIZE + table->segment_capacity * sizeof(*table->segment);
}

bool hash_index_check(const struct hash_index *table)
{
	uint32_t n_entries = 0;

	if (table->n_buckets > table->n_segments << HASH_INDEX_SEGMENT_BITS)
		return false;
	if (table->n_buckets > 0 && (table->n_buckets - 1 > table->mask ||
				     (table->mask > 0 && table->n_buckets - 1 <= table->mask >> 1)))
		return false;
	for (uint32_t bucket = 0; bucket < table->n_buckets; bucket++) {
		uint32_t index = *bucket_at(table, bucket);

		for (; index != SLAB_NONE; index = *next_of(table, index)) {
			uint64_t hash;

			if (!slab_is_used(table->entries, index) || ++n_entries > table->n_entries)
				return false;
			hash = table->hash_of(table->context, slab_at(table->entries, index));
			if (hash_index_bucket(table, hash) != bucket_at(table, bucket))
				return false;
		}
	}
	return n_entries == table->n_entries && n_entries <= table->n_buckets;
}
