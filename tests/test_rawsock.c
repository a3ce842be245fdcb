/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw sockets in a namespace: what DATAPATH's section f says, as far as we rely on it. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/rawsock.h"
#include "daemon/send_batch.h"
#include "tests/craft.h"
#include "tests/netns.h"

#define PORT 9000
#define MARK 0x64000000u
#define MASK 0xff000000u

static struct craft_buffer buffer[4];

static struct rawsock *set_up(int *ret_receiver4, int *ret_receiver6)
{
	const struct rawsock_config config = {
		.mark = MARK,
		.mark_mask = MASK,
		.memory_size = 1 << 20,
	};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	char text[RAWSOCK_TEXT_SIZE];
	struct rawsock *rawsock = NULL;
	const int on = 1;

	if (!netns_enter())
		return NULL;
	netns_add_address("203.0.113.7/32", "lo");
	netns_add_address("2001:db8:1::7/128", "lo");
	*ret_receiver4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*ret_receiver6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(*ret_receiver4, SOL_SOCKET, SO_RCVMARK, &on, sizeof(on));
	setsockopt(*ret_receiver6, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	setsockopt(*ret_receiver6, SOL_SOCKET, SO_RCVMARK, &on, sizeof(on));
	g_assert_cmpint(bind(*ret_receiver4, (void *)&any4, sizeof(any4)), ==, 0);
	g_assert_cmpint(bind(*ret_receiver6, (void *)&any6, sizeof(any6)), ==, 0);
	if (rawsock_new(&config, &rawsock, text) < 0)
		g_error("%s", text);
	return rawsock;
}

/* A datagram in two parts: header and payload. */
static struct out_packet make(unsigned i, uint8_t version, const char *dst, uint32_t payload_size,
			      uint32_t mark)
{
	struct craft craft = {
		.version = version,
		.src = version == 4 ? "192.0.2.99" : "2001:db8:64::99",
		.dst = dst,
		.src_port = 1,
		.dst_port = PORT,
		.payload_size = payload_size,
	};
	struct packet packet = craft_packet(&buffer[i], &craft);
	uint32_t header = version == 4 ? 20 : 40;

	return (struct out_packet){
		.version = version,
		.n_parts = 2,
		.mark = mark,
		.part = {{packet.data, header}, {packet.data + header, packet.size - header}},
	};
}

/* Loopback hands over in a thread of the kernel's own when the machine is busy. */
#define ARRIVES_MS 2000

/* Size of the next datagram that arrives within so long, or -1; its mark. */
static ssize_t receive(int fd, uint32_t *ret_mark)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	char bytes[2048];
	char control[64];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	(void)poll(&readable, 1, ARRIVES_MS);
	n = recvmsg(fd, &message, MSG_DONTWAIT);
	*ret_mark = 0;
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK)
			memcpy(ret_mark, CMSG_DATA(c), sizeof(*ret_mark));
	return n;
}

/* Both families in one call, in order within each; any source; the other bits of the mark stay. */
static void test_send(void)
{
	struct out_packet packets[4];
	int error[4];
	struct rawsock *rawsock;
	uint32_t mark;
	int fd4;
	int fd6;

	rawsock = set_up(&fd4, &fd6);
	if (!rawsock)
		return;
	packets[0] = make(0, 4, "203.0.113.7", 10, 0);
	packets[1] = make(1, 6, "2001:db8:1::7", 20, 0x00abcdef);
	packets[2] = make(2, 4, "203.0.113.7", 30, 0x12345678);
	packets[3] = make(3, 6, "2001:db8:1::7", 40, 0);
	g_assert_cmpuint(rawsock_send(rawsock, packets, 4, true, error), ==, 0);
	g_assert_cmpint(receive(fd4, &mark), ==, 10);
	g_assert_cmphex(mark, ==, MARK);
	g_assert_cmpint(receive(fd4, &mark), ==, 30);
	g_assert_cmphex(mark, ==, 0x64345678);
	g_assert_cmpint(receive(fd6, &mark), ==, 20);
	g_assert_cmphex(mark, ==, 0x64abcdef);
	g_assert_cmpint(receive(fd6, &mark), ==, 40);
	g_assert_cmphex(mark, ==, MARK);
	rawsock_free(rawsock);
}

