/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dump: tables as lines in a pipe or socket, on the bus and on the control socket; readers that are
 * slow, never read or go away; descriptors that are neither; and bounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/names.h"
#include "dbus/stream.h"
#include "tests/stream_reader.h"

#define N_CLIENTS 5000 /* more than a slice, a buffer and a pipe hold */

/* What DumpDone said last. */
struct done {
	uint64_t id;
	uint64_t n_rows;
	int32_t error;
};

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct done *done = userdata;

	if (sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "DumpDone"))
		g_assert_cmpint(
			sd_bus_message_read(message, "tti", &done->id, &done->n_rows, &done->error),
			>=, 0);
	return 0;
}

static struct done *done_of(unsigned client)
{
	static struct done done[2];
	static bool watched[2];

	if (!watched[client])
		g_assert_cmpint(sd_bus_add_filter(clients[client], NULL, on_signal, &done[client]),
				>=, 0);
	watched[client] = true;
	return &done[client];
}

/* Waits until the dump is told to be done. */
static void wait_done(unsigned client, uint64_t id)
{
	const struct done *done = done_of(client);

	while (done->id != id) {
		int r = sd_bus_process(clients[client], NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(clients[client], 60000000), >, 0);
	}
}

static int call_dump(sd_bus *bus, const char *table, const char *name, const char *value,
		     const char *format, int fd, uint64_t *ret_id, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	int r;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, "Dump"),
			>=, 0);
	g_assert_cmpint(sd_bus_message_append(call, "s", table), >=, 0);
	if (name != NULL)
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}", 1, name, "s", value), >=, 0);
	else
		g_assert_cmpint(sd_bus_message_append(call, "a{sv}", 0), >=, 0);
	g_assert_cmpint(sd_bus_message_append(call, "sh", format, fd), >=, 0);
	r = sd_bus_call(bus, call, 0, error, &reply);
	if (r >= 0)
		g_assert_cmpint(sd_bus_message_read(reply, "t", ret_id), >=, 0);
	return r;
}

/* Begins a dump whose other end the reader has. */
static uint64_t begin(unsigned client, struct reader *reader, const char *table, const char *name,
		      const char *value, const char *format)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t id = 0;

	(void)done_of(client);
	(void)call_dump(clients[client], table, name, value, format, reader->other, &id, &error);
	g_assert_cmpstr(error.message, ==, NULL);
	reader_handed_over(reader);
	return id;
}

static void check_done(unsigned client, uint64_t id, uint64_t n_rows, int error)
{
	wait_done(client, id);
	g_assert_cmpuint(done_of(client)->n_rows, ==, n_rows);
	g_assert_cmpint(done_of(client)->error, ==, error);
}

/* Each client's binding once; each line an object. */
static void check_bib(const char *text)
{
	g_autofree bool *seen = g_new0(bool, N_CLIENTS);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned n = 0;

	for (; *lines[n] != '\0'; n++) {
		json_t *row = json_loads(lines[n], 0, NULL);
		struct taddr6 client;
		uint32_t number;

		g_assert_nonnull(row);
		g_assert_true(
			taddr6_parse(json_string_value(json_object_get(row, "client")), &client));
		number = load_be32(&client.addr.byte[12]);
		g_assert_cmpuint(number, <, N_CLIENTS);
		g_assert_false(seen[number]);
		seen[number] = true;
		g_assert_cmpstr(json_string_value(json_object_get(row, "pool4")), ==, "wan");
		g_assert_cmpint(json_integer_value(json_object_get(row, "sessions")), ==, 1);
		g_assert_true(json_is_false(json_object_get(row, "static")));
		json_decref(row);
	}
	g_assert_cmpuint(n, ==, N_CLIENTS);
}

static void test_json(void)
{
	for (unsigned i = 0; i < 2 * N_READER_KINDS; i++) {
		struct reader reader;
		uint64_t id;

		reader_open(&reader, i / 2);
		id = begin(i % 2, &reader, "bib", NULL, NULL, "json");
		reader_read_all(&reader);
		check_bib(reader.text->str);
		check_done(i % 2, id, N_CLIENTS, 0);
		reader_close(&reader);
	}
}

