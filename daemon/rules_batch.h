/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of a set of IPv4 addresses in the kernel, changed by netlink itself. libnftables, which
 * does all the rest, reads the whole set before it changes a single element of it: for n changes,
 * one by one, n times n elements.
 */
#pragma once

#include <glib.h>

/*
 * Takes elements (arrays of struct addr4_range) out of the set of a table of family inet, and puts
 * others in. One transaction, or several, one after the other, if there are more than 1024 of
 * either. 0, or a negative errno: -ENOENT, -EEXIST, -ENOTEMPTY mean that what is there is not what
 * the caller thinks; some of the change may be in effect then.
 */
int rules_batch_change(const char *table, const char *set, const GArray *gone, const GArray *fresh);
