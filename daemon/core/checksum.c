/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See checksum.h. As no sum here is ever negative, only zeros add up to zero, so folding keeps the
 * two zeros apart like the 16-bit sum does. */
#include "daemon/core/checksum.h"

#include <arpa/inet.h>

uint16_t checksum_fold(uint64_t sum)
{
	/* At most 33, 32, 17 and 16 bits are left. */
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	return (uint16_t)sum;
}

uint64_t checksum_pseudo6(const struct addr6 *src, const struct addr6 *dst, uint32_t length,
			  uint8_t next_header)
{
	uint64_t sum = checksum_add(0, src->byte, sizeof(src->byte));

	sum = checksum_add(sum, dst->byte, sizeof(dst->byte));
	return sum + htonl(length) + htonl(next_header);
}

uint64_t checksum_pseudo4(uint32_t src, uint32_t dst, uint16_t length, uint8_t protocol)
{
	return (uint64_t)htonl(src) + htonl(dst) + htons(length) + htons(protocol);
}

uint16_t checksum_update(uint16_t check, uint64_t removed, uint64_t added)
{
	uint16_t sum = (uint16_t)~check;
	uint16_t less = (uint16_t)~checksum_fold(removed);

	return (uint16_t)~checksum_fold((uint64_t)sum + less + checksum_fold(added));
}
