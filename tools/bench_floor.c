/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor for tools/bench: what the kernel's queue and the ways out cost by themselves. It gets
 * packets by the same rules as nat64d, and sends them as it does (nfqueue.h, sending.h), and in
 * between rewrites headers for one client and one address, without tables, states, limits or
 * doubts. No translator: it looks at no checksum, fragment, option or ICMP error, and drops what is
 * neither TCP, UDP nor ICMP echo.
 *
 *   floor raw|packet FIRST_QUEUE CLIENT6 ADDRESS4 PREFIX
 *
 * FIRST_QUEUE has TCP, the next one all else. Runs until it is ended, and says READY first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/checksum.h"
#include "daemon/core/ip_header.h"
#include "daemon/core/packet.h"
#include "daemon/nfqueue.h"
#include "daemon/sending.h"

#define DEVICE        "nat64d"
#define MARK          0x64000000u
#define MARK_MASK     0xff000000u
#define MEMORY_SIZE   (64u << 20)
#define LENGTH        16384
#define SEND_MEMORY   (8u << 20)
#define TRANSPORT_MIN 8    /* UDP's and ICMP's header; TCP's is believed to be whole */
#define MSS           1440 /* Ethernet, IPv6 */

struct floor {
	struct addr6 client6;
	uint32_t address4;
	struct addr6 prefix; /* of 96 bits */
	struct nfqueue *queue;
	struct sending *sending;
	struct nfqueue_batch batch;
	struct out_packet out[NFQUEUE_BATCH_MAX];
	int error[NFQUEUE_BATCH_MAX];
	uint16_t id;
};

/* The sums of both addresses on either side; IPv4's are the same after translation. */
static uint64_t addresses6(const uint8_t *ip)
{
	return checksum_add(0, ip + 8, 32);
}

static uint64_t addresses4(const uint8_t *ip)
{
	return checksum_add(0, ip + 12, 8);
}

/* An unfinished checksum is a sum, any other one its complement. */
static void exchange(uint8_t *field, bool unfinished, uint64_t removed, uint64_t added)
{
	uint16_t check;

	memcpy(&check, field, sizeof(check));
	if (unfinished)
		check = (uint16_t)~checksum_update((uint16_t)~check, removed, added);
	else
		check = checksum_update(check, removed, added);
	memcpy(field, &check, sizeof(check));
}

/* Transport header at l4: false if it is none of ours. pseudo: ICMPv6 has a pseudo header, ICMP has
 * none. */
static bool translate_transport(uint8_t *l4, uint32_t size, uint8_t *protocol, bool unfinished,
				uint64_t removed, uint64_t added)
{
	const uint16_t before = (uint16_t)(l4[0] | l4[1] << 8);
	uint16_t after;

	switch (*protocol) {
	case IPPROTO_TCP:
		exchange(l4 + 16, unfinished, removed, added);
		return true;
	case IPPROTO_UDP:
		exchange(l4 + 6, unfinished, removed, added);
		return true;
	case IPPROTO_ICMPV6:
		if (l4[0] != 128 && l4[0] != 129)
			return false;
		l4[0] = l4[0] == 128 ? 8 : 0;
		after = (uint16_t)(l4[0] | l4[1] << 8);
		removed += htons((uint16_t)size) + htons(IPPROTO_ICMPV6) + before;
		exchange(l4 + 2, false, removed, after);
		*protocol = IPPROTO_ICMP;
		return true;
	case IPPROTO_ICMP:
		if (l4[0] != 8 && l4[0] != 0)
			return false;
		l4[0] = l4[0] == 8 ? 128 : 129;
		after = (uint16_t)(l4[0] | l4[1] << 8);
		added += htons((uint16_t)size) + htons(IPPROTO_ICMPV6) + after;
		exchange(l4 + 2, false, before, added);
		*protocol = IPPROTO_ICMPV6;
		return true;
	default:
		return false;
	}
}

static bool translate_6to4(struct floor *floor, struct packet *packet)
{
	uint8_t *ip6 = packet->data, *ip4 = packet->data + IP6_HEADER_SIZE - IP4_HEADER_SIZE;
	const uint64_t removed = addresses6(ip6);
	struct ip_fields fields = {
		.traffic_class = (uint8_t)(load_be16(ip6) >> 4),
		.hop_limit = (uint8_t)(ip6[7] - 1),
		.ip_protocol = ip6[6],
		.dont_fragment = true,
		.fragment_id = floor->id++,
	};
	const uint32_t dst = load_be32(ip6 + 36), size = packet->size - IP6_HEADER_SIZE;
	uint8_t sum[8];

	store_be32(sum, floor->address4);
	store_be32(sum + 4, dst);
	if (!translate_transport(ip6 + IP6_HEADER_SIZE, size, &fields.ip_protocol,
				 packet->unfinished, removed, checksum_add(0, sum, 8)))
		return false;
	ip4_header_write(ip4, &fields, floor->address4, dst, size);
	packet->data = ip4;
	packet->size = size + IP4_HEADER_SIZE;
	packet->version = 4;
	packet->ip_protocol = fields.ip_protocol;
	return true;
}

