/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state database: rows in and out, and others who use it, too. */
#include <errno.h>
#include <glib.h>
#include <sqlite3.h>

#include "tests/store_fixture.h"

static void test_rows(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct persist_row gone = fixture_binding(3);
	uint64_t reach[N_PERSIST_KINDS];

	g_assert_true(store_was_clean(store));
	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	fixture_write_rows(store, 100, false);
	fixture_assert_loads(store, &fixture_boot_1, 100, 0);
	store_close(store);
	store = fixture_open(f);
	g_assert_false(store_was_clean(store));
	g_assert_cmpuint(store_owner(store), ==, 42);
	fixture_assert_loads(store, &fixture_boot_1, 100, 0);
	g_assert_cmpint(store_read_reach(store, reach), ==, 0);
	g_assert_cmpuint(reach[PERSIST_BINDING], ==, 100);
	g_assert_cmpuint(reach[PERSIST_SESSION], ==, 100);

	g_assert_cmpint(store_begin(store), ==, 0); /* rolled back: as before */
	g_assert_cmpint(store_put(store, &gone), ==, 0);
	gone.exists = false;
	g_assert_cmpint(store_put(store, &gone), ==, 0);
	store_roll_back(store);
	fixture_assert_loads(store, &fixture_boot_1, 100, 0);
	g_assert_cmpint(store_cut(store, 50, 50), ==, 0);
	fixture_assert_loads(store, &fixture_boot_1, 50, 0);
	g_assert_cmpint(store_clear(store), ==, 0);
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put(store, &gone), ==, 0); /* is not there: no harm */
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, true), ==, 0);
	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	g_assert_cmpint(store_read_reach(store, reach), ==, 0);
	g_assert_cmpuint(reach[PERSIST_BINDING], ==, 0);
	store_close(store);
	store = fixture_open(f);
	g_assert_true(store_was_clean(store));
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 0);
}

static const char *const three_prefixes[] = {"2001:db8:64::/96", "64:ff9b::/96",
					     "2001:db8:65::/64"};

/* The prefixes with these numbers; a negative one leaves its place free. */
static void set_prefixes(struct store *store, int first, int second)
{
	struct prefix6 pool6[NAT64_POOL6_MAX] = {{{{0}}, 0}};

	if (first >= 0)
		g_assert_true(prefix6_parse(three_prefixes[first], &pool6[0]));
	if (second >= 0)
		g_assert_true(prefix6_parse(three_prefixes[second], &pool6[1]));
	store_set_pool6(store, pool6);
}

/* The rows with index i are of place i % 2. */
static void put_with_prefixes(struct store *store, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		struct persist_row binding = fixture_binding(i), session = fixture_session(i);

		binding.binding.pool6 = session.session.pool6 = i % 2;
		g_assert_cmpint(store_put(store, &session), ==, 0);
		g_assert_cmpint(store_put(store, &binding), ==, 0);
	}
}

static void add_place(void *context, const struct persist_row *row)
{
	g_string_append_printf(context, "%u ",
			       row->kind == PERSIST_BINDING ? row->binding.pool6
							    : row->session.pool6);
}

/* Bindings, and then sessions. */
static void assert_places(struct store *store, const char *expected)
{
	GString *text = g_string_new(NULL);
	uint64_t n_bad;

	g_assert_cmpint(store_load(store, &fixture_boot_1, add_place, text, &n_bad), ==, 0);
	g_assert_cmpstr(text->str, ==, expected);
	g_assert_cmpuint(n_bad, ==, 0);
	g_string_free(text, TRUE);
}

/* Rows mean the prefix that they had, in whatever order Pool6 is. */
static void test_prefixes(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);

	set_prefixes(store, 0, 1);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 0, 2);
	store_roll_back(store);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 0, 2);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, true), ==, 0);
	assert_places(store, "0 1 0 1 ");
	store_close(store);

	store = fixture_open(f);
	set_prefixes(store, 1, 0);
	assert_places(store, "1 0 1 0 ");
	g_assert_cmpint(store_cut(store, 1000, 1000), ==, 0);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 2, 1);
	/* A reload: another prefix at a place that an older one had. */
	set_prefixes(store, 2, -1);
	put_with_prefixes(store, 4, 2);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, true), ==, 0);
	store_close(store);

	store = fixture_open(f);
	set_prefixes(store, 2, 0);
	assert_places(store, "1 255 255 0 1 1 255 255 0 1 ");
	g_assert_cmpint(store_cut(store, 1, 1), ==, 0);
	store_close(store);
	fixture_assert_answer(f->path, "SELECT count(*) FROM pool6", "1");
}

/* K-13: in the same boot the wall clock says nothing; in another it says how long it was. */
static void test_clocks(struct store_fixture *f, gconstpointer data)
{
	struct store_clock now = fixture_boot_1;
	struct store *store = fixture_open(f);

	fixture_write_rows(store, 10, true);
	store_close(store);
	store = fixture_open(f);
	now.wall_ms += 86400000;
	fixture_assert_loads(store, &now, 10, 0);
	now.boot_ms += 60000;
	fixture_assert_loads(store, &now, 10, 0);
	/* 100 s later, 30 s after the next boot */
	now = (struct store_clock){
		.boot_ms = 30000, .wall_ms = fixture_boot_1.wall_ms + 100000, .boot_id = "boot 2"};
	fixture_assert_loads(store, &now, 10, -2070);
	now.wall_ms = fixture_boot_1.wall_ms + 10000000;
	fixture_assert_loads(store, &now, 10, -11970);
	now.boot_id[0] = '\0'; /* not known: as another one */
	fixture_assert_loads(store, &now, 10, -11970);
	store_close(store);
}

