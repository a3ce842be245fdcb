/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write-behind against a naive model: random packets, ends, pauses, flushes in slices of which some
 * fail. Whenever a flush has come through without anything in between, what was kept is what there
 * is (O-13); between flushes no session outlives what is kept of it (K-13); and a second gateway
 * that gets all of it back is the same as the first one (O-12).
 */
#include <glib.h>

#include "daemon/core/persist.h"
#include "tests/gateway_fixture.h"
#include "tests/property/seed.h"

#define DEFAULT_SEED 20110604
#define N_RUNS       3
#define N_STEPS      6000
#define N_PLACES     2048
#define SLICE        7

struct world {
	GRand *random;
	struct gateway_fixture *gateway;
	uint64_t now_ms;
	struct persist_row kept[N_PERSIST_KINDS][N_PROTOCOLS][N_PLACES];
	uint64_t n_written;
};

static uint32_t below(struct world *w, uint32_t bound)
{
	return (uint32_t)g_rand_int_range(w->random, 0, (int32_t)bound);
}

static struct gateway_fixture *new_gateway(void)
{
	const struct nat64_limits limits = {
		.bindings = 60, .sessions = 150, .stored_syns = 16, .fragment_memory = 1 << 20};
	struct gateway_fixture *gateway =
		gateway_new("203.0.113.1-203.0.113.2", "1024-1087", &limits);

	g_assert_true(persist_begin(gateway->nat));
	return gateway;
}

static void send_one(struct world *w)
{
	struct taddr6 client = taddr6_of("[2001:db8:1::]:0");
	struct taddr4 server = taddr4_of("198.51.100.0:0");

	client.addr.byte[15] = (uint8_t)below(w, 12);
	client.port = (uint16_t)(1024 + below(w, 8));
	server.addr += 1 + below(w, 4);
	server.port = below(w, 4) ? (uint16_t)(1024 + below(w, 3)) : 53;
	(void)gateway_udp6(w->gateway, &client, &server, w->now_ms);
}

static void end_one(struct world *w)
{
	struct bib *bib = &w->gateway->nat->bib[PROTOCOL_UDP];
	uint32_t index = bib_next(bib, below(w, 60));

	if (index != SLAB_NONE)
		nat64_remove_binding(w->gateway->nat, PROTOCOL_UDP, index, w->now_ms);
}

static void change_one(struct world *w)
{
	struct session_table *table = &w->gateway->nat->sessions[PROTOCOL_UDP];
	uint32_t index = session_next(table, below(w, 150));

	if (index == SLAB_NONE)
		return;
	if (below(w, 2))
		session_set_pool6(table, index, 0);
	else
		session_touch(table, index, w->now_ms + 1000 + below(w, 400000));
}

static void pass_time(struct world *w)
{
	w->now_ms += below(w, 10) ? below(w, 2000) : below(w, 200000);
	while (!nat64_expire(w->gateway->nat, w->now_ms, 1 + below(w, 100), &w->gateway->out))
		out_clear(&w->gateway->out);
}

static void keep(struct world *w, const struct persist_row *row, unsigned n, bool works)
{
	for (unsigned i = 0; i < n; i++) {
		g_assert_cmpuint(row[i].index, <, N_PLACES);
		if (works)
			w->kept[row[i].kind][row[i].protocol][row[i].index] = row[i];
		else
			persist_take_back(w->gateway->nat, row[i].kind, row[i].protocol,
					  row[i].index);
	}
	w->n_written += works ? n : 0;
}

/* With traffic between the slices, or without. */
static void flush(struct world *w, bool busy)
{
	struct persist_cursor cursor = {0};
	struct persist_row row[SLICE];
	unsigned n;

	do {
		n = persist_take(w->gateway->nat, &cursor, row, SLICE, w->now_ms);
		keep(w, row, n, !busy || below(w, 3) > 0);
		if (busy)
			send_one(w);
	} while (n == SLICE);
}

static bool same_binding(const struct persist_row *row, const struct bib_entry *entry)
{
	const struct persist_binding *kept = &row->binding;

	return row->exists && addr6_equal(&kept->addr6, &entry->addr6) &&
	       kept->port6 == entry->port6 && kept->mapped.addr == entry->addr4 &&
	       kept->mapped.port == entry->port4 && kept->number == entry->number &&
	       kept->pool6 == entry->pool6 && kept->is_static == entry->is_static &&
	       kept->created_s == entry->created_s;
}

