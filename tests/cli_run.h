/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl, run against a service. */
#pragma once

#include "tests/bus.h"

/* Over the bus or the socket, with arguments as a shell would split them. Exit status. */
int cli_run(const struct test_service *of, const char *arguments, bool to_socket, char **ret_out,
	    char **ret_message);
