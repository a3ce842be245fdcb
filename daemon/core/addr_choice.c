/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/addr_choice.h"

#define N_PLANES ADDR_CHOICE_PLANES

/* A place that is no hole any more is its own substitute, so that a record always stands in the
 * indexes of its planes and addr_choice_include() never needs memory. */
struct excluded {
	uint32_t pair;
	uint32_t address;
	uint32_t substitute[N_PLANES];
	uint32_t next_by_address;
	uint32_t next_by_substitute[N_PLANES];
	uint32_t planes; /* bit of each from which the address is excluded; never none */
};

static uint32_t pair_of(const struct addr_choice *choice)
{
	return choice->id / N_PLANES;
}

static unsigned plane_of(const struct addr_choice *choice)
{
	return choice->id % N_PLANES;
}

/* One multiplication with a secret: which addresses fill up is not for others to choose, so this
 * need not stand up to somebody who looks for collisions, and it is asked a dozen times where an
 * address becomes full. */
static uint64_t hash(const struct addr_choice_table *table, uint32_t pair, uint32_t address)
{
	uint64_t product = (((uint64_t)pair << 32 | address) ^ table->key.k[0]) *
			   ((table->key.k[1] ^ UINT64_C(0x9e3779b97f4a7c15)) | 1);

	return product ^ product >> 32;
}

static uint64_t hash_by_address(const void *context, const void *entry)
{
	const struct excluded *excluded = entry;

	return hash(context, excluded->pair, excluded->address);
}

static uint64_t hash_by_substitute_0(const void *context, const void *entry)
{
	const struct excluded *excluded = entry;

	return hash(context, excluded->pair, excluded->substitute[0]);
}

static uint64_t hash_by_substitute_1(const void *context, const void *entry)
{
	const struct excluded *excluded = entry;

	return hash(context, excluded->pair, excluded->substitute[1]);
}

void addr_choice_table_init(struct addr_choice_table *table, const struct siphash_key *key)
{
	static const hash_index_fn by_substitute[N_PLANES] = {hash_by_substitute_0,
							      hash_by_substitute_1};

	table->key = *key;
	table->n_excluded = 0;
	slab_init(&table->excluded, sizeof(struct excluded), SLAB_LIMIT_MAX);
	hash_index_init(&table->by_address, &table->excluded,
			offsetof(struct excluded, next_by_address), hash_by_address, table);
	for (unsigned i = 0; i < N_PLANES; i++)
		hash_index_init(&table->by_substitute[i], &table->excluded,
				offsetof(struct excluded, next_by_substitute) +
					i * sizeof(uint32_t),
				by_substitute[i], table);
}

void addr_choice_table_deinit(struct addr_choice_table *table)
{
	hash_index_deinit(&table->by_address);
	for (unsigned i = 0; i < N_PLANES; i++)
		hash_index_deinit(&table->by_substitute[i]);
	slab_deinit(&table->excluded);
}

static struct excluded *excluded_at(const struct addr_choice_table *table, uint32_t index)
{
	return slab_at(&table->excluded, index);
}

/* The record of an address, from whatever plane it is excluded. */
static uint32_t find_record(const struct addr_choice_table *table, const struct addr_choice *choice,
			    uint32_t address)
{
	uint32_t pair = pair_of(choice);
	uint32_t i = hash_index_first(&table->by_address, hash(table, pair, address));

	while (i != SLAB_NONE &&
	       (excluded_at(table, i)->pair != pair || excluded_at(table, i)->address != address))
		i = excluded_at(table, i)->next_by_address;
	return i;
}

static bool has_plane(const struct addr_choice_table *table, uint32_t index, unsigned plane)
{
	return index != SLAB_NONE && excluded_at(table, index)->planes >> plane & 1;
}

/* The same, if it is excluded from this choice. */
static uint32_t find_by_address(const struct addr_choice_table *table,
				const struct addr_choice *choice, uint32_t address)
{
	uint32_t index = find_record(table, choice, address);

	return has_plane(table, index, plane_of(choice)) ? index : SLAB_NONE;
}

