/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the writer of an unknown name may have meant: the nearest known one by edit distance,
 * without regard to case. For "did you mean". */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* The nearest so far; begin with {.written = the unknown name}. */
struct near {
	const char *written;
	const void *best; /* NULL: nothing has been compared */
	unsigned distance;
};

/* known is the name of what. The first of several that are as near stays. */
void near_consider(struct near *near, const char *known, const void *what);
/* The best, or NULL if even that is too far away: a third of the word may be wrong, and always one
 * letter. */
const void *near_found(const struct near *near);

/*
 * How many letters must be changed, inserted, left out or swapped with their neighbour to make b of
 * a; UINT_MAX if one is too long.
 */
unsigned near_distance(const char *a, const char *b);
