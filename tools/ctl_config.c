/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl config, pool6 and reload: the configuration of the running daemon. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* A call without arguments, and its reply. */
static enum ctl_status call_plainly(struct ctl *ctl, const char *method, sd_bus_message **ret)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);

	return status != CTL_DONE ? status : ctl_call(ctl, call, ret);
}

enum ctl_status ctl_config_list(struct ctl *ctl, int argc, char **argv)
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
	enum ctl_status status;
	struct table *table;
	int r, live;

	if (argc != 0)
		return ctl_fail(CTL_USAGE, "config list takes no arguments, '%s' is one", argv[0]);
	status = call_plainly(ctl, "ListConfig", &reply);
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

enum ctl_status ctl_config_get(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status;
	const char *value;
	int r;

	if (argc != 1)
		return ctl_fail(CTL_USAGE, "config get takes one key, such as Timeouts.UDP");
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "GetConfig", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "s", argv[0]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "s", &value);
	if (r < 0)
		return ctl_bad_reply(r);
	if (ctl->json) {
		json_t *document = json_pack("{s:s, s:s}", "key", argv[0], "value", value);

		(void)json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(document);
	} else {
		puts(value);
	}
	return CTL_DONE;
}

/* A changing method with so many words of the command line in front of its options. */
static enum ctl_status change(struct ctl *ctl, const char *method, unsigned n_words,
			      const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);
	int r = 0;

	for (unsigned i = 0; status == CTL_DONE && r >= 0 && i < n_words; i++)
		r = sd_bus_message_append(call, "s", arguments->word[i]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	return status != CTL_DONE ? status : ctl_change_run(ctl, call, arguments, false);
}

static enum ctl_status parse_and_change(struct ctl *ctl, int argc, char **argv, const char *method,
					unsigned n_words, const char *usage)
{
	struct ctl_arguments arguments;
	enum ctl_status status =
		ctl_change_parse(argc, argv, 0, n_words, n_words, usage, &arguments);

	return status != CTL_DONE ? status : change(ctl, method, n_words, &arguments);
}

enum ctl_status ctl_config_set(struct ctl *ctl, int argc, char **argv)
{
	return parse_and_change(ctl, argc, argv, "SetConfig", 2, "KEY VALUE");
}

enum ctl_status ctl_config_reset(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments arguments;
	enum ctl_status status = ctl_change_parse(argc, argv, CTL_BIT(CTL_ALL), 0, 1,
						  "one KEY, or --all", &arguments);

	if (status != CTL_DONE)
		return status;
	if ((arguments.n_words == 1) == (arguments.option[CTL_ALL] != NULL))
		return ctl_fail(CTL_USAGE, "config reset takes one KEY, or --all");
	return change(ctl, "ResetConfig", 1, &arguments);
}

enum ctl_status ctl_reload(struct ctl *ctl, int argc, char **argv)
{
	return parse_and_change(ctl, argc, argv, "Reload", 0, "no words");
}

enum ctl_status ctl_pool6_list(struct ctl *ctl, int argc, char **argv)
{
	static const struct table_column columns[] = {{"prefix", "PREFIX", TABLE_TEXT}, {NULL}};
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status;
	struct table *table;
	const char *prefix;
	int r;

	if (argc != 0)
		return ctl_fail(CTL_USAGE, "pool6 list takes no arguments, '%s' is one", argv[0]);
	status = ctl_call_new(ctl, "org.freedesktop.DBus.Properties", "Get", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ss", DBUS_INTERFACE_MANAGER, "Pool6");
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	table = table_new(columns, ctl->json, ctl->legend);
	r = sd_bus_message_enter_container(reply, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(reply, "s", &prefix)) > 0)
		table_add_text(table, prefix);
	if (r < 0) {
		table_free(table);
		return ctl_bad_reply(r);
	}
	table_end(table);
	return CTL_DONE;
}

enum ctl_status ctl_pool6_add(struct ctl *ctl, int argc, char **argv)
{
	return parse_and_change(ctl, argc, argv, "AddPool6", 1, "PREFIX");
}

enum ctl_status ctl_pool6_remove(struct ctl *ctl, int argc, char **argv)
{
	return parse_and_change(ctl, argc, argv, "RemovePool6", 1, "PREFIX");
}
