/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ListClients over D-Bus: the order of its rows, and which of them a limit keeps (L-15). */
#include <inttypes.h>

#include "dbus/names.h"
#include "tests/bus_clients.h"

/* A client is a host, and may have two bindings of a protocol. */
static const char two_bindings[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
				   "[Limits]\nBindingsPerClient=2\nClientPrefixLength=128\n"
				   "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";

/* "PREFIX TCP/UDP/ICMP SESSIONS REFUSED", a line each. g_free() */
static char *list(sd_bus *bus, const char *sort, uint32_t limit)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint64_t tcp, udp, icmp, sessions, refused;
	GString *rows = g_string_new(NULL);
	const char *prefix;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListClients", NULL, &reply, "a{sv}su", 0, sort, limit),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CLIENT), >=, 0);
	while (sd_bus_message_read(reply, DBUS_TYPE_CLIENT, &prefix, &tcp, &udp, &icmp, &sessions,
				   &refused) > 0)
		g_string_append_printf(
			rows, "%s %" PRIu64 "/%" PRIu64 "/%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			prefix, tcp, udp, icmp, sessions, refused);
	return g_string_free(rows, FALSE);
}

static void assert_listed(const char *sort, uint32_t limit, const char *expected)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *rows = list(clients[i], sort, limit);

		g_test_message("by '%s', at most %u", sort, limit);
		g_assert_cmpstr(rows, ==, expected);
	}
}

#define ONE   "2001:db8:1::1/128 1/2/1 4 1\n"
#define TWO   "2001:db8:1::2/128 0/1/0 5 0\n"
#define THREE "2001:db8:1::3/128 0/2/0 2 3\n"

static void make_clients(void)
{
	test_service_add_session(&service, PROTOCOL_TCP, 1, 1, 1);
	test_service_add_session(&service, PROTOCOL_UDP, 1, 1, 1);
	test_service_add_session(&service, PROTOCOL_UDP, 1, 2, 1);
	test_service_add_session(&service, PROTOCOL_ICMP, 1, 1, 1);
	for (uint8_t server = 1; server <= 5; server++)
		test_service_add_session(&service, PROTOCOL_UDP, 2, 1, server);
	test_service_add_session(&service, PROTOCOL_UDP, 3, 1, 1);
	test_service_add_session(&service, PROTOCOL_UDP, 3, 2, 1);
	for (uint16_t i = 0; i < 4; i++)
		g_assert_cmpint(
			test_service_packet(&service, PROTOCOL_UDP, i == 0 ? 1 : 3, 10 + i, 1), ==,
			OUTCOME_CLIENT_BINDINGS);
}

/* Each of them puts another client first. */
static void test_order(void)
{
	make_clients();
	assert_listed("", 0, ONE THREE TWO);
	assert_listed("bindings", 0, ONE THREE TWO);
	assert_listed("sessions", 0, TWO ONE THREE);
	assert_listed("refused", 0, THREE ONE TWO);
	assert_listed("", 2, ONE THREE);
	assert_listed("bindings", 2, ONE THREE);
	assert_listed("sessions", 2, TWO ONE);
	assert_listed("refused", 1, THREE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/client-order/order", test_order);
	return bus_clients_run(two_bindings);
}
