/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world for the core to live in (struct nat64_world): routes, own addresses and listening sockets
 * as the test says, everything else an ordinary gateway with MTU 1500 on both sides. A next hop
 * that is on trial and has been tried is dead from then on.
 */
#pragma once

#include "daemon/core/nat64.h"

#define FAKE_WORLD_MAX 16

struct fake_route6 {
	struct prefix6 prefix;
	struct route_answer answer;
};

struct fake_route4 {
	struct prefix4 prefix;
	struct route_answer answer;
};

struct fake_world {
	uint32_t mtu6; /* of everything that is not listed */
	uint32_t mtu4;
	struct fake_route6 route6[FAKE_WORLD_MAX];
	unsigned n_route6;
	struct fake_route4 route4[FAKE_WORLD_MAX];
	unsigned n_route4;
	uint32_t own4[FAKE_WORLD_MAX];
	unsigned n_own4;
	struct addr6 own6[FAKE_WORLD_MAX];
	unsigned n_own6;
	struct {
		enum protocol protocol;
		struct taddr4 taddr;
	} listener[FAKE_WORLD_MAX];
	unsigned n_listeners;
	struct addr6 source6; /* 2001:db8:ffff::1 */
	uint32_t source4;     /* 192.0.2.254 */
};

void fake_world_init(struct fake_world *world);
struct nat64_world fake_world_calls(struct fake_world *world);
