/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A history is not deleted because one reading of the wall clock says so (State.Retention, L-13).
 */
#include <glib.h>

#include "schema/closed_clock.h"

#define HOUR_MS   ((uint64_t)CLOSED_CLOCK_HOUR_MS)
#define DAY_S     CLOSED_CLOCK_DAY_S
#define RETENTION (30u * DAY_S)
#define NOW_S     INT64_C(1800000000)
#define BOOT_MS   UINT64_C(5000)
#define OLDEST_S  (NOW_S - 29 * DAY_S)
#define NEWEST_S  NOW_S
#define assert_bounds(clock, before, after)                                 \
	do {                                                                \
		int64_t before_, after_;                                    \
		closed_clock_bounds((clock), RETENTION, &before_, &after_); \
		g_assert_cmpint(before_, ==, (before));                     \
		g_assert_cmpint(after_, ==, (after));                       \
	} while (0)

/* A look; true if the history is to be looked at, too, which then is as above. */
static bool look(struct closed_clock *clock, uint64_t boot_ms, int64_t wall_s)
{
	bool is_asked = closed_clock_look(clock, boot_ms, (uint64_t)wall_s * 1000);

	if (is_asked)
		closed_clock_range(clock, OLDEST_S, NEWEST_S);
	return is_asked;
}

/* A look each minute, up to so many hours from the beginning, by a clock that is not set. */
static void live(struct closed_clock *clock, int64_t wall_s, unsigned hours)
{
	for (unsigned minute = 0; minute <= hours * 60; minute++)
		g_assert_true(look(clock, BOOT_MS + minute * 60000, wall_s + minute * 60) ==
			      (minute % 60 == 0));
}

/* What is old goes, once the clock has been steady for an hour, in the very second. */
static void test_ordinary(void)
{
	struct closed_clock clock = {0};

	live(&clock, NOW_S + 2 * DAY_S, 0);
	assert_bounds(&clock, OLDEST_S, NOW_S + 32 * DAY_S);
	clock = (struct closed_clock){0};
	live(&clock, NOW_S + 2 * DAY_S, 2);
	assert_bounds(&clock, NOW_S + 2 * 3600 - 28 * DAY_S, NOW_S + 32 * DAY_S + 2 * 3600);
}

/* 1970: all lies in the future. Within an hour nothing goes, and then a day an hour. */
static void test_dead(void)
{
	struct closed_clock clock = {0};

	live(&clock, 100, 0);
	assert_bounds(&clock, 100 - (int64_t)RETENTION, NEWEST_S);
	clock = (struct closed_clock){0};
	live(&clock, 100, 3);
	assert_bounds(&clock, 100 + 3 * 3600 - (int64_t)RETENTION, NEWEST_S - 3 * DAY_S);
}

/* Ten years ahead: all is too old. */
static void test_ahead(void)
{
	struct closed_clock clock = {0};
	const int64_t wall_s = NOW_S + 3650 * DAY_S;

	live(&clock, wall_s, 0);
	assert_bounds(&clock, OLDEST_S, wall_s + RETENTION);
	clock = (struct closed_clock){0};
	live(&clock, wall_s, 5);
	assert_bounds(&clock, OLDEST_S + 5 * DAY_S, wall_s + 5 * 3600 + RETENTION);
}

/* One step, in either direction, and the hour begins anew; what NTP does in small steps is none,
 * nor is the time that the machine has slept. */
