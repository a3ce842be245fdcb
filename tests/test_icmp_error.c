/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's own ICMP errors: which may be sent (I-29, I-30), how they look (I-26, I-32, T-25),
 * and how many (K-11, X-14).
 */
#include <glib.h>
#include <string.h>

#include "daemon/core/icmp_error.h"
#include "daemon/core/ip_header.h"
#include "tests/naive.h"

#define BUFFER_SIZE 2048

#define CLIENT6  "2001:db8:1::10"
#define SERVER6  "2001:db8:64::c633:6414"
#define GATEWAY6 "2001:db8:1::1"
#define SERVER4  "198.51.100.20"
#define POOL4    "203.0.113.7"
#define GATEWAY4 "203.0.113.1"

static struct addr6 a6(const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

static uint32_t a4(const char *text)
{
	uint32_t addr;

	g_assert_true(addr4_parse(text, &addr));
	return addr;
}

/* A packet with l4_size bytes behind its header, which l4 (n bytes of it given) begins. */
static struct packet make6(uint8_t *buffer, const char *src, const char *dst, uint8_t next_header,
			   const uint8_t *l4, size_t n, uint32_t l4_size)
{
	const struct ip_fields fields = {
		.traffic_class = 0xbb, .hop_limit = 1, .ip_protocol = next_header};
	const struct addr6 src6 = a6(src), dst6 = a6(dst);

	memset(buffer, 0, BUFFER_SIZE);
	ip6_header_write(buffer, &fields, &src6, &dst6, l4_size);
	if (n != 0)
		memcpy(buffer + IP6_HEADER_SIZE, l4, n);
	return (struct packet){
		.data = buffer, .size = IP6_HEADER_SIZE + l4_size, .mark = 7, .version = 6};
}

static struct packet make4(uint8_t *buffer, const char *src, const char *dst, uint8_t ip_protocol,
			   uint16_t fragment_offset, const uint8_t *l4, size_t n, uint32_t l4_size)
{
	const struct ip_fields fields = {.traffic_class = 0xbb,
					 .hop_limit = 1,
					 .ip_protocol = ip_protocol,
					 .fragment_offset = fragment_offset};

	memset(buffer, 0, BUFFER_SIZE);
	ip4_header_write(buffer, &fields, a4(src), a4(dst), l4_size);
	if (n != 0)
		memcpy(buffer + IP4_HEADER_SIZE, l4, n);
	return (struct packet){
		.data = buffer, .size = IP4_HEADER_SIZE + l4_size, .mark = 7, .version = 4};
}

#define BYTES(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

/* I-29, I-30; the "none" rows of gateway_errors.csv that need no table to be judged. */
static void test_permitted6(void)
{
	static const struct {
		const char *name, *src, *dst;
		uint8_t next_header, type, code;
		bool permitted;
		uint8_t l4[48];
		size_t n;
	} row[] = {
		/* clang-format off */
		{ "udp",                     CLIENT6, SERVER6, 17, 3, 0, true,  BYTES(1, 2, 3, 4, 0, 8, 0, 0) },
		{ "tcp, generic",            CLIENT6, SERVER6,  6, 1, 1, true,  BYTES(1, 2, 3, 4) },
		{ "unknown protocol",        CLIENT6, SERVER6, 50, 1, 4, true,  BYTES(0) },
		{ "no next header",          CLIENT6, SERVER6, 59, 1, 4, true,  BYTES(0) },
		{ "echo, hop limit",         CLIENT6, SERVER6, 58, 3, 0, true,  BYTES(128, 0, 0, 0, 0, 0, 0, 0) },
		{ "echo, no port",           CLIENT6, SERVER6, 58, 1, 3, true,  BYTES(128, 0, 0, 0, 0, 0, 0, 0) },
		{ "echo, too big",           CLIENT6, SERVER6, 58, 2, 0, true,  BYTES(129, 0, 0, 0, 0, 0, 0, 0) },
		{ "echo, generic",           CLIENT6, SERVER6, 58, 1, 1, false, BYTES(128, 0, 0, 0, 0, 0, 0, 0) },
		{ "unreachable",             CLIENT6, SERVER6, 58, 3, 0, false, BYTES(1, 4, 0, 0, 0, 0, 0, 0) },
		{ "unknown error",           CLIENT6, SERVER6, 58, 3, 0, false, BYTES(127, 0, 0, 0, 0, 0, 0, 0) },
		{ "redirect",                CLIENT6, SERVER6, 58, 3, 0, false, BYTES(137, 0, 0, 0, 0, 0, 0, 0) },
		{ "options, echo",           CLIENT6, SERVER6, 60, 3, 0, true,  BYTES(58, 0, 1, 4, 0, 0, 0, 0, 128, 0) },
		{ "options, error",          CLIENT6, SERVER6, 60, 3, 0, false, BYTES(58, 0, 1, 4, 0, 0, 0, 0, 3, 0) },
		{ "routing header, error",   CLIENT6, SERVER6, 43, 4, 0, false, BYTES(58, 0, 2, 1, 0, 0, 0, 0, 3, 0) },
		{ "routing header, udp",     CLIENT6, SERVER6, 43, 4, 0, true,  BYTES(17, 0, 2, 1, 0, 0, 0, 0, 3, 0) },
		{ "AH, error",               CLIENT6, SERVER6, 51, 1, 4, false, BYTES(58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0) },
		{ "AH, tcp",                 CLIENT6, SERVER6, 51, 1, 4, true,  BYTES(6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0) },
		{ "AH, echo",                CLIENT6, SERVER6, 51, 3, 0, true,  BYTES(58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0) },
		{ "first fragment, udp",     CLIENT6, SERVER6, 44, 3, 0, true,  BYTES(17, 0, 0, 1, 0, 0, 0, 9, 1, 2) },
		{ "first fragment, error",   CLIENT6, SERVER6, 44, 3, 0, false, BYTES(58, 0, 0, 1, 0, 0, 0, 9, 1, 2) },
		{ "later fragment",          CLIENT6, SERVER6, 44, 3, 0, false, BYTES(17, 0, 0, 8, 0, 0, 0, 9, 1, 2) },
		{ "unspecified source",      "::",    SERVER6, 17, 3, 0, false, BYTES(1, 2, 3, 4) },
		{ "loopback source",         "::1",   SERVER6, 17, 3, 0, false, BYTES(1, 2, 3, 4) },
		{ "multicast source",        "ff0e::1", SERVER6, 17, 3, 0, false, BYTES(1, 2, 3, 4) },
		{ "mapped source",           "::ffff:192.0.2.1", SERVER6, 17, 3, 0, false, BYTES(1, 2, 3, 4) },
		{ "multicast destination",   CLIENT6, "ff0e::1", 17, 2, 0, false, BYTES(1, 2, 3, 4) },
		/* clang-format on */
	};
	uint8_t buffer[BUFFER_SIZE];

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		const struct packet about =
			make6(buffer, row[i].src, row[i].dst, row[i].next_header, row[i].l4,
			      row[i].n, sizeof(row[i].l4));

		g_test_message("%s", row[i].name);
		g_assert_cmpint(icmp_error_permitted(&about, row[i].type, row[i].code), ==,
				row[i].permitted);
	}
}

