/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor and Trace: what happens, as lines in a pipe or socket; filters; readers that are slow or
 * go away; and that it costs nothing when nobody looks on.
 */
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "dbus/stream.h"
#include "tests/stream_reader.h"

#define TIME "\"time\":\"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\""

static sd_bus_message *call_new(sd_bus *bus, const char *method)
{
	sd_bus_message *call = NULL;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	return call;
}

/* events NULL: Trace. One name of the filter, or none (NULL). */
static int call(sd_bus *bus, const char *event, const char *name, const char *value, int fd,
		sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *message = call_new(bus, event ? "Monitor" : "Trace");

	if (event != NULL && *event != '\0')
		g_assert_cmpint(sd_bus_message_append(message, "as", 1, event), >=, 0);
	else if (event != NULL)
		g_assert_cmpint(sd_bus_message_append(message, "as", 0), >=, 0);
	if (name != NULL)
		g_assert_cmpint(sd_bus_message_append(message, "a{sv}", 1, name, "s", value), >=,
				0);
	else
		g_assert_cmpint(sd_bus_message_append(message, "a{sv}", 0), >=, 0);
	g_assert_cmpint(sd_bus_message_append(message, "h", fd), >=, 0);
	return sd_bus_call(bus, message, 0, error, NULL);
}

static void begin(struct reader *reader, unsigned kind, const char *event, const char *name,
		  const char *value)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	reader_open(reader, kind % N_READER_KINDS);
	(void)call(clients[kind % 2], event, name, value, reader->other, &error);
	g_assert_cmpstr(error.message, ==, NULL);
	reader_handed_over(reader);
}

/* Until nobody looks on any more, which the service sees when it comes to it. */
static void wait_unwatched(void)
{
	bool watched = true;

	while (watched) {
		gateway_lock(&service.gateway);
		watched = service.gateway.nat->watch.ring || service.gateway.nat->watch.trace;
		gateway_unlock(&service.gateway);
		g_usleep(1000);
	}
}

static void check(const struct reader *reader, const char *pattern)
{
	g_auto(GStrv) lines = g_strsplit(reader->text->str, "\n", -1);

	for (unsigned i = 0; *lines[i] != '\0'; i++) {
		json_t *object = json_loads(lines[i], 0, NULL);

		g_assert_nonnull(object);
		json_decref(object);
	}
	if (!g_regex_match_simple(pattern, reader->text->str, 0, 0))
		g_error("not as '%s':\n%s", pattern, reader->text->str);
}

static void end_sessions(void)
{
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "FlushSessions", NULL, NULL,
					   "a{sv}a{sv}", 0, 1, "all", "b", 1),
			>=, 0);
}

/* A binding with a session, from the first to the last. */
static void test_binding(void)
{
	for (unsigned kind = 0; kind < 2 * N_READER_KINDS; kind++) {
		struct reader reader;

		begin(&reader, kind, "", NULL, NULL);
		test_service_add_session(&service, PROTOCOL_UDP, 5, 7, 1);
		reader_read_until(&reader, "session create");
		end_sessions();
		reader_read_until(&reader, "BIB delete");
		check(&reader,
		      "^\\{" TIME ",\"event\":\"NAT64 BIB create\",\"protocol\":\"udp\","
		      "\"address6\":\"2001:db8:1::5\",\"port6\":7,\"address4\":\"192\\.0\\.2\\."
		      "\\d\","
		      "\"port4\":\\d+,\"pool4\":\"wan\"\\}\n"
		      "\\{" TIME ",\"event\":\"NAT64 session create\",\"protocol\":\"udp\","
		      "\"address6\":\"2001:db8:1::5\",\"port6\":7,\"address4\":\"192\\.0\\.2\\."
		      "\\d\","
		      "\"port4\":\\d+,\"server\":\"198\\.51\\.100\\.1\",\"server_port\":80,"
		      "\"pool4\":\"wan\"\\}\n"
		      "\\{" TIME ",\"event\":\"NAT64 session delete\",[^\n]*\\}\n"
		      "\\{" TIME ",\"event\":\"NAT64 BIB delete\",[^\n]*\\}\n$");
		reader_close(&reader);
		wait_unwatched();
	}
}

/* From the IPv4 side, and nobody waits for it. */
static void drop_packet(uint16_t port)
{
	g_assert_cmpint(test_service_receive4(&service, port), ==, OUTCOME_BIB4_NOT_FOUND);
}

