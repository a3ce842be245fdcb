/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One socket for each family. The order of packets is kept within a family, which is all that a
 * flow needs. The socket's own mark serves packets that came without bits outside of the mask; all
 * others carry theirs in a control message.
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

#define DST4_OFFSET 16
#define DST6_OFFSET 24

struct rawsock {
	int fd4;
	int fd6;
	uint32_t mark;
	uint32_t mark_mask;
	uint64_t errors[N_GATEWAY_SEND_ERRORS];

	/* One batch of one family. */
	struct mmsghdr message[RAWSOCK_BATCH_MAX];
	struct iovec iov[RAWSOCK_BATCH_MAX][2];
	union {
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} to[RAWSOCK_BATCH_MAX];
	union {
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} control[RAWSOCK_BATCH_MAX];
	unsigned index[RAWSOCK_BATCH_MAX]; /* of the packet in the caller's array */
	unsigned n;
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
		r = set_int(fd, SOL_SOCKET, SO_MARK, (int)config->mark);
	if (r < 0)
		return r;
	/* What the kernel grants is enough to work. Nothing is ever read: protocol 255 might
	 * arrive. */
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, (int)config->memory_size) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)config->memory_size);
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
	rawsock->mark = config->mark;
	rawsock->mark_mask = config->mark_mask;
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

/* The destination is in the first part: it holds at least the IP header. */
static void set_destination(struct rawsock *rawsock, unsigned slot, const struct out_packet *packet)
{
	struct msghdr *header = &rawsock->message[slot].msg_hdr;
	const uint8_t *ip = packet->part[0].base;

	if (packet->version == 4) {
		rawsock->to[slot].in4 = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&rawsock->to[slot].in4.sin_addr, ip + DST4_OFFSET, 4);
		header->msg_namelen = sizeof(struct sockaddr_in);
	} else {
		rawsock->to[slot].in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		memcpy(&rawsock->to[slot].in6.sin6_addr, ip + DST6_OFFSET, 16);
		header->msg_namelen = sizeof(struct sockaddr_in6);
	}
	header->msg_name = &rawsock->to[slot];
}

static void set_mark(struct rawsock *rawsock, unsigned slot, uint32_t packet_mark)
{
	uint32_t mark = (packet_mark & ~rawsock->mark_mask) | rawsock->mark;
	struct msghdr *header = &rawsock->message[slot].msg_hdr;
	struct cmsghdr *control;

	if (mark == rawsock->mark)
		return;
	header->msg_control = rawsock->control[slot].bytes;
	header->msg_controllen = sizeof(rawsock->control[slot].bytes);
	control = CMSG_FIRSTHDR(header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SO_MARK;
	control->cmsg_len = CMSG_LEN(sizeof(mark));
	memcpy(CMSG_DATA(control), &mark, sizeof(mark));
}

static void put(struct rawsock *rawsock, const struct out_packet *packet, unsigned index)
{
	unsigned slot = rawsock->n++;
	struct msghdr *header = &rawsock->message[slot].msg_hdr;

	*header = (struct msghdr){.msg_iov = rawsock->iov[slot], .msg_iovlen = packet->n_parts};
	for (unsigned i = 0; i < packet->n_parts; i++)
		rawsock->iov[slot][i] = (struct iovec){
			.iov_base = (void *)packet->part[i].base,
			.iov_len = packet->part[i].size,
		};
	set_destination(rawsock, slot, packet);
	set_mark(rawsock, slot, packet->mark);
	rawsock->index[slot] = index;
}

/* sendmmsg() stops in front of the first packet that is refused. */
static unsigned flush(struct rawsock *rawsock, int fd, int *ret_error)
{
	unsigned n_refused = 0;
	unsigned i = 0;

	while (i < rawsock->n) {
		int n = sendmmsg(fd, rawsock->message + i, rawsock->n - i, MSG_DONTWAIT);

		if (n > 0) {
			i += (unsigned)n;
		} else if (n == 0 || errno != EINTR) {
			int error = n == 0 ? -EIO : -errno;

			ret_error[rawsock->index[i]] = error;
			rawsock->errors[name_error(error)]++;
			n_refused++;
			i++;
		}
	}
	rawsock->n = 0;
	return n_refused;
}

unsigned rawsock_send(struct rawsock *rawsock, const struct out_packet *packets, unsigned n,
		      int *ret_error)
{
	unsigned n_refused = 0;

	memset(ret_error, 0, n * sizeof(*ret_error));
	for (uint8_t version = 4; version <= 6; version += 2) {
		int fd = version == 4 ? rawsock->fd4 : rawsock->fd6;

		for (unsigned i = 0; i < n; i++) {
			if (packets[i].version != version)
				continue;
			put(rawsock, &packets[i], i);
			if (rawsock->n == RAWSOCK_BATCH_MAX)
				n_refused += flush(rawsock, fd, ret_error);
		}
		n_refused += flush(rawsock, fd, ret_error);
	}
	return n_refused;
}

const uint64_t *rawsock_errors(const struct rawsock *rawsock)
{
	return rawsock->errors;
}