static uint32_t find_by_substitute(const struct addr_choice_table *table,
				   const struct addr_choice *choice, uint32_t substitute)
{
	uint32_t pair = pair_of(choice);
	unsigned plane = plane_of(choice);
	uint32_t i = hash_index_first(&table->by_substitute[plane], hash(table, pair, substitute));

	while (i != SLAB_NONE && (excluded_at(table, i)->pair != pair ||
				  excluded_at(table, i)->substitute[plane] != substitute))
		i = excluded_at(table, i)->next_by_substitute[plane];
	return i;
}

static void set_substitute(struct addr_choice_table *table, uint32_t index, unsigned plane,
			   uint32_t substitute)
{
	struct excluded *excluded = excluded_at(table, index);

	hash_index_move(&table->by_substitute[plane], index,
			hash(table, excluded->pair, excluded->substitute[plane]),
			hash(table, excluded->pair, substitute));
	excluded->substitute[plane] = substitute;
}

unsigned addr_choice_excluded(const struct addr_choice_table *table,
			      const struct addr_choice pair[ADDR_CHOICE_PLANES], uint32_t address)
{
	uint32_t index = SLAB_NONE;

	if (pair[0].n_excluded > 0 || pair[1].n_excluded > 0)
		index = find_record(table, &pair[0], address);
	return index == SLAB_NONE ? 0 : excluded_at(table, index)->planes;
}

bool addr_choice_is_excluded(const struct addr_choice_table *table,
			     const struct addr_choice *choice, uint32_t address)
{
	return choice->n_excluded > 0 && find_by_address(table, choice, address) != SLAB_NONE;
}

uint32_t addr_choice_at(const struct addr_choice_table *table, const struct addr_choice *choice,
			uint32_t place)
{
	uint32_t hole;

	assert(place < choice->n - choice->n_excluded);
	if (choice->n_excluded == 0)
		return place;
	hole = find_by_address(table, choice, place);
	return hole == SLAB_NONE ? place : excluded_at(table, hole)->substitute[plane_of(choice)];
}

/* A new record for address, of no plane; SLAB_NONE without memory. */
static uint32_t add_record(struct addr_choice_table *table, uint32_t pair, uint32_t address)
{
	uint32_t index = slab_alloc(&table->excluded);

	if (index == SLAB_NONE)
		return SLAB_NONE;
	excluded_at(table, index)->pair = pair;
	excluded_at(table, index)->address = address;
	if (!hash_index_add(&table->by_address, index, hash(table, pair, address))) {
		slab_free(&table->excluded, index);
		return SLAB_NONE;
	}
	return index;
}

static void drop_if_unused(struct addr_choice_table *table, uint32_t index)
{
	const struct excluded *excluded = excluded_at(table, index);

	if (excluded->planes != 0)
		return;
	hash_index_remove(&table->by_address, index,
			  hash(table, excluded->pair, excluded->address));
	slab_free(&table->excluded, index);
}

/* The record of the address, now with this plane, its own substitute; SLAB_NONE without memory. */
static uint32_t add_plane(struct addr_choice_table *table, const struct addr_choice *choice,
			  uint32_t address)
{
	uint32_t index = find_record(table, choice, address);
	unsigned plane = plane_of(choice);

	if (index == SLAB_NONE)
		index = add_record(table, pair_of(choice), address);
	if (index == SLAB_NONE)
		return SLAB_NONE;
	assert(!has_plane(table, index, plane));
	excluded_at(table, index)->substitute[plane] = address;
	if (!hash_index_add(&table->by_substitute[plane], index,
			    hash(table, pair_of(choice), address))) {
		drop_if_unused(table, index);
		return SLAB_NONE;
	}
	excluded_at(table, index)->planes |= 1u << plane;
	return index;
}

