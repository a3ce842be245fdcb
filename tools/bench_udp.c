/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load and count for tools/bench: as many small datagrams as the machine can send, and how many of
 * them arrived. Not a measuring instrument of its own: no rates are kept, no times are stamped.
 *
 *   bench_udp send ADDRESS PORT MILLISECONDS FLOWS    prints how many it sent
 *   bench_udp sink PORT                               counts from the first datagram until none
 * came for half a second; prints number and µs
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH        64
#define PAYLOAD_SIZE 64
#define FLOWS_MAX    1024
#define IDLE_MS      500
#define BUFFER_SIZE  (32 << 20)

struct batch {
	struct mmsghdr message[BATCH];
	struct iovec part[BATCH];
	uint8_t payload[BATCH][PAYLOAD_SIZE];
};

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	for (unsigned i = 0; i < BATCH; i++) {
		batch->part[i] = (struct iovec){batch->payload[i], PAYLOAD_SIZE};
		batch->message[i].msg_hdr.msg_iov = &batch->part[i];
		batch->message[i].msg_hdr.msg_iovlen = 1;
	}
}

/* One connected socket for each flow; the kernel chooses their ports. */
static int open_flows(const char *host, const char *port, int *ret_fds, unsigned n)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *to;
	int r = getaddrinfo(host, port, &hints, &to);

	if (r != 0) {
		fprintf(stderr, "bench_udp: %s: %s\n", host, gai_strerror(r));
		return -EINVAL;
	}
	r = 0;
	for (unsigned i = 0; i < n && r == 0; i++) {
		ret_fds[i] = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (ret_fds[i] < 0 || connect(ret_fds[i], to->ai_addr, to->ai_addrlen) < 0)
			r = -errno;
	}
	freeaddrinfo(to);
	if (r < 0)
		fprintf(stderr, "bench_udp: cannot send to %s: %s\n", host, strerror(-r));
	return r;
}

static int run_send(const char *host, const char *port, unsigned duration_ms, unsigned n_flows)
{
	static struct batch batch;
	static int fds[FLOWS_MAX];
	uint64_t n_sent = 0, end_us;

	if (n_flows == 0 || n_flows > FLOWS_MAX)
		return -EINVAL;
	if (open_flows(host, port, fds, n_flows) < 0)
		return -EINVAL;
	batch_init(&batch);
	end_us = now_us() + (uint64_t)duration_ms * 1000;
	for (unsigned flow = 0; now_us() < end_us; flow = (flow + 1) % n_flows) {
		int n = sendmmsg(fds[flow], batch.message, BATCH, 0);

		/* An ICMP error about an earlier datagram, or a full buffer: go on. */
		if (n > 0)
			n_sent += (unsigned)n;
	}
	printf("%llu\n", (unsigned long long)n_sent);
	return 0;
}

/* An IPv4 socket with a buffer that does not lose what has arrived. */
static int open_sink(uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int size = BUFFER_SIZE;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return fd;
}

static int run_sink(uint16_t port)
{
	static struct batch batch;
	uint64_t n_received = 0, first_us = 0, last_us = 0;
	struct pollfd wait = {.fd = open_sink(port), .events = POLLIN};

	if (wait.fd < 0) {
		fprintf(stderr, "bench_udp: cannot listen: %s\n", strerror(-wait.fd));
		return wait.fd;
	}
	batch_init(&batch);
	while (poll(&wait, 1, first_us == 0 ? -1 : IDLE_MS) > 0) {
		int n = recvmmsg(wait.fd, batch.message, BATCH, MSG_DONTWAIT, NULL);

		if (n <= 0)
			continue;
		last_us = now_us();
		if (first_us == 0)
			first_us = last_us;
		n_received += (unsigned)n;
	}
	printf("%llu %llu\n", (unsigned long long)n_received,
	       (unsigned long long)(last_us - first_us));
	return 0;
}

int main(int argc, char **argv)
{
	int r = -EINVAL;

	if (argc == 6 && strcmp(argv[1], "send") == 0)
		r = run_send(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
	else if (argc == 3 && strcmp(argv[1], "sink") == 0)
		r = run_sink((uint16_t)atoi(argv[2]));
	else
		fprintf(stderr, "usage: bench_udp send ADDRESS PORT MILLISECONDS FLOWS\n"
				"       bench_udp sink PORT\n");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
