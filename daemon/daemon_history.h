/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers what management asks of the state database (state_calls.h), each in a thread of its own
 * at the writer's priority, with a connection that only reads: neither packets nor the control loop
 * wait for it.
 *
 * Control thread, but for config.flush.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "daemon/gateway.h"
#include "daemon/state_calls.h"

struct daemon_history;

struct daemon_history_config {
	struct gateway *gateway;
	sd_event *event;
	const char *directory; /* of the database; NULL: there is none */
	/* In a question's thread: what has changed so far is to be written. False: it can not be.
	 */
	bool (*flush)(void *context);
	void *context;
	uint64_t give_ms; /* how long a snapshot may take that goes elsewhere; 0: 9 minutes */
};

/* 0 or a negative errno. config's texts stay. */
int daemon_history_new(const struct daemon_history_config *config, struct daemon_history **ret);
const struct state_calls *daemon_history_calls(struct daemon_history *history);
/* Answers all there are, at once: no snapshot is waited for that goes elsewhere. While stopped, new
 * ones are refused. history may be NULL. */
void daemon_history_stop(struct daemon_history *history);
void daemon_history_go_on(struct daemon_history *history);
void daemon_history_free(struct daemon_history *history);
