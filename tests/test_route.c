/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core is told of the host, against the real kernel: routes, MTUs, dead next hops, own
 * addresses, listening sockets, and the ports that are left for pool4. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/nat64.h"
#include "daemon/listeners.h"
#include "daemon/netlink.h"
#include "daemon/pool4_auto.h"
#include "daemon/world.h"
#include "tests/craft.h"
#include "tests/netns.h"

/* What was told of links since set_up(), one in each line. */
static GString *changes;

static void link_changed(void *context, const char *name, bool up)
{
	g_string_append_printf(changes, "%s %s\n", name, up ? "up" : "down");
}

/* lan - gateway - wan, each a veth with its other end (lan1, wan1) in the same namespace. */
static gboolean set_up(struct world **ret)
{
	const struct world_config config = {.link_changed = link_changed};

	if (!netns_enter())
		return FALSE;
	netns_run("ip link add lan type veth peer name lan1");
	netns_run("ip link add wan type veth peer name wan1");
	for (unsigned i = 0; i < 4; i++)
		netns_run("ip link set %s%s up", i < 2 ? "lan" : "wan", i % 2 ? "1" : "");
	netns_run("ip address add 2001:db8:1::1/64 dev lan nodad");
	netns_run("ip address add 203.0.113.1/24 dev wan");
	netns_run("ip neighbour add 203.0.113.20 dev wan lladdr 02:00:00:00:00:20");
	if (!changes)
		changes = g_string_new(NULL);
	g_string_truncate(changes, 0);
	g_assert_cmpint(world_new(&config, ret), ==, 0);
	return TRUE;
}

/* What the kernel had to say has been read. */
static void read_news(struct world *world)
{
	struct pollfd news = {.fd = world_fd(world), .events = POLLIN};

	while (poll(&news, 1, 50) > 0)
		g_assert_cmpint(world_read_news(world), ==, 0);
}

/* The kernel tells of a carrier when it finds the time. */
static void await_change(struct world *world, const char *line)
{
	struct pollfd news = {.fd = world_fd(world), .events = POLLIN};

	while (!strstr(changes->str, line)) {
		g_assert_cmpint(poll(&news, 1, 10000), ==, 1);
		g_assert_cmpint(world_read_news(world), ==, 0);
	}
}

static struct route_answer ask4(struct world *world, const char *dst)
{
	struct nat64_world functions = world_functions(world);
	struct route_answer answer;

	functions.route4(functions.context, craft_addr4(dst), &answer);
	return answer;
}

static struct route_answer ask6(struct world *world, const char *dst)
{
	struct nat64_world functions = world_functions(world);
	struct addr6 addr = craft_addr6(dst);
	struct route_answer answer;

	functions.route6(functions.context, &addr, &answer);
	return answer;
}

/* F-27: the MTU is that of the route, and follows changes. */
static void test_mtu(void)
{
	struct world *world;

	if (!set_up(&world))
		return;
	g_assert_cmpint(ask4(world, "198.51.100.1").state, ==, ROUTE_NONE);
	g_assert_cmpint(ask4(world, "203.0.113.20").state, ==, ROUTE_OK);
	g_assert_cmpuint(ask4(world, "203.0.113.20").mtu, ==, 1500);
	netns_run("ip route add default via 203.0.113.20 mtu 1400");
	netns_run("ip route add 198.51.100.0/24 via 203.0.113.20 mtu 9000");
	netns_run("ip route add unreachable 192.0.2.0/24");
	read_news(world);
	g_assert_cmpuint(ask4(world, "192.88.99.1").mtu, ==, 1400);
	g_assert_cmpuint(ask4(world, "198.51.100.1").mtu, ==, 1500);
	g_assert_cmpint(ask4(world, "192.0.2.1").state, ==, ROUTE_NONE);
	netns_run("ip link set wan mtu 1300");
	netns_run("ip link set lan mtu 1420");
	read_news(world);
	g_assert_cmpuint(ask4(world, "192.88.99.1").mtu, ==, 1300);
	g_assert_cmpuint(ask6(world, "2001:db8:1::10").mtu, ==, 1420);
	netns_run("ip route del 198.51.100.0/24");
	netns_run("ip route del default");
	read_news(world);
	g_assert_cmpint(ask4(world, "198.51.100.1").state, ==, ROUTE_NONE);
	world_free(world);
}

