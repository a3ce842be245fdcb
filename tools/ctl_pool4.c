/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool4: the addresses and ports that bindings may use. See ctl_pool4.h. */
#include "tools/ctl_pool4.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_list.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

const char *const ctl_protocols[CTL_N_PROTOCOLS] = {"tcp", "udp", "icmp"};

/* A variant with a text, an id or a truth. Unknown properties are of a newer daemon. */
static int read_simple(sd_bus_message *reply, const char *name, struct ctl_pool4 *entry)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
		{"Name", &entry->name},       {"Addresses", &entry->addresses},
		{"Ports", &entry->ports},     {"Protocols", &entry->protocols},
		{"Clients", &entry->clients}, {"Prefix", &entry->prefix},
		{"Comment", &entry->comment}, {"State", &entry->state},
		{"Source", &entry->source},   {"Reach", &entry->reach},
	};

	if (strcmp(name, "Id") == 0)
		return sd_bus_message_read(reply, "v", "u", &entry->id);
	if (strcmp(name, "Overflow") == 0)
		return sd_bus_message_read(reply, "v", "b", &entry->overflow);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(name, texts[i].name) == 0)
			return sd_bus_message_read(reply, "v", "s", texts[i].text);
	}
	return sd_bus_message_skip(reply, "v");
}

/* The numbers of one a{st}, or NULL if name is not one of these. */
static uint64_t *numbers_of(const char *name, struct ctl_pool4 *entry)
{
	if (strcmp(name, "PortsTotal") == 0)
		return entry->total;
	if (strcmp(name, "PortsUsed") == 0)
		return entry->used;
	if (strcmp(name, "PortsPeak") == 0)
		return entry->peak;
	if (strcmp(name, "PortsHeld") == 0)
		return entry->held;
	if (strcmp(name, "HeldReused") == 0)
		return entry->reused;
	return strcmp(name, "Refused") == 0 ? entry->refused : NULL;
}

static int read_numbers(sd_bus_message *reply, uint64_t number[CTL_N_PROTOCOLS])
{
	const char *protocol;
	uint64_t value;
	int r;

	r = sd_bus_message_enter_container(reply, 'v', "a{st}");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "{st}");
	while (r >= 0 && (r = sd_bus_message_read(reply, "{st}", &protocol, &value)) > 0) {
		for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++) {
			if (strcmp(protocol, ctl_protocols[i]) == 0)
				number[i] = value;
		}
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(reply);
	return r < 0 ? r : sd_bus_message_exit_container(reply);
}

int ctl_pool4_read(sd_bus_message *reply, struct ctl_pool4 *ret)
{
	struct ctl_pool4 entry = {0, 0, "", "", "", "", "", "", "", "", "", ""};
	const char *path, *name;
	int r;

	r = sd_bus_message_enter_container(reply, 'r', "oa{sv}");
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		uint64_t *numbers;

		r = sd_bus_message_read(reply, "s", &name);
		if (r < 0)
			break;
		numbers = numbers_of(name, &entry);
		r = numbers != NULL ? read_numbers(reply, numbers)
				    : read_simple(reply, name, &entry);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	for (unsigned i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_exit_container(reply);
	if (r < 0)
		return r;
	*ret = entry;
	return 0;
}

const char *ctl_pool4_use(const struct ctl_pool4 *entry, const uint64_t number[CTL_N_PROTOCOLS],
			  char ret[CTL_POOL4_USE_SIZE])
{
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++) {
		double share = 100.0 * (double)number[i] / (double)entry->total[i];

		if (entry->total[i] == 0)
			continue;
		used += (size_t)snprintf(ret + used, CTL_POOL4_USE_SIZE - used,
					 number[i] != 0 && share < 1 ? "%s%s <1%%" : "%s%s %.0f%%",
					 used != 0 ? " " : "", ctl_protocols[i], share);
	}
	return ret;
}

