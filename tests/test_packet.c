/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing: what is seen of good packets, and what is refused of those that lie.
 */
#include "daemon/core/packet.h"

#include <glib.h>

#include "tests/craft.h"
#include "tests/naive.h"

static struct craft_buffer buffer;

static enum outcome parse(const struct craft *what, struct packet *ret)
{
	*ret = craft_packet(&buffer, what);
	return packet_parse(ret);
}

#define ASSERT_OUTCOME(got, wanted) \
	g_assert_cmpstr(outcome_info(got)->name, ==, outcome_info(wanted)->name)

static void test_ip4_view(void)
{
	const struct craft what = {
		.version = 4,
		.protocol = IPPROTO_TCP,
		.traffic_class = 0xb9,
		.hop_limit = 7,
		.dont_fragment = true,
		.fragment_id = 0x1234,
		.extra = "0101010001010100", /* options */
		.payload_size = 11,
	};
	struct packet packet = craft_packet(&buffer, &what);
	uint32_t size = packet.size;

	packet.mark = 77;
	ASSERT_OUTCOME(packet_parse(&packet), OUTCOME_TRANSLATED);
	g_assert_cmpuint(packet.version, ==, 4);
	g_assert_cmpuint(packet.size, ==, size);
	g_assert_cmpuint(packet.headroom, ==, PACKET_HEADROOM);
	g_assert_cmpuint(packet.mark, ==, 77);
	g_assert_cmpuint(packet.ip_protocol, ==, IPPROTO_TCP);
	g_assert_cmpint(packet.protocol, ==, PROTOCOL_TCP);
	g_assert_cmphex(packet.traffic_class, ==, 0xb9);
	g_assert_cmpuint(packet.hop_limit, ==, 7);
	g_assert_true(packet.dont_fragment);
	g_assert_false(packet.is_fragment);
	g_assert_false(packet.is_icmp_error);
	g_assert_cmphex(packet.fragment_id, ==, 0x1234);
	g_assert_cmpuint(packet.l4_offset, ==, 28);
	g_assert_cmphex(packet_src4(&packet), ==, craft_addr4("198.51.100.20"));
	g_assert_cmphex(packet_dst4(&packet), ==, craft_addr4("203.0.113.7"));
	g_assert_cmphex(packet_tcp_flags(&packet), ==, TH_ACK);
}

static void test_ip6_view(void)
{
	const struct craft what = {
		.version = 6,
		.traffic_class = 0xb9,
		.hop_limit = 7,
		.fragment_header = true,
		.fragment_id = 0xdeadbeef,
		.payload_size = 11,
	};
	struct addr6 src = craft_addr6("2001:db8:1::10");
	struct addr6 dst = craft_addr6("2001:db8:64::c633:6414");
	struct packet packet;
	struct addr6 got;

	ASSERT_OUTCOME(parse(&what, &packet), OUTCOME_TRANSLATED);
	g_assert_cmpuint(packet.version, ==, 6);
	g_assert_cmpuint(packet.size, ==, 48 + 8 + 11);
	g_assert_cmpuint(packet.ip_protocol, ==, IPPROTO_UDP);
	g_assert_cmpint(packet.protocol, ==, PROTOCOL_UDP);
	g_assert_cmphex(packet.traffic_class, ==, 0xb9);
	g_assert_cmpuint(packet.hop_limit, ==, 7);
	g_assert_true(packet.has_fragment_header);
	g_assert_false(packet.is_fragment); /* F-8: atomic */
	g_assert_false(packet.dont_fragment);
	g_assert_cmphex(packet.fragment_id, ==, 0xdeadbeef);
	g_assert_cmpuint(packet.l4_offset, ==, 48);
	got = packet_src6(&packet);
	g_assert_true(addr6_equal(&got, &src));
	got = packet_dst6(&packet);
	g_assert_true(addr6_equal(&got, &dst));
}

