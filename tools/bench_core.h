/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole NAT64 in process, for what is measured without a kernel: UDP packets in, packets out, in
 * a world whose routes are always there. Any other outcome than TRANSLATED ends the program.
 */
#pragma once

#include "daemon/core/nat64.h"

/* The server that all clients talk to, 198.51.100.7 port 53. */
#define BENCH_SERVER_ADDR 0xc6336407u
#define BENCH_SERVER_PORT 53u

struct bench_core {
	struct nat64 *nat;
	uint64_t now_ms;
	struct out out;
	struct out_packet packets[2 * EMIT_PIECES_MAX];
	uint8_t arena[2 * EMIT_ARENA_PER_PACKET];
	uint8_t buffer[PACKET_HEADROOM + 128];
};

/* What most of them have: 2001:db8:64::/96, all clients, and ports 1024-65535 of these addresses
 * for all protocols. */
void bench_core_config(struct nat64_config *ret);
struct bench_core *bench_core_new(const struct nat64_config *config,
				  const struct nat64_limits *limits, uint32_t first, uint32_t last);
void bench_core_free(struct bench_core *core);

/* From a client to the server; returns what the server sees. */
struct taddr4 bench_core_send6(struct bench_core *core, const struct addr6 *client, uint16_t port);
/* The server's answer. */
void bench_core_send4(struct bench_core *core, const struct taddr4 *to);
/* One turn of a packet thread after its packets; true if nothing is left to do now. */
bool bench_core_expire(struct bench_core *core, unsigned budget);
