/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See wheel.h.
 *
 * Theory of operation. Time is counted in ticks, and a tick is read as a number of base 64. An
 * entry is filed at the level of the highest digit in which its tick differs from the current one,
 * in the slot of that digit: level 0 holds the rest of these 64 ticks one by one, level 1 the rest
 * of these 64 * 64 in steps of 64, and so on. The highest level is a circle: it takes everything
 * that is less than one turn away, and what is further in the slot that comes last.
 *
 * When the current tick arrives at the beginning of a slot above level 0, the entries in it agree
 * in one more digit, and are moved to a lower level (the far ones maybe to the same again). This
 * is done one entry at a time, and before anything due at that tick is handed out; a budget may
 * stop it at any point, then the wheel's tick stands still until it is finished. An entry is moved
 * at most once for each level. Ticks and slots with nothing in them are jumped over by the bitmaps.
 *
 * Invariants (wheel_check): no entry's tick is before the current one; in the levels 0 to 2 every
 * entry stands where place() would put it, or in the slot that is just being moved; in the highest
 * one its slot begins at or before its tick. occupied tells exactly the slots that are not empty.
 */
#include "daemon/core/wheel.h"

#include "daemon/core/minmax.h"

#define TOP      (WHEEL_LEVELS - 1)
#define NO_EVENT UINT64_MAX

static struct wheel_link *link_at(const struct wheel *wheel, uint32_t index)
{
	uint8_t *entry = slab_at(wheel->entries, index);

	return (struct wheel_link *)(void *)(entry + wheel->link_offset);
}

static unsigned digit(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> level * WHEEL_SLOT_BITS) % WHEEL_SLOTS;
}

static uint32_t head_index(unsigned level, unsigned slot)
{
	return WHEEL_SLOT_BASE + level * WHEEL_SLOTS + slot;
}

static bool is_head(uint32_t index)
{
	return index >= WHEEL_SLOT_BASE && index != SLAB_NONE;
}

static uint32_t *prev_of(struct wheel *wheel, uint32_t index)
{
	uint32_t head = index - WHEEL_SLOT_BASE;

	if (is_head(index))
		return &wheel->slot[head / WHEEL_SLOTS][head % WHEEL_SLOTS].prev;
	return &link_at(wheel, index)->prev;
}

static uint32_t *next_of(struct wheel *wheel, uint32_t index)
{
	uint32_t head = index - WHEEL_SLOT_BASE;

	if (is_head(index))
		return &wheel->slot[head / WHEEL_SLOTS][head % WHEEL_SLOTS].next;
	return &link_at(wheel, index)->next;
}

void wheel_init(struct wheel *wheel, const struct slab *entries, size_t link_offset,
		uint64_t now_ms)
{
	assert(link_offset + sizeof(struct wheel_link) <= entries->entry_size);

	*wheel = (struct wheel){
		.entries = entries,
		.link_offset = link_offset,
		.tick = now_ms / WHEEL_TICK_MS,
	};
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
			uint32_t head = head_index(level, slot);

			wheel->slot[level][slot] = (struct wheel_head){head, head};
		}
	}
}

/* Rounded up: never early. */
static uint32_t tick_of(uint64_t deadline_ms)
{
	uint64_t tick = deadline_ms / WHEEL_TICK_MS + (deadline_ms % WHEEL_TICK_MS != 0);

	return (uint32_t)min_u64(tick, UINT32_MAX);
}

static void place(const struct wheel *wheel, uint64_t tick, unsigned *ret_level, unsigned *ret_slot)
{
	uint64_t difference = tick ^ wheel->tick;
	unsigned top_shift = TOP * WHEEL_SLOT_BITS;
	unsigned level = 0;

	while (level < TOP && difference >> (level + 1) * WHEEL_SLOT_BITS != 0)
		level++;
	*ret_level = level;
	*ret_slot = digit(tick, level);
	if (level == TOP && (tick >> top_shift) - (wheel->tick >> top_shift) >= WHEEL_SLOTS)
		*ret_slot = (digit(wheel->tick, TOP) + WHEEL_SLOTS - 1) % WHEEL_SLOTS;
}

/* Files at the end of the slot's list. */
static void file(struct wheel *wheel, uint32_t index, uint32_t tick)
{
	struct wheel_link *link = link_at(wheel, index);
	struct wheel_head *head;
	uint32_t self;
	unsigned level;
	unsigned slot;

	place(wheel, tick, &level, &slot);
	head = &wheel->slot[level][slot];
	self = head_index(level, slot);

	*link = (struct wheel_link){.prev = head->prev, .next = self, .tick = tick};
	*next_of(wheel, head->prev) = index;
	head->prev = index;
	wheel->occupied[level] |= UINT64_C(1) << slot;
}

void wheel_add(struct wheel *wheel, uint32_t index, uint64_t deadline_ms)
{
	uint32_t tick = tick_of(deadline_ms);

	file(wheel, index, (uint32_t)max_u64(tick, wheel->tick));
}

