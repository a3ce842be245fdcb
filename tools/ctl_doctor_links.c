/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: interfaces and routes. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/packet.h"
#include "daemon/netlink.h"
#include "daemon/netlink_veth.h"
#include "daemon/route.h"
#include "daemon/rules_route.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_stats.h"

#define MTU_MIN      1280 /* RFC 8200, 5 */
#define HEADER_DELTA 20   /* bytes that the IPv6 header is longer */
/* A larger superpacket does not fit into the kernel's queue. */
#define SUPERPACKET_MAX 65531
#define SUPERPACKET_FIT 65000
/* What a kernel without further orders makes: it is more, but only just, and TCP rarely does. */
#define SUPERPACKET_DEFAULT 65536

/* Of a full table these are enough to know where clients are. */
#define ROUTES_MAX 4096u

#define BEHIND_DEFAULT4 0xf0000001u /* 240.0.0.1: class E is nobody's, but by the default route */

static uint32_t number_of(const struct nlattr *attr)
{
	return attr != NULL ? mnl_attr_get_u32(attr) : 0;
}

static int note_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[IFLA_GRO_MAX_SIZE + 1];
	struct doctor_link link = {
		.ifindex = header->ifi_index,
		.up = (header->ifi_flags & IFF_UP) != 0,
		.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0,
	};

	netlink_attributes(nlh, sizeof(*header), attr, IFLA_GRO_MAX_SIZE + 1);
	/* No side of anything. */
	if (attr[IFLA_ADDRESS] != NULL &&
	    netlink_veth_is_ours(mnl_attr_get_payload(attr[IFLA_ADDRESS]),
				 mnl_attr_get_payload_len(attr[IFLA_ADDRESS])))
		return MNL_CB_OK;
	if (attr[IFLA_IFNAME] != NULL)
		(void)g_strlcpy(link.name, mnl_attr_get_str(attr[IFLA_IFNAME]), sizeof(link.name));
	link.mtu = number_of(attr[IFLA_MTU]);
	link.gso_max_size = number_of(attr[IFLA_GSO_MAX_SIZE]);
	link.gro_max_size = number_of(attr[IFLA_GRO_MAX_SIZE]);
	g_array_append_val((GArray *)data, link);
	return MNL_CB_OK;
}

static void begin_links(void *data)
{
	g_array_set_size(data, 0);
}

static void read_lro(GArray *links)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (guint i = 0; fd >= 0 && i < links->len; i++) {
		struct doctor_link *link = &g_array_index(links, struct doctor_link, i);
		struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
		struct ifreq request = {.ifr_data = (void *)&flags};

		memcpy(request.ifr_name, link->name, sizeof(request.ifr_name));
		link->lro =
			ioctl(fd, SIOCETHTOOL, &request) == 0 && (flags.data & ETH_FLAG_LRO) != 0;
	}
	if (fd >= 0)
		(void)close(fd);
}

const GArray *doctor_links(struct doctor *doctor)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct ifinfomsg *header;
	struct netlink netlink;
	struct nlmsghdr *nlh;
	GArray *links;
	int r;

	if (doctor->links != NULL)
		return doctor->links;
	r = netlink_open(NETLINK_ROUTE, &netlink);
	if (r < 0)
		return NULL;
	links = g_array_new(FALSE, FALSE, sizeof(struct doctor_link));
	nlh = netlink_request(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), &header);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_dump(&netlink, nlh, note_link, links, begin_links);
	netlink_close(&netlink);
	if (r < 0) {
		g_array_unref(links);
		return NULL;
	}
	read_lro(links);
	doctor->links = links;
	return links;
}

static enum doctor_result no_links(struct doctor *doctor)
{
	return doctor_say(doctor, DOCTOR_SKIP, "the interfaces can not be listed");
}

/* Such a link has no IPv6; on the IPv4 side every packet of 1280 bytes comes in pieces. */
static enum doctor_result has_mtu(struct doctor *doctor)
{
	const GArray *links = doctor_links(doctor);

