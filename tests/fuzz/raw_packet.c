/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See raw_packet.h.
 */
#include "tests/fuzz/raw_packet.h"

#include <string.h>

#include "tests/naive.h"

#define TTL 64

/* Behind the pseudo header of addresses_size bytes that stand in front of l4. */
static void put_check(uint8_t *l4, uint32_t size, uint32_t check_at, const uint8_t *addresses,
		      uint32_t addresses_size, uint8_t ip_protocol)
{
	uint8_t all[32 + 4 + RAW_PACKET_MAX] = {0};
	uint16_t check;

	memcpy(all, addresses, addresses_size);
	if (addresses_size != 0) {
		store_be16(all + addresses_size, (uint16_t)size);
		all[addresses_size + 3] = ip_protocol;
		addresses_size += 4;
	}
	memcpy(all + addresses_size, l4, size);
	check = naive_checksum(all, addresses_size + size);
	if (check == 0 && ip_protocol == IPPROTO_UDP)
		check = 0xffff;
	store_be16(l4 + check_at, check);
}

/* Everything but the checksum; returns the size. */
static uint32_t put_l4(uint8_t *ret, const struct raw_l4 *l4, bool is6, uint8_t *ret_protocol,
		       uint32_t *ret_check_at)
{
	switch (l4->protocol) {
	case PROTOCOL_TCP:
		store_be16(ret, l4->src_port);
		store_be16(ret + 2, l4->dst_port);
		store_be32(ret + 4, 0x11223344);
		ret[12] = 5 << 4;
		ret[13] = l4->tcp_flags;
		*ret_protocol = IPPROTO_TCP;
		*ret_check_at = 16;
		return TCP_HEADER_SIZE;
	case PROTOCOL_UDP:
		store_be16(ret, l4->src_port);
		store_be16(ret + 2, l4->dst_port);
		store_be16(ret + 4, UDP_HEADER_SIZE + 3);
		memcpy(ret + UDP_HEADER_SIZE, "abc", 3);
		*ret_protocol = IPPROTO_UDP;
		*ret_check_at = 6;
		return UDP_HEADER_SIZE + 3;
	case PROTOCOL_ICMP:
	case N_PROTOCOLS:
		break;
	}
	if (is6)
		ret[0] = l4->is_reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
	else
		ret[0] = l4->is_reply ? ICMP_ECHOREPLY : ICMP_ECHO;
	store_be16(ret + 4, l4->src_port);
	*ret_protocol = is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	*ret_check_at = 2;
	return ICMP_HEADER_SIZE;
}

static void put_header6(uint8_t *ret, const struct addr6 *src, const struct addr6 *dst,
			uint8_t next_header, uint32_t size)
{
	store_be32(ret, 6u << 28);
	store_be16(ret + 4, (uint16_t)size);
	ret[6] = next_header;
	ret[7] = TTL;
	memcpy(ret + 8, src->byte, 16);
	memcpy(ret + 24, dst->byte, 16);
}

static void put_header4(uint8_t *ret, uint32_t src, uint32_t dst, uint8_t protocol, uint32_t size)
{
	ret[0] = 0x45;
	store_be16(ret + 2, (uint16_t)(IP4_HEADER_SIZE + size));
	ret[8] = TTL;
	ret[9] = protocol;
	store_be32(ret + 12, src);
	store_be32(ret + 16, dst);
	store_be16(ret + 10, naive_checksum(ret, IP4_HEADER_SIZE));
}

uint32_t raw_packet6(uint8_t ret[RAW_PACKET_MAX], const struct addr6 *src, const struct addr6 *dst,
		     const struct raw_l4 *l4)
{
	uint32_t check_at, size;
	uint8_t protocol;

	memset(ret, 0, RAW_PACKET_MAX);
	size = put_l4(ret + IP6_HEADER_SIZE, l4, true, &protocol, &check_at);
	put_header6(ret, src, dst, protocol, size);
	put_check(ret + IP6_HEADER_SIZE, size, check_at, ret + 8, 32, protocol);
	return IP6_HEADER_SIZE + size;
}

uint32_t raw_packet4(uint8_t ret[RAW_PACKET_MAX], uint32_t src, uint32_t dst,
		     const struct raw_l4 *l4)
{
	uint32_t check_at, size;
	uint8_t protocol;

	memset(ret, 0, RAW_PACKET_MAX);
	size = put_l4(ret + IP4_HEADER_SIZE, l4, false, &protocol, &check_at);
	put_header4(ret, src, dst, protocol, size);
	put_check(ret + IP4_HEADER_SIZE, size, check_at, ret + 12, protocol == IPPROTO_ICMP ? 0 : 8,
		  protocol);
	return IP4_HEADER_SIZE + size;
}

uint32_t raw_error6(uint8_t ret[RAW_PACKET_MAX], const struct addr6 *router, const uint8_t *about,
		    uint32_t size)
{
	uint8_t *icmp = ret + IP6_HEADER_SIZE;
	struct addr6 to;

	memset(ret, 0, RAW_PACKET_MAX);
	memcpy(to.byte, about + 8, 16);
	icmp[0] = ICMP6_DST_UNREACH;
	icmp[1] = ICMP6_DST_UNREACH_ADDR;
	memcpy(icmp + ICMP_HEADER_SIZE, about, size);
	size += ICMP_HEADER_SIZE;
	put_header6(ret, router, &to, IPPROTO_ICMPV6, size);
	put_check(icmp, size, 2, ret + 8, 32, IPPROTO_ICMPV6);
	return IP6_HEADER_SIZE + size;
}

uint32_t raw_error4(uint8_t ret[RAW_PACKET_MAX], uint32_t router, const uint8_t *about,
		    uint32_t size)
{
	uint8_t *icmp = ret + IP4_HEADER_SIZE;

	memset(ret, 0, RAW_PACKET_MAX);
	icmp[0] = ICMP_DEST_UNREACH;
	icmp[1] = ICMP_HOST_UNREACH;
	memcpy(icmp + ICMP_HEADER_SIZE, about, size);
	size += ICMP_HEADER_SIZE;
	put_header4(ret, router, load_be32(about + 12), IPPROTO_ICMP, size);
	put_check(icmp, size, 2, ret, 0, IPPROTO_ICMP);
	return IP4_HEADER_SIZE + size;
}
