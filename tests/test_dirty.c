/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is marked as changed: that nothing is missed, nothing told twice, and nothing costs while it
 * is off. */
#include <glib.h>

#include "daemon/core/dirty.h"

/* More than one word of the summary has bits for: 64 * 64 positions each. */
#define FAR 300000u

static void assert_changed(const struct dirty *dirty, const uint32_t *expected, unsigned n)
{
	uint32_t index = dirty_next(dirty, 0);

	for (unsigned i = 0; i < n; i++, index = dirty_next(dirty, index + 1))
		g_assert_cmpuint(index, ==, expected[i]);
	g_assert_cmpuint(index, ==, SLAB_NONE);
	g_assert_cmpuint(dirty->n_changed, ==, n);
	g_assert_true(dirty_check(dirty));
}

static void begin_empty(struct dirty *dirty, struct slab *slab)
{
	*dirty = (struct dirty){0};
	slab_init(slab, sizeof(uint64_t), SLAB_LIMIT_MAX);
	g_assert_true(dirty_begin(dirty, slab));
}

static void mark(struct dirty *dirty, uint32_t index)
{
	g_assert_true(dirty_reserve(dirty, index));
	dirty_mark(dirty, index);
}

static void test_off(void)
{
	struct dirty dirty = {0};

	mark(&dirty, FAR);
	dirty_gone(&dirty, FAR);
	dirty_is_stored(&dirty, FAR);
	assert_changed(&dirty, NULL, 0);
	g_assert_cmpuint(dirty_memory(&dirty), ==, 0);
	dirty_deinit(&dirty);
	dirty_deinit(NULL);
}

/* In the order of positions, whatever order they were marked in, and each once. */
static void test_order(void)
{
	static const uint32_t marked[] = {FAR, 4096, 63, 0, 4095, 64, 8192 * 64, 63, FAR - 1};
	static const uint32_t expected[] = {0, 63, 64, 4095, 4096, FAR - 1, FAR, 8192 * 64};
	struct slab slab;
	struct dirty dirty;

	begin_empty(&dirty, &slab);
	assert_changed(&dirty, NULL, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(marked); i++)
		mark(&dirty, marked[i]);
	assert_changed(&dirty, expected, G_N_ELEMENTS(expected));
	g_assert_cmpuint(dirty_next(&dirty, 65), ==, 4095);
	g_assert_cmpuint(dirty_next(&dirty, FAR + 1), ==, 8192 * 64);
	g_assert_cmpuint(dirty_next(&dirty, UINT32_MAX - 1), ==, SLAB_NONE);
	for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
		dirty_take(&dirty, expected[i], true);
	assert_changed(&dirty, NULL, 0);
	dirty_deinit(&dirty);
	slab_deinit(&slab);
}

/* Twice as many words, as often as it takes, and never less than what is asked for. */
static void test_memory(void)
{
	struct slab slab;
	struct dirty dirty;

	begin_empty(&dirty, &slab);
	g_assert_cmpuint(dirty_memory(&dirty), ==, 0);
	mark(&dirty, 4095);
	g_assert_cmpuint(dirty_memory(&dirty), ==, (64 * 2 + 1) * 8);
	mark(&dirty, 4096);
	g_assert_cmpuint(dirty_memory(&dirty), ==, (128 * 2 + 2) * 8);
	mark(&dirty, 5 * 4096);
	g_assert_cmpuint(dirty_memory(&dirty), ==, (512 * 2 + 8) * 8);
	dirty_deinit(&dirty);

	/* No more than for the chunks that are there. */
	g_assert_true(slab_alloc_at(&slab, 4 * SLAB_CHUNK_ENTRIES - 1));
	g_assert_true(dirty_begin(&dirty, &slab));
	g_assert_cmpuint(dirty_memory(&dirty), ==, (64 * 2 + 1) * 8);
	dirty_deinit(&dirty);
	slab_deinit(&slab);
}

/* What is born and dies between two flushes never was; what has a row needs its removal. */
static void check_life(uint32_t index)
{
	struct slab slab;
	struct dirty dirty;

	begin_empty(&dirty, &slab);
	mark(&dirty, index);
	dirty_gone(&dirty, index);
	assert_changed(&dirty, NULL, 0);

	mark(&dirty, index);
	dirty_take(&dirty, index, true);
	dirty_gone(&dirty, index);
	assert_changed(&dirty, &index, 1);
	dirty_take(&dirty, index, false);
	dirty_gone(&dirty, index);
	assert_changed(&dirty, NULL, 0);

	/* Whether the row was written nobody knows, so it has to go once more. */
	dirty_take_back(&dirty, index);
	assert_changed(&dirty, &index, 1);
	dirty_gone(&dirty, index);
	assert_changed(&dirty, &index, 1);

	dirty_is_stored(&dirty, index);
	assert_changed(&dirty, NULL, 0);
	dirty_gone(&dirty, index);
	assert_changed(&dirty, &index, 1);
	dirty_deinit(&dirty);
	slab_deinit(&slab);
}

static void test_life(void)
{
	static const uint32_t index[] = {7, 64, 4096, FAR};

	for (unsigned i = 0; i < G_N_ELEMENTS(index); i++)
		check_life(index[i]);
}

/* All that is there is changed, of chunks in the middle, and nothing of those given back. */
static void test_begin_with_entries(void)
{
	static const uint32_t expected[] = {3, 65, SLAB_CHUNK_ENTRIES - 1,
					    5 * SLAB_CHUNK_ENTRIES + 1, 70 * SLAB_CHUNK_ENTRIES};
	static const uint32_t left[] = {3, 65, SLAB_CHUNK_ENTRIES - 1};
	struct slab slab;
	struct dirty dirty;

	begin_empty(&dirty, &slab);
	for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
		g_assert_true(slab_alloc_at(&slab, expected[i]));
	for (unsigned i = 0; i < 2; i++) { /* what was marked before counts no more */
		g_assert_true(dirty_begin(&dirty, &slab));
		assert_changed(&dirty, expected, G_N_ELEMENTS(expected));
		mark(&dirty, 12);
		mark(&dirty, dirty.n_words * 64 - 1);
		dirty_take(&dirty, 3, true);
	}
	slab_free(&slab, expected[3]);
	slab_free(&slab, expected[4]);
	g_assert_true(dirty_begin(&dirty, &slab));
	assert_changed(&dirty, left, G_N_ELEMENTS(left));
	dirty_gone(&dirty, 3); /* nothing is stored after a begin */
	assert_changed(&dirty, left + 1, 2);
	dirty_deinit(&dirty);
	slab_deinit(&slab);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/dirty/off", test_off);
	g_test_add_func("/dirty/order", test_order);
	g_test_add_func("/dirty/memory", test_memory);
	g_test_add_func("/dirty/life", test_life);
	g_test_add_func("/dirty/begin_with_entries", test_begin_with_entries);
	return g_test_run();
}
