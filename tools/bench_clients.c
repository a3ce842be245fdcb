/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench_clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dbus/client_list.h"
#include "dbus/list.h"
#include "tools/bench_rows.h"

#define N_CLIENTS 1000000u
#define N_TOP     10u
#define TOP_MS    100.0
#define SLICE_US  1000.0

static void fail(const char *what)
{
	fprintf(stderr, "bench_pool4: %s\n", what);
	exit(2);
}

static double wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void fill(struct client_table *table)
{
	struct random random;

	random_init(&random, (const uint8_t[RANDOM_SEED_SIZE]){23});
	for (uint32_t i = 0; i < N_CLIENTS; i++) {
		struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				      (uint8_t)i}};
		uint32_t index = client_get(table, &addr);

		if (index == SLAB_NONE)
			fail("no memory for the clients");
		for (uint32_t n = 1 + random_u32(&random) % 50; n > 0; n--)
			client_add_binding(table, index, PROTOCOL_UDP);
	}
}

void bench_clients_top(void)
{
	static const struct siphash_key key = {{24, 25}};
	struct nat64 *nat = calloc(1, sizeof(*nat));
	struct gateway gateway;
	struct client_row rows[N_TOP], *slice;
	double begin, cpu, wall;
	uint32_t next = 0;

	if (!nat)
		fail("no memory");
	gateway_init(&gateway);
	gateway.nat = nat;
	client_table_init(&nat->clients, &key, N_CLIENTS, 64);
	fill(&nat->clients);
	bench_section("who uses most of 1000000 clients");
	wall = wall_ms();
	cpu = bench_cpu_ns();
	if (client_list(&gateway, NULL, CLIENT_BY_BINDINGS, rows, N_TOP) != N_TOP ||
	    rows[0].client.n_bindings[PROTOCOL_UDP] != 50)
		fail("not those that use most");
	bench_at_most("processor time", (bench_cpu_ns() - cpu) / 1e6, "ms", TOP_MS);
	bench_show("time until the answer, pauses for packets included", wall_ms() - wall, "ms");
	slice = calloc(LIST_SLICE, sizeof(*slice));
	if (!slice)
		fail("no memory");
	begin = bench_cpu_ns();
	(void)client_list_slice(&gateway, NULL, &next, slice, LIST_SLICE);
	bench_at_most("that packets may wait for, at a time", (bench_cpu_ns() - begin) / 1000, "us",
		      SLICE_US);
	free(slice);
	client_table_deinit(&nat->clients);
	free(nat);
}
