/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_news.h. */
#include "daemon/rules_news.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "daemon/netlink.h"
#include "daemon/rules.h"

struct rules_news {
	struct netlink netlink;
	char *table;
	/* What is being read says so. */
	bool ours;
	bool of_others;
};

int rules_news_new(const char *instance, struct rules_news **ret)
{
	static const int groups[] = {NFNLGRP_NFTABLES, 0};
	struct netlink netlink;
	int r, on = 1;

	r = netlink_listen(NETLINK_NETFILTER, groups, &netlink);
	if (r < 0)
		return r;
	/* A large table of our own may fill the buffer: no reason to stop. */
	(void)mnl_socket_setsockopt(netlink.socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	*ret = g_new(struct rules_news, 1);
	**ret = (struct rules_news){.netlink = netlink, .table = rules_table_name(instance)};
	return 0;
}

void rules_news_free(struct rules_news *news)
{
	if (news == NULL)
		return;
	netlink_close(&news->netlink);
	g_free(news->table);
	g_free(news);
}

int rules_news_fd(const struct rules_news *news)
{
	return mnl_socket_get_fd(news->netlink.socket);
}

static bool is_removal(uint16_t type)
{
	return type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE) ||
	       type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN) ||
	       type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE);
}

static bool is_rule(uint16_t type)
{
	return is_removal(type) || type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) ||
	       type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE);
}

static int on_message(const struct nlmsghdr *message, void *data)
{
	static_assert((int)NFTA_CHAIN_TABLE == (int)NFTA_TABLE_NAME, "found at one place");
	static_assert((int)NFTA_RULE_TABLE == (int)NFTA_TABLE_NAME, "found at one place");
	const struct nlattr *attribute[NFTA_TABLE_NAME + 1];
	const struct nlattr *name;
	struct rules_news *news = data;
	const char *table;

	if (!is_rule(message->nlmsg_type))
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(struct nfgenmsg), attribute, G_N_ELEMENTS(attribute));
	name = attribute[NFTA_TABLE_NAME];
	if (name == NULL || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	table = mnl_attr_get_str(name);
	if (strcmp(table, news->table) == 0) {
		news->ours = true;
		return MNL_CB_OK;
	}
	news->of_others = true;
	news->ours |= is_removal(message->nlmsg_type) &&
		      (strcmp(table, "raw") == 0 || strcmp(table, "mangle") == 0);
	return MNL_CB_OK;
}

bool rules_news_read(struct rules_news *news)
{
	news->ours = news->of_others = false;
	/* Something that can not be read may be that. */
	if (netlink_read(&news->netlink, on_message, news) < 0)
		news->ours = true;
	return news->ours;
}

bool rules_news_of_others(const struct rules_news *news)
{
	return news->of_others;
}
