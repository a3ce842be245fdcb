/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 5: IPv6 to IPv4. Sizes and DF by frag64.csv; every result is judged by naive.h.
 */
#include "daemon/core/xlat.h"

#include <glib.h>

#include "daemon/core/emit.h"
#include "tests/craft.h"
#include "tests/csv.h"
#include "tests/naive.h"

static struct craft_buffer buffer;

static const struct xlat_rules plain_rules = {
	.traffic_class = XLAT_COPY, .type_of_service = XLAT_COPY, .lowest_ipv6_mtu = 1280};
static const struct xlat_path plain_path = {.nh4_mtu = 1500, .nh6_mtu = 1500, .ip4_id = 0x4711};

static struct packet parsed(const struct craft *what)
{
	struct packet packet = craft_packet(&buffer, what);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	return packet;
}

static struct tuple4 outgoing(const struct packet *packet)
{
	return (struct tuple4){
		.protocol = packet->protocol,
		.src = {craft_addr4("203.0.113.7"), 51000},
		.dst = {craft_addr4("198.51.100.20"), 53},
	};
}

/* Translates and asserts that the view is what packet_parse() would see. */
static void translate(struct packet *packet, const struct xlat_path *path,
		      const struct xlat_rules *rules)
{
	struct tuple4 to = outgoing(packet);

	xlat_6to4(packet, &to, path, rules);
	craft_assert_view(packet);
	g_assert_true(packet->data - packet->headroom == buffer.byte);
}

static enum outcome check(const struct packet *packet, const struct xlat_path *path,
			  uint32_t *ret_limit, uint32_t *ret_mtu)
{
	return xlat_6to4_check(packet, path, &plain_rules, ret_limit, ret_mtu);
}

/* T-11 to T-14, T-17, T-18, T-30, T-31, T-40. */
static void test_tcp(void)
{
	const struct craft what = {
		.version = 6,
		.protocol = IPPROTO_TCP,
		.traffic_class = 0xb9,
		.hop_limit = 2,
		.src_port = 40000,
		.dst_port = 53,
		.tcp_options = "0101080a0102030405060708",
		.payload_size = 101,
	};
	struct packet packet = parsed(&what);
	uint8_t before[TCP_HEADER_SIZE + 12 + 101];
	const uint8_t *l4;

	memcpy(before, packet_l4(&packet), sizeof(before));
	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmpuint(packet.version, ==, 4);
	g_assert_cmpuint(packet.size, ==, 20 + sizeof(before));
	g_assert_cmphex(packet.data[0], ==, 0x45);
	g_assert_cmphex(packet.data[1], ==, 0xb9);
	g_assert_cmphex(load_be16(packet.data + 4), ==, 0x4711);
	g_assert_cmphex(load_be16(packet.data + 6), ==, 0);
	g_assert_cmpuint(packet.data[8], ==, 1);
	g_assert_cmpuint(packet.data[9], ==, IPPROTO_TCP);
	g_assert_cmphex(packet_src4(&packet), ==, craft_addr4("203.0.113.7"));
	g_assert_cmphex(packet_dst4(&packet), ==, craft_addr4("198.51.100.20"));

	l4 = packet_l4(&packet);
	g_assert_cmpuint(load_be16(l4), ==, 51000);
	g_assert_cmpuint(load_be16(l4 + 2), ==, 53);
	g_assert_cmpmem(l4 + 4, 12, before + 4, 12);
	g_assert_cmpmem(l4 + 18, sizeof(before) - 18, before + 18, sizeof(before) - 18);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

static void test_udp_and_echo(void)
{
	static const struct craft rows[] = {
		{.version = 6, .payload_size = 100},
		{.version = 6, .payload_size = 101},
		{.version = 6, .payload_size = 0},
		/* T-37: the checksum is over what the UDP length says. */
		{.version = 6, .payload_size = 100, .udp_length = 33},
		{.version = 6,
		 .protocol = IPPROTO_ICMPV6,
		 .icmp_type = ICMP6_ECHO_REQUEST,
		 .src_port = 0x1111,
		 .payload_size = 77},
		{.version = 6,
		 .protocol = IPPROTO_ICMPV6,
		 .icmp_type = ICMP6_ECHO_REPLY,
		 .src_port = 51000,
		 .payload_size = 0},
		{.version = 6, .extra = "1100010400000000", .next_header = 60, .payload_size = 9},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&rows[i]);
		uint32_t l4_size = packet_l4_size(&packet);
		const uint8_t *l4;

		g_test_message("row %zu", i);
		translate(&packet, &plain_path, &plain_rules);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
		g_assert_cmpuint(packet.size, ==, 20 + l4_size);
		l4 = packet_l4(&packet);
		if (rows[i].protocol != IPPROTO_ICMPV6) {
			g_assert_cmpuint(load_be16(l4), ==, 51000);
			continue;
		}
		g_assert_cmpuint(packet.data[9], ==, IPPROTO_ICMP);
		g_assert_cmpuint(l4[0], ==,
				 rows[i].icmp_type == ICMP6_ECHO_REQUEST ? ICMP_ECHO
									 : ICMP_ECHOREPLY);
		g_assert_cmpuint(load_be16(l4 + 4), ==, 51000);
		g_assert_cmphex(load_be16(l4 + 6), ==, 0x0102); /* I-4: sequence number */
	}
}

