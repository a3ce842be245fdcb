/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about clients: who uses how much, and who may not. */
#include <errno.h>
#include <stdio.h>

#include "dbus/argument.h"
#include "dbus/authorise.h"
#include "dbus/changing.h"
#include "dbus/client_list.h"
#include "dbus/list_filter.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"

static int append_row(sd_bus_message *reply, const struct client_row *row)
{
	const struct prefix6 prefix = {row->client.prefix, row->prefix_length};
	const uint32_t *bindings = row->client.n_bindings;
	char text[ADDR_TEXT_SIZE];
	uint64_t sessions = 0;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		sessions += row->client.n_sessions[protocol];
	return sd_bus_message_append(reply, DBUS_TYPE_CLIENT, prefix6_print(&prefix, text),
				     (uint64_t)bindings[PROTOCOL_TCP],
				     (uint64_t)bindings[PROTOCOL_UDP],
				     (uint64_t)bindings[PROTOCOL_ICMP], sessions, row->n_refused);
}

int client_method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_free_ struct client_row *rows = NULL;
	enum client_sort sort;
	struct list_filter filter;
	char quoted[QUOTE_SIZE];
	uint32_t limit, n;
	const char *text;
	int r;

	r = list_filter_read(message, false, &filter, error);
	if (r < 0)
		return r;
	r = list_filter_only_client(&filter, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(message, "su", &text, &limit);
	if (r < 0)
		return r;
	if (!client_sort_parse(text, &sort))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "'%s' is none of: bindings, sessions, refused",
					 quote(text, quoted));
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	limit = manager_rows_wanted(limit);
	rows = malloc(limit * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n = client_list(manager->gateway, filter.has_client ? &filter.client : NULL, sort, rows,
			limit);
	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_CLIENT);
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_row(reply, &rows[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : manager_send(reply);
}

static int change(struct manager *manager, sd_bus_message *message, enum change_kind kind,
		  sd_bus_error *error)
{
	struct change_request request = {.kind = kind};
	struct prefix6 prefix;
	int r;

	r = sd_bus_message_read(message, "s", &request.word);
	if (r >= 0 && kind == CHANGE_BLOCK)
		r = sd_bus_message_read(message, "t", &request.usec);
	if (r < 0)
		return r;
	r = argument_prefix6(request.word, &prefix, error);
	if (r < 0)
		return r;
	r = changing_begin(manager, message, 0, AUTHORISE_MANAGE_BIB, &request.options, error);
	return r != 0 ? r : changing_ask(manager, message, CHANGING_RESULT, &request, error);
}

int client_method_block(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_BLOCK, error);
}

int client_method_unblock(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_UNBLOCK, error);
}

static int append_blocked(sd_bus_message *reply, const struct blocklist_entry *blocked, uint32_t n)
{
	uint64_t offset = manager_realtime_offset();
	char text[ADDR_TEXT_SIZE];
	int r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_BLOCKED);

	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, DBUS_TYPE_BLOCKED,
					  prefix6_print(&blocked[i].prefix, text),
					  manager_realtime(blocked[i].until_ms, offset));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int client_method_list_blocked(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct blocklist *list = &manager->gateway->nat->blocklist;
	_cleanup_free_ struct blocklist_entry *blocked = NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint32_t n = 0;
	int r;

	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	blocked = malloc(BLOCKLIST_MAX * sizeof(*blocked));
	if (blocked == NULL)
		return -ENOMEM;
	gateway_lock(manager->gateway);
	for (uint32_t i = blocklist_next(list, 0); i != SLAB_NONE; i = blocklist_next(list, i + 1))
		blocked[n++] = *blocklist_at(list, i);
	gateway_unlock(manager->gateway);
	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = append_blocked(reply, blocked, n);
	return r < 0 ? r : manager_send(reply);
}
