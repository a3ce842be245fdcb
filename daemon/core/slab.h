/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing array of equal entries, reached by 32-bit index.
 *
 * Entries live in chunks that never move, so an index and also a pointer stay valid until the
 * entry is freed; by rule only indices are stored (half the size, and checked by slab_at()).
 * Memory is taken a chunk at a time, only when it is needed, and entries at the end are given back
 * a chunk at a time. Freed positions are used again, lowest chunk first if cheap, so that cursors
 * over positions (slab_next) list every entry that exists throughout exactly once.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

/* Entries of one chunk: enough to be rare, small enough that taking one is no pause. */
#define SLAB_CHUNK_BITS    10
#define SLAB_CHUNK_ENTRIES (1u << SLAB_CHUNK_BITS)

struct slab_chunk; /* entries behind a bitmap of the used ones */

struct slab {
	struct slab_chunk **chunk;
	uint32_t n_chunks;
	uint32_t entry_size;
	uint32_t n_used;
	uint32_t first_free; /* list through the free entries' first four bytes */
	uint32_t limit;      /* no more entries than this, X-1 */
};

/* entry_size >= 4. limit 1 .. SLAB_NONE / 2. Takes no memory yet. */
void slab_init(struct slab *slab, size_t entry_size, uint32_t limit);
void slab_deinit(struct slab *slab);

/* A zeroed entry, or SLAB_NONE at the limit or without memory. */
uint32_t slab_alloc(struct slab *slab);
void slab_free(struct slab *slab, uint32_t index);

void *slab_at(const struct slab *slab, uint32_t index);
bool slab_is_used(const struct slab *slab, uint32_t index);

/* The first used index >= from, or SLAB_NONE. */
uint32_t slab_next(const struct slab *slab, uint32_t from);

/* Bytes taken from the system. */
size_t slab_memory(const struct slab *slab);

/* Invariants; for tests. */
bool slab_check(const struct slab *slab);
