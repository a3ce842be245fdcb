/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of fragments by itself: what a packet may look like, every bound at both its ends, and
 * all ways in which two pieces can lie next to a third.
 */
#include "daemon/core/fragment.h"

#include <glib.h>

#include "tests/craft.h"

#define LIMIT   (1u << 20)
#define TIMEOUT 10000

static struct fragment_table table;
static struct out out;
static struct packet whole;
static struct craft_buffer buffer;
static uint8_t arena[EMIT_ARENA_PER_PACKET];

static void begin_with(uint64_t limit)
{
	static const struct siphash_key key = {{1, 2}};

	fragment_table_init(&table, &key, limit, TIMEOUT);
	out = (struct out){.arena = arena, .arena_size = sizeof(arena)};
}

static void end(void)
{
	g_assert_true(fragment_check(&table));
	while (table.oldest != SLAB_NONE)
		fragment_remove(&table, table.oldest);
	g_assert_cmpuint(table.used, ==, 0);
	g_assert_true(fragment_check(&table));
	fragment_table_deinit(&table);
	out_clear(&out);
}

static enum outcome add_at(const struct craft *what, uint64_t now_ms)
{
	struct packet packet = craft_packet(&buffer, what);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	packet.mark = what->fragment_offset == 0 ? 7 : 8;
	enum outcome outcome = fragment_judge(&packet);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = fragment_add(&table, &packet, now_ms, &out, &whole);
	g_assert_true(fragment_check(&table));
	return outcome;
}

static enum outcome add(const struct craft *what)
{
	return add_at(what, 0);
}

/* size bytes of UDP payload in a fragment that begins at offset; 16 bytes are a first one. */
static struct craft piece(uint8_t version, uint32_t offset, uint32_t size, bool more)
{
	return (struct craft){
		.version = version,
		.fragment_header = true,
		.fragment_offset = (uint16_t)offset,
		.more_fragments = more,
		.fragment_id = 5,
		.udp_length = 4096,
		.payload_size = offset == 0 ? size - UDP_HEADER_SIZE : size,
	};
}

static enum outcome add_piece(uint32_t offset, uint32_t size, bool more)
{
	struct craft what = piece(6, offset, size, more);

	return add(&what);
}

/* F-25, F-26. */
static void test_judge(void)
{
	static const struct {
		struct craft what;
		enum outcome outcome;
	} rows[] = {
		{{.version = 4, .more_fragments = true, .payload_size = 8}, OUTCOME_TRANSLATED},
		{{.version = 4, .more_fragments = true, .payload_size = 7}, OUTCOME_FRAGMENT_BAD},
		{{.version = 4, .fragment_offset = 8, .payload_size = 7}, OUTCOME_TRANSLATED},
		{{.version = 4, .fragment_offset = 8}, OUTCOME_FRAGMENT_BAD},
		{{.version = 4, .fragment_offset = 8, .payload_size = 8, .protocol = IPPROTO_TCP},
		 OUTCOME_FRAGMENT_TINY},
		{{.version = 4, .fragment_offset = 16, .payload_size = 8, .protocol = IPPROTO_TCP},
		 OUTCOME_TRANSLATED},
		{{.version = 4, .fragment_offset = 65512, .payload_size = 3}, OUTCOME_TRANSLATED},
		{{.version = 4, .fragment_offset = 65512, .payload_size = 4},
		 OUTCOME_FRAGMENT_TOO_BIG},
		{{.version = 6, .fragment_offset = 65512, .payload_size = 3}, OUTCOME_TRANSLATED},
		{{.version = 6, .fragment_offset = 65512, .payload_size = 4},
		 OUTCOME_FRAGMENT_TOO_BIG},
		{{.version = 6,
		  .fragment_offset = 65528,
		  .payload_size = 8,
		  .more_fragments = true},
		 OUTCOME_FRAGMENT_TOO_BIG},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct craft what = rows[i].what;
		what.fragment_header = true;
		what.udp_length = 100;
		struct packet packet = craft_packet(&buffer, &what);
		g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
		g_assert_cmpstr(outcome_info(fragment_judge(&packet))->name, ==,
				outcome_info(rows[i].outcome)->name);
		g_assert_cmpuint(packet.error_pointer, ==,
				 rows[i].outcome == OUTCOME_FRAGMENT_BAD ? 4 : 0);
	}
}

