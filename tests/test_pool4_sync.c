/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries and static bindings follow the configuration and the host's addresses (P-18, P-22), in a
 * namespace with one interface. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/persist.h"
#include "tests/craft.h"
#include "tests/netns.h"
#include "tests/pool4_host.h"

#define STATIC(name, outside) "[Static " name "]\nInside=[2001:db8:1::5]:443\nOutside=" outside "\n"

/* P-22: addresses of an interface come and go; bindings at the others live on. */
static void test_interface_changes(void)
{
	struct gateway_host host = {0};
	const struct pool4_entry *entry;
	uint32_t id;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30000\n" STATIC(
					"inside-ports", "203.0.113.1:21000")))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 1);
	id = pool4_entry_by_name(host.gateway.nat->pool4, "a")->id;
	host_bind_client(&host, "203.0.113.1", 22000);
	netns_run("ip address add 203.0.113.9/24 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 2);
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	host_assert_reported("pool4 entry a has 203.0.113.9 now\n");
	host_bind_client(&host, "203.0.113.9", 22001);

	netns_run("ip address delete 203.0.113.9/24 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 1);
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.9", 22001));
	host_assert_reported("pool4 entry a: 203.0.113.9 is gone: 1 bindings ended\n");
	entry = pool4_entry_by_name(host.gateway.nat->pool4, "a");
	g_assert_cmpuint(entry->id, ==, id);
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	g_assert_true(nat64_check(host.gateway.nat));
	host_tear_down(&host);
}

/* A line that dials in anew: the only address is another one. The entry is the same; its new
 * address is used once the rules are in. */
static void test_interface_has_another(void)
{
	struct gateway_host host = {0};
	const struct pool4_entry *entry;
	char *error = NULL;
	uint32_t id;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30000\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	entry = pool4_entry_by_name(host.gateway.nat->pool4, "a");
	id = entry->id;
	host_bind_client(&host, "203.0.113.1", 22000);
	netns_run("ip address flush dev wan");
	netns_run("ip address add 203.0.113.9/24 dev wan");
	g_assert_cmpuint(pool4_sync_follow(host.sync, host.config), ==, 0);
	entry = pool4_entry_by_name(host.gateway.nat->pool4, "a");
	g_assert_cmpuint(entry->id, ==, id);
	g_assert_cmpint(entry->state, ==, POOL4_PENDING);
	g_assert_true(pool4_entry_has_address(entry, craft_addr4("203.0.113.9")));
	g_assert_false(pool4_entry_has_address(entry, craft_addr4("203.0.113.1")));
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	host_assert_reported("pool4 entry a: 203.0.113.1 is gone: 1 bindings ended\n");
	g_assert_cmpint(pool4_sync_rules(host.sync, NULL, POOL4_SYNC_DIFFERENCE, &error), ==, 0);
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	host_assert_reported("");
	host_tear_down(&host);
}

/* All of them, as 'nat64ctl setup' has them in the rules. */
static void test_interface_has_many(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30000\n"))
		return;
	for (unsigned i = 0; i < 99; i++)
		netns_run("ip address add 10.0.%u.1/32 dev wan", i);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 100);
	host_forget_reports();
	host_tear_down(&host);
}

/* What a note says is no reason to end anything. */
static void test_comment_changes(void)
{
	struct gateway_host host = {0};
	const struct pool4_entry *entry;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=192.0.2.1\nComment=old\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_bind_client(&host, "192.0.2.1", 22000);
	host_reload(&host, "[Pool4 a]\nAddresses=192.0.2.1\nComment=new\n");
	entry = pool4_entry_by_name(host.gateway.nat->pool4, "a");
	g_assert_cmpstr(entry->spec.comment, ==, "new");
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "192.0.2.1", 22000));
	host_reload(&host, "[Pool4 a]\nAddresses=192.0.2.1\n");
	g_assert_cmpstr(pool4_entry_by_name(host.gateway.nat->pool4, "a")->spec.comment, ==, "");
	host_assert_reported("");
	host_tear_down(&host);
}

