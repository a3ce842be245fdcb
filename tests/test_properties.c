/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The properties of the manager that GetAll has, on the bus and on the control socket: Features,
 * and the numbers that follow the tables and the state database. */
#include <inttypes.h>
#include <string.h>

#include "dbus/names.h"
#include "tests/bus_clients.h"

static const char keeping[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			      "[State]\nRetention=1h\n"
			      "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";
static const char not_keeping[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
				  "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";

/* What there was of the properties of this test. */
struct values {
	char *path;
	uint64_t bindings, sessions, pending, flushed;
	unsigned n_features, n_read;
};

static void read_number(sd_bus_message *reply, struct values *values, uint64_t *ret)
{
	g_assert_cmpint(sd_bus_message_read(reply, "v", "t", ret), >, 0);
	values->n_read++;
}

static void read_features(sd_bus_message *reply, struct values *values)
{
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'v', "as"), >, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "s"), >=, 0);
	while (sd_bus_message_at_end(reply, false) == 0) {
		g_assert_cmpint(sd_bus_message_skip(reply, "s"), >, 0);
		values->n_features++;
	}
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	values->n_read++;
}

static void read_path(sd_bus_message *reply, struct values *values)
{
	const char *path;

	g_assert_cmpint(sd_bus_message_read(reply, "v", "s", &path), >, 0);
	values->path = g_strdup(path);
	values->n_read++;
}

static void read_value(sd_bus_message *reply, const char *name, struct values *values)
{
	if (g_str_equal(name, "Features"))
		read_features(reply, values);
	else if (g_str_equal(name, "DatabasePath"))
		read_path(reply, values);
	else if (g_str_equal(name, "Bindings"))
		read_number(reply, values, &values->bindings);
	else if (g_str_equal(name, "Sessions"))
		read_number(reply, values, &values->sessions);
	else if (g_str_equal(name, "PendingChanges"))
		read_number(reply, values, &values->pending);
	else if (g_str_equal(name, "LastFlushUSec"))
		read_number(reply, values, &values->flushed);
	else
		g_assert_cmpint(sd_bus_message_skip(reply, "v"), >, 0);
}

static void get_all(sd_bus *bus, struct values *ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *name;

	*ret = (struct values){NULL};
	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH,
					   "org.freedesktop.DBus.Properties", "GetAll", NULL,
					   &reply, "s", DBUS_INTERFACE_MANAGER),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		g_assert_cmpint(sd_bus_message_read(reply, "s", &name), >, 0);
		read_value(reply, name, ret);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	}
	g_assert_cmpuint(ret->n_read, ==, 6); /* each once */
}

/* Both have these; returns LastFlushUSec. */
static uint64_t assert_all(const char *path, uint64_t bindings, uint64_t sessions, uint64_t pending)
{
	uint64_t flushed = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		struct values values;

		get_all(clients[i], &values);
		g_assert_cmpstr(values.path, ==, path);
		g_assert_cmpuint(values.n_features, ==, 0); /* all is of the first version */
		g_assert_cmpuint(values.bindings, ==, bindings);
		g_assert_cmpuint(values.sessions, ==, sessions);
		g_assert_cmpuint(values.pending, ==, pending);
		if (i > 0)
			g_assert_cmpuint(values.flushed, ==, flushed);
		flushed = values.flushed;
		g_free(values.path);
	}
	return flushed;
}

/* Two bindings, one of them with two sessions. */
static void add_sessions(void)
{
	test_service_add_session(&service, PROTOCOL_UDP, 1, 1000, 1);
	test_service_add_session(&service, PROTOCOL_UDP, 1, 1000, 2);
	test_service_add_session(&service, PROTOCOL_TCP, 2, 1000, 1);
}

/* Who is answered from the database: all that has changed goes there first. */
static void flush(void)
{
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "Who", NULL, NULL, "sqtt",
					   "192.0.2.1", 1024, (uint64_t)0, (uint64_t)0),
			>=, 0);
}

static void test_kept(void)
{
	g_autofree char *path = NULL;
	uint64_t before, flushed;

	bus_clients_begin(keeping);
	path = g_build_filename(service.directory, "state", "state.db", NULL);
	flush();
	(void)assert_all(path, 0, 0, 0);
	add_sessions();
	(void)assert_all(path, 2, 3, 5);
	before = (uint64_t)g_get_real_time();
	flush();
	flushed = assert_all(path, 2, 3, 0);
	g_assert_cmpuint(flushed, >=, before);
	g_assert_cmpuint(flushed, <=, (uint64_t)g_get_real_time());
	bus_clients_end();
}

/* Without a database nothing waits for it, and nothing is ever flushed. */
static void test_not_kept(void)
{
	bus_clients_begin(not_keeping);
	add_sessions();
	g_assert_cmpuint(assert_all("", 2, 3, 0), ==, 0);
	bus_clients_end();
}

static void set_problem(enum gateway_store_state state, const char *problem)
{
	gateway_lock(&service.gateway);
	service.gateway.store.state = state;
	(void)g_strlcpy(service.gateway.store.problem, problem,
			sizeof(service.gateway.store.problem));
	gateway_unlock(&service.gateway);
}

static void assert_text(const char *name, const char *expected)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *text = NULL;

		g_assert_cmpint(sd_bus_get_property_string(clients[i], DBUS_SERVICE, DBUS_PATH,
							   DBUS_INTERFACE_MANAGER, name, NULL,
							   &text),
				>=, 0);
		g_assert_cmpstr(text, ==, expected);
	}
}

static void assert_problem(const char *expected)
{
	assert_text("StateProblem", expected);
}

static void set_way(bool by_packet, const char *reason)
{
	struct gateway_sending *sending = &service.gateway.sending;

	gateway_lock(&service.gateway);
	sending->by_packet = by_packet;
	(void)g_strlcpy(sending->reason, reason, sizeof(sending->reason));
	gateway_unlock(&service.gateway);
}

/* What the daemon has found out when it made its way of sending. */
static void test_tcp_way(void)
{
	bus_clients_begin(not_keeping);
	set_way(true, "Queue.Inject=packet");
	assert_text("TCPWay", "packet");
	assert_text("TCPWayReason", "Queue.Inject=packet");
	set_way(false, "the kernel has no veth");
	assert_text("TCPWay", "raw");
	assert_text("TCPWayReason", "the kernel has no veth");
	bus_clients_end();
}

/* What the writer has told the gateway, while it is so. */
static void test_state_problem(void)
{
	bus_clients_begin(not_keeping);
	assert_problem("");
	set_problem(GATEWAY_STORE_FAILING,
		    "/s/state.db can not be written: No space left on device");
	assert_problem("/s/state.db can not be written: No space left on device");
	set_problem(GATEWAY_STORE_OK, "");
	assert_problem("");
	bus_clients_end();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/properties/kept", test_kept);
	g_test_add_func("/properties/not-kept", test_not_kept);
	g_test_add_func("/properties/state-problem", test_state_problem);
	g_test_add_func("/properties/tcp-way", test_tcp_way);
	return g_test_run();
}
