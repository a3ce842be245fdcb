/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: the management interface peer to peer, for hosts without a bus and for
 * --no-bus. Every peer that connects is a D-Bus connection of its own, on which we are the server.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define CONTROL_PEERS_MAX 64 /* further ones wait until one hangs up */
/* Replies that may wait for a peer to read those before them. From then on nothing more is read
 * from it, and it gets no signals, until half of them are gone. */
#define CONTROL_REPLIES_MAX 32
/* Bytes that the kernel keeps for a peer, besides: more than most replies have, so that one can be
 * written as a whole. */
#define CONTROL_SEND_MEMORY (8 << 20)
/* While others wait, a peer has so long to finish the handshake. */
#define CONTROL_PATIENCE_USEC 1000000

struct control;

/* Called for each new connection, before its first message. */
typedef int (*control_connect_fn)(sd_bus *bus, void *userdata);

/*
 * Listens at path: mode 0660, group nat64d-admin if there is one. What a daemon that is gone left
 * there is replaced; -EADDRINUSE if one is listening.
 */
int control_new(sd_event *event, const char *path, control_connect_fn on_connect, void *userdata,
		struct control **ret);
/* Hangs up, and removes the socket. */
void control_free(struct control *control);

/* For a daemon that takes over: hangs up, and the path is free. The socket itself stays, under
 * another name, with the permissions that we could not give it again; until control_return(). */
void control_yield(struct control *control);
int control_return(struct control *control);

/* The connection in place i of CONTROL_PEERS_MAX; NULL also for one that does not read. */
sd_bus *control_peer(const struct control *control, unsigned i);