/* A reload that adds addresses, takes some away, and gives them to another entry. */
static void test_reload_moves(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host,
			 "[Pool4 a]\nAddresses=192.0.2.0/29\n[Pool4 b]\nAddresses=192.0.2.8\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_bind_client(&host, "192.0.2.1", 22000);
	host_bind_client(&host, "192.0.2.7", 22001);
	host_bind_client(&host, "192.0.2.8", 22002);
	host_reload(&host, "[Pool4 a]\nAddresses=192.0.2.0/30 192.0.2.8\n"
			   "[Pool4 b]\nAddresses=192.0.2.4-192.0.2.7\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("pool4 entry a: 192.0.2.4/30 is gone: 1 bindings ended\n"
			     "pool4 entry b: 192.0.2.8 is gone: 1 bindings ended\n"
			     "pool4 entry a has 192.0.2.8 now\n");
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "192.0.2.1", 22000));
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "192.0.2.7", 22001));
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "192.0.2.8", 22002));
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 2); /* ranges */
	g_assert_cmpuint(host_n_addresses(&host, "b"), ==, 1);
	g_assert_true(nat64_check(host.gateway.nat));
	host_tear_down(&host);
}

/* An interface gets an address that another entry has: said once, and the rest goes on. */
static void test_interface_overlaps(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host,
			 "[Pool4 a]\nAddresses=interface:wan\n[Pool4 b]\nAddresses=203.0.113.9\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	netns_run("ip address add 203.0.113.9/24 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported(
		"the new addresses of pool4 entry a can not be used: another entry has the "
		"same address, port, protocol and clients: b\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("");
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 1);
	host_tear_down(&host);
}

/* An entry that has left the file, and is drained, does not outlive the host's address. */
static void test_drained_loses_address(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30000\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_bind_client(&host, "203.0.113.1", 22000);
	/* As the rules find out. */
	pool4_set_reach(host.gateway.nat->pool4,
			pool4_entry_by_name(host.gateway.nat->pool4, "a")->id, POOL4_LOCAL);
	host_reload(&host, "[Pool4 b]\nAddresses=192.0.2.1\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	host_forget_reports();
	netns_run("ip address flush dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	host_assert_reported("pool4 entry a: 203.0.113.1 is gone, and nothing is left: 1 bindings "
			     "ended\n");
	host_tear_down(&host);
}

static int listen_on(int type, uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (const struct sockaddr *)&at, sizeof(at)), ==, 0);
	if (type == SOCK_STREAM)
		g_assert_cmpint(listen(fd, 1), ==, 0);
	return fd;
}

/* P-18: ports that were chosen by hand, in the way of what the host uses: said once, and never
 * again after the line of the first sentence has been run and the program has gone. */
static void test_ports_in_the_way(void)
{
	struct gateway_host host = {0};
	int fd;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=203.0.113.1\nPorts=30000-40000\n"
				"[Pool4 b]\nAddresses=192.0.2.1\nPorts=30000-40000\n"))
		return;
	netns_run("sysctl -qw net.ipv4.ip_local_port_range='32768 60999'");
	fd = listen_on(SOCK_DGRAM, 31000);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported(
		"pool4 entry a: the kernel gives ports 32768-40000 of 203.0.113.1 to local "
		"programs, too: sysctl -w "
		"net.ipv4.ip_local_reserved_ports=32768-40000\n"
		"pool4 entry a: port 31000 of 203.0.113.1 is reserved for or used by local "
		"programs: Ports=30000-30999 31001-40000 leaves out what is theirs\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("");
	netns_run("sysctl -qw net.ipv4.ip_local_reserved_ports=32768-40000");
	(void)close(fd);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("");
	host_tear_down(&host);
}

static gboolean has_port(const struct gateway_host *host, const char *name, uint16_t port)
{
	return port_ranges_contain(&pool4_entry_by_name(host->gateway.nat->pool4, name)->spec.ports,
				   port);
}

/* P-18: a program that starts to listen takes its port out of the ports that an entry has by
 * itself, on TCP and UDP alike, and gives it back when it ends. What a client has stays its. */
