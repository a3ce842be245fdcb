/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prefixes of clients whose traffic the administrator has stopped, for some time or until it is
 * allowed again. Blocks of ports are another thing: pool4_block.h.
 *
 * A block is for a prefix of any length: one host, one client, or many. What its hosts send, and
 * what is sent to them, is dropped, established sessions included; bindings and sessions are not
 * touched, so they end in their own time, and traffic goes on if the block ends before. A look-up
 * asks once for each length that some block has, and costs nothing while there is none.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

#define BLOCKLIST_MAX     4096
#define BLOCKLIST_FOREVER UINT64_MAX

struct blocklist_entry {
	struct prefix6 prefix;
	uint32_t next; /* hash chain */
	uint64_t until_ms;
};

struct blocklist {
	struct slab entries;
	struct hash_index by_prefix;
	struct siphash_key key;
	uint32_t n_of_length[129];
	uint64_t next_ms; /* no block ends before */
};

void blocklist_init(struct blocklist *list, const struct siphash_key *key);
void blocklist_deinit(struct blocklist *list);

/* SLAB_NONE if there is no block of just this prefix. */
uint32_t blocklist_find(const struct blocklist *list, const struct prefix6 *prefix);
struct blocklist_entry *blocklist_at(const struct blocklist *list, uint32_t index);
/* Blocks the prefix, which has no host bits, until then; one that is blocked gets the new end.
 * False at the limit or without memory. */
bool blocklist_add(struct blocklist *list, const struct prefix6 *prefix, uint64_t until_ms);
void blocklist_remove(struct blocklist *list, uint32_t index);

/* Does some block cover the address? Every packet asks. */
bool blocklist_covers_some(const struct blocklist *list, const struct addr6 *addr);
static inline bool blocklist_covers(const struct blocklist *list, const struct addr6 *addr)
{
	return list->entries.n_used > 0 && blocklist_covers_some(list, addr);
}

/* The longest prefix whose block covers the address. False if there is none. */
bool blocklist_find_cover(const struct blocklist *list, const struct addr6 *addr,
			  struct prefix6 *ret);

/* Ends those whose time is over. */
void blocklist_expire(struct blocklist *list, uint64_t now_ms);
/* UINT64_MAX if there is nothing to end. */
uint64_t blocklist_next_deadline(const struct blocklist *list);

/* Cursor over positions: the first block at or behind from, or SLAB_NONE. */
uint32_t blocklist_next(const struct blocklist *list, uint32_t from);
size_t blocklist_memory(const struct blocklist *list);
bool blocklist_check(const struct blocklist *list);
