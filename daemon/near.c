/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See near.h. */
#include "daemon/near.h"

#include <glib.h>
#include <string.h>

/* Longest name that is compared; longer ones are not near anything. */
#define NAME_MAX_LENGTH 40

static bool same_letter(char a, char b)
{
	return g_ascii_tolower(a) == g_ascii_tolower(b);
}

unsigned near_distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > NAME_MAX_LENGTH || length_b > NAME_MAX_LENGTH)
		return UINT_MAX;
	for (unsigned j = 0; j <= length_b; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= length_a; i++) {
		row[i][0] = i;
		for (unsigned j = 1; j <= length_b; j++) {
			bool same = same_letter(a[i - 1], b[j - 1]);
			unsigned best = row[i - 1][j - 1] + (same ? 0 : 1);

			best = MIN(best, MIN(row[i - 1][j], row[i][j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				best = MIN(best, row[i - 2][j - 2] + 1);
			row[i][j] = best;
		}
	}
	return row[length_a][length_b];
}

void near_consider(struct near *near, const char *known, const void *what)
{
	unsigned distance = near_distance(near->written, known);

	if (near->best != NULL && distance >= near->distance)
		return;
	near->best = what;
	near->distance = distance;
}

const void *near_found(const struct near *near)
{
	if (near->best == NULL || near->distance == UINT_MAX ||
	    near->distance > MAX(1, strlen(near->written) / 3))
		return NULL;
	return near->best;
}
