/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "daemon/core/tcp_probe.h"
#include "tests/gateway_fixture.h"
#include "tests/naive.h"

/* S-31: an empty segment, sequence and acknowledgment 0, ACK, window 0, Hop Limit 64. */
static void test_probe(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct taddr6 src = taddr6_of("[2001:db8:64::c633:6407]:80");
	const struct taddr6 dst = taddr6_of("[2001:db8::1]:5000");

	tcp_probe_build(&src, &dst, &gateway->out);
	g_assert_cmpuint(gateway->out.n_packets, ==, 1);
	const struct out_packet *sent = &gateway->out.packet[0];
	const uint8_t *ip = sent->part[0].base;
	const uint8_t *tcp = ip + 40;

	g_assert_cmpuint(sent->version, ==, 6);
	g_assert_cmpuint(sent->n_parts, ==, 1);
	g_assert_cmpuint(sent->part[0].size, ==, 60);
	g_assert_true(naive_packet_ok(ip, 60));
	g_assert_cmpuint(ip[7], ==, 64);
	g_assert_cmpmem(ip + 8, 16, src.addr.byte, 16);
	g_assert_cmpmem(ip + 24, 16, dst.addr.byte, 16);
	g_assert_cmpuint(load_be16(tcp), ==, 80);
	g_assert_cmpuint(load_be16(tcp + 2), ==, 5000);
	g_assert_cmpuint(load_be32(tcp + 4), ==, 0);
	g_assert_cmpuint(load_be32(tcp + 8), ==, 0);
	g_assert_cmpuint(tcp[12], ==, 5 << 4);
	g_assert_cmpuint(tcp[13], ==, TH_ACK);
	g_assert_cmpuint(load_be16(tcp + 14), ==, 0);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tcp_probe/segment", test_probe);
	return g_test_run();
}
