/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a BIB and its session table, against arrays that are searched from end to
 * end: both give the same answers, nothing expires early or lives on for 2 s (K-13), no transport
 * address is bound twice (S-2), limits hold, and the invariants do after each batch.
 *
 * The seed is fixed; NAT64D_SEED=NUMBER plays another one. It is printed before each run, so that
 * the last one printed is the one that failed.
 */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/session.h"

#define DEFAULT_SEED 20110401
#define N_RUNS       4
#define N_STEPS      15000
#define BATCH        50

/* Few of each, so that they meet. */
#define N_CLIENTS 12
#define N_PORTS   10
#define N_MAPPED  10
#define N_PEERS   6

#define MAX_BINDINGS 80
#define MAX_SESSIONS 140

#define LATEST_MS 2000

struct model_binding {
	bool used;
	uint32_t index;
	struct taddr6 taddr6;
	struct taddr4 taddr4;
};

struct model_session {
	bool used;
	uint32_t index;
	const struct model_binding *binding;
	struct taddr4 peer;
	uint8_t state;
	uint64_t expires_ms;
};

struct world {
	GRand *random;
	uint64_t now_ms;
	struct bib bib;
	struct session_table table;
	struct model_binding binding[MAX_BINDINGS];
	struct model_session session[MAX_SESSIONS];
	unsigned n_bindings;
	unsigned n_sessions;
	unsigned n_expired;
};

static uint32_t below(struct world *w, uint32_t bound)
{
	return (uint32_t)g_rand_int_range(w->random, 0, (int32_t)bound);
}

static struct taddr6 random_taddr6(struct world *w)
{
	struct taddr6 taddr = {{{0x20, 0x01, 0x0d, 0xb8}}, (uint16_t)below(w, N_PORTS)};

	taddr.addr.byte[15] = (uint8_t)below(w, N_CLIENTS);
	return taddr;
}

static struct taddr4 random_taddr4(struct world *w, uint32_t network, uint32_t n_hosts)
{
	struct taddr4 taddr = {.addr = network + below(w, n_hosts)};

	taddr.port = (uint16_t)below(w, N_PORTS);
	return taddr;
}

/* Milliseconds up to a day and more, of all magnitudes. */
static uint64_t random_lifetime(struct world *w)
{
	uint32_t shift = 4 + below(w, 28);

	return g_rand_int(w->random) >> shift;
}

static struct model_binding *model_find6(struct world *w, const struct taddr6 *taddr6)
{
	for (unsigned i = 0; i < MAX_BINDINGS; i++) {
		if (w->binding[i].used && taddr6_equal(&w->binding[i].taddr6, taddr6))
			return &w->binding[i];
	}
	return NULL;
}

static struct model_binding *model_find4(struct world *w, const struct taddr4 *taddr4)
{
	for (unsigned i = 0; i < MAX_BINDINGS; i++) {
		if (w->binding[i].used && taddr4_equal(&w->binding[i].taddr4, taddr4))
			return &w->binding[i];
	}
	return NULL;
}

/* With port < 0: any session with that address. */
static struct model_session *
model_find_session(struct world *w, const struct model_binding *binding, uint32_t addr4, int port)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		struct model_session *session = &w->session[i];

		if (session->used && session->binding == binding && session->peer.addr == addr4 &&
		    (port < 0 || session->peer.port == port))
			return session;
	}
	return NULL;
}

/* NULL if the place drawn is empty. */
static struct model_binding *random_binding(struct world *w)
{
	struct model_binding *binding = &w->binding[below(w, MAX_BINDINGS)];

	return binding->used ? binding : NULL;
}

static struct model_session *random_session(struct world *w)
{
	struct model_session *session = &w->session[below(w, MAX_SESSIONS)];

	return session->used ? session : NULL;
}

static void add_binding(struct world *w)
{
	struct model_binding new = {.used = true};
	unsigned place = 0;
	bool wanted;

	new.taddr6 = random_taddr6(w);
	new.taddr4 = random_taddr4(w, 0xcb007100, N_MAPPED);
	wanted = w->n_bindings < MAX_BINDINGS && model_find6(w, &new.taddr6) == NULL &&
		 model_find4(w, &new.taddr4) == NULL;
	new.index = bib_add(&w->bib, &new.taddr6, &new.taddr4);
	g_assert_true((new.index != SLAB_NONE) == wanted);
	if (!wanted)
		return;
	while (w->binding[place].used)
		place++;
	w->binding[place] = new;
	w->n_bindings++;
}

