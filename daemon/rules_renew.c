/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_renew.h. */
#include "daemon/rules_renew.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "daemon/netlink.h"
#include "daemon/rules_iptables.h"
#include "daemon/rules_kernel.h"

#define CHAIN   "renew"
#define LOOK_MS 20u

bool rules_renew_is_asked(const char *table)
{
	return rules_kernel_has_chain(table, CHAIN);
}

/* To give up a queue that is another's is refused, and one that nobody reads is not there. The file
 * in /proc that lists them is root's. */
static bool is_read(uint32_t queue)
{
	const struct nfqnl_msg_config_cmd give_up = {.command = NFQNL_CFG_CMD_UNBIND};
	char buffer[NETLINK_REQUEST_SIZE];
	struct nfgenmsg *header;
	struct netlink netlink;
	struct nlmsghdr *request;
	int r;

	if (netlink_open(NETLINK_NETFILTER, &netlink) < 0)
		return false;
	request = netlink_request(buffer, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, NLM_F_ACK,
				  sizeof(*header), &header);
	*header = (struct nfgenmsg){.nfgen_family = AF_UNSPEC,
				    .version = NFNETLINK_V0,
				    .res_id = htons((uint16_t)queue)};
	mnl_attr_put(request, NFQA_CFG_CMD, sizeof(give_up), &give_up);
	r = netlink_ask(&netlink, request, NULL, NULL);
	netlink_close(&netlink);
	return r == -EPERM;
}

bool rules_renew_is_kept(const char *table, const char *rules)
{
	/* As nft lists them: "queue to 6400-6403", "queue flags bypass to 6401". */
	g_autoptr(GRegex) to = g_regex_new("\\bqueue .*\\bto ([0-9]+)", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autofree char *number = NULL;
	uint32_t queue;

	if (!g_regex_match(to, rules, 0, &match))
		return rules_iptables_queue(table, &queue) && is_read(queue);
	number = g_match_info_fetch(match, 1);
	return is_read((uint32_t)g_ascii_strtoull(number, NULL, 10));
}

int rules_renew_ask(const char *table, uint32_t queue, unsigned patience_ms)
{
	g_autofree char *command = g_strdup_printf("add chain inet %s " CHAIN, table);

	if (!is_read(queue) || rules_kernel_nft(command, false, NULL, NULL) < 0)
		return -ESRCH;
	for (unsigned ms = 0; rules_renew_is_asked(table); ms += LOOK_MS) {
		if (ms >= patience_ms)
			return -ETIMEDOUT;
		g_usleep(LOOK_MS * 1000u);
	}
	return 0;
}
