/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deterministic mode over D-Bus: which ports a client has and which client has a port (RFC 7422, 2;
 * P-20), as computed and as the translation itself does it.
 */
#include "dbus/names.h"
#include "tests/change_call.h"

/* "WHOLE ADDRESS PORTS", or the error's sentence. g_free() */
static char *ports_of(sd_bus *bus, const char *protocol, const char *client, const char *prefix,
		      char **ret_error)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *whole, *address, *ports;

	*ret_error = NULL;
	if (sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER, "PortsOf",
			       &error, &reply, "sss", protocol, client, prefix) < 0) {
		*ret_error = g_strdup(error.name);
		return g_strdup(error.message);
	}
	g_assert_cmpint(sd_bus_message_read(reply, "sss", &whole, &address, &ports), >, 0);
	return g_strdup_printf("%s %s %s", whole, address, ports);
}

static char *client_of(sd_bus *bus, const char *protocol, const char *address, unsigned port,
		       char **ret_error)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *client;

	*ret_error = NULL;
	if (sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER, "ClientOf",
			       &error, &reply, "ssq", protocol, address, (int)port) < 0) {
		*ret_error = g_strdup(error.name);
		return g_strdup(error.message);
	}
	g_assert_cmpint(sd_bus_message_read(reply, "s", &client), >, 0);
	return g_strdup(client);
}

static void test_ports_of(void)
{
	static const struct {
		const char *protocol, *client, *prefix, *error, *text;
	} cases[] = {
		{"tcp", "2001:db8:1::", "", NULL, "2001:db8:1::/64 192.0.2.0 1000-1249"},
		{"udp", "2001:db8:1:3:ffff::1", "", NULL, "2001:db8:1:3::/64 192.0.2.0 1750-1999"},
		{"icmp", "2001:db8:1:4::/64", "", NULL, "2001:db8:1:4::/64 192.0.2.1 1000-1249"},
		{"tcp", "2001:db8:1:f::1/128", "2001:db8:65::/96", NULL,
		 "2001:db8:1:f::/64 192.0.2.3 1750-1999"},
		{"udp", "2001:db8:2::1", "2001:db8:65::/96", NULL,
		 "2001:db8:2::/64 192.0.2.16 5000-5049"},
		{"udp", "2001:db8:2::1", "2001:db8:64::/96", DBUS_ERROR_NO_SUCH_CLIENT,
		 "no active entry of pool4 has udp ports for 2001:db8:2::/64"},
		{"tcp", "2001:db8:2::1", "2001:db8:65::/96", DBUS_ERROR_NO_SUCH_CLIENT,
		 "no active entry of pool4 has tcp ports for 2001:db8:2::/64"},
		{"tcp", "2001:db8:3::/64", "", DBUS_ERROR_NO_SUCH_CLIENT,
		 "no active entry of pool4 has tcp ports for 2001:db8:3::/64"},
		{"tcp", "2001:db8:1::/63", "", DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8:1::/63 is more than one client: each is a /64 "
		 "(Pool4.PairingPrefixLength)"},
		{"tcp", "2001:db8:1::1/64", "", DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8:1::1/64 has host bits set: did you mean 2001:db8:1::/64 or "
		 "2001:db8:1::1?"},
		{"tcp", "", "", DBUS_ERROR_INVALID_ADDRESS, "'' is not an IPv6 address or prefix"},
		{"", "2001:db8:1::1", "", DBUS_ERROR_INVALID_PROTOCOL,
		 "'' is none of: tcp, udp, icmp"},
		{"tcp", "2001:db8:1::1", "2001:db8:66::/96", DBUS_ERROR_INVALID_VALUE,
		 "'2001:db8:66::/96' is not a prefix of Pool6"},
		{"tcp", "2001:db8:1::1", "first", DBUS_ERROR_INVALID_ADDRESS,
		 "'first' is not an IPv6 prefix"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *error = NULL;
		g_autofree char *text = ports_of(clients[i % 2], cases[i].protocol, cases[i].client,
						 cases[i].prefix, &error);

		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_cmpstr(error, ==, cases[i].error);
	}
}

static void test_client_of(void)
{
	static const struct {
		const char *protocol, *address;
		unsigned port;
		const char *error, *text;
	} cases[] = {
		{"tcp", "192.0.2.0", 1000, NULL, "2001:db8:1::/64"},
		{"udp", "192.0.2.0", 1999, NULL, "2001:db8:1:3::/64"},
		{"icmp", "192.0.2.3", 1750, NULL, "2001:db8:1:f::/64"},
		{"udp", "192.0.2.16", 5050, NULL, "2001:db8:2:1::/64"},
		{"tcp", "192.0.2.16", 5050, DBUS_ERROR_NO_SUCH_CLIENT,
		 "tcp 192.0.2.16:5050 is no client's"},
		{"tcp", "192.0.2.0", 999, DBUS_ERROR_NO_SUCH_CLIENT,
		 "tcp 192.0.2.0:999 is no client's"},
		{"tcp", "192.0.2.4", 1000, DBUS_ERROR_NO_SUCH_CLIENT,
		 "tcp 192.0.2.4:1000 is no client's"},
		{"sctp", "192.0.2.0", 1000, DBUS_ERROR_INVALID_PROTOCOL,
		 "'sctp' is none of: tcp, udp, icmp"},
		{"tcp", "2001:db8:1::1", 1000, DBUS_ERROR_INVALID_ADDRESS,
		 "'2001:db8:1::1' is not an IPv4 address"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *error = NULL;
		g_autofree char *text = client_of(clients[i % 2], cases[i].protocol,
						  cases[i].address, cases[i].port, &error);

		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_cmpstr(error, ==, cases[i].error);
	}
}

/* What the packets get is what the two functions say. */
static void test_as_translated(void)
{
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_UDP];
	unsigned n = 0;

	for (uint16_t port = 2000; port < 2100; port++)
		test_service_add_session(&service, PROTOCOL_UDP, 7, port, 1);
	for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
		const struct bib_entry *entry = bib_at(bib, i);
		char address[ADDR_TEXT_SIZE];
		g_autofree char *error = NULL, *client = NULL;

		client = client_of(clients[n % 2], "udp", addr4_print(entry->addr4, address),
				   entry->port4, &error);
		g_assert_cmpstr(client, ==, "2001:db8:1::/64");
		n++;
	}
	g_assert_cmpuint(n, ==, 100);
}

