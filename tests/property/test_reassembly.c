/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random packets in random pieces, orders and duplicates, through the whole core: put together
 * again, what leaves is what the packet in one piece would have become, byte for byte behind the IP
 * header, and the same header but for what fragments need (F-1, F-19, F-24, I-28, T-35).
 *
 * NAT64D_SEED=number repeats a run; the seed is printed when a property fails.
 */
#include <glib.h>

#include "tests/craft.h"
#include "tests/gateway_fixture.h"
#include "tests/naive.h"
#include "tests/property/seed.h"

#define N_PACKETS 1500
#define N_PIECES  12

static struct gateway_fixture *whole_gateway, *gateway; /* twins */
static struct craft_buffer whole_buffer, piece_buffer;
static uint64_t now_ms = FIXTURE_START_MS;
static unsigned run;

#define SEED             6146
#define HOLDS(condition) seed_holds(condition, #condition, SEED, run)

static struct craft random_craft(GRand *rand)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};
	struct craft what = {
		.version = g_rand_boolean(rand) ? 6 : 4,
		.protocol = protocols[g_rand_int_range(rand, 0, 3)],
		.src = NULL,
		.traffic_class = (uint8_t)(g_rand_int_range(rand, 0, 64) << 2),
		.hop_limit = (uint8_t)g_rand_int_range(rand, 2, 256),
		.fragment_id = run & 0xffff,
		.src_port = 5000,
		.dst_port = 5000,
		.payload_size = (uint32_t)g_rand_int_range(
			rand, 32, g_rand_int_range(rand, 0, 10) ? 4000 : 60000),
	};

	if (what.version == 4)
		what.udp_zero_checksum = what.protocol == IPPROTO_UDP && g_rand_boolean(rand);
	if (what.protocol == IPPROTO_ICMP) {
		what.icmp_type = what.version == 6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
		what.protocol = what.version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	}
	return what;
}

/* The payload of all that was sent, in one; the pieces are in order, without gaps. */
static GByteArray *payload_sent(const struct out *out, struct packet *ret_first)
{
	GByteArray *payload = g_byte_array_new();

	for (uint32_t i = 0; i < out->n_packets; i++) {
		static uint8_t bytes[70000];
		struct packet piece = {.data = bytes};
		for (unsigned j = 0; j < out->packet[i].n_parts; j++) {
			memcpy(bytes + piece.size, out->packet[i].part[j].base,
			       out->packet[i].part[j].size);
			piece.size += out->packet[i].part[j].size;
		}
		HOLDS(naive_header_ok(bytes, piece.size));
		HOLDS(piece.size <= 1500);
		(void)packet_parse(&piece);
		HOLDS(piece.fragment_offset == payload->len);
		HOLDS(piece.more_fragments == (i + 1 < out->n_packets));
		HOLDS(!piece.dont_fragment);
		if (i == 0)
			*ret_first = piece;
		HOLDS(piece.fragment_id == ret_first->fragment_id);
		g_byte_array_append(payload, packet_l4(&piece), packet_l4_size(&piece));
	}
	return payload;
}

/* The packet in one piece, with DF=0 and so large an MTU that it stays so. */
static GByteArray *expected(const struct craft *what, struct packet *ret)
{
	struct packet packet = craft_packet(&whole_buffer, what);
	GByteArray *payload = g_byte_array_new();

	whole_gateway->nat->config.rules.lowest_ipv6_mtu = 100000;
	whole_gateway->world.mtu4 = whole_gateway->world.mtu6 = 100000;
	HOLDS(nat64_receive(whole_gateway->nat, &packet, now_ms, &whole_gateway->out) ==
	      OUTCOME_TRANSLATED);
	HOLDS(whole_gateway->out.n_packets == 1);
	*ret = (struct packet){.data = packet.data, .size = packet.size};
	(void)packet_parse(ret);
	g_byte_array_append(payload, packet_l4(ret), packet_l4_size(ret));
	out_clear(&whole_gateway->out);
	return payload;
}

