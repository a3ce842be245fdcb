/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/store_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/store_internal.h"

#define FRESH     STORE_FILE ".restore"
#define COPY_SIZE 65536
#define BUSY_MS   1000

struct restoring {
	const char *directory;
	const char *file;
	char *path;  /* of the database */
	char *fresh; /* of the copy */
	char *text;
};

static int fail(struct restoring *restoring, int error, const char *path, const char *doing)
{
	(void)g_snprintf(restoring->text, STORE_TEXT_SIZE, "%s %s: %s", path, doing,
			 g_strerror(error));
	return -error;
}

/* What is written since lies there, and would be missing. */
static int check_no_log(struct restoring *restoring)
{
	char *wal = g_strconcat(restoring->file, "-wal", NULL);
	struct stat status;
	bool has_log = stat(wal, &status) == 0 && status.st_size > 0;

	g_free(wal);
	if (!has_log)
		return 0;
	(void)g_snprintf(restoring->text, STORE_TEXT_SIZE,
			 "%s is a database in use, with its newest changes in %s-wal: 'nat64ctl "
			 "snapshot --to FILE' makes one that can be restored",
			 restoring->file, restoring->file);
	return -EINVAL;
}

static int open_file(struct restoring *restoring, int *ret)
{
	int fd = open(restoring->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return fail(restoring, errno, restoring->file, "can not be read");
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		(void)close(fd);
		(void)g_snprintf(restoring->text, STORE_TEXT_SIZE,
				 "%s is no file: a snapshot is wanted", restoring->file);
		return -EINVAL;
	}
	*ret = fd;
	return 0;
}

/* Whose the directory is, his is the database. */
static int make_fresh(struct restoring *restoring, int *ret)
{
	struct stat status;
	int fd;

	if (stat(restoring->directory, &status) < 0)
		return fail(restoring, errno, restoring->directory, "is not the state directory");
	(void)g_unlink(restoring->fresh);
	fd = open(restoring->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(restoring, errno, restoring->fresh, "can not be made");
	if (geteuid() == 0 && fchown(fd, status.st_uid, status.st_gid) < 0) {
		int error = errno;

		(void)close(fd);
		return fail(restoring, error, restoring->fresh, "can not be given its owner");
	}
	*ret = fd;
	return 0;
}

static int copy(struct restoring *restoring, int from, int to)
{
	char *data = g_malloc(COPY_SIZE);
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && (n = read(from, data, COPY_SIZE)) > 0)
		for (ssize_t done = 0; r == 0 && done < n;) {
			ssize_t written = write(to, data + done, (size_t)(n - done));

			if (written < 0)
				r = fail(restoring, errno, restoring->fresh, "can not be written");
			else
				done += written;
		}
	if (n < 0)
		r = fail(restoring, errno, restoring->file, "can not be read");
	if (r == 0 && fsync(to) < 0)
		r = fail(restoring, errno, restoring->fresh, "can not be made safe");
	g_free(data);
	return r;
}

/* One problem says enough; it is said of the file that was given. */
static void note_problem(void *context, const char *problem)
{
	struct restoring *restoring = context;
	size_t length = strlen(restoring->fresh);
	bool is_fresh = strncmp(problem, restoring->fresh, length) == 0;

	if (!restoring->text[0])
		(void)g_snprintf(restoring->text, STORE_TEXT_SIZE, "%s%s",
				 is_fresh ? restoring->file : "",
				 is_fresh ? problem + length : problem);
}

static int check(struct restoring *restoring, struct store_restored *ret)
{
	struct store store = {.path = restoring->fresh, .config = {.busy_ms = BUSY_MS}};
	int64_t version = 0, n_bindings = 0, n_sessions = 0, wall_ms = 0;
	int result, r;

	if (store_check_file(restoring->fresh, note_problem, restoring) > 0)
		return -EUCLEAN;
	result = store_open_read_only(&store);
	r = result == SQLITE_OK ? 0 : store_fail(&store, result, "can not be read");
	if (r == 0) {
		store_harden(&store);
		r = store_read_version(&store, &version);
	}
	if (r == 0 && version == 0) {
		(void)g_snprintf(store.error, sizeof(store.error), "%s is empty", store.path);
		r = -EUCLEAN;
	}
	if (r == 0)
		r = store_number(&store, "SELECT count(*) FROM binding", &n_bindings);
	if (r == 0)
		r = store_number(&store, "SELECT count(*) FROM session", &n_sessions);
	if (r == 0)
		r = store_number(&store, "SELECT wall_ms FROM meta", &wall_ms);
	if (r < 0)
		note_problem(restoring, store.error);
	ret->n_bindings = (uint64_t)n_bindings;
	ret->n_sessions = (uint64_t)n_sessions;
	ret->wall_s = wall_ms / 1000;
	store_shut(&store);
	return r;
}