/* F-26: headers in front of the Fragment header are a part of the packet's length. */
static void test_headers_count(void)
{
	struct craft what = piece(6, 65512, 3, false);

	what.next_header = IPPROTO_DSTOPTS;
	what.extra = "2c00010400000000"; /* 8 bytes: 65515 + 8 still fit */
	struct packet packet = craft_packet(&buffer, &what);
	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(fragment_judge(&packet), ==, OUTCOME_TRANSLATED);
	what.extra = "2c02011400000000000000000000000000000000" /* 24 bytes do not */
		     "00000000";
	packet = craft_packet(&buffer, &what);
	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(fragment_judge(&packet), ==, OUTCOME_FRAGMENT_TOO_BIG);
}

/* F-1, F-5: four pieces in all 24 orders; the headers are the first fragment's. */
static void test_orders(void)
{
	for (unsigned order = 0; order < 256; order++) {
		unsigned seen = 0;
		for (unsigned i = 0; i < 4; i++)
			seen |= 1u << (order >> 2 * i & 3);
		if (seen != 15)
			continue;
		uint8_t version = order % 2 ? 6 : 4;
		begin_with(LIMIT);
		for (unsigned i = 0; i < 4; i++) {
			unsigned number = order >> 2 * i & 3;
			struct craft what = piece(version, number * 16, 16, number < 3);
			what.hop_limit = (uint8_t)(10 + number);
			g_assert_cmpint(add(&what), ==,
					i == 3 ? OUTCOME_TRANSLATED : OUTCOME_FRAGMENT_STORED);
		}
		g_assert_cmpuint(table.queues.n_used, ==, 0);
		g_assert_true(whole.reassembled);
		g_assert_cmpuint(whole.mark, ==, 7);
		g_assert_cmpuint(whole.headroom, ==, PACKET_HEADROOM);
		store_be16(whole.data + whole.size - 64 + 4, 64); /* the UDP length */
		g_assert_cmpint(packet_parse(&whole), ==, OUTCOME_TRANSLATED);
		g_assert_true(whole.reassembled);
		g_assert_false(whole.is_fragment);
		g_assert_cmpuint(packet_l4_size(&whole), ==, 64);
		g_assert_cmpuint(whole.hop_limit, ==, 10);
		end();
	}
}

/* F-24: a third piece against two that are there, everywhere; a bitmap says what is right. */
static void test_every_overlap(void)
{
	for (uint32_t at = 0; at < 10; at++) {
		for (uint32_t n = 1; at + n <= 10; n++) {
			begin_with(LIMIT);
			g_assert_cmpint(add_piece(16, 16, true), ==, OUTCOME_FRAGMENT_STORED);
			g_assert_cmpint(add_piece(48, 8, true), ==, OUTCOME_FRAGMENT_STORED);
			const unsigned there = 0x4c, these = ((1u << n) - 1) << at;
			bool same = (at == 2 && n == 2) || (at == 6 && n == 1);
			enum outcome outcome = add_piece(at * 8, n * 8, true);
			/* The pattern of craft.c begins anew in each piece, so the same is equal.
			 */
			g_assert_cmpint(outcome, ==,
					same            ? OUTCOME_FRAGMENT_DUPLICATE
					: there & these ? OUTCOME_FRAGMENT_OVERLAP
							: OUTCOME_FRAGMENT_STORED);
			if (outcome == OUTCOME_FRAGMENT_OVERLAP) {
				g_assert_cmpuint(table.used, ==, sizeof(struct fragment_queue));
				g_assert_cmpint(add_piece(800, 8, true), ==,
						OUTCOME_FRAGMENT_OVERLAP);
			}
			end();
		}
	}
}

