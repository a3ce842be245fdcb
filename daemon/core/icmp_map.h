/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 4.2 and 5.2: which ICMP message of the other family says the same, with its pointer or
 * MTU. Types, codes and pointers are tables, the very ones of tests/vectors/icmp*.csv.
 */
#pragma once

#include "daemon/core/xlat.h"

/* What bytes 4 to 7 of the ICMP header become. */
enum icmp_map_rule {
	ICMP_MAP_ZERO,
	ICMP_MAP_ECHO,        /* identifier and sequence number: not done here */
	ICMP_MAP_LENGTH,      /* zero, but for the length of RFC 4884 */
	ICMP_MAP_MTU,         /* F-20, F-21 */
	ICMP_MAP_POINTER,     /* through the map of pointers */
	ICMP_MAP_NEXT_HEADER, /* a pointer to Next Header */
};

/* The ICMP header to be written. */
struct icmp_mapped {
	uint8_t type;
	uint8_t code;
	enum icmp_map_rule rule;
	uint32_t field; /* pointer; the MTU is left to the caller */
};

/* OUTCOME_TRANSLATED, or OUTCOME_ICMP_UNTRANSLATABLE if there is no counterpart (echo with a code
 * other than 0, too: I-1, I-2). pointer: byte 4 of the ICMP header, or bytes 4 to 7 of the ICMPv6
 * header, whatever the type. */
enum outcome icmp_map_4to6(uint8_t type, uint8_t code, uint32_t pointer, struct icmp_mapped *ret);
enum outcome icmp_map_6to4(uint8_t type, uint8_t code, uint32_t pointer, struct icmp_mapped *ret);

/* F-20 and F-22: the MTU of a Packet Too Big made from Fragmentation Needed. */
uint32_t icmp_map_4to6_mtu(uint32_t mtu, uint32_t inner_size, const struct xlat_path *path);
/* F-21 and F-23. */
uint32_t icmp_map_6to4_mtu(uint32_t mtu, bool inner_fragment, const struct xlat_path *path);
