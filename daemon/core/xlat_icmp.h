/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 4.2, 4.3, 5.2, 5.3: ICMP errors, with their embedded packet, into the other family.
 *
 * The message is built anew in the arena of out, as embedded headers, padding and extensions
 * (RFC 4884) move against each other; packet points there afterwards, with PACKET_HEADROOM in front
 * and all of its view up to date, so that a hairpinned error can be translated again (H-6). Which
 * message becomes which stands in icmp_map.h.
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/core/xlat.h"

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
