/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_list.h. */
#include "tools/ctl_list.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_dump.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* Asks for one page. */
static enum ctl_status call_page(struct ctl *ctl, const struct ctl_list *list,
				 const struct ctl_arguments *arguments, const char *cursor,
				 uint32_t limit, sd_bus_message **ret_reply)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status;
	int r = 0;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, list->method, &call);
	if (status != CTL_DONE)
		return status;
	if (list->has_filter)
		r = ctl_arguments_append(call, arguments, CTL_FILTERS);
	if (r >= 0)
		r = sd_bus_message_append(call, "su", cursor, limit);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", list->method, g_strerror(-r));
	return ctl_call(ctl, call, ret_reply);
}

/* Reads one page; table NULL only counts. */
static int read_page(struct ctl *ctl, const struct ctl_list *list, sd_bus_message *reply,
		     struct table *table, uint64_t *n_rows, char **ret_cursor)
{
	const char *cursor;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', list->row_type);
	while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
		r = table != NULL ? list->add_row(ctl, reply, table)
				  : sd_bus_message_skip(reply, list->row_type);
		++*n_rows;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "s", &cursor);
	if (r < 0)
		return r;
	g_free(*ret_cursor);
	*ret_cursor = g_strdup(cursor);
	return 0;
}

/* Rows of the next page: no more than are still wanted; limit 0 = all. */
static uint32_t page_limit(uint64_t limit, uint64_t n_rows)
{
	uint64_t wanted = limit - n_rows;

	if (limit == 0 || wanted > DBUS_ROWS_MAX)
		return DBUS_ROWS_MAX;
	return (uint32_t)wanted;
}

/* All pages; stops when nobody reads any more. */
static enum ctl_status run_pages(struct ctl *ctl, const struct ctl_list *list,
				 const struct ctl_arguments *arguments, struct table *table,
				 uint64_t *ret_n_rows)
{
	uint64_t limit = arguments->number[CTL_LIMIT];
	g_autofree char *cursor = g_strdup("");
	uint64_t n_rows = 0;

	do {
		_cleanup_message_ sd_bus_message *reply = NULL;
		enum ctl_status status;
		int r;

		status = call_page(ctl, list, arguments, cursor, page_limit(limit, n_rows), &reply);
		if (status != CTL_DONE)
			return status;
		r = read_page(ctl, list, reply, table, &n_rows, &cursor);
		if (r < 0)
			return ctl_bad_reply(r);
		if (table != NULL)
			table_flush(table);
	} while (*cursor != '\0' && !ferror(stdout) && (limit == 0 || n_rows < limit));
	*ret_n_rows = n_rows;
	return CTL_DONE;
}

/* Asks how many there are, where the daemon counts them. */
static enum ctl_status call_count(struct ctl *ctl, const struct ctl_list *list,
				  const struct ctl_arguments *arguments, uint64_t *ret_n_rows)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	uint64_t limit = arguments->number[CTL_LIMIT];
	enum ctl_status status;
	int r = 0;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, list->count_method, &call);
	if (status != CTL_DONE)
		return status;
	if (list->has_filter)
		r = ctl_arguments_append(call, arguments, CTL_FILTERS);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", list->count_method, g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "t", ret_n_rows);
	if (r < 0)
		return ctl_bad_reply(r);
	if (limit != 0)
		*ret_n_rows = MIN(*ret_n_rows, limit);
	return CTL_DONE;
}

static enum ctl_status run_count(struct ctl *ctl, const struct ctl_list *list,
				 const struct ctl_arguments *arguments)
{
	uint64_t n_rows = 0;
	enum ctl_status status = list->count_method != NULL
					 ? call_count(ctl, list, arguments, &n_rows)
					 : run_pages(ctl, list, arguments, NULL, &n_rows);

	if (status == CTL_DONE)
		printf(ctl->json ? "{\"count\":%" PRIu64 "}\n" : "%" PRIu64 "\n", n_rows);
	return status;
}

enum ctl_status ctl_list_run(struct ctl *ctl, const struct ctl_list *list,
			     const struct ctl_arguments *arguments)
{
	enum ctl_status status;
	struct table *table;
	uint64_t n_rows = 0;
	bool done = false;

	if (ctl_arguments_has(arguments, CTL_COUNT))
		return run_count(ctl, list, arguments);
	if (ctl->json && list->table != NULL && arguments->number[CTL_LIMIT] == 0) {
		status = ctl_dump_run(ctl, list->table, arguments, &done);
		if (done)
			return status;
	}
	table = table_new(list->columns, ctl->json, ctl->legend);
	status = run_pages(ctl, list, arguments, table, &n_rows);
	if (status == CTL_DONE)
		table_end(table);
	else
		table_free(table);
	return status;
}

const char *ctl_endpoint6(const char *address, uint16_t port, char ret[CTL_ENDPOINT_SIZE])
{
	(void)snprintf(ret, CTL_ENDPOINT_SIZE, "[%s]:%u", address, port);
	return ret;
}

const char *ctl_endpoint4(const char *address, uint16_t port, char ret[CTL_ENDPOINT_SIZE])
{
	(void)snprintf(ret, CTL_ENDPOINT_SIZE, "%s:%u", address, port);
	return ret;
}
