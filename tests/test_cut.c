/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superpackets cut here: each segment is right by the naive checksums, and all of them together are
 * the packet that came. */
#include <glib.h>

#include "daemon/core/checksum.h"
#include "daemon/core/cut.h"
#include "tests/craft.h"
#include "tests/naive.h"

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

/* Padding, so that the option has four bytes; 40 bytes of options are the most there can be. */
#define TIMESTAMPS "0101080a0102030405060708"
#define LONGEST    "01010101010101010101010101010101010101010101010101010101010101010101010101010101"

static struct craft_buffer buffer;

/* Both are network order. */
static uint32_t be32_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static struct packet make(uint8_t version, const char *options, uint8_t flags,
			  uint32_t payload_size)
{
	const struct craft craft = {
		.version = version,
		.protocol = IPPROTO_TCP,
		.tcp_flags = flags,
		.tcp_options = options,
		.fragment_id = 65530, /* IPv4: goes round within some of the rows */
		.payload_size = payload_size,
	};
	struct packet packet = craft_packet(&buffer, &craft);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	/* Unfinished: whatever stands there does not count. */
	memset(packet_l4(&packet) + 16, 0x5a, 2);
	return packet;
}

static void check_row(uint8_t version, const char *options, uint8_t flags, uint32_t payload_size,
		      uint16_t segment_size, uint32_t n_wanted)
{
	const struct packet packet = make(version, options, flags, payload_size);
	const struct out_packet whole = {.version = version,
					 .is_tcp = true,
					 .unfinished = true,
					 .segment_size = segment_size,
					 .mark = 0x1234,
					 .n_parts = 1,
					 .part = {{packet.data, packet.size}}};
	const uint32_t ip_size = version == 6 ? 40 : 20;
	const uint32_t headers_size = packet.size - payload_size;
	const uint32_t sequence = be32_at(packet_l4(&packet) + 4);
	g_autofree uint8_t *before = g_memdup2(packet.data, packet.size);
	const uint32_t n = cut_count(&whole);
	uint32_t at = 0;

	g_assert_cmpuint(n, ==, n_wanted);
	for (uint32_t i = 0; i < n; i++) {
		const bool is_last = i == n - 1;
		uint8_t header[CUT_HEADER_MAX], bytes[CRAFT_SIZE_MAX];
		struct out_packet segment;
		uint32_t size;

		cut_segment(&whole, i, header, &segment);
		g_assert_cmpuint(segment.n_parts, ==, 2);
		g_assert_cmpuint(segment.part[0].size, ==, headers_size);
		g_assert_false(segment.unfinished);
		g_assert_cmpuint(segment.segment_size, ==, 0);
		g_assert_cmphex(segment.mark, ==, 0x1234);
		g_assert_true(segment.is_tcp);
		g_assert_true(segment.part[1].base == packet.data + headers_size + at);
		memcpy(bytes, segment.part[0].base, headers_size);
		memcpy(bytes + headers_size, segment.part[1].base, segment.part[1].size);
		size = headers_size + segment.part[1].size;
		g_assert_true(naive_packet_ok(bytes, size));
		if (!is_last)
			g_assert_cmpuint(segment.part[1].size, ==, segment_size);
		g_assert_cmpuint(be32_at(bytes + ip_size + 4), ==, sequence + at);
		g_assert_cmphex(bytes[ip_size + 13], ==,
				flags & ~(is_last ? 0 : FIN | PSH) & ~(i == 0 ? 0 : CWR));
		if (version == 4)
			g_assert_cmpuint(bytes[4] << 8 | bytes[5], ==, (65530 + i) & 0xffff);
		at += segment.part[1].size;
	}
	g_assert_cmpuint(at, ==, payload_size);
	g_assert_cmpmem(packet.data, packet.size, before, packet.size);
}

static void test_segments(void)
{
	static const struct {
		const char *options;
		uint8_t flags;
		uint32_t payload_size;
		uint16_t segment_size;
		uint32_t n;
	} rows[] = {
		{NULL, ACK, 3000, 1000, 3},
		{NULL, ACK | PSH, 3001, 1000, 4},
		{TIMESTAMPS, ACK | PSH | FIN, 2999, 1000, 3},
		{TIMESTAMPS, ACK | CWR, 64000, 1448, 45},
		{LONGEST, ACK | CWR | PSH | FIN, 1001, 77, 13}, /* odd sizes, odd addresses */
		{NULL, ACK, 700, 1, 700},
		{NULL, ACK, 1000, 1000, 1},
		{NULL, ACK, 1000, 65535, 1},
		{NULL, ACK | FIN, 0, 1000, 1},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		check_row(4, rows[i].options, rows[i].flags, rows[i].payload_size,
			  rows[i].segment_size, rows[i].n);
		check_row(6, rows[i].options, rows[i].flags, rows[i].payload_size,
			  rows[i].segment_size, rows[i].n);
	}
}

/* Only the checksum was left to others. */
static void test_single(void)
{
	check_row(4, NULL, ACK | PSH | CWR, 100, 0, 1);
	check_row(6, TIMESTAMPS, ACK | FIN, 0, 0, 1);
	check_row(6, LONGEST, ACK | PSH, 61, 0, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cut/segments", test_segments);
	g_test_add_func("/cut/single", test_single);
	return g_test_run();
}
