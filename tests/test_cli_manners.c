/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How nat64ctl behaves whatever it prints: exit statuses and where they come from, terminals, pipes
 * and full disks, scripts that run again, a daemon that is not there and is not started.
 */
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli_run.h"

#define N_MANY 5000

static struct test_service service;

/* What a probe hears of: a gateway that drains, and one without its rules. */
static void test_health(void)
{
	g_autofree char *out = NULL, *draining = NULL, *silent = NULL, *rules = NULL;

	gateway_lock(&service.gateway);
	service.gateway.state = GATEWAY_DRAINING;
	gateway_unlock(&service.gateway);
	g_assert_cmpint(cli_run(&service, "health", false, &out, &draining), ==, 1);
	g_assert_cmpstr(draining, ==, "nat64ctl: the gateway is draining\n");
	g_clear_pointer(&out, g_free);
	g_assert_cmpint(cli_run(&service, "health --quiet", true, &out, &silent), ==, 1);
	g_assert_cmpstr(silent, ==, "");
	gateway_lock(&service.gateway);
	service.gateway.state = GATEWAY_ACTIVE;
	service.gateway.rules_in_place = false;
	gateway_unlock(&service.gateway);
	g_clear_pointer(&out, g_free);
	g_assert_cmpint(cli_run(&service, "health", true, &out, &rules), ==, 1);
	g_assert_cmpstr(rules, ==, "nat64ctl: the packet rules are not in place\n");
	gateway_lock(&service.gateway);
	service.gateway.rules_in_place = true;
	gateway_unlock(&service.gateway);
}

/* What helps against the one does not help against the other. */
static void test_refused_by_pool4(void)
{
	uint64_t *counter = service.gateway.nat->counters.packets[0];
	g_autofree char *full = NULL, *unserved = NULL, *err = NULL;

	gateway_lock(&service.gateway);
	counter[OUTCOME_POOL4_EXHAUSTED] += 3;
	gateway_unlock(&service.gateway);
	g_assert_cmpint(cli_run(&service, "--json status", false, &full, &err), ==, 0);
	g_assert_nonnull(strstr(full, "\"3 packets found no free port in pool4\""));
	g_assert_null(strstr(full, "serves"));
	gateway_lock(&service.gateway);
	counter[OUTCOME_POOL4_EXHAUSTED] -= 3;
	counter[OUTCOME_POOL4_NO_ENTRY] += 2;
	gateway_unlock(&service.gateway);
	g_clear_pointer(&err, g_free);
	g_assert_cmpint(cli_run(&service, "--json status", false, &unserved, &err), ==, 0);
	g_assert_nonnull(strstr(unserved,
				"\"2 packets were of clients, protocols or prefixes that no "
				"entry of pool4 serves, see 'pool4 list'\""));
	g_assert_null(strstr(unserved, "no free port"));
	gateway_lock(&service.gateway);
	counter[OUTCOME_POOL4_NO_ENTRY] -= 2;
	gateway_unlock(&service.gateway);
}

static void test_not_running(void)
{
	g_autofree char *out = NULL, *message = NULL;
	g_autoptr(GError) error = NULL;
	int status;

	g_spawn_command_line_sync(NAT64CTL " --socket /nonexistent/control status", &out, &message,
				  &status, &error);
	g_assert_no_error(error);
	g_assert_cmpint(WEXITSTATUS(status), ==, 4);
	g_assert_cmpstr(message, ==,
			"nat64ctl: nat64d is not running: /nonexistent/control: No such file or "
			"directory\n");
}

/* The bus is there, the service is not. */
static void test_not_on_bus(void)
{
	g_autofree char *out = NULL, *message = NULL, *expected = NULL;

	g_assert_cmpint(cli_run(&service, "-i other status", false, &out, &message), ==, 4);
	expected = g_strdup_printf("nat64ctl: nat64d is not running: %s: nobody owns its name\n",
				   service.bus_address);
	g_assert_cmpstr(message, ==, expected);
	g_assert_cmpstr(out, ==, "");
}

