/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/handover_message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/handover.h"

#define MAGIC "n64hand"
/* Those that are named in the message, and behind them further queues in their order: of these a
 * predecessor with a single packet thread has none, and a successor that has never heard of them
 * can not read the message, so that the one with several threads goes on. */
#define FDS_MAX (N_DESCRIPTORS + DESCRIPTORS_MORE_MAX)

union control {
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

struct handover_message handover_message(enum handover_type type)
{
	return (struct handover_message){
		.magic = MAGIC, .protocol = HANDOVER_PROTOCOL, .type = type};
}

int handover_send(int fd, struct handover_message *message, const struct descriptors *descriptors)
{
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	struct cmsghdr *cmsg = &control.align;
	int fds[FDS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; descriptors && i < N_DESCRIPTORS; i++) {
		if (descriptors->fd[i] < 0)
			continue;
		message->descriptor[n] = i;
		fds[n++] = descriptors->fd[i];
	}
	message->n_descriptors = n;
	for (uint32_t i = 0; descriptors && i < DESCRIPTORS_MORE_MAX; i++)
		if (descriptors->more_queues[i] >= 0)
			fds[n++] = descriptors->more_queues[i];
	if (n > 0) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* How many came; they are ours, whatever the message says. */
static unsigned take_descriptors(struct msghdr *header, int fds[FDS_MAX])
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	unsigned n;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	if (n > FDS_MAX)
		n = FDS_MAX; /* there is no room for more */
	memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
	return n;
}

static bool is_ours(const struct handover_message *message, ssize_t size, unsigned n_fds)
{
	/* What another version says may be longer or shorter. */
	if (size < (ssize_t)offsetof(struct handover_message, tables_format) ||
	    memcmp(message->magic, MAGIC, sizeof(message->magic)) != 0)
		return false;
	if (message->protocol != HANDOVER_PROTOCOL)
		return true;
	return size == sizeof(*message) && message->n_descriptors <= n_fds &&
	       message->n_descriptors <= N_DESCRIPTORS &&
	       n_fds - message->n_descriptors <= DESCRIPTORS_MORE_MAX;
}

/* Where the descriptor belongs that came as this one; NULL if nowhere. */
static int *place_of(const struct handover_message *message, unsigned index,
		     struct descriptors *descriptors)
{
	uint32_t which;

	if (index >= message->n_descriptors)
		return &descriptors->more_queues[index - message->n_descriptors];
	which = message->descriptor[index];
	return which < N_DESCRIPTORS ? &descriptors->fd[which] : NULL;
}

int handover_receive(int fd, struct handover_message *ret, struct descriptors *ret_descriptors)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union control control = {0};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	int fds[FDS_MAX];
	unsigned n_fds;
	ssize_t size;
	bool ours;

	*ret = (struct handover_message){0};
	descriptors_init(ret_descriptors);
	size = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size <= 0)
		return size == 0 ? -ECONNRESET : -errno;
	n_fds = take_descriptors(&header, fds);
	ours = is_ours(ret, size, n_fds);
	for (unsigned i = 0; i < n_fds; i++) {
		int *place = NULL;

		if (ours && ret->protocol == HANDOVER_PROTOCOL)
			place = place_of(ret, i, ret_descriptors);
		if (place && *place < 0)
			*place = fds[i];
		else
			(void)close(fds[i]);
	}
	ret->text[sizeof(ret->text) - 1] = '\0';
	return ours ? 0 : -EBADMSG;
}
