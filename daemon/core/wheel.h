/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines of slab entries in a hierarchical timing wheel.
 *
 * An entry is filed in a slot by its deadline; filing, refiling and removing are O(1), whatever the
 * deadline. The wheel never calls an entry due before its deadline, and at most WHEEL_TICK_MS
 * after it, provided that somebody asks. Expiry is lazy: a packet only writes a later deadline into
 * its own entry; when the old one comes due the owner files it again (see session.c).
 *
 * The link lives in the entry (link_offset): two indices, where a value from WHEEL_SLOT_BASE up
 * stands for the head of a slot, and the deadline under which the entry is filed.
 */
#pragma once

#include "daemon/core/slab.h"

#define WHEEL_TICK_MS   256
#define WHEEL_LEVELS    4
#define WHEEL_SLOT_BITS 6
#define WHEEL_SLOTS     (1u << WHEEL_SLOT_BITS)
#define WHEEL_SLOT_BASE (SLAB_NONE - WHEEL_LEVELS * WHEEL_SLOTS)

struct wheel_link {
	uint32_t prev; /* SLAB_NONE: not filed */
	uint32_t next;
	uint32_t tick; /* due from this tick on */
};

/* What a slot's list begins and ends with. */
struct wheel_head {
	uint32_t prev;
	uint32_t next;
};

struct wheel {
	const struct slab *entries;
	size_t link_offset;
	uint64_t tick; /* everything before this one is worked off */
	struct wheel_head slot[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t occupied[WHEEL_LEVELS]; /* bit per slot */
};

void wheel_init(struct wheel *wheel, const struct slab *entries, size_t link_offset,
		uint64_t now_ms);

/* The entry must not be filed: a new one's link is set up by wheel_link_init() or by this.
 * Deadlines beyond 2^32 ticks of the clock (34 years) come due early. */
void wheel_add(struct wheel *wheel, uint32_t index, uint64_t deadline_ms);
void wheel_remove(struct wheel *wheel, uint32_t index);

static inline void wheel_link_init(struct wheel_link *link)
{
	link->prev = SLAB_NONE;
	link->next = SLAB_NONE;
}

static inline bool wheel_is_filed(const struct wheel_link *link)
{
	return link->prev != SLAB_NONE;
}

/* Would deadline_ms come due before the deadline under which the entry is filed? */
bool wheel_is_earlier(const struct wheel_link *link, uint64_t deadline_ms);

/*
 * Takes out one entry whose filed deadline has passed, or SLAB_NONE if there is none at now_ms.
 * now_ms never goes back. *budget counts down for every entry taken out or moved on the way, and 0
 * ends the search: the next call goes on from there.
 */
uint32_t wheel_take_due(struct wheel *wheel, uint64_t now_ms, unsigned *budget);

/* Nothing comes due and nothing is to be moved before this; UINT64_MAX if the wheel is empty. */
uint64_t wheel_next_deadline(const struct wheel *wheel);

bool wheel_check(const struct wheel *wheel);
