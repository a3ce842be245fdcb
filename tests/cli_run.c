/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cli_run.h. */
#include "tests/cli_run.h"

int cli_run(const struct test_service *of, const char *arguments, bool to_socket, char **ret_out,
	    char **ret_message)
{
	g_autofree char *line =
		to_socket
			? g_strdup_printf("%s --socket %s %s", NAT64CTL, of->socket_path, arguments)
			: g_strdup_printf("%s --bus %s %s", NAT64CTL, of->bus_address, arguments);
	g_autoptr(GError) error = NULL;
	int status;

	g_spawn_command_line_sync(line, ret_out, ret_message, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
