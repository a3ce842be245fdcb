/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the actions of the session target (fuzz_session.c) are played on: a NAT64 so small that all
 * of it runs out, its clients and peers, the clock, and what the NAT64 should have, naively.
 *
 * An action changes the naive sessions as it should change the real ones, and ends with
 * stage_check(), which compares, looks at everything else, and makes what is there now the state
 * before the next action.
 *
 * Two clients with two ports each, 2001:db8:1::10 and ::11; four peers with two ports each. The
 * first entry of pool4 is always there and has eight ports at most, the second comes and goes and
 * has four.
 */
#pragma once

#include "tests/fake_world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_bindings.h"
#include "tests/fuzz/naive_sessions.h"

#define STAGE_BINDINGS 10
#define STAGE_SESSIONS 24
#define STAGE_SYNS     3

#define STAGE_POOL4_FIRST  0xcb007107u /* 203.0.113.7 */
#define STAGE_POOL4_SECOND 0xcb007108u
#define STAGE_OWN4         0xc0000209u /* 192.0.2.9, of the host itself */
#define STAGE_PEER4        0xc6336414u /* 198.51.100.20 and those behind it */
#define STAGE_PORT         1024        /* the first of each entry */

#define STAGE_MADE_MAX    128
#define STAGE_BLOCKED_MAX 8
#define STAGE_LEASES_MAX  16

/* What is fixed for an input, of its second byte. The first one is administrator_configure()'s. */
#define STAGE_MODE        0x03 /* dynamic, blocks, deterministic, blocks */
#define STAGE_BLOCK_SIZE  0x0c /* 2, 1, 3, 4 */
#define STAGE_PAIRED_TWO  0x10 /* both clients are one for pool4, a /127 */
#define STAGE_LIMITED_ONE 0x20 /* limits are of a /128, in place of the /64 of both */

struct stage_stored {
	unsigned n;
	struct {
		struct taddr4 mapped, peer;
	} at[STAGE_SYNS];
};

/* When dynamic bindings were made, for the limit of their rate. */
struct stage_made {
	bool is_exact; /* all that count for the rate are known */
	unsigned n;
	struct {
		enum protocol protocol;
		struct prefix6 client;
		uint64_t at_ms;
	} at[STAGE_MADE_MAX];
};

/* Whom the administrator has blocked. */
struct stage_blocked {
	unsigned n;
	struct {
		struct prefix6 prefix;
		uint64_t until_ms;
	} at[STAGE_BLOCKED_MAX];
};

/* Who has which block of ports, as the events tell. */
struct stage_leases {
	unsigned n;
	struct stage_lease {
		struct prefix6 client;
		uint32_t addr;
		struct port_range ports;
	} at[STAGE_LEASES_MAX];
};

struct stage {
	struct fake_world world;
	struct nat64 *nat;
	struct prefix6 pool6;
	uint64_t now_ms;
	uint64_t n_received;
	uint64_t n_created[N_PROTOCOLS];
	uint32_t first;                 /* ids of the entries of pool4 */
	uint32_t second;                /* 0 = is not there */
	struct naive_sessions sessions; /* as they should be */
	/* Before the action: */
	struct naive_sessions sessions_before;
	struct naive_bindings bindings_before;
	struct stage_stored stored;
	struct stage_made made;
	struct stage_blocked blocked;
	struct stage_leases leases;
	struct out out;
	uint8_t arena[EMIT_ARENA_PER_PACKET];
	struct out_packet packets[EMIT_PIECES_MAX];
};

/* Without NAT64 and entries as yet: those are made by stage_open(). */
void stage_init(struct stage *stage);
void stage_open(struct stage *stage, const struct nat64_config *config, uint8_t settings);
/* Without packets everything ends: idle connections after a probe, held ports after their time. */
void stage_close(struct stage *stage);

/* Who is who, by the lowest bits of a part of the input. */
struct taddr6 stage_client(unsigned which);   /* one bit port, one host */
struct taddr4 stage_peer(unsigned which);     /* one bit port, two host */
enum protocol stage_protocol(unsigned which); /* two bits */
/* The binding of that number, counted around; SLAB_NONE if there is none. */
uint32_t stage_binding(const struct stage *stage, enum protocol protocol, unsigned which);

/* The id of a new entry; 0 if there cannot be one. It is for these clients in deterministic mode,
 * which needs to know, and for all in others. */
uint32_t stage_add_entry(struct stage *stage, uint32_t addr, uint16_t last_port,
			 const struct prefix6 *clients);

enum outcome stage_receive(struct stage *stage, uint8_t *memory, uint32_t size);
/* The number-th packet that went out, in one piece; its size. */
#define STAGE_SENT_MAX 2048
uint32_t stage_sent(const struct stage *stage, uint32_t number, uint8_t ret[STAGE_SENT_MAX]);
/* Looks at what went out, and forgets it. */
void stage_empty(struct stage *stage);
/* budget 0: until nothing is left to do; then nothing has stayed too long (K-13). */
void stage_expire(struct stage *stage, unsigned budget);

/* After each action. is_expiry: sessions may have ended, but only those whose time is over. */
void stage_check(struct stage *stage, bool is_expiry);

/* stage_limits.c: what clients may have (L-1 to L-3), and who may send at all. */
bool stage_is_limit(enum outcome outcome);
/* Has this client met the limit that the outcome is about? Of the tables as they are now. */
bool stage_limit_is_reached(const struct stage *stage, enum outcome outcome, enum protocol protocol,
			    const struct taddr6 *client);
/* Before the rate changes. */
void stage_forget_rate(struct stage *stage);
/* The bindings that are there now. */
void stage_check_limits(struct stage *stage, const struct naive_bindings *bindings);

void stage_block(struct stage *stage, const struct prefix6 *prefix, uint64_t until_ms);
void stage_allow(struct stage *stage, const struct prefix6 *prefix);
bool stage_is_blocked(const struct stage *stage, const struct addr6 *addr);
void stage_expire_blocked(struct stage *stage);

/* stage_ports.c: which ports the mode of pool4 lets clients have (P-1, P-19, P-20); and how many a
 * client could get, of one protocol. */
uint64_t stage_reachable(const struct stage *stage, const struct addr6 *client);
void stage_check_ports(struct stage *stage, const struct naive_bindings *bindings);
