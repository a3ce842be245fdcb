/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The linear hash: every entry is found at every size, also with bad hashes, and memory follows. */
#include <glib.h>
#include <malloc.h>

#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#define SEED 6147

struct entry {
	uint32_t next;
	uint32_t key;
};

/* The factor that stands for a keyed hash, as the tables of the core have. */
#define KEYED UINT64_MAX

static uint64_t hash(uint32_t key, uint64_t factor)
{
	static const struct siphash_key secret = {{3, 4}};

	return factor == KEYED ? siphash(&secret, &key, sizeof(key)) : key * factor;
}

static uint32_t n_hashed; /* entries that the table has looked at to move them */

/* context: what the keys are multiplied with; 0 makes all hashes equal. */
static uint64_t hash_of(const void *context, const void *entry)
{
	n_hashed++;
	return hash(((const struct entry *)entry)->key, *(const uint64_t *)context);
}

struct fixture {
	struct slab slab;
	struct hash_index table;
	uint64_t factor;
};

static void set_up(struct fixture *f, uint64_t factor)
{
	f->factor = factor;
	slab_init(&f->slab, sizeof(struct entry), 1 << 21);
	hash_index_init(&f->table, &f->slab, offsetof(struct entry, next), hash_of, &f->factor);
}

static void tear_down(struct fixture *f)
{
	hash_index_deinit(&f->table);
	slab_deinit(&f->slab);
}

static uint32_t find(const struct fixture *f, uint32_t key)
{
	uint32_t index = hash_index_first(&f->table, hash(key, f->factor));

	while (index != SLAB_NONE) {
		const struct entry *entry = slab_at(&f->slab, index);

		if (entry->key == key)
			break;
		index = entry->next;
	}
	return index;
}

static void add(struct fixture *f, uint32_t key)
{
	uint32_t index = slab_alloc(&f->slab);

	((struct entry *)slab_at(&f->slab, index))->key = key;
	g_assert_true(hash_index_add(&f->table, index, hash(key, f->factor)));
}

static void drop(struct fixture *f, uint32_t key)
{
	uint32_t index = find(f, key);

	g_assert_cmpuint(index, !=, SLAB_NONE);
	hash_index_remove(&f->table, index, hash(key, f->factor));
	slab_free(&f->slab, index);
}

static void test_empty(void)
{
	struct fixture f;

	set_up(&f, 1);
	g_assert_cmpuint(hash_index_first(&f.table, 0), ==, SLAB_NONE);
	g_assert_cmpuint(hash_index_memory(&f.table), ==, 0);
	g_assert_true(hash_index_check(&f.table));
	add(&f, 5);
	drop(&f, 5);
	g_assert_cmpuint(hash_index_first(&f.table, 5), ==, SLAB_NONE);
	g_assert_true(hash_index_check(&f.table));
	tear_down(&f);
	hash_index_deinit(NULL);
}

/* Up to n and down again in the same or the other order; at each small size everything is there. */
static void grow_and_shrink(uint64_t factor, uint32_t n, bool reverse)
{
	struct fixture f;

	set_up(&f, factor);
	for (uint32_t i = 0; i < n; i++) {
		add(&f, i);
		for (uint32_t key = 0; n <= 70 && key < n; key++)
			g_assert_true((find(&f, key) != SLAB_NONE) == (key <= i));
		if (n <= 70 || i % 1021 == 0)
			g_assert_true(hash_index_check(&f.table));
	}
	for (uint32_t key = 0; key < n; key++)
		g_assert_cmpuint(find(&f, key), !=, SLAB_NONE);
	for (uint32_t i = 0; i < n; i++) {
		drop(&f, reverse ? n - 1 - i : i);
		if (n <= 70 || i % 1021 == 0)
			g_assert_true(hash_index_check(&f.table));
	}
	g_assert_cmpuint(f.table.n_buckets, ==, 0);
	g_assert_cmpuint(hash_index_memory(&f.table), <=, 8192);
	tear_down(&f);
}

static void test_small(void)
{
	static const uint64_t factors[] = {0, 1, 64, 0x9e3779b97f4a7c15};

	for (size_t i = 0; i < G_N_ELEMENTS(factors); i++) {
		grow_and_shrink(factors[i], 70, false);
		grow_and_shrink(factors[i], 70, true);
	}
}

static void test_large(void)
{
	grow_and_shrink(0x9e3779b97f4a7c15, 20000, false);
	grow_and_shrink(0x9e3779b97f4a7c15, 20000, true);
	grow_and_shrink(0x9e3779b97f4a7c15, 100000, false);
	grow_and_shrink(0x9e3779b97f4a7c15, 100000, true);
}

