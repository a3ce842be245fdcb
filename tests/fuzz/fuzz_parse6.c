/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv6 packets of any shape into packet_parse(): extension headers, lengths, Fragment headers, and
 * the shape of what they carry (T-23, F-9, X-8, X-9, X-10).
 *
 * An input is a byte of control and a packet, whose version is made 6. If the lowest bit of control
 * is set, its length and ICMPv6 checksum are made right.
 *
 * The checks: the packet is judged and viewed as a naive parser does; nothing is written, nothing
 * read beyond its end, and padding is not seen; one more extension header in front moves what is
 * behind it and changes nothing else, until there are too many.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_parse.h"
#include "tests/fuzz/repair.h"

#define EXTENSION_SIZE 16

/* The packet with Destination Options in front of everything. */
static void check_longer(const struct packet *packet, enum outcome outcome)
{
	static uint8_t longer[REPAIR_INPUT_MAX + EXTENSION_SIZE];
	const uint8_t *data = packet->data;
	const uint32_t size = packet->size;
	struct packet view;
	enum outcome behind;

	memcpy(longer, data, IP6_HEADER_SIZE);
	memset(longer + IP6_HEADER_SIZE, 0, EXTENSION_SIZE);
	memcpy(longer + IP6_HEADER_SIZE + EXTENSION_SIZE, data + IP6_HEADER_SIZE,
	       size - IP6_HEADER_SIZE);
	store_be16(longer + 4, (uint16_t)(size - IP6_HEADER_SIZE + EXTENSION_SIZE));
	longer[6] = IPPROTO_DSTOPTS;
	longer[IP6_HEADER_SIZE] = data[6];
	longer[IP6_HEADER_SIZE + 1] = EXTENSION_SIZE / 8 - 1;

	behind = check_parse(longer, size + EXTENSION_SIZE, &view);
	if (data[6] == IPPROTO_HOPOPTS)
		REQUIRE(behind == OUTCOME_BAD_EXTENSION_HEADERS);
	if (behind == OUTCOME_BAD_EXTENSION_HEADERS)
		return;
	REQUIRE(behind == outcome);
	REQUIRE(view.size == size + EXTENSION_SIZE);
	REQUIRE(view.l4_offset == packet->l4_offset + EXTENSION_SIZE);
	REQUIRE(view.ip_protocol == packet->ip_protocol);
	REQUIRE(view.fragment_offset == packet->fragment_offset);
	REQUIRE(view.fragment_id == packet->fragment_id);
	REQUIRE(view.is_icmp_error == packet->is_icmp_error);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static uint8_t bytes[REPAIR_INPUT_MAX];
	struct packet packet;
	enum outcome outcome;
	uint8_t control;

	size = repair_input(input, size, true, bytes, &control);
	if (size == 0)
		return 0;
	outcome = check_parse(bytes, size, &packet);
	if (packet.l4_offset != 0)
		check_longer(&packet, outcome);
	return 0;
}
