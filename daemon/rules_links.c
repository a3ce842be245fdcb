/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_links.h. */
#include "daemon/rules_links.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "daemon/netlink.h"

#define DEFAULT 65536
/* Younger than some systems' headers. */
#define GSO_IPV4_MAX_SIZE 63
#define GRO_IPV4_MAX_SIZE 64
#define N_ATTRIBUTES      65

static uint32_t number_of(const struct nlattr *attr)
{
	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(attr)
									  : 0;
}

static int note_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[N_ATTRIBUTES];
	struct rules_big_link link = {.name = ""};

	netlink_attributes(nlh, sizeof(*header), attr, N_ATTRIBUTES);
	if (attr[IFLA_IFNAME] == NULL || (header->ifi_flags & IFF_LOOPBACK) != 0)
		return MNL_CB_OK;
	(void)g_strlcpy(link.name, mnl_attr_get_str(attr[IFLA_IFNAME]), sizeof(link.name));
	link.sizes = (struct rules_link_sizes){
		.gso = number_of(attr[IFLA_GSO_MAX_SIZE]),
		.gro = number_of(attr[IFLA_GRO_MAX_SIZE]),
		.gso4 = number_of(attr[GSO_IPV4_MAX_SIZE]),
		.gro4 = number_of(attr[GRO_IPV4_MAX_SIZE]),
	};
	if (link.sizes.gso > DEFAULT || link.sizes.gro > DEFAULT || link.sizes.gso4 > DEFAULT ||
	    link.sizes.gro4 > DEFAULT)
		g_array_append_val((GArray *)data, link);
	return MNL_CB_OK;
}

static void begin_links(void *data)
{
	g_array_set_size(data, 0);
}

GArray *rules_links_read(void)
{
	GArray *links = g_array_new(FALSE, FALSE, sizeof(struct rules_big_link));
	char buffer[NETLINK_REQUEST_SIZE];
	struct ifinfomsg *header;
	struct netlink netlink;
	struct nlmsghdr *nlh;

	if (netlink_open(NETLINK_ROUTE, &netlink) < 0)
		return links;
	nlh = netlink_request(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), &header);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (netlink_dump(&netlink, nlh, note_link, links, begin_links) < 0)
		g_array_set_size(links, 0);
	netlink_close(&netlink);
	return links;
}

/* Two of them: the kernel lets IPv4's follow those for all, so those come first. */
static int set_two(struct netlink *netlink, const char *name, uint16_t key_gso, uint32_t gso,
		   uint16_t key_gro, uint32_t gro)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct ifinfomsg *header;
	struct nlmsghdr *nlh =
		netlink_request(buffer, RTM_NEWLINK, NLM_F_ACK, sizeof(*header), &header);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (gso != 0)
		mnl_attr_put_u32(nlh, key_gso, gso);
	if (gro != 0)
		mnl_attr_put_u32(nlh, key_gro, gro);
	return netlink_ask(netlink, nlh, NULL, NULL);
}

int rules_links_set(const char *name, const struct rules_link_sizes *sizes)
{
	struct netlink netlink;
	int r = netlink_open(NETLINK_ROUTE, &netlink);

	if (r < 0)
		return r;
	r = set_two(&netlink, name, IFLA_GSO_MAX_SIZE, sizes->gso, IFLA_GRO_MAX_SIZE, sizes->gro);
	if (r == 0 && (sizes->gso4 != 0 || sizes->gro4 != 0))
		r = set_two(&netlink, name, GSO_IPV4_MAX_SIZE, sizes->gso4, GRO_IPV4_MAX_SIZE,
			    sizes->gro4);
	netlink_close(&netlink);
	return r == -ENODEV ? 0 : r;
}
