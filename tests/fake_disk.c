/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake_disk.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#define SECTOR 512u

/* What was done to a file since it was synced: bytes at a place, or another size. */
struct change {
	guint64 at;
	GByteArray *bytes; /* NULL: at is the size now */
};

struct platter {
	char *path;
	GByteArray *safe;
	bool is_safe; /* it exists after a cut */
	bool is_gone; /* removed */
	GPtrArray *changes;
};

struct fake_file {
	sqlite3_file base;
	char *path;
	bool is_database;
	bool syncs_directory; /* at its first sync, as SQLite does for what it has made */
	sqlite3_file real[];
};

static struct {
	GMutex lock;
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	int result, error;
	bool log_too;
	void (*on_sync)(void *context);
	void *context;
	GHashTable *platters; /* by path; NULL: the power does not count */
	unsigned n_until_cut, n_done;
	bool is_cut;
} disk;

static void free_change(gpointer data)
{
	struct change *change = data;

	if (change->bytes)
		g_byte_array_unref(change->bytes);
	g_free(change);
}

static void free_platter(gpointer data)
{
	struct platter *platter = data;

	g_byte_array_unref(platter->safe);
	g_ptr_array_unref(platter->changes);
	g_free(platter->path);
	g_free(platter);
}

/* ---- what was synced, and what since ------------------------------------------------------------
 */

static void set_size(GByteArray *bytes, guint64 size)
{
	guint old = bytes->len;

	g_byte_array_set_size(bytes, (guint)size);
	if (size > old)
		memset(bytes->data + old, 0, size - old);
}

static void apply(GByteArray *bytes, const struct change *change, guint64 n_bytes)
{
	if (!change->bytes) {
		set_size(bytes, change->at);
		return;
	}
	if (n_bytes == 0)
		return;
	if (bytes->len < change->at + n_bytes)
		set_size(bytes, change->at + n_bytes);
	memcpy(bytes->data + change->at, change->bytes->data, n_bytes);
}

static guint64 size_of(const struct change *change)
{
	return change->bytes ? change->bytes->len : 0;
}

static struct platter *platter_of(const char *path)
{
	struct platter *platter = g_hash_table_lookup(disk.platters, path);
	char *content = NULL;
	gsize size = 0;

	if (platter)
		return platter;
	platter = g_new0(struct platter, 1);
	platter->path = g_strdup(path);
	platter->safe = g_byte_array_new();
	platter->changes = g_ptr_array_new_with_free_func(free_change);
	platter->is_safe = g_file_get_contents(path, &content, &size, NULL);
	if (content)
		g_byte_array_append(platter->safe, (const guint8 *)content, (guint)size);
	g_free(content);
	g_hash_table_insert(disk.platters, platter->path, platter);
	return platter;
}

/* Something is about to be done to this file. False: the power is off. */
static bool count(const char *path, struct platter **ret)
{
	*ret = NULL;
	if (!disk.platters)
		return true;
	if (disk.is_cut)
		return false;
	disk.is_cut = ++disk.n_done >= disk.n_until_cut;
	*ret = platter_of(path);
	(*ret)->is_gone = false;
	return true;
}

/* The last one is what the power was cut in: it counts as begun. */
static void note(struct platter *platter, guint64 at, const void *bytes, int n_bytes)
{
	struct change *change = g_new0(struct change, 1);

	change->at = at;
	if (bytes) {
		change->bytes = g_byte_array_sized_new((guint)n_bytes);
		g_byte_array_append(change->bytes, bytes, (guint)n_bytes);
	}
	g_ptr_array_add(platter->changes, change);
}

static void make_safe(struct platter *platter)
{
	for (guint i = 0; i < platter->changes->len; i++) {
		const struct change *change = g_ptr_array_index(platter->changes, i);

		apply(platter->safe, change, size_of(change));
	}
	g_ptr_array_set_size(platter->changes, 0);
	platter->is_safe = true;
}

/* What was made is there from now on, and what was removed is not. */
static void make_directory_safe(void)
{
	GHashTableIter at;
	gpointer value;

	g_hash_table_iter_init(&at, disk.platters);
	while (g_hash_table_iter_next(&at, NULL, &value)) {
		struct platter *platter = value;

		platter->is_safe = !platter->is_gone;
		if (platter->is_gone) {
			g_byte_array_set_size(platter->safe, 0);
			g_ptr_array_set_size(platter->changes, 0);
		}
	}
}

/* ---- what a cut leaves --------------------------------------------------------------------------
 */