static void test_auto_ports_follow_programs(void)
{
	struct gateway_host host = {0};
	int udp, tcp;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=203.0.113.1\n"))
		return;
	netns_run("sysctl -qw net.ipv4.ip_local_port_range='32768 60999'");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_true(has_port(&host, "a", 21000) && has_port(&host, "a", 22000));
	host_bind_client(&host, "203.0.113.1", 22000);
	udp = listen_on(SOCK_DGRAM, 21000);
	tcp = listen_on(SOCK_STREAM, 22000);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_false(has_port(&host, "a", 21000));
	g_assert_false(has_port(&host, "a", 22000));
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 22000));
	g_assert_true(nat64_check(host.gateway.nat));
	(void)close(udp);
	(void)close(tcp);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_true(has_port(&host, "a", 21000) && has_port(&host, "a", 22000));
	host_assert_reported("");
	host_tear_down(&host);
}

/* For all its protocols or none, and said once. */
static void test_static_refused(void)
{
	struct gateway_host host = {0};
	int fd;

	if (!host_set_up(&host,
			 "[Pool4 a]\nAddresses=192.0.2.1\n" STATIC("taken", "203.0.113.1:21000")))
		return;
	fd = listen_on(SOCK_DGRAM, 21000);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(host_follow(&host), ==, 1);
		g_assert_false(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
		g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 21000));
		host_assert_reported(i > 0 ? ""
					   : "static binding taken (udp) can not be used: a local "
					     "program listens on its outside address and port\n");
	}
	(void)close(fd);
	host_tear_down(&host);
}

/* Its address comes later than the daemon. */
static void test_static_comes_with_address(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host,
			 "[Pool4 a]\nAddresses=192.0.2.1\n" STATIC("late", "203.0.113.9:443")))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 1);
	host_assert_reported(
		"static binding late (tcp) can not be used: its outside address is neither "
		"in pool4 nor the host's own\n"
		"static binding late (udp) can not be used: its outside address is neither "
		"in pool4 nor the host's own\n");
	netns_run("ip address add 203.0.113.9/24 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.9", 443));
	host_assert_reported("static binding late can be used now\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("");
	host_tear_down(&host);
}

/* The interface goes, and comes back with two addresses, one of them under a label. */
static void test_interface_comes_back(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 1);
	host_bind_client(&host, "203.0.113.1", 62000);
	netns_run("ip link delete wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 0);
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 62000));
	host_assert_reported("pool4 entry a: 203.0.113.1 is gone, and nothing is left: 1 bindings "
			     "ended\n");
	netns_run("ip link add wan type veth peer name wan1");
	netns_run("ip address add 203.0.113.1/24 dev wan");
	netns_run("ip address add 203.0.113.9/24 dev wan label wan:vip");
	netns_run("ip address add 203.0.113.10/24 dev wan1");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 2);
	host_tear_down(&host);
}

/* Nothing is configured, and the host has no way to IPv4 yet: said once, and when it is over. */
static void test_no_address(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, ""))
		return;
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(host_follow(&host), ==, 0);
		host_assert_reported(
			i > 0 ? ""
			      : "no pool4 address: no [Pool4] entry is configured and the "
				"host has no IPv4 default route to take an address from; "
				"nothing is translated until there is one\n");
	}
	netns_run("ip link set wan up");
	netns_run("ip route add default via 203.0.113.254 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "auto"), ==, 1);
	host_assert_reported("there is a pool4 address now\n");
	host_tear_down(&host);
}

/* The address of auto goes with the default route. */
static void test_auto_loses_address(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, ""))
		return;
	netns_run("ip link set wan up");
	netns_run("ip route add default via 203.0.113.254 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "auto"), ==, 1);
	host_bind_client(&host, "203.0.113.1", 62000);
	netns_run("ip route delete default");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_true(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 62000));
	host_forget_reports();
	netns_run("ip address flush dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_false(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 62000));
	host_assert_reported(
		"pool4 entry auto: 203.0.113.1 is gone, and nothing is left: 1 bindings "
		"ended\n");
	host_tear_down(&host);
}

