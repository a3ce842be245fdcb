/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's events (event.h) on their way to people: each becomes one sentence of the log.
 */
#pragma once

#include "daemon/core/event.h"

struct gateway;

#define EVENT_REPORT_SIZE 512

/* The sentence; pool4: name of the entry that the event is about, or "". Returns ret. */
const char *event_report_print(const struct event *event, const char *pool4,
			       char ret[EVENT_REPORT_SIZE]);
/* As in syslog(3). */
int event_report_level(const struct event *event);

struct event_report {
	struct gateway *gateway;
	/* Called without the lock, for each event in the order of time. */
	void (*each)(void *context, const struct event *event, const char *pool4);
	/* So many were lost because the queue was full (L-14). */
	void (*lost)(void *context, uint64_t n_lost);
	void *context;
	uint64_t n_lost_known;
};

/* Empties the queue. */
void event_report_drain(struct event_report *report);
