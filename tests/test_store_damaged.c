/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that can not be used, or only in part. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "tests/store_fixture.h"

static void assert_set_aside(struct store_fixture *f, const char *word)
{
	struct store *store = fixture_open(f);

	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	fixture_write_rows(store, 3, false);
	fixture_assert_loads(store, &fixture_boot_1, 3, 0);
	store_close(store);
	g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt-"), >=, 1);
	g_assert_cmpuint(f->news->len, ==, 1);
	g_assert_nonnull(strstr(g_ptr_array_index(f->news, 0), word));
	fixture_clean(f);
}

static void test_foreign(struct store_fixture *f, gconstpointer data)
{
	fixture_sql(f, "CREATE TABLE t (x); PRAGMA application_id = 7");
	assert_set_aside(f, "of another program");
	fixture_sql(f, "CREATE TABLE t (x)");
	assert_set_aside(f, "of another program");
	g_assert_true(
		g_file_set_contents(f->path, "this is no database, but text ......", -1, NULL));
	assert_set_aside(f, "file is not a database");
	fixture_sql(f, "CREATE TABLE t (x); PRAGMA application_id = 1312175204; PRAGMA "
		       "user_version = " FIXTURE_VERSION);
	assert_set_aside(f, "has other tables than ours: 'binding' is missing");
	fixture_sql(
		f,
		"CREATE TABLE t (x); PRAGMA application_id = 1312175204; PRAGMA user_version = -2");
	assert_set_aside(f, "of version -2");
	fixture_sql(
		f,
		"CREATE VIEW meta AS SELECT '' AS boot_id, 0 AS boot_ms, 0 AS wall_ms, 0 AS owner, "
		"0 AS "
		"clean, 1 AS only_row; PRAGMA application_id = 1312175204; PRAGMA user_version "
		"= " FIXTURE_VERSION);
	assert_set_aside(f, "state.db");
}

/* What is there besides, or otherwise, could be code, and is never run or asked. */
static void test_hostile_schema(struct store_fixture *f, gconstpointer data)
{
	static const struct {
		const char *sql;
		const char *says;
	} cases[] = {
		{"CREATE TRIGGER t AFTER INSERT ON binding BEGIN DELETE FROM session; END",
		 "'t' is none of ours"},
		{"CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM binding; END",
		 "'t' is none of ours"},
		{"CREATE INDEX a ON binding (abs(port6))", "'a' is none of ours"},
		{"CREATE VIEW zz AS SELECT 1", "'zz' is none of ours"},
		{"CREATE TABLE sessions2 (x)", "'sessions2' is none of ours"},
		{"ALTER TABLE session ADD COLUMN x INTEGER AS (abs(port4))",
		 "'session' is not as ours"},
		{"DROP VIEW sessions", "'sessions' is missing"},
		{"DROP TABLE pool6; CREATE VIEW pool6 AS SELECT 1 AS place, x'' AS address, 96 AS "
		 "length",
		 "'pool6' is not as ours"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct store *store = fixture_open(f);

		g_test_message("%s", cases[i].sql);
		fixture_write_rows(store, 3, true);
		store_close(store);
		fixture_sql(f, cases[i].sql);
		assert_set_aside(f, cases[i].says);
	}
	/* In an older one, before anything is done with it. */
	fixture_make_version(f, 1);
	fixture_sql(f, "CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM binding; END");
	assert_set_aside(f, "'t' is none of ours");
}

/* What somebody's tool may leave when it looks at the file changes nothing. */
static void test_analyzed(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);

	fixture_write_rows(store, 3, true);
	store_close(store);
	fixture_sql(f, "ANALYZE");
	g_assert_cmpint(fixture_ask_number(f->path,
					   "SELECT count(*) FROM sqlite_schema WHERE name = "
					   "'sqlite_stat1'"),
			==, 1);
	store_close(fixture_open(f));
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM binding"), ==, 3);
	g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt-"), ==, 0);
	/* By that name, but not that: it could be code. */
	fixture_sql(f, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
		       "'CREATE TABLE sqlite_stat1(tbl,idx,stat CHECK(abs(1)))' WHERE name = "
		       "'sqlite_stat1'");
	assert_set_aside(f, "'sqlite_stat1' is none of ours");
}

