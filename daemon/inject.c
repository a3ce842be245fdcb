/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel counts one hop when it forwards. The core has counted it already, so it is given back
 * here: what leaves is the same as by a raw socket.
 *
 * The device is of the daemon's own and has no queue, so PACKET_QDISC_BYPASS would win nothing, and
 * it drops superpackets where a device can not cut them.
 */
#include "daemon/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/core/checksum.h"
#include "daemon/netlink_veth.h"
#include "daemon/send_batch.h"
#include "daemon/sysctl.h"

#define TCP_CHECK_OFFSET 16
#define TCP_CWR          0x80 /* RFC 3168, 6.1 */

/* In front of each packet. */
struct front {
	struct virtio_net_hdr vnet;
	struct ethhdr ethernet;
} __attribute__((packed));

struct inject {
	char device[IFNAMSIZ];
	bool is_new; /* the device was made here */
	int fd;
	unsigned ifindex;
	struct send_batch batch;
	struct front front[SEND_BATCH_MAX];
	struct sockaddr_ll to[SEND_BATCH_MAX];
};

/* net.ipv4.conf.all counts besides the device's own, and what is translated has no route back by
 * the device. */
static int check_host(char *text)
{
	const int rp_filter = sysctl_read("net/ipv4/conf/all/rp_filter");

	if (rp_filter <= 0)
		return 0;
	(void)snprintf(text, INJECT_TEXT_SIZE,
		       "net.ipv4.conf.all.rp_filter is %d, so the kernel would drop what is handed "
		       "to its forwarding: set it to 0, and rp_filter of each interface instead",
		       rp_filter);
	return -EOPNOTSUPP;
}

static int make_device(struct inject *inject, char *text)
{
	char name[64];
	int r = netlink_veth_make(inject->device, &inject->ifindex, &inject->is_new);

	if (r == -EEXIST)
		(void)snprintf(text, INJECT_TEXT_SIZE,
			       "an interface %s is there that is not nat64d's: rename it",
			       inject->device);
	else if (r < 0)
		(void)snprintf(text, INJECT_TEXT_SIZE, "the veth pair %s can not be made: %s",
			       inject->device, strerror(-r));
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "net/ipv6/conf/%s/disable_ipv6", inject->device);
	if (sysctl_read(name) <= 0)
		return 0;
	(void)snprintf(text, INJECT_TEXT_SIZE,
		       "IPv6 is disabled on %s: set net.ipv6.conf.default.disable_ipv6 to 0",
		       inject->device);
	return -EOPNOTSUPP;
}

