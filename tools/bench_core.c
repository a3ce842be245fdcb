/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/checksum.h"

#define START_MS 1000000u

static void fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
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

void bench_core_config(struct nat64_config *ret)
{
	nat64_config_default(ret);
	(void)prefix6_parse("2001:db8:64::/96", &ret->pool6[0]);
	ret->clients_any = true;
}

struct bench_core *bench_core_new(const struct nat64_config *config,
				  const struct nat64_limits *limits, uint32_t first, uint32_t last)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {23};
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
	struct bench_core *core = calloc(1, sizeof(*core));
	uint32_t id;

	if (core)
		core->nat = nat64_new(config, limits, &world, seed, START_MS);
	if (!core || !core->nat || pool4_add(core->nat->pool4, &spec, &id) != POOL4_OK)
		fail("no memory for a gateway");
	pool4_set_state(core->nat->pool4, id, POOL4_ACTIVE);
	core->now_ms = START_MS;
	core->out = (struct out){
		.packet = core->packets,
		.capacity = sizeof(core->packets) / sizeof(core->packets[0]),
		.arena = core->arena,
		.arena_size = sizeof(core->arena),
	};
	return core;
}

void bench_core_free(struct bench_core *core)
{
	if (!core)
		return;
	out_clear(&core->out);
	nat64_free(core->nat);
	free(core);
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
static const uint8_t *receive(struct bench_core *core, uint32_t size)
{
	struct packet packet = {
		.data = core->buffer + PACKET_HEADROOM, .size = size, .headroom = PACKET_HEADROOM};
	enum outcome outcome;

	out_clear(&core->out);
	outcome = nat64_receive(core->nat, &packet, core->now_ms, &core->out);
	if (outcome != OUTCOME_TRANSLATED)
		fail(outcome_info(outcome)->sentence);
	return core->out.packet[0].part[0].base;
}

struct taddr4 bench_core_send6(struct bench_core *core, const struct addr6 *client, uint16_t port)
{
	uint8_t *ip = core->buffer + PACKET_HEADROOM;
	const uint8_t *sent;

	memset(ip, 0, IP6_HEADER_SIZE);
	ip[0] = 0x60;
	ip[5] = UDP_HEADER_SIZE;
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	memcpy(ip + 8, client->byte, sizeof(client->byte));
	store_be32(ip + 24, 0x20010db8);
	store_be32(ip + 28, 0x00640000);
	store_be32(ip + 36, BENCH_SERVER_ADDR);
	put_udp(ip + IP6_HEADER_SIZE, port, BENCH_SERVER_PORT, ip + 8, 32);
	sent = receive(core, IP6_HEADER_SIZE + UDP_HEADER_SIZE);
	return (struct taddr4){load_be32(sent + 12), load_be16(sent + IP4_HEADER_SIZE)};
}

void bench_core_send4(struct bench_core *core, const struct taddr4 *to)
{
	uint8_t *ip = core->buffer + PACKET_HEADROOM;

	memset(ip, 0, IP4_HEADER_SIZE);
	ip[0] = 0x45;
	ip[3] = IP4_HEADER_SIZE + UDP_HEADER_SIZE;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	store_be32(ip + 12, BENCH_SERVER_ADDR);
	store_be32(ip + 16, to->addr);
	store_be16(ip + 10, fold(add_words(0, ip, IP4_HEADER_SIZE)));
	put_udp(ip + IP4_HEADER_SIZE, BENCH_SERVER_PORT, to->port, ip + 12, 8);
	(void)receive(core, IP4_HEADER_SIZE + UDP_HEADER_SIZE);
}

bool bench_core_expire(struct bench_core *core, unsigned budget)
{
	out_clear(&core->out);
	return nat64_expire(core->nat, core->now_ms, budget, &core->out);
}