	if (links == NULL)
		return no_links(doctor);
	for (guint i = 0; i < links->len; i++) {
		const struct doctor_link *link = &g_array_index(links, struct doctor_link, i);

		if (!link->up || link->mtu >= MTU_MIN)
			continue;
		doctor_fix(doctor, "ip link set %s mtu %d", link->name, MTU_MIN);
		return doctor_say(doctor, DOCTOR_WARN,
				  "the MTU of %s is %" PRIu32 ": IPv6 needs %d", link->name,
				  link->mtu, MTU_MIN);
	}
	return doctor_say(doctor, DOCTOR_OK, "every link has an MTU of %d or more", MTU_MIN);
}

/* Out of which interface what is translated goes to the Internet; 0 = none. */
static int side4(void)
{
	struct route_question question = {.family = AF_INET};
	struct netlink netlink;
	struct route route = {.exists = false};

	if (netlink_open(NETLINK_ROUTE, &netlink) < 0)
		return 0;
	store_be32(question.dst, BEHIND_DEFAULT4);
	if (route_ask(&netlink, &question, &route) < 0)
		route.exists = false;
	netlink_close(&netlink);
	return route.exists ? (int)route.ifindex : 0;
}

static enum doctor_result has_way4(struct doctor *doctor)
{
	if (side4() != 0)
		return doctor_say(doctor, DOCTOR_OK, "there is an IPv4 default route");
	doctor_fix(doctor, "ip route add default via GATEWAY");
	return doctor_say(doctor, DOCTOR_WARN,
			  "there is no IPv4 default route: servers behind it can not be reached");
}

/* What our own programs send needs one; setup makes it. */
static enum doctor_result has_way6(struct doctor *doctor)
{
	g_autofree char *config = doctor_config_option(doctor);
	struct netlink netlink;

	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	if (netlink_open(NETLINK_ROUTE, &netlink) < 0)
		return doctor_say(doctor, DOCTOR_SKIP, "the routes can not be read");
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *prefix = &doctor->config->nat64.pool6[i];
		struct route_question question = {.family = AF_INET6};
		char text[ADDR_TEXT_SIZE];
		struct route route;

		if (prefix->len == 0)
			continue;
		memcpy(question.dst, prefix->addr.byte, sizeof(question.dst));
		question.dst[15] = 1;
		if (route_ask(&netlink, &question, &route) == 0 && route.exists)
			continue;
		netlink_close(&netlink);
		doctor_fix_ctl(doctor, "setup%s", config);
		return doctor_say(doctor, DOCTOR_WARN,
				  "this host has no route to %s: its own programs do not reach "
				  "what is behind it",
				  prefix6_print(prefix, text));
	}
	netlink_close(&netlink);
	return doctor_say(doctor, DOCTOR_OK, "this host has a route to Pool6");
}

/* By which interface packets for the prefix leave; 0 = none. */
static int link_to(struct netlink *netlink, const struct prefix6 *prefix)
{
	struct route_question question = {.family = AF_INET6};
	struct route route = {.exists = false};

	memcpy(question.dst, prefix->addr.byte, sizeof(question.dst));
	if (prefix->len < 128)
		question.dst[15] |= 1;
	if (route_ask(netlink, &question, &route) < 0 || !route.exists)
		return 0;
	return (int)route.ifindex;
}

/* May clients have addresses there? */
static bool has_clients(const struct nat64_config *config, const struct prefix6 *prefix)
{
	static const struct prefix6 link_local = {{{0xfe, 0x80}}, 10};

	if (prefix6_overlaps(prefix, &link_local))
		return false;
	if (config->clients_any || config->clients_auto)
		return true;
	for (uint32_t i = 0; i < config->n_clients; i++) {
		if (prefix6_overlaps(prefix, &config->clients[i]))
			return true;
	}
	return false;
}

