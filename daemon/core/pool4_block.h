/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of ports (P-19; RFC 6888, REQ-14; RFC 7422, 2): which client has which, and how many ports
 * of it are in use. A part of pool4.c and its neighbours.
 *
 * Theory of operation. A block is the ports k size .. k size + size - 1 of an address, for all
 * protocols. Which blocks are free, whom an entry's may serve, which address a client meets, what
 * is held and what is the last choice: all that is for blocks as it is for ports. So it is another
 * pool4 that says so, with the same entries under the same ids, whose "ports" are the numbers k of
 * the blocks that lie wholly in the ports of the entry. What is known of a block beyond that stands
 * here. A client's blocks that have room are a list for each protocol, so that a new binding looks
 * at one of them, however many there are.
 *
 * A block counts every port in it that is in use, static bindings' too, and goes back with the
 * last. A block that nobody has, but in which these have all ports of some protocol, is closed: it
 * has a record without an owner, and is not free.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/hash_index.h"
#include "daemon/core/pool4.h"

struct pool4_block_link {
	uint32_t before; /* SLAB_NONE at the ends */
	uint32_t behind;
};

struct pool4_block {
	uint32_t addr;
	uint32_t number; /* first port / size */
	uint32_t id;     /* of the entry */
	uint32_t owner;  /* SLAB_NONE: it is closed */
	uint32_t next;   /* hash chain */
	uint32_t n_used[N_PROTOCOLS];
	struct pool4_block_link link[N_PROTOCOLS]; /* if n_used < size */
	struct prefix6 client;
};

/* A client with blocks. */
struct pool4_block_owner {
	uint64_t client_hash;
	uint32_t first[N_PROTOCOLS]; /* lists of blocks with room */
	uint32_t n_blocks;
	uint32_t next; /* hash chain */
};

struct pool4_blocks {
	struct pool4 *free; /* says which blocks are */
	uint32_t size;
	uint8_t client_length;
	struct slab blocks;
	struct slab owners;
	struct hash_index by_place;
	struct hash_index by_client;
	struct siphash_key key;
	struct pool4_block_change change; /* the last one that was not asked for yet */
	bool has_changed;
};

struct pool4_blocks *pool4_blocks_new(const struct pool4_allocation *allocation,
				      const struct siphash_key *key,
				      const uint8_t seed[RANDOM_SEED_SIZE]);
void pool4_blocks_free(struct pool4_blocks *blocks);

/* Entries: what becomes of them in the other pool. The port ranges as blocks; none: no whole one.
 */
void pool4_blocks_ranges(const struct pool4_blocks *blocks, const struct port_ranges *ports,
			 struct port_ranges *ret);
enum pool4_result pool4_blocks_add(struct pool4_blocks *blocks, const struct pool4_entry *entry);
void pool4_blocks_remove(struct pool4_blocks *blocks, uint32_t id);
enum pool4_result pool4_blocks_change(struct pool4_blocks *blocks, uint32_t id,
				      const struct pool4_spec *wanted);

static inline struct pool4_block *pool4_block_at(const struct pool4_blocks *blocks, uint32_t index)
{
	return slab_at(&blocks->blocks, index);
}

/* SLAB_NONE if nobody has it. */
uint32_t pool4_block_find(const struct pool4_blocks *blocks, const struct taddr4 *taddr);
bool pool4_block_is_of(const struct pool4_blocks *blocks, uint32_t block, uint64_t client_hash);
/* The client's first block with room; SLAB_NONE if there is none. */
uint32_t pool4_block_first(const struct pool4_blocks *blocks, uint64_t client_hash,
			   enum protocol protocol);

/* A free block for the client; ret: where its generator stands it goes on. */
enum pool4_result pool4_block_choose(const struct pool4_blocks *blocks,
				     const struct pool4_request *request, struct pool4_pick *ret);
/* The block of this port; false if it is not for this client. restored: as pool4_choose_restored().
 */
bool pool4_block_choose_exactly(const struct pool4_blocks *blocks,
				const struct pool4_request *request, const struct taddr4 *taddr,
				bool restored, struct pool4_pick *ret);
/* It is the client's, without ports in use as yet. SLAB_NONE without memory. */
uint32_t pool4_block_allocate(struct pool4_blocks *blocks, const struct pool4_request *request,
			      const struct pool4_pick *pick);
/* A block that nobody has is closed while static bindings have all ports of one protocol, so that
 * no client draws it. SLAB_NONE: it is in no entry, somebody's, or there is no memory. */
uint32_t pool4_block_close(struct pool4_blocks *blocks, const struct taddr4 *taddr);
/* Of some protocol. */
bool pool4_block_is_full(const struct pool4_blocks *blocks, uint32_t block);
/* Ports of it came in use, or (negative) went. */
void pool4_block_count(struct pool4_blocks *blocks, uint32_t block, enum protocol protocol,
		       int32_t n);
/* The end of a block without ports in use: others will not get it for the time of its hold, or
 * (not hold) at once. */
void pool4_block_release(struct pool4_blocks *blocks, uint32_t block, bool hold, uint64_t now_ms);
/* A block that nobody has is held as if somebody had had it until now; false if somebody has. */
bool pool4_block_hold(struct pool4_blocks *blocks, const struct taddr4 *taddr,
		      enum pool4_hold_kind kind, uint64_t client_hash, uint64_t now_ms);
bool pool4_block_is_empty(const struct pool4_blocks *blocks, uint32_t block);
/* Whoever asks for changes is told of this one. */
void pool4_block_note(struct pool4_blocks *blocks, uint32_t block, bool allocated);

static inline struct port_range pool4_block_ports(const struct pool4_blocks *blocks,
						  uint32_t number)
{
	uint32_t first = number * blocks->size;

	return (struct port_range){(uint16_t)first, (uint16_t)(first + blocks->size - 1)};
}

size_t pool4_blocks_memory(const struct pool4_blocks *blocks);
bool pool4_blocks_check(const struct pool4_blocks *blocks);