/* Runs a copy of nat64ctl that everybody may execute, as nobody. Exit status. */
static int run_as_nobody(const char *arguments, char **ret_message)
{
	g_autofree char *line =
		g_strdup_printf("setpriv --reuid 65534 --regid 65534 --clear-groups %s/nat64ctl %s",
				service.directory, arguments);
	g_autofree char *out = NULL;
	g_autoptr(GError) error = NULL;
	int status;

	g_spawn_command_line_sync(line, &out, ret_message, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Status 5: on the bus the service refuses, on the socket the kernel does. */
static void test_not_authorised(void)
{
	g_autofree char *copy = g_build_filename(service.directory, "nat64ctl", NULL);
	g_autofree char *on_bus = g_strdup_printf("--bus %s bib list", service.bus_address);
	g_autofree char *counters = g_strdup_printf("--bus %s stats", service.bus_address);
	g_autofree char *on_socket = g_strdup_printf("--socket %s bib list", service.socket_path);
	g_autofree char *by_bus = NULL, *by_socket = NULL, *no_message = NULL, *program = NULL;
	g_autofree char *expected = NULL;
	gsize size;

	if (geteuid() != 0) {
		g_test_skip("needs root, to become somebody else");
		return;
	}
	g_assert_true(g_file_get_contents(NAT64CTL, &program, &size, NULL));
	g_assert_true(g_file_set_contents_full(copy, program, (gssize)size,
					       G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	g_assert_cmpint(run_as_nobody(on_bus, &by_bus), ==, 5);
	g_assert_cmpstr(by_bus, ==,
			"nat64ctl: only root and members of group nat64d-admin may see bindings "
			"and sessions\n");
	g_assert_cmpint(run_as_nobody(on_socket, &by_socket), ==, 5);
	expected = g_strdup_printf("nat64ctl: %s: only root and group nat64d-admin may connect\n",
				   service.socket_path);
	g_assert_cmpstr(by_socket, ==, expected);
	g_assert_cmpint(run_as_nobody(counters, &no_message), ==, 0);
	g_assert_cmpstr(no_message, ==, "");
}

/* Texts are no wider than the terminal; what is one row is one row. */
static void test_narrow(void)
{
	static const struct {
		const char *command;
		unsigned columns;
	} cases[] = {
		{"help", 80},        {"status", 80},
		{"help", 40},        {"status", 40},
		{"help client", 40}, {"explain udp [2001:db8:1::2]:3000 198.51.100.1:80", 40},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *columns = g_strdup_printf("%u", cases[i].columns);
		g_autofree char *out = NULL, *message = NULL;
		g_auto(GStrv) lines = NULL;

		g_assert_true(g_setenv("COLUMNS", columns, true));
		g_assert_cmpint(cli_run(&service, cases[i].command, true, &out, &message), ==, 0);
		lines = g_strsplit(out, "\n", -1);
		for (unsigned j = 0; lines[j] != NULL; j++) {
			g_test_message("%s", lines[j]);
			g_assert_cmpint(g_utf8_strlen(lines[j], -1), <=, cases[i].columns);
		}
	}
	g_unsetenv("COLUMNS");
}

/* More than one buffer full, so that writing fails before the end. */
static void test_full_disk(void)
{
	g_autofree char *full = g_strdup_printf("bash -c '%s --socket %s stats --all > /dev/full'",
						NAT64CTL, service.socket_path);
	g_autofree char *pipe = g_strdup_printf("bash -c '%s --socket %s stats --all | true; "
						"exit ${PIPESTATUS[0]}'",
						NAT64CTL, service.socket_path);
	g_autofree char *complaint = NULL, *message = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(full, NULL, &complaint, &status, NULL));
	g_assert_true(g_str_has_prefix(complaint, "nat64ctl: can not write: "));
	g_assert_cmpint(WEXITSTATUS(status), ==, 1);
	g_assert_true(g_spawn_command_line_sync(pipe, NULL, &message, &status, NULL));
	g_assert_cmpstr(message, ==, "");
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* A reader that goes away is no failure; a full disk is. */
static void test_closed_pipe(void)
{
	g_autofree char *head = g_strdup_printf("bash -c '%s --socket %s stats --all | head -1 && "
						"exit ${PIPESTATUS[0]}'",
						NAT64CTL, service.socket_path);
	g_autofree char *first = NULL, *nothing = NULL;
	g_autofree char *pipe =
		g_strdup_printf("bash -c '%s --socket %s bib list --no-legend | true; "
				"exit ${PIPESTATUS[0]}'",
				NAT64CTL, service.socket_path);
	g_autofree char *full = g_strdup_printf("bash -c '%s --socket %s bib list > /dev/full'",
						NAT64CTL, service.socket_path);
	g_autofree char *message = NULL, *complaint = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(head, &first, &nothing, &status, NULL));
	g_assert_cmpstr(nothing, ==, "");
	g_assert_true(g_str_has_prefix(first, "COUNTER"));
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	g_assert_true(g_spawn_command_line_sync(pipe, NULL, &message, &status, NULL));
	g_assert_cmpstr(message, ==, "");
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	g_assert_true(g_spawn_command_line_sync(full, NULL, &complaint, &status, NULL));
	g_assert_cmpstr(complaint, ==, "nat64ctl: can not write: No space left on device\n");
	g_assert_cmpint(WEXITSTATUS(status), ==, 1);
}

/* The reader goes after the first line of a list that is longer than any pipe. */
static void test_cut_list(void)
{
	static const struct {
		const char *command, *first;
	} cases[] = {
		{"bib list", "PROTO "},
		{"bib list --no-legend", "udp "},
		{"bib list --json", "["},
		{"bib list --limit 4000", "PROTO "},
		{"bib list --limit 4000 --json", "["},
		{"session list", "PROTO "},
	};
	struct test_service many;

	test_service_start(&many);
	for (uint16_t i = 0; i < N_MANY; i++)
		test_service_add_session(&many, PROTOCOL_UDP, 1 + i / 100, 2000 + i, 1);
	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		const char *command = cases[i / 2].command;
		g_autofree char *line =
			g_strdup_printf("bash -c '%s %s %s %s | head -1; exit ${PIPESTATUS[0]}'",
					NAT64CTL, i % 2 ? "--socket" : "--bus",
					i % 2 ? many.socket_path : many.bus_address, command);
		g_autofree char *out = NULL, *message = NULL, *n = NULL, *nothing = NULL;
		g_autofree char *expected = g_strdup_printf("%u\n", N_MANY);
		int status;

		g_test_message("%s", command);
		g_assert_true(g_spawn_command_line_sync(line, &out, &message, &status, NULL));
		g_assert_cmpstr(message, ==, "");
		g_assert_true(WIFEXITED(status));
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
		g_assert_true(g_str_has_prefix(out, cases[i / 2].first));
		g_assert_true(strchr(out, '\n') == out + strlen(out) - 1); /* and no other line */
		/* Nothing of it is left behind. */
		g_assert_cmpint(cli_run(&many, "bib list --count", i % 2, &n, &nothing), ==, 0);
		g_assert_cmpstr(n, ==, expected);
	}
	test_service_stop(&many);
}

/* Whatever is asked for, an error is one line. */
static void test_one_line(void)
{
	g_autofree char *out = NULL, *message = NULL;

	g_assert_cmpint(cli_run(&service, "'a\nb\x1b[2J'", true, &out, &message), ==, 2);
	g_assert_cmpstr(message, ==,
			"nat64ctl: there is no command 'a?b?[2J'; 'nat64ctl help' lists them\n");
}

/* The commands as "help --json" has them. */
static json_t *get_commands(void)
{
	g_autofree char *out = NULL, *message = NULL;
	json_t *document, *commands;

	g_assert_cmpint(cli_run(&service, "help --json", true, &out, &message), ==, 0);
	document = json_loads(out, 0, NULL);
	commands = json_incref(json_object_get(document, "commands"));
	json_decref(document);
	g_assert_cmpuint(json_array_size(commands), >, 30);
	return commands;
}

static bool has_dry_run(const json_t *command)
{
	const json_t *option;
	size_t i;

	json_array_foreach(json_object_get(command, "options"), i, option)
	{
		if (!strcmp(json_string_value(json_object_get(option, "name")), "--dry-run"))
			return true;
	}
	return false;
}

/* Who only reads refuses --dry-run instead of taking it for granted; who changes has it. */
static void test_dry_run(void)
{
	json_t *commands = get_commands();
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
	{
		const char *name = json_string_value(json_object_get(command, "command"));
		bool changes = json_is_true(json_object_get(command, "changes"));
		g_autofree char *line = g_strdup_printf("%s --dry-run", name);
		g_autofree char *expected = g_strdup_printf(
			"nat64ctl: '%s' changes nothing, with or without --dry-run\n", name);
		g_autofree char *out = NULL, *message = NULL;

		g_assert_cmpint(has_dry_run(command), ==, changes);
		if (changes)
			continue;
		g_assert_cmpint(cli_run(&service, line, true, &out, &message), ==, 2);
		g_assert_cmpstr(message, ==, expected);
		g_assert_cmpstr(out, ==, "");
	}
	json_decref(commands);
}

/* "COMMAND --help", for every one of them, whatever else is missing. */
static void test_help(void)
{
	json_t *commands = get_commands();
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
	{
		const char *name = json_string_value(json_object_get(command, "command"));
		g_autofree char *line = g_strdup_printf("%s --help", name);
		g_autofree char *begin = g_strdup_printf("nat64ctl %s", name);
		g_autofree char *out = NULL, *message = NULL;

		g_assert_cmpint(cli_run(&service, line, true, &out, &message), ==, 0);
		g_assert_true(g_str_has_prefix(out, begin));
		g_assert_cmpstr(message, ==, "");
	}
	json_decref(commands);
}

/* A bus that starts what is asked for: a shell that leaves a mark. */
static char *start_activating_bus(const char *mark, GPid *ret_pid)
{
	g_autofree char *conf = g_build_filename(service.directory, "activating.conf", NULL);
	g_autofree char *file = g_build_filename(service.directory, "org.nat64d1.service", NULL);
	g_autofree char *text = g_strdup_printf(
		"<busconfig><type>session</type><listen>unix:tmpdir=%s</listen>"
		"<servicedir>%s</servicedir><policy context='default'><allow send_destination='*'/>"
		"<allow receive_sender='*'/>"
		"<allow own='*'/></policy></busconfig>",
		service.directory, service.directory);
	g_autofree char *activated = g_strdup_printf(
		"[D-BUS Service]\nName=org.nat64d1\nExec=/bin/sh -c \"touch %s; false\"\n", mark);
	g_autofree char *option = g_strdup_printf("--config-file=%s", conf);
	const char *argv[] = {"dbus-daemon", "--nofork", "--print-address", option, NULL};
	char line[256];
	FILE *out;
	int fd;

	g_assert_true(g_file_set_contents(conf, text, -1, NULL));
	g_assert_true(g_file_set_contents(file, activated, -1, NULL));
	g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
					       G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
					       NULL, NULL, ret_pid, NULL, &fd, NULL, NULL));
	out = fdopen(fd, "r");
	g_assert_nonnull(fgets(line, sizeof(line), out));
	fclose(out);
	return g_strdup(g_strchomp(line));
}

