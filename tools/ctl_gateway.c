/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl drain and resume: the gateway as a whole. */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/ctl_change.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define LOOK_USEC 200000 /* between two looks at the sessions */

static enum ctl_status count_sessions(struct ctl *ctl, uint64_t *ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	enum ctl_status status = ctl_get_property(ctl, "Sessions", &reply);
	int r;

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

enum ctl_status ctl_drain(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	enum ctl_status status = ctl_change_call(ctl, "Drain", 0, arguments);
	const char *time = arguments->option[CTL_WAIT];

	if (status != CTL_DONE || time == NULL || ctl_arguments_has(arguments, CTL_DRY_RUN))
		return status;
	return wait_until_idle(ctl, time, arguments->number[CTL_WAIT]);
}

enum ctl_status ctl_resume(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "Resume", 0, arguments);
}
