/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slabs: limits, growth, memory given back, cursors under churn. */
#include <glib.h>
#include <malloc.h>
#include <string.h>

#include "daemon/core/slab.h"

#define SEED 6146

struct entry {
	uint64_t value;
	uint32_t more[3];
};

static uint32_t add(struct slab *slab, uint64_t value)
{
	static const struct entry zero;
	uint32_t index = slab_alloc(slab);
	struct entry *entry;

	g_assert_cmpuint(index, !=, SLAB_NONE);
	entry = slab_at(slab, index);
	g_assert_cmpmem(entry, sizeof(*entry), &zero, sizeof(zero));
	memset(entry, 0xff, sizeof(*entry));
	entry->value = value;
	return index;
}

static void test_empty(void)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct entry), 10);
	g_assert_cmpuint(slab_memory(&slab), ==, 0);
	g_assert_cmpuint(slab_next(&slab, 0), ==, SLAB_NONE);
	g_assert_false(slab_is_used(&slab, 0));
	g_assert_false(slab_is_used(&slab, SLAB_NONE));
	g_assert_true(slab_check(&slab));
	slab_deinit(&slab);
	slab_deinit(NULL);
}

/* */
static void test_limit(void)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct entry), 3);
	for (uint32_t i = 0; i < 3; i++)
		g_assert_cmpuint(add(&slab, i), ==, i);
	g_assert_cmpuint(slab_alloc(&slab), ==, SLAB_NONE);
	slab_free(&slab, 1);
	g_assert_cmpuint(add(&slab, 7), ==, 1);
	g_assert_cmpuint(slab_alloc(&slab), ==, SLAB_NONE);
	g_assert_cmpuint(slab.n_used, ==, 3);
	g_assert_true(slab_check(&slab));
	slab_deinit(&slab);
}

/* Pointers and indices stay while the slab grows; memory goes as chunks become empty, whether that
 * is from the end, from the beginning, or here and there. */
static void grow_and_shrink(uint32_t stride)
{
	const uint32_t n = 70 * SLAB_CHUNK_ENTRIES + 1;
	uint32_t index = 1;
	struct slab slab;
	struct entry *first;
	size_t full;

	slab_init(&slab, sizeof(struct entry), n);
	first = slab_at(&slab, add(&slab, 0));
	for (uint32_t i = 1; i < n; i++)
		g_assert_cmpuint(add(&slab, i), ==, i);
	g_assert_true(slab_at(&slab, 0) == first);
	g_assert_true(slab_check(&slab));
	full = slab_memory(&slab);
	g_assert_cmpuint(full, <=, (size_t)71 * SLAB_CHUNK_ENTRIES * (sizeof(struct entry) + 1));

	for (uint32_t i = 1; i < n; i++) {
		index = (index + stride) % n;
		if (index == 0)
			index = (index + stride) % n;
		g_assert_cmpuint(((struct entry *)slab_at(&slab, index))->value, ==, index);
		slab_free(&slab, index);
		if (i % 4096 == 0)
			g_assert_true(slab_check(&slab));
	}
	g_assert_true(slab_check(&slab));
	g_assert_cmpuint(slab_memory(&slab), <, full / 20);
	g_assert_cmpuint(slab_next(&slab, 0), ==, 0);
	g_assert_cmpuint(slab_next(&slab, 1), ==, SLAB_NONE);

	for (uint32_t i = 1; i < n; i++)
		g_assert_cmpuint(add(&slab, i), <, 71 * SLAB_CHUNK_ENTRIES);
	g_assert_true(slab_check(&slab));
	g_assert_cmpuint(slab_memory(&slab), ==, full);
	g_assert_true(slab_at(&slab, 0) == first);
	slab_deinit(&slab);
}

static void test_growth_and_shrinking(void)
{
	grow_and_shrink(1);
	grow_and_shrink(70 * SLAB_CHUNK_ENTRIES);
	grow_and_shrink(35839);
}

