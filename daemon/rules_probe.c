/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probing the kernel: see rules_probe.h.
 *
 * Connection tracking works per namespace and family, and starts with the first rule that needs it;
 * no file says whether it does. An nft "ct" expression would start it. So a datagram is sent over
 * the loopback to ourselves: if the table of connections knows it afterwards, they are tracked.
 */
#include "daemon/rules_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/rules_kernel.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"

/* A rule that is never committed. */
static int try_rule(const char *rule, char **ret_error)
{
	g_autofree char *text = g_strdup_printf("table inet nat64d-probe {\n"
						"\tchain take {\n"
						"\t\t%s\n"
						"\t}\n"
						"}\n",
						rule);

	return rules_kernel_nft(text, true, NULL, ret_error);
}

int rules_probe_nft_queue(char **ret_error)
{
	int r = try_rule("meta l4proto tcp accept", ret_error);

	if (r < 0)
		return r;
	return try_rule("queue num 0", NULL) == 0 ? 0 : -EOPNOTSUPP;
}

bool rules_probe_nft_hash(void)
{
	return try_rule("meta nfproto ipv4 meta l4proto tcp queue to jhash ip saddr . th sport "
			"mod 2 seed 0x1 offset 1",
			NULL) == 0;
}

static bool connections_exist(void)
{
	g_autofree char *text = NULL;

	return g_file_get_contents(COUNT_FILE, &text, NULL, NULL) &&
	       g_ascii_strtoull(text, NULL, 10) > 0;
}

/* A datagram from a loopback socket to itself; its port, or 0. */
static uint16_t send_to_ourselves(int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *generic = (struct sockaddr *)&address;
	socklen_t size = sizeof(address);
	char byte = 0;

	if (bind(fd, generic, sizeof(address)) < 0 || getsockname(fd, generic, &size) < 0 ||
	    connect(fd, generic, sizeof(address)) < 0 ||
	    send(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0)
		return 0;
	return ntohs(address.sin_port);
}

static void put_tuple(struct nlmsghdr *message, uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(message, CTA_TUPLE_ORIG), *part;

	part = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	mnl_attr_put_u32(message, CTA_IP_V4_SRC, htonl(INADDR_LOOPBACK));
	mnl_attr_put_u32(message, CTA_IP_V4_DST, htonl(INADDR_LOOPBACK));
	mnl_attr_nest_end(message, part);
	part = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(port));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(port));
	mnl_attr_nest_end(message, part);
	mnl_attr_nest_end(message, tuple);
}

/* 0: tracked; -ENOENT: not; another error: the kernel can not be asked. */
static int ask_for_connection(uint16_t port)
{
	char buffer[4096];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;
	struct mnl_socket *socket;
	ssize_t size;
	int r = -EIO;

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	*header = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
	put_tuple(message, port);

	socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (socket == NULL)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0) {
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (size > 0 && mnl_cb_run(buffer, (size_t)size, 0, 0, NULL, NULL) >= 0)
			r = 0;
		else
			r = -errno;
	}
	mnl_socket_close(socket);
	return r;
}

bool rules_probe_conntrack(void)
{
	int fd, r = -ENOENT;
	uint16_t port;

	if (access(COUNT_FILE, F_OK) != 0)
		return false; /* nf_conntrack is not even loaded */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return connections_exist();
	port = send_to_ourselves(fd);
	if (port != 0 && connections_exist())
		r = ask_for_connection(port);
	close(fd);
	/* Without an answer: that there are connections at all speaks for tracking. */
	return r == 0 || (r != -ENOENT && connections_exist());
}