static bool translate_4to6(struct floor *floor, struct packet *packet)
{
	const uint32_t ip4_size = (packet->data[0] & 15u) * 4, size = packet->size - ip4_size;
	uint8_t *ip4 = packet->data, *ip6 = packet->data + ip4_size - IP6_HEADER_SIZE;
	const uint64_t removed = addresses4(ip4);
	struct addr6 src = floor->prefix;
	struct ip_fields fields = {
		.traffic_class = ip4[1],
		.hop_limit = (uint8_t)(ip4[8] - 1),
		.ip_protocol = ip4[9],
	};
	uint64_t added;

	memcpy(src.byte + 12, ip4 + 12, 4);
	added = checksum_add(checksum_add(0, src.byte, 16), floor->client6.byte, 16);
	if (!translate_transport(ip4 + ip4_size, size, &fields.ip_protocol, packet->unfinished,
				 removed, added))
		return false;
	ip6_header_write(ip6, &fields, &src, &floor->client6, size);
	packet->data = ip6;
	packet->size = size + IP6_HEADER_SIZE;
	packet->version = 6;
	packet->ip_protocol = fields.ip_protocol;
	return true;
}

static bool translate(struct floor *floor, struct packet *packet, struct out_packet *ret)
{
	uint32_t ip_size, tcp_size;

	if (packet->truncated || packet->size < IP4_HEADER_SIZE + TRANSPORT_MIN)
		return false;
	/* IPv4 without options. */
	if (packet->data[0] >> 4 == 6 ? packet->size < IP6_HEADER_SIZE + TRANSPORT_MIN ||
						!translate_6to4(floor, packet)
				      : packet->data[0] != 0x45 || !translate_4to6(floor, packet))
		return false;
	*ret = (struct out_packet){
		.version = packet->version,
		.is_tcp = packet->ip_protocol == IPPROTO_TCP,
		.unfinished = packet->unfinished,
		.n_parts = 1,
		.part = {{packet->data, packet->size}},
	};
	ip_size = packet->version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	tcp_size = ret->is_tcp ? (packet->data[ip_size + 12] >> 4) * 4u : 0;
	if (packet->superpacket && packet->size - ip_size > MSS + TCP_HEADER_SIZE)
		ret->segment_size = (uint16_t)(MSS + TCP_HEADER_SIZE - tcp_size);
	return true;
}

static int walk_batch(struct floor *floor)
{
	unsigned n = 0;
	int r = nfqueue_receive(floor->queue, &floor->batch);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < floor->batch.n_packets; i++)
		n += translate(floor, &floor->batch.packet[i].packet, &floor->out[n]);
	if (n > 0)
		(void)sending_send(floor->sending, floor->out, n, floor->error);
	(void)nfqueue_verdict(floor->queue, &floor->batch);
	return floor->batch.n_packets == NFQUEUE_BATCH_MAX;
}

static int open_edges(struct floor *floor, bool by_packet, uint16_t first)
{
	const struct rawsock_config rawsock_config = {
		.mark = MARK, .mark_mask = MARK_MASK, .memory_size = SEND_MEMORY};
	const struct inject_config inject_config = {
		.device = DEVICE, .mark = MARK, .mark_mask = MARK_MASK, .memory_size = SEND_MEMORY};
	const struct nfqueue_config queue_config = {.first = first,
						    .n_queues = 2,
						    .n_super = by_packet,
						    .length = LENGTH,
						    .memory_size = MEMORY_SIZE};
	char text[RAWSOCK_TEXT_SIZE] = "";
	struct inject *inject = NULL;
	int r = sending_new(&rawsock_config, &floor->sending, text);

	if (r == 0 && by_packet) {
		r = inject_new(&inject_config, &inject, text);
		if (r == 0) {
			sending_offer(floor->sending, inject);
			sending_set_way(floor->sending, SENDING_PACKET);
		}
	}
	if (r == 0)
		r = nfqueue_new(&queue_config, &floor->queue, text);
	if (r < 0)
		fprintf(stderr, "floor: %s\n", text);
	return r;
}

static volatile sig_atomic_t is_ended;

static void end(int number)
{
	is_ended = 1;
}

static int run(struct floor *floor)
{
	struct pollfd readable = {.fd = nfqueue_fd(floor->queue), .events = POLLIN};
	int r = 0;

	puts("READY");
	fflush(stdout);
	while (!is_ended && r >= 0) {
		if (r == 0 && poll(&readable, 1, -1) < 0 && errno != EINTR)
			return -errno;
		r = walk_batch(floor);
	}
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	/* Without SA_RESTART: poll() ends by it. */
	const struct sigaction action = {.sa_handler = end};
	static struct floor floor;
	struct in_addr address4;
	int r = -EINVAL;

	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	if (argc != 6 || inet_pton(AF_INET6, argv[3], floor.client6.byte) != 1 ||
	    inet_pton(AF_INET, argv[4], &address4) != 1 ||
	    inet_pton(AF_INET6, argv[5], floor.prefix.byte) != 1) {
		fprintf(stderr, "usage: floor raw|packet FIRST_QUEUE CLIENT6 ADDRESS4 PREFIX\n");
		return 2;
	}
	floor.address4 = ntohl(address4.s_addr);
	r = open_edges(&floor, strcmp(argv[1], "packet") == 0, (uint16_t)atoi(argv[2]));
	if (r == 0)
		r = run(&floor);
	nfqueue_free(floor.queue);
	sending_free(floor.sending, false);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
