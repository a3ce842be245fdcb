/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serves what management asks for, and sees to it that the kernel's rules follow before anybody is
 * answered: changes that come together share one update of the rules.
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
	struct pool4_sync *sync;
	/* Brings the rules up to date: POOL4_SYNC_DIFFERENCE or _PENDING. 0, or a negative errno
	 * with a sentence for g_free(). */
	int (*put_rules)(void *context, enum pool4_sync_extent extent, char **ret_error);
	void *context;
	const struct settings_change *settings;
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
