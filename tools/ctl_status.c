/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl status: one screen that says whether the gateway works, and what to look at if not. */
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/outcome.h"
#include "dbus/names.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_pool6.h"
#include "tools/ctl_stats.h"
#include "tools/table.h"
#include "tools/terminal.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* Entries that are shown; the rest is counted. */
#define ENTRIES_MAX 10

#define LABEL_COLUMN 10 /* of what stands behind "Pool4" and the like */
/* Less room than this for addresses is not worth cutting them. */
#define ADDRESSES_MIN 12

struct status {
	char *version;
	char *state;
	char *store_problem;
	char *tcp_way;
	char *tcp_way_reason;
	GPtrArray *pool6;
	GArray *counters;
	sd_bus_message *pool4; /* the reply: entries' texts belong to it */
	GArray *entries;       /* struct ctl_pool4 */
	bool more_entries;
	GPtrArray *overrides; /* "Timeouts.UDP=7min": keys that were set at run time */
	GPtrArray *warnings;
};

static void status_deinit(struct status *status)
{
	g_free(status->version);
	g_free(status->state);
	g_free(status->store_problem);
	g_free(status->tcp_way);
	g_free(status->tcp_way_reason);
	g_clear_pointer(&status->pool6, g_ptr_array_unref);
	g_clear_pointer(&status->counters, g_array_unref);
	g_array_unref(status->entries);
	g_ptr_array_unref(status->overrides);
	g_ptr_array_unref(status->warnings);
	sd_bus_message_unref(status->pool4);
}

static int read_property(sd_bus_message *reply, struct status *status)
{
	const struct {
		const char *name;
		char **place;
	} texts[] = {
		{"Version", &status->version},
		{"State", &status->state},
		{"TCPWay", &status->tcp_way},
		{"TCPWayReason", &status->tcp_way_reason},
		{"StateProblem", &status->store_problem},
	};
	const char *name, *text;
	int r;

	r = sd_bus_message_read(reply, "s", &name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (strcmp(name, texts[i].name) != 0)
			continue;
		r = sd_bus_message_read(reply, "v", "s", &text);
		if (r >= 0)
			*texts[i].place = g_strdup(text);
		return r;
	}
	return sd_bus_message_skip(reply, "v");
}

static enum ctl_status get_properties(struct ctl *ctl, struct status *status)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status result;
	int r;

	result = ctl_call_new(ctl, "org.freedesktop.DBus.Properties", "GetAll", &call);
	if (result != CTL_DONE)
		return result;
	r = sd_bus_message_append(call, "s", DBUS_INTERFACE_MANAGER);
	if (r < 0)
		return ctl_bad_reply(r);
	result = ctl_call(ctl, call, &reply);
	if (result != CTL_DONE)
		return result;
	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = read_property(reply, status);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

static enum ctl_status get_pool4(struct ctl *ctl, struct status *status)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status result;
	const char *cursor;
	int r;

	result = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListPool4", &call);
	if (result != CTL_DONE)
		return result;
	r = sd_bus_message_append(call, "su", "", (uint32_t)ENTRIES_MAX);
	if (r < 0)
		return ctl_bad_reply(r);
	result = ctl_call(ctl, call, &status->pool4);
	if (result != CTL_DONE)
		return result;
	r = sd_bus_message_enter_container(status->pool4, 'a', DBUS_TYPE_POOL4);
	while (r >= 0 && (r = sd_bus_message_at_end(status->pool4, false)) == 0) {
		struct ctl_pool4 entry;

		r = ctl_pool4_read(status->pool4, &entry);
		if (r >= 0)
			g_array_append_val(status->entries, entry);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(status->pool4);
	if (r >= 0)
		r = sd_bus_message_read(status->pool4, "s", &cursor);
	if (r < 0)
		return ctl_bad_reply(r);
	status->more_entries = *cursor != '\0';
	return CTL_DONE;
}

static enum ctl_status get_overrides(struct ctl *ctl, struct status *status)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	const char *key, *value, *source;
	enum ctl_status result;
	int r, live;

	result = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListConfig", &call);
	if (result == CTL_DONE)
		result = ctl_call(ctl, call, &reply);
	if (result != CTL_DONE)
		return result;
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CONFIG);
	while (r >= 0 && (r = sd_bus_message_read(reply, DBUS_TYPE_CONFIG, &key, &value, &source,
						  &live)) > 0) {
		if (strcmp(source, "runtime") == 0)
			g_ptr_array_add(status->overrides, g_strdup_printf("%s=%s", key, value));
	}
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

