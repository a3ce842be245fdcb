/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routing table as the packet rules see it: see rules_route.h.
 */
#include "daemon/rules_route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/netlink.h"

#define ROUTE_METRIC 1024 /* what "ip -6 route add" gives */

struct route_reader {
	struct rules_routes *routes;
	int family;
	unsigned lo;
};

static void note_next_hop(struct rules_routes *routes, const struct nlattr *gateway)
{
	uint32_t addr;

	if (gateway == NULL || mnl_attr_get_payload_len(gateway) != sizeof(addr))
		return;
	addr = ntohl(mnl_attr_get_u32(gateway));
	g_array_append_val(routes->next_hops4, addr);
}

/* Of a route with several ways: each a struct rtnexthop with attributes. */
static void note_next_hops(struct rules_routes *routes, const struct nlattr *multipath)
{
	const uint8_t *at = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	struct rtnexthop hop;

	while (left >= sizeof(hop)) {
		const struct nlattr *attr = (const void *)(at + sizeof(hop));
		size_t size;

		memcpy(&hop, at, sizeof(hop));
		size = (size_t)RTNH_ALIGN(hop.rtnh_len);
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		for (; mnl_attr_ok(attr, (int)(at + hop.rtnh_len - (const uint8_t *)attr));
		     attr = mnl_attr_next(attr)) {
			if (mnl_attr_get_type(attr) == RTA_GATEWAY)
				note_next_hop(routes, attr);
		}
		at += size;
		left -= size < left ? size : left;
	}
}

static void on_route4(const struct rtmsg *route, const struct nlattr *const *attribute, bool native,
		      struct rules_routes *routes)
{
	struct rules_onlink4 onlink = {.prefix.len = route->rtm_dst_len};
	bool has_hop = attribute[RTA_GATEWAY] != NULL || attribute[RTA_MULTIPATH] != NULL ||
		       attribute[RTA_VIA] != NULL;

	if (route->rtm_type == RTN_UNICAST)
		note_next_hop(routes, attribute[RTA_GATEWAY]);
	if (route->rtm_type == RTN_UNICAST && attribute[RTA_MULTIPATH] != NULL)
		note_next_hops(routes, attribute[RTA_MULTIPATH]);
	if (!native || attribute[RTA_DST] == NULL ||
	    mnl_attr_get_payload_len(attribute[RTA_DST]) != sizeof(uint32_t))
		return;
	onlink.prefix.addr = ntohl(mnl_attr_get_u32(attribute[RTA_DST]));
	g_array_append_val(routes->native4, onlink.prefix);
	if (has_hop || attribute[RTA_OIF] == NULL)
		return;
	onlink.ifindex = mnl_attr_get_u32(attribute[RTA_OIF]);
	g_array_append_val(routes->onlink4, onlink);
}

/* The local table: what the kernel makes for addresses does not count. */
static void on_local4(const struct rtmsg *route, const struct nlattr *const *attribute,
		      struct rules_routes *routes)
{
	struct prefix4 prefix = {.len = route->rtm_dst_len};

	if (route->rtm_type != RTN_LOCAL || route->rtm_protocol == RTPROT_KERNEL ||
	    attribute[RTA_DST] == NULL ||
	    mnl_attr_get_payload_len(attribute[RTA_DST]) != sizeof(uint32_t))
		return;
	prefix.addr = ntohl(mnl_attr_get_u32(attribute[RTA_DST]));
	if (route->rtm_protocol == RULES_ROUTE_PROTOCOL)
		g_array_append_val(routes->announced4, prefix);
	else
		g_array_append_val(routes->local4, prefix);
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
}

static int on_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[RTA_MAX + 1];
	const struct route_reader *reader = data;
	uint32_t table;
	bool native;

	if (message->nlmsg_type != RTM_NEWROUTE || (route->rtm_flags & RTM_F_CLONED) != 0)
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(*route), attribute, RTA_MAX + 1);
	table = attribute[RTA_TABLE] != NULL ? mnl_attr_get_u32(attribute[RTA_TABLE])
					     : route->rtm_table;
	if (table == RT_TABLE_LOCAL && route->rtm_family == AF_INET)
		on_local4(route, attribute, reader->routes);
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

static void begin_routes(void *data)
{
	const struct route_reader *reader = data;
	struct rules_routes *routes = reader->routes;

	if (reader->family == AF_INET) {
		g_array_set_size(routes->native4, 0);
		g_array_set_size(routes->onlink4, 0);
		g_array_set_size(routes->next_hops4, 0);
		g_array_set_size(routes->local4, 0);
		g_array_set_size(routes->announced4, 0);
		return;
	}
	g_array_set_size(routes->native6, 0);
	g_array_set_size(routes->all6, 0);
	g_array_set_size(routes->ra_links, 0);
}

