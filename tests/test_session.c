/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions: look-ups, the binding's list, lazy expiry (K-13), bounds and memory. */
#include <glib.h>

#include "daemon/core/session.h"

#define START_MS UINT64_C(1000000)

static const struct siphash_key key = {{3, 4}};

struct fixture {
	struct bib bib;
	struct session_table table;
};

static void set_up(struct fixture *f, uint32_t limit)
{
	bib_init(&f->bib, &key, limit);
	session_table_init(&f->table, &f->bib, &key, limit, START_MS);
}

static void tear_down(struct fixture *f)
{
	session_table_deinit(&f->table);
	bib_deinit(&f->bib);
}

static void check(const struct fixture *f)
{
	g_assert_true(bib_check(&f->bib));
	g_assert_true(session_table_check(&f->table));
}

static uint32_t bind(struct fixture *f, uint32_t number)
{
	struct taddr6 taddr6 = {.port = (uint16_t)number};
	struct taddr4 taddr4 = {0xcb007100 + (number >> 16), (uint16_t)number};

	g_assert_true(addr6_parse("2001:db8::", &taddr6.addr));
	memcpy(&taddr6.addr.byte[12], &number, sizeof(number));
	return bib_add(&f->bib, &taddr6, &taddr4);
}

static uint32_t open_session(struct fixture *f, uint32_t bib, uint32_t addr4, uint16_t port4,
			     uint64_t expires_ms)
{
	struct taddr4 peer = {addr4, port4};

	return session_add(&f->table, bib, &peer, 0, 0, expires_ms);
}

static uint32_t find(const struct fixture *f, uint32_t bib, uint32_t addr4, uint16_t port4)
{
	struct taddr4 peer = {addr4, port4};

	return session_find(&f->table, bib, &peer);
}

static void test_find(void)
{
	struct taddr4 peer = {0xc0000201, 80};
	struct session *session;
	struct fixture f;
	uint32_t first;
	uint32_t second;
	uint32_t index;

	set_up(&f, 10);
	first = bind(&f, 1);
	second = bind(&f, 2);
	g_assert_cmpuint(session_find(&f.table, first, &peer), ==, SLAB_NONE);
	index = session_add(&f.table, first, &peer, 3, 5, START_MS + 7);
	session = session_at(&f.table, index);
	g_assert_cmpuint(session->pool6, ==, 3);
	g_assert_cmpuint(session->state, ==, 5);
	g_assert_cmpuint(session->expires_ms, ==, START_MS + 7);

	g_assert_cmpuint(find(&f, first, 0xc0000201, 80), ==, index);
	g_assert_cmpuint(find(&f, first, 0xc0000201, 81), ==, SLAB_NONE);
	g_assert_cmpuint(find(&f, first, 0xc0000202, 80), ==, SLAB_NONE);
	g_assert_cmpuint(find(&f, second, 0xc0000201, 80), ==, SLAB_NONE);
	g_assert_cmpuint(bib_at(&f.bib, first)->n_sessions, ==, 1);
	g_assert_cmpuint(bib_at(&f.bib, second)->n_sessions, ==, 0);
	check(&f);

	session_remove(&f.table, index);
	g_assert_cmpuint(find(&f, first, 0xc0000201, 80), ==, SLAB_NONE);
	g_assert_cmpuint(bib_at(&f.bib, first)->n_sessions, ==, 0);
	check(&f);
	bib_remove(&f.bib, first);
	tear_down(&f);
	session_table_deinit(NULL);
}

