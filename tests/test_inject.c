/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP into the kernel's forwarding, in a namespace: what leaves is as by a raw socket, the pair of
 * interfaces comes and goes, and a probe finds out what is in the way.
 */
#include "daemon/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/gateway.h"
#include "daemon/inject_probe.h"
#include "daemon/netlink_veth.h"
#include "tests/far_end.h"
#include "tests/netns.h"

#define DEVICE "nat64d"
#define MARK   0x64000000u
#define MASK   0xff000000u

static int try_new(struct inject **ret, char *text)
{
	const struct inject_config config = {
		.device = DEVICE, .mark = MARK, .mark_mask = MASK, .memory_size = 1 << 20};

	return inject_new(&config, ret, text);
}

static struct inject *new_inject(void)
{
	char text[INJECT_TEXT_SIZE];
	struct inject *inject = NULL;

	if (try_new(&inject, text) < 0)
		g_error("%s", text);
	return inject;
}

static void check_segments(struct inject *inject, int far, const struct out_packet *packet,
			   uint32_t payload_size)
{
	int error[1] = {0};

	g_assert_cmpuint(inject_send(inject, packet, 1, error), ==, 0);
	far_end_check(far, packet, payload_size);
	g_assert_cmpint(error[0], ==, 0);
}

/* One hop in all, segments of the size that was asked for, finished checksums; also when the source
 * is an address of this host. */
static void test_segments(void)
{
	static const struct {
		uint8_t version;
		const char *src;
		uint32_t payload_size;
		uint16_t segment_size;
	} rows[] = {
		{4, "203.0.113.7", 30000, 1440},
		{4, "203.0.113.7", 60000, 1000},
		{4, "192.0.2.1", 30000, 1440},
		{6, "2001:db8:64::c633:6407", 30000, 1220},
		{6, "2001:db8:64::c633:6407", 63000, 1440},
	};
	struct inject *inject;
	int far;

	if (!far_end_set_up(&far))
		return;
	inject = new_inject();
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct out_packet packet = far_end_make(
			rows[i].version, rows[i].src, rows[i].payload_size, rows[i].segment_size);

		check_segments(inject, far, &packet, rows[i].payload_size);
	}
	inject_free(inject, false);
	close(far);
}

/* No superpacket; and what is not TCP is left out. */
static void test_single(void)
{
	struct out_packet packets[2] = {far_end_make(4, "203.0.113.7", 100, 0)};
	int error[2] = {0, 0};
	struct inject *inject;
	uint8_t bytes[2000];
	int far;

	if (!far_end_set_up(&far))
		return;
	inject = new_inject();
	packets[1] = packets[0];
	packets[0].is_tcp = false;
	g_assert_cmpuint(inject_send(inject, packets, 2, error), ==, 0);
	g_assert_cmpuint(far_end_receive(far, bytes, sizeof(bytes)), ==, 140);
	g_assert_cmpuint(bytes[8], ==, 61);
	g_assert_cmpuint(inject_errors(inject)[GATEWAY_SEND_OTHER], ==, 0);
	inject_free(inject, false);
	close(far);
}

/* A pair that is there is taken, by a successor or after a kill; the last one removes it. */
static void test_device(void)
{
	char text[INJECT_TEXT_SIZE];
	struct inject *one, *two, *none = NULL;
	unsigned ifindex;
	int far;

	if (!far_end_set_up(&far))
		return;
	one = new_inject();
	ifindex = if_nametoindex(DEVICE);
	g_assert_cmpuint(ifindex, !=, 0);
	two = new_inject();
	inject_free(one, true);
	g_assert_cmpuint(if_nametoindex(DEVICE), ==, ifindex);
	inject_free(two, false);
	g_assert_cmpuint(if_nametoindex(DEVICE), ==, 0);

	netns_run("ip link add " DEVICE " type veth peer name other");
	g_assert_cmpint(try_new(&none, text), ==, -EEXIST);
	g_assert_nonnull(strstr(text, DEVICE));
	g_assert_cmpuint(if_nametoindex(DEVICE), !=, 0);
	close(far);
}

/* What this host can not do is said. */
static void test_host(void)
{
	char text[INJECT_TEXT_SIZE];
	struct inject *none = NULL;
	int far;

	if (!far_end_set_up(&far))
		return;
	netns_run("sysctl -qw net.ipv4.conf.all.rp_filter=1");
	g_assert_cmpint(try_new(&none, text), ==, -EOPNOTSUPP);
	g_assert_nonnull(strstr(text, "rp_filter"));
	netns_run("sysctl -qw net.ipv4.conf.all.rp_filter=0");
	netns_run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	g_assert_cmpint(try_new(&none, text), ==, -EOPNOTSUPP);
	g_assert_nonnull(strstr(text, "IPv6"));
	g_assert_cmpuint(if_nametoindex(DEVICE), ==, 0);
	close(far);
}

