/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The management interface org.nat64d1.Manager (org.nat64d1.xml), on the bus and on the control
 * socket at once. It runs in the control thread, on its event loop.
 *
 * Handlers keep one order: read, validate, apply, announce, reply. They take the gateway's lock
 * only to copy out, never while talking to the bus. What changes is changed by the daemon
 * (change.h), once it is stored, and answered when the kernel's rules have followed.
 *
 * The process ignores SIGPIPE: callers hand over pipes, and may close them at any time.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "daemon/change.h"
#include "daemon/gateway.h"
#include "daemon/state_calls.h"

struct manager;

struct manager_options {
	const char *service;     /* NULL = org.nat64d1 */
	bool no_bus;             /* control socket only */
	const char *bus_address; /* NULL = the system bus */
	const char *socket_path; /* NULL = no control socket */
	const struct change_calls *changes;
	const struct state_calls *state;
	uint32_t pool4_objects; /* Limits.Pool4Objects */
};

/* gateway->nat exists and stays. A bus that can not be reached is tried again; a control socket
 * that can not be made, or belongs to a running daemon (-EADDRINUSE), is an error. */
int manager_new(struct gateway *gateway, sd_event *event, const struct manager_options *options,
		struct manager **ret);
void manager_free(struct manager *manager);

/* For a daemon that takes over: nobody is served, and bus name and control socket are free, until
 * manager_return(). 0 or a negative errno. */
void manager_yield(struct manager *manager);
int manager_return(struct manager *manager);

/* gateway->state or the prefixes may be different now: what is, is announced to everyone who
 * listens. */
void manager_changed(struct manager *manager);
struct event;
/* The core has told this: those who listen hear of exhaustion, alarms and limits. */
void manager_event(struct manager *manager, const struct event *event);

/* An entry of pool4 is new, is gone, or has another state. */
void manager_pool4_changed(struct manager *manager, uint32_t id);

/* What was given to be stored is on the disk, or could not be stored, with this sentence: those who
 * wait for it are carried out, or refused. Then, whoever waits for his turn is asked again. */
void manager_stored(struct manager *manager, const char *error);
void manager_next_turn(struct manager *manager);
/* The kernel's rules have followed all changes so far, or could not, with this sentence: those who
 * wait for it are answered. */
void manager_settled(struct manager *manager, const char *error);
