/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed by command before the start, from the database back to where it belongs: keys
 * before the core is made, entries and static bindings before they are followed, blocked clients
 * before any packet.
 */
#pragma once

#include "daemon/config_settings.h"
#include "daemon/gateway.h"
#include "daemon/pool4_sync.h"

struct daemon_kept {
	const GPtrArray *rows; /* kept_row.h; NULL: there is nothing to be read */
	GPtrArray *overrides;  /* keys, as they are kept; NULL: none */
	GPtrArray *outdated;   /* rows that are over: the database is still to lose them */
};

void daemon_kept_init(struct daemon_kept *kept, const GPtrArray *rows);
void daemon_kept_deinit(struct daemon_kept *kept);

/* Keys, unless the files say otherwise by now: puts another configuration in the place of *config
 * if there are any. What can not be used is reported and held. */
void daemon_kept_restore_settings(struct daemon_kept *kept, struct config_settings *settings,
				  struct config **config);
void daemon_kept_restore_pool4(const struct daemon_kept *kept, struct pool4_sync *sync,
			       const struct config *config);
void daemon_kept_restore_clients(struct daemon_kept *kept, struct gateway *gateway);
