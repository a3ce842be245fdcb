/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl health, for probes, and log-level. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_stats.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define PATIENCE_USEC 500000 /* for a packet out of a queue in which some wait */

static enum ctl_status get_state(struct ctl *ctl, char **ret)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, "org.freedesktop.DBus.Properties", "Get", &call);
	const char *state;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ss", DBUS_INTERFACE_MANAGER, "State");
	if (r < 0)
		return ctl_fail(CTL_FAILED, "State: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "v", "s", &state);
	if (r < 0)
		return ctl_bad_reply(r);
	*ret = g_strdup(state);
	return CTL_DONE;
}

/* What is wrong with the rules, or with the queues: does the daemon take packets out of them, if
 * any wait there? NULL: nothing. */
static enum ctl_status find_problem(struct ctl *ctl, const char **ret)
{
	g_autoptr(GArray) before = NULL, after = NULL;
	enum ctl_status status = ctl_stats_get(ctl, &before);

	*ret = NULL;
	if (status != CTL_DONE)
		return status;
	if (ctl_stats_value(before, "rules_in_place") == 0)
		*ret = "the packet rules are not in place";
	if (*ret != NULL || ctl_stats_sum(before, "queue_", "_waiting") == 0)
		return CTL_DONE;
	g_usleep(PATIENCE_USEC);
	status = ctl_stats_get(ctl, &after);
	if (status == CTL_DONE && ctl_stats_sum(after, "queue_", "_waiting") > 0 &&
	    ctl_stats_sum(after, "queue_", "_received") ==
		    ctl_stats_sum(before, "queue_", "_received"))
		*ret = "packets wait in the queues and none is taken";
	return status;
}

enum ctl_status ctl_health(struct ctl *ctl, int argc, char **argv)
{
	bool quiet = argc == 1 && strcmp(argv[0], "--quiet") == 0;
	const char *problem;
	g_autofree char *state = NULL;
	enum ctl_status status;

	if (argc != 0 && !quiet)
		return ctl_fail(CTL_USAGE, "'%s' is not an option here; health knows --quiet",
				argv[argc - 1]);
	status = get_state(ctl, &state);
	if (status == CTL_DONE)
		status = find_problem(ctl, &problem);
	if (status != CTL_DONE)
		return status;
	if (strcmp(state, "active") != 0)
		return quiet ? CTL_FAILED : ctl_fail(CTL_FAILED, "the gateway is %s", state);
	if (problem != NULL)
		return quiet ? CTL_FAILED : ctl_fail(CTL_FAILED, "%s", problem);
	if (!quiet)
		puts(ctl->json ? "{\"healthy\": true}" : "active: rules in place, queues move");
	return CTL_DONE;
}

enum ctl_status ctl_log_level(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status;
	int r;

	if (argc != 1)
		return ctl_fail(CTL_USAGE,
				"log-level takes one of: err, warning, notice, info, debug");
	status = ctl_call_new_at(ctl, DBUS_PATH_LOG_CONTROL, "org.freedesktop.DBus.Properties",
				 "Set", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssv", DBUS_INTERFACE_LOG_CONTROL, "LogLevel", "s",
				  argv[0]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	return ctl_call(ctl, call, &reply);
}
