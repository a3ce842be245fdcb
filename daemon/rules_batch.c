/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of a set by netlink: see rules_batch.h.
 *
 * nf_tables takes several messages between NFNL_MSG_BATCH_BEGIN and _END as one transaction, sent
 * as one packet. Each message between them is answered, with an error if there was any, and then
 * all of them had no effect; that the transaction as a whole has failed is said about its
 * beginning. The answers are there when the call that sends returns.
 *
 * To the kernel an interval is two elements: its first address, and the first one behind it, which
 * has a flag. That one is left out where the interval ends with the last address of all.
 */
#include "daemon/rules_batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "daemon/core/addr4_ranges.h"
#include "daemon/netlink.h"

/* In one message, whose list of elements has 16 bits for its size. */
#define RANGES_MAX 1024
/* Of an interval at most, names and headers of a message, and a transaction with two of those. */
#define RANGE_SIZE   40
#define MESSAGE_SIZE (RANGES_MAX * RANGE_SIZE + 512)
#define BATCH_SIZE   (2 * MESSAGE_SIZE + 64)

struct batch {
	char buffer[BATCH_SIZE];
	size_t size;
	unsigned n_answers; /* to come */
};

static struct nlmsghdr *begin_message(struct batch *batch, uint16_t type, uint16_t flags,
				      uint8_t family, uint16_t resource)
{
	struct nfgenmsg *header;
	struct nlmsghdr *message =
		netlink_request(batch->buffer + batch->size, type, flags, sizeof(*header), &header);

	*header = (struct nfgenmsg){
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
	return message;
}

static void end_message(struct batch *batch, const struct nlmsghdr *message)
{
	batch->size += MNL_ALIGN(message->nlmsg_len);
	batch->n_answers += message->nlmsg_flags & NLM_F_ACK ? 1 : 0;
}

/* A message that only marks where the transaction begins or ends. */
static void put_mark(struct batch *batch, uint16_t type)
{
	end_message(batch, begin_message(batch, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

static void put_element(struct nlmsghdr *message, uint32_t addr, uint32_t flags)
{
	struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM), *key;

	if (flags != 0)
		mnl_attr_put_u32(message, NFTA_SET_ELEM_FLAGS, htonl(flags));
	key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	mnl_attr_put_u32(message, NFTA_DATA_VALUE, htonl(addr));
	mnl_attr_nest_end(message, key);
	mnl_attr_nest_end(message, element);
}

/* Puts the next ranges, from *i on, into a message of this type. */
static void put_ranges(struct batch *batch, uint16_t type, uint16_t flags, const char *table,
		       const char *set, const GArray *ranges, guint *i)
{
	guint end = MIN(ranges->len, *i + RANGES_MAX);
	struct nlmsghdr *message;
	struct nlattr *list;

	if (*i == end)
		return;
	message = begin_message(batch, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_ACK | flags,
				NFPROTO_INET, 0);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set);
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (; *i < end; (*i)++) {
		const struct addr4_range *range = &g_array_index(ranges, struct addr4_range, *i);

		put_element(message, range->first, 0);
		if (range->last != UINT32_MAX)
			put_element(message, range->last + 1, NFT_SET_ELEM_INTERVAL_END);
	}
	mnl_attr_nest_end(message, list);
	end_message(batch, message);
}

static int commit(struct netlink *netlink, const struct batch *batch)
{
	unsigned n_answers = 0;
	char answer[1024];

	if (mnl_socket_sendto(netlink->socket, batch->buffer, batch->size) < 0)
		return -errno;
	while (n_answers < batch->n_answers) {
		ssize_t size = mnl_socket_recvfrom(netlink->socket, answer, sizeof(answer));

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 || mnl_cb_run(answer, (size_t)size, 0, 0, NULL, NULL) < 0)
			return -errno;
		n_answers++;
	}
	return 0;
}

int rules_batch_change(const char *table, const char *set, const GArray *gone, const GArray *fresh)
{
	g_autofree struct batch *batch = g_new(struct batch, 1);
	struct netlink netlink;
	guint i_gone = 0, i_fresh = 0;
	int on = 1;
	int r;

	r = netlink_open(NETLINK_NETFILTER, &netlink);
	if (r < 0)
		return r;
	/* Answers without a copy of what they are about. */
	if (mnl_socket_setsockopt(netlink.socket, NETLINK_CAP_ACK, &on, sizeof(on)) < 0)
		r = -errno;
	while (r == 0 && (i_gone < gone->len || i_fresh < fresh->len)) {
		batch->size = 0;
		batch->n_answers = 0;
		put_mark(batch, NFNL_MSG_BATCH_BEGIN);
		put_ranges(batch, NFT_MSG_DELSETELEM, 0, table, set, gone, &i_gone);
		/* What is fresh may be in the place of what is gone. */
		if (i_gone == gone->len)
			put_ranges(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, table, set,
				   fresh, &i_fresh);
		put_mark(batch, NFNL_MSG_BATCH_END);
		r = commit(&netlink, batch);
	}
	netlink_close(&netlink);
	return r;
}
