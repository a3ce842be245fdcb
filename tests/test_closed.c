/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bindings that have ended, on their way to who stores them (L-13, L-14). */
#include <glib.h>

#include "daemon/core/persist.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct closed_binding record(uint64_t number)
{
	return (struct closed_binding){.port6 = (uint16_t)number, .ended_ms = number};
}

static void assert_record(const struct closed_queue *queue, uint64_t number)
{
	struct closed_binding copy;

	g_assert_cmpuint(closed_copy(queue, number, &copy, 1), ==, 1);
	g_assert_cmpuint(copy.ended_ms, ==, number);
}

/* In the order of their ends, dropped only when somebody says so; memory comes and goes. */
static void test_order(void)
{
	struct closed_queue queue = {0};
	struct closed_binding copy[100];
	GRand *random = g_rand_new_with_seed(20111204);

	for (unsigned step = 0; step < 2000; step++) {
		unsigned n = (unsigned)g_rand_int_range(random, 0, 200);

		for (unsigned i = 0; i < n; i++) {
			struct closed_binding next = record(queue.end);

			closed_note(&queue, &next);
		}
		n = closed_copy(&queue, queue.first, copy, G_N_ELEMENTS(copy));
		g_assert_cmpuint(n, ==, MIN(queue.end - queue.first, G_N_ELEMENTS(copy)));
		for (unsigned i = 0; i < n; i++)
			g_assert_cmpuint(copy[i].ended_ms, ==, queue.first + i);
		closed_drop(&queue, queue.first + n);
		g_assert_true(closed_check(&queue));
	}
	g_assert_cmpuint(queue.n_lost, ==, 0);
	closed_drop(&queue, queue.end);
	g_assert_cmpuint(closed_memory(&queue), <=,
			 CLOSED_CHUNK_RECORDS * sizeof(struct closed_binding));
	closed_deinit(&queue);
	g_assert_cmpuint(closed_memory(&queue), ==, 0);
	g_rand_free(random);
}

/* L-14: a full one loses what is new, counts it, and keeps what it has. */
static void test_full(void)
{
	struct closed_queue queue = {0};
	uint64_t first = CLOSED_CHUNK_RECORDS - 1; /* the least room there can be */

	for (uint64_t i = 0; i < first; i++) {
		closed_note(&queue, &(struct closed_binding){0});
		closed_drop(&queue, queue.end);
	}
	while (queue.n_lost == 0) {
		struct closed_binding next = record(queue.end);

		closed_note(&queue, &next);
	}
	g_assert_cmpuint(queue.end - first, >=, CLOSED_RECORDS);
	g_assert_cmpuint(queue.n_lost, ==, 1);
	g_assert_true(closed_check(&queue));
	assert_record(&queue, first);
	assert_record(&queue, queue.end - 1);
	closed_drop(&queue, first + 1);
	closed_note(&queue, &(struct closed_binding){.ended_ms = queue.end});
	g_assert_cmpuint(queue.n_lost, ==, 1);
	assert_record(&queue, queue.end - 1);
	g_assert_true(closed_check(&queue));
	closed_deinit(&queue);
}

static void use(struct gateway_fixture *gateway, const char *client_text, uint64_t now_ms)
{
	const struct taddr6 client = taddr6_of(client_text);
	const struct taddr4 server = taddr4_of("198.51.100.7:53");

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, now_ms), ==, OUTCOME_TRANSLATED);
}

