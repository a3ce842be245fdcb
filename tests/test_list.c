/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slices of big tables: complete, and how long packets wait for the lock meanwhile (those of tables
 * that change are test_churn.c's). The time is
 * printed; that a slice is small is what is asserted, so that a busy machine changes nothing.
 */
#include "dbus/list.h"

#include "tests/bus.h"

#define N_BINDINGS 200000

static struct test_service service;

struct listing {
	uint32_t n_bindings;
	uint32_t n_sessions;
	bool done; /* atomic */
};

static gpointer list_everything(gpointer data)
{
	static const struct list_filter everything;
	static struct list_bib_row rows[LIST_ROWS];
	static struct list_session_row sessions[LIST_ROWS];
	struct listing *listing = data;
	struct list_cursor cursor;

	list_cursor_begin(&cursor);
	while (cursor.protocol != N_PROTOCOLS) {
		uint32_t work = 0;

		listing->n_bindings +=
			list_bib(&service.gateway, &everything, &cursor, rows, LIST_ROWS, &work);
		/* A position and a session each, and the ends of three tables. */
		g_assert_cmpuint(work, <=, 2 * LIST_ROWS + N_PROTOCOLS);
	}
	list_cursor_begin(&cursor);
	while (cursor.protocol != N_PROTOCOLS) {
		uint32_t work = 0;

		listing->n_sessions += list_sessions(&service.gateway, &everything, &cursor,
						     sessions, LIST_ROWS, &work);
		g_assert_cmpuint(work, <=, LIST_ROWS + N_PROTOCOLS);
	}
	__atomic_store_n(&listing->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* What a packet thread would see. */
static void test_lock(void)
{
	struct listing listing = {0};
	gint64 longest_usec = 0, sum_usec = 0;
	unsigned n = 0;
	GThread *thread;

	for (uint32_t i = 0; i < N_BINDINGS; i++)
		test_service_add_session(&service, PROTOCOL_UDP, i, 7, 1);
	thread = g_thread_new("lister", list_everything, &listing);
	do {
		gint64 begin = g_get_monotonic_time(), waited_usec;

		gateway_lock(&service.gateway);
		waited_usec = g_get_monotonic_time() - begin;
		gateway_unlock(&service.gateway);
		longest_usec = MAX(longest_usec, waited_usec);
		sum_usec += waited_usec;
		n++;
		g_usleep(20);
	} while (!__atomic_load_n(&listing.done, __ATOMIC_ACQUIRE));
	g_thread_join(thread);
	g_test_message("%u bindings and sessions listed; the lock was asked for %u times: "
		       "%" G_GINT64_FORMAT " us on average, %" G_GINT64_FORMAT " us at most",
		       N_BINDINGS, n, sum_usec / n, longest_usec);
	g_assert_cmpuint(listing.n_bindings, ==, N_BINDINGS);
	g_assert_cmpuint(listing.n_sessions, ==, N_BINDINGS);
}

/* A session lives on when its prefix is removed, and is listed with the one that its packets have
 * from then on. */
static void test_removed_prefix(void)
{
	struct nat64_config *config = &service.gateway.nat->config;
	const struct prefix6 removed = config->pool6[0];
	struct list_filter everything = {.pool4_id = 0};
	struct list_cursor cursor;
	struct list_session_row row;
	uint32_t work = 0;

	list_cursor_begin(&cursor);
	g_assert_cmpuint(list_sessions(&service.gateway, &everything, &cursor, &row, 1, &work), ==,
			 1);
	g_assert_true(prefix6_contains(&removed, &row.server6));
	g_assert_true(prefix6_parse("2001:db8:65::/96", &config->pool6[1]));
	config->pool6[0] = (struct prefix6){.len = 0};
	list_cursor_begin(&cursor);
	g_assert_cmpuint(list_sessions(&service.gateway, &everything, &cursor, &row, 1, &work), ==,
			 1);
	g_assert_true(prefix6_contains(&config->pool6[1], &row.server6));
	config->pool6[0] = removed;
	config->pool6[1] = (struct prefix6){.len = 0};
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	g_test_add_func("/list/lock", test_lock);
	g_test_add_func("/list/removed-prefix", test_removed_prefix);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