/* ---- probes ---- */

static struct inject_probe *new_probe(const struct inject *inject)
{
	const struct inject_probe_config config = {
		.device = DEVICE, .ifindex = inject_ifindex(inject), .mark = MARK};
	char text[INJECT_TEXT_SIZE];
	struct inject_probe *probe = NULL;

	if (inject_probe_new(&config, &probe, text) < 0)
		g_error("%s", text);
	return probe;
}

static void assert_through(struct inject_probe *probe)
{
	char text[INJECT_TEXT_SIZE];

	if (inject_probe_run(probe, 3, 2000, text) < 0)
		g_error("%s", text);
	g_assert_cmpstr(text, ==, "");
}

static void assert_stopped(struct inject_probe *probe, const char *words)
{
	char text[INJECT_TEXT_SIZE];

	g_assert_cmpint(inject_probe_run(probe, 2, 20, text), ==, -ETIMEDOUT);
	if (!strstr(text, words))
		g_error("\"%s\" says nothing of \"%s\"", text, words);
}

/* What stops it is found, named, and over when it is over. */
static void test_probe(void)
{
	static const struct {
		const char *stop, *go;
		const char *words;
	} rows[] = {
		{"sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1",
		 "does not forward IPv4: set net.ipv4.ip_forward to 1"},
		{"sysctl -qw net.ipv6.conf.all.forwarding=0",
		 "sysctl -qw net.ipv6.conf.all.forwarding=1",
		 "does not forward IPv6: set net.ipv6.conf.all.forwarding to 1"},
		{"nft add rule inet f forward meta nfproto ipv4 drop",
		 "nft flush chain inet f forward", "(IPv4)"},
		{"nft add rule inet f forward meta nfproto ipv6 drop",
		 "nft flush chain inet f forward", "(IPv6)"},
		{"nft add rule inet f forward iifname " DEVICE " drop",
		 "nft flush chain inet f forward",
		 "accept at FORWARD what comes from the interface nat64d"},
		{"nft add rule inet f forward meta mark != 0x64000000 drop",
		 "nft flush chain inet f forward", ""},
		{"sysctl -qw net.ipv4.conf." DEVICE ".accept_local=0",
		 "sysctl -qw net.ipv4.conf." DEVICE ".accept_local=1",
		 "(IPv4 with an address of this host as its source)"},
		{"sysctl -qw net.ipv4.conf.all.rp_filter=1",
		 "sysctl -qw net.ipv4.conf.all.rp_filter=0", "(IPv4)"},
		{"ip route del 192.0.0.64", "ip route add 192.0.0.64 dev " DEVICE " scope link",
		 "(IPv4)"},
		{"ip -6 route del 100::64:64", "ip -6 route add 100::64:64 dev " DEVICE, "(IPv6)"},
	};
	struct inject_probe *probe;
	struct inject *inject;
	int far;

	if (!far_end_set_up(&far))
		return;
	inject = new_inject();
	probe = new_probe(inject);
	netns_run("nft add table inet f");
	netns_run("nft add chain inet f forward { type filter hook forward priority 0 ; }");
	assert_through(probe);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", rows[i].stop);
		netns_run("%s", rows[i].stop);
		if (*rows[i].words)
			assert_stopped(probe, rows[i].words);
		else
			assert_through(probe); /* it carries the mark */
		netns_run("%s", rows[i].go);
		assert_through(probe);
	}
	/* Nothing of it has left the host. */
	netns_run("ip route add default via 192.0.2.2");
	assert_through(probe);
	inject_probe_free(probe);
	inject_free(inject, false);
	close(far);
}

/* A host without any IPv4 address. */
static void test_probe_bare(void)
{
	struct inject_probe *probe;
	struct inject *inject;
	int far;

	if (!far_end_set_up(&far))
		return;
	netns_run("ip address flush dev out");
	inject = new_inject();
	probe = new_probe(inject);
	assert_through(probe);
	inject_probe_free(probe);
	inject_free(inject, false);
	close(far);
}

static void send_many(int family, const void *to, socklen_t size, unsigned n)
{
	static const uint8_t bytes[1000];
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(fd, >=, 0);
	for (unsigned i = 0; i < n; i++)
		g_assert_cmpint(sendto(fd, bytes, sizeof(bytes), 0, to, size), ==, sizeof(bytes));
	close(fd);
}

/* Whoever can route to where probes go to may send what he likes there: no probe is lost by it,
 * however long nobody has looked. */
