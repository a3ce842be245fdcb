/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending whole and in fragments: the pieces are put together again, byte by byte.
 */
#include "daemon/core/emit.h"

#include <glib.h>

#include "tests/craft.h"
#include "tests/naive.h"

static struct craft_buffer buffer;
static struct out_packet packets[EMIT_PIECES_MAX];
static uint8_t arena[EMIT_ARENA_PER_PACKET];

static struct out empty_out(void)
{
	return (struct out){.packet = packets,
			    .capacity = G_N_ELEMENTS(packets),
			    .arena = arena,
			    .arena_size = sizeof(arena)};
}

static struct packet parsed(const struct craft *what)
{
	struct packet packet = craft_packet(&buffer, what);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	packet.mark = 0x77;
	return packet;
}

/* One piece as it goes over the wire. */
static struct packet piece_of(const struct out_packet *piece, struct craft_buffer *ret)
{
	struct packet packet = {.data = ret->byte + PACKET_HEADROOM, .headroom = PACKET_HEADROOM};

	for (unsigned i = 0; i < piece->n_parts; i++) {
		memcpy(packet.data + packet.size, piece->part[i].base, piece->part[i].size);
		packet.size += piece->part[i].size;
	}
	return packet;
}

/*
 * F-10, F-11, F-15, F-18: none is larger than limit, each is a valid fragment, in order, without
 * gap or overlap, all with one Identification, and together they are the payload.
 */
static void assert_reassembles(const struct packet *packet, const struct out *out, uint32_t limit,
			       uint32_t id)
{
	static struct craft_buffer piece_buffer;
	uint32_t at = 0;

	for (uint32_t i = 0; i < out->n_packets; i++) {
		struct packet piece = piece_of(&out->packet[i], &piece_buffer);
		bool last = i == out->n_packets - 1;

		g_assert_cmpuint(piece.size, <=, limit);
		g_assert_cmpuint(out->packet[i].version, ==, packet->version);
		g_assert_cmpuint(out->packet[i].mark, ==, 0x77);
		g_assert_cmpuint(out->packet[i].n_parts, ==, 2);
		g_assert_true(naive_packet_ok(piece.data, piece.size));
		g_assert_cmpint(packet_parse(&piece), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(piece.has_fragment_header, ==, packet->version == 6);
		g_assert_cmpuint(piece.ip_protocol, ==, packet->ip_protocol);
		g_assert_cmpuint(piece.hop_limit, ==, packet->hop_limit);
		g_assert_cmpuint(piece.traffic_class, ==, packet->traffic_class);
		g_assert_false(piece.dont_fragment);
		g_assert_cmphex(piece.fragment_id, ==, id);
		g_assert_cmpuint(piece.fragment_offset, ==, packet->fragment_offset + at);
		g_assert_cmpint(piece.more_fragments, ==, !last || packet->more_fragments);
		if (!last)
			g_assert_cmpuint(packet_l4_size(&piece) % 8, ==, 0);
		g_assert_cmpmem(packet_l4(&piece), packet_l4_size(&piece), packet_l4(packet) + at,
				packet_l4_size(&piece));
		/* No payload is copied. */
		g_assert_true(out->packet[i].part[1].base == packet_l4(packet) + at);
		at += packet_l4_size(&piece);
	}
	g_assert_cmpuint(at, ==, packet_l4_size(packet));
}

static void test_whole(void)
{
	static const struct craft rows[] = {
		{.version = 6, .payload_size = 1280 - 48},
		{.version = 4, .payload_size = 1280 - 28},
		{.version = 4, .more_fragments = true, .payload_size = 64, .udp_length = 900},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&rows[i]);
		struct out out = empty_out();

		emit_packet(&packet, 1280, 1, &out);
		g_assert_cmpuint(out.n_packets, ==, 1);
		g_assert_cmpuint(out.arena_used, ==, 0);
		g_assert_cmpuint(packets[0].version, ==, rows[i].version);
		g_assert_cmpuint(packets[0].n_parts, ==, 1);
		g_assert_cmpuint(packets[0].mark, ==, 0x77);
		g_assert_true(packets[0].part[0].base == packet.data);
		g_assert_cmpuint(packets[0].part[0].size, ==, packet.size);
	}
}