static const struct table_column columns[] = {
	{"id", NULL, TABLE_NUMBER},
	{"name", "NAME", TABLE_TEXT},
	{"addresses", "ADDRESSES", TABLE_TEXT},
	{"protocols", "PROTOCOLS", TABLE_TEXT},
	{"ports", "PORTS", TABLE_TEXT},
	{"clients", "CLIENTS", TABLE_TEXT},
	{"overflow", NULL, TABLE_BOOL},
	{"prefix", NULL, TABLE_TEXT},
	{"comment", NULL, TABLE_TEXT},
	{"", "USED", TABLE_TEXT, .columns_only = true},
	{"", "PEAK", TABLE_TEXT, .columns_only = true},
	{"", "HELD", TABLE_TEXT, .columns_only = true},
	{"tcp_total", NULL, TABLE_NUMBER},
	{"udp_total", NULL, TABLE_NUMBER},
	{"icmp_total", NULL, TABLE_NUMBER},
	{"tcp_used", NULL, TABLE_NUMBER},
	{"udp_used", NULL, TABLE_NUMBER},
	{"icmp_used", NULL, TABLE_NUMBER},
	{"tcp_peak", NULL, TABLE_NUMBER},
	{"udp_peak", NULL, TABLE_NUMBER},
	{"icmp_peak", NULL, TABLE_NUMBER},
	{"tcp_held", NULL, TABLE_NUMBER},
	{"udp_held", NULL, TABLE_NUMBER},
	{"icmp_held", NULL, TABLE_NUMBER},
	{"tcp_reused", NULL, TABLE_NUMBER},
	{"udp_reused", NULL, TABLE_NUMBER},
	{"icmp_reused", NULL, TABLE_NUMBER},
	{"tcp_refused", NULL, TABLE_NUMBER},
	{"udp_refused", NULL, TABLE_NUMBER},
	{"icmp_refused", NULL, TABLE_NUMBER},
	{"state", "STATE", TABLE_TEXT},
	{"source", "SOURCE", TABLE_TEXT},
	{"reach", NULL, TABLE_TEXT},
	{NULL},
};

