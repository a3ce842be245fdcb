/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 Identifications (RFC 6864, 4.3; F-10): not repeated soon for one (source, destination,
 * protocol), not to be guessed from those of another. A fixed table of counters by keyed hash, each
 * advancing by one, and a keyed offset for each tuple on top.
 */
#pragma once

#include <stdint.h>

#include "daemon/core/siphash.h"

#define IP4_ID_COUNTERS 8192

struct ip4_id {
	struct siphash_key key;
	uint16_t counter[IP4_ID_COUNTERS];
};

void ip4_id_init(struct ip4_id *ids, const struct siphash_key *key);
/* The first of n that are to be used one after the other; 1 <= n < 65536. None is 0: a raw socket
 * would replace it. */
uint16_t ip4_id_take(struct ip4_id *ids, uint32_t src, uint32_t dst, uint8_t ip_protocol,
		     uint16_t n);
static inline uint16_t ip4_id_next(struct ip4_id *ids, uint32_t src, uint32_t dst,
				   uint8_t ip_protocol)
{
	return ip4_id_take(ids, src, dst, ip_protocol, 1);
}
