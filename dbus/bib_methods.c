/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about bindings and sessions. */
#include <errno.h>
#include <stdlib.h>

#include "dbus/argument.h"
#include "dbus/authorise.h"
#include "dbus/changing.h"
#include "dbus/list.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"

int manager_resolve_filter(struct manager *manager, struct list_filter *filter, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];
	bool resolved;

	gateway_lock(manager->gateway);
	resolved = list_filter_resolve(filter, manager->gateway->nat);
	gateway_unlock(manager->gateway);
	if (!resolved)
		return sd_bus_error_setf(error, DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry '%s'",
					 quote(filter->pool4, quoted));
	return 0;
}

/* Reads filter, cursor and limit of ListBib and ListSessions, and resolves the filter. Returns as
 * authorise(). */
static int read_list_call(struct manager *manager, sd_bus_message *message, bool for_sessions,
			  struct list_filter *ret_filter, struct list_cursor *ret_cursor,
			  uint32_t *ret_rows, sd_bus_error *error)
{
	const char *cursor;
	uint32_t limit;
	int r;

	r = list_filter_read(message, for_sessions, ret_filter, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(message, "su", &cursor, &limit);
	if (r < 0)
		return r;
	if (!list_cursor_parse(cursor, ret_cursor))
		return manager_invalid_cursor(error, cursor);
	*ret_rows = manager_rows_wanted(limit);
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	return manager_resolve_filter(manager, ret_filter, error);
}

/* One row into the reply. offset: manager_realtime_offset(). */
typedef int (*append_row_fn)(sd_bus_message *reply, const void *data, uint64_t offset);

/* The reply of ListBib and ListSessions. */
static int send_page(sd_bus_message *message, const char *row_type, append_row_fn append_row,
		     const void *rows, size_t row_size, uint32_t n,
		     const struct list_cursor *cursor)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint64_t offset = manager_realtime_offset();
	char next[LIST_CURSOR_SIZE];
	int r;

	r = sd_bus_message_new_method_return(message, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, 'a', row_type);
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_row(reply, (const uint8_t *)rows + i * row_size, offset);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", list_cursor_print(cursor, next));
	return r < 0 ? r : manager_send(reply);
}

static int append_bib_row(sd_bus_message *reply, const void *data, uint64_t offset)
{
	const struct list_bib_row *row = data;
	const struct bib_entry *entry = &row->entry;
	char addr6[ADDR_TEXT_SIZE], addr4[ADDR_TEXT_SIZE];

	return sd_bus_message_append(reply, DBUS_TYPE_BIB, protocol_name(row->protocol),
				     addr6_print(&entry->addr6, addr6), entry->port6,
				     addr4_print(entry->addr4, addr4), entry->port4,
				     (int)entry->is_static, entry->n_sessions,
				     manager_realtime_s(entry->created_s, offset),
				     manager_realtime(row->expires_ms, offset), entry->pool4);
}

int bib_method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_free_ struct list_bib_row *rows = NULL;
	struct list_filter filter;
	struct list_cursor cursor;
	uint32_t n;
	int r;

	r = read_list_call(manager, message, false, &filter, &cursor, &n, error);
	if (r != 0)
		return r;
	rows = malloc(n * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n = list_bib(manager->gateway, &filter, &cursor, rows, n);
	return send_page(message, DBUS_TYPE_BIB, append_bib_row, rows, sizeof(*rows), n, &cursor);
}

static int append_session_row(sd_bus_message *reply, const void *data, uint64_t offset)
{
	const struct list_session_row *row = data;
	char client[ADDR_TEXT_SIZE], mapped[ADDR_TEXT_SIZE];
	char server6[ADDR_TEXT_SIZE], server4[ADDR_TEXT_SIZE];

	return sd_bus_message_append(reply, DBUS_TYPE_SESSION, protocol_name(row->protocol),
				     addr6_print(&row->client.addr, client), row->client.port,
				     addr4_print(row->mapped.addr, mapped), row->mapped.port,
				     addr6_print(&row->server6, server6), list_session_port6(row),
				     addr4_print(row->server.addr, server4), row->server.port,
				     tcp_fsm_state_name(row->state),
				     manager_realtime(row->expires_ms, offset));
}

int bib_method_list_sessions(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_free_ struct list_session_row *rows = NULL;
	struct list_filter filter;
	struct list_cursor cursor;
	uint32_t n;
	int r;

	r = read_list_call(manager, message, true, &filter, &cursor, &n, error);
	if (r != 0)
		return r;
	rows = malloc(n * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n = list_sessions(manager->gateway, &filter, &cursor, rows, n);
	return send_page(message, DBUS_TYPE_SESSION, append_session_row, rows, sizeof(*rows), n,
			 &cursor);
}

/* CountBib and CountSessions. */
static int count(struct manager *manager, sd_bus_message *message, bool for_sessions,
		 uint64_t (*count_fn)(struct gateway *gateway, const struct list_filter *filter),
		 sd_bus_error *error)
{
	struct list_filter filter;
	int r;

	r = list_filter_read(message, for_sessions, &filter, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = manager_resolve_filter(manager, &filter, error);
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(message, "t", count_fn(manager->gateway, &filter));
}

int bib_method_count(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return count(userdata, message, false, list_count_bib, error);
}

int session_method_count(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return count(userdata, message, true, list_count_sessions, error);
}

/* AddBib and RemoveBib. */
static int change(struct manager *manager, sd_bus_message *message, enum change_kind kind,
		  unsigned allowed, sd_bus_error *error)
{
	struct change_request request = {.kind = kind};
	int r;

	r = sd_bus_message_read(message, "ssqsq", &request.bib.protocols, &request.bib.address6,
				&request.bib.port6, &request.bib.address4, &request.bib.port4);
	if (r < 0)
		return r;
	r = changing_begin(manager, message, allowed, AUTHORISE_MANAGE_BIB, &request.options,
			   error);
	return r != 0 ? r : changing_ask(manager, message, CHANGING_RESULT, &request, error);
}

int bib_method_add(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_ADD_BIB,
		      OPTION_REPLACE | OPTION_FORCE | OPTION_COMMENT, error);
}

int bib_method_remove(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_REMOVE_BIB, 0, error);
}

/* By either side: what kind of address it is decides. */
int bib_method_lookup(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *protocol, *address;
	char quoted[QUOTE_SIZE];
	struct list_bib_row row;
	struct taddr6 taddr6;
	struct taddr4 taddr4;
	bool is6, found;
	uint16_t port;
	int r;

	r = sd_bus_message_read(message, "ssq", &protocol, &address, &port);
	if (r < 0)
		return r;
	r = argument_protocol(protocol, &row.protocol, error);
	if (r < 0)
		return r;
	is6 = addr6_parse(address, &taddr6.addr);
	if (!is6 && !addr4_parse(address, &taddr4.addr))
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
					 "'%s' is not an IPv6 or IPv4 address",
					 quote(address, quoted));
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	taddr6.port = taddr4.port = port;
	found = list_bib_find(manager->gateway, is6 ? &taddr6 : NULL, &taddr4, &row);
	if (!found)
		return sd_bus_error_setf(error, DBUS_ERROR_NO_SUCH_BIB,
					 "there is no binding %s %s%s%s:%u", protocol,
					 is6 ? "[" : "", address, is6 ? "]" : "", port);
	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = append_bib_row(reply, &row, manager_realtime_offset());
	return r < 0 ? r : manager_send(reply);
}
