/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Binding Information Base, RFC 6146, 3.1: one for each protocol. Bindings between an IPv6 and an
 * IPv4 transport address, found from either side.
 *
 * Invariants (bib_check): each (X',x) and each (T,t) stands in at most one entry (S-2); a dynamic
 * entry has sessions, or is about to go (S-4). The BIB knows nothing of packets, pool4 or time;
 * session.c keeps first_session and n_sessions.
 *
 * Lock (once there are several packet threads): look-ups and changes of one BIB under one striped
 * lock by (X',x) and (T,t); see the issue of that name.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/dirty.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

struct bib_entry {
	struct addr6 addr6; /* X' */
	uint32_t addr4;     /* T */
	uint16_t port6;     /* x */
	uint16_t port4;     /* t */
	uint32_t next6;     /* hash chains */
	uint32_t next4;
	uint32_t first_session; /* list in session.c, which writes these two and has_indices */
	uint32_t n_sessions;
	uint32_t pairing;  /* record in pairing.h; SLAB_NONE for a static binding */
	uint32_t pool4;    /* id of the entry of pool4; 0 = the host's own address, static */
	int32_t created_s; /* monotonic; negative if it is older than the boot */
	uint16_t number;   /* of those made at this index one after the other: tells them apart */
	uint8_t pool6;     /* prefix with which the inside last used it */
	bool is_static : 1;
	bool is_restored : 1; /* from what was stored before the start */
	bool has_indices : 1; /* its sessions are many: see session.h */
};

struct bib {
	struct slab entries;
	struct hash_index by6;
	struct hash_index by4;
	struct siphash_key key;
	struct dirty dirty;   /* what has to be stored: marked here, taken by persist.c */
	uint16_t last_number; /* of all entries: see bib_entry */
};

void bib_init(struct bib *bib, const struct siphash_key *key, uint32_t limit);
void bib_deinit(struct bib *bib);

/* Both sides of a binding, and what they hash to. */
struct bib_key {
	struct taddr6 taddr6;
	struct taddr4 taddr4;
	uint64_t hash6;
	uint64_t hash4;
};
struct bib_key bib_key(const struct bib *bib, const struct taddr6 *taddr6,
		       const struct taddr4 *taddr4);
/* Is one of the two bound? */
bool bib_is_bound(const struct bib *bib, const struct bib_key *key);
/* Hints that they are soon looked for: all of them, and then all of them again (hash_index.h). */
static inline void bib_prefetch(const struct bib *bib, const struct bib_key *key)
{
	hash_index_prefetch(&bib->by6, key->hash6);
	hash_index_prefetch(&bib->by4, key->hash4);
}
static inline void bib_prefetch_first(const struct bib *bib, const struct bib_key *key)
{
	hash_index_prefetch_first(&bib->by6, key->hash6);
	hash_index_prefetch_first(&bib->by4, key->hash4);
}

/* In by6, and in by4. */
uint64_t bib_hash6(const struct bib *bib, const struct taddr6 *taddr6);
uint64_t bib_hash4(const struct bib *bib, const struct taddr4 *taddr4);

/* Indices, or SLAB_NONE. */
uint32_t bib_find6(const struct bib *bib, const struct taddr6 *taddr6);
uint32_t bib_find4(const struct bib *bib, const struct taddr4 *taddr4);
static inline struct bib_entry *bib_at(const struct bib *bib, uint32_t index)
{
	return slab_at(&bib->entries, index);
}

/* A new entry: empty links, no pairing, everything else zero. SLAB_NONE at the limit, without
 * memory, or if one of the two transport addresses is bound already. */
uint32_t bib_add(struct bib *bib, const struct taddr6 *taddr6, const struct taddr4 *taddr4);
/* The same where the caller knows that neither is bound: that saves the look-ups. */
uint32_t bib_add_unbound(struct bib *bib, const struct bib_key *key);
/* The same at this index (slab_alloc_at()); neither is bound. */
bool bib_add_at(struct bib *bib, uint32_t index, const struct bib_key *key);
/* Before many are added: for so many in all, without which it is only slower; and after it. */
void bib_reserve(struct bib *bib, uint32_t n);
void bib_trim(struct bib *bib);
/* The entry has no sessions any more. */
void bib_remove(struct bib *bib, uint32_t index);

/* */
static inline void bib_set_pool6(struct bib *bib, uint32_t index, uint8_t pool6)
{
	struct bib_entry *entry = bib_at(bib, index);

	if (entry->pool6 == pool6)
		return;
	entry->pool6 = pool6;
	dirty_mark(&bib->dirty, index);
}

/* Cursor over positions: the first entry at or behind from, or SLAB_NONE. */
uint32_t bib_next(const struct bib *bib, uint32_t from);

static inline struct taddr6 bib_entry_taddr6(const struct bib_entry *entry)
{
	return (struct taddr6){entry->addr6, entry->port6};
}

static inline struct taddr4 bib_entry_taddr4(const struct bib_entry *entry)
{
	return (struct taddr4){entry->addr4, entry->port4};
}

size_t bib_memory(const struct bib *bib);
bool bib_check(const struct bib *bib);
