/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing what stands between the IP header and the transport's: IPv4 options, IPv6 extension
 * headers.
 */
#include <glib.h>

#include "daemon/core/packet.h"
#include "tests/craft.h"

static struct craft_buffer buffer;

static enum outcome parse(const struct craft *what, struct packet *ret)
{
	*ret = craft_packet(&buffer, what);
	return packet_parse(ret);
}

#define ASSERT_OUTCOME(got, wanted) \
	g_assert_cmpstr(outcome_info(got)->name, ==, outcome_info(wanted)->name)

/* T-7, T-8. */
static void test_ip4_options(void)
{
	static const struct {
		const char *options;
		enum outcome outcome;
	} rows[] = {
		{"0707040000000000", OUTCOME_TRANSLATED},   /* record route */
		{"830704c000020100", OUTCOME_SOURCE_ROUTE}, /* LSRR, pointer 4 of 7 */
		{"830707c000020100", OUTCOME_SOURCE_ROUTE}, /* pointer 7 of 7 */
		{"830708c000020100", OUTCOME_TRANSLATED},   /* pointer 8: used up */
		{"890704c000020100", OUTCOME_SOURCE_ROUTE}, /* SSRR */
		{"890708c000020100", OUTCOME_TRANSLATED},   /* SSRR used up */
		{"01830704c0000201", OUTCOME_SOURCE_ROUTE}, /* behind a no-operation */
		{"00830704c0000201", OUTCOME_TRANSLATED},   /* behind the end */
		{"07830704c0000201", OUTCOME_TRANSLATED},   /* behind a length too long */
		{"0700830704c00002", OUTCOME_TRANSLATED},   /* behind a length of 0 */
		{"0701830704c00002", OUTCOME_TRANSLATED},   /* behind a length of 1 */
		{"0102030400000083", OUTCOME_TRANSLATED},   /* length byte is missing */
		{"0101010101018302", OUTCOME_TRANSLATED},   /* no pointer in it */
		{"0101010101830304", OUTCOME_TRANSLATED},   /* pointer 4 of 3 */
		{"940400008307"
		 "04c0000201010000"
		 "0101",
		 OUTCOME_SOURCE_ROUTE}, /* the second */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {.version = 4, .extra = rows[i].options};
		struct packet packet;

		g_test_message("options %s", rows[i].options);
		ASSERT_OUTCOME(parse(&what, &packet), rows[i].outcome);
	}
}