static bool same_session(const struct nat64 *nat, const struct persist_row *row,
			 const struct session *session)
{
	const struct persist_session *kept = &row->session;

	return row->exists && kept->binding == session->bib &&
	       kept->number == bib_at(&nat->bib[row->protocol], session->bib)->number &&
	       kept->peer.addr == session->addr4 && kept->peer.port == session->port4 &&
	       kept->state == session->state && kept->pool6 == session->pool6;
}

static void compare(struct world *w)
{
	const struct nat64 *nat = w->gateway->nat;
	const struct bib *bib = &nat->bib[PROTOCOL_UDP];
	const struct session_table *table = &nat->sessions[PROTOCOL_UDP];

	g_assert_cmpuint(persist_n_changed(nat), ==, 0);
	for (uint32_t i = 0; i < N_PLACES; i++) {
		const struct persist_row *row = &w->kept[PERSIST_BINDING][PROTOCOL_UDP][i];

		g_assert_true(slab_is_used(&bib->entries, i) ? same_binding(row, bib_at(bib, i))
							     : !row->exists);
		row = &w->kept[PERSIST_SESSION][PROTOCOL_UDP][i];
		g_assert_true(slab_is_used(&table->sessions, i)
				      ? same_session(nat, row, session_at(table, i))
				      : !row->exists);
	}
}

/* What is not marked is kept with a bound that holds. */
static void compare_bounds(struct world *w)
{
	const struct session_table *table = &w->gateway->nat->sessions[PROTOCOL_UDP];

	for (uint32_t i = session_next(table, 0); i != SLAB_NONE; i = session_next(table, i + 1)) {
		const struct persist_row *row = &w->kept[PERSIST_SESSION][PROTOCOL_UDP][i];

		if (dirty_next(&table->dirty, i) == i)
			continue;
		g_assert_true(row->exists);
		g_assert_cmpuint(row->session.until_s * UINT64_C(1000), >=,
				 session_at(table, i)->expires_ms);
	}
}

/* How many were over, though not removed yet. */
static uint32_t restore_kind(struct world *w, struct gateway_fixture *to, enum persist_kind kind)
{
	uint32_t n_over = 0;

	for (uint32_t i = 0; i < N_PLACES; i++) {
		const struct persist_row *row = &w->kept[kind][PROTOCOL_UDP][i];

		if (!row->exists)
			continue;
		enum persist_result result = persist_restore(to->nat, row, w->now_ms);
		if (result == PERSIST_OVER)
			n_over++;
		else
			g_assert_cmpint(result, ==, PERSIST_OK);
	}
	return n_over;
}

static void restore(struct world *w)
{
	struct gateway_fixture *to = new_gateway();
	struct gateway_fixture *from = w->gateway;

	g_assert_cmpuint(restore_kind(w, to, PERSIST_BINDING), ==, 0);
	uint32_t n_over = restore_kind(w, to, PERSIST_SESSION);
	persist_restored(to->nat, true, w->now_ms);
	g_assert_true(nat64_check(to->nat));
	g_assert_cmpuint(nat64_n_sessions(to->nat) + n_over, ==, nat64_n_sessions(from->nat));
	w->gateway = to;
	flush(w, false);
	compare(w);
	gateway_free(from);
}

static void step(struct world *w)
{
	uint32_t what = below(w, 200);

	if (what < 120)
		send_one(w);
	else if (what < 135)
		end_one(w);
	else if (what < 150)
		change_one(w);
	else if (what < 180)
		pass_time(w);
	else if (what < 195)
		flush(w, true);
	else {
		flush(w, false);
		compare(w);
		if (what == 199)
			restore(w);
	}
}

static void test_model(void)
{
	for (unsigned run = 0; run < N_RUNS; run++) {
		struct world *w = g_new0(struct world, 1);
		uint32_t seed = seed_of_run(DEFAULT_SEED + run);

		g_test_message("NAT64D_SEED=%u plays this", seed);
		w->random = g_rand_new_with_seed(seed);
		w->gateway = new_gateway();
		w->now_ms = FIXTURE_START_MS;
		for (unsigned i = 0; i < N_STEPS; i++) {
			step(w);
			if (i % 10 == 0) {
				compare_bounds(w);
				g_assert_true(nat64_check(w->gateway->nat));
			}
		}
		g_assert_cmpuint(w->n_written, >, 1000);
		gateway_free(w->gateway);
		g_rand_free(w->random);
		g_free(w);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/persist/model", test_model);
	return g_test_run();
}
