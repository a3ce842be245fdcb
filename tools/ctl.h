/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all verbs of nat64ctl share: the global options, the connection to the daemon, and how a
 * failure becomes one line on stderr and an exit status.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "tools/ctl_agent.h"

/* INTERFACE, section 6. */
enum ctl_status {
	CTL_DONE,
	CTL_FAILED, /* refused, or went wrong */
	CTL_USAGE,
	CTL_NO_SUCH,
	CTL_NOT_RUNNING,
	CTL_NOT_AUTHORISED,
};

struct ctl {
	const char *instance; /* NULL = the only one */
	const char *bus_address;
	const char *socket_path;
	bool json;
	bool legend;
	uint64_t patience_usec; /* for an answer; 0 = as long as sd-bus waits */
	sd_bus *bus;            /* by ctl_call_new() */
	bool asks;              /* so may polkit, for a password */
	struct ctl_agent agent; /* by which it does */
	char *service;
	char *refusal;                   /* the sentence of the last call that was refused */
	bool is_off;                     /* as it is about what is turned off */
	struct _GHashTable *pool4_names; /* by id, see ctl_pool4_name(); or NULL */
	struct json_t *outcomes;         /* of a range, see ctl_change_begin(); or NULL */
};

void ctl_deinit(struct ctl *ctl);

/* One line on stderr: "nat64ctl: ...". Returns status. */
enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A document on stdout; takes it over. */
void ctl_print_json(struct json_t *document);

/*
 * A call of the daemon's manager object that never starts the daemon; connects first if need be.
 * On failure the reason has been printed.
 */
enum ctl_status ctl_call_new(struct ctl *ctl, const char *interface, const char *method,
			     sd_bus_message **ret);
/* The same of another object. */
enum ctl_status ctl_call_new_at(struct ctl *ctl, const char *path, const char *interface,
				const char *method, sd_bus_message **ret);
/* Sends it. On failure the reason has been printed. */
enum ctl_status ctl_call(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply);
/* The same; on failure the reason is in ctl->refusal, and nothing has been printed. */
enum ctl_status ctl_call_quietly(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply);
/* A reply that is not as documented: prints and returns CTL_FAILED. */
enum ctl_status ctl_bad_reply(int r);

/*
 * The result of a property of the daemon's manager: a variant in *ret_reply. On failure the reason
 * has been printed.
 */
enum ctl_status ctl_get_property(struct ctl *ctl, const char *name, sd_bus_message **ret_reply);
/* A call of the manager without arguments. */
enum ctl_status ctl_call_plain(struct ctl *ctl, const char *method, sd_bus_message **ret_reply);

/* The verbs, with what stands behind them: see ctl_verbs.h. */
struct ctl_arguments;
typedef enum ctl_status ctl_run(struct ctl *ctl, const struct ctl_arguments *arguments);
ctl_run ctl_status;
ctl_run ctl_health;
ctl_run ctl_pool4_list;
ctl_run ctl_pool4_show;
ctl_run ctl_pool4_add;
ctl_run ctl_pool4_remove;
ctl_run ctl_pool4_drain;
ctl_run ctl_pool4_enable;
ctl_run ctl_pool6_list;
ctl_run ctl_pool6_add;
ctl_run ctl_pool6_remove;
ctl_run ctl_bib_list;
ctl_run ctl_bib_add;
ctl_run ctl_bib_remove;
ctl_run ctl_bib_lookup;
ctl_run ctl_publish;
ctl_run ctl_session_list;
ctl_run ctl_session_flush;
ctl_run ctl_client_list;
ctl_run ctl_client_show;
ctl_run ctl_client_block;
ctl_run ctl_client_unblock;
ctl_run ctl_client_blocked;
ctl_run ctl_client_ports;
ctl_run ctl_client_of;
ctl_run ctl_who;
ctl_run ctl_config_list;
ctl_run ctl_config_get;
ctl_run ctl_config_set;
ctl_run ctl_config_reset;
ctl_run ctl_reload;
ctl_run ctl_drain;
ctl_run ctl_resume;
ctl_run ctl_explain;
ctl_run ctl_monitor;
ctl_run ctl_trace;
ctl_run ctl_top;
ctl_run ctl_doctor;
ctl_run ctl_metrics;
ctl_run ctl_snapshot;
ctl_run ctl_restore;
ctl_run ctl_stats;
ctl_run ctl_log_level;
ctl_run ctl_snippet;
ctl_run ctl_import;
ctl_run ctl_setup;
ctl_run ctl_teardown;
ctl_run ctl_help;
