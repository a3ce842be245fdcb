/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/closed_clock.h"

#include "daemon/core/minmax.h"

static uint64_t hours(const struct closed_clock *clock)
{
	/* No history is longer than this. */
	return min_u64((clock->boot_ms - clock->since_ms) / CLOSED_CLOCK_HOUR_MS, UINT32_MAX);
}

bool closed_clock_look(struct closed_clock *clock, uint64_t boot_ms, uint64_t wall_ms)
{
	int64_t step_ms = (int64_t)(wall_ms - clock->wall_ms) - (int64_t)(boot_ms - clock->boot_ms);
	bool is_steady = step_ms >= -CLOSED_CLOCK_STEP_MS && step_ms <= CLOSED_CLOCK_STEP_MS;

	clock->boot_ms = boot_ms;
	clock->wall_ms = wall_ms;
	clock->is_begun = clock->is_begun && is_steady;
	return !clock->is_begun || hours(clock) > 0;
}

void closed_clock_range(struct closed_clock *clock, int64_t oldest_s, int64_t newest_s)
{
	const int64_t now_s = (int64_t)(clock->wall_ms / 1000);

	/* What comes into an empty one ends from now on. */
	if (oldest_s == 0 && newest_s == 0)
		oldest_s = newest_s = now_s;
	if (!clock->is_begun) {
		*clock = (struct closed_clock){
			.boot_ms = clock->boot_ms,
			.wall_ms = clock->wall_ms,
			.since_ms = clock->boot_ms,
			.before_s = oldest_s,
			.after_s = newest_s,
			.is_begun = true,
		};
		return;
	}
	const uint64_t n_hours = hours(clock);
	const int64_t more_s = (int64_t)n_hours * CLOSED_CLOCK_DAY_S;

	clock->before_s = (clock->before_s > oldest_s ? clock->before_s : oldest_s) + more_s;
	clock->after_s = (clock->after_s < newest_s ? clock->after_s : newest_s) - more_s;
	clock->since_ms += n_hours * CLOSED_CLOCK_HOUR_MS;
}

void closed_clock_bounds(const struct closed_clock *clock, uint32_t retention_s,
			 int64_t *ret_before_s, int64_t *ret_after_s)
{
	int64_t now_s = (int64_t)(clock->wall_ms / 1000);
	int64_t before_s = now_s - retention_s, after_s = now_s + retention_s;

	*ret_before_s = before_s < clock->before_s ? before_s : clock->before_s;
	*ret_after_s = after_s > clock->after_s ? after_s : clock->after_s;
}