static void test_pieces(void)
{
	static const struct {
		const char *name;
		struct craft what;
		uint32_t limit, n_packets, id;
	} rows[] = {
		{"IPv6 at the limit and one more",
		 {.version = 6, .payload_size = 1281 - 48},
		 1280,
		 2,
		 0xcafe0001},
		{"two full pieces",
		 {.version = 6, .payload_size = 2 * 1232 - 8},
		 1280,
		 2,
		 0xcafe0001},
		{"and a byte", {.version = 6, .payload_size = 2 * 1232 - 7}, 1280, 3, 0xcafe0001},
		{"limit that is no multiple of 8",
		 {.version = 6, .payload_size = 3000},
		 1287,
		 3,
		 0xcafe0001},
		{"limit 1288", {.version = 6, .payload_size = 2 * 1240 - 8}, 1288, 2, 0xcafe0001},
		{"a fragment is cut further",
		 {.version = 6,
		  .fragment_header = true,
		  .fragment_id = 0xdeadbeef,
		  .more_fragments = true,
		  .udp_length = 9000,
		  .payload_size = 2000},
		 1280,
		 2,
		 0xdeadbeef},
		{"the last fragment is cut further",
		 {.version = 6,
		  .fragment_header = true,
		  .fragment_id = 0xdeadbeef,
		  .fragment_offset = 2008,
		  .payload_size = 1500},
		 1280,
		 2,
		 0xdeadbeef},
		{"IPv4",
		 {.version = 4, .fragment_id = 0x4711, .payload_size = 1252},
		 576,
		 3,
		 0x4711},
		{"IPv4, two full pieces",
		 {.version = 4, .fragment_id = 0x4711, .payload_size = 2 * 552 - 8},
		 576,
		 2,
		 0x4711},
		{"IPv4, and a byte",
		 {.version = 4, .fragment_id = 0x4711, .payload_size = 2 * 552 - 7},
		 576,
		 3,
		 0x4711},
		{"IPv4, the least limit",
		 {.version = 4, .fragment_id = 0x4711, .payload_size = 480 - 8},
		 68,
		 10,
		 0x4711},
		{"IPv4 fragment",
		 {.version = 4,
		  .fragment_id = 0x4711,
		  .fragment_offset = 1480,
		  .more_fragments = true,
		  .payload_size = 1480},
		 1280,
		 2,
		 0x4711},
		{"the longest in 576",
		 {.version = 4, .fragment_id = 0x4711, .payload_size = 65535 - 28},
		 576,
		 119,
		 0x4711},
		{"the longest in 1280",
		 {.version = 6, .payload_size = 65535 - 8},
		 1280,
		 54,
		 0xcafe0001},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&rows[i].what);
		struct out out = empty_out();

		g_test_message("%s", rows[i].name);
		emit_packet(&packet, rows[i].limit, 0xcafe0001, &out);
		g_assert_cmpuint(out.n_packets, ==, rows[i].n_packets);
		assert_reassembles(&packet, &out, rows[i].limit, rows[i].id);
	}
}

/* Who sends needs to know that it is TCP, also of a fragment, and what is left to the device. */
static void test_what_is_told(void)
{
	static const struct {
		uint8_t protocol;
		bool is_tcp;
	} rows[] = {{IPPROTO_TCP, true}, {IPPROTO_UDP, false}, {IPPROTO_ICMPV6, false}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&(struct craft){.version = 6,
							      .protocol = rows[i].protocol,
							      .icmp_type = ICMP6_ECHO_REQUEST,
							      .payload_size = 2000});
		struct out out = empty_out();

		packet.unfinished = rows[i].is_tcp;
		packet.segment_size = rows[i].is_tcp ? 1220 : 0;
		emit_whole(&packet, &out);
		g_assert_cmpuint(out.n_packets, ==, 1);
		g_assert_cmpuint(packets[0].part[0].size, ==, packet.size);
		g_assert_cmpint(packets[0].is_tcp, ==, rows[i].is_tcp);
		g_assert_cmpint(packets[0].unfinished, ==, rows[i].is_tcp);
		g_assert_cmpuint(packets[0].segment_size, ==, packet.segment_size);

		out_clear(&out);
		packet.unfinished = false;
		packet.segment_size = 0;
		emit_packet(&packet, 1280, 1, &out);
		g_assert_cmpuint(out.n_packets, ==, 2);
		for (unsigned j = 0; j < 2; j++) {
			g_assert_cmpint(packets[j].is_tcp, ==, rows[i].is_tcp);
			g_assert_false(packets[j].unfinished);
			g_assert_cmpuint(packets[j].segment_size, ==, 0);
		}
	}
}

/* A superpacket is not cut into fragments, however large it is. */
static void test_superpacket(void)
{
	struct packet packet = parsed(
		&(struct craft){.version = 6, .protocol = IPPROTO_TCP, .payload_size = 60000});
	struct out out = empty_out();

	packet.segment_size = 1220;
	emit_packet(&packet, 1280, 1, &out);
	g_assert_cmpuint(out.n_packets, ==, 1);
	g_assert_cmpuint(packets[0].part[0].size, ==, packet.size);
	g_assert_cmpuint(packets[0].segment_size, ==, 1220);
}

static void test_room(void)
{
	static struct out_packet many[EMIT_PIECES_MAX + 1];
	static uint8_t large[EMIT_ARENA_PER_PACKET + 1];
	struct out out = {many, G_N_ELEMENTS(many), 0, large, sizeof(large), 0};
	uint8_t *first;

	g_assert_true(out_has_room(&out));
	out.n_packets = 1;
	g_assert_true(out_has_room(&out));
	out.n_packets = 2;
	g_assert_false(out_has_room(&out));

	out_clear(&out);
	first = out_alloc(&out, 1);
	g_assert_true(first == large);
	g_assert_true(out_has_room(&out));
	g_assert_true(out_alloc(&out, 1) == first + 1);
	g_assert_false(out_has_room(&out));
	(void)out_alloc(&out, EMIT_ARENA_PER_PACKET - 1); /* the last byte */

	out_clear(&out);
	g_assert_true(out_has_room(&out));

	/* What is held is bounded, too, but for the last packet. */
	g_assert_cmpuint(EMIT_HELD_MAX, ==, 1 << 20); /* what the caller has to have room for */
	g_assert_nonnull(out_hold(&out, EMIT_HELD_MAX));
	g_assert_true(out_has_room(&out));
	g_assert_nonnull(out_hold(&out, 1));
	g_assert_false(out_has_room(&out));
	out_clear(&out);
	g_assert_true(out_has_room(&out));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/emit/whole", test_whole);
	g_test_add_func("/emit/pieces", test_pieces);
	g_test_add_func("/emit/what-is-told", test_what_is_told);
	g_test_add_func("/emit/superpacket", test_superpacket);
	g_test_add_func("/emit/room", test_room);
	return g_test_run();
}
