/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a packet leaves for the log: which ones do, and what the line says. */
#include <glib.h>

#include "daemon/core/noted.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

/* hex is a packet as it comes from the queue. */
static enum outcome receive(struct gateway_fixture *gateway, const char *hex)
{
	static uint8_t buffer[PACKET_HEADROOM + 2048];
	struct packet packet = {.data = buffer + PACKET_HEADROOM, .headroom = PACKET_HEADROOM};

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		packet.data[packet.size++] =
			(uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
		hex++;
	}
	out_clear(&gateway->out);
	return nat64_receive(gateway->nat, &packet, NOW, &gateway->out);
}

#define IP6(length, next)                                             \
	"60000000" length next "40 20010db8000000000000000000000001 " \
	"20010db80064000000000000c6336407 "

static void check(struct gateway_fixture *gateway, const char *hex, enum outcome outcome,
		  const char *expected)
{
	char text[NOTED_TEXT_SIZE];

	g_assert_cmpint(receive(gateway, hex), ==, outcome);
	g_assert_true(outcome_info(outcome)->noted);
	g_assert_cmpstr(noted_print(&gateway->nat->noted[outcome], text), ==, expected);
}

/* T-36, F-9, T-34: addresses, and ports where there are any. */
static void test_texts(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	gateway->nat->config.rules.drop_udp4_zero_checksum = true;
	check(gateway, IP6("0008", "11") "1388 0009 0008 0000", OUTCOME_UDP6_ZERO_CHECKSUM,
	      "udp [2001:db8::1]:5000 > [2001:db8:64::c633:6407]:9");
	/* Destination options behind the Fragment header. */
	check(gateway, IP6("0010", "2c") "3c00 0000 00000001 1100 0000 00000000",
	      OUTCOME_BAD_EXTENSION_HEADERS, "2001:db8::1 > 2001:db8:64::c633:6407");
	gateway_free(gateway);
}

/* What is not marked leaves nothing, and nothing was there before. */
static void test_unmarked(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	g_assert_cmpint(receive(gateway, IP6("0008", "11") "1388 0009 0007 1234"), ==,
			OUTCOME_MALFORMED_UDP);
	for (unsigned i = 0; i < N_OUTCOMES; i++)
		g_assert_cmpuint(gateway->nat->noted[i].version, ==, 0);
	gateway_free(gateway);
}

/* A packet of which not even the header came whole says nothing about itself. */
static void test_nothing_to_say(void)
{
	uint8_t bytes[IP6_HEADER_SIZE] = {0x60};
	struct packet packet = {.data = bytes, .size = 39, .version = 6};
	struct noted_packet noted;

	noted_take(&packet, &noted);
	g_assert_cmpuint(noted.version, ==, 0);
	packet.size = 40;
	noted_take(&packet, &noted);
	g_assert_cmpuint(noted.version, ==, 6);
	packet = (struct packet){.data = bytes, .size = 19, .version = 4};
	noted_take(&packet, &noted);
	g_assert_cmpuint(noted.version, ==, 0);
}

/* Ports: of a whole packet or a first fragment only, and only if they are there. */
static void test_ports(void)
{
	uint8_t bytes[] = {0x45, 0,  0,   24, 0,   0, 0,   0, 64, 17, 0,    0,
			   198,  51, 100, 7,  203, 0, 113, 1, 0,  9,  0x13, 0x88};
	struct packet packet = {.data = bytes,
				.size = sizeof(bytes),
				.version = 4,
				.ip_protocol = IPPROTO_UDP,
				.l4_offset = 20};
	char text[NOTED_TEXT_SIZE];
	struct noted_packet noted;

	noted_take(&packet, &noted);
	g_assert_cmpstr(noted_print(&noted, text), ==, "udp 198.51.100.7:9 > 203.0.113.1:5000");
	packet.ip_protocol = IPPROTO_TCP;
	noted_take(&packet, &noted);
	g_assert_cmpstr(noted_print(&noted, text), ==, "tcp 198.51.100.7:9 > 203.0.113.1:5000");
	packet.ip_protocol = IPPROTO_ICMP;
	noted_take(&packet, &noted);
	g_assert_cmpstr(noted_print(&noted, text), ==, "icmp 198.51.100.7 > 203.0.113.1");
	packet.ip_protocol = IPPROTO_UDP;
	packet.fragment_offset = 8;
	noted_take(&packet, &noted);
	g_assert_cmpstr(noted_print(&noted, text), ==, "udp 198.51.100.7 > 203.0.113.1");
	packet.fragment_offset = 0;
	packet.size = 23;
	noted_take(&packet, &noted);
	g_assert_false(noted.has_ports);
	packet.size = 24;
	packet.l4_offset = 0;
	noted_take(&packet, &noted);
	g_assert_false(noted.has_ports);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/noted/texts", test_texts);
	g_test_add_func("/noted/unmarked", test_unmarked);
	g_test_add_func("/noted/nothing_to_say", test_nothing_to_say);
	g_test_add_func("/noted/ports", test_ports);
	return g_test_run();
}
