/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_scope.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/minmax.h"
#include "daemon/core/pool4.h"

#define FIRST_CAPACITY 4

/* What glibc's tsearch() takes for a node. */
#define TREE_NODE_SIZE (4 * sizeof(void *))

/* Node i of a Fenwick tree holds the sum of the weights of the lowest_bit(i) slots up to i. */
struct pool4_scope_slot {
	uint64_t sum[N_PROTOCOLS][N_POOL4_WEIGHTS];
	union {
		struct pool4_entry *entry;
		uint32_t next_free;
	};
};

static uint32_t lowest_bit(uint32_t i)
{
	return i & -i;
}

static int compare_scopes(const void *a, const void *b)
{
	const struct pool4_scope *left = a, *right = b;

	if (left->clients.len != right->clients.len)
		return left->clients.len - right->clients.len;
	if (left->pool6 != right->pool6)
		return left->pool6 < right->pool6 ? -1 : 1;
	return memcmp(&left->clients.addr, &right->clients.addr, sizeof(left->clients.addr));
}

static struct pool4_scope *find(const struct pool4_scope_table *table,
				const struct prefix6 *clients, int pool6)
{
	struct pool4_scope key = {.clients = *clients, .pool6 = pool6};
	struct pool4_scope **found = tfind(&key, &table->root, compare_scopes);

	return found ? *found : NULL;
}

static void remove_scope(struct pool4_scope_table *table, struct pool4_scope *scope)
{
	(void)tdelete(scope, &table->root, compare_scopes);
	table->n_of_length[scope->clients.len]--;
	while (table->longest > 0 && table->n_of_length[table->longest] == 0)
		table->longest--;
	table->bytes -= sizeof(*scope) + TREE_NODE_SIZE + scope->capacity * sizeof(*scope->slot);
	free(scope->slot);
	free(scope);
}

static struct pool4_scope *get(struct pool4_scope_table *table, const struct prefix6 *clients,
			       int pool6)
{
	struct pool4_scope *scope = find(table, clients, pool6);

	if (scope)
		return scope;
	scope = calloc(1, sizeof(*scope));
	if (!scope)
		return NULL;
	scope->clients = *clients;
	scope->pool6 = pool6;
	if (!tsearch(scope, &table->root, compare_scopes)) {
		free(scope);
		return NULL;
	}
	table->n_of_length[clients->len]++;
	table->longest = max_u32(table->longest, clients->len);
	table->bytes += sizeof(*scope) + TREE_NODE_SIZE;
	return scope;
}

static bool reserve_slot(struct pool4_scope_table *table, struct pool4_scope *scope)
{
	uint32_t capacity = scope->capacity ? scope->capacity * 2 : FIRST_CAPACITY;
	struct pool4_scope_slot *slot;

	if (scope->first_free != 0 || scope->n_slots + 1 < scope->capacity)
		return true;
	slot = realloc(scope->slot, capacity * sizeof(*slot));
	if (!slot)
		return false;
	table->bytes += (capacity - scope->capacity) * sizeof(*slot);
	scope->slot = slot;
	scope->capacity = capacity;
	return true;
}

/* A new last slot: its node sums up slots that are there already. */
static uint32_t append_slot(struct pool4_scope *scope)
{
	uint32_t added = ++scope->n_slots;
	struct pool4_scope_slot *slot = &scope->slot[added];

	*slot = (struct pool4_scope_slot){.entry = NULL};
	for (uint32_t i = added - 1; i > added - lowest_bit(added); i -= lowest_bit(i)) {
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			for (unsigned k = 0; k < N_POOL4_WEIGHTS; k++)
				slot->sum[j][k] += scope->slot[i].sum[j][k];
		}
	}
	return added;
}

uint32_t pool4_scope_join(struct pool4_scope_table *table, const struct prefix6 *clients, int pool6,
			  struct pool4_entry *entry, struct pool4_scope **ret)
{
	struct pool4_scope *scope = get(table, clients, pool6);
	uint32_t slot;

	if (!scope)
		return 0;
	if (!reserve_slot(table, scope)) {
		if (scope->n_joined == 0)
			remove_scope(table, scope);
		return 0;
	}
	slot = scope->first_free;
	if (slot != 0)
		scope->first_free = scope->slot[slot].next_free;
	else
		slot = append_slot(scope);
	scope->slot[slot].entry = entry;
	scope->n_joined++;
	*ret = scope;
	return slot;
}

void pool4_scope_leave(struct pool4_scope_table *table, struct pool4_scope *scope, uint32_t slot)
{
	scope->slot[slot].next_free = scope->first_free;
	scope->first_free = slot;
	if (--scope->n_joined == 0)
		remove_scope(table, scope);
}

