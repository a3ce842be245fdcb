/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record for each client that has dynamic bindings: how many, and how many sessions (L-1, L-2).
 *
 * A client is the IPv6 prefix of Limits.ClientPrefixLength (P-3), which is fixed when the table is
 * made. Static bindings and their sessions are the administrator's and count for nobody. The record
 * lives while the client has bindings; what only those need who have met a limit, whose rate is
 * limited, or who have more than CLIENT_FEW of something, is kept apart (struct client_quota), so
 * that a client costs little.
 *
 * Which limits there are, and what becomes of one who meets them, is quota.h's.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"
#include "daemon/core/token_bucket.h"

/* What a client can have of one kind and protocol without a quota record. */
#define CLIENT_FEW UINT8_MAX

/* Of a client with a quota record the two counts stand there: so does everybody's who has many. */
struct client {
	uint32_t next;  /* hash chain */
	uint32_t quota; /* of quotas; SLAB_NONE = none */
	uint8_t n_bindings[N_PROTOCOLS];
	uint8_t n_sessions[N_PROTOCOLS];
	uint8_t prefix[]; /* as many bytes as prefix_length needs */
};

struct client_quota {
	struct token_bucket rate[N_PROTOCOLS]; /* of new bindings */
	uint64_t n_refused; /* bindings and sessions, since the record is there */
	uint32_t n_bindings[N_PROTOCOLS];
	uint32_t n_sessions[N_PROTOCOLS];
	bool alarmed[N_PROTOCOLS]; /* has been near its limit of bindings (L-10) */
};

/* What there is to see of one. */
struct client_view {
	struct addr6 prefix;
	uint32_t n_bindings[N_PROTOCOLS];
	uint32_t n_sessions[N_PROTOCOLS];
};

struct client_table {
	struct slab clients;
	struct slab quotas;
	struct hash_index by_prefix;
	struct siphash_key key;
	uint8_t prefix_length;
};

void client_table_init(struct client_table *table, const struct siphash_key *key, uint32_t limit,
		       uint8_t prefix_length);
void client_table_deinit(struct client_table *table);

/* Of the client that an address belongs to. SLAB_NONE if there is none. */
uint32_t client_find(const struct client_table *table, const struct addr6 *addr);
/* Finds or makes; SLAB_NONE at the limit or without memory. A new one has no bindings. */
uint32_t client_get(struct client_table *table, const struct addr6 *addr);
void client_view(const struct client_table *table, uint32_t index, struct client_view *ret);
uint32_t client_n_bindings(const struct client_table *table, uint32_t index,
			   enum protocol protocol);
uint32_t client_n_sessions(const struct client_table *table, uint32_t index,
			   enum protocol protocol);

/* So that one more binding, or session, of any protocol can be counted. False without memory. */
bool client_reserve(struct client_table *table, uint32_t index);
void client_add_binding(struct client_table *table, uint32_t index, enum protocol protocol);
/* Its sessions have ended. Frees the record with the last binding. */
void client_remove_binding(struct client_table *table, uint32_t index, enum protocol protocol);
void client_add_session(struct client_table *table, uint32_t index, enum protocol protocol);
void client_remove_session(struct client_table *table, uint32_t index, enum protocol protocol);
/* Frees a record that got no binding after all. */
void client_drop_unused(struct client_table *table, uint32_t index);
/* For checks: adds to both counts, modulo what they can hold, whatever comes out of it. */
void client_shift(const struct client_table *table, uint32_t index, enum protocol protocol,
		  uint32_t n_bindings, uint32_t n_sessions);

/* NULL if the client has none, or (get) there is no memory. */
struct client_quota *client_quota(const struct client_table *table, uint32_t index);
struct client_quota *client_quota_get(struct client_table *table, uint32_t index);

/* Cursor over positions: the first client at or behind from, or SLAB_NONE. */
uint32_t client_next(const struct client_table *table, uint32_t from);
size_t client_table_memory(const struct client_table *table);
bool client_table_check(const struct client_table *table);
