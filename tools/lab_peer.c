/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab_peer: a server of the lab that answers each UDP datagram with the address and port that it
 * sees, as the line "ADDRESS PORT"; called by topology.sh. One process for all who ask, so that
 * nobody waits for the end of the one before.
 *
 *   lab_peer 4|6 PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

static int listen_at(bool is_ip6, uint16_t port)
{
	union address address = {0};
	const int one = 1;
	int fd = socket(is_ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	if (is_ip6)
		address.ip6 =
			(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	else
		address.ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	if (fd < 0 ||
	    (is_ip6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    bind(fd, &address.any, sizeof(address)) < 0) {
		fprintf(stderr, "lab_peer: port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void answer(int fd, const union address *peer, socklen_t size)
{
	char text[INET6_ADDRSTRLEN], line[INET6_ADDRSTRLEN + 8];
	int n;

	if (peer->any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &peer->ip6.sin6_addr, text, sizeof(text));
		n = snprintf(line, sizeof(line), "%s %u\n", text, ntohs(peer->ip6.sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &peer->ip4.sin_addr, text, sizeof(text));
		n = snprintf(line, sizeof(line), "%s %u\n", text, ntohs(peer->ip4.sin_port));
	}
	/* An ICMP error for an earlier answer is no reason to end. */
	(void)sendto(fd, line, (size_t)n, 0, &peer->any, size);
}

int main(int argc, char **argv)
{
	const int port = argc == 3 ? atoi(argv[2]) : 0;

	if (argc != 3 || (strcmp(argv[1], "4") != 0 && strcmp(argv[1], "6") != 0) || port < 1 ||
	    port > UINT16_MAX) {
		fputs("usage: lab_peer 4|6 PORT\n", stderr);
		return 2;
	}
	const int fd = listen_at(strcmp(argv[1], "6") == 0, (uint16_t)port);

	for (;;) {
		union address peer;
		socklen_t size = sizeof(peer);
		char data[65536];

		if (recvfrom(fd, data, sizeof(data), 0, &peer.any, &size) >= 0)
			answer(fd, &peer, size);
	}
}
