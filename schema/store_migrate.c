/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From each version of the tables to the next: numbered steps, never edited once released, each
 * with its version in one transaction. Before the first of them the file is copied, so that an
 * older program finds what it knows.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/store_internal.h"

const char *const store_steps[] = {
#include "schema/001_state.inc"
	,
#include "schema/002_changes.inc"
	,
#include "schema/003_pool6.inc"
	,
#include "schema/004_closed.inc"
	,
#include "schema/005_given.inc"
	,
#include "schema/006_blocks.inc"
	,
#include "schema/007_segments.inc"
};
_Static_assert(sizeof(store_steps) / sizeof(store_steps[0]) == STORE_VERSION,
	       "a version for each step");

/* With its log; readers of the copy need none. */
static int copy(struct store *store, int64_t version)
{
	char *path = g_strdup_printf("%s.v%" G_GINT64_FORMAT, store->path, version);
	char *fresh = g_strconcat(path, ".new", NULL);
	sqlite3 *to = NULL;
	sqlite3_backup *backup = NULL;
	int result;
	int r = 0;

	(void)g_unlink(fresh);
	result = sqlite3_open(fresh, &to);
	if (result == SQLITE_OK)
		backup = sqlite3_backup_init(to, "main", store->db, "main");
	if (result == SQLITE_OK && !backup)
		result = sqlite3_errcode(to);
	if (result == SQLITE_OK)
		result = sqlite3_backup_step(backup, -1);
	if (backup)
		(void)sqlite3_backup_finish(backup);
	if (result == SQLITE_DONE)
		result = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	(void)sqlite3_close(to);
	if (result != SQLITE_OK)
		r = store_fail(store, result, "can not be copied before it is upgraded");
	else if (g_rename(fresh, path) < 0)
		r = store_fail(store, SQLITE_CANTOPEN, "can not be copied before it is upgraded");
	if (r < 0)
		(void)g_unlink(fresh);
	g_free(fresh);
	g_free(path);
	return r;
}

static int take_step(struct store *store, int64_t version)
{
	char *sql = g_strdup_printf("BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; "
				    "PRAGMA user_version = %" G_GINT64_FORMAT "; COMMIT",
				    store_steps[version], STORE_APPLICATION_ID, version + 1);
	int r = store_run(store, sql, "can not be given the tables of this version");

	if (r < 0 && sqlite3_get_autocommit(store->db) == 0)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	g_free(sql);
	return r;
}

int store_read_version(struct store *store, int64_t *ret)
{
	int64_t application = 0, version = 0, n_tables = 0;
	int r;

	r = store_number(store, "PRAGMA application_id", &application);
	if (r == 0)
		r = store_number(store, "PRAGMA user_version", &version);
	if (r == 0)
		r = store_number(store, "SELECT count(*) FROM sqlite_schema", &n_tables);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID &&
	    (application != 0 || version != 0 || n_tables > 0)) {
		(void)snprintf(store->error, sizeof(store->error), "%s is of another program",
			       store->path);
		return -EUCLEAN;
	}
	if (version > STORE_VERSION) {
		(void)snprintf(store->error, sizeof(store->error),
			       "%s is of a newer version of nat64d (%" G_GINT64_FORMAT
			       ", this one knows up to %d)",
			       store->path, version, STORE_VERSION);
		return -ERANGE;
	}
	if (version < 0 || (version == 0 && n_tables > 0)) {
		(void)snprintf(store->error, sizeof(store->error),
			       "%s says that it is of version %" G_GINT64_FORMAT, store->path,
			       version);
		return -EUCLEAN;
	}
	*ret = version;
	return 0;
}

int store_migrate(struct store *store)
{
	int64_t version = 0;
	int r = store_read_version(store, &version);

	if (r == 0 && version > 0)
		r = store_check_schema(store, version);
	if (r == 0 && version > 0 && version < STORE_VERSION) {
		r = copy(store, version);
		if (r == 0)
			store_report(store,
				     "%s is upgraded from version %" G_GINT64_FORMAT
				     " to %d; %s.v%" G_GINT64_FORMAT " is as it was",
				     store->path, version, STORE_VERSION, store->path, version);
	}
	for (; r == 0 && version < STORE_VERSION; version++)
		r = take_step(store, version);
	return r;
}

/* Into memory: as the file has it, and no more than that can be read from then on. */
static int take_into_memory(struct store *store)
{
	sqlite3_backup *backup = NULL;
	sqlite3 *memory = NULL;
	int result = sqlite3_open(":memory:", &memory);

	if (result == SQLITE_OK)
		backup = sqlite3_backup_init(memory, "main", store->db, "main");
	if (backup) {
		(void)sqlite3_backup_step(backup, -1);
		result = sqlite3_backup_finish(backup);
	} else if (result == SQLITE_OK) {
		result = sqlite3_errcode(memory);
	}
	if (result != SQLITE_OK) {
		(void)sqlite3_close(memory);
		return store_fail(store, result, "can not be read into memory");
	}
	(void)sqlite3_close(store->db);
	store->db = memory;
	store_harden(store);
	return 0;
}

int store_migrate_to_read(struct store *store)
{
	int64_t version = 0;
	int r = store_read_version(store, &version);

	if (r == 0 && version > 0)
		r = store_check_schema(store, version);
	if (r < 0 || version == STORE_VERSION)
		return r;
	r = take_into_memory(store);
	for (; r == 0 && version < STORE_VERSION; version++)
		r = take_step(store, version);
	if (r == 0)
		r = store_run(store, "PRAGMA query_only = ON", "can not be read");
	return r;
}