static void remove_session(struct world *w, struct model_session *session)
{
	session_remove(&w->table, session->index);
	session->used = false;
	w->n_sessions--;
}

/* With all its sessions, from its list, as when an entry of pool4 goes. */
static void remove_binding(struct world *w)
{
	struct model_binding *binding = random_binding(w);
	uint32_t index;

	if (binding == NULL)
		return;
	while ((index = bib_at(&w->bib, binding->index)->first_session) != SLAB_NONE) {
		const struct session *session = session_at(&w->table, index);
		struct model_session *model =
			model_find_session(w, binding, session->addr4, session->port4);

		g_assert_nonnull(model);
		g_assert_cmpuint(model->index, ==, index);
		remove_session(w, model);
	}
	g_assert_null(model_find_session(w, binding, 0xc0000200, -1));
	bib_remove(&w->bib, binding->index);
	binding->used = false;
	w->n_bindings--;
}

static void add_session(struct world *w)
{
	struct model_session new = {.used = true};
	bool wanted = w->n_sessions < MAX_SESSIONS;
	unsigned place = 0;

	/* One after the other, so that every compiler draws in the same order. */
	new.binding = random_binding(w);
	new.peer = random_taddr4(w, 0xc0000200, N_PEERS);
	new.state = (uint8_t)below(w, 8);
	new.expires_ms = w->now_ms + random_lifetime(w);
	if (new.binding == NULL ||
	    model_find_session(w, new.binding, new.peer.addr, new.peer.port) != NULL)
		return;
	new.index =
		session_add(&w->table, new.binding->index, &new.peer, 0, new.state, new.expires_ms);
	g_assert_true((new.index != SLAB_NONE) == wanted);
	if (!wanted)
		return;
	while (w->session[place].used)
		place++;
	w->session[place] = new;
	w->n_sessions++;
}

static void change_session(struct world *w)
{
	struct model_session *session = random_session(w);

	if (session == NULL)
		return;
	session->expires_ms = w->now_ms + random_lifetime(w);
	if (below(w, 2) == 0) {
		session_touch(&w->table, session->index, session->expires_ms);
	} else {
		session->state = (uint8_t)below(w, 8);
		session_set_state(&w->table, session->index, session->state, session->expires_ms);
	}
}

/* The owner of a session that is over: removes it, or makes it go on in another state. */
static void handle_expired(struct world *w, uint32_t index)
{
	const struct session *session = session_at(&w->table, index);
	struct model_session *model = NULL;

	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		if (w->session[i].used && w->session[i].index == index)
			model = &w->session[i];
	}
	g_assert_nonnull(model);
	g_assert_cmpuint(session->expires_ms, ==, model->expires_ms);
	g_assert_cmpuint(model->expires_ms, <=, w->now_ms);
	w->n_expired++;
	if (below(w, 4) > 0) {
		remove_session(w, model);
		return;
	}
	model->state = 7;
	model->expires_ms = w->now_ms + 1 + random_lifetime(w);
	session_set_state(&w->table, index, model->state, model->expires_ms);
}

static void pass_time(struct world *w)
{
	unsigned budget = 1 + below(w, 5);
	uint32_t shift = below(w, 20);
	uint32_t index;

	w->now_ms += random_lifetime(w) >> shift;
	while (session_next_deadline(&w->table) <= w->now_ms) {
		index = session_take_expired(&w->table, w->now_ms, &budget);
		if (index != SLAB_NONE)
			handle_expired(w, index);
		if (budget == 0)
			budget = 1 + below(w, 5);
	}
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		if (w->session[i].used)
			g_assert_cmpuint(w->session[i].expires_ms + LATEST_MS, >, w->now_ms);
	}
}

