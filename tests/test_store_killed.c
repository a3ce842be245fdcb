/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that is killed while it brings the state database up to date: before and after each
 * statement, and every few steps of SQLite's machine in between. What it leaves is sound, of one
 * version as a whole, and the next one goes on from there.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/store.h"

#define MACHINE_STEPS 40

static char *directory;
static char *path;

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

static int try_open(struct store **ret, char text[STORE_TEXT_SIZE])
{
	const struct store_config config = {.directory = directory, .sync = false};

	return store_open(&config, ret, text);
}

/* False: it came to its end before. */
static bool is_killed_after(unsigned n)
{
	pid_t child = fork();
	int status;

	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		char text[STORE_TEXT_SIZE] = "";
		struct store *store = NULL;

		n_left = n;
		is_mortal = true;
		_exit(try_open(&store, text) == 0 ? 0 : 1);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	if (WIFSIGNALED(status)) {
		g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
		return true;
	}
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	return false;
}

static char *ask(const char *file, const char *question)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	char *answer;

	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, question, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	answer = g_strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

static int64_t ask_number(const char *file, const char *question)
{
	char *answer = ask(file, question);
	int64_t number = g_ascii_strtoll(answer, NULL, 10);

	g_free(answer);
	return number;
}

/* Sound, and it has the tables of its version: all of them, and none of the next. */
static int64_t assert_whole(const char *file)
{
	static const char *const table[STORE_VERSION] = {"session", "closed_binding", "pool6"};
	int64_t version = ask_number(file, "PRAGMA user_version");
	char *answer = ask(file, "PRAGMA integrity_check");

	g_assert_cmpstr(answer, ==, "ok");
	g_free(answer);
	for (unsigned i = 0; i < STORE_VERSION; i++) {
		char *question = g_strdup_printf(
			"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'",
			table[i]);

		g_assert_cmpint(ask_number(file, question), ==, version > i ? 1 : 0);
		g_free(question);
	}
	return version;
}

static void clean(void)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		char *file = g_build_filename(directory, name, NULL);

		(void)g_unlink(file);
		g_free(file);
	}
	g_dir_close(dir);
}

/* As that version has left it, with a binding and a session; 0: there is none. */
static void make_version(int version)
{
	static const char *const steps[] = {"001_state.sql", "002_changes.sql", "003_pool6.sql"};
	sqlite3 *db;

	if (version == 0)
		return;
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	for (int i = 0; i < version; i++) {
		char *file = g_build_filename(SCHEMA, steps[i], NULL);
		char *text = NULL;

		g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
		g_assert_cmpint(sqlite3_exec(db, text, NULL, NULL, NULL), ==, SQLITE_OK);
		g_free(text);
		g_free(file);
	}
	char *rest = g_strdup_printf(
		"PRAGMA application_id = %d; PRAGMA user_version = %d; PRAGMA journal_mode = WAL;"
		"INSERT INTO binding VALUES (0, X'20010db8000100000000000000000002', 0, "
		"3405803777, 1024, 0, 0, 0, 1000);"
		"INSERT INTO session VALUES (0, 0, 0, 3325256711, 443, 3, 0, 5000)",
		STORE_APPLICATION_ID, version);
	g_assert_cmpint(sqlite3_exec(db, rest, NULL, NULL, NULL), ==, SQLITE_OK);
	g_free(rest);
	sqlite3_close(db);
}

static void count_row(void *context, const struct persist_row *row)
{
	unsigned *n = context;

	(*n)++;
}

/* The next daemon has everything, and nothing was set aside. */
static void assert_goes_on(int from)
{
	const struct store_clock now = {.boot_ms = 1000, .wall_ms = 1000, .boot_id = "boot 1"};
	char text[STORE_TEXT_SIZE] = "";
	struct store *store = NULL;
	unsigned n_rows = 0;
	uint64_t n_bad;

	if (try_open(&store, text) < 0)
		g_error("%s", text);
	g_assert_cmpint(store_load(store, &now, count_row, &n_rows, &n_bad), ==, 0);
	g_assert_cmpuint(n_rows, ==, from > 0 ? 2 : 0);
	store_close(store);
	g_assert_cmpint(assert_whole(path), ==, STORE_VERSION);
	if (from > 0) {
		char *copy = g_strdup_printf("%s.v%d", path, from);
		GDir *dir = g_dir_open(directory, 0, NULL);
		const char *name;

		g_assert_cmpint(assert_whole(copy), ==, from);
		g_assert_cmpint(ask_number(copy, "SELECT count(*) FROM session"), ==, 1);
		while ((name = g_dir_read_name(dir)))
			g_assert_false(g_str_has_prefix(name, "state.db.corrupt"));
		g_dir_close(dir);
		g_free(copy);
	}
}

static void test_killed(gconstpointer data)
{
	int from = GPOINTER_TO_INT(data);
	unsigned n_of[STORE_VERSION + 1] = {0};
	bool killed = true;
	unsigned n = 0;

	directory = g_dir_make_tmp("nat64d-killed-XXXXXX", NULL);
	g_assert_nonnull(directory);
	path = g_build_filename(directory, "state.db", NULL);
	for (; killed; n++) {
		int64_t version;

		make_version(from);
		killed = is_killed_after(n);
		version = assert_whole(path);
		g_assert_cmpint(version, >=, from);
		g_assert_cmpint(version, <=, STORE_VERSION);
		n_of[version]++;
		assert_goes_on(from);
		clean();
	}
	g_test_message("killed at %u places", n - 1);
	/* It was met in each version on the way. */
	for (int i = from; i <= STORE_VERSION; i++)
		g_assert_cmpuint(n_of[i], >, 0);
	g_assert_cmpuint(n, >, 20);
	(void)g_rmdir(directory);
	g_free(path);
	g_free(directory);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	(void)sqlite3_auto_extension((void (*)(void))hook);
	for (int from = 0; from < STORE_VERSION; from++) {
		char *name = g_strdup_printf("/store_killed/from_version_%d", from);

		g_test_add_data_func(name, GINT_TO_POINTER(from), test_killed);
		g_free(name);
	}
	return g_test_run();
}
