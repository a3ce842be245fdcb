/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/token_bucket.h"

#include "daemon/core/minmax.h"

#define MILLI 1000

/* A token in a second is a thousandth of it in a millisecond: rate is both. */
void token_bucket_refill(struct token_bucket *bucket, uint64_t rate, uint64_t now_ms)
{
	const uint64_t elapsed_ms = max_u64(now_ms, bucket->counted_ms) - bucket->counted_ms;

	bucket->counted_ms = now_ms;
	if (rate != 0 && elapsed_ms > bucket->missing_milli / rate)
		bucket->missing_milli = 0;
	else
		bucket->missing_milli -= elapsed_ms * rate;
}

bool token_bucket_has_token(const struct token_bucket *bucket, uint64_t burst)
{
	return bucket->missing_milli + MILLI <= burst * MILLI;
}

void token_bucket_take(struct token_bucket *bucket)
{
	bucket->missing_milli += MILLI;
}
