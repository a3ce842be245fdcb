/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seed of a random test: one of its own, or NAT64D_SEED, which repeats a run that failed. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint32_t seed_of_run(uint32_t own)
{
	const char *text = g_getenv("NAT64D_SEED");

	return text != NULL ? (uint32_t)strtoul(text, NULL, 0) : own;
}

/* Ends the test, if the condition does not hold, with what repeats the run and where it was then.
 */
static inline void seed_holds(bool holds, const char *condition, uint32_t own, unsigned packet)
{
	if (!holds)
		g_error("NAT64D_SEED=%u, packet %u: %s", seed_of_run(own), packet, condition);
}
