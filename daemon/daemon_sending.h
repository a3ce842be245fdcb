/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way TCP leaves by (Queue.Inject), chosen at the start and looked after while the daemon runs.
 *
 * With auto TCP goes through the kernel's forwarding as long as a probe comes through there
 * (inject_probe.h), else by raw sockets; with packet, also if a probe does not, as the operator may
 * know better. In both cases a pair of interfaces that is gone is made anew, and until then raw
 * sockets serve. Each change is said once, and stands in the gateway (struct gateway_sending).
 *
 * Control thread.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"

struct inject_probe;
struct sending;

struct daemon_sending_config {
	struct gateway *gateway;
	const char *instance;
	const struct config_queue *queue; /* read by daemon_sending_open() only */
	unsigned n_workers;               /* each sends by itself, all by the same way */
	int inherited_fd4;                /* as in rawsock_config */
	int inherited_fd6;
	/* Superpackets are to come whole, or not. */
	void (*set_super)(void *context, bool whole);
	void *context;
};

struct daemon_sending {
	struct sending *sending[GATEWAY_LANES_MAX]; /* of each packet thread */

	/* Private. */
	struct gateway *gateway;
	void (*set_super)(void *context, bool whole);
	void *context;
	struct inject_probe *probe; /* NULL: there is no pair */
	enum config_inject wanted;
	struct config_mark mark;
	char *device;
	unsigned ifindex; /* 0: there is no pair */
	unsigned n_workers;
	bool by_packet; /* as it was chosen last */
	bool is_doubtful;
	bool is_first;  /* nothing has been chosen yet */
	bool is_swept;  /* with raw: no pair is left */
	bool is_warned; /* with packet: that the probe does not come through */
	char reason[256];
};

/* Opens sockets, and makes the pair. 0, or a negative errno, which is logged: with packet also if
 * there can be no pair. */
int daemon_sending_open(struct daemon_sending *sending, const struct daemon_sending_config *config);
/* keep: another daemon uses the pair. */
void daemon_sending_close(struct daemon_sending *sending, bool keep);

/* Once the packet rules are in place, and before packets are sent: the way, also what the queues
 * are to do. */
void daemon_sending_choose(struct daemon_sending *sending);

/* Is that interface one of the pair? */
bool daemon_sending_is_device(const struct daemon_sending *sending, const char *name);
/* Looks whether the way is still right, and takes the other one if not; with raw, a pair that
 * another daemon has left goes. Takes less than 1 ms if all
 * is well, else up to 0.3 s. */
void daemon_sending_look(struct daemon_sending *sending);
/* Something has happened that may matter: the next tick looks. */
void daemon_sending_doubt(struct daemon_sending *sending);
/* The same as daemon_sending_look() if there is doubt, or the packet thread has found that the
 * device is gone. Costs nothing if not. */
void daemon_sending_tick(struct daemon_sending *sending);
/* Another daemon may have changed what the queues do. */
void daemon_sending_say_again(struct daemon_sending *sending);