static void test_drop(void)
{
	struct reader drops, others;

	begin(&drops, 0, "drops", "server", "198.51.100.9");
	begin(&others, 1, "all", "address4", "192.0.2.3");
	drop_packet(5000);
	reader_read_until(&drops, "}\n");
	check(&drops, "^\\{" TIME ",\"event\":\"drop\",\"outcome\":\"bib4_not_found\","
		      "\"protocol\":\"udp\",\"source\":\"198\\.51\\.100\\.9:4000\","
		      "\"destination\":\"192\\.0\\.2\\.2:5000\"\\}\n$");
	g_assert_cmpstr(others.text->str, ==, "");
	reader_close(&drops);
	reader_close(&others);
	wait_unwatched();
}

/* Each sees what his filter and his words let through, in the order of time. */
static void test_filters(void)
{
	static const struct {
		const char *event, *name, *value, *pattern;
	} cases[] = {
		{"bindings", "protocol", "tcp",
		 "^\\{[^\n]*BIB create[^\n]*\"tcp\"[^\n]*\n"
		 "\\{[^\n]*BIB delete[^\n]*\"tcp\"[^\n]*\n$"},
		{"sessions", "client", "2001:db8:1::6",
		 "^(\\{[^\n]*session (create|delete)[^\n]*\"2001:db8:1::6\"[^\n]*\n){2}$"},
		{"all", "server", "198.51.100.2",
		 "^(\\{[^\n]*session (create|delete)[^\n]*\"198.51.100.2\"[^\n]*\n){2}$"},
		{"bindings", "pool4", "wan", "^(\\{[^\n]*BIB (create|delete)[^\n]*\n){4}$"},
	};
	struct reader readers[G_N_ELEMENTS(cases)], last;

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		begin(&readers[i], i, cases[i].event, cases[i].name, cases[i].value);
	begin(&last, 1, "bindings", "client", "2001:db8:1::7");
	test_service_add_session(&service, PROTOCOL_TCP, 5, 7, 2);
	test_service_add_session(&service, PROTOCOL_UDP, 6, 7, 1);
	end_sessions();
	/* What comes behind all of it has been told to all before. */
	test_service_add_session(&service, PROTOCOL_ICMP, 7, 7, 1);
	reader_read_until(&last, "BIB create");
	reader_close(&last);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (i == 3)
			reader_read_until(&readers[i], "icmp");
		else
			reader_read_until(&readers[i], "delete");
		if (i == 3)
			g_string_truncate(readers[i].text,
					  (gsize)(g_strrstr(readers[i].text->str, "{\"time") -
						  readers[i].text->str));
		check(&readers[i], cases[i].pattern);
		reader_close(&readers[i]);
	}
	end_sessions();
	wait_unwatched();
}

/* Limits come the way that the log has them. */
static void test_limits(void)
{
	const struct event event = {
		.kind = EVENT_POOL_HIGH,
		.protocol = PROTOCOL_UDP,
		.pool4 = service.pool4_id,
		.value = 80,
		.limit = 100,
		.time_ms = gateway_now_ms(),
	};
	struct reader reader;

	begin(&reader, 0, "limits", NULL, NULL);
	gateway_lock(&service.gateway);
	event_push(&service.gateway.nat->events, &event);
	gateway_unlock(&service.gateway);
	test_service_tell_events(&service);
	reader_read_until(&reader, "}\n");
	check(&reader, "^\\{" TIME ",\"event\":\"Address pool high threshold event\","
		       "\"protocol\":\"udp\",\"pool4\":\"wan\",\"value\":80,\"limit\":100\\}\n$");
	reader_close(&reader);
}

/* Packets that it has been told of, as dropped or as lost. */
static uint64_t n_accounted(const struct reader *reader)
{
	static const char lost[] = "{\"event\":\"lost\",\"count\":";
	uint64_t n = reader_n_lines(reader);

	for (const char *at = reader->text->str; (at = strstr(at, lost)) != NULL; n--) {
		at += strlen(lost);
		n += g_ascii_strtoull(at, NULL, 10);
	}
	return n;
}

