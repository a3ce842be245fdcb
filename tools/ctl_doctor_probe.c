/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl doctor --probe: real packets from this host to an IPv4 server, by the output hook and
 * through nat64d: a question to a DNS server by UDP, the same by TCP, and echo requests as large as
 * the way lets them be. That the server refuses, or is none for DNS, is an answer, too.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/rfc6052.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_stats.h"

#define _cleanup_close_ __attribute__((cleanup(close_fd)))

#define DNS_PORT  53
#define QUESTION  "ipv4only.arpa"
#define DNS_SIZE  512
#define DNS_TRIES 3

#define PATIENCE_MS  1000 /* for one answer */
#define TCP_MS       5000 /* for a connection, with a SYN or two that are lost */
#define ECHO_TRIES   8    /* each finds a narrower link, or loses a packet */
#define ECHO_HEADERS 48   /* IPv6 and ICMPv6 */
#define MTU_MIN      1280
#define MTU_MAX      9000 /* what is larger is not asked for */

/* How an exchange has ended. */
enum probe_end {
	PROBE_ANSWERED,
	PROBE_REFUSED, /* by the server: the packets were there and back all the same */
	PROBE_SILENT,
	PROBE_ERROR, /* errno */
};

struct probe {
	struct sockaddr_in6 server;
	struct sockaddr_in6 source; /* of the last exchange */
	uint8_t question[DNS_SIZE];
	size_t question_size;
};

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum probe_end end_of_errno(void)
{
	return errno == ECONNREFUSED ? PROBE_REFUSED : PROBE_ERROR;
}

static bool wait_for(int fd, short events, int ms)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	int r;

	do {
		r = poll(&pollfd, 1, ms);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

/* Connected to the server; -1 and errno. */
static int open_to(struct probe *probe, int type, int protocol, uint16_t port)
{
	socklen_t size = sizeof(probe->source);
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	probe->server.sin6_port = htons(port);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&probe->server, sizeof(probe->server)) < 0 &&
	    errno != EINPROGRESS) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	(void)getsockname(fd, (struct sockaddr *)&probe->source, &size);
	return fd;
}

static bool is_answer(const struct probe *probe, const uint8_t *bytes, size_t size)
{
	return size >= sizeof(HEADER) && memcmp(bytes, probe->question, 2) == 0 &&
	       (bytes[2] & 0x80) != 0;
}

static enum probe_end ask_by_udp(struct probe *probe)
{
	_cleanup_close_ int fd = open_to(probe, SOCK_DGRAM, 0, DNS_PORT);
	uint8_t answer[DNS_SIZE];

	for (unsigned i = 0; fd >= 0 && i < DNS_TRIES; i++) {
		ssize_t n;

		if (send(fd, probe->question, probe->question_size, 0) < 0)
			return end_of_errno();
		while (wait_for(fd, POLLIN, PATIENCE_MS)) {
			n = recv(fd, answer, sizeof(answer), 0);
			if (n < 0)
				return end_of_errno();
			if (is_answer(probe, answer, (size_t)n))
				return PROBE_ANSWERED;
		}
	}
	return fd < 0 ? PROBE_ERROR : PROBE_SILENT;
}

static enum probe_end ask_by_tcp(struct probe *probe)
{
	_cleanup_close_ int fd = open_to(probe, SOCK_STREAM, 0, DNS_PORT);
	uint8_t message[2 + DNS_SIZE];
	socklen_t size = sizeof(errno);
	size_t n_read = 0;

	if (fd < 0)
		return PROBE_ERROR;
	if (!wait_for(fd, POLLOUT, TCP_MS))
		return PROBE_SILENT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) < 0 || errno != 0)
		return end_of_errno();
	message[0] = (uint8_t)(probe->question_size >> 8);
	message[1] = (uint8_t)probe->question_size;
	memcpy(message + 2, probe->question, probe->question_size);
	if (send(fd, message, probe->question_size + 2, MSG_NOSIGNAL) < 0)
		return end_of_errno();
	while (n_read < 2 + sizeof(HEADER) && wait_for(fd, POLLIN, PATIENCE_MS)) {
		ssize_t n = recv(fd, message + n_read, sizeof(message) - n_read, 0);

		if (n < 0)
			return end_of_errno();
		if (n == 0)
			return PROBE_REFUSED;
		n_read += (size_t)n;
	}
	return n_read >= 2 && is_answer(probe, message + 2, n_read - 2) ? PROBE_ANSWERED
									: PROBE_SILENT;
}

