/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which socket has which queues, where there are several packet threads.
 *
 * The rules need consecutive numbers: those for TCP first, one for each thread, then as many for
 * everything else. Each thread has a socket with one of both. The kernel ties a queue to the socket
 * that has bound it, and drops what waits there when it is unbound. So what a predecessor with
 * another number of threads has bound stays where it is: a thread may then have several sockets, or
 * none of its own, and what is missing goes to whoever has the least.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_PLAN_SOCKETS_MAX 32  /* threads of one daemon */
#define QUEUE_PLAN_QUEUES_MAX  128 /* of one socket */

/* What a socket of the predecessor has, as far as that is known. */
struct queue_plan_owned {
	bool is_known; /* else it is what a daemon without predecessor would have given it */
	uint16_t number[QUEUE_PLAN_QUEUES_MAX];
	unsigned n;
};

struct queue_plan_socket {
	uint16_t number[QUEUE_PLAN_QUEUES_MAX];
	unsigned n_super;  /* the first ones, for TCP */
	unsigned n_queues; /* with those */
	unsigned n_old;    /* behind them: not wanted any more */
};

struct queue_plan {
	unsigned n_workers;
	unsigned n_sockets; /* those of the predecessor first, in their order */
	struct queue_plan_socket socket[QUEUE_PLAN_SOCKETS_MAX];
};

/* 1 <= n_workers and n_owned <= QUEUE_PLAN_SOCKETS_MAX. */
void queue_plan_make(uint16_t first, unsigned n_workers, const struct queue_plan_owned *owned,
		     unsigned n_owned, struct queue_plan *ret);

/* Which thread reads this socket? */
static inline unsigned queue_plan_worker(const struct queue_plan *plan, unsigned socket)
{
	return socket % plan->n_workers;
}
