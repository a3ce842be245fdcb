/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who the caller is, is asked once for many calls in a row (authorise.h): never is one taken for
 * another. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
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

/* A call for each action, in the order of the sentences. */
static sd_bus_message *restricted_call(sd_bus *bus, const char *method)
{
	sd_bus_message *call = NULL;
	int r = -ENOSYS;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	if (g_str_equal(method, "ListBib"))
		r = sd_bus_message_append(call, "a{sv}su", 0, "", 1);
	else if (g_str_equal(method, "RemovePool4"))
		r = sd_bus_message_append(call, "sa{sv}", "wan", 0);
	else if (g_str_equal(method, "BlockClient"))
		r = sd_bus_message_append(call, "sta{sv}", "2001:db8:1::/64", (uint64_t)0, 0);
	else if (g_str_equal(method, "FlushSessions"))
		r = sd_bus_message_append(call, "a{sv}a{sv}", 0, 1, "all", "b", 1);
	else if (g_str_equal(method, "Drain"))
		r = sd_bus_message_append(call, "a{sv}", 0);
	g_assert_cmpint(r, >=, 0);
	return call;
}

static void assert_sentences(sd_bus *nobody)
{
	static const struct {
		const char *method, *sentence;
	} refusals[] = {
		{"ListBib",
		 "only root and members of group nat64d-admin may see bindings and sessions"},
		{"RemovePool4", "only root and members of group nat64d-admin may change pool4"},
		{"BlockClient",
		 "only root and members of group nat64d-admin may change bindings and clients"},
		{"FlushSessions", "only root and members of group nat64d-admin may end sessions"},
		{"Drain", "only root and members of group nat64d-admin may drain, resume and "
			  "configure the gateway"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
		_cleanup_message_ sd_bus_message *call =
			restricted_call(nobody, refusals[i].method);
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		g_assert_cmpint(sd_bus_call(nobody, call, 0, &error, NULL), <, 0);
		g_assert_cmpstr(error.message, ==, refusals[i].sentence);
		g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_ACCESS_DENIED);
	}
}

/* Of each action, on a bus without polkit, and on the control socket if it were open to all. */
static void test_sentences(void)
{
	if (geteuid() != 0) {
		g_test_skip("needs root, to become somebody else");
		return;
	}
	g_assert_cmpint(chmod(service.socket_path, 0666), ==, 0);
	for (unsigned i = 0; i < 2; i++) {
		sd_bus *nobody =
			bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, i == 1);

		assert_sentences(nobody);
		sd_bus_flush_close_unref(nobody);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/authorise/in-turn", test_in_turn);
	g_test_add_func("/authorise/other-bus", test_other_bus);
	g_test_add_func("/authorise/group", test_group);
	g_test_add_func("/authorise/sentences", test_sentences);
	has_group = bus_clients_make_group();
	return bus_clients_run(NULL);
}
