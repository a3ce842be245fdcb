/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The management interface on a private bus and on the control socket (INTERFACE, section 7):
 * the contract, every call with good and bad arguments, paging, and who may call.
 */
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbus/control.h"
#include "dbus/names.h"
#include "tests/bus_clients.h"

static sd_bus_message *call_new(sd_bus *bus, const char *method)
{
	sd_bus_message *call = NULL;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	return call;
}

static sd_bus_message *send_call(sd_bus *bus, sd_bus_message *call)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = sd_bus_call(bus, call, 0, &error, &reply);

	if (r < 0)
		g_test_message("%s: %s", error.name, error.message);
	g_assert_cmpint(r, >=, 0);
	return reply;
}

static char *interface_xml(const char *xml, const char *name)
{
	g_autoptr(GError) error = NULL;
	GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(xml, &error);
	GDBusInterfaceInfo *interface;
	GString *text = g_string_new(NULL);

	g_assert_no_error(error);
	interface = g_dbus_node_info_lookup_interface(node, name);
	g_assert_nonnull(interface);
	g_dbus_interface_info_generate_xml(interface, 0, text);
	g_dbus_node_info_unref(node);
	return g_string_free(text, FALSE);
}

static char *object_path(uint32_t id)
{
	return g_strdup_printf(DBUS_PATH_POOL4 "/%u", id);
}

/* The vtables say what the XML says, names of arguments included. */
static void test_contract(void)
{
	g_autofree char *entry = object_path(service.pool4_id);
	const struct {
		const char *file, *path, *interface;
	} contracts[] = {
		{CONTRACTS "/org.nat64d1.xml", DBUS_PATH, DBUS_INTERFACE_MANAGER},
		{CONTRACTS "/org.nat64d1.Pool4.xml", entry, DBUS_INTERFACE_POOL4},
	};

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(contracts); i++) {
		const char *interface = contracts[i / 2].interface;
		_cleanup_message_ sd_bus_message *reply = NULL;
		g_autofree char *documented = NULL, *file = NULL, *served = NULL;
		const char *xml;

		g_assert_true(g_file_get_contents(contracts[i / 2].file, &file, NULL, NULL));
		documented = interface_xml(file, interface);
		g_assert_cmpint(sd_bus_call_method(clients[i % 2], DBUS_SERVICE,
						   contracts[i / 2].path,
						   "org.freedesktop.DBus.Introspectable",
						   "Introspect", NULL, &reply, NULL),
				>=, 0);
		g_assert_cmpint(sd_bus_message_read(reply, "s", &xml), >=, 0);
		served = interface_xml(xml, interface);
		g_assert_cmpstr(served, ==, documented);
	}
}

/* What INTERFACE says of each property: whether it changes, and is told of when it does. */
static void test_emits_changed(void)
{
	static const char *const expected[][2] = {
		{"Version", "const"},       {"State", "true"},         {"Pool6", "true"},
		{"Features", "const"},      {"DatabasePath", "const"}, {"Bindings", "false"},
		{"Sessions", "false"},      {"Clients", "false"},      {"PendingChanges", "false"},
		{"LastFlushUSec", "false"}, {"StateProblem", "false"}, {"TCPWay", "false"},
		{"TCPWayReason", "false"},
	};
	g_autoptr(GError) error = NULL;
	g_autofree char *xml = NULL;
	GDBusInterfaceInfo *interface;
	GDBusNodeInfo *node;
	unsigned n = 0;

	g_assert_true(g_file_get_contents(CONTRACTS "/org.nat64d1.xml", &xml, NULL, NULL));
	node = g_dbus_node_info_new_for_xml(xml, &error);
	g_assert_no_error(error);
	interface = g_dbus_node_info_lookup_interface(node, DBUS_INTERFACE_MANAGER);
	while (interface->properties[n] != NULL)
		n++;
	g_assert_cmpuint(n, ==, G_N_ELEMENTS(expected));
	for (unsigned i = 0; i < n; i++) {
		const GDBusPropertyInfo *property =
			g_dbus_interface_info_lookup_property(interface, expected[i][0]);
		const char *emits;

		g_test_message("%s", expected[i][0]);
		g_assert_nonnull(property);
		emits = g_dbus_annotation_info_lookup(
			property->annotations, "org.freedesktop.DBus.Property.EmitsChangedSignal");
		g_assert_cmpstr(emits != NULL ? emits : "true", ==, expected[i][1]);
	}
	g_dbus_node_info_unref(node);
}