/* Has the bus started the service? It answers a start that fails, too, once it is over. */
static void start_by_name(const char *address)
{
	__attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;

	g_assert_cmpint(sd_bus_new(&bus), >=, 0);
	g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
	g_assert_cmpint(sd_bus_set_bus_client(bus, true), >=, 0);
	g_assert_cmpint(sd_bus_start(bus), >=, 0);
	(void)sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				 "org.freedesktop.DBus", "StartServiceByName", NULL, NULL, "su",
				 "org.nat64d1", 0);
}

/* Neither looking nor changing brings up a gateway that somebody has stopped. */
static void test_not_activated(void)
{
	static const char *const commands[] = {"status", "bib list", "config get Timeouts.UDP",
					       "resume", "--complete"};
	g_autofree char *mark = g_build_filename(service.directory, "activated", NULL);
	GPid bus;
	g_autofree char *address = start_activating_bus(mark, &bus);

	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
		bool completes = g_str_has_prefix(commands[i], "--complete");
		g_autofree char *line =
			completes
				? g_strdup_printf("%s --complete --bus %s pool4 remove ''",
						  NAT64CTL, address)
				: g_strdup_printf("%s --bus %s %s", NAT64CTL, address, commands[i]);
		g_autofree char *out = NULL, *message = NULL;
		int status;

		g_assert_true(g_spawn_command_line_sync(line, &out, &message, &status, NULL));
		g_assert_cmpint(WEXITSTATUS(status), ==, completes ? 0 : 4);
		g_assert_cmpstr(out, ==, "");
		g_assert_false(g_file_test(mark, G_FILE_TEST_EXISTS));
	}
	start_by_name(address); /* this bus would have done it */
	g_assert_true(g_file_test(mark, G_FILE_TEST_EXISTS));
	g_assert_cmpint(kill(bus, SIGTERM), ==, 0);
	g_assert_cmpint(waitpid(bus, NULL, 0), ==, bus);
}