static void test_steps(void)
{
	static const int steps_s[] = {-86400, -61, 61, 86400};

	for (unsigned i = 0; i < G_N_ELEMENTS(steps_s); i++) {
		struct closed_clock clock = {0};

		live(&clock, NOW_S, 9);
		g_assert_true(look(&clock, BOOT_MS + 9 * HOUR_MS + 1000,
				   NOW_S + 9 * 3600 + 1 + steps_s[i]));
		assert_bounds(&clock, MIN(OLDEST_S, NOW_S + 9 * 3600 + 1 + steps_s[i] - RETENTION),
			      NOW_S + 9 * 3600 + 1 + steps_s[i] + RETENTION);
		g_assert_false(look(&clock, BOOT_MS + 9 * HOUR_MS + 2000,
				    NOW_S + 9 * 3600 + 2 + steps_s[i]));
	}
	struct closed_clock clock = {0};

	live(&clock, NOW_S, 1);
	g_assert_false(look(&clock, BOOT_MS + HOUR_MS + 1000, NOW_S + 3600 + 30));
	g_assert_true(look(&clock, BOOT_MS + 100 * HOUR_MS, NOW_S + 100 * 3600));
	assert_bounds(&clock, NOW_S + 100 * 3600 - (int64_t)RETENTION,
		      NOW_S + 100 * 3600 + RETENTION);
}

/* An installation that has no history yet: what comes goes when it is its time, and not before. */
static void test_empty(void)
{
	const uint64_t lived_s = RETENTION + 2 * 3600;
	struct closed_clock clock = {0};

	g_assert_true(closed_clock_look(&clock, BOOT_MS, (uint64_t)NOW_S * 1000));
	closed_clock_range(&clock, 0, 0);
	assert_bounds(&clock, NOW_S - (int64_t)RETENTION, NOW_S + RETENTION);
	for (uint64_t s = 0; s <= lived_s; s += 3600) {
		const int64_t now_s = NOW_S + (int64_t)s;

		/* The first one that has ended did so at the beginning. */
		if (closed_clock_look(&clock, BOOT_MS + s * 1000, (uint64_t)now_s * 1000))
			closed_clock_range(&clock, NOW_S, now_s);
		assert_bounds(&clock, now_s - RETENTION, now_s + RETENTION);
	}
}

/* A first boot without a clock has dated some 1970 and some into the future, and the next ones are
 * of today: when those are gone, Retention holds, and not some years later. */
static void test_gap(void)
{
	const int64_t far_s = NOW_S + INT64_C(36500) * DAY_S;
	struct closed_clock clock = {0};

	g_assert_true(closed_clock_look(&clock, BOOT_MS, (uint64_t)NOW_S * 1000));
	closed_clock_range(&clock, 100, far_s);
	assert_bounds(&clock, 100, far_s);
	g_assert_true(
		closed_clock_look(&clock, BOOT_MS + HOUR_MS, (uint64_t)(NOW_S + 3600) * 1000));
	closed_clock_range(&clock, 100, far_s);
	assert_bounds(&clock, 100 + DAY_S, far_s - DAY_S);
	g_assert_true(
		closed_clock_look(&clock, BOOT_MS + 2 * HOUR_MS, (uint64_t)(NOW_S + 7200) * 1000));
	closed_clock_range(&clock, OLDEST_S - 7 * DAY_S, NEWEST_S);
	assert_bounds(&clock, OLDEST_S - 6 * DAY_S, NOW_S + 7200 + RETENTION);
}

/* The history could not be read when the clock was set: it still begins anew. */
static void test_not_read(void)
{
	struct closed_clock clock = {0};

	live(&clock, NOW_S, 9);
	for (unsigned i = 1; i <= 3; i++)
		g_assert_true(closed_clock_look(&clock, BOOT_MS + 9 * HOUR_MS + i * 1000,
						(uint64_t)(NOW_S + 3650 * DAY_S + i) * 1000));
	closed_clock_range(&clock, OLDEST_S, NEWEST_S);
	assert_bounds(&clock, OLDEST_S, NOW_S + 3650 * DAY_S + 3 + RETENTION);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/closed_clock/ordinary", test_ordinary);
	g_test_add_func("/closed_clock/dead", test_dead);
	g_test_add_func("/closed_clock/ahead", test_ahead);
	g_test_add_func("/closed_clock/steps", test_steps);
	g_test_add_func("/closed_clock/empty", test_empty);
	g_test_add_func("/closed_clock/gap", test_gap);
	g_test_add_func("/closed_clock/not-read", test_not_read);
	return g_test_run();
}
