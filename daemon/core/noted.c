/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/noted.h"

#include <stdio.h>

/* The ports stand in front, in TCP and in UDP; not in a later fragment. */
static void take_ports(const struct packet *packet, struct noted_packet *ret)
{
	const bool has_ports =
		packet->ip_protocol == IPPROTO_TCP || packet->ip_protocol == IPPROTO_UDP;

	if (!has_ports || packet->l4_offset == 0 || packet->fragment_offset != 0 ||
	    packet->size < packet->l4_offset + 4)
		return;
	ret->has_ports = true;
	ret->src_port = load_be16(packet_l4(packet));
	ret->dst_port = load_be16(packet_l4(packet) + 2);
}

void noted_take(const struct packet *packet, struct noted_packet *ret)
{
	const uint32_t header_size = packet->version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;

	*ret = (struct noted_packet){.version = 0};
	if (packet->size < header_size)
		return;
	ret->version = packet->version;
	ret->ip_protocol = packet->ip_protocol;
	if (packet->version == 6) {
		ret->src6 = packet_src6(packet);
		ret->dst6 = packet_dst6(packet);
	} else {
		ret->src4 = packet_src4(packet);
		ret->dst4 = packet_dst4(packet);
	}
	take_ports(packet, ret);
}

static const char *protocol_text(uint8_t ip_protocol)
{
	switch (ip_protocol) {
	case IPPROTO_TCP:
		return "tcp ";
	case IPPROTO_UDP:
		return "udp ";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp ";
	default:
		return "";
	}
}

static const char *print6(const struct noted_packet *packet, const struct addr6 *addr,
			  uint16_t port, char *ret)
{
	return packet->has_ports ? taddr6_print(&(struct taddr6){*addr, port}, ret)
				 : addr6_print(addr, ret);
}

static const char *print4(const struct noted_packet *packet, uint32_t addr, uint16_t port,
			  char *ret)
{
	return packet->has_ports ? taddr4_print(&(struct taddr4){addr, port}, ret)
				 : addr4_print(addr, ret);
}

const char *noted_print(const struct noted_packet *packet, char *ret)
{
	char src[ADDR_TEXT_SIZE];
	char dst[ADDR_TEXT_SIZE];

	if (packet->version == 6) {
		(void)print6(packet, &packet->src6, packet->src_port, src);
		(void)print6(packet, &packet->dst6, packet->dst_port, dst);
	} else {
		(void)print4(packet, packet->src4, packet->src_port, src);
		(void)print4(packet, packet->dst4, packet->dst_port, dst);
	}
	(void)snprintf(ret, NOTED_TEXT_SIZE, "%s%s > %s", protocol_text(packet->ip_protocol), src,
		       dst);
	return ret;
}
