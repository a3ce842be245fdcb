/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storage that fails under the daemon's state: translation goes on, the alarm comes and goes,
 * nothing of what is in memory is lost, and it is tried again, ever more rarely. By fake time.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "tests/state_fixture.h"

#define N_BEFORE 100
#define N_AFTER  300
#define AGAIN    "are written to the state database again"

/* Everything that there is is in the file: it comes back. */
static void assert_all_kept(struct state_fixture *f, uint32_t n)
{
	g_assert_cmpuint(state_n_bindings(f), ==, n);
	g_assert_cmpuint(state_n_pending(f), ==, 0);
	state_end(f);
	state_begin(f);
	g_assert_cmpuint(state_n_bindings(f), ==, n);
	state_end(f);
}

/* Ever more rarely, up to ten seconds; packets are translated all the while. */
static void assert_backs_off(struct state_fixture *f, const char *words)
{
	int expected = 250, wanted = fake_time_wait();

	for (uint32_t i = 0; i < 10; i++) {
		g_assert_cmpint(wanted, ==, expected);
		state_assert_problem(f, words);
		(void)state_send(f, N_BEFORE + i);
		expected = MIN(expected * 2, 10000);
		wanted = fake_time_step();
	}
	g_assert_cmpuint(state_n_logged(f, "translation goes on, and it is tried again"), ==, 1);
}

/* From the first failure on, until it works again. */
static void fail_and_heal(struct state_fixture *f, const char *words, void (*heal)(void *context),
			  void *context)
{
	for (unsigned i = 0; i < 30 && fake_time_wait() != 250; i++)
		(void)fake_time_step();
	(void)fake_time_step();
	assert_backs_off(f, words);
	state_send_all(f, N_AFTER);
	g_assert_cmpuint(state_n_pending(f), >, 0);
	heal(context);
	(void)fake_time_step();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_logged(f, AGAIN), ==, 1);
	assert_all_kept(f, N_AFTER);
}

static void begin_with_some(struct state_fixture *f)
{
	state_begin(f);
	state_send_all(f, N_BEFORE);
	(void)fake_time_step();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_pending(f), ==, 0);
	state_send_all(f, N_BEFORE + 1);
}

/* ---- the disk -----------------------------------------------------------------------------------
 */

struct failure {
	const char *name;
	int result, error;
	bool log_too;
	const char *words;
};

static const struct failure failures[] = {
	{"full", SQLITE_FULL, ENOSPC, true, "database or disk is full"},
	{"full_at_checkpoint", SQLITE_FULL, ENOSPC, false, "database or disk is full"},
	{"read_only", SQLITE_IOERR_WRITE, EROFS, true, "Read-only file system"},
	{"read_only_at_checkpoint", SQLITE_IOERR_WRITE, EROFS, false, "Read-only file system"},
	{"broken", SQLITE_IOERR_FSYNC, EIO, true, "Input/output error"},
};

static void disk_works(void *context)
{
	fake_disk_fail(SQLITE_OK, 0, true);
}

static void test_disk(struct state_fixture *f, gconstpointer data)
{
	const struct failure *failure = data;
	unsigned n_steps = 0;

	begin_with_some(f);
	fake_disk_fail(failure->result, failure->error, failure->log_too);
	/* At the next flush, or the next time that it is made safe. */
	while (state_n_logged(f, "translation goes on") == 0) {
		g_assert_cmpuint(n_steps++, <=, STATE_SYNC_MS / STATE_FLUSH_MS);
		(void)state_send(f, N_BEFORE + n_steps);
		(void)fake_time_step();
	}
	assert_backs_off(f, failure->words);
	state_send_all(f, N_AFTER);
	disk_works(NULL);
	(void)fake_time_step();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_logged(f, AGAIN), ==, 1);
	assert_all_kept(f, N_AFTER);
}

/* A file that can be read is restored also where nothing can be written. */
static void test_full_at_start(struct state_fixture *f, gconstpointer data)
{
	begin_with_some(f);
	state_end(f);
	fake_disk_fail(SQLITE_FULL, ENOSPC, true);
	state_begin(f);
	g_assert_cmpuint(state_n_bindings(f), ==, N_BEFORE + 1);
	state_send_all(f, N_AFTER);
	(void)fake_time_step();
	state_assert_problem(f, "full");
	disk_works(NULL);
	(void)fake_time_step();
	state_assert_no_problem(f);
	assert_all_kept(f, N_AFTER);
}

