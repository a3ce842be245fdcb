/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See manager.h. The names of arguments in the vtable are those of org.nat64d1.xml. */
#include "dbus/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dbus/authorise.h"
#include "dbus/connection.h"
#include "dbus/control.h"
#include "dbus/list.h"
#include "dbus/names.h"
#include "dbus/quote.h"
#include "dbus/statistics.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

struct manager {
	struct gateway *gateway;
	struct connection *connection; /* NULL with no_bus */
	struct control *control;       /* NULL without a socket */
};

static void freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ __attribute__((cleanup(freep)))

/* Rows that a caller wants: 0 = default, never more than the maximum. */
static uint32_t rows_wanted(uint32_t limit)
{
	if (limit == 0)
		return DBUS_ROWS_DEFAULT;
	return limit < DBUS_ROWS_MAX ? limit : DBUS_ROWS_MAX;
}

/* What to add to a time of the core, in µs, to get CLOCK_REALTIME. */
static uint64_t realtime_offset(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 -
	       gateway_now_ms() * 1000;
}

static uint64_t realtime_of(uint64_t core_ms, uint64_t offset)
{
	return core_ms == UINT64_MAX ? UINT64_MAX : core_ms * 1000 + offset;
}

static int invalid_cursor(sd_bus_error *error, const char *cursor)
{
	char text[QUOTE_SIZE];

	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "'%s' is not a cursor of this list", quote(cursor, text));
}

static int send_reply(sd_bus_message *reply)
{
	return sd_bus_send(NULL, reply, NULL);
}

/* Reads filter, cursor and limit of ListBib and ListSessions, and resolves the filter. */
static int read_list_call(struct manager *manager, sd_bus_message *message, bool for_sessions,
			  struct list_filter *ret_filter, struct list_cursor *ret_cursor,
			  uint32_t *ret_rows, sd_bus_error *error)
{
	const char *cursor;
	uint32_t limit;
	bool resolved;
	int r;

	r = list_filter_read(message, for_sessions, ret_filter, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(message, "su", &cursor, &limit);
	if (r < 0)
		return r;
	if (!list_cursor_parse(cursor, ret_cursor))
		return invalid_cursor(error, cursor);
	*ret_rows = rows_wanted(limit);
	r = authorise_read_bindings(message, error);
	if (r < 0)
		return r;
	gateway_lock(manager->gateway);
	resolved = list_filter_resolve(ret_filter, manager->gateway->nat);
	gateway_unlock(manager->gateway);
	if (!resolved)
		return sd_bus_error_setf(error, DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry '%s'",
					 ret_filter->pool4);
	return 0;
}

/* One row into the reply. offset: realtime_offset(). */
typedef int (*append_row_fn)(sd_bus_message *reply, const void *data, uint64_t offset);

/* The reply of ListBib and ListSessions. */
static int send_page(sd_bus_message *message, const char *row_type, append_row_fn append_row,
		     const void *rows, size_t row_size, uint32_t n,
		     const struct list_cursor *cursor)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint64_t offset = realtime_offset();
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
	return r < 0 ? r : send_reply(reply);
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
				     realtime_of((uint64_t)entry->created_s * 1000, offset),
				     realtime_of(row->expires_ms, offset), entry->pool4);
}

static int method_list_bib(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_free_ struct list_bib_row *rows = NULL;
	struct list_filter filter;
	struct list_cursor cursor;
	uint32_t n;
	int r;

	r = read_list_call(manager, message, false, &filter, &cursor, &n, error);
	if (r < 0)
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
	/* y = z, but an ICMP query keeps the client's identifier on the IPv6 side. */
	uint16_t port6 = row->protocol == PROTOCOL_ICMP ? row->client.port : row->server.port;

	return sd_bus_message_append(reply, DBUS_TYPE_SESSION, protocol_name(row->protocol),
				     addr6_print(&row->client.addr, client), row->client.port,
				     addr4_print(row->mapped.addr, mapped), row->mapped.port,
				     addr6_print(&row->server6, server6), port6,
				     addr4_print(row->server.addr, server4), row->server.port,
				     tcp_fsm_state_name(row->state),
				     realtime_of(row->expires_ms, offset));
}

