/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the operator should hear of: a bounded queue of events, named and numbered as in RFC 8158
 * (tests/vectors/nat_events.csv), which the edge empties and writes to the log (L-5, L-8 to L-10).
 *
 * Nothing waits for the reader. A full queue drops what is new, and counts it (L-14). Events that
 * strangers can cause at will, about exhaustion and quotas, are rate limited for each subject, and
 * the next one says how many were suppressed (L-9). Those about single bindings and sessions come
 * only if somebody wants them, where ports are handed out in blocks those about blocks in place of
 * bindings (L-11), but for bindings that end because their address left pool4 (P-22).
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/outcome.h"
#include "daemon/core/siphash.h"

/* clang-format off */
#define EVENT_LIST(X) \
/* name                 event sub  MESSAGE_ID in the journal           name of RFC 8158 */ \
X(ADDRESSES_EXHAUSTED,  3,  0, "128c1cd4ecd842eca234bb1a5a0dc571", "NAT Addresses exhausted") \
X(SESSION_CREATE,       6,  0, "cae47cdb0438449f920667179e34537b", "NAT64 session create") \
X(SESSION_DELETE,       7,  0, "27d8a29ea36c4711a5f28b9e7e9bd071", "NAT64 session delete") \
X(BINDING_CREATE,       10, 0, "b10f5ba5ae794245b6699702e722c7cd", "NAT64 BIB create") \
X(BINDING_DELETE,       11, 0, "4216fb07ced042e18dfbd45522736555", "NAT64 BIB delete") \
X(PORTS_EXHAUSTED,      12, 0, "b550f196a10944d7b121254d78c1d7c0", "NAT ports exhausted") \
X(QUOTA_SESSIONS,       13, 1, "f2a91236ef6741f1b5f7f2a1b55ead2f", "Maximum session entries") \
X(QUOTA_BINDINGS,       13, 2, "39eae2a74b764215b431811ad2a2fea5", "Maximum BIB entries") \
X(QUOTA_CLIENT,         13, 3, "e20086f8fb4b444fb898963811fbfd60", "Maximum entries per user") \
X(QUOTA_FRAGMENTS,      13, 5, "b48689f24d784812867b8b525ad1335b", "Maximum fragments pending reassembly") \
X(BLOCK_ALLOCATE,       16, 0, "9aa07d36b60440e6b82a363293397d92", "Port block allocation") \
X(BLOCK_RELEASE,        17, 0, "00af8da605744003978160955c36f0f4", "Port block de-allocation") \
X(POOL_HIGH,            18, 1, "a42a6b75201c4455a61dae043c599c88", "Address pool high threshold event") \
X(POOL_LOW,             18, 2, "d19716145e3b4d6d8595c4d38f081078", "Address pool low threshold event") \
X(BINDINGS_HIGH,        18, 3, "f3d5e10a94de44048e6aa45b2a60b7f2", "Address and port mapping high threshold event") \
X(CLIENT_HIGH,          18, 4, "deb9c48b804f4f48892c7077357245a5", "Address and port mapping per user high threshold event")
/* clang-format on */

enum event_kind {
#define X(name, number, sub_type, id, text) EVENT_##name,
	EVENT_LIST(X)
#undef X
		N_EVENT_KINDS,
};

struct event_info {
	const char *name; /* "NAT ports exhausted" */
	const char *id;   /* MESSAGE_ID; data/nat64d.catalog explains each */
	uint8_t number;   /* natEvent */
	uint8_t sub_type; /* natQuotaExceededEvent or natThresholdEvent; 0 = none */
};

const struct event_info *event_info(enum event_kind kind);

/* What is not about an event is zero. */
struct event {
	enum event_kind kind;
	enum protocol protocol;
	enum outcome outcome;  /* of the packet that met a quota: names the limit */
	bool forced;           /* BINDING_DELETE: its address left pool4 (P-22) */
	bool is_static;        /* the binding, or that of the session */
	uint8_t prefix_len;    /* of addr6; 128 = a host */
	struct addr6 addr6;    /* X', or the client's prefix */
	uint16_t port6;        /* x */
	struct taddr4 mapped;  /* (T,t) */
	uint16_t last_port;    /* of a block, whose first is t */
	struct taddr4 peer;    /* (Z,z) of a session */
	uint32_t pool4;        /* id of the entry */
	uint64_t value;        /* thresholds and quotas: how many there are */
	uint64_t limit;        /* of how many */
	uint64_t n_suppressed; /* of the same kind and subject since the last one */
	uint64_t time_ms;
};

#define EVENT_QUEUE_MAX   4096
#define EVENT_LIMITS      256
#define EVENT_INTERVAL_MS 10000 /* between two of one kind about one subject */

struct event_limit {
	uint64_t subject; /* keyed hash */
	uint64_t until_ms;
	uint64_t n_suppressed;
};

struct event_queue {
	struct event *ring; /* takes memory with the first event, and more as it fills */
	uint32_t capacity;
	uint32_t first;
	uint32_t n_events;
	uint64_t n_dropped;    /* because the queue was full, since the start */
	uint64_t n_suppressed; /* because of the rate, since the start */
	bool want_bindings;
	bool want_sessions;
	struct siphash_key key;
	struct event_limit
		limit[EVENT_LIMITS]; /* by subject; two that share a place share its rate */
};

void event_queue_init(struct event_queue *queue, const struct siphash_key *key);
void event_queue_deinit(struct event_queue *queue);

void event_push(struct event_queue *queue, const struct event *event);
/* No more than one each EVENT_INTERVAL_MS of the same kind, protocol, outcome, client and entry:
 * false if it was suppressed. */
bool event_push_limited(struct event_queue *queue, const struct event *event);

/* The oldest; false if there is none. */
bool event_next(struct event_queue *queue, struct event *ret);
size_t event_queue_memory(const struct event_queue *queue);
bool event_queue_check(const struct event_queue *queue);
