/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines of slab entries in a hierarchical timing wheel.
 *
 * An entry is filed in a slot by its deadline; filing, refiling and removing are O(1), whatever the
 * deadline. The wheel never calls an entry due before its deadline, and at most WHEEL_TICK_MS
 * after it, provided that somebody asks. Expiry is lazy: a packet only writes a later deadline into
 * its own entry; when the old one comes due the owner files it again (see session.c).
 *
 * The links live in the entry (link_offset), two indices; a value from WHEEL_SLOT_BASE up stands
 * for the head of a slot.
 */
#pragma once

#include "daemon/core/slab.h"

#define WHEEL_TICK_MS   256
#define WHEEL_LEVELS    4
#define WHEEL_SLOTS     64
#define WHEEL_SLOT_BASE (SLAB_NONE - WHEEL_LEVELS * WHEEL_SLOTS)

struct wheel_link {
	uint32_t prev;
	uint32_t next;
};

struct wheel {
	const struct slab *entries;
	size_t link_offset;
	uint64_t tick; /* the first tick not yet worked off */
	struct wheel_link slot[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t occupied[WHEEL_LEVELS]; /* bit per slot */
};

void wheel_init(struct wheel *wheel, const struct slab *entries, size_t link_offset,
		uint64_t now_ms);

/* The entry must not be filed. Deadlines beyond the wheel's span (about 49 days) come due early
 * and are to be filed again by the owner, like any other whose time has moved. */
void wheel_add(struct wheel *wheel, uint32_t index, uint64_t deadline_ms);
void wheel_remove(struct wheel *wheel, uint32_t index);

/*
 * Takes out one entry whose filed deadline has passed, or SLAB_NONE if there is none at now_ms.
 * now_ms never goes back. Work per call is bounded by the slots passed over plus one entry moved.
 */
uint32_t wheel_take_due(struct wheel *wheel, uint64_t now_ms);

/* No entry comes due before this; UINT64_MAX if the wheel is empty. */
uint64_t wheel_next_deadline(const struct wheel *wheel);

bool wheel_check(const struct wheel *wheel);
