/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "schema/store_internal.h"

/* A longer log than this is cut when it is used anew. */
#define WAL_SIZE_MAX "67108864"
#define LENGTH_MAX   (16 << 20) /* of a value: nothing of ours is near */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void store_clock_read(struct store_clock *ret)
{
	ssize_t size;
	int fd;

	*ret = (struct store_clock){.boot_ms = clock_ms(CLOCK_BOOTTIME),
				    .wall_ms = clock_ms(CLOCK_REALTIME)};
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size = read(fd, ret->boot_id, sizeof(ret->boot_id) - 1);
	(void)close(fd);
	ret->boot_id[size > 0 ? size : 0] = '\0';
	ret->boot_id[strcspn(ret->boot_id, "\n")] = '\0';
}

const char *store_error(const struct store *store)
{
	return store->error;
}

void store_report(const struct store *store, const char *format, ...)
{
	char text[STORE_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (store->config.report)
		store->config.report(store->config.context, text);
}

static int errno_of(int result)
{
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:    /* a table that is not as ours */
	case SQLITE_MISMATCH: /* a value that is not as ours */
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

void store_make_printable(char *text)
{
	for (char *c = text; *c; c++)
		if (g_ascii_iscntrl(*c) || (unsigned char)*c >= 0x80)
			*c = '?';
}

/* What the kernel has said last, of the file or of its log. */
static int system_errno(struct store *store, int result)
{
	sqlite3_file *file = NULL;
	struct statvfs status;
	int error = 0;

	if (!store->db || ((result & 0xff) != SQLITE_CANTOPEN && (result & 0xff) != SQLITE_IOERR))
		return 0;
	/* Then SQLite has gone on to try other things. */
	if (statvfs(store->config.directory, &status) == 0 && (status.f_flag & ST_RDONLY))
		return EROFS;
	(void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
	if (error == 0 &&
	    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&file) ==
		    SQLITE_OK &&
	    file && file->pMethods)
		(void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error ? error : sqlite3_system_errno(store->db);
}

int store_fail(struct store *store, int result, const char *doing)
{
	int error = system_errno(store, result);

	(void)snprintf(store->error, sizeof(store->error), "%s %s: %s%s%s%s", store->path, doing,
		       store->db && sqlite3_errcode(store->db) == result ? sqlite3_errmsg(store->db)
									 : sqlite3_errstr(result),
		       error ? " (" : "", error ? g_strerror(error) : "", error ? ")" : "");
	store_make_printable(store->error);
	return errno_of(result);
}

int store_run(struct store *store, const char *sql, const char *doing)
{
	int result = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return result == SQLITE_OK ? 0 : store_fail(store, result, doing);
}

int store_number(struct store *store, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	int r = 0;

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	else
		r = store_fail(store, result == SQLITE_DONE ? SQLITE_CORRUPT : result,
			       "can not be read");
	(void)sqlite3_finalize(statement);
	return r;
}

void store_harden(struct store *store)
{
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	(void)sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_extended_result_codes(store->db, 0);
	(void)sqlite3_exec(store->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
	(void)sqlite3_busy_timeout(store->db, store->config.busy_ms);
}

/* Milliseconds of a row, in seconds; what no clock says is taken for the nearest that one could. */
static int64_t seconds_of(sqlite3_stmt *statement, int column)
{
	return CLAMP(sqlite3_column_int64(statement, column) / 1000, -STORE_TIME_MAX_S,
		     STORE_TIME_MAX_S);
}

static void read_meta_row(struct store *store, sqlite3_stmt *row)
{
	(void)g_strlcpy(store->found.boot_id, (const char *)sqlite3_column_text(row, 0),
			sizeof(store->found.boot_id));
	store->found.file_s = seconds_of(row, 1);
	store->found.wall_s = seconds_of(row, 2);
	store->owner = (uint64_t)sqlite3_column_int64(row, 3);
	store->was_clean = sqlite3_column_int64(row, 4) == 1;
	store->found.base_s =
		CLAMP(sqlite3_column_int64(row, 5), -STORE_TIME_MAX_S, STORE_TIME_MAX_S);
	store->base_s = store->found.base_s;
}

static int read_meta(struct store *store)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(store->db,
					"SELECT boot_id, boot_ms, wall_ms, owner, clean, base_s "
					"FROM meta WHERE only_row = 1",
					-1, &statement, NULL);
	int r = 0;

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW && sqlite3_column_text(statement, 0))
		read_meta_row(store, statement);
	else
		r = store_fail(store,
			       result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_CORRUPT
									     : result,
			       "can not be read");
	(void)sqlite3_finalize(statement);
	return r;
}

/* Rows that a time belongs to. */
#define OF_BLOCK                                                                                  \
	"address4 = ?1 AND first = ?2 AND last = ?3 AND address6 = ?4 AND length = ?5 AND ended " \
	">= ?6 AND created <= ?7"

int store_prepare(struct store *store)
{
	static const char *const sql[N_STORE_STATEMENTS] = {
		[STORE_BEGIN] = "BEGIN IMMEDIATE",
		[STORE_COMMIT] = "COMMIT",
		[STORE_ROLLBACK] = "ROLLBACK",
		[STORE_META] = "UPDATE meta SET boot_id = ?, boot_ms = ?, wall_ms = ?, owner = ?, "
			       "clean = ?, base_s = ? WHERE only_row = 1",
		[STORE_PUT_BINDING] = "INSERT OR REPLACE INTO binding (place, address6, port6, "
				      "address4, port4, number, pool6, static, created) "
				      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		[STORE_REMOVE_BINDING] = "DELETE FROM binding WHERE place = ?",
		[STORE_PUT_SESSION] = "INSERT OR REPLACE INTO session (place, binding, number, "
				      "address4, port4, state, pool6, until, segments) "
				      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		[STORE_REMOVE_SESSION] = "DELETE FROM session WHERE place = ?",
		[STORE_FIND_POOL6] = "SELECT place FROM pool6 WHERE address = ? AND length = ?",
		[STORE_PUT_POOL6] = "INSERT INTO pool6 (address, length, place) VALUES (?, ?, "
				    "(SELECT max(15, ifnull(max(place), 0)) + 1 FROM pool6)) "
				    "RETURNING place",
		[STORE_LAST_RUN] = "SELECT run, n, created, first_ended, ended FROM closed_run "
				   "ORDER BY run DESC LIMIT 1",
		[STORE_PUT_RUN] =
			"INSERT OR REPLACE INTO closed_run (run, n, created, first_ended, "
			"ended) VALUES (?, ?, ?, ?, ?)",
		[STORE_PUT_CLOSED] = "INSERT OR IGNORE INTO closed_row (run, mapped, ended, "
				     "lasted, side, address6) VALUES (?, ?, ?, ?, ?, ?)",
		[STORE_FIND_OLD] = "SELECT run, ended < ?1 OR first_ended > ?2 FROM closed_run "
				   "WHERE first_ended < ?1 OR ended > ?2 ORDER BY run LIMIT 1",
		[STORE_REMOVE_CLOSED] = "DELETE FROM closed_row WHERE run = ?",
		[STORE_REMOVE_RUN] = "DELETE FROM closed_run WHERE run = ?",
		[STORE_REMOVE_OLD] = "DELETE FROM closed_row WHERE run = ?1 AND "
				     "(ended < ?2 OR ended > ?3)",
		/* n stays: it is what the run has had, and that only grows. */
		[STORE_CUT_RUN] = "UPDATE closed_run SET first_ended = max(first_ended, ?2), "
				  "ended = min(ended, ?3) WHERE run = ?1",
		[STORE_FIND_BLOCK] = "SELECT count(*), min(created), max(ended) FROM closed_block "
				     "WHERE " OF_BLOCK,
		[STORE_REMOVE_BLOCK] = "DELETE FROM closed_block WHERE " OF_BLOCK,
		[STORE_PUT_BLOCK] = "INSERT OR REPLACE INTO closed_block (address4, first, last, "
				    "address6, length, ended, created) "
				    "VALUES (?, ?, ?, ?, ?, ?, ?)",
		[STORE_FORGET_BLOCKS] =
			"DELETE FROM closed_block WHERE (address4, first, last, address6, length, "
			"ended) IN (SELECT address4, first, last, address6, length, ended FROM "
			"closed_block WHERE ended < ?1 OR ended > ?2 LIMIT ?3)",
	};

	for (unsigned i = 0; i < N_STORE_STATEMENTS; i++) {
		int result = sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
						&store->statement[i], NULL);

		if (result != SQLITE_OK)
			return store_fail(store, result, "has other tables than ours");
	}
	return 0;
}

void store_shut(struct store *store)
{
	for (unsigned i = 0; i < N_STORE_STATEMENTS; i++) {
		(void)sqlite3_finalize(store->statement[i]);
		store->statement[i] = NULL;
	}
	(void)sqlite3_close(store->db);
	store->db = NULL;
}

/* Where nothing can be written, SQLite reads a file only if it takes it for one that never changes.
 */
int store_open_read_only(struct store *store)
{
	char *uri = g_filename_to_uri(store->path, NULL, NULL);
	char *immutable = uri ? g_strconcat(uri, "?immutable=1", NULL) : NULL;
	int result = SQLITE_CANTOPEN;

	if (immutable)
		result = sqlite3_open_v2(
			immutable, &store->db,
			SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	g_free(immutable);
	g_free(uri);
	return result;
}

int store_open_reader(const struct store_config *config, struct store **ret)
{
	struct store *store = g_new0(struct store, 1);
	int result;

	*ret = store;
	store->config = *config;
	store->path = g_build_filename(config->directory, STORE_FILE, NULL);
	result = sqlite3_open_v2(store->path, &store->db,
				 SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK)
		return store_fail(store, result, "can not be opened");
	store_harden(store);
	return 0;
}

/* The file as it is, whatever it is. */
static int try_open(struct store *store, bool read_only)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int result = read_only ? store_open_read_only(store)
			       : sqlite3_open_v2(store->path, &store->db, flags, NULL);
	int r;

	if (result != SQLITE_OK)
		return store_fail(store, result, "can not be opened");
	store_harden(store);
	r = read_only ? store_migrate_to_read(store) : store_migrate(store);
	if (r == 0)
		r = read_meta(store);
	if (r == 0)
		r = store_prepare(store);
	/* One that is only to be read is in this mode already, or can not be. */
	if (r == 0 && !read_only)
		r = store_run(store,
			      "PRAGMA journal_mode = WAL;"
			      "PRAGMA wal_autocheckpoint = 0;"
			      "PRAGMA journal_size_limit = " WAL_SIZE_MAX,
			      "can not be written");
	if (r == 0)
		r = store_run(store, STORE_SYNC_NORMAL, "can not be written");
	return r;
}

/* As often as something has to get out of the way. */
static int open_any(struct store *store)
{
	int r = try_open(store, false);

	for (unsigned i = 0; i < 2 && (r == -EUCLEAN || r == -ERANGE); i++) {
		bool newer = r == -ERANGE;
		char *why = g_strdup(store->error);

		store_shut(store);
		r = store_set_aside(store, newer ? "newer" : "corrupt", why);
		g_free(why);
		if (r < 0)
			return r;
		/* Once: that copy may be newer, too. */
		if (newer && i == 0 && store_take_copy(store))
			store_report(store, "%s: the copy of before the upgrade is used",
				     store->path);
		r = try_open(store, false);
	}
	return r;
}

/* Whatever keeps us from writing: what was written last can be read still. */
static bool open_to_read(struct store *store)
{
	store_shut(store);
	return access(store->path, R_OK) == 0 && try_open(store, true) == 0;
}

int store_open(const struct store_config *config, struct store **ret, char text[STORE_TEXT_SIZE])
{
	struct store *store = g_new0(struct store, 1);
	int r;

	store->config = *config;
	store->path = g_build_filename(config->directory, STORE_FILE, NULL);
	r = open_any(store);
	if (r < 0) {
		(void)g_strlcpy(text, store->error, STORE_TEXT_SIZE);
		if (r == -EBUSY || r == -EUCLEAN || !config->or_read || !open_to_read(store)) {
			store_close(store);
			return r;
		}
	}
	*ret = store;
	return 0;
}

int store_set_aside_open(struct store *store)
{
	char *why = g_strdup(store->error);
	int r;

	store_shut(store);
	r = store_set_aside(store, "corrupt", why);
	g_free(why);
	return r;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_shut(store);
	for (unsigned i = 0; i < N_PERSIST_KINDS; i++)
		if (store->bad[i])
			g_array_unref(store->bad[i]);
	g_clear_pointer(&store->unused_pool6, g_hash_table_destroy);
	g_free(store->path);
	g_free(store);
}

bool store_was_clean(const struct store *store)
{
	return store->was_clean;
}

uint64_t store_owner(const struct store *store)
{
	return store->owner;
}

bool store_has_moved(const struct store *store)
{
	int moved = 0;

	return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) !=
		       SQLITE_OK ||
	       moved;
}

/* A checkpoint that readers keep from going on does not do this. */
static int sync_log(struct store *store)
{
	sqlite3_file *log = NULL;
	int result =
		sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);

	if (result == SQLITE_OK && store->config.sync && log && log->pMethods)
		result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	return result;
}

int store_sync(struct store *store, uint64_t *ret_wal_size)
{
	char *wal = g_strconcat(store->path, "-wal", NULL);
	int result =
		sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	int n_log = 0, n_done = 0;
	struct stat status;

	/* What readers allow is in the file now; only if that is all, the log begins anew. */
	if (result == SQLITE_OK)
		result = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE,
						   &n_log, &n_done);
	if (result == SQLITE_OK && n_done < n_log)
		result = sync_log(store);
	*ret_wal_size = n_done < n_log && stat(wal, &status) == 0 ? (uint64_t)status.st_size : 0;
	g_free(wal);
	return result == SQLITE_OK || result == SQLITE_BUSY
		       ? 0
		       : store_fail(store, result, "can not be made safe");
}