/* Nobody has it open: only then SQLite puts its log into it. One that is damaged is nobody's. */
static int check_unused(struct restoring *restoring)
{
	struct store store = {.path = restoring->path, .config = {.busy_ms = BUSY_MS}};
	sqlite3_stmt *statement = NULL;
	/* The directory is another user's, who could have put a link there to a file of ours. */
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	bool in_use;
	int result = sqlite3_open_v2(store.path, &store.db, flags, NULL);

	if (result == SQLITE_OK) {
		store_harden(&store);
		result = sqlite3_prepare_v2(store.db, "PRAGMA journal_mode = DELETE", -1,
					    &statement, NULL);
	}
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	in_use = (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED ||
		 (result == SQLITE_ROW &&
		  g_strcmp0((const char *)sqlite3_column_text(statement, 0), "wal") == 0);
	(void)sqlite3_finalize(statement);
	store_shut(&store);
	if (!in_use)
		return 0;
	(void)g_snprintf(restoring->text, STORE_TEXT_SIZE,
			 "%s is in use: stop nat64d, restore, and start it again", restoring->path);
	return -EBUSY;
}

/* A script that restores again keeps no copy of the same. */
static bool is_same(const struct restoring *restoring)
{
	GMappedFile *one = g_mapped_file_new(restoring->path, FALSE, NULL);
	GMappedFile *other = g_mapped_file_new(restoring->fresh, FALSE, NULL);
	bool same = one && other &&
		    g_mapped_file_get_length(one) == g_mapped_file_get_length(other) &&
		    memcmp(g_mapped_file_get_contents(one), g_mapped_file_get_contents(other),
			   g_mapped_file_get_length(one)) == 0;

	if (one)
		g_mapped_file_unref(one);
	if (other)
		g_mapped_file_unref(other);
	return same;
}

static int set_aside(struct restoring *restoring)
{
	struct store store = {.path = restoring->path,
			      .config = {.directory = restoring->directory}};
	int r = store_set_aside(&store, "replaced", "");

	if (r < 0)
		(void)g_strlcpy(restoring->text, store.error, STORE_TEXT_SIZE);
	return r;
}

static int put_in_place(struct restoring *restoring, struct store_restored *ret)
{
	int fd, r = 0;

	ret->had_other = g_file_test(restoring->path, G_FILE_TEST_EXISTS);
	if (ret->had_other)
		r = set_aside(restoring);
	if (r == 0 && g_rename(restoring->fresh, restoring->path) < 0)
		r = fail(restoring, errno, restoring->path, "can not be replaced");
	fd = open(restoring->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && (fd < 0 || fsync(fd) < 0))
		r = fail(restoring, errno, restoring->directory, "can not be made safe");
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int restore(struct restoring *restoring, bool dry, struct store_restored *ret)
{
	int from = -1, to = -1;
	int r = check_no_log(restoring);

	if (r == 0)
		r = open_file(restoring, &from);
	if (r == 0)
		r = make_fresh(restoring, &to);
	if (r == 0)
		r = copy(restoring, from, to);
	if (from >= 0)
		(void)close(from);
	if (to >= 0)
		(void)close(to);
	if (r == 0)
		r = check(restoring, ret);
	if (r == 0 && g_file_test(restoring->path, G_FILE_TEST_EXISTS))
		r = check_unused(restoring);
	ret->is_there = r == 0 && is_same(restoring);
	if (r == 0 && !dry && !ret->is_there)
		r = put_in_place(restoring, ret);
	if (to >= 0)
		(void)g_unlink(restoring->fresh);
	return r;
}

int store_restore(const char *directory, const char *file, bool dry, struct store_restored *ret,
		  char text[STORE_TEXT_SIZE])
{
	/* The way to it may have links, as that of a service with a user of its own has. */
	char *real = realpath(directory, NULL);
	struct restoring restoring = {
		.directory = real ? real : directory,
		.file = file,
		.path = g_build_filename(real ? real : directory, STORE_FILE, NULL),
		.fresh = g_build_filename(real ? real : directory, FRESH, NULL),
		.text = text,
	};
	int r;

	text[0] = '\0';
	*ret = (struct store_restored){0};
	r = restore(&restoring, dry, ret);
	g_free(restoring.path);
	g_free(restoring.fresh);
	free(real);
	return r;
}
