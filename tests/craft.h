/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets for tests, made field by field: what is not named is as plain as can be. Their checksums
 * are the naive ones (naive.h).
 */
#pragma once

#include "daemon/core/packet.h"

#define CRAFT_SIZE_MAX 66000

/* The memory of one packet, with room in front of it. */
struct craft_buffer {
	uint8_t byte[PACKET_HEADROOM + CRAFT_SIZE_MAX];
};

struct craft {
	const char *src;  /* numeric, of the same family; default 2001:db8:1::10, 198.51.100.20 */
	const char *dst;  /* default 2001:db8:64::c633:6414, 203.0.113.7 */
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* IPPROTO_... as it stands in the packet; default UDP */
	uint8_t traffic_class;
	uint8_t hop_limit; /* default 64 */
	bool dont_fragment;
	bool more_fragments;
	bool fragment_header; /* IPv6: also if atomic */
	uint16_t fragment_offset;
	uint32_t fragment_id;
	/* IPv4 options, or IPv6 extension headers of which the first is next_header; in hex. */
	const char *extra;
	uint8_t next_header;

	/* Transport; a later fragment has none, only payload. */
	uint16_t src_port; /* or identifier */
	uint16_t dst_port;
	uint8_t tcp_flags;       /* default ACK */
	const char *tcp_options; /* hex */
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint16_t udp_length;    /* default: what there is */
	bool udp_zero_checksum; /* T-34, T-36 */
	uint16_t check_off_by;  /* added to the right checksum */
	uint32_t payload_size;  /* of a pattern of bytes */
};

/* The packet in buffer, not parsed yet. */
struct packet craft_packet(struct craft_buffer *buffer, const struct craft *what);

/* The packet of these bytes in hex. */
struct packet craft_hex(struct craft_buffer *buffer, const char *hex);

/* Both ways out of text; they end the test if it is no address. */
struct addr6 craft_addr6(const char *text);
uint32_t craft_addr4(const char *text);

/* Is the view of a packet what packet_parse() sees in its bytes? Ends the test if not. */
void craft_assert_view(const struct packet *packet);
