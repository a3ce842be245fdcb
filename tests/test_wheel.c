/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wheel against a list of deadlines: never early, at most a tick late, bounded work (K-13). */
#include <glib.h>

#include "daemon/core/wheel.h"

#define SEED   6148
#define SECOND UINT64_C(1000)
#define DAY    (86400 * SECOND)

struct entry {
	struct wheel_link timer;
	uint64_t deadline_ms;
	uint64_t filed_ms; /* when; one that is late already is due a tick after that */
};

struct fixture {
	struct slab slab;
	struct wheel wheel;
	uint64_t now_ms;
};

static void set_up(struct fixture *f, uint64_t now_ms)
{
	f->now_ms = now_ms;
	slab_init(&f->slab, sizeof(struct entry), 1 << 20);
	wheel_init(&f->wheel, &f->slab, offsetof(struct entry, timer), now_ms);
}

static void tear_down(struct fixture *f)
{
	slab_deinit(&f->slab);
}

static struct entry *at(const struct fixture *f, uint32_t index)
{
	return slab_at(&f->slab, index);
}

static void file(struct fixture *f, uint32_t index, uint64_t deadline_ms)
{
	at(f, index)->deadline_ms = deadline_ms;
	at(f, index)->filed_ms = f->now_ms;
	wheel_add(&f->wheel, index, deadline_ms);
}

static uint32_t add(struct fixture *f, uint64_t deadline_ms)
{
	uint32_t index = slab_alloc(&f->slab);

	wheel_link_init(&at(f, index)->timer);
	file(f, index, deadline_ms);
	return index;
}

/* Goes to now_ms, takes out and frees everything that is due, and looks at what is left. */
static unsigned take_all(struct fixture *f, uint64_t now_ms)
{
	unsigned n = 0;
	unsigned budget = UINT32_MAX;
	uint32_t index;

	f->now_ms = now_ms;
	while ((index = wheel_take_due(&f->wheel, now_ms, &budget)) != SLAB_NONE) {
		g_assert_false(wheel_is_filed(&at(f, index)->timer));
		g_assert_cmpuint(at(f, index)->deadline_ms, <=, now_ms);
		slab_free(&f->slab, index);
		n++;
	}
	for (index = slab_next(&f->slab, 0); index != SLAB_NONE;
	     index = slab_next(&f->slab, index + 1)) {
		uint64_t from_ms = MAX(at(f, index)->deadline_ms, at(f, index)->filed_ms);

		g_assert_cmpuint(from_ms + WHEEL_TICK_MS, >, now_ms);
	}
	g_assert_cmpuint(wheel_next_deadline(&f->wheel), >, now_ms);
	return n;
}

/* One entry with this deadline, asked every millisecond around it. */
static void check_precision(uint64_t start_ms, uint64_t after_ms)
{
	uint64_t deadline_ms = start_ms + after_ms;
	uint64_t now_ms = MAX(start_ms, deadline_ms > 600 ? deadline_ms - 600 : 0);
	struct fixture f;

	set_up(&f, start_ms);
	(void)add(&f, deadline_ms);
	g_assert_cmpuint(wheel_next_deadline(&f.wheel), <, deadline_ms + WHEEL_TICK_MS);
	while (take_all(&f, now_ms) == 0) {
		g_assert_true(wheel_check(&f.wheel));
		now_ms++;
	}
	g_assert_cmpuint(now_ms, >=, deadline_ms);
	g_assert_cmpuint(now_ms, <, deadline_ms + WHEEL_TICK_MS);
	g_assert_cmpuint(wheel_next_deadline(&f.wheel), ==, UINT64_MAX);
	tear_down(&f);
}

/* Near and far, at the borders of all levels, beyond the span of the wheel. */
static void test_precision(void)
{
	static const uint64_t starts[] = {0, 1, 255, 256, 16383 * 256, 987654321, 400 * DAY + 77};
	static const uint64_t after[] = {
		0,
		1,
		255,
		256,
		257,
		63 * 256,
		64 * 256 - 1,
		64 * 256,
		64 * 64 * 256,
		64 * 64 * 64 * 256 + 1,
		2 * 3600 * SECOND + 4 * 60 * SECOND,
		49 * DAY,
		UINT64_C(64) * 64 * 64 * 64 * 256 - 1,
		UINT64_C(64) * 64 * 64 * 64 * 256,
		50 * DAY,
		500 * DAY,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(after); j++)
			check_precision(starts[i], after[j]);
	}
}

/* Filed under a time that has passed: due at once. */
static void test_passed_deadline(void)
{
	struct fixture f;

	set_up(&f, 10 * SECOND);
	(void)add(&f, 3 * SECOND);
	g_assert_cmpuint(take_all(&f, 10 * SECOND), ==, 1);
	(void)take_all(&f, 100 * SECOND);
	(void)add(&f, 3 * SECOND);
	g_assert_cmpuint(wheel_next_deadline(&f.wheel), <=, 100 * SECOND);
	g_assert_cmpuint(take_all(&f, 100 * SECOND), ==, 1);
	tear_down(&f);
}