static void ask(struct world *w)
{
	struct taddr6 taddr6 = random_taddr6(w);
	struct taddr4 taddr4 = random_taddr4(w, 0xcb007100, N_MAPPED);
	struct taddr4 peer = random_taddr4(w, 0xc0000200, N_PEERS);
	const struct model_binding *binding = model_find6(w, &taddr6);
	const struct model_session *session;

	g_assert_cmpuint(bib_find6(&w->bib, &taddr6), ==,
			 binding != NULL ? binding->index : SLAB_NONE);
	binding = model_find4(w, &taddr4);
	g_assert_cmpuint(bib_find4(&w->bib, &taddr4), ==,
			 binding != NULL ? binding->index : SLAB_NONE);
	if (binding == NULL)
		return;
	session = model_find_session(w, binding, peer.addr, peer.port);
	g_assert_cmpuint(session_find(&w->table, binding->index, &peer), ==,
			 session != NULL ? session->index : SLAB_NONE);
	g_assert_true(session_exists_with(&w->table, binding->index, peer.addr) ==
		      (model_find_session(w, binding, peer.addr, -1) != NULL));
}

/* Everything that is in the model is in the tables as it is there, and nothing else. */
static void compare(struct world *w)
{
	unsigned n = 0;

	g_assert_true(bib_check(&w->bib));
	g_assert_true(session_table_check(&w->table));
	for (uint32_t i = bib_next(&w->bib, 0); i != SLAB_NONE; i = bib_next(&w->bib, i + 1))
		n++;
	g_assert_cmpuint(n, ==, w->n_bindings);
	n = 0;
	for (uint32_t i = session_next(&w->table, 0); i != SLAB_NONE;
	     i = session_next(&w->table, i + 1))
		n++;
	g_assert_cmpuint(n, ==, w->n_sessions);

	for (unsigned i = 0; i < MAX_BINDINGS; i++) {
		const struct model_binding *binding = &w->binding[i];

		if (!binding->used)
			continue;
		g_assert_cmpuint(bib_find6(&w->bib, &binding->taddr6), ==, binding->index);
		g_assert_cmpuint(bib_find4(&w->bib, &binding->taddr4), ==, binding->index);
	}
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		const struct model_session *model = &w->session[i];

		if (!model->used)
			continue;
		g_assert_cmpuint(session_find(&w->table, model->binding->index, &model->peer), ==,
				 model->index);
		g_assert_cmpuint(session_at(&w->table, model->index)->state, ==, model->state);
		g_assert_cmpuint(session_at(&w->table, model->index)->expires_ms, ==,
				 model->expires_ms);
	}
}

static void step(struct world *w)
{
	switch (below(w, 16)) {
	case 0:
	case 1:
	case 2:
		add_binding(w);
		break;
	case 3:
		/* Rarely, so that the tables fill up. */
		if (below(w, 8) == 0)
			remove_binding(w);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		add_session(w);
		break;
	case 8:
		if (random_session(w) != NULL && below(w, 4) == 0) {
			struct model_session *session = random_session(w);

			if (session != NULL)
				remove_session(w, session);
		}
		break;
	case 9:
	case 10:
		change_session(w);
		break;
	case 11:
		pass_time(w);
		break;
	default:
		ask(w);
		break;
	}
}

static void run(uint32_t seed)
{
	struct siphash_key key = {{seed, ~(uint64_t)seed}};
	struct world *w = g_new0(struct world, 1);
	unsigned max_bindings = 0;
	unsigned max_sessions = 0;

	g_test_message("NAT64D_SEED=%u plays this", seed);
	w->random = g_rand_new_with_seed(seed);
	w->now_ms = below(w, UINT32_MAX / 2);
	bib_init(&w->bib, &key, MAX_BINDINGS);
	session_table_init(&w->table, &w->bib, &key, MAX_SESSIONS, w->now_ms);
	for (unsigned i = 0; i < N_STEPS; i++) {
		step(w);
		max_bindings = MAX(max_bindings, w->n_bindings);
		max_sessions = MAX(max_sessions, w->n_sessions);
		if (i % BATCH == 0)
			compare(w);
	}
	compare(w);
	g_test_message("at most %u bindings, %u sessions; %u expired", max_bindings, max_sessions,
		       w->n_expired);

	session_table_deinit(&w->table);
	bib_deinit(&w->bib);
	g_rand_free(w->random);
	g_free(w);
}

static void test_tables(void)
{
	const char *text = g_getenv("NAT64D_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : DEFAULT_SEED;

	for (uint32_t i = 0; i < (text != NULL ? 1 : N_RUNS); i++)
		run(seed + i);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/property/tables", test_tables);
	return g_test_run();
}
