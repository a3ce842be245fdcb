/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is forwarded into the pair by the end that packets come out of arrives at the end that they
 * are sent into, with a destination address at the link that is nobody's: packet sockets see it
 * there, and IP does not take it.
 *
 * Whoever can have packets forwarded by this host can send there, too. A filter in the kernel keeps
 * what does not bear the key of this process out of the sockets, as nobody reads them between two
 * probes, and a full one would lose ours.
 *
 * A probe that goes astray (by a rule of policy routing) dies at the next router: it has a hop
 * limit of 2.
 */
#include "daemon/inject_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/core/checksum.h"
#include "daemon/core/ip_header.h"
#include "daemon/core/packet.h"
#include "daemon/netlink_veth.h"
#include "daemon/sysctl.h"

#define SOURCE4      "192.0.0.8" /* RFC 7600: no host's */
#define SOURCE6      "100::64:1"
#define PORT         9 /* discard */
#define HOP_LIMIT    2
#define SEGMENT_SIZE 64
#define PAYLOAD_SIZE (2 * SEGMENT_SIZE)
#define PACKET_SIZE  (IP6_HEADER_SIZE + TCP_HEADER_SIZE + PAYLOAD_SIZE)
#define KEY_SIZE     8
#define NONCE_SIZE   16 /* key and what is new with each try */
#define TCP_ACK      0x10
/* More than a socket holds. */
#define STALE_MAX 4096

enum kind { KIND_IP4, KIND_IP4_LOCAL, KIND_IP6, N_KINDS };

struct inject_probe {
	char device[IFNAMSIZ];
	unsigned ifindex;
	int send_fd;
	int receive_fd[2]; /* IPv4, IPv6 */
	uint8_t key[KEY_SIZE];
	/* Of the try that is under way. */
	int timeout_ms;
	uint8_t nonce[N_KINDS][NONCE_SIZE];
	uint32_t n_bytes[N_KINDS]; /* that have come back */
	uint32_t source4[N_KINDS];
};

static const char *const kind_name[N_KINDS] = {
	[KIND_IP4] = "IPv4",
	[KIND_IP4_LOCAL] = "IPv4 with an address of this host as its source",
	[KIND_IP6] = "IPv6",
};

static uint16_t protocol_of(enum kind kind)
{
	return htons(kind == KIND_IP6 ? ETH_P_IPV6 : ETH_P_IP);
}

static uint32_t parse4(const char *text)
{
	struct in_addr addr = {0};

	(void)inet_pton(AF_INET, text, &addr);
	return ntohl(addr.s_addr);
}

static struct addr6 parse6(const char *text)
{
	struct addr6 addr = {0};

	(void)inet_pton(AF_INET6, text, addr.byte);
	return addr;
}

/* An IPv4 address of this host, or 0 if it has none to speak of. */
static uint32_t own_address4(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	uint32_t ret = 0;

	(void)inet_pton(AF_INET, NETLINK_VETH_PROBE4, &address.sin_addr);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &size) == 0)
		ret = ntohl(address.sin_addr.s_addr);
	if (fd >= 0)
		(void)close(fd);
	return ret >> 24 == 127 ? 0 : ret;
}

