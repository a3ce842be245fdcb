/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One address of pool4 as the place where a binding gets a port. Which address it is, pool4_take.c,
 * pool4_block_take.c and pool4_deterministic.c have said before, each for a mode. A part of pool4.c
 * and its neighbours.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/pool4_internal.h"

/* A request with what follows from it. */
struct pool4_choice {
	const struct pool4_request *request;
	struct pool4_scope *scope[POOL4_SCOPES_MAX];
	unsigned n_scopes;
};

struct pool4_site {
	uint32_t addr;
	uint32_t address; /* of the address table; SLAB_NONE: all ports are free */
};

/* May a new binding of this request come from the item? */
bool pool4_is_eligible(const struct pool4_choice *choice, const struct pool4_item *item);

struct pool4_site pool4_site_find(const struct pool4 *pool, const struct pool4_choice *choice,
				  uint32_t addr);

/* The entry that may give out this port of the address, free or not; NULL if there is none. */
struct pool4_item *pool4_site_find_item(const struct pool4 *pool, const struct pool4_choice *choice,
					uint32_t addr, uint16_t port);

/* A port that is free or held at this address, for the request; false if there is none that will
 * do. ret: where its generator stands it goes on.
 * free: one that is free, or held for the client itself.
 * held: one that is held for the client, or (the last choice) for another. */
bool pool4_site_find_free(const struct pool4 *pool, const struct pool4_choice *choice,
			  uint32_t addr, struct pool4_pick *ret);
bool pool4_site_find_held(const struct pool4 *pool, const struct pool4_choice *choice,
			  uint32_t addr, struct pool4_pick *ret);
/* A free port out of ranges, by P-8 and P-10. */
bool pool4_site_draw(const struct pool4 *pool, const struct pool4_request *request,
		     struct pool4_site site, const struct port_ranges *ranges,
		     struct pool4_pick *ret);

/* Marks a port that is free or held as used and counts it, where it is in a block there, too. item
 * NULL: it belongs to no entry; address: of the address table, or SLAB_NONE. POOL4_OK or
 * POOL4_NO_MEMORY, and then nothing has changed but that a hold may have ended. */
enum pool4_result pool4_commit(struct pool4 *pool, struct pool4_item *item, uint32_t address,
			       enum protocol protocol, const struct taddr4 *taddr);

/* pool4_take.c: one port, in POOL4_DYNAMIC; and whose fault it is if there is none, in the other
 * modes, too. */
enum pool4_result pool4_choose_port(const struct pool4 *pool, const struct pool4_choice *choice,
				    struct pool4_pick *ret);
void pool4_blame(const struct pool4 *pool, const struct pool4_choice *choice,
		 struct pool4_pick *ret);

/* pool4_choose() in the other two modes: pool4_block_take.c (P-19), pool4_deterministic.c (P-20).
 */
enum pool4_result pool4_choose_of_blocks(const struct pool4 *pool,
					 const struct pool4_choice *choice,
					 struct pool4_offer *ret);
enum pool4_result pool4_choose_of_range(const struct pool4 *pool, const struct pool4_choice *choice,
					struct pool4_pick *ret);
/* The same for a certain port: may the client have what the port is of? Then that has the
 * entry. restored: as pool4_choose_restored(). */
bool pool4_choose_block_of(const struct pool4 *pool, const struct pool4_request *request,
			   bool restored, struct pool4_offer *offer);
bool pool4_choose_in_range(const struct pool4 *pool, const struct pool4_request *request,
			   struct pool4_pick *port);
bool pool4_choose_in_range_restored(const struct pool4 *pool, const struct pool4_request *request,
				    struct pool4_pick *port);
/* A port of a block that nobody has came in use: no client is to draw it if it was the last one. */
void pool4_close_full_block(struct pool4 *pool, uint32_t address, const struct taddr4 *taddr);
/* pool4_accept() of an offer with a new block. */
enum pool4_result pool4_accept_block(struct pool4 *pool, const struct pool4_request *request,
				     const struct pool4_offer *offer);
