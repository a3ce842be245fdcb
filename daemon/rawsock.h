/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw sockets: IPv4 and IPv6 packets out, as they are, routed by the kernel.
 *
 * Who may call: the packet thread that owns it. Packets, and the segments of superpackets, are no
 * larger than the device's MTU; the kernel fragments nothing here. Superpackets are cut, and
 * unfinished checksums finished, here (core/cut.h).
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/gateway.h"

#define RAWSOCK_TEXT_SIZE 256

struct rawsock;

struct rawsock_config {
	uint32_t mark; /* Queue.Mark: no bit outside of mask */
	uint32_t mark_mask;
	uint32_t memory_size; /* send buffer of each socket */
	/* Sockets of a predecessor, 0 = none. They are taken over in any case, and closed if they
	 * are something else. */
	int inherited_fd4;
	int inherited_fd6;
};

/* Errors as in nfqueue_new(). text holds RAWSOCK_TEXT_SIZE bytes. */
int rawsock_new(const struct rawsock_config *config, struct rawsock **ret, char *text);
void rawsock_free(struct rawsock *rawsock);
/* For a successor. */
int rawsock_fd4(const struct rawsock *rawsock);
int rawsock_fd6(const struct rawsock *rawsock);

/*
 * Sends n packets, those that are TCP only with_tcp; each with its own mark outside of the mask and
 * the daemon's inside. Never blocks and never gives up: a packet that is refused is counted by
 * name, and the next one follows. ret_error holds n elements: 0 or a negative errno. Returns how
 * many were refused, each segment counted.
 */
unsigned rawsock_send(struct rawsock *rawsock, const struct out_packet *packets, unsigned n,
		      bool with_tcp, int *ret_error);

/* Since the start, indexed by enum gateway_send_error. */
const uint64_t *rawsock_errors(const struct rawsock *rawsock);
