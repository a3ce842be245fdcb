/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small valid packets, written byte by byte with naive checksums: what two hosts that behave would
 * send, but for the TCP flags, which are any.
 */
#pragma once

#include "daemon/core/packet.h"

#define RAW_PACKET_MAX 128

struct raw_l4 {
	enum protocol protocol;
	uint16_t src_port; /* of an echo both are the identifier */
	uint16_t dst_port;
	uint8_t tcp_flags;
	bool is_reply; /* of an echo */
};

/* Their size. */
uint32_t raw_packet6(uint8_t ret[RAW_PACKET_MAX], const struct addr6 *src, const struct addr6 *dst,
		     const struct raw_l4 *l4);
uint32_t raw_packet4(uint8_t ret[RAW_PACKET_MAX], uint32_t src, uint32_t dst,
		     const struct raw_l4 *l4);

/* Destination unreachable (ICMPv6 1/3, ICMP 3/1) about a packet, from router to its sender. */
uint32_t raw_error6(uint8_t ret[RAW_PACKET_MAX], const struct addr6 *router, const uint8_t *about,
		    uint32_t size);
uint32_t raw_error4(uint8_t ret[RAW_PACKET_MAX], uint32_t router, const uint8_t *about,
		    uint32_t size);
