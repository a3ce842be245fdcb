/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of one (address, protocol) that are in use, and the random choice among the others.
 *
 * The set has three forms and grows through them: a few ports in place, a sorted array on the heap,
 * and above PORT_SET_BITMAP ports a bitmap of 8 KiB; it shrinks back with hysteresis. So one
 * binding on each of a million addresses costs 16 bytes an address, and a busy address never more
 * than 8 KiB.
 */
#pragma once

#include "daemon/core/ports.h"
#include "daemon/core/random.h"

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
	uint32_t capacity; /* private: of the array; 0 = in place, PORT_SET_ALL = bitmap */
};

/* A zeroed set is empty. */
void port_set_deinit(struct port_set *set);
bool port_set_contains(const struct port_set *set, uint16_t port);

/* False without memory, or if the port is in use already. */
bool port_set_add(struct port_set *set, uint16_t port);
/* The port is in use. Needs no memory. */
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

/* The same among the ports of the set itself. False if none of them lies in ranges. */
bool port_set_draw_member(const struct port_set *set, const struct port_ranges *ranges,
			  struct random *random, uint16_t *ret);

/* Bytes on the heap. */
size_t port_set_memory(const struct port_set *set);
bool port_set_check(const struct port_set *set);
