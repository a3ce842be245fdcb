/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Management of entries on the host's own address, in a network namespace that has one: what an
 * answer says of ports that the host needs itself (P-18), and how the entry "auto" makes way.
 */
#include "dbus/names.h"
#include "tests/change_call.h"
#include "tests/netns.h"

#define OWN "192.0.2.1"

static const char without_entry[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
				    "[Limits]\nBindings=300000\nSessions=1000\n";

/* A namespace of our own, with the service in it. False: the test is skipped. */
static gboolean begin(void)
{
	if (!netns_enter())
		return FALSE;
	netns_run("ip link add wan type veth peer name far");
	netns_run("ip link set wan up");
	netns_run("ip link set far up");
	netns_run("ip address add " OWN "/24 dev wan");
	netns_run("ip route add default via 192.0.2.2");
	netns_run("sysctl -qw net.ipv4.ip_local_port_range='32768 60999'");
	bus_clients_begin(without_entry);
	return TRUE;
}

static const struct pool4_entry *entry_named(const char *name)
{
	return pool4_entry_by_name(service.gateway.nat->pool4, name);
}

/* The only binding of UDP. */
static struct taddr4 mapped(void)
{
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_UDP];

	g_assert_cmpuint(bib->entries.n_used, ==, 1);
	return bib_entry_taddr4(bib_at(bib, bib_next(bib, 0)));
}

#define AUTO_GOES \
	"the entry auto (" OWN ") is drained, because it exists only while there is no other\n"
#define CLASH                                                                       \
	"the kernel gives port 32768 of " OWN " to local programs, too: sysctl -w " \
	"net.ipv4.ip_local_reserved_ports=32768\n"

/* auto has the address and a binding; an entry with all of its ports comes, and the binding lives
 * on. Whether somebody asks only, asks again or really does it: he hears of ports that clash. */
static void test_make_way(void)
{
	static const int yes = 1;
	_cleanup_ending_ struct change_ending would, added, again, gone, refused;
	const struct pool4_entry *automatic;
	struct taddr4 before, after;

	if (!begin())
		return;
	automatic = entry_named("auto");
	g_assert_nonnull(automatic);
	g_assert_cmpuint(automatic->spec.ports.range[0].first, ==, 1024);
	test_service_add_session(&service, PROTOCOL_UDP, 1, 5000, 1);
	before = mapped();
	change_entry("RemovePool4", "auto", NULL, &refused);
	change_assert_refused(&refused, SD_BUS_ERROR_NOT_SUPPORTED,
			      "the entry auto exists as long as there is no other: 'nat64ctl pool4 "
			      "add' makes one, and auto goes");

	change_add(OWN, "1024-32768", "", "dry-run", "b", &yes, &would);
	change_assert_done(&would, 1,
			   "pool4 entry would be added: " OWN ", tcp udp icmp, ports 1024-32768",
			   "pool4 entry (new): " CLASH AUTO_GOES);
	g_assert_cmpint(automatic->state, ==, POOL4_ACTIVE);
	change_add(OWN, "1024-32768", "", "name", "s", "mine", &added);
	change_assert_done(&added, 1,
			   "pool4 entry mine added: " OWN ", tcp udp icmp, ports 1024-32768",
			   AUTO_GOES "pool4 entry mine: " CLASH);
	g_assert_cmpint(automatic->state, ==, POOL4_DRAINING);
	g_assert_cmpint(entry_named("mine")->state, ==, POOL4_ACTIVE);
	after = mapped();
	g_assert_true(taddr4_equal(&after, &before));
	change_add(OWN, "1024-32768", "", NULL, NULL, NULL, &again);
	change_assert_done(
		&again, 0,
		"pool4 entry mine is there already: " OWN ", tcp udp icmp, ports 1024-32768", "");

	change_entry("RemovePool4", "mine", NULL, &gone);
	change_assert_done(&gone, 1,
			   "pool4 entry mine removed: " OWN ", tcp udp icmp, ports 1024-32768",
			   "no other entry is left: the entry auto takes its place\n");
	g_assert_cmpint(entry_named("auto")->state, ==, POOL4_ACTIVE);
	after = mapped();
	g_assert_true(taddr4_equal(&after, &before));
	bus_clients_end();
}

static const char waiting[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			      "[Pool4 main]\nAddresses=198.51.100.1\nPorts=1024-65535\n"
			      "[Pool4 wait]\nAddresses=interface:later\nPorts=1024-65535\n";

/* Entries whose interface has no address go and come back by command, too. */
static void test_waiting(void)
{
	_cleanup_ending_ struct change_ending added, unnamed, known, would, removed, gone, off,
		again, on, same;

	if (!begin())
		return;
	change_add("interface:later", "1024-65535", "", "name", "s", "new", &added);
	change_assert_done(&added, 1, "pool4 entry new added",
			   "later has no IPv4 address now: the entry comes with it\n");
	g_assert_null(entry_named("new"));
	change_add("interface:later", "", "", NULL, NULL, NULL, &unnamed);
	change_assert_refused(&unnamed, DBUS_ERROR_INVALID_ADDRESS,
			      "later has no IPv4 address now: give the entry a name, and it comes "
			      "with the address");
	change_add("interface:later", "2000-2999", "", "name", "s", "new", &known);
	change_assert_refused(&known, DBUS_ERROR_OVERLAP,
			      "there is a pool4 entry new already: choose another name");
	test_service_reload(&service, without_entry);
	g_assert_null(entry_named("auto"));
	change_entry("RemovePool4", "new", "dry-run", &would);
	change_assert_done(&would, 1, "pool4 entry new would be removed: it has no address", "");
	change_entry("DrainPool4", "new", NULL, &removed);
	change_assert_done(&removed, 1, "pool4 entry new removed: it has no address",
			   "no other entry is left: the entry auto takes its place\n");
	g_assert_nonnull(entry_named("auto"));
	change_entry("RemovePool4", "new", NULL, &gone);
	change_assert_refused(&gone, DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry 'new'");

	test_service_reload(&service, waiting);
	change_entry("RemovePool4", "wait", NULL, &off);
	change_assert_done(&off, 1, "pool4 entry wait disabled: it has no address", "");
	test_service_reload(&service, waiting);
	change_entry("RemovePool4", "wait", NULL, &again);
	change_assert_done(&again, 0, "pool4 entry wait is disabled already", "");
	change_entry("EnablePool4", "wait", NULL, &on);
	change_assert_done(&on, 1, "pool4 entry wait is used again, and comes with an address", "");
	change_entry("EnablePool4", "wait", NULL, &same);
	change_assert_done(&same, 0, "pool4 entry wait is there already, and comes with an address",
			   "");
	netns_run("ip link add later type veth peer name end");
	netns_run("ip address add 203.0.113.1/24 dev later");
	test_service_reload(&service, waiting);
	g_assert_nonnull(entry_named("wait"));
	g_assert_cmpint(entry_named("wait")->state, ==, POOL4_ACTIVE);
	bus_clients_end();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/own-address/make-way", test_make_way);
	g_test_add_func("/own-address/waiting", test_waiting);
	return g_test_run();
}