/* The IPv6 MTU that a router advertisement set is less than the device's. */
static void test_mtu6(void)
{
	struct world *world;

	if (!set_up(&world))
		return;
	netns_run("sh -c 'echo 1280 > /proc/sys/net/ipv6/conf/lan/mtu'");
	g_assert_cmpint(world_refresh(world), ==, 0);
	g_assert_cmpuint(ask6(world, "2001:db8:1::10").mtu, ==, 1280);
	world_free(world);
}

/* */
static void test_by_default(void)
{
	struct world *world;

	if (!set_up(&world))
		return;
	netns_run("ip -6 route add default via 2001:db8:1::fe");
	netns_run("ip -6 route add 2001:db8:2::/48 via 2001:db8:1::ff");
	read_news(world);
	g_assert_false(ask6(world, "2001:db8:1::10").by_default_route);
	g_assert_false(ask6(world, "2001:db8:2::10").by_default_route);
	g_assert_true(ask6(world, "2001:db8:3::10").by_default_route);
	netns_run("ip -6 route add 2001:db8:3::/48 via 2001:db8:1::ff");
	read_news(world);
	g_assert_false(ask6(world, "2001:db8:3::10").by_default_route);
	world_free(world);
}

/* I-32, X-6, P-23 */
static void test_addresses(void)
{
	struct nat64_world functions;
	struct addr6 client = craft_addr6("2001:db8:1::10");
	struct addr6 own = craft_addr6("2001:db8:1::1");
	struct addr6 source6;
	struct world *world;
	uint32_t source4;

	if (!set_up(&world))
		return;
	functions = world_functions(world);
	g_assert_true(functions.source6(world, &client, &source6));
	g_assert_true(addr6_equal(&source6, &own));
	g_assert_true(functions.source4(world, craft_addr4("203.0.113.20"), &source4));
	g_assert_cmphex(source4, ==, craft_addr4("203.0.113.1"));
	g_assert_false(functions.source4(world, craft_addr4("198.51.100.1"), &source4));

	g_assert_true(functions.own6(world, &own));
	g_assert_false(functions.own6(world, &client));
	g_assert_true(functions.own4(world, craft_addr4("203.0.113.1")));
	/* A route that makes an address local is no configured address. */
	netns_run("ip route add local 192.0.2.0/24 dev lo");
	netns_run("ip address del 203.0.113.1/24 dev wan");
	netns_run("ip address add 203.0.113.2/24 dev wan");
	read_news(world);
	g_assert_false(functions.own4(world, craft_addr4("192.0.2.1")));
	g_assert_false(functions.own4(world, craft_addr4("203.0.113.1")));
	g_assert_true(functions.own4(world, craft_addr4("203.0.113.2")));
	g_assert_true(functions.source4(world, craft_addr4("203.0.113.20"), &source4));
	g_assert_cmphex(source4, ==, craft_addr4("203.0.113.2"));
	world_free(world);
}

/* more destinations than the cache has places; every answer is right all the same. */
static void test_many_destinations(void)
{
	struct nat64_world functions;
	struct route_answer answer;
	struct world *world;

	if (!set_up(&world))
		return;
	netns_run("ip route add 198.18.0.0/16 via 203.0.113.20 mtu 1400");
	read_news(world);
	functions = world_functions(world);
	for (uint32_t i = 0; i < 20000; i++) {
		functions.route4(world, craft_addr4("198.18.0.0") + i, &answer);
		g_assert_cmpint(answer.state, ==, ROUTE_OK);
		g_assert_cmpuint(answer.mtu, ==, 1400);
		if (i % 1000 == 0)
			g_assert_cmpuint(ask4(world, "203.0.113.20").mtu, ==, 1500);
	}
	world_free(world);
}

/* I-31: by these interfaces no errors of our own leave, whenever the interface comes. */
static void test_silent(void)
{
	char later[] = "later", lan[] = "lan";
	char *names[] = {later, lan, NULL};
	struct nat64_world functions;
	struct addr6 client = craft_addr6("2001:db8:1::10");
	struct addr6 source6;
	struct world *world;
	uint32_t source4;

	if (!set_up(&world))
		return;
	functions = world_functions(world);
	g_assert_cmpint(world_set_silent(world, names), ==, 0);
	g_assert_false(functions.source6(world, &client, &source6));
	g_assert_true(functions.source4(world, craft_addr4("203.0.113.20"), &source4));
	/* The way itself is what it was. */
	g_assert_cmpint(ask6(world, "2001:db8:1::10").state, ==, ROUTE_OK);

	netns_run("ip link add later type veth peer name later_");
	netns_run("ip address add 192.0.2.1/24 dev later");
	netns_run("ip link set later up");
	netns_run("ip link set later_ up");
	read_news(world);
	g_assert_false(functions.source4(world, craft_addr4("192.0.2.20"), &source4));

	g_assert_cmpint(world_set_silent(world, NULL), ==, 0);
	g_assert_true(functions.source6(world, &client, &source6));
	g_assert_true(functions.source4(world, craft_addr4("192.0.2.20"), &source4));
	world_free(world);
}