static void test_fragments_are_seen(void)
{
	static const struct {
		struct craft what;
		uint32_t offset;
		bool more;
		uint32_t l4_offset;
	} rows[] = {
		{{.version = 4, .more_fragments = true, .payload_size = 16}, 0, true, 20},
		{{.version = 4, .fragment_offset = 1480, .payload_size = 16}, 1480, false, 20},
		{{.version = 4, .fragment_offset = 65528, .payload_size = 1}, 65528, false, 20},
		{{.version = 6,
		  .fragment_header = true,
		  .more_fragments = true,
		  .payload_size = 16},
		 0,
		 true,
		 48},
		{{.version = 6, .fragment_header = true, .fragment_offset = 8, .payload_size = 1},
		 8,
		 false,
		 48},
		{{.version = 6,
		  .fragment_header = true,
		  .fragment_offset = 65528,
		  .payload_size = 3},
		 65528,
		 false,
		 48},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet;

		ASSERT_OUTCOME(parse(&rows[i].what, &packet), OUTCOME_TRANSLATED);
		g_assert_true(packet.is_fragment);
		g_assert_cmpuint(packet.fragment_offset, ==, rows[i].offset);
		g_assert_cmpint(packet.more_fragments, ==, rows[i].more);
		g_assert_cmpuint(packet.l4_offset, ==, rows[i].l4_offset);
	}
}

/* A first fragment of UDP has less than its length says; a later one may hold anything. */
static void test_fragments_transport(void)
{
	static const struct {
		struct craft what;
		enum outcome outcome;
	} rows[] = {
		{{.version = 4, .more_fragments = true, .udp_length = 2000, .payload_size = 16},
		 OUTCOME_TRANSLATED},
		{{.version = 4, .more_fragments = true, .udp_length = 7, .payload_size = 16},
		 OUTCOME_MALFORMED_UDP},
		{{.version = 4, .fragment_offset = 8, .payload_size = 1}, OUTCOME_TRANSLATED},
		{{.version = 4, .protocol = IPPROTO_ICMP, .fragment_offset = 8, .payload_size = 1},
		 OUTCOME_TRANSLATED},
		/* T-36: only the first fragment has the checksum. */
		{{.version = 6,
		  .fragment_header = true,
		  .more_fragments = true,
		  .udp_zero_checksum = true,
		  .payload_size = 16},
		 OUTCOME_UDP6_ZERO_CHECKSUM},
		{{.version = 6, .fragment_header = true, .fragment_offset = 8, .payload_size = 16},
		 OUTCOME_TRANSLATED},
		/* F-8: an atomic fragment is a whole packet. */
		{{.version = 6,
		  .fragment_header = true,
		  .udp_zero_checksum = true,
		  .payload_size = 16},
		 OUTCOME_UDP6_ZERO_CHECKSUM},
		{{.version = 6, .fragment_header = true, .udp_length = 25, .payload_size = 16},
		 OUTCOME_MALFORMED_UDP},
		/* The type of an ICMP error's later fragment is not known: no checksum to verify.
		 */
		{{.version = 4,
		  .protocol = IPPROTO_ICMP,
		  .more_fragments = true,
		  .icmp_type = 3,
		  .check_off_by = 1,
		  .payload_size = 16},
		 OUTCOME_TRANSLATED},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet;

		g_test_message("row %zu", i);
		ASSERT_OUTCOME(parse(&rows[i].what, &packet), rows[i].outcome);
	}
}

/* One byte of a good packet is overwritten; where there is an IPv4 header its checksum is mended if
 * fix is set. */
struct lie {
	const char *name;
	struct craft what;
	int cut; /* bytes taken off the end */
	int at;
	uint8_t value;
	bool fix;
	enum outcome outcome;
};

static void check_lies(const struct lie *lies, size_t n_lies)
{
	for (size_t i = 0; i < n_lies; i++) {
		const struct lie *lie = &lies[i];
		struct packet packet = craft_packet(&buffer, &lie->what);

		g_test_message("%s", lie->name);
		packet.size -= (uint32_t)lie->cut;
		if (lie->at >= 0)
			packet.data[lie->at] = lie->value;
		if (lie->fix) {
			uint32_t size = (packet.data[0] & 0xf) * 4u;

			store_be16(packet.data + 10, 0);
			store_be16(packet.data + 10, naive_checksum(packet.data, size));
		}
		ASSERT_OUTCOME(packet_parse(&packet), lie->outcome);
	}
}

#define UDP4                                     \
	{                                        \
		.version = 4, .payload_size = 10 \
	}
#define UDP6                                     \
	{                                        \
		.version = 6, .payload_size = 10 \
	}
#define TCP4                                                              \
	{                                                                 \
		.version = 4, .protocol = IPPROTO_TCP, .payload_size = 10 \
	}
