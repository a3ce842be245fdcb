/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See slab.h.
 *
 * Two levels of bitmaps find the lowest free position without a walk over entries: one bit for each
 * chunk that has room, and in the chunk one bit for each used entry. There is no free list, so an
 * empty block can go at any moment without searching one for its entries.
 *
 * Invariants (slab_check): the chunks of a block are there, one behind the other, or none of them
 * is; a chunk's open bit is set if and only if it is there and has a free entry; lowest_open is not
 * above the lowest such chunk; the last chunk is there; no block is empty but empty_block; the
 * counts agree with the bitmaps.
 */
#include "daemon/core/slab.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/minmax.h"

#define WORDS_PER_CHUNK (SLAB_CHUNK_ENTRIES / 64)

void slab_init(struct slab *slab, size_t entry_size, uint32_t limit)
{
	assert(entry_size > 0 && entry_size <= UINT32_MAX / SLAB_CHUNK_ENTRIES);
	assert(limit > 0 && limit <= SLAB_LIMIT_MAX);

	*slab = (struct slab){
		.empty_block = SLAB_NONE,
		.entry_size = (uint32_t)entry_size,
		.limit = limit,
	};
}

static uint32_t block_begin(uint32_t chunk)
{
	return chunk < SLAB_BLOCK_CHUNKS ? chunk : chunk & ~(SLAB_BLOCK_CHUNKS - 1);
}

void slab_deinit(struct slab *slab)
{
	if (slab == NULL)
		return;
	for (uint32_t i = 0; i < slab->n_chunks; i = slab_block_end(i))
		free(slab->chunk[i]);
	free(slab->chunk);
	free(slab->open);
	*slab = (struct slab){
		.empty_block = SLAB_NONE,
		.entry_size = slab->entry_size,
		.limit = slab->limit,
	};
}

static size_t chunk_size(const struct slab *slab)
{
	return sizeof(struct slab_chunk) + (size_t)SLAB_CHUNK_ENTRIES * slab->entry_size;
}

static void set_open(struct slab *slab, uint32_t chunk, bool open)
{
	uint64_t bit = UINT64_C(1) << chunk % 64;

	if (open)
		slab->open[chunk / 64] |= bit;
	else
		slab->open[chunk / 64] &= ~bit;
}

static bool is_open(const struct slab *slab, uint32_t chunk)
{
	return slab->open[chunk / 64] >> (chunk % 64) & 1;
}

/* Room for twice as many chunks in the two arrays. */
static bool grow_arrays(struct slab *slab)
{
	uint32_t capacity = slab->chunk_capacity > 0 ? slab->chunk_capacity * 2 : 64;
	struct slab_chunk **chunk;
	uint64_t *open;

	chunk = realloc(slab->chunk, capacity * sizeof(*chunk));
	if (chunk == NULL)
		return false;
	slab->chunk = chunk;
	open = realloc(slab->open, capacity / 64 * sizeof(*open));
	if (open == NULL)
		return false;
	slab->open = open;
	memset(&open[slab->chunk_capacity / 64], 0,
	       (capacity - slab->chunk_capacity) / 64 * sizeof(*open));
	slab->chunk_capacity = capacity;
	return true;
}

/* The block of a chunk that is not there; its caller uses an entry of it. */
static bool add_block_of(struct slab *slab, uint32_t number)
{
	const uint32_t begin = block_begin(number), end = slab_block_end(number);
	uint8_t *block;

	while (end > slab->chunk_capacity)
		if (!grow_arrays(slab))
			return false;
	/* Its entries become zero one by one as they are used. */
	block = malloc((end - begin) * chunk_size(slab));
	if (block == NULL)
		return false;
	while (slab->n_chunks < end)
		slab->chunk[slab->n_chunks++] = NULL;
	for (uint32_t i = begin; i < end; i++) {
		slab->chunk[i] = (void *)(block + (i - begin) * chunk_size(slab));
		*slab->chunk[i] = (struct slab_chunk){.n_used = 0};
		set_open(slab, i, true);
	}
	slab->n_present += end - begin;
	slab->lowest_open = min_u32(slab->lowest_open, begin);
	return true;
}

