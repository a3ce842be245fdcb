/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See naive.h.
 */
#include "tests/naive.h"

static uint32_t sum_of(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
	return sum;
}

static uint16_t complement(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(0xffff - sum);
}

uint16_t naive_checksum(const uint8_t *data, size_t size)
{
	return complement(sum_of(data, size));
}

/* addresses: source and destination as they stand in the IP header. */
static bool transport_ok(uint8_t protocol, const uint8_t *addresses, size_t addresses_size,
			 const uint8_t *l4, size_t size)
{
	const bool is6 = addresses_size == 32;
	uint32_t sum = sum_of(addresses, addresses_size) + protocol;
	size_t length = size;

	switch (protocol) {
	case 1:
		return !is6 && size >= 8 && naive_checksum(l4, size) == 0;
	case 58:
		if (!is6 || size < 8)
			return false;
		break;
	case 6:
		if (size < 20)
			return false;
		break;
	case 17:
		if (size < 8)
			return false;
		length = (size_t)(l4[4] << 8 | l4[5]);
		if (length < 8 || length > size)
			return false;
		if (l4[6] == 0 && l4[7] == 0)
			return !is6;
		break;
	default:
		return false;
	}
	return complement(sum + (uint32_t)length + sum_of(l4, length)) == 0;
}

static bool header4_ok(const uint8_t *data, size_t size)
{
	size_t header_size;

	if (size < 20)
		return false;
	header_size = (size_t)(data[0] % 16) * 4;
	return header_size >= 20 && header_size <= size &&
	       (size_t)(data[2] << 8 | data[3]) == size && naive_checksum(data, header_size) == 0;
}

static bool header6_ok(const uint8_t *data, size_t size)
{
	return size >= 40 && (size_t)(data[4] << 8 | data[5]) + 40 == size;
}

bool naive_header_ok(const uint8_t *data, size_t size)
{
	if (size == 0)
		return false;
	switch (data[0] >> 4) {
	case 4:
		return header4_ok(data, size);
	case 6:
		return header6_ok(data, size);
	default:
		return false;
	}
}

static bool payload4_ok(const uint8_t *data, size_t size)
{
	const size_t header_size = (size_t)(data[0] % 16) * 4;

	if ((data[6] & 0x3f) != 0 || data[7] != 0)
		return true;
	return transport_ok(data[9], data + 12, 8, data + header_size, size - header_size);
}

static bool payload6_ok(const uint8_t *data, size_t size)
{
	if (data[6] != 44)
		return transport_ok(data[6], data + 8, 32, data + 40, size - 40);
	if (size < 48)
		return false;
	if (data[42] != 0 || (data[43] & 0xf9) != 0)
		return true;
	return transport_ok(data[40], data + 8, 32, data + 48, size - 48);
}

bool naive_packet_ok(const uint8_t *data, size_t size)
{
	if (!naive_header_ok(data, size))
		return false;
	return data[0] >> 4 == 4 ? payload4_ok(data, size) : payload6_ok(data, size);
}

uint16_t naive_transport_error(const uint8_t *data, size_t size)
{
	const bool is6 = data[0] >> 4 == 6;
	const bool fragment_header = is6 && data[6] == 44;
	const size_t header_size = !is6 ? (size_t)(data[0] % 16) * 4 : fragment_header ? 48 : 40;
	const uint8_t protocol = !is6 ? data[9] : fragment_header ? data[40] : data[6];
	const uint8_t *l4 = data + header_size;
	size_t length = size - header_size;
	uint32_t sum = 0;

	if (protocol == 17) {
		if (l4[6] == 0 && l4[7] == 0 && !is6)
			return 0;
		length = (size_t)(l4[4] << 8 | l4[5]);
	}
	if (protocol != 1)
		sum = sum_of(data + (is6 ? 8 : 12), is6 ? 32 : 8) + protocol + (uint32_t)length;
	return complement(sum + sum_of(l4, length));
}
