/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Databases that can not be used get another name, and older ones their own back. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "schema/store_internal.h"

/* What comes after the name of the database: itself, and what SQLite keeps beside it. */
static const char *const companions[] = {"", "-wal", "-shm"};

static char *name_aside(const struct store *store, const char *what)
{
	time_t now = time(NULL);
	struct tm utc;
	char stamp[32];
	char *name;

	(void)gmtime_r(&now, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	name = g_strdup_printf("%s.%s-%s", store->path, what, stamp);
	for (unsigned i = 2; g_file_test(name, G_FILE_TEST_EXISTS); i++) {
		g_free(name);
		name = g_strdup_printf("%s.%s-%s-%u", store->path, what, stamp, i);
	}
	return name;
}

int store_set_aside(struct store *store, const char *what, const char *why)
{
	char *aside = name_aside(store, what);
	int r = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(companions); i++) {
		char *from = g_strconcat(store->path, companions[i], NULL);
		char *to = g_strconcat(aside, companions[i], NULL);

		if (g_rename(from, to) < 0 && errno != ENOENT && r == 0) {
			r = -errno;
			(void)snprintf(store->error, sizeof(store->error),
				       "%s can not be set aside: %s", from, g_strerror(errno));
		}
		g_free(to);
		g_free(from);
	}
	if (r == 0)
		store_report(store, "%s; it is kept as %s", why, aside);
	g_free(aside);
	return r;
}

bool store_take_copy(struct store *store)
{
	bool taken = false;

	for (int version = STORE_VERSION; version > 0 && !taken; version--) {
		char *path = g_strdup_printf("%s.v%d", store->path, version);
		gchar *content = NULL;
		gsize size;

		/* A copy, as the next upgrade may want it again. */
		taken = g_file_get_contents(path, &content, &size, NULL) &&
			g_file_set_contents(store->path, content, (gssize)size, NULL);
		g_free(content);
		g_free(path);
	}
	return taken;
}
