/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every scenario in tests/packets is a test of its own. */
#include <glib.h>
#include <string.h>

#include "tests/scenario.h"

static void play(gconstpointer path)
{
	scenario_play(path);
}

static int by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) folder = g_dir_open(SCENARIOS, 0, &error);
	if (!folder)
		g_error("%s", error->message);

	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	while ((name = g_dir_read_name(folder)))
		if (g_str_has_suffix(name, ".pkt"))
			g_ptr_array_add(names, g_strdup(name));
	g_assert_cmpuint(names->len, >, 0);
	g_ptr_array_sort(names, by_text);

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *test = g_strdup_printf("/packets/%s", (char *)names->pdata[i]);
		g_test_add_data_func_full(test, g_build_filename(SCENARIOS, names->pdata[i], NULL),
					  play, g_free);
	}
	return g_test_run();
}
