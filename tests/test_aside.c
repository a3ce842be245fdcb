/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that does not come back: who has it done does. */
#include "daemon/aside.h"

#include <glib.h>

#define LONG_MS 600000

/* A disk that can hang; both the test's and the thread's, which may be longer. */
struct disk {
	GMutex mutex;
	GCond changed;
	bool hangs, is_freed;
	unsigned n_done;
};

static void set_up(struct disk *disk, gconstpointer data)
{
	*disk = (struct disk){.hangs = false};
	g_mutex_init(&disk->mutex);
	g_cond_init(&disk->changed);
}

static void tear_down(struct disk *disk, gconstpointer data)
{
	g_mutex_lock(&disk->mutex);
	while (!disk->is_freed)
		g_cond_wait(&disk->changed, &disk->mutex);
	g_mutex_unlock(&disk->mutex);
	g_mutex_clear(&disk->mutex);
	g_cond_clear(&disk->changed);
}

static void set_hanging(struct disk *disk, bool hangs)
{
	g_mutex_lock(&disk->mutex);
	disk->hangs = hangs;
	g_cond_broadcast(&disk->changed);
	g_mutex_unlock(&disk->mutex);
}

static void write_to(void *data)
{
	struct disk *disk = data;

	g_mutex_lock(&disk->mutex);
	while (disk->hangs)
		g_cond_wait(&disk->changed, &disk->mutex);
	disk->n_done++;
	g_mutex_unlock(&disk->mutex);
}

static void note_freed(void *data)
{
	struct disk *disk = data;

	g_mutex_lock(&disk->mutex);
	disk->is_freed = true;
	g_cond_broadcast(&disk->changed);
	g_mutex_unlock(&disk->mutex);
}

/* One after the other. */
static void test_works(struct disk *disk, gconstpointer data)
{
	struct aside *aside = aside_new(disk, note_freed);

	for (unsigned i = 1; i <= 3; i++) {
		g_assert_false(aside_is_busy(aside));
		g_assert_true(aside_do(aside, write_to, LONG_MS));
		g_assert_cmpuint(disk->n_done, ==, i);
	}
	aside_free(aside);
}

/* It is late, is seen to be, and comes back. */
static void test_hangs(struct disk *disk, gconstpointer data)
{
	struct aside *aside = aside_new(disk, note_freed);

	set_hanging(disk, true);
	g_assert_false(aside_do(aside, write_to, 1));
	g_assert_true(aside_is_busy(aside));
	g_assert_false(aside_wait(aside, 1));
	set_hanging(disk, false);
	g_assert_true(aside_wait(aside, LONG_MS));
	g_assert_cmpuint(disk->n_done, ==, 1);
	g_assert_true(aside_do(aside, write_to, LONG_MS));
	g_assert_cmpuint(disk->n_done, ==, 2);
	aside_free(aside);
}

/* Nobody waits at the end; what the thread works with lives as long as it does. */
static void test_left(struct disk *disk, gconstpointer data)
{
	struct aside *aside = aside_new(disk, note_freed);

	set_hanging(disk, true);
	g_assert_false(aside_do(aside, write_to, 1));
	aside_free(aside);
	g_mutex_lock(&disk->mutex);
	g_assert_false(disk->is_freed);
	g_mutex_unlock(&disk->mutex);
	set_hanging(disk, false);
}

/* Without any work there is no thread. */
static void test_unused(struct disk *disk, gconstpointer data)
{
	aside_free(aside_new(disk, note_freed));
	g_assert_true(disk->is_freed);
	aside_free(NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct disk *disk, gconstpointer data);
	} tests[] = {
		{"/aside/works", test_works},
		{"/aside/hangs", test_hangs},
		{"/aside/left", test_left},
		{"/aside/unused", test_unused},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct disk, NULL, set_up, tests[i].run, tear_down);
	return g_test_run();
}