static void test_properties(void)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *pool6 = NULL;
		g_autofree char *version = NULL, *state = NULL;
		const char *prefix = NULL;
		uint64_t bindings = 0;

		g_assert_cmpint(sd_bus_get_property_string(clients[i], DBUS_SERVICE, DBUS_PATH,
							   DBUS_INTERFACE_MANAGER, "Version", NULL,
							   &version),
				>=, 0);
		g_assert_cmpstr(version, ==, NAT64D_VERSION);
		g_assert_cmpint(sd_bus_get_property_string(clients[i], DBUS_SERVICE, DBUS_PATH,
							   DBUS_INTERFACE_MANAGER, "State", NULL,
							   &state),
				>=, 0);
		g_assert_cmpstr(state, ==, "active");
		g_assert_cmpint(sd_bus_get_property(clients[i], DBUS_SERVICE, DBUS_PATH,
						    DBUS_INTERFACE_MANAGER, "Pool6", NULL, &pool6,
						    "as"),
				>=, 0);
		g_assert_cmpint(sd_bus_message_read(pool6, "as", 1, &prefix), >=, 0);
		g_assert_cmpstr(prefix, ==, "2001:db8:64::/96");
		g_assert_cmpint(sd_bus_get_property_trivial(clients[i], DBUS_SERVICE, DBUS_PATH,
							    DBUS_INTERFACE_MANAGER, "Bindings",
							    NULL, 't', &bindings),
				>=, 0);
		g_assert_cmpuint(bindings, ==, nat64_n_bindings(service.gateway.nat));
	}
}

static void test_pool4(void)
{
	g_autofree char *entry = object_path(service.pool4_id);

	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *call = call_new(clients[i], "ListPool4");
		_cleanup_message_ sd_bus_message *reply = NULL;
		const char *path, *name, *addresses, *next, *key;
		uint32_t id;

		g_assert_cmpint(sd_bus_message_append(call, "su", "", 0), >=, 0);
		reply = send_call(clients[i], call);
		sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_POOL4);
		sd_bus_message_enter_container(reply, 'r', "oa{sv}");
		sd_bus_message_read(reply, "o", &path);
		g_assert_cmpstr(path, ==, entry);
		sd_bus_message_enter_container(reply, 'a', "{sv}");
		g_assert_cmpint(sd_bus_message_read(reply, "{sv}{sv}{sv}", &key, "u", &id, &key,
						    "s", &name, &key, "s", &addresses),
				>=, 0);
		g_assert_cmpuint(id, ==, service.pool4_id);
		g_assert_cmpstr(name, ==, "wan");
		g_assert_cmpstr(addresses, ==, "192.0.2.0/30");
		while (sd_bus_message_skip(reply, "{sv}") > 0 && !sd_bus_message_at_end(reply, 0))
			continue;
		sd_bus_message_exit_container(reply);
		sd_bus_message_exit_container(reply);
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0); /* one row only */
		sd_bus_message_read(reply, "s", &next);
		g_assert_cmpstr(next, ==, "");
	}
}