static GMutex slow_lock;
static GCond slow_changed;
static bool is_at_disk, may_go_on;

static void sync_slowly(void *context)
{
	g_mutex_lock(&slow_lock);
	is_at_disk = true;
	g_cond_broadcast(&slow_changed);
	while (!may_go_on)
		g_cond_wait(&slow_changed, &slow_lock);
	g_mutex_unlock(&slow_lock);
}

/* Syncing takes seconds: nobody waits for it, and it is said while it lasts. */
static void test_slow(struct state_fixture *f, gconstpointer data)
{
	begin_with_some(f);
	is_at_disk = may_go_on = false;
	fake_disk_on_sync(sync_slowly, NULL);
	while (fake_time_now_ms() < STATE_BOOT_MS + STATE_SYNC_MS - STATE_FLUSH_MS)
		(void)fake_time_step();
	fake_time_go();
	g_mutex_lock(&slow_lock);
	while (!is_at_disk)
		g_cond_wait(&slow_changed, &slow_lock);
	g_mutex_unlock(&slow_lock);
	for (uint32_t i = 0; i < 7; i++) {
		if (i <= 5)
			state_assert_no_problem(f);
		(void)state_send(f, N_BEFORE + i);
		fake_time_advance(1000);
	}
	state_assert_problem(f, "the disk has been busy with it for 7 s");
	state_send_all(f, N_AFTER);
	g_mutex_lock(&slow_lock);
	may_go_on = true;
	g_cond_broadcast(&slow_changed);
	g_mutex_unlock(&slow_lock);
	(void)fake_time_wait();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_logged(f, "the disk took 7 s to write the state"), ==, 1);
	(void)fake_time_step();
	g_assert_cmpuint(state_n_logged(f, "the disk writes the state database in 0 s again"), ==,
			 1);
	fake_disk_on_sync(NULL, NULL);
	assert_all_kept(f, N_AFTER);
}

/* ---- others -------------------------------------------------------------------------------------
 */

static sqlite3 *open_other(const struct state_fixture *f, const char *sql)
{
	sqlite3 *other;

	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	return other;
}

static void close_other(void *other)
{
	(void)sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
	g_assert_cmpint(sqlite3_close(other), ==, SQLITE_OK);
}

static void test_locked(struct state_fixture *f, gconstpointer data)
{
	begin_with_some(f);
	fail_and_heal(f, "database is locked", close_other, open_other(f, "BEGIN IMMEDIATE"));
}

/* Somebody reads for long: the log grows, which is said; past a bound nothing more is written. */
static void test_long_reader(struct state_fixture *f, gconstpointer data)
{
	char *log = g_strconcat(f->path, "-wal", NULL);
	sqlite3 *other;

	begin_with_some(f);
	other = open_other(f, "BEGIN; SELECT count(*) FROM binding");
	(void)fake_time_step();
	/* What SQLite does not use of it yet counts, too. */
	g_assert_cmpint(truncate(log, 65 << 20), ==, 0);
	for (unsigned i = 0; i < STATE_SYNC_MS / STATE_FLUSH_MS; i++)
		(void)fake_time_step();
	state_assert_problem(f, "its log has grown to 65 MB");
	state_send_all(f, N_BEFORE + 10);
	(void)fake_time_step();
	g_assert_cmpuint(state_n_pending(f), ==, 0);

	g_assert_cmpint(truncate(log, 1025 << 20), ==, 0);
	for (unsigned i = 0; i < STATE_SYNC_MS / STATE_FLUSH_MS; i++)
		(void)fake_time_step();
	state_assert_problem(f, "1025 MB; until he ends, what changes is kept in memory only");
	state_send_all(f, N_AFTER);
	(void)fake_time_step();
	g_assert_cmpuint(state_n_pending(f), >, 0);
	g_assert_cmpuint(state_n_logged(f, "its log has grown"), ==, 2);

	close_other(other);
	(void)fake_time_step();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_logged(f, "is short again"), ==, 1);
	g_free(log);
	assert_all_kept(f, N_AFTER);
}

