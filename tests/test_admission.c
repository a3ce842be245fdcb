/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a packet is; rows on the wire are in tests/packets (a08_ to a16_, p23_). */
#include <glib.h>

#include "daemon/core/admission.h"
#include "tests/gateway_fixture.h"

static struct gateway_fixture *gateway;
static uint8_t bytes[48];

static struct packet packet6(const char *src, const char *dst)
{
	struct packet packet = {.data = bytes, .size = 48, .version = 6};
	struct addr6 addr = {0};

	g_assert_true(addr6_parse(src, &addr));
	memcpy(bytes + 8, addr.byte, 16);
	g_assert_true(addr6_parse(dst, &addr));
	memcpy(bytes + 24, addr.byte, 16);
	return packet;
}

static struct packet packet4(const char *src, const char *dst)
{
	struct packet packet = {.data = bytes, .size = 28, .version = 4};
	uint32_t addr = 0;

	g_assert_true(addr4_parse(src, &addr));
	store_be32(bytes + 12, addr);
	g_assert_true(addr4_parse(dst, &addr));
	store_be32(bytes + 16, addr);
	return packet;
}

/* in the order in which they are asked. */
static void test_6to4(void)
{
	static const struct {
		const char *src;
		const char *dst;
		enum outcome outcome;
	} cases[] = {
		{"2001:db8::1", "2001:db8:64::198.51.100.7", OUTCOME_TRANSLATED},
		{"2001:db8::1", "2001:db8:65::198.51.100.7", OUTCOME_NOT_OURS},
		{"2001:db8:64::1", "2001:db8:65::198.51.100.7", OUTCOME_NOT_OURS},
		{"2001:db8:64::1", "2001:db8:64::10.0.0.1", OUTCOME_EXEMPT},
		{"2001:db8:64::1", "2001:db8:64::198.51.100.7", OUTCOME_SOURCE_IN_POOL6},
		{"fe80::1", "2001:db8:64::198.51.100.7", OUTCOME_ILLEGAL_SOURCE},
		{"2001:db8::1", "2001:db8:64::127.0.0.1", OUTCOME_ILLEGAL_DESTINATION},
	};

	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64_config *config = &gateway->nat->config;
	g_assert_true(prefix4_parse("10.0.0.0/8", &config->exempt4[config->n_exempt4++]));
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct packet packet = packet6(cases[i].src, cases[i].dst);
		uint32_t peer4 = 0;
		int pool6 = -1;
		g_assert_cmpint(admission_6to4(gateway->nat, &packet, &pool6, &peer4), ==,
				cases[i].outcome);
		if (cases[i].outcome == OUTCOME_TRANSLATED) {
			g_assert_cmpint(pool6, ==, 0);
			g_assert_cmpuint(peer4, ==, 0xc6336407);
		}
	}
	gateway_free(gateway);
}

/* the port is read where it is there, also as the last bytes of what is too short for UDP. */
static void test_exempt_port(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64_config *config = &gateway->nat->config;
	struct packet packet = packet6("2001:db8::1", "2001:db8:64::198.51.100.7");

	config->exempt_ports[config->n_exempt_ports++] =
		(struct exempt_ports){.protocol = PROTOCOL_UDP, .first = 9, .last = 9};
	packet.l4_offset = 40;
	packet.protocol = PROTOCOL_UDP;
	packet.size = 44;
	store_be16(bytes + 42, 9);
	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_MALFORMED_UDP), ==,
			OUTCOME_EXEMPT);
	packet.size = 43;
	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_MALFORMED_UDP), ==,
			OUTCOME_MALFORMED_UDP);
	gateway_free(gateway);
}

/* P-23, A-13: what no binding wants is the host's, the kernel's, or ends as it is. */
static void test_unbound(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct nat64 *nat = gateway->nat;
	struct packet to_pool = packet4("198.51.100.7", "203.0.113.1");
	g_assert_cmpint(admission_unbound_4to6(nat, &to_pool, OUTCOME_UNKNOWN_PROTOCOL), ==,
			OUTCOME_UNKNOWN_PROTOCOL);
	g_assert_cmpint(admission_unbound_4to6(nat, &to_pool, OUTCOME_TOO_BIG), ==,
			OUTCOME_TOO_BIG);

	struct packet elsewhere = packet4("198.51.100.7", "192.0.2.1");
	g_assert_cmpint(admission_unbound_4to6(nat, &elsewhere, OUTCOME_UNKNOWN_PROTOCOL), ==,
			OUTCOME_NOT_OURS);
	gateway->world.own4[gateway->world.n_own4++] = 0xc0000201;
	g_assert_cmpint(admission_unbound_4to6(nat, &elsewhere, OUTCOME_UNKNOWN_PROTOCOL), ==,
			OUTCOME_LEFT_TO_HOST);

	/* The host's own: what is found out before a binding is looked for, or instead. */
	for (int i = 0; i < N_OUTCOMES; i++) {
		const bool unbound =
			i == OUTCOME_UNKNOWN_PROTOCOL || i == OUTCOME_SOURCE_ROUTE ||
			i == OUTCOME_ILLEGAL_SOURCE || i == OUTCOME_ICMP_UNTRANSLATABLE ||
			i == OUTCOME_ICMP_INNER_UNUSABLE || i == OUTCOME_ICMP_ADDRESS_MISMATCH ||
			i == OUTCOME_ICMP_NO_BINDING;

		g_assert_cmpint(admission_unbound_4to6(nat, &elsewhere, (enum outcome)i), ==,
				unbound ? OUTCOME_LEFT_TO_HOST : (enum outcome)i);
	}
	gateway_free(gateway);
}

