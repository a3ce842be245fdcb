/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/own_addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "daemon/core/packet.h"
#include "daemon/netlink.h"
#include "daemon/reader_lock.h"

/* Both families in one sorted list: an IPv4 address lies in ::1:0:0/96 here (from4()), where no
 * interface has an IPv6 address. */
struct address_list {
	struct addr6 *addr;
	size_t n;
	size_t capacity;
	bool no_memory;
};

struct own_addresses {
	struct netlink netlink;
	struct reader_lock lock; /* guards now */
	struct address_list now;
};

static struct addr6 from4(uint32_t addr)
{
	struct addr6 mapped = {{0}};

	/* Outside of ::/96: ::0.0.0.1 is the loopback address. */
	mapped.byte[11] = 1;
	store_be32(mapped.byte + 12, addr);
	return mapped;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr6));
}

static int note_address(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[IFA_LOCAL + 1];
	const struct nlattr *address;
	struct address_list *list = data;
	struct addr6 addr;

	netlink_attributes(nlh, sizeof(*header), attr, IFA_LOCAL + 1);
	/* On a point-to-point link IFA_ADDRESS is the peer. */
	address = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	if (!address)
		return MNL_CB_OK;
	if (header->ifa_family == AF_INET && mnl_attr_get_payload_len(address) == 4)
		addr = from4(load_be32(mnl_attr_get_payload(address)));
	else if (header->ifa_family == AF_INET6 && mnl_attr_get_payload_len(address) == 16)
		memcpy(addr.byte, mnl_attr_get_payload(address), 16);
	else
		return MNL_CB_OK;

	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 32;
		void *grown = reallocarray(list->addr, capacity, sizeof(*list->addr));

		if (!grown) {
			list->no_memory = true;
			return MNL_CB_OK;
		}
		list->addr = grown;
		list->capacity = capacity;
	}
	list->addr[list->n++] = addr;
	return MNL_CB_OK;
}

static void begin_list(void *data)
{
	struct address_list *list = data;

	list->n = 0;
	list->no_memory = false;
}

int own_addresses_new(struct own_addresses **ret)
{
	struct own_addresses *own;
	int r;

	own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	reader_lock_init(&own->lock);
	r = netlink_open(NETLINK_ROUTE, &own->netlink);
	if (r == 0)
		r = own_addresses_read(own);
	if (r < 0) {
		own_addresses_free(own);
		return r;
	}
	*ret = own;
	return 0;
}

void own_addresses_free(struct own_addresses *own)
{
	if (!own)
		return;
	netlink_close(&own->netlink);
	reader_lock_deinit(&own->lock);
	free(own->now.addr);
	free(own);
}

int own_addresses_read(struct own_addresses *own)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct address_list fresh = {0};
	struct address_list old;
	struct ifaddrmsg *header;
	struct nlmsghdr *nlh;
	int r;

	nlh = netlink_request(buffer, RTM_GETADDR, NLM_F_DUMP, sizeof(*header), &header);
	header->ifa_family = AF_UNSPEC;
	r = netlink_dump(&own->netlink, nlh, note_address, &fresh, begin_list);
	if (r == 0 && fresh.no_memory)
		r = -ENOMEM;
	if (r < 0) {
		free(fresh.addr);
		return r;
	}
	if (fresh.n > 0)
		qsort(fresh.addr, fresh.n, sizeof(*fresh.addr), compare);
	reader_lock_write(&own->lock);
	old = own->now;
	own->now = fresh;
	reader_lock_write_end(&own->lock);
	free(old.addr);
	return 0;
}

bool own_addresses_have6(struct own_addresses *own, const struct addr6 *addr)
{
	bool found;

	reader_lock_read(&own->lock);
	found = own->now.n > 0 &&
		bsearch(addr, own->now.addr, own->now.n, sizeof(*addr), compare) != NULL;
	reader_lock_read_end(&own->lock);
	return found;
}

bool own_addresses_have4(struct own_addresses *own, uint32_t addr)
{
	struct addr6 mapped = from4(addr);

	return own_addresses_have6(own, &mapped);
}
