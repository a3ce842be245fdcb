/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far the wall clock is believed when it says that a binding has ended long enough ago to be
 * forgotten (State.Retention). A boot with a dead clock, or one step of it, is not to delete a
 * history that nobody can bring back: so the clock has to be steady for an hour, against one that
 * nobody sets, and from then on a day of the history may go in each hour, from both its ends. In
 * ordinary life that is far more than has to go.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CLOSED_CLOCK_STEP_MS (60 * 1000)
#define CLOSED_CLOCK_HOUR_MS (3600 * 1000)
#define CLOSED_CLOCK_DAY_S   (24 * 3600)

/* Zeroed: it has not been looked at yet. */
struct closed_clock {
	uint64_t boot_ms; /* at the last look */
	uint64_t wall_ms;
	uint64_t since_ms; /* of the other clock: the hour that runs began */
	int64_t before_s;  /* so far things may go by now, from both ends */
	int64_t after_s;
	bool is_begun;
};

/* Looks at both clocks, CLOCK_BOOTTIME and CLOCK_REALTIME. True if it begins anew, because it is
 * the first time or the clock was set, or if an hour is over: then closed_clock_range(). */
bool closed_clock_look(struct closed_clock *clock, uint64_t boot_ms, uint64_t wall_ms);
/* Where the history begins and ends, in seconds of the wall clock; 0 and 0 if there is none: then
 * it begins at the last look. The days that may go are counted from here or from what may go
 * already, so that a gap in the history, such as behind what a dead clock has dated 1970, takes an
 * hour and not years. */
void closed_clock_range(struct closed_clock *clock, int64_t oldest_s, int64_t newest_s);
/* What has ended before one of these seconds, or after the other one, may be forgotten now. */
void closed_clock_bounds(const struct closed_clock *clock, uint32_t retention_s,
			 int64_t *ret_before_s, int64_t *ret_after_s);