static enum outcome receive_piece(const struct craft *what, const uint8_t *l4, uint32_t begin,
				  uint32_t end, uint32_t total)
{
	struct craft header = *what;
	struct packet packet;

	/* A later fragment has only payload: the bytes are put in here. */
	header.fragment_header = true;
	header.fragment_offset = (uint16_t)begin;
	header.more_fragments = end < total;
	header.payload_size = end - begin;
	if (begin == 0) {
		header.fragment_offset = 8; /* for the shape only, corrected below */
	}
	packet = craft_packet(&piece_buffer, &header);
	uint8_t *ip = packet.data;
	if (begin == 0 && what->version == 6) {
		store_be16(ip + 42, header.more_fragments);
	} else if (begin == 0) {
		store_be16(ip + 6, header.more_fragments ? IP_MF : 0);
		store_be16(ip + 10, 0);
		store_be16(ip + 10, naive_checksum(ip, IP4_HEADER_SIZE));
	}
	memcpy(ip + packet.size - (end - begin), l4 + begin, end - begin);
	HOLDS(packet.size == (what->version == 6 ? 48u : 20u) + end - begin);
	return nat64_receive(gateway->nat, &packet, now_ms, &gateway->out);
}

/* Random cuts at multiples of eight, none right behind a TCP header's first bytes. */
static unsigned cut(GRand *rand, uint32_t total, uint32_t cuts[N_PIECES + 1])
{
	unsigned n = 1;

	cuts[0] = 0;
	for (uint32_t at = 24 + (uint32_t)g_rand_int_range(rand, 0, (gint32)total) / 8 * 8;
	     at < total && n < N_PIECES;
	     at += 8 + (uint32_t)g_rand_int_range(rand, 0, 2000) / 8 * 8)
		cuts[n++] = at;
	cuts[n] = total;
	return n;
}

static void one_packet(GRand *rand)
{
	struct craft what = random_craft(rand);
	uint32_t cuts[N_PIECES + 1];
	unsigned order[N_PIECES];
	struct packet first = {0}, whole;

	struct packet packet = craft_packet(&whole_buffer, &what);
	HOLDS(packet_parse(&packet) == OUTCOME_TRANSLATED);
	uint32_t total = packet_l4_size(&packet);
	g_autofree uint8_t *l4 = g_memdup2(packet_l4(&packet), total);
	g_autoptr(GByteArray) wanted = expected(&what, &whole);

	unsigned n = cut(rand, total, cuts);
	if (n == 1)
		return;
	for (unsigned i = 0; i < n; i++) {
		unsigned j = (unsigned)g_rand_int_range(rand, 0, (gint32)i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t begin = cuts[order[i]], end = cuts[order[i] + 1];
		enum outcome outcome = receive_piece(&what, l4, begin, end, total);
		HOLDS(outcome == (i + 1 < n ? OUTCOME_FRAGMENT_STORED : OUTCOME_TRANSLATED));
		now_ms += (uint64_t)g_rand_int_range(rand, 0, 800);
		if (i + 1 < n && g_rand_int_range(rand, 0, 3) == 0)
			HOLDS(receive_piece(&what, l4, begin, end, total) ==
			      OUTCOME_FRAGMENT_DUPLICATE);
	}
	g_autoptr(GByteArray) sent = payload_sent(&gateway->out, &first);
	HOLDS(sent->len == wanted->len);
	HOLDS(memcmp(sent->data, wanted->data, sent->len) == 0);
	HOLDS(first.version != what.version && first.version == whole.version);
	HOLDS(first.traffic_class == whole.traffic_class);
	HOLDS(first.ip_protocol == whole.ip_protocol);
	HOLDS(memcmp(first.data + (first.version == 6 ? 8 : 12),
		     whole.data + (first.version == 6 ? 8 : 12), first.version == 6 ? 32 : 8) == 0);
	HOLDS(nat64_check(gateway->nat));
	HOLDS(gateway->nat->fragments.used == 0);
	out_clear(&gateway->out);
}

static struct gateway_fixture *make(void)
{
	struct gateway_fixture *made = gateway_new("203.0.113.7", "1024-65535", NULL);
	struct taddr6 taddr6 = {craft_addr6("2001:db8:1::10"), 5000};
	struct taddr4 taddr4 = {craft_addr4("203.0.113.7"), 5000};

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		g_assert_cmpint(nat64_add_static(made->nat, (enum protocol)protocol, &taddr6,
						 &taddr4, now_ms),
				==, NAT64_STATIC_OK);
	return made;
}

static void test_same_as_whole(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed_of_run(SEED));

	gateway = make();
	whole_gateway = make();
	for (run = 1; run <= N_PACKETS; run++)
		one_packet(rand);
	gateway_free(gateway);
	gateway_free(whole_gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/reassembly/same_as_whole", test_same_as_whole);
	return g_test_run();
}
