/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl who, snapshot and restore against the real manager with a state database. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/cli_run.h"

static struct test_service service;

static const char keeping[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			      "[State]\nRetention=1h\n"
			      "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"

/* Ends so, over the bus and the control socket: both texts are regular expressions. */
static void assert_run(const char *arguments, int status, const char *out, const char *message)
{
	for (unsigned to_socket = 0; to_socket < 2; to_socket++) {
		g_autofree char *got_out = NULL, *got_message = NULL;
		int got = cli_run(&service, arguments, to_socket, &got_out, &got_message);

		if (got != status || !g_regex_match_simple(out, got_out, 0, 0) ||
		    !g_regex_match_simple(message, got_message, 0, 0))
			g_error("%s: %d, '%s', '%s'", arguments, got, got_out, got_message);
	}
}

static void add_and_end(bool end)
{
	struct taddr6 inside = {.port = 80};
	const struct taddr4 outside = {0xc0000201, 2000};
	struct nat64 *nat = service.gateway.nat;

	g_assert_true(addr6_parse(end ? "2001:db8:1::1" : "2001:db8:1::2", &inside.addr));
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_TCP, &inside, &outside, gateway_now_ms()),
			==, NAT64_STATIC_OK);
	if (end)
		nat64_remove_binding(nat, PROTOCOL_TCP,
				     bib_find4(&nat->bib[PROTOCOL_TCP], &outside),
				     gateway_now_ms());
	gateway_unlock(&service.gateway);
}

static void test_who(void)
{
	add_and_end(true);
	add_and_end(false);
	assert_run("who 192.0.2.1:2000 --at now", 0,
		   "^192\\.0\\.2\\.1:2000 between " TIME "Z and " TIME "Z \\(UTC\\):\n"
		   "PROTO +CLIENT +FROM +UNTIL +SOURCE\n"
		   "tcp +\\[2001:db8:1::[12]\\]:80 +" TIME "Z .*\n"
		   "tcp +\\[2001:db8:1::[12]\\]:80 +" TIME "Z .*\n$",
		   "^$");
	assert_run("who 192.0.2.1:2000 --at now --no-legend", 0,
		   "tcp +\\[2001:db8:1::2\\]:80 +" TIME "Z +has it still +daemon\n", "^$");
	assert_run("who 192.0.2.1:2000 --at now --json", 0,
		   "\"client\":\"\\[2001:db8:1::2\\]:80\",\"mapped\":\"192\\.0\\.2\\.1:2000\","
		   "\"created\":\"" TIME "\\.000Z\",\"ended\":null,\"source\":\"daemon\"",
		   "^$");
	assert_run("who 192.0.2.1:2001 --at 2026-01-31T12:00:00Z --within 1min", 3, "^$",
		   "^nat64ctl: nobody had 192\\.0\\.2\\.1:2001 between 2026-01-31T11:59:00Z and "
		   "2026-01-31T12:01:00Z\n$");
	assert_run("who 192.0.2.1:2001 --at 2026-01-31T13:00:00+01:00 --within 1s", 3, "^$",
		   "between 2026-01-31T11:59:59Z and 2026-01-31T12:00:01Z\n$");
	assert_run("who 192.0.2.1:2001 --at @1769860800 --json", 3, "^\\[\\]\n$", "^$");
}

