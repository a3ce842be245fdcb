/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "daemon/core/binding.h"
#include "daemon/core/quota.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static const struct taddr4 peer = {0xc6336407, 9}; /* 198.51.100.7 */

static enum outcome create(struct gateway_fixture *gateway, const char *client, uint32_t *ret)
{
	struct taddr6 taddr = taddr6_of(client);
	struct binding_plan plan;
	enum outcome outcome =
		binding_choose(gateway->nat, PROTOCOL_UDP, &taddr, 0, &peer, NOW, &plan);

	return outcome == OUTCOME_TRANSLATED ? binding_create(gateway->nat, &plan, NOW, ret)
					     : outcome;
}

/* What can not be made leaves nothing behind: no port taken, no client's record. */
static void test_refusal_changes_nothing(void)
{
	struct nat64_limits limits = {2, 10, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "2000", &limits);
	struct nat64 *nat = gateway->nat;
	uint32_t first, second;

	g_assert_cmpint(create(gateway, "[2001:db8::1]:5000", &first), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(create(gateway, "[2001:db8::2]:5000", &second), ==,
			OUTCOME_POOL4_EXHAUSTED);
	g_assert_cmpuint(nat->clients.clients.n_used, ==, 1);
	g_assert_cmpuint(nat->pairings.pairings.n_used, ==, 1);
	g_assert_cmpuint(nat->bib[PROTOCOL_UDP].entries.n_used, ==, 1);

	binding_end_if_idle(nat, PROTOCOL_UDP, first, NOW);
	g_assert_cmpuint(nat->clients.clients.n_used, ==, 0);
	g_assert_cmpuint(nat->pairings.pairings.n_used, ==, 0);
	g_assert_cmpuint(pool4_entry(nat->pool4, gateway->pool4)->n_used[PROTOCOL_UDP], ==, 0);
	/* P-14: what was never used is not held. */
	g_assert_cmpuint(pool4_entry(nat->pool4, gateway->pool4)->n_held[PROTOCOL_UDP], ==, 0);
	g_assert_cmpint(create(gateway, "[2001:db8::2]:5000", &second), ==, OUTCOME_TRANSLATED);
	binding_end_if_idle(nat, PROTOCOL_UDP, second, NOW);

	nat->draining = true;
	g_assert_cmpint(create(gateway, "[2001:db8::1]:5000", &first), ==, OUTCOME_DRAINING);
	gateway_free(gateway);
}

static void test_limits(void)
{
	struct nat64_limits limits = {1, 1, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	struct nat64 *nat = gateway->nat;
	const struct bib *bib = &nat->bib[PROTOCOL_UDP];
	struct taddr4 other = {peer.addr, 10};
	uint32_t first, second;

	g_assert_cmpint(create(gateway, "[2001:db8::1]:5000", &first), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(create(gateway, "[2001:db8::2]:5000", &second), ==, OUTCOME_BIB_FULL);
	g_assert_cmpint(binding_add_session(nat, PROTOCOL_UDP, first, &peer, 0, 0, NOW + 1000, NOW),
			==, OUTCOME_TRANSLATED);
	g_assert_cmpint(quota_new_session(nat, PROTOCOL_UDP, &bib_at(bib, first)->addr6, 0, first,
					  &(struct quota_ahead){0}),
			==, OUTCOME_SESSION_FULL);
	binding_end_if_idle(nat, PROTOCOL_UDP, first, NOW);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 1);
	/* The table keeps its limit, asked or not. */
	g_assert_cmpint(
		binding_add_session(nat, PROTOCOL_UDP, first, &other, 0, 0, NOW + 1000, NOW), ==,
		OUTCOME_NO_MEMORY);
	binding_end_session(nat, PROTOCOL_UDP,
			    session_find(&nat->sessions[PROTOCOL_UDP], first, &peer), NOW);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 0);
	gateway_free(gateway);
}

/* S-5: what the administrator may not bind, and why. */
static void test_static_refusals(void)
{
	struct nat64_limits limits = {2, 10, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	struct nat64 *nat = gateway->nat;
	static const struct {
		const char *six;
		const char *four;
		enum nat64_static_result result;
	} cases[] = {
		{"[2001:db8:64::1]:80", "203.0.113.1:80", NAT64_STATIC_IN_POOL6},
		{"[ff02::1]:80", "203.0.113.1:80", NAT64_STATIC_ILLEGAL},
		{"[fe80::1]:80", "203.0.113.1:80", NAT64_STATIC_ILLEGAL},
		{"[2001:db8::5]:80", "203.0.113.2:80", NAT64_STATIC_NOT_OUR_ADDRESS},
		{"[2001:db8::5]:22", "192.0.2.1:22", NAT64_STATIC_LISTENER},
		{"[2001:db8::5]:80", "203.0.113.1:80", NAT64_STATIC_OK},
		{"[2001:db8::5]:80", "203.0.113.1:80", NAT64_STATIC_IDENTICAL},
		{"[2001:db8::5]:80", "203.0.113.1:81", NAT64_STATIC_TAKEN},
		{"[2001:db8::6]:80", "203.0.113.1:80", NAT64_STATIC_TAKEN},
		{"[2001:db8::6]:80", "192.0.2.1:80", NAT64_STATIC_OK},
		{"[2001:db8::7]:80", "203.0.113.1:90", NAT64_STATIC_FULL},
	};
	struct taddr4 ssh = taddr4_of("192.0.2.1:22");
	gateway->world.own4[gateway->world.n_own4++] = ssh.addr;
	gateway->world.listener[0].protocol = PROTOCOL_TCP;
	gateway->world.listener[0].taddr = ssh;
	gateway->world.n_listeners = 1;

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct taddr6 six = taddr6_of(cases[i].six);
		struct taddr4 four = taddr4_of(cases[i].four);
		g_assert_cmpint(nat64_add_static(nat, PROTOCOL_TCP, &six, &four, NOW), ==,
				cases[i].result);
	}
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 2);
	gateway_free(gateway);
}