static void check_lines(const char *table, const char *name, const char *value, const char *format,
			unsigned n_lines, const char *pattern)
{
	struct reader reader;
	uint64_t id;

	reader_open(&reader, READER_PIPE);
	id = begin(1, &reader, table, name, value, format);
	reader_read_all(&reader);
	g_assert_cmpuint(reader_n_lines(&reader), ==, n_lines);
	if (!g_regex_match_simple(pattern, reader.text->str, 0, 0))
		g_error("not as '%s': %s", pattern, reader.text->str);
	check_done(1, id, n_lines - (strcmp(format, "csv") == 0), 0);
	reader_close(&reader);
}

#define TIME "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"

static void test_forms(void)
{
	check_lines("bib", "client", "2001:db8:1::7", "csv", 2,
		    "^protocol,client,mapped,static,sessions,created,expires,pool4\n"
		    "udp,\\[2001:db8:1::7\\]:7,192\\.0\\.2\\.\\d:\\d+,false,1," TIME "," TIME
		    ",wan\n$");
	check_lines("session", "client", "2001:db8:1::7", "csv", 2,
		    "^protocol,client,mapped,server6,server,state,expires\n"
		    "udp,\\[2001:db8:1::7\\]:7,192\\.0\\.2\\.\\d:\\d+,"
		    "\\[2001:db8:64::c633:6401\\]:80,198\\.51\\.100\\.1:80,," TIME "\n$");
	check_lines(
		"session", "server", "198.51.100.1", "json", N_CLIENTS,
		"^\\{\"protocol\":\"udp\",\"client\":\"\\[2001:db8:1::\\]:7\",\"mapped\":\"[0-9.:]+"
		"\","
		"\"server6\":\"\\[2001:db8:64::c633:6401\\]:80\",\"server\":\"198.51.100.1:80\","
		"\"state\":\"\",\"expires\":\"" TIME "\"\\}\n");
	check_lines("client", NULL, NULL, "json", 1,
		    "^\\{\"prefix\":\"2001:db8:1::/64\",\"tcp\":0,\"udp\":5000,\"icmp\":0,"
		    "\"sessions\":5000,\"refused\":0\\}\n$");
	check_lines("client", "client", "2001:db8:9::/48", "csv", 1,
		    "^prefix,tcp,udp,icmp,sessions,refused\n$");
	check_lines("bib", "protocol", "tcp", "json", 0, "^$");
}

/* Static bindings never end. */
static void test_never(void)
{
	const struct taddr4 mapped = {0xc0000201, 2080};
	struct taddr6 client;

	g_assert_true(taddr6_parse("[2001:db8:2::9]:80", &client));
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_TCP, &client, &mapped,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	check_lines("bib", "protocol", "tcp", "json", 1,
		    "\"expires\":null,\"pool4\":\"wan\"\\}\n$");
	check_lines("bib", "protocol", "tcp", "csv", 2, ",,wan\n$");
	gateway_lock(&service.gateway);
	nat64_remove_binding(service.gateway.nat, PROTOCOL_TCP,
			     bib_find6(&service.gateway.nat->bib[PROTOCOL_TCP], &client),
			     gateway_now_ms());
	gateway_unlock(&service.gateway);
}

static void check_refused(int fd, const char *table, const char *name, const char *format,
			  const char *error_name, const char *text)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
		uint64_t id;

		g_assert_cmpint(call_dump(clients[i], table, name, "x", format, fd, &id, &error), <,
				0);
		g_assert_cmpstr(error.message, ==, text);
		g_assert_cmpstr(error.name, ==, error_name);
	}
}

#define NO_FD "the file descriptor is not what lines can be written to: "

