/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/far_end.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "daemon/core/checksum.h"
#include "tests/craft.h"
#include "tests/naive.h"
#include "tests/netns.h"

static struct craft_buffer buffer;

gboolean far_end_set_up(int *ret_far)
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

struct out_packet far_end_make(uint8_t version, const char *src, uint32_t payload_size,
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

size_t far_end_receive_any(int far, uint8_t *bytes, size_t size)
{
	struct pollfd readable = {.fd = far, .events = POLLIN};

	while (poll(&readable, 1, 2000) == 1) {
		ssize_t n = recv(far, bytes, size, 0);
		const bool v6 = n > 40 && bytes[0] >> 4 == 6;

		if (n >= 40 && (v6 ? bytes[6] : bytes[9]) == IPPROTO_TCP)
			return (size_t)n;
	}
	return 0;
}

size_t far_end_receive(int far, uint8_t *bytes, size_t size)
{
	const size_t n = far_end_receive_any(far, bytes, size);

	if (n > 0 && !naive_packet_ok(bytes, n))
		g_error("%zu bytes, of which lengths or checksums are wrong", n);
	return n;
}

void far_end_check(int far, const struct out_packet *packet, uint32_t payload_size)
{
	const size_t headers_size = packet->version == 6 ? 60 : 40;
	static uint8_t bytes[66000];
	uint32_t at = 0;

	while (at < payload_size) {
		const uint32_t wanted = packet->segment_size
						? MIN(payload_size - at, packet->segment_size)
						: payload_size;
		const size_t size = far_end_receive(far, bytes, sizeof(bytes));

		g_assert_cmpuint(size, ==, headers_size + wanted);
		g_assert_cmpuint(packet->version == 6 ? bytes[7] : bytes[8], ==, 61);
		at += wanted;
	}
}