/* All up to one, which is torn. */
static void leave_in_order(const struct platter *platter, GRand *random, GByteArray *ret)
{
	guint n = (guint)g_rand_int_range(random, 0, (gint32)platter->changes->len + 1);

	for (guint i = 0; i < n; i++) {
		const struct change *change = g_ptr_array_index(platter->changes, i);
		guint64 size = size_of(change);

		if (i + 1 == n && size > 0) {
			guint64 torn = SECTOR * (guint64)g_rand_int_range(
							random, 0, (gint32)(size / SECTOR) + 2);

			size = MIN(size, torn);
		}
		apply(ret, change, size);
	}
}

/* Each sector as it was before or after any of the changes. */
static void leave_any(const struct platter *platter, GRand *random, GByteArray *ret)
{
	GByteArray *now = g_byte_array_new();
	guint size = ret->len;

	g_byte_array_append(now, ret->data, ret->len);
	for (guint i = 0; i < platter->changes->len; i++) {
		const struct change *change = g_ptr_array_index(platter->changes, i);
		guint64 first = change->at / SECTOR * SECTOR;

		apply(now, change, size_of(change));
		if (g_rand_boolean(random))
			size = now->len;
		if (ret->len < now->len)
			set_size(ret, now->len);
		for (guint64 at = first; at < change->at + size_of(change); at += SECTOR)
			if (g_rand_boolean(random))
				memcpy(ret->data + at, now->data + at, MIN(SECTOR, now->len - at));
	}
	set_size(ret, size);
	g_byte_array_unref(now);
}

static void leave(struct platter *platter, GRand *random)
{
	GByteArray *left = g_byte_array_new();
	bool exists = platter->is_gone ? platter->is_safe && g_rand_boolean(random)
				       : platter->is_safe || g_rand_boolean(random);

	g_byte_array_append(left, platter->safe->data, platter->safe->len);
	if (g_rand_boolean(random))
		leave_in_order(platter, random, left);
	else
		leave_any(platter, random, left);
	if (exists)
		g_assert_true(g_file_set_contents_full(platter->path, (const char *)left->data,
						       (gssize)left->len, G_FILE_SET_CONTENTS_NONE,
						       0600, NULL));
	else
		(void)g_unlink(platter->path);
	g_byte_array_unref(left);
}

void fake_disk_power_on(GRand *random)
{
	GList *paths, *at;

	g_mutex_lock(&disk.lock);
	/* In an order that is the same each time. */
	paths = g_list_sort(g_hash_table_get_keys(disk.platters), (GCompareFunc)strcmp);
	for (at = paths; at && random; at = at->next) {
		char *shared = g_strconcat(at->data, "-shm", NULL);

		leave(g_hash_table_lookup(disk.platters, at->data), random);
		(void)g_unlink(shared);
		g_free(shared);
	}
	g_list_free(paths);
	g_hash_table_destroy(disk.platters);
	disk.platters = NULL;
	disk.is_cut = false;
	g_mutex_unlock(&disk.lock);
}

void fake_disk_power(unsigned n_until_cut)
{
	g_mutex_lock(&disk.lock);
	if (disk.platters)
		g_hash_table_destroy(disk.platters);
	disk.platters = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_platter);
	disk.n_until_cut = n_until_cut;
	disk.n_done = 0;
	disk.is_cut = false;
	g_mutex_unlock(&disk.lock);
}

bool fake_disk_is_cut(void)
{
	bool is_cut;

	g_mutex_lock(&disk.lock);
	is_cut = disk.is_cut;
	g_mutex_unlock(&disk.lock);
	return is_cut;
}

unsigned fake_disk_n_done(void)
{
	unsigned n;

	g_mutex_lock(&disk.lock);
	n = disk.n_done;
	g_mutex_unlock(&disk.lock);
	return n;
}

void fake_disk_fail(int result, int error, bool log_too)
{
	g_mutex_lock(&disk.lock);
	disk.result = result;
	disk.error = error;
	disk.log_too = log_too;
	g_mutex_unlock(&disk.lock);
}

void fake_disk_on_sync(void (*call)(void *context), void *context)
{
	g_mutex_lock(&disk.lock);
	disk.on_sync = call;
	disk.context = context;
	g_mutex_unlock(&disk.lock);
}

/* ---- files of SQLite ----------------------------------------------------------------------------
 */

static struct fake_file *fake(sqlite3_file *file)
{
	return (struct fake_file *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
	return fake(file)->real;
}

/* What it is told to answer. */
static int failure(const struct fake_file *file)
{
	if (disk.result == SQLITE_OK || (!file->is_database && !disk.log_too))
		return SQLITE_OK;
	errno = disk.error;
	return disk.result;
}

static int on_close(sqlite3_file *file)
{
	int result = real(file)->pMethods->xClose(real(file));

	g_free(fake(file)->path);
	return result;
}

static int on_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), bytes, n, at);
}

