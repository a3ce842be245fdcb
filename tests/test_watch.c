/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Those who look on: what the core keeps for them, and that it keeps nothing for nobody. */
#include <glib.h>

#include "daemon/core/decision.h"
#include "tests/gateway_fixture.h"

static struct taddr6 client;
static struct taddr4 server;

/* Bindings and sessions in their order; the log hears of none of it. */
static void test_binding(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	static const enum event_kind expected[] = {EVENT_BINDING_CREATE, EVENT_SESSION_CREATE};
	struct watch *watch = &gateway->nat->watch;
	struct watch_record record;

	g_assert_true(watch_want(watch, WATCH_BINDINGS | WATCH_SESSIONS));
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, FIXTURE_START_MS), ==,
			OUTCOME_TRANSLATED);
	for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
		g_assert_true(watch_next(watch, &record));
		g_assert_false(record.is_drop);
		g_assert_cmpint(record.event.kind, ==, expected[i]);
		g_assert_cmpuint(record.event.time_ms, ==, FIXTURE_START_MS);
		g_assert_false(record.event.is_static);
	}
	g_assert_false(watch_next(watch, &record));
	g_assert_cmpuint(gateway->nat->events.n_events, ==, 0);
	/* A second packet is nothing new. */
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, FIXTURE_START_MS + 1), ==,
			OUTCOME_TRANSLATED);
	g_assert_false(watch_next(watch, &record));
	gateway_free(gateway);
}

/* Only what is wanted: drops, from either side, with what is known of their destination. */
static void test_drops(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	const struct taddr4 nobody = {0xc0000201, 2000}, denied = {0x7f000001, 53};
	struct watch *watch = &gateway->nat->watch;
	struct watch_record record;

	g_assert_true(watch_want(watch, WATCH_DROPS));
	(void)gateway_udp6(gateway, &client, &server, FIXTURE_START_MS);
	g_assert_cmpint(gateway_udp4(gateway, &server, &nobody, FIXTURE_START_MS), ==,
			OUTCOME_BIB4_NOT_FOUND);
	g_assert_cmpint(gateway_udp6(gateway, &client, &denied, FIXTURE_START_MS), ==,
			OUTCOME_ILLEGAL_DESTINATION);
	g_assert_true(watch_next(watch, &record));
	g_assert_true(record.is_drop);
	g_assert_cmpint(record.drop.outcome, ==, OUTCOME_BIB4_NOT_FOUND);
	g_assert_false(record.drop.has_peer4);
	g_assert_cmpuint(record.drop.packet.dst4, ==, nobody.addr);
	g_assert_cmpuint(record.drop.packet.dst_port, ==, nobody.port);
	g_assert_true(watch_next(watch, &record));
	g_assert_cmpint(record.drop.outcome, ==, OUTCOME_ILLEGAL_DESTINATION);
	g_assert_true(record.drop.has_peer4);
	g_assert_cmpuint(record.drop.peer4, ==, denied.addr);
	g_assert_false(watch_next(watch, &record));
	gateway_free(gateway);
}

/* A full ring loses what is new, and counts it; nobody left, nothing kept. */
static void test_full(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	struct watch *watch = &gateway->nat->watch;
	struct watch_record record;
	const struct taddr4 nobody = {0xc0000201, 2000};

	g_assert_true(watch_want(watch, WATCH_DROPS));
	for (unsigned i = 0; i < WATCH_RECORDS + 5; i++)
		(void)gateway_udp4(gateway, &server, &nobody, FIXTURE_START_MS + i);
	g_assert_cmpuint(watch->n_lost, ==, 5);
	for (unsigned i = 0; i < WATCH_RECORDS; i++) {
		g_assert_true(watch_next(watch, &record));
		g_assert_cmpuint(record.drop.time_ms, ==, FIXTURE_START_MS + i);
	}
	g_assert_false(watch_next(watch, &record));
	(void)gateway_udp4(gateway, &server, &nobody, FIXTURE_START_MS);
	g_assert_cmpuint(watch_memory(watch), >, 0);
	g_assert_true(watch_want(watch, 0));
	g_assert_cmpuint(watch_memory(watch), ==, 0);
	(void)gateway_udp4(gateway, &server, &nobody, FIXTURE_START_MS);
	g_assert_false(watch_next(watch, &record));
	gateway_free(gateway);
}

struct seen {
	unsigned n;
	enum outcome outcome;
	bool has_plan;
	uint32_t n_bindings; /* when it was shown */
	uint16_t src_port;
};

static void on_packet(void *context, const struct watch_packet *traced)
{
	struct seen *seen = context;

	*seen = (struct seen){
		.n = seen->n + 1,
		.outcome = traced->outcome,
		.has_plan = traced->decision->has_plan,
		.n_bindings = nat64_n_bindings(traced->nat),
		.src_port = traced->seen->src_port,
	};
}

