/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of big tables: complete, and how long packets wait for the lock meanwhile. The time is
 * printed; that a slice is small is what is asserted, so that a busy machine changes nothing.
 */
#include "dbus/list.h"

#include "tests/bus.h"

#define N_BINDINGS 200000
#define PAGE       10000

static struct test_service service;

struct listing {
	uint32_t n_bindings;
	uint32_t n_sessions;
	bool done; /* atomic */
};

static gpointer list_everything(gpointer data)
{
	struct list_filter everything = {.pool4_id = 0};
	struct list_bib_row *rows = g_new(struct list_bib_row, PAGE);
	struct list_session_row *sessions = g_new(struct list_session_row, PAGE);
	struct list_cursor cursor;
	struct listing *listing = data;

	g_assert_true(list_cursor_parse("", &cursor));
	while (cursor.protocol != N_PROTOCOLS)
		listing->n_bindings += list_bib(&service.gateway, &everything, &cursor, rows, PAGE);
	g_assert_true(list_cursor_parse("", &cursor));
	while (cursor.protocol != N_PROTOCOLS)
		listing->n_sessions +=
			list_sessions(&service.gateway, &everything, &cursor, sessions, PAGE);
	g_free(rows);
	g_free(sessions);
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

/* ---- churn ------------------------------------------------------------------------------------
 */

/* Bindings of these clients stay; those of others come and go, as many as fit into a second. */
#define N_STAYING  20000
#define N_PASSING  500
#define CHURN_RATE 10000 /* that come, a second */
#define N_LISTINGS 5

struct churn {
	bool stop; /* atomic */
	uint32_t n_come;
};

/* One goes, and another one comes: N_PASSING are there at each time, between those that stay. */
static gpointer come_and_go(gpointer data)
{
	struct churn *churn = data;
	struct nat64 *nat = service.gateway.nat;
	gint64 begin = g_get_monotonic_time();

	while (!__atomic_load_n(&churn->stop, __ATOMIC_ACQUIRE)) {
		uint64_t due = (uint64_t)(g_get_monotonic_time() - begin) * CHURN_RATE / 1000000;

		for (; churn->n_come < due; churn->n_come++) {
			uint32_t number = N_BINDINGS + N_STAYING + churn->n_come;
			struct taddr6 client = {.port = 9};
			uint32_t index;

			g_assert_true(addr6_parse("2001:db8:1::", &client.addr));
			store_be32(&client.addr.byte[12], number);
			gateway_lock(&service.gateway);
			index = bib_find6(&nat->bib[PROTOCOL_TCP], &client);
			g_assert_cmpuint(index, !=, SLAB_NONE);
			nat64_remove_binding(nat, PROTOCOL_TCP, index, gateway_now_ms());
			gateway_unlock(&service.gateway);
			test_service_add_session(&service, PROTOCOL_TCP, number + N_PASSING, 9, 1);
		}
		g_usleep(200);
	}
	return NULL;
}

/* How often each client that stays was seen; those that pass are never the same again. */
struct seen {
	uint8_t n[N_STAYING];
	GHashTable *passing; /* their numbers */
};

static void see(struct seen *seen, const struct addr6 *client)
{
	uint32_t number = load_be32(&client->byte[12]) - N_BINDINGS;

	if (number < N_STAYING)
		seen->n[number]++;
	else
		g_assert_true(g_hash_table_add(seen->passing, GUINT_TO_POINTER(number)));
}

static void check_seen(struct seen *seen)
{
	for (uint32_t i = 0; i < N_STAYING; i++)
		g_assert_cmpuint(seen->n[i], ==, 1);
	memset(seen->n, 0, sizeof(seen->n));
	g_hash_table_remove_all(seen->passing);
}

static void list_while_churning(struct seen *seen, bool by_slices)
{
	const struct list_filter tcp = {.has_protocol = true, .protocol = PROTOCOL_TCP};
	g_autofree struct list_bib_row *rows = g_new(struct list_bib_row, PAGE);
	struct list_cursor cursor;

	list_cursor_begin(&cursor);
	while (cursor.protocol != N_PROTOCOLS) {
		uint32_t n = by_slices ? list_bib_slice(&service.gateway, &tcp, &cursor, rows, 256)
				       : list_bib(&service.gateway, &tcp, &cursor, rows, PAGE / 10);

		for (uint32_t i = 0; i < n; i++)
			see(seen, &rows[i].entry.addr6);
		list_pause();
	}
	check_seen(seen);
}

/* Sessions of one server each, so that they are as many. */
static void list_sessions_while_churning(struct seen *seen)
{
	const struct list_filter tcp = {.has_protocol = true, .protocol = PROTOCOL_TCP};
	g_autofree struct list_session_row *rows = g_new(struct list_session_row, PAGE);
	struct list_cursor cursor;

	list_cursor_begin(&cursor);
	while (cursor.protocol != N_PROTOCOLS) {
		uint32_t n = list_sessions(&service.gateway, &tcp, &cursor, rows, PAGE / 10);

		for (uint32_t i = 0; i < n; i++)
			see(seen, &rows[i].client.addr);
	}
	check_seen(seen);
}

static void test_churn(void)
{
	g_autofree struct seen *seen = g_new0(struct seen, 1);
	const struct list_filter dynamic = {
		.has_protocol = true, .protocol = PROTOCOL_TCP, .has_static = true};
	struct churn churn = {.stop = false};
	GThread *thread;

	seen->passing = g_hash_table_new(NULL, NULL);
	for (uint32_t i = 0; i < N_STAYING; i++) {
		test_service_add_session(&service, PROTOCOL_TCP, N_BINDINGS + i, 9, 1);
		/* They leave holes between those that stay. */
		if (i % (N_STAYING / N_PASSING) == 0)
			test_service_add_session(
				&service, PROTOCOL_TCP,
				N_BINDINGS + N_STAYING + i / (N_STAYING / N_PASSING), 9, 1);
	}
	thread = g_thread_new("churn", come_and_go, &churn);
	for (unsigned i = 0; i < N_LISTINGS; i++) {
		list_while_churning(seen, false);
		list_while_churning(seen, true);
		list_sessions_while_churning(seen);
		g_assert_cmpuint(list_count_bib(&service.gateway, &dynamic), >=, N_STAYING);
	}
	__atomic_store_n(&churn.stop, true, __ATOMIC_RELEASE);
	g_thread_join(thread);
	g_test_message("%u bindings have come and gone", churn.n_come);
	g_assert_cmpuint(churn.n_come, >, 0);
	g_hash_table_unref(seen->passing);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	g_test_add_func("/list/lock", test_lock);
	g_test_add_func("/list/churn", test_churn);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
