/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each client has blocks of ports: P-19. */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/pool4_internal.h"
#include "tests/mode_fixture.h"

#define SEED 25

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
	struct addr6 addr = mode_fixture_addr6(client < 6 ? "2001:db8:1::" : "2001:db8:2::");

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
	enum pool4_result result = mode_fixture_take(
		model->pool, protocol, &addr, (uint16_t)g_rand_int(model->rand), &taddr, &id);

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

	model.pool = mode_fixture_new(&allocation, true);
	g_assert_cmpint(
		mode_fixture_add(model.pool, "192.0.2.1-192.0.2.2", "995-1050", "", &model.id[0]),
		==, POOL4_OK);
	g_assert_cmpint(mode_fixture_add(model.pool, "192.0.2.1-192.0.2.2", "1000-1047",
					 "2001:db8:2::/48", &model.id[1]),
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
	struct pool4 *pool = mode_fixture_new(&allocation, false);
	struct port_ranges few = {{{1001, 1198}}, 1}, more = {{{1000, 1300}}, 1};
	uint32_t id;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1001-1198", "", &id), ==,
			POOL4_BAD_BLOCKS);
	g_assert_cmpuint(pool4_n_entries(pool), ==, 0);
	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1001-1199", "", &id), ==, POOL4_OK);
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
	const struct addr6 client = mode_fixture_addr6("2001:db8::1");
	struct pool4 *pool = mode_fixture_new(&allocation, false);
	struct port_ranges half = {{{1000, 1003}, {1016, 1023}}, 2};
	struct addr4_range other = {0xc0000207, 0xc0000207};
	struct taddr4 first, taddr;
	uint32_t id, by;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "1000-1007", "", &id), ==, POOL4_OK);
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 5000, &first, &by), ==,
			POOL4_OK);
	g_assert_cmpint(pool4_set_ports(pool, id, &half), ==, POOL4_OK);
	for (unsigned i = 0; i < (first.port > 1003 ? 4 : 3); i++) {
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by),
				==, POOL4_OK);
		g_assert_cmpuint(taddr.port, <=, 1003);
	}
	/* The next block. */
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, >=, 1016);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(pool4_set_addresses(pool, id, &other, 1), ==, POOL4_OK);
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_UDP, &client, 5000, &taddr, &by), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.addr, ==, other.first);
	pool4_give_back(pool, PROTOCOL_UDP, &first, id);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Static bindings were there first, outside of any entry: what comes then, by whatever way, has
 * just the one block that they left. So it is whether an entry's addresses are few or many beside
 * those that have ports in use. */
static void test_static_blocks_first(gconstpointer n_elsewhere)
{
	const struct addr6 client = mode_fixture_addr6("2001:db8::1");
	struct pool4_allocation allocation = {POOL4_BLOCKS, 2, 64};
	struct pool4 *pool = mode_fixture_new(&allocation, true);
	struct addr4_range here = {0xc0000201, 0xc0000201};
	struct taddr4 taddr = {0xc0000201, 0};
	uint32_t entry, other, id;

	for (taddr.port = 2000; taddr.port < 2038; taddr.port++)
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
	for (unsigned i = 0; i < GPOINTER_TO_UINT(n_elsewhere); i++) {
		taddr = (struct taddr4){0xc6336401 + i, 2000};
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_UDP, &taddr, &id), ==, POOL4_OK);
	}
	for (unsigned way = 0; way < 3; way++) {
		g_assert_cmpint(mode_fixture_add(pool, way == 1 ? "192.0.2.2" : "192.0.2.1",
						 way == 0 ? "2000-2039" : "2038-2041", "::/0",
						 &entry),
				==, POOL4_OK);
		if (way == 1)
			g_assert_cmpint(pool4_set_addresses(pool, entry, &here, 1), ==, POOL4_OK);
		if (way > 0)
			g_assert_cmpint(pool4_set_ports(pool, entry,
							&(struct port_ranges){{{2000, 2039}}, 1}),
					==, POOL4_OK);
		g_assert_true(pool4_check(pool));
		g_assert_cmpuint(pool->blocks->blocks.n_used, ==, 19);
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, 5000, &taddr, &id),
				==, POOL4_OK);
		g_assert_cmpuint(taddr.port, >=, 2038);
		pool4_give_back(pool, PROTOCOL_TCP, &taddr, id);
		if (way < 2)
			g_assert_cmpint(pool4_remove(pool, entry), ==, POOL4_OK);
	}
	/* A younger entry for others has the same blocks, and they are closed for it, too. */
	g_assert_cmpint(
		mode_fixture_add(pool, "192.0.2.0/30", "2000-2039", "2001:db8::/32", &other), ==,
		POOL4_OK);
	g_assert_cmpint(pool4_remove(pool, entry), ==, POOL4_OK);
	g_assert_cmpuint(pool->blocks->blocks.n_used, ==, 19);
	g_assert_true(pool4_check(pool));
	/* A port that goes opens its block. */
	taddr = (struct taddr4){0xc0000201, 2000};
	pool4_give_back(pool, PROTOCOL_TCP, &taddr, 0);
	g_assert_cmpuint(pool->blocks->blocks.n_used, ==, 18);
	/* While an entry is off its blocks are nobody's. */
	pool4_set_state(pool, other, POOL4_DISABLED);
	g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
	g_assert_cmpuint(pool->blocks->blocks.n_used, ==, 18);
	pool4_set_state(pool, other, POOL4_ACTIVE);
	g_assert_cmpuint(pool->blocks->blocks.n_used, ==, 19);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* Static bindings have all TCP ports of 19 blocks: the twentieth is found at once, and the others
 * when one of their ports is free again. */
