/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a database, without changing it; somebody else may be writing to it. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/store_internal.h"

#define PROBLEMS_MAX 100
#define BUSY_MS      2000

struct check {
	void (*each)(void *context, const char *problem);
	void *context;
	unsigned n;
};

static void say(struct check *check, const char *problem)
{
	check->n++;
	check->each(check->context, problem);
}

/* Without a log nobody has it open, and SQLite need not make the files by which readers and
 * writers know of each other. */
static int open_it(struct store *store)
{
	char *wal = g_strconcat(store->path, "-wal", NULL);
	bool is_quiet = !g_file_test(wal, G_FILE_TEST_EXISTS);
	int result = is_quiet ? store_open_read_only(store)
			      : sqlite3_open_v2(store->path, &store->db,
						SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	g_free(wal);
	return result == SQLITE_OK ? 0 : store_fail(store, result, "can not be opened");
}

/* What SQLite says of the pages: "ok", or lines, some of them titles. */
static void say_lines(struct store *store, struct check *check, const char *text)
{
	char **lines = g_strsplit(text ? text : "", "\n", -1);

	for (unsigned i = 0; lines[i] && check->n < PROBLEMS_MAX; i++) {
		if (strcmp(lines[i], "ok") == 0 || lines[i][0] == '\0' ||
		    g_str_has_prefix(lines[i], "***"))
			continue;
		(void)snprintf(store->error, sizeof(store->error), "%s is damaged: %s", store->path,
			       lines[i]);
		store_make_printable(store->error);
		say(check, store->error);
	}
	g_strfreev(lines);
}

static int check_pages(struct store *store, struct check *check)
{
	sqlite3_stmt *statement = NULL;
	char sql[64];
	int result;
	int r = 0;

	(void)snprintf(sql, sizeof(sql), "PRAGMA integrity_check(%d)", PROBLEMS_MAX);
	result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		while ((result = sqlite3_step(statement)) == SQLITE_ROW)
			say_lines(store, check, (const char *)sqlite3_column_text(statement, 0));
	/* That there is something, it has just said. */
	if (result != SQLITE_DONE && check->n == 0)
		r = store_fail(store, result, "can not be read");
	(void)sqlite3_finalize(statement);
	return r;
}

static int check_store(struct store *store, struct check *check)
{
	int64_t version = 0;
	int r = open_it(store);

	if (r < 0)
		return r;
	store_harden(store);
	r = store_read_version(store, &version);
	if (r == 0)
		r = check_pages(store, check);
	if (r == 0 && check->n == 0 && version > 0)
		r = store_check_schema(store, version);
	return r;
}

unsigned store_check_file(const char *path, void (*each)(void *context, const char *problem),
			  void *context)
{
	struct store *store = g_new0(struct store, 1);
	struct check check = {.each = each, .context = context};

	store->config.busy_ms = BUSY_MS;
	store->path = g_strdup(path);
	if (check_store(store, &check) < 0)
		say(&check, store->error);
	store_close(store);
	return check.n;
}

unsigned store_check(const char *directory, void (*each)(void *context, const char *problem),
		     void *context)
{
	struct store *store = g_new0(struct store, 1);
	struct check check = {.each = each, .context = context};

	store->config = (struct store_config){.directory = directory, .busy_ms = BUSY_MS};
	store->path = g_build_filename(directory, STORE_FILE, NULL);
	/* Without it, the daemon begins with an empty one. */
	if (access(store->path, R_OK) == 0) {
		if (check_store(store, &check) < 0)
			say(&check, store->error);
	} else if (errno == EACCES) {
		(void)snprintf(store->error, sizeof(store->error),
			       "%s is not checked, as you may not read it", store->path);
		each(context, store->error);
	} else if (errno != ENOENT) {
		(void)snprintf(store->error, sizeof(store->error), "%s can not be read: %s",
			       store->path, g_strerror(errno));
		say(&check, store->error);
	}
	store_close(store);
	return check.n;
}
