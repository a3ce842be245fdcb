/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/addr_choice.h"

/* A place that is no hole any more is its own substitute, so that a record always stands in both
 * indexes and addr_choice_include() never needs memory. */
struct excluded {
	uint32_t choice;
	uint32_t address;
	uint32_t substitute;
	uint32_t next_by_address;
	uint32_t next_by_substitute;
};

static uint64_t hash(const struct addr_choice_table *table, uint32_t choice, uint32_t address)
{
	uint32_t data[2] = {choice, address};

	return siphash(&table->key, data, sizeof(data));
}

static uint64_t hash_by_address(const void *context, const void *entry)
{
	const struct excluded *excluded = entry;

	return hash(context, excluded->choice, excluded->address);
}

static uint64_t hash_by_substitute(const void *context, const void *entry)
{
	const struct excluded *excluded = entry;

	return hash(context, excluded->choice, excluded->substitute);
}

void addr_choice_table_init(struct addr_choice_table *table, const struct siphash_key *key)
{
	table->key = *key;
	slab_init(&table->excluded, sizeof(struct excluded), SLAB_NONE / 2);
	hash_index_init(&table->by_address, &table->excluded,
			offsetof(struct excluded, next_by_address), hash_by_address, table);
	hash_index_init(&table->by_substitute, &table->excluded,
			offsetof(struct excluded, next_by_substitute), hash_by_substitute, table);
}

void addr_choice_table_deinit(struct addr_choice_table *table)
{
	hash_index_deinit(&table->by_address);
	hash_index_deinit(&table->by_substitute);
	slab_deinit(&table->excluded);
}

static struct excluded *excluded_at(const struct addr_choice_table *table, uint32_t index)
{
	return slab_at(&table->excluded, index);
}

static uint32_t find_by_address(const struct addr_choice_table *table, uint32_t choice,
				uint32_t address)
{
	uint32_t i = hash_index_first(&table->by_address, hash(table, choice, address));

	while (i != SLAB_NONE && (excluded_at(table, i)->choice != choice ||
				  excluded_at(table, i)->address != address))
		i = excluded_at(table, i)->next_by_address;
	return i;
}

static uint32_t find_by_substitute(const struct addr_choice_table *table, uint32_t choice,
				   uint32_t substitute)
{
	uint32_t i = hash_index_first(&table->by_substitute, hash(table, choice, substitute));

	while (i != SLAB_NONE && (excluded_at(table, i)->choice != choice ||
				  excluded_at(table, i)->substitute != substitute))
		i = excluded_at(table, i)->next_by_substitute;
	return i;
}

/* Never fails: the bucket that the removal gave up is still there for the addition. */
static void set_substitute(struct addr_choice_table *table, uint32_t index, uint32_t substitute)
{
	struct excluded *excluded = excluded_at(table, index);
	bool added;

	hash_index_remove(&table->by_substitute, index,
			  hash(table, excluded->choice, excluded->substitute));
	excluded->substitute = substitute;
	added = hash_index_add(&table->by_substitute, index,
			       hash(table, excluded->choice, substitute));
	assert(added);
	(void)added;
}

bool addr_choice_is_excluded(const struct addr_choice_table *table,
			     const struct addr_choice *choice, uint32_t address)
{
	return choice->n_excluded > 0 && find_by_address(table, choice->id, address) != SLAB_NONE;
}

uint32_t addr_choice_at(const struct addr_choice_table *table, const struct addr_choice *choice,
			uint32_t place)
{
	uint32_t hole;

	assert(place < choice->n - choice->n_excluded);
	if (choice->n_excluded == 0)
		return place;
	hole = find_by_address(table, choice->id, place);
	return hole == SLAB_NONE ? place : excluded_at(table, hole)->substitute;
}

/* A new record for address, its own substitute; SLAB_NONE without memory. */
static uint32_t add_record(struct addr_choice_table *table, uint32_t choice, uint32_t address)
{
	uint32_t index = slab_alloc(&table->excluded);

	if (index == SLAB_NONE)
		return SLAB_NONE;
	excluded_at(table, index)->choice = choice;
	excluded_at(table, index)->address = address;
	excluded_at(table, index)->substitute = address;
	if (!hash_index_add(&table->by_address, index, hash(table, choice, address)))
		goto no_memory;
	if (!hash_index_add(&table->by_substitute, index, hash(table, choice, address))) {
		hash_index_remove(&table->by_address, index, hash(table, choice, address));
		goto no_memory;
	}
	return index;
no_memory:
	slab_free(&table->excluded, index);
	return SLAB_NONE;
}

bool addr_choice_exclude(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address)
{
	uint32_t last_place = choice->n - choice->n_excluded - 1;
	uint32_t last = addr_choice_at(table, choice, last_place);
	uint32_t hole, index;

	/* Where the address is now: at its own place, or in for the one of a hole. */
	hole = address <= last_place ? SLAB_NONE : find_by_substitute(table, choice->id, address);
	index = add_record(table, choice->id, address);
	if (index == SLAB_NONE)
		return false;
	choice->n_excluded++;

	/* The last place goes, and what it held fills the place of the address. */
	if (last != last_place)
		set_substitute(table, find_by_address(table, choice->id, last_place), last_place);
	if (last != address)
		set_substitute(table, hole == SLAB_NONE ? index : hole, last);
	return true;
}

void addr_choice_include(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address)
{
	uint32_t index = find_by_address(table, choice->id, address);
	uint32_t new_place = choice->n - choice->n_excluded;
	uint32_t homeless, hole;

	assert(index != SLAB_NONE);

	/* Its substitute has to leave a hole; an address behind all places has none. */
	homeless = excluded_at(table, index)->substitute;
	hash_index_remove(&table->by_address, index, hash(table, choice->id, address));
	hash_index_remove(&table->by_substitute, index, hash(table, choice->id, homeless));
	slab_free(&table->excluded, index);
	choice->n_excluded--;
	if (homeless == new_place)
		return;

	/* The new place is a hole, or its own address comes home and leaves another hole. */
	hole = find_by_address(table, choice->id, new_place);
	if (hole == SLAB_NONE)
		hole = find_by_substitute(table, choice->id, new_place);
	set_substitute(table, hole, homeless);
}

size_t addr_choice_table_memory(const struct addr_choice_table *table)
{
	return slab_memory(&table->excluded) + hash_index_memory(&table->by_address) +
	       hash_index_memory(&table->by_substitute);
}

bool addr_choice_table_check(const struct addr_choice_table *table)
{
	if (!slab_check(&table->excluded) || !hash_index_check(&table->by_address) ||
	    !hash_index_check(&table->by_substitute))
		return false;
	for (uint32_t i = slab_next(&table->excluded, 0); i != SLAB_NONE;
	     i = slab_next(&table->excluded, i + 1)) {
		const struct excluded *excluded = excluded_at(table, i);

		if (find_by_address(table, excluded->choice, excluded->address) != i ||
		    find_by_substitute(table, excluded->choice, excluded->substitute) != i)
			return false;
		/* A substitute is not excluded itself. */
		if (excluded->substitute != excluded->address &&
		    find_by_address(table, excluded->choice, excluded->substitute) != SLAB_NONE)
			return false;
	}
	return true;
}