/* The alarm about the log is still there when another one has gone. */
static void test_two_problems(struct state_fixture *f, gconstpointer data)
{
	char *log = g_strconcat(f->path, "-wal", NULL);
	sqlite3 *other;

	begin_with_some(f);
	other = open_other(f, "BEGIN; SELECT count(*) FROM binding");
	(void)fake_time_step();
	g_assert_cmpint(truncate(log, 65 << 20), ==, 0);
	for (unsigned i = 0; i < STATE_SYNC_MS / STATE_FLUSH_MS; i++)
		(void)fake_time_step();
	fake_disk_fail(SQLITE_FULL, ENOSPC, true);
	(void)state_send(f, N_BEFORE + 1);
	(void)fake_time_step();
	state_assert_problem(f, "full");
	disk_works(NULL);
	(void)fake_time_step();
	state_assert_problem(f, "its log has grown");
	close_other(other);
	g_free(log);
	state_end(f);
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static void remove_file(const struct state_fixture *f)
{
	static const char *const companions[] = {"", "-wal", "-shm"};

	for (unsigned i = 0; i < G_N_ELEMENTS(companions); i++) {
		char *path = g_strconcat(f->path, companions[i], NULL);

		(void)g_unlink(path);
		g_free(path);
	}
}

static void put_text(const struct state_fixture *f)
{
	remove_file(f);
	g_assert_true(g_file_set_contents(f->path, "no database, but some text ......", -1, NULL));
}

/* Every page but the first. Somebody has emptied the log, so what is in memory is read anew. */
static void damage_pages(const struct state_fixture *f)
{
	char *content = NULL;
	gsize size;
	FILE *file;

	close_other(open_other(f, "PRAGMA wal_checkpoint(TRUNCATE)"));
	g_assert_true(g_file_get_contents(f->path, &content, &size, NULL));
	g_assert_cmpuint(size, >, 8192);
	memset(content + 4096, 0xa5, size - 4096);
	file = fopen(f->path, "r+");
	g_assert_nonnull(file);
	g_assert_cmpuint(fwrite(content, 1, size, file), ==, size);
	g_assert_cmpint(fclose(file), ==, 0);
	g_free(content);
}

/* The one that is gone is noticed, and all is written to a new one. */
static void test_file(struct state_fixture *f, gconstpointer data)
{
	void (*const spoil)(const struct state_fixture *f) = data;
	uint64_t n_aside;

	begin_with_some(f);
	/* All of it is in the file, and not in its log. */
	for (unsigned i = 0; i <= STATE_SYNC_MS / STATE_FLUSH_MS; i++)
		(void)fake_time_step();
	spoil(f);
	for (uint32_t i = 0; state_n_logged(f, "translation goes on") == 0; i++) {
		g_assert_cmpuint(i, <=, STATE_SYNC_MS / STATE_FLUSH_MS);
		(void)state_send(f, N_BEFORE + i);
		(void)fake_time_step();
	}
	state_assert_problem(f, spoil == damage_pages ? "malformed" : "removed or replaced");
	state_send_all(f, N_AFTER);
	(void)fake_time_step();
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_logged(f, AGAIN), ==, 1);
	n_aside = f->gateway.store.n_set_aside;
	g_assert_cmpuint(n_aside, ==, spoil == remove_file ? 0 : 1);
	g_assert_cmpuint(state_n_logged(f, "it is kept as"), ==, n_aside);
	assert_all_kept(f, N_AFTER);
}

/* It is found out only when the daemon ends: what is in memory is not lost with it. */
static void test_file_at_end(struct state_fixture *f, gconstpointer data)
{
	void (*spoil)(const struct state_fixture *f) = data;

	begin_with_some(f);
	spoil(f);
	state_end(f);
	state_begin(f);
	g_assert_cmpuint(state_n_bindings(f), ==, N_BEFORE + 1);
	state_end(f);
}

/* How many bindings are those that there were; the others are *ret_others. */
static uint32_t n_true(struct state_fixture *f, const uint16_t port[N_BEFORE], uint32_t *ret_others)
{
	const struct bib *bib = &f->gateway.nat->bib[PROTOCOL_UDP];
	uint32_t n = 0;

	for (uint32_t i = 0; i < N_BEFORE; i++) {
		const struct taddr6 client = state_client(i);
		uint32_t index = bib_find6(bib, &client);

		n += index != SLAB_NONE && bib_at(bib, index)->port4 == port[i];
	}
	*ret_others = nat64_n_bindings(f->gateway.nat) - n;
	return n;
}

