/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The largest page of ListBib and ListSessions, of rows as long as they can be: it fits into a
 * message of a bus (32 MiB, which bus.c says to the one here), and of the control socket; more is
 * not given, whatever is asked for.
 */
#include "dbus/names.h"
#include "tests/bus_clients.h"

#define N_ROWS   (ROWS_MAX + 1)
#define ROWS_MAX 10000

static const char config[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			     "[Limits]\nBindings=100000\nSessions=100000\n"
			     "[Pool4 wan]\nAddresses=203.0.113.128/25\nPorts=10000-65535\n";

/* "2001:db8:1111:1111:1111:1111:1111:xxxx" 65535 "203.0.113.200" 1xxxx */
static void add_static(uint32_t i)
{
	const struct taddr4 outside = {0xcb0071c8, (uint16_t)(10000 + i)};
	struct taddr6 inside = {.port = 65535};

	g_assert_true(addr6_parse("2001:db8:1111:1111:1111:1111:1111:1000", &inside.addr));
	store_be16(&inside.addr.byte[14], (uint16_t)(0x1000 + i));
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_ICMP, &inside, &outside,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
}

struct page {
	unsigned n_rows;
	char *next;
};

static struct page get_page(sd_bus *bus, const char *method, const char *type, const char *protocol,
			    const char *cursor, uint32_t limit)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct page page = {0, NULL};
	const char *next;

	sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER, method, &error,
			   &reply, "a{sv}su", 1, "protocol", "s", protocol, cursor, limit);
	g_assert_cmpstr(error.message, ==, NULL);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', type), >, 0);
	while (sd_bus_message_at_end(reply, false) == 0) {
		g_assert_cmpint(sd_bus_message_skip(reply, type), >, 0);
		page.n_rows++;
	}
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &next), >, 0);
	page.next = g_strdup(next);
	return page;
}

static void assert_page(sd_bus *bus, const char *method, const char *type, const char *protocol,
			uint32_t limit, unsigned n_first)
{
	struct page first = get_page(bus, method, type, protocol, "", limit);
	unsigned n_rows = first.n_rows;
	char *cursor = first.next;

	g_assert_cmpuint(first.n_rows, ==, n_first);
	while (*cursor != '\0') {
		struct page page =
			get_page(bus, method, type, protocol, cursor, MAX(limit, ROWS_MAX));

		n_rows += page.n_rows;
		g_free(cursor);
		cursor = page.next;
	}
	g_free(cursor);
	g_assert_cmpuint(n_rows, ==, N_ROWS);
}

static void test_pages(const char *method, const char *type, const char *protocol)
{
	static const struct {
		uint32_t limit;
		unsigned n;
	} cases[] = {
		{0, 1000},
		{ROWS_MAX - 1, ROWS_MAX - 1},
		{ROWS_MAX, ROWS_MAX},
		{ROWS_MAX + 1, ROWS_MAX},
		{UINT32_MAX, ROWS_MAX},
	};

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++)
		assert_page(clients[i % 2], method, type, protocol, cases[i / 2].limit,
			    cases[i / 2].n);
}

static void test_bindings(void)
{
	test_pages("ListBib", DBUS_TYPE_BIB, "icmp");
}

static void test_sessions(void)
{
	test_pages("ListSessions", DBUS_TYPE_SESSION, "tcp");
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/largest-page/bindings", test_bindings);
	g_test_add_func("/largest-page/sessions", test_sessions);
	bus_clients_begin(config);
	gateway_lock(&service.gateway);
	for (uint32_t i = 0; i < N_ROWS; i++)
		add_static(i);
	gateway_unlock(&service.gateway);
	for (uint32_t i = 0; i < N_ROWS; i++)
		test_service_add_session(&service, PROTOCOL_TCP, 0xffff0000 + i, 65535, 250);
	r = g_test_run();
	bus_clients_end();
	return r;
}
