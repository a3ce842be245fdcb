/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_list.h. */
#include "tools/ctl_list.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* The filters, in the order of INTERFACE, section 6. */
enum { PROTOCOL, CLIENT, ADDRESS4, PORT4, SERVER, STATE, STATIC, POOL4, N_FILTERS };

static const struct filter_option {
	const char *option;
	const char *name; /* on the bus */
	char type;
	bool for_sessions_only;
} filter_options[N_FILTERS] = {
	[PROTOCOL] = {"--protocol", "protocol", 's', false},
	[CLIENT] = {"--client", "client", 's', false},
	[ADDRESS4] = {"--address4", "address4", 's', false},
	[PORT4] = {"--port4", "port4", 'q', false},
	[SERVER] = {"--server", "server", 's', true},
	[STATE] = {"--state", "state", 's', true},
	[STATIC] = {"--static", "static", 'b', false},
	[POOL4] = {"--pool4", "pool4", 's', false},
};

struct arguments {
	const char *filter[N_FILTERS]; /* the text given, or NULL */
	uint16_t port4;
	uint64_t limit; /* rows; 0 = all */
	bool count;
};

/* "--option VALUE" and "--option=VALUE". NULL if argv[*i] is another option; "" is a value. */
static const char *value_of(const char *option, int argc, char **argv, int *i)
{
	size_t length = strlen(option);

	if (strncmp(argv[*i], option, length) != 0)
		return NULL;
	if (argv[*i][length] == '=')
		return argv[*i] + length + 1;
	if (argv[*i][length] == '\0' && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

/* Takes one filter at argv[*i]; false if it is none that this list has. */
static bool take_filter(const struct ctl_list *list, struct arguments *arguments, int argc,
			char **argv, int *i)
{
	for (unsigned f = 0; list->has_filter && f < N_FILTERS; f++) {
		const struct filter_option *option = &filter_options[f];
		const char *value;

		if (option->for_sessions_only && !list->for_sessions)
			continue;
		if (option->type == 'b') {
			if (strcmp(argv[*i], option->option) != 0)
				continue;
			arguments->filter[f] = "yes";
			return true;
		}
		value = value_of(option->option, argc, argv, i);
		if (value != NULL) {
			arguments->filter[f] = value;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, max, &number, NULL))
		return false;
	*ret = number;
	return true;
}

static enum ctl_status parse_arguments(const struct ctl_list *list, int argc, char **argv,
				       struct arguments *ret)
{
	struct arguments arguments = {.limit = 0};
	uint64_t port4 = 0;

	for (int i = 0; i < argc; i++) {
		const char *limit = value_of("--limit", argc, argv, &i);

		if (limit != NULL) {
			if (!parse_number(limit, UINT32_MAX, &arguments.limit))
				return ctl_fail(CTL_USAGE, "--limit: '%s' is not a number", limit);
		} else if (strcmp(argv[i], "--count") == 0) {
			arguments.count = true;
		} else if (!take_filter(list, &arguments, argc, argv, &i)) {
			return ctl_fail(CTL_USAGE, "'%s' is not an option here, or lacks its value",
					argv[i]);
		}
	}
	if (arguments.filter[PORT4] != NULL &&
	    !parse_number(arguments.filter[PORT4], UINT16_MAX, &port4))
		return ctl_fail(CTL_USAGE, "--port4: '%s' is not a port", arguments.filter[PORT4]);
	arguments.port4 = (uint16_t)port4;
	*ret = arguments;
	return CTL_DONE;
}

static int append_filter(sd_bus_message *call, const struct arguments *arguments)
{
	int r = sd_bus_message_open_container(call, 'a', "{sv}");

	for (unsigned f = 0; r >= 0 && f < N_FILTERS; f++) {
		const struct filter_option *option = &filter_options[f];

		if (arguments->filter[f] == NULL)
			continue;
		if (option->type == 'q')
			r = sd_bus_message_append(call, "{sv}", option->name, "q",
						  arguments->port4);
		else if (option->type == 'b')
			r = sd_bus_message_append(call, "{sv}", option->name, "b", 1);
		else
			r = sd_bus_message_append(call, "{sv}", option->name, "s",
						  arguments->filter[f]);
	}
	return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Asks for one page. */
static enum ctl_status call_page(struct ctl *ctl, const struct ctl_list *list,
				 const struct arguments *arguments, const char *cursor,
				 uint32_t limit, sd_bus_message **ret_reply)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status;
	int r = 0;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, list->method, &call);
	if (status != CTL_DONE)
		return status;
	if (list->has_filter)
		r = append_filter(call, arguments);
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

/* Rows of the next page: no more than are still wanted. */
static uint32_t page_limit(const struct arguments *arguments, uint64_t n_rows)
{
	uint64_t wanted = arguments->limit - n_rows;

	if (arguments->limit == 0 || wanted > DBUS_ROWS_MAX)
		return DBUS_ROWS_MAX;
	return (uint32_t)wanted;
}

/* All pages; stops when nobody reads any more. */
static enum ctl_status run_pages(struct ctl *ctl, const struct ctl_list *list,
				 const struct arguments *arguments, struct table *table,
				 uint64_t *ret_n_rows)
{
	g_autofree char *cursor = g_strdup("");
	uint64_t n_rows = 0;

	do {
		_cleanup_message_ sd_bus_message *reply = NULL;
		enum ctl_status status;
		int r;

		status = call_page(ctl, list, arguments, cursor, page_limit(arguments, n_rows),
				   &reply);
		if (status != CTL_DONE)
			return status;
		r = read_page(ctl, list, reply, table, &n_rows, &cursor);
		if (r < 0)
			return ctl_bad_reply(r);
		if (table != NULL)
			table_flush(table);
	} while (*cursor != '\0' && !ferror(stdout) &&
		 (arguments->limit == 0 || n_rows < arguments->limit));
	*ret_n_rows = n_rows;
	return CTL_DONE;
}

enum ctl_status ctl_list_run(struct ctl *ctl, const struct ctl_list *list, int argc, char **argv)
{
	struct arguments arguments = {0};
	enum ctl_status status;
	struct table *table;
	uint64_t n_rows = 0;

	status = parse_arguments(list, argc, argv, &arguments);
	if (status != CTL_DONE)
		return status;
	table = arguments.count ? NULL : table_new(list->columns, ctl->json, ctl->legend);
	status = run_pages(ctl, list, &arguments, table, &n_rows);
	if (status == CTL_DONE && arguments.count)
		printf(ctl->json ? "{\"count\":%" PRIu64 "}\n" : "%" PRIu64 "\n", n_rows);
	if (table != NULL && status == CTL_DONE)
		table_end(table);
	else if (table != NULL)
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