static void test_memory(void)
{
	const uint32_t n = 20000;
	struct fixture f;

	set_up(&f, 0x9e3779b97f4a7c15);
	for (uint32_t i = 0; i < n; i++)
		add(&f, i);
	g_assert_cmpuint(hash_index_memory(&f.table), <=, 5 * n);
	tear_down(&f);
}

/* What there is room for, of segments of 1024 buckets: one by one, and from the 65th on sixteen at
 * a time. */
static size_t whole_blocks(size_t n_segments)
{
	return n_segments <= 64 ? n_segments : 64 + (n_segments - 64 + 15) / 16 * 16;
}

/* Room is taken a block at a time and given back so, but for a segment in reserve at least and an
 * eighth of what is needed; the list of segments starts with sixteen and doubles. */
static void test_steps_of_memory(void)
{
	const uint32_t n = 129 * 1024 + 1;
	struct fixture f;

	set_up(&f, 0x9e3779b97f4a7c15);
	for (uint32_t i = 0; i < n; i++) {
		const size_t n_segments = whole_blocks(i / 1024 + 1);
		size_t room = 16;

		while (room < n_segments)
			room *= 2;
		add(&f, i);
		g_assert_cmpuint(hash_index_memory(&f.table), ==,
				 n_segments * 4096 + room * sizeof(void *));
	}
	for (uint32_t left = n - 1; left < n; left--) {
		const size_t n_needed = (left + 1023) / 1024;
		const size_t n_segments = whole_blocks(MIN(n_needed + n_needed / 8 + 1, 130));

		drop(&f, left);
		g_assert_cmpuint(hash_index_memory(&f.table), ==,
				 n_segments * 4096 + 256 * sizeof(void *));
	}
	tear_down(&f);
}

/* One operation on the table looks at few entries, whatever its size and however it is growing or
 * shrinking: no packet pays for a resize. */
static void test_work_of_one(void)
{
	const uint32_t n = 300000;
	uint32_t most = 0;
	struct fixture f;

	set_up(&f, KEYED);
	for (uint32_t i = 0; i < 2 * n; i++) {
		n_hashed = 0;
		if (i < n)
			add(&f, i);
		else
			drop(&f, i - n);
		most = MAX(most, n_hashed);
	}
	g_test_message("at most %u entries", most);
	g_assert_cmpuint(most, <=, 16);
	tear_down(&f);
}

/* Entries that come and go around a segment's end, or a block's, take no memory each time. */
static void test_no_thrashing(void)
{
	static const uint32_t n_segments[] = {1, HASH_INDEX_FIRST_SEGMENTS,
					      HASH_INDEX_FIRST_SEGMENTS +
						      HASH_INDEX_BLOCK_SEGMENTS};
	size_t memory;

	for (size_t i = 0; i < G_N_ELEMENTS(n_segments); i++) {
		struct fixture f;

		set_up(&f, 0x9e3779b97f4a7c15);
		for (uint32_t key = 0; key <= n_segments[i] * HASH_INDEX_SEGMENT_BUCKETS; key++)
			add(&f, key);
		memory = hash_index_memory(&f.table);
		drop(&f, 0);
		g_assert_cmpuint(hash_index_memory(&f.table), ==, memory);
		add(&f, 0);
		g_assert_cmpuint(hash_index_memory(&f.table), ==, memory);
		tear_down(&f);
	}
}

static void test_replace(void)
{
	const uint32_t n = 100;
	struct fixture f;

	set_up(&f, 3);
	for (uint32_t i = 0; i < n; i++)
		add(&f, i);
	for (uint32_t key = 0; key < n; key++) {
		uint32_t old = find(&f, key);
		uint32_t index = slab_alloc(&f.slab);

		((struct entry *)slab_at(&f.slab, index))->key = key;
		hash_index_replace(&f.table, old, index, key * f.factor);
		slab_free(&f.slab, old);
		g_assert_cmpuint(find(&f, key), ==, index);
	}
	g_assert_true(hash_index_check(&f.table));
	g_assert_cmpuint(f.table.n_buckets, ==, n);
	tear_down(&f);
}

