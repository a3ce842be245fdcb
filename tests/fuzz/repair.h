/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes lengths and checksums of a mutated packet right: without this hardly one would get past the
 * first check of a parser.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPAIR_INPUT_MAX 4096

/* Of a packet of either family: its length where it is longer than what is there, the IPv4 header
 * checksum, the ICMP checksum, and the header checksum of an IPv4 packet embedded in ICMP. Whatever
 * is not there is left alone; extension headers are not looked behind. */
void repair_packet(uint8_t *data, size_t size);

/* An input of a byte of control and one packet, which is copied and, if the lowest bit of control
 * says so, repaired. The packet's version is made 6, or whatever it is but 6. Its size; 0: too
 * short. */
size_t repair_input(const uint8_t *input, size_t size, bool is6, uint8_t ret[REPAIR_INPUT_MAX],
		    uint8_t *ret_control);
