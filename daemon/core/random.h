/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generator behind port numbers and IPv4 identifications (P-9, F-10): ChaCha20 as a stream,
 * keyed once. Same seed, same numbers: tests fix the seed, the daemon takes it from getrandom().
 */
#pragma once

#include <stdint.h>

#define RANDOM_SEED_SIZE 32

struct random {
	uint32_t state[16];
	uint32_t block[16];
	unsigned n_left; /* unused words in block */
};

void random_init(struct random *random, const uint8_t seed[RANDOM_SEED_SIZE]);
uint32_t random_u32(struct random *random);

/* Uniform in 0 .. bound - 1, without modulo bias; bound > 0. */
uint32_t random_below(struct random *random, uint32_t bound);
