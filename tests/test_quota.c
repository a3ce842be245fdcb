/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits per address, client and binding (L-1 to L-3), and what is told of them (L-4, L-9, L-10):
 * what is refused is new, and nothing else changes. Single packets are in tests/packets/l0*.pkt.
 */
#include <glib.h>

#include "daemon/core/quota.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct taddr4 server = {0xc6336407, 9}; /* 198.51.100.7 */

static struct nat64_config *config_of(struct gateway_fixture *gateway)
{
	return &gateway->nat->config;
}

/* One packet of each of so many ports; how many ended as outcome. */
static unsigned send_from(struct gateway_fixture *gateway, const char *host, unsigned first,
			  unsigned n, enum outcome outcome, uint64_t now_ms)
{
	g_autofree char *text = g_strdup_printf("[%s]:0", host);
	struct taddr6 src = taddr6_of(text);
	unsigned n_such = 0;

	for (unsigned i = 0; i < n; i++) {
		src.port = (uint16_t)(first + i);
		n_such += gateway_udp6(gateway, &src, &server, now_ms) == outcome;
	}
	g_assert_true(nat64_check(gateway->nat));
	return n_such;
}

/* What the client of an address has; nothing, if there is none. */
static struct client_view client_of(const struct gateway_fixture *gateway, const char *text)
{
	struct client_view view = {0};
	struct addr6 addr;
	uint32_t index;

	g_assert_true(addr6_parse(text, &addr));
	index = client_find(&gateway->nat->clients, &addr);
	if (index != SLAB_NONE)
		client_view(&gateway->nat->clients, index, &view);
	return view;
}

/* The next event, which is of this kind. */
static struct event expect(struct gateway_fixture *gateway, enum event_kind kind)
{
	struct event event = {0};

	g_assert_true(event_next(&gateway->nat->events, &event));
	g_assert_cmpstr(event_info(event.kind)->name, ==, event_info(kind)->name);
	return event;
}

static void expect_none(struct gateway_fixture *gateway)
{
	g_assert_cmpuint(gateway->nat->events.n_events, ==, 0);
}

/* What is told of a client that has something, and of one that has not. */
static void test_use(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1001-2000", NULL);
	const struct addr6 other = taddr6_of("[2001:db8:2::1]:1").addr;
	struct quota_config *quota = &config_of(gateway)->quota;
	struct addr6 host = taddr6_of("[2001:db8::1]:1").addr;
	struct quota_use use;

	quota->bindings_per_address = 100;
	quota->bindings_per_client = (struct port_share){.value = 1, .is_percent = true};
	quota->sessions_per_client = (struct port_share){.value = 30};
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 4, OUTCOME_TRANSLATED, NOW), ==, 4);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 3, OUTCOME_TRANSLATED, NOW), ==, 3);
	quota_use(gateway->nat, PROTOCOL_UDP, &host, 0, &use);
	g_assert_cmpuint(use.address_bindings, ==, 4);
	g_assert_cmpuint(use.address_limit, ==, 100);
	g_assert_cmpuint(use.client_bindings, ==, 7);
	g_assert_cmpuint(use.client_limit, ==, 10);
	g_assert_cmpuint(use.sessions, ==, 7);
	g_assert_cmpuint(use.session_limit, ==, 30);
	quota_use(gateway->nat, PROTOCOL_UDP, &other, 0, &use);
	g_assert_cmpuint(use.client_bindings + use.address_bindings + use.sessions, ==, 0);
	g_assert_cmpuint(use.client_limit, ==, 10);
	quota->bindings_per_client = (struct port_share){.is_percent = true}; /* 0 = no limit */
	quota_use(gateway->nat, PROTOCOL_UDP, &host, 0, &use);
	g_assert_cmpuint(use.client_limit, ==, 0);
	gateway_free(gateway);
}

