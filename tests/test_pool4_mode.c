/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How ports are handed out in the other modes than one by one: P-19, P-20. */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/pool4.h"
#include "daemon/core/pool4_text.h"

#define SEED 25

static const struct siphash_key key = {{26, 27}};
static const uint8_t random_seed[RANDOM_SEED_SIZE] = {28};

static struct pool4 *new_pool(const struct pool4_allocation *allocation, bool parity)
{
	struct pool4 *pool = pool4_new(&key, random_seed);
	const struct pool4_policy policy = {
		.parity = parity, .hold_ms = 120000, .max_held = {100, true}};

	g_assert_true(pool4_set_allocation(pool, allocation));
	pool4_set_policy(pool, &policy);
	pool4_set_held_limit(pool, 100000);
	return pool;
}

static enum pool4_result add(struct pool4 *pool, const char *addresses, const char *ports,
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

static struct addr6 addr6_of(const char *text)
{
	struct addr6 addr = {{0}};

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

static enum pool4_result take(struct pool4 *pool, enum protocol protocol,
			      const struct addr6 *client, uint16_t port6, struct taddr4 *ret,
			      uint32_t *ret_id)
{
	struct pool4_request request = {
		.protocol = protocol,
		.client = client,
		.port6 = port6,
		.client_hash = siphash(&key, client->byte, 8),
	};

	return pool4_take(pool, &request, ret, ret_id);
}

/* ---- deterministic ------------------------------------------------------------------------------
 */

static const struct pool4_allocation deterministic = {.mode = POOL4_DETERMINISTIC,
						      .client_length = 64};

/* Clients of two entries, one of them nested in the other's prefix, come and go at random: each
 * port is of the client's range, and leads back to it; and all of a range can be used. */
static void test_ranges(void)
{
	enum { N_CLIENTS = 32, N_STEPS = 20000, N_PORTS = 40 };
	g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
	struct pool4 *pool = new_pool(&deterministic, true);
	struct taddr4 taken[N_CLIENTS][N_PORTS];
	uint32_t n_taken[N_CLIENTS] = {0}, id[N_CLIENTS], outer, inner;
	unsigned n_exhausted = 0;

	/* 32 clients on two addresses of 640 ports: 40 each. */
	g_assert_cmpint(
		add(pool, "192.0.2.1 192.0.2.7", "1000-1599 2000-2039", "2001:db8::/59", &outer),
		==, POOL4_OK);
	/* The last 4 of them have an entry of their own. */
	g_assert_cmpint(add(pool, "192.0.2.9", "5000-5159", "2001:db8:0:1c::/62", &inner), ==,
			POOL4_OK);
	for (unsigned step = 0; step < N_STEPS; step++) {
		unsigned n = (unsigned)g_rand_int_range(rand, 0, N_CLIENTS);
		struct addr6 client = addr6_of("2001:db8::");
		struct port_ranges ports;
		struct prefix6 back;
		struct taddr4 taddr;
		uint32_t addr;

		client.byte[7] = (uint8_t)n;
		client.byte[15] = (uint8_t)step;
		g_assert_true(pool4_range_of(pool, PROTOCOL_UDP, &client, 0, &addr, &ports));
		g_assert_cmpuint(port_ranges_count(&ports), ==, N_PORTS);
		g_assert_cmpuint(pool4_n_reachable(pool, PROTOCOL_UDP, &client, 0), ==, N_PORTS);
		if (n_taken[n] > 0 && g_rand_int_range(rand, 0, 100) < 45) {
			taddr = taken[n][--n_taken[n]];
			pool4_retire(pool, PROTOCOL_UDP, &taddr, id[n], 1, 1000);
			g_assert_cmpuint(pool4_entry(pool, id[n])->n_held[PROTOCOL_UDP], ==, 0);
			continue;
		}
		if (n_taken[n] == N_PORTS) {
			uint64_t n_refused = pool4_entry(pool, id[n])->n_refused[PROTOCOL_UDP];

			g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 5, &taddr, &id[n]), ==,
					POOL4_EXHAUSTED);
			g_assert_cmpuint(pool4_entry(pool, id[n])->n_refused[PROTOCOL_UDP], ==,
					 n_refused + 1);
			n_exhausted++;
			continue;
		}
		g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, (uint16_t)g_rand_int(rand),
				     &taddr, &id[n]),
				==, POOL4_OK);
		g_assert_cmpuint(id[n], ==, n >= 28 ? inner : outer);
		g_assert_cmpuint(taddr.addr, ==, addr);
		g_assert_true(port_ranges_contain(&ports, taddr.port));
		g_assert_true(pool4_client_of(pool, PROTOCOL_UDP, &taddr, &back));
		g_assert_cmpuint(back.len, ==, 64);
		g_assert_true(prefix6_contains(&back, &client));
		taken[n][n_taken[n]++] = taddr;
		g_assert_true(step % 101 || pool4_check(pool));
	}
	g_assert_cmpuint(n_exhausted, >, 100);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* The outer entry's ports of clients that have another entry are nobody's. */
