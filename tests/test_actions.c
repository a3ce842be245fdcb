/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which action of polkit each method needs from who is neither root nor an administrator: counters,
 * state, configuration and pool4 are open to everyone (INTERFACE, section 7). */
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/fake_polkit.h"

/* Every method with its arguments in busctl's manner (NULL: it takes a pipe), and its action; NULL:
 * open to everyone. */
static const struct method {
	const char *name, *action, *arguments;
} manager_methods[] = {
	{"ListPool4", NULL, "su '' 0"},
	{"CountPool4", NULL, ""},
	{"GetStatistics", NULL, ""},
	{"ListConfig", NULL, ""},
	{"GetConfig", NULL, "s Timeouts.UDP"},
	{"AddPool4", MANAGE_POOL4, "sssa{sv} 198.51.100.1 '' '' 0"},
	{"RemovePool4", MANAGE_POOL4, "sa{sv} wan 0"},
	{"DrainPool4", MANAGE_POOL4, "sa{sv} wan 0"},
	{"EnablePool4", MANAGE_POOL4, "sa{sv} wan 0"},
	{"AddBib", MANAGE_BIB, "ssqsqa{sv} tcp 2001:db8:1::5 80 192.0.2.1 8080 0"},
	{"RemoveBib", MANAGE_BIB, "ssqsqa{sv} tcp 2001:db8:1::5 80 '' 0 0"},
	{"BlockClient", MANAGE_BIB, "sta{sv} 2001:db8:1::/64 0 0"},
	{"UnblockClient", MANAGE_BIB, "sa{sv} 2001:db8:1::/64 0"},
	{"ListBib", READ_BINDINGS, "a{sv}su 0 '' 1"},
	{"LookupBib", READ_BINDINGS, "ssq tcp 2001:db8:1::5 80"},
	{"ListSessions", READ_BINDINGS, "a{sv}su 0 '' 1"},
	{"ListClients", READ_BINDINGS, "a{sv}su 0 '' 1"},
	{"ListBlockedClients", READ_BINDINGS, ""},
	{"PortsOf", READ_BINDINGS, "sss tcp 2001:db8:1::5 ''"},
	{"ClientOf", READ_BINDINGS, "ssq tcp 192.0.2.1 1024"},
	{"CountBib", READ_BINDINGS, "a{sv} 0"},
	{"CountSessions", READ_BINDINGS, "a{sv} 0"},
	{"Dump", READ_BINDINGS, NULL},
	{"Monitor", READ_BINDINGS, NULL},
	{"Trace", READ_BINDINGS, NULL},
	{"FlushSessions", FLUSH_SESSIONS, "a{sv}a{sv} 0 1 all b true"},
	{"Explain", READ_BINDINGS, "sssa{sv} udp [2001:db8:1::5]:2000 198.51.100.1:53 0"},
	{"Who", READ_BINDINGS, "sqtt 192.0.2.1 1024 0 0"},
	{"Snapshot", CONFIGURE, "a{sv} 0"},
	{"SnapshotTo", READ_BINDINGS, NULL},
	{"Drain", CONFIGURE, "a{sv} 0"},
	{"Resume", CONFIGURE, "a{sv} 0"},
	{"AddPool6", CONFIGURE, "sa{sv} 2001:db8:66::/96 0"},
	{"RemovePool6", CONFIGURE, "sa{sv} 2001:db8:64::/96 0"},
	{"SetConfig", CONFIGURE, "ssa{sv} Timeouts.UDP 6min 0"},
	{"ResetConfig", CONFIGURE, "sa{sv} Timeouts.UDP 0"},
	{"Reload", CONFIGURE, "a{sv} 0"},
};
static const struct method pool4_methods[] = {
	{"Remove", MANAGE_POOL4, "a{sv} 0"},
	{"Drain", MANAGE_POOL4, "a{sv} 0"},
	{"Enable", MANAGE_POOL4, "a{sv} 0"},
};

static void become_nobody(gpointer data)
{
	if (setgid(BUS_CLIENTS_NOBODY) < 0 || setuid(BUS_CLIENTS_NOBODY) < 0)
		_exit(99);
}

