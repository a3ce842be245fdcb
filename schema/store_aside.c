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

/* As many are kept of those that are corrupt, and of newer ones. */
#define KEPT_MAX 3
#define STAMP    "%Y%m%dT%H%M%SZ"

static char *name_aside(const struct store *store, const char *what)
{
	time_t now = time(NULL);
	struct tm utc;
	char stamp[32];
	char *name;

	(void)gmtime_r(&now, &utc);
	(void)strftime(stamp, sizeof(stamp), STAMP, &utc);
	name = g_strdup_printf("%s.%s-%s", store->path, what, stamp);
	for (unsigned i = 2; g_file_test(name, G_FILE_TEST_EXISTS); i++) {
		g_free(name);
		name = g_strdup_printf("%s.%s-%s-%u", store->path, what, stamp, i);
	}
	return name;
}

/* The second and later ones of a second have a number behind the time. */
static gint compare_names(gconstpointer a, gconstpointer b)
{
	const char *const *left = a, *const *right = b;
	size_t stamp_end = (size_t)(strrchr(*left, 'Z') - *left) + 1;
	int order = strncmp(*left, *right, stamp_end);

	if (order == 0)
		order = (int)strlen(*left) - (int)strlen(*right);
	return order ? order : strcmp(*left, *right);
}

/* The names that name_aside() has given for this, but one; the oldest first. */
static GPtrArray *others_aside(const char *directory, const char *what, const char *but)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	char *pattern =
		g_strdup_printf("^" STORE_FILE "\\.%s-[0-9]{8}T[0-9]{6}Z(-[0-9]{1,9})?$", what);
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_regex_match_simple(pattern, name, G_REGEX_DOLLAR_ENDONLY, 0) &&
		    strcmp(name, but) != 0)
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	if (dir)
		g_dir_close(dir);
	g_free(pattern);
	return names;
}

/* Whatever is set aside each hour does not fill the disk. The newest is never removed, also when
 * the clock went back. */
static void remove_oldest(const struct store *store, const char *what, const char *newest)
{
	char *but = g_path_get_basename(newest);
	GPtrArray *names = others_aside(store->config.directory, what, but);

	for (guint i = 0; i + KEPT_MAX - 1 < names->len; i++)
		for (unsigned j = 0; j < G_N_ELEMENTS(companions); j++) {
			char *path =
				g_strdup_printf("%s/%s%s", store->config.directory,
						(char *)g_ptr_array_index(names, i), companions[j]);

			(void)g_unlink(path);
			g_free(path);
		}
	g_ptr_array_unref(names);
	g_free(but);
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
	if (r == 0) {
		store_report(store, "%s; it is kept as %s", why, aside);
		if (store->config.set_aside)
			store->config.set_aside(store->config.context);
		remove_oldest(store, what, aside);
	}
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
