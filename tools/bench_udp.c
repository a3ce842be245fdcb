/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for tools/bench: small datagrams of some flows, as many as the machine can send or so many a
 * second. Who counts them is elsewhere.
 *
 *   bench_udp send ADDRESS PORT MILLISECONDS FLOWS [RATE]    prints how many it sent
 *
 * Who falls behind the rate does not catch up.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH        64
#define PAYLOAD_SIZE 64
#define FLOWS_MAX    1024
#define BATCH_PACED  16
#define BEHIND_MAX   10000u /* µs */

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

static void wait_until(uint64_t at_us)
{
	const struct timespec at = {(time_t)(at_us / 1000000), (long)(at_us % 1000000 * 1000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

/* rate 0: as many as can be. */
static int run_send(const char *host, const char *port, unsigned duration_ms, unsigned n_flows,
		    unsigned rate)
{
	static struct batch batch;
	static int fds[FLOWS_MAX];
	uint64_t n_sent = 0, now = now_us(), due_us = now, end_us;

	if (n_flows == 0 || n_flows > FLOWS_MAX)
		return -EINVAL;
	if (open_flows(host, port, fds, n_flows) < 0)
		return -EINVAL;
	batch_init(&batch);
	end_us = now + (uint64_t)duration_ms * 1000;
	for (unsigned flow = 0; (now = now_us()) < end_us; flow = (flow + 1) % n_flows) {
		int n;

		if (rate > 0 && now < due_us)
			wait_until(due_us);
		else if (now - due_us > BEHIND_MAX)
			due_us = now - BEHIND_MAX;
		n = sendmmsg(fds[flow], batch.message, rate > 0 ? BATCH_PACED : BATCH, 0);
		/* An ICMP error about an earlier datagram, or a full buffer: go on. */
		if (n > 0)
			n_sent += (unsigned)n;
		if (rate > 0)
			due_us += BATCH_PACED * 1000000ull / rate;
	}
	printf("%llu\n", (unsigned long long)n_sent);
	return 0;
}

int main(int argc, char **argv)
{
	int r = -EINVAL;

	if ((argc == 6 || argc == 7) && strcmp(argv[1], "send") == 0)
		r = run_send(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]),
			     argc == 7 ? (unsigned)atoi(argv[6]) : 0);
	else
		fprintf(stderr, "usage: bench_udp send ADDRESS PORT MILLISECONDS FLOWS [RATE]\n");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