bool addr_choice_exclude(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address)
{
	unsigned plane = plane_of(choice);
	uint32_t last_place = choice->n - choice->n_excluded - 1;
	uint32_t last_hole = find_by_address(table, choice, last_place);
	uint32_t last = last_hole == SLAB_NONE ? last_place
					       : excluded_at(table, last_hole)->substitute[plane];
	uint32_t hole, index;

	/* Where the address is now: at its own place, or in for the one of a hole. */
	hole = address <= last_place ? SLAB_NONE : find_by_substitute(table, choice, address);
	index = add_plane(table, choice, address);
	if (index == SLAB_NONE)
		return false;
	choice->n_excluded++;
	table->n_excluded++;

	/* The last place goes, and what it held fills the place of the address. */
	if (last != last_place)
		set_substitute(table, last_hole, plane, last_place);
	if (last != address)
		set_substitute(table, hole == SLAB_NONE ? index : hole, plane, last);
	return true;
}

void addr_choice_include(struct addr_choice_table *table, struct addr_choice *choice,
			 uint32_t address)
{
	unsigned plane = plane_of(choice);
	uint32_t index = find_by_address(table, choice, address);
	uint32_t new_place = choice->n - choice->n_excluded;
	uint32_t homeless, hole;

	assert(index != SLAB_NONE);

	/* Its substitute has to leave a hole; an address behind all places has none. */
	homeless = excluded_at(table, index)->substitute[plane];
	hash_index_remove(&table->by_substitute[plane], index,
			  hash(table, pair_of(choice), homeless));
	excluded_at(table, index)->planes &= ~(1u << plane);
	drop_if_unused(table, index);
	choice->n_excluded--;
	table->n_excluded--;
	if (homeless == new_place)
		return;

	/* The new place is a hole, or its own address comes home and leaves another hole. */
	hole = find_by_address(table, choice, new_place);
	if (hole == SLAB_NONE)
		hole = find_by_substitute(table, choice, new_place);
	set_substitute(table, hole, plane, homeless);
}

size_t addr_choice_table_memory(const struct addr_choice_table *table)
{
	size_t bytes = slab_memory(&table->excluded) + hash_index_memory(&table->by_address);

	for (unsigned i = 0; i < N_PLANES; i++)
		bytes += hash_index_memory(&table->by_substitute[i]);
	return bytes;
}

/* The record stands in the index of a plane that it has, and its substitute is not excluded. */
static bool check_plane(const struct addr_choice_table *table, uint32_t index, unsigned plane)
{
	const struct excluded *excluded = excluded_at(table, index);
	const struct addr_choice choice = {.id = excluded->pair * N_PLANES + plane};
	uint32_t substitute = excluded->substitute[plane];

	if (!has_plane(table, index, plane))
		return true;
	return find_by_substitute(table, &choice, substitute) == index &&
	       (substitute == excluded->address ||
		find_by_address(table, &choice, substitute) == SLAB_NONE);
}

bool addr_choice_table_check(const struct addr_choice_table *table)
{
	uint32_t n_excluded = 0;

	if (!slab_check(&table->excluded) || !hash_index_check(&table->by_address))
		return false;
	for (unsigned i = 0; i < N_PLANES; i++) {
		if (!hash_index_check(&table->by_substitute[i]))
			return false;
	}
	for (uint32_t i = slab_next(&table->excluded, 0); i != SLAB_NONE;
	     i = slab_next(&table->excluded, i + 1)) {
		const struct excluded *excluded = excluded_at(table, i);
		const struct addr_choice choice = {.id = excluded->pair * N_PLANES};

		if (excluded->planes == 0 || find_record(table, &choice, excluded->address) != i ||
		    !check_plane(table, i, 0) || !check_plane(table, i, 1))
			return false;
		n_excluded += (uint32_t)__builtin_popcount(excluded->planes);
	}
	return n_excluded == table->n_excluded;
}
