/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/hold_fixture.h"

#include <glib.h>

#include "tests/pool4_fixture.h"

const struct pool4_policy hold_all_of_it = {.hold_ms = HOLD_MS, .max_held = {100, true}};

struct pool4 *hold_new_pool(const struct pool4_policy *policy)
{
	struct pool4 *pool = pool4_fixture_new();

	pool4_set_policy(pool, policy);
	return pool;
}

uint64_t hold_hash_of(unsigned client)
{
	return siphash(&pool4_fixture_key, &client, sizeof(client));
}

/* For a client with this number, in 2001:db8:1::/48 if it is 100 or more. */
enum pool4_result hold_take_paired(struct pool4 *pool, enum protocol protocol, unsigned client,
				   uint16_t port6, uint32_t paired4, struct hold_taken *ret)
{
	struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8, 0, client >= 100, [15] = (uint8_t)client}};
	struct pool4_request request = {
		.protocol = protocol,
		.client = &addr,
		.port6 = port6,
		.paired4 = paired4,
		.client_hash = hold_hash_of(client),
	};
	enum pool4_result result;

	*ret = (struct hold_taken){.client = client, .protocol = protocol};
	result = pool4_take(pool, &request, &ret->taddr, &ret->id);
	g_assert_true(pool4_check(pool));
	return result;
}

struct hold_taken hold_take_from(struct pool4 *pool, unsigned client, uint16_t port6)
{
	struct hold_taken taken;

	g_assert_cmpint(hold_take_paired(pool, PROTOCOL_UDP, client, port6, 0, &taken), ==,
			POOL4_OK);
	return taken;
}

struct hold_taken hold_take(struct pool4 *pool, unsigned client)
{
	return hold_take_from(pool, client, 5000);
}

void hold_retire(struct pool4 *pool, const struct hold_taken *taken, uint64_t now_ms)
{
	pool4_retire(pool, taken->protocol, &taken->taddr, taken->id, hold_hash_of(taken->client),
		     now_ms);
	g_assert_true(pool4_check(pool));
}

void hold_expire(struct pool4 *pool, uint64_t now_ms)
{
	unsigned budget = 1000;

	pool4_expire(pool, now_ms, &budget);
	g_assert_cmpuint(budget, >, 0);
	g_assert_true(pool4_check(pool));
}

uint64_t hold_n_held(struct pool4 *pool, uint32_t id)
{
	return pool4_entry(pool, id)->n_held[PROTOCOL_UDP];
}

uint64_t hold_n_reused(struct pool4 *pool, uint32_t id)
{
	return pool4_entry(pool, id)->n_reused[PROTOCOL_UDP];
}