/* Who does not read misses some, is told how many, and then hears of everything again. */
static void test_slow(void)
{
	const unsigned n = 3 * WATCH_RECORDS;
	struct reader slow;

	begin(&slow, 0, "drops", NULL, NULL);
	for (unsigned i = 0; i < n; i++)
		drop_packet((uint16_t)(2000 + i % 40000));
	do {
		g_assert_true(reader_read_some(&slow));
	} while (!g_str_has_suffix(slow.text->str, "\n") || n_accounted(&slow) != n);
	g_assert_nonnull(strstr(slow.text->str, "{\"event\":\"lost\",\"count\":"));
	drop_packet(50001);
	reader_read_until(&slow, ":50001\"}\n");
	g_assert_cmpuint(n_accounted(&slow), ==, n + 1);
	reader_close(&slow);
	wait_unwatched();
}

static void test_trace(void)
{
	struct reader reader, other;

	begin(&reader, 1, NULL, "address4", "192.0.2.2");
	begin(&other, 0, NULL, "client", "2001:db8::/32");
	drop_packet(6000);
	reader_read_until(&reader, "}\n");
	check(&reader,
	      "^\\{" TIME ",\"protocol\":\"udp\",\"source\":\"198\\.51\\.100\\.9:4000\","
	      "\"destination\":\"192\\.0\\.2\\.2:6000\",\"outcome\":\"bib4_not_found\","
	      "\"steps\":\\[\\{\"step\":\"binding\",\"text\":\"192\\.0\\.2\\.2:6000 has none\"\\}"
	      ",\\{\"step\":\"outcome\",\"text\":\"no binding for this pool4 address and UDP "
	      "port\"\\}.*\\]\\}\n$");
	g_assert_cmpstr(other.text->str, ==, "");
	reader_close(&reader);
	reader_close(&other);
	wait_unwatched();
}

/* No more than so many a second are put into words. */
static void test_trace_rate(void)
{
	struct reader reader;
	const char *lost;

	begin(&reader, 0, NULL, NULL, NULL);
	for (unsigned i = 0; i < 5000; i++)
		drop_packet(6000);
	reader_read_until(&reader, "\"lost\"");
	reader_read_until(&reader, "}\n");
	lost = strstr(reader.text->str, "\"count\":");
	g_assert_nonnull(lost);
	g_assert_cmpuint(reader_n_lines(&reader), <, 5000);
	reader_close(&reader);
	wait_unwatched();
}

static void check_refused(const char *event, const char *name, const char *value, int fd,
			  const char *error_name, const char *text)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		g_assert_cmpint(call(clients[i], event, name, value, fd, &error), <, 0);
		g_assert_cmpstr(error.message, ==, text);
		g_assert_cmpstr(error.name, ==, error_name);
	}
}

static void test_refused(void)
{
	static const char *const events[] = {"all", NULL};
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	check_refused("packets", NULL, NULL, fds[1], SD_BUS_ERROR_INVALID_ARGS,
		      "'packets' is none of: bindings, sessions, drops, limits, all");
	for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
		check_refused(
			events[i], "state", "established", fds[1], DBUS_ERROR_INVALID_FILTER,
			"the filter 'state' is for ListSessions, FlushSessions and Dump only");
		if (events[i] != NULL)
			check_refused(events[i], "bytes", "yes", fds[1], DBUS_ERROR_INVALID_FILTER,
				      "there is no filter 'bytes' here");
		check_refused(events[i], "colour", "red", fds[1], DBUS_ERROR_INVALID_FILTER,
			      "there is no filter 'colour' here");
		check_refused(events[i], "pool4", "nobody", fds[1], DBUS_ERROR_NO_SUCH_POOL4,
			      "pool4 has no entry 'nobody'");
		check_refused(events[i], NULL, NULL, fds[0], SD_BUS_ERROR_INVALID_ARGS,
			      "the file descriptor is not what lines can be written to: it is the "
			      "end of a pipe that is read from");
	}
	g_assert_null(service.gateway.nat->watch.ring);
	g_assert_true(service.gateway.nat->watch.trace == NULL);
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	bus_clients_begin(NULL);
	g_test_add_func("/monitor/binding", test_binding);
	g_test_add_func("/monitor/drop", test_drop);
	g_test_add_func("/monitor/filters", test_filters);
	g_test_add_func("/monitor/limits", test_limits);
	g_test_add_func("/monitor/slow", test_slow);
	g_test_add_func("/monitor/trace", test_trace);
	g_test_add_func("/monitor/trace-rate", test_trace_rate);
	g_test_add_func("/monitor/refused", test_refused);
	r = g_test_run();
	bus_clients_end();
	return r;
}
