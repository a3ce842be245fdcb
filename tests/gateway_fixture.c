/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/gateway_fixture.h"

#include <glib.h>
#include <netinet/tcp.h>

#include "daemon/core/pool4_text.h"
#include "tests/naive.h"

static uint8_t buffer[PACKET_HEADROOM + 128];

struct taddr6 taddr6_of(const char *text)
{
	struct taddr6 taddr = {0};

	g_assert_true(taddr6_parse(text, &taddr));
	return taddr;
}

struct taddr4 taddr4_of(const char *text)
{
	struct taddr4 taddr = {0};

	g_assert_true(taddr4_parse(text, &taddr));
	return taddr;
}

struct gateway_fixture *gateway_new(const char *addresses, const char *ports,
				    const struct nat64_limits *limits)
{
	const struct gateway_options options = {.addresses = addresses,
						.ports = ports,
						.limits = limits,
						.now_ms = FIXTURE_START_MS};

	return gateway_new_with(&options);
}

struct gateway_fixture *gateway_new_with(const struct gateway_options *options)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = "a gateway of the tests";
	static const struct nat64_limits usual = {1000, 2000, 16, 1 << 20};
	struct gateway_fixture *gateway = g_new0(struct gateway_fixture, 1);
	struct pool4_spec spec = {
		.name = "test", .protocol = {true, true, true}, .pool6 = POOL4_ANY_PREFIX};
	struct pool4_text text;
	struct nat64_config config;
	char problem[POOL4_TEXT_ERROR_SIZE];

	fake_world_init(&gateway->world);
	nat64_config_default(&config);
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.pool6[0]));
	config.retention_s = options->retention_s;
	if (options->clients)
		g_assert_true(prefix6_parse(options->clients, &spec.clients[spec.n_clients++]));
	struct nat64_world calls = fake_world_calls(&gateway->world);
	gateway->nat = nat64_new(&config, options->limits ? options->limits : &usual, &calls, seed,
				 options->now_ms);
	g_assert_nonnull(gateway->nat);
	if (options->in_lane || g_getenv("NAT64D_LANE")) {
		gateway->lane = g_new0(struct nat64_lane, 1);
		nat64_lane_init(gateway->nat, gateway->lane);
	}

	g_assert_cmpstr(pool4_text_parse(options->addresses, &text, problem), ==, NULL);
	g_assert_cmpstr(port_ranges_parse(options->ports, &spec.ports, problem, sizeof(problem)),
			==, NULL);
	spec.addresses = text.range;
	spec.n_addresses = text.n_ranges;
	g_assert_cmpint(pool4_add(gateway->nat->pool4, &spec, &gateway->pool4), ==, POOL4_OK);
	pool4_set_state(gateway->nat->pool4, gateway->pool4, POOL4_ACTIVE);
	pool4_text_deinit(&text);

	gateway->out = (struct out){.packet = gateway->packets,
				    .capacity = G_N_ELEMENTS(gateway->packets),
				    .arena = gateway->arena,
				    .arena_size = sizeof(gateway->arena)};
	return gateway;
}

void gateway_free(struct gateway_fixture *gateway)
{
	g_assert_true(nat64_check(gateway->nat));
	out_clear(&gateway->out);
	nat64_free(gateway->nat);
	g_free(gateway->lane);
	g_free(gateway);
}

/* The checksum in the packet's own bytes: pseudo header in front, checked by the naive sum. */
static void put_udp(uint8_t *udp, uint16_t src, uint16_t dst, const uint8_t *addresses,
		    size_t addresses_size)
{
	uint8_t sum[48] = {0};

	store_be16(udp, src);
	store_be16(udp + 2, dst);
	store_be16(udp + 4, 8);
	store_be16(udp + 6, 0);
	memcpy(sum, addresses, addresses_size);
	sum[addresses_size + 1] = IPPROTO_UDP;
	sum[addresses_size + 3] = 8;
	memcpy(sum + addresses_size + 4, udp, 8);
	uint16_t check = naive_checksum(sum, addresses_size + 12);
	store_be16(udp + 6, check ? check : 0xffff);
}

static enum outcome receive(struct gateway_fixture *gateway, uint32_t size, uint64_t now_ms)
{
	struct packet packet = {
		.data = buffer + PACKET_HEADROOM, .size = size, .headroom = PACKET_HEADROOM};

	enum outcome outcome;
	bool is_light;

