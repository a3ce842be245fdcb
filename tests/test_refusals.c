/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is refused of filters by each method that takes one, with the same name and sentence; the
 * streams of one caller, whatever they are; and questions that only one mode answers. */
#include <unistd.h>

#include "dbus/names.h"
#include "dbus/stream.h"
#include "tests/stream_reader.h"

#define HUGE_SIZE 100000

static char huge[HUGE_SIZE + 1];

/* What stands around the filter. */
enum form { PAGES, COUNT, FLUSH, DUMP, LIVE, N_FORMS };

static const struct method {
	const char *name, *first; /* first: its table */
	enum form form;
	bool of_sessions;
} methods[] = {
	{"ListBib", NULL, PAGES, false},      {"ListSessions", NULL, PAGES, true},
	{"CountBib", NULL, COUNT, false},     {"CountSessions", NULL, COUNT, true},
	{"FlushSessions", NULL, FLUSH, true}, {"Dump", "bib", DUMP, false},
	{"Dump", "session", DUMP, true},      {"Monitor", NULL, LIVE, true},
	{"Trace", NULL, LIVE, true},
};

static const struct refusal {
	const char *key, *type, *value, *name, *text;
	bool only_bindings; /* sessions have it */
} refusals[] = {
	{"protocol", "s", "sctp", DBUS_ERROR_INVALID_PROTOCOL, "'sctp' is none of: tcp, udp, icmp"},
	{"protocol", "s", "", DBUS_ERROR_INVALID_PROTOCOL, "'' is none of: tcp, udp, icmp"},
	{"client", "s", "2001:db8::/129", DBUS_ERROR_INVALID_FILTER,
	 "filter client: '2001:db8::/129' is not an IPv6 address or prefix"},
	{"client", "s", "", DBUS_ERROR_INVALID_FILTER,
	 "filter client: '' is not an IPv6 address or prefix"},
	{"client", "s", "192.0.2.1", DBUS_ERROR_INVALID_FILTER,
	 "filter client: '192.0.2.1' is not an IPv6 address or prefix"},
	{"address4", "s", "192.0.2.0/30", DBUS_ERROR_INVALID_ADDRESS,
	 "'192.0.2.0/30' is not an IPv4 address"},
	{"address4", "s", "192.0.2.256", DBUS_ERROR_INVALID_ADDRESS,
	 "'192.0.2.256' is not an IPv4 address"},
	{"port4", "s", "80", DBUS_ERROR_INVALID_FILTER, "filter port4 has type 's' instead of 'q'"},
	{"static", "s", "yes", DBUS_ERROR_INVALID_FILTER,
	 "filter static has type 's' instead of 'b'"},
	{"pool4", "s", "nobody", DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry 'nobody'"},
	{"pool4", "s", "99", DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry '99'"},
	{"colour", "s", "red", DBUS_ERROR_INVALID_FILTER, "there is no filter 'colour' here"},
	{"Protocol", "s", "tcp", DBUS_ERROR_INVALID_FILTER, "there is no filter 'Protocol' here"},
	{"", "s", "", DBUS_ERROR_INVALID_FILTER, "there is no filter '' here"},
	{"server", "s", "198.51.100.0/24", DBUS_ERROR_INVALID_FILTER,
	 "there is no filter 'server' here", true},
	{"client", "s", huge, DBUS_ERROR_INVALID_FILTER, NULL},
	{"address4", "s", huge, DBUS_ERROR_INVALID_ADDRESS, NULL},
};

/* Up to the end; the filter is what key, type and value say, or empty. */
static sd_bus_message *make_call(sd_bus *bus, const struct method *method,
				 const struct refusal *filter, int fd)
{
	sd_bus_message *call = NULL;
	int r;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method->name),
			>=, 0);
	r = method->form == DUMP ? sd_bus_message_append(call, "s", method->first)
	    : method->form == LIVE && g_str_equal(method->name, "Monitor")
		    ? sd_bus_message_append(call, "as", 0)
		    : 0;
	g_assert_cmpint(r, >=, 0);
	r = filter ? sd_bus_message_append(call, "a{sv}", 1, filter->key, filter->type,
					   filter->value)
		   : sd_bus_message_append(call, "a{sv}", 0);
	g_assert_cmpint(r, >=, 0);
	switch (method->form) {
	case PAGES:
		r = sd_bus_message_append(call, "su", "", 0);
		break;
	case FLUSH:
		r = sd_bus_message_append(call, "a{sv}", 0);
		break;
	case DUMP:
		r = sd_bus_message_append(call, "sh", "json", fd);
		break;
	case LIVE:
		r = sd_bus_message_append(call, "h", fd);
		break;
	case COUNT:
	case N_FORMS:
		break;
	}
	g_assert_cmpint(r, >=, 0);
	return call;
}

