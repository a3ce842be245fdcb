/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/listeners.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>

#include "daemon/core/packet.h"
#include "daemon/netlink.h"

#define REFRESH_MS 1000
/* A socket more than this is not known: a host with so many has other worries. */
#define LISTENERS_MAX 65536

struct listener {
	uint32_t addr; /* 0 = all */
	uint16_t port;
};

/* Sorted by port. */
struct listener_list {
	struct listener *listener;
	size_t n;
	size_t capacity;
	uint64_t read_ms; /* 0 = never */
};

struct listeners {
	pthread_mutex_t lock; /* guards all that follows */
	struct netlink netlink;
	struct listener_list list[N_PROTOCOLS]; /* that of ICMP stays empty */
};

int listeners_new(struct listeners **ret)
{
	struct listeners *listeners;
	int r;

	listeners = calloc(1, sizeof(*listeners));
	if (!listeners)
		return -ENOMEM;
	(void)pthread_mutex_init(&listeners->lock, NULL);
	r = netlink_open(NETLINK_SOCK_DIAG, &listeners->netlink);
	if (r < 0 && r != -EPROTONOSUPPORT) {
		listeners_free(listeners);
		return r;
	}
	*ret = listeners;
	return 0;
}

void listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return;
	netlink_close(&listeners->netlink);
	(void)pthread_mutex_destroy(&listeners->lock);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		free(listeners->list[i].listener);
	free(listeners);
}

/* The IPv4 address that a socket is bound to. False if IPv4 does not reach it. */
static bool bound_address(const struct inet_diag_msg *socket, const struct nlattr *v6only,
			  uint32_t *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *src = (const uint8_t *)socket->id.idiag_src;
	struct addr6 addr6;

	if (socket->idiag_family == AF_INET) {
		*ret = load_be32(src);
		return true;
	}
	memcpy(addr6.byte, src, sizeof(addr6.byte));
	if (memcmp(addr6.byte, mapped, sizeof(mapped)) == 0) {
		*ret = load_be32(addr6.byte + 12);
		return true;
	}
	*ret = 0;
	return addr6_is_unspecified(&addr6) && !(v6only && mnl_attr_get_u8(v6only));
}

static int note_socket(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[INET_DIAG_SKV6ONLY + 1];
	struct listener_list *list = data;
	uint32_t addr;

	netlink_attributes(nlh, sizeof(*socket), attr, INET_DIAG_SKV6ONLY + 1);
	if (!bound_address(socket, attr[INET_DIAG_SKV6ONLY], &addr) || list->n == LISTENERS_MAX)
		return MNL_CB_OK;
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		void *grown = reallocarray(list->listener, capacity, sizeof(*list->listener));

		if (!grown)
			return MNL_CB_OK;
		list->listener = grown;
		list->capacity = capacity;
	}
	list->listener[list->n++] =
		(struct listener){.addr = addr, .port = ntohs(socket->id.idiag_sport)};
	return MNL_CB_OK;
}

static int compare(const void *a, const void *b)
{
	const struct listener *x = a;
	const struct listener *y = b;

	return x->port - y->port;
}

static void refresh(struct listeners *listeners, enum protocol protocol, uint64_t now_ms)
{
	struct listener_list *list = &listeners->list[protocol];
	static const uint8_t family[] = {AF_INET, AF_INET6};

	if (!listeners->netlink.socket ||
	    (list->read_ms != 0 && now_ms < list->read_ms + REFRESH_MS))
		return;
	list->read_ms = now_ms;
	list->n = 0;
	for (unsigned i = 0; i < 2; i++) {
		char buffer[NETLINK_REQUEST_SIZE];
		struct inet_diag_req_v2 *request;
		struct nlmsghdr *nlh;

		nlh = netlink_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*request),
				      &request);
		request->sdiag_family = family[i];
		if (protocol == PROTOCOL_TCP) {
			request->sdiag_protocol = IPPROTO_TCP;
			request->idiag_states = 1 << TCP_LISTEN;
		} else {
			request->sdiag_protocol = IPPROTO_UDP;
			request->idiag_states = ~0u;
		}
		(void)netlink_ask(&listeners->netlink, nlh, note_socket, list);
	}
	if (list->n > 0)
		qsort(list->listener, list->n, sizeof(*list->listener), compare);
}

void listeners_forget(struct listeners *listeners)
{
	(void)pthread_mutex_lock(&listeners->lock);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		listeners->list[i].read_ms = 0;
	(void)pthread_mutex_unlock(&listeners->lock);
}

/* The place of the first one with at least this port. */
static size_t lower_bound(const struct listener_list *list, uint32_t port)
{
	size_t low = 0;
	size_t high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->listener[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool listeners_have(struct listeners *listeners, enum protocol protocol, uint32_t addr,
		    uint16_t port, uint64_t now_ms)
{
	const struct listener_list *list = &listeners->list[protocol];
	bool found = false;

	if (protocol == PROTOCOL_ICMP)
		return false;
	(void)pthread_mutex_lock(&listeners->lock);
	refresh(listeners, protocol, now_ms);
	for (size_t i = lower_bound(list, port);
	     !found && i < list->n && list->listener[i].port == port; i++)
		found = list->listener[i].addr == 0 || list->listener[i].addr == addr;
	(void)pthread_mutex_unlock(&listeners->lock);
	return found;
}

bool listeners_next(struct listeners *listeners, enum protocol protocol, uint64_t now_ms,
		    uint16_t *ret_port)
{
	const struct listener_list *list = &listeners->list[protocol];
	bool found;
	size_t i;

	if (protocol == PROTOCOL_ICMP)
		return false;
	(void)pthread_mutex_lock(&listeners->lock);
	refresh(listeners, protocol, now_ms);
	i = lower_bound(list, (uint32_t)*ret_port + 1);
	found = i < list->n;
	if (found)
		*ret_port = list->listener[i].port;
	(void)pthread_mutex_unlock(&listeners->lock);
	return found;
}
