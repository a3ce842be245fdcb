/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/world.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/core/minmax.h"
#include "daemon/core/packet.h"
#include "daemon/links.h"
#include "daemon/listeners.h"
#include "daemon/neighbours.h"
#include "daemon/netlink.h"
#include "daemon/own_addresses.h"
#include "daemon/route.h"
#include "daemon/thread_number.h"

/* What news there are; also as what is to be read again. */
struct news {
	bool routes;
	bool links;
	bool addresses;
	bool addresses4; /* to be passed on */
};

struct world {
	struct world_config config;
	struct netlink netlink;
	struct route_cache *routes[THREADS_MAX]; /* each thread's own */
	unsigned n_routes;
	struct links *links;
	struct neighbours *neighbours;
	struct own_addresses *own;
	struct listeners *listeners;
	struct news news; /* control thread */
};

/* Ages only: the precision of a timer tick will do, and costs next to nothing. */
static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct route_cache *own_routes(struct world *world)
{
	const unsigned number = thread_number();

	assert(number < world->n_routes);
	return world->routes[number];
}

/* The address that has to answer, and its family. */
static const void *next_hop(const struct route *route, int family, const void *dst, int *ret_family)
{
	*ret_family = route->next_hop_family != 0 ? route->next_hop_family : family;
	return route->next_hop_family != 0 ? route->next_hop : dst;
}

static void answer(struct world *world, const struct route *route, int family, const void *dst,
		   struct route_answer *ret)
{
	enum neighbours_state state;
	int hop_family;
	const void *hop = next_hop(route, family, dst, &hop_family);
	struct link link;

	*ret = (struct route_answer){.state = ROUTE_NONE, .mtu = family == AF_INET ? 1500 : 1280};
	if (!route->exists || !links_get(world->links, route->ifindex, &link))
		return;
	ret->state = ROUTE_OK;
	ret->by_default_route = route->by_default;
	ret->mtu = family == AF_INET ? link.mtu4 : link.mtu6;
	if (route->mtu != 0 && route->mtu < ret->mtu)
		ret->mtu = route->mtu;
	state = neighbours_ask(world->neighbours, route->ifindex, hop_family, hop, now_ms());
	if (!link.up || state == NEIGHBOURS_DEAD)
		ret->state = ROUTE_NEXT_HOP_DEAD;
	else
		ret->on_trial = state == NEIGHBOURS_ON_TRIAL;
}

static void tried(struct world *world, const struct route *route, int family, const void *dst)
{
	int hop_family;
	const void *hop = next_hop(route, family, dst, &hop_family);

	if (route->exists)
		neighbours_tried(world->neighbours, route->ifindex, hop_family, hop, now_ms());
}

static void route6(void *context, const struct addr6 *dst, struct route_answer *ret)
{
	struct world *world = context;

	answer(world, route_find6(own_routes(world), dst, now_ms()), AF_INET6, dst->byte, ret);
}

static void route4(void *context, uint32_t dst, struct route_answer *ret)
{
	struct world *world = context;
	uint8_t bytes[4];

	store_be32(bytes, dst);
	answer(world, route_find4(own_routes(world), dst, now_ms()), AF_INET, bytes, ret);
}

static void tried6(void *context, const struct addr6 *dst)
{
	struct world *world = context;

	tried(world, route_find6(own_routes(world), dst, now_ms()), AF_INET6, dst->byte);
}

static void tried4(void *context, uint32_t dst)
{
	struct world *world = context;
	uint8_t bytes[4];

	store_be32(bytes, dst);
	tried(world, route_find4(own_routes(world), dst, now_ms()), AF_INET, bytes);
}

/* I-31, I-32: has the gateway an address towards there, and may it speak? */
static bool may_answer(struct world *world, const struct route *route)
{
	struct link link;

	return route->exists && route->has_source &&
	       links_get(world->links, route->ifindex, &link) && !link.silent;
}

static bool source6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	struct world *world = context;
	const struct route *route = route_find6(own_routes(world), dst, now_ms());

	if (!may_answer(world, route))
		return false;
	memcpy(ret->byte, route->source, sizeof(ret->byte));
	return true;
}

static bool source4(void *context, uint32_t dst, uint32_t *ret)
{
	struct world *world = context;
	const struct route *route = route_find4(own_routes(world), dst, now_ms());

	if (!may_answer(world, route))
		return false;
	*ret = load_be32(route->source);
	return true;
}

