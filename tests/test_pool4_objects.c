/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of pool4 as an object: its methods, and PropertiesChanged on the bus and on the control
 * socket, for each change of the entry and for nothing else. */
#include <string.h>

#include "dbus/names.h"
#include "tests/change_call.h"

#define HEAD  "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
#define PORTS "\nPorts=1024-65535\n"
#define WAN   HEAD "[Pool4 wan]\nAddresses=192.0.2.0/30" PORTS

static GString *heard[2]; /* by whom: on the bus, on the control socket */

/* "PATH: NAME=VALUE, ...; NAME, ..." with what changed and what is to be asked for anew. */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *interface, *name, *value, *separator = ":";
	GString *seen = userdata;

	g_assert_cmpint(sd_bus_message_read(message, "s", &interface), >, 0);
	g_assert_cmpstr(interface, ==, DBUS_INTERFACE_POOL4);
	g_string_append(seen, strrchr(sd_bus_message_get_path(message), '/') + 1);
	g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "{sv}"), >=, 0);
	while (sd_bus_message_read(message, "{sv}", &name, "s", &value) > 0) {
		g_string_append_printf(seen, "%s %s=%s", separator, name, value);
		separator = ",";
	}
	g_assert_cmpint(sd_bus_message_exit_container(message), >=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "s"), >=, 0);
	for (separator = ";"; sd_bus_message_read(message, "s", &name) > 0; separator = ",")
		g_string_append_printf(seen, "%s %s", separator, name);
	g_assert_cmpint(sd_bus_message_exit_container(message), >=, 0);
	g_string_append_c(seen, '\n');
	return 0;
}

static void listen_for_changes(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		heard[i] = g_string_new(NULL);
		g_assert_cmpint(sd_bus_match_signal(clients[i], NULL, i == 0 ? DBUS_SERVICE : NULL,
						    NULL, "org.freedesktop.DBus.Properties",
						    "PropertiesChanged", on_changed, heard[i]),
				>=, 0);
	}
}

/* A reload tells of an entry at each of its steps: of the same lines in a row, one is left. */
static void drop_repeated(GString *lines)
{
	g_auto(GStrv) line = g_strsplit(lines->str, "\n", -1);

	g_string_truncate(lines, 0);
	for (unsigned i = 0; line[i] != NULL && *line[i] != '\0'; i++) {
		if (i == 0 || !g_str_equal(line[i], line[i - 1]))
			g_string_append_printf(lines, "%s\n", line[i]);
	}
}

/* Both have heard this since the last time. */
static void assert_heard(const char *expected)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		/* Signals come before the answer to what is asked after them. */
		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "GetStatistics", NULL,
						   NULL, NULL),
				>=, 0);
		while (sd_bus_process(clients[i], NULL) > 0)
			continue;
		g_test_message("%s", i == 0 ? "on the bus" : "on the control socket");
		drop_repeated(heard[i]);
		g_assert_cmpstr(heard[i]->str, ==, expected);
		g_string_truncate(heard[i], 0);
	}
}

static void assert_changed_with(const char *name, const char *comment, const char *state,
				const char *source)
{
	g_autofree char *expected = g_strdup_printf(
		"%u: Name=%s, Comment=%s, State=%s, Source=%s, Reach=announced; Addresses, Ports\n",
		service.pool4_id, name, comment, state, source);

	assert_heard(expected);
}

static void assert_changed(const char *name, const char *state, const char *source)
{
	assert_changed_with(name, "", state, source);
}

/* A method of the object; how it ended. */
static void call_object(sd_bus *bus, const char *method, const char *option,
			struct change_ending *ret)
{
	g_autofree char *path = g_strdup_printf(DBUS_PATH_POOL4 "/%u", service.pool4_id);
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;

	*ret = (struct change_ending){NULL};
	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, path,
						       DBUS_INTERFACE_POOL4, method),
			>=, 0);
	if (option != NULL)
		sd_bus_message_append(call, "a{sv}", 1, option, "b", 1);
	else
		sd_bus_message_append(call, "a{sv}", 0);
	if (sd_bus_call(bus, call, 0, &error, &reply) >= 0) {
		change_read_result(reply, ret);
		return;
	}
	ret->name = g_strdup(error.name);
	ret->text = g_strdup(error.message);
}