/* L-1: one address at its limit, and its neighbour in the same client is not. */
static void test_bindings_per_address(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct event event;

	config_of(gateway)->quota.bindings_per_address = 10;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 12, OUTCOME_TRANSLATED, NOW), ==, 10);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 11, 5, OUTCOME_ADDRESS_BINDINGS, NOW),
			 ==, 5);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 10, OUTCOME_TRANSLATED, NOW), ==, 10);
	/* L-4: what is there goes on. */
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 10, OUTCOME_TRANSLATED, NOW), ==, 10);
	g_assert_cmpuint(client_of(gateway, "2001:db8::").n_bindings[PROTOCOL_UDP], ==, 20);

	event = expect(gateway, EVENT_QUOTA_CLIENT);
	g_assert_cmpint(event.outcome, ==, OUTCOME_ADDRESS_BINDINGS);
	g_assert_cmpuint(event.prefix_len, ==, 128);
	g_assert_cmpuint(event.addr6.byte[15], ==, 1);
	g_assert_cmpuint(event.limit, ==, 10);
	expect_none(gateway); /* L-9 */
	g_assert_cmpuint(gateway->nat->events.n_suppressed, ==, 6);

	/* Raised, it serves at once; lowered, it cuts nobody. */
	config_of(gateway)->quota.bindings_per_address = 12;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 11, 5, OUTCOME_TRANSLATED, NOW), ==, 2);
	config_of(gateway)->quota.bindings_per_address = 3;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 12, OUTCOME_TRANSLATED, NOW), ==, 12);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 11, 1, OUTCOME_ADDRESS_BINDINGS, NOW),
			 ==, 1);
	gateway_free(gateway);
}

/* L-1, P-3: the same where pairing is by a shorter prefix, and when that changes in between. */
static void test_address_within_pairing(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	config_of(gateway)->quota.bindings_per_address = 10;
	config_of(gateway)->pairing_prefix_length = 56;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 6, OUTCOME_TRANSLATED, NOW), ==, 6);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 12, OUTCOME_TRANSLATED, NOW), ==, 10);
	config_of(gateway)->pairing_prefix_length = 128;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 7, 6, OUTCOME_TRANSLATED, NOW), ==, 4);
	config_of(gateway)->pairing_prefix_length = 64;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 11, 1, OUTCOME_ADDRESS_BINDINGS, NOW),
			 ==, 1);
	while (!nat64_expire(gateway->nat, NOW + 302000, 100, &gateway->out))
		;
	g_assert_true(nat64_check(gateway->nat));
	g_assert_cmpuint(gateway->nat->pairings.pairings.n_used, ==, 0);
	g_assert_cmpuint(gateway->nat->clients.clients.n_used, ==, 0);
	gateway_free(gateway);
}

/* L-1: one client at its limit, whichever of its addresses asks, and another is not. */
static void test_bindings_per_client(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 six = taddr6_of("[2001:db8::7]:80");
	struct taddr4 four = taddr4_of("203.0.113.1:80");
	struct event event;

	config_of(gateway)->quota.bindings_per_client = (struct port_share){10, false};
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 6, OUTCOME_TRANSLATED, NOW), ==, 6);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 6, OUTCOME_TRANSLATED, NOW), ==, 4);
	g_assert_cmpuint(send_from(gateway, "2001:db8::3", 1, 6, OUTCOME_CLIENT_BINDINGS, NOW), ==,
			 6);
	g_assert_cmpuint(send_from(gateway, "2001:db8:0:1::1", 1, 6, OUTCOME_TRANSLATED, NOW), ==,
			 6);
	/* Static bindings neither count nor are refused. */
	g_assert_cmpint(nat64_add_static(gateway->nat, PROTOCOL_UDP, &six, &four, NOW), ==,
			NAT64_STATIC_OK);
	g_assert_cmpuint(send_from(gateway, "2001:db8::7", 80, 1, OUTCOME_TRANSLATED, NOW), ==, 1);
	g_assert_cmpuint(client_of(gateway, "2001:db8::").n_bindings[PROTOCOL_UDP], ==, 10);
	g_assert_cmpuint(client_of(gateway, "2001:db8::").n_sessions[PROTOCOL_UDP], ==, 10);

	/* L-10: near it first, at it then. */
	event = expect(gateway, EVENT_CLIENT_HIGH);
	g_assert_cmpuint(event.value, ==, 8);
	g_assert_cmpuint(event.limit, ==, 10);
	event = expect(gateway, EVENT_QUOTA_CLIENT);
	g_assert_cmpint(event.outcome, ==, OUTCOME_CLIENT_BINDINGS);
	g_assert_cmpuint(event.prefix_len, ==, 64);
	g_assert_cmpuint(event.addr6.byte[15], ==, 0);
	g_assert_cmpuint(event.value, ==, 1);
	g_assert_cmpuint(event.limit, ==, 10);
	expect_none(gateway);
	gateway_free(gateway);
}

