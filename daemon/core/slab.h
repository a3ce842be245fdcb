/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing array of equal entries, reached by 32-bit index.
 *
 * Entries live in chunks that never move, so an index and also a pointer stay valid until the
 * entry is freed; by rule only indices are stored (half the size, and checked by slab_at()).
 * Memory is taken a block of chunks at a time, only when it is needed, and given back as all of a
 * block becomes empty. Each of the first chunks is a block by itself, so a small table is small.
 * The others come several at once: so many that the C library takes them from the kernel and gives
 * them back by themselves (memory.h). They are not touched before their entries are, so growth
 * costs a page now and then, and what becomes empty is the kernel's again at once. A new entry
 * takes the lowest free position in the chunks that are there, so that the higher ones do become
 * empty. An entry never moves: cursors over positions (slab_next) list every entry that exists
 * throughout exactly once.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE      UINT32_MAX
#define SLAB_LIMIT_MAX (SLAB_NONE / 2)

#define SLAB_CHUNK_BITS    10
#define SLAB_CHUNK_ENTRIES (1u << SLAB_CHUNK_BITS)

/* Chunks of one block, behind as many that are blocks by themselves: with entries of 16 bytes and
 * more 64 KiB or more, so that what is lost of a block's last page is nothing; few enough that
 * giving one back is no pause. */
#define SLAB_BLOCK_CHUNKS 4u

struct slab_chunk {
	uint32_t n_used;
	uint64_t used[SLAB_CHUNK_ENTRIES / 64]; /* bit per entry */
	_Alignas(max_align_t) uint8_t data[];
};

struct slab {
	struct slab_chunk **chunk; /* NULL where a block was given back */
	uint64_t *open;            /* bit per chunk: is there and has a free entry */
	uint32_t n_chunks;
	uint32_t n_present;   /* chunks that are there */
	uint32_t empty_block; /* first chunk of the one without an entry that is kept, or SLAB_NONE
			       */
	uint32_t chunk_capacity; /* of the two arrays above; a multiple of 64 */
	uint32_t lowest_open;    /* no chunk before this one has a free entry */
	uint32_t entry_size;
	uint32_t n_used;
	uint32_t limit; /* no more entries than this, X-1; may be changed at any time */
};

/* limit 1 .. SLAB_LIMIT_MAX. Takes no memory yet. */
void slab_init(struct slab *slab, size_t entry_size, uint32_t limit);
void slab_deinit(struct slab *slab);

/* A zeroed entry, or SLAB_NONE at the limit or without memory. */
uint32_t slab_alloc(struct slab *slab);
/* The zeroed entry of this very index. False if it is in use or could not come from slab_alloc(),
 * at the limit, or without memory. */
bool slab_alloc_at(struct slab *slab, uint32_t index);
void slab_free(struct slab *slab, uint32_t index);

/* The chunk behind the block that a chunk is of. */
static inline uint32_t slab_block_end(uint32_t chunk)
{
	return (chunk < SLAB_BLOCK_CHUNKS ? chunk : chunk | (SLAB_BLOCK_CHUNKS - 1)) + 1;
}

/* Indices stay below this: the limit rounded up to whole blocks. */
static inline uint32_t slab_index_end(const struct slab *slab)
{
	return slab_block_end((slab->limit - 1) >> SLAB_CHUNK_BITS) << SLAB_CHUNK_BITS;
}

/* False also for indices that no chunk has. */
static inline bool slab_is_used(const struct slab *slab, uint32_t index)
{
	const struct slab_chunk *chunk;

	if (index >> SLAB_CHUNK_BITS >= slab->n_chunks)
		return false;
	chunk = slab->chunk[index >> SLAB_CHUNK_BITS];
	return chunk != NULL && chunk->used[index % SLAB_CHUNK_ENTRIES / 64] >> (index % 64) & 1;
}

/* On the path of every packet: whether the entry is in use is checked with sanitizers only, as the
 * bitmap is not in the cache line that the caller is about to read. */
static inline void *slab_at(const struct slab *slab, uint32_t index)
{
	struct slab_chunk *chunk;

	assert(index >> SLAB_CHUNK_BITS < slab->n_chunks);
#ifdef __SANITIZE_ADDRESS__
	assert(slab_is_used(slab, index));
#endif
	chunk = slab->chunk[index >> SLAB_CHUNK_BITS];
	assert(chunk != NULL);
	return chunk->data + (size_t)(index % SLAB_CHUNK_ENTRIES) * slab->entry_size;
}

/* A hint only, that memory is soon looked at; not written, or other processors would lose what they
 * are reading. To the compiler a function that does nothing else has no effect, and goes with all
 * that calls it: the empty statement has one. */
static inline void slab_prefetch_at(const void *address)
{
	__builtin_prefetch(address, 0);
	__asm__ volatile("");
}

/* The same of an entry, which may cross a cache line. */
static inline void slab_prefetch(const struct slab *slab, uint32_t index)
{
	const struct slab_chunk *chunk = index >> SLAB_CHUNK_BITS < slab->n_chunks
						 ? slab->chunk[index >> SLAB_CHUNK_BITS]
						 : NULL;
	const uint8_t *entry;

	if (chunk == NULL)
		return;
	entry = chunk->data + (size_t)(index % SLAB_CHUNK_ENTRIES) * slab->entry_size;
	slab_prefetch_at(entry);
	slab_prefetch_at(entry + slab->entry_size - 1);
}

/* The first used index >= from, or SLAB_NONE. */
uint32_t slab_next(const struct slab *slab, uint32_t from);

/* Bytes taken from the system. */
size_t slab_memory(const struct slab *slab);

/* Invariants; for tests. */
bool slab_check(const struct slab *slab);