/* Whether a change that ends so has changed anything, by what --json prints. */
static bool has_changed_with(const char *arguments, int expected_status, const char *expected)
{
	g_autofree char *line = g_strdup_printf("%s --json", arguments);
	g_autofree char *out = NULL, *message = NULL;
	int status = cli_run(&service, line, true, &out, &message);
	json_t *document = json_loads(out, 0, NULL);
	bool changed = json_is_true(json_object_get(document, "changed"));

	g_test_message("%s: %s", line, out);
	g_assert_cmpstr(message, ==, expected);
	g_assert_cmpint(status, ==, expected_status);
	g_assert_true(json_is_boolean(json_object_get(document, "changed")));
	g_assert_true(json_is_string(json_object_get(document, "summary")));
	g_assert_true(json_is_array(json_object_get(document, "warnings")));
	json_decref(document);
	return changed;
}

static bool has_changed(const char *arguments)
{
	return has_changed_with(arguments, 0, "");
}

/* What says how it should be: done again, it is so already. */
static const char *const changes[] = {
	"pool4 add 198.51.100.0/29 --name more",
	"pool4 drain wan",
	"pool4 enable wan",
	"pool6 add 2001:db8:65::/96",
	"pool6 remove 2001:db8:65::/96",
	"bib add tcp [2001:db8::5]:2000 192.0.2.2:2000 --comment web",
	"publish 443/tcp,udp 2001:db8::5",
	"client block 2001:db8:9::/64",
	"session flush --protocol udp",
	"config set Timeouts.UDP 7min",
	"config reset Timeouts.UDP",
	"config set Timeouts.UDP 8min",
	"config reset --all",
	"log-level info",
	"drain",
	"resume",
	"reload",
};