/* L-1: a share is of the ports that this client can reach, rounded up. */
static void test_share(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.0/30", "2000-2004", NULL);
	struct nat64 *nat = gateway->nat;
	struct addr4_range range = {0xc0000201, 0xc0000201};
	struct pool4_spec spec = {.name = "few",
				  .addresses = &range,
				  .n_addresses = 1,
				  .ports = {{{1, 3}}, 1},
				  .protocol = {[PROTOCOL_UDP] = true},
				  .n_clients = 1,
				  .pool6 = POOL4_ANY_PREFIX};
	struct event event;
	uint32_t id;

	g_assert_true(prefix6_parse("2001:db8:1::/48", &spec.clients[0]));
	config_of(gateway)->quota.bindings_per_client = (struct port_share){50, true};
	g_assert_cmpint(pool4_add(nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(nat->pool4, id, POOL4_ACTIVE);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 12, OUTCOME_TRANSLATED, NOW), ==, 10);
	g_assert_cmpuint(send_from(gateway, "2001:db8:1::1", 1, 12, OUTCOME_TRANSLATED, NOW), ==,
			 2);
	do
		g_assert_true(event_next(&nat->events, &event));
	while (event.kind != EVENT_QUOTA_CLIENT || event.addr6.byte[5] != 1);
	g_assert_cmpuint(event.limit, ==, 2);
	/* An entry that is gone is nothing to have a share of: then the pool refuses. */
	pool4_set_state(nat->pool4, id, POOL4_DISABLED);
	g_assert_cmpuint(send_from(gateway, "2001:db8:1::1", 3, 9, OUTCOME_TRANSLATED, NOW), ==, 8);
	pool4_set_state(nat->pool4, gateway->pool4, POOL4_DRAINING);
	while (event_next(&nat->events, &event))
		;
	g_assert_cmpuint(send_from(gateway, "2001:db8:1::1", 30, 1, OUTCOME_POOL4_NO_ENTRY, NOW),
			 ==, 1);
	expect_none(gateway); /* nothing is exhausted where there is nothing */
	gateway_free(gateway);
}

/* L-2: a share of the sessions, while the only entry is drained: of its ports still. */
static void test_share_of_drained(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000-2003", NULL);
	struct taddr6 src = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 peer = server;

	config_of(gateway)->quota.sessions_per_client = (struct port_share){50, true};
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_TRANSLATED);
	pool4_set_state(gateway->nat->pool4, gateway->pool4, POOL4_DRAINING);
	peer.addr++;
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_TRANSLATED);
	peer.addr++;
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_CLIENT_SESSIONS);
	g_assert_cmpuint(expect(gateway, EVENT_QUOTA_CLIENT).limit, ==, 2);
	gateway_free(gateway);
}

/* L-1: the ports that a client can reach are those of all entries that serve it. */
static void test_share_of_several(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000-2003", NULL);
	struct taddr6 src = taddr6_of("[2001:db8::1]:5000");
	const struct addr4_range range = {0xc0000201, 0xc0000201};
	struct pool4_spec spec = {.name = "more",
				  .addresses = &range,
				  .n_addresses = 1,
				  .ports = {{{3000, 3005}}, 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct taddr4 peer = server;
	uint32_t id;

	g_assert_cmpint(pool4_add(gateway->nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(gateway->nat->pool4, id, POOL4_ACTIVE);
	config_of(gateway)->quota.sessions_per_client = (struct port_share){50, true};
	for (unsigned i = 0; i < 5; i++, peer.port++)
		g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_CLIENT_SESSIONS);
	g_assert_cmpuint(expect(gateway, EVENT_QUOTA_CLIENT).limit, ==, 5);
	gateway_free(gateway);
}

/* L-2: so many at once, then so many a second; what was refused for another reason costs none. */
static void test_rate(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct event event;

	config_of(gateway)->quota.binding_rate = 5;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 8, OUTCOME_TRANSLATED, NOW), ==, 5);
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 1, OUTCOME_CLIENT_RATE, NOW), ==, 1);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 5, OUTCOME_TRANSLATED, NOW), ==, 5);
	g_assert_cmpuint(send_from(gateway, "2001:db8:0:1::1", 1, 5, OUTCOME_TRANSLATED, NOW), ==,
			 5);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 6, 9, OUTCOME_TRANSLATED, NOW + 200), ==,
			 1);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 7, 9, OUTCOME_TRANSLATED, NOW + 9000),
			 ==, 5);
	event = expect(gateway, EVENT_QUOTA_CLIENT);
	g_assert_cmpint(event.outcome, ==, OUTCOME_CLIENT_RATE);
	gateway_free(gateway);
}

