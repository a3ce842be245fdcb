/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See manager.h. The names of arguments in the vtable are those of org.nat64d1.xml. */
#include "dbus/manager.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/core/persist.h"
#include "dbus/changing.h"
#include "dbus/connection.h"
#include "dbus/control.h"
#include "dbus/log_control.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/polkit.h"
#include "dbus/pool4_objects.h"
#include "dbus/quote.h"
#include "dbus/statistics.h"

int manager_send(sd_bus_message *reply)
{
	return sd_bus_send(NULL, reply, NULL);
}

/* Rows that a caller wants: 0 = default, never more than the maximum. */
uint32_t manager_rows_wanted(uint32_t limit)
{
	if (limit == 0)
		return DBUS_ROWS_DEFAULT;
	return limit < DBUS_ROWS_MAX ? limit : DBUS_ROWS_MAX;
}

int manager_invalid_cursor(sd_bus_error *error, const char *cursor)
{
	char text[QUOTE_SIZE];

	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "'%s' is not a cursor of this list", quote(cursor, text));
}

uint64_t manager_realtime_offset(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 -
	       gateway_now_ms() * 1000;
}

uint64_t manager_realtime(uint64_t core_ms, uint64_t offset)
{
	return core_ms > UINT64_MAX / 2000 ? UINT64_MAX : core_ms * 1000 + offset;
}

