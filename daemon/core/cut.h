/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single segments out of a superpacket (segment.h), made here: for a way out that can not take it
 * whole. Nothing of the payload is copied.
 *
 * The packet is as the translators leave it: one part, an IP header without options or extension
 * headers, TCP with an unfinished checksum.
 */
#pragma once

#include "daemon/core/emit.h"

/* IPv6 and the longest TCP header. */
#define CUT_HEADER_MAX 100

/* How many packets it is on the wire: 1 if it is no superpacket. */
uint32_t cut_count(const struct out_packet *whole);

/*
 * Segment number index of cut_count(), complete with all checksums: its header in the
 * CUT_HEADER_MAX bytes at header, its payload where it is in whole. Also finishes the checksum of a
 * packet that is none of several.
 */
void cut_segment(const struct out_packet *whole, uint32_t index, uint8_t *header,
		 struct out_packet *ret);
