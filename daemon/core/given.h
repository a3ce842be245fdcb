/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports bindings got and left last, in memory that something outside lends, and that outlives
 * us: after a crash these are not given to others for a while (P-16), although nothing of them was
 * stored. A ring; the oldest is written over.
 */
#pragma once

#include "daemon/core/addr.h"

#define GIVEN_PORTS 65536u

struct given_port {
	uint64_t time_ms;
	uint32_t addr4;
	uint16_t port4;
	uint8_t protocol;
	uint8_t pad;
};

struct given_ring {
	uint64_t n; /* that were ever noted; the next one has the place n % GIVEN_PORTS */
	struct given_port port[GIVEN_PORTS];
};

/* ring may be NULL. */
static inline void given_note(struct given_ring *ring, enum protocol protocol,
			      const struct taddr4 *mapped, uint64_t now_ms)
{
	if (!ring)
		return;
	ring->port[ring->n % GIVEN_PORTS] = (struct given_port){
		.time_ms = now_ms,
		.addr4 = mapped->addr,
		.port4 = mapped->port,
		.protocol = (uint8_t)protocol,
	};
	/* Whoever finds the number after a crash finds the port, too. */
	__atomic_store_n(&ring->n, ring->n + 1, __ATOMIC_RELEASE);
}
