/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all verbs of nat64ctl share: the global options, the connection to the daemon, and how a
 * failure becomes one line on stderr and an exit status.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

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
	sd_bus *bus; /* by ctl_call_new() */
	char *service;
	struct _GHashTable *pool4_names; /* by id, see ctl_pool4_name(); or NULL */
	struct json_t *outcomes;         /* of a range, see ctl_change_begin(); or NULL */
};

void ctl_deinit(struct ctl *ctl);

/* One line on stderr: "nat64ctl: ...". Returns status. */
enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

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
/* A reply that is not as documented: prints and returns CTL_FAILED. */
enum ctl_status ctl_bad_reply(int r);

/* The verbs. argv holds what stands behind the verb; global options are gone. */
enum ctl_status ctl_status(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_show(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_add(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_remove(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_drain(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool4_enable(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_bib_add(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_bib_remove(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_bib_lookup(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_publish(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_bib_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_show(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_block(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_unblock(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_blocked(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_ports(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_client_of(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_drain(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_resume(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_session_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_config_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_config_get(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_config_set(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_config_reset(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool6_list(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool6_add(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_pool6_remove(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_reload(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_health(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_log_level(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_explain(struct ctl *ctl, int argc, char **argv);
enum ctl_status ctl_stats(struct ctl *ctl, int argc, char **argv);