/* S-16: the address counts, whichever of its sessions come and go. */
static void test_exists_with(void)
{
	/* Bits: sessions with ports 0, 1, 2 in the order of removal. */
	static const uint16_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
	struct fixture f;
	uint32_t bib;
	uint32_t other;

	set_up(&f, 100);
	bib = bind(&f, 1);
	other = bind(&f, 2);
	for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
		(void)open_session(&f, bib, 8, 53, START_MS);
		for (uint16_t port = 0; port < 3; port++)
			(void)open_session(&f, bib, 7, port, START_MS);
		(void)open_session(&f, bib, 6, 53, START_MS);
		for (unsigned j = 0; j < 3; j++) {
			g_assert_true(session_exists_with(&f.table, bib, 7));
			g_assert_false(session_exists_with(&f.table, other, 7));
			check(&f);
			session_remove(&f.table, find(&f, bib, 7, orders[i][j]));
		}
		g_assert_false(session_exists_with(&f.table, bib, 7));
		g_assert_true(session_exists_with(&f.table, bib, 6));
		g_assert_true(session_exists_with(&f.table, bib, 8));
		session_remove(&f.table, find(&f, bib, 6, 53));
		session_remove(&f.table, find(&f, bib, 8, 53));
		check(&f);
	}
	tear_down(&f);
}

/* The binding's list holds each of its sessions once. */
static void test_list_of_binding(void)
{
	struct fixture f;
	bool seen[50] = {false};
	uint32_t bib;
	uint32_t n = 0;

	set_up(&f, 1000);
	(void)bind(&f, 1);
	bib = bind(&f, 2);
	for (uint16_t port = 0; port < 50; port++) {
		(void)open_session(&f, 0, 1 + port % 7, port, START_MS);
		(void)open_session(&f, bib, 1 + port % 5, port, START_MS);
	}
	for (uint32_t i = bib_at(&f.bib, bib)->first_session; i != SLAB_NONE;
	     i = session_at(&f.table, i)->bib_next) {
		g_assert_cmpuint(session_at(&f.table, i)->bib, ==, bib);
		g_assert_false(seen[session_at(&f.table, i)->port4]);
		seen[session_at(&f.table, i)->port4] = true;
		n++;
	}
	g_assert_cmpuint(n, ==, 50);
	g_assert_cmpuint(bib_at(&f.bib, bib)->n_sessions, ==, 50);
	check(&f);
	tear_down(&f);
}

/* */
static void test_limit(void)
{
	struct fixture f;
	uint32_t bib;

	set_up(&f, 20);
	bib = bind(&f, 1);
	for (uint16_t port = 0; port < 20; port++)
		g_assert_cmpuint(open_session(&f, bib, 1, port, START_MS), !=, SLAB_NONE);
	g_assert_cmpuint(open_session(&f, bib, 1, 20, START_MS), ==, SLAB_NONE);
	g_assert_cmpuint(bib_at(&f.bib, bib)->n_sessions, ==, 20);
	check(&f);
	session_remove(&f.table, find(&f, bib, 1, 7));
	g_assert_cmpuint(open_session(&f, bib, 1, 20, START_MS), !=, SLAB_NONE);
	tear_down(&f);
}

static uint32_t take(struct fixture *f, uint64_t now_ms)
{
	unsigned budget = 100;

	return session_take_expired(&f->table, now_ms, &budget);
}

/* K-13: not before its time, at most 2 s later; a later packet prolongs, an RST shortens. */
static void test_expiry(void)
{
	struct fixture f;
	uint32_t bib;
	uint32_t a;
	uint32_t b;

	set_up(&f, 10);
	bib = bind(&f, 1);
	a = open_session(&f, bib, 1, 1, START_MS + 300000);
	b = open_session(&f, bib, 1, 2, START_MS + 7200000);
	g_assert_cmpuint(session_next_deadline(&f.table), <=, START_MS + 302000);
	g_assert_cmpuint(take(&f, START_MS + 299999), ==, SLAB_NONE);
	session_touch(&f.table, a, START_MS + 500000);
	g_assert_cmpuint(take(&f, START_MS + 499999), ==, SLAB_NONE);
	g_assert_cmpuint(take(&f, START_MS + 502000), ==, a);
	g_assert_cmpuint(find(&f, bib, 1, 1), ==, a);
	g_assert_cmpuint(take(&f, START_MS + 502000), ==, SLAB_NONE);
	check(&f);
	session_remove(&f.table, a);

	session_set_state(&f.table, b, 6, START_MS + 600000);
	g_assert_cmpuint(session_at(&f.table, b)->state, ==, 6);
	g_assert_cmpuint(session_next_deadline(&f.table), <=, START_MS + 602000);
	g_assert_cmpuint(take(&f, START_MS + 599999), ==, SLAB_NONE);
	g_assert_cmpuint(take(&f, START_MS + 602000), ==, b);
	check(&f);

	/* The owner may give it another state instead of removing it, as ESTABLISHED goes to TRANS.
	 */
	session_set_state(&f.table, b, 7, START_MS + 842000);
	check(&f);
	g_assert_cmpuint(take(&f, START_MS + 841999), ==, SLAB_NONE);
	g_assert_cmpuint(take(&f, START_MS + 844000), ==, b);
	session_remove(&f.table, b);
	g_assert_cmpuint(session_next_deadline(&f.table), ==, UINT64_MAX);
	check(&f);
	tear_down(&f);
}

