/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sparse permutation against a plain list: P-21. */
#include <glib.h>

#include "daemon/core/addr_choice.h"

static const struct siphash_key key = {{3, 4}};

/* The places hold exactly the addresses that are not excluded. */
static void check_places(const struct addr_choice_table *table, const struct addr_choice *choice,
			 const bool *excluded)
{
	g_autofree bool *seen = g_new0(bool, choice->n);

	for (uint32_t place = 0; place < choice->n - choice->n_excluded; place++) {
		uint32_t address = addr_choice_at(table, choice, place);

		g_assert_cmpuint(address, <, choice->n);
		g_assert_false(seen[address]);
		g_assert_false(excluded[address]);
		seen[address] = true;
	}
	for (uint32_t i = 0; i < choice->n; i++)
		g_assert_true(addr_choice_is_excluded(table, choice, i) == excluded[i]);
	g_assert_true(addr_choice_table_check(table));
}

/* A pair of choices and a third one in one table, all fill levels, random changes. */
static void test_against_model(void)
{
	enum { N = 3 };
	static const uint32_t sizes[] = {1, 2, 3, 8, 37};
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	struct addr_choice_table table;

	addr_choice_table_init(&table, &key);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct addr_choice choice[N] = {
			{2, sizes[i], 0}, {3, sizes[i], 0}, {4, sizes[i], 0}};
		bool excluded[N][37] = {{false}};

		for (unsigned step = 0; step < 1000; step++) {
			uint32_t address = (uint32_t)g_rand_int_range(rand, 0, (int)sizes[i]);
			unsigned which = step % N;
			bool *state = &excluded[which][address];

			/* Tides, so that empty and full are reached. */
			if (!*state && (step % 200 < 120 || g_rand_int_range(rand, 0, 4) == 0)) {
				g_assert_true(addr_choice_exclude(&table, &choice[which], address));
				*state = true;
			} else if (*state &&
				   (step % 200 >= 120 || g_rand_int_range(rand, 0, 4) == 0)) {
				addr_choice_include(&table, &choice[which], address);
				*state = false;
			}
			check_places(&table, &choice[which], excluded[which]);
			g_assert_cmpuint(addr_choice_excluded(&table, choice, address), ==,
					 excluded[0][address] | excluded[1][address] << 1);
		}
		for (unsigned which = 0; which < N; which++) {
			for (uint32_t j = 0; j < sizes[i]; j++) {
				if (excluded[which][j])
					addr_choice_include(&table, &choice[which], j);
			}
			g_assert_cmpuint(choice[which].n_excluded, ==, 0);
		}
		g_assert_cmpuint(table.excluded.n_used, ==, 0);
		g_assert_cmpuint(table.n_excluded, ==, 0);
	}
	addr_choice_table_deinit(&table);
}

/* 16 million addresses: memory for the excluded ones only. */
static void test_sparse(void)
{
	struct addr_choice choice = {1, 1u << 24, 0};
	struct addr_choice_table table;

	addr_choice_table_init(&table, &key);
	g_assert_cmpuint(addr_choice_table_memory(&table), ==, 0);
	for (uint32_t i = 0; i < 2000; i++)
		g_assert_true(addr_choice_exclude(&table, &choice, i * 8191));
	for (uint32_t i = 0; i < 2000; i++)
		g_assert_cmpuint(addr_choice_at(&table, &choice, i * 8191) % 8191, !=, 0);
	g_assert_cmpuint(addr_choice_table_memory(&table), <, 2000 * 64);
	g_assert_true(addr_choice_table_check(&table));
	addr_choice_table_deinit(&table);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/addr-choice/against-model", test_against_model);
	g_test_add_func("/addr-choice/sparse", test_sparse);
	return g_test_run();
}
