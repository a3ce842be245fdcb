/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/closed_clock.h"

#include "daemon/core/minmax.h"

bool closed_clock_look(struct closed_clock *clock, uint64_t boot_ms, uint64_t wall_ms)
{
	int64_t step_ms = (int64_t)(wall_ms - clock->wall_ms) - (int64_t)(boot_ms - clock->boot_ms);
	bool is_steady = clock->is_begun && step_ms >= -CLOSED_CLOCK_STEP_MS &&
			 step_ms <= CLOSED_CLOCK_STEP_MS;

	clock->boot_ms = boot_ms;
	clock->wall_ms = wall_ms;
	return !is_steady;
}

void closed_clock_begin(struct closed_clock *clock, int64_t oldest_s, int64_t newest_s)
{
	const int64_t now_s = (int64_t)(clock->wall_ms / 1000);
	bool is_empty = oldest_s == 0 && newest_s == 0;

	clock->steady_since_ms = clock->boot_ms;
	/* What comes into an empty one ends from now on. */
	clock->oldest_s = is_empty ? now_s : oldest_s;
	clock->newest_s = is_empty ? now_s : newest_s;
	clock->is_begun = true;
}

void closed_clock_bounds(const struct closed_clock *clock, uint32_t retention_s,
			 int64_t *ret_before_s, int64_t *ret_after_s)
{
	uint64_t n_hours = (clock->boot_ms - clock->steady_since_ms) / CLOSED_CLOCK_HOUR_MS;
	/* No history is longer than this. */
	int64_t allowed_s = (int64_t)min_u64(n_hours, UINT32_MAX) * CLOSED_CLOCK_DAY_S;
	int64_t now_s = (int64_t)(clock->wall_ms / 1000);
	int64_t before_s = now_s - retention_s, after_s = now_s + retention_s;

	*ret_before_s =
		before_s < clock->oldest_s + allowed_s ? before_s : clock->oldest_s + allowed_s;
	*ret_after_s =
		after_s > clock->newest_s - allowed_s ? after_s : clock->newest_s - allowed_s;
}