static void test_move(void)
{
	const uint32_t n = 100;
	struct fixture f;

	set_up(&f, 3);
	for (uint32_t i = 0; i < n; i++)
		add(&f, i);
	for (uint32_t key = 0; key < n; key++) {
		uint32_t index = find(&f, key);

		((struct entry *)slab_at(&f.slab, index))->key = key + n;
		hash_index_move(&f.table, index, key * f.factor, (key + n) * f.factor);
		g_assert_cmpuint(find(&f, key), ==, SLAB_NONE);
		g_assert_cmpuint(find(&f, key + n), ==, index);
		g_assert_true(hash_index_check(&f.table));
	}
	g_assert_cmpuint(f.table.n_buckets, ==, n);
	tear_down(&f);
}

/* Buckets that were made before their entries: none is split, all are found, and what was too much
 * goes. */
static void test_reserve(void)
{
	const uint32_t n = 5000;
	struct fixture f;

	set_up(&f, 0x9e3779b97f4a7c15);
	hash_index_reserve(&f.table, n);
	g_assert_true(hash_index_check(&f.table));
	g_assert_cmpuint(hash_index_first(&f.table, 7), ==, SLAB_NONE);
	for (uint32_t i = 0; i < 3000; i++)
		add(&f, i);
	g_assert_cmpuint(f.table.n_buckets, ==, n);
	for (uint32_t i = 0; i < 1000; i++)
		drop(&f, i);
	g_assert_true(hash_index_check(&f.table));
	hash_index_trim(&f.table);
	g_assert_cmpuint(f.table.n_buckets, ==, 2000);
	g_assert_cmpuint(hash_index_memory(&f.table), <=, 5 * n);
	g_assert_true(hash_index_check(&f.table));
	/* Over what is there, and less than there is. */
	hash_index_reserve(&f.table, n);
	hash_index_reserve(&f.table, 1);
	g_assert_cmpuint(f.table.n_buckets, ==, n);
	for (uint32_t key = 0; key < 3000; key++)
		g_assert_true((find(&f, key) != SLAB_NONE) == (key >= 1000));
	hash_index_trim(&f.table);
	for (uint32_t i = 3000; i < 3000 + n; i++)
		add(&f, i);
	g_assert_cmpuint(f.table.n_buckets, ==, 2000 + n);
	g_assert_true(hash_index_check(&f.table));
	tear_down(&f);
}

/* Hints may be given for anything, also where there is nothing. */
static void test_prefetch(void)
{
	struct fixture f;

	set_up(&f, 1);
	hash_index_prefetch(&f.table, 7);
	hash_index_prefetch_first(&f.table, 7);
	add(&f, 7);
	for (uint32_t key = 0; key < 10; key++) {
		hash_index_prefetch(&f.table, key);
		hash_index_prefetch_first(&f.table, key);
	}
	slab_prefetch(&f.slab, UINT32_MAX);
	g_assert_true(hash_index_check(&f.table));
	tear_down(&f);
}

/* Random additions and removals against a bitmap. */
static void test_churn(void)
{
	enum { N_KEYS = 5000 };
	GRand *random = g_rand_new_with_seed(SEED);
	bool present[N_KEYS] = {false};
	struct fixture f;

	set_up(&f, 0x9e3779b97f4a7c15);
	for (unsigned step = 0; step < 40000; step++) {
		/* Waves: mostly adding, then mostly removing. */
		uint32_t key = (uint32_t)g_rand_int_range(random, 0, N_KEYS);
		bool wanted = g_rand_int_range(random, 0, 10) < (step / 8000 % 2 == 0 ? 8 : 2);

		g_assert_true((find(&f, key) != SLAB_NONE) == present[key]);
		if (wanted && !present[key])
			add(&f, key);
		else if (!wanted && present[key])
			drop(&f, key);
		present[key] = wanted;
		if (step % 997 == 0)
			g_assert_true(hash_index_check(&f.table));
	}
	tear_down(&f);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	mallopt(M_PERTURB, 1); /* memory that is not asked to be zeroed has no zeros */
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hash_index/empty", test_empty);
	g_test_add_func("/hash_index/small", test_small);
	g_test_add_func("/hash_index/large", test_large);
	g_test_add_func("/hash_index/memory", test_memory);
	g_test_add_func("/hash_index/steps_of_memory", test_steps_of_memory);
	g_test_add_func("/hash_index/work_of_one", test_work_of_one);
	g_test_add_func("/hash_index/no_thrashing", test_no_thrashing);
	g_test_add_func("/hash_index/replace", test_replace);
	g_test_add_func("/hash_index/move", test_move);
	g_test_add_func("/hash_index/reserve", test_reserve);
	g_test_add_func("/hash_index/prefetch", test_prefetch);
	g_test_add_func("/hash_index/churn", test_churn);
	return g_test_run();
}