/* Only what bears the key where a probe does; what is shorter is not taken either. */
static int attach_filter(const struct inject_probe *probe, enum kind kind, int fd)
{
	const uint32_t at =
		(kind == KIND_IP6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE) + TCP_HEADER_SIZE;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, load_be32(probe->key), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, load_be32(probe->key + 4), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_receiver(struct inject_probe *probe, enum kind kind, int *ret)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = protocol_of(kind),
					    .sll_ifindex = (int)probe->ifindex};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*ret = fd;
	if (fd < 0 || attach_filter(probe, kind, fd) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static int open_sender(struct inject_probe *probe, uint32_t mark)
{
	const int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	probe->send_fd = fd;
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return -errno;
	return 0;
}

int inject_probe_new(const struct inject_probe_config *config, struct inject_probe **ret,
		     char *text)
{
	struct inject_probe *probe = calloc(1, sizeof(*probe));
	int r;

	text[0] = '\0';
	if (!probe) {
		(void)snprintf(text, INJECT_TEXT_SIZE, "no memory for a probe");
		return -ENOMEM;
	}
	*probe = (struct inject_probe){
		.ifindex = config->ifindex, .send_fd = -1, .receive_fd = {-1, -1}};
	(void)snprintf(probe->device, sizeof(probe->device), "%s", config->device);
	r = getrandom(probe->key, KEY_SIZE, 0) == KEY_SIZE ? 0 : -EIO;
	if (r == 0)
		r = open_receiver(probe, KIND_IP4, &probe->receive_fd[0]);
	if (r == 0)
		r = open_receiver(probe, KIND_IP6, &probe->receive_fd[1]);
	if (r == 0)
		r = open_sender(probe, config->mark);
	if (r < 0) {
		(void)snprintf(text, INJECT_TEXT_SIZE, "packet sockets can not be opened: %s",
			       strerror(-r));
		inject_probe_free(probe);
		return r;
	}
	*ret = probe;
	return 0;
}

void inject_probe_free(struct inject_probe *probe)
{
	if (!probe)
		return;
	if (probe->send_fd >= 0)
		(void)close(probe->send_fd);
	for (unsigned i = 0; i < 2; i++)
		if (probe->receive_fd[i] >= 0)
			(void)close(probe->receive_fd[i]);
	free(probe);
}

static void write_tcp(struct inject_probe *probe, enum kind kind, uint64_t pseudo, uint8_t *tcp)
{
	uint16_t sum = checksum_fold(pseudo);

	memset(tcp, 0, TCP_HEADER_SIZE);
	store_be16(tcp, PORT);
	store_be16(tcp + 2, PORT);
	tcp[12] = TCP_HEADER_SIZE / 4 << 4;
	tcp[13] = TCP_ACK;
	memcpy(tcp + 16, &sum, sizeof(sum)); /* unfinished */
	for (uint32_t at = 0; at < PAYLOAD_SIZE; at += NONCE_SIZE)
		memcpy(tcp + TCP_HEADER_SIZE + at, probe->nonce[kind], NONCE_SIZE);
}

/* Its size. */
static uint32_t write_packet(struct inject_probe *probe, enum kind kind, uint8_t *ip)
{
	const struct ip_fields fields = {
		.hop_limit = HOP_LIMIT, .ip_protocol = IPPROTO_TCP, .dont_fragment = true};
	const uint32_t tcp_size = TCP_HEADER_SIZE + PAYLOAD_SIZE;
	uint64_t pseudo;

	if (kind == KIND_IP6) {
		const struct addr6 src = parse6(SOURCE6), dst = parse6(NETLINK_VETH_PROBE6);

		ip6_header_write(ip, &fields, &src, &dst, tcp_size);
		pseudo = checksum_pseudo6(&src, &dst, tcp_size, IPPROTO_TCP);
		write_tcp(probe, kind, pseudo, ip + IP6_HEADER_SIZE);
		return IP6_HEADER_SIZE + tcp_size;
	}
	const uint32_t src = probe->source4[kind], dst = parse4(NETLINK_VETH_PROBE4);

	ip4_header_write(ip, &fields, src, dst, tcp_size);
	pseudo = checksum_pseudo4(src, dst, (uint16_t)tcp_size, IPPROTO_TCP);
	write_tcp(probe, kind, pseudo, ip + IP4_HEADER_SIZE);
	return IP4_HEADER_SIZE + tcp_size;
}

static int send_one(struct inject_probe *probe, enum kind kind)
{
	const uint16_t ip_size = kind == KIND_IP6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
				       .sll_protocol = protocol_of(kind),
				       .sll_ifindex = (int)probe->ifindex};
	struct {
		struct virtio_net_hdr vnet;
		struct ethhdr ethernet;
		uint8_t ip[PACKET_SIZE];
	} __attribute__((packed)) frame = {
		.vnet =
			{
				.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				.gso_type = kind == KIND_IP6 ? VIRTIO_NET_HDR_GSO_TCPV6
							     : VIRTIO_NET_HDR_GSO_TCPV4,
				.hdr_len = ETH_HLEN + ip_size + TCP_HEADER_SIZE,
				.gso_size = SEGMENT_SIZE,
				.csum_start = ETH_HLEN + ip_size,
				.csum_offset = 16,
			},
	};
	uint32_t size;

	memcpy(&frame.ethernet, netlink_veth_addresses, sizeof(netlink_veth_addresses));
	frame.ethernet.h_proto = protocol_of(kind);
	size = write_packet(probe, kind, frame.ip);
	if (sendto(probe->send_fd, &frame, sizeof(frame) - sizeof(frame.ip) + size, 0,
		   (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* One of ours, or anything else. Where the device cuts, two come of one. */
static void note(struct inject_probe *probe, const uint8_t *ip, uint32_t size)
{
	const uint32_t headers_size =
		(ip[0] >> 4 == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE) + TCP_HEADER_SIZE;

	if (size < headers_size + NONCE_SIZE)
		return;
	for (enum kind kind = 0; kind < N_KINDS; kind++) {
		if (memcmp(ip + headers_size, probe->nonce[kind], NONCE_SIZE) == 0)
			probe->n_bytes[kind] += size - headers_size;
	}
}

static bool is_wanted(const struct inject_probe *probe, enum kind kind)
{
	return kind == KIND_IP6 || probe->source4[kind] != 0;
}

/* The first that has not come back, or N_KINDS. */
static enum kind missing(const struct inject_probe *probe)
{
	enum kind kind = 0;

	while (kind < N_KINDS && (!is_wanted(probe, kind) || probe->n_bytes[kind] >= PAYLOAD_SIZE))
		kind++;
	return kind;
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ours of earlier tries, which were late or came twice. */
static void drain(struct inject_probe *probe)
{
	uint8_t bytes[1];

	for (unsigned i = 0; i < 2; i++) {
		unsigned n = 0;

		while (n < STALE_MAX && recv(probe->receive_fd[i], bytes, sizeof(bytes), 0) > 0)
			n++;
	}
}

static void receive(struct inject_probe *probe)
{
	struct pollfd fds[] = {{.fd = probe->receive_fd[0], .events = POLLIN},
			       {.fd = probe->receive_fd[1], .events = POLLIN}};
	const int64_t end_ms = monotonic_ms() + probe->timeout_ms;
	int64_t left_ms;

	while (missing(probe) < N_KINDS && (left_ms = end_ms - monotonic_ms()) > 0) {
		(void)poll(fds, 2, (int)left_ms);
		for (unsigned i = 0; i < 2; i++) {
			uint8_t bytes[PACKET_SIZE];
			ssize_t n = recv(fds[i].fd, bytes, sizeof(bytes), 0);

			if (n > 0)
				note(probe, bytes, (uint32_t)n);
		}
	}
}

/* One for each kind of probe. */
static int make_nonces(struct inject_probe *probe)
{
	if (getrandom(probe->nonce, sizeof(probe->nonce), 0) != (ssize_t)sizeof(probe->nonce))
		return -EIO;
	for (enum kind kind = 0; kind < N_KINDS; kind++)
		memcpy(probe->nonce[kind], probe->key, KEY_SIZE);
	return 0;
}

static int try_once(struct inject_probe *probe)
{
	int r = make_nonces(probe);

	memset(probe->n_bytes, 0, sizeof(probe->n_bytes));
	drain(probe);
	for (enum kind kind = 0; r == 0 && kind < N_KINDS; kind++) {
		if (is_wanted(probe, kind))
			r = send_one(probe, kind);
	}
	if (r < 0)
		return r;
	receive(probe);
	return missing(probe) == N_KINDS ? 0 : -ETIMEDOUT;
}

static int try_several(struct inject_probe *probe, unsigned n_tries)
{
	int r = -ETIMEDOUT;

	for (unsigned i = 0; i < n_tries && r == -ETIMEDOUT; i++)
		r = try_once(probe);
	return r;
}

/* Why a probe of that kind has not come back. */
static void explain(const struct inject_probe *probe, enum kind kind, char *text)
{
	const bool is6 = kind == KIND_IP6;
	const char *key = is6 ? "net/ipv6/conf/all/forwarding" : "net/ipv4/ip_forward";

	if (sysctl_read(key) == 0)
		(void)snprintf(text, INJECT_TEXT_SIZE,
			       "the kernel does not forward %s: set %s to 1", is6 ? "IPv6" : "IPv4",
			       is6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward");
	else
		(void)snprintf(text, INJECT_TEXT_SIZE,
			       "the kernel has not forwarded a probe (%s): its firewall has to "
			       "accept at FORWARD what comes from the interface %s",
			       kind_name[kind], probe->device);
}

int inject_probe_run(struct inject_probe *probe, unsigned n_tries, int timeout_ms, char *text)
{
	int r;

	text[0] = '\0';
	probe->timeout_ms = timeout_ms;
	/* Addresses come and go. */
	probe->source4[KIND_IP4] = parse4(SOURCE4);
	probe->source4[KIND_IP4_LOCAL] = own_address4();
	r = try_several(probe, n_tries);
	if (r == -ETIMEDOUT)
		explain(probe, missing(probe), text);
	else if (r < 0)
		(void)snprintf(text, INJECT_TEXT_SIZE, "a probe can not be sent by %s: %s",
			       probe->device, strerror(-r));
	return r;
}