static void add_entry(struct table *table, const struct ctl_pool4 *entry)
{
	char use[CTL_POOL4_USE_SIZE];

	table_add_number(table, entry->id);
	table_add_text(table, entry->name);
	table_add_text(table, entry->addresses);
	table_add_text(table, entry->protocols);
	table_add_text(table, entry->ports);
	table_add_text(table, entry->clients);
	table_add_bool(table, entry->overflow);
	table_add_text(table, entry->prefix);
	table_add_text(table, entry->comment);
	table_add_text(table, ctl_pool4_use(entry, entry->used, use));
	table_add_text(table, ctl_pool4_use(entry, entry->peak, use));
	table_add_text(table, ctl_pool4_use(entry, entry->held, use));
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->total[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->used[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->peak[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->held[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->reused[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry->refused[i]);
	table_add_text(table, entry->state);
	table_add_text(table, entry->source);
	table_add_text(table, entry->reach);
}

static int add_row(struct ctl *ctl, sd_bus_message *reply, struct table *table)
{
	struct ctl_pool4 entry;
	int r;

	r = ctl_pool4_read(reply, &entry);
	if (r < 0)
		return r;
	add_entry(table, &entry);
	return 0;
}

/* An entry that is gone, or has no object, is called by its id. */
static char *ask_name(struct ctl *ctl, uint32_t id)
{
	g_autofree char *path = g_strdup_printf(DBUS_PATH_POOL4 "/%" PRIu32, id);
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	const char *name = NULL;
	int r;

	r = sd_bus_message_new_method_call(ctl->bus, &call, ctl->service, path,
					   "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", DBUS_INTERFACE_POOL4, "Name");
	if (r >= 0)
		r = sd_bus_call(ctl->bus, call, 0, NULL, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "v", "s", &name);
	return r >= 0 ? g_strdup(name) : g_strdup_printf("%" PRIu32, id);
}

const char *ctl_pool4_name(struct ctl *ctl, uint32_t id)
{
	void *key = GUINT_TO_POINTER(id);

	if (id == 0)
		return "";
	if (ctl->pool4_names == NULL)
		ctl->pool4_names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	if (!g_hash_table_contains(ctl->pool4_names, key))
		g_hash_table_insert(ctl->pool4_names, key, ask_name(ctl, id));
	return g_hash_table_lookup(ctl->pool4_names, key);
}

enum ctl_status ctl_pool4_list(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct ctl_list list = {
		.method = "ListPool4",
		.row_type = DBUS_TYPE_POOL4,
		.count_method = "CountPool4",
		.columns = columns,
		.add_row = add_row,
	};

	return ctl_list_run(ctl, &list, arguments);
}

/* "tcp 258048, udp 12": of the protocols that the entry has. */
static void show_numbers(const struct ctl_pool4 *entry, const char *title,
			 const uint64_t number[CTL_N_PROTOCOLS])
{
	const char *separator = "";

	printf("%-11s ", title);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++) {
		if (entry->total[i] == 0)
			continue;
		printf("%s%s %" PRIu64, separator, ctl_protocols[i], number[i]);
		separator = ", ";
	}
	putchar('\n');
}

static void show_text(const char *title, const char *text, const char *if_empty)
{
	printf("%-11s %s\n", title, *text != '\0' ? text : if_empty);
}

static void show(const struct ctl *ctl, const struct ctl_pool4 *entry)
{
	if (ctl->json) {
		struct table *table = table_new(columns, true, false);

		add_entry(table, entry);
		table_end(table);
		return;
	}
	show_text("Name", entry->name, "-");
	printf("%-11s %" PRIu32 "\n", "Id", entry->id);
	show_text("Addresses", entry->addresses, "-");
	show_text("Protocols", entry->protocols, "-");
	show_text("Ports", entry->ports, "-");
	show_text("Clients", entry->clients, "all");
	show_text("Overflow", entry->overflow ? "yes" : "no", "");
	show_text("Prefix", entry->prefix, "any");
	show_text("Comment", entry->comment, "-");
	show_text("State", entry->state, "-");
	show_text("Source", entry->source, "-");
	show_text("Reach", entry->reach, "-");
	show_numbers(entry, "Total", entry->total);
	show_numbers(entry, "Used", entry->used);
	show_numbers(entry, "Peak", entry->peak);
	show_numbers(entry, "Held", entry->held);
	show_numbers(entry, "Reused", entry->reused);
	show_numbers(entry, "Refused", entry->refused);
}

/* The entries of one page. *ret_cursor: of the next one, "" if that is not wanted; in the reply. */
static int each_of_page(sd_bus_message *reply, ctl_pool4_each_fn *each, void *context,
			const char **ret_cursor)
{
	struct ctl_pool4 entry;
	int r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_POOL4);

	*ret_cursor = "";
	while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
		r = ctl_pool4_read(reply, &entry);
		if (r >= 0 && each(&entry, context))
			return 0;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(reply);
	return r < 0 ? r : sd_bus_message_read(reply, "s", ret_cursor);
}

enum ctl_status ctl_pool4_each(struct ctl *ctl, ctl_pool4_each_fn *each, void *context)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *cursor = ""; /* in the reply */

	do {
		_cleanup_message_ sd_bus_message *call = NULL;
		enum ctl_status status =
			ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListPool4", &call);
		int r;

		if (status != CTL_DONE)
			return status;
		r = sd_bus_message_append(call, "su", cursor, DBUS_ROWS_MAX);
		reply = sd_bus_message_unref(reply);
		status = r < 0 ? ctl_bad_reply(r) : ctl_call(ctl, call, &reply);
		if (status != CTL_DONE)
			return status;
		r = each_of_page(reply, each, context, &cursor);
		if (r < 0)
			return ctl_bad_reply(r);
	} while (*cursor != '\0');
	return CTL_DONE;
}

struct search {
	const struct ctl *ctl;
	const char *word;
	bool found;
};

static bool show_if_meant(const struct ctl_pool4 *entry, void *context)
{
	struct search *search = context;
	char id[16];

	(void)snprintf(id, sizeof(id), "%" PRIu32, entry->id);
	if (strcmp(entry->name, search->word) != 0 && strcmp(id, search->word) != 0)
		return false;
	show(search->ctl, entry);
	search->found = true;
	return true;
}

enum ctl_status ctl_pool4_show(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct search search = {.ctl = ctl, .word = arguments->word[0]};
	enum ctl_status status = ctl_pool4_each(ctl, show_if_meant, &search);

	if (status != CTL_DONE || search.found)
		return status;
	return ctl_fail(CTL_NO_SUCH, "pool4 has no entry '%s'", search.word);
}
