/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/send_batch.h"

#include <assert.h>
#include <errno.h>

static int set_int(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int send_batch_set_socket(int fd, uint32_t mark, uint32_t memory_size)
{
	if (set_int(fd, SO_SNDBUFFORCE, (int)memory_size) < 0)
		(void)set_int(fd, SO_SNDBUF, (int)memory_size);
	return set_int(fd, SO_MARK, (int)mark);
}

static enum gateway_send_error name_error(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return GATEWAY_SEND_TOO_BIG;
	case -ENETUNREACH:
		return GATEWAY_SEND_NO_ROUTE;
	case -EHOSTUNREACH:
		return GATEWAY_SEND_UNREACHABLE;
	case -EPERM:
	case -EACCES:
		return GATEWAY_SEND_FIREWALL;
	case -ENOBUFS:
	case -EAGAIN:
		return GATEWAY_SEND_NO_BUFFER;
	default:
		return GATEWAY_SEND_OTHER;
	}
}

bool send_batch_is_of_device(int error)
{
	return error == -ENXIO || error == -ENODEV || error == -ENETDOWN;
}

static void count(struct send_batch *batch, int error)
{
	if (batch->of_device && send_batch_is_of_device(error))
		batch->n_gone++;
	else
		batch->errors[name_error(error)]++;
}

static void set_mark(struct send_batch *batch, unsigned slot, uint32_t packet_mark)
{
	uint32_t mark = (packet_mark & ~batch->mark_mask) | batch->mark;
	struct msghdr *header = &batch->message[slot].msg_hdr;
	struct cmsghdr *control;

	if (mark == batch->mark)
		return;
	header->msg_control = batch->control[slot].bytes;
	header->msg_controllen = sizeof(batch->control[slot].bytes);
	control = CMSG_FIRSTHDR(header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SO_MARK;
	control->cmsg_len = CMSG_LEN(sizeof(mark));
	memcpy(CMSG_DATA(control), &mark, sizeof(mark));
}

struct msghdr *send_batch_put(struct send_batch *batch, const struct out_packet *packet,
			      unsigned index, const void *header, size_t header_size)
{
	unsigned slot = batch->n++;
	struct msghdr *message = &batch->message[slot].msg_hdr;
	struct iovec *iov = batch->iov[slot];

	assert(slot < SEND_BATCH_MAX);
	*message = (struct msghdr){.msg_iov = iov};
	if (header)
		iov[message->msg_iovlen++] = (struct iovec){(void *)header, header_size};
	for (unsigned i = 0; i < packet->n_parts; i++)
		iov[message->msg_iovlen++] =
			(struct iovec){(void *)packet->part[i].base, packet->part[i].size};
	set_mark(batch, slot, packet->mark);
	batch->index[slot] = index;
	return message;
}

/* sendmmsg() stops in front of the first packet that is refused. */
unsigned send_batch_flush(struct send_batch *batch, int fd, int *ret_error)
{
	unsigned n_refused = 0;
	unsigned i = 0;

	while (i < batch->n) {
		int n = sendmmsg(fd, batch->message + i, batch->n - i, MSG_DONTWAIT);

		if (n > 0) {
			i += (unsigned)n;
		} else if (n == 0 || errno != EINTR) {
			int error = n == 0 ? -EIO : -errno;

			ret_error[batch->index[i]] = error;
			count(batch, error);
			n_refused++;
			i++;
		}
	}
	batch->n = 0;
	return n_refused;
}
