/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about pool4. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dbus/authorise.h"
#include "dbus/changing.h"
#include "dbus/list.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/pool4_objects.h"
#include "dbus/pool4_row.h"

/* An entry with the path of its object. */
static int append_row(const struct manager *manager, sd_bus_message *reply,
		      const struct list_pool4_row *row)
{
	char path[POOL4_OBJECT_PATH_SIZE];
	int r;

	r = sd_bus_message_open_container(reply, 'r', "oa{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "o",
					  pool4_object_path(manager->objects, row->id, path));
	if (r >= 0)
		r = pool4_row_append_all(reply, row);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_rows(const struct manager *manager, sd_bus_message *reply,
		       const struct list_pool4_row *rows, uint32_t n)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_POOL4);
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_row(manager, reply, &rows[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The cursor of this list is the id of the last entry that was listed. */
int pool4_method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct list_pool4_row *rows;
	uint32_t limit, capacity, n, after = 0;
	char next[LIST_CURSOR_SIZE] = "";
	const char *cursor;
	int r;

	r = sd_bus_message_read(message, "su", &cursor, &limit);
	if (r < 0)
		return r;
	if (*cursor != '\0' && !list_number_parse(cursor, &after))
		return manager_invalid_cursor(error, cursor);
	gateway_lock(manager->gateway);
	capacity = pool4_n_entries(manager->gateway->nat->pool4);
	gateway_unlock(manager->gateway);
	if (capacity > manager_rows_wanted(limit))
		capacity = manager_rows_wanted(limit);
	if (capacity == 0)
		capacity = 1;
	rows = calloc(capacity, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n = list_pool4(manager->gateway, &after, rows, capacity, &r);
	if (after != 0)
		snprintf(next, sizeof(next), "%" PRIu32, after);
	if (r >= 0)
		r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = append_rows(manager, reply, rows, n);
	list_pool4_rows_free(rows, n);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", next);
	return r < 0 ? r : manager_send(reply);
}

int pool4_method_count(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t n;

	gateway_lock(manager->gateway);
	n = pool4_n_entries(manager->gateway->nat->pool4);
	gateway_unlock(manager->gateway);
	return sd_bus_reply_method_return(message, "t", n);
}

int pool4_method_add(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct change_request request = {.kind = CHANGE_ADD_POOL4};
	int r;

	r = sd_bus_message_read(message, "sss", &request.pool4.addresses, &request.pool4.ports,
				&request.pool4.protocols);
	if (r < 0)
		return r;
	r = changing_begin(manager, message,
			   OPTION_NAME | OPTION_COMMENT | OPTION_CLIENTS | OPTION_PREFIX |
				   OPTION_OVERFLOW,
			   AUTHORISE_MANAGE_POOL4, &request.options, error);
	return r != 0 ? r : changing_ask(manager, message, CHANGING_ENTRY, &request, error);
}

int pool4_change(struct manager *manager, sd_bus_message *message, const char *entry,
		 enum change_action action, sd_bus_error *error)
{
	struct change_request request = {.kind = CHANGE_POOL4, .action = action, .word = entry};
	unsigned allowed = action == CHANGE_REMOVE ? OPTION_FORCE : 0;
	int r;

	r = changing_begin(manager, message, allowed, AUTHORISE_MANAGE_POOL4, &request.options,
			   error);
	return r != 0 ? r : changing_ask(manager, message, CHANGING_RESULT, &request, error);
}

/* The entry stands in front of the options. */
static int change_named(struct manager *manager, sd_bus_message *message, enum change_action action,
			sd_bus_error *error)
{
	const char *entry;
	int r;

	r = sd_bus_message_read(message, "s", &entry);
	if (r < 0)
		return r;
	return pool4_change(manager, message, entry, action, error);
}

int pool4_method_remove(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change_named(userdata, message, CHANGE_REMOVE, error);
}

int pool4_method_drain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change_named(userdata, message, CHANGE_DRAIN, error);
}

int pool4_method_enable(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change_named(userdata, message, CHANGE_ENABLE, error);
}
