/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl config and reload: the configuration of the running daemon. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum ctl_status ctl_config_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column columns[] = {
		{"key", "KEY", TABLE_TEXT},
		{"value", "VALUE", TABLE_TEXT},
		{"source", "SOURCE", TABLE_TEXT},
		{"live", "LIVE", TABLE_BOOL},
		{NULL},
	};
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *key, *value, *source;
	enum ctl_status status = ctl_call_plain(ctl, "ListConfig", &reply);
	struct table *table;
	int r, live;

	if (status != CTL_DONE)
		return status;
	table = table_new(columns, ctl->json, ctl->legend);
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CONFIG);
	while (r >= 0 && (r = sd_bus_message_read(reply, DBUS_TYPE_CONFIG, &key, &value, &source,
						  &live)) > 0) {
		table_add_text(table, key);
		table_add_text(table, value);
		table_add_text(table, source);
		table_add_bool(table, live);
	}
	if (r < 0) {
		table_free(table);
		return ctl_bad_reply(r);
	}
	table_end(table);
	return CTL_DONE;
}

enum ctl_status ctl_config_get(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "GetConfig", &call);
	const char *value;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "s", arguments->word[0]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "s", &value);
	if (r < 0)
		return ctl_bad_reply(r);
	if (ctl->json) {
		ctl_print_json(json_pack("{s:s, s:s}", "key", arguments->word[0], "value", value));
	} else {
		puts(value);
	}
	return CTL_DONE;
}

enum ctl_status ctl_config_set(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "SetConfig", 2, arguments);
}

enum ctl_status ctl_config_reset(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	if ((arguments->n_words == 1) == ctl_arguments_has(arguments, CTL_ALL))
		return ctl_fail(CTL_USAGE, "config reset takes one KEY, or --all");
	return ctl_change_call(ctl, "ResetConfig", 1, arguments);
}

enum ctl_status ctl_reload(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "Reload", 0, arguments);
}