/* Where the packet ends is said once. */
static void test_contradictions(void)
{
	static const struct {
		uint32_t offset, size;
		bool more;
		enum outcome outcome;
	} rows[] = {
		{32, 16, false, OUTCOME_FRAGMENT_DUPLICATE},
		{32, 16, true, OUTCOME_FRAGMENT_OVERLAP},
		{32, 8, false, OUTCOME_FRAGMENT_OVERLAP},
		{16, 8, false, OUTCOME_FRAGMENT_OVERLAP},
		{48, 8, false, OUTCOME_FRAGMENT_OVERLAP},
		{48, 8, true, OUTCOME_FRAGMENT_OVERLAP},
		{16, 16, true, OUTCOME_FRAGMENT_STORED},
		{0, 32, true, OUTCOME_TRANSLATED},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		begin_with(LIMIT);
		g_assert_cmpint(add_piece(32, 16, false), ==, OUTCOME_FRAGMENT_STORED);
		g_assert_cmpint(add_piece(rows[i].offset, rows[i].size, rows[i].more), ==,
				rows[i].outcome);
		end();
	}
	/* An end that is said too late, inside what is there, and the same piece as an end. */
	begin_with(LIMIT);
	g_assert_cmpint(add_piece(32, 16, true), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add_piece(24, 8, false), ==, OUTCOME_FRAGMENT_OVERLAP);
	end();
	begin_with(LIMIT);
	g_assert_cmpint(add_piece(32, 16, true), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add_piece(32, 16, false), ==, OUTCOME_FRAGMENT_OVERLAP);
	end();
}

/* RFC 3168, 5.3. */
static void test_ecn(void)
{
	static const struct {
		uint8_t first, second;
		enum outcome outcome;
		uint8_t ecn;
	} rows[] = {
		{0, 0, OUTCOME_TRANSLATED, 0},   {2, 1, OUTCOME_TRANSLATED, 2},
		{1, 3, OUTCOME_TRANSLATED, 3},   {3, 2, OUTCOME_TRANSLATED, 3},
		{3, 3, OUTCOME_TRANSLATED, 3},   {0, 2, OUTCOME_TRANSLATED, 0},
		{0, 3, OUTCOME_FRAGMENT_BAD, 0}, {3, 0, OUTCOME_FRAGMENT_BAD, 0},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct craft first = piece(4, 0, 16, true), second = piece(4, 16, 16, false);
		first.traffic_class = 0x40 | rows[i].first;
		second.traffic_class = 0x80 | rows[i].second;
		begin_with(LIMIT);
		g_assert_cmpint(add(&first), ==, OUTCOME_FRAGMENT_STORED);
		g_assert_cmpint(add(&second), ==, rows[i].outcome);
		if (rows[i].outcome == OUTCOME_TRANSLATED)
			g_assert_cmphex(whole.data[1], ==, (0x40 | rows[i].ecn));
		g_assert_cmpuint(table.used, ==, 0);
		end();
	}
}

