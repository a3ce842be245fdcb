/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running gateway, as everything around the core shares it: the core, the lock that guards it,
 * and what the daemon counts itself.
 *
 * Threads: a packet thread (worker.c; several later) and the control thread, which runs the event
 * loop (signals, timers, netlink, D-Bus). Whoever calls the core or reads its tables holds the
 * lock, for the work of one batch or of one page of a list. Nobody holds it over a system call
 * of his own; the one exception is a route that is not in the cache (world.c).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct nat64;

enum gateway_state {
	GATEWAY_STARTING,
	GATEWAY_ACTIVE,
	GATEWAY_DRAINING,
	GATEWAY_STOPPING,
	N_GATEWAY_STATES,
};

/* Two queues for each packet thread: TCP, and everything else. */
#define GATEWAY_QUEUES_MAX 64

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

struct gateway {
	pthread_mutex_t lock;
	/* All that follows is guarded by the lock. */
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

void gateway_init(struct gateway *gateway);
void gateway_deinit(struct gateway *gateway); /* frees the core, too */

void gateway_lock(struct gateway *gateway);
void gateway_unlock(struct gateway *gateway);

/* CLOCK_BOOTTIME: the clock of everything in the core. Goes on while the machine sleeps. */
uint64_t gateway_now_ms(void);

/* The state database as it looks now, when a disk that takes too long is a problem, too. With the
 * lock held. */
void gateway_see_store(const struct gateway *gateway, uint64_t now_ms, struct gateway_store *ret);

/* "active" */
const char *gateway_state_name(enum gateway_state state);
/* "too_big" */
const char *gateway_send_error_name(enum gateway_send_error error);
