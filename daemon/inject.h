/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP into the kernel's forwarding: packets and superpackets, whole and with unfinished checksums,
 * which the kernel or the device that they leave by cuts and finishes (Queue.Inject=packet).
 *
 * A packet socket with a vnet header, bound to one end of a veth pair of our own
 * (netlink_veth.h). What comes out of the other end is routed and filtered like any packet that
 * arrives there: PREROUTING, FORWARD and POSTROUTING. It carries the daemon's mark, by which the
 * rules know it (rules_nft.c): it is neither taken again nor tracked.
 *
 * Who may call: the packet thread that owns it.
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/netlink_veth.h"

#define INJECT_TEXT_SIZE 256
/* Behind the device's name: the end that packets are sent into. */
#define INJECT_PEER_SUFFIX NETLINK_VETH_PEER_SUFFIX

struct inject;

struct inject_config {
	const char *device; /* name of the end that packets come out of */
	uint32_t mark;      /* Queue.Mark: no bit outside of mask */
	uint32_t mark_mask;
	uint32_t memory_size; /* that may wait in the socket */
};

/* On failure a negative errno, and text says why this host can not do it, and what would help: it
 * holds INJECT_TEXT_SIZE bytes. */
int inject_new(const struct inject_config *config, struct inject **ret, char *text);
/* keep: the device stays, another daemon uses it. */
void inject_free(struct inject *inject, bool keep);
/* A pair that nobody uses any more; nothing if there is none of ours. */
void inject_remove(const char *device);

/*
 * Sends those of n packets that are TCP. ret_error holds n elements, of which only those that are
 * refused are set, to a negative errno. Returns how many were refused. What the kernel drops on its
 * further way it does not tell.
 */
unsigned inject_send(struct inject *inject, const struct out_packet *packets, unsigned n,
		     int *ret_error);

/* Has the device refused something because it is gone, or down? */
bool inject_has_gone(const struct inject *inject);

/* Of the end that packets are sent into. */
unsigned inject_ifindex(const struct inject *inject);
/* Is that end still there, as inject_new() has made the pair, and does the host allow it? 0, or a
 * negative errno and a text as from inject_new(). Of any thread. */
int inject_check(const char *device, unsigned ifindex, char *text);

/* A packet that was refused as it was before inject_send(), for another way. */
void inject_withdraw(const struct out_packet *packet);

/* Since the start, indexed by enum gateway_send_error. */
const uint64_t *inject_errors(const struct inject *inject);
