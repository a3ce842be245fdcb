/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what is injected (inject.h) really come through the kernel's forwarding? TCP superpackets of
 * both families, for IPv4 also with a source that is this host's own, go the way that all others
 * would go, and come back by a route into the same pair of interfaces (netlink_veth.h). What they
 * can not show is a firewall that judges by the interface or the address that a packet leaves for.
 *
 * Who may call: one thread, also while another one sends packets by the same pair. The sockets stay
 * open between two probes, as closing one takes the kernel some 10 ms.
 */
#pragma once

#include <stdint.h>

#include "daemon/inject.h"

struct inject_probe;

struct inject_probe_config {
	const char *device; /* as in inject_config; copied */
	unsigned ifindex;   /* inject_ifindex() */
	uint32_t mark;
};

/* 0, or a negative errno and a text as from inject_new(). */
int inject_probe_new(const struct inject_probe_config *config, struct inject_probe **ret,
		     char *text);
void inject_probe_free(struct inject_probe *probe);

/* Tries at most n_tries times, of which each takes less than one ms if all is well, else
 * timeout_ms. 0 if all came back. Else a negative errno, -ETIMEDOUT for what the kernel has
 * dropped, and text says what is in the way, or may be: it holds INJECT_TEXT_SIZE bytes. */
int inject_probe_run(struct inject_probe *probe, unsigned n_tries, int timeout_ms, char *text);