#define TCP6                                          \
	{                                             \
		.version = 6, .protocol = IPPROTO_TCP \
	}

/* T-37, T-38. */
static void test_lies(void)
{
	/* clang-format off */
	static const struct lie lies[] = {
		{"nothing at all", UDP4, 38, -1, 0, false, OUTCOME_MALFORMED_IP4},
		{"version 5", UDP4, 0, 0, 0x55, false, OUTCOME_MALFORMED_IP4},
		{"19 bytes of IPv4", UDP4, 19, -1, 0, false, OUTCOME_MALFORMED_IP4},
		{"IHL 4", UDP4, 0, 0, 0x44, true, OUTCOME_MALFORMED_IP4},
		{"IHL as long as the packet", UDP4, 2, 0, 0x49, true, OUTCOME_MALFORMED_IP4},
		{"IHL longer than the packet", UDP4, 0, 0, 0x4f, false, OUTCOME_MALFORMED_IP4},
		{"total length 19", UDP4, 0, 3, 19, true, OUTCOME_MALFORMED_IP4},
		{"total length 20", UDP4, 0, 3, 20, true, OUTCOME_MALFORMED_UDP},
		{"total length as received", UDP4, 0, 3, 38, true, OUTCOME_TRANSLATED},
		{"total length one more", UDP4, 0, 3, 39, true, OUTCOME_MALFORMED_IP4},
		{"one byte less than total length", UDP4, 1, -1, 0, false, OUTCOME_MALFORMED_IP4},
		{"header checksum", UDP4, 0, 8, 65, false, OUTCOME_MALFORMED_IP4},
		{"39 bytes of IPv6", UDP6, 19, -1, 0, false, OUTCOME_MALFORMED_IP6},
		{"40 bytes of IPv6 and no more", UDP6, 18, 5, 0, false, OUTCOME_MALFORMED_UDP},
		{"payload length as received", UDP6, 0, 5, 18, false, OUTCOME_TRANSLATED},
		{"payload length one more", UDP6, 0, 5, 19, false, OUTCOME_MALFORMED_IP6},
		{"one byte less than payload length", UDP6, 1, -1, 0, false, OUTCOME_MALFORMED_IP6},
		{"jumbogram (T-23)", UDP6, 0, 5, 0, false, OUTCOME_MALFORMED_IP6},
		{"7 bytes of UDP", UDP6, 0, 5, 7, false, OUTCOME_MALFORMED_UDP},
		{"UDP length 7", UDP4, 0, 25, 7, false, OUTCOME_MALFORMED_UDP},
		{"UDP length 8", UDP4, 0, 25, 8, false, OUTCOME_TRANSLATED},
		{"UDP length as received", UDP4, 0, 25, 18, false, OUTCOME_TRANSLATED},
		{"UDP length one more", UDP4, 0, 25, 19, false, OUTCOME_MALFORMED_UDP},
		{"UDP length 0", UDP6, 0, 45, 0, false, OUTCOME_MALFORMED_UDP},
		{"UDP length less than payload, IPv6", UDP6, 0, 45, 9, false, OUTCOME_TRANSLATED},
		{"19 bytes of TCP", TCP6, 0, 5, 19, false, OUTCOME_MALFORMED_TCP},
		{"20 bytes of TCP", TCP6, 0, 5, 20, false, OUTCOME_TRANSLATED},
		{"data offset 4", TCP4, 0, 32, 0x40, false, OUTCOME_MALFORMED_TCP},
		{"data offset 7: 28 of 30 bytes", TCP4, 0, 32, 0x70, false, OUTCOME_TRANSLATED},
		{"data offset 8: 32 of 30 bytes", TCP4, 0, 32, 0x80, false, OUTCOME_MALFORMED_TCP},
	};
	/* clang-format on */

	check_lies(lies, G_N_ELEMENTS(lies));
}

/* however little there is of a header, it is one of its version's; nothing is IPv4's. */
static void test_stumps(void)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		const struct craft what = {.version = (uint8_t)version};
		uint32_t header_size = version == 4 ? IP4_HEADER_SIZE : IP6_HEADER_SIZE;

		for (uint32_t size = version == 6; size < header_size; size++) {
			struct packet packet = craft_packet(&buffer, &what);

			packet.size = size;
			ASSERT_OUTCOME(packet_parse(&packet), version == 4 ? OUTCOME_MALFORMED_IP4
									   : OUTCOME_MALFORMED_IP6);
			g_assert_cmpuint(packet.version, ==, version);
		}
	}
}

