/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every method of every object, called with what makes no sense, on the bus and on the control
 * socket: arguments that are missing, too many, empty, huge, of the largest number, and with bytes
 * that would make another line of a sentence. Each is refused by a name, with one short line.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/change.h"
#include "dbus/names.h"
#include "tests/bus_clients.h"

#define HUGE_SIZE 200000

/* What stands in all texts, and in all numbers. */
struct words {
	const char *name;
	const char *text;
	uint64_t number;
	bool may_succeed;
};

static char huge[HUGE_SIZE + 1];

static const struct words words[] = {
	{"empty", "", 0, true},
	{"huge", huge, UINT64_MAX, false},
	{"lines", "a\nb\x1b[31m\x7f", 1, false},
	{"blank", " ", 1, false},
	{"slash", "../../etc/passwd", 65535, false},
	{"percent", "%s%n%s%n", 1, false},
	{"comma", ",,,", 0, false},
};

static const struct object {
	const char *path, *interface;
} objects[] = {
	{DBUS_PATH, DBUS_INTERFACE_MANAGER}, {NULL, DBUS_INTERFACE_POOL4}, /* of the entry "wan" */
};

static char *path_of(const struct object *object)
{
	return object->path ? g_strdup(object->path)
			    : g_strdup_printf(DBUS_PATH_POOL4 "/%u", service.pool4_id);
}

static GDBusNodeInfo *introspect(const char *path)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	g_autoptr(GError) error = NULL;
	GDBusNodeInfo *node;
	const char *xml;

	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, path,
					   "org.freedesktop.DBus.Introspectable", "Introspect",
					   NULL, &reply, NULL),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &xml), >=, 0);
	node = g_dbus_node_info_new_for_xml(xml, &error);
	g_assert_no_error(error);
	return node;
}

static sd_bus_message *call_new(sd_bus *bus, const char *path, const char *interface,
				const char *method)
{
	sd_bus_message *call = NULL;

	g_assert_cmpint(
		sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, path, interface, method),
		>=, 0);
	return call;
}

/* An error with a name and a line that can be shown to people. */
static void assert_refused(sd_bus *bus, sd_bus_message *call, const char *name, bool may_succeed)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, call, 0, &error, NULL);

	if (r >= 0 && may_succeed)
		return;
	g_test_message("%s: %s", error.name, error.message);
	g_assert_cmpint(r, <, 0);
	g_assert_nonnull(error.name);
	if (name != NULL)
		g_assert_cmpstr(error.name, ==, name);
	g_assert_true(g_str_has_prefix(error.name, "org.nat64d1.Error.") ||
		      g_str_has_prefix(error.name, "org.freedesktop.DBus.Error."));
	/* A bug in a handler, or a failure of the system. */
	g_assert_cmpstr(error.name, !=, SD_BUS_ERROR_FAILED);
	g_assert_cmpstr(error.name, !=, SD_BUS_ERROR_NO_MEMORY);
	g_assert_nonnull(error.message);
	g_assert_cmpuint(strlen(error.message), >, 0);
	g_assert_cmpuint(strlen(error.message), <, CHANGE_TEXT_SIZE);
	for (const char *at = error.message; *at != '\0'; at++)
		g_assert_false(g_ascii_iscntrl(*at));
}

static void append(sd_bus_message *call, const char *type, const struct words *with, bool plain,
		   int fd)
{
	if (plain && *type == 'a') {
		g_assert_cmpint(sd_bus_message_append(call, type, 0), >=, 0);
		return;
	}
	switch (*type) {
	case 's':
		g_assert_cmpint(sd_bus_message_append(call, "s", with->text), >=, 0);
		break;
	case 'q':
		g_assert_cmpint(sd_bus_message_append(call, "q", (uint16_t)with->number), >=, 0);
		break;
	case 'u':
		g_assert_cmpint(sd_bus_message_append(call, "u", (uint32_t)with->number), >=, 0);
		break;
	case 't':
		g_assert_cmpint(sd_bus_message_append(call, "t", with->number), >=, 0);
		break;
	case 'h':
		g_assert_cmpint(sd_bus_message_append(call, "h", fd), >=, 0);
		break;
	default: /* as, a{sv}: with one member of that name, if it is to be refused */
		if (g_str_equal(type, "as")) {
			g_assert_cmpint(sd_bus_message_append(call, "as", 1, with->text), >=, 0);
			break;
		}
		g_assert_cmpstr(type, ==, "a{sv}");
		g_assert_cmpint(
			sd_bus_message_append(call, "a{sv}", 1, with->text, "s", with->text), >=,
			0);
	}
}

