/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments that wait for the rest of their packet (RFC 6146, 3.4; RFC 791; RFC 8200, 4.5).
 *
 * Pieces come in, in any order, and at last the whole packet comes out, as if it had never been
 * cut. What may be kept, for how long and on whose account is decided here; whether a fragment may
 * be kept at all, and whose it is, in reassembly.h. Theory of operation: fragment.c.
 *
 * Lock: one of its own.
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/core/hash_index.h"
#include "daemon/core/siphash.h"

/* Payload of the largest packet: 65535 bytes with an IPv4 header, before or after translation. */
#define FRAGMENT_PAYLOAD_MAX (65535 - IP4_HEADER_SIZE)
/* Pieces of one packet: 65535 bytes over a link of 296 bytes, and the way along a list of them. */
#define FRAGMENT_PIECES_MAX 256
/* Packets that wait at a time, whatever the memory. */
#define FRAGMENT_QUEUES_MAX 65536
/* One source may take this part of the memory: an IPv4 address, or an IPv6 prefix of 64 bits. */
#define FRAGMENT_SHARE 8
/* Accounts of sources, found by keyed hash as those of icmp_error.h; two may share one. */
#define FRAGMENT_ACCOUNTS 1024
/* What a piece costs besides its payload: its header, and what the allocator adds. */
#define FRAGMENT_PIECE_COST (sizeof(struct fragment_piece) + 16)

/* F-5. Bytes only, so that it can be hashed and compared as it is. */
struct fragment_key {
	uint8_t version;
	uint8_t ip_protocol; /* IPv4 only, else 0 */
	uint8_t id[4];
	uint8_t src[16]; /* of IPv4 addresses the first four */
	uint8_t dst[16];
};

struct fragment_piece {
	struct fragment_piece *lower; /* the next one towards the beginning of the packet */
	uint16_t offset;              /* of its payload, in bytes */
	uint16_t size;
	uint8_t payload[];
};

enum fragment_state {
	FRAGMENT_WAITING,
	FRAGMENT_POISONED, /* F-24: nothing of this packet is taken any more */
	FRAGMENT_OF_HOST,  /* the first fragment went to the host, and so do the others (P-23) */
};

/* All that is known of one packet. */
struct fragment_queue {
	struct fragment_key key;
	uint8_t state;
	uint8_t ecn_seen;   /* a bit for each codepoint */
	uint8_t first_seen; /* what follows is of the first fragment, once it is there */
	uint8_t ip_protocol;
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint16_t account;
	uint16_t n_pieces;
	uint32_t mark;
	uint32_t total; /* size of the whole payload; 0 as long as the last fragment is missing */
	uint32_t received; /* of it, in pieces */
	uint32_t next;     /* hash chain */
	uint32_t older;    /* list of all, in the order of their arrival */
	uint32_t newer;
	uint32_t cost; /* all that is charged for this packet */
	uint64_t started_ms;
	struct fragment_piece *highest;
};

struct fragment_table {
	struct slab queues;
	struct hash_index by_key;
	uint32_t oldest;
	uint32_t newest;
	uint32_t timeout_ms; /* of all; may be changed at any time */
	uint64_t limit;      /* bytes */
	uint64_t bound;      /* limit, or more that was there when it was lowered */
	uint64_t used;
	uint64_t account[FRAGMENT_ACCOUNTS];
	struct siphash_key key;
};

/* Takes no memory yet. limit: what all that waits may cost, payload and bookkeeping, to the byte
 * (F-2); the slab of queues is taken a chunk at a time, so the system may give a chunk more. */
void fragment_table_init(struct fragment_table *table, const struct siphash_key *key,
			 uint64_t limit, uint32_t timeout_ms);
/* What waits already stays. */
void fragment_table_set_limit(struct fragment_table *table, uint64_t limit);
void fragment_table_deinit(struct fragment_table *table);

/* A fragment that packet_parse() has let pass: can there be such a one (F-25, F-26)?
 * OUTCOME_TRANSLATED, or _FRAGMENT_TINY, _FRAGMENT_TOO_BIG, or _FRAGMENT_BAD with the place of its
 * length in packet->error_pointer. */
enum outcome fragment_judge(struct packet *packet);

/*
 * A fragment that was judged. OUTCOME_TRANSLATED: it was the last one missing, and
 * *ret_whole is the packet, not parsed yet, in memory that belongs to out: it stays until
 * out_clear(). Else an outcome of a fragment, or _LEFT_TO_HOST. The fragment itself is not changed,
 * and nothing points to it afterwards.
 */
enum outcome fragment_add(struct fragment_table *table, const struct packet *packet,
			  uint64_t now_ms, struct out *out, struct packet *ret_whole);

/* A first fragment that is the host's: for the interval the others are, too. Those that came before
 * it are lost. Without memory nothing is remembered. */
void fragment_leave_to_host(struct fragment_table *table, const struct packet *packet,
			    uint64_t now_ms);

/* Has another fragment of the same packet been seen in the interval? */
bool fragment_is_known(const struct fragment_table *table, const struct packet *packet);

static inline struct fragment_queue *fragment_at(const struct fragment_table *table, uint32_t index)
{
	return slab_at(&table->queues, index);
}

/* The first fragment of a packet that is not complete, as much of it as an ICMP error can quote, in
 * out's arena; without IP options, extension headers and Flow Label, which are not kept. False if
 * it never came, or was the host's, or is not to be answered. */
bool fragment_first(const struct fragment_table *table, uint32_t index, struct out *out,
		    struct packet *ret);

/* The oldest, if its time is over at now_ms, else SLAB_NONE; the caller removes it. */
uint32_t fragment_expired(const struct fragment_table *table, uint64_t now_ms);
uint64_t fragment_next_deadline(const struct fragment_table *table);
void fragment_remove(struct fragment_table *table, uint32_t index);

size_t fragment_memory(const struct fragment_table *table);
bool fragment_check(const struct fragment_table *table);
