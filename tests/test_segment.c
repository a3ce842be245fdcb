/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of superpackets: how many there are, with which options, and what is kept of them. What
 * they learn from is in tests/packets/sp*.pkt.
 */
#include <glib.h>

#include "daemon/core/segment.h"

static struct packet tcp_packet(uint8_t *data, uint32_t payload_size, unsigned options_size)
{
	const uint32_t tcp_size = TCP_HEADER_SIZE + options_size;

	data[IP4_HEADER_SIZE + 12] = (uint8_t)(tcp_size / 4 << 4);
	return (struct packet){
		.data = data,
		.size = IP4_HEADER_SIZE + tcp_size + payload_size,
		.version = 4,
		.dont_fragment = true,
		.superpacket = true,
		.ip_protocol = IPPROTO_TCP,
		.protocol = PROTOCOL_TCP,
		.l4_offset = IP4_HEADER_SIZE,
	};
}

/* Options take their place in each segment (RFC 6691). */
static void test_options_count(void)
{
	uint8_t data[100] = {0};
	struct packet packet = tcp_packet(data, 5000, 12);
	struct nat64 nat = {.config.rules.clamp_mss = false};
	const struct filter_plan plan = {.session = SLAB_NONE, .change = FILTER_KEEPS};
	struct passage passage = {.nat = &nat, .packet = &packet};

	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, SEGMENT_MSS_UNKNOWN - 12);
	g_assert_cmpuint(segment_count(&packet), ==, 10); /* 9 * 524 = 4716 */
}

static void test_count(void)
{
	static const struct {
		uint32_t payload_size;
		uint16_t segment_size, n;
	} rows[] = {{0, 0, 1}, {9000, 0, 1}, {1441, 1440, 2}, {2880, 1440, 2}, {65495, 48, 1365}};
	uint8_t data[100] = {0};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = tcp_packet(data, rows[i].payload_size, 0);

		packet.segment_size = rows[i].segment_size;
		g_assert_cmpuint(segment_count(&packet), ==, rows[i].n);
	}
}

/* What is no superpacket is left alone, and so is one that is a single segment. */
static void test_nothing_to_cut(void)
{
	uint8_t data[100] = {0};
	struct packet packet = tcp_packet(data, SEGMENT_MSS_UNKNOWN, 0);
	struct nat64 nat = {.config.rules.clamp_mss = false};
	const struct filter_plan plan = {.session = SLAB_NONE, .change = FILTER_KEEPS};
	struct passage passage = {.nat = &nat, .packet = &packet};

	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, 0);
	packet.size += 9000;
	packet.superpacket = false;
	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, 0);
}

/* Room for both directions, and an end of time, in 64 bits. */
static void test_session_fields(void)
{
	struct session session = {.expires_ms = SESSION_TIME_MAX,
				  .mss_6to4 = SESSION_MSS_MAX,
				  .mss_4to6 = SESSION_MSS_MAX};

	g_assert_true(session.expires_ms == SESSION_TIME_MAX);
	g_assert_cmpuint(session.mss_6to4 * 4u, ==, SEGMENT_MSS_MAX);
	g_assert_cmpuint(session.mss_4to6 * 4u, >=, 1500);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/segment/options_count", test_options_count);
	g_test_add_func("/segment/count", test_count);
	g_test_add_func("/segment/nothing_to_cut", test_nothing_to_cut);
	g_test_add_func("/segment/session_fields", test_session_fields);
	return g_test_run();
}