/* An entry that is out of use gives nobody ports. */
static void test_disabled(void)
{
	g_autofree char *error = NULL, *none = NULL, *some = NULL;

	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "RemovePool4", NULL, NULL,
					   "sa{sv}", "two", 0),
			>=, 0);
	none = ports_of(clients[0], "udp", "2001:db8:2::1", "2001:db8:65::/96", &error);
	g_assert_cmpstr(error, ==, DBUS_ERROR_NO_SUCH_CLIENT);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "EnablePool4", NULL, NULL,
					   "sa{sv}", "two", 0),
			>=, 0);
	g_clear_pointer(&error, g_free);
	some = ports_of(clients[0], "udp", "2001:db8:2::1", "2001:db8:65::/96", &error);
	g_assert_cmpstr(some, ==, "2001:db8:2::/64 192.0.2.16 5000-5049");
}

/* An entry that is not for clients of its own, or not with enough ports for them. */
static void test_add_refused(void)
{
	_cleanup_ending_ struct change_ending anybody, many, same;

	change_add("198.51.100.1", "1024-65535", "", NULL, NULL, NULL, &anybody);
	change_assert_refused(&anybody, SD_BUS_ERROR_FAILED,
			      "198.51.100.1 can not be added: its clients cannot have ports of "
			      "their own: there are more of them than ports, or no Clients=");
	change_add("198.51.100.1", "1024-65535", "", "clients", "s", "2001:db8:4::/47", &many);
	change_assert_refused(&many, SD_BUS_ERROR_FAILED, anybody.text);
	change_add("198.51.100.1", "1024-65535", "", "clients", "s", "2001:db8:1::/60", &same);
	change_assert_refused(&same, SD_BUS_ERROR_FAILED,
			      "198.51.100.1 can not be added: another entry is for the same "
			      "clients, and in deterministic mode there can be only one");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ports-of/ports-of", test_ports_of);
	g_test_add_func("/ports-of/client-of", test_client_of);
	g_test_add_func("/ports-of/as-translated", test_as_translated);
	g_test_add_func("/ports-of/disabled", test_disabled);
	g_test_add_func("/ports-of/add-refused", test_add_refused);
	return bus_clients_run(test_service_deterministic);
}
