/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of what was changed by command: in and out of the database, on the disk when they are said
 * to be, and by the writer's thread, whatever storage does.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

#include "schema/store_writer.h"
#include "tests/fake_disk.h"
#include "tests/gateway_fixture.h"
#include "tests/store_fixture.h"

static atomic_int n_synced;

static void count_sync(void *context)
{
	atomic_fetch_add(&n_synced, 1);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static struct kept_row *setting(const char *key, const char *value)
{
	struct kept_row *row = kept_row_new(KEPT_SETTING, value != NULL);

	row->value[KEPT_SETTING_SECTION] = g_strdup("Timeouts");
	row->value[KEPT_SETTING_KEY] = g_strdup(key);
	row->value[KEPT_SETTING_VALUE] = g_strdup(value);
	row->value[KEPT_SETTING_FILE_SAID] = g_strdup(value ? "=5min" : NULL);
	return row;
}

/* Pairs of key and value, ended by NULL; a value of NULL: it goes. */
static GPtrArray *settings(const char *first, ...)
{
	GPtrArray *rows = kept_rows_new();
	va_list args;

	va_start(args, first);
	for (const char *key = first; key; key = va_arg(args, const char *))
		g_ptr_array_add(rows, setting(key, va_arg(args, const char *)));
	va_end(args);
	return rows;
}

static void put(struct store *store, GPtrArray *rows, bool anew)
{
	g_assert_cmpint(store_put_kept(store, rows, anew), ==, 0);
	g_ptr_array_unref(rows);
}

/* "ICMP=2min UDP=6min" */
static char *loaded(struct store *store, uint64_t *ret_n_bad)
{
	GPtrArray *rows = kept_rows_new();
	GString *text = g_string_new(NULL);

	g_assert_cmpint(store_load_kept(store, rows, ret_n_bad), ==, 0);
	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);

		if (row->table == KEPT_SETTING)
			g_string_append_printf(text, "%s%s=%s", text->len ? " " : "",
					       row->value[KEPT_SETTING_KEY],
					       row->value[KEPT_SETTING_VALUE]);
	}
	g_ptr_array_unref(rows);
	return g_string_free(text, FALSE);
}

static void assert_loaded(struct store *store, const char *expected, uint64_t n_bad_expected)
{
	uint64_t n_bad = 0;
	char *text = loaded(store, &n_bad);

	g_assert_cmpstr(text, ==, expected);
	g_assert_cmpuint(n_bad, ==, n_bad_expected);
	g_free(text);
}

static void test_rows(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);

	assert_loaded(store, "", 0);
	put(store, settings("UDP", "6min", "ICMP", "2min", NULL), false);
	put(store, settings("UDP", "7min", NULL), false);
	assert_loaded(store, "ICMP=2min UDP=7min", 0);
	put(store, settings("ICMP", NULL, "Nothing", NULL, NULL), false);
	assert_loaded(store, "UDP=7min", 0);
	put(store, settings("Fragment", "3s", NULL), true);
	assert_loaded(store, "Fragment=3s", 0);
	store_close(store);
	store = fixture_open(f);
	assert_loaded(store, "Fragment=3s", 0);
	store_close(store);
}

/* Each table, with every column. */
static void test_tables(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	GPtrArray *rows = kept_rows_new(), *back = kept_rows_new();
	uint64_t n_bad;

	for (enum kept_table table = 0; table < N_KEPT_TABLES; table++) {
		struct kept_row *row = kept_row_new(table, true);

		for (unsigned i = 0; i < kept_columns[table].n_columns; i++)
			row->value[i] = g_strdup_printf("%u", 10 * table + i);
		g_ptr_array_add(rows, row);
	}
	g_assert_cmpint(store_put_kept(store, rows, false), ==, 0);
	g_assert_cmpint(store_load_kept(store, back, &n_bad), ==, 0);
	g_assert_cmpuint(back->len, ==, rows->len);
	for (guint i = 0; i < rows->len; i++)
		g_assert_true(
			kept_row_equal(g_ptr_array_index(rows, i), g_ptr_array_index(back, i)));
	for (guint i = 0; i < rows->len; i++)
		((struct kept_row *)g_ptr_array_index(rows, i))->exists = false;
	g_assert_cmpint(store_put_kept(store, rows, false), ==, 0);
	g_ptr_array_set_size(back, 0);
	g_assert_cmpint(store_load_kept(store, back, &n_bad), ==, 0);
	g_assert_cmpuint(back->len, ==, 0);
	g_ptr_array_unref(back);
	g_ptr_array_unref(rows);
	store_close(store);
}

