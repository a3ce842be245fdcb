/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small pool4 that only scans arrays: what test_pool4_model.c compares the real one with. Entries
 * with overlapping scopes and shared addresses, the ports that are used, and those that are held.
 */
#pragma once

#include <glib.h>

#include "daemon/core/pool4.h"

#define FIRST_ADDR  0xc0000200u /* 192.0.2.0 */
#define N_ADDRS     8
#define FIRST_PORT  1018 /* on both sides of the border of P-6 */
#define N_PORTS     12
#define ENTRIES_MAX 12
#define HELD_LIMIT  100 /* of all entries; the holds of an address are always all looked at */

struct model_entry {
	uint32_t id; /* 0 = none */
	enum pool4_state state;
	bool addr[N_ADDRS];
	bool port[N_PORTS];
	bool protocol[N_PROTOCOLS];
	unsigned clients[2]; /* numbers of pool4_model_prefixes */
	unsigned n_clients;
	bool overflow;
	int pool6;
	uint32_t n_used[N_PROTOCOLS];
	uint64_t n_reused[N_PROTOCOLS];
};

struct model_hold {
	bool is_held;
	unsigned client;
	uint32_t owner; /* 0: its entry is gone */
	enum pool4_hold_kind kind;
	uint64_t since_ms;
	unsigned turn; /* orders those of the same time */
};

/* And what the run has met so far. */
struct pool4_model {
	GRand *rand;
	struct pool4 *pool;
	struct pool4_policy policy;
	struct model_entry entry[ENTRIES_MAX];
	bool used[N_PROTOCOLS][N_ADDRS][N_PORTS];
	uint32_t owner[N_PROTOCOLS][N_ADDRS][N_PORTS];
	struct model_hold hold[N_PROTOCOLS][N_ADDRS][N_PORTS];
	uint64_t now_ms;
	unsigned n_holds; /* ever */
	unsigned n_ok, n_exhausted, n_no_entry, n_overlap, n_added;
	unsigned n_own, n_reused, n_expired, n_pushed_out;
	unsigned n_forced, n_cut; /* entries removed while in use; ports that were */
};

/* 0 <= x < bound */
int pool4_model_below(struct pool4_model *model, int bound);

#define N_PREFIXES 3
extern const char *const pool4_model_prefixes[N_PREFIXES];

/* Which ports count: those neither used nor held, or those that are not used. */
enum pool4_left { POOL4_FREE, POOL4_UNUSED };

/* id 0: the first free place, or NULL. */
struct model_entry *pool4_model_entry_by_id(struct pool4_model *model, uint32_t id);

/* Do both have some port of some address, of one protocol, for the same clients? */
bool pool4_model_overlaps(const struct model_entry *a, const struct model_entry *b);

/* Any entry but itself. */
bool pool4_model_overlaps_another(struct pool4_model *model, const struct model_entry *entry);

/*
 * In which turn the entry serves the request: 0 and 1 by the longest prefix of clients, naming the
 * Pool6 prefix or not; 2 and 3 the same among general entries; -1 never.
 */
void pool4_model_turns(struct pool4_model *model, const struct pool4_request *request,
		       int ret[ENTRIES_MAX]);

/* Is some port of this class left for the entry at the address? NULL: any port. */
bool pool4_model_has_left(struct pool4_model *model, const struct model_entry *entry,
			  enum protocol protocol, unsigned addr, const struct port_class *class,
			  enum pool4_left left);

/* The first turn that has a port left, at an address or (N_ADDRS) anywhere; 4 if none has. */
int pool4_model_first_turn(struct pool4_model *model, const int turn[ENTRIES_MAX],
			   enum protocol protocol, unsigned at, enum pool4_left left);

/* P-4: strict, and the paired address is offered. */
bool pool4_model_is_bound(struct pool4_model *model, const int turn[ENTRIES_MAX],
			  const struct pool4_request *request);

/* Of the holds of one client (or, -1, of all) at an address on ports that the turns may use, the
 * oldest. */
struct model_hold *pool4_model_oldest_at(struct pool4_model *model, const int turn[ENTRIES_MAX],
					 enum protocol protocol, unsigned addr, int client);

/* How long a port of the protocol is held: the policy, or what is least for lost ones. */
uint32_t pool4_model_hold_ms(struct pool4_model *model, enum protocol protocol,
			     enum pool4_hold_kind kind);

/* How many ports an entry holds; *ret is the oldest of them. */
unsigned pool4_model_count_held(struct pool4_model *model, enum protocol protocol, uint32_t id,
				struct model_hold **ret);

/* The port is held for the client from now on, if there is room for it. */
bool pool4_model_hold_port(struct pool4_model *model, enum protocol protocol, unsigned addr,
			   unsigned port, uint32_t id, enum pool4_hold_kind kind, unsigned client);

/* The port is taken for an entry (or, 0, for none), whether it was held or not. */
void pool4_model_use(struct pool4_model *model, enum protocol protocol, const struct taddr4 *taddr,
		     uint32_t id);

/* The port is given back, if it is in use, by some client: held from now on or free at once. Of the
 * pool, too. */
void pool4_model_give_back(struct pool4_model *model, enum protocol protocol, unsigned addr,
			   unsigned port);

#define POOL4_MODEL_CLIENTS 20
/* Keyed hashes of a few clients. */
uint64_t pool4_model_client_hash(unsigned client);
