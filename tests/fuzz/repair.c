/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See repair.h.
 */
#include "tests/fuzz/repair.h"

#include <string.h>

#include "daemon/core/packet.h"
#include "tests/naive.h"

static void repair4_header(uint8_t *data, size_t size)
{
	const size_t header_size = (size_t)(data[0] & 0xf) * 4;

	if (size < 20 || header_size < 20 || header_size > size)
		return;
	store_be16(data + 10, 0);
	store_be16(data + 10, naive_checksum(data, header_size));
}

static void repair4(uint8_t *data, size_t size)
{
	const size_t header_size = (size_t)(data[0] & 0xf) * 4;
	size_t total;

	if (size < 20)
		return;
	total = load_be16(data + 2);
	if (total > size)
		store_be16(data + 2, (uint16_t)(total = size));
	if (data[9] == IPPROTO_ICMP && header_size + 8 <= total) {
		uint8_t *icmp = data + header_size;

		if (total - header_size > 28)
			repair4_header(icmp + 8, total - header_size - 8);
		store_be16(icmp + 2, 0);
		store_be16(icmp + 2, naive_checksum(icmp, total - header_size));
	}
	repair4_header(data, size);
}

static void repair6(uint8_t *data, size_t size)
{
	uint8_t header[8];

	if (size < 48)
		return;
	if ((size_t)load_be16(data + 4) + 40 > size)
		store_be16(data + 4, (uint16_t)(size - 40));
	if (data[6] != IPPROTO_ICMPV6)
		return;
	size = load_be16(data + 4) + 40u;
	if (size < 48)
		return;
	/* The pseudo header takes the place of the first eight bytes for a moment. */
	memcpy(header, data, sizeof(header));
	store_be32(data, (uint32_t)size - 40);
	store_be32(data + 4, IPPROTO_ICMPV6);
	store_be16(data + 42, 0);
	store_be16(data + 42, naive_checksum(data, size));
	memcpy(data, header, sizeof(header));
}

void repair_packet(uint8_t *data, size_t size)
{
	if (size > 0 && data[0] >> 4 == 4)
		repair4(data, size);
	if (size > 0 && data[0] >> 4 == 6)
		repair6(data, size);
}

size_t repair_input(const uint8_t *input, size_t size, bool is6, uint8_t ret[REPAIR_INPUT_MAX],
		    uint8_t *ret_control)
{
	if (size < 2)
		return 0;
	*ret_control = *input++;
	if (--size > REPAIR_INPUT_MAX)
		size = REPAIR_INPUT_MAX;
	memcpy(ret, input, size);
	if (is6)
		ret[0] = (uint8_t)(0x60 | ret[0] % 16);
	else if (ret[0] / 16 == 6)
		ret[0] ^= 0x20;
	if (*ret_control & 1)
		repair_packet(ret, size);
	return size;
}