static void test_carrier(void)
{
	struct world *world;

	if (!set_up(&world))
		return;
	g_assert_cmpint(ask4(world, "203.0.113.20").state, ==, ROUTE_OK);
	netns_run("ip link set wan1 down");
	await_change(world, "wan down\n");
	g_assert_cmpint(ask4(world, "203.0.113.20").state, ==, ROUTE_NEXT_HOP_DEAD);
	g_string_truncate(changes, 0);
	netns_run("ip link set wan1 up");
	await_change(world, "wan up\n");
	g_assert_cmpint(ask4(world, "203.0.113.20").state, ==, ROUTE_OK);
	world_free(world);
}

/* By the clock of the world itself. */
static void await_trial(struct world *world, const char *dst)
{
	while (ask4(world, dst).state == ROUTE_NEXT_HOP_DEAD)
		g_usleep(10000);
	g_assert_true(ask4(world, dst).on_trial);
}

/* A next hop that does not answer is dead, by whatever route it is reached, until it answers. */
static void test_next_hop(void)
{
	struct nat64_world functions;
	struct addr6 hop6;
	struct world *world;

	if (!set_up(&world))
		return;
	netns_run("ip route add 198.51.100.0/24 via 203.0.113.99");
	read_news(world);
	/* The kernel tells of a neighbour that fails, not of one that is made so. */
	netns_run("ip neighbour add 203.0.113.99 dev wan lladdr 02:00:00:00:00:99 nud stale");
	netns_run("ip -6 neighbour add 2001:db8:1::99 dev lan lladdr 02:00:00:00:00:98 nud stale");
	netns_run("ip neighbour replace 203.0.113.99 dev wan nud failed");
	netns_run("ip -6 neighbour replace 2001:db8:1::99 dev lan nud failed");
	read_news(world);
	g_assert_cmpint(ask4(world, "198.51.100.1").state, ==, ROUTE_NEXT_HOP_DEAD);
	g_assert_cmpint(ask4(world, "203.0.113.99").state, ==, ROUTE_NEXT_HOP_DEAD);
	g_assert_cmpint(ask4(world, "203.0.113.20").state, ==, ROUTE_OK);
	g_assert_cmpint(ask6(world, "2001:db8:1::99").state, ==, ROUTE_NEXT_HOP_DEAD);
	g_assert_cmpint(ask6(world, "2001:db8:1::98").state, ==, ROUTE_OK);
	/* Asking it is, who goes tries: by whatever route. */
	await_trial(world, "198.51.100.1");
	g_assert_true(ask4(world, "198.51.100.2").on_trial);
	functions = world_functions(world);
	functions.tried4(functions.context, craft_addr4("203.0.113.99"));
	g_assert_cmpint(ask4(world, "198.51.100.1").state, ==, ROUTE_NEXT_HOP_DEAD);
	g_assert_true(ask6(world, "2001:db8:1::99").on_trial);
	hop6 = craft_addr6("2001:db8:1::99");
	functions.tried6(functions.context, &hop6);
	g_assert_cmpint(ask6(world, "2001:db8:1::99").state, ==, ROUTE_NEXT_HOP_DEAD);
	netns_run(
		"ip neighbour replace 203.0.113.99 dev wan lladdr 02:00:00:00:00:99 nud reachable");
	read_news(world);
	g_assert_cmpint(ask4(world, "198.51.100.1").state, ==, ROUTE_OK);
	world_free(world);
}

