/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake_world.h"

static void route6(void *context, const struct addr6 *dst, struct route_answer *ret)
{
	const struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_route6; i++) {
		if (prefix6_contains(&world->route6[i].prefix, dst)) {
			*ret = world->route6[i].answer;
			return;
		}
	}
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = world->mtu6};
}

static void route4(void *context, uint32_t dst, struct route_answer *ret)
{
	const struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_route4; i++) {
		if (prefix4_contains(&world->route4[i].prefix, dst)) {
			*ret = world->route4[i].answer;
			return;
		}
	}
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = world->mtu4};
}

static void try(struct route_answer *answer)
{
	if (answer->on_trial)
		*answer = (struct route_answer){ROUTE_NEXT_HOP_DEAD, answer->mtu};
}

static void tried6(void *context, const struct addr6 *dst)
{
	struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_route6; i++)
		if (prefix6_contains(&world->route6[i].prefix, dst))
			try(&world->route6[i].answer);
}

static void tried4(void *context, uint32_t dst)
{
	struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_route4; i++)
		if (prefix4_contains(&world->route4[i].prefix, dst))
			try(&world->route4[i].answer);
}

static bool source6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	*ret = ((const struct fake_world *)context)->source6;
	return true;
}

static bool source4(void *context, uint32_t dst, uint32_t *ret)
{
	*ret = ((const struct fake_world *)context)->source4;
	return true;
}

static bool own6(void *context, const struct addr6 *addr)
{
	const struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_own6; i++)
		if (addr6_equal(&world->own6[i], addr))
			return true;
	return false;
}

static bool own4(void *context, uint32_t addr)
{
	const struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_own4; i++)
		if (world->own4[i] == addr)
			return true;
	return false;
}

static bool listens4(void *context, enum protocol protocol, uint32_t addr, uint16_t port)
{
	const struct fake_world *world = context;

	for (unsigned i = 0; i < world->n_listeners; i++)
		if (world->listener[i].protocol == protocol &&
		    taddr4_equal(&world->listener[i].taddr, &(struct taddr4){addr, port}))
			return true;
	return false;
}

void fake_world_init(struct fake_world *world)
{
	*world = (struct fake_world){.mtu6 = 1500, .mtu4 = 1500};
	(void)addr6_parse("2001:db8:ffff::1", &world->source6);
	(void)addr4_parse("192.0.2.254", &world->source4);
}

struct nat64_world fake_world_calls(struct fake_world *world)
{
	return (struct nat64_world){
		.context = world,
		.route6 = route6,
		.route4 = route4,
		.source6 = source6,
		.source4 = source4,
		.own6 = own6,
		.own4 = own4,
		.listens4 = listens4,
		.tried6 = tried6,
		.tried4 = tried4,
	};
}
