/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-2-4 against the vectors of its authors. */
#include <glib.h>

#include "daemon/core/siphash.h"

/* Key 00 01 .. 0f; the message is the bytes 00 01 02 ..; output read as little-endian number. */
static const struct siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

static void test_published(void)
{
	static const struct {
		size_t size;
		uint64_t hash;
	} cases[] = {
		{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
	};
	uint8_t message[64];

	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmphex(siphash(&key, message, cases[i].size), ==, cases[i].hash);
}

/* The place of the data in memory and what stands behind it do not matter; the key does. */
static void test_inputs(void)
{
	struct siphash_key other = {{key.k[0] ^ 1, key.k[1]}};
	uint8_t buffer[40];

	for (size_t size = 0; size < 20; size++) {
		uint64_t first = 0;

		for (size_t offset = 0; offset < 16; offset++) {
			for (size_t i = 0; i < sizeof(buffer); i++)
				buffer[i] = i >= offset && i < offset + size ? (uint8_t)(i - offset)
									     : (uint8_t)offset;
			if (offset == 0)
				first = siphash(&key, buffer, size);
			g_assert_cmphex(siphash(&key, buffer + offset, size), ==, first);
		}
		g_assert_cmphex(siphash(&other, buffer + 15, size), !=, first);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/siphash/published", test_published);
	g_test_add_func("/siphash/inputs", test_inputs);
	return g_test_run();
}