/* One page; rows are counted by key. */
static void read_page(sd_bus_message *reply, GHashTable *seen, char **ret_cursor)
{
	const char *protocol, *address6, *address4, *cursor;
	uint64_t created, expires;
	uint32_t sessions, pool4;
	uint16_t port6, port4;
	int is_static;

	sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_BIB);
	while (sd_bus_message_read(reply, DBUS_TYPE_BIB, &protocol, &address6, &port6, &address4,
				   &port4, &is_static, &sessions, &created, &expires, &pool4) > 0) {
		char *key = g_strdup_printf("%s [%s]:%u", protocol, address6, port6);
		guint n = GPOINTER_TO_UINT(g_hash_table_lookup(seen, key));
		uint64_t now = (uint64_t)g_get_real_time();

		g_assert_cmpuint(sessions, ==, 1);
		g_assert_cmpuint(pool4, ==, service.pool4_id);
		g_assert_cmpuint(created, <=, now);
		g_assert_cmpuint(created + 60000000, >, now);
		g_assert_cmpuint(expires, >, now);
		g_hash_table_insert(seen, key, GUINT_TO_POINTER(n + 1));
	}
	sd_bus_message_exit_container(reply);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &cursor), >=, 0);
	g_free(*ret_cursor);
	*ret_cursor = g_strdup(cursor);
}

/* All even clients come and go between pages, the odd ones stay. */
static void churn(unsigned round)
{
	struct nat64 *nat = service.gateway.nat;
	uint32_t next = 0;

	gateway_lock(&service.gateway);
	for (uint32_t i = bib_next(&nat->bib[PROTOCOL_UDP], 0); i != SLAB_NONE;
	     i = bib_next(&nat->bib[PROTOCOL_UDP], next)) {
		next = i + 1;
		if (load_be32(&bib_at(&nat->bib[PROTOCOL_UDP], i)->addr6.byte[12]) % 2 == 0)
			nat64_remove_binding(nat, PROTOCOL_UDP, i, gateway_now_ms());
	}
	gateway_unlock(&service.gateway);
	for (uint32_t i = 0; i < 500; i++)
		test_service_add_session(&service, PROTOCOL_UDP, 1000000 + round * 1000 + 2 * i, 7,
					 1);
}

/* What exists throughout is listed exactly once. */
static void test_paging(void)
{
	for (unsigned client = 0; client < 2; client++) {
		g_autoptr(GHashTable) seen =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_autofree char *cursor = g_strdup("");
		unsigned pages = 0;

		for (uint32_t i = 1; i < 6000; i++)
			test_service_add_session(&service, PROTOCOL_UDP, i, 7, 1);
		do {
			_cleanup_message_ sd_bus_message *call =
				call_new(clients[client], "ListBib");
			_cleanup_message_ sd_bus_message *reply = NULL;

			g_assert_cmpint(sd_bus_message_append(call, "a{sv}su", 1, "protocol", "s",
							      "udp", cursor, 700),
					>=, 0);
			reply = send_call(clients[client], call);
			read_page(reply, seen, &cursor);
			churn(pages++);
		} while (*cursor != '\0');
		g_assert_cmpuint(pages, >=, 4);
		for (uint32_t i = 1; i < 6000; i += 2) {
			g_autofree char *key = g_strdup_printf("udp [2001:db8:1::%x]:7", i);

			g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(seen, key)), ==, 1);
		}
	}
}

/* The number of rows of one call, over all pages. */
static unsigned count_rows(sd_bus *bus, const char *method, const char *type, const char *filter,
			   const char *variant, const void *value)
{
	g_autofree char *cursor = g_strdup("");
	unsigned n = 0;

	do {
		_cleanup_message_ sd_bus_message *call = call_new(bus, method);
		_cleanup_message_ sd_bus_message *reply = NULL;
		const char *next;

		sd_bus_message_open_container(call, 'a', "{sv}");
		if (filter != NULL) {
			sd_bus_message_open_container(call, 'e', "sv");
			sd_bus_message_append(call, "s", filter);
			sd_bus_message_open_container(call, 'v', variant);
			sd_bus_message_append_basic(call, *variant, value);
			sd_bus_message_close_container(call);
			sd_bus_message_close_container(call);
		}
		sd_bus_message_close_container(call);
		sd_bus_message_append(call, "su", cursor, 10);
		reply = send_call(bus, call);
		sd_bus_message_enter_container(reply, 'a', type);
		while (sd_bus_message_at_end(reply, false) == 0) {
			sd_bus_message_skip(reply, type);
			n++;
		}
		sd_bus_message_exit_container(reply);
		sd_bus_message_read(reply, "s", &next);
		g_free(cursor);
		cursor = g_strdup(next);
	} while (*cursor != '\0');
	return n;
}