/* T-33: a payload for which the checksum is 0 in IPv4. */
static void test_udp_checksum_is_never_zero(void)
{
	const struct craft what = {.version = 6, .payload_size = 2};
	unsigned n_ffff = 0;

	for (unsigned word = 0; word < 65536; word++) {
		struct packet packet = parsed(&what);
		uint8_t *l4 = packet_l4(&packet);
		uint32_t mended = (uint32_t)load_be16(l4 + 6) + load_be16(l4 + 8);

		/* Another payload, and the checksum less what was added. */
		store_be16(l4 + 8, (uint16_t)word);
		mended = mended + 0xffff - word;
		mended = (mended & 0xffff) + (mended >> 16);
		mended = (mended & 0xffff) + (mended >> 16);
		store_be16(l4 + 6, mended == 0 ? 0xffff : (uint16_t)mended);

		struct tuple4 to = outgoing(&packet);
		xlat_6to4(&packet, &to, &plain_path, &plain_rules);
		l4 = packet_l4(&packet);
		g_assert_cmphex(load_be16(l4 + 6), !=, 0);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
		n_ffff += load_be16(l4 + 6) == 0xffff;
	}
	g_assert_cmpuint(n_ffff, >=, 1);
}

/* T-32: wrong by as much as before. */
static void test_wrong_checksum_stays_wrong(void)
{
	static const uint16_t off_by[] = {1, 0x7fff, 0x8000, 0xfffe};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6};

	for (size_t i = 0; i < G_N_ELEMENTS(off_by) * G_N_ELEMENTS(protocols); i++) {
		const struct craft what = {
			.version = 6,
			.protocol = protocols[i % G_N_ELEMENTS(protocols)],
			.icmp_type = ICMP6_ECHO_REQUEST,
			.check_off_by = off_by[i / G_N_ELEMENTS(protocols)],
			.payload_size = 33,
		};
		struct packet packet = parsed(&what);
		uint16_t error = naive_transport_error(packet.data, packet.size);

		g_assert_cmphex(error, !=, 0);
		translate(&packet, &plain_path, &plain_rules);
		g_assert_cmphex(naive_transport_error(packet.data, packet.size), ==, error);
	}
}

