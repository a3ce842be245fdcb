/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64_memory(), which status shows, is what the core has asked for and not given back: of empty
 * tables and of full ones, in each mode of pool4, and after everything has ended.
 *
 * The core is compiled with these names for malloc() and its like (tests/meson.build): a linker's
 * --wrap would lead GLib here, too, where it is an archive. The nodes of libc's trees are not
 * counted.
 */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/persist.h"
#include "daemon/core/pool4_text.h"
#include "daemon/core/port_set.h"
#include "tests/gateway_fixture.h"
#include "tests/naive.h"

#define NOW FIXTURE_START_MS

/* A node of tsearch(), of which there is one for each entry and one for each of its twins. */
#define NODES_MAX 128

void *counted_malloc(size_t size);
void *counted_calloc(size_t n, size_t size);
void *counted_realloc(void *memory, size_t size);
void counted_free(void *memory);

static GHashTable *sizes; /* of what was asked for and not given back */
static size_t n_bytes;    /* all of it */

static void *took(void *memory, size_t size)
{
	if (memory && sizes) {
		g_hash_table_insert(sizes, memory, GSIZE_TO_POINTER(size));
		n_bytes += size;
	}
	return memory;
}

static void gave_back(void *memory)
{
	if (memory && sizes) {
		n_bytes -= GPOINTER_TO_SIZE(g_hash_table_lookup(sizes, memory));
		g_hash_table_remove(sizes, memory);
	}
}

void *counted_malloc(size_t size)
{
	return took(malloc(size), size);
}

void *counted_calloc(size_t n, size_t size)
{
	return took(calloc(n, size), n * size);
}

void *counted_realloc(void *memory, size_t size)
{
	gave_back(memory);
	return took(realloc(memory, size), size);
}

void counted_free(void *memory)
{
	gave_back(memory);
	free(memory);
}

static void assert_figure(size_t figure)
{
	g_assert_cmpuint(figure, >=, n_bytes);
	g_assert_cmpuint(figure, <=, n_bytes + NODES_MAX);
}

static void assert_counted(const struct gateway_fixture *gateway)
{
	assert_figure(nat64_memory(gateway->nat));
}

/* A hundred clients of up to 64 ports each, so that ports stand in lists of all sizes. */
static void fill(struct gateway_fixture *gateway)
{
	struct taddr6 src = taddr6_of("[2001:db8:1::1]:0");
	struct taddr4 dst = taddr4_of("198.51.100.7:9");

	for (unsigned i = 0; i < 100; i++) {
		src.addr.byte[5] = (uint8_t)i;
		for (src.port = 1; src.port <= 1 + i * 64 / 100; src.port++)
			(void)gateway_udp6(gateway, &src, &dst, NOW);
		assert_counted(gateway);
	}
}

static void end_all(struct gateway_fixture *gateway)
{
	while (!nat64_expire(gateway->nat, NOW + 1000000, 1000, &gateway->out))
		;
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	assert_counted(gateway);
}

static struct gateway_fixture *begin_with(const char *addresses, const char *ports,
					  const struct pool4_allocation *mode)
{
	struct nat64_limits limits = {5000, 5000, 16, 1 << 20, .pool4 = *mode};
	struct gateway_fixture *gateway;

	sizes = g_hash_table_new(NULL, NULL);
	n_bytes = 0;
	gateway = gateway_new(addresses, ports, &limits);
	assert_counted(gateway);
	return gateway;
}

static struct gateway_fixture *begin(const char *addresses, const struct pool4_allocation *mode)
{
	return begin_with(addresses, "1024-65535", mode);
}

static void end(struct gateway_fixture *gateway)
{
	gateway_free(gateway);
	g_assert_cmpuint(n_bytes, ==, 0);
	g_clear_pointer(&sizes, g_hash_table_unref);
}