static uint64_t property_number(sd_bus *bus, const char *name)
{
	uint64_t value = UINT64_MAX;

	g_assert_cmpint(sd_bus_get_property_trivial(bus, DBUS_SERVICE, DBUS_PATH,
						    DBUS_INTERFACE_MANAGER, name, NULL, 't',
						    &value),
			>=, 0);
	return value;
}

/* 20 TCP sessions of one host with 4 servers, and one ICMP binding of another in the same /64. */
static void test_filters(void)
{
	static const int no = 0, yes = 1;
	static const uint16_t nowhere = 1;
	static const struct {
		const char *method, *type, *filter, *variant;
		const void *value;
		unsigned n;
	} cases[] = {
		{"ListBib", DBUS_TYPE_BIB, "protocol", "s", "tcp", 5},
		{"ListBib", DBUS_TYPE_BIB, "protocol", "s", "icmp", 1},
		{"ListBib", DBUS_TYPE_BIB, "client", "s", "2001:db8:1::aaaa:0/112", 5},
		{"ListBib", DBUS_TYPE_BIB, "client", "s", "2001:db8:1::bbbb:1", 1},
		{"ListBib", DBUS_TYPE_BIB, "client", "s", "2001:db8:2::/64", 0},
		{"ListBib", DBUS_TYPE_BIB, "address4", "s", "192.0.2.99", 0},
		{"ListBib", DBUS_TYPE_BIB, "port4", "q", &nowhere, 0},
		{"ListBib", DBUS_TYPE_BIB, "static", "b", &yes, 0},
		{"ListSessions", DBUS_TYPE_SESSION, "protocol", "s", "tcp", 20},
		{"ListSessions", DBUS_TYPE_SESSION, "client", "s", "2001:db8:1::aaaa:1", 20},
		{"ListSessions", DBUS_TYPE_SESSION, "state", "s", "v6_init", 20},
		{"ListSessions", DBUS_TYPE_SESSION, "state", "s", "established", 0},
		{"ListSessions", DBUS_TYPE_SESSION, "server", "s", "198.51.100.202", 5},
		{"ListSessions", DBUS_TYPE_SESSION, "server", "s", "198.51.100.200/30", 20},
	};

	for (uint16_t port = 0; port < 5; port++) {
		for (uint8_t server = 200; server < 204; server++)
			test_service_add_session(&service, PROTOCOL_TCP, 0xaaaa0001, 2000 + port,
						 server);
	}
	test_service_add_session(&service, PROTOCOL_ICMP, 0xbbbb0001, 77, 1);
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpuint(property_number(clients[i], "Clients"), ==, 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s %s", cases[i].method, cases[i].filter);
		g_assert_cmpuint(count_rows(clients[i % 2], cases[i].method, cases[i].type,
					    cases[i].filter, cases[i].variant, cases[i].value),
				 ==, cases[i].n);
	}
	g_assert_cmpuint(count_rows(clients[0], "ListBib", DBUS_TYPE_BIB, "pool4", "s", "wan"), ==,
			 count_rows(clients[1], "ListBib", DBUS_TYPE_BIB, NULL, NULL, NULL));
	g_assert_cmpuint(count_rows(clients[0], "ListBib", DBUS_TYPE_BIB, "static", "b", &no), ==,
			 nat64_n_bindings(service.gateway.nat));
	g_assert_cmpuint(
		count_rows(clients[1], "ListSessions", DBUS_TYPE_SESSION, NULL, NULL, NULL), ==,
		nat64_n_sessions(service.gateway.nat));
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *method, *filter, *variant, *value, *cursor, *name, *message;
	} cases[] = {
		{"ListBib", "protocol", "s", "sctp", "", DBUS_ERROR_INVALID_PROTOCOL,
		 "'sctp' is none of: tcp, udp, icmp"},
		{"ListBib", "client", "s", "192.0.2.1", "", DBUS_ERROR_INVALID_FILTER,
		 "filter client: '192.0.2.1' is not an IPv6 address or prefix"},
		{"ListBib", "address4", "s", "192.0.2", "", DBUS_ERROR_INVALID_ADDRESS,
		 "'192.0.2' is not an IPv4 address"},
		{"ListBib", "server", "s", "192.0.2.1", "", DBUS_ERROR_INVALID_FILTER,
		 "there is no filter 'server' here"},
		{"ListBib", "port4", "s", "80", "", DBUS_ERROR_INVALID_FILTER,
		 "filter port4 has type 's' instead of 'q'"},
		{"ListBib", "colour", "s", "red", "", DBUS_ERROR_INVALID_FILTER,
		 "there is no filter 'colour' here"},
		{"ListBib", "pool4", "s", "nobody", "", DBUS_ERROR_NO_SUCH_POOL4,
		 "pool4 has no entry 'nobody'"},
		{"ListSessions", "state", "s", "open", "", DBUS_ERROR_INVALID_FILTER,
		 "filter state: 'open' is not a state of TCP sessions"},
		{"ListBib", "protocol", "s", "tcp", "tcp", SD_BUS_ERROR_INVALID_ARGS,
		 "'tcp' is not a cursor of this list"},
		{"ListBib", "protocol", "s", "tcp", "tcp:-1", SD_BUS_ERROR_INVALID_ARGS,
		 "'tcp:-1' is not a cursor of this list"},
		{"ListBib", "protocol", "s", "tcp", "tcp:99999999999", SD_BUS_ERROR_INVALID_ARGS,
		 "'tcp:99999999999' is not a cursor of this list"},
		{"ListSessions", "protocol", "s", "tcp", "sctp:1", SD_BUS_ERROR_INVALID_ARGS,
		 "'sctp:1' is not a cursor of this list"},
		{"ListSessions", "protocol", "s", "tcp", "tcp: 1", SD_BUS_ERROR_INVALID_ARGS,
		 "'tcp: 1' is not a cursor of this list"},
		{"ListBib", "protocol", "g", "ay", "", DBUS_ERROR_INVALID_FILTER,
		 "filter protocol has type 'g' instead of 's'"},
		{"ListBib", "static", "s", "yes", "", DBUS_ERROR_INVALID_FILTER,
		 "filter static has type 's' instead of 'b'"},
		{"ListBib", "pool4", "s", "", "", DBUS_ERROR_INVALID_FILTER,
		 "filter pool4: '' is not the name or id of an entry"},
		{"ListBib", "pool4", "s", "4294967297", "", DBUS_ERROR_NO_SUCH_POOL4,
		 "pool4 has no entry '4294967297'"},
		{"ListBib", "client", "s", "2001:db8::/129", "", DBUS_ERROR_INVALID_FILTER,
		 "filter client: '2001:db8::/129' is not an IPv6 address or prefix"},
		{"ListSessions", "server", "s", "192.0.2.0/33", "", DBUS_ERROR_INVALID_FILTER,
		 "filter server: '192.0.2.0/33' is not an IPv4 address or prefix"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_message_ sd_bus_message *call = call_new(clients[i % 2], cases[i].method);
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		sd_bus_message_append(call, "a{sv}su", 1, cases[i].filter, cases[i].variant,
				      cases[i].value, cases[i].cursor, 0);
		g_assert_cmpint(sd_bus_call(clients[i % 2], call, 0, &error, NULL), <, 0);
		g_assert_cmpstr(error.message, ==, cases[i].message);
		g_assert_cmpstr(error.name, ==, cases[i].name);
	}
}

