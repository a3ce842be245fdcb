/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * K-13, exactly: what is over is gone for the packet that meets it, whether or not it has been
 * collected by then. A million sessions that end at once are collected in many turns.
 */
#include <glib.h>

#include "daemon/core/tcp_fsm.h"
#include "tests/gateway_fixture.h"

#define NOW    FIXTURE_START_MS
#define UDP_MS 300000

static struct gateway_fixture *new_gateway(void)
{
	return gateway_new("203.0.113.1", "1024-65535", NULL);
}

/* From the outside: the last moment of a session, and the one after it. */
static void test_inbound(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr4 mapped;

	gateway->nat->config.inbound_refresh = false;
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW + UDP_MS - 1), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW + UDP_MS), ==,
			OUTCOME_BIB4_NOT_FOUND);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	g_assert_cmpuint(pool4_n_held(gateway->nat->pool4), ==, 1); /* P-14, as ever */
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* From another peer, whom only the binding lets in: it lives as long as its last session. */
static void test_other_peer(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:9"), late = taddr4_of("198.51.100.8:9"),
		      other = taddr4_of("198.51.100.9:9");
	struct taddr4 mapped;

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &client, &late, NOW + 1000), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp4(gateway, &other, &mapped, NOW + UDP_MS + 1000), ==,
			OUTCOME_BIB4_NOT_FOUND);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 0);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* Address-dependent filtering: a session that is over lets nobody in. */
static void test_filtering(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:9"), same = taddr4_of("198.51.100.7:10"),
		      late = taddr4_of("198.51.100.8:9");
	struct taddr4 mapped;

	gateway->nat->config.filtering[PROTOCOL_UDP] = FILTERING_ADDRESS_DEPENDENT;
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &client, &late, NOW + 1000), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp4(gateway, &same, &mapped, NOW + UDP_MS), ==, OUTCOME_FILTERED);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 1);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* From the inside: a new binding, which counts as one, and not the old one again. */
static void test_outbound(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:9"), other = taddr4_of("198.51.100.9:9");

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW + UDP_MS), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(gateway->nat->counters.bindings_created[PROTOCOL_UDP], ==, 2);
	g_assert_cmpint(gateway_udp6(gateway, &client, &other, NOW + 2 * UDP_MS), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(gateway->nat->counters.bindings_created[PROTOCOL_UDP], ==, 3);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 1);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 1);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* Hairpinned: the other client's binding is as gone as a server's. */
static void test_hairpin(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000"), peer = taddr6_of("[2001:db8::2]:6");
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr4 mapped;

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &peer, &mapped, NOW + UDP_MS), ==,
			OUTCOME_BIB4_NOT_FOUND);
	g_assert_cmpuint(bib_find4(&gateway->nat->bib[PROTOCOL_UDP], &mapped), ==, SLAB_NONE);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* S-31: TCP that was opened and is over is TRANS from then on; what was opening only is gone. */
static void test_tcp(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct session_table *sessions = &gateway->nat->sessions[PROTOCOL_TCP];
	const uint64_t opening_ms = gateway->nat->config.tcp_opening_ms;
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:443");

	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW + opening_ms), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(gateway->nat->counters.bindings_created[PROTOCOL_TCP], ==, 2);

	session_set_state(sessions, session_next(sessions, 0), TCP_FSM_ESTABLISHED,
			  NOW + opening_ms + 5000);
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW + opening_ms + 5000), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(session_at(sessions, session_next(sessions, 0))->state, ==,
			 TCP_FSM_ESTABLISHED); /* by this segment, out of TRANS */
	g_assert_cmpuint(gateway->nat->counters.bindings_created[PROTOCOL_TCP], ==, 2);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

/* So many end in one moment that many turns are needed; no turn ends more than its budget, and what
 * is still there is gone for whoever asks. */
static void test_many_at_once(void)
{
	const struct nat64_limits limits = {20000, 20000, 16, 1 << 20};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	struct taddr6 client = taddr6_of("[2001:db8::1]:0");
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	const uint64_t then = NOW + UDP_MS + 256;
	const unsigned budget = 64;
	struct taddr4 mapped;
	unsigned n_turns = 0;
	bool done = false;

	gateway->nat->config.quota.bindings_per_address = 0;
	for (client.port = 1; client.port <= 20000; client.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway); /* of the last one, which is collected last */
	for (; !done; n_turns++) {
		uint32_t before = nat64_n_sessions(gateway->nat);

		done = nat64_expire(gateway->nat, then, budget, &gateway->out);
		g_assert_cmpuint(before - nat64_n_sessions(gateway->nat), <=, budget);
		if (n_turns == 3)
			g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, then), ==,
					OUTCOME_BIB4_NOT_FOUND);
	}
	g_assert_cmpuint(n_turns, >=, 20000 / budget);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 0);
	g_assert_true(nat64_check(gateway->nat));
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/overdue/inbound", test_inbound);
	g_test_add_func("/overdue/other_peer", test_other_peer);
	g_test_add_func("/overdue/filtering", test_filtering);
	g_test_add_func("/overdue/outbound", test_outbound);
	g_test_add_func("/overdue/hairpin", test_hairpin);
	g_test_add_func("/overdue/tcp", test_tcp);
	g_test_add_func("/overdue/many_at_once", test_many_at_once);
	return g_test_run();
}
