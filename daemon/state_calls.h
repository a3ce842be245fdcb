/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What management asks of the state database: who had an address and port, and a copy of all of it.
 * Both take their time, so each is answered later, once, in the control thread; refusals may come
 * before the call returns.
 */
#pragma once

#include <stdint.h>

#include "daemon/core/addr.h"

enum state_error {
	STATE_OK,
	STATE_OFF,    /* nothing of the kind is kept, by the configuration */
	STATE_BUSY,   /* too much of it is under way */
	STATE_FAILED, /* the database, or the file to be written */
	STATE_ENDS,   /* the daemon does, or hands over */
	N_STATE_ERRORS,
};

/* CLOCK_REALTIME in µs. */
struct state_who {
	struct taddr4 mapped;
	uint64_t at_usec;
	uint64_t within_usec; /* before and after */
};

/* One who had it. */
struct state_owner {
	enum protocol protocol; /* N_PROTOCOLS: it had the block of ports, for all of them */
	struct taddr6 client;
	uint8_t prefix_len; /* then, of the client; its port is 0 */
	uint64_t created_usec;
	uint64_t ended_usec; /* UINT64_MAX: has it still */
};

/* As many as an answer has. */
#define STATE_OWNERS_MAX 10000

#define STATE_TEXT_SIZE 512
struct state_answer {
	enum state_error error;
	char text[STATE_TEXT_SIZE]; /* why not: a sentence */
	struct state_owner *owner;  /* the earliest first */
	uint32_t n_owners;
	uint64_t n_rows; /* bindings and sessions in the snapshot */
	uint64_t usec;   /* how long it took */
};
typedef void state_answered_fn(void *cookie, const struct state_answer *answer);

struct state_calls {
	void *context;
	const char *snapshot_path; /* where a snapshot goes that names no place */
	void (*who)(void *context, const struct state_who *question, state_answered_fn *answered,
		    void *cookie);
	/* fd: where to, or -1; the caller's, who may close it. */
	void (*snapshot)(void *context, int fd, state_answered_fn *answered, void *cookie);
};
