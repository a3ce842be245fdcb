/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/icmp_map.h"

#include "daemon/core/minmax.h"

#define ANY_CODE  0, 255
#define SAME_CODE (-1)

struct type_map {
	uint8_t type;
	uint8_t code_first, code_last;
	uint8_t to_type;
	int to_code;
	enum icmp_map_rule field;
};

struct pointer_map {
	uint32_t first, last;
	uint32_t to;
};

struct icmp_map {
	const struct type_map *type;
	size_t n_types;
	const struct pointer_map *pointer;
	size_t n_pointers;
};

/* What is not listed is dropped. */
/* clang-format off */

/* RFC 7915, 4.2; tests/vectors/icmp46.csv. */
static const struct type_map type46[] = {
	{  8, 0, 0,     128, 0, ICMP_MAP_ECHO },
	{  0, 0, 0,     129, 0, ICMP_MAP_ECHO },
	{  3, 0, 1,       1, 0, ICMP_MAP_LENGTH },      /* network, host unreachable */
	{  3, 2, 2,       4, 1, ICMP_MAP_NEXT_HEADER }, /* protocol unreachable */
	{  3, 3, 3,       1, 4, ICMP_MAP_LENGTH },      /* port unreachable */
	{  3, 4, 4,       2, 0, ICMP_MAP_MTU },         /* fragmentation needed */
	{  3, 5, 8,       1, 0, ICMP_MAP_LENGTH },      /* source route failed, unknown, isolated */
	{  3, 9, 10,      1, 1, ICMP_MAP_LENGTH },      /* prohibited */
	{  3, 11, 12,     1, 0, ICMP_MAP_LENGTH },      /* unreachable for this TOS */
	{  3, 13, 13,     1, 1, ICMP_MAP_LENGTH },      /* prohibited by filtering */
	{  3, 15, 15,     1, 1, ICMP_MAP_LENGTH },      /* precedence cutoff */
	{ 11, ANY_CODE,   3, SAME_CODE, ICMP_MAP_LENGTH },
	{ 12, 0, 0,       4, 0, ICMP_MAP_POINTER },
	{ 12, 2, 2,       4, 0, ICMP_MAP_POINTER },
};

/* RFC 7915, 5.2; tests/vectors/icmp64.csv. */
static const struct type_map type64[] = {
	{ 128, 0, 0,      8, 0, ICMP_MAP_ECHO },
	{ 129, 0, 0,      0, 0, ICMP_MAP_ECHO },
	{   1, 0, 0,      3, 1, ICMP_MAP_LENGTH },      /* no route */
	{   1, 1, 1,      3, 10, ICMP_MAP_LENGTH },     /* prohibited */
	{   1, 2, 3,      3, 1, ICMP_MAP_LENGTH },      /* beyond scope, address unreachable */
	{   1, 4, 4,      3, 3, ICMP_MAP_LENGTH },      /* port unreachable */
	{   2, ANY_CODE,  3, 4, ICMP_MAP_MTU },
	{   3, ANY_CODE, 11, SAME_CODE, ICMP_MAP_LENGTH },
	{   4, 0, 0,     12, 0, ICMP_MAP_POINTER },
	{   4, 1, 1,      3, 2, ICMP_MAP_ZERO },        /* unrecognized Next Header */
};

/* RFC 7915, figure 3; tests/vectors/icmp_pointer46.csv. */
static const struct pointer_map pointer46[] = {
	{  0,  0,  0 }, /* Version, IHL     -> Version, Traffic Class */
	{  1,  1,  1 }, /* Type of Service  -> Traffic Class, Flow Label */
	{  2,  3,  4 }, /* Total Length     -> Payload Length */
	{  8,  8,  7 }, /* Time to Live     -> Hop Limit */
	{  9,  9,  6 }, /* Protocol         -> Next Header */
	{ 12, 15,  8 }, /* source address */
	{ 16, 19, 24 }, /* destination address */
};

/* RFC 7915, figure 6; tests/vectors/icmp_pointer64.csv. */
static const struct pointer_map pointer64[] = {
	{  0,  0,  0 }, /* Version, Traffic Class    -> Version, IHL */
	{  1,  1,  1 }, /* Traffic Class, Flow Label -> Type of Service */
	{  4,  5,  2 }, /* Payload Length            -> Total Length */
	{  6,  6,  9 }, /* Next Header               -> Protocol */
	{  7,  7,  8 }, /* Hop Limit                 -> Time to Live */
	{  8, 23, 12 }, /* source address */
	{ 24, 39, 16 }, /* destination address */
};