/* A SYN from outside that waits, and a fragment before its first. */
static void store_packets(struct gateway_fixture *gateway, const struct taddr4 *mapped)
{
	uint8_t buffer[PACKET_HEADROOM + 120] = {0};
	struct packet packet = {.data = buffer + PACKET_HEADROOM, .headroom = PACKET_HEADROOM};
	uint8_t *ip = packet.data;

	for (unsigned syn = 0; syn < 2; syn++) {
		memset(ip, 0, 120);
		packet.size = syn ? 40 : 120;
		ip[0] = 0x45;
		ip[3] = (uint8_t)packet.size;
		ip[7] = syn ? 0 : 3;
		ip[8] = 64;
		ip[9] = syn ? IPPROTO_TCP : IPPROTO_UDP;
		store_be32(ip + 12, 0xc6336407);
		store_be32(ip + 16, mapped->addr);
		store_be16(ip + 10, naive_checksum(ip, 20));
		store_be16(ip + 22, mapped->port);
		ip[32] = syn ? 0x50 : 0;
		ip[33] = syn ? TH_SYN : 0;
		out_clear(&gateway->out);
		g_assert_cmpint(nat64_receive(gateway->nat, &packet, NOW, &gateway->out), ==,
				syn ? OUTCOME_SYN_STORED : OUTCOME_FRAGMENT_STORED);
		assert_counted(gateway);
	}
}

static void test_dynamic(void)
{
	static const char *const addresses[] = {"203.0.113.1", "203.0.113.0/28 203.0.113.32/30"};
	struct taddr6 src = taddr6_of("[2001:db8:2::1]:5000");
	struct taddr4 dst = taddr4_of("198.51.100.7:9"), mapped;
	struct prefix6 blocked = {.addr = src.addr, .len = 128};

	for (unsigned i = 0; i < G_N_ELEMENTS(addresses); i++) {
		const struct pool4_allocation mode = {.mode = POOL4_DYNAMIC};
		struct gateway_fixture *gateway = begin(addresses[i], &mode);
		struct nat64 *nat = gateway->nat;

		/* With all the records that there are. */
		nat->config.pairing_prefix_length = 64;
		nat->config.quota.binding_rate = 2;
		nat->events.want_bindings = nat->events.want_sessions = true;
		g_assert_cmpint(gateway_udp6(gateway, &src, &dst, NOW), ==, OUTCOME_TRANSLATED);
		mapped = gateway_sent_src4(gateway);
		assert_counted(gateway);
		store_packets(gateway, &mapped);
		g_assert_true(blocklist_add(&nat->blocklist, &blocked, NOW + 1));
		assert_counted(gateway);
		nat->config.quota.binding_rate = 0;
		fill(gateway);
		end_all(gateway);
		end(gateway);
	}
}

/* Addresses without a free port, which get some again, or not. */
static void test_full_addresses(void)
{
	const struct pool4_allocation mode = {.mode = POOL4_DYNAMIC};

	for (unsigned ends = 0; ends < 2; ends++) {
		struct gateway_fixture *gateway = begin_with("203.0.113.0/26", "1024-1027", &mode);

		fill(gateway);
		g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 64 * 4);
		if (ends)
			end_all(gateway);
		end(gateway);
	}
}

/* What is kept for those who look on, for who stores what changes, and for who stores what has
 * ended. */
static void test_kept_and_watched(void)
{
	const struct pool4_allocation mode = {.mode = POOL4_DYNAMIC};
	struct gateway_fixture *gateway = begin("203.0.113.0/28", &mode);
	struct nat64 *nat = gateway->nat;

	g_assert_true(persist_begin(nat));
	assert_counted(gateway);
	g_assert_true(watch_want(&nat->watch, WATCH_BINDINGS | WATCH_SESSIONS));
	assert_counted(gateway);
	nat->config.retention_s = 60;
	fill(gateway);
	g_assert_cmpuint(persist_n_changed(nat), >, 6000);
	end_all(gateway);
	g_assert_cmpuint(nat->closed.end, >, 3000);
	end(gateway);
}

static void test_blocks(void)
{
	const struct pool4_allocation mode = {.mode = POOL4_BLOCKS, .block_size = 64};
	struct gateway_fixture *gateway = begin("203.0.113.0/28", &mode);

	fill(gateway);
	end_all(gateway);
	end(gateway);
}

/* Entries for the same clients come and go: nodes of trees are four pointers, one for each entry
 * and one for their clients. */