/* What the kernel believes the way to carry. */
static unsigned path_mtu(int fd)
{
	int mtu = 0;
	socklen_t size = sizeof(mtu);

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &size) < 0 || mtu < MTU_MIN)
		return MTU_MIN;
	return MIN((unsigned)mtu, MTU_MAX);
}

static bool is_echo(const uint8_t *bytes, ssize_t size, unsigned mtu, uint16_t sequence)
{
	return size == (ssize_t)(mtu - 40) && bytes[0] == ICMP6_ECHO_REPLY &&
	       bytes[6] == sequence >> 8 && bytes[7] == (sequence & 0xff);
}

/* An echo of this size on the wire. False and errno EMSGSIZE: it is too large, which the kernel has
 * just learnt; else nothing came. */
static bool echo(int fd, unsigned mtu, uint16_t sequence)
{
	uint8_t request[MTU_MAX] = {ICMP6_ECHO_REQUEST}, reply[MTU_MAX];
	uint16_t id = (uint16_t)getpid();

	request[4] = (uint8_t)(id >> 8);
	request[5] = (uint8_t)id;
	request[6] = (uint8_t)(sequence >> 8);
	request[7] = (uint8_t)sequence;
	if (send(fd, request, mtu - 40, 0) < 0)
		return false;
	while (wait_for(fd, POLLIN, PATIENCE_MS)) {
		ssize_t n = recv(fd, reply, sizeof(reply), 0);

		if (n < 0)
			return false;
		if (is_echo(reply, n, mtu, sequence))
			return true;
	}
	errno = ETIMEDOUT;
	return false;
}

/* The largest echo that comes back; 0: none does. *ret_hole: larger ones vanish without a word. */
static unsigned find_mtu(int fd, bool *ret_hole)
{
	const int never_cut = IPV6_PMTUDISC_DO;
	uint16_t sequence = 0;
	unsigned mtu;

	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &never_cut, sizeof(never_cut));
	mtu = path_mtu(fd);
	*ret_hole = false;
	for (unsigned i = 0; i < ECHO_TRIES; i++) {
		unsigned now;

		if (echo(fd, mtu, ++sequence))
			return mtu;
		now = path_mtu(fd);
		if (now < mtu)
			mtu = now;
		else if (i >= 1 && errno == ETIMEDOUT)
			break;
	}
	*ret_hole = mtu > MTU_MIN;
	return echo(fd, MTU_MIN, ++sequence) ? MTU_MIN : 0;
}

static int open_echo(struct probe *probe)
{
	int fd = open_to(probe, SOCK_DGRAM, IPPROTO_ICMPV6, 0);

	/* net.ipv4.ping_group_range may not have our group. */
	return fd >= 0 ? fd : open_to(probe, SOCK_RAW, IPPROTO_ICMPV6, 0);
}

/* What nat64d has to say about such a packet. */
static void fix_by_explain(struct doctor *doctor, const struct probe *probe, const char *protocol,
			   uint16_t port)
{
	char source[INET6_ADDRSTRLEN] = "::", server[INET6_ADDRSTRLEN] = "::";

	(void)inet_ntop(AF_INET6, &probe->source.sin6_addr, source, sizeof(source));
	(void)inet_ntop(AF_INET6, &probe->server.sin6_addr, server, sizeof(server));
	/* Of a raw socket that is no port. */
	doctor_fix_ctl(doctor, "explain %s '[%s]:%u' '[%s]:%u'", protocol, source,
		       port != 0 ? ntohs(probe->source.sin6_port) : 0, server, port);
}

static enum doctor_result judge(struct doctor *doctor, const struct probe *probe,
				enum probe_end end, const char *protocol)
{
	char server[INET6_ADDRSTRLEN];

	(void)inet_ntop(AF_INET6, &probe->server.sin6_addr, server, sizeof(server));
	switch (end) {
	case PROBE_ANSWERED:
		return doctor_say(doctor, DOCTOR_OK, "the DNS server at %s answers by %s", server,
				  protocol);
	case PROBE_REFUSED:
		return doctor_say(doctor, DOCTOR_OK, "%s answers by %s that it is no DNS server",
				  server, protocol);
	case PROBE_SILENT:
		fix_by_explain(doctor, probe, protocol, DNS_PORT);
		return doctor_say(doctor, DOCTOR_FAIL, "nothing comes back from %s by %s", server,
				  protocol);
	case PROBE_ERROR:
		break;
	}
	fix_by_explain(doctor, probe, protocol, DNS_PORT);
	return doctor_say(doctor, DOCTOR_FAIL, "%s by %s: %s", server, protocol, g_strerror(errno));
}

