/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The comments of the rules in a chain of nf_tables, read by netlink itself. libnftables reads the
 * elements of all sets before it lists a single chain: half a second of processor time for 65 536
 * of them.
 */
#pragma once

#include <glib.h>

/* Appends them, for g_free(), in the order of the rules of a chain in a table of family inet. 0, or
 * a negative errno: -ENOENT = there is no such chain. */
int rules_comments_read(const char *table, const char *chain, GPtrArray *ret);
