/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See list_filter.h. */
#include "dbus/list_filter.h"

#include <errno.h>
#include <stdlib.h>

#include "dbus/argument.h"
#include "dbus/names.h"
#include "dbus/quote.h"

bool list_number_parse(const char *text, uint32_t *ret)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9') /* strtoull() would take signs and spaces */
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static int invalid(sd_bus_error *error, const char *name, const char *value, const char *what)
{
	char text[QUOTE_SIZE];

	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_FILTER, "filter %s: '%s' is not %s",
				 name, quote(value, text), what);
}

static int set_protocol(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	filter->has_protocol = true;
	return argument_protocol(value, &filter->protocol, error);
}

static int set_client(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	if (!prefix6_parse(value, &filter->client))
		return invalid(error, "client", value, "an IPv6 address or prefix");
	filter->client.addr = addr6_mask(&filter->client.addr, filter->client.len);
	filter->has_client = true;
	return 0;
}

static int set_address4(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	filter->has_address4 = true;
	return argument_addr4(value, &filter->address4, error);
}

static int set_pool4(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	if (*value == '\0' || strlen(value) >= sizeof(filter->pool4))
		return invalid(error, "pool4", value, "the name or id of an entry");
	memcpy(filter->pool4, value, strlen(value) + 1);
	return 0;
}

static int set_server(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	if (!prefix4_parse(value, &filter->server))
		return invalid(error, "server", value, "an IPv4 address or prefix");
	filter->server.addr = prefix4_first(&filter->server);
	filter->has_server = true;
	return 0;
}

static int set_state(struct list_filter *filter, const char *value, sd_bus_error *error)
{
	if (!tcp_fsm_state_parse(value, &filter->state))
		return invalid(error, "state", value, "a state of TCP sessions");
	filter->has_state = true;
	return 0;
}

/* The names, with the type of their values. set is for strings. */
static const struct filter_name {
	const char *name;
	char type;
	bool for_sessions_only;
	int (*set)(struct list_filter *filter, const char *value, sd_bus_error *error);
} filter_names[] = {
	{"protocol", 's', false, set_protocol}, {"client", 's', false, set_client},
	{"address4", 's', false, set_address4}, {"port4", 'q', false, NULL},
	{"static", 'b', false, NULL},           {"pool4", 's', false, set_pool4},
	{"server", 's', true, set_server},      {"state", 's', true, set_state},
};

static const struct filter_name *find_name(const char *name, bool for_sessions)
{
	for (size_t i = 0; i < sizeof(filter_names) / sizeof(filter_names[0]); i++) {
		const struct filter_name *row = &filter_names[i];

		if (strcmp(row->name, name) == 0 && (for_sessions || !row->for_sessions_only))
			return row;
	}
	return NULL;
}

/* The variant that belongs to name. */
static int read_value(sd_bus_message *message, const struct filter_name *name,
		      struct list_filter *filter, sd_bus_error *error)
{
	const char type[] = {name->type, '\0'};
	const char *contents, *text;
	char quoted[QUOTE_SIZE];
	int r, flag;

	r = sd_bus_message_peek_type(message, NULL, &contents);
	if (r < 0)
		return r;
	if (strcmp(contents, type) != 0)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_FILTER,
					 "filter %s has type '%s' instead of '%s'", name->name,
					 quote(contents, quoted), type);
	switch (name->type) {
	case 'q':
		filter->has_port4 = true;
		return sd_bus_message_read(message, "v", "q", &filter->port4);
	case 'b':
		r = sd_bus_message_read(message, "v", "b", &flag);
		if (r < 0)
			return r;
		filter->has_static = true;
		filter->is_static = flag;
		return 0;
	default:
		r = sd_bus_message_read(message, "v", "s", &text);
		if (r < 0)
			return r;
		return name->set(filter, text, error);
	}
}

/* One name with its value. given: the names that have been read, a bit each. */
static int read_entry(sd_bus_message *message, bool for_sessions, struct list_filter *filter,
		      unsigned *given, sd_bus_error *error)
{
	const struct filter_name *row;
	char text[QUOTE_SIZE];
	const char *name;
	unsigned bit;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	row = find_name(name, for_sessions);
	if (row == NULL)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_FILTER,
					 "there is no filter '%s' here", quote(name, text));
	bit = 1u << (row - filter_names);
	if ((*given & bit) != 0)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_FILTER,
					 "filter %s is given twice", name);
	*given |= bit;
	return read_value(message, row, filter, error);
}

int list_filter_read(sd_bus_message *message, bool for_sessions, struct list_filter *ret,
		     sd_bus_error *error)
{
	struct list_filter filter = {.pool4_id = 0};
	unsigned given = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_entry(message, for_sessions, &filter, &given, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = sd_bus_message_exit_container(message);
	if (r < 0)
		return r;
	*ret = filter;
	return 0;
}

bool list_filter_resolve(struct list_filter *filter, const struct nat64 *nat)
{
	const struct pool4_entry *entry;
	uint32_t id;

	if (filter->pool4[0] == '\0')
		return true;
	entry = pool4_entry_by_name(nat->pool4, filter->pool4);
	if (entry == NULL && list_number_parse(filter->pool4, &id))
		entry = pool4_entry(nat->pool4, id);
	if (entry == NULL)
		return false;
	filter->pool4_id = entry->id;
	return true;
}

bool list_filter_wants_binding(const struct list_filter *filter, const struct bib_entry *entry)
{
	return (!filter->has_client || prefix6_contains(&filter->client, &entry->addr6)) &&
	       (!filter->has_address4 || filter->address4 == entry->addr4) &&
	       (!filter->has_port4 || filter->port4 == entry->port4) &&
	       (!filter->has_static || filter->is_static == entry->is_static) &&
	       (filter->pool4[0] == '\0' || filter->pool4_id == entry->pool4);
}

bool list_filter_wants_session(const struct list_filter *filter, const struct session *session)
{
	return (!filter->has_server || prefix4_contains(&filter->server, session->addr4)) &&
	       (!filter->has_state || filter->state == session->state);
}
