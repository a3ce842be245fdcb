/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes lengths and checksums of a mutated packet right: without this hardly one would get past the
 * first check of a parser.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of a packet of either family: its length where it is longer than what is there, the IPv4 header
 * checksum, the ICMP checksum, and the header checksum of an IPv4 packet embedded in ICMP. Whatever
 * is not there is left alone; extension headers are not looked behind. */
void repair_packet(uint8_t *data, size_t size);
