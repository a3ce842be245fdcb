/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet threads of the daemon, with their queues: one thread for each of Queue.Workers, and
 * which socket belongs to which (queue_plan.h).
 *
 * Control thread.
 */
#pragma once

#include <stdatomic.h>

#include "daemon/config.h"
#include "daemon/descriptors.h"
#include "daemon/gateway.h"
#include "daemon/queue_plan.h"

struct daemon_sending;
struct nfqueue;
struct worker;
struct world;

struct daemon_packets {
	struct gateway *gateway;
	struct daemon_sending *sending;
	struct world *world;

	/* Private. */
	unsigned n_workers;
	unsigned n_counted; /* as many as they would be after a restart, as it was said last */
	unsigned n_before;  /* sockets of a predecessor */
	struct queue_plan plan;
	struct nfqueue *nfqueue[QUEUE_PLAN_SOCKETS_MAX];
	struct worker *worker[GATEWAY_LANES_MAX];
	bool is_running;
	_Atomic uint64_t beat[GATEWAY_LANES_MAX]; /* all but the first thread's */
	_Atomic uint64_t *first_beat;
	int failed_fd; /* eventfd: a thread has ended with error */
	atomic_int error;
};

/* Binds the queues, or takes over what there is of the one before. The core is there, and gets its
 * lanes. 0, or a negative errno, which is logged. */
int daemon_packets_open(struct daemon_packets *packets, const struct config_queue *queue,
			unsigned n_workers, struct descriptors *inherited);
/* What was never opened is closed if it was set to DAEMON_PACKETS_CLOSED. */
#define DAEMON_PACKETS_CLOSED ((struct daemon_packets){.failed_fd = -1})
void daemon_packets_close(struct daemon_packets *packets);

/* How many threads a daemon that starts now would have: said once if they are others, as processors
 * have come or gone. */
void daemon_packets_compare(struct daemon_packets *packets, unsigned n_workers);

/* Readable when a thread could not go on; with what error. */
int daemon_packets_failed_fd(const struct daemon_packets *packets);
int daemon_packets_error(const struct daemon_packets *packets);

/* first_beat: where the first thread says when it looked at its queues (heartbeat.h). drop_waiting:
 * what waits is too late. 0, or a negative errno, which is logged. */
int daemon_packets_start(struct daemon_packets *packets, _Atomic uint64_t *first_beat,
			 bool drop_waiting);
/* All threads finish what they have in hand. */
void daemon_packets_stop(struct daemon_packets *packets);
static inline bool daemon_packets_run(const struct daemon_packets *packets)
{
	return packets->is_running;
}
/* When that thread looked at its queues that has not done so for the longest time: one that hangs
 * keeps it as it is. They run. */
uint64_t daemon_packets_oldest_beat(const struct daemon_packets *packets);

/* Once a second: what was lost. */
void daemon_packets_count(struct daemon_packets *packets);
/* Once a second, but not while a successor has our sockets, which may want just these queues: old
 * ones that are empty end. */
void daemon_packets_end_old(struct daemon_packets *packets);

/* As in nfqueue.h, of all sockets. */
bool daemon_packets_are_inherited(const struct daemon_packets *packets);
bool daemon_packets_have_same_queues(const struct daemon_packets *packets);
/* It is we who go on, and our rules are back: nfqueue_take_back() */
void daemon_packets_take_back(struct daemon_packets *packets);
void daemon_packets_settle(struct daemon_packets *packets);
void daemon_packets_set_super(struct daemon_packets *packets, bool whole);
void daemon_packets_set_waiting(struct daemon_packets *packets, const struct config_queue *queue);

/* For a successor. */
void daemon_packets_list(const struct daemon_packets *packets, struct descriptors *ret);
