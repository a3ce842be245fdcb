/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP into the kernel's forwarding, in a namespace: what leaves is as by a raw socket, and the pair
 * of interfaces comes and goes. The next hop is the other end of a link that cuts nothing itself.
 */
#include "daemon/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/checksum.h"
#include "daemon/gateway.h"
#include "tests/craft.h"
#include "tests/naive.h"
#include "tests/netns.h"

#define DEVICE "nat64d"
#define MARK   0x64000000u
#define MASK   0xff000000u

static struct craft_buffer buffer;

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

/* A way to 198.51.100.0/24 and 2001:db8:1::/64, and a socket that sees what comes there. */
static gboolean set_up(int *ret_far)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	if (!netns_enter())
		return FALSE;
	netns_run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
	netns_run("ip link add out type veth peer name far");
	netns_run("sysctl -qw net.ipv6.conf.far.disable_ipv6=1");
	netns_run("sh -c 'ethtool -K out tx off tso off gso off >/dev/null'");
	netns_run("ip link set far up");
	netns_run("ip link set out up");
	netns_add_address("192.0.2.1/24", "out");
	netns_run("ip route add 198.51.100.0/24 via 192.0.2.2");
	netns_run("ip -6 route add 2001:db8:1::/64 via fe80::2 dev out onlink");
	netns_run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out nud permanent");
	netns_run("ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev out nud permanent");
	*ret_far = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	address.sll_ifindex = (int)if_nametoindex("far");
	g_assert_cmpint(bind(*ret_far, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return TRUE;
}

/* A TCP packet whose checksum is unfinished. */
static struct out_packet make(uint8_t version, const char *src, uint32_t payload_size,
			      uint16_t segment_size)
{
	struct craft craft = {
		.version = version,
		.protocol = IPPROTO_TCP,
		.src = src,
		.dst = version == 4 ? "198.51.100.7" : "2001:db8:1::7",
		.hop_limit = 61,
		.src_port = 1,
		.dst_port = 80,
		.payload_size = payload_size,
	};
	struct packet packet = craft_packet(&buffer, &craft);
	uint64_t pseudo;
	uint16_t sum;

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	if (version == 4) {
		pseudo = checksum_pseudo4(packet_src4(&packet), packet_dst4(&packet),
					  (uint16_t)packet_l4_size(&packet), IPPROTO_TCP);
	} else {
		struct addr6 from = packet_src6(&packet), to = packet_dst6(&packet);

		pseudo = checksum_pseudo6(&from, &to, packet_l4_size(&packet), IPPROTO_TCP);
	}
	sum = checksum_fold(pseudo);
	memcpy(packet_l4(&packet) + 16, &sum, sizeof(sum));
	return (struct out_packet){
		.version = version,
		.is_tcp = true,
		.unfinished = true,
		.segment_size = segment_size,
		.n_parts = 1,
		.part = {{packet.data, packet.size}},
	};
}

/* The next TCP packet at the other end, whose lengths and checksums are right; 0 after so long. */
static size_t receive(int far, uint8_t *bytes, size_t size)
{
	struct pollfd readable = {.fd = far, .events = POLLIN};

	while (poll(&readable, 1, 2000) == 1) {
		ssize_t n = recv(far, bytes, size, 0);
		const bool v6 = n > 40 && bytes[0] >> 4 == 6;

		if (n < 40 || (v6 ? bytes[6] : bytes[9]) != IPPROTO_TCP)
			continue;
		if (!naive_packet_ok(bytes, (size_t)n))
			g_error("%zd bytes, of which lengths or checksums are wrong", n);
		return (size_t)n;
	}
	return 0;
}

static void check_segments(struct inject *inject, int far, const struct out_packet *packet,
			   uint32_t payload_size)
{
	const size_t headers_size = packet->version == 6 ? 60 : 40;
	static uint8_t bytes[66000];
	int error[1] = {0};
	uint32_t at = 0;

	g_assert_cmpuint(inject_send(inject, packet, 1, error), ==, 0);
	while (at < payload_size) {
		const uint32_t wanted = MIN(payload_size - at, packet->segment_size);
		const size_t size = receive(far, bytes, sizeof(bytes));

		g_assert_cmpuint(size, ==, headers_size + wanted);
		g_assert_cmpuint(packet->version == 6 ? bytes[7] : bytes[8], ==, 61);
		at += wanted;
	}
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

	if (!set_up(&far))
		return;
	inject = new_inject();
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct out_packet packet = make(rows[i].version, rows[i].src,
						      rows[i].payload_size, rows[i].segment_size);

		check_segments(inject, far, &packet, rows[i].payload_size);
	}
	inject_free(inject, false);
	close(far);
}

/* No superpacket; and what is not TCP is left out. */
static void test_single(void)
{
	struct out_packet packets[2] = {make(4, "203.0.113.7", 100, 0)};
	int error[2] = {0, 0};
	struct inject *inject;
	uint8_t bytes[2000];
	int far;

	if (!set_up(&far))
		return;
	inject = new_inject();
	packets[1] = packets[0];
	packets[0].is_tcp = false;
	g_assert_cmpuint(inject_send(inject, packets, 2, error), ==, 0);
	g_assert_cmpuint(receive(far, bytes, sizeof(bytes)), ==, 140);
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

	if (!set_up(&far))
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

	if (!set_up(&far))
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/inject/segments", test_segments);
	g_test_add_func("/inject/single", test_single);
	g_test_add_func("/inject/device", test_device);
	g_test_add_func("/inject/host", test_host);
	return g_test_run();
}
