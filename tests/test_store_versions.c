/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of older versions, and a file of a newer one. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tests/store_fixture.h"

/* What is kept is what the steps make still today: none of them was edited. */
static void test_kept(struct store_fixture *f, gconstpointer data)
{
	for (int version = 1; version < STORE_VERSION; version++) {
		fixture_make_version(f, version);
		g_assert_cmpint(fixture_assert_whole(f->path), ==, version);
		fixture_clean(f);
	}
}

/* From each version, and then never again. */
static void test_upgrade(struct store_fixture *f, gconstpointer data)
{
	for (int version = 1; version < STORE_VERSION; version++) {
		char *copy = g_strdup_printf("%s.v%d", f->path, version);
		struct store *store;

		fixture_make_version(f, version);
		store = fixture_open(f);
		fixture_assert_loads(store, &fixture_boot_1, FIXTURE_KEPT, 0);
		fixture_write_rows(store, 2 * FIXTURE_KEPT, false);
		fixture_assert_loads(store, &fixture_boot_1, 2 * FIXTURE_KEPT, 0);
		store_close(store);
		g_assert_cmpuint(f->news->len, ==, 1);
		g_assert_cmpint(fixture_assert_whole(f->path), ==, STORE_VERSION);
		g_assert_cmpint(fixture_assert_whole(copy), ==, version);
		g_assert_cmpint(fixture_ask_number(copy, "SELECT count(*) FROM binding"), ==,
				FIXTURE_KEPT);
		if (version >= 2)
			fixture_assert_answer(
				f->path, "SELECT value FROM setting WHERE key = 'UDP'", "6min");
		if (version >= 2)
			fixture_assert_answer(
				f->path,
				"SELECT client || ' ' || port6 || ' ' || mapped || ' ' || port4 || "
				"' ' || "
				"created FROM closed",
				"2001:0db8:0001:0000:0000:0000:0000:0002 5000 203.0.113.1 2000 "
				"2027-01-15 07:43:20");
		store = fixture_open(f);
		store_close(store);
		g_assert_cmpuint(f->news->len, ==, 1);
		fixture_clean(f);
		g_free(copy);
	}
}

/* A step that can not be taken changes nothing of the file that is set aside. */
static void test_upgrade_fails(struct store_fixture *f, gconstpointer data)
{
	struct store *store;
	GPtrArray *aside;

	fixture_make_version(f, 1);
	fixture_sql(f, "CREATE TABLE setting (x)");
	store = fixture_open(f);
	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	store_close(store);
	aside = fixture_files(f, "state.db.corrupt-");
	g_assert_cmpuint(aside->len, ==, 1);
	fixture_assert_answer(g_ptr_array_index(aside, 0), "PRAGMA user_version", "1");
	fixture_assert_answer(g_ptr_array_index(aside, 0),
			      "SELECT count(*) FROM sqlite_schema WHERE name = 'pool4_entry'", "0");
	g_ptr_array_unref(aside);
}

/* Where nothing can be written, one of an older version is restored all the same, and stays as it
 * is. */
static void test_upgrade_without_room(struct store_fixture *f, gconstpointer data)
{
	const struct store_config config = {.directory = f->directory, .or_read = true};
	const struct store_config to_write = {.directory = f->directory};
	char text[STORE_TEXT_SIZE];

	for (int version = 1; version < STORE_VERSION; version++) {
		g_autofree char *fresh = g_strdup_printf("%s.v%d.new", f->path, version);
		g_autofree char *in_it = g_build_filename(fresh, "in-the-way", NULL);
		struct store *store;

		fixture_make_version(f, version);
		g_assert_cmpint(g_mkdir_with_parents(in_it, 0700), ==, 0);
		g_assert_cmpint(store_open(&to_write, &store, text), <, 0);
		g_assert_nonnull(strstr(text, "can not be copied before it is upgraded"));
		g_assert_cmpint(store_open(&config, &store, text), ==, 0);
		g_assert_nonnull(strstr(text, "can not be copied before it is upgraded"));
		fixture_assert_loads(store, &fixture_boot_1, FIXTURE_KEPT, 0);
		/* Nobody takes this for the file. */
		g_assert_cmpint(store_begin(store) == 0 && store_cut(store, 0, 0) == 0, ==, false);
		store_close(store);
		g_assert_cmpint(g_rmdir(in_it), ==, 0);
		g_assert_cmpint(g_rmdir(fresh), ==, 0);
		g_assert_cmpint(fixture_assert_whole(f->path), ==, version);
		fixture_clean(f);
	}
}

/* One of a newer version: the newest copy that we know is used, and without one it begins empty. */
static void test_newer(struct store_fixture *f, gconstpointer data)
{
	for (int version = STORE_VERSION; version >= 0; version--) {
		char *copy = g_strdup_printf("%s.v%d", f->path, MAX(version, 1));
		struct store *store;

		fixture_make_version(f, version);
		if (version > 0)
			g_assert_cmpint(g_rename(f->path, copy), ==, 0);
		store_close(fixture_open(f));
		g_ptr_array_set_size(f->news, 0);
		fixture_sql(f, "PRAGMA user_version = " FIXTURE_NEWER);
		store = fixture_open(f);
		fixture_assert_loads(store, &fixture_boot_1, version > 0 ? FIXTURE_KEPT : 0, 0);
		store_close(store);
		g_assert_cmpint(fixture_assert_whole(f->path), ==, STORE_VERSION);
		g_assert_cmpuint(fixture_n_files(f, "state.db.newer-"), ==, 1);
		g_assert_nonnull(strstr(g_ptr_array_index(f->news, 0), "of a newer version"));
		g_assert_cmpint(g_file_test(copy, G_FILE_TEST_EXISTS), ==, version > 0);
		fixture_clean(f);
		g_free(copy);
	}
}

/* And if that copy is newer as well, it begins empty. */
static void test_newer_copy(struct store_fixture *f, gconstpointer data)
{
	g_autofree char *copy = g_strconcat(f->path, ".v" FIXTURE_VERSION, NULL);
	struct store *store;

	for (unsigned i = 0; i < 2; i++) {
		fixture_make_version(f, STORE_VERSION);
		fixture_sql(f, "PRAGMA user_version = " FIXTURE_NEWER);
		if (i == 0)
			g_assert_cmpint(g_rename(f->path, copy), ==, 0);
	}
	store = fixture_open(f);
	fixture_assert_loads(store, &fixture_boot_1, 0, 0);
	store_close(store);
	g_assert_cmpint(fixture_assert_whole(f->path), ==, STORE_VERSION);
	g_assert_cmpuint(fixture_n_files(f, "state.db.newer-"), ==, 2);
	fixture_clean(f);
}

/* An upgrade, and the way back: what the older program has left is used, not what came later. */
static void test_downgrade(struct store_fixture *f, gconstpointer data)
{
	struct store *store;

	fixture_make_version(f, STORE_VERSION - 1);
	store = fixture_open(f);
	fixture_write_rows(store, 50, true);
	store_close(store);
	fixture_sql(f, "PRAGMA user_version = " FIXTURE_NEWER);
	store = fixture_open(f);
	fixture_assert_loads(store, &fixture_boot_1, FIXTURE_KEPT, 0);
	store_close(store);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/store_versions/kept", test_kept},
		{"/store_versions/upgrade", test_upgrade},
		{"/store_versions/upgrade_fails", test_upgrade_fails},
		{"/store_versions/upgrade_without_room", test_upgrade_without_room},
		{"/store_versions/newer", test_newer},
		{"/store_versions/newer_copy", test_newer_copy},
		{"/store_versions/downgrade", test_downgrade},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
