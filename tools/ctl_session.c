/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl session: sessions. */
#include <glib.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/ctl_list.h"

static const struct table_column columns[] = {
	{"protocol", "PROTO", TABLE_TEXT},  {"client", "CLIENT", TABLE_TEXT},
	{"mapped", "MAPPED", TABLE_TEXT},   {"server6", NULL, TABLE_TEXT},
	{"server", "SERVER", TABLE_TEXT},   {"state", "STATE", TABLE_TEXT},
	{"expires", "EXPIRES", TABLE_TIME}, {NULL},
};

/* protocol, client, port, mapped, port, server6, port, server4, port, state, expires */
static int add_row(struct ctl *ctl, sd_bus_message *reply, struct table *table)
{
	const char *protocol, *client, *mapped, *server6, *server4, *state;
	uint16_t client_port, mapped_port, server6_port, server4_port;
	char text[CTL_ENDPOINT_SIZE];
	uint64_t expires;
	int r;

	r = sd_bus_message_read(reply, DBUS_TYPE_SESSION, &protocol, &client, &client_port, &mapped,
				&mapped_port, &server6, &server6_port, &server4, &server4_port,
				&state, &expires);
	if (r < 0)
		return r;
	table_add_text(table, protocol);
	table_add_text(table, ctl_endpoint6(client, client_port, text));
	table_add_text(table, ctl_endpoint4(mapped, mapped_port, text));
	table_add_text(table, ctl_endpoint6(server6, server6_port, text));
	table_add_text(table, ctl_endpoint4(server4, server4_port, text));
	table_add_text(table, state);
	table_add_time(table, expires);
	return 0;
}

enum ctl_status ctl_session_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct ctl_list list = {
		.method = "ListSessions",
		.row_type = DBUS_TYPE_SESSION,
		.has_filter = true,
		.count_method = "CountSessions",
		.table = "session",
		.columns = columns,
		.add_row = add_row,
	};

	return ctl_list_run(ctl, &list, arguments);
}

enum ctl_status ctl_session_flush(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
	bool has_extent = ctl_arguments_has(arguments, CTL_EVERY);
	enum ctl_status status;
	int r;

	for (enum ctl_option option = 0; option < CTL_N_OPTIONS; option++) {
		if ((CTL_BIT(option) & CTL_FILTERS) != 0)
			has_extent = has_extent || ctl_arguments_has(arguments, option);
	}
	if (!has_extent)
		return ctl_fail(CTL_USAGE, "session flush takes filters, such as --client PREFIX, "
					   "or --all");
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "FlushSessions", &call);
	if (status != CTL_DONE)
		return status;
	r = ctl_arguments_append(call, arguments, CTL_FILTERS);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "FlushSessions: %s", g_strerror(-r));
	return ctl_change_run(ctl, call, arguments, false);
}