static void test_permitted4(void)
{
	static const struct {
		const char *name, *src, *dst;
		uint8_t ip_protocol;
		uint16_t fragment_offset;
		bool permitted;
		uint8_t l4[8];
	} row[] = {
		/* clang-format off */
		{ "udp",                   SERVER4, POOL4, 17, 0, true,  { 1, 2, 3, 4, 0, 8, 0, 0 } },
		{ "unknown protocol",      SERVER4, POOL4, 47, 0, true,  { 0 } },
		{ "later fragment",        SERVER4, POOL4, 17, 8, false, { 1, 2, 3, 4, 0, 8, 0, 0 } },
		{ "echo",                  SERVER4, POOL4,  1, 0, true,  { 8 } },
		{ "echo reply",            SERVER4, POOL4,  1, 0, true,  { 0 } },
		{ "timestamp",             SERVER4, POOL4,  1, 0, true,  { 13 } },
		{ "unreachable",           SERVER4, POOL4,  1, 0, false, { 3 } },
		{ "source quench",         SERVER4, POOL4,  1, 0, false, { 4 } },
		{ "redirect",              SERVER4, POOL4,  1, 0, false, { 5 } },
		{ "time exceeded",         SERVER4, POOL4,  1, 0, false, { 11 } },
		{ "parameter problem",     SERVER4, POOL4,  1, 0, false, { 12 } },
		{ "unknown type",          SERVER4, POOL4,  1, 0, false, { 200 } },
		{ "source this network",   "0.0.0.1", POOL4, 17, 0, false, { 0 } },
		{ "source loopback",       "127.0.0.1", POOL4, 17, 0, false, { 0 } },
		{ "source multicast",      "224.0.0.1", POOL4, 17, 0, false, { 0 } },
		{ "source class E",        "240.0.0.1", POOL4, 17, 0, false, { 0 } },
		{ "source broadcast",      "255.255.255.255", POOL4, 17, 0, false, { 0 } },
		{ "multicast destination", SERVER4, "224.0.0.1", 17, 0, false, { 0 } },
		{ "broadcast destination", SERVER4, "255.255.255.255", 17, 0, false, { 0 } },
		/* clang-format on */
	};
	uint8_t buffer[BUFFER_SIZE];

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		const struct packet about = make4(buffer, row[i].src, row[i].dst,
						  row[i].ip_protocol, row[i].fragment_offset,
						  row[i].l4, sizeof(row[i].l4), sizeof(row[i].l4));

		g_test_message("%s", row[i].name);
		g_assert_cmpint(icmp_error_permitted(&about, 3, 1), ==, row[i].permitted);
	}
}

