/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is told of the end that packets come out of, by rtnetlink as a hardened unit can
 * not write sysctls:
 *
 *   forwarding     whatever net.ipv4.conf.default says
 *   accept_local   the source of what is translated may be an address of this host (pool4 on the
 *                  host's own address, or announced)
 *   rp_filter 0    the route back to the source is by another interface
 *   IPv6           no link-local address, so that the kernel has nothing to say there
 *   routes         to the addresses of probes, which an interface that goes down loses
 */
#include "daemon/netlink_veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "daemon/netlink.h"

#define ALIAS "nat64d: superpackets on their way to be forwarded"
/* The largest that Ethernet devices have. */
#define MTU 65535

/* To the end that packets come out of, and from the other. Locally administered. */
const unsigned char netlink_veth_addresses[12] = {0x02, 0x64, 0, 0, 0, 1, 0x02, 0x64, 0, 0, 0, 2};
#define ADDRESS_SIZE 6
#define ADDRESS_OUT  (netlink_veth_addresses)
#define ADDRESS_IN   (netlink_veth_addresses + ADDRESS_SIZE)

static void print_peer(const char *name, char ret[IFNAMSIZ])
{
	(void)snprintf(ret, IFNAMSIZ, "%.*s" NETLINK_VETH_PEER_SUFFIX, IFNAMSIZ - 4, name);
}

bool netlink_veth_is_ours(const void *address, size_t size)
{
	return size == ADDRESS_SIZE && (memcmp(address, ADDRESS_OUT, ADDRESS_SIZE) == 0 ||
					memcmp(address, ADDRESS_IN, ADDRESS_SIZE) == 0);
}

/* What an interface of a name is. */
struct found {
	unsigned ifindex;
	bool is_ours;
	bool is_up;
};

static int note_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attribute[IFLA_ADDRESS + 1];
	const struct nlattr *address;
	struct found *found = data;

	netlink_attributes(nlh, sizeof(*header), attribute, IFLA_ADDRESS + 1);
	address = attribute[IFLA_ADDRESS];
	found->ifindex = (unsigned)header->ifi_index;
	found->is_up = (header->ifi_flags & IFF_UP) != 0;
	found->is_ours = address && netlink_veth_is_ours(mnl_attr_get_payload(address),
							 mnl_attr_get_payload_len(address));
	return MNL_CB_OK;
}

/* -ENODEV if there is none. */
static int find(struct netlink *netlink, const char *name, struct found *ret)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct ifinfomsg *header;
	struct nlmsghdr *nlh = netlink_request(buffer, RTM_GETLINK, 0, sizeof(*header), &header);

	*ret = (struct found){0};
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return netlink_ask(netlink, nlh, note_link, ret);
}

static int remove_old(struct netlink *netlink, const char *name, bool *ret_removed)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct ifinfomsg *header;
	struct nlmsghdr *nlh;
	struct found found;
	int r = find(netlink, name, &found);

	*ret_removed = false;
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (!found.is_ours)
		return -EEXIST;
	nlh = netlink_request(buffer, RTM_DELLINK, NLM_F_ACK, sizeof(*header), &header);
	header->ifi_index = (int)found.ifindex;
	r = netlink_ask(netlink, nlh, NULL, NULL);
	*ret_removed = r == 0;
	return r;
}

static void put_names(struct nlmsghdr *nlh, const char *name, const unsigned char *address)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, MTU);
	mnl_attr_put(nlh, IFLA_ADDRESS, ADDRESS_SIZE, address);
}

static int add_pair(struct netlink *netlink, const char *name, const char *peer)
{
	const struct ifinfomsg peer_header = {0};
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlattr *info, *data, *other;
	struct ifinfomsg *header;
	struct nlmsghdr *nlh =
		netlink_request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
				sizeof(*header), &header);

	put_names(nlh, name, ADDRESS_OUT);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	memcpy(mnl_nlmsg_get_payload_tail(nlh), &peer_header, sizeof(peer_header));
	nlh->nlmsg_len += (uint32_t)sizeof(peer_header);
	put_names(nlh, peer, ADDRESS_IN);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return netlink_ask(netlink, nlh, NULL, NULL);
}

static void put_inet(struct nlmsghdr *nlh)
{
	static const struct {
		uint16_t key;
		uint32_t value;
	} settings[] = {
		{IPV4_DEVCONF_FORWARDING, 1},
		{IPV4_DEVCONF_ACCEPT_LOCAL, 1},
		{IPV4_DEVCONF_RP_FILTER, 0},
		{IPV4_DEVCONF_SEND_REDIRECTS, 0},
	};
	struct nlattr *inet = mnl_attr_nest_start(nlh, AF_INET);
	struct nlattr *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		mnl_attr_put_u32(nlh, settings[i].key, settings[i].value);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, inet);
}

/* A word for people on it, what the kernel is told of it, and up: an interface that comes up first
 * would give itself an address. */
