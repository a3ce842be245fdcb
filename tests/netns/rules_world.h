/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway and the world around it, for tests of the packet rules in a real kernel.
 *
 * The gateway's namespace has one interface; its other end is in a second namespace without any
 * stack in the way, where a packet socket plays the rest of the world: it sends whole packets and
 * sees what leaves. "The daemon" is a socket that has bound the queues and never answers; how many
 * packets reached it is read from the kernel. Packets cross a veth pair before send() returns, and
 * a ping to the gateway marks the end of what is waited for: nothing sleeps.
 */
#pragma once

#include <sys/types.h>

#include "daemon/rules.h"
#include "tests/craft.h"

#define OWN     "192.0.2.1"     /* the gateway's own address, in pool4 */
#define FOREIGN "203.0.113.7"   /* in pool4, nobody's address */
#define PEER    "192.0.2.2"     /* on the link */
#define FAR     "198.51.100.20" /* behind the peer */
#define CLIENT  "2001:db8:1::10"
#define OWN6    "2001:db8:1::1"
#define SERVER6 "2001:db8:64::c633:6414"
#define MARK    0x64000000
#define QUEUE   6400

struct world {
	int wire; /* the packet socket at the far end */
	int link;
	pid_t holder; /* keeps the far namespace */
	struct config config;
	struct rules *rules;
	struct nfqueue *queue; /* NULL: the daemon is away */
};

/* False: the test has been skipped. */
gboolean world_begin(struct world *world);
void world_end(struct world *world);

void daemon_start(struct world *world);
void daemon_stop(struct world *world);
/* How many packets have come to queue number (0 = TCP, 1 = the rest). */
unsigned queued(unsigned number);
/* The same, when the kernel has had its time: on a busy machine a frame that was sent is handled
 * later. */
unsigned queued_soon(unsigned number, unsigned n);

/* The entry of pool4: OWN and FOREIGN with ports 5000-5999, all protocols. */
struct rules_entry world_entry(void);
void apply(struct world *world);
/* What warning number i says. */
const char *world_warning(const struct world *world, guint i);
void teardown(void);

/* From the world to the gateway. */
void send_in(struct world *world, const struct craft *what);
/* The same in a broadcast frame. */
void send_to_all(struct world *world, const struct craft *what);
/* As the daemon sends, by raw sockets; or, not marked, as anybody else. */
void send_out(const struct craft *what, bool marked);

struct seen {
	uint8_t byte[2048];
	ssize_t size;
};

/* Sends a ping and waits for its answer: what left the gateway before that, the first that has
 * protocol from src, else false. */
gboolean left_gateway(struct world *world, uint8_t protocol, const char *src, struct seen *ret);

/* What a command prints. g_free() */
char *output_of(const char *command);
/* All that setup may touch. g_free() */
char *snapshot(void);
