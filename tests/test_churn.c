/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of a table in which bindings come and go meanwhile: each one that stays is listed exactly
 * once, and none that passes twice. However fast the lister is, there are CHANGES of them from its
 * first row to its last, which is more than 10 000 a second, as no list takes a second; they come
 * between its pages, and in another thread inside of them.
 */
#include <jansson.h>

#include "dbus/list.h"
#include "dbus/names.h"
#include "tests/stream_reader.h"

/* Bindings that stay; of those that come and go, so many are there at a time, and lie between. */
#define N_STAYING 20000
#define N_PASSING 500
#define N_AT_ONCE 16
#define CHANGES   10000u /* within a list: one goes, another one comes */
#define PAGE      1000
#define SLICE     256
#define ROW_MIN   150 /* bytes of a row of Dump, at least */

static const struct list_filter tcp = {.has_protocol = true, .protocol = PROTOCOL_TCP};

/* Who has come so far: clients are numbers, those from N_STAYING on pass. */
static uint32_t n_come; /* atomic */

/* What a list has shown. */
static struct {
	uint8_t n[N_STAYING];
	GHashTable *passing; /* their numbers */
	uint32_t n_rows;
	uint32_t n_come_before;
} seen;

static void go(uint32_t number)
{
	struct nat64 *nat = service.gateway.nat;
	struct taddr6 client = {.port = 9};
	uint32_t index;

	g_assert_true(addr6_parse("2001:db8:1::", &client.addr));
	store_be32(&client.addr.byte[12], number);
	gateway_lock(&service.gateway);
	index = bib_find6(&nat->bib[PROTOCOL_TCP], &client);
	g_assert_cmpuint(index, !=, SLAB_NONE);
	nat64_remove_binding(nat, PROTOCOL_TCP, index, gateway_now_ms());
	gateway_unlock(&service.gateway);
}

/* Some go and as many come, which get the places of those in another order. */
static void change(uint32_t n)
{
	while (n > 0) {
		uint32_t first = N_STAYING + __atomic_load_n(&n_come, __ATOMIC_RELAXED);
		uint32_t n_now = MIN(n, N_AT_ONCE);

		for (uint32_t i = 0; i < n_now; i++)
			go(first + i);
		for (uint32_t i = 0; i < n_now; i++)
			test_service_add_session(&service, PROTOCOL_TCP, first + N_PASSING + i, 9,
						 1);
		(void)__atomic_add_fetch(&n_come, n_now, __ATOMIC_RELAXED);
		n -= n_now;
	}
}

static void see_nothing(void)
{
	memset(seen.n, 0, sizeof(seen.n));
	g_hash_table_remove_all(seen.passing);
	seen.n_rows = 0;
	seen.n_come_before = __atomic_load_n(&n_come, __ATOMIC_RELAXED);
}

static void see(const struct addr6 *client)
{
	uint32_t number = load_be32(&client->byte[12]);

	seen.n_rows++;
	if (number < N_STAYING)
		seen.n[number]++;
	else
		g_assert_true(g_hash_table_add(seen.passing, GUINT_TO_POINTER(number)));
}

static void see_text(const char *text)
{
	struct addr6 client;

	g_assert_true(addr6_parse(text, &client));
	see(&client);
}

static void check_seen(void)
{
	uint32_t n_changes = __atomic_load_n(&n_come, __ATOMIC_RELAXED) - seen.n_come_before;

	for (uint32_t i = 0; i < N_STAYING; i++)
		g_assert_cmpuint(seen.n[i], ==, 1);
	g_assert_cmpuint(n_changes, >=, CHANGES);
	g_test_message("%u rows, while %u bindings went and others came; %u of these were listed",
		       seen.n_rows, n_changes, g_hash_table_size(seen.passing));
}

/* ---- slices in process
 * ---------------------------------------------------------------------------
 */

static uint32_t bib_rows(struct list_cursor *cursor, uint32_t n)
{
	g_autofree struct list_bib_row *rows = g_new(struct list_bib_row, n);
	uint32_t work = 0;

	n = list_bib(&service.gateway, &tcp, cursor, rows, n, &work);
	for (uint32_t i = 0; i < n; i++)
		see(&rows[i].entry.addr6);
	return n;
}

static uint32_t session_rows(struct list_cursor *cursor, uint32_t n)
{
	g_autofree struct list_session_row *rows = g_new(struct list_session_row, n);
	uint32_t work = 0;

	n = list_sessions(&service.gateway, &tcp, cursor, rows, n, &work);
	for (uint32_t i = 0; i < n; i++)
		see(&rows[i].client.addr);
	return n;
}

typedef uint32_t (*rows_fn)(struct list_cursor *cursor, uint32_t n);

static void check_slices(rows_fn rows, uint32_t n)
{
	struct list_cursor cursor;

	see_nothing();
	list_cursor_begin(&cursor);
	while (cursor.protocol != N_PROTOCOLS) {
		g_assert_cmpuint(rows(&cursor, n), <=, n);
		change(CHANGES * n / N_STAYING + 1);
	}
	check_seen();
}

static void test_slices(void)
{
	check_slices(bib_rows, SLICE);
	check_slices(session_rows, SLICE);
}

/* ---- in another thread --------------------------------------------------------------------------
 */

