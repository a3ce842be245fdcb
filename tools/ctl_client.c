/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl client: who uses how much, who may not, and whose ports are which. */
#include <glib.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/ctl_side.h"
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

enum ctl_status ctl_client_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	uint64_t top = arguments->number[CTL_TOP];

	if (ctl_arguments_has(arguments, CTL_TOP) && (top == 0 || top > DBUS_ROWS_MAX))
		return ctl_fail(CTL_USAGE, "--top: '%s' is not a number from 1 to %d",
				arguments->option[CTL_TOP], DBUS_ROWS_MAX);
	return list(ctl, "", (unsigned)top);
}

enum ctl_status ctl_client_show(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return list(ctl, arguments->word[0], 0);
}

enum ctl_status ctl_client_block(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	uint64_t usec =
		ctl_arguments_has(arguments, CTL_FOR) ? arguments->number[CTL_FOR] : UINT64_MAX;
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "BlockClient", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "st", arguments->word[0], usec);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "BlockClient: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, arguments, false);
}

enum ctl_status ctl_client_unblock(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "UnblockClient", 1, arguments);
}

enum ctl_status ctl_client_blocked(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column blocked_columns[] = {
		{"prefix", "CLIENT", TABLE_TEXT},
		{"until", "UNTIL", TABLE_TIME},
		{NULL},
	};
	_cleanup_message_ sd_bus_message *reply = NULL;
	enum ctl_status status = ctl_call_plain(ctl, "ListBlockedClients", &reply);
	struct table *table;
	const char *prefix;
	uint64_t until;
	int r;

	if (status != CTL_DONE)
		return status;
	table = table_new(blocked_columns, ctl->json, ctl->legend);
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_BLOCKED);
	while (r >= 0 && (r = sd_bus_message_read(reply, DBUS_TYPE_BLOCKED, &prefix, &until)) > 0) {
		table_add_text(table, prefix);
		table_add_time(table, until);
	}
	if (r < 0) {
		table_free(table);
		return ctl_bad_reply(r);
	}
	table_end(table);
	return CTL_DONE;
}

/* One row: a client, a protocol, and what it has of pool4. */
static enum ctl_status print_owner(const struct ctl *ctl, const char *client, const char *protocol,
				   const char *address, const char *ports)
{
	static const struct table_column owner_columns[] = {
		{"client", "CLIENT", TABLE_TEXT},
		{"protocol", "PROTO", TABLE_TEXT},
		{"address4", "ADDRESS", TABLE_TEXT},
		{"ports", "PORTS", TABLE_TEXT},
		{NULL},
	};
	struct table *table = table_new(owner_columns, ctl->json, ctl->legend);

	table_add_text(table, client);
	table_add_text(table, protocol);
	table_add_text(table, address);
	table_add_text(table, ports);
	table_end(table);
	return CTL_DONE;
}

enum ctl_status ctl_client_ports(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "PortsOf", &call);
	const char *prefix = arguments->option[CTL_PREFIX];
	const char *client, *address, *ports;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "sss", arguments->word[0], arguments->word[1],
				  prefix != NULL ? prefix : "");
	if (r < 0)
		return ctl_fail(CTL_FAILED, "PortsOf: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "sss", &client, &address, &ports);
	return r < 0 ? ctl_bad_reply(r)
		     : print_owner(ctl, client, arguments->word[0], address, ports);
}

enum ctl_status ctl_client_of(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	g_autofree char *port = NULL;
	enum ctl_status status;
	struct ctl_side side;
	const char *client;
	int r;

	if (!ctl_side_parse(arguments->word[1], &side) || ctl_side_is_ipv6(&side) ||
	    side.first != side.last)
		return ctl_side_bad(arguments->word[1]);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ClientOf", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssq", arguments->word[0], side.address, (int)side.first);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "ClientOf: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "s", &client);
	port = g_strdup_printf("%u", side.first);
	return r < 0 ? ctl_bad_reply(r)
		     : print_owner(ctl, client, arguments->word[0], side.address, port);
}
