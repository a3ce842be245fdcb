/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Headers as bytes.
 */
#include "daemon/core/ip_header.h"

#include <glib.h>

#include "tests/craft.h"
#include "tests/naive.h"

static struct craft_buffer buffer;

static void assert_bytes(const uint8_t *got, const char *hex)
{
	struct packet wanted = craft_hex(&buffer, hex);

	g_assert_cmpmem(got, wanted.size, wanted.data, wanted.size);
}

/* T-11; the first is the example of tests/vectors/packets.csv, tcp_syn_6to4. */
static void test_ip4(void)
{
	struct ip_fields fields = {
		.traffic_class = 0xb8, .hop_limit = 63, .ip_protocol = IPPROTO_TCP};
	uint32_t src = craft_addr4("203.0.113.7"), dst = craft_addr4("198.51.100.20");
	uint8_t header[IP4_HEADER_SIZE];

	memset(header, 0xff, sizeof(header));
	ip4_header_write(header, &fields, src, dst, 24);
	assert_bytes(header, "45b8002c000000003f0614c5cb007107c6336414");

	fields.dont_fragment = true;
	fields.fragment_id = 0xdeadbeef; /* the low 16 bits */
	ip4_header_write(header, &fields, src, dst, 65515);
	g_assert_cmphex(load_be16(header + 2), ==, 65535);
	g_assert_cmphex(load_be16(header + 4), ==, 0xbeef);
	g_assert_cmphex(load_be16(header + 6), ==, 0x4000);
	g_assert_cmphex(naive_checksum(header, sizeof(header)), ==, 0);

	fields.dont_fragment = false;
	fields.more_fragments = true;
	fields.fragment_offset = 65528;
	ip4_header_write(header, &fields, src, dst, 0);
	g_assert_cmphex(load_be16(header + 6), ==, 0x3fff);
	g_assert_cmphex(naive_checksum(header, sizeof(header)), ==, 0);
}

/* T-1, F-6. */
static void test_ip6(void)
{
	struct ip_fields fields = {
		.traffic_class = 0xff, .hop_limit = 56, .ip_protocol = IPPROTO_TCP};
	struct addr6 src = craft_addr6("2001:db8:64::c633:6414");
	struct addr6 dst = craft_addr6("2001:db8:1::10");
	uint8_t header[IP6_HEADER_SIZE + FRAGMENT_HEADER_SIZE];

	memset(header, 0xff, sizeof(header));
	ip6_header_write(header, &fields, &src, &dst, 0x1234);
	assert_bytes(header, "6ff00000123406382001"
			     "0db80064000000000000c633641420010db8000100000000000000000010"
			     "ffffffffffffffff");

	fields.has_fragment_header = true;
	fields.more_fragments = true;
	fields.fragment_offset = 1232;
	fields.fragment_id = 0xdeadbeef;
	ip6_header_write(header, &fields, &src, &dst, 0x1234);
	g_assert_cmphex(load_be16(header + 4), ==, 0x123c);
	g_assert_cmpuint(header[6], ==, IPPROTO_FRAGMENT);
	assert_bytes(header + 40, "060004d1deadbeef");

	fields.more_fragments = false;
	ip6_header_write(header, &fields, &src, &dst, 8);
	assert_bytes(header + 40, "060004d0deadbeef");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ip_header/ip4", test_ip4);
	g_test_add_func("/ip_header/ip6", test_ip6);
	return g_test_run();
}