static int read_family(struct netlink *netlink, int family, struct rules_routes *routes)
{
	struct route_reader reader = {
		.routes = routes,
		.family = family,
		.lo = if_nametoindex("lo"),
	};
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct rtmsg *route;

	request = netlink_request(buffer, RTM_GETROUTE, NLM_F_DUMP, sizeof(*route), &route);
	route->rtm_family = (unsigned char)family;
	return netlink_dump(netlink, request, on_route, &reader, begin_routes);
}

static bool ignores_arp(const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/sys/net/ipv4/conf/%s/arp_ignore", name);
	g_autofree char *value = NULL;

	return g_file_get_contents(path, &value, NULL, NULL) && value[0] != '0';
}

/* False: nobody asks by ARP there. */
static bool read_link(int fd, struct rules_onlink4 *onlink)
{
	struct ifreq request = {.ifr_ifindex = (int)onlink->ifindex};
	const char *all, *link;

	if (ioctl(fd, SIOCGIFNAME, &request) < 0)
		return false;
	g_strlcpy(onlink->name, request.ifr_name, sizeof(onlink->name));
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 ||
	    (request.ifr_flags & (IFF_NOARP | IFF_LOOPBACK | IFF_POINTOPOINT)) != 0)
		return false;
	all = ignores_arp("all") ? "net.ipv4.conf.all.arp_ignore=0" : "";
	link = ignores_arp(onlink->name) ? onlink->name : "";
	(void)snprintf(onlink->arp_ignore, sizeof(onlink->arp_ignore), "%s%s%s%s%s", all,
		       all[0] && link[0] ? " " : "", link[0] ? "net.ipv4.conf." : "", link,
		       link[0] ? ".arp_ignore=0" : "");
	return true;
}

static int read_links(struct rules_routes *routes)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	for (guint i = routes->onlink4->len; i-- > 0;) {
		if (!read_link(fd, &g_array_index(routes->onlink4, struct rules_onlink4, i)))
			g_array_remove_index(routes->onlink4, i);
	}
	(void)close(fd);
	return 0;
}

int rules_routes_read(struct rules_routes *ret)
{
	struct rules_routes routes = {
		.native6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.native4 = g_array_new(FALSE, FALSE, sizeof(struct prefix4)),
		.all6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.onlink4 = g_array_new(FALSE, FALSE, sizeof(struct rules_onlink4)),
		.next_hops4 = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
		.local4 = g_array_new(FALSE, FALSE, sizeof(struct prefix4)),
		.announced4 = g_array_new(FALSE, FALSE, sizeof(struct prefix4)),
		.ra_links = g_array_new(FALSE, FALSE, sizeof(int)),
	};
	struct netlink netlink = {0};
	int r = netlink_open(NETLINK_ROUTE, &netlink);

	r = r < 0 ? r : read_family(&netlink, AF_INET, &routes);
	r = r < 0 ? r : read_family(&netlink, AF_INET6, &routes);
	netlink_close(&netlink);
	r = r < 0 ? r : read_links(&routes);
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
	g_clear_pointer(&routes->all6, g_array_unref);
	g_clear_pointer(&routes->onlink4, g_array_unref);
	g_clear_pointer(&routes->next_hops4, g_array_unref);
	g_clear_pointer(&routes->local4, g_array_unref);
	g_clear_pointer(&routes->announced4, g_array_unref);
	g_clear_pointer(&routes->ra_links, g_array_unref);
}

static int ask(struct nlmsghdr *message)
{
	struct netlink netlink;
	int r;

	r = netlink_open(NETLINK_ROUTE, &netlink);
	if (r < 0)
		return r;
	r = netlink_ask(&netlink, message, NULL, NULL);
	netlink_close(&netlink);
	return r;
}

static int change(uint16_t type, uint16_t flags, const struct prefix6 *prefix)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *message;
	struct nlattr *metrics;
	struct rtmsg *route;

	message = netlink_request(buffer, type, NLM_F_ACK | flags, sizeof(*route), &route);
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
	return ask(message);
}

static int change_local(uint16_t type, uint16_t flags, const struct prefix4 *prefix)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *message;
	struct rtmsg *route;

	message = netlink_request(buffer, type, NLM_F_ACK | flags, sizeof(*route), &route);
	*route = (struct rtmsg){
		.rtm_family = AF_INET,
		.rtm_dst_len = prefix->len,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RULES_ROUTE_PROTOCOL,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	mnl_attr_put_u32(message, RTA_DST, htonl(prefix->addr));
	mnl_attr_put_u32(message, RTA_OIF, if_nametoindex("lo"));
	return ask(message);
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

int rules_route_announce(const struct prefix4 *prefix)
{
	int r = change_local(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix);

	return r == -EEXIST ? 0 : r;
}

int rules_route_withdraw(const struct prefix4 *prefix)
{
	int r = change_local(RTM_DELROUTE, 0, prefix);

	return r == -ESRCH ? 0 : r;
}