/* The clock of a flush is that of its boot, and not of rows that are from before and did not
 * change; a restart in the same boot, and one more boot, find them as they were. */
static void test_boots(struct store_fixture *f, gconstpointer data)
{
	struct store_clock now = fixture_boot_1;
	struct store *store = fixture_open(f);
	struct persist_row other = fixture_binding(0);

	fixture_write_rows(store, 10, true);
	store_close(store);
	for (unsigned boot = 2; boot < 5; boot++) {
		now = (struct store_clock){.boot_ms = 30000, .wall_ms = now.wall_ms + 70000};
		(void)g_snprintf(now.boot_id, sizeof(now.boot_id), "boot %u", boot);
		for (unsigned start = 0; start < 2; start++) {
			store = fixture_open(f);
			fixture_assert_loads(
				store, &now, 10,
				(int64_t)(now.boot_ms / 1000) - 2000 -
					(int64_t)(now.wall_ms - fixture_boot_1.wall_ms) / 1000);
			now.boot_ms += 15000;
			now.wall_ms += 15000;
			g_assert_cmpint(store_begin(store), ==, 0);
			other.binding.created_s = (int32_t)(now.boot_ms / 1000);
			other.exists = true;
			other.index = 1000;
			g_assert_cmpint(store_put(store, &other), ==, 0);
			other.exists = false;
			g_assert_cmpint(store_put(store, &other), ==, 0);
			g_assert_cmpint(store_commit(store, &now, 42, true), ==, 0);
			store_close(store);
		}
	}
	fixture_assert_answer(f->path, "SELECT created FROM bindings WHERE place = 1",
			      "2027-01-15 07:43:21");
}

static void test_view(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);

	fixture_write_rows(store, 2, true);
	store_close(store);
	fixture_assert_answer(
		f->path,
		"SELECT protocol || ' ' || client || ' ' || port6 || ' ' || mapped || ' ' || "
		"port4 || ' ' || created FROM bindings WHERE place = 1",
		"udp 2001:0db8:0001:0000:0000:0000:0000:0002 1 203.0.113.1 1025 "
		"2027-01-15 07:43:21");
	fixture_assert_answer(
		f->path,
		"SELECT protocol || ' ' || server || ' ' || port || ' ' || state || ' ' || "
		"mapped_port FROM sessions WHERE place = 0",
		"tcp 198.51.100.7 443 established 1024");
}

static void test_locked(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	sqlite3 *other;

	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(store_begin(store), ==, -EBUSY);
	g_assert_nonnull(strstr(store_error(store), "database is locked"));
	store_roll_back(store);
	g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
	fixture_write_rows(store, 3, false);
	sqlite3_close(other);
	store_close(store);
}

/* The log is bounded, but for what a reader still needs. */
static void test_long_reader(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	uint64_t size = 1;
	sqlite3 *other;

	fixture_write_rows(store, 1000, false);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, ==, 0);
	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(
		sqlite3_exec(other, "BEGIN; SELECT count(*) FROM binding", NULL, NULL, NULL), ==,
		SQLITE_OK);
	fixture_write_rows(store, 2000, false);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, >, 0);
	g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, ==, 0);
	sqlite3_close(other);
	store_close(store);
}

static void test_moved(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);

	g_assert_false(store_has_moved(store));
	fixture_clean(f);
	g_assert_true(store_has_moved(store));
	store_close(store);
}

struct segments {
	uint32_t of_tcp;
	unsigned n;
};

static void see_segments(void *context, const struct persist_row *row)
{
	struct segments *segments = context;

	if (row->kind != PERSIST_SESSION)
		return;
	segments->n++;
	if (row->protocol == PROTOCOL_TCP)
		segments->of_tcp = row->session.segments;
}

/* What is known of a session's segments comes back; a number that is none is a bad row. */
static void test_segments(struct store_fixture *f, gconstpointer data)
{
	static const char *const none[] = {"-1", "16777216", "4294967296"};
	struct store *store = fixture_open(f);
	struct persist_row session = fixture_session(0);
	struct segments segments = {0};
	uint64_t n_bad;

	fixture_write_rows(store, 3, false);
	session.session.segments = SESSION_SEGMENTS_MAX;
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put(store, &session), ==, 0);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, true), ==, 0);
	g_assert_cmpint(store_load(store, &fixture_boot_1, see_segments, &segments, &n_bad), ==, 0);
	g_assert_cmpuint(n_bad, ==, 0);
	g_assert_cmpuint(segments.n, ==, 3);
	g_assert_cmpuint(segments.of_tcp, ==, SESSION_SEGMENTS_MAX);
	for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
		g_autofree char *sql = g_strconcat("UPDATE session SET segments = ", none[i],
						   " WHERE place = 0", NULL);

		fixture_sql(f, sql);
		segments.n = 0;
		g_assert_cmpint(store_load(store, &fixture_boot_1, see_segments, &segments, &n_bad),
				==, 0);
		g_assert_cmpuint(n_bad, ==, 1);
		g_assert_cmpuint(segments.n, ==, 2);
	}
	store_close(store);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/store/rows", test_rows},
		{"/store/prefixes", test_prefixes},
		{"/store/clocks", test_clocks},
		{"/store/boots", test_boots},
		{"/store/view", test_view},
		{"/store/locked", test_locked},
		{"/store/long_reader", test_long_reader},
		{"/store/moved", test_moved},
		{"/store/segments", test_segments},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
