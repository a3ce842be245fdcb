/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nat64d --check says of the state database. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store_fixture.h"

static void note(void *context, const char *problem)
{
	g_test_message("%s", problem);
	(void)g_strlcpy(context, problem, STORE_TEXT_SIZE);
}

/* Whatever there is, it is the same afterwards. word NULL: there is nothing wrong with it. */
static void assert_check(struct store_fixture *f, const char *word)
{
	char problem[STORE_TEXT_SIZE] = "";
	guint n_before = fixture_n_files(f, "");
	char *before = NULL, *after = NULL;
	gsize size = 0, size_after = 0;
	unsigned n;

	(void)g_file_get_contents(f->path, &before, &size, NULL);
	n = store_check(f->directory, note, problem);
	if (word) {
		g_assert_cmpuint(n, >, 0);
		g_assert_nonnull(strstr(problem, word));
		g_assert_nonnull(strstr(problem, f->path));
	} else {
		g_assert_cmpuint(n, ==, 0);
	}
	(void)g_file_get_contents(f->path, &after, &size_after, NULL);
	g_assert_cmpmem(before, size, after, size_after);
	g_assert_cmpuint(fixture_n_files(f, ""), ==, n_before);
	g_free(before);
	g_free(after);
}

static void test_check(struct store_fixture *f, gconstpointer data)
{
	struct store *store;

	assert_check(f, NULL); /* no file */
	store = fixture_open(f);
	fixture_write_rows(store, 2000, true);
	assert_check(f, NULL); /* somebody has it open, */
	g_assert_cmpint(store_begin(store), ==, 0);
	assert_check(f, NULL); /* and is writing */
	store_roll_back(store);
	store_close(store);
	assert_check(f, NULL);
	fixture_sql(f, "DROP TABLE session");
	assert_check(f, "has other tables than ours");
	fixture_sql(f, "PRAGMA user_version = " FIXTURE_NEWER);
	assert_check(f, "is of a newer version of nat64d (" FIXTURE_NEWER
			", this one knows up to " FIXTURE_VERSION ")");
	fixture_sql(f, "PRAGMA application_id = 7");
	assert_check(f, "is of another program");
	fixture_clean(f);
	fixture_make_version(f, 1);
	assert_check(f, NULL);
	fixture_clean(f);
	g_assert_true(g_file_set_contents(f->path, "no database, but some text ......", -1, NULL));
	assert_check(f, "file is not a database");
	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
	assert_check(f, NULL);
	fixture_clean(f);
	g_assert_cmpint(symlink(f->path, f->path), ==, 0);
	assert_check(f, "can not be read: Too many levels of symbolic links");
}

/* Everybody may check a configuration. */
static void test_check_not_ours(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	pid_t child;
	int status;

	store_close(store);
	g_assert_cmpint(chmod(f->path, 0), ==, 0);
	child = fork();
	if (child == 0) {
		char problem[STORE_TEXT_SIZE] = "";
		unsigned n;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(77);
		n = store_check(f->directory, note, problem);
		_exit(n == 0 && strstr(problem, "is not checked") ? 0 : 1);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
}

/* A page that is others' bytes now. */
static void test_check_damaged(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	char *content = NULL;
	gsize size;

	fixture_write_rows(store, 2000, true);
	store_close(store);
	g_assert_true(g_file_get_contents(f->path, &content, &size, NULL));
	g_assert_cmpuint(size, >, 80000);
	memset(content + 40960, '\033', 4096);
	g_assert_true(g_file_set_contents(f->path, content, (gssize)size, NULL));
	assert_check(f, "is damaged: ");
	g_assert_cmpint(truncate(f->path, 40960), ==, 0);
	assert_check(f, "state.db ");
	g_free(content);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/store_check/check", test_check},
		{"/store_check/not_ours", test_check_not_ours},
		{"/store_check/damaged", test_check_damaged},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
