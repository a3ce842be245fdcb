/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom the entries of pool4 serve: a scope is a prefix of clients (::/0 for entries without
 * Clients=) and a Pool6 prefix or any, with the entries that are for just that.
 *
 * A choice among the entries of a scope is weighted by their addresses, so that each address has
 * the same chance however the pool is cut into entries. The weights are kept in a Fenwick tree:
 * changing one, and finding the entry at a position in the sum of all, take O(log n). There are
 * three weights for each protocol: of all addresses, because a client should come back to the same
 * one while others fill up (P-5); of those with free ports; and of those with ports that are not in
 * use, which are held at worst, for the last choice (P-14).
 *
 * Lock: as pool4.h.
 */
#pragma once

#include <stddef.h>

#include "daemon/core/addr.h"

struct pool4_entry;

enum pool4_weight {
	POOL4_WEIGHT_FREE,   /* of addresses with a port that is neither in use nor held */
	POOL4_WEIGHT_UNUSED, /* of addresses with a port that is not in use */
	POOL4_WEIGHT_ALL,
	N_POOL4_WEIGHTS,
};
/* An entry knows for each of the first ones which addresses do not count. */
#define N_POOL4_CHOICES POOL4_WEIGHT_ALL

struct pool4_scope_slot; /* an entry, and its node of the tree */

struct pool4_scope {
	struct prefix6 clients;
	int pool6;                        /* or POOL4_ANY_PREFIX */
	uint32_t n_overflow[N_PROTOCOLS]; /* active entries with Overflow=yes */
	uint64_t total[N_PROTOCOLS][N_POOL4_WEIGHTS];
	uint64_t n_ports[N_PROTOCOLS]; /* of those; what several share counts for each */
	struct pool4_scope_slot *slot; /* [0] is not used */
	uint32_t n_slots;
	uint32_t capacity;
	uint32_t first_free; /* list of left slots, 0 = none */
	uint32_t n_joined;
};

struct pool4_scope_table {
	void *root; /* tsearch(3) by prefix and pool6 */
	uint32_t n_of_length[129];
	unsigned longest; /* of the lengths that there are; 0 without any */
	size_t bytes;
};

/* Enters an entry, without weight, into the scope, which is made if need be. The slot (> 0) and
 * *ret, or 0 without memory. */
uint32_t pool4_scope_join(struct pool4_scope_table *table, const struct prefix6 *clients, int pool6,
			  struct pool4_entry *entry, struct pool4_scope **ret);
/* The entry has no weight any more. Frees the scope with its last entry. */
void pool4_scope_leave(struct pool4_scope_table *table, struct pool4_scope *scope, uint32_t slot);

/* delta may be negative, in two's complement. */
void pool4_scope_weigh(struct pool4_scope *scope, uint32_t slot, enum protocol protocol,
		       enum pool4_weight weight, uint64_t delta);
uint64_t pool4_scope_weight(const struct pool4_scope *scope, uint32_t slot, enum protocol protocol,
			    enum pool4_weight weight);

/* The entry at a position < total, and the position in it. */
struct pool4_entry *pool4_scope_pick(const struct pool4_scope *scope, enum protocol protocol,
				     enum pool4_weight weight, uint64_t position, uint32_t *ret);

/*
 * The scopes that a client may use for this protocol and Pool6 prefix, in the order of trying;
 * returns how many. Those with the longest matching prefix of clients come first, and the general
 * ones follow only if there are none of those or one of their entries has Overflow=yes. Of one
 * prefix of clients, the scope that names the Pool6 prefix comes before the one for any: the prefix
 * chooses the exit.
 */
#define POOL4_SCOPES_MAX 4
unsigned pool4_scope_match(const struct pool4_scope_table *table, const struct addr6 *client,
			   int pool6, enum protocol protocol,
			   struct pool4_scope *ret[POOL4_SCOPES_MAX]);

/* Is there one of a longer prefix of clients that this client is in, for this Pool6 prefix or for
 * any; or, unless the one that is asked about is such, one of this length that names the Pool6
 * prefix? Whether its entries are in use does not count. */
bool pool4_scope_has_closer(const struct pool4_scope_table *table, const struct addr6 *client,
			    int pool6, unsigned len, bool named);

bool pool4_scope_check(const struct pool4_scope *scope);
bool pool4_scope_table_check(const struct pool4_scope_table *table);
