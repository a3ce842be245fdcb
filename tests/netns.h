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

/* Gives the device an address ("2001:db8:1::7/64"), and waits until the kernel takes what is sent
 * to it: an IPv6 address is not local yet when the command that adds it has ended. */
void netns_add_address(const char *address, const char *device);