/* Whatever was read of it: packets go on, and soon there is a sound file of all that there is. */
static void assert_recovers(struct state_fixture *f)
{
	uint32_t n;

	state_send_all(f, N_AFTER);
	for (unsigned i = 0; i < 2; i++)
		(void)fake_time_step();
	state_assert_no_problem(f);
	n = state_n_bindings(f);
	state_end(f);
	state_begin(f);
	g_assert_cmpuint(f->gateway.store.n_set_aside, ==, 0);
	g_assert_cmpuint(state_n_bindings(f), ==, n);
	state_end(f);
}

/* Random bytes of 200 files. That one is damaged is noticed when it is read, and said; the rows
 * that can be read are used, as they are nearly all true. */
static void test_flipped_bytes(struct state_fixture *f, gconstpointer data)
{
	GRand *random = g_rand_new_with_seed(20111206);
	uint32_t n_noticed = 0, n_kept = 0, n_invented = 0, n_others;
	uint16_t port[N_BEFORE];
	char *good = NULL;
	gsize size;

	state_begin(f);
	for (uint32_t i = 0; i < N_BEFORE; i++)
		port[i] = state_send(f, i).port;
	(void)fake_time_step();
	state_end(f);
	g_assert_true(g_file_get_contents(f->path, &good, &size, NULL));
	for (unsigned round = 0; round < 200; round++) {
		char *bad = g_memdup2(good, size);

		for (unsigned n = 1u << g_rand_int_range(random, 0, 8); n > 0; n--)
			bad[g_rand_int_range(random, 0, (gint32)size)] =
				(char)g_rand_int_range(random, 0, 256);
		remove_file(f);
		g_assert_true(g_file_set_contents_full(f->path, bad, (gssize)size,
						       G_FILE_SET_CONTENTS_NONE, 0600, NULL));
		g_free(bad);
		state_begin(f);
		if (f->gateway.store.n_set_aside > 0) {
			g_assert_cmpuint(state_n_logged(f, "it is kept as"), ==, 1);
			n_noticed++;
			n_kept += n_true(f, port, &n_others);
			n_invented += n_others;
		}
		assert_recovers(f);
		g_ptr_array_set_size(f->log, 0);
	}
	g_test_message("noticed %u of 200; in these %u of %u bindings were used, and %u that never "
		       "were",
		       n_noticed, n_kept, n_noticed * N_BEFORE, n_invented);
	g_assert_cmpuint(n_noticed, >, 50);
	g_assert_cmpuint(n_invented * 50, <, n_kept);
	g_rand_free(random);
	g_free(good);
}

static void make_directory(void *context)
{
	const struct state_fixture *f = context;

	g_assert_cmpint(g_mkdir(f->directory, 0700), ==, 0);
}

static void test_no_directory(struct state_fixture *f, gconstpointer data)
{
	(void)g_rmdir(f->directory);
	state_begin(f);
	state_assert_problem(f, "unable to open database file (No such file or directory)");
	state_send_all(f, N_BEFORE);
	assert_backs_off(f, "No such file or directory");
	state_send_all(f, N_AFTER);
	make_directory(f);
	(void)fake_time_step();
	state_assert_no_problem(f);
	assert_all_kept(f, N_AFTER);
}

static void test_not_writable(struct state_fixture *f, gconstpointer data)
{
	if (geteuid() == 0 && seteuid(65534) < 0) {
		g_test_skip("nobody else may be here");
		return;
	}
	if (access(f->directory, W_OK) == 0 && geteuid() != 65534)
		g_assert_cmpint(g_chmod(f->directory, 0500), ==, 0);
	state_begin(f);
	state_assert_problem(f, "unable to open database file (Permission denied)");
	state_send_all(f, N_AFTER);
	if (getuid() == 0)
		g_assert_cmpint(seteuid(0), ==, 0);
	else
		g_assert_cmpint(g_chmod(f->directory, 0700), ==, 0);
	(void)fake_time_step();
	state_assert_no_problem(f);
	assert_all_kept(f, N_AFTER);
}

