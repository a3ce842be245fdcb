/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internet checksums against a naive sum, and the incremental update (RFC 1624; T-32). */
#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#include "daemon/core/checksum.h"

#define SEED 6145

/* RFC 1071, 4.1: byte pairs in network order; returns the sum as a word of the packet. */
static uint16_t naive_sum(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)sum);
}

static void fill(GRand *random, uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)g_rand_int(random);
}

/* RFC 1071, 3: the example. */
static void test_known(void)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	g_assert_cmphex(ntohs(checksum_fold(checksum_add(0, data, sizeof(data)))), ==, 0xddf2);
	g_assert_cmphex(ntohs(checksum_finish(checksum_add(0, data, sizeof(data)))), ==, 0x220d);
}

static void test_lengths_and_alignments(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	uint8_t buffer[2048];

	for (unsigned i = 0; i < 4000; i++) {
		size_t offset = (size_t)g_rand_int_range(random, 0, 17);
		size_t size = (size_t)g_rand_int_range(random, 0, i % 4 == 0 ? 1600 : 40);

		fill(random, buffer + offset, size);
		if (i % 8 == 1)
			memset(buffer + offset, 0xff, size);
		g_assert_cmphex(checksum_fold(checksum_add(0, buffer + offset, size)), ==,
				naive_sum(buffer + offset, size));
	}
	g_rand_free(random);
}

/* A sum goes on where the last one stopped, if that was at an even place. */
static void test_parts(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	uint8_t buffer[301];

	fill(random, buffer, sizeof(buffer));
	for (size_t cut = 0; cut < sizeof(buffer); cut += 2) {
		uint64_t sum = checksum_add(0, buffer, cut);

		sum = checksum_add(sum, buffer + cut, sizeof(buffer) - cut);
		g_assert_cmphex(checksum_fold(sum), ==, naive_sum(buffer, sizeof(buffer)));
	}
	g_rand_free(random);
}

/* Only zeros sum up to zero; everything else that is zero modulo 2^16 - 1 is 0xffff. */
static void test_both_zeros(void)
{
	static const uint8_t zeros[64];
	static const uint8_t ones[64] = {[0] = 0xff, [1] = 0xff};
	static const uint8_t pair[4] = {0x12, 0x34, 0xed, 0xcb};

	g_assert_cmphex(checksum_fold(checksum_add(0, zeros, sizeof(zeros))), ==, 0);
	g_assert_cmphex(checksum_finish(checksum_add(0, zeros, sizeof(zeros))), ==, 0xffff);
	g_assert_cmphex(checksum_fold(checksum_add(0, ones, sizeof(ones))), ==, 0xffff);
	g_assert_cmphex(checksum_fold(checksum_add(0, pair, sizeof(pair))), ==, 0xffff);
	g_assert_cmphex(checksum_fold(UINT64_MAX), ==, 0xffff);
	g_assert_cmphex(checksum_fold(UINT32_MAX), ==, 0xffff);
	g_assert_cmphex(checksum_fold(0x10000), ==, 1);
	g_assert_cmphex(checksum_fold(0x1ffff), ==, 1);
}

static void test_pseudo_headers(void)
{
	GRand *random = g_rand_new_with_seed(SEED);

	for (unsigned i = 0; i < 100; i++) {
		uint32_t length = g_rand_int(random) >> (i % 2 * 16);
		uint8_t next_header = (uint8_t)g_rand_int(random);
		uint8_t header6[40] = {0};
		uint8_t header4[12] = {0};
		struct addr6 src6;
		struct addr6 dst6;
		uint32_t src4;
		uint32_t dst4;

		fill(random, header6, 32);
		memcpy(&src6, header6, 16);
		memcpy(&dst6, header6 + 16, 16);
		memcpy(header6 + 32, &(uint32_t){htonl(length)}, 4);
		header6[39] = next_header;
		g_assert_cmphex(checksum_fold(checksum_pseudo6(&src6, &dst6, length, next_header)),
				==, naive_sum(header6, sizeof(header6)));

		fill(random, header4, 8);
		memcpy(&src4, header4, 4);
		memcpy(&dst4, header4 + 4, 4);
		header4[9] = next_header;
		memcpy(header4 + 10, &(uint16_t){htons((uint16_t)length)}, 2);
		g_assert_cmphex(checksum_fold(checksum_pseudo4(ntohl(src4), ntohl(dst4),
							       (uint16_t)length, next_header)),
				==, naive_sum(header4, sizeof(header4)));
	}
	g_rand_free(random);
}

