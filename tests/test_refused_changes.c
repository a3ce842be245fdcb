/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet rules can not follow a change: what there was before is there again, stored too; what
 * can not be brought back is said; and a configuration that can not be taken back at once is not
 * forgotten.
 */
#include "dbus/names.h"
#include "schema/kept_row.h"
#include "tests/change_call.h"

#define FILE_WITH(icmp)                                              \
	"[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"       \
	"[Limits]\nBindings=1000\nSessions=1000\n"                   \
	"[Timeouts]\nUDP=4min\nICMP=" icmp "\n"                      \
	"[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"    \
	"[Static web]\nProtocols=tcp udp\nInside=[2001:db8::5]:80\n" \
	"Outside=192.0.2.1:80\nComment=of the file\n"
#define FILE_OF_TEST   FILE_WITH("1min")
#define CAN_NOT_FOLLOW "the packet rules can not follow: the kernel says no"

static void set_rules_fail(int how)
{
	g_atomic_int_set(&service.rules_fail, how);
}

/* Who has this outside: the port of the inside, or 0; as a static binding. */
static uint16_t inside_of(enum protocol protocol, const struct taddr4 *outside)
{
	const struct bib *bib = &service.gateway.nat->bib[protocol];
	uint32_t index;
	uint16_t port = 0;

	gateway_lock(&service.gateway);
	index = bib_find4(bib, outside);
	if (index != SLAB_NONE && bib_at(bib, index)->is_static)
		port = bib_at(bib, index)->port6;
	gateway_unlock(&service.gateway);
	return port;
}

/* The row of this key in the database; it is there once another call has been answered. */
static const struct kept_row *kept(const char *key)
{
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "GetStatistics", NULL, NULL,
					   NULL),
			>=, 0);
	return g_hash_table_lookup(service.kept, key);
}

#define OLD_KEY "static_binding\nudp\n192.0.2.2:2020\n[2001:db8::20]:2020"
#define NEW_KEY "static_binding\nudp\n192.0.2.2:2020\n[2001:db8::21]:2121"
static const struct taddr4 outside = {0xc0000202, 2020};

