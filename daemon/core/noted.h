/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet said about itself, kept for the log: the last one of each outcome that is marked
 * NOTED in outcome.h (T-34, T-36, F-9). How many there were is in the counters; when a line is
 * written is the daemon's affair (noted_log.h). Nothing is logged per packet.
 */
#pragma once

#include "daemon/core/packet.h"

struct noted_packet {
	uint8_t version;     /* 0: there was none yet */
	uint8_t ip_protocol; /* 0: not known */
	bool has_ports;
	uint16_t src_port;
	uint16_t dst_port;
	struct addr6 src6; /* or src4 and dst4, by version */
	struct addr6 dst6;
	uint32_t src4;
	uint32_t dst4;
};

/* packet: as it was received, parsed as far as it could be. */
void noted_take(const struct packet *packet, struct noted_packet *ret);

/* "udp [2001:db8::1]:5000 > [2001:db8:64::c633:6407]:9", or with addresses only. ret is
 * NOTED_TEXT_SIZE bytes and is returned. */
#define NOTED_TEXT_SIZE (16 + 2 * ADDR_TEXT_SIZE)
const char *noted_print(const struct noted_packet *packet, char *ret);
