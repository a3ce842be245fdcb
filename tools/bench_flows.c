/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for tools/bench: many UDP flows, one datagram of each, at a steady rate.
 *
 *   bench_flows DESTINATION FIRST NUMBER RATE [PORT [MILLISECONDS]]
 *
 * prints how many it sent, the seconds that took, and those of CPU that it had of them; PORT is the
 * destination's, 9 if it is not given. With MILLISECONDS it goes on for so long, round and round.
 *
 * Flow n always has the same source: 1000 ports of an address, an address of a /64, in
 * 2001:db8:8000:: /33. So the same numbers again are the same flows. RATE 0 is as fast as can be.
 * Who falls behind does not catch up: what is printed is the rate that was had.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "daemon/core/checksum.h"
#include "daemon/core/packet.h"
#include "tools/bench_rows.h"

#define BATCH            64
#define PAYLOAD_SIZE     8
#define UDP_SIZE         (UDP_HEADER_SIZE + PAYLOAD_SIZE)
#define PACKET_SIZE      (IP6_HEADER_SIZE + UDP_SIZE)
#define PORTS_OF_ADDRESS 1000u
#define FIRST_PORT       2000u
#define DESTINATION_PORT 9u
#define BEHIND_MAX_NSEC  10000000u

struct load {
	int fd;
	struct sockaddr_in6 to;
	struct mmsghdr message[BATCH];
	struct iovec part[BATCH];
	uint8_t packet[BATCH][PACKET_SIZE];
};

static uint64_t clock_nsec(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void make_packet(uint8_t *ip, uint32_t flow)
{
	uint8_t *udp = ip + IP6_HEADER_SIZE;
	struct addr6 src, dst;
	uint16_t check;

	store_be16(ip + 12, (uint16_t)(0x8000 | flow / PORTS_OF_ADDRESS >> 16));
	store_be16(ip + 14, (uint16_t)(flow / PORTS_OF_ADDRESS));
	store_be16(udp, (uint16_t)(FIRST_PORT + flow % PORTS_OF_ADDRESS));
	store_be16(udp + 6, 0);
	memcpy(&src, ip + 8, sizeof(src));
	memcpy(&dst, ip + 24, sizeof(dst));
	check = checksum_finish(
		checksum_add(checksum_pseudo6(&src, &dst, UDP_SIZE, IPPROTO_UDP), udp, UDP_SIZE));
	store_be16(udp + 6, check != 0 ? check : 0xffff);
}

static int load_init(struct load *load, const char *destination, uint16_t port)
{
	*load = (struct load){.to = {.sin6_family = AF_INET6}};
	if (inet_pton(AF_INET6, destination, &load->to.sin6_addr) != 1)
		return -EINVAL;
	load->fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (load->fd < 0)
		return -errno;
	for (unsigned i = 0; i < BATCH; i++) {
		uint8_t *ip = load->packet[i];

		ip[0] = 0x60;
		store_be16(ip + 4, UDP_SIZE);
		ip[6] = IPPROTO_UDP;
		ip[7] = 64;
		store_be32(ip + 8, 0x20010db8);
		ip[23] = 1;
		memcpy(ip + 24, &load->to.sin6_addr, 16);
		store_be16(ip + IP6_HEADER_SIZE + 2, port);
		store_be16(ip + IP6_HEADER_SIZE + 4, UDP_SIZE);
		load->part[i] = (struct iovec){ip, PACKET_SIZE};
		load->message[i].msg_hdr = (struct msghdr){.msg_name = &load->to,
							   .msg_namelen = sizeof(load->to),
							   .msg_iov = &load->part[i],
							   .msg_iovlen = 1};
	}
	return 0;
}

static void wait_until(uint64_t nsec)
{
	struct timespec at = {(time_t)(nsec / 1000000000), (long)(nsec % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

struct plan {
	uint32_t first;
	uint32_t number;
	uint32_t rate;
	uint64_t duration_nsec; /* 0: each flow once */
};

/* Returns how many it sent, or a negative errno. */
static int64_t send_all(struct load *load, const struct plan *plan)
{
	const uint64_t begin = clock_nsec(CLOCK_MONOTONIC);
	uint64_t due = begin, sent = 0, now = begin;

	while (plan->duration_nsec > 0 ? now - begin < plan->duration_nsec : sent < plan->number) {
		const uint32_t at = (uint32_t)(sent % plan->number), left = plan->number - at;
		const uint32_t n = left < BATCH && plan->duration_nsec == 0 ? left : BATCH;
		int r;

		if (plan->rate > 0 && now < due)
			wait_until(due);
		else if (now - due > BEHIND_MAX_NSEC)
			due = now - BEHIND_MAX_NSEC;
		for (uint32_t i = 0; i < n; i++)
			make_packet(load->packet[i], plan->first + (at + i) % plan->number);
		r = sendmmsg(load->fd, load->message, n, 0);
		if (r < 0 && errno != ENOBUFS && errno != EINTR)
			return -errno;
		if (r > 0)
			sent += (uint32_t)r;
		if (plan->rate > 0 && r > 0)
			due += (uint64_t)r * 1000000000 / plan->rate;
		now = clock_nsec(CLOCK_MONOTONIC);
	}
	return (int64_t)sent;
}

int main(int argc, char **argv)
{
	static struct load load;
	struct plan plan;
	uint64_t begin;
	int64_t n;

	if (argc < 5 || argc > 7) {
		fprintf(stderr, "usage: bench_flows DESTINATION FIRST NUMBER RATE [PORT "
				"[MILLISECONDS]]\n");
		return 2;
	}
	plan = (struct plan){
		.first = (uint32_t)strtoul(argv[2], NULL, 10),
		.number = (uint32_t)strtoul(argv[3], NULL, 10),
		.rate = (uint32_t)strtoul(argv[4], NULL, 10),
		.duration_nsec = argc == 7 ? strtoull(argv[6], NULL, 10) * 1000000 : 0,
	};
	n = plan.number == 0
		    ? -EINVAL
		    : load_init(&load, argv[1],
				argc > 5 ? (uint16_t)strtoul(argv[5], NULL, 10) : DESTINATION_PORT);
	begin = clock_nsec(CLOCK_MONOTONIC);
	if (n == 0)
		n = send_all(&load, &plan);
	if (n < 0) {
		fprintf(stderr, "bench_flows: cannot send to %s: %s\n", argv[1], strerror((int)-n));
		return 1;
	}
	printf("%lld %.3f %.3f\n", (long long)n,
	       (double)(clock_nsec(CLOCK_MONOTONIC) - begin) / 1e9,
	       (double)clock_nsec(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
	return 0;
}