/* Memory for more chunks is as it comes: what it held says nothing about them (main()). */
static void test_many_chunks(void)
{
	const uint32_t n = 200 * SLAB_CHUNK_ENTRIES;
	struct slab slab;

	slab_init(&slab, sizeof(uint8_t), n);
	for (uint32_t i = 0; i < n; i++) {
		g_assert_cmpuint(slab_alloc(&slab), ==, i);
		if (i % SLAB_CHUNK_ENTRIES == 0)
			g_assert_true(slab_check(&slab));
	}
	g_assert_cmpuint(slab_alloc(&slab), ==, SLAB_NONE);
	slab_deinit(&slab);
}

/* Free positions in low chunks are filled first, so that the end can become empty. */
static void test_lowest_first(void)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct entry), 10 * SLAB_CHUNK_ENTRIES);
	for (uint32_t i = 0; i < 5 * SLAB_CHUNK_ENTRIES; i++)
		(void)add(&slab, i);
	slab_free(&slab, 4 * SLAB_CHUNK_ENTRIES + 3);
	slab_free(&slab, SLAB_CHUNK_ENTRIES + 700);
	slab_free(&slab, SLAB_CHUNK_ENTRIES + 7);
	g_assert_cmpuint(add(&slab, 0), ==, SLAB_CHUNK_ENTRIES + 7);
	g_assert_cmpuint(add(&slab, 0), ==, SLAB_CHUNK_ENTRIES + 700);
	g_assert_cmpuint(add(&slab, 0), ==, 4 * SLAB_CHUNK_ENTRIES + 3);
	g_assert_cmpuint(add(&slab, 0), ==, 5 * SLAB_CHUNK_ENTRIES);
	slab_deinit(&slab);
}

/* The place of a block that was given back is taken by the next one, also if it is one of several
 * chunks. */
static void test_place_of_a_block(void)
{
	const uint32_t block = SLAB_BLOCK_CHUNKS * SLAB_CHUNK_ENTRIES;
	struct slab slab;

	slab_init(&slab, sizeof(struct entry), 4 * block);
	for (uint32_t i = 0; i < 3 * block; i++)
		(void)add(&slab, i);
	for (uint32_t i = 2 * block; i-- > 0;)
		slab_free(&slab, i); /* the first chunk stays in reserve */
	g_assert_true(slab_check(&slab));
	g_assert_cmpuint(slab.n_present, ==, 1 + SLAB_BLOCK_CHUNKS);
	for (uint32_t i = 0; i < 2 * block; i++) {
		g_assert_cmpuint(add(&slab, i), ==, i);
		if (i % SLAB_CHUNK_ENTRIES == 0)
			g_assert_true(slab_check(&slab));
	}
	g_assert_cmpuint(add(&slab, 0), ==, 3 * block);
	g_assert_true(slab_check(&slab));
	slab_deinit(&slab);
}

/* Of two blocks that are empty the lower one stays, whichever was the first to be. */
static void test_which_stays(void)
{
	const uint32_t begin[] = {1, 3, SLAB_BLOCK_CHUNKS, 2 * SLAB_BLOCK_CHUNKS};
	const uint32_t end[] = {2, 4, 2 * SLAB_BLOCK_CHUNKS, 3 * SLAB_BLOCK_CHUNKS};

	for (size_t first = 0; first < G_N_ELEMENTS(begin); first++) {
		for (size_t second = 0; second < G_N_ELEMENTS(begin); second++) {
			const size_t lower = MIN(first, second), higher = MAX(first, second);
			struct slab slab;

			if (first == second)
				continue;
			slab_init(&slab, sizeof(struct entry), 16 * SLAB_CHUNK_ENTRIES);
			for (uint32_t i = 0; i < 16 * SLAB_CHUNK_ENTRIES; i++)
				(void)add(&slab, i);
			for (uint32_t i = begin[first] << SLAB_CHUNK_BITS;
			     i < end[first] << SLAB_CHUNK_BITS; i++)
				slab_free(&slab, i);
			g_assert_true(slab_check(&slab));
			g_assert_cmpuint(slab.n_present, ==, 16);
			for (uint32_t i = begin[second] << SLAB_CHUNK_BITS;
			     i < end[second] << SLAB_CHUNK_BITS; i++)
				slab_free(&slab, i);
			g_assert_true(slab_check(&slab));
			g_assert_cmpuint(slab.n_present, ==, 16 - (end[higher] - begin[higher]));
			g_assert_cmpuint(add(&slab, 0), ==, begin[lower] << SLAB_CHUNK_BITS);
			g_assert_true(slab_check(&slab));
			slab_deinit(&slab);
		}
	}
}

