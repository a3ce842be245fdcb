/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the daemon share. */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/daemon_kept.h"
#include "daemon/daemon_packets.h"
#include "daemon/daemon_reports.h"
#include "daemon/daemon_rules.h"
#include "daemon/daemon_sending.h"
#include "daemon/descriptors.h"
#include "daemon/event_report.h"
#include "daemon/gateway.h"
#include "daemon/handover.h"
#include "daemon/noted_log.h"
#include "daemon/restore.h"
#include "daemon/settings_change.h"
#include "daemon/watchdog.h"

/* daemon_handover.c */
struct daemon_handover {
	const char *socket;           /* of the control socket, beside which it is */
	bool replace;                 /* as asked for */
	struct descriptors inherited; /* of the one before; those that are not taken yet */
	struct handover_peer *peer;   /* the one before, as long as it may still go on */
	bool in_parts;                /* its tables come in two: some of them are inherited */
	struct restore restore;       /* of these, where no state is kept */
	bool is_kept;                 /* they come from the service manager, some time later */
	bool is_late;                 /* and too late for what waits in the queues */
	struct handover *server;      /* for the next one */
	bool yielded;                 /* it is starting */
	bool gave_stored;             /* and has the first part of our tables */
	bool stopped;                 /* and has our tables: packets wait */
	bool done;                    /* and everything */
	bool end_wanted;              /* a signal came meanwhile */
};

struct daemon_options;

struct daemon {
	const struct daemon_options *options;
	struct config_settings *settings;
	struct settings_change settings_change;
	struct config *config;
	struct gateway gateway;
	struct world *world;
	struct daemon_sending sending;
	struct daemon_packets packets;
	struct daemon_state *state; /* NULL: none is kept */
	struct daemon_kept kept;
	struct daemon_rules rules;
	struct rules_news *rules_news;
	struct pool4_sync *sync;
	struct daemon_changes *changes;
	struct daemon_history *history;
	struct manager *manager;
	sd_event *event;
	sd_event_source *tick;
	sd_event_source *follow; /* on while there is news that the configuration may depend on */
	unsigned n_ticks;
	struct heartbeat *heartbeat;
	struct watchdog watchdog;
	struct daemon_handover handover;
	struct event_report events;
	struct daemon_reports reports;
	struct noted_log noted_log;
};

int daemon_start_packets(struct daemon *daemon);
/* Of a struct daemon: once a second. */
void daemon_feed_watchdog(void *daemon);
/* Changes that are on the disk, or can not be stored, go on. */
void daemon_tell_stored(struct daemon *daemon);
int daemon_put_rules(struct daemon *daemon, enum pool4_sync_extent extent);

/*
 * daemon_handover.c: being the next one, then having a next one.
 *
 * begin: asks the running daemon, or looks at what the service manager has kept. 0, also if there
 * is nothing; or a negative errno, which is logged.
 */
int daemon_handover_begin(struct daemon *daemon);
/* Packets stop, and what there is comes, where it does not come in two parts. */
int daemon_handover_take(struct daemon *daemon);
/* Before any packet, once pool4 has its entries: what there is. */
void daemon_handover_restore(struct daemon *daemon);
/* Before packets stop: may the rules be put already, as the one before reads what they give us? */
bool daemon_handover_shares_queues(const struct daemon *daemon);
/* Right before that: 0 if no other one goes on. */
int daemon_handover_check(struct daemon *daemon);
/* Of two parts: packets stop, and what has changed comes. */
int daemon_handover_take_changes(struct daemon *daemon);
/* From now on it is ours, and the one before ends. */
int daemon_handover_finish(struct daemon *daemon);
/* The service manager is to keep our sockets; a next one may ask for them. */
void daemon_handover_serve(struct daemon *daemon);
/* May the event loop touch rules, configuration and addresses? */
bool daemon_handover_is_idle(const struct daemon *daemon);
/* At the end: what a service manager is to keep of the state. */
void daemon_handover_keep(struct daemon *daemon);
void daemon_handover_end(struct daemon *daemon);
