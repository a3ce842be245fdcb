/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "daemon/core/token_bucket.h"

static unsigned take_all(struct token_bucket *bucket, uint64_t rate, uint64_t burst,
			 uint64_t now_ms)
{
	unsigned n = 0;

	token_bucket_refill(bucket, rate, now_ms);
	while (token_bucket_has_token(bucket, burst)) {
		token_bucket_take(bucket);
		n++;
	}
	return n;
}

/* So many at once, then so many a second, and never more than a full one. */
static void test_rate(void)
{
	struct token_bucket bucket = {0};

	g_assert_cmpuint(take_all(&bucket, 10, 20, 1000), ==, 20);
	g_assert_cmpuint(take_all(&bucket, 10, 20, 1000), ==, 0);
	g_assert_cmpuint(take_all(&bucket, 10, 20, 1099), ==, 0);
	g_assert_cmpuint(take_all(&bucket, 10, 20, 1100), ==, 1);
	g_assert_cmpuint(take_all(&bucket, 10, 20, 2100), ==, 10);
	g_assert_cmpuint(take_all(&bucket, 10, 20, 1000000), ==, 20);
}

/* A clock that goes back gives nothing; without a rate only the burst is there. */
static void test_odd(void)
{
	struct token_bucket bucket = {0};

	g_assert_cmpuint(take_all(&bucket, 0, 3, 5000), ==, 3);
	g_assert_cmpuint(take_all(&bucket, 0, 3, 900000), ==, 0);
	g_assert_cmpuint(take_all(&bucket, 10, 3, 1000), ==, 0);
	g_assert_cmpuint(take_all(&bucket, 1000000, 3, 1001), ==, 3);
	g_assert_cmpuint(take_all(&bucket, 10, 0, 2000), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/token_bucket/rate", test_rate);
	g_test_add_func("/token_bucket/odd", test_odd);
	return g_test_run();
}
