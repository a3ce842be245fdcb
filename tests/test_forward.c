/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of decisions on the way through; rows on the wire are in tests/packets. */
#include <glib.h>

#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static const struct taddr4 server = {0xc6336407, 9};

/* T-25: a packet that is refused is still the one that came, so an error can quote it. */
static void test_refused_is_untouched(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");

	gateway->world.route4[0].answer = (struct route_answer){ROUTE_NONE, 1500, false};
	gateway->world.n_route4 = 1; /* 0.0.0.0/0 */
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_NO_ROUTE);
	g_assert_cmpuint(gateway->out.n_packets, ==, 1);

	const struct out_packet *sent = &gateway->out.packet[0];
	g_autoptr(GByteArray) error = g_byte_array_new();
	for (unsigned i = 0; i < sent->n_parts; i++)
		g_byte_array_append(error, sent->part[i].base, sent->part[i].size);
	g_assert_cmpuint(error->len, ==, 48 + 48);
	g_assert_cmpuint(error->data[48], ==, 0x60);
	g_assert_cmpmem(error->data + 48 + 8, 16, client.addr.byte, 16);
	g_assert_cmpuint(load_be16(error->data + 48 + 40), ==, 5000);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	gateway_free(gateway);
}

/* S-21: an inbound packet that can not reach its host refreshes nothing. */
static void test_unreachable_refreshes_nothing(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	struct taddr4 mapped = gateway_sent_src4(gateway);
	gateway->world.route6[0].answer = (struct route_answer){ROUTE_NEXT_HOP_DEAD, 1500, false};
	gateway->world.n_route6 = 1; /* ::/0 */
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW + 200000), ==,
			OUTCOME_HOST_UNREACHABLE);
	while (!nat64_expire(gateway->nat, NOW + 302000, 10, &gateway->out))
		;
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 0);
	gateway_free(gateway);
}

static void set_route4(struct gateway_fixture *gateway, const struct route_answer *answer)
{
	gateway->world.route4[0].answer = *answer;
	gateway->world.n_route4 = 1; /* 0.0.0.0/0 */
}

static void set_route6(struct gateway_fixture *gateway, const struct route_answer *answer)
{
	gateway->world.route6[0].answer = *answer;
	gateway->world.n_route6 = 1; /* ::/0 */
}

static const struct route_answer on_trial = {ROUTE_OK, 1500, .on_trial = true};

static struct gateway_fixture *new_with_several_threads(void)
{
	return gateway_new_with(&(struct gateway_options){
		.addresses = "203.0.113.1", .ports = "1024-65535", .now_ms = NOW, .in_lane = true});
}

/* Where there are several threads a new session is decided twice, and only then the packet goes:
 * the second decision finds the next hop as the first did. */
static void test_new_session_tries_again(void)
{
	struct gateway_fixture *gateway = new_with_several_threads();
	struct taddr6 one = taddr6_of("[2001:db8::1]:5000"), two = taddr6_of("[2001:db8::1]:5001");

	set_route4(gateway, &on_trial);
	g_assert_cmpint(gateway_udp6(gateway, &one, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp6(gateway, &two, &server, NOW), ==, OUTCOME_HOST_UNREACHABLE);
	/* One that is known is light, and tries as well. */
	set_route4(gateway, &on_trial);
	g_assert_cmpint(gateway_udp6(gateway, &one, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp6(gateway, &one, &server, NOW), ==, OUTCOME_HOST_UNREACHABLE);
	gateway_free(gateway);
}

/* So does what comes back, and what goes from client to client. */
static void test_client_tried_again(void)
{
	struct gateway_fixture *gateway = new_with_several_threads();
	struct taddr6 one = taddr6_of("[2001:db8::1]:5000"), two = taddr6_of("[2001:db8::2]:6000");

	g_assert_cmpint(gateway_udp6(gateway, &one, &server, NOW), ==, OUTCOME_TRANSLATED);
	struct taddr4 mapped = gateway_sent_src4(gateway);
	set_route6(gateway, &on_trial);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_HOST_UNREACHABLE);
	set_route6(gateway, &on_trial);
	g_assert_cmpint(gateway_udp6(gateway, &two, &mapped, NOW), ==, OUTCOME_HAIRPINNED);
	g_assert_cmpint(gateway_udp6(gateway, &two, &mapped, NOW), ==, OUTCOME_HOST_UNREACHABLE);
	gateway_free(gateway);
}

/* Whoever only asks what would become of a packet leaves the trial to those that go. */
static void test_explain_tries_nothing(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct decision decision;

	set_route4(gateway, &on_trial);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpint(gateway_explain_udp6(gateway, &client, &server, NOW, &decision), ==,
				OUTCOME_TRANSLATED);
		g_assert_true(decision.route.on_trial);
	}
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_explain_udp6(gateway, &client, &server, NOW, &decision), ==,
			OUTCOME_HOST_UNREACHABLE);
	gateway_free(gateway);
}

/* H-1: between two clients nothing leaves on the IPv4 side. */
static void test_hairpin(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 one = taddr6_of("[2001:db8::1]:5000"), two = taddr6_of("[2001:db8::2]:6000");

	g_assert_cmpint(gateway_udp6(gateway, &two, &server, NOW), ==, OUTCOME_TRANSLATED);
	struct taddr4 mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &one, &mapped, NOW), ==, OUTCOME_HAIRPINNED);
	struct taddr6 reached = gateway_sent_dst6(gateway);
	g_assert_true(taddr6_equal(&reached, &two));
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/forward/refused_is_untouched", test_refused_is_untouched);
	g_test_add_func("/forward/unreachable_refreshes_nothing",
			test_unreachable_refreshes_nothing);
	g_test_add_func("/forward/new_session_tries_again", test_new_session_tries_again);
	g_test_add_func("/forward/client_tried_again", test_client_tried_again);
	g_test_add_func("/forward/explain_tries_nothing", test_explain_tries_nothing);
	g_test_add_func("/forward/hairpin", test_hairpin);
	return g_test_run();
}