/* Each packet once: with its decision before that is carried out, or with what ended it earlier. */
static void test_trace(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	const struct taddr4 denied = {0x7f000001, 53}, elsewhere = {0xc6336401, 9};
	struct watch *watch = &gateway->nat->watch;
	struct seen seen = {.n = 0};

	watch->trace = on_packet;
	watch->trace_context = &seen;
	(void)gateway_udp6(gateway, &client, &server, FIXTURE_START_MS);
	g_assert_cmpuint(seen.n, ==, 1);
	g_assert_cmpint(seen.outcome, ==, OUTCOME_TRANSLATED);
	g_assert_true(seen.has_plan);
	g_assert_cmpuint(seen.n_bindings, ==, 0);
	g_assert_cmpuint(seen.src_port, ==, client.port);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 1);
	(void)gateway_udp6(gateway, &client, &denied, FIXTURE_START_MS);
	g_assert_cmpuint(seen.n, ==, 2);
	g_assert_cmpint(seen.outcome, ==, OUTCOME_ILLEGAL_DESTINATION);
	g_assert_false(seen.has_plan);
	g_assert_cmpint(gateway_udp4(gateway, &server, &elsewhere, FIXTURE_START_MS), ==,
			OUTCOME_NOT_OURS);
	g_assert_cmpuint(seen.n, ==, 3);
	g_assert_cmpint(seen.outcome, ==, OUTCOME_NOT_OURS);
	watch->trace = NULL;
	(void)gateway_udp6(gateway, &client, &server, FIXTURE_START_MS);
	g_assert_cmpuint(seen.n, ==, 3);
	gateway_free(gateway);
}

/* What is told of bytes: all that came, and what is sent because of it. */
struct told {
	unsigned n;
	uint32_t n_came, came_size, n_out, first;
	uint8_t version, out_version;
};

static void on_bytes(void *context, const struct watch_bytes *bytes)
{
	struct told *told = context;

	told->n++;
	told->n_came = bytes->n_came;
	told->came_size = bytes->came_size;
	told->version = bytes->came[0] >> 4;
	told->first = bytes->first;
	told->n_out = bytes->out->n_packets - bytes->first;
	if (told->n_out > 0)
		told->out_version = bytes->out->packet[bytes->first].version;
}

static void test_bytes(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	const struct taddr4 denied = {0x7f000001, 53};
	struct watch *watch = &gateway->nat->watch;
	struct told told = {.n = 0};

	watch->trace_context = &told;
	g_assert_true(watch_want_bytes(watch, on_bytes));
	g_assert_true(watch_want_bytes(watch, on_bytes));
	(void)gateway_udp6(gateway, &client, &server, FIXTURE_START_MS);
	g_assert_cmpuint(told.n, ==, 1);
	g_assert_cmpuint(told.version, ==, 6);
	g_assert_cmpuint(told.n_came, ==, told.came_size);
	g_assert_cmpuint(told.n_came, >=, 48);
	g_assert_cmpuint(told.n_out, ==, 1);
	g_assert_cmpuint(told.out_version, ==, 4);
	/* One that is refused, without an answer. */
	(void)gateway_udp6(gateway, &client, &denied, FIXTURE_START_MS);
	g_assert_cmpuint(told.n, ==, 2);
	g_assert_cmpuint(told.n_out, ==, 0);
	/* Nobody wants them any more. */
	g_assert_true(watch_want_bytes(watch, NULL));
	g_assert_null(watch->came);
	(void)gateway_udp6(gateway, &client, &server, FIXTURE_START_MS);
	g_assert_cmpuint(told.n, ==, 2);
	/* Who goes on looking at it in the end is forgotten. */
	g_assert_true(watch_want_bytes(watch, on_bytes));
	gateway_free(gateway);
}

/* No more than has room. */
static void test_bytes_max(void)
{
	struct told told = {.n = 0};
	struct watch watch = {.trace_context = &told};
	g_autofree uint8_t *large = g_malloc0(WATCH_BYTES_MAX + 1);
	const struct out out = {.n_packets = 3};

	g_assert_true(watch_want_bytes(&watch, on_bytes));
	watch_keep(&watch, large, WATCH_BYTES_MAX + 1);
	watch_tell(&watch, &out, 3);
	g_assert_cmpuint(told.n_came, ==, WATCH_BYTES_MAX);
	g_assert_cmpuint(told.came_size, ==, WATCH_BYTES_MAX + 1);
	g_assert_cmpuint(told.n_out, ==, 0);
	watch_deinit(&watch);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	client = taddr6_of("[2001:db8:1::5]:2000");
	server = taddr4_of("198.51.100.7:53");
	g_test_add_func("/watch/binding", test_binding);
	g_test_add_func("/watch/drops", test_drops);
	g_test_add_func("/watch/full", test_full);
	g_test_add_func("/watch/trace", test_trace);
	g_test_add_func("/watch/bytes", test_bytes);
	g_test_add_func("/watch/bytes-max", test_bytes_max);
	return g_test_run();
}