static void assert_refused(sd_bus *bus, sd_bus_message *call, const char *name, const char *text)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	g_assert_cmpint(sd_bus_call(bus, call, 0, &error, NULL), <, 0);
	g_assert_cmpstr(error.name, ==, name);
	if (text)
		g_assert_cmpstr(error.message, ==, text);
	else
		g_assert_cmpuint(strlen(error.message), <, 1000);
}

static void test_filters(void)
{
	int fds[2];

	memset(huge, 'x', HUGE_SIZE);
	g_assert_cmpint(pipe(fds), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(methods) * G_N_ELEMENTS(refusals); i++) {
		const struct method *method = &methods[i / G_N_ELEMENTS(refusals)];
		const struct refusal *refusal = &refusals[i % G_N_ELEMENTS(refusals)];

		if (refusal->only_bindings && method->of_sessions)
			continue;
		for (unsigned j = 0; j < G_N_ELEMENTS(clients); j++) {
			_cleanup_message_ sd_bus_message *call =
				make_call(clients[j], method, refusal, fds[1]);

			g_test_message("%s %s=%.20s", method->name, refusal->key, refusal->value);
			assert_refused(clients[j], call, refusal->name, refusal->text);
		}
	}
	close(fds[0]);
	close(fds[1]);
}

/* As many as there may be of one caller, each of one kind; then one more of each kind. */
static void test_streams(void)
{
	static const struct method *const streams[] = {&methods[5], &methods[7], &methods[8]};

	for (unsigned i = 0; i < G_N_ELEMENTS(streams) * G_N_ELEMENTS(clients); i++) {
		sd_bus *bus = test_service_connect(&service, i % 2 == 1);
		struct reader reader[STREAMS_PER_CALLER_MAX + 1];

		for (unsigned j = 0; j <= STREAMS_PER_CALLER_MAX; j++) {
			const struct method *kind =
				j < STREAMS_PER_CALLER_MAX ? &methods[7 + j % 2] : streams[i / 2];
			_cleanup_message_ sd_bus_message *call = NULL;
			_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

			reader_open(&reader[j], READER_PIPE);
			call = make_call(bus, kind, NULL, reader[j].other);
			reader_handed_over(&reader[j]);
			if (j == STREAMS_PER_CALLER_MAX) {
				assert_refused(bus, call, SD_BUS_ERROR_LIMITS_EXCEEDED,
					       "4 streams are open for this caller, which is the "
					       "most: one must end first");
				continue;
			}
			(void)sd_bus_call(bus, call, 0, &error, NULL);
			g_assert_cmpstr(error.message, ==, NULL);
		}
		for (unsigned j = 0; j <= STREAMS_PER_CALLER_MAX; j++)
			reader_close(&reader[j]);
		sd_bus_flush_close_unref(bus);
	}
}

static void test_mode(void)
{
	static const char text[] = "whose ports are which is computed with "
				   "Pool4.Mode=deterministic only: 'nat64ctl bib list' shows who "
				   "has them now";

	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		_cleanup_error_ sd_bus_error ports = SD_BUS_ERROR_NULL, of = SD_BUS_ERROR_NULL;

		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "PortsOf", &ports, NULL,
						   "sss", "tcp", "2001:db8:1::1", ""),
				<, 0);
		g_assert_cmpstr(ports.name, ==, SD_BUS_ERROR_NOT_SUPPORTED);
		g_assert_cmpstr(ports.message, ==, text);
		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "ClientOf", &of, NULL,
						   "ssq", "tcp", "192.0.2.1", 1024),
				<, 0);
		g_assert_cmpstr(of.name, ==, SD_BUS_ERROR_NOT_SUPPORTED);
		g_assert_cmpstr(of.message, ==, text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/refusals/filters", test_filters);
	g_test_add_func("/refusals/streams", test_streams);
	g_test_add_func("/refusals/mode", test_mode);
	return bus_clients_run(NULL);
}
