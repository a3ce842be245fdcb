/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question and its answers over netlink, on top of libmnl.
 *
 * A socket is used by one thread at a time. Answers come from the kernel at once, within the
 * system calls of netlink_ask().
 */
#pragma once

#include <libmnl/libmnl.h>

/* Room for any request that is built here. */
#define NETLINK_REQUEST_SIZE 512

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
};

/* bus: NETLINK_ROUTE, NETLINK_SOCK_DIAG. *ret is filled on success only. */
int netlink_open(int bus, struct netlink *ret);
/* For news: groups are RTNLGRP_*, ended by 0. Does not block; -ENOBUFS means that some were lost.
 */
int netlink_listen(int bus, const int *groups, struct netlink *ret);
int netlink_read(struct netlink *netlink, mnl_cb_t callback, void *data);
/* A zeroed one is closed. */
void netlink_close(struct netlink *netlink);

/* A request in buffer with size bytes of a zeroed family header, *ret_header, behind it. */
struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t size,
				 void *ret_header);

/* Sends the request, calls callback (may be NULL) for each message of the answer. 0, or the
 * negative errno that the kernel answered. A dump of something that changed while it ran is read to
 * its end, and then -EINTR. */
int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t callback, void *data);

/* A whole list: asks again when it changed meanwhile, a few times at most; after that the last
 * answer counts, and the change is among the news. begin() empties what callback fills. */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t callback, void *data,
		 void (*begin)(void *data));

/* Attributes by type into table, which has n elements and is zeroed here; others are left out. */
void netlink_attributes(const struct nlmsghdr *nlh, size_t header_size, const struct nlattr **table,
			unsigned n);
void netlink_nested(const struct nlattr *nest, const struct nlattr **table, unsigned n);