/* T-12, T-16, H-7. */
static void test_options(void)
{
	const struct craft what = {.version = 6, .traffic_class = 0xb9, .hop_limit = 9};
	struct xlat_rules rules = plain_rules;
	struct xlat_path path = plain_path;
	struct packet packet = parsed(&what);

	rules.type_of_service = 0x10;
	rules.traffic_class = 0x20; /* the other direction's */
	path.keep_hop_limit = true;
	translate(&packet, &path, &rules);
	g_assert_cmphex(packet.data[1], ==, 0x10);
	g_assert_cmpuint(packet.data[8], ==, 9);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

/* T-39. */
static void test_clamp_mss(void)
{
	const struct craft what = {
		.version = 6,
		.protocol = IPPROTO_TCP,
		.tcp_flags = TH_SYN,
		.tcp_options = "01020405b4000000", /* at an odd byte: 1460 */
	};
	struct xlat_rules rules = plain_rules;
	struct xlat_path path = {.nh4_mtu = 1480, .nh6_mtu = 1492};
	struct packet packet = parsed(&what);

	translate(&packet, &path, &rules);
	g_assert_cmpuint(load_be16(packet_l4(&packet) + 23), ==, 1460);

	rules.clamp_mss = true;
	packet = parsed(&what);
	translate(&packet, &path, &rules);
	g_assert_cmpuint(load_be16(packet_l4(&packet) + 23), ==, 1432);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

static void test_hop_limit(void)
{
	static const struct {
		uint8_t hop_limit;
		bool keep;
		enum outcome outcome;
	} rows[] = {
		{1, false, OUTCOME_HOP_LIMIT},
		{2, false, OUTCOME_TRANSLATED},
		{255, false, OUTCOME_TRANSLATED},
		{1, true, OUTCOME_TRANSLATED}, /* H-7 */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {.version = 6, .hop_limit = rows[i].hop_limit};
		struct packet packet = parsed(&what);
		struct xlat_path path = plain_path;
		uint32_t limit, mtu;

		path.keep_hop_limit = rows[i].keep;
		g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, rows[i].outcome);
		packet.hop_limit = 0;
		path.keep_hop_limit = false;
		g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_HOP_LIMIT);
	}
}

/* T-15, F-7, F-15 to F-17: frag64.csv. */
static void test_frag64_csv(void)
{
	struct csv *csv = csv_open("frag64.csv");

	while (csv_next(csv)) {
		uint32_t payload = (uint32_t)atoi(csv_get(csv, "ipv6_payload_length"));
		bool fragment = csv_get(csv, "has_fragment_header")[0] == '1';
		const char *action = csv_get(csv, "action");
		uint32_t size_or_mtu = (uint32_t)atoi(csv_get(csv, "size_or_mtu"));
		struct xlat_path path = plain_path;
		const struct craft what = {
			.version = 6,
			.fragment_header = fragment,
			.more_fragments = fragment,
			.fragment_id = 0xdeadbeef,
			.udp_length = fragment ? 60000 : 0,
			.payload_size = payload - (fragment ? 16 : 8),
		};
		struct packet packet = parsed(&what);
		uint32_t limit, mtu;
		enum outcome outcome;

		g_test_message("line %u", csv_line(csv));
		path.nh4_mtu = (uint32_t)atoi(csv_get(csv, "nexthop4_mtu"));
		outcome = check(&packet, &path, &limit, &mtu);
		if (g_str_has_prefix(action, "drop")) {
			g_assert_cmpint(outcome, ==, OUTCOME_TOO_BIG);
			g_assert_cmpuint(mtu, ==, size_or_mtu);
			continue;
		}
		g_assert_cmpint(outcome, ==, OUTCOME_TRANSLATED);
		struct tuple4 to = outgoing(&packet);
		xlat_6to4(&packet, &to, &path, &plain_rules);
		g_assert_cmpint(packet.dont_fragment, ==, csv_get(csv, "df")[0] == '1');
		g_assert_cmpint((packet.data[6] & 0x40) != 0, ==, packet.dont_fragment);
		g_assert_cmpint((packet.data[6] & 0x20) != 0, ==, fragment);
		g_assert_cmphex(load_be16(packet.data + 4), ==, fragment ? 0xbeef : 0x4711);
		if (g_str_equal(action, "forward")) {
			g_assert_cmpuint(packet.size, ==, size_or_mtu);
			g_assert_cmpuint(packet.size, <=, limit);
		} else {
			g_assert_cmpuint(limit, ==, size_or_mtu);
			g_assert_cmpuint(packet.size, >, limit);
		}
	}
	csv_close(csv);
}