/* L-2, L-3, S-18: sessions of a client and of a binding, from both sides. */
static void test_sessions(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 src = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 peer = server, mapped;

	config_of(gateway)->quota.sessions_per_binding = 3;
	for (; peer.addr < server.addr + 3; peer.addr++)
		g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_BINDING_SESSIONS);
	g_assert_cmpint(gateway_udp4(gateway, &peer, &mapped, NOW), ==, OUTCOME_BINDING_SESSIONS);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_TRANSLATED);

	config_of(gateway)->quota.sessions_per_binding = 0;
	config_of(gateway)->quota.sessions_per_client = (struct port_share){4, false};
	g_assert_cmpint(gateway_udp6(gateway, &src, &peer, NOW), ==, OUTCOME_TRANSLATED);
	peer.addr++;
	g_assert_cmpint(gateway_udp4(gateway, &peer, &mapped, NOW), ==, OUTCOME_CLIENT_SESSIONS);
	src.port++;
	g_assert_cmpint(gateway_udp6(gateway, &src, &server, NOW), ==, OUTCOME_CLIENT_SESSIONS);
	g_assert_cmpuint(client_of(gateway, "2001:db8::1").n_sessions[PROTOCOL_UDP], ==, 4);
	g_assert_cmpuint(client_of(gateway, "2001:db8::1").n_bindings[PROTOCOL_UDP], ==, 1);
	g_assert_true(nat64_check(gateway->nat));

	g_assert_cmpint(expect(gateway, EVENT_QUOTA_CLIENT).outcome, ==, OUTCOME_BINDING_SESSIONS);
	g_assert_cmpint(expect(gateway, EVENT_QUOTA_CLIENT).outcome, ==, OUTCOME_CLIENT_SESSIONS);
	expect_none(gateway);
	gateway_free(gateway);
}

/* L-4: whose binding is static has no record, and is told of all the same. */
static void test_client_without_record(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 six = taddr6_of("[2001:db8::7]:80");
	struct taddr4 four = taddr4_of("203.0.113.1:2080"), other = {server.addr, 10};
	struct event event;

	config_of(gateway)->quota.sessions_per_binding = 1;
	g_assert_cmpint(nat64_add_static(gateway->nat, PROTOCOL_UDP, &six, &four, NOW), ==,
			NAT64_STATIC_OK);
	g_assert_cmpint(gateway_udp4(gateway, &server, &four, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_udp4(gateway, &other, &four, NOW), ==, OUTCOME_BINDING_SESSIONS);
	g_assert_cmpuint(client_of(gateway, "2001:db8::7").n_bindings[PROTOCOL_UDP], ==, 0);
	g_assert_cmpuint(gateway->nat->clients.clients.n_used, ==, 0);
	event = expect(gateway, EVENT_QUOTA_CLIENT);
	g_assert_cmpint(event.outcome, ==, OUTCOME_BINDING_SESSIONS);
	g_assert_true(addr6_equal(&event.addr6, &six.addr));
	g_assert_cmpuint(event.prefix_len, ==, 128);
	g_assert_cmpuint(event.value, ==, 0);
	g_assert_cmpuint(event.limit, ==, 1);
	gateway_free(gateway);
}

static void remove_some(struct nat64 *nat, unsigned n, uint64_t at_ms)
{
	while (n-- > 0)
		nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(&nat->bib[PROTOCOL_UDP], 0),
				     at_ms);
}

