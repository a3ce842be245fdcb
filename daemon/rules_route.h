/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routing table as the packet rules see it: what is routed natively, where a default
 * route came by router advertisement, and the route for Pool6 that local traffic needs.
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

struct rules_routes {
	GArray *native6;  /* struct prefix6: unicast routes of the main table, not by lo */
	GArray *native4;  /* struct prefix4; default routes are left out of both */
	GArray *all6;     /* struct prefix6: every route of the main table, but the default */
	GArray *ra_links; /* int: interfaces with a default route by router advertisement */
};

int rules_routes_read(struct rules_routes *ret);
void rules_routes_deinit(struct rules_routes *routes);

/* Adding what is there or removing what is not succeeds. */
int rules_route_add(const struct prefix6 *prefix);
int rules_route_remove(const struct prefix6 *prefix);