/* A thousand sessions of which a packet has prolonged each: a call looks at no more than it may. */
static void test_budget(void)
{
	const unsigned n = 1000;
	const uint64_t now_ms = START_MS + 400000;
	unsigned n_calls = 0;
	struct fixture f;
	uint32_t bib;

	set_up(&f, n);
	bib = bind(&f, 1);
	for (uint16_t port = 0; port < n; port++)
		(void)open_session(&f, bib, 1, port, START_MS + 300000);
	for (uint32_t i = 0; i < n; i++)
		session_touch(&f.table, i, START_MS + 700000);
	while (session_next_deadline(&f.table) <= now_ms) {
		unsigned budget = 10;

		g_assert_cmpuint(session_take_expired(&f.table, now_ms, &budget), ==, SLAB_NONE);
		n_calls++;
	}
	g_assert_cmpuint(n_calls, >=, n / 10);
	g_assert_cmpuint(n_calls, <=, 4 * n / 10);
	check(&f);
	tear_down(&f);
}

/* One client, one binding, very many sessions with one peer address or with many: no operation
 * walks through them. Quadratic work would take minutes here. */
static void test_many_sessions_of_one_binding(void)
{
	enum { N = 50000 };

	for (unsigned same_address = 0; same_address < 2; same_address++) {
		struct fixture f;
		uint32_t bib;

		set_up(&f, N);
		bib = bind(&f, 1);
		for (uint32_t i = 0; i < N; i++)
			(void)open_session(&f, bib, same_address ? 1 : 1 + i, (uint16_t)i,
					   START_MS);
		for (uint32_t i = 0; i < N; i++)
			g_assert_false(session_exists_with(&f.table, bib, 0x80000000 + i));
		for (uint32_t i = 0; i < N; i++)
			session_remove(&f.table, i);
		g_assert_cmpuint(bib_at(&f.bib, bib)->n_sessions, ==, 0);
		check(&f);
		tear_down(&f);
	}
}

/* The aim of the design: 128 bytes for a binding with one session, all indices included. */
static void test_memory(void)
{
	enum { N = 100000 };
	struct fixture f;
	size_t memory;

	set_up(&f, N);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t bib = bind(&f, i);

		(void)open_session(&f, bib, i, 443, START_MS + 7200000);
	}
	memory = bib_memory(&f.bib) + session_table_memory(&f.table);
	g_assert_cmpuint(memory, <=, (size_t)128 * N);

	/* And it is given back. */
	for (uint32_t i = 0; i < N; i++) {
		session_remove(&f.table, i);
		bib_remove(&f.bib, i);
	}
	g_assert_cmpuint(bib_memory(&f.bib) + session_table_memory(&f.table), <, memory / 20);
	tear_down(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session/find", test_find);
	g_test_add_func("/session/exists_with", test_exists_with);
	g_test_add_func("/session/list_of_binding", test_list_of_binding);
	g_test_add_func("/session/limit", test_limit);
	g_test_add_func("/session/expiry", test_expiry);
	g_test_add_func("/session/budget", test_budget);
	g_test_add_func("/session/many_sessions_of_one_binding", test_many_sessions_of_one_binding);
	g_test_add_func("/session/memory", test_memory);
	return g_test_run();
}