/* How many entries there are, without their rows. */
static void test_count_pool4(void)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint64_t n = 0;

	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "CountPool4", NULL, &reply, ""),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "t", &n), >, 0);
	g_assert_cmpuint(n, ==, pool4_n_entries(service.gateway.nat->pool4));
	g_assert_cmpuint(n, >, 0);
}

/* The cursor of ListPool4 is an id: nothing else is taken for one. */
static void test_bad_pool4_cursors(void)
{
	static const char *const cursors[] = {"-1",  " 1",         "+1",          "1 ",
					      "tcp", "4294967296", "99999999999", "1x"};

	for (unsigned i = 0; i < G_N_ELEMENTS(cursors); i++) {
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
		g_autofree char *message =
			g_strdup_printf("'%s' is not a cursor of this list", cursors[i]);

		g_assert_cmpint(sd_bus_call_method(clients[i % 2], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "ListPool4", &error,
						   NULL, "su", cursors[i], 0),
				<, 0);
		g_assert_cmpstr(error.message, ==, message);
		g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_INVALID_ARGS);
	}
}

/* A megabyte where a word belongs is refused in a line, which is UTF-8 wherever it is cut. */
static void test_huge_arguments(void)
{
	static const char *const names[] = {"protocol", "client", "address4", "pool4", NULL};

	for (unsigned i = 0; i < 4 * G_N_ELEMENTS(names); i++) {
		sd_bus *bus = clients[i % 2];
		const char *name = names[i / 4];
		_cleanup_message_ sd_bus_message *call = call_new(bus, "ListBib");
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
		GString *huge = g_string_new_len("xxxx", i % 4);

		while (huge->len < 1000000)
			g_string_append(huge, "\xf0\x9f\x90\x9f"); /* a fish: 4 bytes */
		sd_bus_message_append(call, "a{sv}su", 1, name != NULL ? name : huge->str, "s",
				      huge->str, huge->str, UINT32_MAX);
		g_assert_cmpint(sd_bus_call(bus, call, 0, &error, NULL), <, 0);
		g_test_message("%s", error.message);
		g_assert_cmpuint(strlen(error.message), <, 150);
		g_assert_true(g_utf8_validate(error.message, -1, NULL));
		g_assert_nonnull(strstr(error.message, "..."));
		g_string_free(huge, TRUE);
	}
}

