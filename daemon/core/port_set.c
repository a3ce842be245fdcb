/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/port_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The capacity that stands for a bitmap. */
#define PORT_SET_ALL 65536u
#define BITMAP_WORDS (PORT_SET_ALL / 64)

/* The first array. */
#define ARRAY_MIN 8

/* Blind draws before the free ports are counted: with half of the ports in use, one in 256
 * allocations counts. Where counting looks at a few ports only, it is done at once. */
#define DRAWS       8
#define COUNTED_MAX 32

static bool is_bitmap(const struct port_set *set)
{
	return set->capacity == PORT_SET_ALL;
}

/* The sorted ports of a set that is no bitmap. */
static const uint16_t *sorted_ports(const struct port_set *set)
{
	return set->capacity == 0 ? set->in_place : set->array;
}

/* Where port is among the sorted ports, or belongs. */
static uint32_t position(const struct port_set *set, uint16_t port)
{
	const uint16_t *ports = sorted_ports(set);
	uint32_t low = 0, high = set->n_used;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (ports[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void port_set_deinit(struct port_set *set)
{
	if (!set)
		return;
	if (set->capacity != 0)
		free(set->array);
	*set = (struct port_set){.n_used = 0};
}

bool port_set_contains(const struct port_set *set, uint16_t port)
{
	uint32_t at;

	if (is_bitmap(set))
		return set->bitmap[port / 64] >> (port % 64) & 1;
	at = position(set, port);
	return at < set->n_used && sorted_ports(set)[at] == port;
}

static void fill_bitmap(uint64_t *bitmap, const uint16_t *ports, uint32_t n_ports)
{
	for (uint32_t i = 0; i < n_ports; i++)
		bitmap[ports[i] / 64] |= UINT64_C(1) << (ports[i] % 64);
}

static void list_bitmap(const uint64_t *bitmap, uint16_t *ret)
{
	for (uint32_t i = 0; i < BITMAP_WORDS; i++) {
		for (uint64_t word = bitmap[i]; word != 0; word &= word - 1)
			*ret++ = (uint16_t)(i * 64 + (uint32_t)__builtin_ctzll(word));
	}
}

/* Brings the set into another form; false without memory, and nothing has changed. */
static bool resize(struct port_set *set, uint32_t capacity)
{
	struct port_set changed = {.n_used = set->n_used, .capacity = capacity};

	if (capacity == PORT_SET_ALL) {
		changed.bitmap = calloc(BITMAP_WORDS, sizeof(uint64_t));
		if (!changed.bitmap)
			return false;
		fill_bitmap(changed.bitmap, sorted_ports(set), set->n_used);
	} else {
		uint16_t *ports = changed.in_place;

		if (capacity != 0) {
			changed.array = malloc(capacity * sizeof(uint16_t));
			if (!changed.array)
				return false;
			ports = changed.array;
		}
		if (is_bitmap(set))
			list_bitmap(set->bitmap, ports);
		else
			memcpy(ports, sorted_ports(set), set->n_used * sizeof(uint16_t));
	}
	port_set_deinit(set);
	*set = changed;
	return true;
}

static bool grow(struct port_set *set)
{
	if (set->capacity == 0)
		return resize(set, ARRAY_MIN);
	if (set->capacity >= PORT_SET_BITMAP)
		return resize(set, PORT_SET_ALL);
	return resize(set, set->capacity * 2);
}

/* Smaller forms are a saving only: without memory for one the set stays as it is. */
static void shrink(struct port_set *set)
{
	if (is_bitmap(set)) {
		if (set->n_used < PORT_SET_BITMAP / 2)
			(void)resize(set, PORT_SET_BITMAP / 2);
	} else if (set->capacity == ARRAY_MIN) {
		if (set->n_used <= PORT_SET_IN_PLACE / 2)
			(void)resize(set, 0);
	} else if (set->capacity > ARRAY_MIN && set->n_used <= set->capacity / 4) {
		(void)resize(set, set->capacity / 2);
	}
}

bool port_set_add(struct port_set *set, uint16_t port)
{
	uint32_t room = set->capacity == 0 ? PORT_SET_IN_PLACE : set->capacity;
	uint16_t *ports;
	uint32_t at;

	if (port_set_contains(set, port))
		return false;
	if (set->n_used == room && !grow(set))
		return false;
	if (is_bitmap(set)) {
		set->bitmap[port / 64] |= UINT64_C(1) << (port % 64);
	} else {
		at = position(set, port);
		ports = set->capacity == 0 ? set->in_place : set->array;
		memmove(&ports[at + 1], &ports[at], (set->n_used - at) * sizeof(*ports));
		ports[at] = port;
	}
	set->n_used++;
	return true;
}

void port_set_remove(struct port_set *set, uint16_t port)
{
	uint16_t *ports;
	uint32_t at;

	assert(port_set_contains(set, port));
	set->n_used--;
	if (is_bitmap(set)) {
		set->bitmap[port / 64] &= ~(UINT64_C(1) << (port % 64));
	} else {
		at = position(set, port);
		ports = set->capacity == 0 ? set->in_place : set->array;
		memmove(&ports[at], &ports[at + 1], (set->n_used - at) * sizeof(*ports));
	}
	shrink(set);
}

/* The ports of a range that are in a class: first, first + step ... last. */
struct progression {
	uint32_t first;
	uint32_t last;
	uint32_t step;
	uint32_t n_ports;
};

static struct progression in_class(const struct port_range *range, const struct port_class *class)
{
	struct progression ret = {
		.first = range->first > class->first ? range->first : class->first,
		.last = range->last < class->last ? range->last : class->last,
		.step = class->parity < 0 ? 1 : 2,
	};

	if (class->parity >= 0)
		ret.first += (ret.first ^ (uint32_t) class->parity) & 1;
	if (ret.first <= ret.last)
		ret.n_ports = (ret.last - ret.first) / ret.step + 1;
	return ret;
}

/* The bits of word number i that belong to the progression. */
static uint64_t word_mask(const struct progression *ports, uint32_t i)
{
	uint64_t mask = UINT64_MAX;

	if (ports->step == 2)
		mask = ports->first & 1 ? UINT64_C(0xaaaaaaaaaaaaaaaa)
					: UINT64_C(0x5555555555555555);
	if (i == ports->first / 64)
		mask &= UINT64_MAX << (ports->first % 64);
	if (i == ports->last / 64)
		mask &= UINT64_MAX >> (63 - ports->last % 64);
	return mask;
}

uint32_t port_set_count(const struct port_set *set, const struct port_ranges *ranges,
			const struct port_class *class)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ranges->n_ranges; i++) {
		struct progression ports = in_class(&ranges->range[i], class);

		if (ports.n_ports == 0)
			continue;
		if (is_bitmap(set)) {
			for (uint32_t j = ports.first / 64; j <= ports.last / 64; j++)
				n += (uint32_t)__builtin_popcountll(set->bitmap[j] &
								    word_mask(&ports, j));
			continue;
		}
		for (uint32_t j = position(set, (uint16_t)ports.first);
		     j < set->n_used && sorted_ports(set)[j] <= ports.last; j++)
			n += port_class_contains(class, sorted_ports(set)[j]);
	}
	return n;
}

/* The port number k, from 0, of all that ranges and class allow. */
static uint16_t nth_port(const struct port_ranges *ranges, const struct port_class *class,
			 uint32_t k)
{
	for (uint32_t i = 0;; i++) {
		struct progression ports = in_class(&ranges->range[i], class);

		assert(i < ranges->n_ranges);
		if (k < ports.n_ports)
			return (uint16_t)(ports.first + k * ports.step);
		k -= ports.n_ports;
	}
}

/* The port number k, from 0, of those whose bit is set; flip: of those whose bit is not. */
static uint16_t nth_bit(const uint64_t *bitmap, uint64_t flip, const struct port_ranges *ranges,
			const struct port_class *class, uint32_t k)
{
	for (uint32_t i = 0;; i++) {
		struct progression ports = in_class(&ranges->range[i], class);

		assert(i < ranges->n_ranges);
		if (ports.n_ports == 0)
			continue;
		for (uint32_t j = ports.first / 64; j <= ports.last / 64; j++) {
			uint64_t word = (bitmap[j] ^ flip) & word_mask(&ports, j);
			uint32_t n = (uint32_t)__builtin_popcountll(word);

			if (k >= n) {
				k -= n;
				continue;
			}
			while (k-- > 0)
				word &= word - 1;
			return (uint16_t)(j * 64 + (uint32_t)__builtin_ctzll(word));
		}
	}
}

/* The port number k, from 0, of those that are free, by the sorted ports in use. */
static uint16_t nth_free(const struct port_set *set, const struct port_ranges *ranges,
			 const struct port_class *class, uint32_t k)
{
	const uint16_t *used = sorted_ports(set);

	for (uint32_t i = 0;; i++) {
		struct progression ports = in_class(&ranges->range[i], class);
		uint32_t n_passed = 0; /* ports in use before the one looked for */

		assert(i < ranges->n_ranges);
		if (ports.n_ports == 0)
			continue;
		for (uint32_t j = position(set, (uint16_t)ports.first);
		     j < set->n_used && used[j] <= ports.last &&
		     used[j] <= ports.first + (k + n_passed) * ports.step;
		     j++)
			n_passed += port_class_contains(class, used[j]);
		if (k + n_passed < ports.n_ports)
			return (uint16_t)(ports.first + (k + n_passed) * ports.step);
		k -= ports.n_ports - n_passed;
	}
}

/* The port number k, from 0, of those in use, by the sorted ones. */
static uint16_t nth_used(const struct port_set *set, const struct port_ranges *ranges, uint32_t k)
{
	for (uint32_t i = 0;; i++) {
		uint32_t first = position(set, ranges->range[i].first), last = first;

		assert(i < ranges->n_ranges);
		while (last < set->n_used && sorted_ports(set)[last] <= ranges->range[i].last)
			last++;
		if (k < last - first)
			return sorted_ports(set)[first + k];
		k -= last - first;
	}
}

bool port_set_draw(const struct port_set *set, const struct port_ranges *ranges,
		   const struct port_class *class, struct random *random, uint16_t *ret)
{
	uint32_t n_ports = 0, n_free;
	bool blind;

	for (uint32_t i = 0; i < ranges->n_ranges; i++)
		n_ports += in_class(&ranges->range[i], class).n_ports;
	if (n_ports == 0)
		return false;

	/* A draw that hits a free port hits each with the same probability, and so does the count
	 * that follows when none did: both together are uniform. */
	blind = set->n_used < n_ports / 2 || set->n_used > COUNTED_MAX;
	for (unsigned i = 0; blind && i < DRAWS; i++) {
		uint16_t port = nth_port(ranges, class, random_below(random, n_ports));

		if (!port_set_contains(set, port)) {
			*ret = port;
			return true;
		}
	}
	n_free = n_ports - port_set_count(set, ranges, class);
	if (n_free == 0)
		return false;
	n_free = random_below(random, n_free);
	*ret = is_bitmap(set) ? nth_bit(set->bitmap, UINT64_MAX, ranges, class, n_free)
			      : nth_free(set, ranges, class, n_free);
	return true;
}

bool port_set_draw_member(const struct port_set *set, const struct port_ranges *ranges,
			  struct random *random, uint16_t *ret)
{
	uint32_t n = port_set_count(set, ranges, &port_class_any);

	if (n == 0)
		return false;
	n = random_below(random, n);
	*ret = is_bitmap(set) ? nth_bit(set->bitmap, 0, ranges, &port_class_any, n)
			      : nth_used(set, ranges, n);
	return true;
}

size_t port_set_memory(const struct port_set *set)
{
	if (set->capacity == 0)
		return 0;
	return is_bitmap(set) ? BITMAP_WORDS * sizeof(uint64_t) : set->capacity * sizeof(uint16_t);
}

bool port_set_check(const struct port_set *set)
{
	uint32_t n_used = 0;

	if (is_bitmap(set)) {
		for (uint32_t i = 0; i < BITMAP_WORDS; i++)
			n_used += (uint32_t)__builtin_popcountll(set->bitmap[i]);
		return n_used == set->n_used;
	}
	if (set->n_used > (set->capacity == 0 ? PORT_SET_IN_PLACE : set->capacity))
		return false;
	for (uint32_t i = 1; i < set->n_used; i++) {
		if (sorted_ports(set)[i - 1] >= sorted_ports(set)[i])
			return false;
	}
	return true;
}
