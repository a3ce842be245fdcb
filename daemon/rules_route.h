/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routing table as the packet rules see it: what is routed natively, where a default
 * route came by router advertisement, the subnets of links, and the routes that we make: for Pool6,
 * which local traffic needs, and for pool4 where it is announced.
 *
 * Without a route the gateway's own packets to Pool6 fail before the output hook. It leads to lo,
 * where nothing goes that the hook has taken, so that it does not compete with a default route; its
 * MTU is what TCP then reckons with instead of lo's 65536.
 */
#pragma once

#include <glib.h>

#include "daemon/core/addr.h"

#define RULES_ROUTE_PROTOCOL 64 /* rtm_protocol of our routes: "ip -6 route show proto 64" */
#define RULES_ROUTE_MTU      1500

#define RULES_LINK_NAME_SIZE  16 /* as IF_NAMESIZE */
#define RULES_ARP_IGNORE_SIZE 96

/* A subnet whose neighbours find this host's addresses by ARP. */
struct rules_onlink4 {
	struct prefix4 prefix;
	unsigned ifindex;
	char name[RULES_LINK_NAME_SIZE];
	/* Why the kernel would answer for no more than the link's own addresses, as what to set:
	 * "net.ipv4.conf.eth0.arp_ignore=0"; "" = it answers for what is local. */
	char arp_ignore[RULES_ARP_IGNORE_SIZE];
};

struct rules_routes {
	GArray *native6;    /* struct prefix6: unicast routes of the main table, not by lo */
	GArray *native4;    /* struct prefix4; default routes are left out of both */
	GArray *all6;       /* struct prefix6: every route of the main table, but the default */
	GArray *onlink4;    /* struct rules_onlink4 */
	GArray *next_hops4; /* uint32_t: of all routes of the main table */
	GArray *local4;     /* struct prefix4: routes to lo in the local table that others made */
	GArray *announced4; /* struct prefix4: such routes that are ours */
	GArray *ra_links;   /* int: interfaces with a default route by router advertisement */
};

int rules_routes_read(struct rules_routes *ret);
void rules_routes_deinit(struct rules_routes *routes);

/* Adding what is there or removing what is not succeeds. */
int rules_route_add(const struct prefix6 *prefix);
int rules_route_remove(const struct prefix6 *prefix);
/* "local PREFIX dev lo": makes the kernel answer ARP for the prefix. */
int rules_route_announce(const struct prefix4 *prefix);
int rules_route_withdraw(const struct prefix4 *prefix);
