/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool6: the prefixes in which IPv4 addresses are embedded. */
#include "tools/ctl_change.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum ctl_status ctl_pool6_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column columns[] = {{"prefix", "PREFIX", TABLE_TEXT}, {NULL}};
	_cleanup_message_ sd_bus_message *reply = NULL;
	enum ctl_status status = ctl_get_property(ctl, "Pool6", &reply);
	struct table *table;
	const char *prefix;
	int r;

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

enum ctl_status ctl_pool6_add(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "AddPool6", 1, arguments);
}

enum ctl_status ctl_pool6_remove(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_change_call(ctl, "RemovePool6", 1, arguments);
}