/* Two entries whose ports would meet at an address of the interface: nothing of what is new is
 * used, it is said once, and what was there before goes on. */
static void test_ports_refused(void)
{
	static const char also[] = "[Pool4 b]\nAddresses=203.0.113.9\nPorts=30001-32000\n";
	struct gateway_host host = {0};
	const struct pool4_entry *entry;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30000\n"
				"[Pool4 b]\nAddresses=203.0.113.9\nPorts=30001-32000\n"))
		return;
	netns_run("ip address add 203.0.113.9/24 dev wan");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	entry = pool4_entry_by_name(host.gateway.nat->pool4, "a");
	host_assert_reported("");
	host_reload_with(&host, "[Pool4 a]\nAddresses=interface:wan\nPorts=20000-30001\n", also);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(host_follow(&host), ==, 0);
		host_assert_reported(
			i > 0 ? ""
			      : "the new ports of pool4 entry a can not be used: another "
				"entry has the same address, port, protocol and clients: "
				"b\n");
		g_assert_cmpuint(entry->spec.ports.range[0].last, ==, 30000);
		g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	}
	/* With an address besides, of which nothing is used either. */
	host_reload_with(&host,
			 "[Pool4 a]\nAddresses=interface:wan 192.0.2.1\nPorts=20000-20001 30002\n",
			 also);
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 2);
	g_assert_cmpuint(entry->spec.ports.n_ranges, ==, 1);
	host_assert_reported(
		"the new addresses and ports of pool4 entry a can not be used: another "
		"entry has the same address, port, protocol and clients: b\n");
	/* The reason goes away. */
	host_reload(&host, "[Pool4 a]\nAddresses=interface:wan 192.0.2.1\nPorts=20000-20001 30002\n"
			   "[Pool4 b]\nAddresses=203.0.113.9\nPorts=31000\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(host_n_addresses(&host, "a"), ==, 3);
	g_assert_cmpuint(entry->spec.ports.n_ranges, ==, 2);
	host_assert_reported("pool4 entry a has 192.0.2.1 now\n");
	g_assert_true(nat64_check(host.gateway.nat));
	host_tear_down(&host);
}

/* Ports that go from one entry to another, whichever comes first in the file. */
static void test_ports_change_hands(void)
{
	struct gateway_host host = {0};
	struct pool4 *pool;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=192.0.2.1\nPorts=2000-2999\n"
				"[Pool4 b]\nAddresses=192.0.2.1\nPorts=3000-3999\n"))
		return;
	pool = host.gateway.nat->pool4;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_reload(&host, "[Pool4 a]\nAddresses=192.0.2.1\nPorts=2000-3499\n"
			   "[Pool4 b]\nAddresses=192.0.2.1\nPorts=3500-3999\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	g_assert_cmpuint(pool4_entry_by_name(pool, "a")->n_ports[PROTOCOL_UDP], ==, 1500);
	g_assert_cmpuint(pool4_entry_by_name(pool, "b")->n_ports[PROTOCOL_UDP], ==, 500);
	host_assert_reported("");
	host_tear_down(&host);
}

/* Where there are blocks, auto keeps one that is in nobody's way, and its bindings; where nothing
 * is left for it, they end. */
static void test_auto_makes_way_for_blocks(void)
{
	static const char mode[] = "[Pool4]\nMode=blocks\nBlockSize=512\n";
	static const char *const ports[] = {"1024-65535", "1-65535"};

	for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
		g_autofree char *entry = g_strconcat(
			"[Pool4 a]\nAddresses=203.0.113.1\nPorts=", ports[i], "\n", NULL);
		struct gateway_host host = {0};

		if (!host_set_up(&host, mode))
			return;
		netns_run("ip link set wan up");
		netns_run("ip route add default via 203.0.113.254 dev wan");
		g_assert_cmpuint(host_follow(&host), ==, 0);
		host_bind_client(&host, "203.0.113.1", 62000);
		host_reload_with(&host, mode, entry);
		g_assert_nonnull(pool4_entry_by_name(host.gateway.nat->pool4, "a"));
		g_assert_cmpint(host_is_bound(&host, PROTOCOL_UDP, "203.0.113.1", 62000), ==,
				i == 0);
		g_assert_true(nat64_check(host.gateway.nat));
		host_tear_down(&host);
	}
}