static void remove_one(struct nat64 *nat, uint64_t at_ms)
{
	remove_some(nat, 1, at_ms);
}

/* L-10: of ten, eight are told of, and again only after there have been less than seven. */
static void expect_two_alarms(struct gateway_fixture *gateway, enum event_kind kind)
{
	const uint64_t later = NOW + EVENT_INTERVAL_MS;

	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 7, OUTCOME_TRANSLATED, NOW), ==, 7);
	expect_none(gateway);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 8, 2, OUTCOME_TRANSLATED, NOW), ==, 2);
	g_assert_cmpuint(expect(gateway, kind).value, ==, 8);
	remove_some(gateway->nat, 3, later);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 11, 2, OUTCOME_TRANSLATED, later), ==,
			 2);
	expect_none(gateway);
	remove_some(gateway->nat, 3, later);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 21, 2, OUTCOME_TRANSLATED, later), ==,
			 2);
	expect_none(gateway);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 23, 2, OUTCOME_TRANSLATED, later), ==,
			 2);
	g_assert_cmpuint(expect(gateway, kind).value, ==, 8);
	expect_none(gateway);
}

static void test_alarms_rest(void)
{
	struct nat64_limits limits = {10, 1000, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	config_of(gateway)->quota.bindings_per_client = (struct port_share){10, false};
	expect_two_alarms(gateway, EVENT_CLIENT_HIGH);
	gateway_free(gateway);
	gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	expect_two_alarms(gateway, EVENT_BINDINGS_HIGH);
	gateway_free(gateway);
}

/* L-10: an entry of pool4 raises its alarm before it is full, and clears it below the other
 * threshold; between the two nothing is said. */
static void test_pool_alarm(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000-2009", NULL);
	struct nat64 *nat = gateway->nat;
	uint64_t later = NOW + POOL4_ALARM_INTERVAL_MS;
	struct event event;

	g_assert_cmpuint(POOL4_ALARM_INTERVAL_MS, ==, 10000); /* as the manual has it */
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 7, OUTCOME_TRANSLATED, NOW), ==, 7);
	expect_none(gateway);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 8, 2, OUTCOME_TRANSLATED, NOW), ==, 2);
	event = expect(gateway, EVENT_POOL_HIGH);
	g_assert_cmpuint(event.pool4, ==, gateway->pool4);
	g_assert_cmpint(event.protocol, ==, PROTOCOL_UDP);
	g_assert_cmpuint(event.value, ==, 8);
	g_assert_cmpuint(event.limit, ==, 10);
	expect_none(gateway);

	remove_one(nat, later);
	remove_one(nat, later);
	expect_none(gateway);
	remove_one(nat, later);
	event = expect(gateway, EVENT_POOL_LOW);
	g_assert_cmpuint(event.value, ==, 6);
	later += POOL4_ALARM_INTERVAL_MS;
	g_assert_cmpuint(send_from(gateway, "2001:db8::2", 1, 2, OUTCOME_TRANSLATED, later), ==, 2);
	g_assert_cmpuint(expect(gateway, EVENT_POOL_HIGH).value, ==, 8);

	/* Not more often than that: what holds when the time has come is told then. */
	remove_one(nat, later + 1);
	remove_one(nat, later + 1);
	g_assert_cmpuint(nat64_next_deadline(nat), <=, later + POOL4_ALARM_INTERVAL_MS);
	(void)nat64_expire(nat, later + POOL4_ALARM_INTERVAL_MS - 1, 100, &gateway->out);
	expect_none(gateway);
	(void)nat64_expire(nat, later + POOL4_ALARM_INTERVAL_MS, 100, &gateway->out);
	g_assert_cmpuint(expect(gateway, EVENT_POOL_LOW).value, ==, 6);
	later += POOL4_ALARM_INTERVAL_MS;
	g_assert_cmpuint(send_from(gateway, "2001:db8::3", 1, 2, OUTCOME_TRANSLATED, later + 1), ==,
			 2);
	remove_one(nat, later + 2);
	remove_one(nat, later + 2);
	(void)nat64_expire(nat, later + POOL4_ALARM_INTERVAL_MS, 100, &gateway->out);
	expect_none(gateway);
	gateway_free(gateway);
}