/* Power may go right after: the log has been made safe, also where flushes leave it to the kernel.
 */
static void test_safe(struct store_fixture *f, gconstpointer data)
{
	struct store_config config = {.directory = f->directory, .sync = GPOINTER_TO_INT(data)};
	char text[STORE_TEXT_SIZE];
	struct store *store;
	int n;

	g_assert_cmpint(store_open(&config, &store, text), ==, 0);
	fixture_write_rows(store, 2, false);
	n = atomic_load(&n_synced);
	fixture_write_rows(store, 3, false);
	g_assert_cmpint(atomic_load(&n_synced), ==, n); /* written behind: not yet */
	put(store, settings("UDP", "6min", NULL), false);
	g_assert_cmpint(atomic_load(&n_synced), >, n);
	n = atomic_load(&n_synced);
	fixture_write_rows(store, 4, false);
	g_assert_cmpint(atomic_load(&n_synced), ==, n);
	store_close(store);
}

static void flush_one(struct store *store, uint32_t index)
{
	struct persist_row row = fixture_binding(index % 500);

	if (store_begin(store) == 0 && store_put(store, &row) == 0 &&
	    store_commit(store, &fixture_boot_1, 42, false) == 0)
		return;
	store_roll_back(store);
}

/* As long as there is power: which of the rows that were put is on the disk, it is said. */
static unsigned put_until_cut(struct store *store, unsigned first)
{
	uint64_t wal_size;
	unsigned done = first;

	for (unsigned i = first + 1; !fake_disk_is_cut(); i++) {
		g_autofree char *value = g_strdup_printf("%u", i);
		GPtrArray *rows = settings("UDP", value, NULL);

		/* What the power was cut in counts as begun, and nobody hears of it any more. */
		if (store_put_kept(store, rows, false) == 0 && !fake_disk_is_cut())
			done = i;
		g_ptr_array_unref(rows);
		for (unsigned j = 0; j < 4; j++)
			flush_one(store, i * 4 + j);
		(void)store_sync(store, &wal_size);
	}
	return done;
}

/* Power goes later: what was said to be on the disk is not lost when the log that has it is put
 * into the file and begins anew, also where syncs are left to the kernel. */
static void test_power(struct store_fixture *f, gconstpointer data)
{
	struct store_config config = {.directory = f->directory, .sync = GPOINTER_TO_INT(data)};
	GRand *random = g_rand_new_with_seed(6146);
	char text[STORE_TEXT_SIZE];
	struct store *store = fixture_open(f);
	unsigned done = 0;

	store_close(store);
	for (unsigned round = 0; round < 200; round++) {
		fake_disk_power((unsigned)g_rand_int_range(random, 1, 400));
		if (store_open(&config, &store, text) == 0) {
			done = put_until_cut(store, done);
			store_close(store);
		}
		fake_disk_power_on(random);
		fixture_assert_answer(f->path, "PRAGMA integrity_check", "ok");
		g_assert_cmpint(fixture_ask_number(f->path,
						   "SELECT coalesce(max(CAST(value AS INTEGER)),"
						   " 0) FROM setting"),
				>=, done);
	}
	g_rand_free(random);
}

/* What can not be stored as a whole is not stored at all. */
static void test_too_long(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	g_autofree char *value = g_strnfill((8 << 20) + 1, 'x');
	GPtrArray *rows = settings("ICMP", "2min", "UDP", value, NULL);

	g_assert_cmpint(store_put_kept(store, rows, false), ==, -E2BIG);
	g_assert_nonnull(strstr(store_error(store), "takes no text of 8388609 bytes"));
	assert_loaded(store, "", 0);
	value[8 << 20] = '\0';
	g_ptr_array_unref(rows);
	put(store, settings("UDP", value, NULL), false);
	store_close(store);
}

