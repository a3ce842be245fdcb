/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports, identifiers and checksums of TCP, UDP and echo; the MSS option.
 */
#include "daemon/core/xlat_transport.h"

#include "daemon/core/checksum.h"

#define PORTS_SIZE 4

#define TCP_CHECK_OFFSET  16
#define UDP_CHECK_OFFSET  6
#define ICMP_CHECK_OFFSET 2

static uint16_t check_load(const uint8_t *at)
{
	uint16_t check;

	memcpy(&check, at, sizeof(check));
	return check;
}

static void check_store(uint8_t *at, uint16_t check)
{
	memcpy(at, &check, sizeof(check));
}

/* Writes the ports; the sums go on to cover them. */
static void ports_rewrite(uint8_t *ports, uint16_t src_port, uint16_t dst_port, uint64_t *removed,
			  uint64_t *added)
{
	*removed = checksum_add(*removed, ports, PORTS_SIZE);
	store_be16(ports, src_port);
	store_be16(ports + 2, dst_port);
	*added = checksum_add(*added, ports, PORTS_SIZE);
}

/* RFC 7915, 4.5 and 5.5: the ports, and a checksum that follows what changed (RFC 1624). */
void xlat_tcp(uint8_t *tcp, uint16_t src_port, uint16_t dst_port, uint64_t removed, uint64_t added)
{
	uint8_t *check = tcp + TCP_CHECK_OFFSET;

	ports_rewrite(tcp, src_port, dst_port, &removed, &added);
	check_store(check, checksum_update(check_load(check), removed, added));
}

/* The ports are of the part that is still to be summed. */
void xlat_tcp_unfinished(uint8_t *tcp, uint64_t pseudo)
{
	check_store(tcp + TCP_CHECK_OFFSET, checksum_fold(pseudo));
}

/* The same for UDP, where 0 would say that there is no checksum (RFC 768). */
void xlat_udp(uint8_t *udp, uint16_t src_port, uint16_t dst_port, uint64_t removed, uint64_t added)
{
	uint8_t *check = udp + UDP_CHECK_OFFSET;
	uint16_t updated;

	ports_rewrite(udp, src_port, dst_port, &removed, &added);
	updated = checksum_update(check_load(check), removed, added);
	check_store(check, updated == 0 ? 0xffff : updated);
}

/* RFC 7915, 4.2 and 5.2: type, identifier and checksum. */
void xlat_echo(uint8_t *icmp, uint8_t type, uint16_t identifier, uint64_t removed, uint64_t added)
{
	uint8_t *check = icmp + ICMP_CHECK_OFFSET;

	/* The type and code, and the identifier: the words around the checksum. */
	removed = checksum_add(removed, icmp, 2);
	removed = checksum_add(removed, icmp + 4, 2);
	icmp[0] = type;
	store_be16(icmp + 4, identifier);
	added = checksum_add(added, icmp, 2);
	added = checksum_add(added, icmp + 4, 2);
	check_store(check, checksum_update(check_load(check), removed, added));
}

static uint32_t tcp_options_size(const uint8_t *tcp)
{
	return (tcp[12] >> 4) * 4u - TCP_HEADER_SIZE;
}

/* RFC 9293, 3.1. */
uint8_t *xlat_find_mss(uint8_t *tcp)
{
	uint8_t *option = tcp + TCP_HEADER_SIZE;
	uint32_t size = tcp_options_size(tcp);

	while (size > 0 && option[0] != TCPOPT_EOL) {
		uint32_t option_size = 1;

		if (option[0] != TCPOPT_NOP) {
			if (size < 2 || option[1] < 2 || option[1] > size)
				return NULL;
			option_size = option[1];
		}
		if (option[0] == TCPOPT_MAXSEG)
			return option_size == TCPOLEN_MAXSEG ? option + 2 : NULL;
		option += option_size;
		size -= option_size;
	}
	return NULL;
}

/* T-39: neither side sends segments that the way between them would have to cut. */
void xlat_clamp_mss(uint8_t *tcp, uint32_t nh4_mtu, uint32_t nh6_mtu)
{
	uint8_t *options = tcp + TCP_HEADER_SIZE;
	uint32_t options_size = tcp_options_size(tcp);
	uint8_t *check = tcp + TCP_CHECK_OFFSET;
	uint32_t limit6 = nh6_mtu - 60, limit4 = nh4_mtu - 40;
	uint32_t limit = limit6 < limit4 ? limit6 : limit4;
	uint8_t *mss;
	uint64_t removed;

	if (!(tcp[13] & TH_SYN))
		return;
	mss = xlat_find_mss(tcp);
	if (!mss || load_be16(mss) <= limit)
		return;

	/* The option may start at an odd byte: the sums are over all options. */
	removed = checksum_add(0, options, options_size);
	store_be16(mss, (uint16_t)limit);
	check_store(check, checksum_update(check_load(check), removed,
					   checksum_add(0, options, options_size)));
}