/* The lowest block that is not there. */
static bool add_block(struct slab *slab)
{
	uint32_t number = 0;

	if (slab->n_present == slab->n_chunks)
		number = slab->n_chunks;
	while (number < slab->n_chunks && slab->chunk[number] != NULL)
		number++;
	return add_block_of(slab, number);
}

/* Another block stays, the empty one. */
static void remove_block(struct slab *slab, uint32_t begin)
{
	const uint32_t end = slab_block_end(begin);

	free(slab->chunk[begin]);
	for (uint32_t i = begin; i < end; i++) {
		slab->chunk[i] = NULL;
		set_open(slab, i, false);
	}
	slab->n_present -= end - begin;
	while (slab->chunk[slab->n_chunks - 1] == NULL)
		slab->n_chunks--;
}

/* The lowest chunk with a free entry, or SLAB_NONE; lowest_open moves up to it. */
static uint32_t find_open(struct slab *slab)
{
	for (uint32_t i = slab->lowest_open / 64; i * 64 < slab->n_chunks; i++) {
		if (slab->open[i] != 0) {
			slab->lowest_open = i * 64 + (uint32_t)__builtin_ctzll(slab->open[i]);
			return slab->lowest_open;
		}
	}
	slab->lowest_open = slab->n_chunks;
	return SLAB_NONE;
}

/* A free entry of a chunk that is there. */
static void use(struct slab *slab, uint32_t number, uint32_t index)
{
	struct slab_chunk *chunk = slab->chunk[number];

	if (block_begin(number) == slab->empty_block)
		slab->empty_block = SLAB_NONE;
	chunk->used[index / 64] |= UINT64_C(1) << index % 64;
	chunk->n_used++;
	slab->n_used++;
	if (chunk->n_used == SLAB_CHUNK_ENTRIES)
		set_open(slab, number, false);
	memset(chunk->data + (size_t)index * slab->entry_size, 0, slab->entry_size);
}

uint32_t slab_alloc(struct slab *slab)
{
	const struct slab_chunk *chunk;
	uint32_t number;
	uint32_t word = 0;
	uint32_t index;

	if (slab->n_used >= slab->limit)
		return SLAB_NONE;
	number = find_open(slab);
	if (number == SLAB_NONE) {
		if (!add_block(slab))
			return SLAB_NONE;
		number = find_open(slab);
	}

	chunk = slab->chunk[number];
	while (chunk->used[word] == UINT64_MAX)
		word++;
	index = word * 64 + (uint32_t)__builtin_ctzll(~chunk->used[word]);
	use(slab, number, index);
	return number << SLAB_CHUNK_BITS | index;
}

bool slab_alloc_at(struct slab *slab, uint32_t index)
{
	uint32_t number = index >> SLAB_CHUNK_BITS;

	if (slab->n_used >= slab->limit || index >= slab_index_end(slab) ||
	    slab_is_used(slab, index))
		return false;
	if ((number >= slab->n_chunks || slab->chunk[number] == NULL) &&
	    !add_block_of(slab, number))
		return false;
	use(slab, number, index % SLAB_CHUNK_ENTRIES);
	return true;
}

static bool is_empty(const struct slab *slab, uint32_t begin)
{
	for (uint32_t i = begin; i < slab_block_end(begin); i++)
		if (slab->chunk[i]->n_used > 0)
			return false;
	return true;
}

/* One empty block is kept: entries that come and go around a block's end do not take and give back
 * memory each time. Of two it is the lower, which is not the larger, and is used again first. */
static void keep_or_remove(struct slab *slab, uint32_t begin)
{
	const uint32_t other = slab->empty_block;

	slab->empty_block = min_u32(begin, other);
	if (other != SLAB_NONE)
		remove_block(slab, max_u32(begin, other));
}

