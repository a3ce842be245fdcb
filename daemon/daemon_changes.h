/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serves what management asks for, and sees to it that it is stored before it is done, and that the
 * kernel's rules follow before anybody is answered: changes that come together share one
 * transaction of the database and one update of the rules.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/change.h"
#include "daemon/pool4_sync.h"
#include "daemon/settings_change.h"

struct manager;
struct daemon_changes;

struct daemon_changes_config {
	sd_event *event;
	struct gateway *gateway;
	struct pool4_sync *sync;
	/* Brings the rules up to date: POOL4_SYNC_DIFFERENCE or _PENDING. 0, or a negative errno
	 * with a sentence for g_free(). */
	int (*put_rules)(void *context, enum pool4_sync_extent extent, char **ret_error);
	void *context;
	const struct settings_change *settings;
	/* Keys that were set before the start, as they are kept: struct config_override. NULL:
	 * none. */
	const GPtrArray *overrides;
	/* Stores rows (kept_row.h), which it takes over: daemon_changes_stored() tells when, unless
	 * ticket is 0. NULL: nothing is kept. */
	void (*store)(void *context, GPtrArray *rows, uint64_t ticket);
};

int daemon_changes_new(const struct daemon_changes_config *config, struct daemon_changes **ret);
void daemon_changes_free(struct daemon_changes *changes);

/* For manager_new(). */
const struct change_calls *daemon_changes_calls(const struct daemon_changes *changes);
/* Who is told when the rules have followed. */
void daemon_changes_set_manager(struct daemon_changes *changes, struct manager *manager);

/* All that wait are answered now. */
void daemon_changes_settle(struct daemon_changes *changes);

/* Something else has changed the entries: the rules are to follow soon. */
void daemon_changes_want_rules(struct daemon_changes *changes);

/* The rows with this ticket are on the disk; or error is a sentence, and they are not. */
void daemon_changes_stored(struct daemon_changes *changes, uint64_t ticket, const char *error);
/* At a start: these rules can not be put in place. Keys that were set before and without which they
 * would be others are not used, and stay where they are kept; *rules are others then. False: there
 * is none. */
bool daemon_changes_hold_settings(struct daemon_changes *changes, struct rules *const *rules,
				  const char *why);
/* Something else has changed what is kept: a reload, or an entry that has gone. It is stored in its
 * own time. */
void daemon_changes_keep(struct daemon_changes *changes);
