/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says of events, word by word, and that it hears of all of them (L-4, L-10, L-14). */
#include "daemon/event_report.h"

#include <glib.h>
#include <syslog.h>

#include "daemon/gateway.h"
#include "tests/gateway_fixture.h"

#define CLIENT .addr6 = {{0x20, 0x01, 0x0d, 0xb8}}, .prefix_len = 64
#define HOST   .addr6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, .prefix_len = 128, .port6 = 5000
#define MAPPED .mapped = {0xcb007101, 2000}
#define UDP    .protocol = PROTOCOL_UDP

/* clang-format off */
static const struct sentence {
	int level;
	const char *text;
	struct event event;
} sentences[] = {
	{LOG_WARNING, "pool4 entry main has no free udp port at 203.0.113.1: new bindings are refused, 11 so far "
	 "(9 times more since this was said last)",
	 {.kind = EVENT_PORTS_EXHAUSTED, UDP, MAPPED, .value = 11, .n_suppressed = 9}},
	{LOG_WARNING, "pool4 entry main has no free udp port: new bindings are refused, 1 so far",
	 {.kind = EVENT_ADDRESSES_EXHAUSTED, UDP, .value = 1}},
	{LOG_WARNING, "pool4 entry main: 8 of 10 udp ports are in use (80%)",
	 {.kind = EVENT_POOL_HIGH, UDP, .value = 8, .limit = 10}},
	{LOG_NOTICE, "pool4 entry main: 6 of 10 udp ports are in use (60%): the alarm is over",
	 {.kind = EVENT_POOL_LOW, UDP, .value = 6, .limit = 10}},
	{LOG_WARNING, "800000 bindings are 80% of Limits.Bindings",
	 {.kind = EVENT_BINDINGS_HIGH, .protocol = N_PROTOCOLS, .value = 800000, .limit = 1000000}},
	{LOG_WARNING, "2001:db8::/64 has 80 udp bindings, 80% of the 100 that Limits.BindingsPerClient allows",
	 {.kind = EVENT_CLIENT_HIGH, UDP, CLIENT, .value = 80, .limit = 100}},
	{LOG_WARNING, "2001:db8::/64 (udp) is refused: as many bindings of this client and protocol as "
	 "Limits.BindingsPerClient allows, 100",
	 {.kind = EVENT_QUOTA_CLIENT, UDP, CLIENT, .outcome = OUTCOME_CLIENT_BINDINGS, .limit = 100}},
	{LOG_WARNING, "2001:db8::1 (udp) is refused: as many bindings of this IPv6 address and protocol as "
	 "Limits.BindingsPerAddress allows, 2048 (1 times more since this was said last)",
	 {.kind = EVENT_QUOTA_CLIENT, UDP, HOST, .outcome = OUTCOME_ADDRESS_BINDINGS, .limit = 2048, .n_suppressed = 1}},
	{LOG_WARNING, "a new binding is refused: as many bindings as Limits.Bindings allows, 1000000",
	 {.kind = EVENT_QUOTA_BINDINGS, UDP, .outcome = OUTCOME_BIB_FULL, .limit = 1000000}},
	{LOG_WARNING, "a new session is refused: as many sessions as Limits.Sessions or that of the protocol allows, 2000000",
	 {.kind = EVENT_QUOTA_SESSIONS, UDP, .outcome = OUTCOME_SESSION_FULL, .limit = 2000000}},
	{LOG_WARNING, "a fragment is refused: as many fragments wait as Limits.FragmentMemory allows",
	 {.kind = EVENT_QUOTA_FRAGMENTS, .protocol = N_PROTOCOLS, .outcome = OUTCOME_FRAGMENT_MEMORY}},
	{LOG_NOTICE, "binding ends: udp [2001:db8::1]:5000 203.0.113.1:2000, as its address has left pool4",
	 {.kind = EVENT_BINDING_DELETE, UDP, HOST, MAPPED, .forced = true}},
	{LOG_INFO, "binding ends: udp [2001:db8::1]:5000 203.0.113.1:2000",
	 {.kind = EVENT_BINDING_DELETE, UDP, HOST, MAPPED}},
	{LOG_INFO, "binding begins: udp [2001:db8::1]:5000 203.0.113.1:2000",
	 {.kind = EVENT_BINDING_CREATE, UDP, HOST, MAPPED}},
	{LOG_INFO, "2001:db8::/64 gets the ports 2000-2511 of 203.0.113.1",
	 {.kind = EVENT_BLOCK_ALLOCATE, CLIENT, MAPPED, .last_port = 2511}},
	{LOG_INFO, "2001:db8::/64 has left the ports 2000-2511 of 203.0.113.1",
	 {.kind = EVENT_BLOCK_RELEASE, CLIENT, MAPPED, .last_port = 2511}},
	{LOG_INFO, "session begins: udp [2001:db8::1]:5000 203.0.113.1:2000 with 198.51.100.7:53",
	 {.kind = EVENT_SESSION_CREATE, UDP, HOST, MAPPED, .peer = {0xc6336407, 53}}},
	{LOG_INFO, "session ends: udp [2001:db8::1]:5000 203.0.113.1:2000 with 198.51.100.7:53",
	 {.kind = EVENT_SESSION_DELETE, UDP, HOST, MAPPED, .peer = {0xc6336407, 53}}},
};
/* clang-format on */