G_GNUC_PRINTF(2, 3) static void warn(struct status *status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(status->warnings, g_strdup_vprintf(format, args));
	va_end(args);
}

/* What an operator should look at. */
static void find_warnings(struct status *status)
{
	uint64_t lost = ctl_stats_sum(status->counters, "queue_", "_lost");
	uint64_t refused = ctl_stats_value(status->counters, "packets_6to4_pool4_exhausted");
	uint64_t unserved = ctl_stats_value(status->counters, "packets_6to4_pool4_no_entry");
	uint64_t full = ctl_stats_sum(status->counters, "packets_", "_bib_full") +
			ctl_stats_sum(status->counters, "packets_", "_session_full") +
			ctl_stats_sum(status->counters, "packets_", "_session_full_tcp");
	bool active = false;

	if (g_strcmp0(status->state, "draining") == 0)
		warn(status, "the gateway is draining: 'nat64ctl resume' makes new bindings again");
	else if (g_strcmp0(status->state, "active") != 0)
		warn(status, "the gateway is %s", status->state);
	for (guint i = 0; i < status->entries->len; i++) {
		const struct ctl_pool4 *entry =
			&g_array_index(status->entries, struct ctl_pool4, i);

		active = active || strcmp(entry->state, "active") == 0;
		for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++) {
			if (entry->total[p] != 0 && entry->used[p] >= entry->total[p] / 5 * 4)
				warn(status, "pool4 entry %s is more than 80%% full for %s",
				     entry->name, ctl_protocols[p]);
		}
	}
	if (!active && !status->more_entries)
		warn(status, "no entry of pool4 is active: nothing new is translated");
	if (ctl_stats_value(status->counters, "rules_in_place") == 0)
		warn(status, "the packet rules are not in place: no packet reaches the gateway");
	if (ctl_stats_value(status->counters, "tcp_way_fallen") != 0)
		warn(status, "TCP can not go through the kernel's forwarding any more: %s",
		     status->tcp_way_reason);
	if (ctl_stats_value(status->counters, "state_failing") != 0)
		warn(status,
		     "the state database can not be written, %" PRIu64
		     " changes would be lost in a crash: %s",
		     ctl_stats_value(status->counters, "state_unsaved_changes"),
		     status->store_problem && status->store_problem[0] ? status->store_problem
								       : "the log says why");
	if (ctl_stats_value(status->counters, "state_files_set_aside") != 0)
		warn(status,
		     "a state database could not be used, and was set aside: the log says why");
	if (lost != 0)
		warn(status, "%" PRIu64 " packets were lost in the queues", lost);
	if (refused != 0)
		warn(status, "%" PRIu64 " packets found no free port in pool4", refused);
	if (unserved != 0)
		warn(status,
		     "%" PRIu64 " packets were of clients, protocols or prefixes that no entry of "
		     "pool4 serves, see 'pool4 list'",
		     unserved);
	if (full != 0)
		warn(status,
		     "%" PRIu64 " packets met Limits.Bindings or Limits.Sessions, see 'stats'",
		     full);
}

/* "Clients   1": behind the label in lines that fit on a terminal. */
G_GNUC_PRINTF(2, 3) static void print_line(const char *label, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	printf("%-*s", LABEL_COLUMN, label);
	terminal_print(LABEL_COLUMN, LABEL_COLUMN, text);
}

static void print_texts(const char *label, const GPtrArray *texts)
{
	for (guint i = 0; i < texts->len; i++)
		print_line(i == 0 ? label : "", "%s", (const char *)g_ptr_array_index(texts, i));
}

/* "1234 of 1000000 (tcp 1000, udp 200, icmp 34)" */
static void print_by_protocol(const struct status *status, const char *label, const char *counter)
{
	uint64_t number[CTL_N_PROTOCOLS], sum = 0;

	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++) {
		number[i] = ctl_stats_value(status->counters, "%s_%s", counter, ctl_protocols[i]);
		sum += number[i];
	}
	print_line(label,
		   "%" PRIu64 " of %" PRIu64 " (tcp %" PRIu64 ", udp %" PRIu64 ", icmp %" PRIu64
		   ")",
		   sum, ctl_stats_value(status->counters, "limit_%s", counter), number[CTL_TCP],
		   number[CTL_UDP], number[CTL_ICMP]);
}