/* P-22: an entry's bindings go with it, and their ports are held; the others stay. */
static void test_bindings_of_an_entry(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr6 six = taddr6_of("[2001:db8::5]:80");
	struct taddr4 four = taddr4_of("192.0.2.1:80");
	uint32_t binding;

	gateway->world.own4[gateway->world.n_own4++] = four.addr;
	for (unsigned port = 1; port <= 20; port++) {
		g_autofree char *client = g_strdup_printf("[2001:db8::1]:%u", port);
		g_assert_cmpint(create(gateway, client, &binding), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(binding_add_session(nat, PROTOCOL_UDP, binding, &peer, 0, 0,
						    NOW + 1000, NOW),
				==, OUTCOME_TRANSLATED);
	}
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_UDP, &six, &four, NOW), ==, NAT64_STATIC_OK);
	binding_end_if_idle(nat, PROTOCOL_UDP, bib_find4(&nat->bib[PROTOCOL_UDP], &four), NOW);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 21);
	g_assert_cmpuint(gateway_end_bindings(gateway, false, NOW), ==, 20);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 1);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 0);
	g_assert_cmpuint(pool4_entry(nat->pool4, gateway->pool4)->n_held[PROTOCOL_UDP], ==, 20);
	g_assert_cmpint(pool4_remove(nat->pool4, gateway->pool4), ==, POOL4_OK);
	gateway_free(gateway);
}

