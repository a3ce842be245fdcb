/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the daemon waits for nobody: not for a peer that reads no answer, nor for a bus that
 * hangs. A test that waits would not end. Those who do read get what is said last. */
#include <errno.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "dbus/names.h"
#include "tests/change_call.h"
#include "tests/stream_reader.h"

/* Answers of 600 kB each: more than a socket holds, and fewer than the service lets pile up. */
#define N_BINDINGS 8000
#define N_CALLS    36

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return 0;
}

static void ask(sd_bus *bus)
{
	g_assert_cmpint(sd_bus_call_method_async(bus, NULL, DBUS_SERVICE, DBUS_PATH,
						 DBUS_INTERFACE_MANAGER, "ListBib", on_reply, NULL,
						 "a{sv}su", 0, "", DBUS_ROWS_MAX),
			>=, 0);
	g_assert_cmpint(sd_bus_flush(bus), >=, 0);
}

/* Who comes after it is served, so it has been, too. */
static void assert_served(bool to_socket)
{
	sd_bus *bus = test_service_connect(&service, to_socket);

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "GetStatistics", NULL, NULL, NULL),
			>=, 0);
	sd_bus_flush_close_unref(bus);
}

/* Bytes that the service has not read. */
static int n_unread(sd_bus *bus)
{
	int n = 0;

	g_assert_cmpint(ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &n), ==, 0);
	return n;
}

static void start(void)
{
	test_service_start(&service);
	for (uint32_t client = 0; client < N_BINDINGS; client++)
		test_service_add_session(&service, PROTOCOL_UDP, client, 7, 1);
}

static void test_never_reads(void)
{
	sd_bus *bus;

	start();
	bus = test_service_connect(&service, true);
	assert_served(true);
	for (unsigned i = 0; i < N_CALLS; i++)
		ask(bus);
	/* Until it has been answered, as far as that goes. */
	while (n_unread(bus) > 0)
		assert_served(true);
	assert_served(true);
	test_service_stop(&service);
	sd_bus_close_unref(bus);
}

/* It hangs before it has taken the answers: the service reads the calls when the lock is free. */
static void test_bus_hangs(void)
{
	sd_bus *bus;

	start();
	bus = test_service_connect(&service, false);
	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListBib", NULL, NULL, "a{sv}su", 0, "", 1),
			>=, 0); /* the bus is not asked again who this is */
	gateway_lock(&service.gateway);
	for (unsigned i = 0; i < N_CALLS; i++)
		ask(bus);
	/* The bus has passed them on before it answers this. */
	g_assert_cmpint(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					   "org.freedesktop.DBus", "GetId", NULL, NULL, NULL),
			>=, 0);
	g_assert_cmpint(kill(service.bus_daemon, SIGSTOP), ==, 0);
	gateway_unlock(&service.gateway);
	/* One message of each connection in turn. */
	for (unsigned i = 0; i < 2 * N_CALLS; i++)
		assert_served(true);
	test_service_stop(&service); /* the service's thread, and then the bus */
	sd_bus_close_unref(bus);
}

static int on_done(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	uint64_t id, n_rows;
	int number;

	g_assert_cmpint(sd_bus_message_read(message, "tti", &id, &n_rows, &number), >, 0);
	*(int *)userdata = number;
	return 0;
}

/* A dump that is under way ends, and its caller hears why, as of org.nat64d1(5). */
static void test_dump(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct reader reader;
		int ended = 0;
		sd_bus *bus;

		start();
		bus = test_service_connect(&service, i == 1);
		g_assert_cmpint(sd_bus_match_signal(bus, NULL, NULL, NULL, DBUS_INTERFACE_MANAGER,
						    "DumpDone", on_done, &ended),
				>=, 0);
		reader_open(&reader, READER_PIPE);
		g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "Dump", NULL, NULL,
						   "sa{sv}sh", "bib", 0, "json", reader.other),
				>=, 0);
		g_assert_true(reader_read_some(&reader));
		test_service_stop(&service);
		while (sd_bus_process(bus, NULL) > 0)
			continue;
		g_assert_cmpint(ended, ==, ECANCELED);
		reader_close(&reader);
		sd_bus_close_unref(bus);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	g_test_add_func("/end/never-reads", test_never_reads);
	g_test_add_func("/end/bus-hangs", test_bus_hangs);
	g_test_add_func("/end/dump", test_dump);
	return g_test_run();
}
