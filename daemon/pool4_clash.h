/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where ports of an entry on the host's own address are also the host's own (P-18): a sentence for
 * each kind, with the line that settles it. Pure: no system calls.
 */
#pragma once

#include <glib.h>

#include "daemon/pool4_auto.h"

/* Appends to ret. A port that is given to local programs, and reserved, is settled: the kernel does
 * not choose it. */
void pool4_clash_check(const char *entry, uint32_t addr, const struct port_ranges *ports,
		       const struct pool4_auto_host *host, GPtrArray *ret);
