/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IPv4 side as the configuration has it, for those who do without the daemon: entries of pool4
 * and static bindings, with what "auto" and "interface:NAME" mean on this host at the moment.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/rules.h"

struct ctl_entries {
	GArray *entry;        /* struct rules_entry, which point to the next two */
	GPtrArray *addresses; /* GArray of struct addr4_range */
	GPtrArray *ports;     /* struct port_ranges */
	struct port_ranges
		quiet; /* early: where an address that is not known yet may have sessions */
};

void ctl_entries_init(struct ctl_entries *entries);
void ctl_entries_deinit(struct ctl_entries *entries);

/* Takes addresses, a GArray of struct addr4_range; name lives as long as entries. NULL: a static
 * binding. */
void ctl_entries_add(struct ctl_entries *entries, const char *name, GArray *addresses,
		     const struct port_ranges *ports, const bool protocol[N_PROTOCOLS]);

/* Names are those of config, which has to live as long. early: there may be no default route, and
 * then no entry named auto; what is to be kept quiet is said. 0, or a negative errno whose reason
 * has been printed. */
int ctl_entries_read(const struct config *config, bool early, struct ctl_entries *entries);
