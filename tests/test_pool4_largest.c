/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As many objects as Limits.Pool4Objects permits, each as large as an object can be, and one entry
 * more: GetManagedObjects still fits into a message of a bus, which takes none of more than 32 MiB
 * (bus.c says so to the one here).
 */
#include <string.h>

#include "dbus/names.h"
#include "dbus/pool4_objects.h"
#include "tests/bus_clients.h"

#define N_OBJECTS 4096
#define N_ENTRIES (N_OBJECTS + 1)

/* The texts of all objects are not short. */
#define TEXT_SIZE_MIN (22u << 20)

static const char head[] =
	"[Translation]\nPool6=2001:db8:6464:6464:64:6464::/96\nClients=any\n"
	"[Limits]\nBindings=1000\nSessions=1000\nStoredSYNs=16\nFragmentMemory=1M\n"
	"Pool4Objects=4096\n";

/* The longest words there are, no two of them next to each other:
 * "111.100.100.101-111.100.100.102".
 */
static void append_addresses(GString *text, unsigned entry)
{
	for (unsigned i = 0; i < POOL4_OBJECT_RANGES_MAX; i++) {
		unsigned range = entry * POOL4_OBJECT_RANGES_MAX + i;
		unsigned last = 101 + range % 38 * 4, third = 100 + range / 38 % 156;
		unsigned second = 100 + range / (38 * 156) % 156;

		g_string_append_printf(text, " 111.%u.%u.%u-111.%u.%u.%u", second, third, last,
				       second, third, last + 1);
	}
}

static void append_entry(GString *text, unsigned entry)
{
	g_string_append_printf(text, "[Pool4 a-name-that-is-of-32-letters%04x]\nAddresses=", entry);
	append_addresses(text, entry);
	g_string_append(text, "\nPorts=");
	for (unsigned i = 0; i < PORT_RANGES_MAX; i++)
		g_string_append_printf(text, " %u-%u", 10000 + i * 10, 10001 + i * 10);
	g_string_append(text, "\nClients=");
	for (unsigned i = 0; i < POOL4_CLIENTS_MAX; i++)
		g_string_append_printf(text, " 2001:db8:1111:1111:1111:1111:%x:%x/128",
				       0x1000 + entry, 0x1000 + i);
	g_string_append(text, "\nPrefix=2001:db8:6464:6464:64:6464::/96\nComment=");
	for (unsigned i = 0; i < POOL4_COMMENT_SIZE - 1; i++)
		g_string_append_c(text, 'x');
	g_string_append_c(text, '\n');
}

static char *make_config(void)
{
	GString *text = g_string_new(head);

	for (unsigned i = 0; i < N_ENTRIES; i++)
		append_entry(text, i);
	return g_string_free(text, FALSE);
}

/* What a property has of text; it is passed over. */
static size_t read_property(sd_bus_message *reply)
{
	const char *name, *type, *text = "";
	char kind;

	g_assert_cmpint(sd_bus_message_enter_container(reply, 'e', "sv"), >, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &name), >, 0);
	g_assert_cmpint(sd_bus_message_peek_type(reply, &kind, &type), >, 0);
	if (g_str_equal(type, "s"))
		g_assert_cmpint(sd_bus_message_read(reply, "v", "s", &text), >, 0);
	else
		g_assert_cmpint(sd_bus_message_skip(reply, "v"), >, 0);
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	return strlen(text);
}

/* Whether the object at which reply stands is an entry of pool4, and the text it has. */
static bool read_object(sd_bus_message *reply, size_t *text_size)
{
	bool is_entry = false;
	const char *interface;

	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sa{sv}}"), >, 0);
	while (sd_bus_message_enter_container(reply, 'e', "sa{sv}") > 0) {
		g_assert_cmpint(sd_bus_message_read(reply, "s", &interface), >, 0);
		is_entry |= g_str_equal(interface, DBUS_INTERFACE_POOL4);
		g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >=, 0);
		while (sd_bus_message_at_end(reply, false) == 0)
			*text_size += read_property(reply);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	}
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	return is_entry;
}

static void assert_all_objects(sd_bus *bus)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	unsigned n_entries = 0;
	size_t text_size = 0;
	const char *path;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       "org.freedesktop.DBus.ObjectManager",
						       "GetManagedObjects"),
			>=, 0);
	sd_bus_call(bus, call, UINT64_MAX, &error, &reply);
	g_assert_cmpstr(error.message, ==, NULL);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}"), >, 0);
	while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
		g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
		n_entries += read_object(reply, &text_size);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	}
	g_assert_cmpuint(n_entries, ==, N_OBJECTS);
	g_test_message("%zu bytes of text", text_size);
	g_assert_cmpuint(text_size, >=, TEXT_SIZE_MIN);
}

/* Whatever can be said of how packets come to an entry. */
static void set_reach(void)
{
	struct pool4 *pool4 = service.gateway.nat->pool4;

	gateway_lock(&service.gateway);
	for (uint32_t i = 0; i < pool4_n_entries(pool4); i++)
		pool4_set_reach(pool4, pool4_at(pool4, i)->id,
				POOL4_LOCAL | POOL4_ROUTED | POOL4_ANNOUNCED | POOL4_UNREACHABLE);
	gateway_unlock(&service.gateway);
}

static void test_managed_objects(void)
{
	set_reach();
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++)
		assert_all_objects(clients[i]);
}

/* Pages through all of them: the one without an object is that which came last. */
static void assert_rows(sd_bus *bus)
{
	g_autofree char *cursor = g_strdup("");
	const char *path, *next, *last = NULL;
	unsigned n_rows = 0, n_objects = 0;

	do {
		_cleanup_message_ sd_bus_message *reply = NULL;

		g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "ListPool4", NULL,
						   &reply, "su", cursor, 0),
				>=, 0);
		g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_POOL4), >, 0);
		while (sd_bus_message_enter_container(reply, 'r', "oa{sv}") > 0) {
			g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
			g_assert_cmpint(sd_bus_message_skip(reply, "a{sv}"), >, 0);
			g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
			last = g_str_equal(path, "/") ? "/" : "";
			n_objects += *last == '\0';
			n_rows++;
		}
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
		g_assert_cmpint(sd_bus_message_read(reply, "s", &next), >, 0);
		g_free(cursor);
		cursor = g_strdup(next);
	} while (*cursor != '\0');
	g_assert_cmpuint(n_rows, ==, N_ENTRIES);
	g_assert_cmpuint(n_objects, ==, N_OBJECTS);
	g_assert_cmpstr(last, ==, "/");
}

static void test_rows(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++)
		assert_rows(clients[i]);
}

int main(int argc, char **argv)
{
	g_autofree char *config = make_config();

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-largest/managed-objects", test_managed_objects);
	g_test_add_func("/pool4-largest/rows", test_rows);
	return bus_clients_run(config);
}
