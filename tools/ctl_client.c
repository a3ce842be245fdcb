/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl client: who uses how much, and who may not. */
#include <glib.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

static const struct table_column columns[] = {
	{"prefix", "CLIENT", TABLE_TEXT},
	{"tcp", "TCP", TABLE_NUMBER},
	{"udp", "UDP", TABLE_NUMBER},
	{"icmp", "ICMP", TABLE_NUMBER},
	{"sessions", "SESSIONS", TABLE_NUMBER},
	{"refused", "REFUSED", TABLE_NUMBER},
	{NULL},
};

static int add_rows(sd_bus_message *reply, struct table *table, unsigned *ret_n)
{
	uint64_t number[5];
	const char *prefix;
	int r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CLIENT);

	while (r >= 0 &&
	       (r = sd_bus_message_read(reply, DBUS_TYPE_CLIENT, &prefix, &number[0], &number[1],
					&number[2], &number[3], &number[4])) > 0) {
		table_add_text(table, prefix);
		for (unsigned i = 0; i < G_N_ELEMENTS(number); i++)
			table_add_number(table, number[i]);
		++*ret_n;
	}
	return r;
}

/* inside "": all of them. */
static enum ctl_status list(struct ctl *ctl, const char *inside, unsigned limit)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListClients", &call);
	struct table *table;
	unsigned n = 0;
	int r;

	if (status != CTL_DONE)
		return status;
	r = *inside != '\0' ? sd_bus_message_append(call, "a{sv}", 1, "client", "s", inside)
			    : sd_bus_message_append(call, "a{sv}", 0);
	if (r >= 0)
		r = sd_bus_message_append(call, "su", "", limit);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "ListClients: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	table = table_new(columns, ctl->json, ctl->legend);
	r = add_rows(reply, table, &n);
	if (r < 0 || (*inside != '\0' && n == 0)) {
		table_free(table);
		return r < 0 ? ctl_bad_reply(r)
			     : ctl_fail(CTL_NO_SUCH, "no client in %s has bindings", inside);
	}
	table_end(table);
	return CTL_DONE;
}

enum ctl_status ctl_client_list(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments arguments;
	enum ctl_status status;
	guint64 top = 0;

	status = ctl_change_parse(argc, argv, CTL_BIT(CTL_TOP), 0, 0, "no words", &arguments);
	if (status != CTL_DONE)
		return status;
	if (arguments.option[CTL_TOP] != NULL &&
	    !g_ascii_string_to_unsigned(arguments.option[CTL_TOP], 10, 1, DBUS_ROWS_MAX, &top,
					NULL))
		return ctl_fail(CTL_USAGE, "--top: '%s' is not a number from 1 to %d",
				arguments.option[CTL_TOP], DBUS_ROWS_MAX);
	return list(ctl, "", (unsigned)top);
}

enum ctl_status ctl_client_show(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments arguments;
	enum ctl_status status = ctl_change_parse(argc, argv, 0, 1, 1, "PREFIX", &arguments);

	return status != CTL_DONE ? status : list(ctl, arguments.word[0], 0);
}

/* "30", "10min", "2h", "1d": in µs. */
static bool parse_time(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;

	if (number == 0 || number > 365 * 86400)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_strcmp0(end, units[i].name) == 0) {
			*ret = number * units[i].seconds * 1000000;
			return true;
		}
	}
	return false;
}

enum ctl_status ctl_client_block(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	struct ctl_arguments arguments;
	uint64_t usec = UINT64_MAX;
	enum ctl_status status;
	int r;

	status = ctl_change_parse(argc, argv, CTL_BIT(CTL_FOR), 1, 1, "PREFIX", &arguments);
	if (status != CTL_DONE)
		return status;
	if (arguments.option[CTL_FOR] != NULL && !parse_time(arguments.option[CTL_FOR], &usec))
		return ctl_fail(CTL_USAGE, "--for: '%s' is not a time such as 30s, 10min, 2h or 1d",
				arguments.option[CTL_FOR]);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "BlockClient", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "st", arguments.word[0], usec);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "BlockClient: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, &arguments, false);
}

enum ctl_status ctl_client_unblock(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	int r;

	status = ctl_change_parse(argc, argv, 0, 1, 1, "PREFIX", &arguments);
	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "UnblockClient", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "s", arguments.word[0]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "UnblockClient: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, &arguments, false);
}
