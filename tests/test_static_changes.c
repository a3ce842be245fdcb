/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static bindings at run time by the management interface: they come, go, stand in each other's way
 * and in that of an entry that is drained, and are refused, each refusal with its sentence.
 */
#include "daemon/static_sync.h"
#include "dbus/names.h"
#include "tests/change_call.h"
#include "tests/fake_world.h"

static void test_bib_refused(void)
{
	static const struct {
		const char *method, *protocols, *address6;
		uint16_t port6;
		const char *address4;
		uint16_t port4;
		const char *name, *text;
	} cases[] = {
		{"AddBib", "sctp", "2001:db8::5", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_PROTOCOL,
		 "'sctp' is none of: tcp, udp, icmp"},
		{"AddBib", "tcp", "192.0.2.1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "'192.0.2.1' is not an IPv6 address"},
		{"AddBib", "tcp", "2001:db8::5", 80, "x", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "'x' is not an IPv4 address"},
		{"AddBib", "tcp", "2001:db8::5", 0, "192.0.2.2", 80, DBUS_ERROR_INVALID_PORTS,
		 "port 0 is no port of TCP or UDP: 1 to 65535 are"},
		{"AddBib", "tcp", "", 0, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "a static binding has an IPv6 and an IPv4 address: one is missing"},
		{"AddBib", "tcp", "ff02::1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "ff02::1 is not the address of one host: it is multicast, link-local, loopback "
		 "or ::"},
		{"AddBib", "tcp", "2001:db8:64::1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8:64::1 lies in Pool6, where the IPv4 hosts are: give the client's own "
		 "address"},
		{"AddBib", "tcp", "2001:db8::5", 80, "198.51.100.7", 80, DBUS_ERROR_NOT_IN_POOL4,
		 "198.51.100.7 is neither in pool4 nor the host's own: 'nat64ctl pool4 add "
		 "198.51.100.7' adds it"},
		{"RemoveBib", "tcp", "", 0, "", 0, DBUS_ERROR_INVALID_ADDRESS,
		 "which binding? give its IPv6 or its IPv4 address and port"},
		{"RemoveBib", "tcp udp", "", 0, "192.0.2.2", 81, DBUS_ERROR_NO_SUCH_BIB,
		 "there is no binding tcp udp 192.0.2.2:81"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_ending_ struct change_ending ending;

		change_bib(cases[i].method, cases[i].protocols, cases[i].address6, cases[i].port6,
			   cases[i].address4, cases[i].port4, NULL, &ending);
		change_assert_refused(&ending, cases[i].name, cases[i].text);
	}
}

/* Draining waits for what does not end by itself. */
static void test_drain_statics(void)
{
	_cleanup_ending_ struct change_ending added, one, two, would, drained, gone, end;

	change_add("198.51.100.1", "", "", "name", "s", "ds", &added);
	change_bib("AddBib", "tcp", "2001:db8::5", 2000, "198.51.100.1", 2000, NULL, &one);
	change_entry("DrainPool4", "ds", "dry-run", &would);
	change_assert_done(
		&would, 1, "pool4 entry ds would take no new bindings and goes with the last of 1",
		"1 static binding is among them: the entry stays until 'nat64ctl bib remove' "
		"ends it\n");
	change_bib("AddBib", "udp", "2001:db8::5", 2001, "198.51.100.1", 2001, NULL, &two);
	change_entry("DrainPool4", "ds", NULL, &drained);
	change_assert_done(
		&drained, 1, "pool4 entry ds takes no new bindings and goes with the last of 2",
		"2 static bindings are among them: the entry stays until 'nat64ctl bib remove' "
		"ends them\n");
	change_bib("RemoveBib", "tcp", "", 0, "198.51.100.1", 2000, NULL, &gone);
	g_assert_cmpint(pool4_entry_by_name(service.gateway.nat->pool4, "ds")->state, ==,
			POOL4_DRAINING);
	change_entry("RemovePool4", "ds", "force", &end);
	g_assert_null(pool4_entry_by_name(service.gateway.nat->pool4, "ds"));
}

/* Of two entries that share an address the one that counts the binding is warned about, not the
 * older one. */
static void test_drain_shared(void)
{
	_cleanup_ending_ struct change_ending off, bound, on, drained, end;

	change_entry("RemovePool4", "wan", NULL, &off);
	g_assert_cmpstr(off.name, ==, NULL);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "AddPool4", NULL, NULL,
					   "sssa{sv}", "192.0.2.1", "1024-65535", "", 2, "name",
					   "s", "newer", "clients", "s", "2001:db8:7::/48"),
			>=, 0);
	change_bib("AddBib", "tcp", "2001:db8:7::5", 2000, "192.0.2.1", 2000, NULL, &bound);
	g_assert_cmpstr(bound.name, ==, NULL);
	change_entry("EnablePool4", "wan", NULL, &on);
	g_assert_cmpstr(on.name, ==, NULL);
	change_entry("DrainPool4", "newer", NULL, &drained);
	change_assert_done(
		&drained, 1, "pool4 entry newer takes no new bindings and goes with the last of 1",
		"1 static binding is among them: the entry stays until 'nat64ctl bib remove' "
		"ends it\n");
	change_entry("RemovePool4", "newer", "force", &end);
	g_assert_cmpstr(end.name, ==, NULL);
}