static void test_refused(void)
{
	int pipe[2], datagrams[2], file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int directory = open("/", O_PATH | O_CLOEXEC);

	g_assert_cmpint(pipe2(pipe, O_CLOEXEC), ==, 0);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams), ==, 0);
	check_refused(pipe[1], "table", NULL, "json", SD_BUS_ERROR_INVALID_ARGS,
		      "'table' is none of: bib, session, client");
	check_refused(pipe[1], "bib", NULL, "xml", SD_BUS_ERROR_INVALID_ARGS,
		      "'xml' is none of: json, csv");
	check_refused(pipe[1], "bib", "server", "json", DBUS_ERROR_INVALID_FILTER,
		      "there is no filter 'server' here");
	check_refused(pipe[1], "client", "address4", "json", DBUS_ERROR_INVALID_ADDRESS,
		      "'x' is not an IPv4 address");
	check_refused(pipe[1], "client", "pool4", "json", DBUS_ERROR_INVALID_FILTER,
		      "the only filter of clients is 'client'");
	check_refused(pipe[1], "session", "pool4", "json", DBUS_ERROR_NO_SUCH_POOL4,
		      "pool4 has no entry 'x'");
	check_refused(file, "bib", NULL, "json", SD_BUS_ERROR_INVALID_ARGS,
		      NO_FD "it is neither a pipe nor a socket");
	check_refused(directory, "bib", NULL, "json", SD_BUS_ERROR_INVALID_ARGS,
		      NO_FD "it is neither a pipe nor a socket");
	check_refused(datagrams[0], "bib", NULL, "json", SD_BUS_ERROR_INVALID_ARGS,
		      NO_FD "its socket is not one of streams");
	check_refused(pipe[0], "bib", NULL, "json", SD_BUS_ERROR_INVALID_ARGS,
		      NO_FD "it is the end of a pipe that is read from");
	for (unsigned i = 0; i < 2; i++) {
		close(pipe[i]);
		close(datagrams[i]);
	}
	close(file);
	close(directory);
}

/* Who goes away ends his dump and nothing else. */
static void test_closed(void)
{
	for (unsigned i = 0; i < 2 * N_READER_KINDS; i++) {
		struct reader reader;
		uint64_t id;

		reader_open(&reader, i / 2);
		id = begin(i % 2, &reader, "bib", NULL, NULL, "json");
		close(reader.fd);
		reader.fd = -1;
		wait_done(i % 2, id);
		g_assert_cmpint(done_of(i % 2)->error, ==, EPIPE);
		g_assert_cmpuint(done_of(i % 2)->n_rows, <, N_CLIENTS);
		reader_close(&reader);
	}
}

/* Four that never read keep four places of their caller; others are served meanwhile, and the four
 * have everything when they read at last. A writing end whose mode the caller changes is no trap.
 */
static void test_stuck(void)
{
	struct reader stuck[STREAMS_PER_CALLER_MAX], reader;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t id;

	for (unsigned i = 0; i < STREAMS_PER_CALLER_MAX; i++) {
		int kept;

		reader_open(&stuck[i], i % N_READER_KINDS);
		kept = dup(stuck[i].other);
		(void)begin(0, &stuck[i], "bib", NULL, NULL, "json");
		g_assert_cmpint(fcntl(kept, F_SETFL, O_WRONLY), ==, 0);
		close(kept);
	}
	reader_open(&reader, READER_PIPE);
	g_assert_cmpint(call_dump(clients[0], "bib", NULL, NULL, "json", reader.other, &id, &error),
			<, 0);
	g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_LIMITS_EXCEEDED);
	g_assert_cmpstr(
		error.message, ==,
		"4 streams are open for this caller, which is the most: one must end first");
	id = begin(1, &reader, "bib", NULL, NULL, "json");
	reader_read_all(&reader);
	check_bib(reader.text->str);
	check_done(1, id, N_CLIENTS, 0);
	reader_close(&reader);
	for (unsigned i = 0; i < STREAMS_PER_CALLER_MAX; i++) {
		reader_read_all(&stuck[i]);
		check_bib(stuck[i].text->str);
		reader_close(&stuck[i]);
	}
}

static int count_done(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	*(unsigned *)userdata +=
		sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "DumpDone") > 0;
	return 0;
}