static void test_locked(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	GPtrArray *rows = settings("UDP", "6min", NULL);
	sqlite3 *other;

	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(store_put_kept(store, rows, false), ==, -EBUSY);
	g_assert_nonnull(strstr(store_error(store), "locked"));
	g_assert_cmpint(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
	put(store, rows, false);
	assert_loaded(store, "UDP=6min", 0);
	sqlite3_close(other);
	store_close(store);
}

/* No table of ours: it is damaged, and says so. Values that are no texts are counted. */
static void test_hostile(struct store_fixture *f, gconstpointer data)
{
	GPtrArray *rows = settings("UDP", "6min", NULL);
	struct store *store = fixture_open(f);

	put(store, settings("UDP", "6min", NULL), false);
	fixture_sql(f, "INSERT INTO setting VALUES ('Timeouts', CAST(X'00' AS TEXT), 'x', ''), "
		       "('Timeouts', CAST(X'FF' AS TEXT), 'x', ''), "
		       "('Timeouts', 'ICMP', CAST(X'41004200' AS TEXT), '')");
	assert_loaded(store, "UDP=6min", 3);
	fixture_sql(f, "DROP TABLE setting");
	g_assert_cmpint(store_put_kept(store, rows, false), ==, -EUCLEAN);
	g_assert_nonnull(strstr(store_error(store), "no such table"));
	store_close(store);
	g_ptr_array_unref(rows);
}

/* ---- the writer --------------------------------------------------------------------------------
 */

/* What it has told. */
struct told {
	GMutex lock;
	GCond cond;
	uint64_t ticket;
	int error;
	char text[STORE_TEXT_SIZE];
};

struct writing {
	struct store_fixture *f;
	struct gateway gateway;
	struct gateway_fixture *fixture;
	GPtrArray *kept;
	struct store_writer *writer;
	struct told told;
};

static void stored(void *context, uint64_t ticket, int error, const char *text)
{
	struct told *told = &((struct writing *)context)->told;

	g_mutex_lock(&told->lock);
	told->ticket = ticket;
	told->error = error;
	(void)g_strlcpy(told->text, text, sizeof(told->text));
	g_cond_signal(&told->cond);
	g_mutex_unlock(&told->lock);
}

static void log_writer(void *context, int level, const char *text)
{
	g_test_message("%s", text);
}

static void begin(struct writing *writing, struct store_fixture *f, struct store *store,
		  uint32_t flush_ms)
{
	struct store_writer_config config = {
		.gateway = &writing->gateway,
		.store = {.directory = f->directory, .busy_ms = 50},
		.flush_ms = flush_ms,
		.owner = 4711,
		.report = log_writer,
		.stored = stored,
		.context = writing,
	};
	uint64_t n_bad;

	*writing = (struct writing){.f = f};
	g_mutex_init(&writing->told.lock);
	g_cond_init(&writing->told.cond);
	gateway_init(&writing->gateway);
	writing->fixture = gateway_new("203.0.113.1", "1024-65535", NULL);
	writing->gateway.nat = writing->fixture->nat;
	g_assert_true(persist_begin(writing->gateway.nat));
	if (store) {
		writing->kept = kept_rows_new();
		g_assert_cmpint(store_load_kept(store, writing->kept, &n_bad), ==, 0);
	}
	config.kept = writing->kept;
	g_assert_cmpint(store_writer_start(&config, store, "a test says so", &writing->writer), ==,
			0);
}

static void end(struct writing *writing)
{
	store_writer_stop(writing->writer);
	writing->gateway.nat = NULL;
	gateway_deinit(&writing->gateway);
	gateway_free(writing->fixture);
	if (writing->kept)
		g_ptr_array_unref(writing->kept);
	g_mutex_clear(&writing->told.lock);
	g_cond_clear(&writing->told.cond);
}

/* Puts them, and waits for what becomes of them. */
static int try_put(struct writing *writing, GPtrArray *rows)
{
	struct told *told = &writing->told;
	static uint64_t ticket;

	store_writer_put(writing->writer, rows, ++ticket);
	g_mutex_lock(&told->lock);
	while (told->ticket != ticket)
		g_cond_wait(&told->cond, &told->lock);
	g_mutex_unlock(&told->lock);
	return told->error;
}

/* The database has this for the key, now or soon. */
static void wait_for_answer(const struct store_fixture *f, const char *question,
			    const char *expected)
{
	for (;;) {
		char *answer = fixture_ask(f->path, question);
		bool is_it = g_strcmp0(answer, expected) == 0;

		g_free(answer);
		if (is_it)
			return;
		g_usleep(1000);
	}
}

#define UDP "SELECT value FROM setting WHERE key = 'UDP'"

/* At once, however long flushes wait. */
static void test_writer(struct store_fixture *f, gconstpointer data)
{
	struct writing writing;

	begin(&writing, f, fixture_open(f), UINT32_MAX);
	g_assert_cmpint(try_put(&writing, settings("UDP", "6min", NULL)), ==, 0);
	fixture_assert_answer(f->path, UDP, "6min");
	g_assert_cmpint(try_put(&writing, settings("UDP", "6min", NULL)), ==, 0);
	g_assert_cmpint(try_put(&writing, settings("UDP", NULL, NULL)), ==, 0);
	fixture_assert_answer(f->path, "SELECT count(*) FROM setting", "0");
	/* Nobody waits for these; at the end they are there. */
	store_writer_put(writing.writer, settings("UDP", "7min", NULL), 0);
	store_writer_put(writing.writer, settings("UDP", "8min", NULL), 0);
	end(&writing);
	fixture_assert_answer(f->path, UDP, "8min");
}

/* While somebody has it locked a change is refused, and what nobody waits for comes later; the
 * alarm comes and goes. */
static void test_writer_locked(struct store_fixture *f, gconstpointer data)
{
	struct writing writing;
	sqlite3 *other;

	begin(&writing, f, fixture_open(f), 10);
	g_assert_cmpint(try_put(&writing, settings("UDP", "6min", NULL)), ==, 0);
	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	(void)sqlite3_busy_timeout(other, 10000);
	g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(try_put(&writing, settings("UDP", "7min", NULL)), ==, -EBUSY);
	g_assert_nonnull(strstr(writing.told.text, "locked"));
	gateway_lock(&writing.gateway);
	g_assert_cmpint(writing.gateway.store.state, ==, GATEWAY_STORE_FAILING);
	gateway_unlock(&writing.gateway);
	store_writer_put(writing.writer, settings("ICMP", "2min", NULL), 0);
	g_assert_cmpint(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(other);
	wait_for_answer(f, "SELECT group_concat(value) FROM setting WHERE key = 'ICMP'", "2min");
	fixture_assert_answer(f->path, UDP, "6min");
	for (bool failing = true; failing;) {
		gateway_lock(&writing.gateway);
		failing = writing.gateway.store.state == GATEWAY_STORE_FAILING;
		gateway_unlock(&writing.gateway);
	}
	end(&writing);
}

struct slow_disk {
	GMutex lock;
	GCond cond;
	unsigned n_waited; /* a second apart */
};

static void wait_for_disk(void *context)
{
	struct slow_disk *disk = context;

	g_mutex_lock(&disk->lock);
	disk->n_waited++;
	g_cond_signal(&disk->cond);
	g_mutex_unlock(&disk->lock);
}

static void be_slow(void *context)
{
	struct slow_disk *disk = context;

	g_mutex_lock(&disk->lock);
	while (disk->n_waited < 2)
		g_cond_wait(&disk->cond, &disk->lock);
	g_mutex_unlock(&disk->lock);
	count_sync(NULL);
}

/* Who waits for a disk that takes long is not taken for one that hangs. */
static void test_writer_slow(struct store_fixture *f, gconstpointer data)
{
	struct slow_disk disk = {.n_waited = 0};
	struct writing writing;

	begin(&writing, f, fixture_open(f), UINT32_MAX);
	g_assert_cmpint(try_put(&writing, settings("UDP", "6min", NULL)), ==, 0);
	store_writer_put(writing.writer, settings("UDP", "7min", NULL), 0);
	fake_disk_on_sync(be_slow, &disk);
	g_assert_true(store_writer_leave(writing.writer, wait_for_disk, &disk));
	fake_disk_on_sync(count_sync, NULL);
	writing.writer = NULL;
	end(&writing);
	fixture_assert_answer(f->path, UDP, "7min");
}

#define KEYS "SELECT group_concat(key) FROM (SELECT key FROM setting ORDER BY key)"

/* A file that another daemon has written: it gets what is kept, and loses what is not. */
static void test_writer_replaced(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct writing writing;

	put(store, settings("UDP", "6min", "ICMP", "2min", NULL), false);
	begin(&writing, f, store, UINT32_MAX);
	fixture_sql(f, "INSERT INTO setting VALUES ('Timeouts', 'Fragment', '3s', '')");
	g_assert_cmpint(try_put(&writing, settings("ICMP", NULL, NULL)), ==, 0);
	fixture_assert_answer(f->path, KEYS, "UDP");
	end(&writing);
}

/* One that could not be read at the start keeps what it has. */
static void test_writer_unread(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct writing writing;

	put(store, settings("UDP", "6min", "ICMP", "2min", NULL), false);
	store_close(store);
	begin(&writing, f, NULL, UINT32_MAX);
	g_assert_cmpint(try_put(&writing, settings("TCPOpening", "3min", NULL)), ==, 0);
	fixture_assert_answer(f->path, KEYS, "ICMP,TCPOpening,UDP");
	g_assert_cmpint(try_put(&writing, settings("UDP", NULL, NULL)), ==, 0);
	fixture_assert_answer(f->path, KEYS, "ICMP,TCPOpening");
	end(&writing);
}

/* It turns out to be damaged: the next change goes into a new one, with all that was kept. */
static void test_writer_damaged(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	struct writing writing;

	put(store, settings("UDP", "6min", NULL), false);
	begin(&writing, f, store, UINT32_MAX);
	fixture_sql(f, "DROP TABLE setting");
	g_assert_cmpint(try_put(&writing, settings("ICMP", "2min", NULL)), ==, -EUCLEAN);
	g_assert_cmpint(try_put(&writing, settings("ICMP", "2min", NULL)), ==, 0);
	g_assert_cmpuint(fixture_n_files(f, "state.db.corrupt-"), >=, 1);
	fixture_assert_answer(f->path, KEYS, "ICMP,UDP");
	end(&writing);
}

static void fail_from_now_on(void *context)
{
	fake_disk_fail(SQLITE_IOERR_FSYNC, EIO, true);
}

/* A disk that takes a change into its log and then can not make it safe: who asked was told that
 * nothing has changed, so whoever reads the log later must not find it. */
static void test_writer_unsafe(struct store_fixture *f, gconstpointer data)
{
	struct writing writing;

	begin(&writing, f, fixture_open(f), 10);
	g_assert_cmpint(try_put(&writing, settings("UDP", "6min", NULL)), ==, 0);
	/* Its own file, so it is not written anew in the end. */
	wait_for_answer(f, "SELECT owner FROM meta", "4711");
	fake_disk_on_sync(fail_from_now_on, NULL);
	g_assert_cmpint(try_put(&writing, settings("UDP", "7min", "ICMP", "2min", NULL)), ==, -EIO);
	fake_disk_on_sync(count_sync, NULL);
	fake_disk_fail(SQLITE_OK, 0, true);
	end(&writing);
	fixture_assert_answer(f->path, KEYS, "UDP");
	fixture_assert_answer(f->path, UDP, "6min");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
		bool sync;
	} tests[] = {
		{"/store_kept/rows", test_rows, false},
		{"/store_kept/tables", test_tables, false},
		{"/store_kept/safe", test_safe, true},
		{"/store_kept/safe_without_sync", test_safe, false},
		{"/store_kept/power", test_power, true},
		{"/store_kept/power_without_sync", test_power, false},
		{"/store_kept/too_long", test_too_long, false},
		{"/store_kept/locked", test_locked, false},
		{"/store_kept/hostile", test_hostile, false},
		{"/store_kept/writer", test_writer, false},
		{"/store_kept/writer_slow", test_writer_slow, false},
		{"/store_kept/writer_locked", test_writer_locked, false},
		{"/store_kept/writer_replaced", test_writer_replaced, false},
		{"/store_kept/writer_unread", test_writer_unread, false},
		{"/store_kept/writer_damaged", test_writer_damaged, false},
		{"/store_kept/writer_unsafe", test_writer_unsafe, false},
	};

	g_test_init(&argc, &argv, NULL);
	fake_disk_install();
	fake_disk_on_sync(count_sync, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, GINT_TO_POINTER(tests[i].sync),
			   fixture_setup, tests[i].run, fixture_teardown);
	return g_test_run();
}