uint64_t manager_realtime_s(int64_t core_s, uint64_t offset)
{
	return (uint64_t)core_s * 1000000 + offset;
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
	return r < 0 ? r : manager_send(reply);
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

static struct gateway_store read_store(const struct manager *manager)
{
	struct gateway_store store;

	gateway_lock(manager->gateway);
	gateway_see_store(manager->gateway, gateway_now_ms(), &store);
	gateway_unlock(manager->gateway);
	return store;
}

static int property_database_path(sd_bus *bus, const char *path, const char *interface,
				  const char *property, sd_bus_message *reply, void *userdata,
				  sd_bus_error *error)
{
	const struct gateway_store store = read_store(userdata);

	return sd_bus_message_append(reply, "s", store.path);
}

static int property_pending_changes(sd_bus *bus, const char *path, const char *interface,
				    const char *property, sd_bus_message *reply, void *userdata,
				    sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t n;

	gateway_lock(manager->gateway);
	n = persist_n_changed(manager->gateway->nat);
	gateway_unlock(manager->gateway);
	return sd_bus_message_append(reply, "t", n);
}

static int property_last_flush(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	const struct gateway_store store = read_store(userdata);

	return sd_bus_message_append(reply, "t", store.flushed_usec);
}

static int property_state_problem(sd_bus *bus, const char *path, const char *interface,
				  const char *property, sd_bus_message *reply, void *userdata,
				  sd_bus_error *error)
{
	const struct gateway_store store = read_store(userdata);

	return sd_bus_message_append(reply, "s", store.problem);
}

static int property_tcp_way(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
	const struct manager *manager = userdata;
	struct gateway_sending sending;

	gateway_lock(manager->gateway);
	sending = manager->gateway->sending;
	gateway_unlock(manager->gateway);
	if (strcmp(property, "TCPWayReason") == 0)
		return sd_bus_message_append(reply, "s", sending.reason);
	return sd_bus_message_append(reply, "s", sending.by_packet ? "packet" : "raw");
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

static int property_clients(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t n;

	gateway_lock(manager->gateway);
	n = manager->gateway->nat->clients.clients.n_used;
	gateway_unlock(manager->gateway);
	return sd_bus_message_append(reply, "t", n);
}

/* clang-format off */
static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListPool4",
		SD_BUS_ARGS("s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_POOL4, entries, "s", next),
		pool4_method_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CountPool4", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", entries),
				pool4_method_count, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AddPool4",
		SD_BUS_ARGS("s", addresses, "s", ports, "s", protocols, "a{sv}", options),
		SD_BUS_RESULT("o", entry, "a{sv}", result),
		pool4_method_add, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("RemovePool4",
		SD_BUS_ARGS("s", entry, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		pool4_method_remove, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("DrainPool4",
		SD_BUS_ARGS("s", entry, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		pool4_method_drain, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("EnablePool4",
		SD_BUS_ARGS("s", entry, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		pool4_method_enable, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("ListBib",
		SD_BUS_ARGS("a{sv}", filter, "s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_BIB, bindings, "s", next),
		bib_method_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CountBib",
		SD_BUS_ARGS("a{sv}", filter),
		SD_BUS_RESULT("t", bindings),
		bib_method_count, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AddBib",
		SD_BUS_ARGS("s", protocols, "s", address6, "q", port6, "s", address4, "q", port4,
			    "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		bib_method_add, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("RemoveBib",
		SD_BUS_ARGS("s", protocols, "s", address6, "q", port6, "s", address4, "q", port4,
			    "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		bib_method_remove, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("LookupBib",
		SD_BUS_ARGS("s", protocol, "s", address, "q", port),
		SD_BUS_RESULT(DBUS_TYPE_BIB, binding),
		bib_method_lookup, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListSessions",
		SD_BUS_ARGS("a{sv}", filter, "s", cursor, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_SESSION, sessions, "s", next),
		bib_method_list_sessions, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CountSessions",
		SD_BUS_ARGS("a{sv}", filter),
		SD_BUS_RESULT("t", sessions),
		session_method_count, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("FlushSessions",
		SD_BUS_ARGS("a{sv}", filter, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		session_method_flush, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("ListClients",
		SD_BUS_ARGS("a{sv}", filter, "s", sort, "u", limit),
		SD_BUS_RESULT("a" DBUS_TYPE_CLIENT, clients),
		client_method_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Dump",
		SD_BUS_ARGS("s", table, "a{sv}", filter, "s", format, "h", fd),
		SD_BUS_RESULT("t", id),
		dump_method, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Monitor",
		SD_BUS_ARGS("as", events, "a{sv}", filter, "h", fd), SD_BUS_NO_RESULT,
		monitor_method, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Trace",
		SD_BUS_ARGS("a{sv}", filter, "h", fd), SD_BUS_NO_RESULT,
		trace_method, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("BlockClient",
		SD_BUS_ARGS("s", prefix, "t", usec, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		client_method_block, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("UnblockClient",
		SD_BUS_ARGS("s", prefix, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		client_method_unblock, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("ListBlockedClients",
		SD_BUS_NO_ARGS,
		SD_BUS_RESULT("a" DBUS_TYPE_BLOCKED, blocked),
		client_method_list_blocked, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PortsOf",
		SD_BUS_ARGS("s", protocol, "s", client, "s", prefix),
		SD_BUS_RESULT("s", whole, "s", address, "s", ports),
		deterministic_method_ports_of, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ClientOf",
		SD_BUS_ARGS("s", protocol, "s", address, "q", port),
		SD_BUS_RESULT("s", client),
		deterministic_method_client_of, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Who",
		SD_BUS_ARGS("s", address, "q", port, "t", usec, "t", within),
		SD_BUS_RESULT("a" DBUS_TYPE_WHO, owners),
		history_method_who, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Snapshot",
		SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		history_method_snapshot, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("SnapshotTo",
		SD_BUS_ARGS("h", fd), SD_BUS_RESULT("t", rows),
		history_method_snapshot_to, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Drain",
		SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		gateway_method_drain, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("Resume",
		SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		gateway_method_resume, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("AddPool6",
		SD_BUS_ARGS("s", prefix, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		config_method_add_pool6, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("RemovePool6",
		SD_BUS_ARGS("s", prefix, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		config_method_remove_pool6, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("ListConfig",
		SD_BUS_NO_ARGS,
		SD_BUS_RESULT("a" DBUS_TYPE_CONFIG, keys),
		config_method_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetConfig",
		SD_BUS_ARGS("s", key),
		SD_BUS_RESULT("s", value),
		config_method_get, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SetConfig",
		SD_BUS_ARGS("s", key, "s", value, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		config_method_set, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("ResetConfig",
		SD_BUS_ARGS("s", key, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		config_method_reset, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("Reload",
		SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("a{sv}", result),
		config_method_reload, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("Explain",
		SD_BUS_ARGS("s", protocol, "s", source, "s", destination, "a{sv}", options),
		SD_BUS_RESULT("s", outcome, "a(ss)", steps),
		explain_method, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetStatistics",
		SD_BUS_NO_ARGS,
		SD_BUS_RESULT("a{st}", statistics),
		method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("PoolExhausted",
		SD_BUS_ARGS("o", entry, "s", protocol, "t", refused), 0),
	SD_BUS_SIGNAL_WITH_ARGS("PoolAlarm",
		SD_BUS_ARGS("o", entry, "s", protocol, "y", percent, "b", raised), 0),
	SD_BUS_SIGNAL_WITH_ARGS("ClientLimited",
		SD_BUS_ARGS("s", client, "u", limit), 0),
	SD_BUS_SIGNAL_WITH_ARGS("SnapshotDone", SD_BUS_ARGS("t", rows, "t", usec), 0),
	SD_BUS_SIGNAL_WITH_ARGS("SnapshotFailed", SD_BUS_ARGS("s", error), 0),
	SD_BUS_SIGNAL_WITH_NAMES("DumpDone", "tti", /* errno is a macro */
		SD_BUS_PARAM(id) SD_BUS_PARAM(rows) "errno\0", 0),
	SD_BUS_PROPERTY("Version", "s", property_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", property_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Pool6", "as", property_pool6, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Features", "as", property_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Bindings", "t", property_bindings, 0, 0),
	SD_BUS_PROPERTY("Sessions", "t", property_sessions, 0, 0),
	SD_BUS_PROPERTY("Clients", "t", property_clients, 0, 0),
	SD_BUS_PROPERTY("DatabasePath", "s", property_database_path, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("PendingChanges", "t", property_pending_changes, 0, 0),
	SD_BUS_PROPERTY("LastFlushUSec", "t", property_last_flush, 0, 0),
	SD_BUS_PROPERTY("StateProblem", "s", property_state_problem, 0, 0),
	SD_BUS_PROPERTY("TCPWay", "s", property_tcp_way, 0, 0),
	SD_BUS_PROPERTY("TCPWayReason", "s", property_tcp_way, 0, 0),
	SD_BUS_VTABLE_END,
};
/* clang-format on */

/* Every connection, whether to the bus or of a peer, gets the same object. */
static int add_objects(sd_bus *bus, void *userdata)
{
	struct manager *manager = userdata;
	int r;

	if (sd_bus_is_server(bus) <= 0)
		polkit_forget(manager->authority.polkit);
	r = sd_bus_add_object_vtable(bus, NULL, DBUS_PATH, DBUS_INTERFACE_MANAGER, manager_vtable,
				     manager);
	if (r >= 0)
		r = log_control_serve(manager, bus);
	return r < 0 ? r : pool4_objects_serve(manager->objects, bus);
}

static struct manager_told read_told(struct gateway *gateway)
{
	struct manager_told told;

	gateway_lock(gateway);
	told.state = gateway->state;
	memcpy(told.pool6, gateway->nat->config.pool6, sizeof(told.pool6));
	gateway_unlock(gateway);
	return told;
}

int manager_new(struct gateway *gateway, sd_event *event, const struct manager_options *options,
		struct manager **ret)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	int r = 0;

	if (manager == NULL)
		return -ENOMEM;
	manager->last_waiting = &manager->waiting;
	manager->gateway = gateway;
	manager->told = read_told(gateway);
	manager->streams.event = event;
	manager->changes = options->changes;
	manager->state = options->state;
	manager->objects = pool4_objects_new(manager, options->pool4_objects);
	if (manager->objects == NULL)
		r = -ENOMEM;
	if (r >= 0)
		r = polkit_new(event, &manager->authority.polkit);
	if (r >= 0 && options->socket_path != NULL)
		r = control_new(event, options->socket_path, add_objects, manager,
				&manager->control);
	if (r >= 0 && !options->no_bus)
		r = connection_new(event, options->bus_address,
				   options->service != NULL ? options->service : DBUS_SERVICE,
				   add_objects, manager, &manager->connection);
	manager->authority.connection = manager->connection;
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
	changing_drop(manager);
	polkit_free(manager->authority.polkit);
	streams_stop(&manager->streams);
	connection_free(manager->connection);
	control_free(manager->control);
	pool4_objects_free(manager->objects);
	free(manager);
}

void manager_yield(struct manager *manager)
{
	changing_drop(manager);
	if (manager->connection != NULL)
		connection_yield(manager->connection);
	if (manager->control != NULL)
		control_yield(manager->control);
}

int manager_return(struct manager *manager)
{
	if (manager->connection != NULL)
		connection_return(manager->connection);
	return manager->control != NULL ? control_return(manager->control) : 0;
}

void manager_for_each_bus(struct manager *manager, void (*visit)(sd_bus *bus, void *userdata),
			  void *userdata)
{
	if (manager->connection != NULL && connection_bus(manager->connection) != NULL)
		visit(connection_bus(manager->connection), userdata);
	for (unsigned i = 0; manager->control != NULL && i < CONTROL_PEERS_MAX; i++) {
		sd_bus *bus = control_peer(manager->control, i);

		if (bus != NULL)
			visit(bus, userdata);
	}
}

static void emit_changed(sd_bus *bus, void *userdata)
{
	(void)sd_bus_emit_properties_changed_strv(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, userdata);
}

static bool same_pool6(const struct manager_told *one, const struct manager_told *other)
{
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		if (one->pool6[i].len != other->pool6[i].len ||
		    !addr6_equal(&one->pool6[i].addr, &other->pool6[i].addr))
			return false;
	}
	return true;
}

void manager_changed(struct manager *manager)
{
	const struct manager_told now = read_told(manager->gateway);
	char *names[3] = {NULL}, **next = names;

	if (now.state != manager->told.state)
		*next++ = (char *)"State";
	if (!same_pool6(&now, &manager->told))
		*next++ = (char *)"Pool6";
	manager->told = now;
	if (next != names)
		manager_for_each_bus(manager, emit_changed, names);
}

void manager_pool4_changed(struct manager *manager, uint32_t id)
{
	pool4_objects_changed(manager->objects, id);
}

void manager_stored(struct manager *manager, const char *error)
{
	changing_stored(manager, error);
}

void manager_next_turn(struct manager *manager)
{
	changing_next_turn(manager);
}

void manager_settled(struct manager *manager, const char *error)
{
	changing_settle(manager, error);
}
