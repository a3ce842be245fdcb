/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.4: tuples of packets, and the swapped ones of embedded packets (I-12).
 */
#include "daemon/core/tuple.h"

#include <glib.h>

#include "tests/craft.h"

#define SRC6 "2001:db8:1::10"
#define DST6 "2001:db8:64::c633:6414"
#define SRC4 "198.51.100.20"
#define DST4 "203.0.113.7"

static struct craft_buffer buffer;

static void assert_tuple6(struct tuple6 tuple, enum protocol protocol, const char *src,
			  const char *dst)
{
	char text[ADDR_TEXT_SIZE];

	g_assert_cmpint(tuple.protocol, ==, protocol);
	g_assert_cmpstr(taddr6_print(&tuple.src, text), ==, src);
	g_assert_cmpstr(taddr6_print(&tuple.dst, text), ==, dst);
}

static void assert_tuple4(struct tuple4 tuple, enum protocol protocol, const char *src,
			  const char *dst)
{
	char text[ADDR_TEXT_SIZE];

	g_assert_cmpint(tuple.protocol, ==, protocol);
	g_assert_cmpstr(taddr4_print(&tuple.src, text), ==, src);
	g_assert_cmpstr(taddr4_print(&tuple.dst, text), ==, dst);
}

static struct packet parsed(uint8_t version, uint8_t protocol, uint8_t icmp_type)
{
	const struct craft what = {
		.version = version,
		.protocol = protocol,
		.icmp_type = icmp_type,
		.src_port = 40000,
		.dst_port = 53,
	};
	struct packet packet = craft_packet(&buffer, &what);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	return packet;
}

static void test_packet6(void)
{
	struct packet packet = parsed(6, IPPROTO_TCP, 0);

	assert_tuple6(tuple6_of_packet(&packet), PROTOCOL_TCP, "[" SRC6 "]:40000", "[" DST6 "]:53");
	packet = parsed(6, IPPROTO_UDP, 0);
	assert_tuple6(tuple6_of_packet(&packet), PROTOCOL_UDP, "[" SRC6 "]:40000", "[" DST6 "]:53");
	packet = parsed(6, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
	assert_tuple6(tuple6_of_packet(&packet), PROTOCOL_ICMP, "[" SRC6 "]:40000",
		      "[" DST6 "]:40000");
}

static void test_packet4(void)
{
	struct packet packet = parsed(4, IPPROTO_TCP, 0);

	assert_tuple4(tuple4_of_packet(&packet), PROTOCOL_TCP, SRC4 ":40000", DST4 ":53");
	packet = parsed(4, IPPROTO_UDP, 0);
	assert_tuple4(tuple4_of_packet(&packet), PROTOCOL_UDP, SRC4 ":40000", DST4 ":53");
	packet = parsed(4, IPPROTO_ICMP, ICMP_ECHOREPLY);
	assert_tuple4(tuple4_of_packet(&packet), PROTOCOL_ICMP, SRC4 ":40000", DST4 ":40000");
}

/* A view of packet as if it were embedded in an error. */
static struct inner_packet as_inner(const struct packet *packet)
{
	return (struct inner_packet){
		.data = packet->data,
		.present = packet->size,
		.claimed = packet->size,
		.protocol = packet->protocol,
		.ip_protocol = packet->ip_protocol,
		.l4_offset = packet->l4_offset,
	};
}

static void test_inner_is_swapped(void)
{
	struct packet packet = parsed(6, IPPROTO_UDP, 0);
	struct inner_packet inner = as_inner(&packet);

	assert_tuple6(tuple6_of_inner(&inner), PROTOCOL_UDP, "[" DST6 "]:53", "[" SRC6 "]:40000");

	packet = parsed(4, IPPROTO_TCP, 0);
	inner = as_inner(&packet);
	assert_tuple4(tuple4_of_inner(&inner), PROTOCOL_TCP, DST4 ":53", SRC4 ":40000");

	packet = parsed(4, IPPROTO_ICMP, ICMP_ECHO);
	inner = as_inner(&packet);
	assert_tuple4(tuple4_of_inner(&inner), PROTOCOL_ICMP, DST4 ":40000", SRC4 ":40000");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tuple/packet6", test_packet6);
	g_test_add_func("/tuple/packet4", test_packet4);
	g_test_add_func("/tuple/inner_is_swapped", test_inner_is_swapped);
	return g_test_run();
}
