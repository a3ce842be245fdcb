/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/links.h"

#include <errno.h>
#include <fcntl.h>
#include <libnfnetlink/libnfnetlink.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/netlink.h"
#include "daemon/reader_lock.h"

/* Not in glibc's <net/if.h>, whose names clash with <linux/if.h>. */
#define LINK_LOWER_UP 0x10000

struct indexed_link {
	unsigned ifindex;
	struct link link;
};

/* Sorted by index. */
struct link_list {
	struct indexed_link *link;
	unsigned n;
	unsigned capacity;
	bool no_memory;
	char *const *silent;
};

struct links {
	struct netlink netlink;
	struct nlif_handle *names;
	struct reader_lock lock; /* guards now */
	struct link_list now;
	char **silent; /* names, NULL-terminated; or NULL. Control thread. */
};

static int compare(const void *a, const void *b)
{
	unsigned x = ((const struct indexed_link *)a)->ifindex;
	unsigned y = ((const struct indexed_link *)b)->ifindex;

	return (x > y) - (x < y);
}

static const struct indexed_link *find(const struct link_list *list, unsigned ifindex)
{
	const struct indexed_link key = {.ifindex = ifindex};

	if (list->n == 0)
		return NULL;
	return bsearch(&key, list->link, list->n, sizeof(key), compare);
}

/* The IPv6 MTU can be less than the device's: a router advertisement says so. 0 if not told. */
static uint32_t read_mtu6(const struct nlattr *af_spec)
{
	const struct nlattr *family[AF_INET6 + 1];
	const struct nlattr *inet6[IFLA_INET6_MAX + 1];
	const uint32_t *value;

	netlink_nested(af_spec, family, AF_INET6 + 1);
	if (!family[AF_INET6])
		return 0;
	netlink_nested(family[AF_INET6], inet6, IFLA_INET6_MAX + 1);
	if (!inet6[IFLA_INET6_CONF] ||
	    mnl_attr_get_payload_len(inet6[IFLA_INET6_CONF]) < (DEVCONF_MTU6 + 1) * sizeof(*value))
		return 0;
	value = mnl_attr_get_payload(inet6[IFLA_INET6_CONF]);
	return value[DEVCONF_MTU6];
}

static bool is_silent(char *const *silent, const struct nlattr *name)
{
	for (; silent && name && *silent; silent++)
		if (strcmp(*silent, mnl_attr_get_str(name)) == 0)
			return true;
	return false;
}

static int note_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[IFLA_AF_SPEC + 1];
	struct link_list *list = data;
	struct indexed_link found = {.ifindex = (unsigned)header->ifi_index};
	uint32_t mtu6 = 0;

	netlink_attributes(nlh, sizeof(*header), attr, IFLA_AF_SPEC + 1);
	if (!attr[IFLA_MTU])
		return MNL_CB_OK;
	if (list->n == list->capacity) {
		unsigned capacity = list->capacity ? list->capacity * 2 : 16;
		void *grown = reallocarray(list->link, capacity, sizeof(*list->link));

		if (!grown) {
			list->no_memory = true;
			return MNL_CB_OK;
		}
		list->link = grown;
		list->capacity = capacity;
	}
	if (attr[IFLA_AF_SPEC])
		mtu6 = read_mtu6(attr[IFLA_AF_SPEC]);
	found.link.mtu4 = mnl_attr_get_u32(attr[IFLA_MTU]);
	found.link.mtu6 = mtu6 && mtu6 < found.link.mtu4 ? mtu6 : found.link.mtu4;
	found.link.up = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_RUNNING) &&
			(header->ifi_flags & LINK_LOWER_UP);
	found.link.silent = is_silent(list->silent, attr[IFLA_IFNAME]);
	list->link[list->n++] = found;
	return MNL_CB_OK;
}

static void begin_list(void *data)
{
	struct link_list *list = data;

	list->n = 0;
	list->no_memory = false;
}

int links_new(struct links **ret)
{
	struct links *links;
	int r;

	links = calloc(1, sizeof(*links));
	if (!links)
		return -ENOMEM;
	reader_lock_init(&links->lock);
	r = netlink_open(NETLINK_ROUTE, &links->netlink);
	if (r < 0)
		goto failed;
	/* Names are for messages only: without them there are numbers. */
	links->names = nlif_open();
	if (links->names && nlif_query(links->names) == 0)
		(void)fcntl(nlif_fd(links->names), F_SETFL, O_NONBLOCK);
	r = links_read(links, NULL, NULL);
	if (r < 0)
		goto failed;
	*ret = links;
	return 0;

failed:
	links_free(links);
	return r;
}

static void free_names(char **names)
{
	for (unsigned i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

void links_free(struct links *links)
{
	if (!links)
		return;
	if (links->names)
		nlif_close(links->names);
	netlink_close(&links->netlink);
	reader_lock_deinit(&links->lock);
	free(links->now.link);
	free_names(links->silent);
	free(links);
}

static void read_names(struct links *links)
{
	struct pollfd news = {.fd = links->names ? nlif_fd(links->names) : -1, .events = POLLIN};

	while (poll(&news, 1, 0) > 0 && nlif_catch(links->names) >= 0)
		;
}

int links_read(struct links *links, void (*changed)(void *context, unsigned ifindex, bool up),
	       void *context)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct link_list fresh = {.silent = links->silent};
	struct link_list old;
	struct ifinfomsg *header;
	struct nlmsghdr *nlh;
	int r;

	nlh = netlink_request(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), &header);
	/* No statistics and no virtual functions: they are long. */
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_dump(&links->netlink, nlh, note_link, &fresh, begin_list);
	if (r == 0 && fresh.no_memory)
		r = -ENOMEM;
	if (r < 0) {
		free(fresh.link);
		return r;
	}
	if (fresh.n > 0)
		qsort(fresh.link, fresh.n, sizeof(*fresh.link), compare);
	read_names(links);

	reader_lock_write(&links->lock);
	old = links->now;
	links->now = fresh;
	reader_lock_write_end(&links->lock);

	for (unsigned i = 0; changed && i < fresh.n; i++) {
		const struct indexed_link *before = find(&old, fresh.link[i].ifindex);

		if (before && before->link.up != fresh.link[i].link.up)
			changed(context, fresh.link[i].ifindex, fresh.link[i].link.up);
	}
	free(old.link);
	return 0;
}

int links_set_silent(struct links *links, char *const *names)
{
	unsigned n = 0;
	char **copy;

	while (names && names[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (unsigned i = 0; copy && i < n; i++) {
		copy[i] = strdup(names[i]);
		if (!copy[i]) {
			free_names(copy);
			copy = NULL;
		}
	}
	if (!copy)
		return -ENOMEM;
	free_names(links->silent);
	links->silent = copy;
	return links_read(links, NULL, NULL);
}

bool links_get(struct links *links, unsigned ifindex, struct link *ret)
{
	const struct indexed_link *found;

	reader_lock_read(&links->lock);
	found = find(&links->now, ifindex);
	if (found)
		*ret = found->link;
	reader_lock_read_end(&links->lock);
	return found != NULL;
}

const char *links_name(struct links *links, unsigned ifindex, char *name)
{
	if (!links->names || nlif_index2name(links->names, ifindex, name) < 0)
		(void)snprintf(name, LINKS_NAME_SIZE, "interface %u", ifindex);
	return name;
}