/* What waits, beside its bounds. */
static void print_waiting(const struct status *status)
{
	const GArray *counters = status->counters;
	char bytes[TABLE_TIME_SIZE], limit[TABLE_TIME_SIZE];

	print_line("Waiting",
		   "%" PRIu64 " of %" PRIu64 " SYNs, %s of %s of fragments, %" PRIu64 " of %" PRIu64
		   " held ports",
		   ctl_stats_value(counters, "stored_syns"),
		   ctl_stats_value(counters, "limit_stored_syns"),
		   table_size_print(ctl_stats_value(counters, "fragment_bytes"), bytes),
		   table_size_print(ctl_stats_value(counters, "limit_fragment_bytes"), limit),
		   ctl_stats_value(counters, "held_ports"),
		   ctl_stats_value(counters, "limit_held_ports"));
}

static uint64_t translated(const struct status *status, const char *direction)
{
	return ctl_stats_value(status->counters, "packets_%s_translated", direction) +
	       ctl_stats_value(status->counters, "packets_%s_hairpinned", direction);
}

/* Everything that was neither translated, nor the host's, nor is stored. */
static uint64_t dropped(const struct status *status, const char *direction)
{
	g_autofree char *prefix = g_strdup_printf("packets_%s_", direction);
	uint64_t sum = ctl_stats_sum(status->counters, prefix, "");

	for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
		const struct outcome_info *info = outcome_info(outcome);

		if (info->verdict != VERDICT_DROP)
			sum -= ctl_stats_value(status->counters, "%s%s", prefix, info->name);
	}
	return sum;
}

static void print_traffic(const struct status *status)
{
	static const char *const direction[] = {"6to4", "4to6"};
	static const char *const label[] = {"6 to 4", "4 to 6"};

	for (unsigned i = 0; i < 2; i++) {
		uint64_t bytes = ctl_stats_value(status->counters, "bytes_%s", direction[i]);
		char size[TABLE_TIME_SIZE];

		print_line(label[i], "%" PRIu64 " packets translated (%s), %" PRIu64 " dropped",
			   translated(status, direction[i]), table_size_print(bytes, size),
			   dropped(status, direction[i]));
	}
}

/* Addresses from column on: as many as fit on the line, and a word that there are more. */
static void print_addresses(const char *addresses, int column)
{
	static const char more[] = " ...";
	int room = (int)terminal_width() - column, length = (int)strlen(addresses);

	if (length <= room || room < ADDRESSES_MIN) {
		puts(addresses);
		return;
	}
	length = room - (int)strlen(more);
	while (length > 0 && addresses[length] != ' ')
		length--;
	printf("%.*s%s\n", length, addresses, length > 0 ? more : &more[1]);
}

/* One line, or where that is too narrow for addresses, several. */
static void print_entry(const struct ctl_pool4 *entry, const char *label, int width)
{
	char use[CTL_POOL4_USE_SIZE];
	g_autofree char *text =
		g_strdup_printf("%-*s  %-8s  %s  ", width, entry->name, entry->state,
				ctl_pool4_use(entry, entry->used, use));

	if (LABEL_COLUMN + strlen(text) + ADDRESSES_MIN <= terminal_width())
		print_addresses(entry->addresses, printf("%-*s%s", LABEL_COLUMN, label, text));
	else
		print_line(label, "%s%s", text, entry->addresses);
}

static void print_pool4(const struct status *status)
{
	int width = 0;

	for (guint i = 0; i < status->entries->len; i++)
		width = MAX(width,
			    (int)strlen(g_array_index(status->entries, struct ctl_pool4, i).name));
	for (guint i = 0; i < status->entries->len; i++) {
		const struct ctl_pool4 *entry =
			&g_array_index(status->entries, struct ctl_pool4, i);

		print_entry(entry, i == 0 ? "Pool4" : "", width);
	}
	if (status->entries->len == 0)
		print_line("Pool4", "none");
	if (status->more_entries)
		print_line("", "... ('nat64ctl pool4 list' shows all)");
}

static void print_text(const struct status *status)
{
	uint64_t uptime = ctl_stats_value(status->counters, "uptime_usec");
	char text[TABLE_TIME_SIZE];

	printf("nat64d %s: %s for %s\n", status->version, status->state,
	       table_duration_print(uptime, text));
	print_texts("Pool6", status->pool6);
	print_pool4(status);
	print_by_protocol(status, "Bindings", "bindings");
	print_by_protocol(status, "Sessions", "sessions");
	print_line("Clients", "%" PRIu64, ctl_stats_value(status->counters, "clients"));
	print_waiting(status);
	print_traffic(status);
	print_line("Queues", "%" PRIu64 " waiting, %" PRIu64 " lost",
		   ctl_stats_sum(status->counters, "queue_", "_waiting"),
		   ctl_stats_sum(status->counters, "queue_", "_lost"));
	print_line("TCP by", "%s: %s",
		   g_strcmp0(status->tcp_way, "packet") == 0
			   ? "superpackets, forwarded by the kernel"
			   : "raw sockets",
		   status->tcp_way_reason);
	print_line("Memory", "%s of tables",
		   table_size_print(ctl_stats_value(status->counters, "memory_bytes"), text));
	print_texts("Set now", status->overrides);
	if (status->warnings->len == 0)
		print_line("Warnings", "none");
	print_texts("Warnings", status->warnings);
}