/* */
static void test_tcp_flags(void)
{
	static const struct {
		uint8_t flags;
		enum outcome outcome;
	} rows[] = {
		{0, OUTCOME_BAD_TCP_FLAGS},
		{TH_SYN | TH_FIN, OUTCOME_BAD_TCP_FLAGS},
		{TH_SYN | TH_RST, OUTCOME_BAD_TCP_FLAGS},
		{TH_SYN | TH_FIN | TH_ACK, OUTCOME_BAD_TCP_FLAGS},
		{0xff, OUTCOME_BAD_TCP_FLAGS},
		{TH_SYN, OUTCOME_TRANSLATED},
		{TH_SYN | TH_ACK | 0xc0, OUTCOME_TRANSLATED},
		{TH_FIN | TH_ACK, OUTCOME_TRANSLATED},
		{TH_RST, OUTCOME_TRANSLATED},
		{TH_FIN, OUTCOME_TRANSLATED},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {.version = 6, .protocol = IPPROTO_TCP};
		struct packet packet = craft_packet(&buffer, &what);

		packet.data[40 + 13] = rows[i].flags;
		ASSERT_OUTCOME(packet_parse(&packet), rows[i].outcome);
	}
}

/* T-10. */
static void test_padding_is_cut_off(void)
{
	const struct craft what[] = {UDP4, UDP6};

	for (size_t i = 0; i < G_N_ELEMENTS(what); i++) {
		struct packet packet = craft_packet(&buffer, &what[i]);
		uint32_t size = packet.size;

		packet.size += 8;
		ASSERT_OUTCOME(packet_parse(&packet), OUTCOME_TRANSLATED);
		g_assert_cmpuint(packet.size, ==, size);
	}
}

static void test_truncated(void)
{
	const struct craft what = UDP6;
	struct packet packet = craft_packet(&buffer, &what);

	packet.truncated = true;
	ASSERT_OUTCOME(packet_parse(&packet), OUTCOME_TRUNCATED);
	g_assert_cmpuint(packet.version, ==, 6);
}

/* T-22. */
static void test_ip4_protocols(void)
{
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		const struct craft what = {.version = 4,
					   .protocol = protocol == 0 ? 255 : (uint8_t)protocol,
					   .icmp_type = ICMP_ECHO,
					   .payload_size = 20};
		bool known = protocol == 1 || protocol == 6 || protocol == 17;
		struct packet packet;

		ASSERT_OUTCOME(parse(&what, &packet),
			       known ? OUTCOME_TRANSLATED : OUTCOME_UNKNOWN_PROTOCOL);
	}
}

/* T-36; over IPv4 it is for the translator to see (T-34). */
static void test_udp_zero_checksum(void)
{
	const struct craft what6 = {.version = 6, .udp_zero_checksum = true};
	const struct craft what4 = {.version = 4, .udp_zero_checksum = true};
	struct packet packet;

	ASSERT_OUTCOME(parse(&what6, &packet), OUTCOME_UDP6_ZERO_CHECKSUM);
	ASSERT_OUTCOME(parse(&what4, &packet), OUTCOME_TRANSLATED);
}

