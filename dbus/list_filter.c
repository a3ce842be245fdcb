/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See list_filter.h. */
#include "dbus/list_filter.h"

#include <errno.h>
#include <stdlib.h>

#include "dbus/argument.h"
#include "dbus/dictionary.h"
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

/* What is given, before it is parsed. */
struct given {
	const char *protocol, *client, *address4, *pool4, *server, *state;
	uint16_t port4;
	bool is_static;
	bool bytes;
};

enum { PROTOCOL, CLIENT, ADDRESS4, POOL4, SERVER, STATE, N_TEXTS, PORT4 = N_TEXTS, STATIC, BYTES };
#define BIT(name)   (1u << (name))
#define OF_SESSIONS (BIT(SERVER) | BIT(STATE)) /* only */
#define OF_TRACES   BIT(BYTES)

/* clang-format off */
static const struct dictionary_row rows[] = {
	{"protocol", 's', BIT(PROTOCOL), offsetof(struct given, protocol)},
	{"client",   's', BIT(CLIENT),   offsetof(struct given, client)},
	{"address4", 's', BIT(ADDRESS4), offsetof(struct given, address4)},
	{"port4",    'q', BIT(PORT4),    offsetof(struct given, port4)},
	{"static",   'b', BIT(STATIC),   offsetof(struct given, is_static)},
	{"pool4",    's', BIT(POOL4),    offsetof(struct given, pool4)},
	{"server",   's', BIT(SERVER),   offsetof(struct given, server)},
	{"state",    's', BIT(STATE),    offsetof(struct given, state)},
	{"bytes",    'b', BIT(BYTES),    offsetof(struct given, bytes)},
};
/* clang-format on */

/* The texts, one after the other. */
static int parse(const struct given *given, struct list_filter *filter, sd_bus_error *error)
{
	const struct {
		const char *text;
		int (*set)(struct list_filter *filter, const char *text, sd_bus_error *error);
	} texts[N_TEXTS] = {
		[PROTOCOL] = {given->protocol, set_protocol},
		[CLIENT] = {given->client, set_client},
		[ADDRESS4] = {given->address4, set_address4},
		[POOL4] = {given->pool4, set_pool4},
		[SERVER] = {given->server, set_server},
		[STATE] = {given->state, set_state},
	};

	for (unsigned i = 0; i < N_TEXTS; i++) {
		int r = texts[i].text != NULL ? texts[i].set(filter, texts[i].text, error) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_names(sd_bus_message *message, unsigned accepted, struct list_filter *ret,
		      sd_bus_error *error)
{
	static const struct dictionary dictionary = {
		.noun = "filter",
		.error = DBUS_ERROR_INVALID_FILTER,
		.rows = rows,
		.n_rows = sizeof(rows) / sizeof(rows[0]),
	};
	struct given given = {.protocol = NULL};
	unsigned names;
	int r;

	r = dictionary_read(message, &dictionary, accepted, &given, &names, error);
	if (r < 0)
		return r;
	*ret = (struct list_filter){
		.has_port4 = (names & BIT(PORT4)) != 0,
		.port4 = given.port4,
		.has_static = (names & BIT(STATIC)) != 0,
		.is_static = given.is_static,
		.with_bytes = given.bytes,
	};
	return parse(&given, ret, error);
}

int list_filter_read(sd_bus_message *message, bool for_sessions, struct list_filter *ret,
		     sd_bus_error *error)
{
	return read_names(message, for_sessions ? ~OF_TRACES : ~(OF_SESSIONS | OF_TRACES), ret,
			  error);
}

int list_filter_read_trace(sd_bus_message *message, struct list_filter *ret, sd_bus_error *error)
{
	return read_names(message, ~0u, ret, error);
}

int list_filter_only_client(const struct list_filter *filter, sd_bus_error *error)
{
	struct list_filter rest = *filter;

	rest.has_client = false;
	if (rest.has_protocol || !list_filter_is_of_protocol(&rest))
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_FILTER,
					"the only filter of clients is 'client'");
	return 0;
}

bool list_filter_is_of_protocol(const struct list_filter *filter)
{
	return !filter->has_client && !filter->has_address4 && !filter->has_port4 &&
	       !filter->has_static && filter->pool4[0] == '\0' && !filter->has_server &&
	       !filter->has_state;
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