/* Less memory than is in use: what waits becomes whole, and nothing new waits. */
static void test_less_memory(void)
{
	const uint64_t cost = sizeof(struct fragment_queue) + FRAGMENT_PIECE_COST + 16;
	struct craft other = piece(4, 0, 16, true);

	other.fragment_id = 77;
	begin_with(cost * FRAGMENT_SHARE);
	g_assert_cmpint(add_piece(0, 16, true), ==, OUTCOME_FRAGMENT_STORED);
	fragment_table_set_limit(&table, cost - 1);
	g_assert_true(fragment_check(&table));
	g_assert_cmpint(add(&other), ==, OUTCOME_FRAGMENT_MEMORY);
	g_assert_cmpint(add_piece(16, 8, true), ==, OUTCOME_FRAGMENT_MEMORY);
	g_assert_cmpint(add_piece(16, 4000, false), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(table.used, ==, 0);
	fragment_table_set_limit(&table, cost * FRAGMENT_SHARE);
	g_assert_cmpint(add(&other), ==, OUTCOME_FRAGMENT_STORED);
	end();
}

/* F-2, X-1: to the byte, for one source and for all. */
static void test_memory(void)
{
	const uint64_t cost = sizeof(struct fragment_queue) + FRAGMENT_PIECE_COST + 16;

	begin_with(cost * FRAGMENT_SHARE - 1);
	g_assert_cmpint(add_piece(0, 16, true), ==, OUTCOME_FRAGMENT_SHARE);
	g_assert_cmpuint(table.used, ==, 0);
	g_assert_cmpuint(table.queues.n_used, ==, 0);
	end();
	begin_with(cost * FRAGMENT_SHARE);
	g_assert_cmpint(add_piece(0, 16, true), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpuint(table.used, ==, cost);
	g_assert_cmpint(add_piece(16, 8, true), ==, OUTCOME_FRAGMENT_SHARE);
	/* The last one missing needs no room. */
	g_assert_cmpint(add_piece(16, 4000, false), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(table.used, ==, 0);
	end();

	/* Of many sources so many until all is used. */
	uint32_t n_stored = 0, n_share = 0;
	enum outcome outcome = OUTCOME_FRAGMENT_STORED;
	begin_with(cost * 64);
	for (unsigned i = 0; i < 1000 && outcome != OUTCOME_FRAGMENT_MEMORY; i++) {
		char src[16];
		(void)g_snprintf(src, sizeof(src), "198.51.100.%u", i % 250 + 1);
		struct craft what = piece(4, 0, 16, true);
		what.src = src;
		what.fragment_id = i;
		outcome = add(&what);
		n_stored += outcome == OUTCOME_FRAGMENT_STORED;
		n_share += outcome == OUTCOME_FRAGMENT_SHARE;
	}
	g_assert_cmpint(outcome, ==, OUTCOME_FRAGMENT_MEMORY);
	g_assert_cmpuint(n_stored, ==, 64);
	g_assert_cmpuint(table.used, ==, table.limit);
	g_assert_cmpuint(n_share, ==, 0);
	g_assert_cmpuint(fragment_memory(&table), >=, table.used);
	end();
}

/* One IPv6 prefix of 64 bits is one source, whoever is in it. */
static void test_sources(void)
{
	static const struct {
		const char *src;
		enum outcome outcome;
	} rows[] = {{"2001:db8:1::10", OUTCOME_FRAGMENT_STORED},
		    {"2001:db8:1::11", OUTCOME_FRAGMENT_SHARE},
		    {"2001:db8:1:0:ffff::1", OUTCOME_FRAGMENT_SHARE},
		    {"2001:db8:1:1::10", OUTCOME_FRAGMENT_STORED}};

	begin_with((sizeof(struct fragment_queue) + FRAGMENT_PIECE_COST + 16) * FRAGMENT_SHARE);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct craft what = piece(6, 0, 16, true);
		what.src = rows[i].src;
		g_assert_cmpint(add(&what), ==, rows[i].outcome);
	}
	end();
}

/* pieces of one packet. */
static void test_pieces(void)
{
	begin_with(LIMIT);
	for (uint32_t i = 0; i < FRAGMENT_PIECES_MAX; i++)
		g_assert_cmpint(add_piece(16 + i * 16, 8, true), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add_piece(0, 8, true), ==, OUTCOME_FRAGMENT_TOO_BIG);
	g_assert_cmpuint(table.used, ==, sizeof(struct fragment_queue));
	g_assert_cmpint(add_piece(8, 8, true), ==, OUTCOME_FRAGMENT_OVERLAP);
	end();

	/* As many as may be stored, and the last. */
	begin_with(LIMIT);
	for (uint32_t i = 0; i < FRAGMENT_PIECES_MAX; i++)
		g_assert_cmpint(add_piece(i * 8, 8, true), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add_piece(FRAGMENT_PIECES_MAX * 8, 8, false), ==, OUTCOME_TRANSLATED);
	end();
}

/* packets. */
static void test_queues(void)
{
	struct craft what = piece(6, 0, 16, true);
	struct packet packet = craft_packet(&buffer, &what);

	begin_with(UINT64_C(1) << 32);
	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	for (uint32_t i = 0; i <= FRAGMENT_QUEUES_MAX; i++) {
		packet.fragment_id = i;
		g_assert_cmpint(fragment_add(&table, &packet, 0, &out, &whole), ==,
				i < FRAGMENT_QUEUES_MAX ? OUTCOME_FRAGMENT_STORED
							: OUTCOME_FRAGMENT_MEMORY);
	}
	end();
}

/* F-3, K-7. */
static void test_time(void)
{
	struct craft first = piece(6, 0, 16, true), last = piece(6, 16, 16, false);

	begin_with(LIMIT);
	g_assert_cmpuint(fragment_next_deadline(&table), ==, UINT64_MAX);
	g_assert_cmpuint(fragment_expired(&table, UINT64_MAX - 1), ==, SLAB_NONE);
	g_assert_cmpint(add_at(&first, 1000), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpuint(fragment_next_deadline(&table), ==, 1000 + TIMEOUT);
	g_assert_cmpuint(fragment_expired(&table, 999 + TIMEOUT), ==, SLAB_NONE);
	g_assert_cmpuint(fragment_expired(&table, 1000 + TIMEOUT), ==, table.oldest);
	g_assert_cmpint(add_at(&last, 999 + TIMEOUT), ==, OUTCOME_TRANSLATED);

	/* What is over does not wait for the clock to be taken away. */
	g_assert_cmpint(add_at(&first, 20000), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add_at(&last, 20000 + TIMEOUT), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpuint(table.queues.n_used, ==, 1);
	/* A new timeout is everybody's. */
	table.timeout_ms = 2000;
	g_assert_cmpuint(fragment_next_deadline(&table), ==, 22000 + TIMEOUT);
	end();
}

/* P-23. */
static void test_host(void)
{
	struct craft first = piece(4, 0, 16, true), last = piece(4, 16, 16, false);

	begin_with(LIMIT);
	g_assert_cmpint(add(&last), ==, OUTCOME_FRAGMENT_STORED);
	struct packet packet = craft_packet(&buffer, &first);
	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	g_assert_true(fragment_is_known(&table, &packet));
	fragment_leave_to_host(&table, &packet, 0);
	g_assert_cmpuint(table.used, ==, sizeof(struct fragment_queue));
	g_assert_cmpint(add(&last), ==, OUTCOME_LEFT_TO_HOST);
	g_assert_true(fragment_check(&table));
	/* The next first fragment with this key is judged for itself. */
	g_assert_cmpint(add(&first), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_cmpint(add(&last), ==, OUTCOME_TRANSLATED);
	g_assert_false(fragment_is_known(&table, &packet));
	end();

	/* Without room nothing is remembered. */
	begin_with(FRAGMENT_SHARE);
	fragment_leave_to_host(&table, &packet, 0);
	g_assert_cmpuint(table.queues.n_used, ==, 0);
	end();
}

/* What an ICMP error about an incomplete packet can quote. */
static void test_first(void)
{
	struct craft first = piece(6, 0, 4000, true), later = piece(6, 4000, 16, true);

	begin_with(LIMIT);
	g_assert_cmpint(add(&later), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_false(fragment_first(&table, table.oldest, &out, &whole));
	g_assert_cmpint(add(&first), ==, OUTCOME_FRAGMENT_STORED);
	g_assert_true(fragment_first(&table, table.oldest, &out, &whole));
	struct packet packet = craft_packet(&buffer, &first);
	g_assert_cmpuint(whole.size, >=, 1232);
	/* All but the Flow Label. */
	g_assert_cmpmem(whole.data + 4, 1228, packet.data + 4, 1228);
	g_assert_cmpint(add_piece(8, 8, true), ==, OUTCOME_FRAGMENT_OVERLAP);
	g_assert_false(fragment_first(&table, table.oldest, &out, &whole));
	end();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fragment/judge", test_judge);
	g_test_add_func("/fragment/headers_count", test_headers_count);
	g_test_add_func("/fragment/orders", test_orders);
	g_test_add_func("/fragment/every_overlap", test_every_overlap);
	g_test_add_func("/fragment/contradictions", test_contradictions);
	g_test_add_func("/fragment/ecn", test_ecn);
	g_test_add_func("/fragment/memory", test_memory);
	g_test_add_func("/fragment/less-memory", test_less_memory);
	g_test_add_func("/fragment/sources", test_sources);
	g_test_add_func("/fragment/pieces", test_pieces);
	g_test_add_func("/fragment/queues", test_queues);
	g_test_add_func("/fragment/time", test_time);
	g_test_add_func("/fragment/host", test_host);
	g_test_add_func("/fragment/first", test_first);
	return g_test_run();
}