static void test_icmp(void)
{
	static const struct {
		uint8_t version, type;
		bool is_error;
		uint16_t off_by;
		enum outcome outcome;
	} rows[] = {
		{4, 8, false, 0, OUTCOME_TRANSLATED},
		{4, 0, false, 0, OUTCOME_TRANSLATED},
		{4, 3, true, 0, OUTCOME_TRANSLATED},
		{4, 4, true, 0, OUTCOME_TRANSLATED},
		{4, 5, true, 0, OUTCOME_TRANSLATED},
		{4, 11, true, 0, OUTCOME_TRANSLATED},
		{4, 12, true, 0, OUTCOME_TRANSLATED},
		{4, 13, false, 0, OUTCOME_TRANSLATED},
		{6, 128, false, 0, OUTCOME_TRANSLATED},
		{6, 129, false, 0, OUTCOME_TRANSLATED},
		{6, 1, true, 0, OUTCOME_TRANSLATED},
		{6, 2, true, 0, OUTCOME_TRANSLATED},
		{6, 127, true, 0, OUTCOME_TRANSLATED},
		{6, 135, false, 0, OUTCOME_TRANSLATED},
		/* I-6: errors are verified, queries never (T-32). */
		{4, 3, true, 1, OUTCOME_ICMP_BAD_CHECKSUM},
		{4, 11, true, 0x100, OUTCOME_ICMP_BAD_CHECKSUM},
		{6, 1, true, 1, OUTCOME_ICMP_BAD_CHECKSUM},
		{6, 3, true, 0x8000, OUTCOME_ICMP_BAD_CHECKSUM},
		{4, 8, false, 1, OUTCOME_TRANSLATED},
		{6, 129, false, 1, OUTCOME_TRANSLATED},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {
			.version = rows[i].version,
			.protocol = rows[i].version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			.icmp_type = rows[i].type,
			.check_off_by = rows[i].off_by,
			.payload_size = 41,
		};
		struct packet packet;

		g_test_message("version %u type %u", rows[i].version, rows[i].type);
		ASSERT_OUTCOME(parse(&what, &packet), rows[i].outcome);
		g_assert_cmpint(packet.is_icmp_error, ==, rows[i].is_error);
		g_assert_cmpint(packet.protocol, ==, PROTOCOL_ICMP);
	}
}

static void test_icmp_cut_short(void)
{
	for (uint32_t size = 0; size <= 8; size++) {
		const struct craft what = {
			.version = 6, .protocol = IPPROTO_ICMPV6, .icmp_type = ICMP6_ECHO_REQUEST};
		struct packet packet = craft_packet(&buffer, &what);

		packet.size = IP6_HEADER_SIZE + size;
		store_be16(packet.data + 4, (uint16_t)size);
		ASSERT_OUTCOME(packet_parse(&packet),
			       size < 8 ? OUTCOME_MALFORMED_ICMP : OUTCOME_TRANSLATED);
	}
}

