/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation of the core fails once, or with all behind it: what was asked for is refused,
 * the tables stay sound, and nothing leaks (which the build with sanitizers watches). X-2, S-13.
 *
 * The linker leads malloc(), calloc() and realloc() of everything in this program here
 * (tests/meson.build); GLib's own are left alone.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/persist.h"
#include "daemon/core/pool4_text.h"
#include "daemon/core/port_set.h"
#include "tests/gateway_fixture.h"
#include "tests/naive.h"

#define CLIENTS 40 /* enough for every table to grow more than once */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static uint64_t n_asked; /* since begin() */
static uint64_t first_failing = UINT64_MAX, last_failing;

static bool fails(void)
{
	uint64_t number = n_asked++;

	return number >= first_failing && number <= last_failing;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

static void begin(uint64_t number, bool and_all_behind)
{
	n_asked = 0;
	first_failing = number;
	last_failing = and_all_behind ? UINT64_MAX : number;
}

/* True if the allocation that was to fail has been reached. */
static bool end(void)
{
	bool reached = n_asked > first_failing;

	first_failing = UINT64_MAX;
	return reached;
}

static void assert_sound(const struct gateway_fixture *gateway, uint64_t number)
{
	if (!nat64_check(gateway->nat))
		g_error("allocation %" G_GUINT64_FORMAT " leaves the tables unsound", number);
}

static void assert_ends(enum outcome got, enum outcome good)
{
	if (got != OUTCOME_NO_MEMORY)
		g_assert_cmpstr(outcome_info(got)->name, ==, outcome_info(good)->name);
}

/* Bindings, sessions and clients grow in all their tables; a client without memory gets 1/3. */
static void grow_tables(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	struct taddr6 src = taddr6_of("[2001:db8:1::1]:5000");
	struct taddr4 dst = taddr4_of("198.51.100.7:9");

	if (persist_begin(gateway->nat))
		g_assert_cmpuint(persist_n_changed(gateway->nat), ==,
				 nat64_n_bindings(gateway->nat) + nat64_n_sessions(gateway->nat));
	assert_sound(gateway, number);
	(void)watch_want(&gateway->nat->watch, WATCH_BINDINGS);
	for (unsigned i = 0; i < CLIENTS; i++) {
		src.addr.byte[15] = (uint8_t)i;
		dst.addr += i % 3;
		enum outcome outcome = gateway_udp6(gateway, &src, &dst, now_ms + 1000 * i);
		assert_ends(outcome, OUTCOME_TRANSLATED);
		if (outcome == OUTCOME_NO_MEMORY)
			g_assert_cmpuint(gateway->out.n_packets, ==, 1);
		assert_sound(gateway, number);
	}
}

/* Everybody has a record for the address besides, is limited in rate, meets limits that are told,
 * and some are blocked. */
static void meet_limits(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	struct taddr6 src = taddr6_of("[2001:db8:1::1]:5000");
	struct taddr4 dst = taddr4_of("198.51.100.7:9");
	struct nat64 *nat = gateway->nat;
	struct prefix6 prefix = {.len = 128};

	nat->config.pairing_prefix_length = 64;
	nat->config.quota.binding_rate = 2;
	nat->config.quota.bindings_per_client.value = 3;
	nat->config.quota.bindings_per_address = 2;
	nat->events.want_bindings = nat->events.want_sessions = true;
	for (unsigned i = 0; i < 2 * CLIENTS; i++) {
		src.addr.byte[7] = (uint8_t)(i / 4);
		src.port = (uint16_t)(5000 + i);
		enum outcome outcome = gateway_udp6(gateway, &src, &dst, now_ms + 300 * i);
		if (outcome != OUTCOME_CLIENT_RATE && outcome != OUTCOME_ADDRESS_BINDINGS &&
		    outcome != OUTCOME_CLIENT_BINDINGS && outcome != OUTCOME_CLIENT_BLOCKED)
			assert_ends(outcome, OUTCOME_TRANSLATED);
		assert_sound(gateway, number);
		prefix.addr = src.addr;
		prefix.addr.byte[7] |= 0x80;
		(void)blocklist_add(&nat->blocklist, &prefix, now_ms + 1000);
		assert_sound(gateway, number);
	}
}

static void add_statics(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	struct taddr6 taddr6 = taddr6_of("[2001:db8:2::1]:443");
	struct taddr4 taddr4 = taddr4_of("203.0.113.9:443");

	for (unsigned i = 0; i < CLIENTS; i++) {
		taddr6.port = taddr4.port = (uint16_t)(1024 + i);
		enum nat64_static_result result =
			nat64_add_static(gateway->nat, PROTOCOL_TCP, &taddr6, &taddr4, now_ms);
		g_assert_true(result == NAT64_STATIC_OK || result == NAT64_STATIC_IDENTICAL ||
			      result == NAT64_STATIC_FULL);
		assert_sound(gateway, number);
	}
}

static void add_entries(struct gateway_fixture *gateway, uint64_t number)
{
	struct addr4_range range = {.first = 0xc6336400, .last = 0xc6336403};
	struct pool4_spec spec = {.name = "",
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX,
				  .addresses = &range,
				  .n_addresses = 1};
	uint32_t id;

	spec.ports.n_ranges = 1;
	spec.ports.range[0].first = 1;
	spec.ports.range[0].last = 4;
	for (unsigned i = 0; i < 20; i++, range.first += 4, range.last += 4) {
		snprintf(spec.name, sizeof(spec.name), "entry%u", i);
		enum pool4_result result = pool4_add(gateway->nat->pool4, &spec, &id);
		assert_sound(gateway, number);
		if (result == POOL4_OK) {
			pool4_set_state(gateway->nat->pool4, id, POOL4_ACTIVE);
			assert_sound(gateway, number);
		} else {
			g_assert_cmpint(result, ==, POOL4_NO_MEMORY);
		}
	}
}

static void use_all_ports(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	struct taddr6 src = taddr6_of("[2001:db8:1::1]:5000");
	const struct taddr4 dst = taddr4_of("198.51.100.7:9");

	for (unsigned i = 0; i < CLIENTS; i++) {
		store_be16(&src.addr.byte[14], (uint16_t)(now_ms / 100000 * 64 + i));
		enum outcome outcome = gateway_udp6(gateway, &src, &dst, now_ms);
		if (outcome != OUTCOME_POOL4_EXHAUSTED)
			assert_ends(outcome, OUTCOME_TRANSLATED);
		assert_sound(gateway, number);
	}
}

/* Addresses become full, and have ports again when the sessions are over: some that are held, and
 * are given out as the last choice (P-14). */
static void fill_addresses(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	for (unsigned round = 0; round < 2; round++) {
		use_all_ports(gateway, number, now_ms);
		out_clear(&gateway->out);
		now_ms += 400000;
		(void)nat64_expire(gateway->nat, now_ms, 1000, &gateway->out);
		assert_sound(gateway, number);
		g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	}
}

/* P-16: what was lost in a crash, of as many addresses as there are. */
static void hold_lost_ports(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	for (unsigned i = 0; i < 2 * CLIENTS; i++) {
		const struct taddr4 lost = {0xcb007101 + i % 8, (uint16_t)(4 + i / 8)};

		bool held = pool4_hold_port(gateway->nat->pool4, PROTOCOL_TCP, &lost,
					    POOL4_HOLD_LOST, 0, now_ms);
		if (held && gateway->nat->limits.pool4.mode != POOL4_BLOCKS)
			g_assert_true(pool4_is_held(gateway->nat->pool4, PROTOCOL_TCP, &lost, 1));
		assert_sound(gateway, number);
	}
}

static void store_syns(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	static const uint8_t packet[40] = {0x45};
	const struct taddr4 mapped = taddr4_of("203.0.113.1:5000");
	struct taddr4 peer = taddr4_of("198.51.100.7:9");

	for (unsigned i = 0; i < 16; i++) {
		peer.port++;
		(void)syn_store_add(&gateway->nat->syns, &mapped, &peer, packet, sizeof(packet),
				    now_ms + 6000);
		assert_sound(gateway, number);
	}
}

/* F-2: a fragment that cannot be kept takes its packet along, and nothing else. */
static void keep_fragments(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms)
{
	uint8_t buffer[PACKET_HEADROOM + 36];
	uint8_t *ip = buffer + PACKET_HEADROOM;

	for (unsigned i = 0; i < CLIENTS; i++) {
		struct packet packet = {.data = ip, .size = 36, .headroom = PACKET_HEADROOM};

		memset(buffer, 0, sizeof(buffer));
		ip[0] = 0x45;
		ip[3] = 36;
		ip[5] = (uint8_t)i;
		ip[6] = 0x20; /* more fragments */
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
		ip[25] = 64; /* of the whole datagram */
		store_be32(ip + 12, 0xc6336407 + i);
		store_be32(ip + 16, 0xcb007101);
		store_be16(ip + 10, naive_checksum(ip, 20));
		out_clear(&gateway->out);
		enum outcome outcome = nat64_receive(gateway->nat, &packet, now_ms, &gateway->out);
		if (outcome != OUTCOME_FRAGMENT_MEMORY)
			g_assert_cmpstr(outcome_info(outcome)->name, ==, "fragment_stored");
		assert_sound(gateway, number);
	}
	do
		out_clear(&gateway->out);
	while (!nat64_expire(gateway->nat, now_ms + 100000, 1000, &gateway->out));
	g_assert_cmpuint(gateway->nat->fragments.used, ==, 0);
}

typedef void (*step_func)(struct gateway_fixture *gateway, uint64_t number, uint64_t now_ms);

static void sweep_in(step_func step, const char *addresses, const char *ports,
		     const struct nat64_limits *limits)
{
	for (unsigned all = 0; all < 2; all++) {
		bool reached = true;

		for (uint64_t number = 0; reached; number++) {
			struct gateway_fixture *gateway = gateway_new(addresses, ports, limits);
			begin(number, all);
			step(gateway, number, FIXTURE_START_MS);
			reached = end();
			step(gateway, number,
			     FIXTURE_START_MS + 1000000); /* with memory again all is as ever */
			gateway_free(gateway);
			g_assert_cmpuint(number, <, 10000);
		}
	}
}

static void sweep(step_func step, const char *addresses, const char *ports)
{
	sweep_in(step, addresses, ports, NULL);
}

/* L-4, S-18: both sides are told as at a limit. */
static void test_answers(void)
{
	const struct outcome_info *without = outcome_info(OUTCOME_NO_MEMORY);
	const struct outcome_info *full = outcome_info(OUTCOME_SESSION_FULL);

	g_assert_cmpmem(&without->answer6, sizeof(without->answer6), &full->answer6,
			sizeof(full->answer6));
	g_assert_cmpmem(&without->answer4, sizeof(without->answer4), &full->answer4,
			sizeof(full->answer4));
}

static void test_grow_tables(void)
{
	sweep(grow_tables, "203.0.113.0/29", "1-65535");
}

static void test_limits(void)
{
	sweep(meet_limits, "203.0.113.0/29", "1-65535");
}

static void test_static(void)
{
	sweep(add_statics, "203.0.113.9", "1-65535");
}

static void test_full_addresses(void)
{
	sweep(fill_addresses, "203.0.113.0/29", "1024-1026");
}

static void test_fragments(void)
{
	sweep(keep_fragments, "203.0.113.1", "1-65535");
}

/* P-19: the same with blocks. */
static void test_blocks(void)
{
	static const struct nat64_limits blocks = {
		1000, 2000, 16, 1 << 20, {.mode = POOL4_BLOCKS, .block_size = 2}};

	sweep_in(fill_addresses, "203.0.113.1 203.0.113.2", "4-11", &blocks);
}

static void test_lost_ports(void)
{
	static const struct nat64_limits blocks = {
		1000, 2000, 16, 1 << 20, {.mode = POOL4_BLOCKS, .block_size = 2}};

	sweep(hold_lost_ports, "203.0.113.0/29", "4-19");
	sweep_in(hold_lost_ports, "203.0.113.0/29", "4-19", &blocks);
}

/* An address that has only one port is full with a lost one, which needs memory, too. */
static void test_lost_addresses(void)
{
	sweep(hold_lost_ports, "203.0.113.0/29", "4");
}

static void test_stored_syns(void)
{
	sweep(store_syns, "203.0.113.1", "1-65535");
}

static void test_pool4(void)
{
	bool reached = true;

	for (uint64_t number = 0; reached; number++) {
		struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1-65535", NULL);
		begin(number, false);
		add_entries(gateway, number);
		reached = end();
		gateway_free(gateway);
	}
}

/* P-20: what an entry of its own ranges needs is asked for before anything is changed. */
static void test_deterministic(void)
{
	const struct pool4_allocation mode = {.mode = POOL4_DETERMINISTIC, .client_length = 64};
	const struct siphash_key key = {{1, 2}};
	const struct addr4_range range = {0xcb007101, 0xcb007102};
	struct pool4_spec spec = {.ports = {{{1024, 65535}}, 1},
				  .addresses = &range,
				  .n_addresses = 1,
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX,
				  .n_clients = 1};
	bool reached[2] = {true, true};

	g_assert_true(prefix6_parse("2001:db8::/60", &spec.clients[0]));
	for (uint64_t number = 0; reached[0] || reached[1]; number++) {
		struct pool4 *pool = pool4_new(&key, (const uint8_t[RANDOM_SEED_SIZE]){3});
		enum pool4_result result;
		uint32_t id;

		g_assert_true(pool4_set_allocation(pool, &mode));
		begin(number, true);
		result = pool4_check_spec(pool, &spec, &id);
		reached[0] = end();
		g_assert_cmpint(result, ==, reached[0] ? POOL4_NO_MEMORY : POOL4_OK);
		begin(number, true);
		result = pool4_add(pool, &spec, &id);
		reached[1] = end();
		g_assert_cmpint(result, ==, reached[1] ? POOL4_NO_MEMORY : POOL4_OK);
		g_assert_cmpuint(pool4_n_entries(pool), ==, !reached[1]);
		g_assert_true(pool4_check(pool));
		pool4_free(pool);
	}
}

static void test_pool4_text(void)
{
	const char *list = "192.0.2.1 192.0.2.3 192.0.2.5 192.0.2.7 192.0.2.9 interface:a "
			   "interface:b interface:c interface:d interface:e";
	bool reached = true;

	for (uint64_t number = 0; reached; number++) {
		char error[POOL4_TEXT_ERROR_SIZE];
		struct pool4_text text;
		const char *problem;

		begin(number, false);
		problem = pool4_text_parse(list, &text, error);
		reached = end();
		g_assert_cmpstr(problem, ==,
				reached ? "there is no memory for the list of addresses" : NULL);
		if (problem)
			continue;
		g_assert_cmpuint(text.n_ranges, ==, 5);
		g_assert_cmpuint(text.n_interfaces, ==, 5);
		pool4_text_deinit(&text);
	}
}

/* A set of ports that can not grow, from form to form, stays as it is. */
static void test_port_set(void)
{
	struct port_set set = {.n_used = 0};
	unsigned n_failed = 0;

	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		begin(0, true);
		const bool is_in = port_set_add(&set, (uint16_t)port);
		const bool failed = end();

		g_assert_true(is_in == !failed);
		g_assert_cmpuint(set.n_used, ==, port + is_in);
		n_failed += failed;
		if (failed)
			g_assert_true(port_set_add(&set, (uint16_t)port));
	}
	g_assert_cmpuint(n_failed, >, 2);
	port_set_deinit(&set);
}