/* ---- clocks -------------------------------------------------------------------------------------
 */

#define DAY_MS INT64_C(86400000)

/* K-13: while it runs, and over a restart of the daemon, the wall clock may step as it likes. */
static void test_clock_steps(struct state_fixture *f, gconstpointer data)
{
	static const int64_t steps[] = {DAY_MS, -DAY_MS, -DAY_MS, DAY_MS};
	struct taddr4 before, after;

	begin_with_some(f);
	before = state_send(f, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
		fake_time_step_wall(steps[i]);
		state_send_all(f, N_BEFORE + i);
		(void)fake_time_step();
		state_assert_no_problem(f);
		g_assert_cmpuint(state_n_pending(f), ==, 0);
		fake_time_step_wall(steps[i]);
		state_end(f);
		fake_time_step_wall(-steps[i]);
		state_begin(f);
		after = state_send(f, 0);
		g_assert_true(taddr4_equal(&before, &after));
		g_assert_cmpuint(nat64_n_sessions(f->gateway.nat), ==, state_n_bindings(f));
	}
	g_assert_cmpuint(state_n_logged(f, "translation goes on"), ==, 0);
	state_end(f);
}

/* Over a boot it says how long that was: forwards all sessions are over, and bindings last for 120
 * s (O-12); backwards none lives longer than a new one. */
static void test_clock_steps_at_boot(struct state_fixture *f, gconstpointer data)
{
	const int64_t step = *(const int64_t *)data;
	uint64_t longest_ms;

	begin_with_some(f);
	state_end(f);
	fake_time_set(30000, (uint64_t)(STATE_WALL_MS + step), "boot 2");
	state_begin(f);
	state_assert_no_problem(f);
	g_assert_cmpuint(state_n_bindings(f), ==, N_BEFORE + 1);
	g_assert_cmpuint(nat64_n_sessions(f->gateway.nat), ==, step > 0 ? 0 : N_BEFORE + 1);
	/* 450 s: a lifetime and a half of UDP. */
	longest_ms = step > 0 ? 120000 : 452000;
	while (!nat64_expire(f->gateway.nat, 30000 + longest_ms, 1000, &f->fixture->out))
		out_clear(&f->fixture->out);
	g_assert_cmpuint(nat64_n_bindings(f->gateway.nat), ==, 0);
	state_end(f);
}

int main(int argc, char **argv)
{
	static const int64_t forwards = DAY_MS, backwards = -DAY_MS;
	const struct {
		const char *name;
		void (*run)(struct state_fixture *f, gconstpointer data);
		gconstpointer data;
	} tests[] = {
		{"full_at_start", test_full_at_start, NULL},
		{"slow", test_slow, NULL},
		{"locked", test_locked, NULL},
		{"long_reader", test_long_reader, NULL},
		{"two_problems", test_two_problems, NULL},
		{"removed", test_file, remove_file},
		{"foreign", test_file, put_text},
		{"damaged", test_file, damage_pages},
		{"removed_at_end", test_file_at_end, remove_file},
		{"foreign_at_end", test_file_at_end, put_text},
		{"damaged_at_end", test_file_at_end, damage_pages},
		{"flipped_bytes", test_flipped_bytes, NULL},
		{"no_directory", test_no_directory, NULL},
		{"not_writable", test_not_writable, NULL},
		{"clock_steps", test_clock_steps, NULL},
		{"clock_steps_at_boot_forwards", test_clock_steps_at_boot, &forwards},
		{"clock_steps_at_boot_backwards", test_clock_steps_at_boot, &backwards},
	};
	char name[80];

	g_test_init(&argc, &argv, NULL);
	fake_disk_install();
	for (unsigned i = 0; i < G_N_ELEMENTS(failures); i++) {
		(void)g_snprintf(name, sizeof(name), "/state_fails/%s", failures[i].name);
		g_test_add(name, struct state_fixture, &failures[i], state_setup, test_disk,
			   state_teardown);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		(void)g_snprintf(name, sizeof(name), "/state_fails/%s", tests[i].name);
		g_test_add(name, struct state_fixture, tests[i].data, state_setup, tests[i].run,
			   state_teardown);
	}
	return g_test_run();
}
