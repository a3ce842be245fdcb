/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes out of the daemon for others to read: events into the log, and metrics. All of it can
 * change while it runs. Control thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/config.h"
#include "daemon/event_log.h"
#include "daemon/event_report.h"
#include "daemon/gateway.h"
#include "daemon/map_log.h"
#include "dbus/exporter.h"

struct daemon_reports {
	struct gateway *gateway;
	struct event_report *events;
	struct event_log *log;     /* NULL: not begun */
	struct map_log *maps;      /* NULL, as well */
	struct exporter *exporter; /* NULL, as well */
	bool is_public;            /* the exporter does its work */
	sd_event_source *often;    /* on while bindings are logged */
};

/* Begins the log, as config wants it. 0, or a negative errno. */
int daemon_reports_start(struct daemon_reports *reports, struct gateway *gateway,
			 struct event_report *events, sd_event *event, const struct config *config);
/* Begins the metrics. Not before all else is there: until then the daemon before has their socket
 * and file, and keeps them if this one fails. succeeds: it is about to leave them. */
void daemon_reports_publish(struct daemon_reports *reports, const struct config *config,
			    bool succeeds);
void daemon_reports_set(struct daemon_reports *reports, const struct config *config);
/* From events: one of them. */
void daemon_reports_event(struct daemon_reports *reports, const struct event *event,
			  const char *pool4);
/* An entry of pool4 is new, is gone, or has changed. */
void daemon_reports_pool4(struct daemon_reports *reports, uint32_t id);
/* All entries, now and then, and first when all of them are there. */
void daemon_reports_look(struct daemon_reports *reports);
/* Takes what there is out of events, and writes it. */
void daemon_reports_drain(struct daemon_reports *reports);
void daemon_reports_end(struct daemon_reports *reports);
