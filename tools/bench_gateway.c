/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench_gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/checksum.h"
#include "daemon/core/nat64.h"
#include "tools/bench_rows.h"

#define NOW_MS 1000000u

#define N_BINDINGS    65536u
#define BINDING_BYTES 256.0

/* 10 million packets: rounds by turns in both gateways, each of them there and back. */
#define N_ROUNDS      25u
#define ROUND_PACKETS 200000u
#define N_FLOWS       1024u
#define PACKETS_RATIO 1.10

/* The server that all clients talk to, 198.51.100.7 port 53. */
#define SERVER_ADDR 0xc6336407u
#define SERVER_PORT 53u

struct gateway {
	struct nat64 *nat;
	struct out out;
	struct out_packet packets[2 * EMIT_PIECES_MAX];
	uint8_t arena[2 * EMIT_ARENA_PER_PACKET];
	uint8_t buffer[PACKET_HEADROOM + 128];
	struct taddr4 mapped[N_FLOWS]; /* of each flow, as the server sees it */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_pool4: %s\n", what);
	exit(2);
}

/* ---- a world that is always there ---------------------------------------------------------------
 */

static void route6(void *context, const struct addr6 *dst, struct route_answer *ret)
{
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = 1500};
}

static void route4(void *context, uint32_t dst, struct route_answer *ret)
{
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = 1500};
}

static bool source6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	return false;
}

static bool source4(void *context, uint32_t dst, uint32_t *ret)
{
	return false;
}

static bool own6(void *context, const struct addr6 *addr)
{
	return false;
}

static bool own4(void *context, uint32_t addr)
{
	return false;
}

static bool listens4(void *context, enum protocol protocol, uint32_t addr, uint16_t port)
{
	return false;
}

static struct gateway *gateway_new(uint32_t first, uint32_t last)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {23};
	static const struct nat64_limits limits = {1000000, 2000000, 16, 1 << 20};
	static const struct nat64_world world = {NULL,    route6, route4, source6,
						 source4, own6,   own4,   listens4};
	struct addr4_range range = {first, last};
	struct pool4_spec spec = {
		.addresses = &range,
		.n_addresses = 1,
		.ports = {.range = {{1024, 65535}}, .n_ranges = 1},
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
	};
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct nat64_config config;
	uint32_t id;

	nat64_config_default(&config);
	(void)prefix6_parse("2001:db8:64::/96", &config.pool6[0]);
	config.clients_any = true;
	if (gateway)
		gateway->nat = nat64_new(&config, &limits, &world, seed, NOW_MS);
	if (!gateway || !gateway->nat || pool4_add(gateway->nat->pool4, &spec, &id) != POOL4_OK)
		fail("no memory for a gateway");
	pool4_set_state(gateway->nat->pool4, id, POOL4_ACTIVE);
	gateway->out = (struct out){
		.packet = gateway->packets,
		.capacity = sizeof(gateway->packets) / sizeof(gateway->packets[0]),
		.arena = gateway->arena,
		.arena_size = sizeof(gateway->arena),
	};
	return gateway;
}

static void gateway_free(struct gateway *gateway)
{
	out_clear(&gateway->out);
	nat64_free(gateway->nat);
	free(gateway);
}

/* ---- packets ------------------------------------------------------------------------------------
 */

/* The sum over the words of data, added to sum. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += 2)
		sum += load_be16(data + i);
	return sum;
}

/* 0 would say that there is no checksum. */
static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : (uint16_t)~sum;
}

static void put_udp(uint8_t *udp, uint16_t src, uint16_t dst, const uint8_t *addresses, size_t size)
{
	store_be16(udp, src);
	store_be16(udp + 2, dst);
	store_be16(udp + 4, UDP_HEADER_SIZE);
	store_be16(udp + 6, 0);
	store_be16(udp + 6,
		   fold(add_words(add_words(IPPROTO_UDP + UDP_HEADER_SIZE, addresses, size), udp,
				  UDP_HEADER_SIZE)));
}

/* What the gateway sends for a packet of size in its buffer. */
static const uint8_t *receive(struct gateway *gateway, uint32_t size)
{
	struct packet packet = {.data = gateway->buffer + PACKET_HEADROOM,
				.size = size,
				.headroom = PACKET_HEADROOM};
	enum outcome outcome;

	out_clear(&gateway->out);
	outcome = nat64_receive(gateway->nat, &packet, NOW_MS, &gateway->out);
	if (outcome != OUTCOME_TRANSLATED)
		fail(outcome_info(outcome)->sentence);
	return gateway->out.packet[0].part[0].base;
}

