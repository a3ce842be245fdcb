/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The properties of an entry's object, each by Get and all by GetAll, and how their numbers follow
 * what is taken; and the end of the object by its own method. */
#include <inttypes.h>
#include <string.h>

#include "dbus/names.h"
#include "tests/change_call.h"

/* Two ports for clients of one prefix, and all three protocols for the rest. */
static const char config[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			     "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
			     "[Pool4 few]\nAddresses=192.0.2.16\nPorts=5000-5001 7000\n"
			     "Protocols=udp\nClients=2001:db8:1::/64\nPrefix=2001:db8:64::/96\n"
			     "Comment=for a test\n";

static const char before[] = "Addresses=\"192.0.2.16\"\n"
			     "Clients=\"2001:db8:1::/64\"\n"
			     "Comment=\"for a test\"\n"
			     "HeldReused=udp:0\n"
			     "Name=\"few\"\n"
			     "Overflow=false\n"
			     "Ports=\"5000-5001 7000\"\n"
			     "PortsHeld=udp:0\n"
			     "PortsPeak=udp:0\n"
			     "PortsTotal=udp:3\n"
			     "PortsUsed=udp:0\n"
			     "Prefix=\"2001:db8:64::/96\"\n"
			     "Protocols=\"udp\"\n"
			     "Reach=\"routed\"\n"
			     "Refused=udp:0\n"
			     "Source=\"file\"\n"
			     "State=\"active\"\n";

static uint32_t id_of(const char *name)
{
	uint32_t id;

	gateway_lock(&service.gateway);
	id = pool4_entry_by_name(service.gateway.nat->pool4, name)->id;
	gateway_unlock(&service.gateway);
	g_assert_cmpuint(id, !=, 0);
	return id;
}

static char *path_of(uint32_t id)
{
	return g_strdup_printf(DBUS_PATH_POOL4 "/%u", id);
}

/* The variant at which it stands; g_free() */
static char *read_value(sd_bus_message *message)
{
	GString *text = g_string_new(NULL);
	const char *string, *type;
	uint64_t number;
	uint32_t id;
	int is_true;

	g_assert_cmpint(sd_bus_message_peek_type(message, NULL, &type), >, 0);
	g_assert_cmpint(sd_bus_message_enter_container(message, 'v', type), >, 0);
	if (g_str_equal(type, "s")) {
		g_assert_cmpint(sd_bus_message_read(message, "s", &string), >, 0);
		g_string_printf(text, "\"%s\"", string);
	} else if (g_str_equal(type, "u")) {
		g_assert_cmpint(sd_bus_message_read(message, "u", &id), >, 0);
		g_string_printf(text, "%u", id);
	} else if (g_str_equal(type, "b")) {
		g_assert_cmpint(sd_bus_message_read(message, "b", &is_true), >, 0);
		g_string_assign(text, is_true ? "true" : "false");
	} else {
		g_assert_cmpstr(type, ==, "a{st}");
		g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "{st}"), >=, 0);
		while (sd_bus_message_read(message, "{st}", &string, &number) > 0)
			g_string_append_printf(text, "%s%s:%" PRIu64, text->len > 0 ? " " : "",
					       string, number);
		g_assert_cmpint(sd_bus_message_exit_container(message), >=, 0);
	}
	g_assert_cmpint(sd_bus_message_exit_container(message), >=, 0);
	return g_string_free(text, FALSE);
}

static char *get(sd_bus *bus, const char *path, const char *name)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, path,
					   "org.freedesktop.DBus.Properties", "Get", NULL, &reply,
					   "ss", DBUS_INTERFACE_POOL4, name),
			>=, 0);
	return read_value(reply);
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All but Id, a sorted line each; and Get says the same. */
static char *get_all(sd_bus *bus, uint32_t id)
{
	g_autofree char *path = path_of(id), *number = g_strdup_printf("%u", id);
	_cleanup_message_ sd_bus_message *reply = NULL;
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, path,
					   "org.freedesktop.DBus.Properties", "GetAll", NULL,
					   &reply, "s", DBUS_INTERFACE_POOL4),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		g_autofree char *value = NULL, *alone = NULL;

		g_assert_cmpint(sd_bus_message_read(reply, "s", &name), >, 0);
		value = read_value(reply);
		alone = get(bus, path, name);
		g_assert_cmpstr(alone, ==, value);
		if (g_str_equal(name, "Id"))
			g_assert_cmpstr(value, ==, number);
		else
			g_ptr_array_add(lines, g_strdup_printf("%s=%s\n", name, value));
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	}
	g_ptr_array_sort(lines, compare_lines);
	g_ptr_array_add(lines, NULL);
	return g_strjoinv("", (char **)lines->pdata);
}