/* Comes on a port outside of the entry's, is there already, gives way to another, and goes. */
static void test_bib(void)
{
	_cleanup_ending_ struct change_ending added, again, taken, exists, replaced, gone;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *protocol, *address6, *address4;
	uint16_t port6, port4;

	change_bib("AddBib", "tcp udp", "2001:db8::5", 443, "192.0.2.2", 443, NULL, &added);
	change_assert_done(&added, 1,
			   "static binding tcp udp [2001:db8::5]:443 to 192.0.2.2:443 added", "");
	change_bib("AddBib", "tcp udp", "2001:db8::5", 443, "192.0.2.2", 443, NULL, &again);
	change_assert_done(
		&again, 0,
		"static binding tcp udp [2001:db8::5]:443 to 192.0.2.2:443 is there already", "");
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "LookupBib", NULL, &reply, "ssq",
					   "tcp", "192.0.2.2", 443),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'r', "ssqsqbuttu"), >, 0);
	sd_bus_message_read(reply, "ssqsq", &protocol, &address6, &port6, &address4, &port4);
	g_assert_cmpstr(address6, ==, "2001:db8::5");
	g_assert_cmpuint(port6, ==, 443);

	change_bib("AddBib", "tcp", "2001:db8::6", 443, "192.0.2.2", 443, NULL, &taken);
	change_assert_refused(
		&taken, DBUS_ERROR_ADDRESS_TAKEN,
		"tcp 192.0.2.2:443 is bound to [2001:db8::5]:443 (static): --replace ends "
		"that binding");
	change_bib("AddBib", "tcp", "2001:db8::5", 443, "192.0.2.2", 444, NULL, &exists);
	change_assert_refused(
		&exists, DBUS_ERROR_BIB_EXISTS,
		"tcp [2001:db8::5]:443 is bound to 192.0.2.2:443 (static): --replace ends "
		"that binding");
	change_bib("AddBib", "tcp", "2001:db8::6", 443, "192.0.2.2", 443, "replace", &replaced);
	change_assert_done(&replaced, 1,
			   "static binding tcp [2001:db8::6]:443 to 192.0.2.2:443 added",
			   "1 binding ended\n");
	change_bib("RemoveBib", "tcp udp", "", 0, "192.0.2.2", 443, NULL, &gone);
	change_assert_done(&gone, 1, "binding tcp udp 192.0.2.2:443 removed", "");
}

/* A program of the host's has the port at an own address: for TCP, not for UDP. */
static void test_listener(void)
{
	_cleanup_ending_ struct change_ending taken, would, added, gone;
	struct fake_world *world = service.world;

	gateway_lock(&service.gateway);
	world->own4[world->n_own4++] = 0xc0000203;
	world->listener[world->n_listeners].protocol = PROTOCOL_TCP;
	world->listener[world->n_listeners++].taddr = (struct taddr4){0xc0000203, 8080};
	gateway_unlock(&service.gateway);
	change_bib("AddBib", "tcp udp", "2001:db8::5", 80, "192.0.2.3", 8080, NULL, &taken);
	change_assert_refused(&taken, DBUS_ERROR_ADDRESS_TAKEN,
			      "a local program listens on tcp 192.0.2.3:8080: choose another port, "
			      "or stop it");
	change_bib("AddBib", "tcp", "2001:db8::5", 80, "192.0.2.3", 8080, "dry-run", &would);
	change_assert_refused(&would, DBUS_ERROR_ADDRESS_TAKEN, taken.text);
	change_bib("AddBib", "udp", "2001:db8::5", 80, "192.0.2.3", 8080, NULL, &added);
	change_assert_done(&added, 1, "static binding udp [2001:db8::5]:80 to 192.0.2.3:8080 added",
			   "");
	change_bib("RemoveBib", "udp", "", 0, "192.0.2.3", 8080, NULL, &gone);
	g_assert_cmpstr(gone.name, ==, NULL);
}

/* Refused, and then not half there: more bindings than there may be, a comment that is too long. */
static void test_bounds(void)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_ending_ struct change_ending full;
	g_autofree char *comment = g_strnfill(256, 'c');
	struct nat64 *nat = service.gateway.nat;
	uint32_t limit = nat->limits.bindings, n = nat64_n_bindings(nat);
	g_autofree char *text = g_strdup_printf(
		"there are as many bindings as the %u that Limits.Bindings allows", n);

	gateway_lock(&service.gateway);
	nat->limits.bindings = n;
	gateway_unlock(&service.gateway);
	change_bib("AddBib", "tcp", "2001:db8::9", 80, "192.0.2.2", 82, NULL, &full);
	change_assert_refused(&full, DBUS_ERROR_EXHAUSTED, text);
	gateway_lock(&service.gateway);
	nat->limits.bindings = limit;
	gateway_unlock(&service.gateway);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "AddBib", &error, NULL,
					   "ssqsqa{sv}", "tcp", "2001:db8::9", 80, "192.0.2.2", 82,
					   1, "comment", "s", comment),
			<, 0);
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_INVALID_VALUE);
	g_assert_cmpstr(error.message, ==, "comment: longer than 127 bytes");
	g_assert_cmpuint(nat64_n_bindings(nat), ==, n);
}

