/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a set of IPv4 addresses has in the kernel, element by element, and the least that has to
 * change in it. Pure: no system calls.
 *
 * An element is a range, and is taken out just as it was put in. Elements may touch each other: one
 * that is still wanted is not taken out to be merged with a new neighbour, as then nobody would
 * find it for a moment. All arrays are of struct addr4_range, sorted, and without overlaps.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "daemon/core/addr4_ranges.h"

struct rules_difference {
	GArray *gone;  /* elements to take out */
	GArray *fresh; /* then, elements to put in */
	bool gap;      /* some of fresh was in gone: for a moment it is in neither */
};

/* What makes a set that has these elements one that has the wanted ranges, and no others. The
 * caller ends *ret with rules_difference_deinit(). */
void rules_elements_compare(const GArray *elements, const GArray *wanted,
			    struct rules_difference *ret);
/* A zeroed one is nothing. */
void rules_difference_deinit(struct rules_difference *difference);

/* The elements afterwards. g_array_unref() */
GArray *rules_elements_after(const GArray *elements, const struct rules_difference *difference);
