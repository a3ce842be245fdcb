/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bib.h. Two hash indices over one slab, by (X',x) and by (T,t).
 *
 * hash_index asks bib.c for an entry's hash whenever it splits a bucket, so an entry's addresses
 * never change while it stands in the indices.
 */
#include "daemon/core/bib.h"

static_assert(sizeof(struct bib_entry) <= 56, "128 bytes for a binding with one session");

static uint64_t hash6(const struct bib *bib, const struct addr6 *addr, uint16_t port)
{
	uint8_t key[sizeof(addr->byte) + sizeof(port)];

	memcpy(key, addr->byte, sizeof(addr->byte));
	memcpy(key + sizeof(addr->byte), &port, sizeof(port));
	return siphash(&bib->key, key, sizeof(key));
}

static uint64_t hash4(const struct bib *bib, uint32_t addr, uint16_t port)
{
	uint8_t key[sizeof(addr) + sizeof(port)];

	memcpy(key, &addr, sizeof(addr));
	memcpy(key + sizeof(addr), &port, sizeof(port));
	return siphash(&bib->key, key, sizeof(key));
}

static uint64_t hash6_of(const void *context, const void *entry)
{
	const struct bib_entry *e = entry;

	return hash6(context, &e->addr6, e->port6);
}

static uint64_t hash4_of(const void *context, const void *entry)
{
	const struct bib_entry *e = entry;

	return hash4(context, e->addr4, e->port4);
}

void bib_init(struct bib *bib, const struct siphash_key *key, uint32_t limit)
{
	*bib = (struct bib){.key = *key};
	slab_init(&bib->entries, sizeof(struct bib_entry), limit);
	hash_index_init(&bib->by6, &bib->entries, offsetof(struct bib_entry, next6), hash6_of, bib);
	hash_index_init(&bib->by4, &bib->entries, offsetof(struct bib_entry, next4), hash4_of, bib);
}

void bib_deinit(struct bib *bib)
{
	if (bib == NULL)
		return;
	hash_index_deinit(&bib->by6);
	hash_index_deinit(&bib->by4);
	slab_deinit(&bib->entries);
	dirty_deinit(&bib->dirty);
}

static uint32_t find6(const struct bib *bib, const struct taddr6 *taddr6, uint64_t hash)
{
	uint32_t index = hash_index_first(&bib->by6, hash);

	while (index != SLAB_NONE) {
		const struct bib_entry *entry = bib_at(bib, index);

		if (entry->port6 == taddr6->port && addr6_equal(&entry->addr6, &taddr6->addr))
			break;
		index = entry->next6;
	}
	return index;
}

static uint32_t find4(const struct bib *bib, const struct taddr4 *taddr4, uint64_t hash)
{
	uint32_t index = hash_index_first(&bib->by4, hash);

	while (index != SLAB_NONE) {
		const struct bib_entry *entry = bib_at(bib, index);

		if (entry->port4 == taddr4->port && entry->addr4 == taddr4->addr)
			break;
		index = entry->next4;
	}
	return index;
}

uint64_t bib_hash6(const struct bib *bib, const struct taddr6 *taddr6)
{
	return hash6(bib, &taddr6->addr, taddr6->port);
}

uint64_t bib_hash4(const struct bib *bib, const struct taddr4 *taddr4)
{
	return hash4(bib, taddr4->addr, taddr4->port);
}

uint32_t bib_find6(const struct bib *bib, const struct taddr6 *taddr6)
{
	return find6(bib, taddr6, hash6(bib, &taddr6->addr, taddr6->port));
}

uint32_t bib_find4(const struct bib *bib, const struct taddr4 *taddr4)
{
	return find4(bib, taddr4, hash4(bib, taddr4->addr, taddr4->port));
}

struct bib_key bib_key(const struct bib *bib, const struct taddr6 *taddr6,
		       const struct taddr4 *taddr4)
{
	return (struct bib_key){
		.taddr6 = *taddr6,
		.taddr4 = *taddr4,
		.hash6 = hash6(bib, &taddr6->addr, taddr6->port),
		.hash4 = hash4(bib, taddr4->addr, taddr4->port),
	};
}

bool bib_is_bound(const struct bib *bib, const struct bib_key *key)
{
	return find6(bib, &key->taddr6, key->hash6) != SLAB_NONE ||
	       find4(bib, &key->taddr4, key->hash4) != SLAB_NONE;
}

/* Fills the entry and files it; false without memory, and then it is free again. */
static bool fill(struct bib *bib, uint32_t index, const struct bib_key *key)
{
	struct bib_entry *entry = bib_at(bib, index);

	*entry = (struct bib_entry){
		.addr6 = key->taddr6.addr,
		.port6 = key->taddr6.port,
		.addr4 = key->taddr4.addr,
		.port4 = key->taddr4.port,
		.first_session = SLAB_NONE,
		.pairing = SLAB_NONE,
		.number = (uint16_t)(bib->last_number + 1),
	};
	if (!dirty_reserve(&bib->dirty, index))
		goto free_entry;
	if (!hash_index_add(&bib->by6, index, key->hash6))
		goto free_entry;
	if (!hash_index_add(&bib->by4, index, key->hash4))
		goto remove6;
	bib->last_number = entry->number;
	dirty_mark(&bib->dirty, index);
	return true;

remove6:
	hash_index_remove(&bib->by6, index, key->hash6);
free_entry:
	slab_free(&bib->entries, index);
	return false;
}

uint32_t bib_add(struct bib *bib, const struct taddr6 *taddr6, const struct taddr4 *taddr4)
{
	const struct bib_key key = bib_key(bib, taddr6, taddr4);

	return bib_is_bound(bib, &key) ? SLAB_NONE : bib_add_unbound(bib, &key);
}

uint32_t bib_add_unbound(struct bib *bib, const struct bib_key *key)
{
	uint32_t index = slab_alloc(&bib->entries);

#ifdef __SANITIZE_ADDRESS__
	assert(!bib_is_bound(bib, key));
#endif
	return index != SLAB_NONE && fill(bib, index, key) ? index : SLAB_NONE;
}

bool bib_add_at(struct bib *bib, uint32_t index, const struct bib_key *key)
{
	return slab_alloc_at(&bib->entries, index) && fill(bib, index, key);
}

void bib_reserve(struct bib *bib, uint32_t n)
{
	hash_index_reserve(&bib->by6, n);
	hash_index_reserve(&bib->by4, n);
}

void bib_trim(struct bib *bib)
{
	hash_index_trim(&bib->by6);
	hash_index_trim(&bib->by4);
}

void bib_remove(struct bib *bib, uint32_t index)
{
	struct bib_entry *entry = bib_at(bib, index);

	assert(entry->n_sessions == 0 && entry->first_session == SLAB_NONE);

	hash_index_remove(&bib->by6, index, hash6_of(bib, entry));
	hash_index_remove(&bib->by4, index, hash4_of(bib, entry));
	slab_free(&bib->entries, index);
	dirty_gone(&bib->dirty, index);
}

uint32_t bib_next(const struct bib *bib, uint32_t from)
{
	return slab_next(&bib->entries, from);
}

size_t bib_memory(const struct bib *bib)
{
	return slab_memory(&bib->entries) + hash_index_memory(&bib->by6) +
	       hash_index_memory(&bib->by4) + dirty_memory(&bib->dirty);
}

bool bib_check(const struct bib *bib)
{
	uint32_t index;

	if (!slab_check(&bib->entries) || !hash_index_check(&bib->by6) ||
	    !hash_index_check(&bib->by4) || !dirty_check(&bib->dirty))
		return false;
	if (bib->by6.n_entries != bib->entries.n_used || bib->by4.n_entries != bib->entries.n_used)
		return false;
	for (index = bib_next(bib, 0); index != SLAB_NONE; index = bib_next(bib, index + 1)) {
		const struct bib_entry *entry = bib_at(bib, index);
		struct taddr6 taddr6 = bib_entry_taddr6(entry);
		struct taddr4 taddr4 = bib_entry_taddr4(entry);

		/* S-2: another entry with the same address would be found for one of them. */
		if (bib_find6(bib, &taddr6) != index || bib_find4(bib, &taddr4) != index)
			return false;
		if ((entry->n_sessions == 0) != (entry->first_session == SLAB_NONE))
			return false;
	}
	return true;
}
