/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole tables that the daemon writes into a pipe: what it says in lines becomes one document. */
#pragma once

#include "tools/ctl_arguments.h"

/*
 * Prints the table ("bib") as a JSON array, filtered as the command line says. CTL_DONE with
 * *ret_done = false if this connection carries no pipes: it must be read page by page.
 */
enum ctl_status ctl_dump_run(struct ctl *ctl, const char *table,
			     const struct ctl_arguments *arguments, bool *ret_done);
