/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "daemon/core/answer.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static const struct taddr4 server = {0xc6336407, 9};

static unsigned errors_about(struct gateway_fixture *gateway, const char *client)
{
	struct taddr6 src = taddr6_of(client);

	(void)gateway_udp6(gateway, &src, &server, NOW);
	return gateway->out.n_packets;
}

static bool no_source4(void *context, uint32_t dst, uint32_t *ret)
{
	return false;
}

static bool no_source6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	return false;
}

/* I-32: without an address of its own the gateway says nothing. */
static void test_no_source(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	gateway->nat->draining = true;
	g_assert_cmpuint(errors_about(gateway, "[2001:db8::1]:5000"), ==, 1);
	gateway->nat->world.source6 = no_source6;
	g_assert_cmpuint(errors_about(gateway, "[2001:db8::1]:5000"), ==, 0);
	g_assert_cmpuint(gateway->nat->counters.icmp_errors_sent[0], ==, 1);
	gateway_free(gateway);
}

/* X-14, L-15: what the limit keeps back is counted. */
static void test_limit_is_counted(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	unsigned n_sent = 0;

	gateway->nat->draining = true;
	for (unsigned i = 0; i < 15; i++)
		n_sent += errors_about(gateway, "[2001:db8::1]:5000");
	g_assert_cmpuint(n_sent, ==, 10);
	g_assert_cmpuint(gateway->nat->counters.icmp_errors_sent[0], ==, 10);
	g_assert_cmpuint(gateway->nat->counters.icmp_errors_limited[0], ==, 5);
	gateway_free(gateway);
}

/* S-28: the stored SYN is quoted, and the store's memory is not needed any more. */
static void test_stored_syn(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct stored_syn syn = {.peer = server, .mapped = {0xcb007101, 4000}, .packet_size = 40};

	syn.packet[0] = 0x45;
	syn.packet[3] = 40;
	syn.packet[9] = IPPROTO_TCP;
	store_be32(syn.packet + 12, syn.peer.addr);
	store_be32(syn.packet + 16, syn.mapped.addr);
	g_assert_true(answer_stored_syn(gateway->nat, &syn, NOW, &gateway->out));
	memset(&syn, 0xff, sizeof(syn));

	const struct out_packet *sent = &gateway->out.packet[0];
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	for (unsigned i = 0; i < sent->n_parts; i++)
		g_byte_array_append(bytes, sent->part[i].base, sent->part[i].size);
	g_assert_cmpuint(bytes->len, ==, 20 + 8 + 40);
	g_assert_cmpuint(bytes->data[20], ==, ICMP_DEST_UNREACH);
	g_assert_cmpuint(bytes->data[21], ==, ICMP_PORT_UNREACH);
	g_assert_cmpuint(load_be32(bytes->data + 28 + 12), ==, server.addr);
	gateway_free(gateway);
}

static bool answers_syn_of(struct gateway_fixture *gateway, uint32_t peer)
{
	struct stored_syn syn = {
		.peer = {peer, 9}, .mapped = {0xcb007101, 4000}, .packet_size = 40};

	syn.packet[0] = 0x45;
	syn.packet[3] = 40;
	syn.packet[9] = IPPROTO_TCP;
	store_be32(syn.packet + 12, peer);
	store_be32(syn.packet + 16, syn.mapped.addr);
	out_clear(&gateway->out);
	return answer_stored_syn(gateway->nat, &syn, NOW, &gateway->out);
}

/* I-29, I-32, X-14: whom the IPv4 side is not told, by whom, and how often. */
static void test_silent4(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	bool (*source4)(void *, uint32_t, uint32_t *) = gateway->nat->world.source4;
	unsigned n_sent = 0;

	g_assert_false(answers_syn_of(gateway, 0x7f000001));
	gateway->nat->world.source4 = no_source4;
	g_assert_false(answers_syn_of(gateway, server.addr));
	gateway->nat->world.source4 = source4;
	g_assert_cmpuint(gateway->nat->counters.icmp_errors_sent[1], ==, 0);
	for (unsigned i = 0; i < 15; i++)
		n_sent += answers_syn_of(gateway, server.addr);
	g_assert_cmpuint(n_sent, ==, 10);
	g_assert_cmpuint(gateway->nat->counters.icmp_errors_limited[1], ==, 5);
	gateway_free(gateway);
}

static bool source_in_pool6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	*ret = taddr6_of("[2001:db8:64::1]:0").addr;
	return true;
}

/* I-32: no error of ours comes from inside Pool6, whatever address the host would use. */
static void test_source_in_pool6(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 nowhere = taddr4_of("198.51.100.7:9");

	gateway->world.route4[0].answer.state = ROUTE_NONE;
	gateway->world.n_route4 = 1;
	g_assert_cmpint(gateway_udp6(gateway, &client, &nowhere, NOW), ==, OUTCOME_NO_ROUTE);
	g_assert_cmpuint(gateway->out.n_packets, ==, 1);
	gateway->nat->world.source6 = source_in_pool6;
	g_assert_cmpint(gateway_udp6(gateway, &client, &nowhere, NOW), ==, OUTCOME_NO_ROUTE);
	g_assert_cmpuint(gateway->out.n_packets, ==, 0);
	gateway_free(gateway);
}

/* I-29, I-32: nobody is told who can not be: inside Pool6, where it would come back to us, and at
 * addresses that are none. */
static void test_silent6(void)
{
	static const struct {
		const char *src;
		bool told;
	} cases[] = {
		{"2001:db8::1", true},
		{"2001:db8:64::c633:6407", false}, /* the first prefix */
		{"2001:db8:65::c633:6407", false}, /* and another one */
		{"ff02::1", false},
		{"::", false},
		{"::1", false},
	};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	uint8_t bytes[PACKET_HEADROOM + 48] = {0};
	struct packet packet = {.data = bytes + PACKET_HEADROOM,
				.size = 48,
				.headroom = PACKET_HEADROOM,
				.version = 6,
				.ip_protocol = IPPROTO_UDP,
				.l4_offset = 40};
	const struct addr6 dst = taddr6_of("[2001:db8:64::c633:6407]:0").addr;

	g_assert_true(prefix6_parse("2001:db8:65::/96", &gateway->nat->config.pool6[1]));
	packet.data[0] = 0x60;
	packet.data[5] = 8;
	packet.data[6] = IPPROTO_UDP;
	memcpy(packet.data + 24, dst.byte, 16);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct addr6 src;

		g_test_message("%s", cases[i].src);
		g_assert_true(addr6_parse(cases[i].src, &src));
		memcpy(packet.data + 8, src.byte, 16);
		out_clear(&gateway->out);
		g_assert_cmpint(answer_too_big(gateway->nat, &packet, 1280, NOW, &gateway->out), ==,
				cases[i].told);
		g_assert_cmpuint(gateway->out.n_packets, ==, cases[i].told);
	}
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/answer/source_in_pool6", test_source_in_pool6);
	g_test_add_func("/answer/silent6", test_silent6);
	g_test_add_func("/answer/silent4", test_silent4);
	g_test_add_func("/answer/no_source", test_no_source);
	g_test_add_func("/answer/limit_is_counted", test_limit_is_counted);
	g_test_add_func("/answer/stored_syn", test_stored_syn);
	return g_test_run();
}
