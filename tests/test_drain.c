/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway as a whole is drained over D-Bus, and makes new bindings again. */
#include "dbus/names.h"
#include "tests/change_call.h"

static void assert_state(unsigned client, const char *expected)
{
	g_autofree char *state = NULL;

	g_assert_cmpint(sd_bus_get_property_string(clients[client], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "State", NULL, &state),
			>=, 0);
	g_assert_cmpstr(state, ==, expected);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *interface, *name, *state;
	int r;

	g_assert_cmpint(sd_bus_message_read(message, "s", &interface), >, 0);
	g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "{sv}"), >, 0);
	/* Another one than the state would be of another type, and has not changed. */
	while ((r = sd_bus_message_read(message, "{sv}", &name, "s", &state)) > 0)
		g_string_append_printf(userdata, "%s %s\n", name, state);
	g_assert_cmpint(r, ==, 0);
	return 0;
}

static void wait_for(sd_bus *watcher, const GString *seen, const char *expected)
{
	while (g_strcmp0(seen->str, expected) != 0) {
		int r = sd_bus_process(watcher, NULL);

		g_assert_cmpint(r, >=, 0);
		g_assert_true(g_str_has_prefix(expected, seen->str));
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(watcher, 20000000), >, 0);
	}
}

static enum outcome first_packet(uint32_t client, uint8_t server)
{
	return test_service_packet(&service, PROTOCOL_UDP, client, 2000, server);
}

/* Told to those who listen; what is there goes on, and nothing new begins. */
static void test_drain(void)
{
	_cleanup_ending_ struct change_ending would, drained, again, would_not, resumed, nothing;
	sd_bus *watcher = test_service_connect(&service, false);
	g_autoptr(GString) seen = g_string_new(NULL);

	g_assert_cmpint(sd_bus_match_signal(watcher, NULL, DBUS_SERVICE, DBUS_PATH,
					    "org.freedesktop.DBus.Properties", "PropertiesChanged",
					    on_changed, seen),
			>=, 0);
	g_assert_cmpint(first_packet(1, 1), ==, OUTCOME_TRANSLATED);
	change_gateway(clients[0], "Drain", "dry-run", &would);
	change_assert_done(&would, 1, "the gateway would make no new bindings; 1 session is left",
			   "");
	assert_state(0, "active");
	change_gateway(clients[1], "Drain", NULL, &drained);
	change_assert_done(&drained, 1, "the gateway makes no new bindings; 1 session is left", "");
	assert_state(0, "draining");
	wait_for(watcher, seen, "State draining\n");
	g_assert_cmpint(first_packet(2, 1), ==, OUTCOME_DRAINING);
	g_assert_cmpint(first_packet(1, 2), ==, OUTCOME_TRANSLATED);
	change_gateway(clients[0], "Drain", NULL, &again);
	change_assert_done(&again, 0, "the gateway makes no new bindings; 2 sessions are left", "");

	change_gateway(clients[0], "Resume", "dry-run", &would_not);
	change_assert_done(&would_not, 1, "the gateway would make new bindings again", "");
	assert_state(1, "draining");
	change_gateway(clients[0], "Resume", NULL, &resumed);
	change_assert_done(&resumed, 1, "the gateway makes new bindings again", "");
	assert_state(1, "active");
	wait_for(watcher, seen, "State draining\nState active\n");
	g_assert_cmpint(first_packet(2, 1), ==, OUTCOME_TRANSLATED);
	change_gateway(clients[1], "Resume", NULL, &nothing);
	change_assert_done(&nothing, 0, "the gateway makes new bindings", "");
	sd_bus_flush_close_unref(watcher);
}

static void test_options(void)
{
	static const char *const methods[] = {"Drain", "Resume"};

	for (unsigned i = 0; i < G_N_ELEMENTS(methods); i++) {
		_cleanup_ending_ struct change_ending ending;

		change_gateway(clients[i], methods[i], "force", &ending);
		change_assert_refused(&ending, SD_BUS_ERROR_INVALID_ARGS,
				      "there is no option 'force' here");
		assert_state(i, "active");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/drain/drain", test_drain);
	g_test_add_func("/drain/options", test_options);
	return bus_clients_run(NULL);
}
