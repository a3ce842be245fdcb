/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/store_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/store_internal.h"

#define STEP_PAGES 256

/* What is read is of one moment, and nothing that is written meanwhile makes the backup begin anew:
 * there is a transaction around it. */
static int copy_pages(struct store *store, sqlite3 *to, const atomic_bool *stop)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", store->db, "main");
	int result = backup ? SQLITE_OK : sqlite3_errcode(to);

	while (result == SQLITE_OK && !atomic_load(stop))
		result = sqlite3_backup_step(backup, STEP_PAGES);
	if (backup)
		(void)sqlite3_backup_finish(backup);
	if (result == SQLITE_DONE)
		return 0;
	return result == SQLITE_OK ? -ECANCELED : store_fail(store, result, "can not be copied");
}

static int copy(struct store *store, const char *fresh, const atomic_bool *stop)
{
	sqlite3 *to = NULL;
	int result = sqlite3_open(fresh, &to);
	int r;

	r = result == SQLITE_OK ? copy_pages(store, to, stop)
				: store_fail(store, result, "can not be copied");
	/* Whoever gets it needs no other file. */
	if (r == 0)
		result = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (r == 0 && result != SQLITE_OK)
		r = store_fail(store, result, "can not be copied");
	(void)sqlite3_close(to);
	return r;
}

static int fail(struct store *store, const char *path, const char *doing)
{
	int error = errno;

	(void)snprintf(store->error, sizeof(store->error), "%s %s: %s", path, doing,
		       g_strerror(error));
	return -error;
}

static int make_file(struct store *store, const char *fresh)
{
	int fd;

	(void)g_unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(store, fresh, "can not be made");
	(void)close(fd);
	return 0;
}

static int sync_path(struct store *store, const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || fsync(fd) < 0)
		r = fail(store, path, "can not be made safe");
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int put_in_place(struct store *store, const char *fresh, const char *path)
{
	char *directory = g_path_get_dirname(path);
	int r = sync_path(store, fresh, 0);

	if (r == 0 && g_rename(fresh, path) < 0)
		r = fail(store, path, "can not be replaced");
	if (r == 0)
		r = sync_path(store, directory, O_DIRECTORY);
	g_free(directory);
	return r;
}

static int write_copy(struct store *store, const char *path, const atomic_bool *stop,
		      uint64_t *ret_rows)
{
	char *fresh = g_strconcat(path, ".new", NULL);
	char *journal = g_strconcat(fresh, "-journal", NULL);
	int64_t n = 0;
	int r = make_file(store, fresh);

	if (r == 0)
		r = store_run(store, "BEGIN", "can not be read");
	if (r == 0)
		r = store_number(store,
				 "SELECT (SELECT count(*) FROM binding) + "
				 "(SELECT count(*) FROM session)",
				 &n);
	if (r == 0)
		r = copy(store, fresh, stop);
	if (r == 0)
		r = put_in_place(store, fresh, path);
	if (r < 0) {
		(void)g_unlink(fresh);
		(void)g_unlink(journal);
	}
	*ret_rows = (uint64_t)n;
	g_free(journal);
	g_free(fresh);
	return r;
}

int store_snapshot(const struct store_config *config, const char *path, const atomic_bool *stop,
		   uint64_t *ret_rows, char text[STORE_TEXT_SIZE])
{
	struct store *store = NULL;
	int r = store_open_reader(config, &store);

	if (r == 0)
		r = write_copy(store, path, stop, ret_rows);
	if (r == -ECANCELED)
		(void)g_strlcpy(text, "the daemon ends", STORE_TEXT_SIZE);
	else if (r < 0)
		(void)g_strlcpy(text, store->error, STORE_TEXT_SIZE);
	store_close(store);
	return r;
}
