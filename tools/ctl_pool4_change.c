/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool4 add, remove, drain, enable. */
#include <glib.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum ctl_status ctl_pool4_add(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autofree char *protocols = ctl_change_words(arguments->option[CTL_PROTOCOLS]);
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "AddPool4", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "sss", arguments->word[0], arguments->word[1], protocols);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "AddPool4: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, arguments, true);
}

enum ctl_status ctl_pool4_remove(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "RemovePool4", 1, arguments);
}

enum ctl_status ctl_pool4_drain(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "DrainPool4", 1, arguments);
}

enum ctl_status ctl_pool4_enable(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "EnablePool4", 1, arguments);
}