/* Four chunks come one by one, then four at a time; the list of them with room for 64 and then
 * twice as many. */
static void test_steps_of_memory(void)
{
	const uint32_t n = 129 * 1024 + 1;
	struct slab slab;
	size_t chunk;

	slab_init(&slab, 8, n);
	g_assert_cmpuint(slab_alloc(&slab), ==, 0);
	g_assert_cmpuint(slab.chunk_capacity, ==, 64);
	chunk = slab_memory(&slab) - 64 * sizeof(void *) - sizeof(uint64_t);
	g_assert_cmpuint(chunk, >=, 1024 * 8 + 1024 / 8);
	g_assert_cmpuint(chunk, <=, 1024 * 8 + 1024 / 8 + 64);
	for (uint32_t i = 1; i < n; i++) {
		const size_t n_needed = i / 1024 + 1;
		const size_t n_chunks = n_needed <= 4 ? n_needed : (n_needed + 3) / 4 * 4;
		const size_t room = n_chunks <= 64 ? 64 : n_chunks <= 128 ? 128 : 256;

		g_assert_cmpuint(slab_alloc(&slab), ==, i);
		g_assert_cmpuint(slab_memory(&slab), ==,
				 n_chunks * chunk + room * sizeof(void *) + room / 8);
	}
	g_assert_cmpuint(slab_alloc(&slab), ==, SLAB_NONE);
	slab_deinit(&slab);
}

/* Entries that come and go around a chunk's end, or a block's, take no memory each time. */
static void test_no_thrashing(void)
{
	for (uint32_t n_chunks = 1; n_chunks <= 3 * SLAB_BLOCK_CHUNKS; n_chunks++) {
		const uint32_t last = n_chunks * SLAB_CHUNK_ENTRIES;
		struct slab slab;
		size_t memory;

		slab_init(&slab, sizeof(struct entry), last + 1);
		for (uint32_t i = 0; i <= last; i++)
			(void)add(&slab, i);
		memory = slab_memory(&slab);
		for (unsigned i = 0; i < 10; i++) {
			slab_free(&slab, last);
			g_assert_cmpuint(slab_memory(&slab), ==, memory);
			g_assert_cmpuint(add(&slab, 0), ==, last);
			g_assert_cmpuint(slab_memory(&slab), ==, memory);
		}
		slab_deinit(&slab);
	}
}

/* A cursor in small steps, while entries come and go and the slab grows and shrinks in between:
 * each that exists throughout is seen exactly once, none twice. */
static void test_cursor_under_churn(void)
{
	const uint32_t n = 6 * SLAB_CHUNK_ENTRIES;
	GRand *random = g_rand_new_with_seed(SEED);
	uint8_t *seen = g_malloc0(2 * n);
	uint8_t *stays = g_malloc0(2 * n);
	uint32_t cursor = 0;
	struct slab slab;

	slab_init(&slab, sizeof(struct entry), 2 * n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = add(&slab, i);

		stays[index] = g_rand_int(random) % 4 == 0;
	}
	for (unsigned step = 0; cursor != SLAB_NONE; step++) {
		for (unsigned i = 0; i < 50; i++) {
			uint32_t index = (uint32_t)g_rand_int_range(random, 0, (int32_t)n);

			if (!slab_is_used(&slab, index))
				(void)add(&slab, index);
			else if (!stays[index])
				slab_free(&slab, index);
		}
		for (unsigned i = 0; i < 20; i++) {
			cursor = slab_next(&slab, cursor);
			if (cursor == SLAB_NONE)
				break;
			g_assert_true(slab_is_used(&slab, cursor));
			g_assert_cmpuint(seen[cursor], ==, 0);
			seen[cursor] = 1;
			cursor++;
		}
		if (step % 16 == 0)
			g_assert_true(slab_check(&slab));
	}
	for (uint32_t i = 0; i < n; i++)
		g_assert_true(!stays[i] || seen[i]);
	slab_deinit(&slab);
	g_free(seen);
	g_free(stays);
	g_rand_free(random);
}