/* Is a packet that ends here answered? Its memory ends here, too. */
static bool permitted_if_cut(const struct packet *whole, uint32_t size, uint8_t type, uint8_t code)
{
	uint8_t *data = g_memdup2(whole->data, MAX(size, 1));
	const struct packet about = {.data = data, .size = size, .version = whole->version};
	const bool permitted = icmp_error_permitted(&about, type, code);

	g_free(data);
	return permitted;
}

/* Packets that packet_parse() refused: cut anywhere, with a view that was never filled in. */
static void test_cut_short_is_not_answered(void)
{
	static const uint8_t chain[] = {43, 0, 1, 4, 0, 0, 0, 0, 58, 0, 2, 1, 0, 0, 0, 0, 128, 0};
	static const uint8_t echo[] = {8};
	uint8_t buffer[BUFFER_SIZE];
	struct packet about = make6(buffer, CLIENT6, SERVER6, 60, chain, sizeof(chain), 18);

	g_assert_true(permitted_if_cut(&about, IP6_HEADER_SIZE + 17, 4, 0));
	for (uint32_t size = 0; size < IP6_HEADER_SIZE + 17; size++)
		g_assert_false(permitted_if_cut(&about, size, 4, 0));

	about = make4(buffer, SERVER4, POOL4, 1, 0, echo, sizeof(echo), 8);
	for (uint32_t size = 0; size < IP4_HEADER_SIZE + 1; size++)
		g_assert_false(permitted_if_cut(&about, size, 3, 5));
	g_assert_true(permitted_if_cut(&about, IP4_HEADER_SIZE + 1, 3, 5));

	about = make4(buffer, SERVER4, POOL4, 17, 0, NULL, 0, 8);
	g_assert_true(icmp_error_permitted(&about, 3, 5));
	buffer[0] = 0x44; /* a header shorter than a header */
	g_assert_false(icmp_error_permitted(&about, 3, 5));
	buffer[0] = 0x55; /* neither 4 nor 6 */
	g_assert_false(icmp_error_permitted(&about, 3, 5));
}

/* T-23: who has more than eight extension headers is not looked through. */
static void test_long_chain_is_not_answered(void)
{
	uint8_t chain[9 * 8] = {0};
	uint8_t buffer[BUFFER_SIZE];

	for (unsigned n = 1; n <= 9; n++) {
		struct packet about;

		for (unsigned i = 0; i < n; i++)
			chain[i * 8] = i + 1 < n ? 60 : 17;
		about = make6(buffer, CLIENT6, SERVER6, 60, chain, sizeof(chain), 100);
		g_assert_cmpint(icmp_error_permitted(&about, 3, 0), ==, n <= 8);
	}
}

struct sent {
	struct out_packet packet[4];
	uint8_t arena[8192];
	struct out out;
};

static void sent_init(struct sent *sent)
{
	sent->out = (struct out){.packet = sent->packet,
				 .capacity = G_N_ELEMENTS(sent->packet),
				 .arena = sent->arena,
				 .arena_size = sizeof(sent->arena)};
}