static void call_with(sd_bus *bus, const char *path, const char *interface, GDBusMethodInfo *method,
		      const struct words *with, bool plain, int fd)
{
	_cleanup_message_ sd_bus_message *call = call_new(bus, path, interface, method->name);
	bool says_something = !plain;

	for (unsigned i = 0; method->in_args[i] != NULL; i++) {
		const char *type = method->in_args[i]->signature;

		append(call, type, with, plain, fd);
		says_something |= *type == 's';
	}
	if (!says_something)
		return;
	g_test_message("%s, %s", method->name, with->name);
	assert_refused(bus, call, NULL, with->may_succeed);
}

static void each_method(void (*visit)(const char *path, const char *interface,
				      GDBusMethodInfo *method, int fd))
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
		g_autofree char *path = path_of(&objects[i]);
		GDBusNodeInfo *node = introspect(path);
		GDBusInterfaceInfo *interface =
			g_dbus_node_info_lookup_interface(node, objects[i].interface);

		for (unsigned j = 0; interface->methods[j] != NULL; j++)
			visit(path, objects[i].interface, interface->methods[j], fd);
		g_dbus_node_info_unref(node);
	}
	close(fd);
}

/* With each of the words in all its places; and with good options, for what comes after them. */
static void call_with_words(const char *path, const char *interface, GDBusMethodInfo *method,
			    int fd)
{
	if (method->in_args[0] == NULL)
		return;
	for (unsigned i = 0; i < 4 * G_N_ELEMENTS(words); i++)
		call_with(clients[i % 2], path, interface, method, &words[i / 4], i / 2 % 2 == 1,
			  fd);
}

static void test_words(void)
{
	memset(huge, 'x', HUGE_SIZE);
	each_method(call_with_words);
}

/* One argument too many; none at all; and others. */
static void call_with_types(const char *path, const char *interface, GDBusMethodInfo *method,
			    int fd)
{
	static const struct words some = {.text = "x", .number = 1};

	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *more =
			call_new(clients[i], path, interface, method->name);
		_cleanup_message_ sd_bus_message *others =
			call_new(clients[i], path, interface, method->name);
		_cleanup_message_ sd_bus_message *none =
			call_new(clients[i], path, interface, method->name);

		g_test_message("%s", method->name);
		for (unsigned j = 0; method->in_args[j] != NULL; j++)
			append(more, method->in_args[j]->signature, &some, false, fd);
		g_assert_cmpint(sd_bus_message_append(more, "y", 7), >=, 0);
		assert_refused(clients[i], more, SD_BUS_ERROR_INVALID_ARGS, false);
		g_assert_cmpint(sd_bus_message_append(others, "(dx)", 1.5, (int64_t)-1), >=, 0);
		assert_refused(clients[i], others, SD_BUS_ERROR_INVALID_ARGS, false);
		if (method->in_args[0] != NULL)
			assert_refused(clients[i], none, SD_BUS_ERROR_INVALID_ARGS, false);
	}
}

static void test_types(void)
{
	each_method(call_with_types);
}

