/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool4: the IPv4 transport addresses that bindings may use (RFC 6146, 3.5.1.1; P-1 to P-15).
 *
 * An entry is a list of address ranges with a list of port ranges, for some protocols, for all
 * clients or some. It costs the same with one address or 16 million: state for an address exists
 * only while some port of it is in use or held (pool4_address.h). Which addresses of an entry have
 * no port left is kept as a sparse permutation (addr_choice.h), so that a choice among the others
 * takes constant work. Which entries cover an address is an interval tree (pool4_index.h), and whom
 * they serve a table of scopes (pool4_scope.h).
 *
 * Two entries overlap if they have an address, a protocol, a port and a scope in common: the same
 * Pool6 prefix (or both none) and at least one equal prefix of clients (or both none). Only that is
 * refused. Entries of different scopes, nested ones too, may share transport addresses, and (T,t)
 * stays unique all the same (P-11), because the ports in use are kept by address and protocol and
 * not by entry: what one entry gives out is taken for each. The price is that an entry which shares
 * can be exhausted with n_used below n_ports, and that taking and giving back a port looks at every
 * entry that covers its address.
 *
 * Lock (once there are several packet threads): one for the whole pool, taken by filter.c for the
 * creation and the end of bindings only; a packet of an existing session never comes here.
 */
#pragma once

#include "daemon/core/addr4_ranges.h"
#include "daemon/core/port_set.h"
#include "daemon/core/random.h"
#include "daemon/core/siphash.h"

#define POOL4_NAME_SIZE    33 /* [a-z0-9][a-z0-9._-]{0,31} */
#define POOL4_COMMENT_SIZE 128
#define POOL4_CLIENTS_MAX  16
#define POOL4_ANY_PREFIX   (-1)

enum pool4_source { POOL4_FROM_FILE, POOL4_FROM_RUNTIME, POOL4_FROM_AUTO };

enum pool4_state {
	POOL4_PENDING, /* added, but the kernel's rules do not have it yet: not chosen */
	POOL4_ACTIVE,
	POOL4_DRAINING, /* takes no new bindings; its owner removes it with the last one */
	POOL4_DISABLED, /* as if it were not there, but for its name and overlaps */
};

/* How packets to an entry's addresses come to this host, as the edge has found out: any of these.
 */
enum pool4_reach {
	POOL4_LOCAL = 1,       /* the host's own */
	POOL4_ROUTED = 2,      /* no link of ours has them: a router sends them here */
	POOL4_ANNOUNCED = 4,   /* the host answers ARP for them */
	POOL4_UNREACHABLE = 8, /* they are asked for on a link, and nobody answers */
};

/* What an entry is to be; copied by pool4_add(). */
struct pool4_spec {
	char name[POOL4_NAME_SIZE]; /* "" = choose p1, p2, ... */
	char comment[POOL4_COMMENT_SIZE];
	const struct addr4_range *addresses;
	uint32_t n_addresses;
	struct port_ranges ports;
	bool protocol[N_PROTOCOLS];
	struct prefix6 clients[POOL4_CLIENTS_MAX]; /* none = all */
	uint32_t n_clients;
	bool overflow; /* these clients may use general entries too */
	int pool6;     /* index of the Pool6 prefix it serves, or POOL4_ANY_PREFIX */
	enum pool4_source source;
};

struct pool4_entry {
	uint32_t id; /* small, > 0, never used twice while the daemon runs */
	enum pool4_state state;
	unsigned reach;         /* of enum pool4_reach; 0 = not known yet */
	struct pool4_spec spec; /* with its own copy of the addresses */
	uint64_t n_addresses;
	uint64_t n_ports[N_PROTOCOLS]; /* total */
	uint64_t n_used[N_PROTOCOLS];
	uint64_t n_peak[N_PROTOCOLS];
	uint64_t n_held[N_PROTOCOLS];    /* left by its bindings, and not free yet (P-14) */
	uint64_t n_reused[N_PROTOCOLS];  /* of them, given to others before their time */
	uint64_t n_refused[N_PROTOCOLS]; /* asked for when full */
	bool alarmed[N_PROTOCOLS];       /* pool4_watch(), which writes these two */
	uint64_t alarm_ms[N_PROTOCOLS];  /* when that changed */
};

struct pool4; /* entries, ranges by address, addresses in use */