/* One that is refused is counted by name; those around it are sent. */
static void test_refused(void)
{
	static const struct {
		uint8_t version;
		const char *dst;
		uint32_t payload_size;
		int error;
		enum gateway_send_error counter;
	} cases[] = {
		{4, "203.0.113.7", 1480, -EMSGSIZE, GATEWAY_SEND_TOO_BIG},
		{6, "2001:db8:1::7", 1480, -EMSGSIZE, GATEWAY_SEND_TOO_BIG},
		{4, "198.51.100.1", 10, -ENETUNREACH, GATEWAY_SEND_NO_ROUTE},
		{6, "2001:db8:2::1", 10, -ENETUNREACH, GATEWAY_SEND_NO_ROUTE},
		{4, "192.0.2.50", 10, -EHOSTUNREACH, GATEWAY_SEND_UNREACHABLE},
		{4, "192.0.2.66", 10, -EACCES, GATEWAY_SEND_FIREWALL},
		{4, "203.0.113.8", 10, -EPERM, GATEWAY_SEND_FIREWALL},
	};
	struct out_packet packets[3];
	struct rawsock *rawsock;
	uint32_t mark;
	int error[3];
	int fd4;
	int fd6;

	rawsock = set_up(&fd4, &fd6);
	if (!rawsock)
		return;
	netns_run("ip link set lo mtu 1500");
	netns_run("ip route add unreachable 192.0.2.50");
	netns_run("ip route add prohibit 192.0.2.66");
	netns_run("ip address add 203.0.113.8/32 dev lo");
	netns_run("nft add table ip filter");
	netns_run("nft add chain ip filter out { type filter hook output priority 0 ; }");
	netns_run("nft add rule ip filter out ip daddr 203.0.113.8 drop");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint64_t before = rawsock_errors(rawsock)[cases[i].counter];

		packets[0] = make(0, cases[i].version,
				  cases[i].version == 4 ? "203.0.113.7" : "2001:db8:1::7", 1, 0);
		packets[1] = make(1, cases[i].version, cases[i].dst, cases[i].payload_size, 0);
		packets[2] = make(2, cases[i].version,
				  cases[i].version == 4 ? "203.0.113.7" : "2001:db8:1::7", 2, 0);
		g_test_message("to %s", cases[i].dst);
		g_assert_cmpuint(rawsock_send(rawsock, packets, 3, true, error), ==, 1);
		g_assert_cmpint(error[0], ==, 0);
		g_assert_cmpint(error[1], ==, cases[i].error);
		g_assert_cmpint(error[2], ==, 0);
		g_assert_cmpuint(rawsock_errors(rawsock)[cases[i].counter], ==, before + 1);
		g_assert_cmpint(receive(cases[i].version == 4 ? fd4 : fd6, &mark), ==, 1);
		g_assert_cmpint(receive(cases[i].version == 4 ? fd4 : fd6, &mark), ==, 2);
	}
	rawsock_free(rawsock);
}

/* More than fits into one system call. */
static void test_many(void)
{
	enum { N = 3 * SEND_BATCH_MAX + 1 };
	static struct out_packet packets[N];
	static int error[N];
	struct rawsock *rawsock;
	unsigned n = 0;
	uint32_t mark;
	int fd4;
	int fd6;

	rawsock = set_up(&fd4, &fd6);
	if (!rawsock)
		return;
	for (unsigned i = 0; i < N; i++)
		packets[i] = make(0, 4, "203.0.113.7", 10, 0);
	g_assert_cmpuint(rawsock_send(rawsock, packets, N, true, error), ==, 0);
	while (n < N && receive(fd4, &mark) == 10)
		n++;
	g_assert_cmpuint(n, ==, N);
	rawsock_free(rawsock);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rawsock/send", test_send);
	g_test_add_func("/rawsock/refused", test_refused);
	g_test_add_func("/rawsock/many", test_many);
	return g_test_run();
}