/* O-12: in the second part of a hand-over somebody's binding has the place of a static one that is
 * new here, or its port: it is made again elsewhere, or when its port is free. */
static void test_static_makes_way(void)
{
	struct gateway_host host = {0};
	struct persist_row row = {
		.kind = PERSIST_BINDING,
		.protocol = PROTOCOL_TCP,
		.exists = true,
		.binding = {.port6 = 7, .mapped = {craft_addr4("203.0.113.1"), 20007}},
	};
	struct nat64 *nat;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=203.0.113.1\nPorts=20000-30000\n" STATIC(
					"door", "203.0.113.1:21000")))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	nat = host.gateway.nat;
	row.binding.addr6 = craft_addr6("2001:db8:1::9");
	g_assert_true(bib_at(&nat->bib[PROTOCOL_TCP], row.index)->is_static);
	persist_make_way(nat, &row, gateway_now_ms());
	g_assert_cmpint(persist_restore(nat, &row, gateway_now_ms()), ==, PERSIST_OK);
	g_assert_false(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
	persist_restored(nat, false, gateway_now_ms());
	pool4_sync_renew_statics(host.sync);
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 20007));
	host_assert_reported("");

	/* The same with its port. */
	row.index = bib_find4(&nat->bib[PROTOCOL_TCP],
			      &(struct taddr4){craft_addr4("203.0.113.1"), 21000});
	row.binding.mapped.port = 21000;
	row.binding.port6 = 8;
	persist_make_way(nat, &row, gateway_now_ms());
	g_assert_cmpint(persist_restore(nat, &row, gateway_now_ms()), ==, PERSIST_OK);
	pool4_sync_renew_statics(host.sync);
	host_assert_reported("static binding door (tcp) can not be used: its inside or outside is "
			     "bound otherwise\n");
	nat64_remove_binding(nat, PROTOCOL_TCP, row.index, gateway_now_ms());
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_assert_reported("static binding door can be used now\n");
	g_assert_true(host_is_bound(&host, PROTOCOL_TCP, "203.0.113.1", 21000));
	g_assert_true(nat64_check(nat));
	host_tear_down(&host);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4_sync/interface-changes", test_interface_changes);
	g_test_add_func("/pool4_sync/interface-has-another", test_interface_has_another);
	g_test_add_func("/pool4_sync/no-address", test_no_address);
	g_test_add_func("/pool4_sync/auto-loses-address", test_auto_loses_address);
	g_test_add_func("/pool4_sync/drained-loses-address", test_drained_loses_address);
	g_test_add_func("/pool4_sync/interface-has-many", test_interface_has_many);
	g_test_add_func("/pool4_sync/comment-changes", test_comment_changes);
	g_test_add_func("/pool4_sync/reload-moves", test_reload_moves);
	g_test_add_func("/pool4_sync/interface-overlaps", test_interface_overlaps);
	g_test_add_func("/pool4_sync/auto-makes-way-for-blocks", test_auto_makes_way_for_blocks);
	g_test_add_func("/pool4_sync/ports-refused", test_ports_refused);
	g_test_add_func("/pool4_sync/ports-change-hands", test_ports_change_hands);
	g_test_add_func("/pool4_sync/ports-in-the-way", test_ports_in_the_way);
	g_test_add_func("/pool4_sync/auto-ports-follow-programs", test_auto_ports_follow_programs);
	g_test_add_func("/pool4_sync/static-refused", test_static_refused);
	g_test_add_func("/pool4_sync/static-comes-with-address", test_static_comes_with_address);
	g_test_add_func("/pool4_sync/static-makes-way", test_static_makes_way);
	g_test_add_func("/pool4_sync/interface-comes-back", test_interface_comes_back);
	return g_test_run();
}