/* What takes away: what has gone can not be named again, which is status 3, and has changed
 * nothing. */
static const struct removal {
	const char *add, *remove, *message;
} removals[] = {
	{"pool4 add 198.51.100.8/29 --name brief", "pool4 remove brief",
	 "nat64ctl: pool4 has no entry 'brief'\n"},
	{"bib add tcp [2001:db8::6]:80 192.0.2.1:80", "bib remove tcp 192.0.2.1:80",
	 "nat64ctl: there is no binding tcp 192.0.2.1:80\n"},
	{"client block 2001:db8:8::/64", "client unblock 2001:db8:8::/64",
	 "nat64ctl: client 2001:db8:8::/64 is not blocked\n"},
};

/* Run twice elsewhere: test_setup.py and test_cli_history.c; a snapshot is anew each time. */
static const char *const elsewhere[] = {"setup", "teardown", "restore", "snapshot"};

static bool is_of(const char *line, const char *command)
{
	size_t length = strlen(command);

	return strncmp(line, command, length) == 0 && (line[length] == ' ' || line[length] == '\0');
}

static bool is_known(const char *command)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		if (is_of(changes[i], command))
			return true;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(removals); i++) {
		if (is_of(removals[i].remove, command))
			return true;
	}
	return g_strv_contains(
		(const char *const[]){elsewhere[0], elsewhere[1], elsewhere[2], elsewhere[3], NULL},
		command);
}