static void block_client(const char *method, const char *prefix)
{
	uint64_t forever = 0;
	int r = strcmp(method, "BlockClient") == 0
			? sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					     DBUS_INTERFACE_MANAGER, method, NULL, NULL, "sta{sv}",
					     prefix, forever, 0)
			: sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					     DBUS_INTERFACE_MANAGER, method, NULL, NULL, "sa{sv}",
					     prefix, 0);

	g_assert_cmpint(r, >=, 0);
}

/* A binding through which nothing passes is most likely a mistake; the longest of the blocks is
 * named, as all of them are to go. */
static void test_blocked_client(void)
{
	_cleanup_ending_ struct change_ending refused, would, added, again, gone;
	const char *const text = "client 2001:db8:5::7 is blocked: 'nat64ctl client unblock "
				 "2001:db8:5::/64' ends that, --force binds it all the same";

	block_client("BlockClient", "2001:db8::/32");
	block_client("BlockClient", "2001:db8:5::/64");
	change_bib("AddBib", "tcp", "2001:db8:5::7", 80, "192.0.2.2", 90, NULL, &refused);
	change_assert_refused(&refused, DBUS_ERROR_CLIENT_BLOCKED, text);
	change_bib("AddBib", "tcp", "2001:db8:5::7", 80, "192.0.2.2", 90, "dry-run", &would);
	change_assert_refused(&would, DBUS_ERROR_CLIENT_BLOCKED, text);
	change_bib("AddBib", "tcp", "2001:db8:5::7", 80, "192.0.2.2", 90, "force", &added);
	change_assert_done(&added, 1, "static binding tcp [2001:db8:5::7]:80 to 192.0.2.2:90 added",
			   "client 2001:db8:5::7 is blocked: nothing passes before 'nat64ctl "
			   "client unblock 2001:db8:5::/64'\n");
	change_bib("AddBib", "tcp", "2001:db8:5::7", 80, "192.0.2.2", 90, NULL, &again);
	change_assert_done(&again, 0,
			   "static binding tcp [2001:db8:5::7]:80 to 192.0.2.2:90 is there already",
			   "");
	change_bib("RemoveBib", "tcp", "2001:db8:5::7", 80, "", 0, NULL, &gone);
	g_assert_cmpstr(gone.name, ==, NULL);
	block_client("UnblockClient", "2001:db8:5::/64");
	block_client("UnblockClient", "2001:db8::/32");
}

/* What the log says of those in the file, word by word. */
static void test_log_sentences(void)
{
	static const char *const texts[] = {
		[NAT64_STATIC_OK] = "",
		[NAT64_STATIC_IDENTICAL] = "",
		[NAT64_STATIC_ILLEGAL] = "its inside address is not that of one host (multicast, "
					 "link-local, loopback or ::)",
		[NAT64_STATIC_IN_POOL6] = "its inside address lies in Pool6",
		[NAT64_STATIC_NOT_OUR_ADDRESS] =
			"its outside address is neither in pool4 nor the host's own",
		[NAT64_STATIC_LISTENER] = "a local program listens on its outside address and port",
		[NAT64_STATIC_TAKEN] = "its inside or outside is bound otherwise",
		[NAT64_STATIC_FULL] = "there are as many bindings as Limits.Bindings allows",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		g_assert_cmpstr(static_sync_text((enum nat64_static_result)i), ==, texts[i]);
}

static void test_lookup_refused(void)
{
	static const struct {
		const char *address, *name, *text;
	} cases[] = {
		{"192.0.2", DBUS_ERROR_INVALID_ADDRESS, "'192.0.2' is not an IPv6 or IPv4 address"},
		{"192.0.2.3", DBUS_ERROR_NO_SUCH_BIB, "there is no binding tcp 192.0.2.3:99"},
		{"2001:db8::9", DBUS_ERROR_NO_SUCH_BIB, "there is no binding tcp [2001:db8::9]:99"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		g_assert_cmpint(sd_bus_call_method(clients[i % 2], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "LookupBib", &error,
						   NULL, "ssq", "tcp", cases[i].address, 99),
				<, 0);
		g_assert_cmpstr(error.name, ==, cases[i].name);
		g_assert_cmpstr(error.message, ==, cases[i].text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/static_changes/bib-refused", test_bib_refused);
	g_test_add_func("/static_changes/bib", test_bib);
	g_test_add_func("/static_changes/drain-statics", test_drain_statics);
	g_test_add_func("/static_changes/drain-shared", test_drain_shared);
	g_test_add_func("/static_changes/listener", test_listener);
	g_test_add_func("/static_changes/bounds", test_bounds);
	g_test_add_func("/static_changes/blocked-client", test_blocked_client);
	g_test_add_func("/static_changes/log-sentences", test_log_sentences);
	g_test_add_func("/static_changes/lookup-refused", test_lookup_refused);
	return bus_clients_run(NULL);
}