struct changer {
	bool stop;  /* atomic */
	bool begun; /* atomic */
};

static gpointer change_always(gpointer data)
{
	struct changer *changer = data;

	while (!__atomic_load_n(&changer->stop, __ATOMIC_ACQUIRE)) {
		change(1);
		__atomic_store_n(&changer->begun, true, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* All rows in one table of many slices, over and over until there were changes enough. */
static void test_thread(void)
{
	const struct list_filter dynamic = {
		.has_protocol = true, .protocol = PROTOCOL_TCP, .has_static = true};
	struct changer changer = {.stop = false};
	uint32_t first = __atomic_load_n(&n_come, __ATOMIC_RELAXED), n_lists = 0;
	GThread *thread = g_thread_new("changes", change_always, &changer);

	while (!__atomic_load_n(&changer.begun, __ATOMIC_ACQUIRE))
		g_thread_yield();
	do {
		for (unsigned i = 0; i < 2; i++) {
			struct list_cursor cursor;

			see_nothing();
			list_cursor_begin(&cursor);
			while (cursor.protocol != N_PROTOCOLS)
				(void)(i == 0 ? bib_rows : session_rows)(&cursor, N_STAYING);
			for (uint32_t j = 0; j < N_STAYING; j++)
				g_assert_cmpuint(seen.n[j], ==, 1);
		}
		g_assert_cmpuint(list_count_bib(&service.gateway, &dynamic), >=, N_STAYING);
		n_lists++;
	} while (__atomic_load_n(&n_come, __ATOMIC_RELAXED) - first < CHANGES);
	__atomic_store_n(&changer.stop, true, __ATOMIC_RELEASE);
	g_thread_join(thread);
	g_test_message("%u lists of either table, while %u bindings came", n_lists, n_come - first);
}

/* ---- on the bus ---------------------------------------------------------------------------------
 */

/* The next page; the cursor is "" at its end. */
static void call_page(sd_bus *bus, char **cursor)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *client, *next;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListBib", NULL, &reply, "a{sv}su", 1, "protocol", "s",
					   "tcp", *cursor, (uint32_t)PAGE),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ssqsqbuttu)"), >=, 0);
	while (sd_bus_message_enter_container(reply, 'r', "ssqsqbuttu") > 0) {
		g_assert_cmpint(sd_bus_message_skip(reply, "s"), >=, 0);
		g_assert_cmpint(sd_bus_message_read(reply, "s", &client), >=, 0);
		see_text(client);
		g_assert_cmpint(sd_bus_message_skip(reply, "qsqbuttu"), >=, 0);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	}
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &next), >=, 0);
	g_free(*cursor);
	*cursor = g_strdup(next);
}

static void test_calls(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *cursor = g_strdup("");

		see_nothing();
		do {
			call_page(clients[i], &cursor);
			change(CHANGES * PAGE / N_STAYING + 1);
		} while (*cursor != '\0');
		check_seen();
	}
}

static void see_lines(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned n = 0; *lines[n] != '\0'; n++) {
		json_t *row = json_loads(lines[n], 0, NULL);
		struct taddr6 client;

		g_assert_true(
			taddr6_parse(json_string_value(json_object_get(row, "client")), &client));
		see(&client.addr);
		json_decref(row);
	}
}

static uint64_t begin_dump(sd_bus *bus, struct reader *reader)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint64_t id;

	(void)sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER, "Dump",
				 &error, &reply, "sa{sv}sh", "bib", 1, "protocol", "s", "tcp",
				 "json", reader->other);
	g_assert_cmpstr(error.message, ==, NULL);
	g_assert_cmpint(sd_bus_message_read(reply, "t", &id), >=, 0);
	reader_handed_over(reader);
	return id;
}

/* What a pipe and a buffer hold is ahead of the reader; the rest is yet to come from the table. */
static void test_dump(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients) * N_READER_KINDS; i++) {
		struct reader reader;

		see_nothing();
		reader_open(&reader, i % N_READER_KINDS);
		(void)begin_dump(clients[i / N_READER_KINDS], &reader);
		/* So many for each row, however little comes at a time. */
		for (size_t n = 0, due; reader_read_some(&reader); n = due) {
			due = CHANGES * reader.text->len / ROW_MIN / N_STAYING;
			change((uint32_t)(due - n));
		}
		see_lines(reader.text->str);
		check_seen();
		reader_close(&reader);
	}
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	bus_clients_begin(NULL);
	seen.passing = g_hash_table_new(NULL, NULL);
	for (uint32_t i = 0; i < N_STAYING; i++) {
		test_service_add_session(&service, PROTOCOL_TCP, i, 9, 1);
		/* They leave holes between those that stay. */
		if (i % (N_STAYING / N_PASSING) == 0)
			test_service_add_session(&service, PROTOCOL_TCP,
						 N_STAYING + i / (N_STAYING / N_PASSING), 9, 1);
	}
	g_test_add_func("/churn/slices", test_slices);
	g_test_add_func("/churn/thread", test_thread);
	g_test_add_func("/churn/calls", test_calls);
	g_test_add_func("/churn/dump", test_dump);
	r = g_test_run();
	g_hash_table_unref(seen.passing);
	bus_clients_end();
	return r;
}
