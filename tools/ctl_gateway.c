/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl drain and resume: the gateway as a whole. */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define LOOK_USEC 200000 /* between two looks at the sessions */

static enum ctl_status count_sessions(struct ctl *ctl, uint64_t *ret)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, "org.freedesktop.DBus.Properties", "Get", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ss", DBUS_INTERFACE_MANAGER, "Sessions");
	if (r < 0)
		return ctl_fail(CTL_FAILED, "Sessions: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "v", "t", ret);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

static enum ctl_status wait_until_idle(struct ctl *ctl, const char *text, uint64_t usec)
{
	int64_t end = g_get_monotonic_time() + (int64_t)usec;
	enum ctl_status status;
	uint64_t n_sessions;

	while ((status = count_sessions(ctl, &n_sessions)) == CTL_DONE && n_sessions > 0) {
		int64_t left = end - g_get_monotonic_time();

		if (left <= 0)
			return ctl_fail(CTL_FAILED, "%" PRIu64 " session%s left after %s",
					n_sessions, n_sessions == 1 ? " is" : "s are", text);
		g_usleep(left < LOOK_USEC ? (gulong)left : LOOK_USEC);
	}
	if (status == CTL_DONE && !ctl->json)
		puts("no session is left");
	return status;
}

enum ctl_status ctl_drain(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	uint64_t usec = 0;
	const char *time;

	status = ctl_change_parse(argc, argv, CTL_BIT(CTL_WAIT), 0, 0, "no words", &arguments);
	if (status != CTL_DONE)
		return status;
	time = arguments.option[CTL_WAIT];
	if (time != NULL && !ctl_change_time(time, &usec))
		return ctl_fail(CTL_USAGE,
				"--wait: '%s' is not a time such as 30s, 10min, 2h or 1d", time);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Drain", &call);
	if (status == CTL_DONE)
		status = ctl_change_run(ctl, call, &arguments, false);
	if (status != CTL_DONE || time == NULL || arguments.option[CTL_DRY_RUN] != NULL)
		return status;
	return wait_until_idle(ctl, time, usec);
}

enum ctl_status ctl_resume(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;

	status = ctl_change_parse(argc, argv, 0, 0, 0, "no words", &arguments);
	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Resume", &call);
	return status != CTL_DONE ? status : ctl_change_run(ctl, call, &arguments, false);
}
