/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.freedesktop.LogControl1: the level can be read by all and set by few, the rest only read. */
#include "daemon/log.h"
#include "dbus/names.h"
#include "tests/bus_clients.h"

static char *get(sd_bus *bus, const char *property)
{
	char *value = NULL;

	g_assert_cmpint(sd_bus_get_property_string(bus, DBUS_SERVICE, DBUS_PATH_LOG_CONTROL,
						   DBUS_INTERFACE_LOG_CONTROL, property, NULL,
						   &value),
			>=, 0);
	return value;
}

static void set(sd_bus *bus, const char *property, const char *value, const char *error_name,
		const char *message)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_set_property(bus, DBUS_SERVICE, DBUS_PATH_LOG_CONTROL,
				    DBUS_INTERFACE_LOG_CONTROL, property, &error, "s", value);

	g_assert_cmpint(r < 0, ==, error_name != NULL);
	g_assert_cmpstr(error.name, ==, error_name);
	g_assert_cmpstr(error.message, ==, message);
}

static void test_level(void)
{
	static const char *const levels[] = {"err", "warning", "notice", "debug", "info"};

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(levels); i++) {
		g_autofree char *level = NULL;

		set(clients[i % 2], "LogLevel", levels[i / 2], NULL, NULL);
		level = get(clients[(i + 1) % 2], "LogLevel");
		g_assert_cmpstr(level, ==, levels[i / 2]);
	}
	g_assert_cmpint(log_level(), ==, LOG_INFO);
	set(clients[0], "LogLevel", "", SD_BUS_ERROR_INVALID_ARGS,
	    "'' is none of: err, warning, notice, info, debug");
	set(clients[1], "LogLevel", "7", SD_BUS_ERROR_INVALID_ARGS,
	    "'7' is none of: err, warning, notice, info, debug");
	g_assert_cmpint(log_level(), ==, LOG_INFO);
}

static void test_target(void)
{
	g_autofree char *target = get(clients[0], "LogTarget");
	g_autofree char *identifier = get(clients[1], "SyslogIdentifier");
	g_autofree char *refusal =
		g_strdup_printf("the log goes to the %s, and can not be led to 'null'", target);

	g_assert_cmpstr(target, ==, log_is_to_journal() ? "journal" : "console");
	g_assert_cmpstr(identifier, ==, "nat64d");
	set(clients[0], "LogTarget", target, NULL, NULL);
	set(clients[0], "LogTarget", "null", SD_BUS_ERROR_NOT_SUPPORTED, refusal);
}

static void test_access(void)
{
#define PROPERTIES DBUS_PATH_LOG_CONTROL " org.freedesktop.DBus.Properties "
	static const char *const open[] = {PROPERTIES "Get ss " DBUS_INTERFACE_LOG_CONTROL
						      " LogLevel"};
	static const char *const changing[] = {
		PROPERTIES "Set ssv " DBUS_INTERFACE_LOG_CONTROL " LogLevel s debug",
		PROPERTIES "Set ssv " DBUS_INTERFACE_LOG_CONTROL " LogTarget s console"};

	bus_clients_check_access(open, G_N_ELEMENTS(open), true);
	bus_clients_check_access(changing, G_N_ELEMENTS(changing), false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log-control/level", test_level);
	g_test_add_func("/log-control/target", test_target);
	g_test_add_func("/log-control/access", test_access);
	return bus_clients_run(NULL);
}
