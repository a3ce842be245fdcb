/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool6: the prefixes in which IPv4 addresses are embedded. See ctl_pool6.h. */
#include "tools/ctl_pool6.h"

#include "tools/ctl_change.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum ctl_status ctl_pool6_get(struct ctl *ctl, GPtrArray **ret)
{
	g_autoptr(GPtrArray) prefixes = g_ptr_array_new_with_free_func(g_free);
	_cleanup_message_ sd_bus_message *reply = NULL;
	enum ctl_status status = ctl_get_property(ctl, "Pool6", &reply);
	const char *prefix;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_enter_container(reply, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(reply, "s", &prefix)) > 0)
		g_ptr_array_add(prefixes, g_strdup(prefix));
	if (r < 0)
		return ctl_bad_reply(r);
	*ret = g_steal_pointer(&prefixes);
	return CTL_DONE;
}

enum ctl_status ctl_pool6_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column columns[] = {{"prefix", "PREFIX", TABLE_TEXT}, {NULL}};
	g_autoptr(GPtrArray) prefixes = NULL;
	enum ctl_status status = ctl_pool6_get(ctl, &prefixes);
	struct table *table;

	if (status != CTL_DONE)
		return status;
	table = table_new(columns, ctl->json, ctl->legend);
	for (guint i = 0; i < prefixes->len; i++)
		table_add_text(table, g_ptr_array_index(prefixes, i));
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
