/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MSS option (T-39) and the checksums of TCP, UDP and echo on their own.
 */
#include "daemon/core/xlat_transport.h"

#include <glib.h>

#include "tests/craft.h"
#include "tests/naive.h"

static struct craft_buffer buffer;

static void test_clamp_mss(void)
{
	static const struct {
		const char *name;
		uint8_t flags;
		const char *options, *wanted;
		uint32_t nh4, nh6;
	} rows[] = {
		{"nh6 - 60", TH_SYN, "020405b4", "020405a0", 1500, 1500},
		{"nh4 - 40", TH_SYN, "020405b4", "0204058c", 1460, 1500},
		{"SYN and ACK too", TH_SYN | TH_ACK, "020405b4", "020405a0", 1500, 1500},
		{"as high as allowed", TH_SYN, "020405a0", "020405a0", 1500, 1500},
		{"one higher", TH_SYN, "020405a1", "020405a0", 1500, 1500},
		{"lower", TH_SYN, "02040218", "02040218", 1500, 1500},
		{"no SYN", TH_ACK, "020405b4", "020405b4", 1500, 1500},
		{"no limit", TH_SYN, "0204ffff", "0204ffff", UINT32_MAX, UINT32_MAX},
		{"not there: not added", TH_SYN, "01010402", "01010402", 1500, 1500},
		{"no options", TH_SYN, "", "", 1500, 1500},
		{"odd position", TH_SYN, "01020405b4040200", "01020405a0040200", 1500, 1500},
		{"behind others", TH_SYN, "0402080a0000000100000000020405b4",
		 "0402080a0000000100000000020405a0", 1500, 1500},
		{"behind the end", TH_SYN, "00000000020405b4", "00000000020405b4", 1500, 1500},
		{"behind a length of 0", TH_SYN, "03000000020405b4", "03000000020405b4", 1500,
		 1500},
		{"behind a length of 1", TH_SYN, "03010000020405b4", "03010000020405b4", 1500,
		 1500},
		{"behind a length too long", TH_SYN, "03090000020405b4", "03090000020405b4", 1500,
		 1500},
		{"of another length", TH_SYN, "020605b400000000", "020605b400000000", 1500, 1500},
		{"cut short", TH_SYN, "01020405", "01020405", 1500, 1500},
		{"length byte missing", TH_SYN, "01010102", "01010102", 1500, 1500},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {
			.version = 4,
			.protocol = IPPROTO_TCP,
			.tcp_flags = rows[i].flags,
			.tcp_options = rows[i].options,
			.payload_size = 5,
		};
		struct packet packet = craft_packet(&buffer, &what);
		struct craft_buffer wanted_buffer;
		struct packet wanted = craft_hex(&wanted_buffer, rows[i].wanted);

		g_test_message("%s", rows[i].name);
		xlat_clamp_mss(packet.data + IP4_HEADER_SIZE, rows[i].nh4, rows[i].nh6);
		g_assert_cmpmem(packet.data + 40, wanted.size, wanted.data, wanted.size);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
	}
}

/* T-39, T-40: what looks like the option is none in front of the options or behind them. */
static void test_clamp_mss_in_options_only(void)
{
	static const uint8_t mss[] = {TCPOPT_MAXSEG, TCPOLEN_MAXSEG, 0xff, 0xff};
	const struct craft what = {.version = 4,
				   .protocol = IPPROTO_TCP,
				   .tcp_flags = TH_SYN,
				   .tcp_options = "01010101",
				   .payload_size = 8};
	struct packet packet = craft_packet(&buffer, &what);
	uint8_t *tcp = packet.data + IP4_HEADER_SIZE;
	uint8_t before[32];

	memcpy(tcp + 16, mss, sizeof(mss));
	memcpy(tcp + 24, mss, sizeof(mss));
	memcpy(before, tcp, sizeof(before));
	xlat_clamp_mss(tcp, 576, 1280);
	g_assert_cmpmem(tcp, sizeof(before), before, sizeof(before));

	/* A payload that goes on as the options end. */
	tcp[24] = TCPOPT_NOP;
	memcpy(tcp + 25, mss, sizeof(mss));
	memcpy(before, tcp, sizeof(before));
	xlat_clamp_mss(tcp, 576, 1280);
	g_assert_cmpmem(tcp, sizeof(before), before, sizeof(before));
}

/* Ports and pseudo header change; then back again to the very bytes there were. */
static void test_there_and_back(void)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
		const struct craft what = {
			.version = 4,
			.protocol = protocols[i],
			.icmp_type = ICMP_ECHO,
			.src_port = 1234,
			.dst_port = 80,
			.payload_size = 7,
		};
		struct packet packet = craft_packet(&buffer, &what);
		uint8_t *l4 = packet.data + IP4_HEADER_SIZE;
		uint8_t before[40];

		memcpy(before, l4, sizeof(before));
		if (protocols[i] == IPPROTO_ICMP) {
			xlat_echo(l4, ICMP6_ECHO_REQUEST, 4321, 0, 0x1234);
			g_assert_cmpuint(l4[0], ==, ICMP6_ECHO_REQUEST);
			g_assert_cmpuint(load_be16(l4 + 4), ==, 4321);
			xlat_echo(l4, ICMP_ECHO, 1234, 0x1234, 0);
		} else {
			bool tcp = protocols[i] == IPPROTO_TCP;

			(tcp ? xlat_tcp : xlat_udp)(l4, 4321, 81, 0, 0x1234);
			g_assert_cmpuint(load_be16(l4), ==, 4321);
			g_assert_cmpuint(load_be16(l4 + 2), ==, 81);
			g_assert_cmpint(memcmp(l4 + 4, before + 4, sizeof(before) - 4), !=, 0);
			(tcp ? xlat_tcp : xlat_udp)(l4, 1234, 80, 0x1234, 0);
		}
		g_assert_true(naive_packet_ok(packet.data, packet.size));
		g_assert_cmpmem(l4, packet.size - 20, before, packet.size - 20);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xlat_transport/clamp_mss", test_clamp_mss);
	g_test_add_func("/xlat_transport/clamp_mss_in_options_only",
			test_clamp_mss_in_options_only);
	g_test_add_func("/xlat_transport/there_and_back", test_there_and_back);
	return g_test_run();
}