static void test_new(void)
{
	static const uint8_t seed[RANDOM_SEED_SIZE];
	static const struct nat64_limits limits = {10, 10, 1};
	struct fake_world world;
	struct nat64_config config;
	bool reached = true;

	fake_world_init(&world);
	struct nat64_world calls = fake_world_calls(&world);
	nat64_config_default(&config);
	for (uint64_t number = 0; reached; number++) {
		begin(number, false);
		struct nat64 *nat = nat64_new(&config, &limits, &calls, seed, FIXTURE_START_MS);
		reached = end();
		g_assert_true(reached == (nat == NULL));
		nat64_free(nat); /* NULL, too */
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/no_memory/new", test_new);
	g_test_add_func("/no_memory/answers", test_answers);
	g_test_add_func("/no_memory/grow_tables", test_grow_tables);
	g_test_add_func("/no_memory/limits", test_limits);
	g_test_add_func("/no_memory/static", test_static);
	g_test_add_func("/no_memory/full_addresses", test_full_addresses);
	g_test_add_func("/no_memory/blocks", test_blocks);
	g_test_add_func("/no_memory/fragments", test_fragments);
	g_test_add_func("/no_memory/stored_syns", test_stored_syns);
	g_test_add_func("/no_memory/lost_ports", test_lost_ports);
	g_test_add_func("/no_memory/lost_addresses", test_lost_addresses);
	g_test_add_func("/no_memory/pool4", test_pool4);
	g_test_add_func("/no_memory/deterministic", test_deterministic);
	g_test_add_func("/no_memory/port_set", test_port_set);
	g_test_add_func("/no_memory/pool4_text", test_pool4_text);
	return g_test_run();
}
