/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running one's side. See handover.h.
 *
 * That exactly one of the two goes on rests on shutdown(): after it the successor's TAKEN is
 * refused by the kernel, and one that came before is still to be read.
 */
#include "daemon/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/handover_message.h"

#define ACCURACY_USEC 1000

enum stage {
	STAGE_ASKED_NOTHING, /* connected, or nobody is */
	STAGE_READY,
	STAGE_TABLES,
	STAGE_TAKEN,
};

struct handover {
	struct handover_config config;
	char *path;
	int fd;
	sd_event_source *listening;
	int peer_fd; /* -1 = nobody */
	pid_t peer_pid;
	sd_event_source *peer;
	sd_event_source *timeout;
	enum stage stage;
};

bool handover_may(uid_t own, uid_t peer)
{
	return peer == 0 || peer == own;
}

static void end_peer(struct handover *handover)
{
	handover->peer = sd_event_source_disable_unref(handover->peer);
	(void)sd_event_source_set_enabled(handover->timeout, SD_EVENT_OFF);
	if (handover->peer_fd >= 0)
		(void)close(handover->peer_fd);
	handover->peer_fd = -1;
	handover->stage = STAGE_ASKED_NOTHING;
}

static void be_patient(struct handover *handover, uint64_t ms)
{
	(void)sd_event_source_set_time_relative(handover->timeout, ms * 1000);
	(void)sd_event_source_set_enabled(handover->timeout, SD_EVENT_ONESHOT);
}

static void refuse(int fd, const char *why)
{
	struct handover_message message = handover_message(HANDOVER_REFUSED);

	(void)snprintf(message.text, sizeof(message.text), "%s", why);
	(void)handover_send(fd, &message, NULL);
}

static void taken(struct handover *handover)
{
	pid_t pid = handover->peer_pid;

	end_peer(handover);
	handover->stage = STAGE_TAKEN;
	handover->config.taken(handover->config.context, pid);
}

/* Has it all the same said so? */
static bool has_taken(struct handover *handover)
{
	bool found = false;
	int r;

	do {
		struct handover_message message;
		struct descriptors descriptors;

		r = handover_receive(handover->peer_fd, &message, &descriptors);
		descriptors_close(&descriptors);
		found |= r == 0 && message.type == HANDOVER_TAKEN;
	} while (r == 0);
	return found && handover->stage == STAGE_TABLES;
}

static void give_up(struct handover *handover, const char *why)
{
	struct handover_message late = handover_message(HANDOVER_LATE);
	bool goes_on = handover->stage != STAGE_ASKED_NOTHING;

	/* Nothing more can come: whoever hears that it is late has not been heard. */
	(void)shutdown(handover->peer_fd, SHUT_RD);
	if (has_taken(handover)) {
		taken(handover);
		return;
	}
	(void)handover_send(handover->peer_fd, &late, NULL);
	end_peer(handover);
	if (goes_on)
		handover->config.go_on(handover->config.context, why);
}

static void get_ready(struct handover *handover, const struct handover_message *asked)
{
	struct handover_message answer = handover_message(HANDOVER_READY);
	struct descriptors descriptors;
	char why[sizeof(answer.text)];
	uint64_t more_ms = 0;
	bool knows = asked->tables_format == handover->config.tables_format;
	int r;

	if (asked->protocol != HANDOVER_PROTOCOL) {
		(void)snprintf(why, sizeof(why),
			       "the running nat64d %s hands over by protocol %u, not %u: stop it "
			       "first",
			       NAT64D_VERSION, HANDOVER_PROTOCOL, asked->protocol);
		refuse(handover->peer_fd, why);
		end_peer(handover);
		return;
	}
	descriptors_init(&descriptors);
	r = handover->config.ready(handover->config.context, knows, &descriptors, &more_ms);
	if (r < 0) {
		refuse(handover->peer_fd, strerror(-r));
		end_peer(handover);
		return;
	}
	handover->stage = STAGE_READY;
	answer.tables_format = handover->config.tables_format;
	be_patient(handover, handover->config.start_timeout_ms + more_ms);
	r = handover_send(handover->peer_fd, &answer, &descriptors);
	if (descriptors.fd[DESCRIPTOR_TABLES] >= 0)
		(void)close(descriptors.fd[DESCRIPTOR_TABLES]);
	if (r < 0)
		give_up(handover, "it has gone");
}