/* Refused by its action, or done without a question. */
static void assert_action(const char *object, const char *interface, const struct method *method)
{
	g_autofree char *line = g_strdup_printf(
		"busctl --address=%s call " DBUS_SERVICE " %s %s %s %s", service.bus_address,
		object, interface, method->name, method->arguments);
	g_autofree char *message = NULL, *question = NULL;
	g_auto(GStrv) words = NULL;
	int status;

	g_test_message("%s", line);
	g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
	g_assert_true(g_spawn_sync(NULL, words, NULL,
				   G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, become_nobody,
				   NULL, NULL, &message, &status, NULL));
	if (method->action == NULL) {
		g_assert_cmpstr(message, ==, "");
		g_assert_cmpint(status, ==, 0);
		fake_polkit_assert_asked("");
		return;
	}
	g_assert_cmpint(status, !=, 0);
	g_assert_cmpstr(message, ==, "Call failed: Access denied\n");
	question =
		g_strdup_printf("system-bus-name %s 1\n", method->action); /* busctl lets it ask */
	fake_polkit_assert_asked(question);
}

static void append_with_pipe(sd_bus_message *call, const char *name, int fd)
{
	if (strcmp(name, "Dump") == 0)
		g_assert_cmpint(sd_bus_message_append(call, "sa{sv}sh", "bib", 0, "json", fd), >=,
				0);
	else if (strcmp(name, "Monitor") == 0)
		g_assert_cmpint(sd_bus_message_append(call, "asa{sv}h", 0, 0, fd), >=, 0);
	else if (strcmp(name, "Trace") == 0)
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}h", 0, fd), >=, 0);
	else if (strcmp(name, "SnapshotTo") == 0)
		g_assert_cmpint(sd_bus_message_append(call, "h", fd), >=, 0);
	else
		g_error("which arguments does %s take?", name);
}

/* The same of those that busctl can not call. */
static void assert_action_with_pipe(const struct method *method)
{
	sd_bus *nobody = bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, false);
	g_autofree char *question = g_strdup_printf("system-bus-name %s 0\n", method->action);
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *call = NULL;
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(sd_bus_message_new_method_call(nobody, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method->name),
			>=, 0);
	append_with_pipe(call, method->name, fds[1]);
	g_assert_cmpint(sd_bus_call(nobody, call, 0, &error, NULL), <, 0);
	g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_ACCESS_DENIED);
	fake_polkit_assert_asked(question);
	close(fds[0]);
	close(fds[1]);
	sd_bus_flush_close_unref(nobody);
}

/* Every method that the object has is in the table. */
static void assert_complete(const char *object, const char *interface, const struct method *methods,
			    size_t n_methods)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *xml, *at, *end;
	g_autofree char *head = g_strdup_printf("<interface name=\"%s\">", interface);
	unsigned n = 0;

	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, object,
					   "org.freedesktop.DBus.Introspectable", "Introspect",
					   NULL, &reply, NULL),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &xml), >=, 0);
	at = strstr(xml, head);
	g_assert_nonnull(at);
	end = strstr(at, "</interface>");
	while ((at = strstr(at, "<method name=\"")) != NULL && at < end) {
		size_t length;
		bool known = false;

		at += strlen("<method name=\"");
		length = strcspn(at, "\"");
		for (size_t i = 0; i < n_methods; i++)
			known |= strlen(methods[i].name) == length &&
				 strncmp(methods[i].name, at, length) == 0;
		if (!known)
			g_error("which action does %.*s need?", (int)length, at);
		n++;
	}
	g_assert_cmpuint(n, ==, n_methods);
}

static void test_actions(void)
{
	g_autofree char *entry = g_strdup_printf(DBUS_PATH_POOL4 "/%u", service.pool4_id);

	fake_polkit_mode("answer", false, "org.example.other");
	assert_complete(DBUS_PATH, DBUS_INTERFACE_MANAGER, manager_methods,
			G_N_ELEMENTS(manager_methods));
	assert_complete(entry, DBUS_INTERFACE_POOL4, pool4_methods, G_N_ELEMENTS(pool4_methods));
	for (size_t i = 0; i < G_N_ELEMENTS(manager_methods); i++) {
		if (manager_methods[i].arguments != NULL)
			assert_action(DBUS_PATH, DBUS_INTERFACE_MANAGER, &manager_methods[i]);
		else
			assert_action_with_pipe(&manager_methods[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(pool4_methods); i++)
		assert_action(entry, DBUS_INTERFACE_POOL4, &pool4_methods[i]);
}

int main(int argc, char **argv)
{
	const char *missing = fake_polkit_missing();
	int r;

	g_test_init(&argc, &argv, NULL);
	if (missing != NULL) {
		g_print("1..0 # SKIP %s\n", missing);
		return 0;
	}
	g_test_add_func("/actions/actions", test_actions);
	bus_clients_begin(NULL);
	fake_polkit_start();
	r = g_test_run();
	fake_polkit_stop();
	bus_clients_end();
	return r;
}
