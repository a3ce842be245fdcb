/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/config_fixture.h"

#include <glib/gstdio.h>

char *config_fixture_path(const char *name)
{
	return g_build_filename(FIXTURES, name, NULL);
}

char *config_fixture_write(const char *text)
{
	char *path = NULL;
	g_autoptr(GError) error = NULL;
	int fd = g_file_open_tmp("nat64d-config-XXXXXX", &path, &error);

	g_assert_no_error(error);
	g_close(fd, NULL);
	g_file_set_contents(path, text, -1, &error);
	g_assert_no_error(error);
	return path;
}

struct config *config_fixture_load(const char *path, GPtrArray *problems)
{
	struct config *config = NULL;
	int r = config_load(path, &config, problems);

	for (guint i = 0; r < 0 && i < problems->len; i++) {
		g_autofree char *line = config_problem_print(g_ptr_array_index(problems, i));

		g_test_message("%s", line);
	}
	g_assert_cmpint(r, ==, 0);
	return config;
}