static json_t *json_of_texts(const GPtrArray *texts)
{
	json_t *array = json_array();

	for (guint i = 0; i < texts->len; i++)
		json_array_append_new(array, json_string(g_ptr_array_index(texts, i)));
	return array;
}

static json_t *json_of_entries(const struct status *status)
{
	json_t *array = json_array();

	for (guint i = 0; i < status->entries->len; i++) {
		const struct ctl_pool4 *entry =
			&g_array_index(status->entries, struct ctl_pool4, i);
		json_t *object = json_object();

		json_object_set_new(object, "name", json_string(entry->name));
		json_object_set_new(object, "addresses", json_string(entry->addresses));
		json_object_set_new(object, "state", json_string(entry->state));
		for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++) {
			g_autofree char *used = g_strdup_printf("%s_used", ctl_protocols[p]);
			g_autofree char *total = g_strdup_printf("%s_total", ctl_protocols[p]);

			json_object_set_new(object, used, json_integer((json_int_t)entry->used[p]));
			json_object_set_new(object, total,
					    json_integer((json_int_t)entry->total[p]));
		}
		json_array_append_new(array, object);
	}
	return array;
}

static void print_json(const struct status *status)
{
	const GArray *counters = status->counters;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"uptime_usec", ctl_stats_value(counters, "uptime_usec")},
		{"bindings", ctl_stats_sum(counters, "bindings_", "") -
				     ctl_stats_sum(counters, "bindings_created_", "")},
		{"sessions", ctl_stats_sum(counters, "sessions_", "") -
				     ctl_stats_sum(counters, "sessions_created_", "")},
		{"clients", ctl_stats_value(counters, "clients")},
		{"limit_bindings", ctl_stats_value(counters, "limit_bindings")},
		{"limit_sessions", ctl_stats_value(counters, "limit_sessions")},
		{"translated_6to4", translated(status, "6to4")},
		{"translated_4to6", translated(status, "4to6")},
		{"dropped_6to4", dropped(status, "6to4")},
		{"dropped_4to6", dropped(status, "4to6")},
		{"bytes_6to4", ctl_stats_value(counters, "bytes_6to4")},
		{"bytes_4to6", ctl_stats_value(counters, "bytes_4to6")},
		{"queue_waiting", ctl_stats_sum(counters, "queue_", "_waiting")},
		{"queue_lost", ctl_stats_sum(counters, "queue_", "_lost")},
		{"memory_bytes", ctl_stats_value(counters, "memory_bytes")},
	};
	json_t *object = json_object();

	json_object_set_new(object, "version", json_string(status->version));
	json_object_set_new(object, "state", json_string(status->state));
	json_object_set_new(object, "pool6", json_of_texts(status->pool6));
	json_object_set_new(object, "pool4", json_of_entries(status));
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		json_object_set_new(object, numbers[i].name,
				    json_integer((json_int_t)numbers[i].value));
	json_object_set_new(object, "tcp_way", json_string(status->tcp_way));
	json_object_set_new(object, "tcp_way_reason", json_string(status->tcp_way_reason));
	json_object_set_new(object, "overrides", json_of_texts(status->overrides));
	json_object_set_new(object, "warnings", json_of_texts(status->warnings));
	ctl_print_json(object);
}

enum ctl_status ctl_status(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct status status = {.version = NULL};
	enum ctl_status result;

	status.entries = g_array_new(FALSE, FALSE, sizeof(struct ctl_pool4));
	status.overrides = g_ptr_array_new_with_free_func(g_free);
	status.warnings = g_ptr_array_new_with_free_func(g_free);
	result = get_properties(ctl, &status);
	if (result == CTL_DONE)
		result = ctl_pool6_get(ctl, &status.pool6);
	if (result == CTL_DONE)
		result = ctl_stats_get(ctl, &status.counters);
	if (result == CTL_DONE)
		result = get_pool4(ctl, &status);
	if (result == CTL_DONE)
		result = get_overrides(ctl, &status);
	if (result == CTL_DONE) {
		find_warnings(&status);
		if (ctl->json)
			print_json(&status);
		else
			print_text(&status);
	}
	status_deinit(&status);
	return result;
}
