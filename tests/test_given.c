/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports that were given out and came back last (P-16), in the order of time. */
#include <glib.h>

#include "tests/gateway_fixture.h"

static void test_binding(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct given_ring *ring = g_new0(struct given_ring, 1);
	const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");

	gateway->nat->given = ring;
	for (unsigned i = 0; i < 2; i++) /* the second packet of a binding gets no port */
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, FIXTURE_START_MS), ==,
				OUTCOME_TRANSLATED);
	const struct taddr4 mapped = gateway_sent_src4(gateway);
	g_assert_cmpuint(ring->n, ==, 1);
	nat64_remove_binding(gateway->nat, PROTOCOL_UDP, 0, FIXTURE_START_MS + 5);
	g_assert_cmpuint(ring->n, ==, 2);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(ring->port[i].time_ms, ==, FIXTURE_START_MS + 5 * i);
		g_assert_cmpuint(ring->port[i].addr4, ==, mapped.addr);
		g_assert_cmpuint(ring->port[i].port4, ==, mapped.port);
		g_assert_cmpuint(ring->port[i].protocol, ==, PROTOCOL_UDP);
	}
	gateway_free(gateway);
	g_free(ring);
}

static void test_oldest_is_written_over(void)
{
	struct given_ring *ring = g_new0(struct given_ring, 1);
	const struct taddr4 first = taddr4_of("203.0.113.1:1"), last = taddr4_of("203.0.113.1:2");

	given_note(NULL, PROTOCOL_TCP, &first, 0);
	for (uint64_t i = 0; i < GIVEN_PORTS; i++)
		given_note(ring, PROTOCOL_TCP, &first, i);
	given_note(ring, PROTOCOL_TCP, &last, GIVEN_PORTS);
	g_assert_cmpuint(ring->n, ==, GIVEN_PORTS + 1);
	g_assert_cmpuint(ring->port[0].time_ms, ==, GIVEN_PORTS);
	g_assert_cmpuint(ring->port[0].port4, ==, 2);
	g_assert_cmpuint(ring->port[1].time_ms, ==, 1);
	g_assert_cmpuint(ring->port[GIVEN_PORTS - 1].time_ms, ==, GIVEN_PORTS - 1);
	g_free(ring);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/given/binding", test_binding);
	g_test_add_func("/given/oldest_is_written_over", test_oldest_is_written_over);
	return g_test_run();
}
