/* SPDX-License-Identifier: GPL-2.0-or-later */
/* T-34, T-36, F-9: the log speaks of what is NOTED, and no more than once in ten seconds of each.
 */
#include <glib.h>

#include "daemon/noted_log.h"
#include "tests/gateway_fixture.h"

static GPtrArray *lines;

static void report(int level, const char *text)
{
	g_ptr_array_add(lines, g_strdup(text));
}

static const char *last_line(void)
{
	return g_ptr_array_index(lines, lines->len - 1);
}

/* One UDP packet over IPv6 without a checksum. */
static void receive(struct gateway_fixture *fixture, uint16_t port, uint64_t now_ms)
{
	uint8_t buffer[PACKET_HEADROOM + 48] = {0};
	struct packet packet = {
		.data = buffer + PACKET_HEADROOM, .size = 48, .headroom = PACKET_HEADROOM};
	struct addr6 src = taddr6_of("[2001:db8::1]:0").addr;
	struct addr6 dst = taddr6_of("[2001:db8:64::198.51.100.7]:0").addr;

	packet.data[0] = 0x60;
	packet.data[5] = 8;
	packet.data[6] = IPPROTO_UDP;
	packet.data[7] = 64;
	memcpy(packet.data + 8, src.byte, 16);
	memcpy(packet.data + 24, dst.byte, 16);
	store_be16(packet.data + 40, port);
	store_be16(packet.data + 42, 9);
	store_be16(packet.data + 44, 8);
	g_assert_cmpint(nat64_receive(fixture->nat, &packet, now_ms, &fixture->out), ==,
			OUTCOME_UDP6_ZERO_CHECKSUM);
}

static void test_rarely(void)
{
	struct gateway_fixture *fixture = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct noted_log log = {.report = report};
	struct gateway gateway;
	uint64_t now_ms = FIXTURE_START_MS;

	lines = g_ptr_array_new_with_free_func(g_free);
	gateway_init(&gateway);
	gateway.nat = fixture->nat;

	noted_log_report(&log, &gateway, now_ms);
	g_assert_cmpuint(lines->len, ==, 0);
	receive(fixture, 5000, now_ms);
	noted_log_report(&log, &gateway, now_ms);
	g_assert_cmpuint(lines->len, ==, 1);
	g_assert_cmpstr(last_line(), ==,
			"dropped udp [2001:db8::1]:5000 > [2001:db8:64::c633:6407]:9: UDP over "
			"IPv6 without a checksum (udp6_zero_checksum)");

	/* A flood: one line, ten seconds later, which counts. */
	for (uint16_t port = 6000; port < 7000; port++) {
		receive(fixture, port, now_ms);
		noted_log_report(&log, &gateway, now_ms + 9999);
	}
	g_assert_cmpuint(lines->len, ==, 1);
	noted_log_report(&log, &gateway, now_ms + 10000);
	noted_log_report(&log, &gateway, now_ms + 20000);
	g_assert_cmpuint(lines->len, ==, 2);
	g_assert_cmpstr(last_line(), ==,
			"dropped udp [2001:db8::1]:6999 > [2001:db8:64::c633:6407]:9: UDP over "
			"IPv6 without a checksum (udp6_zero_checksum), and 999 more since the last "
			"line");

	/* Another one has a line of its own at once; what is not marked has none. */
	fixture->nat->counters.packets[1][OUTCOME_UDP4_ZERO_CHECKSUM] = 1;
	fixture->nat->counters.packets[1][OUTCOME_BIB4_NOT_FOUND] = 5;
	noted_log_report(&log, &gateway, now_ms + 20000);
	g_assert_cmpuint(lines->len, ==, 3);
	g_assert_true(g_str_has_prefix(last_line(), "dropped a packet: UDP over IPv4"));

	gateway.nat = NULL;
	gateway_deinit(&gateway);
	gateway_free(fixture);
	g_ptr_array_unref(lines);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/noted-log/rarely", test_rarely);
	return g_test_run();
}
