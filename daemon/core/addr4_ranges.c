/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/addr4_ranges.h"

#include <stdlib.h>

#include "daemon/core/minmax.h"

static int compare_ranges(const void *a, const void *b)
{
	const struct addr4_range *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

uint32_t addr4_ranges_merge(struct addr4_range *range, uint32_t n_ranges)
{
	uint32_t n_merged = 0;

	if (n_ranges == 0)
		return 0;
	qsort(range, n_ranges, sizeof(*range), compare_ranges);
	for (uint32_t i = 1; i < n_ranges; i++) {
		struct addr4_range *last = &range[n_merged];

		if (last->last == UINT32_MAX || range[i].first <= last->last + 1) {
			last->last = max_u32(last->last, range[i].last);
		} else {
			range[++n_merged] = range[i];
		}
	}
	return n_merged + 1;
}

uint64_t addr4_ranges_count(const struct addr4_range *range, uint32_t n_ranges)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < n_ranges; i++)
		n += (uint64_t)range[i].last - range[i].first + 1;
	return n;
}

uint32_t addr4_ranges_without(const struct addr4_range *range, uint32_t n_ranges,
			      const struct addr4_range *minus, uint32_t n_minus,
			      struct addr4_range *ret)
{
	uint32_t n = 0;
	uint32_t j = 0;

	for (uint32_t i = 0; i < n_ranges; i++) {
		uint64_t next = range[i].first; /* what is before it has been dealt with */

		while (j < n_minus && minus[j].last < range[i].first)
			j++;
		for (; j < n_minus && minus[j].first <= range[i].last; j++) {
			if (next < minus[j].first)
				ret[n++] = (struct addr4_range){(uint32_t)next, minus[j].first - 1};
			next = (uint64_t)minus[j].last + 1;
			if (next > range[i].last)
				break; /* it may reach into the next range */
		}
		if (next <= range[i].last)
			ret[n++] = (struct addr4_range){(uint32_t)next, range[i].last};
	}
	return n;
}

const char *addr4_range_refusal(const struct addr4_range *range)
{
	static const struct {
		struct addr4_range range;
		const char *why;
	} refused[] = {
		{{0x00000000, 0x00ffffff}, "in 0.0.0.0/8"},
		{{0x7f000000, 0x7fffffff}, "loopback"},
		{{0xe0000000, 0xefffffff}, "multicast"},
		{{0xf0000000, 0xffffffff}, "reserved (class E)"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (range->first <= refused[i].range.last && range->last >= refused[i].range.first)
			return refused[i].why;
	}
	return NULL;
}

bool addr4_range_is_prefix(const struct addr4_range *range, struct prefix4 *ret)
{
	uint32_t host_bits = range->last ^ range->first;

	if ((host_bits & (host_bits + 1)) != 0 || (range->first & host_bits) != 0)
		return false;
	*ret = (struct prefix4){
		.addr = range->first,
		.len = (uint8_t)(host_bits == 0 ? 32 : __builtin_clz(host_bits)),
	};
	return true;
}
