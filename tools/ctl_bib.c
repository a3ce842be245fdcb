/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl bib: bindings. */
#include "dbus/names.h"
#include "tools/ctl_list.h"
#include "tools/ctl_pool4.h"

static const struct table_column columns[] = {
	{"protocol", "PROTO", TABLE_TEXT},
	{"client", "CLIENT", TABLE_TEXT},
	{"mapped", "MAPPED", TABLE_TEXT},
	{"static", "STATIC", TABLE_BOOL},
	{"sessions", "SESSIONS", TABLE_NUMBER},
	{"created", "AGE", TABLE_TIME},
	{"expires", "EXPIRES", TABLE_TIME},
	{"pool4", "POOL4", TABLE_TEXT},
	{NULL},
};

/* protocol, address6, port6, address4, port4, static, sessions, created, expires, pool4 */
static int add_row(struct ctl *ctl, sd_bus_message *reply, struct table *table)
{
	const char *protocol, *address6, *address4;
	uint64_t created, expires;
	uint32_t sessions, pool4;
	char text[CTL_ENDPOINT_SIZE];
	uint16_t port6, port4;
	int is_static, r;

	r = sd_bus_message_read(reply, DBUS_TYPE_BIB, &protocol, &address6, &port6, &address4,
				&port4, &is_static, &sessions, &created, &expires, &pool4);
	if (r < 0)
		return r;
	table_add_text(table, protocol);
	table_add_text(table, ctl_endpoint6(address6, port6, text));
	table_add_text(table, ctl_endpoint4(address4, port4, text));
	table_add_bool(table, is_static);
	table_add_number(table, sessions);
	table_add_time(table, created);
	table_add_time(table, expires);
	table_add_text(table, ctl_pool4_name(ctl, pool4));
	return 0;
}

enum ctl_status ctl_bib_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct ctl_list list = {
		.method = "ListBib",
		.row_type = DBUS_TYPE_BIB,
		.has_filter = true,
		.count_method = "CountBib",
		.table = "bib",
		.columns = columns,
		.add_row = add_row,
	};

	return ctl_list_run(ctl, &list, arguments);
}

enum ctl_status ctl_bib_print(struct ctl *ctl, sd_bus_message *reply)
{
	struct table *table = table_new(columns, ctl->json, ctl->legend);
	int r = add_row(ctl, reply, table);

	if (r < 0) {
		table_free(table);
		return ctl_bad_reply(r);
	}
	table_end(table);
	return CTL_DONE;
}
