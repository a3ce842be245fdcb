/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of the core that stand in RFCs, in the requirements or in the manual pages, or that
 * other code and kept data count on: whoever changes one of them changes what is promised there.
 */
#include <glib.h>

#include "daemon/core/icmp_error.h"
#include "daemon/core/nat64.h"
#include "daemon/core/persist.h"
#include "daemon/core/pool4_hold.h"
#include "daemon/core/pool4_scope.h"
#include "daemon/core/pool4_text.h"
#include "daemon/core/segment.h"

struct figure {
	const char *name;
	uint64_t is, should_be;
};

#define FIGURE(name, should_be)                    \
	{                                          \
#name, (uint64_t)(name), should_be \
	}

static void assert_figures(const struct figure *figures, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		g_test_message("%s", figures[i].name);
		g_assert_cmpuint(figures[i].is, ==, figures[i].should_be);
	}
}

/* Times: K-10, P-16, L-9, L-10, O-12. */
static void test_times(void)
{
	static const struct figure figures[] = {
		FIGURE(POOL4_HOLD_LOST_MS, 120 * 1000), /* P-16 */
		FIGURE(PERSIST_KEEP_MS, 120 * 1000),    /* O-12 */
		FIGURE(EVENT_INTERVAL_MS, 10 * 1000),   /* L-9 */
		FIGURE(POOL4_ALARM_INTERVAL_MS, 10 * 1000),
		FIGURE(WHEEL_TICK_MS, 256), /* K-13: far below the two seconds */
		FIGURE(POOL4_HOLD_UNIT_MS, 256),
		FIGURE(SESSION_TIME_MAX, 4398046511103), /* 42 bits */
	};

	assert_figures(figures, G_N_ELEMENTS(figures));
}

/* Sizes of packets and of what is kept of them. */
static void test_sizes(void)
{
	static const struct figure figures[] = {
		FIGURE(IP6_MTU_MIN, 1280),           /* RFC 8200, 5 */
		FIGURE(SEGMENT_MSS_UNKNOWN, 536),    /* RFC 9293, 3.7.1 */
		FIGURE(SEGMENT_MSS_MIN, 88),         /* as Linux' own TCP */
		FIGURE(SEGMENT_MSS_MAX, 8188),       /* eleven bits of units of four */
		FIGURE(SYN_STORE_PACKET_MAX, 548),   /* of ICMP errors of 576 bytes, less headers */
		FIGURE(FRAGMENT_PAYLOAD_MAX, 65515), /* 65535 less the IPv4 header */
		FIGURE(PACKET_HEADROOM, 64),         FIGURE(EMIT_PIECES_MAX, 128),
		FIGURE(EMIT_ARENA_PER_PACKET, 8192), FIGURE(EMIT_HELD_MAX, 1024 * 1024),
	};

	assert_figures(figures, G_N_ELEMENTS(figures));
}

/* How many of a kind there are at most: X-1, and what can be configured. */
static void test_numbers(void)
{
	static const struct figure figures[] = {
		FIGURE(NAT64_POOL6_MAX, 16), /* as many as four bits of a session tell apart */
		FIGURE(NAT64_PREFIXES_MAX, 64),
		FIGURE(NAT64_PORT_LIFETIMES_MAX, 32),
		FIGURE(PORT_RANGES_MAX, 64),
		FIGURE(POOL4_CLIENTS_MAX, 16),
		FIGURE(POOL4_SCOPES_MAX, 4),
		FIGURE(POOL4_HOLDS_TRIED_MAX, 16),
		FIGURE(POOL4_NAME_SIZE, 32 + 1),
		FIGURE(POOL4_COMMENT_SIZE, 127 + 1),
		FIGURE(POOL4_TEXT_INTERFACE_SIZE, 16), /* IFNAMSIZ */
		FIGURE(BLOCKLIST_MAX, 4096),
		FIGURE(FRAGMENT_PIECES_MAX, 256),
		FIGURE(FRAGMENT_QUEUES_MAX, 65536),
		FIGURE(FRAGMENT_SHARE, 8),
		FIGURE(FRAGMENT_ACCOUNTS, 1024),
		FIGURE(ICMP_LIMIT_BUCKETS, 1024),
		FIGURE(IP4_ID_COUNTERS, 8192),
		FIGURE(EVENT_QUEUE_MAX, 4096),
		FIGURE(EVENT_LIMITS, 256),
		FIGURE(WATCH_RECORDS, 8192),
		FIGURE(CLOSED_RECORDS, 255 * 4096),
		FIGURE(CLOSED_CHUNK_RECORDS, 4096),
		FIGURE(GIVEN_PORTS, 65536),
		FIGURE(SLAB_LIMIT_MAX, 2147483647), /* the highest bit of an index is free */
	};

	assert_figures(figures, G_N_ELEMENTS(figures));
}

/* Flags that are told apart. */
static void test_flags(void)
{
	static const unsigned flags[][4] = {
		{POOL4_LOCAL, POOL4_ROUTED, POOL4_ANNOUNCED, POOL4_UNREACHABLE},
		{WATCH_BINDINGS, WATCH_SESSIONS, WATCH_DROPS, 0},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
		unsigned seen = 0;

		for (unsigned j = 0; j < G_N_ELEMENTS(flags[i]); j++) {
			g_assert_cmphex(flags[i][j] & seen, ==, 0);
			seen |= flags[i][j];
		}
		g_assert_cmpint(__builtin_popcount(seen), ==, i == 0 ? 4 : 3);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bounds/times", test_times);
	g_test_add_func("/bounds/sizes", test_sizes);
	g_test_add_func("/bounds/numbers", test_numbers);
	g_test_add_func("/bounds/flags", test_flags);
	return g_test_run();
}
