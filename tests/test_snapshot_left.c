/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots that nobody takes, or that fail again and again: nothing waits for them. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/change_call.h"
#include "tests/stream_reader.h"

static const char keeping[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			      "[State]\nRetention=1h\n"
			      "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";

static int count_failed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *text;

	if (!sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "SnapshotFailed"))
		return 0;
	g_assert_cmpint(sd_bus_message_read(message, "s", &text), >, 0);
	g_assert_cmpstr(text, ==, "the snapshot can not be written there: Broken pipe");
	++*(unsigned *)userdata;
	return 0;
}

static char *snapshot(sd_bus *bus, const char *option)
{
	_cleanup_ending_ struct change_ending ending;

	change_gateway(bus, "Snapshot", option, &ending);
	return g_strdup_printf("%s%s%s", ending.name ? ending.name : "", ending.name ? ": " : "",
			       ending.text);
}

/* A pipe that holds less than a database. */
static void open_small(struct reader *reader)
{
	reader_open(reader, READER_PIPE);
	g_assert_cmpint(fcntl(reader->other, F_SETPIPE_SZ, 4096), ==, 4096);
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const sd_bus_error *failed = sd_bus_message_get_error(message);

	*(char **)userdata = failed ? g_strdup_printf("%s: %s", failed->name, failed->message)
				    : g_strdup("done");
	return 0;
}

/* The call, which is under way when this returns; its answer comes into *ret. */
static void begin_snapshot_to(sd_bus *bus, int fd, char **ret)
{
	*ret = NULL;
	g_assert_cmpint(sd_bus_call_method_async(bus, NULL, DBUS_SERVICE, DBUS_PATH,
						 DBUS_INTERFACE_MANAGER, "SnapshotTo", on_answer,
						 ret, "h", fd),
			>=, 0);
	g_assert_cmpint(sd_bus_flush(bus), >=, 0);
}

static void wait_answer(sd_bus *bus, char *const *answer)
{
	while (*answer == NULL) {
		if (sd_bus_process(bus, NULL) == 0)
			g_assert_cmpint(sd_bus_wait(bus, UINT64_MAX), >=, 0);
	}
}

/* Time is up; and what was left is no obstacle for the next. */
static void test_limit(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *answer = NULL, *text = NULL;
		struct reader reader;

		test_service_give_ms = 100;
		bus_clients_begin(keeping);
		test_service_give_ms = 0;
		open_small(&reader);
		begin_snapshot_to(clients[i], reader.other, &answer);
		wait_answer(clients[i], &answer);
		g_assert_cmpstr(answer, ==,
				DBUS_ERROR_DATABASE_FAILED
				": the snapshot can not be written there: it has not been taken in "
				"time");
		text = snapshot(clients[i], NULL);
		g_assert_true(g_str_has_prefix(text, "snapshot of 0 bindings"));
		reader_close(&reader);
		bus_clients_end();
	}
}

/* The end of the daemon does not wait for who takes nothing: this test would not end, else. */
static void test_stop(void)
{
	for (unsigned i = 0; i < 2; i++) {
		g_autofree char *answer = NULL, *busy = NULL;
		struct reader reader;
		sd_bus *bus, *other;

		test_service_start_with(&service, keeping);
		bus = test_service_connect(&service, i == 1);
		other = test_service_connect(&service, i == 0);
		open_small(&reader);
		begin_snapshot_to(bus, reader.other, &answer);
		/* It is being written, when the first of it is there. */
		g_assert_true(reader_read_some(&reader));
		busy = snapshot(other, NULL);
		g_assert_cmpstr(busy, ==,
				SD_BUS_ERROR_LIMITS_EXCEEDED
				": a snapshot is being written already");
		sd_bus_flush_close_unref(other);
		g_assert_null(answer);
		test_service_stop(&service);
		wait_answer(bus, &answer);
		g_assert_cmpstr(answer, ==,
				SD_BUS_ERROR_FAILED
				": the snapshot can not be written there: the daemon ends");
		reader_close(&reader);
		sd_bus_close_unref(bus);
	}
}

/* Others hear of it ten times, and once a second behind that. */
static void test_failed_limit(void)
{
	gint64 begun = g_get_monotonic_time();
	struct reader reader;
	unsigned n = 0, most;

	bus_clients_begin(keeping);
	g_assert_cmpint(sd_bus_match_signal(clients[1], NULL, NULL, NULL, DBUS_INTERFACE_MANAGER,
					    NULL, count_failed, &n),
			>=, 0);
	reader_open(&reader, READER_PIPE);
	close(reader.fd);
	reader.fd = -1;
	for (unsigned i = 0; i < 40; i++) {
		g_autofree char *answer = NULL;

		begin_snapshot_to(clients[0], reader.other, &answer);
		wait_answer(clients[0], &answer);
		g_assert_cmpstr(answer, ==,
				DBUS_ERROR_DATABASE_FAILED
				": the snapshot can not be written there: Broken pipe");
	}
	most = 10 + (unsigned)((g_get_monotonic_time() - begun) / G_USEC_PER_SEC) + 1;
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL),
			>=, 0);
	while (sd_bus_process(clients[1], NULL) > 0)
		continue;
	g_assert_cmpuint(n, >=, 10);
	g_assert_cmpuint(n, <=, most);
	g_assert_cmpuint(n, <, 40);
	reader_close(&reader);
	bus_clients_end();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	g_test_add_func("/snapshot-left/limit", test_limit);
	g_test_add_func("/snapshot-left/stop", test_stop);
	g_test_add_func("/snapshot-left/failed-limit", test_failed_limit);
	return g_test_run();
}
