/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 Identifications, see ip4_id.h.
 *
 * The hash of a tuple chooses its counter and the offset that is added to it. Tuples that share a
 * counter make each other skip values, never repeat one: a value comes back after at most 65535
 * packets of all that share the counter, and not before (RFC 6864, 4.3). The memory is fixed, so a
 * stranger with many tuples can only bring that point nearer, not make anything grow.
 *
 * Several threads may take at once: each moves the counter in one step.
 */
#include "daemon/core/ip4_id.h"

#include "daemon/core/packet.h"

void ip4_id_init(struct ip4_id *ids, const struct siphash_key *key)
{
	*ids = (struct ip4_id){.key = *key};
}

uint16_t ip4_id_take(struct ip4_id *ids, uint32_t src, uint32_t dst, uint8_t ip_protocol,
		     uint16_t n)
{
	uint8_t tuple[9];
	uint64_t hash;
	uint16_t *counter;
	uint16_t offset, before, first;

	store_be32(tuple, src);
	store_be32(tuple + 4, dst);
	tuple[8] = ip_protocol;
	hash = siphash(&ids->key, tuple, sizeof(tuple));
	counter = &ids->counter[hash % IP4_ID_COUNTERS];
	offset = (uint16_t)(hash >> 48);
	before = __atomic_load_n(counter, __ATOMIC_RELAXED);
	do {
		first = before;
		/* None of them is 0, which the kernel would replace. */
		if ((uint16_t)(first + offset - 1) > UINT16_MAX - n)
			first = (uint16_t)(1 - offset);
	} while (!__atomic_compare_exchange_n(counter, &before, (uint16_t)(first + n), true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return (uint16_t)(first + offset);
}
