/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6052: IPv4 addresses inside IPv6 addresses, for the six prefix lengths.
 *
 * Byte 8 of the address (bits 64 to 71, the "u octet") is always zero; the IPv4 octets step over
 * it. Pure arithmetic: whether an address may be translated is asked in addr.h.
 */
#pragma once

#include "daemon/core/addr.h"

enum rfc6052_result {
	RFC6052_OK,
	RFC6052_NOT_OURS,    /* the address is outside the prefix */
	RFC6052_BAD_U_OCTET, /* inside, but bits 64 to 71 are not zero */
};

extern const struct prefix6 rfc6052_well_known_prefix; /* 64:ff9b::/96 */

/* RFC 6052, 2.2 and 2.3: the suffix is zero. prefix must have passed rfc6052_prefix_problem(). */
struct addr6 rfc6052_embed(const struct prefix6 *prefix, uint32_t addr4);

/* Suffix bits are ignored (RFC 6052, 2.2). *ret is written only with RFC6052_OK. */
enum rfc6052_result rfc6052_extract(const struct prefix6 *prefix, const struct addr6 *addr6,
				    uint32_t *ret);

/*
 * Why prefix can not be a Pref64, as one clause that fits behind "PREFIX: ", or NULL if it can
 * . Overlap of several prefixes is not judged here.
 */
const char *rfc6052_prefix_problem(const struct prefix6 *prefix);
