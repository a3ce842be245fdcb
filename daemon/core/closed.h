/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings that have ended (L-13), in a queue until something outside has stored them: who had this
 * address and port, and from when to when.
 *
 * Whoever stores them copies from the front, and drops them only when they are safe; meanwhile new
 * ones are noted behind. It takes memory as it fills and gives it back; nobody waits for the
 * reader, so a full queue loses what is new, and counts it (L-14).
 */
#pragma once

#include "daemon/core/addr.h"

#define CLOSED_CHUNK_RECORDS 4096u
#define CLOSED_CHUNKS        256u
/* At least so many fit, some 50 MB of them. */
#define CLOSED_RECORDS ((CLOSED_CHUNKS - 1) * CLOSED_CHUNK_RECORDS)

/* Times are those of the core's clock; created is negative for what is older than the boot. Where
 * clients have blocks of ports (POOL4_BLOCKS), a binding is told as its block: protocol is
 * N_PROTOCOLS, addr6 the client's prefix, and the ports are mapped.port to port6. */
struct closed_binding {
	struct addr6 addr6;
	struct taddr4 mapped;
	uint16_t port6;
	uint8_t protocol;
	uint8_t prefix_len; /* of a block */
	int32_t created_s;  /* not before */
	uint64_t ended_ms;
};

/* A zeroed one is empty. */
struct closed_queue {
	struct closed_binding *chunk[CLOSED_CHUNKS];
	uint64_t first;  /* of those that were ever noted, the first one that is here */
	uint64_t end;    /* behind the last one */
	uint64_t n_lost; /* without room or memory, since the start */
};

void closed_deinit(struct closed_queue *queue);

void closed_note(struct closed_queue *queue, const struct closed_binding *binding);

/* Copies up to max, from this number on (at least first): how many. */
unsigned closed_copy(const struct closed_queue *queue, uint64_t from, struct closed_binding *ret,
		     unsigned max);
/* Those before this number are stored. Their memory comes back in pieces, for the caller to free()
 * without a lock, as that may be a system call for each: how many. */
unsigned closed_detach(struct closed_queue *queue, uint64_t before, void *ret[CLOSED_CHUNKS]);
/* The same, and frees it. */
void closed_drop(struct closed_queue *queue, uint64_t before);

size_t closed_memory(const struct closed_queue *queue);
bool closed_check(const struct closed_queue *queue);
