/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who the caller is, is asked once for many calls in a row (authorise.h): never is one taken for
 * another. */
#include <stdlib.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/bus_clients.h"

static bool has_group;

static const char *const restricted[] = {"ListBib a{sv}su 0 '' 1"};

static void list_bib(sd_bus *bus)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListBib", NULL, &reply, "a{sv}su", 0, "", 1),
			>=, 0);
}

/* The number in ":1.17". */
static unsigned number_of(sd_bus *bus)
{
	const char *name;

	g_assert_cmpint(sd_bus_get_unique_name(bus, &name), >=, 0);
	return (unsigned)strtoul(strrchr(name, '.') + 1, NULL, 10);
}

/* Of the next to connect to the bus. */
static unsigned next_number(void)
{
	sd_bus *bus = test_service_connect(&service, false);
	unsigned number = number_of(bus);

	sd_bus_flush_close_unref(bus);
	return number;
}

/* In turn: an administrator, whom the service knows then, and nobody. */
static void test_in_turn(void)
{
	for (unsigned i = 0; i < 3; i++) {
		list_bib(clients[0]);
		list_bib(clients[0]);
		bus_clients_check_access(restricted, 1, false);
	}
}

/* Another bus gives the administrator's name to nobody, who is no administrator by that. */
static void test_other_bus(void)
{
	sd_bus *others[8], *admin, *watcher;
	bool owned = false;
	unsigned number;

	if (geteuid() != 0) {
		g_test_skip("needs root, to become somebody else");
		return;
	}
	/* Not one of the first names of a bus, which the service will have. */
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
		others[i] = test_service_connect(&service, false);
	admin = test_service_connect(&service, false);
	list_bib(admin);
	number = number_of(admin);
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
		sd_bus_flush_close_unref(others[i]);
	sd_bus_flush_close_unref(admin);
	test_service_stop_bus(&service);
	test_service_start_bus(&service);
	watcher = test_service_watch(&service, &owned);
	test_service_wait(watcher, &owned);
	g_assert_cmpuint(number_of(watcher), <, number);
	sd_bus_flush_close_unref(watcher);
	while (next_number() + 1 < number)
		continue;
	bus_clients_check_access(restricted, 1, false);
	g_assert_cmpuint(next_number(), ==, number + 1);
}

/* Administrators are those in their group, by what they had when they connected; on the socket,
 * too. */
static void test_group(void)
{
	if (!has_group) {
		g_test_skip("needs root, for a group of its own");
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		sd_bus *member =
			bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_GROUP, i == 1);

		list_bib(member);
		sd_bus_flush_close_unref(member);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/authorise/in-turn", test_in_turn);
	g_test_add_func("/authorise/other-bus", test_other_bus);
	g_test_add_func("/authorise/group", test_group);
	has_group = bus_clients_make_group();
	return bus_clients_run(NULL);
}
