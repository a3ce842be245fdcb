/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions over D-Bus: how many there are, and how they end by command. */
#include "dbus/names.h"
#include "tests/change_call.h"

#define N_CLIENTS 3000 /* more sessions than one slice ends, and looks at */

/* A filter with one name, or none (NULL). */
static void append_filter(sd_bus_message *call, const char *name, const char *type,
			  const char *value)
{
	g_assert_cmpint(sd_bus_message_open_container(call, 'a', "{sv}"), >=, 0);
	if (name != NULL && *type == 's')
		g_assert_cmpint(sd_bus_message_append(call, "{sv}", name, "s", value), >=, 0);
	else if (name != NULL && *type == 'b')
		g_assert_cmpint(sd_bus_message_append(call, "{sv}", name, "b", 0), >=, 0);
	else if (name != NULL)
		g_assert_cmpint(sd_bus_message_append(call, "{sv}", name, "q", atoi(value)), >=, 0);
	g_assert_cmpint(sd_bus_message_close_container(call), >=, 0);
}

static sd_bus_message *call_new(sd_bus *bus, const char *method)
{
	sd_bus_message *call = NULL;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	return call;
}

static uint64_t count(const char *method, const char *name, const char *type, const char *value)
{
	uint64_t n[2];

	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *call = call_new(clients[i], method);
		_cleanup_message_ sd_bus_message *reply = NULL;
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		append_filter(call, name, type, value);
		(void)sd_bus_call(clients[i], call, 0, &error, &reply);
		g_assert_cmpstr(error.message, ==, NULL);
		g_assert_cmpint(sd_bus_message_read(reply, "t", &n[i]), >=, 0);
	}
	g_assert_cmpuint(n[0], ==, n[1]);
	return n[0];
}

/* One option that is true, or none (NULL). */
static void flush(sd_bus *bus, const char *name, const char *type, const char *value,
		  const char *option, struct change_ending *ret)
{
	_cleanup_message_ sd_bus_message *call = call_new(bus, "FlushSessions");
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	append_filter(call, name, type, value);
	if (option != NULL)
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}", 1, option, "b", 1), >=, 0);
	else
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}", 0), >=, 0);
	(void)sd_bus_call(bus, call, 0, &error, &reply);
	ret->name = g_strdup(error.name);
	ret->text = g_strdup(error.message);
	if (reply != NULL)
		change_read_result(reply, ret);
}

static void flush_done(unsigned client, const char *name, const char *value, const char *option,
		       int changed, const char *text)
{
	_cleanup_ending_ struct change_ending ending = {NULL};

	flush(clients[client], name, "s", value, option, &ending);
	change_assert_done(&ending, changed, text, "");
	gateway_lock(&service.gateway);
	g_assert_true(nat64_check(service.gateway.nat));
	gateway_unlock(&service.gateway);
}

static void flush_refused(const char *name, const char *type, const char *value, const char *option,
			  const char *error, const char *text)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_ending_ struct change_ending ending = {NULL};

		flush(clients[i], name, type, value, option, &ending);
		change_assert_refused(&ending, error, text);
	}
}

static void add_sessions(void)
{
	for (uint32_t i = 0; i < N_CLIENTS; i++)
		test_service_add_session(&service, PROTOCOL_UDP, i, 7, 1);
	test_service_add_session(&service, PROTOCOL_UDP, 5, 7, 2);
	test_service_add_session(&service, PROTOCOL_TCP, 5, 7, 2);
	test_service_add_session(&service, PROTOCOL_ICMP, 6, 7, 1);
}

/* From the counters of the tables, and one by one: the same. */
static void test_count(void)
{
	add_sessions();
	g_assert_cmpuint(count("CountBib", NULL, NULL, NULL), ==, N_CLIENTS + 2);
	g_assert_cmpuint(count("CountBib", "protocol", "s", "udp"), ==, N_CLIENTS);
	g_assert_cmpuint(count("CountBib", "client", "s", "2001:db8:1::/64"), ==, N_CLIENTS + 2);
	g_assert_cmpuint(count("CountBib", "client", "s", "2001:db8:1::5"), ==, 2);
	g_assert_cmpuint(count("CountBib", "pool4", "s", "wan"), ==, N_CLIENTS + 2);
	g_assert_cmpuint(count("CountBib", "static", "b", "no"), ==, N_CLIENTS + 2);
	g_assert_cmpuint(count("CountBib", "port4", "q", "7"), ==, 0);
	g_assert_cmpuint(count("CountSessions", NULL, NULL, NULL), ==, N_CLIENTS + 3);
	g_assert_cmpuint(count("CountSessions", "protocol", "s", "tcp"), ==, 1);
	g_assert_cmpuint(count("CountSessions", "server", "s", "198.51.100.2"), ==, 2);
	g_assert_cmpuint(count("CountSessions", "state", "s", "v6_init"), ==, 1);
}

