/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port numbers as ranges and classes: which ones an entry of pool4 allows, and which ones suit a
 * client's port (P-6 to P-8). Which ones are in use is port_set.h's.
 */
#pragma once

#include <stddef.h>

#include "daemon/core/addr.h"

struct port_range {
	uint16_t first; /* <= last */
	uint16_t last;
};

/* Sorted, disjoint, not adjacent. An entry with more ranges than this is refused. */
#define PORT_RANGES_MAX 64

/* Holds every clause of port_ranges_parse(). */
#define PORTS_ERROR_SIZE 128

struct port_ranges {
	struct port_range range[PORT_RANGES_MAX];
	uint32_t n_ranges;
};

/* "1024-65535", "80 443 8000-8080": separated by spaces or commas. Overlapping and adjacent ranges
 * are merged. On failure returns one clause that says why ("80-70 is reversed"), in buffer, and
 * *ret is untouched; else NULL. */
const char *port_ranges_parse(const char *text, struct port_ranges *ret, char *buffer, size_t size);
/* "80 443 8000-8080"; cut with "..." if it does not fit. Returns buffer. */
const char *port_ranges_print(const struct port_ranges *ranges, char *buffer, size_t size);
/* False, and nothing has changed, if it would take more than PORT_RANGES_MAX ranges. */
bool port_ranges_add(struct port_ranges *ranges, uint16_t first, uint16_t last);
bool port_ranges_remove(struct port_ranges *ranges, uint16_t first, uint16_t last);
/* Takes out what others does not have; for ranges that stay few. */
void port_ranges_keep(struct port_ranges *ranges, const struct port_ranges *others);
bool port_ranges_contain(const struct port_ranges *ranges, uint16_t port);
bool port_ranges_overlap(const struct port_ranges *a, const struct port_ranges *b);
bool port_ranges_equal(const struct port_ranges *a, const struct port_ranges *b);
uint32_t port_ranges_count(const struct port_ranges *ranges);
/* What a range list must be, for lists that did not come from these functions. */
bool port_ranges_are_valid(const struct port_ranges *ranges);

/*
 * What an external port should be like (P-6, P-7, P-12): of the range 0-1023 or 1024-65535, even
 * or odd. The order in which to give these up is P-8's (tests/vectors/port_class.csv).
 */
struct port_class {
	uint16_t first;
	uint16_t last;
	int8_t parity; /* 0 even, 1 odd, -1 any */
};

/* Every port. */
extern const struct port_class port_class_any;

#define PORT_CLASSES_MAX 4

/* The classes to try in turn for a client's port; returns how many. parity: Translation.Parity. */
unsigned port_classes(enum protocol protocol, uint16_t client_port, bool parity,
		      struct port_class ret[PORT_CLASSES_MAX]);

/* A number, or a share of something: 2048 or 50%. */
struct port_share {
	uint32_t value;
	bool is_percent;
};

/* The number that it stands for of so many; a share is rounded up. */
uint64_t port_share_of(const struct port_share *share, uint64_t n);

bool port_class_contains(const struct port_class *class, uint16_t port);
