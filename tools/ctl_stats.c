/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl stats: counters, with a sentence for every way a packet can end. See ctl_stats.h. */
#include "tools/ctl_stats.h"

#include <stdarg.h>
#include <string.h>

#include "daemon/core/outcome.h"
#include "dbus/names.h"
#include "tools/ctl_arguments.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

static void counter_clear(gpointer data)
{
	g_free(((struct ctl_counter *)data)->name);
}

enum ctl_status ctl_stats_get(struct ctl *ctl, GArray **ret)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	g_autoptr(GArray) counters = g_array_new(FALSE, FALSE, sizeof(struct ctl_counter));
	enum ctl_status status;
	const char *name;
	uint64_t value;
	int r;

	g_array_set_clear_func(counters, counter_clear);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "GetStatistics", &call);
	if (status == CTL_DONE)
		status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_enter_container(reply, 'a', "{st}");
	while (r >= 0 && (r = sd_bus_message_read(reply, "{st}", &name, &value)) > 0) {
		struct ctl_counter counter = {g_strdup(name), value};

		g_array_append_val(counters, counter);
	}
	if (r < 0)
		return ctl_bad_reply(r);
	*ret = g_steal_pointer(&counters);
	return CTL_DONE;
}

uint64_t ctl_stats_value(const GArray *counters, const char *format, ...)
{
	g_autofree char *name = NULL;
	va_list args;

	va_start(args, format);
	name = g_strdup_vprintf(format, args);
	va_end(args);
	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);

		if (strcmp(counter->name, name) == 0)
			return counter->value;
	}
	return 0;
}

uint64_t ctl_stats_sum(const GArray *counters, const char *prefix, const char *suffix)
{
	uint64_t sum = 0;

	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);

		if (g_str_has_prefix(counter->name, prefix) &&
		    g_str_has_suffix(counter->name, suffix))
			sum += counter->value;
	}
	return sum;
}

/* The sentence of packets_6to4_OUTCOME, else "". */
static const char *describe(const char *name)
{
	static const char *const prefixes[] = {"packets_6to4_", "packets_4to6_"};

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		enum outcome outcome = N_OUTCOMES;

		if (g_str_has_prefix(name, prefixes[i]))
			outcome = outcome_parse(name + strlen(prefixes[i]));
		if (outcome != N_OUTCOMES)
			return outcome_info(outcome)->sentence;
	}
	return "";
}

enum ctl_status ctl_stats(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column columns[] = {
		{"name", "COUNTER", TABLE_TEXT},
		{"value", "VALUE", TABLE_NUMBER},
		{"description", "MEANING", TABLE_TEXT},
		{NULL},
	};
	bool all = ctl_arguments_has(arguments, CTL_ALL);
	g_autoptr(GArray) counters = NULL;
	enum ctl_status status;
	struct table *table;

	status = ctl_stats_get(ctl, &counters);
	if (status != CTL_DONE)
		return status;
	table = table_new(columns, ctl->json, ctl->legend);
	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);

		if (!all && counter->value == 0)
			continue;
		table_add_text(table, counter->name);
		table_add_number(table, counter->value);
		table_add_text(table, describe(counter->name));
	}
	table_end(table);
	return CTL_DONE;
}
