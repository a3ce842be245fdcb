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

static bool is_between(const struct ctl_counter *counter, const char *prefix, const char *suffix)
{
	return g_str_has_prefix(counter->name, prefix) && g_str_has_suffix(counter->name, suffix);
}

uint32_t ctl_stats_count(const GArray *counters, const char *prefix, const char *suffix)
{
	uint32_t n = 0;

	for (guint i = 0; i < counters->len; i++)
		n += is_between(&g_array_index(counters, struct ctl_counter, i), prefix, suffix);
	return n;
}

uint64_t ctl_stats_sum(const GArray *counters, const char *prefix, const char *suffix)
{
	uint64_t sum = 0;

	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);

		if (is_between(counter, prefix, suffix))
			sum += counter->value;
	}
	return sum;
}

/* What counters beside packets_DIRECTION_OUTCOME mean; '*' stands for a protocol, a number or a
 * reason. */
static const struct {
	const char *name;
	const char *sentence;
} meanings[] = {
	{"bytes_6to4", "bytes of IPv6 packets that were translated"},
	{"bytes_4to6", "bytes of IPv4 packets that were translated"},
	{"icmp_errors_sent_6", "ICMPv6 errors of the gateway's own, to clients"},
	{"icmp_errors_sent_4", "ICMP errors of the gateway's own, to the IPv4 side"},
	{"icmp_errors_limited_6", "ICMPv6 errors that Limits.ICMPErrorRate has kept back"},
	{"icmp_errors_limited_4", "ICMP errors that Limits.ICMPErrorRate has kept back"},
	{"bindings_created_*", "bindings made since the start"},
	{"sessions_created_*", "sessions made since the start"},
	{"bindings_*", "bindings now"},
	{"sessions_*", "sessions now"},
	{"clients", "clients that have a binding"},
	{"stored_syns",
	 "SYNs from the IPv4 side that wait for the client's own (RFC 6146, 3.5.2.2)"},
	{"stored_syns_expired", "stored SYNs for which no client's came"},
	{"fragment_bytes", "memory in use by fragments that wait for the rest of their packet"},
	{"fragments_expired", "packets of which a fragment did not come in time"},
	{"held_ports", "ports that are held for a while after their use"},
	{"probes_sent", "TCP probes to clients whose connection was idle (RFC 6146, 3.5.2.2)"},
	{"memory_bytes", "memory of the tables"},
	{"limit_*", "the bound of what is called so without limit_"},
	{"queue_*_received", "packets taken out of this queue of the kernel's"},
	{"queue_*_lost", "packets that this queue had no room for"},
	{"queue_*_waiting", "packets that wait in this queue"},
	{"send_errors_*", "translated packets that the kernel did not send, for this reason"},
	{"gateway_*", "1: the gateway is in this state"},
	{"rules_in_place", "1: the packet rules are in place"},
	{"state_unsaved_changes", "changes that are not yet written to the database"},
	{"state_flush_failures", "writes to the database that failed"},
	{"state_files_set_aside", "damaged databases that a start has set aside"},
	{"state_failing", "1: the last write to the database failed"},
	{"tcp_by_packet", "1: TCP goes through the kernel's forwarding, in superpackets"},
	{"tcp_way_fallen", "1: TCP can not go through the kernel's forwarding any more"},
	{"uptime_usec", "microseconds since the start"},
};

/* The sentence of packets_6to4_OUTCOME, or of another counter; "" of one that a newer daemon has.
 */
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
	for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
		if (g_pattern_match_simple(meanings[i].name, name))
			return meanings[i].sentence;
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
