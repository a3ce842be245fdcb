/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet thread, of one or several: a batch from the kernel, through the core, out (sending.h),
 * verdicts.
 *
 * worker_start() makes the thread, which runs until worker_stop(). All that it counts is in its
 * lane of struct gateway. The caller owns everything in the configuration and keeps it until
 * worker_stop() has returned.
 */
#pragma once

#include <stdatomic.h>

#include "daemon/gateway.h"

struct nfqueue;
struct sending;
struct world;
struct worker;

/* One of its own, and those of a predecessor that had more threads. */
#define WORKER_NFQUEUES_MAX GATEWAY_LANES_MAX

struct worker_config {
	struct gateway *gateway; /* its queues have their numbers already */
	unsigned lane;           /* of the gateway: nobody else's */
	struct nfqueue *nfqueue[WORKER_NFQUEUES_MAX];
	unsigned n_nfqueues;
	struct sending *sending;     /* its own */
	struct world *world;         /* NULL: nobody to tell of stale routes */
	_Atomic uint64_t *heartbeat; /* where it is told when it looked at the queue; NULL: nowhere
				      */
	bool drop_waiting; /* what waits at the start is too old: drop it (OUTCOME_LATE) */
	/* The thread can not go on, with a negative errno; called in the packet thread. */
	void (*failed)(void *context, int error);
	void *context;
};

int worker_start(const struct worker_config *config, struct worker **ret);
/* Finishes the batch that is under way, ends the thread and frees all. NULL is nothing to do. */
void worker_stop(struct worker *worker);

/* What the kernel's queues have lost, and what waits in them, into the gateway's counters. */
void worker_read_losses(const struct nfqueue *nfqueue, struct gateway *gateway);