/* Which of the two would count? */
static void test_filter_twice(void)
{
	_cleanup_message_ sd_bus_message *call = call_new(clients[0], "ListBib");
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	sd_bus_message_append(call, "a{sv}su", 2, "protocol", "s", "tcp", "protocol", "s", "udp",
			      "", 0);
	g_assert_cmpint(sd_bus_call(clients[0], call, 0, &error, NULL), <, 0);
	g_assert_cmpstr(error.message, ==, "filter protocol is given twice");
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_INVALID_FILTER);
}

/* A position far behind the end is the end, not an error or a crash. */
static void test_cursor_behind_end(void)
{
	_cleanup_message_ sd_bus_message *call = call_new(clients[0], "ListBib");
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *next;

	sd_bus_message_append(call, "a{sv}su", 0, "icmp:4294967294", 1);
	reply = send_call(clients[0], call);
	sd_bus_message_skip(reply, "a" DBUS_TYPE_BIB);
	sd_bus_message_read(reply, "s", &next);
	g_assert_cmpstr(next, ==, "");
}

static void test_statistics(void)
{
	_cleanup_message_ sd_bus_message *call = call_new(clients[1], "GetStatistics");
	_cleanup_message_ sd_bus_message *reply = NULL;
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const char *name;
	uint64_t value;

	reply = send_call(clients[1], call);
	sd_bus_message_enter_container(reply, 'a', "{st}");
	while (sd_bus_message_read(reply, "{st}", &name, &value) > 0) {
		g_assert_false(g_hash_table_contains(names, name)); /* each once */
		if (strcmp(name, "bindings_udp") == 0)
			g_assert_cmpuint(value, ==,
					 service.gateway.nat->bib[PROTOCOL_UDP].entries.n_used);
		g_hash_table_add(names, g_strdup(name));
	}
	g_assert_true(g_hash_table_contains(names, "packets_6to4_translated"));
	g_assert_true(g_hash_table_contains(names, "packets_4to6_bib4_not_found"));
	g_assert_true(g_hash_table_contains(names, "send_errors_too_big"));
	g_assert_true(g_hash_table_contains(names, "uptime_usec"));
}

