/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench_gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/packet.h"
#include "tools/bench_core.h"
#include "tools/bench_rows.h"

#define N_BINDINGS    65536u
#define BINDING_BYTES 256.0

/* 10 million packets: rounds by turns in both gateways, each of them there and back. */
#define N_ROUNDS      25u
#define ROUND_PACKETS 200000u
#define N_FLOWS       1024u
#define PACKETS_RATIO 1.10

struct gateway {
	struct bench_core *core;
	struct taddr4 mapped[N_FLOWS]; /* of each flow, as the server sees it */
};

static struct gateway *gateway_new(uint32_t first, uint32_t last)
{
	static const struct nat64_limits limits = {1000000, 2000000, 16, 1 << 20};
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct nat64_config config;

	bench_core_config(&config);
	if (!gateway) {
		fprintf(stderr, "bench_pool4: no memory for a gateway\n");
		exit(2);
	}
	gateway->core = bench_core_new(&config, &limits, first, last);
	return gateway;
}

static void gateway_free(struct gateway *gateway)
{
	bench_core_free(gateway->core);
	free(gateway);
}

/* From client number n. */
static struct taddr4 send6(struct gateway *gateway, uint32_t n)
{
	struct addr6 client = {{0x20, 0x01, 0x0d, 0xb8}};

	store_be32(client.byte + 12, n);
	return bench_core_send6(gateway->core, &client, 5000);
}

/* ---- figures ------------------------------------------------------------------------------------
 */

void bench_gateway_bindings(void)
{
	struct gateway *gateway = gateway_new(0x0a000000, 0x0a00ffff);
	size_t memory = nat64_memory(gateway->core->nat);

	bench_section("65536 clients with one binding and one session each, on a /16");
	for (uint32_t i = 0; i < N_BINDINGS; i++)
		(void)send6(gateway, i);
	if (nat64_n_bindings(gateway->core->nat) != N_BINDINGS) {
		fprintf(stderr, "bench_pool4: not each client has a binding\n");
		exit(2);
	}
	bench_show("memory counted before", (double)memory, "bytes");
	bench_at_most("memory counted after, of each binding",
		      (double)(nat64_memory(gateway->core->nat) - memory) / N_BINDINGS, "bytes",
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
		bench_core_send4(gateway->core, &gateway->mapped[flow]);
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
