/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that is killed while it brings the state database up to date: before and after each
 * statement, and every few steps of SQLite's machine in between. What it leaves is sound, of one
 * version as a whole, and the next one goes on from there.
 */
#include <glib.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store_fixture.h"

#define MACHINE_STEPS 40

/* What is left of a file is the same with the address sanitizer, which makes each place cost ten
 * times as much: there it is to find out about the code, by every third one. */
#ifdef __SANITIZE_ADDRESS__
#define PLACES 3
#else
#define PLACES 1
#endif

/* In the child: whether, and how much, it has still to live. */
static bool is_mortal;
static unsigned n_left;

static void count_down(void)
{
	if (n_left-- == 0)
		(void)kill(getpid(), SIGKILL);
}

static int on_trace(unsigned event, void *context, void *statement, void *more)
{
	count_down();
	return 0;
}

static int on_progress(void *context)
{
	count_down();
	return 0;
}

/* Every connection that is opened. The kernel outlives us: nothing has to reach the disk. */
static int hook(sqlite3 *db, const char **ret_error, const void *api)
{
	(void)sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (!is_mortal)
		return SQLITE_OK;
	sqlite3_progress_handler(db, MACHINE_STEPS, on_progress, NULL);
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, on_trace, NULL);
}

/* False: it came to its end before. */
static bool is_killed_after(struct store_fixture *f, unsigned n)
{
	pid_t child = fork();
	int status;

	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		char text[STORE_TEXT_SIZE] = "";
		struct store *store = NULL;

		n_left = n;
		is_mortal = true;
		_exit(fixture_try_open(f, &store, text) == 0 ? 0 : 1);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	if (WIFSIGNALED(status)) {
		g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
		return true;
	}
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	return false;
}

/* The next daemon has everything, and nothing was set aside. */
static void assert_goes_on(struct store_fixture *f, int from)
{
	struct store *store = fixture_open(f);

	fixture_assert_loads(store, &fixture_boot_1, from > 0 ? FIXTURE_KEPT : 0, 0);
	store_close(store);
	g_assert_cmpint(fixture_assert_whole(f->path), ==, STORE_VERSION);
	if (from > 0) {
		char *copy = g_strdup_printf("%s.v%d", f->path, from);

		g_assert_cmpint(fixture_assert_whole(copy), ==, from);
		g_assert_cmpint(fixture_ask_number(copy, "SELECT count(*) FROM session"), ==,
				FIXTURE_KEPT);
		g_free(copy);
	}
	g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt"), ==, 0);
}

static void test_killed(struct store_fixture *f, gconstpointer data)
{
	int from = GPOINTER_TO_INT(data);
	unsigned n_of[STORE_VERSION + 1] = {0};
	bool killed = true;
	unsigned n = 0;

	for (; killed; n += PLACES) {
		int64_t version;

		fixture_make_version(f, from);
		killed = is_killed_after(f, n);
		version = fixture_assert_whole(f->path);
		g_assert_cmpint(version, >=, from);
		n_of[version]++;
		assert_goes_on(f, from);
		fixture_clean(f);
	}
	g_test_message("killed at %u places", n / PLACES - 1);
	/* It was met in each version on the way. */
	for (int i = from; i <= STORE_VERSION; i++)
		g_assert_cmpuint(n_of[i], >, 0);
	g_assert_cmpuint(n, >, 20);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	(void)sqlite3_auto_extension((void (*)(void))hook);
	for (int from = 0; from < STORE_VERSION; from++) {
		char *name = g_strdup_printf("/store_killed/from_version_%d", from);

		g_test_add(name, struct store_fixture, GINT_TO_POINTER(from), fixture_setup,
			   test_killed, fixture_teardown);
		g_free(name);
	}
	return g_test_run();
}