/* S-1, L-15: each protocol has its own table, its own counters, and goes with the entry, too. */
static void test_every_protocol(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
		struct binding_plan plan;
		uint32_t binding;

		g_assert_cmpint(
			binding_choose(nat, (enum protocol)i, &client, 0, &peer, NOW + 1999, &plan),
			==, OUTCOME_TRANSLATED);
		g_assert_cmpint(binding_create(nat, &plan, NOW + 1999, &binding), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(bib_at(&nat->bib[i], binding)->created_s, ==, NOW / 1000 + 1);
		g_assert_cmpint(binding_add_session(nat, (enum protocol)i, binding, &peer, 0, 0,
						    NOW + 9000, NOW + 1999),
				==, OUTCOME_TRANSLATED);
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			g_assert_cmpuint(nat->counters.bindings_created[j], ==, j <= i);
			g_assert_cmpuint(nat->counters.sessions_created[j], ==, j <= i);
		}
	}
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 3);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 3);
	g_assert_cmpuint(gateway_end_bindings(gateway, false, NOW), ==, 3);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 0);
	gateway_free(gateway);
}

static struct event next_event(struct gateway_fixture *gateway, enum event_kind kind)
{
	struct event event = {0};

	g_assert_true(event_next(&gateway->nat->events, &event));
	g_assert_cmpstr(event_info(event.kind)->name, ==, event_info(kind)->name);
	return event;
}

/* L-5: static bindings come and go like others, to who wants to know. */
static void test_static_events(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr6 six = taddr6_of("[2001:db8::5]:80");
	struct taddr4 four = taddr4_of("203.0.113.1:8080");
	struct event event;

	nat->events.want_bindings = true;
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_TCP, &six, &four, NOW + 1999), ==,
			NAT64_STATIC_OK);
	g_assert_cmpuint(bib_at(&nat->bib[PROTOCOL_TCP], 0)->created_s, ==, NOW / 1000 + 1);
	event = next_event(gateway, EVENT_BINDING_CREATE);
	g_assert_true(addr6_equal(&event.addr6, &six.addr));
	g_assert_cmpuint(event.prefix_len, ==, 128);
	g_assert_cmpuint(event.port6, ==, 80);
	g_assert_true(taddr4_equal(&event.mapped, &four));
	g_assert_cmpuint(event.time_ms, ==, NOW + 1999);
	g_assert_false(event.forced);
	nat64_remove_binding(nat, PROTOCOL_TCP, 0, NOW + 2000);
	event = next_event(gateway, EVENT_BINDING_DELETE);
	g_assert_true(taddr4_equal(&event.mapped, &four));
	g_assert_false(event.forced);
	g_assert_false(event_next(&nat->events, &event));
	gateway_free(gateway);
}

/* L-11: a block that a client gets or leaves, in place of its bindings. */
static void test_block_events(void)
{
	const struct nat64_limits limits = {100, 100, 1, 65536,
					    .pool4 = {.mode = POOL4_BLOCKS, .block_size = 64}};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-1151", &limits);
	struct nat64 *nat = gateway->nat;
	uint32_t first, second;
	struct event event;
	uint16_t port;

	nat->events.want_bindings = true;
	g_assert_cmpint(create(gateway, "[2001:db8::1]:5000", &first), ==, OUTCOME_TRANSLATED);
	event = next_event(gateway, EVENT_BLOCK_ALLOCATE);
	g_assert_cmpuint(event.prefix_len, ==, 128);
	g_assert_cmpuint(event.addr6.byte[15], ==, 1);
	g_assert_cmphex(event.mapped.addr, ==, 0xcb007101);
	g_assert_true(event.mapped.port == 1024 || event.mapped.port == 1088);
	g_assert_cmpuint(event.last_port, ==, event.mapped.port + 63);
	g_assert_cmpuint(event.pool4, ==, gateway->pool4);
	g_assert_cmpint(event.protocol, ==, N_PROTOCOLS);
	g_assert_cmpuint(event.time_ms, ==, NOW);
	port = event.mapped.port;
	g_assert_cmpint(create(gateway, "[2001:db8::1]:5001", &second), ==, OUTCOME_TRANSLATED);
	binding_end_if_idle(nat, PROTOCOL_UDP, first, NOW);
	g_assert_false(event_next(&nat->events, &event)); /* the block stays, and so does silence */
	binding_end_if_idle(nat, PROTOCOL_UDP, second, NOW);
	event = next_event(gateway, EVENT_BLOCK_RELEASE);
	g_assert_cmpuint(event.mapped.port, ==, port);
	g_assert_cmpuint(event.last_port, ==, port + 63);
	g_assert_false(event_next(&nat->events, &event));

	/* Nobody wants to know. */
	nat->events.want_bindings = false;
	g_assert_cmpint(create(gateway, "[2001:db8::1]:5000", &first), ==, OUTCOME_TRANSLATED);
	binding_end_if_idle(nat, PROTOCOL_UDP, first, NOW);
	g_assert_false(event_next(&nat->events, &event));
	gateway_free(gateway);
}