/* Several peers at a time, and one hanging up does not harm the others. */
static void test_peers(void)
{
	sd_bus *peer[8];

	for (unsigned i = 0; i < G_N_ELEMENTS(peer); i++)
		peer[i] = test_service_connect(&service, true);
	for (unsigned i = 0; i < G_N_ELEMENTS(peer); i++) {
		_cleanup_message_ sd_bus_message *call = call_new(peer[i], "GetStatistics");

		sd_bus_message_unref(send_call(peer[i], call));
		sd_bus_flush_close_unref(peer[i]);
	}
}

static int no_objects(sd_bus *bus, void *userdata)
{
	return 0;
}

/* A living daemon's socket is left alone; a dead one's is replaced. */
static void test_socket_in_use(void)
{
	g_autofree char *stale = g_build_filename(service.directory, "stale", NULL);
	g_autofree char *kept = g_build_filename(service.directory, "kept", NULL);
	struct control *first = NULL, *second = NULL;
	sd_event *event = NULL;

	g_assert_cmpint(sd_event_new(&event), >=, 0);
	g_assert_cmpint(control_new(event, service.socket_path, no_objects, NULL, &second), ==,
			-EADDRINUSE);
	g_assert_cmpint(g_access(service.socket_path, F_OK), ==, 0);

	g_assert_cmpint(mkdir(stale, 0700), ==, 0);
	g_assert_cmpint(control_new(event, stale, no_objects, NULL, &second), <, 0);
	g_assert_cmpint(g_rmdir(stale), ==, 0);

	g_assert_cmpint(control_new(event, stale, no_objects, NULL, &first), >=, 0);
	g_assert_cmpint(rename(stale, kept), ==, 0);
	control_free(first); /* nobody listens at "kept" any more */
	g_assert_cmpint(control_new(event, kept, no_objects, NULL, &second), >=, 0);
	control_free(second);
	g_assert_cmpint(g_access(kept, F_OK), ==, -1);
	sd_event_unref(event);
}

/* Who talks to whom is not for everyone; counters are. */
static void test_access(void)
{
	static const char *const list = "ListBib a{sv}su 0 '' 1", *const count = "GetStatistics";

	bus_clients_check_access(&list, 1, false);
	bus_clients_check_access(&count, 1, true);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/manager/contract", test_contract);
	g_test_add_func("/manager/emits-changed", test_emits_changed);
	g_test_add_func("/manager/properties", test_properties);
	g_test_add_func("/manager/pool4", test_pool4);
	g_test_add_func("/manager/filters", test_filters);
	g_test_add_func("/manager/paging", test_paging);
	g_test_add_func("/manager/bad-arguments", test_bad_arguments);
	g_test_add_func("/manager/bad-pool4-cursors", test_bad_pool4_cursors);
	g_test_add_func("/manager/count_pool4", test_count_pool4);
	g_test_add_func("/manager/huge-arguments", test_huge_arguments);
	g_test_add_func("/manager/filter-twice", test_filter_twice);
	g_test_add_func("/manager/cursor-behind-end", test_cursor_behind_end);
	g_test_add_func("/manager/statistics", test_statistics);
	g_test_add_func("/manager/peers", test_peers);
	g_test_add_func("/manager/socket-in-use", test_socket_in_use);
	g_test_add_func("/manager/access", test_access);
	return bus_clients_run(NULL);
}