static int set_up(struct netlink *netlink, const char *name, unsigned flags)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlattr *families, *inet6;
	struct ifinfomsg *header;
	struct nlmsghdr *nlh =
		netlink_request(buffer, RTM_NEWLINK, NLM_F_ACK, sizeof(*header), &header);

	header->ifi_flags = header->ifi_change = flags;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, ALIAS);
	families = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	put_inet(nlh);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, families);
	return netlink_ask(netlink, nlh, NULL, NULL);
}

/* Both have what they need before one of them is up. */
static int set_up_both(struct netlink *netlink, const char *name, const char *peer)
{
	int r = set_up(netlink, name, IFF_NOARP);

	if (r == 0)
		r = set_up(netlink, peer, IFF_NOARP);
	if (r == 0)
		r = set_up(netlink, name, IFF_NOARP | IFF_UP);
	if (r == 0)
		r = set_up(netlink, peer, IFF_NOARP | IFF_UP);
	return r;
}

static int add_route(struct netlink *netlink, int family, const char *text, unsigned ifindex)
{
	char buffer[NETLINK_REQUEST_SIZE];
	unsigned char address[sizeof(struct in6_addr)];
	const unsigned size = family == AF_INET ? 4 : 16;
	struct nlmsghdr *nlh;
	struct rtmsg *route;

	(void)inet_pton(family, text, address);
	nlh = netlink_request(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK,
			      sizeof(*route), &route);
	*route = (struct rtmsg){
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)(size * 8),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	mnl_attr_put(nlh, RTA_DST, size, address);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return netlink_ask(netlink, nlh, NULL, NULL);
}

/* Where there can be none, probes say so. */
static void add_routes(struct netlink *netlink, const char *name)
{
	struct found found;

	if (find(netlink, name, &found) < 0)
		return;
	(void)add_route(netlink, AF_INET, NETLINK_VETH_PROBE4, found.ifindex);
	(void)add_route(netlink, AF_INET6, NETLINK_VETH_PROBE6, found.ifindex);
}

/* -ENODEV if there is no whole pair: what is left of one is removed. */
static int find_both(struct netlink *netlink, const char *name, const char *peer,
		     struct found *ret_peer)
{
	struct found found;
	bool removed;
	int r = find(netlink, name, &found);

	/* Somebody may have given one end another name. */
	if (r == -ENODEV)
		(void)remove_old(netlink, peer, &removed);
	if (r < 0)
		return r;
	if (!found.is_ours)
		return -EEXIST;
	r = find(netlink, peer, ret_peer);
	if (r == 0 && ret_peer->is_ours)
		return 0;
	r = remove_old(netlink, name, &removed);
	return r < 0 ? r : -ENODEV;
}

static int make(struct netlink *netlink, const char *name, const char *peer, unsigned *ret_ifindex,
		bool *ret_is_new)
{
	struct found found = {0};
	bool removed;
	int r = find_both(netlink, name, peer, &found);

	*ret_is_new = r == -ENODEV;
	if (r == -ENODEV)
		r = add_pair(netlink, name, peer);
	if (r < 0)
		return r;
	r = set_up_both(netlink, name, peer);
	if (r == 0)
		r = find(netlink, peer, &found);
	if (r == 0)
		add_routes(netlink, name);
	*ret_ifindex = found.ifindex;
	if (r < 0 && *ret_is_new)
		(void)remove_old(netlink, name, &removed);
	return r;
}

static int check(struct netlink *netlink, const char *name, unsigned ifindex, bool *ret_is_whole)
{
	struct found out, in = {0};
	char peer[IFNAMSIZ];
	int r;

	print_peer(name, peer);
	r = find(netlink, name, &out);
	if (r == 0)
		r = find(netlink, peer, &in);
	if (r < 0 && r != -ENODEV)
		return r;
	*ret_is_whole = r == 0 && out.is_ours && in.is_ours && out.is_up && in.is_up &&
			in.ifindex == ifindex;
	return 0;
}

int netlink_veth_check(const char *name, unsigned ifindex, bool *ret_is_whole)
{
	struct netlink netlink;
	int r = netlink_open(NETLINK_ROUTE, &netlink);

	if (r < 0)
		return r;
	r = check(&netlink, name, ifindex, ret_is_whole);
	netlink_close(&netlink);
	return r;
}

int netlink_veth_make(const char *name, unsigned *ret_ifindex, bool *ret_is_new)
{
	struct netlink netlink;
	char peer[IFNAMSIZ];
	int r = netlink_open(NETLINK_ROUTE, &netlink);

	*ret_is_new = false;
	if (r < 0)
		return r;
	print_peer(name, peer);
	r = make(&netlink, name, peer, ret_ifindex, ret_is_new);
	netlink_close(&netlink);
	return r;
}

int netlink_veth_remove(const char *name, bool *ret_removed)
{
	struct netlink netlink;
	bool removed = false;
	int r = netlink_open(NETLINK_ROUTE, &netlink);

	if (r < 0)
		return r;
	r = remove_old(&netlink, name, &removed);
	netlink_close(&netlink);
	if (ret_removed)
		*ret_removed = removed;
	return r;
}