static void test_nested_entry(void)
{
	struct pool4 *pool = new_pool(&deterministic, true);
	struct taddr4 taddr = {0xc0000201, 1003};
	struct prefix6 client;
	uint32_t id;

	g_assert_cmpint(add(pool, "192.0.2.1", "1000-1003", "2001:db8::/62", &id), ==, POOL4_OK);
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpint(add(pool, "192.0.2.2", "1000-1003", "2001:db8:0:3::/64", &id), ==,
			POOL4_OK);
	g_assert_false(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	taddr.port = 1002;
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpuint(client.addr.byte[7], ==, 2);
	/* It was for 1 client, so the second address has all ports for it. */
	taddr = (struct taddr4){0xc0000202, 1003};
	g_assert_true(pool4_client_of(pool, PROTOCOL_TCP, &taddr, &client));
	g_assert_cmpuint(client.addr.byte[7], ==, 3);
	pool4_free(pool);
}

/* P-6 to P-8 inside of a range, and S-30: nobody gets a port of another. */
static void test_inside_of_a_range(void)
{
	const struct addr6 client = addr6_of("2001:db8::1"), other = addr6_of("2001:db8:0:1::1");
	struct pool4 *pool = new_pool(&deterministic, true);
	struct pool4_request request = {.protocol = PROTOCOL_TCP, .client = &client};
	struct pool4_offer offer;
	struct taddr4 taddr;
	uint32_t id;

	/* 1020-1027 for the one, 1028-1035 for the other. */
	g_assert_cmpint(add(pool, "192.0.2.1", "1020-1035", "2001:db8::/63", &id), ==, POOL4_OK);
	for (unsigned i = 0; i < 8; i++) {
		g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 80, &taddr, &id), ==, POOL4_OK);
		/* Even and below 1024; below; even and above; above. */
		g_assert_cmpint(taddr.port % 2, ==, i / 2 % 2);
		g_assert_true((taddr.port < 1024) == (i < 4));
	}
	taddr.addr = 0xc0000201;
	for (taddr.port = 1019; taddr.port <= 1036; taddr.port++) {
		request.client = &client;
		g_assert_true(pool4_choose_exactly(pool, &request, &taddr, &offer) ==
			      (taddr.port >= 1020 && taddr.port < 1028));
		request.client = &other;
		g_assert_true(pool4_choose_exactly(pool, &request, &taddr, &offer) ==
			      (taddr.port >= 1028 && taddr.port < 1036));
	}
	pool4_free(pool);
}

/* P-10: the client's own port, if it is of its range and free, and only if that is wanted. */
static void test_own_port(void)
{
	const struct addr6 client = addr6_of("2001:db8::1");
	struct pool4_policy policy = {.preserve_port = true};
	struct pool4 *pool = new_pool(&deterministic, false);
	unsigned n_same = 0;
	struct taddr4 taddr;
	uint32_t id;

	/* 2000-2099 for this one. */
	g_assert_cmpint(add(pool, "192.0.2.1", "2000-2199", "2001:db8::/63", &id), ==, POOL4_OK);
	pool4_set_policy(pool, &policy);
	g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 2050, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2050);
	for (unsigned i = 0; i < 3; i++) {
		const uint16_t port6 = (const uint16_t[]){2050, 2150, 80}[i];

		g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, port6, &taddr, &id), ==,
				POOL4_OK);
		g_assert_cmpuint(taddr.port, !=, port6);
		g_assert_cmpuint(taddr.port, <, 2100);
	}
	policy.preserve_port = false;
	pool4_set_policy(pool, &policy);
	for (uint16_t port6 = 2000; port6 < 2040; port6++) {
		g_assert_cmpint(take(pool, PROTOCOL_TCP, &client, port6, &taddr, &id), ==,
				POOL4_OK);
		n_same += taddr.port == port6;
	}
	g_assert_cmpuint(n_same, <, 10);
	pool4_free(pool);
}

