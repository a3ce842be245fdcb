/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/mode_fixture.h"

#include <glib.h>

#include "daemon/core/pool4_text.h"

const struct siphash_key mode_fixture_key = {{26, 27}};
static const uint8_t random_seed[RANDOM_SEED_SIZE] = {28};

struct pool4 *mode_fixture_new(const struct pool4_allocation *allocation, bool parity)
{
	struct pool4 *pool = pool4_new(&mode_fixture_key, random_seed);
	const struct pool4_policy policy = {
		.parity = parity, .hold_ms = 120000, .max_held = {100, true}};

	g_assert_true(pool4_set_allocation(pool, allocation));
	pool4_set_policy(pool, &policy);
	pool4_set_held_limit(pool, 100000);
	return pool;
}

enum pool4_result mode_fixture_add(struct pool4 *pool, const char *addresses, const char *ports,
				   const char *clients, uint32_t *ret)
{
	struct pool4_spec spec = {.protocol = {true, true, true}, .pool6 = POOL4_ANY_PREFIX};
	g_auto(GStrv) words = g_strsplit(clients, " ", -1);
	char error[POOL4_TEXT_ERROR_SIZE];
	enum pool4_result result;
	struct pool4_text text;

	g_assert_null(pool4_text_parse(addresses, &text, error));
	g_assert_null(port_ranges_parse(ports, &spec.ports, error, sizeof(error)));
	for (; words[spec.n_clients] && *words[spec.n_clients]; spec.n_clients++)
		g_assert_true(prefix6_parse(words[spec.n_clients], &spec.clients[spec.n_clients]));
	spec.addresses = text.range;
	spec.n_addresses = text.n_ranges;
	result = pool4_add(pool, &spec, ret);
	if (result == POOL4_OK)
		pool4_set_state(pool, *ret, POOL4_ACTIVE);
	pool4_text_deinit(&text);
	return result;
}

struct addr6 mode_fixture_addr6(const char *text)
{
	struct addr6 addr = {{0}};

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

enum pool4_result mode_fixture_take(struct pool4 *pool, enum protocol protocol,
				    const struct addr6 *client, uint16_t port6, struct taddr4 *ret,
				    uint32_t *ret_id)
{
	struct pool4_request request = {
		.protocol = protocol,
		.client = client,
		.port6 = port6,
		.client_hash = siphash(&mode_fixture_key, client->byte, 8),
	};

	return pool4_take(pool, &request, ret, ret_id);
}