/* A filter that is none, or that says too much. */
static void test_refused(void)
{
	static const char *const methods[] = {"CountBib", "CountSessions"};

	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *call = call_new(clients[i], methods[i]);
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		append_filter(call, "colour", "s", "red");
		g_assert_cmpint(sd_bus_call(clients[i], call, 0, &error, NULL), <, 0);
		g_assert_cmpstr(error.name, ==, DBUS_ERROR_INVALID_FILTER);
		g_assert_cmpstr(error.message, ==, "there is no filter 'colour' here");
	}
	flush_refused(NULL, NULL, NULL, NULL, DBUS_ERROR_INVALID_FILTER,
		      "without a filter every session would end: that takes the option 'all'");
	flush_refused(NULL, NULL, NULL, "dry-run", DBUS_ERROR_INVALID_FILTER,
		      "without a filter every session would end: that takes the option 'all'");
	flush_refused("protocol", "s", "udp", "all", DBUS_ERROR_INVALID_FILTER,
		      "the option 'all' and a filter exclude each other");
	flush_refused("protocol", "q", "17", NULL, DBUS_ERROR_INVALID_FILTER,
		      "filter protocol has type 'q' instead of 's'");
	flush_refused("server", "s", "2001:db8::1", NULL, DBUS_ERROR_INVALID_FILTER,
		      "filter server: '2001:db8::1' is not an IPv4 address or prefix");
	flush_refused("pool4", "s", "nobody", NULL, DBUS_ERROR_NO_SUCH_POOL4,
		      "pool4 has no entry 'nobody'");
	flush_refused("protocol", "s", "sctp", NULL, DBUS_ERROR_INVALID_PROTOCOL,
		      "'sctp' is none of: tcp, udp, icmp");
	flush_refused("protocol", "s", "udp", "force", SD_BUS_ERROR_INVALID_ARGS,
		      "there is no option 'force' here");
}

/* A binding stays while it has another session; the port of one that ends is held. */
static void test_flush(void)
{
	const struct pool4_entry *wan = pool4_entry(service.gateway.nat->pool4, service.pool4_id);

	flush_done(0, "server", "198.51.100.2", "dry-run", 1, "2 sessions would end");
	flush_done(1, "server", "198.51.100.9", NULL, 0, "there is no such session");
	flush_done(1, "server", "198.51.100.2", NULL, 1,
		   "2 sessions ended, and 1 binding with them");
	g_assert_cmpuint(count("CountBib", "client", "s", "2001:db8:1::5"), ==, 1);
	flush_done(0, "server", "198.51.100.2", NULL, 0, "there is no such session");
	flush_done(1, "protocol", "icmp", NULL, 1, "1 session ended, and 1 binding with it");
	g_assert_cmpuint(count("CountSessions", NULL, NULL, NULL), ==, N_CLIENTS);
	flush_done(0, NULL, NULL, "all", 1, "3000 sessions ended, and 3000 bindings with them");
	flush_done(1, NULL, NULL, "all", 0, "there is no such session");
	g_assert_cmpuint(count("CountBib", NULL, NULL, NULL), ==, 0);
	g_assert_cmpuint(wan->n_used[PROTOCOL_UDP], ==, 0);
	g_assert_cmpuint(wan->n_held[PROTOCOL_UDP], ==, N_CLIENTS);
}

/* A static binding is the administrator's: it outlives its sessions (S-5). */
static void test_static(void)
{
	const struct taddr4 mapped = {0xc0000201, 80};
	struct taddr6 client;

	g_assert_true(taddr6_parse("[2001:db8:1::9]:80", &client));
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_UDP, &client, &mapped,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	test_service_add_session(&service, PROTOCOL_UDP, 9, 80, 1);
	flush_done(0, "client", "2001:db8:1::9", NULL, 1,
		   "1 session ended, and 0 bindings with it");
	g_assert_cmpuint(count("CountBib", "client", "s", "2001:db8:1::9"), ==, 1);
}

static void test_access(void)
{
	static const char *const calls[] = {"CountBib a{sv} 0", "CountSessions a{sv} 0",
					    "FlushSessions a{sv}a{sv} 0 1 all b true"};

	bus_clients_check_access(calls, G_N_ELEMENTS(calls), false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sessions/count", test_count);
	g_test_add_func("/sessions/refused", test_refused);
	g_test_add_func("/sessions/flush", test_flush);
	g_test_add_func("/sessions/static", test_static);
	g_test_add_func("/sessions/access", test_access);
	return bus_clients_run(NULL);
}