/* What packet_parse() refused: a header that lies about its lengths is nobody's. */
static void test_refused(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct packet packet = packet6("2001:db8::1", "2001:db8:65::1");

	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_MALFORMED_IP6), ==,
			OUTCOME_MALFORMED_IP6);
	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_MALFORMED_UDP), ==,
			OUTCOME_NOT_OURS);
	packet = packet6("2001:db8::1", "2001:db8:64::198.51.100.7");
	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_MALFORMED_UDP), ==,
			OUTCOME_MALFORMED_UDP);

	/* X-8, T-37, T-38: a blocked client is not told of what is malformed either. */
	struct prefix6 prefix;
	g_assert_true(prefix6_parse("2001:db8::/64", &prefix));
	g_assert_true(blocklist_add(&gateway->nat->blocklist, &prefix, BLOCKLIST_FOREVER));
	for (int i = 0; i < N_OUTCOMES; i++) {
		const bool stays = i == OUTCOME_TRUNCATED || i == OUTCOME_MALFORMED_IP4 ||
				   i == OUTCOME_MALFORMED_IP6 ||
				   i == OUTCOME_BAD_EXTENSION_HEADERS ||
				   i == OUTCOME_MALFORMED_TCP || i == OUTCOME_MALFORMED_UDP ||
				   i == OUTCOME_MALFORMED_ICMP;

		g_assert_cmpint(admission_refused(gateway->nat, &packet, (enum outcome)i), ==,
				stays ? (enum outcome)i : OUTCOME_CLIENT_BLOCKED);
	}
	packet = packet4("127.0.0.1", "203.0.113.1");
	g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_UNKNOWN_PROTOCOL), ==,
			OUTCOME_ILLEGAL_SOURCE);
	gateway_free(gateway);
}

/* A binding has what is refused for its IPv4 options or its transport header only if that header
 * is there, with ports: else the host's own address is the host's. */
static void test_refused_without_ports(void)
{
	static const struct {
		uint8_t protocol;
		bool is_icmp_error;
		uint16_t fragment_offset;
		uint32_t l4_size;
		bool is_bound;
	} cases[] = {
		{IPPROTO_UDP, false, 0, 8, true},   {IPPROTO_TCP, false, 0, 8, true},
		{IPPROTO_ICMP, false, 0, 8, true},  {IPPROTO_UDP, false, 8, 8, false},
		{IPPROTO_UDP, false, 0, 7, false},  {IPPROTO_TCP, false, 1480, 100, false},
		{IPPROTO_ICMP, true, 0, 8, false},  {IPPROTO_SCTP, false, 0, 8, false},
		{IPPROTO_ICMP, false, 0, 4, false},
	};
	const struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	const struct taddr4 mapped = taddr4_of("203.0.113.1:2570");

	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	gateway->world.own4[gateway->world.n_own4++] = 0xcb007101;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_cmpint(
			nat64_add_static(gateway->nat, i, &client, &mapped, FIXTURE_START_MS), ==,
			NAT64_STATIC_OK);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct packet packet = packet4("198.51.100.7", "203.0.113.1");

		memset(bytes + 20, 0x0a, 28); /* every port and identifier is 2570 */
		packet.size = 20 + cases[i].l4_size;
		packet.l4_offset = 20;
		packet.ip_protocol = cases[i].protocol;
		packet.protocol = cases[i].protocol == IPPROTO_TCP   ? PROTOCOL_TCP
				  : cases[i].protocol == IPPROTO_UDP ? PROTOCOL_UDP
								     : PROTOCOL_ICMP;
		packet.is_icmp_error = cases[i].is_icmp_error;
		packet.fragment_offset = cases[i].fragment_offset;
		g_test_message("case %u", i);
		g_assert_cmpint(admission_refused(gateway->nat, &packet, OUTCOME_SOURCE_ROUTE), ==,
				cases[i].is_bound ? OUTCOME_SOURCE_ROUTE : OUTCOME_LEFT_TO_HOST);
	}
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/admission/6to4", test_6to4);
	g_test_add_func("/admission/exempt_port", test_exempt_port);
	g_test_add_func("/admission/unbound", test_unbound);
	g_test_add_func("/admission/refused", test_refused);
	g_test_add_func("/admission/refused_without_ports", test_refused_without_ports);
	return g_test_run();
}