/* 34 years are further than the wheel counts: early, but not lost, and the rest is not disturbed.
 */
static void test_endless_deadline(void)
{
	struct fixture f;
	uint32_t index;

	set_up(&f, 5 * DAY);
	index = add(&f, UINT64_MAX / 2);
	(void)add(&f, 6 * DAY);
	g_assert_cmpuint(take_all(&f, 400 * DAY), ==, 1);
	g_assert_true(wheel_is_filed(&at(&f, index)->timer));
	g_assert_true(wheel_check(&f.wheel));
	wheel_remove(&f.wheel, index);
	g_assert_cmpuint(wheel_next_deadline(&f.wheel), ==, UINT64_MAX);
	tear_down(&f);
}

/* A thousand entries that have to be moved down and then come due, in steps of a small budget: each
 * call does what it may, nothing is lost, and filing goes on in between. */
static void test_budget(void)
{
	const unsigned n = 1000;
	const uint64_t deadline_ms = 3 * 3600 * SECOND;
	unsigned n_due = 0;
	unsigned n_calls = 0;
	struct fixture f;

	set_up(&f, 0);
	for (unsigned i = 0; i < n; i++)
		(void)add(&f, deadline_ms);
	while (n_due < n + 1) {
		unsigned budget = 7;
		uint32_t index = wheel_take_due(&f.wheel, deadline_ms + SECOND, &budget);

		f.now_ms = deadline_ms + SECOND;
		n_calls++;
		n_due += index != SLAB_NONE;
		g_assert_true(index != SLAB_NONE || budget == 0);
		if (index == SLAB_NONE)
			g_assert_cmpuint(wheel_next_deadline(&f.wheel), <=, deadline_ms + SECOND);
		if (n_calls == 5)
			(void)add(&f, deadline_ms);
		if (n_calls % 32 == 0)
			g_assert_true(wheel_check(&f.wheel));
		/* At most once for each of the three levels, and once to come out. */
		g_assert_cmpuint(n_calls, <=, 3 * n / 7 + n + 3);
	}
	tear_down(&f);
}

static void test_is_earlier(void)
{
	struct fixture f;
	uint32_t index;

	set_up(&f, 0);
	index = add(&f, 1000);
	g_assert_false(wheel_is_earlier(&at(&f, index)->timer, 1000));
	g_assert_false(wheel_is_earlier(&at(&f, index)->timer, 5000));
	g_assert_true(wheel_is_earlier(&at(&f, index)->timer, 700));
	tear_down(&f);
}

/* From milliseconds to years. */
static uint64_t random_span(GRand *random)
{
	unsigned bits = (unsigned)g_rand_int_range(random, 0, 37);
	uint64_t number = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);

	return number & ((UINT64_C(1) << bits) - 1);
}

/* An existing entry near a random place, or SLAB_NONE. */
static uint32_t random_entry(const struct fixture *f, GRand *random)
{
	uint32_t from = g_rand_int(random) % 512;
	uint32_t index = slab_next(&f->slab, from);

	return index != SLAB_NONE ? index : slab_next(&f->slab, 0);
}

static void test_random_operations(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	unsigned n_added = 0;
	unsigned n_gone = 0;
	struct fixture f;

	set_up(&f, 123456);
	for (unsigned step = 0; step < 6000; step++) {
		unsigned what = (unsigned)g_rand_int_range(random, 0, 100);
		uint32_t index = random_entry(&f, random);

		if (what < 50 && f.slab.n_used < 400) {
			(void)add(&f, f.now_ms + random_span(random));
			n_added++;
		} else if (what < 70 && index != SLAB_NONE) {
			wheel_remove(&f.wheel, index);
			file(&f, index, f.now_ms + random_span(random));
		} else if (what < 80 && index != SLAB_NONE) {
			wheel_remove(&f.wheel, index);
			slab_free(&f.slab, index);
			n_gone++;
		} else {
			/* Mostly small steps, now and then weeks. */
			n_gone += take_all(&f,
					   f.now_ms + random_span(random) / (what < 99 ? 4096 : 1));
		}
		if (step % 16 == 0)
			g_assert_true(wheel_check(&f.wheel));
	}
	g_assert_cmpuint(n_added, ==, n_gone + f.slab.n_used);
	n_gone += take_all(&f, f.now_ms + 4000 * DAY);
	g_assert_cmpuint(n_added, ==, n_gone);
	tear_down(&f);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wheel/precision", test_precision);
	g_test_add_func("/wheel/passed_deadline", test_passed_deadline);
	g_test_add_func("/wheel/endless_deadline", test_endless_deadline);
	g_test_add_func("/wheel/budget", test_budget);
	g_test_add_func("/wheel/is_earlier", test_is_earlier);
	g_test_add_func("/wheel/random_operations", test_random_operations);
	return g_test_run();
}
