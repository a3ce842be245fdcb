/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptors that a daemon leaves to the next one, by name: handed over (handover.h), or kept
 * by the service manager in between (FDSTORE=1). What comes is only used after a look at what it
 * is: a socket of another kind is none.
 */
#pragma once

#include <stdbool.h>

/* The name is that in FDNAME. */
#define DESCRIPTORS(X)                                                 \
	X(QUEUE, "queue") /* the netlink socket that has the queues */ \
	X(RAW4, "raw4")                                                \
	X(RAW6, "raw6")                                                \
	X(HEARTBEAT, "heartbeat") /* heartbeat.h */                    \
	X(TABLES, "tables")       /* tables.h */

enum descriptor {
#define X(name, text) DESCRIPTOR_##name,
	DESCRIPTORS(X)
#undef X
		N_DESCRIPTORS,
};

/* Beside QUEUE: one for each further packet thread, which the service manager knows as "queue1",
 * "queue2" and so on. */
#define DESCRIPTORS_MORE_MAX 31

/* -1: there is none. */
struct descriptors {
	int fd[N_DESCRIPTORS];
	int more_queues[DESCRIPTORS_MORE_MAX];
};

void descriptors_init(struct descriptors *descriptors);
void descriptors_close(struct descriptors *descriptors);
/* It is the caller's from now on. */
int descriptors_take(struct descriptors *descriptors, enum descriptor which);

const char *descriptor_name(enum descriptor which);
/* N_DESCRIPTORS if there is none of that name. */
enum descriptor descriptor_parse(const char *name);

/* Those with which the service manager has started us. Others, such as listening sockets that the
 * unit never asked for, are closed. */
void descriptors_listen(struct descriptors *ret);
/* The service manager keeps it for the next one instead of what it had by that name. Nothing
 * without a service manager, or if it has no room. */
void descriptors_store(enum descriptor which, int fd);
void descriptors_forget(enum descriptor which);
/* The same of all there are, but the tables; those that are not there are forgotten. */
void descriptors_store_all(const struct descriptors *descriptors);