/* RFC 1624, 4: the example that equation 2 gets wrong. */
static void test_rfc1624_example(void)
{
	g_assert_cmphex(checksum_update(htons(0xdd2f), htons(0x5555), htons(0x3285)), ==,
			htons(0x0000));
}

/* How far a packet is from being right: its whole sum, where 0xffff is right. */
static uint16_t error_of(const uint8_t *data, size_t size)
{
	return checksum_fold(checksum_add(0, data, size));
}

/* T-32: a right packet stays right, a wrong one stays wrong by the same amount. */
static void test_update_keeps_the_error(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	uint8_t data[64];

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t offset = 2 + 2 * (uint32_t)g_rand_int_range(random, 0, 20);
		uint32_t size = 2 * (uint32_t)g_rand_int_range(random, 0, 10);
		uint64_t removed;
		uint16_t before;
		uint16_t check;

		fill(random, data, sizeof(data));
		if (i % 3 == 0)
			memset(data + 2, i % 2 == 0 ? 0x00 : 0xff, sizeof(data) - 2);
		if (i % 2 == 0) {
			memset(data, 0, 2);
			check = checksum_finish(checksum_add(0, data, sizeof(data)));
			memcpy(data, &check, 2);
		}
		before = error_of(data, sizeof(data));
		removed = checksum_add(0, data + offset, size);
		fill(random, data + offset, size);
		if (i % 5 == 0)
			memset(data + offset, i % 7 == 0 ? 0x00 : 0xff, size);

		memcpy(&check, data, 2);
		check = checksum_update(check, removed, checksum_add(0, data + offset, size));
		memcpy(data, &check, 2);
		/* Zero modulo 2^16 - 1 is one value, also where it can be written in two ways. */
		g_assert_cmphex(error_of(data, sizeof(data)) % 0xffff, ==, before % 0xffff);
	}
	g_rand_free(random);
}

/* For one word it is equation 3 to the letter, the zeros included. */
static void check_equation_3(uint16_t check, uint16_t removed, uint16_t added)
{
	uint32_t sum = (uint32_t)(uint16_t)~check + (uint16_t)~removed + added;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	g_assert_cmphex(checksum_update(check, removed, added), ==, (uint16_t)~sum);
}

static void test_update_as_equation_3(void)
{
	static const uint16_t edge[] = {0x0000, 0x0001, 0x7fff, 0x8000, 0xfffe, 0xffff};
	const size_t n = G_N_ELEMENTS(edge);
	GRand *random = g_rand_new_with_seed(SEED);

	for (size_t i = 0; i < n * n * n; i++)
		check_equation_3(edge[i % n], edge[i / n % n], edge[i / n / n]);
	for (unsigned i = 0; i < 10000; i++)
		check_equation_3((uint16_t)g_rand_int(random), (uint16_t)g_rand_int(random),
				 (uint16_t)g_rand_int(random));
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/checksum/known", test_known);
	g_test_add_func("/checksum/lengths_and_alignments", test_lengths_and_alignments);
	g_test_add_func("/checksum/parts", test_parts);
	g_test_add_func("/checksum/both_zeros", test_both_zeros);
	g_test_add_func("/checksum/pseudo_headers", test_pseudo_headers);
	g_test_add_func("/checksum/rfc1624_example", test_rfc1624_example);
	g_test_add_func("/checksum/update_keeps_the_error", test_update_keeps_the_error);
	g_test_add_func("/checksum/update_as_equation_3", test_update_as_equation_3);
	return g_test_run();
}