enum pool4_mode {
	POOL4_DYNAMIC,
	POOL4_BLOCKS,        /* P-19 */
	POOL4_DETERMINISTIC, /* P-20, deterministic.h */
};

/* How ports are handed out: fixed before the first entry. */
struct pool4_allocation {
	uint32_t mode;         /* enum pool4_mode */
	uint32_t block_size;   /* ports, Pool4.BlockSize */
	uint8_t client_length; /* of the prefix that has a range of its own,
				  Pool4.PairingPrefixLength */
};

enum pool4_result {
	POOL4_OK,
	POOL4_NO_ENTRY,  /* no entry serves this client, protocol and prefix */
	POOL4_EXHAUSTED, /* they do, but no port is free */
	POOL4_TAKEN,     /* that very transport address is in use */
	POOL4_NO_MEMORY,
	POOL4_OVERLAP,     /* add: another entry has the same address, port, protocol and scope */
	POOL4_EXISTS,      /* add: the name is in use */
	POOL4_BAD_ADDRESS, /* add: multicast, loopback, 0/8, class E */
	POOL4_BAD_PORTS,   /* add: empty, or port 0 */
	POOL4_NO_SUCH_ENTRY,
	POOL4_IN_USE,       /* remove: bindings exist */
	POOL4_BAD_CLIENTS,  /* add: clients, addresses and ports do not suit POOL4_DETERMINISTIC */
	POOL4_BAD_BLOCKS,   /* add: in POOL4_BLOCKS, not for all protocols, or no whole block in its
			       ports */
	POOL4_SAME_CLIENTS, /* add: in POOL4_DETERMINISTIC, another entry is for the same clients */
};

/* NULL without memory. */
struct pool4 *pool4_new(const struct siphash_key *key, const uint8_t seed[RANDOM_SEED_SIZE]);
void pool4_free(struct pool4 *pool);

/* Once, without any entry. False without memory. */
bool pool4_set_allocation(struct pool4 *pool, const struct pool4_allocation *allocation);

struct pool4_policy {
	bool parity;         /* Translation.Parity, P-7 */
	bool preserve_port;  /* Translation.PreservePort, P-10 */
	bool strict_pairing; /* Pool4.Pairing=strict, P-4. Where no active entry offers the paired
				address for the protocol, another one is chosen all the same */
	uint32_t hold_ms;    /* Timeouts.HoldDown, of UDP and ICMP; 0 = a port is free at once */
	uint32_t hold_tcp_ms;
	struct port_share max_held; /* Limits.HeldPorts, of an entry's ports of one protocol */
};
/* Holds for ports that are held already, too. */
void pool4_set_policy(struct pool4 *pool, const struct pool4_policy *policy);
/* Of held ports of all entries together. */
uint32_t pool4_n_held(const struct pool4 *pool);
void pool4_set_held_limit(struct pool4 *pool, uint32_t limit);

/* The new entry is pending. The addresses may come in any order and overlap each other. With
 * POOL4_OVERLAP or POOL4_EXISTS *ret_id is the other entry, with other refusals 0. */
enum pool4_result pool4_add(struct pool4 *pool, const struct pool4_spec *spec, uint32_t *ret_id);
/* What pool4_add() would say, without doing it. */
enum pool4_result pool4_check_spec(struct pool4 *pool, const struct pool4_spec *spec,
				   uint32_t *ret_id);
enum pool4_result pool4_remove(struct pool4 *pool, uint32_t id); /* only without ports in use */
void pool4_set_state(struct pool4 *pool, uint32_t id, enum pool4_state state);
void pool4_set_reach(struct pool4 *pool, uint32_t id, unsigned reach);
void pool4_set_source(struct pool4 *pool, uint32_t id, enum pool4_source source);
void pool4_set_comment(struct pool4 *pool, uint32_t id, const char comment[POOL4_COMMENT_SIZE]);
/* POOL4_EXISTS if another one has the name, or POOL4_NO_MEMORY: it is called as before then. */
enum pool4_result pool4_rename(struct pool4 *pool, uint32_t id, const char *name);

/*
 * The addresses and allowed ports of an entry change at once while it is in use; nothing else of
 * the spec counts. Ports in use outside of the new ones stay so (P-18); those at addresses that are
 * gone, until they are given back (nat64_end_bindings()). If it is refused, nothing has changed;
 * with POOL4_OVERLAP *ret_other is the entry that is in the way, else 0.
 */
