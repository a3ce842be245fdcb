/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running gateway, as everything around the core shares it: the core, the locks that guard it,
 * and what the daemon counts itself.
 *
 * Threads: packet threads (worker.c), each with a lane of its own, and the control thread, which
 * runs the event loop (signals, timers, netlink, D-Bus). A lane has a lock, and one can be in the
 * core in two ways:
 *
 *   gateway_enter()     with the lock of one's own lane, for one packet that is light
 *                       (core/lane.h): as many at once as there are lanes, and none of them
 *                       writes anything that another one's processor has to fetch;
 *   gateway_be_alone()  with the locks of all lanes: everything else that a packet may need, such
 *                       as a new session, and the end of those that are over.
 *
 * The control thread is alone, too: gateway_lock(), which brings together what the lanes have
 * counted, for the work of one page of a list. With a single lane to enter it is to be alone.
 * Nobody holds a lock over a system call of his own, but for two questions to the kernel that a
 * packet may need an answer to, with the lock of its lane: a route that is not in the cache
 * (route.c), some microseconds; and who listens on the host's own addresses (listeners.c), once a
 * second at most, which is milliseconds where there are tens of thousands of sockets. Whoever wants
 * to be alone waits for that; and with him the lanes that he has by then, which are those before.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/lane.h"

enum gateway_state {
	GATEWAY_STARTING,
	GATEWAY_ACTIVE,
	GATEWAY_DRAINING,
	GATEWAY_STOPPING,
	N_GATEWAY_STATES,
};

#define GATEWAY_LANES_MAX 32
/* Two queues for each packet thread: TCP, and everything else. */
#define GATEWAY_QUEUES_MAX (2 * GATEWAY_LANES_MAX)

struct gateway_queue {
	uint16_t number;
	uint64_t received; /* packets that reached the core */
	uint64_t lost;     /* packets that the kernel dropped before the daemon saw them */
	uint32_t waiting;  /* packets in the kernel now */
};

/* How sending ended, beside success. The names are those of the metrics. */
#define GATEWAY_SEND_ERRORS(X)                                                            \
	X(TOO_BIG, "too_big")         /* EMSGSIZE: the MTU has just shrunk */             \
	X(NO_ROUTE, "no_route")       /* ENETUNREACH */                                   \
	X(UNREACHABLE, "unreachable") /* EHOSTUNREACH */                                  \
	X(FIREWALL, "firewall")       /* EPERM: a rule of the OUTPUT hook */              \
	X(NO_BUFFER, "no_buffer")     /* ENOBUFS, EAGAIN: the device is slower than we */ \
	X(OTHER, "other")

enum gateway_send_error {
#define X(name, text) GATEWAY_SEND_##name,
	GATEWAY_SEND_ERRORS(X)
#undef X
		N_GATEWAY_SEND_ERRORS,
};

/* The state database, as the thread that writes it sees it. */
#define GATEWAY_STORE_SLOW_MS 5000
enum gateway_store_state {
	GATEWAY_STORE_OFF, /* State.Keep=no, or not started */
	GATEWAY_STORE_OK,
	GATEWAY_STORE_FAILING, /* problem says why; what has changed is kept in memory */
};

struct gateway_store {
	enum gateway_store_state state;
	char problem[512];
	char path[256];
	uint64_t flushed_usec;  /* CLOCK_REALTIME: what had changed is in the file; 0 = not yet */
	uint64_t n_failures;    /* flushes that did not work */
	uint64_t n_set_aside;   /* files that could not be used, and have another name now */
	uint64_t busy_since_ms; /* the writer has been at the disk since then; 0: it is not */
};

/* How TCP is sent (sending.h). */
struct gateway_sending {
	bool by_packet;   /* whole superpackets, through the kernel's forwarding */
	bool has_fallen;  /* it was, and can not be for the time being: an alarm */
	char reason[256]; /* why that way: a sentence without a full stop */
};

/* Of one packet thread. What it has counted is guarded by its lock; it is not the gateway's yet. */
struct gateway_lane {
	_Alignas(128) pthread_mutex_t lock; /* two cache lines, as they are fetched in pairs */
	struct nat64_lane core;
	uint64_t received[GATEWAY_QUEUES_MAX];
	uint64_t send_errors[N_GATEWAY_SEND_ERRORS]; /* all of them */
};

struct gateway {
	unsigned n_lanes; /* fixed before the first thread starts */
	struct gateway_lane lane[GATEWAY_LANES_MAX];
	pthread_mutex_t order; /* of those who want to be alone, where there are several lanes */
	/* All that follows is guarded by all lanes' locks. */
	uint64_t latest_ms; /* see gateway_not_before() */
	struct nat64 *nat;
	enum gateway_state state;
	bool rules_in_place; /* the kernel has the packet rules of this configuration */
	uint64_t started_ms;
	struct gateway_queue queue[GATEWAY_QUEUES_MAX];
	unsigned n_queues;
	struct gateway_store store;
	struct gateway_sending sending;
	uint64_t send_errors[N_GATEWAY_SEND_ERRORS]; /* single packets, fragments counted each */
};

/* With one lane. */
void gateway_init(struct gateway *gateway);
/* With so many, while nobody is in the core and before any packet: 1 .. GATEWAY_LANES_MAX. The core
 * is there. */
void gateway_set_lanes(struct gateway *gateway, unsigned n);
void gateway_deinit(struct gateway *gateway); /* frees the core, too */

void gateway_lock(struct gateway *gateway);
void gateway_unlock(struct gateway *gateway);

void gateway_enter(struct gateway *gateway, unsigned lane);
void gateway_leave(struct gateway *gateway, unsigned lane);
/* Not from within a lane. */
void gateway_be_alone(struct gateway *gateway);
void gateway_end_alone(struct gateway *gateway);
/* For packet threads that are alone: the time that one of them has read, or a later one at which
 * another one was. For the core time does not go back. */
uint64_t gateway_not_before(struct gateway *gateway, uint64_t now_ms);

/* CLOCK_BOOTTIME: the clock of everything in the core. Goes on while the machine sleeps. */
uint64_t gateway_now_ms(void);

/* The state database as it looks now, when a disk that takes too long is a problem, too. With the
 * lock held. */
void gateway_see_store(const struct gateway *gateway, uint64_t now_ms, struct gateway_store *ret);

/* "active" */
const char *gateway_state_name(enum gateway_state state);
/* "too_big" */
const char *gateway_send_error_name(enum gateway_send_error error);
