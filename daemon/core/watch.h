/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Those who look on: bindings and sessions that come and go, and packets that are dropped, kept in
 * a bounded ring for as long as somebody reads it; and packets shown with all that was decided
 * about them to whoever traces them. While nobody looks on, it is one branch where something
 * happens, and none on the way of a packet that passes but that about tracing.
 *
 * Nothing waits for the reader: a full ring loses what is new, and counts it. The log has a queue
 * of its own (event.h), which has rates and is read less often.
 *
 * Lock: as pool4.h.
 */
#pragma once

#include "daemon/core/event.h"
#include "daemon/core/noted.h"

enum watch_want {
	WATCH_BINDINGS = 1 << 0, /* and blocks of ports, where bindings get these (L-11) */
	WATCH_SESSIONS = 1 << 1,
	WATCH_DROPS = 1 << 2,
};

#define WATCH_RECORDS 8192

struct watch_drop {
	uint64_t time_ms;
	enum outcome outcome;
	struct noted_packet packet; /* as it came */
	bool has_peer4;             /* from the IPv6 side, and inside Pool6 */
	uint32_t peer4;             /* the address embedded there */
};

struct watch_record {
	bool is_drop;
	union {
		struct event event;
		struct watch_drop drop;
	};
};

struct nat64;
struct decision;
struct out;

/* A packet and what was decided about it, before anything of it has been done: see decision.h. */
struct watch_packet {
	const struct nat64 *nat;
	const struct packet
		*packet; /* its view; its bytes may be rewritten if nothing was decided */
	const struct noted_packet *seen; /* as it came */
	const struct decision *decision;
	enum outcome outcome;
	uint64_t now_ms;
};

/* Called in the packet thread, under the lock: it answers at once, and changes nothing. */
typedef void (*watch_trace_fn)(void *context, const struct watch_packet *traced);

/* The bytes of the packet that was traced last, and what is sent because of it, which may be
 * nothing, or an ICMP error. */
#define WATCH_BYTES_MAX 1600
struct watch_bytes {
	const uint8_t *came; /* as it came */
	uint32_t n_came;     /* bytes that are kept: at most WATCH_BYTES_MAX */
	uint32_t came_size;  /* of how many */
	const struct out *out;
	uint32_t first; /* packet of out; those from there on are of this one */
};
typedef void (*watch_bytes_fn)(void *context, const struct watch_bytes *bytes);

struct watch {
	unsigned wanted; /* of enum watch_want; 0 = nobody looks on */
	struct watch_record *ring;
	uint32_t first;
	uint32_t n_records;
	uint64_t n_lost;      /* because the ring was full, since the start */
	watch_trace_fn trace; /* NULL: nobody traces */
	void *trace_context;
	watch_bytes_fn bytes; /* NULL: nobody wants them; with trace only */
	uint8_t *came;        /* WATCH_BYTES_MAX of the packet that is on its way */
	uint32_t n_came;
	uint32_t came_size;
};

/* A zeroed one watches nothing. */
void watch_deinit(struct watch *watch);

/* From now on this is told, and nothing else; 0 forgets what has not been read. False without
 * memory, and then all is as it was. */
bool watch_want(struct watch *watch, unsigned wanted);

/* From now on bytes are told, too; NULL: not any more. False without memory. */
bool watch_want_bytes(struct watch *watch, watch_bytes_fn bytes);
/* Keeps what came, before anything of it changes. */
void watch_keep(struct watch *watch, const uint8_t *data, uint32_t size);
/* Tells what was kept, and what of out is new. */
void watch_tell(struct watch *watch, const struct out *out, uint32_t first);

/* Only if they are wanted. */
void watch_event(struct watch *watch, const struct event *event);
void watch_drop(struct watch *watch, const struct watch_drop *drop);

/* The oldest; false if there is none. */
bool watch_next(struct watch *watch, struct watch_record *ret);
size_t watch_memory(const struct watch *watch);
bool watch_check(const struct watch *watch);
