/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the signals of the manager say, on the bus and on the control socket: an entry that runs out
 * of ports, its alarm, and a client that meets a limit (INTERFACE, section 7; L-4, L-10). Of the
 * last only root and administrators hear on the bus. */
#include <unistd.h>

#include "dbus/names.h"
#include "tests/bus_clients.h"

/* Ten ports at two addresses; a client is a host, and may have three. */
static const char ten_ports[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
				"[Timeouts]\nHoldDown=0\n"
				"[Limits]\nBindingsPerClient=3\nClientPrefixLength=128\n"
				"PoolAlarm=80% 70%\n"
				"[Pool4 wan]\nAddresses=192.0.2.0/31\nPorts=1024-1028\n"
				"Protocols=udp\n";

/* A line for each signal. */
static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(message);
	const char *path, *protocol, *client;
	GString *seen = userdata;
	uint64_t refused;
	uint32_t limit;
	uint8_t percent;
	int raised;

	if (g_str_equal(member, "PoolExhausted")) {
		g_assert_cmpint(sd_bus_message_read(message, "ost", &path, &protocol, &refused), >,
				0);
		g_string_append_printf(seen, "PoolExhausted %s %s %" G_GUINT64_FORMAT "\n", path,
				       protocol, refused);
	} else if (g_str_equal(member, "PoolAlarm")) {
		g_assert_cmpint(
			sd_bus_message_read(message, "osyb", &path, &protocol, &percent, &raised),
			>, 0);
		g_string_append_printf(seen, "PoolAlarm %s %s %u%% %s\n", path, protocol, percent,
				       raised ? "raised" : "cleared");
	} else if (g_str_equal(member, "ClientLimited")) {
		g_assert_cmpint(sd_bus_message_read(message, "su", &client, &limit), >, 0);
		g_string_append_printf(seen, "ClientLimited %s %u\n", client, limit);
	} else {
		g_string_append_printf(seen, "%s\n", member);
	}
	return 0;
}

/* Those who listen. */
static struct listener {
	const char *who;
	bool hears_of_clients;
	sd_bus *bus;
	GString *seen;
} listeners[4];
static unsigned n_listeners;

static void add_listener(const char *who, bool hears_of_clients, sd_bus *bus)
{
	struct listener *listener = &listeners[n_listeners++];

	*listener = (struct listener){who, hears_of_clients, bus, g_string_new(NULL)};
	g_assert_cmpint(sd_bus_match_signal(bus, NULL, bus == clients[1] ? NULL : DBUS_SERVICE,
					    DBUS_PATH, DBUS_INTERFACE_MANAGER, NULL, on_signal,
					    listener->seen),
			>=, 0);
}

/* The signals that he has got. */
static void assert_heard(struct listener *listener, const char *expected)
{
	bool is_secret = g_str_has_prefix(expected, "ClientLimited") && !listener->hears_of_clients;

	/* Signals come before the answer to what is asked after them. */
	g_assert_cmpint(sd_bus_call_method(listener->bus, DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "GetStatistics", NULL, NULL,
					   NULL),
			>=, 0);
	while (sd_bus_process(listener->bus, NULL) > 0)
		continue;
	g_test_message("%s", listener->who);
	g_assert_cmpstr(listener->seen->str, ==, is_secret ? "" : expected);
	g_string_truncate(listener->seen, 0);
}

/* What the core has to tell is told, and all hear this next. */
static void assert_told(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void assert_told(const char *format, ...)
{
	g_autofree char *expected = NULL;
	va_list args;

	va_start(args, format);
	expected = g_strdup_vprintf(format, args);
	va_end(args);
	test_service_tell_events(&service);
	for (unsigned i = 0; i < n_listeners; i++)
		assert_heard(&listeners[i], expected);
}

static void take_port(uint32_t client)
{
	test_service_add_session(&service, PROTOCOL_UDP, client, 5000, 1);
}

static void end_bindings(unsigned n, uint64_t now_ms)
{
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_UDP];

	gateway_lock(&service.gateway);
	while (n-- > 0)
		nat64_remove_binding(service.gateway.nat, PROTOCOL_UDP, bib_next(bib, 0), now_ms);
	gateway_unlock(&service.gateway);
}

static bool has_group;

static void test_signals(void)
{
	g_autofree char *entry = g_strdup_printf(DBUS_PATH_POOL4 "/%u", service.pool4_id);

	add_listener("root on the bus", true, clients[0]);
	add_listener("root on the control socket", true, clients[1]);
	if (geteuid() == 0)
		add_listener("nobody", false,
			     bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, false));
	if (has_group)
		add_listener("an administrator", true,
			     bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_GROUP, false));
	for (uint32_t client = 1; client < 8; client++)
		take_port(client);
	assert_told("%s", "");
	take_port(8);
	assert_told("PoolAlarm %s udp 80%% raised\n", entry);
	take_port(9);
	take_port(10);
	g_assert_cmpint(test_service_packet(&service, PROTOCOL_UDP, 11, 5000, 1), ==,
			OUTCOME_POOL4_EXHAUSTED);
	assert_told("PoolExhausted %s udp 1\n", entry);
	/* The same again, at once. */
	g_assert_cmpint(test_service_packet(&service, PROTOCOL_UDP, 11, 5000, 1), ==,
			OUTCOME_POOL4_EXHAUSTED);
	assert_told("%s", "");
	end_bindings(4, gateway_now_ms() + POOL4_ALARM_INTERVAL_MS);
	assert_told("PoolAlarm %s udp 60%% cleared\n", entry);
	end_bindings(6, gateway_now_ms() + POOL4_ALARM_INTERVAL_MS);
	for (uint16_t port = 1; port <= 3; port++)
		test_service_add_session(&service, PROTOCOL_UDP, 12, port, 1);
	g_assert_cmpint(test_service_packet(&service, PROTOCOL_UDP, 12, 4, 1), ==,
			OUTCOME_CLIENT_BINDINGS);
	assert_told("ClientLimited 2001:db8:1::c/128 3\n");
	for (unsigned i = 0; i < n_listeners; i++) {
		g_string_free(listeners[i].seen, TRUE);
		if (i >= G_N_ELEMENTS(clients))
			sd_bus_flush_close_unref(listeners[i].bus);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/signals/signals", test_signals);
	has_group = bus_clients_make_group();
	return bus_clients_run(ten_ports);
}
