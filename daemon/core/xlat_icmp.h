/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 4.2, 4.3, 5.2, 5.3: ICMP errors, with their embedded packet, into the other family.
 *
 * The message is built anew in the arena of out, as embedded headers, padding and extensions
 * (RFC 4884) move against each other; packet points there afterwards, with PACKET_HEADROOM in front
 * and all of its view up to date, so that a hairpinned error can be translated again (H-6). The
 * maps of types, codes and pointers are tables, the very ones of tests/vectors/icmp*.csv.
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/core/xlat.h"

/* Is there a counterpart at all? OUTCOME_TRANSLATED or OUTCOME_ICMP_UNTRANSLATABLE; asked before
 * the tables are (echo with a code other than 0, too: I-1). pointer: byte 4 of the ICMP header, or
 * bytes 4 to 7 of the ICMPv6 header, whatever the type. */
enum outcome xlat_icmp_4to6_type(uint8_t type, uint8_t code, uint32_t pointer);
enum outcome xlat_icmp_6to4_type(uint8_t type, uint8_t code, uint32_t pointer);

/* F-20 and F-22: the MTU of a Packet Too Big made from Fragmentation Needed. */
uint32_t xlat_icmp_4to6_mtu(uint32_t mtu, uint32_t inner_size, const struct xlat_path *path);
/* F-21 and F-23. */
uint32_t xlat_icmp_6to4_mtu(uint32_t mtu, bool inner_fragment, const struct xlat_path *path);

/*
 * inner_to: the embedded packet's tuple after translation, as it stands in that packet (not
 * swapped). src, dst: the outer addresses (I-18 to I-21). Hop limit as for any packet; its check is
 * the caller's. OUTCOME_TRANSLATED or OUTCOME_ICMP_UNTRANSLATABLE.
 */
enum outcome xlat_icmp_6to4(struct packet *packet, const struct inner_packet *inner,
			    const struct tuple4 *inner_to, uint32_t src, uint32_t dst,
			    const struct xlat_path *path, const struct xlat_rules *rules,
			    struct out *out);
enum outcome xlat_icmp_4to6(struct packet *packet, const struct inner_packet *inner,
			    const struct tuple6 *inner_to, const struct addr6 *src,
			    const struct addr6 *dst, const struct xlat_path *path,
			    const struct xlat_rules *rules, struct out *out);
