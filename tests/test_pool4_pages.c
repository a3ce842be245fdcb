/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ListPool4 by pages, while entries come and go: what stays is listed exactly once, in the order of
 * the ids, also beyond Limits.Pool4Objects (INTERFACE, section 7). */
#include "dbus/names.h"
#include "tests/change_call.h"

#define N_ENTRIES 40
#define PAGE      3

/* Counts the rows of a page by their addresses; the cursor of the next one, or NULL. */
static char *read_page(sd_bus *bus, const char *cursor, GHashTable *seen, uint32_t *last_id,
		       unsigned *n_objects)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *path, *name, *addresses, *next, *key;
	unsigned n_rows = 0;
	uint32_t id;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListPool4", NULL, &reply, "su", cursor, PAGE),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_POOL4), >, 0);
	while (sd_bus_message_enter_container(reply, 'r', "oa{sv}") > 0) {
		g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
		g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
		g_assert_cmpint(sd_bus_message_read(reply, "{sv}{sv}{sv}", &key, "u", &id, &key,
						    "s", &name, &key, "s", &addresses),
				>, 0);
		while (sd_bus_message_at_end(reply, 0) == 0)
			g_assert_cmpint(sd_bus_message_skip(reply, "{sv}"), >=, 0);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
		g_assert_cmpuint(id, >, *last_id);
		*last_id = id;
		*n_objects += !g_str_equal(path, "/");
		g_assert_true(g_hash_table_add(seen, g_strdup(addresses))); /* once */
		n_rows++;
	}
	g_assert_cmpuint(n_rows, <=, PAGE);
	g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &next), >, 0);
	return *next != '\0' ? g_strdup(next) : NULL;
}

static char *address_of(unsigned i)
{
	return g_strdup_printf("198.51.100.%u", i);
}

static void add(unsigned i)
{
	g_autofree char *address = address_of(i);
	_cleanup_ending_ struct change_ending ending;

	change_add(address, "", "", NULL, NULL, NULL, &ending);
	g_assert_cmpstr(ending.name, ==, NULL);
}

static void remove_entry(unsigned i)
{
	g_autofree char *address = address_of(i);
	_cleanup_ending_ struct change_ending ending;

	change_entry("RemovePool4", address, NULL, &ending);
	g_assert_cmpstr(ending.name, ==, NULL);
}

static void test_pages(void)
{
	for (unsigned i = 0; i < N_ENTRIES; i++)
		add(i);
	for (unsigned client = 0; client < 2; client++) {
		g_autoptr(GHashTable) seen =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		unsigned n_pages = 0, n_objects = 0;
		char *cursor = g_strdup("");
		uint32_t last_id = 0;

		while (cursor != NULL) {
			char *next = read_page(clients[client], cursor, seen, &last_id, &n_objects);

			g_free(cursor);
			cursor = next;
			/* One that may be listed already, and comes back under another id. */
			if (n_pages < N_ENTRIES / 4) {
				remove_entry(2 * n_pages);
				add(100 + client * 50 + n_pages);
			}
			n_pages++;
		}
		g_assert_cmpuint(n_pages, >=, N_ENTRIES / PAGE);
		g_assert_cmpuint(n_objects, <=, 8 + N_ENTRIES / 4);
		g_assert_true(g_hash_table_contains(seen, "192.0.2.0/30"));
		for (unsigned i = 1; i < N_ENTRIES; i += 2) {
			g_autofree char *address = address_of(i);

			g_assert_true(g_hash_table_contains(seen, address));
		}
		for (unsigned i = 0; i < N_ENTRIES / 4; i++)
			add(2 * i);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-pages/pages", test_pages);
	return bus_clients_run(NULL);
}
