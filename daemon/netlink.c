/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

/* Larger than what the kernel puts into one message of a dump. */
#define ANSWER_SIZE 32768
/* On a host where something changes all the time no dump may ever be at one moment. */
#define DUMP_TRIES 3

static int open_socket(int bus, int flags, const int *groups, struct netlink *ret)
{
	/* The kernel answers within the call that asks; this only keeps a bug from hanging us. */
	const struct timeval patience = {.tv_sec = 1};
	struct mnl_socket *socket;
	int r;

	socket = mnl_socket_open2(bus, SOCK_CLOEXEC | flags);
	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0)
		goto failed;
	for (; groups && *groups; groups++)
		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, (void *)groups,
					  sizeof(*groups)) < 0)
			goto failed;
	*ret = (struct netlink){.socket = socket};
	return 0;

failed:
	r = -errno;
	(void)mnl_socket_close(socket);
	return r;
}

int netlink_open(int bus, struct netlink *ret)
{
	return open_socket(bus, 0, NULL, ret);
}

int netlink_listen(int bus, const int *groups, struct netlink *ret)
{
	return open_socket(bus, SOCK_NONBLOCK, groups, ret);
}

int netlink_read(struct netlink *netlink, mnl_cb_t callback, void *data)
{
	char news[ANSWER_SIZE];

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(netlink->socket, news, sizeof(news));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		/* ENOSPC: longer than the buffer, so it is lost as well. */
		if (n < 0)
			return errno == ENOSPC ? -ENOBUFS : -errno;
		/* News have neither our sequence nor our port. An error code is no news. */
		(void)mnl_cb_run(news, (size_t)n, 0, 0, callback, data);
	}
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		(void)mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t size,
				 void *ret_header)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*(void **)ret_header = mnl_nlmsg_put_extra_header(nlh, size);
	return nlh;
}

/* Takes the mark "changed while it ran" off the messages, so that all of them are read. True if
 * there was one. */
static bool take_interruption(void *answer, size_t size)
{
	bool interrupted = false;
	struct nlmsghdr *nlh = answer;
	int left = (int)size;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		interrupted |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
		nlh->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return interrupted;
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t callback, void *data)
{
	bool is_dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	bool interrupted = false;
	char answer[ANSWER_SIZE];

	request->nlmsg_seq = ++netlink->sequence;
	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(netlink->socket, answer, sizeof(answer));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		interrupted |= take_interruption(answer, (size_t)n);
		r = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq,
			       mnl_socket_get_portid(netlink->socket), callback, data);
		/* Another sequence: left over from a question that was given up. */
		if (r < 0 && errno == EPROTO)
			continue;
		if (r < 0)
			return -errno;
		if (!is_dump || r == MNL_CB_STOP)
			return interrupted ? -EINTR : 0;
	}
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t callback, void *data,
		 void (*begin)(void *data))
{
	int r = -EINTR;

	for (unsigned i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		begin(data);
		r = netlink_ask(netlink, request, callback, data);
	}
	return r == -EINTR ? 0 : r;
}

struct table {
	const struct nlattr **attribute;
	unsigned n;
};

static int note_attribute(const struct nlattr *attribute, void *data)
{
	struct table *table = data;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < table->n)
		table->attribute[type] = attribute;
	return MNL_CB_OK;
}

void netlink_attributes(const struct nlmsghdr *nlh, size_t header_size, const struct nlattr **table,
			unsigned n)
{
	struct table to = {table, n};

	memset(table, 0, n * sizeof(*table));
	(void)mnl_attr_parse(nlh, (unsigned)header_size, note_attribute, &to);
}

void netlink_nested(const struct nlattr *nest, const struct nlattr **table, unsigned n)
{
	struct table to = {table, n};

	memset(table, 0, n * sizeof(*table));
	(void)mnl_attr_parse_nested(nest, note_attribute, &to);
}