/* Who had what, from when to when; only while it is wanted and stored. */
static void test_noted(void)
{
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", NULL);
	const struct taddr6 inside = taddr6_of("[2001:db8::5]:80");
	const struct taddr4 outside = taddr4_of("192.0.2.1:80");
	struct nat64 *nat = gateway->nat;
	struct closed_queue *closed = &nat->closed;
	const struct bib *bib = &nat->bib[PROTOCOL_UDP];
	struct closed_binding copy[2];
	struct taddr4 mapped;

	use(gateway, "[2001:db8::1]:5000", NOW);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(bib, 0), NOW);
	g_assert_true(persist_begin(nat));
	use(gateway, "[2001:db8::1]:5000", NOW);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(bib, 0), NOW);
	g_assert_cmpuint(closed->end, ==, 0);

	nat->config.retention_s = 60;
	use(gateway, "[2001:db8::1]:5000", NOW);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_TCP, &inside, &outside, NOW), ==,
			NAT64_STATIC_OK);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(bib, 0), NOW + 1001);
	nat64_remove_binding(nat, PROTOCOL_TCP, bib_next(&nat->bib[PROTOCOL_TCP], 0), NOW + 3000);
	g_assert_cmpuint(closed_copy(closed, 0, copy, 2), ==, 2);
	g_assert_cmpint(copy[0].protocol, ==, PROTOCOL_UDP);
	g_assert_true(taddr4_equal(&copy[0].mapped, &mapped));
	g_assert_cmpuint(copy[0].port6, ==, 5000);
	g_assert_cmpint(copy[0].created_s, ==, NOW / 1000);
	g_assert_cmpuint(copy[0].ended_ms, ==, NOW + 1001);
	g_assert_cmpint(copy[1].protocol, ==, PROTOCOL_TCP);
	g_assert_true(addr6_equal(&copy[1].addr6, &inside.addr));
	g_assert_true(taddr4_equal(&copy[1].mapped, &outside));
	g_assert_cmpuint(copy[1].ended_ms, ==, NOW + 3000);
	g_assert_true(nat64_check(nat));
	gateway_free(gateway);
}

/* L-11: with blocks of ports it is the client and its block; of a static binding it is itself. */
static void test_noted_as_block(void)
{
	const struct nat64_limits limits = {1000, 2000, 16, 1 << 20,
					    .pool4 = {.mode = POOL4_BLOCKS, .block_size = 64}};
	struct gateway_fixture *gateway = gateway_new("192.0.2.1", "1024-65535", &limits);
	const struct taddr6 inside = taddr6_of("[2001:db8::5]:80");
	const struct taddr4 outside = taddr4_of("192.0.2.1:80");
	struct nat64 *nat = gateway->nat;
	const struct bib *bib = &nat->bib[PROTOCOL_UDP];
	const struct taddr6 client = taddr6_of("[2001:db8::1]:0");
	struct closed_binding copy[3];
	struct taddr4 mapped;

	g_assert_true(persist_begin(nat));
	nat->config.retention_s = 60;
	nat->config.pairing_prefix_length = 128;
	use(gateway, "[2001:db8::1]:5000", NOW);
	mapped = gateway_sent_src4(gateway);
	use(gateway, "[2001:db8::1]:5001", NOW);
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_TCP, &inside, &outside, NOW), ==,
			NAT64_STATIC_OK);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(bib, 0), NOW + 1001);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(bib, 0), NOW + 2001);
	nat64_remove_binding(nat, PROTOCOL_TCP, bib_next(&nat->bib[PROTOCOL_TCP], 0), NOW + 3000);
	g_assert_cmpuint(closed_copy(&nat->closed, 0, copy, 3), ==, 3);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpint(copy[i].protocol, ==, N_PROTOCOLS);
		g_assert_cmpuint(copy[i].mapped.addr, ==, mapped.addr);
		g_assert_cmpuint(copy[i].mapped.port, ==, mapped.port / 64 * 64);
		g_assert_cmpuint(copy[i].port6, ==, mapped.port / 64 * 64 + 63);
		g_assert_true(addr6_equal(&copy[i].addr6, &client.addr));
		g_assert_cmpuint(copy[i].prefix_len, ==, 128);
		g_assert_cmpint(copy[i].created_s, ==, NOW / 1000);
		g_assert_cmpuint(copy[i].ended_ms, ==, NOW + 1001 + 1000 * i);
	}
	g_assert_cmpint(copy[2].protocol, ==, PROTOCOL_TCP);
	g_assert_true(taddr4_equal(&copy[2].mapped, &outside));
	g_assert_cmpuint(copy[2].port6, ==, 80);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/closed/order", test_order);
	g_test_add_func("/closed/full", test_full);
	g_test_add_func("/closed/noted", test_noted);
	g_test_add_func("/closed/noted_as_block", test_noted_as_block);
	return g_test_run();
}