static void test_entries(void)
{
	enum { N_ENTRIES = 70 };
	const size_t node = 4 * sizeof(void *);
	const struct siphash_key key = {{1, 2}};
	struct pool4_spec spec = {.n_addresses = 1,
				  .ports = {{{1024, 65535}}, 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	uint32_t id[N_ENTRIES];
	struct pool4 *pool;

	sizes = g_hash_table_new(NULL, NULL);
	n_bytes = 0;
	pool = pool4_new(&key, (const uint8_t[RANDOM_SEED_SIZE]){3});
	for (uint32_t i = 0; i < N_ENTRIES; i++) {
		const struct addr4_range range = {0xcb007100 + i, 0xcb007100 + i};

		spec.addresses = &range;
		g_assert_cmpint(pool4_add(pool, &spec, &id[i]), ==, POOL4_OK);
		g_assert_cmpuint(pool4_memory(pool), ==, n_bytes + (i + 2) * node);
	}
	for (uint32_t i = 0; i < N_ENTRIES; i++) {
		g_assert_cmpint(pool4_remove(pool, id[i]), ==, POOL4_OK);
		g_assert_cmpuint(pool4_memory(pool), ==,
				 n_bytes + (i < N_ENTRIES - 1 ? (N_ENTRIES - i) * node : 0));
	}
	pool4_free(pool);
	g_assert_cmpuint(n_bytes, ==, 0);
	g_clear_pointer(&sizes, g_hash_table_unref);
}

/* By itself: an entry has a list of clients there. */
static void test_deterministic(void)
{
	const struct pool4_allocation mode = {.mode = POOL4_DETERMINISTIC, .client_length = 48};
	const struct addr4_range range[] = {{0xcb007101, 0xcb00710f}, {0xcb007121, 0xcb00712f}};
	const struct siphash_key key = {{1, 2}};
	struct addr6 client = taddr6_of("[2001:db8::1]:0").addr;
	struct pool4_spec spec = {.ports = {{{1024, 65535}}, 1},
				  .addresses = range,
				  .n_addresses = G_N_ELEMENTS(range),
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX,
				  .n_clients = 1};
	struct pool4_request request = {.client = &client};
	struct taddr4 taken[600];
	struct pool4 *pool;
	uint32_t id;

	sizes = g_hash_table_new(NULL, NULL);
	n_bytes = 0;
	pool = pool4_new(&key, (const uint8_t[RANDOM_SEED_SIZE]){3});
	g_assert_true(pool4_set_allocation(pool, &mode));
	assert_figure(pool4_memory(pool));
	g_assert_true(prefix6_parse("2001:db8::/40", &spec.clients[0]));
	g_assert_cmpint(pool4_add(pool, &spec, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	assert_figure(pool4_memory(pool));
	for (unsigned i = 0; i < G_N_ELEMENTS(taken); i++) {
		client.byte[5] = (uint8_t)(i % 37);
		request.port6 = (uint16_t)i;
		g_assert_cmpint(pool4_take(pool, &request, &taken[i], &id), ==, POOL4_OK);
		assert_figure(pool4_memory(pool));
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(taken); i++) {
		pool4_retire(pool, request.protocol, &taken[i], id, 1, 1000);
		assert_figure(pool4_memory(pool));
	}
	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);
	assert_figure(pool4_memory(pool));
	pool4_free(pool);
	g_assert_cmpuint(n_bytes, ==, 0);
	g_clear_pointer(&sizes, g_hash_table_unref);
}

/* What was never there is ended without harm. */
static void test_nothing_to_end(void)
{
	nat64_free(NULL);
	pool4_free(NULL);
	pool4_text_deinit(NULL);
	port_set_deinit(NULL);
	pairing_table_deinit(NULL);
	client_table_deinit(NULL);
	blocklist_deinit(NULL);
	event_queue_deinit(NULL);
	fragment_table_deinit(NULL);
	watch_deinit(NULL);
	closed_deinit(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/nothing_to_end", test_nothing_to_end);
	g_test_add_func("/memory/dynamic", test_dynamic);
	g_test_add_func("/memory/full_addresses", test_full_addresses);
	g_test_add_func("/memory/kept_and_watched", test_kept_and_watched);
	g_test_add_func("/memory/blocks", test_blocks);
	g_test_add_func("/memory/entries", test_entries);
	g_test_add_func("/memory/deterministic", test_deterministic);
	return g_test_run();
}