static bool is_listed(const GArray *links, int ifindex)
{
	for (guint i = 0; i < links->len; i++) {
		if (g_array_index(links, int, i) == ifindex)
			return true;
	}
	return false;
}

static void add_link(GArray *links, int ifindex)
{
	if (ifindex != 0 && !is_listed(links, ifindex))
		g_array_append_val(links, ifindex);
}

/* Those by which this host has a route to Translation.Clients: array of int. A card for storage is
 * none of them. */
static void find_links_of_clients(struct doctor *doctor, GArray *ret)
{
	const struct rules_routes *routes = doctor_routes(doctor);
	const struct nat64_config *config = &doctor->config->nat64;
	struct netlink netlink;

	if (routes == NULL || netlink_open(NETLINK_ROUTE, &netlink) < 0)
		return;
	for (uint32_t i = 0; i < config->n_clients; i++)
		add_link(ret, link_to(&netlink, &config->clients[i]));
	for (guint i = 0; i < MIN(routes->native6->len, ROUTES_MAX); i++) {
		const struct prefix6 *prefix = &g_array_index(routes->native6, struct prefix6, i);

		if (has_clients(config, prefix))
			add_link(ret, link_to(&netlink, prefix));
	}
	netlink_close(&netlink);
}

static enum doctor_result has_like_sides(struct doctor *doctor)
{
	const GArray *links = doctor_links(doctor);
	const struct doctor_link *narrow = NULL, *wide = NULL;
	g_autoptr(GArray) of_clients = g_array_new(FALSE, FALSE, sizeof(int));
	int ifindex = side4();

	if (links == NULL)
		return no_links(doctor);
	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	find_links_of_clients(doctor, of_clients);
	for (guint i = 0; i < links->len; i++) {
		const struct doctor_link *link = &g_array_index(links, struct doctor_link, i);

		if (link->ifindex == ifindex)
			narrow = link;
		else if (link->up && !link->loopback && is_listed(of_clients, link->ifindex) &&
			 (wide == NULL || link->mtu > wide->mtu))
			wide = link;
	}
	if (narrow == NULL || wide == NULL)
		return doctor_say(doctor, DOCTOR_OK,
				  "there is one side only, and nothing to compare");
	if (narrow->mtu + HEADER_DELTA >= wide->mtu)
		return doctor_say(doctor, DOCTOR_OK,
				  "what clients send by %s (MTU %" PRIu32
				  ") goes out by %s (%" PRIu32 ")",
				  wide->name, wide->mtu, narrow->name, narrow->mtu);
	if (doctor->config->nat64.rules.clamp_mss)
		return doctor_say(doctor, DOCTOR_OK,
				  "%s is narrower than %s, for which ClampMSS is set", narrow->name,
				  wide->name);
	doctor_fix_ctl(doctor, "config set Translation.ClampMSS yes");
	return doctor_say(doctor, DOCTOR_WARN,
			  "the MTU of %s is %" PRIu32 ", less than that of %s (%" PRIu32
			  "): every upload begins with packets that are too big",
			  narrow->name, narrow->mtu, wide->name, wide->mtu);
}

/* What a card has put together behind the kernel's back can not be cut again as it was. */
static enum doctor_result has_no_lro(struct doctor *doctor)
{
	const GArray *links = doctor_links(doctor);

	if (links == NULL)
		return no_links(doctor);
	for (guint i = 0; i < links->len; i++) {
		const struct doctor_link *link = &g_array_index(links, struct doctor_link, i);

		if (!link->up || !link->lro)
			continue;
		doctor_fix(doctor, "ethtool -K %s lro off", link->name);
		return doctor_say(doctor, DOCTOR_WARN,
				  "%s joins packets (LRO), which must not be forwarded",
				  link->name);
	}
	return doctor_say(doctor, DOCTOR_OK, "no interface joins packets (LRO)");
}

