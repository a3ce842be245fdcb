/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a shell may offer for the word that is being written; data/completion has the shells' side.
 *
 * "nat64ctl --complete WORD..." prints a line for each candidate, "CANDIDATE\tWHAT IT IS"; the last
 * word is the one that is being written. A line "@files" asks the shell for names of files. What
 * only the daemon knows (names of entries, keys, clients) is asked of it, if it runs, for a short
 * time; it is never started.
 */
#pragma once

#include "tools/ctl_arguments.h"

/* arguments: the words before it. */
enum ctl_status ctl_complete(struct ctl *ctl, const struct ctl_arguments *arguments,
			     const char *word);