enum pool4_result pool4_set_places(struct pool4 *pool, uint32_t id, const struct pool4_spec *wanted,
				   uint32_t *ret_other);
/* What pool4_set_places() would say, without doing it. */
enum pool4_result pool4_check_places(const struct pool4 *pool, uint32_t id,
				     const struct pool4_spec *wanted, uint32_t *ret_other);
/* One of both. */
enum pool4_result pool4_set_ports(struct pool4 *pool, uint32_t id, const struct port_ranges *ports);
enum pool4_result pool4_set_addresses(struct pool4 *pool, uint32_t id,
				      const struct addr4_range *addresses, uint32_t n_addresses);

const struct pool4_entry *pool4_entry(const struct pool4 *pool, uint32_t id);
const struct pool4_entry *pool4_entry_by_name(const struct pool4 *pool, const char *name);
/* In the order of ids: the first with an id > after, or NULL. */
const struct pool4_entry *pool4_next(const struct pool4 *pool, uint32_t after);
/* The same for a walk during which none comes or goes: i < pool4_n_entries(). */
const struct pool4_entry *pool4_at(const struct pool4 *pool, uint32_t i);
uint32_t pool4_n_entries(const struct pool4 *pool);

struct pool4_request {
	enum protocol protocol;
	const struct addr6 *client;
	int pool6;            /* the prefix that the packet's destination is in */
	uint16_t port6;       /* the client's port or identifier, for P-6, P-7, P-10 */
	uint32_t paired4;     /* T that this client has already, or 0 (P-2) */
	uint64_t client_hash; /* keyed hash of the pairing prefix (P-5, P-14) */
};

/* One port, or block, that would do. What is private is how it is taken. */
struct pool4_pick {
	struct taddr4 taddr;
	struct pool4_entry
		*entry;       /* that has it; with POOL4_EXHAUSTED that which could not, or NULL */
	bool of_others;       /* held for another client until now (P-14) */
	uint32_t address;     /* private: of the address table, or SLAB_NONE */
	struct random random; /* private: how the pool draws on from here */
};

/* What pool4_choose() offers; good until the pool changes. */
struct pool4_offer {
	struct pool4_pick port;
	bool has_new_block;      /* POOL4_BLOCKS: the client gets a block, and the port out of it */
	struct pool4_pick block; /* private */
};

/*
 * Chooses (T,t). An address of several active entries counts for each. Order: paired
 * address by P-8, then (soft pairing) another address chosen by client_hash among those of the
 * longest matching Clients= scope with free ports, then general entries if overflow
 * (pool4_scope_match()). In POOL4_BLOCKS a port of the client's blocks with room, and when there is
 * none a block is chosen in the same way. Only when all of them have no free port, the same again
 * with held ports: the one at the address that was held longest (P-14). P-17: nothing is ever taken
 * from others. POOL4_OK, POOL4_NO_ENTRY or POOL4_EXHAUSTED; nothing changes, and as long as that is
 * so the answer is the same.
 */
enum pool4_result pool4_choose(const struct pool4 *pool, const struct pool4_request *request,
			       struct pool4_offer *ret);
/* Takes what was offered for this request. POOL4_OK or POOL4_NO_MEMORY. */
enum pool4_result pool4_accept(struct pool4 *pool, const struct pool4_request *request,
			       const struct pool4_offer *offer);
/* Counts a request that was answered POOL4_EXHAUSTED. */
void pool4_count_refusal(enum protocol protocol, const struct pool4_offer *offer);

/* All of that at once. With POOL4_EXHAUSTED *ret_id is the entry that has counted the refusal, or
 * 0. */
enum pool4_result pool4_take(struct pool4 *pool, const struct pool4_request *request,
			     struct taddr4 *ret, uint32_t *ret_id);

/* Offers this very transport address (S-30), to be accepted as any other; false if it is in use,
 * held for another client, or of nothing that pool4_choose() would give this one a port of. In
 * POOL4_BLOCKS it may be in a block that nobody has. */
bool pool4_choose_exactly(const struct pool4 *pool, const struct pool4_request *request,
			  const struct taddr4 *taddr, struct pool4_offer *ret);

/* The same of one that the client had before a restart: whether its entry would serve it now, and
 * whom the port is held for, does not matter. */