/* What is restored, or taken back again in a hand-over, was told by who came before: a block, too.
 */
static void test_restored_blocks_are_quiet(void)
{
	const struct nat64_limits limits = {100, 100, 1, 65536,
					    .pool4 = {.mode = POOL4_BLOCKS, .block_size = 64}};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-1151", &limits);
	struct nat64 *nat = gateway->nat;
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 mapped = taddr4_of("203.0.113.1:1030");
	struct bib_key key = bib_key(&nat->bib[PROTOCOL_UDP], &client, &mapped);
	const struct addr6 prefix = addr6_mask(&client.addr, nat->config.pairing_prefix_length);
	struct binding_plan plan = {
		.index = 0,
		.key = &key,
		.request = {.protocol = PROTOCOL_UDP,
			    .client = &client.addr,
			    .port6 = client.port,
			    .client_hash = pairing_hash(&nat->pairings, &prefix, 0)},
	};
	uint32_t other;
	struct event event;

	nat->events.want_bindings = true;
	for (int i = 0; i < 2; i++) {
		g_assert_true(
			pool4_choose_restored(nat->pool4, &plan.request, &mapped, &plan.offer));
		g_assert_cmpint(binding_restore(nat, &plan, NOW), ==, OUTCOME_TRANSLATED);
		g_assert_false(event_next(&nat->events, &event));
		if (i == 0)
			binding_undo(nat, PROTOCOL_UDP, 0, NOW);
		g_assert_false(event_next(&nat->events, &event));
	}
	/* Nor is it told with what comes next; but its end is, as of any. */
	g_assert_cmpint(create(gateway, "[2001:db8::1]:5001", &other), ==, OUTCOME_TRANSLATED);
	g_assert_false(event_next(&nat->events, &event));
	binding_end_if_idle(nat, PROTOCOL_UDP, other, NOW);
	binding_end_if_idle(nat, PROTOCOL_UDP, 0, NOW);
	event = next_event(gateway, EVENT_BLOCK_RELEASE);
	g_assert_cmpuint(event.mapped.port, ==, 1024);
	g_assert_false(event_next(&nat->events, &event));
	gateway_free(gateway);
}

/* P-22: bindings at addresses that an entry has lost go, and their ports are held; others stay. */
static void test_address_of_an_entry_goes(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.0/30", "1024-65535", NULL);
	const struct addr4_range moved = {0xcb007102, 0xcb007105};
	struct nat64 *nat = gateway->nat;
	uint32_t binding, n_gone = 0;

	for (unsigned i = 1; i <= 40; i++) {
		g_autofree char *client = g_strdup_printf("[2001:db8::%x]:5000", i);
		g_assert_cmpint(create(gateway, client, &binding), ==, OUTCOME_TRANSLATED);
		g_assert_cmpint(binding_add_session(nat, PROTOCOL_UDP, binding, &peer, 0, 0,
						    NOW + 1000, NOW),
				==, OUTCOME_TRANSLATED);
		n_gone += bib_at(&nat->bib[PROTOCOL_UDP], binding)->addr4 < moved.first;
	}
	g_assert_cmpuint(n_gone, >, 0);
	g_assert_cmpint(pool4_set_addresses(nat->pool4, gateway->pool4, &moved, 1), ==, POOL4_OK);
	g_assert_cmpuint(gateway_end_bindings(gateway, true, NOW), ==, n_gone);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 40 - n_gone);
	g_assert_cmpuint(pool4_entry(nat->pool4, gateway->pool4)->n_held[PROTOCOL_UDP], ==, n_gone);
	g_assert_true(nat64_check(nat));
	g_assert_cmpuint(gateway_end_bindings(gateway, true, NOW), ==, 0);
	gateway_free(gateway);
}