/* An entry gets the index that it had: only one that slab_alloc() could have given. */
static void test_alloc_at(void)
{
	struct slab slab;

	slab_init(&slab, 8, 3000);
	g_assert_true(slab_alloc_at(&slab, 2500));
	g_assert_true(slab_check(&slab));
	g_assert_false(slab_alloc_at(&slab, 2500));
	g_assert_cmpuint(slab_index_end(&slab), ==, 3 * SLAB_CHUNK_ENTRIES);
	g_assert_true(slab_alloc_at(&slab, 3 * SLAB_CHUNK_ENTRIES - 1)); /* rounded up */
	g_assert_false(slab_alloc_at(&slab, 3 * SLAB_CHUNK_ENTRIES));
	g_assert_false(slab_alloc_at(&slab, UINT32_MAX));
	g_assert_true(slab_alloc_at(&slab, 0));
	g_assert_cmpuint(slab_alloc(&slab), ==, 1);
	g_assert_true(slab_check(&slab));
	slab_free(&slab, 0);
	slab_free(&slab, 1);
	slab_free(&slab, 3 * SLAB_CHUNK_ENTRIES - 1);
	g_assert_true(slab_check(&slab));
	slab.limit = 1;
	g_assert_false(slab_alloc_at(&slab, 0));
	slab_deinit(&slab);
}

/* Which indices there are follows from what may happen: with one entry more than the first chunks
 * hold, all of the block behind them, once the first chunks are gone. */
static void test_index_end(void)
{
	const uint32_t first = SLAB_BLOCK_CHUNKS * SLAB_CHUNK_ENTRIES;
	uint32_t highest = 0;
	struct slab slab;

	slab_init(&slab, 8, first);
	g_assert_cmpuint(slab_index_end(&slab), ==, first);
	slab.limit = first + 1;
	g_assert_cmpuint(slab_index_end(&slab), ==, 2 * first);
	for (uint32_t i = 0; i <= first; i++)
		g_assert_cmpuint(slab_alloc(&slab), ==, i);
	for (uint32_t i = 0; i < first; i++)
		slab_free(&slab, i);
	for (uint32_t i = 0; i < first; i++) {
		const uint32_t index = slab_alloc(&slab);

		highest = MAX(highest, index);
	}
	g_assert_cmpuint(highest, >=, first + 2 * SLAB_CHUNK_ENTRIES);
	g_assert_cmpuint(highest, <, slab_index_end(&slab));
	g_assert_cmpuint(slab_alloc(&slab), ==, SLAB_NONE);
	g_assert_true(slab_check(&slab));
	slab_deinit(&slab);

	slab_init(&slab, 1, first + 1);
	g_assert_false(slab_alloc_at(&slab, 2 * first));
	g_assert_true(slab_alloc_at(&slab, 2 * first - 1));
	g_assert_true(slab_check(&slab));
	g_assert_cmpuint(slab.n_present, ==, SLAB_BLOCK_CHUNKS);
	slab_deinit(&slab);

	slab_init(&slab, 1, SLAB_LIMIT_MAX);
	g_assert_cmpuint(slab_index_end(&slab), ==, SLAB_LIMIT_MAX + 1);
	slab_deinit(&slab);
}

int main(int argc, char **argv)
{
	mallopt(M_PERTURB, 1); /* memory that is not asked to be zeroed has no zeros */
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/slab/empty", test_empty);
	g_test_add_func("/slab/limit", test_limit);
	g_test_add_func("/slab/growth_and_shrinking", test_growth_and_shrinking);
	g_test_add_func("/slab/many_chunks", test_many_chunks);
	g_test_add_func("/slab/lowest_first", test_lowest_first);
	g_test_add_func("/slab/place_of_a_block", test_place_of_a_block);
	g_test_add_func("/slab/which_stays", test_which_stays);
	g_test_add_func("/slab/steps_of_memory", test_steps_of_memory);
	g_test_add_func("/slab/no_thrashing", test_no_thrashing);
	g_test_add_func("/slab/cursor_under_churn", test_cursor_under_churn);
	g_test_add_func("/slab/alloc_at", test_alloc_at);
	g_test_add_func("/slab/index_end", test_index_end);
	return g_test_run();
}
