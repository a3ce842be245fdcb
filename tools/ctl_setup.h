/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs setup and teardown of nat64ctl: they need neither the daemon nor a bus. argv[0] is the
 * verb; the result is the exit status: 0 done, 1 failed, 2 usage. */
#pragma once

int ctl_setup(int argc, char **argv);
int ctl_teardown(int argc, char **argv);
