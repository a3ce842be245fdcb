/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_comments.h. A comment is a string in what user space keeps with a rule: a list of
 * (type, length, value), one byte each for the first two. */
#include "daemon/rules_comments.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "daemon/netlink.h"

/* As nft has it: type 0, and the value ends with a zero byte. */
#define USERDATA_COMMENT 0

static void add_comment(const uint8_t *data, size_t size, GPtrArray *ret)
{
	while (size >= 2 && size - 2 >= data[1]) {
		if (data[0] == USERDATA_COMMENT) {
			g_ptr_array_add(ret, g_strndup((const char *)data + 2, data[1]));
			return;
		}
		size -= 2u + data[1];
		data += 2u + data[1];
	}
}

static int note_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr[NFTA_RULE_USERDATA + 1];

	netlink_attributes(nlh, sizeof(struct nfgenmsg), attr, NFTA_RULE_USERDATA + 1);
	if (attr[NFTA_RULE_USERDATA] != NULL)
		add_comment(mnl_attr_get_payload(attr[NFTA_RULE_USERDATA]),
			    mnl_attr_get_payload_len(attr[NFTA_RULE_USERDATA]), data);
	return MNL_CB_OK;
}

static void forget(void *data)
{
	g_ptr_array_set_size(data, 0);
}

/* Names are at most NFT_NAME_MAXLEN bytes to the kernel, ours far less. */
static struct nlmsghdr *request(char buffer[NETLINK_REQUEST_SIZE], uint16_t type, uint16_t flags)
{
	struct nfgenmsg *header;
	struct nlmsghdr *nlh = netlink_request(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
					       flags, sizeof(*header), &header);

	*header = (struct nfgenmsg){.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
	return nlh;
}

int rules_comments_read(const char *table, const char *chain, GPtrArray *ret)
{
	g_autoptr(GPtrArray) comments = g_ptr_array_new_with_free_func(g_free);
	char buffer[NETLINK_REQUEST_SIZE];
	struct netlink netlink;
	struct nlmsghdr *nlh;
	int r;

	r = netlink_open(NETLINK_NETFILTER, &netlink);
	if (r < 0)
		return r;
	/* Of a chain that is not there a dump has no rules, and no error. */
	nlh = request(buffer, NFT_MSG_GETCHAIN, NLM_F_ACK);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	r = netlink_ask(&netlink, nlh, NULL, NULL);
	if (r == 0) {
		nlh = request(buffer, NFT_MSG_GETRULE, NLM_F_DUMP);
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
		r = netlink_dump(&netlink, nlh, note_rule, comments, forget);
	}
	netlink_close(&netlink);
	if (r == 0)
		g_ptr_array_extend_and_steal(ret, g_steal_pointer(&comments));
	return r;
}
