/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record for each IPv6 source that has dynamic bindings: which IPv4 address it is paired with
 * (P-2), and how many bindings of each protocol it has.
 *
 * A source is the IPv6 prefix of Pool4.PairingPrefixLength (P-3), and its pairing holds per Pool6
 * prefix, as an entry may serve one prefix only. Where that prefix is shorter than an address, each
 * address has a record besides, under PAIRING_ADDRESS, which has no pairing and only counts: the
 * limit of bindings is per address (L-1). The record lives while bindings refer to it.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#include "daemon/core/addr.h"

/* In place of a Pool6 prefix: the record counts the bindings of one address. */
#define PAIRING_ADDRESS 0x3f

struct pairing {
	struct addr6 prefix;
	uint32_t addr4;                   /* T of the first binding; 0 = none yet */
	uint32_t next;                    /* hash chain */
	uint16_t n_bindings[N_PROTOCOLS]; /* private: pairing_n_bindings() */
	uint8_t pool6 : 6;                /* or PAIRING_ADDRESS */
	bool has_many : 1; /* private: the counts stand in a record of their own, whose index is in
			      the place of the first two */
	uint8_t len;       /* of the prefix */
};

/* The counts of a record whose prefix has more of a protocol than it can hold: a single address has
 * that only if it uses all its ports. */
struct pairing_many {
	uint32_t n_bindings[N_PROTOCOLS];
};

struct pairing_table {
	struct slab pairings;
	struct slab many;
	struct hash_index by_prefix;
	struct siphash_key key;
	uint32_t n_addresses; /* records under PAIRING_ADDRESS */
};

void pairing_table_init(struct pairing_table *table, const struct siphash_key *key, uint32_t limit);
void pairing_table_deinit(struct pairing_table *table);

/* prefix is already masked. SLAB_NONE if there is none. */
uint32_t pairing_find(const struct pairing_table *table, const struct addr6 *prefix, uint8_t pool6);
/* Finds or makes; SLAB_NONE at the limit or without memory. A new one has no bindings. */
uint32_t pairing_get(struct pairing_table *table, const struct addr6 *prefix, uint8_t len,
		     uint8_t pool6);
struct pairing *pairing_at(const struct pairing_table *table, uint32_t index);
uint32_t pairing_n_bindings(const struct pairing_table *table, uint32_t index,
			    enum protocol protocol);
/* So that one more can be counted. False without memory. */
bool pairing_reserve(struct pairing_table *table, uint32_t index, enum protocol protocol);
/* For checks: adds to the count, modulo what it can hold. */
void pairing_shift(const struct pairing_table *table, uint32_t index, enum protocol protocol,
		   uint32_t n);
/* One binding more, which is reserved, or one less: then the record ends with the last. */
void pairing_ref(struct pairing_table *table, uint32_t index, enum protocol protocol);
void pairing_unref(struct pairing_table *table, uint32_t index, enum protocol protocol);
/* Frees a record that got no binding after all. */
void pairing_drop_unused(struct pairing_table *table, uint32_t index);

/* The keyed hash that P-5 wants. */
uint64_t pairing_hash(const struct pairing_table *table, const struct addr6 *prefix, uint8_t pool6);
size_t pairing_table_memory(const struct pairing_table *table);
bool pairing_table_check(const struct pairing_table *table);
