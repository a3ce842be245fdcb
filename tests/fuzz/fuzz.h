/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every fuzz target shares: how a finding ends the run, and an input read byte by byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Always checked, unlike assert(); libFuzzer keeps the input that led here. */
#define REQUIRE(condition)                                                              \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* A target may have one: after all inputs of a corpus (replay.c). False: they have missed something
 * that they should reach. */
bool fuzz_finish(void);

/* What is left of an input. Behind its end there are zeros. */
struct fuzz_input {
	const uint8_t *at;
	size_t size;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->at++;
}

static inline uint16_t fuzz_be16(struct fuzz_input *input)
{
	const uint8_t high = fuzz_byte(input);

	return (uint16_t)(high << 8 | fuzz_byte(input));
}
