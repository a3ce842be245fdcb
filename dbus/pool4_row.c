/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_row.h. */
#include "dbus/pool4_row.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const pool4_states[] = {
	[POOL4_PENDING] = "pending",
	[POOL4_ACTIVE] = "active",
	[POOL4_DRAINING] = "draining",
	[POOL4_DISABLED] = "disabled",
};

static const char *const pool4_sources[] = {
	[POOL4_FROM_FILE] = "file",
	[POOL4_FROM_RUNTIME] = "runtime",
	[POOL4_FROM_AUTO] = "auto",
};

static const char *text_of_addresses(const struct list_pool4_row *row)
{
	return row->addresses;
}

static const char *text_of_state(const struct list_pool4_row *row)
{
	return pool4_states[row->state];
}

static const char *text_of_source(const struct list_pool4_row *row)
{
	return pool4_sources[row->source];
}

/* clang-format off */
/* Texts in the row itself, texts found by a function, or numbers by protocol. */
static const struct property {
	const char *name;
	const char *type;
	size_t offset;
	const char *(*text)(const struct list_pool4_row *row);
} properties[] = {
	{"Id",         "u",     offsetof(struct list_pool4_row, id),        NULL},
	{"Name",       "s",     offsetof(struct list_pool4_row, name),      NULL},
	{"Addresses",  "s",     0,                                          text_of_addresses},
	{"Ports",      "s",     offsetof(struct list_pool4_row, ports),     NULL},
	{"Protocols",  "s",     offsetof(struct list_pool4_row, protocols), NULL},
	{"Clients",    "s",     offsetof(struct list_pool4_row, clients),   NULL},
	{"Overflow",   "b",     offsetof(struct list_pool4_row, overflow),  NULL},
	{"Prefix",     "s",     offsetof(struct list_pool4_row, prefix),    NULL},
	{"Comment",    "s",     offsetof(struct list_pool4_row, comment),   NULL},
	{"State",      "s",     0,                                          text_of_state},
	{"Source",     "s",     0,                                          text_of_source},
	{"Reach",      "s",     offsetof(struct list_pool4_row, reach),     NULL},
	{"PortsTotal", "a{st}", offsetof(struct list_pool4_row, n_ports),   NULL},
	{"PortsUsed",  "a{st}", offsetof(struct list_pool4_row, n_used),    NULL},
	{"PortsPeak",  "a{st}", offsetof(struct list_pool4_row, n_peak),    NULL},
	{"PortsHeld",  "a{st}", offsetof(struct list_pool4_row, n_held),    NULL},
	{"HeldReused", "a{st}", offsetof(struct list_pool4_row, n_reused),  NULL},
	{"Refused",    "a{st}", offsetof(struct list_pool4_row, n_refused), NULL},
};
/* clang-format on */

#define N_PROPERTIES (sizeof(properties) / sizeof(properties[0]))

/* The protocols of the entry with their numbers. */
static int append_by_protocol(sd_bus_message *reply, const struct list_pool4_row *row,
			      const uint64_t number[N_PROTOCOLS])
{
	int r = sd_bus_message_open_container(reply, 'a', "{st}");

	for (enum protocol protocol = 0; r >= 0 && protocol < N_PROTOCOLS; protocol++) {
		if (row->protocol[protocol])
			r = sd_bus_message_append(reply, "{st}", protocol_name(protocol),
						  number[protocol]);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_value(sd_bus_message *reply, const struct list_pool4_row *row,
			const struct property *property)
{
	const void *field = (const char *)row + property->offset;

	switch (*property->type) {
	case 'u':
		return sd_bus_message_append(reply, "u", *(const uint32_t *)field);
	case 'b':
		return sd_bus_message_append(reply, "b", (int)*(const bool *)field);
	case 's':
		return sd_bus_message_append(reply, "s",
					     property->text ? property->text(row) : field);
	default:
		return append_by_protocol(reply, row, field);
	}
}

int pool4_row_append(sd_bus_message *reply, const struct list_pool4_row *row, const char *property)
{
	for (size_t i = 0; i < N_PROPERTIES; i++) {
		if (strcmp(properties[i].name, property) == 0)
			return append_value(reply, row, &properties[i]);
	}
	return -EINVAL;
}

int pool4_row_append_all(sd_bus_message *reply, const struct list_pool4_row *row)
{
	int r = sd_bus_message_open_container(reply, 'a', "{sv}");

	for (size_t i = 0; r >= 0 && i < N_PROPERTIES; i++) {
		r = sd_bus_message_open_container(reply, 'e', "sv");
		if (r >= 0)
			r = sd_bus_message_append(reply, "s", properties[i].name);
		if (r >= 0)
			r = sd_bus_message_open_container(reply, 'v', properties[i].type);
		if (r >= 0)
			r = append_value(reply, row, &properties[i]);
		for (unsigned j = 0; r >= 0 && j < 2; j++)
			r = sd_bus_message_close_container(reply);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}
