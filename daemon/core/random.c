/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See random.h. ChaCha20 as in RFC 8439, 2.3, with a nonce of zero and, as nothing else needs the
 * room, a block counter of 64 bits.
 */
#include "daemon/core/random.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

enum {
	STATE_CONSTANT = 0,
	STATE_KEY = 4,
	STATE_COUNTER = 12,
	N_WORDS = 16,
	N_DOUBLE_ROUNDS = 10,
};

static inline uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

static void next_block(struct random *random)
{
	uint32_t *x = random->block;

	memcpy(x, random->state, sizeof(random->state));
	for (unsigned i = 0; i < N_DOUBLE_ROUNDS; i++) {
		for (unsigned column = 0; column < 4; column++)
			quarter_round(&x[column], &x[4 + column], &x[8 + column], &x[12 + column]);
		for (unsigned column = 0; column < 4; column++)
			quarter_round(&x[column], &x[4 + (column + 1) % 4],
				      &x[8 + (column + 2) % 4], &x[12 + (column + 3) % 4]);
	}
	for (unsigned i = 0; i < N_WORDS; i++)
		x[i] += random->state[i];

	random->state[STATE_COUNTER]++;
	if (random->state[STATE_COUNTER] == 0)
		random->state[STATE_COUNTER + 1]++;
	random->n_left = N_WORDS;
}

void random_init(struct random *random, const uint8_t seed[RANDOM_SEED_SIZE])
{
	/* "expand 32-byte k" */
	static const uint32_t constant[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	*random = (struct random){.n_left = 0};
	memcpy(&random->state[STATE_CONSTANT], constant, sizeof(constant));
	memcpy(&random->state[STATE_KEY], seed, RANDOM_SEED_SIZE);
	for (unsigned i = STATE_KEY; i < STATE_COUNTER; i++)
		random->state[i] = le32toh(random->state[i]);
}

uint32_t random_u32(struct random *random)
{
	if (random->n_left == 0)
		next_block(random);
	return random->block[N_WORDS - random->n_left--];
}

/*
 * The high half of a product maps 32 bits onto 0 .. bound - 1. As 2^32 is no multiple of bound,
 * some results would come up once more than others; the low halves below 2^32 mod bound are that
 * surplus.
 */
uint32_t random_below(struct random *random, uint32_t bound)
{
	uint64_t product;
	uint32_t surplus;

	assert(bound > 0);

	product = (uint64_t)random_u32(random) * bound;
	if ((uint32_t)product < bound) {
		surplus = -bound % bound;
		while ((uint32_t)product < surplus)
			product = (uint64_t)random_u32(random) * bound;
	}
	return (uint32_t)(product >> 32);
}
