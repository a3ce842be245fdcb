/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl pool4: the addresses and ports that bindings may use. See ctl_pool4.h. */
#include "tools/ctl_pool4.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_list.h"

const char *const ctl_protocols[CTL_N_PROTOCOLS] = {"tcp", "udp", "icmp"};

/* A variant with a text or an id. Unknown properties are of a newer daemon. */
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
	struct ctl_pool4 entry = {0, "", "", "", "", "", "", "", "", "", ""};
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

static int add_row(sd_bus_message *reply, struct table *table)
{
	struct ctl_pool4 entry;
	char use[CTL_POOL4_USE_SIZE];
	int r;

	r = ctl_pool4_read(reply, &entry);
	if (r < 0)
		return r;
	table_add_number(table, entry.id);
	table_add_text(table, entry.name);
	table_add_text(table, entry.addresses);
	table_add_text(table, entry.protocols);
	table_add_text(table, entry.ports);
	table_add_text(table, entry.clients);
	table_add_text(table, entry.prefix);
	table_add_text(table, entry.comment);
	table_add_text(table, ctl_pool4_use(&entry, entry.used, use));
	table_add_text(table, ctl_pool4_use(&entry, entry.peak, use));
	table_add_text(table, ctl_pool4_use(&entry, entry.held, use));
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.total[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.used[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.peak[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.held[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.reused[i]);
	for (unsigned i = 0; i < CTL_N_PROTOCOLS; i++)
		table_add_number(table, entry.refused[i]);
	table_add_text(table, entry.state);
	table_add_text(table, entry.source);
	table_add_text(table, entry.reach);
	return 0;
}

enum ctl_status ctl_pool4_list(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_list list = {
		.method = "ListPool4",
		.row_type = DBUS_TYPE_POOL4,
		.columns = columns,
		.add_row = add_row,
	};

	return ctl_list_run(ctl, &list, argc, argv);
}
