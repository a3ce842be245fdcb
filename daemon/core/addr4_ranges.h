/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of IPv4 address ranges as plain arrays: what an entry of pool4 consists of (P-1), and what
 * the kernel's sets get. Text is pool4_text.c's.
 */
#pragma once

#include <stddef.h>

#include "daemon/core/addr.h"

struct addr4_range {
	uint32_t first; /* <= last */
	uint32_t last;
};

/* Sorts in place and merges what overlaps or touches; returns how many ranges are left. */
uint32_t addr4_ranges_merge(struct addr4_range *range, uint32_t n_ranges);

/* How many addresses merged ranges hold. */
uint64_t addr4_ranges_count(const struct addr4_range *range, uint32_t n_ranges);

/* What of merged ranges is in none of the merged minus; ret has room for n_ranges + n_minus.
 * Returns how many there are. */
uint32_t addr4_ranges_without(const struct addr4_range *range, uint32_t n_ranges,
			      const struct addr4_range *minus, uint32_t n_minus,
			      struct addr4_range *ret);

/* Why no address of this range can be in pool4 (P-1): "multicast", "loopback", "reserved (class
 * E)", "in 0.0.0.0/8"; NULL if each may be. A range that holds one such address is refused. */
const char *addr4_range_refusal(const struct addr4_range *range);

/* If the range is one prefix: true, and which. */
bool addr4_range_is_prefix(const struct addr4_range *range, struct prefix4 *ret);
