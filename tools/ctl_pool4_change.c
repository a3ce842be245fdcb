/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool4 add, remove, drain, enable. */
#include <glib.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum ctl_status ctl_pool4_add(struct ctl *ctl, int argc, char **argv)
{
	const unsigned allowed = CTL_BIT(CTL_NAME) | CTL_BIT(CTL_PROTOCOL) | CTL_BIT(CTL_CLIENTS) |
				 CTL_BIT(CTL_PREFIX) | CTL_BIT(CTL_OVERFLOW) | CTL_BIT(CTL_COMMENT);
	_cleanup_message_ sd_bus_message *call = NULL;
	g_autofree char *protocols = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	int r;

	status = ctl_change_parse(argc, argv, allowed, 1, 2, "ADDRESSES [PORTS]", &arguments);
	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "AddPool4", &call);
	if (status != CTL_DONE)
		return status;
	protocols = ctl_change_words(arguments.option[CTL_PROTOCOL]);
	r = sd_bus_message_append(call, "sss", arguments.word[0], arguments.word[1], protocols);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "AddPool4: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, &arguments, true);
}

static enum ctl_status change(struct ctl *ctl, const char *method, unsigned allowed, int argc,
			      char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	int r;

	status = ctl_change_parse(argc, argv, allowed, 1, 1, "ENTRY or ADDRESSES", &arguments);
	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "s", arguments.word[0]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", method, g_strerror(-r));
	return ctl_change_run(ctl, call, &arguments, false);
}

enum ctl_status ctl_pool4_remove(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, "RemovePool4", CTL_BIT(CTL_FORCE), argc, argv);
}

enum ctl_status ctl_pool4_drain(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, "DrainPool4", 0, argc, argv);
}

enum ctl_status ctl_pool4_enable(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, "EnablePool4", 0, argc, argv);
}