static void listen_on(int family, int type, const char *addr, uint16_t port, int v6only)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	g_assert_cmpint(fd, >=, 0);
	if (family == AF_INET) {
		g_assert_cmpint(inet_pton(AF_INET, addr, &in4.sin_addr), ==, 1);
		g_assert_cmpint(bind(fd, (void *)&in4, sizeof(in4)), ==, 0);
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
		g_assert_cmpint(inet_pton(AF_INET6, addr, &in6.sin6_addr), ==, 1);
		g_assert_cmpint(bind(fd, (void *)&in6, sizeof(in6)), ==, 0);
	}
	if (type == SOCK_STREAM)
		g_assert_cmpint(listen(fd, 1), ==, 0);
}

/* P-23 */
static void test_listeners(void)
{
	static const struct {
		enum protocol protocol;
		const char *addr;
		uint16_t port;
		bool expected;
	} cases[] = {
		{PROTOCOL_TCP, "203.0.113.1", 2001, true},
		{PROTOCOL_TCP, "203.0.113.2", 2001, true},
		{PROTOCOL_TCP, "203.0.113.1", 2002, true},
		{PROTOCOL_TCP, "203.0.113.2", 2002, false},
		{PROTOCOL_TCP, "203.0.113.1", 2003, true},
		{PROTOCOL_TCP, "203.0.113.1", 2004, false},
		{PROTOCOL_TCP, "203.0.113.1", 2005, true},
		{PROTOCOL_TCP, "203.0.113.2", 2005, false},
		{PROTOCOL_TCP, "203.0.113.1", 2006, false},
		{PROTOCOL_UDP, "203.0.113.1", 2006, true},
		{PROTOCOL_UDP, "203.0.113.1", 2001, false},
		{PROTOCOL_ICMP, "203.0.113.1", 2001, false},
		{PROTOCOL_TCP, "203.0.113.1", 0, false},
		{PROTOCOL_TCP, "203.0.113.1", 2000, false},
	};
	struct listeners *listeners = NULL;
	struct world *world;

	if (!set_up(&world))
		return;
	listen_on(AF_INET, SOCK_STREAM, "0.0.0.0", 2001, 0);
	listen_on(AF_INET, SOCK_STREAM, "203.0.113.1", 2002, 0);
	listen_on(AF_INET6, SOCK_STREAM, "::", 2003, 0);
	listen_on(AF_INET6, SOCK_STREAM, "::", 2004, 1);
	listen_on(AF_INET6, SOCK_STREAM, "::ffff:203.0.113.1", 2005, 0);
	listen_on(AF_INET, SOCK_DGRAM, "0.0.0.0", 2006, 0);
	g_assert_cmpint(listeners_new(&listeners), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s %s %u", protocol_name(cases[i].protocol), cases[i].addr,
			       cases[i].port);
		g_assert_cmpint(listeners_have(listeners, cases[i].protocol,
					       craft_addr4(cases[i].addr), cases[i].port, 1000),
				==, cases[i].expected);
	}
	/* Asked again after a second, not before. */
	listen_on(AF_INET, SOCK_STREAM, "0.0.0.0", 2007, 0);
	g_assert_false(listeners_have(listeners, PROTOCOL_TCP, 1, 2007, 1999));
	g_assert_true(listeners_have(listeners, PROTOCOL_TCP, 1, 2007, 2000));
	listeners_free(listeners);
	world_free(world);
}

/* P-18 */
static void test_free_ports(void)
{
	struct pool4_auto *autos = NULL;
	struct port_ranges ports;
	struct world *world;
	char text[1024];
	uint32_t addr;

	if (!set_up(&world))
		return;
	netns_run("sh -c 'echo 32768 60999 > /proc/sys/net/ipv4/ip_local_port_range'");
	netns_run("sh -c 'echo 8080,9148-9160 > /proc/sys/net/ipv4/ip_local_reserved_ports'");
	listen_on(AF_INET, SOCK_STREAM, "0.0.0.0", 22, 0);
	listen_on(AF_INET, SOCK_STREAM, "203.0.113.1", 5000, 0);
	listen_on(AF_INET6, SOCK_DGRAM, "::", 6000, 0);
	g_assert_cmpint(pool4_auto_new(&autos), ==, 0);
	pool4_auto_ports(autos, 1000, &ports);
	g_assert_cmpstr(port_ranges_print(&ports, text, sizeof(text)), ==,
			"1024-4999 5001-5999 6001-8079 8081-9147 9161-32767 61000-65535");

	g_assert_false(pool4_auto_address(autos, &addr));
	netns_run("ip address add 203.0.113.9/24 dev wan");
	netns_run("ip route add default via 203.0.113.20 src 203.0.113.9");
	g_assert_true(pool4_auto_address(autos, &addr));
	g_assert_cmphex(addr, ==, craft_addr4("203.0.113.9"));
	pool4_auto_free(autos);
	world_free(world);
}