static void test_all(void)
{
	gateway_lock(&service.gateway);
	pool4_set_reach(service.gateway.nat->pool4,
			pool4_entry_by_name(service.gateway.nat->pool4, "few")->id, POOL4_ROUTED);
	gateway_unlock(&service.gateway);
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *text = get_all(clients[i], id_of("few"));

		g_assert_cmpstr(text, ==, before);
	}
}

static void assert_numbers(const char *used, const char *peak, const char *held, const char *reused,
			   const char *refused)
{
	const struct {
		const char *name, *value;
	} cases[] = {{"PortsUsed", used},    {"PortsPeak", peak},  {"PortsHeld", held},
		     {"HeldReused", reused}, {"Refused", refused}, {"PortsTotal", "udp:3"}};
	g_autofree char *path = path_of(id_of("few"));

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		g_autofree char *value = get(clients[i % 2], path, cases[i / 2].name);

		g_test_message("%s", cases[i / 2].name);
		g_assert_cmpstr(value, ==, cases[i / 2].value);
	}
}

static void end_binding(uint32_t client)
{
	struct nat64 *nat = service.gateway.nat;
	struct taddr6 inside = {.port = 2000};

	g_assert_true(addr6_parse("2001:db8:1::", &inside.addr));
	store_be32(&inside.addr.byte[12], client);
	gateway_lock(&service.gateway);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_find6(&nat->bib[PROTOCOL_UDP], &inside),
			     gateway_now_ms());
	gateway_unlock(&service.gateway);
}

static enum outcome packet(uint32_t client)
{
	return test_service_packet(&service, PROTOCOL_UDP, client, 2000, 1);
}

/* All three are taken, a fourth is refused; one ends, and is held before another has it. */
static void test_numbers(void)
{
	for (uint32_t client = 1; client <= 3; client++)
		g_assert_cmpint(packet(client), ==, OUTCOME_TRANSLATED);
	assert_numbers("udp:3", "udp:3", "udp:0", "udp:0", "udp:0");
	g_assert_cmpint(packet(4), !=, OUTCOME_TRANSLATED);
	assert_numbers("udp:3", "udp:3", "udp:0", "udp:0", "udp:1");
	end_binding(1);
	assert_numbers("udp:2", "udp:3", "udp:1", "udp:0", "udp:1");
	g_assert_cmpint(packet(4), ==, OUTCOME_TRANSLATED);
	assert_numbers("udp:3", "udp:3", "udp:0", "udp:1", "udp:1");
}

/* ---- its own methods ----------------------------------------------------------------------------
 */

/* "changed: summary", or "ERROR: sentence". */
static char *call(sd_bus *bus, uint32_t id, const char *method, const char *option)
{
	g_autofree char *path = path_of(id);
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *message = NULL, *reply = NULL;
	_cleanup_ending_ struct change_ending ending = {NULL};

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &message, DBUS_SERVICE, path,
						       DBUS_INTERFACE_POOL4, method),
			>=, 0);
	if (option != NULL)
		sd_bus_message_append(message, "a{sv}", 1, option, "b", 1);
	else
		sd_bus_message_append(message, "a{sv}", 0);
	if (sd_bus_call(bus, message, 0, &error, &reply) < 0)
		return g_strdup_printf("%s: %s", error.name, error.message);
	change_read_result(reply, &ending);
	return g_strdup_printf("%s: %s", ending.changed ? "changed" : "not changed", ending.text);
}

static void assert_call(unsigned client, uint32_t id, const char *method, const char *option,
			const char *expected)
{
	g_autofree char *text = call(clients[client], id, method, option);

	g_assert_cmpstr(text, ==, expected);
}

static void test_methods(void)
{
	static const char in_use[] = DBUS_ERROR_POOL4_IN_USE
		": pool4 entry few is used by 3 bindings: 'nat64ctl pool4 drain few' waits for "
		"their end, --force ends them";
	uint32_t id = id_of("few");

	assert_call(0, id, "Enable", NULL,
		    "not changed: pool4 entry few is there already: 192.0.2.16, udp, ports "
		    "5000-5001 7000");
	assert_call(1, id, "Enable", "force",
		    SD_BUS_ERROR_INVALID_ARGS ": there is no option 'force' here");
	assert_call(0, id, "Drain", "force",
		    SD_BUS_ERROR_INVALID_ARGS ": there is no option 'force' here");
	assert_call(1, id, "Remove", "replace",
		    SD_BUS_ERROR_INVALID_ARGS ": there is no option 'replace' here");
	assert_call(1, id, "Remove", NULL, in_use);
	assert_call(0, id, "Remove", "dry-run", in_use);
	assert_call(0, id, "Remove", "force",
		    "changed: pool4 entry few disabled: 192.0.2.16, udp, ports 5000-5001 7000");
	assert_call(1, id, "Remove", NULL, "not changed: pool4 entry few is disabled already");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-properties/all", test_all);
	g_test_add_func("/pool4-properties/numbers", test_numbers);
	g_test_add_func("/pool4-properties/methods", test_methods);
	return bus_clients_run(config);
}