bool pool4_choose_restored(const struct pool4 *pool, const struct pool4_request *request,
			   const struct taddr4 *taddr, struct pool4_offer *ret);

/* In POOL4_BLOCKS: a client got a block of ports, or has left it (RFC 8158, events 16 and 17). */
struct pool4_block_change {
	bool allocated;
	struct prefix6 client;
	uint32_t addr;
	struct port_range ports;
	uint32_t id; /* of the entry */
};
/* What the last take, give_back or retire has changed, once; false if nothing. */
bool pool4_block_changed(struct pool4 *pool, struct pool4_block_change *ret);

/* The two functions of RFC 7422, 2, for POOL4_DETERMINISTIC; false if there is no answer. */
bool pool4_range_of(const struct pool4 *pool, enum protocol protocol, const struct addr6 *client,
		    int pool6, uint32_t *ret_addr, struct port_ranges *ret_ports);
bool pool4_client_of(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     struct prefix6 *ret);

/* Takes this very transport address, held or not: static bindings (any port; entry id 0 if in no
 * entry) and restored ones, and S-30. Of several entries that share it the oldest counts it. */
enum pool4_result pool4_take_exactly(struct pool4 *pool, enum protocol protocol,
				     const struct taddr4 *taddr, uint32_t *ret_id);

/* Gives back what was taken and not used after all: it is free at once. id as it was returned by
 * the take. */
void pool4_give_back(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     uint32_t id);
/* Gives back what was in use: others will not get it for the time of its hold (P-14).
 * client_hash: that of the request, or 0 for a static binding. */
void pool4_retire(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		  uint32_t id, uint64_t client_hash, uint64_t now_ms);

/* Why a port is held, and so how long: a binding has left it, which the policy says; or bindings
 * that are lost had it when we ended, then, of whatever protocol, not less than this (P-16). */
enum pool4_hold_kind { POOL4_HOLD_LEFT, POOL4_HOLD_LOST, N_POOL4_HOLD_KINDS };
#define POOL4_HOLD_LOST_MS 120000

/* Holds a free port as if it had been in use until now: one that was in use before a restart
 * (P-16). The oldest entry that has it counts it. Where clients have blocks it is the block, if
 * nobody has it. False if no entry has it, it is not free, or nothing is held. */
bool pool4_hold_port(struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     enum pool4_hold_kind kind, uint64_t client_hash, uint64_t now_ms);
/* Is that very transport address in use? */
bool pool4_is_used(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr);
/* Is the port held, and for another client than this? */
bool pool4_is_held(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		   uint64_t client_hash);

/* Ends the holds that are over; *budget counts down for each, and 0 ends the work. */
void pool4_expire(struct pool4 *pool, uint64_t now_ms, unsigned *budget);
/* UINT64_MAX if there is nothing to end. */
uint64_t pool4_next_deadline(const struct pool4 *pool);

/* Would an IPv4 packet to this transport address be ours? The oldest entry that is not
 * disabled, or NULL. */
const struct pool4_entry *pool4_find(const struct pool4 *pool, enum protocol protocol,
				     uint32_t addr, uint16_t port);
bool pool4_has_address(const struct pool4 *pool, uint32_t addr);
/* Without the entry with this id. */
bool pool4_has_address_besides(const struct pool4 *pool, uint32_t addr, uint32_t id);

bool pool4_entry_has_address(const struct pool4_entry *entry, uint32_t addr);

/* How many ports of active entries the client could get, if all were free. */
uint64_t pool4_n_reachable(const struct pool4 *pool, enum protocol protocol,
			   const struct addr6 *client, int pool6);

/* Has the use of an entry reached the upper threshold, or gone below the lower one, since this was
 * asked last (L-10)? If it has, but the last change is not so long ago, it is to be asked again. */
#define POOL4_ALARM_INTERVAL_MS 10000
enum pool4_alarm {
	POOL4_ALARM_SAME,
	POOL4_ALARM_RAISED,
	POOL4_ALARM_CLEARED,
	POOL4_ALARM_LATER,
};
enum pool4_alarm pool4_watch(struct pool4 *pool, uint32_t id, enum protocol protocol,
			     const struct port_share threshold[2], uint64_t now_ms);

size_t pool4_memory(const struct pool4 *pool);
bool pool4_check(const struct pool4 *pool);

/* One clause for each result, for messages: "no port is free". */
const char *pool4_result_text(enum pool4_result result);