/* RFC 1191, 7: those that an IPv6 path can have, and a packet can be larger than. */
static const uint32_t plateau[] = { 32000, 17914, 8166, 4352, 2002, 1492 };

#define N_ROWS(array) (sizeof(array) / sizeof(*(array)))

static const struct icmp_map map46 = { type46, N_ROWS(type46), pointer46, N_ROWS(pointer46) };
static const struct icmp_map map64 = { type64, N_ROWS(type64), pointer64, N_ROWS(pointer64) };
/* clang-format on */

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static const struct type_map *map_type(const struct icmp_map *map, uint8_t type, uint8_t code)
{
	for (size_t i = 0; i < map->n_types; i++) {
		const struct type_map *row = &map->type[i];

		if (row->type == type && row->code_first <= code && code <= row->code_last)
			return row;
	}
	return NULL;
}

static const struct pointer_map *map_pointer(const struct icmp_map *map, uint32_t pointer)
{
	for (size_t i = 0; i < map->n_pointers; i++) {
		const struct pointer_map *row = &map->pointer[i];

		if (row->first <= pointer && pointer <= row->last)
			return row;
	}
	return NULL;
}

/* RFC 7915, 4.2 and 5.2: what is not listed is dropped (I-1, I-2). */
static enum outcome map_find(const struct icmp_map *map, uint8_t type, uint8_t code,
			     uint32_t pointer, struct icmp_mapped *ret)
{
	const struct type_map *row = map_type(map, type, code);
	const struct pointer_map *to = NULL;

	if (!row)
		return OUTCOME_ICMP_UNTRANSLATABLE;
	if (row->field == ICMP_MAP_POINTER) {
		to = map_pointer(map, pointer);
		if (!to)
			return OUTCOME_ICMP_UNTRANSLATABLE;
	}
	*ret = (struct icmp_mapped){
		.type = row->to_type,
		.code = row->to_code == SAME_CODE ? code : (uint8_t)row->to_code,
		.rule = row->field,
		.field = to                                   ? to->to
			 : row->field == ICMP_MAP_NEXT_HEADER ? 6
							      : 0,
	};
	return OUTCOME_TRANSLATED;
}

enum outcome icmp_map_4to6(uint8_t type, uint8_t code, uint32_t pointer, struct icmp_mapped *ret)
{
	return map_find(&map46, type, code, pointer, ret);
}

enum outcome icmp_map_6to4(uint8_t type, uint8_t code, uint32_t pointer, struct icmp_mapped *ret)
{
	return map_find(&map64, type, code, pointer, ret);
}

/* RFC 7915, 4.2. */
uint32_t icmp_map_4to6_mtu(uint32_t mtu, uint32_t inner_size, const struct xlat_path *path)
{
	const uint32_t growth = IP6_HEADER_SIZE - IP4_HEADER_SIZE;

	/* A router older than RFC 1191 names no MTU: guess the next one that is common,
	 * if it is not below what every IPv6 link has. */
	for (size_t i = 0; mtu == 0 && i < N_ROWS(plateau); i++) {
		if (plateau[i] < inner_size)
			mtu = plateau[i];
	}
	mtu = min_u32(mtu + growth, path->nh6_mtu);
	mtu = min_u32(mtu, add_saturating(path->nh4_mtu, growth));
	return max_u32(mtu, IP6_MTU_MIN);
}

/* RFC 7915, 5.2. */
uint32_t icmp_map_6to4_mtu(uint32_t mtu, bool inner_fragment, const struct xlat_path *path)
{
	const uint32_t shrinking =
		IP6_HEADER_SIZE - IP4_HEADER_SIZE + (inner_fragment ? FRAGMENT_HEADER_SIZE : 0);

	mtu = min_u32(max_u32(mtu, IP6_MTU_MIN), max_u32(path->nh6_mtu, IP6_MTU_MIN)) - shrinking;
	return min_u32(min_u32(mtu, path->nh4_mtu), UINT16_MAX);
}
