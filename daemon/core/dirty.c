/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See dirty.h.
 *
 * Invariants (dirty_check): a word's bit in summary is set if and only if a position of it is
 * changed; n_changed counts them.
 */
#include "daemon/core/dirty.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_WORDS 64

void dirty_deinit(struct dirty *dirty)
{
	if (!dirty)
		return;
	free(dirty->changed);
	free(dirty->stored);
	free(dirty->summary);
	*dirty = (struct dirty){0};
}

static bool grow(uint64_t **bits, size_t n_old, size_t n_new)
{
	uint64_t *grown = realloc(*bits, n_new * sizeof(*grown));

	if (!grown)
		return false;
	memset(grown + n_old, 0, (n_new - n_old) * sizeof(*grown));
	*bits = grown;
	return true;
}

static bool reserve(struct dirty *dirty, uint32_t index)
{
	uint32_t n_words = dirty->n_words ? dirty->n_words : FIRST_WORDS;

	while (n_words <= index / 64)
		n_words *= 2;
	if (n_words == dirty->n_words)
		return true;
	if (!grow(&dirty->changed, dirty->n_words, n_words) ||
	    !grow(&dirty->stored, dirty->n_words, n_words) ||
	    !grow(&dirty->summary, dirty->n_words / 64, n_words / 64))
		return false;
	dirty->n_words = n_words;
	return true;
}

bool dirty_reserve(struct dirty *dirty, uint32_t index)
{
	return !dirty->on || index / 64 < dirty->n_words || reserve(dirty, index);
}

static uint64_t bit_of(uint32_t index)
{
	return UINT64_C(1) << index % 64;
}

void dirty_set(struct dirty *dirty, uint32_t index)
{
	uint64_t *word = &dirty->changed[index / 64];

	assert(index / 64 < dirty->n_words);
	dirty->n_changed += !(*word & bit_of(index));
	*word |= bit_of(index);
	dirty->summary[index / 64 / 64] |= bit_of(index / 64);
}

static void clear(struct dirty *dirty, uint32_t index)
{
	uint64_t *word = &dirty->changed[index / 64];

	assert(index / 64 < dirty->n_words);
	dirty->n_changed -= (*word & bit_of(index)) != 0;
	*word &= ~bit_of(index);
	if (*word == 0)
		dirty->summary[index / 64 / 64] &= ~bit_of(index / 64);
}

void dirty_gone(struct dirty *dirty, uint32_t index)
{
	if (!dirty->on)
		return;
	if (dirty->stored[index / 64] & bit_of(index))
		dirty_set(dirty, index);
	else
		clear(dirty, index);
}

uint32_t dirty_next(const struct dirty *dirty, uint32_t from)
{
	uint32_t word = from / 64;
	uint64_t found;

	if (word >= dirty->n_words)
		return SLAB_NONE;
	found = dirty->changed[word] & UINT64_MAX << from % 64;
	if (found)
		return word * 64 + (uint32_t)__builtin_ctzll(found);
	word++;
	for (uint32_t i = word / 64; i < dirty->n_words / 64; i++) {
		found = dirty->summary[i] & (i == word / 64 ? UINT64_MAX << word % 64 : UINT64_MAX);
		if (!found)
			continue;
		word = i * 64 + (uint32_t)__builtin_ctzll(found);
		return word * 64 + (uint32_t)__builtin_ctzll(dirty->changed[word]);
	}
	return SLAB_NONE;
}

static void set_stored(struct dirty *dirty, uint32_t index, bool stored)
{
	if (stored)
		dirty->stored[index / 64] |= bit_of(index);
	else
		dirty->stored[index / 64] &= ~bit_of(index);
}

void dirty_take(struct dirty *dirty, uint32_t index, bool exists)
{
	clear(dirty, index);
	set_stored(dirty, index, exists);
}

/* There may be a row now which there was not before: removing one that is not there does no harm.
 */
void dirty_take_back(struct dirty *dirty, uint32_t index)
{
	dirty_set(dirty, index);
	set_stored(dirty, index, true);
}

void dirty_is_stored(struct dirty *dirty, uint32_t index)
{
	if (dirty->on)
		dirty_take(dirty, index, true);
}

bool dirty_begin(struct dirty *dirty, const struct slab *slab)
{
	if (slab->n_chunks > 0 && !reserve(dirty, slab->n_chunks * SLAB_CHUNK_ENTRIES - 1))
		return false;
	dirty->on = true;
	dirty->n_changed = 0;
	if (dirty->n_words == 0)
		return true;
	memset(dirty->changed, 0, dirty->n_words * sizeof(*dirty->changed));
	memset(dirty->stored, 0, dirty->n_words * sizeof(*dirty->stored));
	memset(dirty->summary, 0, dirty->n_words / 64 * sizeof(*dirty->summary));
	for (uint32_t i = 0; i < slab->n_chunks; i++) {
		const struct slab_chunk *chunk = slab->chunk[i];

		for (uint32_t word = 0; chunk && word < SLAB_CHUNK_ENTRIES / 64; word++) {
			uint32_t at = i * (SLAB_CHUNK_ENTRIES / 64) + word;

			if (chunk->used[word] == 0)
				continue;
			dirty->changed[at] = chunk->used[word];
			dirty->summary[at / 64] |= bit_of(at);
			dirty->n_changed += (uint32_t)__builtin_popcountll(chunk->used[word]);
		}
	}
	return true;
}

bool dirty_begin_stored(struct dirty *dirty, const struct slab *slab)
{
	if (!dirty_begin(dirty, slab))
		return false;
	dirty->n_changed = 0;
	if (dirty->n_words == 0)
		return true;
	memcpy(dirty->stored, dirty->changed, dirty->n_words * sizeof(*dirty->stored));
	memset(dirty->changed, 0, dirty->n_words * sizeof(*dirty->changed));
	memset(dirty->summary, 0, dirty->n_words / 64 * sizeof(*dirty->summary));
	return true;
}

void dirty_end(struct dirty *dirty)
{
	dirty_deinit(dirty);
}

size_t dirty_memory(const struct dirty *dirty)
{
	return ((size_t)dirty->n_words * 2 + dirty->n_words / 64) * sizeof(uint64_t);
}

bool dirty_check(const struct dirty *dirty)
{
	uint32_t n_changed = 0;

	for (uint32_t i = 0; i < dirty->n_words; i++) {
		bool summary = (dirty->summary[i / 64] & bit_of(i)) != 0;

		if (summary != (dirty->changed[i] != 0))
			return false;
		n_changed += (uint32_t)__builtin_popcountll(dirty->changed[i]);
	}
	return n_changed == dirty->n_changed;
}
