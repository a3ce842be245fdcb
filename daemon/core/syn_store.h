/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unsolicited SYNs from the IPv4 side that wait for the inside to open towards the same peer
 * (RFC 6146, 3.5.2.2; RFC 5382, REQ-4; S-25 (b) and (d), S-27 to S-30, S-36).
 *
 * Such a SYN is a session in V4_INIT without a known IPv6 side. It lives here, not in the session
 * table: it permits nothing, is in no binding, and its lifetime is the fixed TCP_INCOMING_SYN. The
 * packet is kept whole, up to SYN_STORE_PACKET_MAX, for the ICMP error that quotes it.
 *
 * All have the same lifetime, so the oldest stands at the head of one list. Lock: one of its own.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

/* As much as an ICMPv4 error can quote: 576 - 20 - 8. */
#define SYN_STORE_PACKET_MAX 548

struct stored_syn {
	struct taddr4 mapped; /* (T,t) */
	struct taddr4 peer;   /* (Y,y) */
	uint32_t next;        /* hash chain of the whole 4-tuple */
	uint32_t next_peer;   /* hash chain of the peer, for the oldest from it only */
	uint32_t older;       /* list of all */
	uint32_t newer;
	uint32_t peer_older; /* ring of those from the same peer: the oldest follows the newest */
	uint32_t peer_newer;
	uint16_t packet_size;
	uint64_t expires_ms;
	uint8_t packet[SYN_STORE_PACKET_MAX];
};

struct syn_store {
	struct slab syns;
	struct hash_index by_tuple;
	struct hash_index by_peer; /* the oldest SYN of each peer */
	uint32_t oldest;
	uint32_t newest;
	struct siphash_key key;
};

void syn_store_init(struct syn_store *store, const struct siphash_key *key, uint32_t limit);
void syn_store_deinit(struct syn_store *store);

uint32_t syn_store_find(const struct syn_store *store, const struct taddr4 *mapped,
			const struct taddr4 *peer);
/* The SYN from peer that has waited longest, whatever (T,t) it was sent to (S-30). */
uint32_t syn_store_find_by_peer(const struct syn_store *store, const struct taddr4 *peer);
static inline struct stored_syn *syn_store_at(const struct syn_store *store, uint32_t index)
{
	return slab_at(&store->syns, index);
}

bool syn_store_is_full(const struct syn_store *store);
/* Keeps the first SYN_STORE_PACKET_MAX bytes. There is none with these addresses yet. False if the
 * store is full. */
bool syn_store_add(struct syn_store *store, const struct taddr4 *mapped, const struct taddr4 *peer,
		   const uint8_t *packet, size_t size, uint64_t expires_ms);
void syn_store_remove(struct syn_store *store, uint32_t index);

/* The oldest, if it is over at now_ms, else SLAB_NONE; the caller removes it. */
uint32_t syn_store_expired(const struct syn_store *store, uint64_t now_ms);
uint64_t syn_store_next_deadline(const struct syn_store *store);
size_t syn_store_memory(const struct syn_store *store);
bool syn_store_check(const struct syn_store *store);