/* Protocol 0: nothing is ever received. */
static int open_socket(struct inject *inject, const struct inject_config *config, char *text)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_ifindex = (int)inject->ifindex};
	const int on = 1;
	int r = 0;

	inject->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (inject->fd < 0 ||
	    bind(inject->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(inject->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		r = -errno;
	if (r == 0)
		r = send_batch_set_socket(inject->fd, config->mark, config->memory_size);
	if (r < 0)
		(void)snprintf(text, INJECT_TEXT_SIZE, "packet sockets can not be opened: %s",
			       strerror(-r));
	return r;
}

int inject_new(const struct inject_config *config, struct inject **ret, char *text)
{
	struct inject *inject = calloc(1, sizeof(*inject));
	int r;

	text[0] = '\0';
	if (!inject) {
		(void)snprintf(text, INJECT_TEXT_SIZE, "no memory for sending");
		return -ENOMEM;
	}
	inject->fd = -1;
	inject->batch.mark = config->mark;
	inject->batch.mark_mask = config->mark_mask;
	inject->batch.of_device = true;
	(void)snprintf(inject->device, sizeof(inject->device), "%s", config->device);
	r = check_host(text);
	if (r == 0)
		r = make_device(inject, text);
	if (r == 0)
		r = open_socket(inject, config, text);
	if (r < 0) {
		inject_free(inject, !inject->is_new);
		return r;
	}
	*ret = inject;
	return 0;
}

void inject_free(struct inject *inject, bool keep)
{
	if (!inject)
		return;
	if (inject->fd >= 0)
		(void)close(inject->fd);
	if (!keep)
		(void)netlink_veth_remove(inject->device, NULL);
	free(inject);
}

void inject_remove(const char *device)
{
	(void)netlink_veth_remove(device, NULL);
}

/* step: 1 or -1. What the core has counted already is never 255. */
static void move_hop(const struct out_packet *packet, int step)
{
	uint8_t *ip = (uint8_t *)packet->part[0].base;
	uint16_t before, after, check;

	if (ip[packet->version == 6 ? 7 : 8] + step > UINT8_MAX)
		return;
	if (packet->version == 6) {
		ip[7] = (uint8_t)(ip[7] + step);
		return;
	}
	memcpy(&before, ip + 8, sizeof(before));
	ip[8] = (uint8_t)(ip[8] + step);
	memcpy(&after, ip + 8, sizeof(after));
	memcpy(&check, ip + 10, sizeof(check));
	check = checksum_update(check, before, after);
	memcpy(ip + 10, &check, sizeof(check));
}

void inject_withdraw(const struct out_packet *packet)
{
	move_hop(packet, -1);
}

/* What is left to the device, as offsets from the Ethernet header on. */
static struct virtio_net_hdr make_vnet(const struct out_packet *packet)
{
	const uint32_t ip_size = packet->version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	const uint8_t *tcp = packet->part[0].base + ip_size;
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};

	if (!packet->unfinished)
		return vnet;
	vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet.csum_start = (uint16_t)(ETH_HLEN + ip_size);
	vnet.csum_offset = TCP_CHECK_OFFSET;
	vnet.hdr_len = (uint16_t)(ETH_HLEN + ip_size + (tcp[12] >> 4) * 4u);
	if (packet->segment_size == 0)
		return vnet;
	vnet.gso_type = packet->version == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	vnet.gso_size = packet->segment_size;
	/* RFC 3168, 6.1.2: of the segments only the first has reduced the window. */
	if (tcp[13] & TCP_CWR)
		vnet.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	return vnet;
}

static void put(struct inject *inject, const struct out_packet *packet, unsigned index)
{
	const uint16_t protocol = htons(packet->version == 6 ? ETH_P_IPV6 : ETH_P_IP);
	struct front *front = &inject->front[inject->batch.n];
	struct sockaddr_ll *to = &inject->to[inject->batch.n];
	struct msghdr *message;

	move_hop(packet, 1); /* the kernel will count it */
	front->vnet = make_vnet(packet);
	memcpy(&front->ethernet, netlink_veth_addresses, sizeof(netlink_veth_addresses));
	front->ethernet.h_proto = protocol;
	*to = (struct sockaddr_ll){.sll_family = AF_PACKET,
				   .sll_protocol = protocol,
				   .sll_ifindex = (int)inject->ifindex};
	message = send_batch_put(&inject->batch, packet, index, front, sizeof(*front));
	message->msg_name = to;
	message->msg_namelen = sizeof(*to);
}

unsigned inject_send(struct inject *inject, const struct out_packet *packets, unsigned n,
		     int *ret_error)
{
	unsigned n_refused = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!packets[i].is_tcp)
			continue;
		put(inject, &packets[i], i);
		if (inject->batch.n == SEND_BATCH_MAX)
			n_refused += send_batch_flush(&inject->batch, inject->fd, ret_error);
	}
	n_refused += send_batch_flush(&inject->batch, inject->fd, ret_error);
	return n_refused;
}

bool inject_has_gone(const struct inject *inject)
{
	return inject->batch.n_gone > 0;
}

unsigned inject_ifindex(const struct inject *inject)
{
	return inject->ifindex;
}

int inject_check(const char *device, unsigned ifindex, char *text)
{
	bool is_whole = false;
	int r = check_host(text);

	if (r == 0)
		r = netlink_veth_check(device, ifindex, &is_whole);
	if (r == 0 && !is_whole) {
		(void)snprintf(text, INJECT_TEXT_SIZE,
			       "somebody has removed the interface %s or set it down", device);
		r = -ENODEV;
	} else if (r < 0 && r != -EOPNOTSUPP) {
		(void)snprintf(text, INJECT_TEXT_SIZE, "the interface %s can not be looked at: %s",
			       device, strerror(-r));
	}
	return r;
}

const uint64_t *inject_errors(const struct inject *inject)
{
	return inject->batch.errors;
}
