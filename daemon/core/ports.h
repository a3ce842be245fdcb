/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port numbers: which ones an entry of pool4 allows, and which ones of one (address, protocol) are
 * in use.
 *
 * The set of used ports has three forms and grows through them: a few ports in place, a sorted or
 * unsorted array on the heap, and above PORT_SET_BITMAP ports a bitmap of 8 KiB; it shrinks back
 * with hysteresis. So one binding on each of a million addresses costs 16 bytes an address, and a
 * busy address never more than 8 KiB.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/random.h"

struct port_range {
	uint16_t first; /* <= last */
	uint16_t last;
};

/* Sorted, disjoint, not adjacent. An entry with more ranges than this is refused. */
#define PORT_RANGES_MAX 64

struct port_ranges {
	struct port_range range[PORT_RANGES_MAX];
	uint32_t n_ranges;
};

/* "1024-65535", "80 443 8000-8080": separated by spaces or commas. Overlapping and adjacent ranges
 * are merged. On failure returns one clause that says why ("80-70 is reversed"), else NULL. */
const char *port_ranges_parse(const char *text, struct port_ranges *ret, char *buffer, size_t size);
/* "80 443 8000-8080"; cut with "..." if it does not fit. Returns buffer. */
const char *port_ranges_print(const struct port_ranges *ranges, char *buffer, size_t size);
bool port_ranges_add(struct port_ranges *ranges, uint16_t first, uint16_t last);
bool port_ranges_remove(struct port_ranges *ranges, uint16_t first, uint16_t last);
bool port_ranges_contain(const struct port_ranges *ranges, uint16_t port);
bool port_ranges_overlap(const struct port_ranges *a, const struct port_ranges *b);
uint32_t port_ranges_count(const struct port_ranges *ranges);

/*
 * What an external port should be like (P-6, P-7, P-12): of the range 0-1023 or 1024-65535, even
 * or odd. The order in which to give these up is P-8's (tests/vectors/port_class.csv).
 */
struct port_class {
	uint16_t first;
	uint16_t last;
	int8_t parity; /* 0 even, 1 odd, -1 any */
};

#define PORT_CLASSES_MAX 4

/* The classes to try in turn for a client's port; returns how many. parity: Translation.Parity. */
unsigned port_classes(enum protocol protocol, uint16_t client_port, bool parity,
		      struct port_class ret[PORT_CLASSES_MAX]);

/* Above this a set becomes a bitmap; below half of it an array again. */
#define PORT_SET_BITMAP   1024
#define PORT_SET_IN_PLACE 4

struct port_set {
	union {
		uint16_t in_place[PORT_SET_IN_PLACE];
		uint16_t *array;
		uint64_t *bitmap;
	};
	uint32_t n_used;
	uint32_t form_and_capacity; /* private to ports.c */
};

/* A zeroed set is empty. */
void port_set_deinit(struct port_set *set);
bool port_set_contains(const struct port_set *set, uint16_t port);

/* False without memory, or if the port is in use already. */
bool port_set_add(struct port_set *set, uint16_t port);
void port_set_remove(struct port_set *set, uint16_t port);

/* Used ports that lie in ranges and class. */
uint32_t port_set_count(const struct port_set *set, const struct port_ranges *ranges,
			const struct port_class *class);

/*
 * Draws a free port out of ranges and class, each with the same probability (P-9), without taking
 * it. False if none is free. Work is bounded: a few draws, else one pass over the bitmap.
 */
bool port_set_draw(const struct port_set *set, const struct port_ranges *ranges,
		   const struct port_class *class, struct random *random, uint16_t *ret);

size_t port_set_memory(const struct port_set *set);