/* No step ends more sessions than it may, of many bindings or of one, and each ends some. */
static void test_ends_in_steps(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct nat64_step step = {0};
	uint32_t binding, left = 50;
	bool more = true;

	for (unsigned port = 1; port <= 20; port++) {
		g_autofree char *client = g_strdup_printf("[2001:db8::1]:%u", port);

		g_assert_cmpint(create(gateway, client, &binding), ==, OUTCOME_TRANSLATED);
		for (unsigned i = 0; i < (port == 10 ? 31 : 1); i++)
			g_assert_cmpint(binding_add_session(nat, PROTOCOL_UDP, binding,
							    &(struct taddr4){peer.addr + i, 7}, 0,
							    0, NOW + 1000, NOW),
					==, OUTCOME_TRANSLATED);
	}
	g_assert_cmpuint(nat64_n_sessions(nat), ==, left);
	while (more) {
		more = nat64_end_bindings(nat, gateway->pool4, false, &step, 4, NOW);
		g_assert_cmpuint(nat64_n_sessions(nat), >=, left > 4 ? left - 4 : 0);
		g_assert_true(!more || nat64_n_sessions(nat) < left);
		left = nat64_n_sessions(nat);
		g_assert_true(nat64_check(nat));
	}
	g_assert_cmpuint(left, ==, 0);
	g_assert_cmpuint(step.n_ended, ==, 20);
	gateway_free(gateway);
}

/* P-9: an address whose ports of the entry are all taken stays out of the choice when another of
 * its ports is given back. */
static void test_full_address_stays_full(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-1025", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr6 six = taddr6_of("[2001:db8::5]:80");
	struct taddr4 four = taddr4_of("203.0.113.1:80");
	uint32_t binding;

	g_assert_cmpint(create(gateway, "[2001:db8::1]:1", &binding), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(create(gateway, "[2001:db8::1]:2", &binding), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_UDP, &six, &four, NOW), ==, NAT64_STATIC_OK);
	binding = bib_find4(&nat->bib[PROTOCOL_UDP], &four);
	nat64_remove_binding(nat, PROTOCOL_UDP, binding, NOW);
	g_assert_true(pool4_check(nat->pool4));
	g_assert_cmpint(create(gateway, "[2001:db8::1]:3", &binding), ==, OUTCOME_POOL4_EXHAUSTED);
	(void)gateway_end_bindings(gateway, false, NOW);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/binding/ends-in-steps", test_ends_in_steps);
	g_test_add_func("/binding/full_address_stays_full", test_full_address_stays_full);
	g_test_add_func("/binding/refusal_changes_nothing", test_refusal_changes_nothing);
	g_test_add_func("/binding/limits", test_limits);
	g_test_add_func("/binding/static_refusals", test_static_refusals);
	g_test_add_func("/binding/bindings_of_an_entry", test_bindings_of_an_entry);
	g_test_add_func("/binding/every_protocol", test_every_protocol);
	g_test_add_func("/binding/static_events", test_static_events);
	g_test_add_func("/binding/block_events", test_block_events);
	g_test_add_func("/binding/restored_blocks", test_restored_blocks_are_quiet);
	g_test_add_func("/binding/address_of_an_entry_goes", test_address_of_an_entry_goes);
	return g_test_run();
}