/* F-8: an atomic fragment is a whole packet with DF 0 and an Identification of its own. */
static void test_atomic_fragment(void)
{
	const struct craft what = {
		.version = 6,
		.fragment_header = true,
		.fragment_id = 0xdeadbeef,
		.payload_size = 1400,
	};
	struct packet packet = parsed(&what);

	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmphex(load_be16(packet.data + 4), ==, 0xbeef);
	g_assert_cmphex(load_be16(packet.data + 6), ==, 0);
	g_assert_false(packet.has_fragment_header);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

/* F-7: a later fragment has no transport header to be touched. */
static void test_later_fragment(void)
{
	const struct craft what = {
		.version = 6,
		.fragment_header = true,
		.fragment_offset = 1448,
		.more_fragments = true,
		.fragment_id = 0xdeadbeef,
		.payload_size = 64,
	};
	struct packet packet = parsed(&what);
	uint8_t before[64];

	memcpy(before, packet_l4(&packet), sizeof(before));
	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmphex(load_be16(packet.data + 6), ==, 0x2000 | 1448 / 8);
	g_assert_cmpmem(packet_l4(&packet), packet_l4_size(&packet), before, sizeof(before));
}

/* The longest IPv4 packet, and a byte more, where the route has no limit (H-8). */
static void test_longest_packet(void)
{
	struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};
	struct craft what = {.version = 6, .protocol = IPPROTO_TCP, .payload_size = 65515 - 20};
	struct packet packet = parsed(&what);
	uint32_t limit, mtu;

	g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(limit, ==, 65535);
	translate(&packet, &path, &plain_rules);
	g_assert_cmpuint(packet.size, ==, 65535);
	g_assert_true(naive_packet_ok(packet.data, packet.size));

	what.payload_size++;
	packet = parsed(&what);
	g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_TOO_BIG);
	g_assert_cmpuint(mtu, ==, 65555);

	/* The same with a Fragment header, although it might be cut. */
	what.fragment_header = true;
	packet = parsed(&what);
	g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_TOO_BIG);
}

/* No more pieces than out has room for, whatever the MTU is. */
static void test_too_many_pieces(void)
{
	struct craft what = {.version = 6, .fragment_header = true};
	struct xlat_path path = plain_path;
	uint32_t limit, mtu;

	path.nh4_mtu = 67; /* counts as 68, with 48 bytes in each piece */
	what.payload_size = 48 * EMIT_PIECES_MAX - 8;
	struct packet packet = parsed(&what);
	g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(limit, ==, 68);

	what.payload_size++;
	packet = parsed(&what);
	g_assert_cmpint(check(&packet, &path, &limit, &mtu), ==, OUTCOME_TOO_BIG);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xlat_6to4/tcp", test_tcp);
	g_test_add_func("/xlat_6to4/udp_and_echo", test_udp_and_echo);
	g_test_add_func("/xlat_6to4/udp_checksum_is_never_zero", test_udp_checksum_is_never_zero);
	g_test_add_func("/xlat_6to4/wrong_checksum_stays_wrong", test_wrong_checksum_stays_wrong);
	g_test_add_func("/xlat_6to4/options", test_options);
	g_test_add_func("/xlat_6to4/clamp_mss", test_clamp_mss);
	g_test_add_func("/xlat_6to4/hop_limit", test_hop_limit);
	g_test_add_func("/xlat_6to4/frag64_csv", test_frag64_csv);
	g_test_add_func("/xlat_6to4/atomic_fragment", test_atomic_fragment);
	g_test_add_func("/xlat_6to4/later_fragment", test_later_fragment);
	g_test_add_func("/xlat_6to4/longest_packet", test_longest_packet);
	g_test_add_func("/xlat_6to4/too_many_pieces", test_too_many_pieces);
	return g_test_run();
}