/* One that was added before, with what was said of it: replaced, removed. */
static void test_added(void)
{
	_cleanup_ending_ struct change_ending added, replaced, removed, gone;
	const struct kept_row *row;

	change_bib("AddBib", "udp", "2001:db8::20", 2020, "192.0.2.2", 2020, NULL, &added);
	g_assert_cmpstr(added.name, ==, NULL);
	set_rules_fail(1);
	change_bib("AddBib", "udp", "2001:db8::21", 2121, "192.0.2.2", 2020, "replace", &replaced);
	change_assert_refused(&replaced, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	g_assert_cmpuint(inside_of(PROTOCOL_UDP, &outside), ==, 2020);
	g_assert_null(kept(NEW_KEY));
	row = kept(OLD_KEY);
	g_assert_nonnull(row);
	g_assert_true(row->exists);
	change_bib("RemoveBib", "udp", "", 0, "192.0.2.2", 2020, NULL, &removed);
	change_assert_refused(&removed, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	g_assert_cmpuint(inside_of(PROTOCOL_UDP, &outside), ==, 2020);
	g_assert_nonnull(kept(OLD_KEY));
	set_rules_fail(0);
	change_bib("RemoveBib", "udp", "", 0, "192.0.2.2", 2020, NULL, &gone);
	g_assert_cmpstr(gone.name, ==, NULL);
	g_assert_cmpuint(inside_of(PROTOCOL_UDP, &outside), ==, 0);
	g_assert_null(kept(OLD_KEY));
}

/* One of the file, of two protocols: no word about it stays in the database. */
static void test_of_file(void)
{
	static const struct taddr4 web = {0xc0000201, 80};
	_cleanup_ending_ struct change_ending replaced, removed;

	set_rules_fail(1);
	change_bib("AddBib", "", "2001:db8::22", 8080, "192.0.2.1", 80, "replace", &replaced);
	change_assert_refused(&replaced, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	change_bib("RemoveBib", "tcp", "2001:db8::5", 80, "", 0, NULL, &removed);
	change_assert_refused(&removed, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	set_rules_fail(0);
	g_assert_cmpuint(inside_of(PROTOCOL_TCP, &web), ==, 80);
	g_assert_cmpuint(inside_of(PROTOCOL_UDP, &web), ==, 80);
	g_assert_null(kept("static_binding\ntcp\n192.0.2.1:80\n[2001:db8::5]:80"));
	g_assert_null(kept("static_binding\nudp\n192.0.2.1:80\n[2001:db8::5]:80"));
	g_assert_null(kept("static_binding\ntcp\n192.0.2.1:80\n[2001:db8::22]:8080"));
}

/* What can not be made again is said with the error. */
static void test_lasting(void)
{
	_cleanup_ending_ struct change_ending unbound, added, removed, again;

	test_service_add_session(&service, PROTOCOL_UDP, 1, 1000, 1);
	set_rules_fail(1);
	change_bib("RemoveBib", "udp", "2001:db8:1::1", 1000, "", 0, NULL, &unbound);
	change_assert_refused(&unbound, SD_BUS_ERROR_FAILED,
			      CAN_NOT_FOLLOW "; this stays done: 1 dynamic binding ended");
	set_rules_fail(0);
	change_add("198.51.100.1", "2000-2999", "udp", "name", "s", "more", &added);
	g_assert_cmpstr(added.name, ==, NULL);
	set_rules_fail(1);
	change_entry("RemovePool4", "more", NULL, &removed);
	set_rules_fail(0);
	change_assert_refused(&removed, SD_BUS_ERROR_FAILED,
			      CAN_NOT_FOLLOW "; this stays done: pool4 entry more removed: "
					     "198.51.100.1, udp, ports 2000-2999");
	g_assert_null(kept("pool4_entry\nmore"));
	change_entry("RemovePool4", "more", NULL, &again);
	g_assert_cmpstr(again.name, ==, DBUS_ERROR_NO_SUCH_POOL4);
}

#define STILL_IN_USE                                                                            \
	"a configuration that the packet rules could not follow is still in use: the one of "   \
	"before can not be put into effect, the log says why; it is tried again with the next " \
	"change"

/* Going back fails, too: what was refused neither is stored nor comes to hold with what is next. */
static void test_no_way_back(void)
{
	_cleanup_ending_ struct change_ending refused, next, entry, gone, last, reset;

	set_rules_fail(2);
	change_config("Timeouts.ICMP", "3min", NULL, &refused);
	change_assert_refused(&refused, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	set_rules_fail(0);
	g_assert_null(kept("setting\nTimeouts\nICMP"));
	change_config("Timeouts.UDP", "7min", NULL, &next);
	change_assert_refused(&next, SD_BUS_ERROR_FAILED, STILL_IN_USE);
	/* The rules follow something else. */
	change_add("198.51.100.2", "", "", "name", "s", "other", &entry);
	g_assert_cmpstr(entry.name, ==, NULL);
	g_assert_null(kept("setting\nTimeouts\nICMP"));
	change_entry("RemovePool4", "other", NULL, &gone);

	g_atomic_int_set(&service.apply_fails, 0);
	change_config("Timeouts.UDP", "7min", NULL, &last);
	g_assert_cmpstr(last.name, ==, NULL);
	g_assert_nonnull(kept("setting\nTimeouts\nUDP"));
	g_assert_null(kept("setting\nTimeouts\nICMP"));
	g_assert_cmpuint(service.gateway.nat->config.icmp_ms, ==, 60000);
	g_assert_cmpuint(service.gateway.nat->config.udp_ms, ==, 7 * 60000);
	change_entry("ResetConfig", "", NULL, &reset);
	g_assert_cmpstr(reset.name, ==, NULL);
}

/* The files, too, as they were read before. */
static void test_no_way_back_from_files(void)
{
	_cleanup_ending_ struct change_ending files, next, reset;

	set_rules_fail(2);
	test_service_write(&service, FILE_WITH("2min"));
	change_gateway(clients[0], "Reload", NULL, &files);
	test_service_write(&service, FILE_OF_TEST);
	set_rules_fail(0);
	g_atomic_int_set(&service.apply_fails, 0);
	change_assert_refused(&files, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	g_assert_cmpuint(service.gateway.nat->config.icmp_ms, ==, 120000);
	change_config("Timeouts.UDP", "7min", NULL, &next);
	g_assert_cmpstr(next.name, ==, NULL);
	g_assert_cmpuint(service.gateway.nat->config.icmp_ms, ==, 60000);
	change_entry("ResetConfig", "", NULL, &reset);
	g_assert_cmpstr(reset.name, ==, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/refused/added", test_added);
	g_test_add_func("/refused/of-file", test_of_file);
	g_test_add_func("/refused/lasting", test_lasting);
	g_test_add_func("/refused/no-way-back", test_no_way_back);
	g_test_add_func("/refused/no-way-back-from-files", test_no_way_back_from_files);
	return bus_clients_run(FILE_OF_TEST);
}
