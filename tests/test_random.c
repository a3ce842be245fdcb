/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generator: ChaCha20 as published, and an even spread below a bound. */
#include <glib.h>

#include "daemon/core/random.h"

/* RFC 8439, A.1: test vectors 1 and 2 follow one another, 3 is the second block of its key. */
static void test_published(void)
{
	static const uint32_t zero_key[32] = {
		0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0, 0xccef36a8,
		0xc70d778b, 0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8, 0xf4b8436a, 0x1ca11815,
		0x69b687c3, 0x8665eeb2, 0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73, 0xa0290fcb,
		0x6965e348, 0x3e53c612, 0xed7aee32, 0x7621b729, 0x434ee69c, 0xb03371d5, 0xd539d874,
		0x281fed31, 0x45fb0a51, 0x1f0ae1ac, 0x6f4d794b,
	};
	static const uint32_t key_one[16] = {
		0x2452eb3a, 0x9249f8ec, 0x8d829d9b, 0xddd4ceb1, 0xe8252083, 0x60818b01,
		0xf38422b8, 0x5aaa49c9, 0xbb00ca8e, 0xda3ba7b4, 0xc4b592d1, 0xfdf2732f,
		0x4436274e, 0x2561b3c8, 0xebdd4aa6, 0xa0136c00,
	};
	uint8_t seed[RANDOM_SEED_SIZE] = {0};
	struct random random;

	random_init(&random, seed);
	for (unsigned i = 0; i < 32; i++)
		g_assert_cmphex(random_u32(&random), ==, zero_key[i]);

	seed[31] = 1;
	random_init(&random, seed);
	for (unsigned i = 0; i < 16; i++)
		(void)random_u32(&random);
	for (unsigned i = 0; i < 16; i++)
		g_assert_cmphex(random_u32(&random), ==, key_one[i]);
}

static void test_below(void)
{
	static const uint32_t bounds[] = {1, 2, 3, 7, 64, 1000, 64512};
	struct random random;
	uint8_t seed[RANDOM_SEED_SIZE] = {42};

	random_init(&random, seed);
	for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
		unsigned n_low = 0;

		for (unsigned draw = 0; draw < 4096; draw++) {
			uint32_t number = random_below(&random, bounds[i]);

			g_assert_cmpuint(number, <, bounds[i]);
			n_low += number < bounds[i] / 2;
		}
		/* Six standard deviations. */
		g_assert_cmpfloat_with_epsilon(n_low, 4096.0 * (bounds[i] / 2) / bounds[i], 192);
	}
}

/* With this bound a plain modulo, or no rejection, draws the lower half twice as often. */
static void test_below_is_unbiased(void)
{
	const uint32_t bound = 0xc0000000;
	unsigned third[3] = {0};
	unsigned multiple[3] = {0};
	struct random random;
	uint8_t seed[RANDOM_SEED_SIZE] = {43};

	random_init(&random, seed);
	for (unsigned draw = 0; draw < 9000; draw++) {
		uint32_t number = random_below(&random, bound);

		third[number >> 30]++;
		multiple[number % 3]++;
	}
	for (unsigned i = 0; i < 3; i++) {
		g_assert_cmpuint(third[i], >, 2730);
		g_assert_cmpuint(third[i], <, 3270);
		g_assert_cmpuint(multiple[i], >, 2730);
		g_assert_cmpuint(multiple[i], <, 3270);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/random/published", test_published);
	g_test_add_func("/random/below", test_below);
	g_test_add_func("/random/below_is_unbiased", test_below_is_unbiased);
	return g_test_run();
}
