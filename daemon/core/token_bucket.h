/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token bucket: so many at once, and so many a second behind that.
 *
 * Kept is what is missing to a full bucket, in thousandths of a token; all zero is a full one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	uint64_t counted_ms; /* when missing_milli was right */
	uint64_t missing_milli;
};

/* rate: tokens a second. */
void token_bucket_refill(struct token_bucket *bucket, uint64_t rate, uint64_t now_ms);
/* Refilled just now; burst: tokens of a full one. */
bool token_bucket_has_token(const struct token_bucket *bucket, uint64_t burst);
void token_bucket_take(struct token_bucket *bucket);
