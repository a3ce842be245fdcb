/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients over D-Bus: blocked, listed as such, and let in again. */
#include "dbus/names.h"
#include "tests/change_call.h"

/* Blocked, known to be, let in again. */
static void test_block(void)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct prefix6 prefix;

	g_assert_true(prefix6_parse("2001:db8:7::/64", &prefix));
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *reply = NULL;
		_cleanup_ending_ struct change_ending ending = {NULL, NULL, NULL, NULL, 0};

		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "BlockClient", NULL,
						   &reply, "sta{sv}", "2001:db8:7::/64", UINT64_MAX,
						   0),
				>=, 0);
		change_read_result(reply, &ending);
		change_assert_done(&ending, i == 0,
				   i == 0 ? "client 2001:db8:7::/64 blocked"
					  : "client 2001:db8:7::/64 is blocked already",
				   "");
		g_assert_true(blocklist_covers(&service.gateway.nat->blocklist, &prefix.addr));
	}
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "UnblockClient", &error,
						   NULL, "sa{sv}", "2001:db8:7::/64", 0) >= 0,
				==, i == 0);
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_SUCH_CLIENT);
	g_assert_false(blocklist_covers(&service.gateway.nat->blocklist, &prefix.addr));
}

/* A time of nearly for ever does not end at once. */
static void test_block_for_long(void)
{
	struct nat64 *nat = service.gateway.nat;
	struct prefix6 prefix;

	g_assert_true(prefix6_parse("2001:db8:8::/64", &prefix));
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "BlockClient", NULL, NULL,
					   "sta{sv}", "2001:db8:8::/64", UINT64_MAX - 1, 0),
			>=, 0);
	g_assert_cmpuint(
		blocklist_at(&nat->blocklist, blocklist_find(&nat->blocklist, &prefix))->until_ms,
		>=, UINT64_MAX / 1000);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "UnblockClient", NULL, NULL,
					   "sa{sv}", "2001:db8:8::/64", 0),
			>=, 0);
}

static void block(const char *prefix, uint64_t usec)
{
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "BlockClient", NULL, NULL,
					   "sta{sv}", prefix, usec, 0),
			>=, 0);
}

/* When the block of a prefix ends, or 0 if it is not listed. */
static uint64_t blocked_until(sd_bus *bus, const char *wanted, unsigned *ret_n)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *prefix;
	uint64_t until, found = 0;

	*ret_n = 0;
	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListBlockedClients", NULL, &reply, NULL),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_BLOCKED), >=, 0);
	while (sd_bus_message_read(reply, DBUS_TYPE_BLOCKED, &prefix, &until) > 0) {
		++*ret_n;
		if (g_strcmp0(prefix, wanted) == 0)
			found = until;
	}
	return found;
}

/* For a time, for ever, and for so long that nobody can say when it ends. */
static void test_list_blocked(void)
{
	uint64_t before = (uint64_t)g_get_real_time(), until;
	unsigned n;

	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpuint(blocked_until(clients[i], "::/0", &n) + n, ==, 0);
	block("2001:db8:7::/64", 3600000000);
	block("2001:db8:8::1", 0);
	block("2001:db8:9::/48", UINT64_MAX - 1);
	for (unsigned i = 0; i < 2; i++) {
		until = blocked_until(clients[i], "2001:db8:7::/64", &n);
		g_assert_cmpuint(n, ==, 3);
		g_assert_cmpuint(until + 1000000, >=, before + 3600000000);
		g_assert_cmpuint(until, <, (uint64_t)g_get_real_time() + 3601000000);
		g_assert_cmpuint(blocked_until(clients[i], "2001:db8:8::1/128", &n), ==,
				 UINT64_MAX);
		g_assert_cmpuint(blocked_until(clients[i], "2001:db8:9::/48", &n), ==, UINT64_MAX);
	}
}

/* What ListClients says of this filter, or of this order. */
static void assert_list_refused(const char *filter, const char *sort, const char *name,
				const char *text)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (filter != NULL)
		r = sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       "ListClients", &error, NULL, "a{sv}su", 1, filter, "s",
				       "udp", sort, 10);
	else
		r = sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       "ListClients", &error, NULL, "a{sv}su", 0, sort, 10);
	g_assert_cmpint(r, <, 0);
	g_assert_cmpstr(error.name, ==, name);
	g_assert_cmpstr(error.message, ==, text);
}

static void test_list_refused(void)
{
	assert_list_refused("protocol", "", DBUS_ERROR_INVALID_FILTER,
			    "the only filter of clients is 'client'");
	assert_list_refused(NULL, "name", SD_BUS_ERROR_INVALID_ARGS,
			    "'name' is none of: bindings, sessions, refused");
}

/* As many prefixes as there may be; one more is refused, and one goes without being asked twice. */
static void test_block_too_many(void)
{
	struct blocklist *list = &service.gateway.nat->blocklist;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_ending_ struct change_ending would = {NULL, NULL, NULL, NULL, NULL, 0};
	struct prefix6 prefix;
	uint32_t n = 0;

	g_assert_true(prefix6_parse("2001:db8:ffff::/64", &prefix));
	gateway_lock(&service.gateway);
	do {
		store_be32(&prefix.addr.byte[8], n++);
		prefix.len = 96;
	} while (blocklist_add(list, &prefix, BLOCKLIST_FOREVER));
	gateway_unlock(&service.gateway);
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "BlockClient", &error, NULL,
					   "sta{sv}", "2001:db8:fffe::/64", 0, 0),
			<, 0);
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_EXHAUSTED);
	g_assert_cmpstr(error.message, ==,
			"2001:db8:fffe::/64 can not be blocked: 4096 prefixes are, which is the "
			"most");
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "UnblockClient", NULL, &reply,
					   "sa{sv}", "2001:db8:ffff::/96", 1, "dry-run", "b", 1),
			>=, 0);
	change_read_result(reply, &would);
	change_assert_done(&would, 1, "client 2001:db8:ffff::/96 would be unblocked", "");
	gateway_lock(&service.gateway);
	while (blocklist_next(list, 0) != SLAB_NONE)
		blocklist_remove(list, blocklist_next(list, 0));
	gateway_unlock(&service.gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/clients/block", test_block);
	g_test_add_func("/clients/block-for-long", test_block_for_long);
	g_test_add_func("/clients/list-blocked", test_list_blocked);
	g_test_add_func("/clients/list-refused", test_list_refused);
	g_test_add_func("/clients/block-too-many", test_block_too_many);
	return bus_clients_run(NULL);
}
