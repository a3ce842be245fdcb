/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/pool4_fixture.h"

#include <glib.h>

#include "daemon/core/pool4_text.h"

const struct siphash_key pool4_fixture_key = {{8, 9}};
static const uint8_t seed[RANDOM_SEED_SIZE] = {10};

struct pool4 *pool4_fixture_new(void)
{
	struct pool4 *pool = pool4_new(&pool4_fixture_key, seed);
	const struct pool4_policy policy = {.parity = true};

	pool4_set_policy(pool, &policy);
	return pool;
}

enum pool4_result pool4_fixture_add_spec(struct pool4 *pool, const struct pool4_written *written,
					 uint32_t *ret_id)
{
	struct pool4_spec spec = {.pool6 = written->pool6, .overflow = written->overflow};
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text text;
	enum pool4_result result;

	g_assert_cmpstr(pool4_text_parse(written->addresses, &text, error), ==, NULL);
	g_assert_cmpstr(port_ranges_parse(written->ports, &spec.ports, error, sizeof(error)), ==,
			NULL);
	if (written->name)
		g_strlcpy(spec.name, written->name, sizeof(spec.name));
	if (written->clients) {
		g_auto(GStrv) words = g_strsplit(written->clients, " ", 0);

		for (; words[spec.n_clients]; spec.n_clients++)
			g_assert_true(prefix6_parse(words[spec.n_clients],
						    &spec.clients[spec.n_clients]));
	}
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		spec.protocol[i] = i == PROTOCOL_TCP || !written->tcp_only;
	spec.addresses = text.range;
	spec.n_addresses = text.n_ranges;
	result = pool4_add(pool, &spec, ret_id);
	pool4_text_deinit(&text);
	return result;
}

uint32_t pool4_fixture_add(struct pool4 *pool, const char *addresses, const char *ports)
{
	struct pool4_written written = {
		.addresses = addresses, .ports = ports, .pool6 = POOL4_ANY_PREFIX};
	uint32_t id = 0;

	g_assert_cmpint(pool4_fixture_add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return id;
}

uint32_t pool4_fixture_add_for(struct pool4 *pool, const char *addresses, const char *ports,
			       const char *clients, int pool6, bool overflow)
{
	struct pool4_written written = {.addresses = addresses,
					.ports = ports,
					.clients = clients,
					.pool6 = pool6,
					.overflow = overflow};
	uint32_t id = 0;

	g_assert_cmpint(pool4_fixture_add_spec(pool, &written, &id), ==, POOL4_OK);
	pool4_set_state(pool, id, POOL4_ACTIVE);
	return id;
}

uint32_t pool4_fixture_addr4(const char *text)
{
	uint32_t addr;

	g_assert_true(addr4_parse(text, &addr));
	return addr;
}

enum pool4_result pool4_fixture_take_full(struct pool4 *pool, struct pool4_asked take,
					  struct taddr4 *ret, uint32_t *ret_id)
{
	struct addr6 client;
	struct pool4_request request = {
		.protocol = take.protocol,
		.client = &client,
		.pool6 = take.pool6,
		.port6 = take.port6 ? take.port6 : 5000,
		.paired4 = take.paired4,
		.client_hash = take.hash,
	};

	g_assert_true(addr6_parse(take.client ? take.client : "2001:db8::1", &client));
	return pool4_take(pool, &request, ret, ret_id);
}

enum pool4_result pool4_fixture_take(struct pool4 *pool, struct pool4_asked what,
				     struct taddr4 *ret)
{
	uint32_t id;

	return pool4_fixture_take_full(pool, what, ret, &id);
}

enum pool4_result pool4_fixture_take_exactly(struct pool4 *pool, enum protocol protocol,
					     const char *addr, uint16_t port, uint32_t *ret_id)
{
	struct taddr4 taddr = {pool4_fixture_addr4(addr), port};

	return pool4_take_exactly(pool, protocol, &taddr, ret_id);
}
