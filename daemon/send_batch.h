/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets gathered for one sendmmsg(), each with a mark: what rawsock.c and inject.c have in
 * common.
 *
 * Each packet carries its own mark outside of the mask and the daemon's inside. The socket's own
 * mark serves packets that came without bits outside of it; all others carry theirs in a control
 * message.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "daemon/core/emit.h"
#include "daemon/gateway.h"

#define SEND_BATCH_MAX 64

struct send_batch {
	uint32_t mark; /* no bit outside of mask */
	uint32_t mark_mask;
	uint64_t errors[N_GATEWAY_SEND_ERRORS];
	/* Of one device only: what that refuses because it is gone or down is not counted, as there
	 * is another way; n_gone says how many it were. */
	bool of_device;
	uint64_t n_gone;

	/* Private. */
	struct mmsghdr message[SEND_BATCH_MAX];
	struct iovec iov[SEND_BATCH_MAX][3];
	union {
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} control[SEND_BATCH_MAX];
	unsigned index[SEND_BATCH_MAX]; /* of the packet in the caller's array */
	unsigned n;
};

/* A socket for it: its mark, and how much may wait in it, as far as the kernel grants that. */
int send_batch_set_socket(int fd, uint32_t mark, uint32_t memory_size);

/*
 * Takes one more packet, behind header unless that is NULL; both stay until send_batch_flush(),
 * which is due at SEND_BATCH_MAX. Returns its slot; index is for ret_error there. Where it goes to
 * is set in the returned message's name.
 */
struct msghdr *send_batch_put(struct send_batch *batch, const struct out_packet *packet,
			      unsigned index, const void *header, size_t header_size);

/* Is the device gone, or down? */
bool send_batch_is_of_device(int error);

/* Sends all of it. Never blocks and never gives up: a packet that is refused is counted by name,
 * its negative errno stands in ret_error, and the next one follows. Returns how many were refused.
 */
unsigned send_batch_flush(struct send_batch *batch, int fd, int *ret_error);
