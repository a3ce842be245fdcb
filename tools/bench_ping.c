/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ping-pong for tools/bench: small datagrams at a steady rate, each answered, and how long the
 * answers took.
 *
 *   bench_ping echo PORT                            answers until it is ended
 *   bench_ping ask ADDRESS PORT RATE MILLISECONDS [FILE]
 *                                                   prints how many were sent and answered, and of
 *                                                   their times median, 99 of 100, and the longest,
 *                                                   in us; all of them are added to FILE, a line
 * each
 *
 * What is not answered within a second counts as a second. Both ask to be scheduled before others,
 * so that what is measured is the way between them.
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

#include "tools/bench_rows.h"

#define PINGS_MAX 100000
#define LOST_USEC 1000000

struct pings {
	int fd;
	uint32_t n_sent;
	uint32_t n_answered;
	uint64_t sent_usec[PINGS_MAX];
	double usec[PINGS_MAX];
};

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int echo(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	for (;;) {
		uint8_t data[64];
		socklen_t size = sizeof(at);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&at, &size);

		if (n > 0)
			(void)sendto(fd, data, (size_t)n, 0, (const struct sockaddr *)&at, size);
	}
}

static int open_connected(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *to;
	int fd, r = 0;

	if (getaddrinfo(host, port, &hints, &to) != 0)
		return -EINVAL;
	fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		r = -errno;
	freeaddrinfo(to);
	return r < 0 ? r : fd;
}

static void send_one(struct pings *pings)
{
	uint32_t number = pings->n_sent++;

	pings->usec[number] = LOST_USEC;
	pings->sent_usec[number] = now_usec();
	(void)send(pings->fd, &number, sizeof(number), 0);
}

static void receive_until(struct pings *pings, uint64_t end_usec)
{
	struct pollfd readable = {.fd = pings->fd, .events = POLLIN};
	uint64_t now;

	while ((now = now_usec()) < end_usec) {
		const struct timespec wait = {0, (long)(end_usec - now) * 1000};
		uint32_t number;

		if (ppoll(&readable, 1, &wait, NULL) <= 0 ||
		    recv(pings->fd, &number, sizeof(number), 0) != sizeof(number) ||
		    number >= pings->n_sent || pings->usec[number] != LOST_USEC)
			continue;
		pings->usec[number] = (double)(now_usec() - pings->sent_usec[number]);
		pings->n_answered++;
	}
}

static int append(const struct pings *pings, const char *path)
{
	FILE *file = fopen(path, "ae");
	int r = 0;

	if (!file)
		return -errno;
	for (uint32_t i = 0; i < pings->n_sent; i++)
		if (fprintf(file, "%.0f\n", pings->usec[i]) < 0)
			r = -EIO;
	return fclose(file) == 0 ? r : -EIO;
}

static int ask(const char *host, const char *port, unsigned rate, unsigned duration_ms,
	       const char *path)
{
	static struct pings pings;
	uint32_t n = (uint32_t)((uint64_t)rate * duration_ms / 1000);
	uint64_t begin;
	int r;

	if (rate < 2 || n == 0 || n > PINGS_MAX)
		return -EINVAL;
	pings.fd = open_connected(host, port);
	if (pings.fd < 0)
		return pings.fd;
	begin = now_usec();
	for (uint32_t i = 0; i < n; i++) {
		send_one(&pings);
		receive_until(&pings, begin + (uint64_t)(i + 1) * 1000000 / rate);
	}
	/* The last ones: less than a second at a time. */
	for (unsigned i = 0; i < 2 && pings.n_answered < n; i++)
		receive_until(&pings, now_usec() + LOST_USEC / 2);
	r = path ? append(&pings, path) : 0;
	if (r < 0)
		return r;
	printf("%u %u %.0f %.0f %.0f %.0f\n", n, pings.n_answered,
	       bench_quantile(pings.usec, n, 0.5), bench_quantile(pings.usec, n, 0.99),
	       bench_quantile(pings.usec, n, 1), bench_quantile(pings.usec, n, 0.999));
	return 0;
}

int main(int argc, char **argv)
{
	int r = -EINVAL;

	bench_come_first();
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		r = echo((uint16_t)atoi(argv[2]));
	else if ((argc == 6 || argc == 7) && strcmp(argv[1], "ask") == 0)
		r = ask(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]),
			argv[6]);
	else
		fprintf(stderr, "usage: bench_ping echo PORT\n"
				"       bench_ping ask ADDRESS PORT RATE MILLISECONDS [FILE]\n");
	if (r < 0)
		fprintf(stderr, "bench_ping: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