/* From client number n to the server; returns what the server sees. */
static struct taddr4 send6(struct gateway *gateway, uint32_t n)
{
	uint8_t *ip = gateway->buffer + PACKET_HEADROOM;
	const uint8_t *sent;

	memset(ip, 0, IP6_HEADER_SIZE);
	ip[0] = 0x60;
	ip[5] = UDP_HEADER_SIZE;
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	store_be32(ip + 8, 0x20010db8);
	store_be32(ip + 20, n);
	store_be32(ip + 24, 0x20010db8);
	store_be32(ip + 28, 0x00640000);
	store_be32(ip + 36, SERVER_ADDR);
	put_udp(ip + IP6_HEADER_SIZE, 5000, SERVER_PORT, ip + 8, 32);
	sent = receive(gateway, IP6_HEADER_SIZE + UDP_HEADER_SIZE);
	return (struct taddr4){load_be32(sent + 12), load_be16(sent + IP4_HEADER_SIZE)};
}

/* The server's answer. */
static void send4(struct gateway *gateway, const struct taddr4 *to)
{
	uint8_t *ip = gateway->buffer + PACKET_HEADROOM;

	memset(ip, 0, IP4_HEADER_SIZE);
	ip[0] = 0x45;
	ip[3] = IP4_HEADER_SIZE + UDP_HEADER_SIZE;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	store_be32(ip + 12, SERVER_ADDR);
	store_be32(ip + 16, to->addr);
	store_be16(ip + 10, fold(add_words(0, ip, IP4_HEADER_SIZE)));
	put_udp(ip + IP4_HEADER_SIZE, SERVER_PORT, to->port, ip + 12, 8);
	(void)receive(gateway, IP4_HEADER_SIZE + UDP_HEADER_SIZE);
}

/* ---- figures ------------------------------------------------------------------------------------
 */

void bench_gateway_bindings(void)
{
	struct gateway *gateway = gateway_new(0x0a000000, 0x0a00ffff);
	size_t memory = nat64_memory(gateway->nat);

	bench_section("65536 clients with one binding and one session each, on a /16");
	for (uint32_t i = 0; i < N_BINDINGS; i++)
		(void)send6(gateway, i);
	if (nat64_n_bindings(gateway->nat) != N_BINDINGS)
		fail("not each client has a binding");
	bench_show("memory counted before", (double)memory, "bytes");
	bench_at_most("memory counted after, of each binding",
		      (double)(nat64_memory(gateway->nat) - memory) / N_BINDINGS, "bytes",
		      BINDING_BYTES);
	gateway_free(gateway);
}

/* ns of a packet. */
static double play_round(struct gateway *gateway)
{
	double begin = bench_cpu_ns();

	for (uint32_t i = 0; i < ROUND_PACKETS / 2; i++) {
		uint32_t flow = i % N_FLOWS;

		gateway->mapped[flow] = send6(gateway, flow);
		send4(gateway, &gateway->mapped[flow]);
	}
	return (bench_cpu_ns() - begin) / ROUND_PACKETS;
}

void bench_gateway_packets(void)
{
	struct gateway *one = gateway_new(0x0a000000, 0x0a000000);
	struct gateway *all = gateway_new(0x0a000000, 0x0affffff);
	double ns[2][N_ROUNDS];

	bench_section("10 million packets of 1024 clients, there and back, in process");
	(void)play_round(one);
	(void)play_round(all);
	for (uint32_t i = 0; i < N_ROUNDS; i++) {
		ns[0][i] = play_round(one);
		ns[1][i] = play_round(all);
	}
	double of_one = bench_quantile(ns[0], N_ROUNDS, 0.5);
	double of_all = bench_quantile(ns[1], N_ROUNDS, 0.5);
	bench_show("a packet with a pool of 1 address, median", of_one, "ns");
	bench_show("a packet with a pool of 16 million addresses", of_all, "ns");
	bench_at_most("the second / the first", of_all / of_one, "", PACKETS_RATIO);
	gateway_free(one);
	gateway_free(all);
}