/* How many packets from the IPv6 side nat64d has seen, and translated; 0 if it does not say. */
static struct doctor_packets count_packets(struct doctor *doctor)
{
	g_autoptr(GArray) counters = NULL;

	if (doctor->state == NULL || ctl_stats_get(doctor->ctl, &counters) != CTL_DONE)
		return (struct doctor_packets){0, 0};
	return (struct doctor_packets){
		.seen = ctl_stats_sum(counters, "packets_6to4_", ""),
		.translated = ctl_stats_value(counters, "packets_6to4_translated"),
	};
}

/* The server in Pool6, and what it is to be asked. False: the reason has been said. */
static bool prepare(struct doctor *doctor, struct probe *probe)
{
	struct addr6 addr;
	uint32_t server;
	int size;

	*probe = (struct probe){.server.sin6_family = AF_INET6};
	if (doctor->config == NULL || !addr4_parse(doctor->probe, &server))
		return false;
	addr = rfc6052_embed(&doctor->config->nat64.pool6[0], server);
	memcpy(&probe->server.sin6_addr, addr.byte, sizeof(addr.byte));
	size = res_mkquery(QUERY, QUESTION, ns_c_in, ns_t_a, NULL, 0, NULL, probe->question,
			   sizeof(probe->question));
	probe->question_size = size > 0 ? (size_t)size : 0;
	return size > 0;
}

static enum doctor_result unprepared(struct doctor *doctor)
{
	return doctor_say(doctor, DOCTOR_SKIP, "there is nothing to ask");
}

static enum doctor_result probes_udp(struct doctor *doctor)
{
	struct probe probe;

	if (!prepare(doctor, &probe))
		return unprepared(doctor);
	doctor->before = count_packets(doctor);
	return judge(doctor, &probe, ask_by_udp(&probe), "udp");
}

static enum doctor_result probes_tcp(struct doctor *doctor)
{
	struct probe probe;

	return prepare(doctor, &probe) ? judge(doctor, &probe, ask_by_tcp(&probe), "tcp")
				       : unprepared(doctor);
}

static enum doctor_result probes_mtu(struct doctor *doctor)
{
	struct probe probe;
	unsigned mtu;
	bool hole;

	if (!prepare(doctor, &probe))
		return unprepared(doctor);
	_cleanup_close_ int fd = open_echo(&probe);

	if (fd < 0)
		return doctor_say(doctor, DOCTOR_SKIP, "no echo request can be sent: %s",
				  g_strerror(errno));
	mtu = find_mtu(fd, &hole);
	if (mtu == 0) {
		fix_by_explain(doctor, &probe, "icmp", 0);
		return doctor_say(doctor, DOCTOR_WARN,
				  "%s answers no echo request, not even of %d bytes", doctor->probe,
				  MTU_MIN);
	}
	if (!hole)
		return doctor_say(doctor, DOCTOR_OK, "packets of %u bytes come through", mtu);
	doctor_fix_ctl(doctor, "config set Translation.ClampMSS yes");
	return doctor_say(doctor, DOCTOR_WARN,
			  "packets of more than %u bytes vanish, and nobody says that they are too "
			  "big",
			  mtu);
}

/* Has all of that gone through nat64d? */
static enum doctor_result probed_ours(struct doctor *doctor)
{
	g_autofree char *config = doctor_config_option(doctor);
	struct doctor_packets now = count_packets(doctor);

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (now.translated > doctor->before.translated)
		return doctor_say(doctor, DOCTOR_OK,
				  "%" PRIu64 " packets were translated meanwhile",
				  now.translated - doctor->before.translated);
	if (now.seen > doctor->before.seen) {
		doctor_fix_ctl(doctor, "stats");
		return doctor_say(doctor, DOCTOR_FAIL,
				  "%" PRIu64 " packets got to nat64d, and none was translated",
				  now.seen - doctor->before.seen);
	}
	if (doctor->config != NULL && !doctor->config->local_traffic) {
		doctor_fix_ctl(doctor, "config set Translation.LocalTraffic yes");
		return doctor_say(doctor, DOCTOR_FAIL,
				  "no packet was translated: Translation.LocalTraffic is no");
	}
	doctor_fix_ctl(doctor, "setup%s", config);
	return doctor_say(doctor, DOCTOR_FAIL,
			  "no packet was translated: they do not get to nat64d");
}

const struct doctor_check doctor_probe_checks[] = {
	{"probe-udp", probes_udp},
	{"probe-tcp", probes_tcp},
	{"probe-mtu", probes_mtu},
	{"probe-way", probed_ours},
	{NULL},
};
