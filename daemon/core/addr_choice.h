/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A choice among the addresses 0 .. n - 1 of an entry without those that have no free port, in
 * constant work at any fill level, with memory for the excluded ones only (P-21).
 *
 * Theory of operation. With m addresses excluded there are n - m places, 0 .. n - m - 1. Place p
 * holds address p, unless p is excluded: then the place is a hole and holds a substitute, an
 * address >= n - m that is not excluded. There are exactly as many holes as such addresses, so this
 * is a one-to-one map, and it needs a record for each excluded address and nothing else, however
 * many changes went before.
 *
 * One table serves all entries: a choice is told apart by its id. Two choices with the ids 2 i and
 * 2 i + 1 are a pair, its planes: what is excluded from one is usually excluded from the other too,
 * and so they share the records. Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#define ADDR_CHOICE_PLANES 2

/* Kept by the owner. Starts as {id, n, 0}. */
struct addr_choice {
	uint32_t id; /* unique in the table */
	uint32_t n;  /* addresses */
	uint32_t n_excluded;
};

struct addr_choice_table {
	struct slab excluded;
	struct hash_index by_address;
	struct hash_index by_substitute[ADDR_CHOICE_PLANES];
	uint32_t n_excluded; /* from all choices */
	struct siphash_key key;
};

void addr_choice_table_init(struct addr_choice_table *table, const struct siphash_key *key);
void addr_choice_table_deinit(struct addr_choice_table *table);

/* From which of a pair's choices the address is excluded: a bit for each. */
unsigned addr_choice_excluded(const struct addr_choice_table *table,
			      const struct addr_choice pair[ADDR_CHOICE_PLANES], uint32_t address);
bool addr_choice_is_excluded(const struct addr_choice_table *table,
			     const struct addr_choice *choice, uint32_t address);
/* The address is not excluded yet. False without memory; then nothing has changed. */
bool addr_choice_exclude(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address);
/* The address is excluded. Needs no memory. */
void addr_choice_include(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address);

/* Which address place holds; place < n - n_excluded. Each address that is not excluded has one. */
uint32_t addr_choice_at(const struct addr_choice_table *table, const struct addr_choice *choice,
			uint32_t place);

size_t addr_choice_table_memory(const struct addr_choice_table *table);
bool addr_choice_table_check(const struct addr_choice_table *table);