/* L-4, L-8: without a port the entry and (if there is but one) the address are named. */
static void test_exhausted(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000-2001", NULL);
	struct event event;

	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 2, 3, OUTCOME_TRANSLATED, NOW), ==, 2);
	(void)expect(gateway, EVENT_POOL_HIGH);
	event = expect(gateway, EVENT_PORTS_EXHAUSTED);
	g_assert_cmpuint(event.pool4, ==, gateway->pool4);
	g_assert_cmphex(event.mapped.addr, ==, 0xcb007101);
	g_assert_cmpuint(event.value, ==, 1);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 9, 9, OUTCOME_POOL4_EXHAUSTED, NOW), ==,
			 9);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 9, 1, OUTCOME_POOL4_EXHAUSTED,
				   NOW + EVENT_INTERVAL_MS),
			 ==, 1);
	event = expect(gateway, EVENT_PORTS_EXHAUSTED);
	g_assert_cmpuint(event.n_suppressed, ==, 9);
	g_assert_cmpuint(event.value, ==, 11);
	gateway_free(gateway);

	gateway = gateway_new("203.0.113.0/31", "2000", NULL);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 2, 3, OUTCOME_TRANSLATED, NOW), ==, 2);
	(void)expect(gateway, EVENT_POOL_HIGH);
	event = expect(gateway, EVENT_ADDRESSES_EXHAUSTED);
	g_assert_cmphex(event.mapped.addr, ==, 0);
	gateway_free(gateway);

	/* P-4: with strict pairing it is the paired one that is full. */
	gateway = gateway_new("203.0.113.0/31", "2000", NULL);
	config_of(gateway)->pool4_policy.strict_pairing = true;
	pool4_set_policy(gateway->nat->pool4, &config_of(gateway)->pool4_policy);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 2, 2, OUTCOME_TRANSLATED, NOW), ==, 1);
	event = expect(gateway, EVENT_PORTS_EXHAUSTED);
	g_assert_cmphex(event.mapped.addr & ~1u, ==, 0xcb007100);
	gateway_free(gateway);
}

/* L-4, L-10, X-1: the tables as a whole. */
static void test_whole_tables(void)
{
	struct nat64_limits limits = {10, 12, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	struct taddr6 src = taddr6_of("[2001:db8::1]:1");
	struct event event;

	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 11, OUTCOME_TRANSLATED, NOW), ==, 10);
	event = expect(gateway, EVENT_BINDINGS_HIGH);
	g_assert_cmpuint(event.value, ==, 8);
	event = expect(gateway, EVENT_QUOTA_BINDINGS);
	g_assert_cmpuint(event.limit, ==, 10);
	for (struct taddr4 peer = {server.addr, 10}; peer.port <= 12; peer.port++)
		(void)gateway_udp6(gateway, &src, &peer, NOW);
	event = expect(gateway, EVENT_QUOTA_SESSIONS);
	g_assert_cmpuint(event.limit, ==, 12);
	expect_none(gateway);
	gateway_free(gateway);

	/* And the limit of a protocol within it. */
	limits.sessions_of[PROTOCOL_UDP] = 3;
	gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 5, OUTCOME_TRANSLATED, NOW), ==, 3);
	event = expect(gateway, EVENT_QUOTA_SESSIONS);
	g_assert_cmpint(event.protocol, ==, PROTOCOL_UDP);
	g_assert_cmpuint(event.limit, ==, 3);
	gateway_free(gateway);
}

/* L-5, L-7, P-22: single bindings and sessions, only for who wants them, but those that are lost
 * with their address always. */
