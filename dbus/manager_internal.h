/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the manager share: its state, and its methods by the noun they are about. */
#pragma once

#include <stdlib.h>
#include <systemd/sd-bus.h>

#include "daemon/core/nat64.h"
#include "daemon/core/token_bucket.h"
#include "dbus/authorise.h"
#include "dbus/list_filter.h"
#include "dbus/manager.h"
#include "dbus/options.h"
#include "dbus/stream.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

static inline void manager_freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ __attribute__((cleanup(manager_freep)))

/* In the row of each method that changes something. That it asks authorise() before is up to it:
 * sd-bus would ask for the capability only of who is not UNPRIVILEGED, and it knows no groups. */
#define MANAGER_CHANGES (SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_CAPABILITY(CAP_NET_ADMIN))

struct waiting; /* changing.c */
struct monitor;
struct traces;

/* What those who listen have been told of, or have read since. */
struct manager_told {
	enum gateway_state state;
	struct prefix6 pool6[NAT64_POOL6_MAX];
};

struct manager {
	struct gateway *gateway;
	const struct change_calls *changes;
	const struct state_calls *state;
	struct connection *connection; /* NULL with no_bus */
	struct control *control;       /* NULL without a socket */
	struct pool4_objects *objects;
	struct authority authority;
	struct manager_told told; /* since when nothing was announced */
	struct streams streams;   /* dumps, monitors and traces */
	struct monitor *monitors; /* monitor.c */
	sd_event_source *monitor_tick;
	uint64_t n_watch_lost;                 /* told so far */
	struct traces *traces;                 /* trace.c; NULL: nobody traces */
	struct token_bucket snapshots_told[2]; /* SnapshotFailed, SnapshotDone: history_methods.c */
	struct waiting *waiting;               /* calls that wait, in their order */
	struct waiting **last_waiting;
};

int manager_send(sd_bus_message *reply);
/* Rows that a caller wants: 0 = default, never more than the maximum. */
uint32_t manager_rows_wanted(uint32_t limit);
int manager_invalid_cursor(sd_bus_error *error, const char *cursor);

/* What to add to a time of the core, in µs, to get CLOCK_REALTIME; and the sum. UINT64_MAX is
 * never, and so is what is too far away to be said. */
uint64_t manager_realtime_offset(void);
uint64_t manager_realtime(uint64_t core_ms, uint64_t offset);
/* The same of seconds, which are negative before the boot. */
uint64_t manager_realtime_s(int64_t core_s, uint64_t offset);

/* Each connection, to the bus or of a peer. */
void manager_for_each_bus(struct manager *manager, void (*visit)(sd_bus *bus, void *userdata),
			  void *userdata);

/* Finds the entry of pool4 that a filter names; -errno with error set if there is none. */
int manager_resolve_filter(struct manager *manager, struct list_filter *filter,
			   sd_bus_error *error);

/* Reads the filter of Monitor and Trace. */
int monitor_read_filter(sd_bus_message *message, bool for_trace, struct list_filter *ret,
			sd_bus_error *error);
/* What the log is told is for those who monitor limits, too. */
void monitor_event(struct manager *manager, const struct event *event);

/* A change of one entry of pool4 by name, id or addresses: the options are still to be read. */
int pool4_change(struct manager *manager, sd_bus_message *message, const char *entry,
		 enum change_action action, sd_bus_error *error);

/* Handlers: org.nat64d1.xml says what each does. */
#define MANAGER_METHOD(name) int name(sd_bus_message *message, void *userdata, sd_bus_error *error)

MANAGER_METHOD(pool4_method_list);
MANAGER_METHOD(pool4_method_count);
MANAGER_METHOD(pool4_method_add);
MANAGER_METHOD(pool4_method_remove);
MANAGER_METHOD(pool4_method_drain);
MANAGER_METHOD(pool4_method_enable);
MANAGER_METHOD(bib_method_list);
MANAGER_METHOD(bib_method_list_sessions);
MANAGER_METHOD(bib_method_count);
MANAGER_METHOD(session_method_count);
MANAGER_METHOD(session_method_flush);
MANAGER_METHOD(dump_method);
MANAGER_METHOD(monitor_method);
MANAGER_METHOD(trace_method);
MANAGER_METHOD(bib_method_add);
MANAGER_METHOD(bib_method_remove);
MANAGER_METHOD(bib_method_lookup);
MANAGER_METHOD(config_method_list);
MANAGER_METHOD(config_method_get);
MANAGER_METHOD(config_method_set);
MANAGER_METHOD(config_method_reset);
MANAGER_METHOD(config_method_add_pool6);
MANAGER_METHOD(config_method_remove_pool6);
MANAGER_METHOD(config_method_reload);
MANAGER_METHOD(explain_method);
MANAGER_METHOD(client_method_list);
MANAGER_METHOD(client_method_block);
MANAGER_METHOD(client_method_unblock);
MANAGER_METHOD(client_method_list_blocked);
MANAGER_METHOD(deterministic_method_ports_of);
MANAGER_METHOD(deterministic_method_client_of);
MANAGER_METHOD(gateway_method_drain);
MANAGER_METHOD(gateway_method_resume);
MANAGER_METHOD(history_method_who);
MANAGER_METHOD(history_method_snapshot);
MANAGER_METHOD(history_method_snapshot_to);
