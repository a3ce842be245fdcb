/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 packets of any shape into packet_parse(): header length, total length, header checksum,
 * options, and the shape of what they carry (X-7, X-8, X-9, X-10, T-7, T-8).
 *
 * An input is a byte of control and a packet. If the lowest bit of control is set, its length,
 * header checksum and ICMP checksum are made right.
 *
 * The checks: the packet is judged and viewed as a naive parser does; nothing is written, nothing
 * read beyond its end, and padding is not seen; any single bit that flips behind the first byte
 * of a right header makes it a wrong one; without its options a packet is the same packet.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_parse.h"
#include "tests/fuzz/repair.h"
#include "tests/naive.h"

/* Which bit is the control's. The checksum sees every one behind the version and the header's own
 * length, which says what is summed. */
static void check_flipped(uint8_t *bytes, size_t size, uint32_t header_size, uint8_t control)
{
	const uint32_t bit = 8 + (control >> 1) * 3 % (header_size * 8 - 8);
	struct packet view = {.data = bytes, .size = (uint32_t)size};

	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	REQUIRE(packet_parse(&view) == OUTCOME_MALFORMED_IP4);
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* Whatever options say of a source route, the rest is the packet's own. */
static void check_shorter(const struct packet *packet, enum outcome outcome)
{
	static uint8_t shorter[REPAIR_INPUT_MAX];
	const uint32_t l4_size = packet_l4_size(packet);
	struct packet view = {.data = shorter, .size = IP4_HEADER_SIZE + l4_size};
	enum outcome without;

	memcpy(shorter, packet->data, IP4_HEADER_SIZE);
	memcpy(shorter + IP4_HEADER_SIZE, packet_l4(packet), l4_size);
	shorter[0] = 0x45;
	store_be16(shorter + 2, (uint16_t)view.size);
	store_be16(shorter + 10, 0);
	store_be16(shorter + 10, naive_checksum(shorter, IP4_HEADER_SIZE));

	without = packet_parse(&view);
	REQUIRE(without != OUTCOME_SOURCE_ROUTE && without != OUTCOME_MALFORMED_IP4);
	if (outcome != OUTCOME_SOURCE_ROUTE)
		REQUIRE(without == outcome);
	REQUIRE(view.size == packet->size - packet->l4_offset + IP4_HEADER_SIZE);
	REQUIRE(view.l4_offset == IP4_HEADER_SIZE);
	REQUIRE(view.fragment_offset == packet->fragment_offset);
	REQUIRE(view.is_fragment == packet->is_fragment);
	REQUIRE(view.is_icmp_error == packet->is_icmp_error);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static uint8_t bytes[REPAIR_INPUT_MAX];
	struct packet packet;
	enum outcome outcome;
	uint8_t control;

	size = repair_input(input, size, false, bytes, &control);
	if (size == 0)
		return 0;
	outcome = check_parse(bytes, size, &packet);
	if (packet.l4_offset != 0) {
		check_shorter(&packet, outcome);
		check_flipped(bytes, size, packet.l4_offset, control);
	}
	return 0;
}