/* With no place for one range more, the smaller side of the cut is given up; never the port in use.
 */
static void test_cut(void)
{
	struct port_ranges ranges = {.range = {{1, 65535}}, .n_ranges = 1};

	for (unsigned i = 1; i < PORT_RANGES_MAX; i++)
		pool4_auto_cut(&ranges, (uint16_t)(i * 100), (uint16_t)(i * 100));
	g_assert_cmpuint(ranges.n_ranges, ==, PORT_RANGES_MAX);
	pool4_auto_cut(&ranges, 130, 130);
	g_assert_cmpuint(ranges.n_ranges, ==, PORT_RANGES_MAX);
	for (uint16_t port = 101; port <= 130; port++)
		g_assert_false(port_ranges_contain(&ranges, port));
	g_assert_true(port_ranges_contain(&ranges, 131));
	pool4_auto_cut(&ranges, 60000, 60000);
	g_assert_false(port_ranges_contain(&ranges, 60000));
	g_assert_false(port_ranges_contain(&ranges, 65535));
	g_assert_true(port_ranges_contain(&ranges, 59999));
	pool4_auto_cut_list(&ranges, "300-320,x, 50\n");
	g_assert_false(port_ranges_contain(&ranges, 320));
	g_assert_true(port_ranges_contain(&ranges, 321));
	g_assert_false(port_ranges_contain(&ranges, 50));
}

struct dump {
	unsigned n_links;
	unsigned n_begun;
	unsigned n_changes; /* to make while the dump runs, each at its first message */
};

static void begin_dump(void *data)
{
	struct dump *dump = data;

	dump->n_links = 0;
	dump->n_begun++;
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	struct dump *dump = data;

	if (dump->n_links++ == 0 && dump->n_changes > 0)
		netns_run("ip link add late%u type veth peer name late%u_", dump->n_changes,
			  dump->n_changes);
	if (dump->n_links == 1 && dump->n_changes > 0)
		dump->n_changes--;
	return MNL_CB_OK;
}

static struct nlmsghdr *dump_links(char *buffer)
{
	struct ifinfomsg *header;

	return netlink_request(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), &header);
}

/* A list that changed while it was read is asked for again, and the socket is good for the next
 * question; where it changes all the time, the last answer has to do. */
static void test_interrupted_dump(void)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct dump dump = {.n_changes = 1};
	struct netlink netlink;

	if (!netns_enter())
		return;
	for (unsigned i = 0; i < 40; i++)
		netns_run("ip link add a%u type veth peer name b%u", i, i);
	g_assert_cmpint(netlink_open(NETLINK_ROUTE, &netlink), ==, 0);
	g_assert_cmpint(netlink_ask(&netlink, dump_links(buffer), on_link, &dump), ==, -EINTR);
	g_assert_cmpuint(dump.n_links, >=, 81);

	dump = (struct dump){.n_changes = 1};
	netns_run("ip link delete late1");
	g_assert_cmpint(netlink_dump(&netlink, dump_links(buffer), on_link, &dump, begin_dump), ==,
			0);
	g_assert_cmpuint(dump.n_begun, ==, 2);
	g_assert_cmpuint(dump.n_links, ==, 83);

	dump = (struct dump){.n_changes = 100};
	g_assert_cmpint(netlink_dump(&netlink, dump_links(buffer), on_link, &dump, begin_dump), ==,
			0);
	g_assert_cmpuint(dump.n_begun, ==, 3);
	netlink_close(&netlink);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/route/mtu", test_mtu);
	g_test_add_func("/route/mtu6", test_mtu6);
	g_test_add_func("/route/by-default", test_by_default);
	g_test_add_func("/route/addresses", test_addresses);
	g_test_add_func("/route/many-destinations", test_many_destinations);
	g_test_add_func("/route/silent", test_silent);
	g_test_add_func("/route/carrier", test_carrier);
	g_test_add_func("/route/next-hop", test_next_hop);
	g_test_add_func("/route/listeners", test_listeners);
	g_test_add_func("/route/free-ports", test_free_ports);
	g_test_add_func("/route/cut", test_cut);
	g_test_add_func("/route/interrupted-dump", test_interrupted_dump);
	return g_test_run();
}