	out_clear(&gateway->out);
	if (!gateway->lane)
		return nat64_receive(gateway->nat, &packet, now_ms, &gateway->out);
	is_light = nat64_receive_light(gateway->nat, gateway->lane, &packet, now_ms, &gateway->out,
				       &outcome);
	nat64_gather(gateway->nat, gateway->lane);
	return is_light ? outcome : nat64_receive(gateway->nat, &packet, now_ms, &gateway->out);
}

static void make_udp6(const struct gateway_fixture *gateway, const struct taddr6 *src,
		      const struct taddr4 *dst)
{
	uint8_t *ip = buffer + PACKET_HEADROOM;
	struct addr6 dst6 = rfc6052_embed(&gateway->nat->config.pool6[0], dst->addr);

	memset(ip, 0, 48);
	ip[0] = 0x60;
	ip[5] = 8;
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	memcpy(ip + 8, src->addr.byte, 16);
	memcpy(ip + 24, dst6.byte, 16);
	put_udp(ip + 40, src->port, dst->port, ip + 8, 32);
}

enum outcome gateway_udp6(struct gateway_fixture *gateway, const struct taddr6 *src,
			  const struct taddr4 *dst, uint64_t now_ms)
{
	make_udp6(gateway, src, dst);
	return receive(gateway, 48, now_ms);
}

enum outcome gateway_explain_udp6(struct gateway_fixture *gateway, const struct taddr6 *src,
				  const struct taddr4 *dst, uint64_t now_ms, struct decision *ret)
{
	struct packet packet = {
		.data = buffer + PACKET_HEADROOM, .size = 48, .headroom = PACKET_HEADROOM};

	make_udp6(gateway, src, dst);
	return nat64_explain(gateway->nat, &packet, now_ms, ret);
}

enum outcome gateway_syn6(struct gateway_fixture *gateway, const struct taddr6 *src,
			  const struct taddr4 *dst, uint64_t now_ms)
{
	uint8_t *ip = buffer + PACKET_HEADROOM, *tcp = ip + 40;
	struct addr6 dst6 = rfc6052_embed(&gateway->nat->config.pool6[0], dst->addr);
	uint8_t sum[56] = {[33] = IPPROTO_TCP, [35] = 20};

	memset(ip, 0, 60);
	ip[0] = 0x60;
	ip[5] = 20;
	ip[6] = IPPROTO_TCP;
	ip[7] = 64;
	memcpy(ip + 8, src->addr.byte, 16);
	memcpy(ip + 24, dst6.byte, 16);
	store_be16(tcp, src->port);
	store_be16(tcp + 2, dst->port);
	tcp[12] = 5 << 4;
	tcp[13] = TH_SYN;
	memcpy(sum, ip + 8, 32);
	memcpy(sum + 36, tcp, 20);
	store_be16(tcp + 16, naive_checksum(sum, sizeof(sum)));
	return receive(gateway, 60, now_ms);
}

enum outcome gateway_udp4(struct gateway_fixture *gateway, const struct taddr4 *src,
			  const struct taddr4 *dst, uint64_t now_ms)
{
	uint8_t *ip = buffer + PACKET_HEADROOM;

	memset(ip, 0, 28);
	ip[0] = 0x45;
	ip[3] = 28;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	store_be32(ip + 12, src->addr);
	store_be32(ip + 16, dst->addr);
	store_be16(ip + 10, naive_checksum(ip, 20));
	put_udp(ip + 20, src->port, dst->port, ip + 12, 8);
	return receive(gateway, 28, now_ms);
}

struct taddr4 gateway_sent_src4(const struct gateway_fixture *gateway)
{
	const uint8_t *ip = gateway->out.packet[0].part[0].base;

	g_assert_cmpuint(gateway->out.n_packets, ==, 1);
	g_assert_cmpuint(ip[0] >> 4, ==, 4);
	return (struct taddr4){load_be32(ip + 12), load_be16(ip + 20)};
}

struct taddr6 gateway_sent_dst6(const struct gateway_fixture *gateway)
{
	const uint8_t *ip = gateway->out.packet[0].part[0].base;
	struct taddr6 dst = {.port = load_be16(ip + 42)};

	g_assert_cmpuint(gateway->out.n_packets, ==, 1);
	g_assert_cmpuint(ip[0] >> 4, ==, 6);
	memcpy(dst.addr.byte, ip + 24, 16);
	return dst;
}

uint32_t gateway_end_bindings(struct gateway_fixture *gateway, bool outside, uint64_t now_ms)
{
	struct nat64_step step = {0};

	while (nat64_end_bindings(gateway->nat, gateway->pool4, outside, &step, 3, now_ms))
		g_assert_true(nat64_check(gateway->nat));
	return step.n_ended;
}