static const uint8_t *the_only_packet(const struct sent *sent, uint32_t *ret_size)
{
	g_assert_cmpuint(sent->out.n_packets, ==, 1);
	g_assert_cmpuint(sent->packet[0].n_parts, ==, 1);
	g_assert_cmpuint(sent->packet[0].mark, ==, 7);
	*ret_size = sent->packet[0].part[0].size;
	g_assert_true(naive_packet_ok(sent->packet[0].part[0].base, *ret_size));
	return sent->packet[0].part[0].base;
}

/* T-25, I-26, I-32, at both ends of the limit. */
static void test_error6(void)
{
	static const struct {
		uint32_t about_size, error_size;
	} row[] = {{40, 88}, {60, 108}, {1231, 1279}, {1232, 1280}, {1233, 1280}, {1500, 1280}};
	const struct addr6 src = a6(GATEWAY6), client = a6(CLIENT6);
	uint8_t buffer[BUFFER_SIZE];
	struct sent sent;

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		const struct packet about = make6(buffer, CLIENT6, SERVER6, 17, NULL, 0,
						  row[i].about_size - IP6_HEADER_SIZE);
		const uint8_t *error;
		uint32_t size;

		sent_init(&sent);
		icmp_error6_build(&about, &src, 2, 0, 1480, &sent.out);
		error = the_only_packet(&sent, &size);
		g_assert_cmpuint(size, ==, row[i].error_size);
		g_assert_cmpuint(load_be16(error) >> 4, ==, 0x600 | 0xb8);
		g_assert_cmpuint(error[7], ==, 64);
		g_assert_cmpmem(error + 8, 16, src.byte, 16);
		g_assert_cmpmem(error + 24, 16, client.byte, 16);
		g_assert_cmpuint(load_be16(error + 40), ==, 0x200);
		g_assert_cmpuint(load_be32(error + 44), ==, 1480);
		g_assert_cmpmem(error + 48, size - 48, buffer, size - 48);
	}
}

static void test_error4(void)
{
	static const struct {
		uint32_t about_size, error_size;
	} row[] = {{20, 48}, {60, 88}, {547, 575}, {548, 576}, {549, 576}, {1500, 576}};
	uint8_t buffer[BUFFER_SIZE];
	struct sent sent;

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		const struct packet about = make4(buffer, SERVER4, POOL4, 17, 0, NULL, 0,
						  row[i].about_size - IP4_HEADER_SIZE);
		const uint8_t *error;
		uint32_t size;

		sent_init(&sent);
		icmp_error4_build(&about, a4(GATEWAY4), 3, 4, 1260, 0x1234, &sent.out);
		error = the_only_packet(&sent, &size);
		g_assert_cmpuint(size, ==, row[i].error_size);
		g_assert_cmpuint(error[1], ==, 0xb8);
		g_assert_cmpuint(load_be16(error + 4), ==, 0x1234);
		g_assert_cmpuint(load_be16(error + 6), ==, 0); /* not DF: below 1260 */
		g_assert_cmpuint(error[8], ==, 64);
		g_assert_cmpuint(load_be32(error + 12), ==, a4(GATEWAY4));
		g_assert_cmpuint(load_be32(error + 16), ==, a4(SERVER4));
		g_assert_cmpuint(load_be16(error + 20), ==, 0x304);
		g_assert_cmpuint(load_be32(error + 24), ==, 1260);
		g_assert_cmpmem(error + 28, size - 28, buffer, size - 28);
	}
}

/* T-10: padding is no part of what was received, also where packet_parse() did not cut it off. */
static void test_padding_is_not_quoted(void)
{
	const struct addr6 src = a6(GATEWAY6);
	uint8_t buffer[BUFFER_SIZE];
	struct packet about = make6(buffer, CLIENT6, SERVER6, 17, NULL, 0, 8);
	struct sent sent;
	uint32_t size;

	about.size += 10;
	sent_init(&sent);
	icmp_error6_build(&about, &src, 1, 4, 0, &sent.out);
	(void)the_only_packet(&sent, &size);
	g_assert_cmpuint(size, ==, 48 + 48);

	about = make4(buffer, SERVER4, POOL4, 17, 0, NULL, 0, 8);
	about.size += 10;
	sent_init(&sent);
	icmp_error4_build(&about, a4(GATEWAY4), 3, 2, 0, 1, &sent.out);
	(void)the_only_packet(&sent, &size);
	g_assert_cmpuint(size, ==, 28 + 28);
}

/* The buckets. */