static void test_static_blocks(void)
{
	const struct addr6 client = mode_fixture_addr6("2001:db8::1"),
			   other = mode_fixture_addr6("2001:db8:0:1::1");
	struct pool4_allocation allocation = {POOL4_BLOCKS, 2, 64};
	struct pool4 *pool = mode_fixture_new(&allocation, true);
	struct taddr4 taddr = {0xc0000201, 0};
	uint32_t entry, id;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "2000-2039", "::/0", &entry), ==,
			POOL4_OK);
	for (taddr.port = 2000; taddr.port < 2038; taddr.port++) {
		g_assert_cmpint(pool4_take_exactly(pool, PROTOCOL_TCP, &taddr, &id), ==, POOL4_OK);
		g_assert_true(pool4_check(pool));
	}
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, 5000, &taddr, &id), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, >=, 2038);
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &other, 5000, &taddr, &id), ==,
			POOL4_EXHAUSTED);
	taddr = (struct taddr4){0xc0000201, 2011};
	pool4_retire(pool, PROTOCOL_TCP, &taddr, entry, 0, 1000);
	g_assert_true(pool4_check(pool));
	g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &other, 5000, &taddr, &id), ==,
			POOL4_OK);
	g_assert_cmpuint(taddr.port, ==, 2011);
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-16: a block of which a port was lost is nobody else's while there is another one. */
static void test_lost_blocks(void)
{
	static const struct pool4_allocation allocation = {
		.mode = POOL4_BLOCKS, .block_size = SIZE, .client_length = 64};
	struct addr6 client = mode_fixture_addr6("2001:db8:1::1");
	struct pool4 *pool = mode_fixture_new(&allocation, true);
	const struct taddr4 lost = {0xc0000201, 2003};
	uint32_t entry, id;

	g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "2000-2031", "::/0", &entry), ==,
			POOL4_OK);
	g_assert_true(pool4_hold_port(pool, PROTOCOL_TCP, &lost, POOL4_HOLD_LOST, 0, 1000));
	g_assert_false(pool4_hold_port(pool, PROTOCOL_UDP, &lost, POOL4_HOLD_LOST, 0, 1000));
	g_assert_true(pool4_check(pool));
	for (uint8_t i = 0; i < 3; i++) {
		struct taddr4 taddr;

		client.byte[7] = i;
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, 5000, &taddr, &id),
				==, POOL4_OK);
		g_assert_cmpuint(taddr.port, >=, 2008);
		/* Of a block that somebody has there is nothing to hold. */
		taddr.port ^= 1;
		g_assert_false(
			pool4_hold_port(pool, PROTOCOL_TCP, &taddr, POOL4_HOLD_LOST, 0, 1000));
	}
	g_assert_true(pool4_check(pool));
	pool4_free(pool);
}

/* P-14: a block that its client has left is the last choice of others; one of which nothing was
 * used after all is not. */
static void test_left_blocks(void)
{
	static const struct pool4_allocation allocation = {
		.mode = POOL4_BLOCKS, .block_size = SIZE, .client_length = 64};

	for (unsigned was_used = 0; was_used < 2; was_used++) {
		struct addr6 client = mode_fixture_addr6("2001:db8:1::1");
		struct pool4 *pool = mode_fixture_new(&allocation, true);
		const struct pool4_entry *blocks;
		struct taddr4 left, taddr;
		uint32_t entry, id;

		g_assert_cmpint(mode_fixture_add(pool, "192.0.2.1", "2000-2031", "::/0", &entry),
				==, POOL4_OK);
		blocks = pool4_entry(pool->blocks->free, entry);
		g_assert_cmpint(mode_fixture_take(pool, PROTOCOL_TCP, &client, 5000, &left, &id),
				==, POOL4_OK);
		if (was_used)
			pool4_retire(pool, PROTOCOL_TCP, &left, id, 7, 1000);
		else
			pool4_give_back(pool, PROTOCOL_TCP, &left, id);
		g_assert_true(pool4_check(pool));
		g_assert_cmpuint(pool4_n_held(pool->blocks->free), ==, was_used);
		if (was_used)
			g_assert_cmpuint(pool4_next_deadline(pool), <, 200000);
		else
			g_assert_cmpuint(pool4_next_deadline(pool), ==, UINT64_MAX);
		for (uint8_t i = 1; i <= 4; i++) {
			client.byte[7] = i;
			g_assert_cmpint(
				mode_fixture_take(pool, PROTOCOL_TCP, &client, 5000, &taddr, &id),
				==, POOL4_OK);
			if (was_used)
				g_assert_true((taddr.port / SIZE == left.port / SIZE) == (i == 4));
		}
		g_assert_cmpuint(blocks->n_reused[PROTOCOL_ICMP], ==, was_used);
		pool4_free(pool);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-block/against-model", test_blocks_against_model);
	g_test_add_func("/pool4-block/refused", test_refused_blocks);
	g_test_add_func("/pool4-block/changed-entry", test_changed_entry);
	g_test_add_func("/pool4-block/static", test_static_blocks);
	g_test_add_data_func("/pool4-block/static-first", GUINT_TO_POINTER(0),
			     test_static_blocks_first);
	g_test_add_data_func("/pool4-block/static-first-among-many", GUINT_TO_POINTER(20),
			     test_static_blocks_first);
	g_test_add_func("/pool4-block/left", test_left_blocks);
	g_test_add_func("/pool4-block/lost", test_lost_blocks);
	return g_test_run();
}