/* Three of each are kept, the newest, and nothing that has another name. */
static void test_kept(struct store_fixture *f, gconstpointer data)
{
	static const char *const others[] = {
		"corrupt-20200101T000000Z",     "corrupt-20200101T000000Z-2",
		"corrupt-20200101T000000Z-wal", "corrupt-20200101T000000Z-10",
		"corrupt-99990101T000000Z",     "corrupt-mine",
		"newer-20200101T000000Z",       "corrupt-20200101T000000Z.gz",
	};
	static const bool kept[] = {false, false, false, true, true, true, true, true};

	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		char *path = g_strdup_printf("%s.%s", f->path, others[i]);

		g_assert_true(g_file_set_contents(path, "x", 1, NULL));
		g_free(path);
	}
	g_assert_true(g_file_set_contents(f->path, "no database, but some text ......", -1, NULL));
	store_close(fixture_open(f));
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		char *path = g_strdup_printf("%s.%s", f->path, others[i]);

		g_test_message("%s", path);
		g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, kept[i]);
		g_free(path);
	}
	for (unsigned i = 0; i < 20; i++) {
		g_assert_true(
			g_file_set_contents(f->path, "again no database .........", -1, NULL));
		store_close(fixture_open(f));
		g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt-"), ==, 3 + 2);
	}
}

static void test_empty_file(struct store_fixture *f, gconstpointer data)
{
	struct store *store;

	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
	store = fixture_open(f);
	fixture_write_rows(store, 3, false);
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 0);
}

static void test_truncated(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct fixture_loaded loaded = {.any = true};
	uint64_t n_bad;

	fixture_write_rows(store, 2000, true);
	store_close(store);
	g_assert_cmpint(truncate(f->path, 40960), ==, 0);
	store = fixture_open(f);
	if (f->news->len == 0) { /* then it is found out when it is read */
		g_assert_cmpint(
			store_load(store, &fixture_boot_1, fixture_check_row, &loaded, &n_bad), ==,
			-EUCLEAN);
		g_assert_cmpint(store_set_aside_open(store), ==, 0);
		store_close(store);
		store = fixture_open(f);
	}
	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	store_close(store);
	g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt-"), ==, 1);
}

/* Random bytes of 200 files: it opens, and what is read is read to an end, whatever it is. */
static void test_flipped_bytes(struct store_fixture *f, gconstpointer data)
{
	GRand *random = g_rand_new_with_seed(20111201);
	struct store *store = fixture_open(f);
	char *good = NULL;
	unsigned n_damaged = 0;
	gsize size;

	fixture_write_rows(store, 300, true);
	store_close(store);
	g_assert_true(g_file_get_contents(f->path, &good, &size, NULL));
	for (unsigned i = 0; i < 200; i++) {
		char *bad = g_memdup2(good, size);
		uint32_t n = 1u << g_rand_int_range(random, 0, 8);
		struct fixture_loaded loaded = {.any = true};
		uint64_t n_bad;
		int r;

		while (n-- > 0)
			bad[g_rand_int_range(random, 0, (int32_t)size)] =
				(char)g_rand_int_range(random, 0, 256);
		fixture_clean(f);
		g_assert_true(g_file_set_contents(f->path, bad, (gssize)size, NULL));
		store = fixture_open(f);
		r = store_load(store, &fixture_boot_1, fixture_check_row, &loaded, &n_bad);
		g_assert_true(r == 0 || r == -EUCLEAN);
		n_damaged += r == -EUCLEAN || f->news->len > 0;
		store_close(store);
		g_free(bad);
	}
	g_assert_cmpuint(n_damaged, >, 50);
	g_free(good);
	g_rand_free(random);
}