static void test_refused_entries(void)
{
	struct pool4 *pool = new_pool(&deterministic, true);
	struct addr4_range fewer = {0xc0000201, 0xc0000201}, more = {0xc0000200, 0xc0000203};
	const struct addr6 client = addr6_of("2001:db8::1");
	struct port_ranges ports = {{{1000, 1001}}, 1};
	struct pool4_spec changed;
	struct taddr4 taddr;
	uint32_t id, other;

	g_assert_cmpint(add(pool, "192.0.2.1", "1000-1003", "", &id), ==, POOL4_BAD_CLIENTS);
	g_assert_cmpint(add(pool, "192.0.2.1", "1000-1003", "2001:db8::/61", &id), ==,
			POOL4_BAD_CLIENTS);
	g_assert_cmpint(add(pool, "192.0.2.0/31", "1000-1003", "2001:db8::/61", &id), ==, POOL4_OK);
	g_assert_cmpint(add(pool, "192.0.2.8", "1000-1003", "2001:db8::/61", &other), ==,
			POOL4_SAME_CLIENTS);
	g_assert_cmpuint(other, ==, 0);
	/* Ports or addresses that are too few change nothing. */
	g_assert_cmpint(pool4_set_ports(pool, id, &ports), ==, POOL4_BAD_CLIENTS);
	g_assert_cmpint(pool4_set_addresses(pool, id, &fewer, 1), ==, POOL4_BAD_CLIENTS);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	/* Fewer ports at more addresses, which neither of both alone could be. */
	changed = pool4_entry(pool, id)->spec;
	changed.addresses = &more;
	changed.n_addresses = 1;
	changed.ports = ports;
	g_assert_cmpint(pool4_check_places(pool, id, &changed, &other), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	g_assert_cmpint(pool4_set_places(pool, id, &changed, &other), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 8);
	g_assert_cmpuint(pool4_entry(pool, id)->n_addresses, ==, 4);
	g_assert_cmpint(take(pool, PROTOCOL_TCP, &client, 80, &taddr, &other), ==, POOL4_OK);
	g_assert_cmpint(pool4_set_places(pool, id + 9, &changed, &other), ==, POOL4_NO_SUCH_ENTRY);
	changed.ports.n_ranges = 0;
	g_assert_cmpint(pool4_set_places(pool, id, &changed, &other), ==, POOL4_BAD_PORTS);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* ---- blocks -------------------------------------------------------------------------------------
 */

enum {
	SIZE = 8,
	FIRST_PORT = 1000, /* block 125 */
	N_BLOCKS = 6,
	N_ADDRESSES = 2,
	N_CLIENTS = 10,
	N_PLACES = N_BLOCKS * N_ADDRESSES,
	N_TAKEN_MAX = 600,
	NOBODY = -1,
	STATIC = -2,
};

#define FIRST_ADDR 0xc0000201

struct model {
	GRand *rand;
	struct pool4 *pool;
	uint32_t id[2];       /* the general entry, and that of clients 6 and up */
	int owner[N_PLACES];  /* a client, or NOBODY */
	int n_used[N_PLACES]; /* of all protocols, by the owner */
	bool used[N_PLACES][N_PROTOCOLS][SIZE];
	struct {
		int client; /* or STATIC */
		enum protocol protocol;
		struct taddr4 taddr;
		uint32_t id;
	} taken[N_TAKEN_MAX];
	unsigned n_taken;
	uint64_t now_ms;
	unsigned n_allocated, n_released, n_exhausted;
};

static struct addr6 client_addr(int client)
{
	struct addr6 addr = addr6_of(client < 6 ? "2001:db8:1::" : "2001:db8:2::");

	addr.byte[7] = (uint8_t)client;
	return addr;
}

static unsigned place_of(const struct taddr4 *taddr)
{
	return (taddr->addr - FIRST_ADDR) * N_BLOCKS + (taddr->port - FIRST_PORT) / SIZE;
}

static bool *used_of(struct model *model, enum protocol protocol, const struct taddr4 *taddr)
{
	return &model->used[place_of(taddr)][protocol][(taddr->port - FIRST_PORT) % SIZE];
}

static bool has_room(const struct model *model, unsigned place, enum protocol protocol)
{
	for (unsigned i = 0; i < SIZE; i++) {
		if (!model->used[place][protocol][i])
			return true;
	}
	return false;
}

/* A change that is told is the one that the model has just made; else there is none. */
static void check_change(struct model *model, bool changes, bool allocated, int client,
			 const struct taddr4 *taddr)
{
	struct pool4_block_change change;
	struct addr6 addr;

	g_assert_true(pool4_block_changed(model->pool, &change) == changes);
	g_assert_false(pool4_block_changed(model->pool, &change) && changes);
	if (!changes)
		return;
	addr = client_addr(client);
	g_assert_true(change.allocated == allocated);
	g_assert_cmpuint(change.client.len, ==, 64);
	g_assert_true(prefix6_contains(&change.client, &addr));
	g_assert_cmpuint(change.addr, ==, taddr->addr);
	g_assert_cmpuint(change.ports.first, ==, taddr->port / SIZE * SIZE);
	g_assert_cmpuint(change.ports.last, ==, change.ports.first + SIZE - 1);
}

static void step_take(struct model *model)
{
	int client = g_rand_int_range(model->rand, 0, N_CLIENTS);
	enum protocol protocol = (enum protocol)g_rand_int_range(model->rand, 0, N_PROTOCOLS);
	struct addr6 addr = client_addr(client);
	bool room = false, any_free = false;
	struct taddr4 taddr;
	unsigned place;
	uint32_t id;

	addr.byte[15] = (uint8_t)g_rand_int(model->rand);
	for (unsigned i = 0; i < N_PLACES; i++) {
		room |= model->owner[i] == client && has_room(model, i, protocol);
		any_free |= model->owner[i] == NOBODY;
	}
	if (model->n_taken == N_TAKEN_MAX)
		return;
	enum pool4_result result =
		take(model->pool, protocol, &addr, (uint16_t)g_rand_int(model->rand), &taddr, &id);

	if (result == POOL4_EXHAUSTED) {
		/* Only static bindings can fill a block that nobody has. */
		for (unsigned i = 0; i < N_PLACES; i++)
			any_free &= model->owner[i] != NOBODY || has_room(model, i, protocol);
		g_assert_false(room || any_free);
		check_change(model, false, false, 0, NULL);
		model->n_exhausted++;
		return;
	}
	g_assert_cmpint(result, ==, POOL4_OK);
	g_assert_cmpuint(id, ==, model->id[client >= 6]);
	place = place_of(&taddr);
	g_assert_false(*used_of(model, protocol, &taddr));
	/* In one of its own while one has room, else in one that was nobody's. */
	g_assert_cmpint(model->owner[place], ==, room ? client : NOBODY);
	check_change(model, !room, true, client, &taddr);
	model->n_allocated += !room;
	model->owner[place] = client;
	model->n_used[place]++;
	*used_of(model, protocol, &taddr) = true;
	model->taken[model->n_taken].client = client;
	model->taken[model->n_taken].protocol = protocol;
	model->taken[model->n_taken].taddr = taddr;
	model->taken[model->n_taken++].id = id;
}

static bool place_is_empty(const struct model *model, unsigned place)
{
	for (unsigned i = 0; i < N_PROTOCOLS * SIZE; i++) {
		if (model->used[place][i / SIZE][i % SIZE])
			return false;
	}
	return true;
}

static void step_leave(struct model *model)
{
	unsigned i, place;
	int owner;

	if (model->n_taken == 0)
		return;
	i = (unsigned)g_rand_int_range(model->rand, 0, (int)model->n_taken);
	struct taddr4 taddr = model->taken[i].taddr;
	enum protocol protocol = model->taken[i].protocol;
	place = place_of(&taddr);
	owner = model->owner[place];
	if (g_rand_boolean(model->rand))
		pool4_retire(model->pool, protocol, &taddr, model->taken[i].id, 7, model->now_ms);
	else
		pool4_give_back(model->pool, protocol, &taddr, model->taken[i].id);
	*used_of(model, protocol, &taddr) = false;
	model->taken[i] = model->taken[--model->n_taken];
	if (owner != NOBODY && place_is_empty(model, place)) {
		check_change(model, true, false, owner, &taddr);
		model->owner[place] = NOBODY;
		model->n_released++;
	} else {
		check_change(model, false, false, 0, NULL);
	}
}

/* The administrator binds any port, in a block or not. */
static void step_static(struct model *model)
{
	enum protocol protocol = (enum protocol)g_rand_int_range(model->rand, 0, N_PROTOCOLS);
	struct taddr4 taddr = {
		FIRST_ADDR + (uint32_t)g_rand_int_range(model->rand, 0, N_ADDRESSES),
		(uint16_t)(FIRST_PORT + g_rand_int_range(model->rand, 0, N_BLOCKS * SIZE))};
	uint32_t id;

	if (model->n_taken == N_TAKEN_MAX)
		return;
	g_assert_cmpint(pool4_take_exactly(model->pool, protocol, &taddr, &id), ==,
			*used_of(model, protocol, &taddr) ? POOL4_TAKEN : POOL4_OK);
	if (*used_of(model, protocol, &taddr))
		return;
	*used_of(model, protocol, &taddr) = true;
	model->taken[model->n_taken].client = STATIC;
	model->taken[model->n_taken].protocol = protocol;
	model->taken[model->n_taken].taddr = taddr;
	model->taken[model->n_taken++].id = id;
}

static void step_clock(struct model *model)
{
	unsigned budget = 3;

	model->now_ms += (uint64_t)g_rand_int_range(model->rand, 0, 20000);
	pool4_expire(model->pool, model->now_ms, &budget);
}

/* Clients of two entries on the same addresses, static bindings, time. */
static void test_blocks_against_model(void)
{
	static const struct pool4_allocation allocation = {
		.mode = POOL4_BLOCKS, .block_size = SIZE, .client_length = 64};
	struct model model = {.rand = g_rand_new_with_seed(SEED), .now_ms = 1000000};

	model.pool = new_pool(&allocation, true);
	g_assert_cmpint(add(model.pool, "192.0.2.1-192.0.2.2", "995-1050", "", &model.id[0]), ==,
			POOL4_OK);
	g_assert_cmpint(add(model.pool, "192.0.2.1-192.0.2.2", "1000-1047", "2001:db8:2::/48",
			    &model.id[1]),
			==, POOL4_OK);
	for (unsigned i = 0; i < N_PLACES; i++)
		model.owner[i] = NOBODY;
	for (unsigned step = 0; step < 20000; step++) {
		/* Tides, so that empty and full are reached. */
		int dice = g_rand_int_range(model.rand, 0, 100);

		if (dice < (step % 2000 < 1200 ? 60 : 25))
			step_take(&model);
		else if (dice < 94)
			step_leave(&model);
		else if (dice < 96)
			step_static(&model);
		else
			step_clock(&model);
		g_assert_true(pool4_check(model.pool));
	}
	g_assert_cmpuint(model.n_allocated, >, 300);
	g_assert_cmpuint(model.n_released, >, 300);
	g_assert_cmpuint(model.n_exhausted, >, 300);
	while (model.n_taken > 0)
		step_leave(&model);
	g_assert_cmpint(pool4_remove(model.pool, model.id[0]), ==, POOL4_OK);
	g_assert_cmpint(pool4_remove(model.pool, model.id[1]), ==, POOL4_OK);
	g_assert_true(pool4_check(model.pool));
	pool4_free(model.pool);
	g_rand_free(model.rand);
}

static void test_refused_blocks(void)
{
	static const struct pool4_allocation allocation = {
		.mode = POOL4_BLOCKS, .block_size = 100, .client_length = 64};
	struct pool4 *pool = new_pool(&allocation, false);
	struct port_ranges few = {{{1001, 1198}}, 1}, more = {{{1000, 1300}}, 1};
	uint32_t id;

	g_assert_cmpint(add(pool, "192.0.2.1", "1001-1198", "", &id), ==, POOL4_BAD_BLOCKS);
	g_assert_cmpuint(pool4_n_entries(pool), ==, 0);
	g_assert_cmpint(add(pool, "192.0.2.1", "1001-1199", "", &id), ==, POOL4_OK);
	g_assert_cmpint(pool4_set_ports(pool, id, &few), ==, POOL4_BAD_BLOCKS);
	g_assert_cmpint(pool4_set_ports(pool, id, &more), ==, POOL4_OK);
	g_assert_cmpuint(pool4_entry(pool, id)->n_ports[PROTOCOL_TCP], ==, 301);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* The ports and addresses of an entry change under a block: what is there stays, what is gone is
 * not given out. */
static void test_changed_entry(void)
{
	static const struct pool4_allocation allocation = {
		.mode = POOL4_BLOCKS, .block_size = 8, .client_length = 64};
	const struct addr6 client = addr6_of("2001:db8::1");
	struct pool4 *pool = new_pool(&allocation, false);
	struct port_ranges half = {{{1000, 1003}, {1016, 1023}}, 2};
	struct addr4_range other = {0xc0000207, 0xc0000207};
	struct taddr4 first, taddr;
	uint32_t id, by;

	g_assert_cmpint(add(pool, "192.0.2.1", "1000-1007", "", &id), ==, POOL4_OK);
	g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 5000, &first, &by), ==, POOL4_OK);
	g_assert_cmpint(pool4_set_ports(pool, id, &half), ==, POOL4_OK);
	for (unsigned i = 0; i < (first.port > 1003 ? 4 : 3); i++) {
		g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by), ==, POOL4_OK);
		g_assert_cmpuint(taddr.port, <=, 1003);
	}
	/* The next block. */
	g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, >=, 1016);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_set_addresses(pool, id, &other, 1), ==, POOL4_OK);
	g_assert_cmpint(take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by), ==, POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, other.first);
	pool4_give_back(pool, PROTOCOL_UDP, &first, id);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Static bindings have all TCP ports of 19 blocks: the twentieth is found at once, and the others
 * when one of their ports is free again. */
