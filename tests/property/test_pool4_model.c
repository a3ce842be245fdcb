/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a small pool4, with overlapping scopes and shared addresses, against a model
 * that only scans arrays (pool4_model.c; P-1 to P-18, P-21, P-22). The seed is fixed, printed on
 * failure, and set by NAT64D_SEED.
 */
#include <glib.h>

#include "tests/property/pool4_admin.h"
#include "tests/property/pool4_model.h"
#include "tests/property/seed.h"

#define SEED    1
#define STEPS   30000
#define TICK_MS 256 /* no time is between two of them, so that the end of a hold is exact */

static const char *const clients[] = {"2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:2::1",
				      "2001:db8:3::1"};

static bool has_free(struct pool4_model *model, const struct model_entry *entry,
		     enum protocol protocol, unsigned addr, const struct port_class *class)
{
	return pool4_model_has_left(model, entry, protocol, addr, class, POOL4_FREE);
}

/* P-8, P-10: no better class was free at this address. */
static void check_class(struct pool4_model *model, const int turn[ENTRIES_MAX],
			const struct pool4_request *request, const struct taddr4 *taddr)
{
	unsigned addr = taddr->addr - FIRST_ADDR;
	struct port_class class[PORT_CLASSES_MAX];
	struct port_class same = {request->port6, request->port6, -1};
	unsigned n = port_classes(request->protocol, request->port6, model->policy.parity, class);

	for (unsigned i = 0; i < n; i++) {
		bool reached = port_class_contains(&class[i], taddr -> port);

		for (unsigned j = 0; j < ENTRIES_MAX; j++) {
			if (turn[j] < 0 || model->entry[j].state != POOL4_ACTIVE)
				continue;
			if (model->policy.preserve_port && taddr->port != request->port6)
				g_assert_false(has_free(model, &model->entry[j], request->protocol,
							addr, &same));
			if (!reached &&
			    !(model->policy.preserve_port && taddr->port == request->port6))
				g_assert_false(has_free(model, &model->entry[j], request->protocol,
							addr, &class[i]));
		}
		if (reached)
			return;
	}
	g_assert_not_reached();
}

/* P-14: a port that was held is given out only to its client, or as the last choice. */
static void check_held(struct pool4_model *model, const int turn[ENTRIES_MAX],
		       const struct pool4_request *request, unsigned client,
		       const struct taddr4 *taddr, struct model_entry *entry)
{
	enum protocol protocol = request->protocol;
	unsigned addr = taddr->addr - FIRST_ADDR;
	const struct model_hold *hold = &model->hold[protocol][addr][taddr->port - FIRST_PORT];
	bool bound = pool4_model_is_bound(model, turn, request);
	enum pool4_left left = POOL4_UNUSED;

	if (hold->client == client) {
		model->n_own++;
		if (model->policy.preserve_port && taddr->port == request->port6)
			return;
		g_assert_true(hold ==
			      pool4_model_oldest_at(model, turn, protocol, addr, (int)client));
		g_assert_cmpint(pool4_model_first_turn(model, turn, protocol, addr, POOL4_FREE), ==,
				4);
		if (taddr->addr == request->paired4)
			return;
	} else {
		model->n_reused++;
		entry->n_reused[protocol]++;
		g_assert_null(pool4_model_oldest_at(model, turn, protocol, addr, (int)client));
		g_assert_true(hold == pool4_model_oldest_at(model, turn, protocol, addr, -1));
	}
	if (bound) {
		g_assert_cmpuint(taddr->addr, ==, request->paired4);
		g_assert_cmpint(pool4_model_first_turn(model, turn, protocol, addr, POOL4_FREE), ==,
				4);
		return;
	}
	g_assert_cmpint(pool4_model_first_turn(model, turn, protocol, N_ADDRS, POOL4_FREE), ==, 4);
	if (request->paired4 != 0 &&
	    pool4_model_first_turn(model, turn, protocol, request->paired4 - FIRST_ADDR, left) < 4)
		g_assert_cmpuint(taddr->addr, ==, request->paired4);
	else
		g_assert_cmpint(pool4_model_first_turn(model, turn, protocol, addr, left), ==,
				pool4_model_first_turn(model, turn, protocol, N_ADDRS, left));
}

static void check_taken(struct pool4_model *model, const int turn[ENTRIES_MAX],
			const struct pool4_request *request, unsigned client,
			const struct taddr4 *taddr, uint32_t id)
{
	unsigned addr = taddr->addr - FIRST_ADDR;
	struct model_entry *entry = pool4_model_entry_by_id(model, id);

	g_assert_nonnull(entry);
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	g_assert_cmpint(turn[entry - model->entry], >=, 0);
	g_assert_true(entry->addr[addr] && entry->port[taddr->port - FIRST_PORT]);
	if (model->hold[request->protocol][addr][taddr->port - FIRST_PORT].is_held) {
		check_held(model, turn, request, client, taddr, entry);
		return;
	}
	check_class(model, turn, request, taddr);
	if (request->paired4 != 0 &&
	    pool4_model_first_turn(model, turn, request->protocol, request->paired4 - FIRST_ADDR,
				   POOL4_FREE) < 4)
		g_assert_cmpuint(taddr->addr, ==, request->paired4); /* P-2 */
	else /* the address is one of the first scope that has any left */
		g_assert_cmpint(
			pool4_model_first_turn(model, turn, request->protocol, addr, POOL4_FREE),
			==,
			pool4_model_first_turn(model, turn, request->protocol, N_ADDRS,
					       POOL4_FREE));
}

