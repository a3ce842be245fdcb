/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of sessions that exist allocate nothing; those that make and end sessions take memory in
 * large pieces, of which one comes with thousands of them. The linker counts (tests/meson.build).
 */
#include <glib.h>
#include <stdlib.h>

#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static uint32_t n_allocations;

/* What the linker makes of calls to malloc() and the like. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	n_allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	n_allocations++;
	return __real_realloc(memory, size);
}

static struct gateway_fixture *new_gateway(void)
{
	static const struct nat64_limits limits = {100000, 200000, 16, 1 << 20};

	return gateway_new("203.0.113.0/29", "1024-65535", &limits);
}

/* There and back, of a hundred clients with ten ports each; the first has two servers. */
static void test_existing(void)
{
	enum { N = 1000, N_ROUNDS = 50 };
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:0");
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	static struct taddr4 mapped[N];
	uint32_t before = 0;

	for (unsigned round = 0; round <= N_ROUNDS; round++) {
		const uint64_t now_ms = NOW + round * 1000;

		if (round == 1)
			before = n_allocations;
		for (uint32_t i = 0; i < N; i++) {
			client.addr.byte[7] = (uint8_t)(i / 10);
			client.port = (uint16_t)(5000 + i % 10);
			server.port = (uint16_t)(i < 10 ? 1 + round % 2 : 9);
			(void)gateway_udp6(gateway, &client, &server, now_ms);
			mapped[i] = gateway_sent_src4(gateway);
			(void)gateway_udp4(gateway, &server, &mapped[i], now_ms);
			(void)gateway_syn6(gateway, &client, &server, now_ms);
		}
		(void)nat64_expire(gateway->nat, now_ms, 256, &gateway->out);
	}
	g_assert_cmpuint(gateway->nat->counters.packets[0][OUTCOME_TRANSLATED], ==,
			 2 * N * (N_ROUNDS + 1));
	g_assert_cmpuint(n_allocations - before, ==, 0);
	gateway_free(gateway);
}

/* A flow comes with each packet, and as many end: at their height nothing is allocated any more
 * but what an address's set of ports takes now and then. */
static void test_new(void)
{
	enum { N = 60000 };
	struct gateway_fixture *gateway = new_gateway();
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:53"); /* 15 s */
	uint64_t now_ms = NOW;

	for (uint32_t i = 0; i < 3 * N; i++) {
		if (i == 2 * N)
			n_allocations = 0;
		client.addr.byte[5] = (uint8_t)(i >> 16);
		client.addr.byte[6] = (uint8_t)(i >> 8);
		client.addr.byte[7] = (uint8_t)i;
		if (gateway_udp6(gateway, &client, &server, now_ms) != OUTCOME_TRANSLATED)
			g_error("flow %u was refused", i);
		now_ms += i % 2;
		if (i % 64 == 0)
			(void)nat64_expire(gateway->nat, now_ms, 256, &gateway->out);
	}
	g_test_message("%u allocations for %u flows", n_allocations, N);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), <, 2 * N);
	g_assert_cmpuint(n_allocations, <=, N / 1000);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/no_allocation/existing", test_existing);
	g_test_add_func("/no_allocation/new", test_new);
	return g_test_run();
}
