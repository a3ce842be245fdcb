/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One socket for each family. The order of packets is kept within a family, which is all that a
 * flow needs.
 *
 * IP_NODEFRAG: with connection tracking active, a fragment from a raw socket would otherwise be
 * swallowed until its siblings come. IPv6 has no such option: there the rules exempt what carries
 * our mark (rules.c).
 */
#include "daemon/rawsock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/cut.h"
#include "daemon/send_batch.h"

#define DST4_OFFSET 16
#define DST6_OFFSET 24

struct rawsock {
	int fd4;
	int fd6;
	struct send_batch batch;
	union {
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} to[SEND_BATCH_MAX];
	uint8_t header[SEND_BATCH_MAX][CUT_HEADER_MAX]; /* of segments */
};

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* One of before, if that is what it should be. */
static int adopt(int family, int fd)
{
	int domain = 0, protocol = 0;
	socklen_t size = sizeof(int);

	if (fd <= 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && domain == family &&
	    protocol == IPPROTO_RAW)
		return fd;
	(void)close(fd);
	return -1;
}

static int open_one(int family, const struct rawsock_config *config, int *ret_fd)
{
	int fd = *ret_fd;
	int r;

	if (fd < 0)
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	if (family == AF_INET) {
		r = set_int(fd, IPPROTO_IP, IP_HDRINCL, 1);
		if (r == 0)
			r = set_int(fd, IPPROTO_IP, IP_NODEFRAG, 1);
	} else {
		r = set_int(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1);
	}
	if (r == 0)
		r = send_batch_set_socket(fd, config->mark, config->memory_size);
	if (r < 0)
		return r;
	/* Nothing is ever read: protocol 255 might arrive. */
	(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	return 0;
}

int rawsock_new(const struct rawsock_config *config, struct rawsock **ret, char *text)
{
	int fd4 = adopt(AF_INET, config->inherited_fd4);
	int fd6 = adopt(AF_INET6, config->inherited_fd6);
	struct rawsock *rawsock;
	int r = -ENOMEM;

	assert((config->mark & ~config->mark_mask) == 0);
	text[0] = '\0';
	rawsock = calloc(1, sizeof(*rawsock));
	if (!rawsock) {
		if (fd4 >= 0)
			(void)close(fd4);
		if (fd6 >= 0)
			(void)close(fd6);
		goto out;
	}
	rawsock->fd4 = fd4;
	rawsock->fd6 = fd6;
	rawsock->batch.mark = config->mark;
	rawsock->batch.mark_mask = config->mark_mask;
	r = open_one(AF_INET, config, &rawsock->fd4);
	if (r == 0)
		r = open_one(AF_INET6, config, &rawsock->fd6);
	if (r < 0)
		goto out;
	*ret = rawsock;
	return 0;

out:
	rawsock_free(rawsock);
	if (r == -EPERM || r == -EACCES)
		(void)snprintf(text, RAWSOCK_TEXT_SIZE,
			       "raw sockets are not permitted: CAP_NET_RAW is missing");
	else if (r == -EAFNOSUPPORT)
		(void)snprintf(text, RAWSOCK_TEXT_SIZE,
			       "this kernel has no IPv6 (is it disabled by ipv6.disable=1?)");
	else
		(void)snprintf(text, RAWSOCK_TEXT_SIZE, "raw sockets can not be opened: %s",
			       strerror(-r));
	return r;
}

void rawsock_free(struct rawsock *rawsock)
{
	if (!rawsock)
		return;
	if (rawsock->fd4 >= 0)
		(void)close(rawsock->fd4);
	if (rawsock->fd6 >= 0)
		(void)close(rawsock->fd6);
	free(rawsock);
}

int rawsock_fd4(const struct rawsock *rawsock)
{
	return rawsock->fd4;
}

int rawsock_fd6(const struct rawsock *rawsock)
{
	return rawsock->fd6;
}

/* The destination is in the first part: it holds at least the IP header. */
static void put(struct rawsock *rawsock, const struct out_packet *packet, unsigned index)
{
	const unsigned slot = rawsock->batch.n;
	struct msghdr *message = send_batch_put(&rawsock->batch, packet, index, NULL, 0);
	const uint8_t *ip = packet->part[0].base;

	if (packet->version == 4) {
		rawsock->to[slot].in4 = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&rawsock->to[slot].in4.sin_addr, ip + DST4_OFFSET, 4);
		message->msg_namelen = sizeof(struct sockaddr_in);
	} else {
		rawsock->to[slot].in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		memcpy(&rawsock->to[slot].in6.sin6_addr, ip + DST6_OFFSET, 16);
		message->msg_namelen = sizeof(struct sockaddr_in6);
	}
	message->msg_name = &rawsock->to[slot];
}

/* As it is, or what a way that takes it whole would leave to others. */
static unsigned put_whole(struct rawsock *rawsock, const struct out_packet *packet, unsigned index,
			  int fd, int *ret_error)
{
	const bool is_ready = packet->segment_size == 0 && !packet->unfinished;
	const uint32_t n_segments = cut_count(packet);
	unsigned n_refused = 0;

	for (uint32_t i = 0; i < n_segments; i++) {
		struct out_packet segment;

		if (is_ready) {
			put(rawsock, packet, index);
		} else {
			cut_segment(packet, i, rawsock->header[rawsock->batch.n], &segment);
			put(rawsock, &segment, index);
		}
		if (rawsock->batch.n == SEND_BATCH_MAX)
			n_refused += send_batch_flush(&rawsock->batch, fd, ret_error);
	}
	return n_refused;
}

unsigned rawsock_send(struct rawsock *rawsock, const struct out_packet *packets, unsigned n,
		      bool with_tcp, int *ret_error)
{
	unsigned n_refused = 0;

	memset(ret_error, 0, n * sizeof(*ret_error));
	for (uint8_t version = 4; version <= 6; version += 2) {
		int fd = version == 4 ? rawsock->fd4 : rawsock->fd6;

		for (unsigned i = 0; i < n; i++) {
			if (packets[i].version == version && (with_tcp || !packets[i].is_tcp))
				n_refused += put_whole(rawsock, &packets[i], i, fd, ret_error);
		}
		n_refused += send_batch_flush(&rawsock->batch, fd, ret_error);
	}
	return n_refused;
}

const uint64_t *rawsock_errors(const struct rawsock *rawsock)
{
	return rawsock->batch.errors;
}