static void assert_call(sd_bus *bus, const char *method, const char *option, int changed,
			const char *summary)
{
	_cleanup_ending_ struct change_ending ending;

	call_object(bus, method, option, &ending);
	g_assert_cmpstr(ending.text, ==, summary);
	g_assert_cmpstr(ending.name, ==, NULL);
	g_assert_cmpint(ending.changed, ==, changed);
}

static enum pool4_state state_now(void)
{
	enum pool4_state state;

	gateway_lock(&service.gateway);
	state = pool4_entry(service.gateway.nat->pool4, service.pool4_id)->state;
	gateway_unlock(&service.gateway);
	return state;
}

/* The methods of the object, by each client in turn. */
static void check_methods(void)
{
	test_service_add_session(&service, PROTOCOL_UDP, 1, 5000, 1);
	assert_heard("");
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		assert_call(clients[i], "Drain", "dry-run", 1,
			    "pool4 entry wan would take no new bindings and goes with the last "
			    "of 1");
		g_assert_cmpint(state_now(), ==, POOL4_ACTIVE);
		assert_heard("");
		assert_call(clients[i], "Drain", NULL, 1,
			    "pool4 entry wan takes no new bindings and goes with the last of 1");
		g_assert_cmpint(state_now(), ==, POOL4_DRAINING);
		assert_changed("wan", "draining", "file");
		assert_call(clients[i], "Drain", NULL, 0, "pool4 entry wan is drained already");
		assert_heard("");
		assert_call(clients[1 - i], "Enable", NULL, 1,
			    "pool4 entry wan is used again: 192.0.2.0/30, tcp udp icmp, ports "
			    "1024-65535");
		g_assert_cmpint(state_now(), ==, POOL4_ACTIVE);
		assert_changed("wan", "active", "file");
	}
}

/* The section gets another name, then other ports, then another address, then a comment, and loses
 * it. */
static void check_reload(void)
{
	test_service_reload(&service, HEAD "[Pool4 lan]\nAddresses=192.0.2.0/30" PORTS);
	assert_changed("lan", "active", "file");
	test_service_reload(&service,
			    HEAD "[Pool4 lan]\nAddresses=192.0.2.0/30\nPorts=2000-2999\n");
	assert_changed("lan", "active", "file");
	test_service_reload(&service,
			    HEAD "[Pool4 lan]\nAddresses=192.0.2.0/29\nPorts=2000-2999\n");
	assert_changed("lan", "active", "file");
	test_service_reload(&service,
			    HEAD "[Pool4 lan]\nAddresses=192.0.2.0/29\nPorts=2000-2999\n");
	assert_heard("");
	test_service_reload(&service, HEAD "[Pool4 lan]\nAddresses=192.0.2.0/29\nPorts=2000-2999\n"
					   "Comment=for the lab\n");
	assert_changed_with("lan", "for the lab", "active", "file");
	test_service_reload(&service,
			    HEAD "[Pool4 lan]\nAddresses=192.0.2.0/29\nPorts=2000-2999\n");
	assert_changed("lan", "active", "file");
}

/* The ports in use change with each, and nobody is told. */
static void check_traffic(void)
{
	for (uint32_t client = 1; client <= 100; client++) {
		test_service_add_session(&service, PROTOCOL_TCP, client, 6000, 1);
		test_service_add_session(&service, PROTOCOL_UDP, client, 6000, 1);
		test_service_add_session(&service, PROTOCOL_ICMP, client, 6000, 1);
	}
	g_assert_cmpint(test_service_receive4(&service, 1023), !=, OUTCOME_TRANSLATED);
	test_service_tell_events(&service);
	assert_heard("");
}

static void test_changes(void)
{
	listen_for_changes();
	check_methods();
	check_reload();
	check_traffic();
	for (unsigned i = 0; i < G_N_ELEMENTS(heard); i++)
		g_string_free(heard[i], TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-objects/changes", test_changes);
	return bus_clients_run(WAN);
}
