/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6146, 3.4: reading tuples out of packets.
 */
#include "daemon/core/tuple.h"

struct ports {
	uint16_t src;
	uint16_t dst;
};

/* Ports stand first in TCP and UDP; the identifier of an echo stands behind its checksum. */
static struct ports ports_of(enum protocol protocol, const uint8_t *l4)
{
	if (protocol == PROTOCOL_ICMP)
		return (struct ports){load_be16(l4 + 4), load_be16(l4 + 4)};
	return (struct ports){load_be16(l4), load_be16(l4 + 2)};
}

static struct taddr6 taddr6_at(const uint8_t *addr, uint16_t port)
{
	struct taddr6 taddr = {.port = port};

	memcpy(taddr.addr.byte, addr, sizeof(taddr.addr.byte));
	return taddr;
}

static struct taddr4 taddr4_at(const uint8_t *addr, uint16_t port)
{
	return (struct taddr4){.addr = load_be32(addr), .port = port};
}

struct tuple6 tuple6_of_packet(const struct packet *packet)
{
	struct ports ports = ports_of(packet->protocol, packet_l4(packet));

	return (struct tuple6){
		.protocol = packet->protocol,
		.src = taddr6_at(packet->data + 8, ports.src),
		.dst = taddr6_at(packet->data + 24, ports.dst),
	};
}

struct tuple4 tuple4_of_packet(const struct packet *packet)
{
	struct ports ports = ports_of(packet->protocol, packet_l4(packet));

	return (struct tuple4){
		.protocol = packet->protocol,
		.src = taddr4_at(packet->data + 12, ports.src),
		.dst = taddr4_at(packet->data + 16, ports.dst),
	};
}

struct tuple6 tuple6_of_inner(const struct inner_packet *inner)
{
	struct ports ports = ports_of(inner->protocol, inner->data + inner->l4_offset);

	return (struct tuple6){
		.protocol = inner->protocol,
		.src = taddr6_at(inner->data + 24, ports.dst),
		.dst = taddr6_at(inner->data + 8, ports.src),
	};
}

struct tuple4 tuple4_of_inner(const struct inner_packet *inner)
{
	struct ports ports = ports_of(inner->protocol, inner->data + inner->l4_offset);

	return (struct tuple4){
		.protocol = inner->protocol,
		.src = taddr4_at(inner->data + 16, ports.dst),
		.dst = taddr4_at(inner->data + 12, ports.src),
	};
}