static void test_sentences(void)
{
	char text[EVENT_REPORT_SIZE];
	bool shown[N_EVENT_KINDS] = {false};

	for (unsigned i = 0; i < G_N_ELEMENTS(sentences); i++) {
		const struct event *event = &sentences[i].event;
		g_assert_cmpstr(event_report_print(event, "main", text), ==, sentences[i].text);
		g_assert_cmpint(event_report_level(event), ==, sentences[i].level);
		shown[event->kind] = true;
	}
	for (unsigned kind = 0; kind < N_EVENT_KINDS; kind++)
		g_assert_true(shown[kind]);
}

static GPtrArray *said;
static uint64_t n_said_lost;

static void say(void *context, const struct event *event, const char *pool4)
{
	char text[EVENT_REPORT_SIZE];

	g_ptr_array_add(said, g_strdup(event_report_print(event, pool4, text)));
}

static void say_lost(void *context, uint64_t n_lost)
{
	n_said_lost += n_lost;
}

/* All there are, with the names of their entries; also of one that has gone in between. */
static void test_drain(void)
{
	struct gateway_fixture *fixture = gateway_new("203.0.113.1", "2000", NULL);
	struct gateway gateway;
	struct event_report report = {.gateway = &gateway, .each = say, .lost = say_lost};
	struct taddr6 src = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 dst = taddr4_of("198.51.100.7:9");
	struct nat64 *nat = fixture->nat;

	gateway_init(&gateway);
	gateway.nat = nat;
	said = g_ptr_array_new_with_free_func(g_free);
	event_report_drain(&report);
	g_assert_cmpuint(said->len, ==, 0);

	g_assert_cmpint(gateway_udp6(fixture, &src, &dst, FIXTURE_START_MS), ==,
			OUTCOME_TRANSLATED);
	event_report_drain(&report);
	g_assert_cmpuint(said->len, ==, 1);
	g_assert_cmpstr(said->pdata[0], ==, "pool4 entry test: 1 of 1 udp ports are in use (100%)");

	(void)gateway_end_bindings(fixture, false, FIXTURE_START_MS);
	for (unsigned i = 0; i < EVENT_QUEUE_MAX + 5; i++)
		event_push(&nat->events, &(struct event){.kind = EVENT_PORTS_EXHAUSTED,
							 .protocol = PROTOCOL_TCP,
							 .pool4 = fixture->pool4});
	g_assert_cmpint(pool4_remove(nat->pool4, fixture->pool4), ==, POOL4_OK);
	event_report_drain(&report);
	g_assert_cmpuint(said->len, ==, 1 + EVENT_QUEUE_MAX);
	g_assert_cmpstr(said->pdata[1], ==,
			"binding ends: udp [2001:db8::1]:5000 203.0.113.1:2000, as its address has "
			"left pool4");
	g_assert_cmpstr(said->pdata[9], ==,
			"pool4 entry (gone) has no free tcp port: new bindings are refused, 0 so "
			"far");
	g_assert_cmpuint(n_said_lost, ==, nat->events.n_dropped);
	g_assert_cmpuint(n_said_lost, >, 0);
	event_report_drain(&report);
	g_assert_cmpuint(n_said_lost, ==, nat->events.n_dropped);

	g_ptr_array_unref(said);
	gateway.nat = NULL; /* the fixture's */
	gateway_deinit(&gateway);
	gateway_free(fixture);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/event_report/sentences", test_sentences);
	g_test_add_func("/event_report/drain", test_drain);
	return g_test_run();
}