/* Until so many dumps of the caller are told to be done: their places are free. */
static void wait_n_done(sd_bus *caller, const unsigned *n_done, unsigned n)
{
	while (*n_done < n) {
		int r = sd_bus_process(caller, NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(caller, 60000000), >, 0);
	}
}

/* No more than so many in all, however many connections there are. */
static void test_many_callers(void)
{
	const unsigned n_callers = STREAMS_MAX / STREAMS_PER_CALLER_MAX;
	struct reader reader[STREAMS_MAX], one_more;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *caller[STREAMS_MAX / STREAMS_PER_CALLER_MAX + 1];
	unsigned n_done[STREAMS_MAX / STREAMS_PER_CALLER_MAX + 1] = {0};
	uint64_t id;

	for (unsigned i = 0; i <= n_callers; i++) {
		caller[i] = test_service_connect(&service, i % 2 == 1);
		g_assert_cmpint(sd_bus_add_filter(caller[i], NULL, count_done, &n_done[i]), >=, 0);
	}
	for (unsigned i = 0; i < STREAMS_MAX; i++) {
		reader_open(&reader[i], READER_PIPE);
		g_assert_cmpint(call_dump(caller[i % n_callers], "bib", NULL, NULL, "json",
					  reader[i].other, &id, NULL),
				>=, 0);
		reader_handed_over(&reader[i]);
	}
	reader_open(&one_more, READER_PIPE);
	g_assert_cmpint(call_dump(caller[n_callers], "bib", NULL, NULL, "json", one_more.other, &id,
				  &error),
			<, 0);
	reader_close(&one_more);
	g_assert_cmpstr(error.message, ==,
			"32 streams are open, which is the most: one must end first");
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		reader_close(&reader[i]);
	/* The service sees that they are closed, one by one and behind the calls of others. */
	for (unsigned i = 0; i < n_callers; i++)
		wait_n_done(caller[i], &n_done[i], STREAMS_PER_CALLER_MAX);
	reader_open(&one_more, READER_PIPE);
	g_assert_cmpint(
		call_dump(caller[n_callers], "bib", NULL, NULL, "json", one_more.other, &id, NULL),
		>=, 0);
	reader_close(&one_more);
	wait_n_done(caller[n_callers], &n_done[n_callers], 1);
	for (unsigned i = 0; i <= n_callers; i++)
		sd_bus_flush_close_unref(caller[i]);
}

/* DumpDone is for who has asked: on the bus others do not hear it, whatever they listen to. */
static void test_unicast(void)
{
	sd_bus *other = test_service_connect(&service, false);
	struct done done = {.id = 0};
	struct reader reader;
	uint64_t id;

	g_assert_cmpint(sd_bus_match_signal(other, NULL, NULL, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					    NULL, on_signal, &done),
			>=, 0);
	reader_open(&reader, READER_PIPE);
	id = begin(0, &reader, "client", NULL, NULL, "json");
	reader_read_all(&reader);
	check_done(0, id, 1, 0);
	/* What was sent before the answer to this is there. */
	g_assert_cmpint(sd_bus_call_method(other, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "GetStatistics", NULL, NULL, NULL),
			>=, 0);
	while (sd_bus_process(other, NULL) > 0)
		;
	g_assert_cmpuint(done.id, ==, 0);
	reader_close(&reader);
	sd_bus_flush_close_unref(other);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	bus_clients_begin(NULL);
	for (uint32_t i = 0; i < N_CLIENTS; i++)
		test_service_add_session(&service, PROTOCOL_UDP, i, 7, 1);
	g_test_add_func("/dump/json", test_json);
	g_test_add_func("/dump/forms", test_forms);
	g_test_add_func("/dump/never", test_never);
	g_test_add_func("/dump/refused", test_refused);
	g_test_add_func("/dump/closed", test_closed);
	g_test_add_func("/dump/stuck", test_stuck);
	g_test_add_func("/dump/many-callers", test_many_callers);
	g_test_add_func("/dump/unicast", test_unicast);
	r = g_test_run();
	bus_clients_end();
	return r;
}