static const struct siphash_key key = {{3, 4}};
static const struct icmp_limit_config defaults = {10, 10, 1000, 64};

static struct icmp_limit *limit_new(const struct icmp_limit_config *config)
{
	struct icmp_limit *limit = g_new(struct icmp_limit, 1);

	icmp_limit_init(limit, config, &key);
	return limit;
}

/* How many of up to 100000 are let through at once. */
static unsigned drain6(struct icmp_limit *limit, const char *to, bool size, uint64_t now_ms)
{
	const struct addr6 addr = a6(to);
	unsigned n = 0;

	while (n < 100000 && icmp_limit_allow6(limit, &addr, size, now_ms))
		n++;
	return n;
}

static unsigned drain4(struct icmp_limit *limit, const char *to, bool size, uint64_t now_ms)
{
	unsigned n = 0;

	while (n < 100000 && icmp_limit_allow4(limit, a4(to), size, now_ms))
		n++;
	return n;
}

/* K-11: the burst is there at once, then the rate, never more than the burst. */
static void test_burst_and_rate(void)
{
	static const struct {
		uint64_t wait_ms;
		unsigned allowed;
	} row[] = {{0, 10},        {0, 0},  {99, 0},          {1, 1},     {100, 1},
		   {50, 0},        {50, 1}, {500, 5},         {1000, 10}, {1001, 10},
		   {86400000, 10}, {0, 0},  {UINT32_MAX, 10}, {1, 0}};
	struct icmp_limit *limit = limit_new(&defaults);
	uint64_t now_ms = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
		now_ms += row[i].wait_ms;
		g_test_message("row %zu", i);
		g_assert_cmpuint(drain6(limit, CLIENT6, false, now_ms), ==, row[i].allowed);
	}
	g_free(limit);
}

/* A client's prefix has one bucket, another's has another; IPv4 goes by /24. */
static void test_buckets_are_apart(void)
{
	struct icmp_limit *limit = limit_new(&defaults);

	g_assert_cmpuint(drain6(limit, "2001:db8:1::10", false, 5), ==, 10);
	g_assert_cmpuint(drain6(limit, "2001:db8:1::11", false, 5), ==, 0);
	g_assert_cmpuint(drain6(limit, "2001:db8:1:0:ffff::", false, 5), ==, 0);
	g_assert_cmpuint(drain6(limit, "2001:db8:1:1::10", false, 5), ==, 10);
	g_assert_cmpuint(drain4(limit, "198.51.100.20", false, 5), ==, 10);
	g_assert_cmpuint(drain4(limit, "198.51.100.255", false, 5), ==, 0);
	g_assert_cmpuint(drain4(limit, "198.51.101.20", false, 5), ==, 10);
	g_assert_cmpuint(drain4(limit, "198.50.100.20", false, 5), ==, 10);
	g_assert_cmpuint(drain4(limit, "199.51.100.20", false, 5), ==, 10);
	g_free(limit);

	limit = limit_new(&(struct icmp_limit_config){10, 10, 1000, 128});
	g_assert_cmpuint(drain6(limit, "2001:db8:1::10", false, 5), ==, 10);
	g_assert_cmpuint(drain6(limit, "2001:db8:1::11", false, 5), ==, 10);
	g_free(limit);
}

/* K-11: errors about size have buckets of their own, ten times as large and as fast. */
static void test_size_errors_are_apart(void)
{
	struct icmp_limit *limit = limit_new(&defaults);

	g_assert_cmpuint(drain6(limit, CLIENT6, false, 5), ==, 10);
	g_assert_cmpuint(drain6(limit, CLIENT6, true, 5), ==, 100);
	g_assert_cmpuint(drain6(limit, CLIENT6, true, 14), ==, 0);
	g_assert_cmpuint(drain6(limit, CLIENT6, true, 15), ==, 1);
	g_assert_cmpuint(drain6(limit, CLIENT6, false, 15), ==, 0);
	g_free(limit);
}