/* What is not there: objects, interfaces, methods. */
static void test_unknown(void)
{
	static const struct {
		const char *path, *interface, *method, *name;
	} cases[] = {
		{DBUS_PATH, DBUS_INTERFACE_MANAGER, "Nothing", SD_BUS_ERROR_UNKNOWN_METHOD},
		{DBUS_PATH, "org.nat64d1.Nothing", "Drain", SD_BUS_ERROR_UNKNOWN_METHOD},
		{DBUS_PATH, DBUS_INTERFACE_POOL4, "Drain", SD_BUS_ERROR_UNKNOWN_METHOD},
		{DBUS_PATH_POOL4 "/4294967295", DBUS_INTERFACE_POOL4, "Drain",
		 SD_BUS_ERROR_UNKNOWN_OBJECT},
		{DBUS_PATH_POOL4 "/99999999999999999999", DBUS_INTERFACE_POOL4, "Drain",
		 SD_BUS_ERROR_UNKNOWN_OBJECT},
		{DBUS_PATH_POOL4 "/0", DBUS_INTERFACE_POOL4, "Drain", SD_BUS_ERROR_UNKNOWN_OBJECT},
		{DBUS_PATH_POOL4 "/wan", DBUS_INTERFACE_POOL4, "Drain",
		 SD_BUS_ERROR_UNKNOWN_OBJECT},
		{DBUS_PATH_POOL4 "/1/1", DBUS_INTERFACE_POOL4, "Drain",
		 SD_BUS_ERROR_UNKNOWN_OBJECT},
		{DBUS_PATH_POOL4 "/01", DBUS_INTERFACE_POOL4, "Drain", SD_BUS_ERROR_UNKNOWN_OBJECT},
		{"/", DBUS_INTERFACE_MANAGER, "Drain", SD_BUS_ERROR_UNKNOWN_OBJECT},
	};

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		_cleanup_message_ sd_bus_message *call =
			call_new(clients[i % 2], cases[i / 2].path, cases[i / 2].interface,
				 cases[i / 2].method);

		g_test_message("%s %s", cases[i / 2].path, cases[i / 2].interface);
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}", 0), >=, 0);
		assert_refused(clients[i % 2], call, cases[i / 2].name, false);
	}
}

/* Each property can be read by everybody, and set by nobody. */
static void test_properties(void)
{
	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(objects); i++) {
		const struct object *object = &objects[i / 2];
		g_autofree char *path = path_of(object);
		_cleanup_message_ sd_bus_message *get =
			call_new(clients[i % 2], path, "org.freedesktop.DBus.Properties", "Get");
		GDBusNodeInfo *node = introspect(path);
		GDBusInterfaceInfo *interface =
			g_dbus_node_info_lookup_interface(node, object->interface);

		for (unsigned j = 0; interface->properties[j] != NULL; j++) {
			const GDBusPropertyInfo *property = interface->properties[j];
			_cleanup_error_ sd_bus_error fixed = SD_BUS_ERROR_NULL;
			_cleanup_message_ sd_bus_message *value = NULL;

			g_test_message("%s", property->name);
			g_assert_cmpint(sd_bus_get_property(clients[i % 2], DBUS_SERVICE, path,
							    object->interface, property->name, NULL,
							    &value, property->signature),
					>=, 0);
			g_assert_cmpint(sd_bus_set_property(clients[i % 2], DBUS_SERVICE, path,
							    object->interface, property->name,
							    &fixed, "s", "x"),
					<, 0);
			g_assert_cmpstr(fixed.name, ==, SD_BUS_ERROR_PROPERTY_READ_ONLY);
		}
		g_assert_cmpint(sd_bus_message_append(get, "ss", object->interface, "Nothing"), >=,
				0);
		assert_refused(clients[i % 2], get, SD_BUS_ERROR_UNKNOWN_PROPERTY, false);
		g_dbus_node_info_unref(node);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wrong-calls/types", test_types);
	g_test_add_func("/wrong-calls/unknown", test_unknown);
	g_test_add_func("/wrong-calls/properties", test_properties);
	g_test_add_func("/wrong-calls/words", test_words);
	return bus_clients_run(NULL);
}
