/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about bindings and sessions. */
#include <errno.h>

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

/* One page of ListBib or ListSessions on its way into the reply. */
struct page {
	struct gateway *gateway;
	struct list_filter filter; /* resolved */
	struct list_cursor cursor;
	uint32_t n_left; /* rows that it may still have */
	uint32_t work;   /* as of list_bib() */
	uint64_t offset; /* manager_realtime_offset() */
};

/* Takes the rows of one slice and puts them into the reply: how many, or a negative errno. */
typedef int (*append_slice_fn)(struct page *page, sd_bus_message *reply);

/* Filter, cursor and limit. Returns as authorise(). */
static int read_list_call(struct manager *manager, sd_bus_message *message, bool for_sessions,
			  struct page *ret, sd_bus_error *error)
{
	const char *cursor;
	uint32_t limit;
	int r;

	*ret = (struct page){.gateway = manager->gateway, .offset = manager_realtime_offset()};
	r = list_filter_read(message, for_sessions, &ret->filter, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(message, "su", &cursor, &limit);
	if (r < 0)
		return r;
	if (!list_cursor_parse(cursor, &ret->cursor))
		return manager_invalid_cursor(error, cursor);
	ret->n_left = manager_rows_wanted(limit);
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	return manager_resolve_filter(manager, &ret->filter, error);
}

/* Rows slice by slice: none of them is kept but in the reply. */
static int append_page(struct page *page, sd_bus_message *reply, append_slice_fn append_slice)
{
	int n = 0;

	while (page->n_left > 0 && page->work < LIST_WORK_MAX &&
	       page->cursor.protocol != N_PROTOCOLS) {
		if (page->work > 0)
			list_let_pass((uint32_t)n);
		n = append_slice(page, reply);
		if (n < 0)
			return n;
		page->n_left -= (uint32_t)n;
	}
	return 0;
}

static int list(struct manager *manager, sd_bus_message *message, bool for_sessions,
		const char *row_type, append_slice_fn append_slice, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char next[LIST_CURSOR_SIZE];
	struct page page;
	int r;

	r = read_list_call(manager, message, for_sessions, &page, error);
	if (r != 0)
		return r;
	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', row_type);
	if (r >= 0)
		r = append_page(&page, reply, append_slice);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", list_cursor_print(&page.cursor, next));
	return r < 0 ? r : manager_send(reply);
}

static uint32_t slice_capacity(const struct page *page)
{
	return page->n_left < LIST_ROWS ? page->n_left : LIST_ROWS;
}

static int append_bib_row(sd_bus_message *reply, const struct list_bib_row *row, uint64_t offset)
{
	const struct bib_entry *entry = &row->entry;
	char addr6[ADDR_TEXT_SIZE], addr4[ADDR_TEXT_SIZE];

	return sd_bus_message_append(reply, DBUS_TYPE_BIB, protocol_name(row->protocol),
				     addr6_print(&entry->addr6, addr6), entry->port6,
				     addr4_print(entry->addr4, addr4), entry->port4,
				     (int)entry->is_static, entry->n_sessions,
				     manager_realtime_s(entry->created_s, offset),
				     manager_realtime(row->expires_ms, offset), entry->pool4);
}

static int append_bib_slice(struct page *page, sd_bus_message *reply)
{
	struct list_bib_row rows[LIST_ROWS];
	uint32_t n = list_bib(page->gateway, &page->filter, &page->cursor, rows,
			      slice_capacity(page), &page->work);
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_bib_row(reply, &rows[i], page->offset);
	return r < 0 ? r : (int)n;
}

int bib_method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return list(userdata, message, false, DBUS_TYPE_BIB, append_bib_slice, error);
}

static int append_session_row(sd_bus_message *reply, const struct list_session_row *row,
			      uint64_t offset)
{
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

static int append_session_slice(struct page *page, sd_bus_message *reply)
{
	struct list_session_row rows[LIST_ROWS];
	uint32_t n = list_sessions(page->gateway, &page->filter, &page->cursor, rows,
				   slice_capacity(page), &page->work);
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_session_row(reply, &rows[i], page->offset);
	return r < 0 ? r : (int)n;
}

int bib_method_list_sessions(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return list(userdata, message, true, DBUS_TYPE_SESSION, append_session_slice, error);
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