/* K-11: in all no more than the total, whoever asks. */
static void test_total(void)
{
	struct icmp_limit *limit = limit_new(&(struct icmp_limit_config){10, 10, 25, 64});

	g_assert_cmpuint(drain6(limit, "2001:db8:1::", false, 9), ==, 10);
	g_assert_cmpuint(drain6(limit, "2001:db8:2::", false, 9), ==, 10);
	g_assert_cmpuint(drain4(limit, "198.51.100.20", false, 9), ==, 5);
	g_assert_cmpuint(drain6(limit, "2001:db8:3::", false, 9), ==, 0);
	g_assert_cmpuint(drain6(limit, "2001:db8:3::", false, 49), ==, 1);
	g_assert_cmpuint(drain6(limit, "2001:db8:3::", true, 49), ==, 100);
	g_assert_cmpuint(drain6(limit, "2001:db8:4::", true, 49), ==, 100);
	g_assert_cmpuint(drain6(limit, "2001:db8:5::", true, 49), ==, 50);
	g_assert_cmpuint(drain6(limit, "2001:db8:5::", true, 89), ==, 10);
	g_free(limit);
}

/* A refusal takes nothing: not from the total for want of an own token, nor the reverse. */
static void test_refusal_takes_nothing(void)
{
	struct icmp_limit *limit = limit_new(&(struct icmp_limit_config){10, 10, 20, 64});

	g_assert_cmpuint(drain6(limit, "2001:db8:1::", false, 9), ==, 10);
	for (unsigned n = 0; n < 100; n++)
		g_assert_cmpuint(drain6(limit, "2001:db8:1::", false, 9), ==, 0);
	g_assert_cmpuint(drain6(limit, "2001:db8:2::", false, 9), ==, 10);
	g_assert_cmpuint(drain6(limit, "2001:db8:3::", false, 9), ==, 0);
	g_assert_cmpuint(drain6(limit, "2001:db8:3::", false, 509), ==, 10);
	g_free(limit);
}

/* Both ends of the configuration, and its change while running. */
static void test_configurations(void)
{
	struct icmp_limit *limit = limit_new(&(struct icmp_limit_config){10, 10, 0, 64});

	g_assert_cmpuint(drain6(limit, CLIENT6, false, 9), ==, 0);
	g_assert_cmpuint(drain6(limit, CLIENT6, true, 9), ==, 0);
	limit->config.rate_total = UINT32_MAX;
	limit->config.rate = UINT32_MAX;
	limit->config.burst = UINT32_MAX;
	g_assert_cmpuint(drain6(limit, CLIENT6, false, 10), ==, 100000);
	g_assert_cmpuint(drain6(limit, CLIENT6, true, 10), ==, 100000);
	limit->config = defaults;
	g_assert_cmpuint(drain6(limit, CLIENT6, false, 10), ==, 0);
	limit->config.rate = 0;
	g_assert_cmpuint(drain6(limit, "2001:db8:77::", false, UINT32_MAX), ==, 10);
	g_assert_cmpuint(drain6(limit, "2001:db8:77::", false, UINT64_MAX), ==, 0);
	g_free(limit);
}

/* A clock that goes back neither opens the tap nor closes it for good. */
static void test_clock_goes_back(void)
{
	struct icmp_limit *limit = limit_new(&defaults);

	g_assert_cmpuint(drain6(limit, CLIENT6, false, 1000000), ==, 10);
	g_assert_cmpuint(drain6(limit, CLIENT6, false, 1000), ==, 0);
	g_assert_cmpuint(drain6(limit, CLIENT6, false, 1100), ==, 1);
	g_free(limit);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/icmp_error/permitted6", test_permitted6);
	g_test_add_func("/icmp_error/permitted4", test_permitted4);
	g_test_add_func("/icmp_error/cut_short_is_not_answered", test_cut_short_is_not_answered);
	g_test_add_func("/icmp_error/long_chain_is_not_answered", test_long_chain_is_not_answered);
	g_test_add_func("/icmp_error/error6", test_error6);
	g_test_add_func("/icmp_error/error4", test_error4);
	g_test_add_func("/icmp_error/padding_is_not_quoted", test_padding_is_not_quoted);
	g_test_add_func("/icmp_error/burst_and_rate", test_burst_and_rate);
	g_test_add_func("/icmp_error/buckets_are_apart", test_buckets_are_apart);
	g_test_add_func("/icmp_error/size_errors_are_apart", test_size_errors_are_apart);
	g_test_add_func("/icmp_error/total", test_total);
	g_test_add_func("/icmp_error/refusal_takes_nothing", test_refusal_takes_nothing);
	g_test_add_func("/icmp_error/configurations", test_configurations);
	g_test_add_func("/icmp_error/clock_goes_back", test_clock_goes_back);
	return g_test_run();
}
