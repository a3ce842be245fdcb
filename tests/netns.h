/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of a test's own, which ends with the process. */
#pragma once

#include <glib.h>

/* Enters a fresh one, in a fresh user namespace too when not root; lo is up. True, or the test is
 * skipped with the reason and has to return. For the main thread, before any other is made. */
gboolean netns_enter(void);

/* Runs a command line in it: "ip link add a type veth peer name b". Ends the test if it fails. */
void netns_run(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* The same, but says whether it worked. */
gboolean netns_try(const char *format, ...) G_GNUC_PRINTF(1, 2);
