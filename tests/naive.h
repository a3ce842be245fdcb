/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum in its plainest form, byte by byte, to judge packets that the core made by
 * cleverer means. Shares no code with the core.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 1071 over size bytes; 0 over data that contains a right checksum. The value is a number:
 * its high byte comes first in a packet. */
uint16_t naive_checksum(const uint8_t *data, size_t size);

/*
 * A whole IPv4 or IPv6 packet: are its lengths those of the buffer, and its IPv4 header checksum
 * and its TCP, UDP, ICMP or ICMPv6 checksum right? UDP over IPv4 may have none, over IPv6 not. Of
 * a fragment only the header is judged; IPv6 may have a Fragment header and no other extension.
 */
bool naive_packet_ok(const uint8_t *data, size_t size);

/* The same without what is behind the IP header. */
bool naive_header_ok(const uint8_t *data, size_t size);

/*
 * By how much the TCP, UDP, ICMP or ICMPv6 checksum of a whole packet is off, in ones'-complement
 * arithmetic: 0 if it is right (or UDP over IPv4 has none), else 1 to 65534. A translator that
 * updates checksums keeps this number (T-32). The packet has passed naive_packet_ok() but for that
 * checksum, and is no fragment.
 */
uint16_t naive_transport_error(const uint8_t *data, size_t size);