static void step_take(struct pool4_model *model)
{
	struct pool4_request request = {
		.protocol = (enum protocol)pool4_model_below(model, N_PROTOCOLS),
		.pool6 = pool4_model_below(model, 2),
		.port6 = (uint16_t)(FIRST_PORT + pool4_model_below(model, N_PORTS)),
	};
	unsigned client_number = (unsigned)pool4_model_below(model, POOL4_MODEL_CLIENTS);
	int turn[ENTRIES_MAX];
	enum pool4_result result;
	struct addr6 client;
	struct taddr4 taddr;
	bool served = false;
	uint32_t id;

	g_assert_true(
		addr6_parse(clients[pool4_model_below(model, G_N_ELEMENTS(clients))], &client));
	request.client = &client;
	request.client_hash = pool4_model_client_hash(client_number);
	if (g_rand_boolean(model->rand))
		request.paired4 = FIRST_ADDR + (uint32_t)pool4_model_below(model, N_ADDRS);
	pool4_model_turns(model, &request, turn);
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		served |= turn[i] >= 0;

	result = pool4_take(model->pool, &request, &taddr, &id);
	if (result == POOL4_OK) {
		check_taken(model, turn, &request, client_number, &taddr, id);
		if (pool4_model_is_bound(model, turn, &request))
			g_assert_cmpuint(taddr.addr, ==, request.paired4);
		pool4_model_use(model, request.protocol, &taddr, id);
		model->n_ok++;
	} else if (result == POOL4_NO_ENTRY) {
		g_assert_false(served);
		model->n_no_entry++;
	} else {
		g_assert_cmpint(result, ==, POOL4_EXHAUSTED);
		g_assert_true(served);
		g_assert_cmpint(pool4_model_first_turn(model, turn, request.protocol,
						       pool4_model_is_bound(model, turn, &request)
							       ? request.paired4 - FIRST_ADDR
							       : N_ADDRS,
						       POOL4_UNUSED),
				==, 4);
		model->n_exhausted++;
	}
}

static void step_take_exactly(struct pool4_model *model)
{
	enum protocol protocol = (enum protocol)pool4_model_below(model, N_PROTOCOLS);
	unsigned addr = (unsigned)pool4_model_below(model, N_ADDRS),
		 port = (unsigned)pool4_model_below(model, N_PORTS);
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	uint32_t id = 0, oldest = 0;
	enum pool4_result result;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct model_entry *entry = &model->entry[i];

		if (entry->id != 0 && entry->state != POOL4_DISABLED && entry->protocol[protocol] &&
		    entry->addr[addr] && entry->port[port] && (oldest == 0 || entry->id < oldest))
			oldest = entry->id;
	}
	g_assert_true(pool4_find(model->pool, protocol, taddr.addr, taddr.port) ==
		      pool4_entry(model->pool, oldest));
	result = pool4_take_exactly(model->pool, protocol, &taddr, &id);
	if (model->used[protocol][addr][port]) {
		g_assert_cmpint(result, ==, POOL4_TAKEN);
		return;
	}
	g_assert_cmpint(result, ==, POOL4_OK);
	g_assert_cmpuint(id, ==, oldest);
	pool4_model_use(model, protocol, &taddr, id);
}

/* P-16 */
static void step_hold(struct pool4_model *model)
{
	enum protocol protocol = (enum protocol)pool4_model_below(model, N_PROTOCOLS);
	unsigned addr = (unsigned)pool4_model_below(model, N_ADDRS),
		 port = (unsigned)pool4_model_below(model, N_PORTS);
	unsigned client = (unsigned)pool4_model_below(model, POOL4_MODEL_CLIENTS);
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	const struct pool4_entry *entry = pool4_find(model->pool, protocol, taddr.addr, taddr.port);
	enum pool4_hold_kind kind =
		(enum pool4_hold_kind)pool4_model_below(model, N_POOL4_HOLD_KINDS);
	bool held = false;

	if (entry && !model->used[protocol][addr][port] &&
	    !model->hold[protocol][addr][port].is_held)
		held = pool4_model_hold_port(model, protocol, addr, port, entry->id, kind, client);
	g_assert_true(pool4_hold_port(model->pool, protocol, &taddr, kind,
				      pool4_model_client_hash(client), model->now_ms) == held);
}

