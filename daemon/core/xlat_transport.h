/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both directions of RFC 7915, 4.5 and 5.5 do to the transport header: ports or identifier,
 * and the checksum, updated by what changed so that a wrong one stays wrong (T-32).
 *
 * The header is all there: packet_parse() has seen to it. removed and added are sums (checksum.h)
 * over what gives way and what comes outside of the transport header: the pseudo headers.
 */
#pragma once

#include "daemon/core/tuple.h"

/* TCP, and UDP with a checksum (T-33). */
void xlat_tcp(uint8_t *tcp, uint16_t src_port, uint16_t dst_port, uint64_t removed, uint64_t added);
void xlat_udp(uint8_t *udp, uint16_t src_port, uint16_t dst_port, uint64_t removed, uint64_t added);
/* What xlat_tcp() has left of a checksum that is unfinished (packet.h) is the sum of the whole new
 * pseudo header. */
void xlat_tcp_unfinished(uint8_t *tcp, uint64_t pseudo);
/* I-4: an echo becomes one of the given type. */
void xlat_echo(uint8_t *icmp, uint8_t type, uint16_t identifier, uint64_t removed, uint64_t added);

/* Where the MSS option's value stands in a TCP header, or NULL. */
uint8_t *xlat_find_mss(uint8_t *tcp);
/* T-39: lowers the MSS option of a SYN to min(nh6 - 60, nh4 - 40), if it has one that is higher. */
void xlat_clamp_mss(uint8_t *tcp, uint32_t nh4_mtu, uint32_t nh6_mtu);