void pool4_scope_weigh(struct pool4_scope *scope, uint32_t slot, enum protocol protocol,
		       enum pool4_weight weight, uint64_t delta)
{
	scope->total[protocol][weight] += delta;
	for (uint32_t i = slot; i <= scope->n_slots; i += lowest_bit(i))
		scope->slot[i].sum[protocol][weight] += delta;
}

uint64_t pool4_scope_weight(const struct pool4_scope *scope, uint32_t slot, enum protocol protocol,
			    enum pool4_weight weight)
{
	uint64_t ret = scope->slot[slot].sum[protocol][weight];

	for (uint32_t i = slot - 1; i > slot - lowest_bit(slot); i -= lowest_bit(i))
		ret -= scope->slot[i].sum[protocol][weight];
	return ret;
}

struct pool4_entry *pool4_scope_pick(const struct pool4_scope *scope, enum protocol protocol,
				     enum pool4_weight weight, uint64_t position, uint32_t *ret)
{
	uint32_t before = 0; /* the slots up to here end at or before position */
	uint32_t step = UINT32_C(1) << (31 - __builtin_clz(scope->n_slots));

	assert(position < scope->total[protocol][weight]);
	for (; step > 0; step /= 2) {
		uint64_t sum;

		if (before + step > scope->n_slots)
			continue;
		sum = scope->slot[before + step].sum[protocol][weight];
		if (sum > position)
			continue;
		before += step;
		position -= sum;
	}
	*ret = (uint32_t)position;
	return scope->slot[before + 1].entry;
}

/* Appends the scopes of one prefix of clients that have entries for the protocol. */
static unsigned match_prefix(const struct pool4_scope_table *table, const struct prefix6 *clients,
			     int pool6, enum protocol protocol, struct pool4_scope **ret)
{
	const int pool6_or_any[] = {pool6, POOL4_ANY_PREFIX};
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct pool4_scope *scope = find(table, clients, pool6_or_any[i]);

		if (scope && scope->total[protocol][POOL4_WEIGHT_ALL] > 0)
			ret[n++] = scope;
		if (pool6 == POOL4_ANY_PREFIX)
			break;
	}
	return n;
}

unsigned pool4_scope_match(const struct pool4_scope_table *table, const struct addr6 *client,
			   int pool6, enum protocol protocol,
			   struct pool4_scope *ret[POOL4_SCOPES_MAX])
{
	const struct prefix6 everyone = {.len = 0};
	uint32_t n_overflow = 0;
	unsigned n = 0;

	for (unsigned len = table->longest; len > 0 && n == 0; len--) {
		struct prefix6 clients = {.len = (uint8_t)len};

		if (table->n_of_length[len] == 0)
			continue;
		clients.addr = addr6_mask(client, (uint8_t)len);
		n = match_prefix(table, &clients, pool6, protocol, ret);
	}
	for (unsigned i = 0; i < n; i++)
		n_overflow += ret[i]->n_overflow[protocol];
	if (n == 0 || n_overflow > 0)
		n += match_prefix(table, &everyone, pool6, protocol, ret + n);
	return n;
}

bool pool4_scope_has_closer(const struct pool4_scope_table *table, const struct addr6 *client,
			    int pool6, unsigned len, bool named)
{
	for (unsigned i = table->longest; i > len || (i == len && !named); i--) {
		const struct prefix6 clients = {.addr = addr6_mask(client, (uint8_t)i),
						.len = (uint8_t)i};

		if (table->n_of_length[i] > 0 &&
		    ((pool6 != POOL4_ANY_PREFIX && find(table, &clients, pool6)) ||
		     (i > len && find(table, &clients, POOL4_ANY_PREFIX))))
			return true;
		if (i == 0)
			break;
	}
	return false;
}

bool pool4_scope_check(const struct pool4_scope *scope)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		for (unsigned j = 0; j < N_POOL4_WEIGHTS; j++) {
			uint64_t total = 0;

			for (uint32_t slot = 1; slot <= scope->n_slots; slot++)
				total += pool4_scope_weight(scope, slot, i, j);
			if (total != scope->total[i][j])
				return false;
		}
		if (scope->total[i][POOL4_WEIGHT_FREE] > scope->total[i][POOL4_WEIGHT_UNUSED] ||
		    scope->total[i][POOL4_WEIGHT_UNUSED] > scope->total[i][POOL4_WEIGHT_ALL])
			return false;
	}
	return scope->n_joined > 0;
}

bool pool4_scope_table_check(const struct pool4_scope_table *table)
{
	unsigned longest = 128;

	while (longest > 0 && table->n_of_length[longest] == 0)
		longest--;
	return table->longest == longest;
}
