/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The successor's side. See handover.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/handover_message.h"

/* Longer than the running one may need for its database; if it hangs, that is found out. */
#define ANSWER_TIMEOUT_MS 30000

struct handover_peer {
	int fd;
};

static int say(char *text, int error, const char *what)
{
	(void)snprintf(text, HANDOVER_TEXT_SIZE, "the running nat64d %s: %s", what,
		       strerror(-error));
	return error;
}

/* 1 if there is something to be read by then, 0 if not, or a negative errno. */
static int wait_for(struct handover_peer *peer, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = peer->fd, .events = POLLIN};
	int n;

	do
		n = poll(&poll_fd, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Waits for an answer of this type. */
static int answer_of(struct handover_peer *peer, enum handover_type type,
		     struct handover_message *ret, struct descriptors *ret_descriptors, char *text)
{
	int n = wait_for(peer, ANSWER_TIMEOUT_MS);
	int r;

	if (n == 0)
		return say(text, -ETIMEDOUT, "does not answer");
	r = n < 0 ? n : handover_receive(peer->fd, ret, ret_descriptors);
	if (r < 0)
		return say(text, r, r == -ECONNRESET ? "has gone" : "can not be understood");
	if (ret->protocol == HANDOVER_PROTOCOL && ret->type == type)
		return 0;
	descriptors_close(ret_descriptors);
	if (ret->type == HANDOVER_LATE)
		return say(text, -ETIME, "has gone on by itself");
	if (ret->protocol == HANDOVER_PROTOCOL && ret->type == HANDOVER_REFUSED) {
		(void)snprintf(text, HANDOVER_TEXT_SIZE, "refused: %s", ret->text);
		return -ECONNREFUSED;
	}
	return say(text, -EPROTO, "answers what makes no sense");
}

static int connect_to(const char *path, struct handover_peer *peer, char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred running;
	socklen_t size = sizeof(running);

	if (strlen(path) >= sizeof(address.sun_path))
		return say(text, -ENAMETOOLONG, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	peer->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->fd < 0)
		return say(text, -errno, "can not be asked");
	if (connect(peer->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return say(text, errno == ECONNREFUSED ? -ENOENT : -errno, "can not be reached");
	if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &running, &size) < 0)
		return say(text, -errno, "can not be asked");
	if (!handover_may(geteuid(), running.uid)) {
		(void)snprintf(text, HANDOVER_TEXT_SIZE,
			       "the running nat64d belongs to user %u: start its successor as that "
			       "user",
			       running.uid);
		return -EACCES;
	}
	return 0;
}

int handover_ask(const char *path, uint32_t tables_format, struct handover_peer **ret,
		 struct descriptors *ret_descriptors, char text[HANDOVER_TEXT_SIZE])
{
	struct handover_message ask = handover_message(HANDOVER_ASK);
	struct handover_message answer;
	struct handover_peer *peer = malloc(sizeof(*peer));
	int r;

	if (!peer)
		return say(text, -ENOMEM, "can not be asked");
	peer->fd = -1;
	ask.tables_format = tables_format;
	r = connect_to(path, peer, text);
	if (r == 0) {
		r = handover_send(peer->fd, &ask, NULL);
		if (r < 0)
			(void)say(text, r, "can not be asked");
	}
	/* Even if it could not be asked: it may have said why. */
	if (r == 0 || r == -EPIPE)
		r = answer_of(peer, HANDOVER_READY, &answer, ret_descriptors, text);
	if (r < 0) {
		handover_peer_free(peer);
		return r;
	}
	*ret = peer;
	return 0;
}

int handover_check(struct handover_peer *peer, char text[HANDOVER_TEXT_SIZE])
{
	struct handover_message answer;
	struct descriptors descriptors;
	int r = wait_for(peer, 0);

	if (r == 0)
		return 0;
	if (r < 0)
		return say(text, r, "can not be understood");
	/* It has nothing to say now but that it goes on. */
	r = answer_of(peer, HANDOVER_LATE, &answer, &descriptors, text);
	if (r < 0)
		return r;
	descriptors_close(&descriptors);
	return say(text, -ETIME, "has gone on by itself");
}

int handover_take(struct handover_peer *peer, int *ret_tables_fd, char text[HANDOVER_TEXT_SIZE])
{
	struct handover_message take = handover_message(HANDOVER_TAKE);
	struct handover_message answer;
	struct descriptors descriptors;
	int r;

	(void)handover_send(peer->fd, &take, NULL);
	r = answer_of(peer, HANDOVER_TABLES, &answer, &descriptors, text);
	if (r < 0)
		return r;
	*ret_tables_fd = descriptors_take(&descriptors, DESCRIPTOR_TABLES);
	descriptors_close(&descriptors);
	return 0;
}

int handover_taken(struct handover_peer *peer, char text[HANDOVER_TEXT_SIZE])
{
	struct handover_message taken = handover_message(HANDOVER_TAKEN);
	struct handover_message answer;
	struct descriptors descriptors;

	if (handover_send(peer->fd, &taken, NULL) == 0)
		return 0;
	return answer_of(peer, HANDOVER_TAKEN, &answer, &descriptors, text);
}

void handover_peer_free(struct handover_peer *peer)
{
	if (!peer)
		return;
	if (peer->fd >= 0)
		(void)close(peer->fd);
	free(peer);
}