static enum doctor_result has_superpackets_that_fit(struct doctor *doctor)
{
	const GArray *links = doctor_links(doctor);
	uint64_t truncated = doctor->counters != NULL
				     ? ctl_stats_sum(doctor->counters, "packets_", "_truncated")
				     : 0;
	uint32_t most = truncated > 0 ? SUPERPACKET_MAX : SUPERPACKET_DEFAULT;

	if (links == NULL)
		return no_links(doctor);
	for (guint i = 0; i < links->len; i++) {
		const struct doctor_link *link = &g_array_index(links, struct doctor_link, i);

		if (!link->up || link->loopback ||
		    (link->gso_max_size <= most && link->gro_max_size <= most))
			continue;
		doctor_fix(doctor, "ip link set %s gso_max_size %d gro_max_size %d", link->name,
			   SUPERPACKET_FIT, SUPERPACKET_FIT);
		return doctor_say(doctor, DOCTOR_WARN,
				  "%s makes superpackets of up to %" PRIu32
				  " bytes, of which %d fit into a queue; %" PRIu64 " were dropped",
				  link->name, MAX(link->gso_max_size, link->gro_max_size),
				  SUPERPACKET_MAX, truncated);
	}
	return doctor_say(doctor, DOCTOR_OK, "superpackets fit into the queues");
}

/* Only what the kernel forwards for us is looked at so; raw sockets do not come in anywhere. */
static enum doctor_result has_no_source_check(struct doctor *doctor)
{
	g_autofree char *text = NULL;

	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	if (doctor->config->queue.inject != CONFIG_INJECT_PACKET)
		return doctor_say(doctor, DOCTOR_OK,
				  "sources are not checked on the way of what is translated");
	if (!g_file_get_contents("/proc/sys/net/ipv4/conf/all/rp_filter", &text, NULL, NULL))
		return doctor_say(doctor, DOCTOR_SKIP, "rp_filter can not be read");
	if (g_ascii_strtoull(text, NULL, 10) == 0)
		return doctor_say(doctor, DOCTOR_OK, "net.ipv4.conf.all.rp_filter is off");
	doctor_fix(doctor, "sysctl -w net.ipv4.conf.all.rp_filter=0");
	return doctor_say(doctor, DOCTOR_FAIL,
			  "net.ipv4.conf.all.rp_filter drops what Queue.Inject=packet hands to "
			  "the kernel");
}

/* Forwarding ends them, but where accept_ra is 2: the route goes when it expires. */
static enum doctor_result keeps_its_default_route(struct doctor *doctor)
{
	const struct rules_routes *routes = doctor_routes(doctor);
	const GArray *links = doctor_links(doctor);

	if (routes == NULL || links == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the routes can not be read");
	for (guint i = 0; i < routes->ra_links->len * links->len; i++) {
		const struct doctor_link *link =
			&g_array_index(links, struct doctor_link, i % links->len);
		g_autofree char *path =
			g_strdup_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", link->name);
		g_autofree char *value = NULL;

		if (link->ifindex != g_array_index(routes->ra_links, int, i / links->len) ||
		    !g_file_get_contents(path, &value, NULL, NULL) || *value == '2')
			continue;
		doctor_fix(doctor, "sysctl -w net/ipv6/conf/%s/accept_ra=2", link->name);
		return doctor_say(
			doctor, DOCTOR_WARN,
			"the IPv6 default route came by router advertisements on %s, which "
			"a host that forwards does not take any more",
			link->name);
	}
	return doctor_say(doctor, DOCTOR_OK, "no default route depends on router advertisements");
}

const struct doctor_check doctor_link_checks[] = {
	{"route-pool6", has_way6},
	{"route-ipv4", has_way4},
	{"router-advertisements", keeps_its_default_route},
	{"mtu", has_mtu},
	{"mtu-sides", has_like_sides},
	{"lro", has_no_lro},
	{"superpackets", has_superpackets_that_fit},
	{"source-check", has_no_source_check},
	{NULL},
};