/* Each verb that changes something is run twice by somebody. */
static void test_all_twice(void)
{
	g_autofree char *out = NULL, *message = NULL;
	json_t *document, *command;
	unsigned n = 0;
	size_t i;

	g_assert_cmpint(cli_run(&service, "help --json", true, &out, &message), ==, 0);
	document = json_loads(out, 0, NULL);
	json_array_foreach(json_object_get(document, "commands"), i, command)
	{
		const char *name = json_string_value(json_object_get(command, "command"));

		if (!json_is_true(json_object_get(command, "changes")))
			continue;
		g_test_message("%s", name);
		g_assert_true(is_known(name));
		n++;
	}
	g_assert_cmpuint(n, >=, 20);
	json_decref(document);
}

static void test_twice(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		if (g_str_equal(changes[i], "reload"))
			test_service_write(&service,
					   "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
					   "[Timeouts]\nUDP=9min\n[Pool4 wan]\n"
					   "Addresses=192.0.2.0/30\nPorts=1024-65535\n");
		g_assert_true(has_changed(changes[i]));
		g_assert_false(has_changed(changes[i]));
	}
}

static void test_removed_twice(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(removals); i++) {
		const struct removal *removal = &removals[i];

		g_assert_true(has_changed(removal->add));
		g_assert_true(has_changed(removal->remove));
		g_assert_false(has_changed_with(removal->remove, 3, removal->message));
		for (unsigned to_socket = 0; to_socket < 2; to_socket++) {
			g_autofree char *out = NULL, *message = NULL;

			g_assert_cmpint(
				cli_run(&service, removal->remove, to_socket, &out, &message), ==,
				3);
			g_assert_cmpstr(out, ==, "");
			g_assert_cmpstr(message, ==, removal->message);
		}
	}
}

/* A range goes on to the first that is not there. */
static void test_range_removed_twice(void)
{
	static const char range[] = "bib remove tcp 192.0.2.1:90-91";

	g_autofree char *out = NULL, *message = NULL, *again = NULL, *gone = NULL;

	g_assert_cmpint(cli_run(&service, "bib add tcp [2001:db8::6]:90-91 192.0.2.1:90-91", true,
				&out, &message),
			==, 0);
	g_assert_cmpint(cli_run(&service, range, true, &again, &gone), ==, 0);
	g_clear_pointer(&again, g_free);
	g_clear_pointer(&gone, g_free);
	g_assert_cmpint(
		cli_run(&service, "bib remove tcp 192.0.2.1:90-91 --json", true, &again, &gone), ==,
		3);
	g_assert_cmpstr(gone, ==, "nat64ctl: there is no binding tcp 192.0.2.1:90\n");
	g_assert_cmpstr(again, ==,
			"[\n  {\n    \"changed\": false,\n    \"summary\": \"there is no binding "
			"tcp 192.0.2.1:90\",\n    \"warnings\": []\n  }\n]\n");
}

int main(int argc, char **argv)
{
	int r;

	(void)signal(SIGPIPE,
		     SIG_IGN); /* as the daemon does; what is run here does not inherit it */
	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	test_service_add_session(&service, PROTOCOL_UDP, 2, 3000, 1);
	g_test_add_func("/cli_manners/health", test_health);
	g_test_add_func("/cli_manners/refused-by-pool4", test_refused_by_pool4);
	g_test_add_func("/cli_manners/not-running", test_not_running);
	g_test_add_func("/cli_manners/not-on-bus", test_not_on_bus);
	g_test_add_func("/cli_manners/not-activated", test_not_activated);
	g_test_add_func("/cli_manners/not-authorised", test_not_authorised);
	g_test_add_func("/cli_manners/one-line", test_one_line);
	g_test_add_func("/cli_manners/dry-run", test_dry_run);
	g_test_add_func("/cli_manners/help", test_help);
	g_test_add_func("/cli_manners/narrow", test_narrow);
	g_test_add_func("/cli_manners/full-disk", test_full_disk);
	g_test_add_func("/cli_manners/closed-pipe", test_closed_pipe);
	g_test_add_func("/cli_manners/cut-list", test_cut_list);
	g_test_add_func("/cli_manners/twice", test_twice); /* others would meet what it leaves */
	g_test_add_func("/cli_manners/removed-twice", test_removed_twice);
	g_test_add_func("/cli_manners/range-removed-twice", test_range_removed_twice);
	g_test_add_func("/cli_manners/all-twice", test_all_twice);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