static void test_probe_strangers(void)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	char text[INJECT_TEXT_SIZE];
	struct inject_probe *probe;
	struct inject *inject;
	int far;

	if (!far_end_set_up(&far))
		return;
	inject = new_inject();
	probe = new_probe(inject);
	netns_add_address("2001:db8:2::1/64", "out");
	g_assert_cmpint(inet_pton(AF_INET, NETLINK_VETH_PROBE4, &to4.sin_addr), ==, 1);
	g_assert_cmpint(inet_pton(AF_INET6, NETLINK_VETH_PROBE6, &to6.sin6_addr), ==, 1);
	for (unsigned i = 0; i < 3; i++) {
		send_many(AF_INET, &to4, sizeof(to4), 2000);
		send_many(AF_INET6, &to6, sizeof(to6), 2000);
		/* The only one. */
		if (inject_probe_run(probe, 1, 2000, text) < 0)
			g_error("%s", text);
	}
	inject_probe_free(probe);
	inject_free(inject, false);
	close(far);
}

/* The IPv4 packet of a probe, as it comes back. */
static size_t overhear(struct inject_probe *probe, unsigned ifindex, uint8_t *bytes, size_t size)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = htons(ETH_P_IP),
					    .sll_ifindex = (int)ifindex};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ssize_t n;

	g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
	assert_through(probe);
	n = recv(fd, bytes, size, 0);
	g_assert_cmpint(n, >, 40 + 16);
	close(fd);
	return (size_t)n;
}

/* Nor by probes of old, however many there are; and they pass for none of today. */
static void test_probe_repeated(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char text[INJECT_TEXT_SIZE];
	struct inject_probe *probe;
	struct inject *inject;
	uint8_t bytes[2000];
	ssize_t size;
	int far, fd;

	if (!far_end_set_up(&far))
		return;
	inject = new_inject();
	probe = new_probe(inject);
	size = (ssize_t)overhear(probe, inject_ifindex(inject), bytes, sizeof(bytes));
	g_assert_cmpint(inet_pton(AF_INET, NETLINK_VETH_PROBE4, &to.sin_addr), ==, 1);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	g_assert_cmpint(fd, >=, 0);
	for (unsigned i = 0; i < 2000; i++)
		g_assert_cmpint(
			sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&to, sizeof(to)), ==,
			size);
	if (inject_probe_run(probe, 1, 2000, text) < 0)
		g_error("%s", text);
	netns_run("sysctl -qw net.ipv4.ip_forward=0");
	for (unsigned i = 0; i < 10; i++)
		g_assert_cmpint(
			sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&to, sizeof(to)), ==,
			size);
	assert_stopped(probe, "net.ipv4.ip_forward");
	close(fd);
	inject_probe_free(probe);
	inject_free(inject, false);
	close(far);
}

/* What becomes of the pair while it is in use is found out. */
static void test_gone(void)
{
	static const struct {
		const char *command;
		bool is_whole;
	} rows[] = {
		{"true", true},
		{"ip link set " DEVICE " down", false},
		{"ip link set " DEVICE "-tx down", false},
		{"ip link set " DEVICE " name other", false},
		{"ip link set " DEVICE " address 02:00:00:00:00:09", false},
		{"ip link del " DEVICE, false},
		{"sh -c 'ip link del " DEVICE " && ip link add " DEVICE " type veth'", false},
		{"ip link set lo down", true},
	};
	char text[INJECT_TEXT_SIZE];
	struct inject_probe *probe;
	struct inject *inject;
	int far;

	if (!far_end_set_up(&far))
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		inject = new_inject();
		probe = new_probe(inject);
		g_test_message("%s", rows[i].command);
		netns_run("%s", rows[i].command);
		g_assert_cmpint(inject_check(DEVICE, inject_ifindex(inject), text), ==,
				rows[i].is_whole ? 0 : -ENODEV);
		g_assert_true(rows[i].is_whole || strstr(text, DEVICE));
		if (rows[i].is_whole)
			assert_through(probe);
		inject_probe_free(probe);
		inject_free(inject, true);
		(void)netns_try("ip link del " DEVICE);
	}
	close(far);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/inject/segments", test_segments);
	g_test_add_func("/inject/single", test_single);
	g_test_add_func("/inject/device", test_device);
	g_test_add_func("/inject/host", test_host);
	g_test_add_func("/inject/probe", test_probe);
	g_test_add_func("/inject/probe-bare", test_probe_bare);
	g_test_add_func("/inject/probe-strangers", test_probe_strangers);
	g_test_add_func("/inject/probe-repeated", test_probe_repeated);
	g_test_add_func("/inject/gone", test_gone);
	return g_test_run();
}