/* I-29: what is answered with an ICMP error must first be known not to be one itself. */
static void test_refused_icmp_errors_are_seen(void)
{
	const struct craft rows[] = {
		{.version = 6,
		 .protocol = IPPROTO_ICMPV6,
		 .icmp_type = 1,
		 .payload_size = 48,
		 .next_header = 43,
		 .extra = "3a00020100000000"},
		{.version = 4,
		 .protocol = IPPROTO_ICMP,
		 .icmp_type = 3,
		 .payload_size = 28,
		 .extra = "830704c000020100"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet;

		ASSERT_OUTCOME(parse(&rows[i], &packet),
			       i == 0 ? OUTCOME_ROUTING_HEADER : OUTCOME_SOURCE_ROUTE);
		g_assert_true(packet.is_icmp_error);
	}
}

/* The sum of what stands in front of the transport header, as who leaves the rest to a device
 * writes it. */
static void unfinish(struct packet *packet, bool is_udp)
{
	const bool is6 = packet->version == 6;
	const uint32_t size = packet_l4_size(packet);
	uint8_t pseudo[40] = {0};

	memcpy(pseudo, packet->data + (is6 ? 8 : 12), is6 ? 32 : 8);
	store_be16(pseudo + 32, (uint16_t)size);
	pseudo[35] = packet->ip_protocol;
	store_be16(packet_l4(packet) + (is_udp ? 6 : 16), (uint16_t)~naive_checksum(pseudo, 36));
}

/* A checksum that is finished is right; one of UDP that comes out as 0 is sent as 0xffff, as 0 says
 * that there is none (RFC 768), one of TCP is not. */
static void test_finished_checksums(void)
{
	for (unsigned i = 0; i < 4; i++) {
		const bool is6 = i & 1, is_udp = i & 2;
		const struct craft what = {.version = is6 ? 6 : 4,
					   .protocol = is_udp ? IPPROTO_UDP : IPPROTO_TCP,
					   .payload_size = 3};
		struct packet packet = craft_packet(&buffer, &what);
		uint8_t *check, *payload;

		g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
		check = packet_l4(&packet) + (is_udp ? 6 : 16);
		payload = packet_l4(&packet) + (is_udp ? 8 : 20);
		store_be16(payload, 0);
		unfinish(&packet, is_udp);
		packet_finish_checksum(&packet);
		g_assert_cmphex(load_be16(check), !=, 0);
		g_assert_true(naive_packet_ok(packet.data, packet.size));

		/* What is missing to 0. */
		store_be16(payload, load_be16(check));
		unfinish(&packet, is_udp);
		packet_finish_checksum(&packet);
		g_assert_cmphex(load_be16(check), ==, is_udp ? 0xffff : 0);
		g_assert_true(naive_packet_ok(packet.data, packet.size));
	}
}

/* Whose checksum is finished when it comes in, and whose on its way out: TCP's only, and not of a
 * fragment, which has none that could be left to a device. */
static void test_unfinished(void)
{
	static const struct {
		struct craft what;
		bool unfinished;
	} rows[] = {
		{{.version = 4, .protocol = IPPROTO_TCP}, true},
		{{.version = 6, .protocol = IPPROTO_TCP}, true},
		{{.version = 4, .protocol = IPPROTO_UDP}, false},
		{{.version = 6, .protocol = IPPROTO_UDP}, false},
		{{.version = 6, .protocol = IPPROTO_ICMPV6, .icmp_type = 128}, false},
		{{.version = 4,
		  .protocol = IPPROTO_TCP,
		  .more_fragments = true,
		  .payload_size = 12},
		 false},
		{{.version = 4,
		  .protocol = IPPROTO_UDP,
		  .more_fragments = true,
		  .udp_length = 900,
		  .payload_size = 16},
		 false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = craft_packet(&buffer, &rows[i].what);
		uint8_t before[100];

		memcpy(before, packet.data, packet.size);
		packet.unfinished = true;
		g_assert_cmpint(packet_parse(&packet), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(packet.unfinished, ==, rows[i].unfinished);
		/* The only one whose bytes are touched is UDP's, if whole. */
		if (rows[i].what.protocol != IPPROTO_UDP || packet.is_fragment)
			g_assert_cmpmem(packet.data, packet.size, before, packet.size);
	}
}

/* Only a whole TCP packet is a superpacket, and then its checksum is always unfinished. */
static void test_superpackets(void)
{
	static const struct {
		struct craft what;
		enum outcome outcome;
	} rows[] = {
		{{.version = 4, .protocol = IPPROTO_TCP}, OUTCOME_TRANSLATED},
		{{.version = 6, .protocol = IPPROTO_TCP}, OUTCOME_TRANSLATED},
		{{.version = 6, .protocol = IPPROTO_UDP}, OUTCOME_SUPERPACKET_NOT_TCP},
		{{.version = 4,
		  .protocol = IPPROTO_TCP,
		  .more_fragments = true,
		  .payload_size = 12},
		 OUTCOME_SUPERPACKET_NOT_TCP},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = craft_packet(&buffer, &rows[i].what);

		packet.superpacket = true;
		g_assert_cmpint(packet_parse(&packet), ==, rows[i].outcome);
		g_assert_true(packet.superpacket);
		if (rows[i].outcome == OUTCOME_TRANSLATED)
			g_assert_true(packet.unfinished);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/packet/ip4_view", test_ip4_view);
	g_test_add_func("/packet/ip6_view", test_ip6_view);
	g_test_add_func("/packet/fragments_are_seen", test_fragments_are_seen);
	g_test_add_func("/packet/fragments_transport", test_fragments_transport);
	g_test_add_func("/packet/lies", test_lies);
	g_test_add_func("/packet/stumps", test_stumps);
	g_test_add_func("/packet/tcp_flags", test_tcp_flags);
	g_test_add_func("/packet/padding_is_cut_off", test_padding_is_cut_off);
	g_test_add_func("/packet/truncated", test_truncated);
	g_test_add_func("/packet/ip4_protocols", test_ip4_protocols);
	g_test_add_func("/packet/udp_zero_checksum", test_udp_zero_checksum);
	g_test_add_func("/packet/icmp", test_icmp);
	g_test_add_func("/packet/icmp_cut_short", test_icmp_cut_short);
	g_test_add_func("/packet/refused_icmp_errors_are_seen", test_refused_icmp_errors_are_seen);
	g_test_add_func("/packet/finished_checksums", test_finished_checksums);
	g_test_add_func("/packet/unfinished", test_unfinished);
	g_test_add_func("/packet/superpackets", test_superpackets);
	return g_test_run();
}