void slab_free(struct slab *slab, uint32_t index)
{
	uint32_t number = index >> SLAB_CHUNK_BITS;
	struct slab_chunk *chunk;

	assert(slab_is_used(slab, index));

	chunk = slab->chunk[number];
	chunk->used[index % SLAB_CHUNK_ENTRIES / 64] &= ~(UINT64_C(1) << index % 64);
	chunk->n_used--;
	slab->n_used--;
	set_open(slab, number, true);
	slab->lowest_open = min_u32(slab->lowest_open, number);

	if (chunk->n_used == 0 && is_empty(slab, block_begin(number)))
		keep_or_remove(slab, block_begin(number));
}

uint32_t slab_next(const struct slab *slab, uint32_t from)
{
	uint32_t first_word = from % SLAB_CHUNK_ENTRIES / 64;
	uint64_t mask = UINT64_MAX << from % 64;

	for (uint32_t i = from >> SLAB_CHUNK_BITS; i < slab->n_chunks; i++) {
		const struct slab_chunk *chunk = slab->chunk[i];
		uint32_t end = chunk != NULL ? WORDS_PER_CHUNK : 0;

		for (uint32_t word = first_word; word < end; word++) {
			uint64_t used = chunk->used[word] & mask;

			if (used != 0)
				return i << SLAB_CHUNK_BITS |
				       (word * 64 + (uint32_t)__builtin_ctzll(used));
			mask = UINT64_MAX;
		}
		first_word = 0;
		mask = UINT64_MAX;
	}
	return SLAB_NONE;
}

size_t slab_memory(const struct slab *slab)
{
	return slab->n_present * chunk_size(slab) + slab->chunk_capacity * sizeof(*slab->chunk) +
	       slab->chunk_capacity / 64 * sizeof(*slab->open);
}

static bool check_chunk(const struct slab *slab, uint32_t number)
{
	const struct slab_chunk *chunk = slab->chunk[number];
	uint32_t n_bits = 0;

	if (chunk == NULL)
		return !is_open(slab, number) && number + 1 < slab->n_chunks;
	for (uint32_t word = 0; word < WORDS_PER_CHUNK; word++)
		n_bits += (uint32_t)__builtin_popcountll(chunk->used[word]);
	if (n_bits != chunk->n_used)
		return false;
	if (is_open(slab, number) != (n_bits < SLAB_CHUNK_ENTRIES))
		return false;
	return !is_open(slab, number) || number >= slab->lowest_open;
}

/* All chunks of it are there, or none. */
static bool check_block(const struct slab *slab, uint32_t begin)
{
	const uint8_t *block = (const void *)slab->chunk[begin];

	for (uint32_t i = begin + 1; i < slab_block_end(begin); i++) {
		const uint8_t *chunk = (const void *)slab->chunk[i];

		if (chunk != (block ? block + (i - begin) * chunk_size(slab) : NULL))
			return false;
	}
	return block == NULL || is_empty(slab, begin) == (begin == slab->empty_block);
}

bool slab_check(const struct slab *slab)
{
	uint32_t n_used = 0;
	uint32_t n_present = 0;

	if (slab->n_chunks > slab->chunk_capacity)
		return false;
	for (uint32_t i = 0; i < slab->n_chunks; i++) {
		if (!check_chunk(slab, i))
			return false;
		if (slab->chunk[i] == NULL)
			continue;
		n_used += slab->chunk[i]->n_used;
		n_present++;
	}
	for (uint32_t i = 0; i < slab->n_chunks; i = slab_block_end(i)) {
		if (slab_block_end(i) > slab->n_chunks || !check_block(slab, i))
			return false;
	}
	for (uint32_t i = slab->n_chunks; i < slab->chunk_capacity; i++) {
		if (is_open(slab, i))
			return false;
	}
	return n_used == slab->n_used && n_present == slab->n_present &&
	       (slab->empty_block == SLAB_NONE ||
		(slab->empty_block < slab->n_chunks && slab->chunk[slab->empty_block] != NULL));
}