void wheel_remove(struct wheel *wheel, uint32_t index)
{
	struct wheel_link *link = link_at(wheel, index);
	uint32_t head;

	assert(wheel_is_filed(link));

	*next_of(wheel, link->prev) = link->next;
	*prev_of(wheel, link->next) = link->prev;
	if (link->prev == link->next) {
		head = link->prev - WHEEL_SLOT_BASE;
		wheel->occupied[head / WHEEL_SLOTS] &= ~(UINT64_C(1) << head % WHEEL_SLOTS);
	}
	wheel_link_init(link);
}

bool wheel_is_earlier(const struct wheel_link *link, uint64_t deadline_ms)
{
	return tick_of(deadline_ms) < link->tick;
}

/* The tick at which the next slot behind the current ones begins, or NO_EVENT. The nearest is on
 * the lowest level that has one. */
static uint64_t next_event(const struct wheel *wheel)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = level * WHEEL_SLOT_BITS;
		unsigned now = digit(wheel->tick, level);
		uint64_t ahead = now + 1 < WHEEL_SLOTS ? wheel->occupied[level] >> (now + 1) : 0;
		uint64_t steps = 0;

		if (ahead != 0)
			steps = 1 + (uint64_t)__builtin_ctzll(ahead);
		else if (level == TOP && wheel->occupied[level] != 0)
			steps = WHEEL_SLOTS - now +
				(uint64_t)__builtin_ctzll(wheel->occupied[level]);
		if (steps != 0)
			return ((wheel->tick >> shift) + steps) << shift;
	}
	return NO_EVENT;
}

/* The highest level whose current slot holds something; that is then the slot at whose beginning
 * the current tick stands. False if there is none. */
static bool find_pending(const struct wheel *wheel, unsigned *ret_level)
{
	for (unsigned level = WHEEL_LEVELS; level-- > 0;) {
		if (wheel->occupied[level] >> digit(wheel->tick, level) & 1) {
			*ret_level = level;
			return true;
		}
	}
	return false;
}

uint32_t wheel_take_due(struct wheel *wheel, uint64_t now_ms, unsigned *budget)
{
	uint64_t target = now_ms / WHEEL_TICK_MS;
	unsigned level;
	uint64_t event;

	while (wheel->tick <= target) {
		while (*budget > 0 && find_pending(wheel, &level)) {
			uint32_t index = wheel->slot[level][digit(wheel->tick, level)].next;
			uint32_t tick = link_at(wheel, index)->tick;

			(*budget)--;
			wheel_remove(wheel, index);
			if (level == 0)
				return index;
			file(wheel, index, tick);
		}
		if (find_pending(wheel, &level))
			return SLAB_NONE;

		event = next_event(wheel);
		if (event > target) {
			wheel->tick = target;
			return SLAB_NONE;
		}
		wheel->tick = event;
	}
	return SLAB_NONE;
}

uint64_t wheel_next_deadline(const struct wheel *wheel)
{
	unsigned level;
	uint64_t event;

	if (find_pending(wheel, &level))
		return wheel->tick * WHEEL_TICK_MS;
	event = next_event(wheel);
	return event == NO_EVENT ? UINT64_MAX : event * WHEEL_TICK_MS;
}

static bool check_place(const struct wheel *wheel, uint32_t tick, unsigned level, unsigned slot)
{
	unsigned top_shift = TOP * WHEEL_SLOT_BITS;
	unsigned right_level;
	unsigned right_slot;
	uint64_t turns;

	if (tick < wheel->tick)
		return false;
	if (slot == digit(wheel->tick, level))
		return true; /* due, or just being moved */
	if (level == TOP) {
		turns = (slot + WHEEL_SLOTS - digit(wheel->tick, TOP)) % WHEEL_SLOTS;
		return ((wheel->tick >> top_shift) + turns) << top_shift <= tick;
	}
	place(wheel, tick, &right_level, &right_slot);
	return level == right_level && slot == right_slot;
}

static bool check_slot(const struct wheel *wheel, unsigned level, unsigned slot)
{
	const struct wheel_head *head = &wheel->slot[level][slot];
	uint32_t self = head_index(level, slot);
	uint32_t prev = self;
	uint32_t index = head->next;
	uint32_t n = 0;

	if ((wheel->occupied[level] >> slot & 1) != (head->next != self))
		return false;
	while (index != self) {
		const struct wheel_link *link;

		if (!slab_is_used(wheel->entries, index) || ++n > wheel->entries->n_used)
			return false;
		link = link_at(wheel, index);
		if (link->prev != prev || !check_place(wheel, link->tick, level, slot))
			return false;
		prev = index;
		index = link->next;
	}
	return head->prev == prev;
}

bool wheel_check(const struct wheel *wheel)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
			if (!check_slot(wheel, level, slot))
				return false;
		}
	}
	return true;
}
