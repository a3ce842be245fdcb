/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which positions of a slab differ from what has been stored of them: the write-behind of bindings
 * and sessions (O-13). Two bits for each position, so it is bounded, and whatever happens to an
 * entry between two flushes is one change: what is born and dies between them is none at all.
 *
 * changed: the row is not as the entry is. stored: there may be a row. The entry's table marks, the
 * flush takes (persist.h). Off, nothing is marked and no memory is taken.
 *
 * Lock: that of the slab.
 */
#pragma once

#include "daemon/core/slab.h"

struct dirty {
	uint64_t *changed; /* bit per position */
	uint64_t *stored;
	uint64_t *summary; /* bit per word of changed that is not zero */
	uint32_t n_words;  /* of changed; a multiple of 64 */
	uint32_t n_changed;
	bool on;
};

void dirty_deinit(struct dirty *dirty);

/* Room for this position, so that marking it never fails. False without memory. */
bool dirty_reserve(struct dirty *dirty, uint32_t index);
/* The entry there is new, or is not what it was. */
void dirty_set(struct dirty *dirty, uint32_t index);
/* It is gone. */
void dirty_gone(struct dirty *dirty, uint32_t index);

static inline void dirty_mark(struct dirty *dirty, uint32_t index)
{
	if (dirty->on)
		dirty_set(dirty, index);
}

/* The first changed position >= from, or SLAB_NONE. */
uint32_t dirty_next(const struct dirty *dirty, uint32_t from);
/* What is there now is going to be stored: a row, or that there is none. */
void dirty_take(struct dirty *dirty, uint32_t index, bool exists);
/* What was taken has not been stored after all. */
void dirty_take_back(struct dirty *dirty, uint32_t index);
/* There is a row, and it is as the entry is. */
void dirty_is_stored(struct dirty *dirty, uint32_t index);

/* Turns it on, with nothing stored: all that the slab has is changed. False without memory, and
 * then it is as before. */
bool dirty_begin(struct dirty *dirty, const struct slab *slab);

/* The same with all of it stored, and nothing changed. */
bool dirty_begin_stored(struct dirty *dirty, const struct slab *slab);
/* Turns it off, and gives back its memory. */
void dirty_end(struct dirty *dirty);

/* There may be a row of this position, as it is or as it was. It is on. */
static inline bool dirty_has_row(const struct dirty *dirty, uint32_t index)
{
	return index / 64 < dirty->n_words && dirty->stored[index / 64] >> index % 64 & 1;
}
static inline bool dirty_is_changed(const struct dirty *dirty, uint32_t index)
{
	return index / 64 < dirty->n_words && dirty->changed[index / 64] >> index % 64 & 1;
}

size_t dirty_memory(const struct dirty *dirty);
bool dirty_check(const struct dirty *dirty);
