/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 without options (RFC 791) and IPv6 with at most a Fragment header (RFC 8200, 3 and 4.5).
 */
#include "daemon/core/ip_header.h"

#include "daemon/core/checksum.h"
#include "daemon/core/packet.h"

void ip4_header_write(uint8_t *ret, const struct ip_fields *fields, uint32_t src, uint32_t dst,
		      uint32_t payload_size)
{
	uint16_t fragment = fields->fragment_offset / 8;
	uint16_t check;

	if (fields->dont_fragment)
		fragment |= IP_DF;
	if (fields->more_fragments)
		fragment |= IP_MF;

	ret[0] = 4 << 4 | IP4_HEADER_SIZE / 4;
	ret[1] = fields->traffic_class;
	store_be16(ret + 2, (uint16_t)(IP4_HEADER_SIZE + payload_size));
	store_be16(ret + 4, (uint16_t)fields->fragment_id);
	store_be16(ret + 6, fragment);
	ret[8] = fields->hop_limit;
	ret[9] = fields->ip_protocol;
	store_be16(ret + 10, 0);
	store_be32(ret + 12, src);
	store_be32(ret + 16, dst);

	check = checksum_finish(checksum_add(0, ret, IP4_HEADER_SIZE));
	memcpy(ret + 10, &check, sizeof(check));
}

void ip6_header_write(uint8_t *ret, const struct ip_fields *fields, const struct addr6 *src,
		      const struct addr6 *dst, uint32_t payload_size)
{
	uint8_t *fragment = ret + IP6_HEADER_SIZE;

	if (fields->has_fragment_header)
		payload_size += FRAGMENT_HEADER_SIZE;

	store_be32(ret, 6u << 28 | (uint32_t)fields->traffic_class << 20);
	store_be16(ret + 4, (uint16_t)payload_size);
	ret[6] = fields->has_fragment_header ? IPPROTO_FRAGMENT : fields->ip_protocol;
	ret[7] = fields->hop_limit;
	memcpy(ret + 8, src->byte, sizeof(src->byte));
	memcpy(ret + 24, dst->byte, sizeof(dst->byte));
	if (!fields->has_fragment_header)
		return;

	fragment[0] = fields->ip_protocol;
	fragment[1] = 0;
	store_be16(fragment + 2, fields->fragment_offset | (fields->more_fragments ? 1 : 0));
	store_be32(fragment + 4, fields->fragment_id);
}