static void test_wanted_events(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct event event;

	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 1, 2, OUTCOME_TRANSLATED, NOW), ==, 2);
	expect_none(gateway);
	g_assert_cmpuint(gateway_end_bindings(gateway, false, NOW), ==, 2);
	for (unsigned i = 0; i < 2; i++) {
		event = expect(gateway, EVENT_BINDING_DELETE);
		g_assert_true(event.forced);
		g_assert_cmphex(event.mapped.addr, ==, 0xcb007101);
		g_assert_cmpuint(event.addr6.byte[15], ==, 1);
	}
	expect_none(gateway);

	nat->events.want_bindings = nat->events.want_sessions = true;
	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 7, 1, OUTCOME_TRANSLATED, NOW), ==, 1);
	event = expect(gateway, EVENT_BINDING_CREATE);
	g_assert_cmpuint(event.port6, ==, 7);
	g_assert_cmpuint(event.time_ms, ==, NOW);
	event = expect(gateway, EVENT_SESSION_CREATE);
	g_assert_true(taddr4_equal(&event.peer, &server));
	while (!nat64_expire(nat, NOW + 302000, 100, &gateway->out))
		;
	event = expect(gateway, EVENT_SESSION_DELETE);
	g_assert_true(taddr4_equal(&event.peer, &server));
	event = expect(gateway, EVENT_BINDING_DELETE);
	g_assert_false(event.forced);
	expect_none(gateway);
	gateway_free(gateway);
}

/* What a client was refused is counted in its record. */
static void test_refused_is_counted(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000-2001", NULL);
	const struct client_quota *quota;
	struct addr6 addr;

	g_assert_cmpuint(send_from(gateway, "2001:db8::1", 2, 9, OUTCOME_POOL4_EXHAUSTED, NOW), ==,
			 7);
	g_assert_true(addr6_parse("2001:db8::2", &addr));
	quota = client_quota(&gateway->nat->clients, client_find(&gateway->nat->clients, &addr));
	g_assert_nonnull(quota);
	g_assert_cmpuint(quota->n_refused, ==, 7);
	gateway_free(gateway);
}

/* A blocked client is heard by nobody and hears nothing, what it has stays, and time frees it. */
static void test_block(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 src = taddr6_of("[2001:db8::1]:5000"), other = taddr6_of("[2001:db9::1]:1");
	struct nat64 *nat = gateway->nat;
	struct prefix6 prefix;
	struct taddr4 mapped;

	g_assert_cmpint(gateway_udp6(gateway, &src, &server, NOW), ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(gateway);
	g_assert_true(prefix6_parse("2001:db8::/32", &prefix));
	g_assert_true(blocklist_add(&nat->blocklist, &prefix, NOW + 60000));
	g_assert_cmpuint(nat64_next_deadline(nat), <=, NOW + 60000);
	g_assert_cmpint(gateway_udp6(gateway, &src, &server, NOW), ==, OUTCOME_CLIENT_BLOCKED);
	g_assert_cmpuint(gateway->out.n_packets, ==, 1);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_CLIENT_BLOCKED);
	g_assert_cmpuint(gateway->out.n_packets, ==, 0);
	g_assert_cmpint(gateway_udp6(gateway, &other, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 2);

	(void)nat64_expire(nat, NOW + 60000, 100, &gateway->out);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW + 60000), ==,
			OUTCOME_TRANSLATED);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quota/use", test_use);
	g_test_add_func("/quota/bindings_per_address", test_bindings_per_address);
	g_test_add_func("/quota/address_within_pairing", test_address_within_pairing);
	g_test_add_func("/quota/bindings_per_client", test_bindings_per_client);
	g_test_add_func("/quota/share", test_share);
	g_test_add_func("/quota/share-of-drained", test_share_of_drained);
	g_test_add_func("/quota/share_of_several", test_share_of_several);
	g_test_add_func("/quota/rate", test_rate);
	g_test_add_func("/quota/sessions", test_sessions);
	g_test_add_func("/quota/client_without_record", test_client_without_record);
	g_test_add_func("/quota/alarms_rest", test_alarms_rest);
	g_test_add_func("/quota/pool_alarm", test_pool_alarm);
	g_test_add_func("/quota/exhausted", test_exhausted);
	g_test_add_func("/quota/whole_tables", test_whole_tables);
	g_test_add_func("/quota/wanted_events", test_wanted_events);
	g_test_add_func("/quota/refused_is_counted", test_refused_is_counted);
	g_test_add_func("/quota/block", test_block);
	return g_test_run();
}