/* K-8 */
static void step_clock(struct pool4_model *model)
{
	unsigned budget = 10000;

	model->now_ms += (uint64_t)pool4_model_below(model, 20) * TICK_MS;
	pool4_expire(model->pool, model->now_ms, &budget);
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[0][0][0] + i;
		enum protocol protocol = i / (N_ADDRS * N_PORTS);

		if (hold->is_held &&
		    hold->since_ms + pool4_model_hold_ms(model, protocol, hold->kind) <=
			    model->now_ms) {
			hold->is_held = false;
			model->n_expired++;
		}
	}
}

static void give_back_all(struct pool4_model *model)
{
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++)
		pool4_model_give_back(model, i % N_PROTOCOLS, i / N_PROTOCOLS % N_ADDRS,
				      i / N_PROTOCOLS / N_ADDRS);
}

static void step(struct pool4_model *model)
{
	int what = pool4_model_below(model, 100);

	if (what < 45)
		step_take(model);
	else if (what < 48)
		step_take_exactly(model);
	else if (what < 50)
		step_hold(model);
	else if (what < 83)
		pool4_model_give_back(model, (enum protocol)pool4_model_below(model, N_PROTOCOLS),
				      (unsigned)pool4_model_below(model, N_ADDRS),
				      (unsigned)pool4_model_below(model, N_PORTS));
	else if (what < 85)
		step_clock(model);
	else if (what < 90)
		pool4_admin_add(model);
	else if (what < 92)
		pool4_admin_remove(model);
	else if (what < 93)
		pool4_admin_force_remove(model);
	else if (what < 97)
		pool4_admin_set_state(model);
	else if (what < 98)
		pool4_admin_set_ports(model);
	else if (what < 99)
		pool4_admin_set_addresses(model);
	else if (pool4_model_below(model, 10) == 0)
		give_back_all(model);
}

static void check_counts(struct pool4_model *model)
{
	struct model_hold *oldest;

	g_assert_true(pool4_check(model->pool));
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct pool4_entry *entry;

		if (model->entry[i].id == 0)
			continue;
		entry = pool4_entry(model->pool, model->entry[i].id);
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			g_assert_cmpuint(entry->n_used[j], ==, model->entry[i].n_used[j]);
			g_assert_cmpuint(entry->n_reused[j], ==, model->entry[i].n_reused[j]);
			g_assert_cmpuint(entry->n_held[j], ==,
					 pool4_model_count_held(model, j, entry->id, &oldest));
		}
	}
}

static void test_random_operations(void)
{
	static const struct siphash_key key = {{5, 6}};
	static const uint8_t random_seed[RANDOM_SEED_SIZE] = {7};
	struct pool4_model model = {.rand = g_rand_new_with_seed(seed_of_run(SEED))};

	model.pool = pool4_new(&key, random_seed);
	pool4_set_held_limit(model.pool, HELD_LIMIT);
	for (unsigned i = 0; i < STEPS; i++) {
		if (i % 1000 == 0) {
			model.policy = (struct pool4_policy){
				.parity = g_rand_boolean(model.rand),
				.preserve_port = pool4_model_below(&model, 4) == 0,
				.strict_pairing = pool4_model_below(&model, 3) == 0,
				.hold_ms = (uint32_t)pool4_model_below(&model, 400) * TICK_MS,
				.hold_tcp_ms =
					(uint32_t)pool4_model_below(&model, 3) * 100 * TICK_MS,
				.max_held = {(uint32_t)pool4_model_below(&model, 40), false},
			};
			pool4_set_policy(model.pool, &model.policy);
			step_clock(&model);
		}
		step(&model);
		check_counts(&model);
	}
	/* The run has met everything it is for. */
	g_assert_cmpuint(model.n_ok, >, STEPS / 20);
	g_assert_cmpuint(model.n_exhausted, >, STEPS / 200);
	g_assert_cmpuint(model.n_no_entry, >, 10);
	g_assert_cmpuint(model.n_overlap, >, 10);
	g_assert_cmpuint(model.n_added, >, 50);
	g_assert_cmpuint(model.n_forced, >, 20);
	g_assert_cmpuint(model.n_cut, >, 50);
	g_assert_cmpuint(model.n_own, >, 50);
	g_assert_cmpuint(model.n_reused, >, 500);
	g_assert_cmpuint(model.n_expired, >, 500);
	g_assert_cmpuint(model.n_pushed_out, >, 500);

	give_back_all(&model);
	check_counts(&model);
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (model.entry[i].id != 0)
			g_assert_cmpint(pool4_remove(model.pool, model.entry[i].id), ==, POOL4_OK);
	}
	g_assert_cmpuint(pool4_n_entries(model.pool), ==, 0);
	g_assert_true(pool4_check(model.pool));
	pool4_free(model.pool);
	g_rand_free(model.rand);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* On stderr, so that a failed assertion leaves it behind. */
	g_printerr("# NAT64D_SEED=%u\n", seed_of_run(SEED));
	g_test_add_func("/pool4-model/random-operations", test_random_operations);
	return g_test_run();
}