static void test_static_blocks(void)
{
	const struct addr6 client = addr6_of("2001:db8::1"), other = addr6_of("2001:db8:0:1::1");
	struct pool4_allocation allocation = {POOL4_BLOCKS, 2, 64};
	struct pool4 *pool = new_pool(&allocation, true);
	struct taddr4 taddr = {0xc0000201, 0};
	uint32_t entry, id;

	g_assert_cmpint(add(pool, "192.0.2.1", "2000-2039", "::/0", &entry), ==, POOL4_OK);
	for (taddr.port = 2000; taddr.port < 2038; taddr.port++) {
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
		g_assert_true(pool4_check(pool));
	}
	g_assert_cmpint(take(pool, PROTOCOL_TCP, &client, 5000, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, >=, 2038);
	g_assert_cmpint(take(pool, PROTOCOL_TCP, &other, 5000, &taddr, &id), ==, POOL4_EXHAUSTED);
	taddr = (struct taddr4){0xc0000201, 2011};
	pool4_retire(pool, PROTOCOL_TCP, &taddr, entry, 0, 1000);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(take(pool, PROTOCOL_TCP, &other, 5000, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2011);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-mode/deterministic/ranges", test_ranges);
	g_test_add_func("/pool4-mode/deterministic/own-port", test_own_port);
	g_test_add_func("/pool4-mode/deterministic/nested-entry", test_nested_entry);
	g_test_add_func("/pool4-mode/deterministic/inside-of-a-range", test_inside_of_a_range);
	g_test_add_func("/pool4-mode/deterministic/refused-entries", test_refused_entries);
	g_test_add_func("/pool4-mode/blocks/against-model", test_blocks_against_model);
	g_test_add_func("/pool4-mode/blocks/refused", test_refused_blocks);
	g_test_add_func("/pool4-mode/blocks/changed-entry", test_changed_entry);
	g_test_add_func("/pool4-mode/blocks/static", test_static_blocks);
	return g_test_run();
}