static void give_tables(struct handover *handover)
{
	struct handover_message answer = handover_message(HANDOVER_TABLES);
	struct descriptors descriptors;
	uint64_t more_ms = 0;
	int r;

	descriptors_init(&descriptors);
	r = handover->config.take(handover->config.context, &descriptors.fd[DESCRIPTOR_TABLES],
				  &more_ms);
	handover->stage = STAGE_TABLES;
	be_patient(handover, handover->config.take_timeout_ms + more_ms);
	if (r == 0)
		r = handover_send(handover->peer_fd, &answer, &descriptors);
	descriptors_close(&descriptors);
	if (r < 0)
		give_up(handover, strerror(-r));
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct handover *handover = userdata;
	struct handover_message message;
	struct descriptors descriptors;
	int r = handover_receive(fd, &message, &descriptors);

	/* The successor has nothing to give. */
	descriptors_close(&descriptors);
	if (r == -EAGAIN)
		return 0;
	if (r == 0 && handover->stage == STAGE_ASKED_NOTHING && message.type == HANDOVER_ASK)
		get_ready(handover, &message);
	else if (r == 0 && handover->stage == STAGE_READY && message.type == HANDOVER_TAKE)
		give_tables(handover);
	else if (r == 0 && handover->stage == STAGE_TABLES && message.type == HANDOVER_TAKEN)
		taken(handover);
	else
		give_up(handover,
			r == -ECONNRESET ? "it has ended" : "it has said what makes no sense here");
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	give_up(userdata, "it took too long");
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct handover *handover = userdata;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (peer_fd < 0)
		return 0;
	if (getsockopt(peer_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    !handover_may(geteuid(), peer.uid)) {
		refuse(peer_fd, "only root and the user of the running nat64d may replace it");
	} else if (handover->peer_fd >= 0 || handover->stage == STAGE_TAKEN) {
		refuse(peer_fd, "another nat64d is taking over already");
	} else if (sd_event_add_io(handover->config.event, &handover->peer, peer_fd, EPOLLIN,
				   on_message, handover) >= 0) {
		handover->peer_fd = peer_fd;
		handover->peer_pid = peer.pid;
		be_patient(handover, handover->config.start_timeout_ms);
		return 0;
	}
	(void)close(peer_fd);
	return 0;
}

/* The control socket has told that no other daemon is there: what is at this path is left over. */
static int listen_at(const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0600) < 0 || listen(fd, 4) < 0)
		return -errno;
	return 0;
}

int handover_new(const struct handover_config *config, struct handover **ret)
{
	struct handover *handover = calloc(1, sizeof(*handover));
	int r;

	if (!handover)
		return -ENOMEM;
	handover->config = *config;
	handover->path = strdup(config->path);
	handover->config.path = handover->path;
	handover->fd = handover->peer_fd = -1;
	r = handover->path ? listen_at(handover->path, &handover->fd) : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_io(config->event, &handover->listening, handover->fd, EPOLLIN,
				    on_connection, handover);
	if (r >= 0)
		r = sd_event_add_time(config->event, &handover->timeout, CLOCK_MONOTONIC,
				      UINT64_MAX, ACCURACY_USEC, on_timeout, handover);
	if (r >= 0)
		r = sd_event_source_set_enabled(handover->timeout, SD_EVENT_OFF);
	if (r < 0) {
		handover_free(handover);
		return r;
	}
	*ret = handover;
	return 0;
}

void handover_free(struct handover *handover)
{
	if (!handover)
		return;
	/* The path is the successor's, if there is one. */
	if (handover->stage != STAGE_TAKEN && handover->listening)
		(void)unlink(handover->path);
	end_peer(handover);
	(void)sd_event_source_disable_unref(handover->listening);
	(void)sd_event_source_disable_unref(handover->timeout);
	if (handover->fd >= 0)
		(void)close(handover->fd);
	free(handover->path);
	free(handover);
}
