/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routing table as the packet rules see it: see rules_route.h.
 */
#include "daemon/rules_route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define ROUTE_METRIC 1024 /* what "ip -6 route add" gives */

struct route_reader {
	struct rules_routes *routes;
	unsigned lo;
};

static int collect_attribute(const struct nlattr *attribute, void *data)
{
	const struct nlattr **table = data;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type <= RTA_MAX)
		table[type] = attribute;
	return MNL_CB_OK;
}

static void on_route4(const struct rtmsg *route, const struct nlattr *const *attribute, bool native,
		      struct rules_routes *routes)
{
	struct prefix4 prefix = {.len = route->rtm_dst_len};

	if (!native || attribute[RTA_DST] == NULL ||
	    mnl_attr_get_payload_len(attribute[RTA_DST]) != sizeof(uint32_t))
		return;
	prefix.addr = ntohl(mnl_attr_get_u32(attribute[RTA_DST]));
	g_array_append_val(routes->native4, prefix);
}

static void on_route6(const struct rtmsg *route, const struct nlattr *const *attribute, bool native,
		      struct rules_routes *routes)
{
	struct prefix6 prefix = {.len = route->rtm_dst_len};

	if (route->rtm_dst_len == 0) {
		if (route->rtm_protocol == RTPROT_RA && attribute[RTA_OIF] != NULL) {
			int link = (int)mnl_attr_get_u32(attribute[RTA_OIF]);

			g_array_append_val(routes->ra_links, link);
		}
		return;
	}
	if (attribute[RTA_DST] == NULL ||
	    mnl_attr_get_payload_len(attribute[RTA_DST]) != sizeof(prefix.addr))
		return;
	memcpy(prefix.addr.byte, mnl_attr_get_payload(attribute[RTA_DST]), sizeof(prefix.addr));
	g_array_append_val(routes->all6, prefix);
	if (native)
		g_array_append_val(routes->native6, prefix);
	if (route->rtm_protocol == RULES_ROUTE_PROTOCOL)
		g_array_append_val(routes->ours6, prefix);
}

static int on_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[RTA_MAX + 1] = {NULL};
	const struct route_reader *reader = data;
	uint32_t table;
	bool native;

	if (message->nlmsg_type != RTM_NEWROUTE || (route->rtm_flags & RTM_F_CLONED) != 0)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*route), collect_attribute, attribute);
	table = attribute[RTA_TABLE] != NULL ? mnl_attr_get_u32(attribute[RTA_TABLE])
					     : route->rtm_table;
	if (table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	native = route->rtm_type == RTN_UNICAST &&
		 (attribute[RTA_OIF] == NULL || mnl_attr_get_u32(attribute[RTA_OIF]) != reader->lo);
	if (route->rtm_family == AF_INET)
		on_route4(route, attribute, native, reader->routes);
	else if (route->rtm_family == AF_INET6)
		on_route6(route, attribute, native, reader->routes);
	return MNL_CB_OK;
}

/* Sends the request and reads answers until the last. */
static int talk(struct nlmsghdr *request, mnl_cb_t callback, void *data)
{
	g_autofree char *buffer = g_malloc(32768);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t size;
	int r = 0, more = 1;

	if (socket == NULL)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		r = -errno;
	while (r == 0 && more > 0) {
		size = mnl_socket_recvfrom(socket, buffer, 32768);
		more = size < 0 ? -1 : mnl_cb_run(buffer, (size_t)size, 0, 0, callback, data);
		if (more < 0)
			r = -errno;
	}
	mnl_socket_close(socket);
	return r;
}

static int read_family(int family, struct rules_routes *routes)
{
	struct route_reader reader = {.routes = routes, .lo = if_nametoindex("lo")};
	char buffer[128];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = (unsigned char)family;
	return talk(message, on_route, &reader);
}

int rules_routes_read(struct rules_routes *ret)
{
	struct rules_routes routes = {
		.native6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.native4 = g_array_new(FALSE, FALSE, sizeof(struct prefix4)),
		.ours6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.all6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.ra_links = g_array_new(FALSE, FALSE, sizeof(int)),
	};
	int r = read_family(AF_INET, &routes);

	r = r < 0 ? r : read_family(AF_INET6, &routes);
	if (r < 0)
		rules_routes_deinit(&routes);
	else
		*ret = routes;
	return r;
}

void rules_routes_deinit(struct rules_routes *routes)
{
	g_clear_pointer(&routes->native6, g_array_unref);
	g_clear_pointer(&routes->native4, g_array_unref);
	g_clear_pointer(&routes->ours6, g_array_unref);
	g_clear_pointer(&routes->all6, g_array_unref);
	g_clear_pointer(&routes->ra_links, g_array_unref);
}

static int change(uint16_t type, uint16_t flags, const struct prefix6 *prefix)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *metrics;
	struct rtmsg *route;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	*route = (struct rtmsg){
		.rtm_family = AF_INET6,
		.rtm_dst_len = prefix->len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RULES_ROUTE_PROTOCOL,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	mnl_attr_put(message, RTA_DST, sizeof(prefix->addr), &prefix->addr);
	mnl_attr_put_u32(message, RTA_OIF, if_nametoindex("lo"));
	mnl_attr_put_u32(message, RTA_PRIORITY, ROUTE_METRIC);
	if (type == RTM_NEWROUTE) {
		metrics = mnl_attr_nest_start(message, RTA_METRICS);
		mnl_attr_put_u32(message, RTAX_MTU, RULES_ROUTE_MTU);
		mnl_attr_nest_end(message, metrics);
	}
	return talk(message, NULL, NULL);
}

int rules_route_add(const struct prefix6 *prefix)
{
	int r = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix);

	return r == -EEXIST ? 0 : r;
}

int rules_route_remove(const struct prefix6 *prefix)
{
	int r = change(RTM_DELROUTE, 0, prefix);

	return r == -ESRCH ? 0 : r;
}