static int on_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct platter *platter;
	int result;

	g_mutex_lock(&disk.lock);
	result = failure(fake(file));
	if (result == SQLITE_OK && !count(fake(file)->path, &platter))
		result = SQLITE_IOERR_WRITE;
	else if (result == SQLITE_OK && platter)
		note(platter, (guint64)at, bytes, n);
	g_mutex_unlock(&disk.lock);
	return result == SQLITE_OK ? real(file)->pMethods->xWrite(real(file), bytes, n, at)
				   : result;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct platter *platter;
	int result;

	g_mutex_lock(&disk.lock);
	result = failure(fake(file));
	if (result == SQLITE_OK && !count(fake(file)->path, &platter))
		result = SQLITE_IOERR_TRUNCATE;
	else if (result == SQLITE_OK && platter)
		note(platter, (guint64)size, NULL, 0);
	g_mutex_unlock(&disk.lock);
	return result == SQLITE_OK ? real(file)->pMethods->xTruncate(real(file), size) : result;
}

/* The kernel outlives the test: only what counts for us has to be safe. */
static int on_sync(sqlite3_file *file, int flags)
{
	void (*call)(void *context);
	struct platter *platter;
	void *context;
	int result;

	g_mutex_lock(&disk.lock);
	call = disk.on_sync;
	context = disk.context;
	g_mutex_unlock(&disk.lock);
	if (call)
		call(context);
	g_mutex_lock(&disk.lock);
	result = failure(fake(file));
	if (result == SQLITE_OK && !count(fake(file)->path, &platter))
		result = SQLITE_IOERR_FSYNC;
	else if (result == SQLITE_OK && platter && !disk.is_cut) {
		make_safe(platter);
		if (fake(file)->syncs_directory)
			make_directory_safe();
		fake(file)->syncs_directory = false;
	}
	g_mutex_unlock(&disk.lock);
	return result;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real(file)->pMethods->xFileSize(real(file), ret);
}

static int on_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int on_check_lock(sqlite3_file *file, int *ret)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int on_control(sqlite3_file *file, int what, void *argument)
{
	int error;

	g_mutex_lock(&disk.lock);
	error = failure(fake(file)) == SQLITE_OK ? 0 : disk.error;
	g_mutex_unlock(&disk.lock);
	if (what == SQLITE_FCNTL_LAST_ERRNO && error) {
		*(int *)argument = error;
		return SQLITE_OK;
	}
	return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int on_sector_size(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int on_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *file, int first, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), first, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
	/* Version 2: no file is mapped but the one that readers and writers share. */
	static const sqlite3_io_methods methods = {
		.iVersion = 2,
		.xClose = on_close,
		.xRead = on_read,
		.xWrite = on_write,
		.xTruncate = on_truncate,
		.xSync = on_sync,
		.xFileSize = on_file_size,
		.xLock = on_lock,
		.xUnlock = on_unlock,
		.xCheckReservedLock = on_check_lock,
		.xFileControl = on_control,
		.xSectorSize = on_sector_size,
		.xDeviceCharacteristics = on_device,
		.xShmMap = on_shm_map,
		.xShmLock = on_shm_lock,
		.xShmBarrier = on_shm_barrier,
		.xShmUnmap = on_shm_unmap,
	};
	int result;

	file->pMethods = NULL;
	if (fake_disk_is_cut())
		return SQLITE_CANTOPEN;
	g_mutex_lock(&disk.lock);
	if (disk.platters && name && !disk.is_cut) {
		struct platter *platter = platter_of(name); /* as it is before it is made */

		if (platter->is_gone)
			note(platter, 0, NULL, 0);
		platter->is_gone = false;
	}
	g_mutex_unlock(&disk.lock);
	result = disk.real->xOpen(disk.real, name, real(file), flags, ret);
	if (result == SQLITE_OK) {
		fake(file)->path = g_strdup(name ? name : "");
		fake(file)->is_database = flags & SQLITE_OPEN_MAIN_DB;
		fake(file)->syncs_directory =
			(flags & SQLITE_OPEN_CREATE) &&
			(flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL));
		file->pMethods = &methods;
	}
	return result;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	struct platter *platter;
	bool works;

	g_mutex_lock(&disk.lock);
	works = count(name, &platter);
	if (works && platter) {
		platter->is_gone = true;
		if (sync_directory && !disk.is_cut)
			platter->is_safe = false;
	}
	g_mutex_unlock(&disk.lock);
	return works ? disk.real->xDelete(disk.real, name, 0) : SQLITE_IOERR_DELETE;
}

void fake_disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "fake disk";
	disk.vfs.szOsFile = (int)sizeof(struct fake_file) + disk.real->szOsFile;
	disk.vfs.pNext = NULL;
	disk.vfs.xOpen = on_open;
	disk.vfs.xDelete = on_delete;
	g_assert_cmpint(sqlite3_vfs_register(&disk.vfs, 1), ==, SQLITE_OK);
}