/* What is no time, or could be two. */
static void test_times(void)
{
	static const struct {
		const char *time, *sentence;
	} cases[] = {
		{"2026-01-31T12:00:00", "may be of any time zone: append Z if it is UTC, or one "},
		{"2026-01-31", "is a whole day: 2026-01-31T12:00:00Z would be a time"},
		{"1769860800", "may be seconds or something else: @1769860800 if it is seconds"},
		{"@", "is not '@' and seconds since 1970"},
		{"@-1", "is not '@' and seconds since 1970"},
		{"@99999999999", "is not '@' and seconds since 1970"},
		{"2026-02-30T12:00:00Z", "is no date and time since 1970 that there is"},
		{"1969-12-31T12:00:00Z", "is no date and time since 1970 that there is"},
		{"2026-01-31T25:00:00Z", "is no date and time since 1970 that there is"},
		{"31/Jan/2026:12:00:00", "is no time: 2026-01-31T12:00:00Z"},
		{"yesterday", "is no time: 2026-01-31T12:00:00Z"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *run = g_strdup_printf("who 192.0.2.1:2000 --at %s", cases[i].time);
		g_autofree char *quoted = g_regex_escape_string(cases[i].sentence, -1);
		g_autofree char *message = g_strdup_printf("^nat64ctl: --at: '.*' %s.*\n$", quoted);

		assert_run(run, 2, "^$", message);
	}
	assert_run("who 192.0.2.1:2000", 2, "^$", "who: --at TIME is missing");
	assert_run("who 192.0.2.1 --at now", 2, "^$",
		   "'192.0.2.1' is not an IPv4 address and a port");
	assert_run("who [2001:db8::1]:80 --at now", 2, "^$", "is not an IPv4 address and a port");
	assert_run("who 192.0.2.1:1-2 --at now", 2, "^$", "is not an IPv4 address and a port");
}

static void assert_restore(const char *options, int status, const char *out, const char *message)
{
	g_autofree char *arguments = g_strdup_printf("restore %s", options);

	assert_run(arguments, status, out, message);
}

static void assert_once(const char *options, bool to_socket, const char *out)
{
	g_autofree char *arguments = g_strdup_printf("restore %s", options);
	g_autofree char *got = NULL, *message = NULL;

	g_assert_cmpint(cli_run(&service, arguments, to_socket, &got, &message), ==, 0);
	g_test_message("%s: %s", arguments, got);
	g_assert_cmpstr(message, ==, "");
	g_assert_true(g_regex_match_simple(out, got, 0, 0));
}

/* Out of the running one, and into another directory; what is no snapshot changes nothing there. */
static void test_snapshot(void)
{
	g_autofree char *file = g_build_filename(service.directory, "taken.db", NULL);
	g_autofree char *bad = g_build_filename(service.directory, "bad.db", NULL);
	g_autofree char *other = g_build_filename(service.directory, "other", NULL);
	g_autofree char *used = g_build_filename(service.directory, "state", NULL);
	g_autofree char *db = g_build_filename(other, "state.db", NULL);
	g_autofree char *take = g_strdup_printf("snapshot --to %s", file);
	g_autofree char *nowhere = g_strdup_printf("snapshot --to %s/no/x", service.directory);
	g_autofree char *taken =
		g_strdup_printf("^snapshot of [0-9]+ bindings and sessions written "
				"to %s\n$",
				file);
	g_autofree char *good = g_strdup_printf("%s --state-dir %s", file, other);
	g_autofree char *dry = g_strdup_printf("%s --dry-run", good);
	g_autofree char *json = g_strdup_printf("%s --json", good);
	g_autofree char *busy = g_strdup_printf("%s --state-dir %s", file, used);
	g_autofree char *text = g_strdup_printf("%s --state-dir %s", bad, other);
	g_autofree char *folder = g_strdup_printf("%s --state-dir %s", used, other);
	struct stat status;

	g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
	assert_run(take, 0, taken, "^$");
	g_assert_cmpint(stat(file, &status), ==, 0);
	g_assert_cmpint(status.st_mode, ==, S_IFREG | 0600);
	assert_run(nowhere, 1, "^$", "can not be made: No such file or directory");
	assert_run("snapshot", 0, "^snapshot of [0-9]+ bindings and sessions written to ", "^$");

	g_assert_true(g_file_set_contents(bad, "this is no database, but text ...", -1, NULL));
	assert_restore(text, 1, "^$", "bad.db can not be .*file is not a database");
	g_assert_true(g_file_set_contents(bad, "", 0, NULL));
	assert_restore(text, 1, "^$", "bad.db is empty");
	assert_restore(folder, 1, "^$", "is no file: a snapshot is wanted");
	assert_restore("/nowhere/x --state-dir /nowhere", 3, "^$", "/nowhere/x can not be read: ");
	assert_restore(busy, 1, "^$",
		       "state.db is in use: stop nat64d, restore, and start it again");
	assert_restore(dry, 0, "^the next start of nat64d would restore [0-9]+ bindings", "^$");
	g_assert_false(g_file_test(db, G_FILE_TEST_EXISTS));
	for (unsigned to_socket = 0; to_socket < 2; to_socket++) {
		assert_once(good, to_socket,
			    "^the next start of nat64d restores [0-9]+ bindings and 0 sessions");
		g_assert_cmpint(stat(db, &status), ==, 0);
		g_assert_cmpint(status.st_mode, ==, S_IFREG | 0600);
		/* The second time it is there already, and the third time there is another one. */
		assert_once(good, to_socket,
			    "^the state database is that snapshot already: the next start of "
			    "nat64d restores [0-9]+ bindings and 0 sessions of [^;]*; what does "
			    "not fit its configuration is in its log\n$");
		assert_once(json, to_socket, "\"changed\": false");
		assert_once(dry, to_socket, "^the state database is that snapshot already: ");
		g_assert_true(g_file_set_contents(db, "", 0, NULL));
		assert_once(good, to_socket,
			    "; the state of before is kept as state.db.replaced-TIME\n$");
		g_assert_cmpint(g_unlink(db), ==, 0);
	}
	assert_restore(good, 0, "restores", "^$");
	assert_restore(text, 1, "^$", "bad.db is empty");
	g_assert_true(g_file_test(db, G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cli-history/who", test_who);
	g_test_add_func("/cli-history/times", test_times);
	g_test_add_func("/cli-history/snapshot", test_snapshot);
	test_service_start_with(&service, keeping);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