static bool own6(void *context, const struct addr6 *addr)
{
	struct world *world = context;

	return own_addresses_have6(world->own, addr);
}

static bool own4(void *context, uint32_t addr)
{
	struct world *world = context;

	return own_addresses_have4(world->own, addr);
}

static bool listens4(void *context, enum protocol protocol, uint32_t addr, uint16_t port)
{
	struct world *world = context;

	return listeners_have(world->listeners, protocol, addr, port, now_ms());
}

struct nat64_world world_functions(struct world *world)
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

int world_new(const struct world_config *config, struct world **ret)
{
	static const int groups[] = {
		RTNLGRP_LINK,
		RTNLGRP_NEIGH,
		RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE,
		RTNLGRP_NEXTHOP,
		RTNLGRP_IPV6_IFINFO,
		0,
	};
	struct siphash_key key;
	struct world *world;
	int r;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	world = calloc(1, sizeof(*world));
	if (!world)
		return -ENOMEM;
	world->config = *config;
	/* The news come first: what changes while the rest is read is read again. */
	r = netlink_listen(NETLINK_ROUTE, groups, &world->netlink);
	if (r == 0)
		r = links_new(&world->links);
	if (r == 0)
		r = own_addresses_new(&world->own);
	if (r == 0)
		r = neighbours_new(&world->neighbours);
	if (r == 0)
		r = listeners_new(&world->listeners);
	for (unsigned i = 0; r == 0 && i < max_u32(config->n_workers, 1) + 1; i++) {
		r = route_cache_new(config->mark, &key, &world->routes[i]);
		world->n_routes += r == 0;
	}
	if (r < 0) {
		world_free(world);
		return r;
	}
	*ret = world;
	return 0;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	for (unsigned i = 0; i < world->n_routes; i++)
		route_cache_free(world->routes[i]);
	listeners_free(world->listeners);
	neighbours_free(world->neighbours);
	own_addresses_free(world->own);
	links_free(world->links);
	netlink_close(&world->netlink);
	free(world);
}

int world_fd(const struct world *world)
{
	return mnl_socket_get_fd(world->netlink.socket);
}

static int note_news(const struct nlmsghdr *nlh, void *data)
{
	struct world *world = data;

	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbours_note(world->neighbours, nlh, now_ms());
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		world->news.links = true;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		world->news.addresses = true;
		world->news.addresses4 |=
			((const struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_family ==
			AF_INET;
		break;
	default:
		break;
	}
	if (nlh->nlmsg_type != RTM_NEWNEIGH && nlh->nlmsg_type != RTM_DELNEIGH)
		world->news.routes = true;
	return MNL_CB_OK;
}

static void link_changed(void *context, unsigned ifindex, bool up)
{
	struct world *world = context;
	char name[LINKS_NAME_SIZE];

	if (world->config.link_changed)
		world->config.link_changed(world->config.context,
					   links_name(world->links, ifindex, name), up);
}

/* What can not be read stays to be read at the next news: the flags are cleared by success only. */
int world_read_news(struct world *world)
{
	int r;

	r = netlink_read(&world->netlink, note_news, world);
	if (r == -ENOBUFS) {
		/* Some are lost: everything is read anew. What waits yet comes with the next call,
		 * as the socket is still readable. */
		neighbours_clear(world->neighbours);
		world->news = (struct news){true, true, true, true};
	} else if (r < 0) {
		return r;
	}
	if (world->news.links) {
		r = links_read(world->links, link_changed, world);
		if (r < 0)
			return r;
		world->news.links = false;
	}
	if (world->news.addresses) {
		r = own_addresses_read(world->own);
		if (r < 0)
			return r;
		world->news.addresses = false;
	}
	/* Last: an answer of now must not be mixed with links of before. */
	if (world->news.routes)
		world_forget_routes(world);
	world->news.routes = false;
	if (world->news.addresses4 && world->config.addresses4_changed)
		world->config.addresses4_changed(world->config.context);
	world->news.addresses4 = false;
	return 0;
}

int world_set_silent(struct world *world, char *const *names)
{
	return links_set_silent(world->links, names);
}

int world_refresh(struct world *world)
{
	world->news.links = true;
	world->news.addresses = true;
	return world_read_news(world);
}

void world_forget_routes(struct world *world)
{
	for (unsigned i = 0; i < world->n_routes; i++)
		route_cache_flush(world->routes[i]);
}
