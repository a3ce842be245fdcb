/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rfc6052.h. */
#include "daemon/core/rfc6052.h"

#include <assert.h>

/* Bits 64 to 71, which the IPv4 octets step over. */
#define U_OCTET 8

const struct prefix6 rfc6052_well_known_prefix = {
	.addr = {.byte = {0x00, 0x64, 0xff, 0x9b}},
	.len = 96,
};

/* Where octet i (0 to 3) of the IPv4 address stands. */
static unsigned octet_position(const struct prefix6 *prefix, unsigned i)
{
	unsigned position = prefix->len / 8 + i;

	return position < U_OCTET || prefix->len == 96 ? position : position + 1;
}

struct addr6 rfc6052_embed(const struct prefix6 *prefix, uint32_t addr4)
{
	struct addr6 addr6 = prefix->addr;

	for (unsigned i = 0; i < 4; i++)
		addr6.byte[octet_position(prefix, i)] = (uint8_t)(addr4 >> (24 - 8 * i));
	return addr6;
}

enum rfc6052_result rfc6052_extract(const struct prefix6 *prefix, const struct addr6 *addr6,
				    uint32_t *ret)
{
	uint32_t addr4 = 0;

	if (!prefix6_contains(prefix, addr6))
		return RFC6052_NOT_OURS;
	if (addr6->byte[U_OCTET] != 0)
		return RFC6052_BAD_U_OCTET;

	for (unsigned i = 0; i < 4; i++)
		addr4 = addr4 << 8 | addr6->byte[octet_position(prefix, i)];
	*ret = addr4;
	return RFC6052_OK;
}

static bool length_is_allowed(uint8_t len)
{
	switch (len) {
	case 32:
	case 40:
	case 48:
	case 56:
	case 64:
	case 96:
		return true;
	default:
		return false;
	}
}

/* Addresses that mean something else everywhere. */
static const struct {
	struct prefix6 prefix;
	const char *problem;
} reserved[] = {
	{{.len = 96}, "IPv4-compatible addresses (::/96) can not be translated"},
	{{{{[10] = 0xff, [11] = 0xff}}, 96},
	 "IPv4-mapped addresses (::ffff:0:0/96) can not be translated"},
	{{{{0xfe, 0x80}}, 10}, "link-local addresses (fe80::/10) can not be translated"},
	{{{{0xff}}, 8}, "a multicast prefix can not be used"},
};

const char *rfc6052_prefix_problem(const struct prefix6 *prefix)
{
	const struct prefix6 *well_known = &rfc6052_well_known_prefix;

	if (!length_is_allowed(prefix->len))
		return "the length must be 32, 40, 48, 56, 64 or 96";
	if (prefix6_has_host_bits(prefix))
		return "bits are set behind the prefix length";
	if (prefix6_contains(prefix, &well_known->addr) && prefix->len != well_known->len)
		return "it contains the Well-Known Prefix 64:ff9b::/96, which has no other length";
	if (prefix->addr.byte[U_OCTET] != 0)
		return "bits 64 to 71 must be zero";
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
		if (prefix6_overlaps(prefix, &reserved[i].prefix))
			return reserved[i].problem;
	}
	return NULL;
}
