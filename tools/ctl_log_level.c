/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl log-level: how much the daemon logs, by LogControl1, which knows neither summaries nor
 * dry runs. */
#include <glib.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

static enum ctl_status call_new(struct ctl *ctl, const char *method, sd_bus_message **ret)
{
	enum ctl_status status = ctl_call_new_at(ctl, DBUS_PATH_LOG_CONTROL,
						 "org.freedesktop.DBus.Properties", method, ret);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(*ret, "ss", DBUS_INTERFACE_LOG_CONTROL, "LogLevel");
	return r < 0 ? ctl_fail(CTL_FAILED, "LogLevel: %s", g_strerror(-r)) : CTL_DONE;
}

static enum ctl_status get_level(struct ctl *ctl, char **ret)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = call_new(ctl, "Get", &call);
	const char *level;
	int r;

	if (status == CTL_DONE)
		status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "v", "s", &level);
	if (r < 0)
		return ctl_bad_reply(r);
	*ret = g_strdup(level);
	return CTL_DONE;
}

static enum ctl_status set_level(struct ctl *ctl, const char *level)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = call_new(ctl, "Set", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "v", "s", level);
	return r < 0 ? ctl_fail(CTL_FAILED, "LogLevel: %s", g_strerror(-r))
		     : ctl_call(ctl, call, &reply);
}

enum ctl_status ctl_log_level(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *const *levels = ctl_kind_words(CTL_KIND_LEVEL);
	g_autofree char *before = NULL, *summary = NULL;
	const char *level = arguments->word[0];
	enum ctl_status status;
	bool dry_run = ctl_arguments_has(arguments, CTL_DRY_RUN), changes;

	if (!g_strv_contains(levels, level)) {
		g_autofree char *list = g_strjoinv(", ", (char **)levels);

		return ctl_fail(CTL_USAGE, "'%s' is none of: %s", level, list);
	}
	status = get_level(ctl, &before);
	if (status != CTL_DONE)
		return status;
	changes = strcmp(before, level) != 0;
	if (changes && !dry_run)
		status = set_level(ctl, level);
	if (status != CTL_DONE)
		return status;
	summary = changes ? g_strdup_printf("the log level %s %s instead of %s",
					    dry_run ? "would be" : "is", level, before)
			  : g_strdup_printf("the log level is %s already", level);
	ctl_change_print(ctl, changes, summary);
	return CTL_DONE;
}
