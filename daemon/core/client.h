/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record for each client that has dynamic bindings: which IPv4 address it is paired with (P-2).
 *
 * A client is the IPv6 source prefix of Pool4.PairingPrefixLength (P-3), and its pairing holds per
 * Pool6 prefix, as an entry may serve one prefix only. The record lives while bindings refer to it.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#include "daemon/core/addr.h"

struct client {
	struct addr6 prefix;
	uint32_t addr4; /* T of the first binding; 0 = none yet */
	uint32_t n_bindings;
	uint32_t next; /* hash chain */
	uint8_t pool6;
};

struct client_table {
	struct slab clients;
	struct hash_index by_prefix;
	struct siphash_key key;
};

void client_table_init(struct client_table *table, const struct siphash_key *key, uint32_t limit);
void client_table_deinit(struct client_table *table);

/* prefix is already masked. SLAB_NONE if there is none. */
uint32_t client_find(const struct client_table *table, const struct addr6 *prefix, uint8_t pool6);
/* Finds or makes; SLAB_NONE at the limit or without memory. A new one has n_bindings == 0. */
uint32_t client_get(struct client_table *table, const struct addr6 *prefix, uint8_t pool6);
struct client *client_at(const struct client_table *table, uint32_t index);
void client_ref(struct client_table *table, uint32_t index);   /* one more binding */
void client_unref(struct client_table *table, uint32_t index); /* frees with the last */
/* Frees a record that got no binding after all. */
void client_drop_unused(struct client_table *table, uint32_t index);

/* The keyed hash that P-5 wants. */
uint64_t client_hash(const struct client_table *table, const struct addr6 *prefix, uint8_t pool6);
size_t client_table_memory(const struct client_table *table);
bool client_table_check(const struct client_table *table);
