/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 7915, 4: IPv4 to IPv6. Sizes, DF and pieces by frag46.csv; every result is judged by naive.h.
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
static const struct xlat_path plain_path = {.nh4_mtu = 1500, .nh6_mtu = 1500};

static struct packet parsed(const struct craft *what)
{
	struct packet packet = craft_packet(&buffer, what);

	g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
	return packet;
}

static struct tuple6 outgoing(const struct packet *packet)
{
	return (struct tuple6){
		.protocol = packet->protocol,
		.src = {craft_addr6("2001:db8:64::c633:6414"), 53},
		.dst = {craft_addr6("2001:db8:1::10"), 40001},
	};
}

/* Translates and asserts that the view is what packet_parse() would see. */
static void translate(struct packet *packet, const struct xlat_path *path,
		      const struct xlat_rules *rules)
{
	struct tuple6 to = outgoing(packet);

	xlat_4to6(packet, &to, path, rules);
	craft_assert_view(packet);
	g_assert_true(packet->data - packet->headroom == buffer.byte);
}

/* T-1 to T-4, T-6, T-7, T-9, T-30, T-31, T-40. */
static void test_tcp(void)
{
	const struct craft what = {
		.version = 4,
		.protocol = IPPROTO_TCP,
		.traffic_class = 0xb9,
		.hop_limit = 2,
		.dont_fragment = true,
		.fragment_id = 0x1234,
		.extra = "0101010001010100",
		.src_port = 53,
		.dst_port = 51000,
		.tcp_options = "0101080a0102030405060708",
		.payload_size = 101,
	};
	struct packet packet = parsed(&what);
	uint8_t before[TCP_HEADER_SIZE + 12 + 101];
	struct addr6 src, dst;
	const uint8_t *l4;

	memcpy(before, packet_l4(&packet), sizeof(before));
	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmpuint(packet.version, ==, 6);
	g_assert_cmpuint(packet.size, ==, 40 + sizeof(before));
	g_assert_cmphex(load_be32(packet.data), ==, 0x6b900000); /* flow label 0 */
	g_assert_cmpuint(load_be16(packet.data + 4), ==, sizeof(before));
	g_assert_cmpuint(packet.data[6], ==, IPPROTO_TCP);
	g_assert_cmpuint(packet.data[7], ==, 1);
	src = packet_src6(&packet);
	dst = packet_dst6(&packet);
	g_assert_cmpmem(src.byte, 16, craft_addr6("2001:db8:64::c633:6414").byte, 16);
	g_assert_cmpmem(dst.byte, 16, craft_addr6("2001:db8:1::10").byte, 16);

	l4 = packet_l4(&packet);
	g_assert_cmpuint(load_be16(l4), ==, 53);
	g_assert_cmpuint(load_be16(l4 + 2), ==, 40001);
	g_assert_cmpmem(l4 + 4, 12, before + 4, 12);
	g_assert_cmpmem(l4 + 18, sizeof(before) - 18, before + 18, sizeof(before) - 18);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

static void test_udp_and_echo(void)
{
	static const struct craft rows[] = {
		{.version = 4, .payload_size = 100},
		{.version = 4, .payload_size = 101},
		{.version = 4, .payload_size = 0},
		{.version = 4, .payload_size = 100, .udp_length = 33}, /* T-37 */
		/* T-34. */
		{.version = 4, .payload_size = 100, .udp_zero_checksum = true},
		{.version = 4, .payload_size = 101, .udp_zero_checksum = true},
		{.version = 4, .payload_size = 0, .udp_zero_checksum = true},
		{.version = 4, .payload_size = 100, .udp_length = 33, .udp_zero_checksum = true},
		{.version = 4,
		 .protocol = IPPROTO_ICMP,
		 .icmp_type = ICMP_ECHO,
		 .src_port = 0x2222,
		 .payload_size = 77},
		{.version = 4,
		 .protocol = IPPROTO_ICMP,
		 .icmp_type = ICMP_ECHOREPLY,
		 .src_port = 40001,
		 .payload_size = 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&rows[i]);
		uint32_t l4_size = packet_l4_size(&packet);
		const uint8_t *l4;

		g_test_message("row %zu", i);
		translate(&packet, &plain_path, &plain_rules);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
		g_assert_cmpuint(packet.size, ==, 40 + l4_size);
		l4 = packet_l4(&packet);
		if (rows[i].protocol != IPPROTO_ICMP) {
			g_assert_cmpuint(load_be16(l4 + 2), ==, 40001);
			continue;
		}
		g_assert_cmpuint(packet.data[6], ==, IPPROTO_ICMPV6);
		g_assert_cmpuint(l4[0], ==,
				 rows[i].icmp_type == ICMP_ECHO ? ICMP6_ECHO_REQUEST
								: ICMP6_ECHO_REPLY);
		g_assert_cmpuint(load_be16(l4 + 4), ==, 40001);
		g_assert_cmphex(load_be16(l4 + 6), ==, 0x0102); /* I-4: sequence number */
	}
}

/* T-33, T-34: a checksum that is made and comes to 0. */
static void test_udp_checksum_is_never_zero(void)
{
	const struct craft what = {.version = 4, .payload_size = 2, .udp_zero_checksum = true};
	unsigned n_ffff = 0;

	for (unsigned word = 0; word < 65536; word++) {
		struct packet packet = parsed(&what);
		struct tuple6 to = outgoing(&packet);

		store_be16(packet_l4(&packet) + 8, (uint16_t)word);
		xlat_4to6(&packet, &to, &plain_path, &plain_rules);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
		n_ffff += load_be16(packet_l4(&packet) + 6) == 0xffff;
	}
	g_assert_cmpuint(n_ffff, >=, 1);
}

/* T-34, T-35. */
static void test_udp_zero_checksum_refused(void)
{
	static const struct {
		struct craft what;
		bool drop;
		enum outcome outcome;
	} rows[] = {
		{{.version = 4, .udp_zero_checksum = true}, false, OUTCOME_TRANSLATED},
		{{.version = 4, .udp_zero_checksum = true}, true, OUTCOME_UDP4_ZERO_CHECKSUM},
		{{.version = 4}, true, OUTCOME_TRANSLATED},
		{{.version = 4, .udp_zero_checksum = true, .more_fragments = true},
		 false,
		 OUTCOME_UDP4_ZERO_CHECKSUM},
		{{.version = 4, .more_fragments = true}, false, OUTCOME_TRANSLATED},
		/* Bytes of a later fragment, and of TCP, are no checksum. */
		{{.version = 4, .fragment_offset = 8, .payload_size = 1}, true, OUTCOME_TRANSLATED},
		{{.version = 4, .protocol = IPPROTO_TCP}, true, OUTCOME_TRANSLATED},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = parsed(&rows[i].what);
		struct xlat_rules rules = plain_rules;
		uint32_t limit, mtu;

		g_test_message("row %zu", i);
		rules.drop_udp4_zero_checksum = rows[i].drop;
		if (packet.protocol == PROTOCOL_TCP)
			store_be16(packet_l4(&packet) + 6, 0);
		g_assert_cmpint(xlat_4to6_check(&packet, &plain_path, &rules, &limit, &mtu), ==,
				rows[i].outcome);
	}
}

/* T-32: wrong by as much as before. */
static void test_wrong_checksum_stays_wrong(void)
{
	static const uint16_t off_by[] = {1, 0x7fff, 0x8000, 0xfffe};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (size_t i = 0; i < G_N_ELEMENTS(off_by) * G_N_ELEMENTS(protocols); i++) {
		const struct craft what = {
			.version = 4,
			.protocol = protocols[i % G_N_ELEMENTS(protocols)],
			.icmp_type = ICMP_ECHOREPLY,
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

/* T-2, H-7. */
static void test_options(void)
{
	const struct craft what = {.version = 4, .traffic_class = 0xb9, .hop_limit = 9};
	struct xlat_rules rules = plain_rules;
	struct xlat_path path = plain_path;
	struct packet packet = parsed(&what);

	rules.traffic_class = 0;
	rules.type_of_service = 0x10; /* the other direction's */
	path.keep_hop_limit = true;
	translate(&packet, &path, &rules);
	g_assert_cmphex(load_be32(packet.data), ==, 0x60000000);
	g_assert_cmpuint(packet.data[7], ==, 9);
}

/* T-39. */
static void test_clamp_mss(void)
{
	const struct craft what = {
		.version = 4,
		.protocol = IPPROTO_TCP,
		.tcp_flags = TH_SYN | TH_ACK,
		.tcp_options = "020405b4",
	};
	struct xlat_rules rules = plain_rules;
	struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = 1280};
	struct packet packet = parsed(&what);

	translate(&packet, &path, &rules);
	g_assert_cmpuint(load_be16(packet_l4(&packet) + 22), ==, 1460);

	rules.clamp_mss = true;
	packet = parsed(&what);
	translate(&packet, &path, &rules);
	g_assert_cmpuint(load_be16(packet_l4(&packet) + 22), ==, 1220);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
}

/* T-5, H-7. */
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
		{1, true, OUTCOME_TRANSLATED},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {.version = 4, .hop_limit = rows[i].hop_limit};
		struct packet packet = parsed(&what);
		struct xlat_path path = plain_path;
		uint32_t limit, mtu;

		path.keep_hop_limit = rows[i].keep;
		g_assert_cmpint(xlat_4to6_check(&packet, &path, &plain_rules, &limit, &mtu), ==,
				rows[i].outcome);
		packet.hop_limit = 0;
		path.keep_hop_limit = false;
		g_assert_cmpint(xlat_4to6_check(&packet, &path, &plain_rules, &limit, &mtu), ==,
				OUTCOME_HOP_LIMIT);
	}
}

/* What comes out: number, the largest, and whether they have a Fragment header. */
static void assert_pieces(const struct packet *packet, uint32_t limit, unsigned n_packets,
			  uint32_t largest, bool fragment_header)
{
	static struct out_packet packets[EMIT_PIECES_MAX];
	static uint8_t arena[EMIT_ARENA_PER_PACKET];
	struct out out = {packets, G_N_ELEMENTS(packets), 0, arena, sizeof(arena), 0};
	uint32_t got = 0;

	emit_packet(packet, limit, 0x12345678, &out);
	g_assert_cmpuint(out.n_packets, ==, n_packets);
	for (uint32_t i = 0; i < out.n_packets; i++) {
		uint32_t size = packets[i].part[0].size;

		if (packets[i].n_parts == 2)
			size += packets[i].part[1].size;
		got = MAX(got, size);
		g_assert_cmpint(packets[i].part[0].base[6] == IPPROTO_FRAGMENT, ==,
				fragment_header);
	}
	if (n_packets == 1)
		g_assert_cmpuint(got, ==, largest);
	else
		g_assert_cmpuint(got, <=, largest);
}

/* F-6, F-11 to F-13: frag46.csv. */
static void test_frag46_csv(void)
{
	struct csv *csv = csv_open("frag46.csv");

	while (csv_next(csv)) {
		uint32_t total_length = (uint32_t)atoi(csv_get(csv, "total_length"));
		bool fragment = csv_get(csv, "is_fragment")[0] == '1';
		const char *action = csv_get(csv, "action");
		uint32_t size_or_mtu = (uint32_t)atoi(csv_get(csv, "size_or_mtu"));
		struct xlat_path path = plain_path;
		struct xlat_rules rules = plain_rules;
		const struct craft what = {
			.version = 4,
			.dont_fragment = csv_get(csv, "df")[0] == '1',
			.more_fragments = fragment,
			.fragment_id = 0xbeef,
			.udp_length = fragment ? 60000 : 0,
			.payload_size = total_length - 28,
		};
		struct packet packet = parsed(&what);
		uint32_t limit, mtu;
		enum outcome outcome;

		g_test_message("line %u", csv_line(csv));
		path.nh6_mtu = (uint32_t)atoi(csv_get(csv, "nexthop6_mtu"));
		rules.lowest_ipv6_mtu = (uint32_t)atoi(csv_get(csv, "lowest_ipv6_mtu"));
		outcome = xlat_4to6_check(&packet, &path, &rules, &limit, &mtu);
		if (g_str_has_prefix(action, "drop")) {
			g_assert_cmpint(outcome, ==, OUTCOME_TOO_BIG);
			g_assert_cmpuint(mtu, ==, size_or_mtu);
			continue;
		}
		g_assert_cmpint(outcome, ==, OUTCOME_TRANSLATED);
		struct tuple6 to = outgoing(&packet);
		xlat_4to6(&packet, &to, &path, &rules);
		g_assert_cmpint(packet.has_fragment_header, ==, fragment);
		g_assert_cmpint(packet.size <= limit, ==, g_str_equal(action, "forward"));
		assert_pieces(&packet, limit, (unsigned)atoi(csv_get(csv, "packets_out")),
			      size_or_mtu, g_str_equal(csv_get(csv, "fragment_header"), "yes"));
	}
	csv_close(csv);
}

/* F-6. */
static void test_fragments(void)
{
	struct craft what = {
		.version = 4,
		.more_fragments = true,
		.fragment_id = 0xbeef,
		.udp_length = 3000,
		.payload_size = 1000,
	};
	struct packet packet = parsed(&what);
	uint8_t before[64];

	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmpuint(packet.size, ==, 48 + 1008);
	g_assert_cmpuint(packet.data[6], ==, IPPROTO_FRAGMENT);
	g_assert_cmpuint(packet.data[40], ==, IPPROTO_UDP);
	g_assert_cmphex(load_be16(packet.data + 42), ==, 1);
	g_assert_cmphex(load_be32(packet.data + 44), ==, 0xbeef);
	g_assert_cmpuint(load_be16(packet_l4(&packet) + 2), ==, 40001);

	/* A later one has no transport header to be touched. */
	what = (struct craft){
		.version = 4, .fragment_offset = 1008, .fragment_id = 0xbeef, .payload_size = 64};
	packet = parsed(&what);
	memcpy(before, packet_l4(&packet), sizeof(before));
	translate(&packet, &plain_path, &plain_rules);
	g_assert_cmphex(load_be16(packet.data + 42), ==, 1008);
	g_assert_cmpmem(packet_l4(&packet), packet_l4_size(&packet), before, sizeof(before));
}

/* Both ends of the least IPv6 MTU, for routes that claim less. */
static void test_least_mtu(void)
{
	static const uint32_t nh6[] = {0, 1279, 1280};

	for (size_t i = 0; i < G_N_ELEMENTS(nh6); i++) {
		struct craft what = {.version = 4, .dont_fragment = true, .payload_size = 1232};
		struct xlat_path path = plain_path;
		struct packet packet = parsed(&what);
		uint32_t limit, mtu;

		path.nh6_mtu = nh6[i];
		g_assert_cmpint(xlat_4to6_check(&packet, &path, &plain_rules, &limit, &mtu), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(limit, ==, 1280);
		what.payload_size++;
		packet = parsed(&what);
		g_assert_cmpint(xlat_4to6_check(&packet, &path, &plain_rules, &limit, &mtu), ==,
				OUTCOME_TOO_BIG);
		g_assert_cmpuint(mtu, ==, 1260);
	}
}

static void test_longest_packet(void)
{
	const struct craft what = {
		.version = 4, .protocol = IPPROTO_TCP, .payload_size = 65535 - 40};
	struct xlat_path path = {.nh4_mtu = UINT32_MAX, .nh6_mtu = UINT32_MAX};
	struct packet packet = parsed(&what);

	translate(&packet, &path, &plain_rules);
	g_assert_cmpuint(packet.size, ==, 65555);
	g_assert_true(naive_packet_ok(packet.data, packet.size));
	assert_pieces(&packet, 1280, (65515 + 1231) / 1232, 1280, true);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xlat_4to6/tcp", test_tcp);
	g_test_add_func("/xlat_4to6/udp_and_echo", test_udp_and_echo);
	g_test_add_func("/xlat_4to6/udp_checksum_is_never_zero", test_udp_checksum_is_never_zero);
	g_test_add_func("/xlat_4to6/udp_zero_checksum_refused", test_udp_zero_checksum_refused);
	g_test_add_func("/xlat_4to6/wrong_checksum_stays_wrong", test_wrong_checksum_stays_wrong);
	g_test_add_func("/xlat_4to6/options", test_options);
	g_test_add_func("/xlat_4to6/clamp_mss", test_clamp_mss);
	g_test_add_func("/xlat_4to6/hop_limit", test_hop_limit);
	g_test_add_func("/xlat_4to6/frag46_csv", test_frag46_csv);
	g_test_add_func("/xlat_4to6/fragments", test_fragments);
	g_test_add_func("/xlat_4to6/least_mtu", test_least_mtu);
	g_test_add_func("/xlat_4to6/longest_packet", test_longest_packet);
	return g_test_run();
}
