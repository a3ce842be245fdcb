/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outside as the core asks for it (struct nat64_world), composed of routes, links, neighbours,
 * own addresses and listening sockets, and kept up to date by the kernel's news.
 *
 * Packet threads ask, with a lock of the gateway held; the control thread asks, too, and reads the
 * news. Each has a cache of its own, and a look-up of something known there takes neither a system
 * call nor a lock that others take. A destination that is not in the cache takes one question to
 * the kernel (two for IPv6), some 10 us, and the set of listening sockets a dump at most once a
 * second; that is the price of an answer at once.
 */
#pragma once

#include "daemon/core/nat64.h"

struct world;

struct world_config {
	/* Numbers 1 .. n_workers are packet threads' (thread_number.h); 0 is as good as 1. */
	unsigned n_workers;
	uint32_t mark; /* of what the daemon sends: rules may route by it */
	/* An interface that came up or went down; control thread, from world_read_news(). */
	void (*link_changed)(void *context, const char *name, bool up);
	/* IPv4 addresses of the host have come or gone; the same. */
	void (*addresses4_changed)(void *context);
	void *context;
};

int world_new(const struct world_config *config, struct world **ret);
void world_free(struct world *world);

/* For nat64_new(); world must live as long as the core. */
struct nat64_world world_functions(struct world *world);

/* For the event loop: readable when there is news. */
int world_fd(const struct world *world);
int world_read_news(struct world *world);
/* Every ten seconds (F-27), for what the kernel does not tell: an IPv6 MTU set by an advertisement
 * or a sysctl. Control thread. */
int world_refresh(struct world *world);

/* Interfaces by which no ICMP errors of our own leave (I-31), by name, NULL-terminated; NULL: none.
 * They are copied, and need not exist yet. Control thread. */
int world_set_silent(struct world *world, char *const *names);

/* The kernel has just contradicted a cached route: forget them all. Any thread. */
void world_forget_routes(struct world *world);