static int method_list_sessions(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_free_ struct list_session_row *rows = NULL;
	struct list_filter filter;
	struct list_cursor cursor;
	uint32_t n;
	int r;

	r = read_list_call(manager, message, true, &filter, &cursor, &n, error);
	if (r < 0)
		return r;
	rows = malloc(n * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n = list_sessions(manager->gateway, &filter, &cursor, rows, n);
	return send_page(message, DBUS_TYPE_SESSION, append_session_row, rows, sizeof(*rows), n,
			 &cursor);
}

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

/* One a{st} property: the protocols of the entry with their numbers. */
static int append_by_protocol(sd_bus_message *reply, const char *name,
			      const struct list_pool4_row *row, const uint64_t number[N_PROTOCOLS])
{
	int r;

	r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "a{st}");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{st}");
	for (enum protocol protocol = 0; r >= 0 && protocol < N_PROTOCOLS; protocol++) {
		if (row->protocol[protocol])
			r = sd_bus_message_append(reply, "{st}", protocol_name(protocol),
						  number[protocol]);
	}
	for (unsigned i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static int append_pool4_row(sd_bus_message *reply, const struct list_pool4_row *row)
{
	int r;

	r = sd_bus_message_open_container(reply, 'r', "oa{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "o", "/");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(
			reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Id", "u", row->id,
			"Name", "s", row->name, "Addresses", "s", row->addresses, "Ports", "s",
			row->ports, "Protocols", "s", row->protocols, "Clients", "s", row->clients,
			"Prefix", "s", row->prefix, "Comment", "s", row->comment, "State", "s",
			pool4_states[row->state], "Source", "s", pool4_sources[row->source]);
	if (r >= 0)
		r = append_by_protocol(reply, "PortsTotal", row, row->n_ports);
	if (r >= 0)
		r = append_by_protocol(reply, "PortsUsed", row, row->n_used);
	if (r >= 0)
		r = append_by_protocol(reply, "PortsPeak", row, row->n_peak);
	if (r >= 0)
		r = append_by_protocol(reply, "PortsHeld", row, row->n_held);
	if (r >= 0)
		r = append_by_protocol(reply, "HeldReused", row, row->n_reused);
	if (r >= 0)
		r = append_by_protocol(reply, "Refused", row, row->n_refused);
	for (unsigned i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static int append_pool4_rows(sd_bus_message *reply, const struct list_pool4_row *rows, uint32_t n)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_POOL4);
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = append_pool4_row(reply, &rows[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The cursor of this list is the id of the last entry that was listed. */
static int method_list_pool4(sd_bus_message *message, void *userdata, sd_bus_error *error)
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
		return invalid_cursor(error, cursor);
	gateway_lock(manager->gateway);
	capacity = pool4_n_entries(manager->gateway->nat->pool4);
	gateway_unlock(manager->gateway);
	if (capacity > rows_wanted(limit))
		capacity = rows_wanted(limit);
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
		r = append_pool4_rows(reply, rows, n);
	list_pool4_rows_free(rows, n);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", next);
	return r < 0 ? r : send_reply(reply);
}

static int method_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_free_ struct statistic *statistics = NULL;
	uint32_t n = 0;
	int r;

	statistics = statistics_take(manager->gateway, &n);
	if (statistics == NULL)
		return -ENOMEM;
	r = sd_bus_message_new_method_return(message, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, 'a', "{st}");
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, "{st}", statistics[i].name, statistics[i].value);
	if (r < 0)
		return r;
	r = sd_bus_message_close_container(reply);
	return r < 0 ? r : send_reply(reply);
}

static int property_version(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
	return sd_bus_message_append(reply, "s", NAT64D_VERSION);
}

static int property_state(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	struct manager *manager = userdata;
	enum gateway_state state;

	gateway_lock(manager->gateway);
	state = manager->gateway->state;
	gateway_unlock(manager->gateway);
	return sd_bus_message_append(reply, "s", gateway_state_name(state));
}

static int property_pool6(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct prefix6 pool6[NAT64_POOL6_MAX];
	char text[ADDR_TEXT_SIZE];
	int r;

	gateway_lock(manager->gateway);
	memcpy(pool6, manager->gateway->nat->config.pool6, sizeof(pool6));
	gateway_unlock(manager->gateway);
	r = sd_bus_message_open_container(reply, 'a', "s");
	for (unsigned i = 0; r >= 0 && i < NAT64_POOL6_MAX; i++) {
		if (pool6[i].len != 0)
			r = sd_bus_message_append(reply, "s", prefix6_print(&pool6[i], text));
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* None yet: every method is of the first version. */
static int property_features(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	return sd_bus_message_append(reply, "as", 0);
}

static int property_bindings(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t n;

	gateway_lock(manager->gateway);
	n = nat64_n_bindings(manager->gateway->nat);
	gateway_unlock(manager->gateway);
	return sd_bus_message_append(reply, "t", n);
}

static int property_sessions(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t n;

	gateway_lock(manager->gateway);
	n = nat64_n_sessions(manager->gateway->nat);
	gateway_unlock(manager->gateway);
	return sd_bus_message_append(reply, "t", n);
}

/* clang-format off */
static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListPool4",
		SD_BUS_ARGS("s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_POOL4, entries, "s", next),
		method_list_pool4, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListBib",
		SD_BUS_ARGS("a{sv}", filter, "s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_BIB, bindings, "s", next),
		method_list_bib, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListSessions",
		SD_BUS_ARGS("a{sv}", filter, "s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_SESSION, sessions, "s", next),
		method_list_sessions, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetStatistics",
		SD_BUS_NO_ARGS,
		SD_BUS_RESULT("a{st}", statistics),
		method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Version", "s", property_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", property_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Pool6", "as", property_pool6, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Features", "as", property_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Bindings", "t", property_bindings, 0, 0),
	SD_BUS_PROPERTY("Sessions", "t", property_sessions, 0, 0),
	SD_BUS_VTABLE_END,
};
/* clang-format on */

/* Every connection, whether to the bus or of a peer, gets the same object. */
static int add_objects(sd_bus *bus, void *userdata)
{
	return sd_bus_add_object_vtable(bus, NULL, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					manager_vtable, userdata);
}

int manager_new(struct gateway *gateway, sd_event *event, const struct manager_options *options,
		struct manager **ret)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	int r = 0;

	if (manager == NULL)
		return -ENOMEM;
	manager->gateway = gateway;
	if (options->socket_path != NULL)
		r = control_new(event, options->socket_path, add_objects, manager,
				&manager->control);
	if (r >= 0 && !options->no_bus)
		r = connection_new(event, options->bus_address,
				   options->service != NULL ? options->service : DBUS_SERVICE,
				   add_objects, manager, &manager->connection);
	if (r < 0) {
		manager_free(manager);
		return r;
	}
	*ret = manager;
	return 0;
}

void manager_free(struct manager *manager)
{
	if (manager == NULL)
		return;
	connection_free(manager->connection);
	control_free(manager->control);
	free(manager);
}

static void emit_changed(sd_bus *bus)
{
	(void)sd_bus_emit_properties_changed(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "State",
					     "Pool6", NULL);
}

void manager_changed(struct manager *manager)
{
	if (manager->connection != NULL && connection_bus(manager->connection) != NULL)
		emit_changed(connection_bus(manager->connection));
	for (unsigned i = 0; manager->control != NULL && i < CONTROL_PEERS_MAX; i++) {
		sd_bus *bus = control_peer(manager->control, i);

		if (bus != NULL)
			emit_changed(bus);
	}
}
