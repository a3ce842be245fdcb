/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See aside.h. */
#include "daemon/aside.h"

#include <glib.h>

struct aside {
	void *data;
	void (*free_data)(void *data);
	GMutex mutex;
	GCond changed;
	/* Under the mutex. */
	void (*work)(void *data); /* NULL: nothing is under way */
	bool is_left;             /* nobody waits any more: the thread ends, and frees all */
	bool has_thread;
};

static void destroy(struct aside *aside)
{
	aside->free_data(aside->data);
	g_mutex_clear(&aside->mutex);
	g_cond_clear(&aside->changed);
	g_free(aside);
}

static void *run(void *userdata)
{
	struct aside *aside = userdata;

	g_mutex_lock(&aside->mutex);
	while (!aside->is_left) {
		void (*work)(void *data) = aside->work;

		if (!work) {
			g_cond_wait(&aside->changed, &aside->mutex);
			continue;
		}
		g_mutex_unlock(&aside->mutex);
		work(aside->data);
		g_mutex_lock(&aside->mutex);
		aside->work = NULL;
		g_cond_broadcast(&aside->changed);
	}
	g_mutex_unlock(&aside->mutex);
	destroy(aside);
	return NULL;
}

struct aside *aside_new(void *data, void (*free_data)(void *data))
{
	struct aside *aside = g_new0(struct aside, 1);

	aside->data = data;
	aside->free_data = free_data;
	g_mutex_init(&aside->mutex);
	g_cond_init(&aside->changed);
	return aside;
}

void aside_free(struct aside *aside)
{
	bool has_thread;

	if (!aside)
		return;
	g_mutex_lock(&aside->mutex);
	aside->is_left = true;
	has_thread = aside->has_thread;
	g_cond_broadcast(&aside->changed);
	g_mutex_unlock(&aside->mutex);
	if (!has_thread)
		destroy(aside);
}

/* Only who has something to write has a thread for it. Mutex held. */
static bool have_thread(struct aside *aside)
{
	GThread *thread;

	if (aside->has_thread)
		return true;
	thread = g_thread_try_new("aside", run, aside, NULL);
	if (!thread)
		return false;
	g_thread_unref(thread);
	aside->has_thread = true;
	return true;
}

/* Mutex held. */
static bool wait_until_idle(struct aside *aside, unsigned limit_ms)
{
	gint64 end = g_get_monotonic_time() + (gint64)limit_ms * 1000;

	while (aside->work && g_cond_wait_until(&aside->changed, &aside->mutex, end))
		continue;
	return !aside->work;
}

bool aside_do(struct aside *aside, void (*work)(void *data), unsigned limit_ms)
{
	bool is_done;

	g_mutex_lock(&aside->mutex);
	g_assert(!aside->work);
	is_done = have_thread(aside);
	if (is_done) {
		aside->work = work;
		g_cond_broadcast(&aside->changed);
		is_done = wait_until_idle(aside, limit_ms);
	}
	g_mutex_unlock(&aside->mutex);
	return is_done;
}

bool aside_wait(struct aside *aside, unsigned limit_ms)
{
	bool is_idle;

	g_mutex_lock(&aside->mutex);
	is_idle = wait_until_idle(aside, limit_ms);
	g_mutex_unlock(&aside->mutex);
	return is_idle;
}

bool aside_is_busy(struct aside *aside)
{
	return !aside_wait(aside, 0);
}