/* Values that nat64d never writes are counted, and the other rows are read. */
static void test_bad_values(struct store_fixture *f, gconstpointer data)
{
	static const char *const changes[] = {
		"UPDATE binding SET place = -1 WHERE place = 0",
		"UPDATE binding SET place = 3 WHERE place = 0",
		"UPDATE binding SET place = 9223372036854775804 WHERE place = 0",
		"UPDATE binding SET address6 = X'2001' WHERE place = 0",
		"UPDATE binding SET address6 = X'' WHERE place = 0",
		"UPDATE binding SET port6 = 65536 WHERE place = 0",
		"UPDATE binding SET address4 = 4294967296 WHERE place = 0",
		"UPDATE binding SET port4 = -1 WHERE place = 0",
		"UPDATE binding SET static = 2 WHERE place = 0",
		"UPDATE session SET until = 4294967296 WHERE place = 0",
		"UPDATE session SET until = -1099511627777 WHERE place = 0",
		"UPDATE binding SET created = -1099511627777 WHERE place = 0",
		"UPDATE binding SET created = 1099511627777 WHERE place = 0",
		"UPDATE session SET binding = -1 WHERE place = 0",
		"UPDATE session SET state = 256 WHERE place = 0",
		"UPDATE session SET pool6 = 256 WHERE place = 0",
		"UPDATE session SET pool6 = 16 WHERE place = 0",
		"UPDATE binding SET pool6 = -1 WHERE place = 0",
		"INSERT INTO pool6 VALUES (20, X'20', 96); UPDATE binding SET pool6 = 20 "
		"WHERE place = 0",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		struct store *store = fixture_open(f);
		struct fixture_loaded loaded = {.any = true};
		uint64_t n_bad;

		g_test_message("%s", changes[i]);
		fixture_write_rows(store, 3, true);
		store_close(store);
		fixture_sql(f, changes[i]);
		store = fixture_open(f);
		g_assert_cmpint(
			store_load(store, &fixture_boot_1, fixture_check_row, &loaded, &n_bad), ==,
			0);
		g_assert_cmpuint(n_bad, ==, 1);
		g_assert_cmpuint(loaded.n[PERSIST_BINDING] + loaded.n[PERSIST_SESSION], ==, 5);
		store_close(store);
		fixture_clean(f);
	}
}

/* Clocks that can not be. */
static void test_bad_clocks(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct fixture_loaded loaded = {.any = true};
	const struct store_clock now = {.boot_ms = 1, .wall_ms = 1, .boot_id = "boot 2"};
	uint64_t n_bad;

	fixture_write_rows(store, 3, true);
	store_close(store);
	fixture_sql(
		f, "UPDATE meta SET boot_ms = -9223372036854775807, wall_ms = 9223372036854775807");
	store = fixture_open(f);
	g_assert_cmpint(store_load(store, &now, fixture_check_row, &loaded, &n_bad), ==, 0);
	g_assert_cmpuint(loaded.n[PERSIST_SESSION], ==, 3);
	store_close(store);
}

static void test_no_directory(struct store_fixture *f, gconstpointer data)
{
	char text[STORE_TEXT_SIZE] = "";
	struct store *store = NULL;

	(void)g_rmdir(f->directory);
	g_assert_cmpint(fixture_try_open(f, &store, text), ==, -EROFS);
	g_assert_null(store);
	g_assert_nonnull(strstr(text, "state.db can not be opened: unable to open database file"));
	g_assert_cmpint(g_mkdir(f->directory, 0700), ==, 0);
	g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
	g_assert_cmpint(fixture_try_open(f, &store, text), ==, -EROFS);
	(void)g_rmdir(f->path);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/store_damaged/foreign", test_foreign},
		{"/store_damaged/hostile_schema", test_hostile_schema},
		{"/store_damaged/analyzed", test_analyzed},
		{"/store_damaged/kept", test_kept},
		{"/store_damaged/empty_file", test_empty_file},
		{"/store_damaged/truncated", test_truncated},
		{"/store_damaged/flipped_bytes", test_flipped_bytes},
		{"/store_damaged/bad_values", test_bad_values},
		{"/store_damaged/bad_clocks", test_bad_clocks},
		{"/store_damaged/no_directory", test_no_directory},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