/* T-17, T-19, T-20, T-23, X-8, F-9: in front of UDP. */
static void test_extension_headers(void)
{
#define DSTOPTS "3c00010400000000"
#define LAST    "1100010400000000"
#define BAD     OUTCOME_BAD_EXTENSION_HEADERS
#define X6(s)   s s s s s s
#define X7(s)   s s s s s s s
	/* clang-format off */
	static const struct {
		const char *name;
		uint8_t next_header;
		const char *chain;
		bool fragment_header;
		enum outcome outcome;
		uint32_t pointer;
	} rows[] = {
		{"hop-by-hop", 0, LAST, false, OUTCOME_TRANSLATED, 0},
		{"destination options", 60, LAST, false, OUTCOME_TRANSLATED, 0},
		{"two of 8 bytes", 0, DSTOPTS LAST, false, OUTCOME_TRANSLATED, 0},
		{"one of 16 bytes", 0, "110101040000000001040000" "00000000",
		 false, OUTCOME_TRANSLATED, 0},
		{"routing header used up", 43, "1100020000000000", false, OUTCOME_TRANSLATED, 0},
		{"routing header", 43, "1100020100000000", false, OUTCOME_ROUTING_HEADER, 43},
		{"routing header of another type", 43, "1100ff0100000000",
		 false, OUTCOME_ROUTING_HEADER, 43},
		{"routing header, 255 segments left", 43, "110002ff00000000",
		 false, OUTCOME_ROUTING_HEADER, 43},
		{"routing header behind options", 60, "2b00010400000000" "1100020100000000",
		 false, OUTCOME_ROUTING_HEADER, 51},
		{"two routing headers", 43, "2b00020100000000" "1100020100000000", false,
		 OUTCOME_ROUTING_HEADER, 43},
		{"routing header in front of too many", 43,
		 "3c00020100000000" DSTOPTS X7(DSTOPTS) LAST, false, BAD, 0},
		{"8 headers", 60, X7(DSTOPTS) LAST, false, OUTCOME_TRANSLATED, 0},
		{"9 headers", 60, DSTOPTS X7(DSTOPTS) LAST, false, BAD, 0},
		{"8 headers, one the Fragment header", 60,
		 X6(DSTOPTS) "2c00010400000000", true, OUTCOME_TRANSLATED, 0},
		{"9 headers, one the Fragment header", 60,
		 X7(DSTOPTS) "2c00010400000000", true, BAD, 0},
		{"hop-by-hop second", 60, "0000010400000000" LAST, false, BAD, 0},
		{"hop-by-hop twice", 0, "0000010400000000" LAST, false, BAD, 0},
		{"longer than the packet", 60, "1104010400000000", false, BAD, 0},
		{"as long as the packet", 60, "1102010400000000", false, OUTCOME_MALFORMED_UDP, 0},
		{"TCP not there", 60, "0602010400000000", false, OUTCOME_MALFORMED_TCP, 0},
		{"authentication (T-21)", 51, LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"ESP", 50, LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"no next header", 59, LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"SCTP", 132, LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"mobility", 135, LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"ICMP of IPv4", 60, "0100010400000000", false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		{"routing header, then ESP", 43, "3200020100000000",
		 false, OUTCOME_ROUTING_HEADER, 43},
		/* F-9; the Fragment header is written out here: id 1, atomic. */
		{"fragment, hop-by-hop", 44, "0000000000000001" LAST, false, BAD, 0},
		{"fragment, routing", 44, "2b00000000000001" LAST, false, BAD, 0},
		{"fragment, destination options", 44, "3c00000000000001" LAST, false, BAD, 0},
		{"fragment, fragment", 44, "2c00000000000001" "1100000000000001", false, BAD, 0},
		{"fragment, authentication", 44, "3300000000000001" LAST, false, BAD, 0},
		{"fragment, mobility", 44, "8700000000000001" LAST, false, BAD, 0},
		{"fragment, HIP", 44, "8b00000000000001" LAST, false, BAD, 0},
		{"fragment, shim6", 44, "8c00000000000001" LAST, false, BAD, 0},
		{"later fragment, options", 44, "3c00000800000001" LAST, false, BAD, 0},
		{"fragment, ESP", 44, "3200000000000001" LAST, false, OUTCOME_UNKNOWN_PROTOCOL, 0},
		/* The reserved length byte of a Fragment header is no length. */
		{"fragment, UDP", 44, "11ff000000000001", false, OUTCOME_TRANSLATED, 0},
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct craft what = {
			.version = 6,
			.next_header = rows[i].next_header,
			.extra = rows[i].chain,
			.fragment_header = rows[i].fragment_header,
			.payload_size = 8,
		};
		struct packet packet;

		g_test_message("%s", rows[i].name);
		ASSERT_OUTCOME(parse(&what, &packet), rows[i].outcome);
		if (rows[i].outcome == OUTCOME_ROUTING_HEADER)
			g_assert_cmpuint(packet.error_pointer, ==, rows[i].pointer);
	}
}

/* cut anywhere, with the length adjusted, the chain must be found short, never be left. */
static void test_chain_cut_short(void)
{
	const struct craft what = {.version = 6, .next_header = 60, .extra = DSTOPTS LAST};

	for (uint32_t payload = 1; payload < 16 + 8; payload++) {
		struct packet packet = craft_packet(&buffer, &what);

		packet.size = IP6_HEADER_SIZE + payload;
		store_be16(packet.data + 4, (uint16_t)payload);
		ASSERT_OUTCOME(packet_parse(&packet), payload < 16 ? OUTCOME_BAD_EXTENSION_HEADERS
								   : OUTCOME_MALFORMED_UDP);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/packet_options/ip4_options", test_ip4_options);
	g_test_add_func("/packet_options/extension_headers", test_extension_headers);
	g_test_add_func("/packet_options/chain_cut_short", test_chain_cut_short);
	return g_test_run();
}
