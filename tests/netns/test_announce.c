/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pool4.Announce in a real kernel: what is announced is local to it, and still no local program
 * ever sees a packet for it (P-18, P-23). */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/netns.h"
#include "tests/netns/rules_world.h"

#define ANNOUNCED "192.0.2.9" /* in the subnet of the link */
#define EXEMPT    "198.51.100.80"
#define PORT      5100

static const char routes_command[] = "ip route show table local proto 64";

static struct rules_entry announced_entry(void)
{
	static const struct port_ranges ports = {.range = {{5000, 5999}}, .n_ranges = 1};
	static struct addr4_range range;

	range = (struct addr4_range){craft_addr4("192.0.2.8"), craft_addr4("192.0.2.15")};
	return (struct rules_entry){&range, 1, &ports, {true, true, true}, "a"};
}

static void apply_announced(struct world *world)
{
	struct rules_entry entry = announced_entry();
	char *error = NULL;

	if (!world->rules && rules_open(NULL, &world->config, &world->rules, &error) < 0)
		g_error("%s", error);
	if (rules_apply(world->rules, &entry, 1, &error) < 0)
		g_error("%s", error);
}

static void update(struct world *world, bool announced)
{
	struct rules_entry entry = announced_entry();
	char *error = NULL;

	if (rules_update(world->rules, &entry, announced ? 1 : 0, &error) < 0)
		g_error("%s", error);
}

static void assert_announced(bool announced)
{
	g_autofree char *routes = output_of(routes_command);
	g_autofree char *records = output_of("sh -c 'nft list ruleset | grep -c announce'");
	g_autofree char *set =
		output_of("sh -c 'nft list set inet nat64d announced | grep -c 192.0.2.8'");

	g_assert_cmpstr(routes, ==, announced ? "local 192.0.2.8/29 dev lo scope host \n" : "");
	g_assert_cmpstr(records, ==, announced ? "3\n" : "2\n"); /* set, rule, record */
	g_assert_cmpstr(set, ==, announced ? "1\n" : "0\n");
}

static int listen_everywhere(void)
{
	struct sockaddr_in everywhere = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&everywhere, sizeof(everywhere)), ==, 0);
	return fd;
}

/* How many datagrams have come, all of them with this size. */
static unsigned received(int fd)
{
	unsigned n = 0;
	char byte[64];

	while (recv(fd, byte, sizeof(byte), 0) >= 0)
		n++;
	return n;
}

static void send_to(struct world *world, const char *src, const char *dst)
{
	struct craft packet = {.version = 4,
			       .src = src,
			       .dst = dst,
			       .protocol = IPPROTO_UDP,
			       .src_port = 53,
			       .dst_port = PORT};

	send_in(world, &packet);
}

struct flood {
	struct world *world;
	gint stop;
	unsigned n_sent;
};

static void *flood(void *data)
{
	struct flood *flood = data;

	while (!g_atomic_int_get(&flood->stop)) {
		send_to(flood->world, FAR, ANNOUNCED);
		send_to(flood->world, EXEMPT, ANNOUNCED);
		flood->n_sent += 2;
	}
	return NULL;
}

/* Adding, removing, adding anew, a crash (the rules stay, nobody reads the queue), and teardown,
 * all of it while packets come, half of them from a source that the rules leave to the kernel. */
static void test_never_reaches_a_socket(void)
{
	struct flood flood_state = {.stop = 0};
	struct world world;
	GThread *thread;
	int fd;

	if (!world_begin(&world))
		return;
	world.config.nat64.exempt4[0] = (struct prefix4){craft_addr4(EXEMPT), 32};
	world.config.nat64.n_exempt4 = 1;
	fd = listen_everywhere();
	send_to(&world, FAR, OWN);
	g_assert_cmpuint(received(fd), ==, 1); /* it does listen */

	flood_state.world = &world;
	thread = g_thread_new("flood", flood, &flood_state);
	for (unsigned i = 0; i < 3; i++) {
		apply_announced(&world);
		daemon_start(&world);
		update(&world, false);
		update(&world, true);
		daemon_stop(&world);
		apply_announced(&world);
		teardown();
		rules_close(world.rules);
		world.rules = NULL;
	}
	g_atomic_int_set(&flood_state.stop, 1);
	(void)g_thread_join(thread);
	g_test_message("%u packets", flood_state.n_sent);
	g_assert_cmpuint(flood_state.n_sent, >, 100);
	g_assert_cmpuint(received(fd), ==, 0);
	send_to(&world, FAR, OWN);
	g_assert_cmpuint(received(fd), ==, 1);
	(void)close(fd);
	world_end(&world);
}

/* One route, by whichever way it came, and none once the entry is gone or the host has the address;
 * somebody deletes it, and it is put back. */
static void test_route_follows_entry(void)
{
	g_autofree char *before = NULL, *after = NULL, *with_own = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply_announced(&world);
	assert_announced(true);
	g_assert_cmphex(rules_reach(world.rules, 0), ==, POOL4_ANNOUNCED);
	update(&world, false);
	assert_announced(false);
	update(&world, true);
	assert_announced(true);
	netns_run("ip route delete local 192.0.2.8/29 dev lo table local");
	update(&world, true);
	assert_announced(true);
	netns_run("ip address add " ANNOUNCED "/32 dev near");
	update(&world, true);
	with_own = output_of(routes_command);
	g_assert_cmpstr(with_own, ==,
			"local 192.0.2.8 dev lo scope host \nlocal 192.0.2.10/31 dev lo scope host "
			"\nlocal 192.0.2.12/30 dev lo scope host \n");
	g_assert_cmphex(rules_reach(world.rules, 0), ==, POOL4_LOCAL | POOL4_ANNOUNCED);
	netns_run("ip address delete " ANNOUNCED "/32 dev near");
	update(&world, true);
	assert_announced(true);
	teardown();
	after = snapshot();
	g_assert_cmpstr(after, ==, before);
	world_end(&world);
}

/* A reload that takes it away, by another daemon than the one that announced. */
static void test_reload(void)
{
	struct world world;

	if (!world_begin(&world))
		return;
	apply_announced(&world);
	rules_close(world.rules);
	world.rules = NULL;
	world.config.announce.how = CONFIG_ANNOUNCE_NONE;
	apply_announced(&world);
	assert_announced(false);
	g_assert_cmphex(rules_reach(world.rules, 0), ==, POOL4_UNREACHABLE);
	g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 1);
	g_assert_cmpstr(world_warning(&world, 0), ==,
			"pool4 entry a: nobody answers ARP for 192.0.2.8/29 on near: "
			"Pool4.Announce=auto, or: ip route add local 192.0.2.8/29 dev lo");
	/* The commands that the sentence names do settle it. */
	netns_run("ip route add local 192.0.2.8/29 dev lo");
	update(&world, true);
	g_assert_cmphex(rules_reach(world.rules, 0), ==, POOL4_ANNOUNCED);
	g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
	netns_run("ip route delete local 192.0.2.8/29 dev lo table local");
	world.config.announce.how = CONFIG_ANNOUNCE_AUTO;
	netns_run("sysctl -qw net.ipv4.conf.all.arp_ignore=1");
	netns_run("sysctl -qw net.ipv4.conf.near.arp_ignore=2");
	rules_close(world.rules);
	world.rules = NULL;
	apply_announced(&world);
	assert_announced(false);
	g_assert_cmpstr(world_warning(&world, 0), ==,
			"pool4 entry a: near does not answer ARP for 192.0.2.8/29: sysctl -w "
			"net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.near.arp_ignore=0");
	netns_run("sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.near.arp_ignore=0");
	update(&world, true);
	assert_announced(true);
	world_end(&world);
}

/* A route with two next hops, both of them inside the entry. */
static void test_next_hops(void)
{
	g_autofree char *routes = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	netns_run("ip route add 198.18.0.0/15 nexthop via 192.0.2.10 nexthop via 192.0.2.13");
	apply_announced(&world);
	routes = output_of(routes_command);
	g_assert_cmpstr(routes, ==,
			"local 192.0.2.8/31 dev lo scope host \nlocal 192.0.2.11 dev lo scope host "
			"\nlocal 192.0.2.12 dev lo scope host \nlocal 192.0.2.14/31 dev lo scope "
			"host \n");
	g_assert_cmpstr(world_warning(&world, 0), ==,
			"pool4 entry a: 192.0.2.10 192.0.2.13 is the next hop of a route, so it is "
			"not announced: take it out of Addresses");
	world_end(&world);
}

/* Each instance its own. */
static void test_two_instances(void)
{
	struct rules_entry entry = announced_entry();
	struct addr4_range range = {craft_addr4("192.0.2.32"), craft_addr4("192.0.2.33")};
	g_autofree char *one = NULL, *both = NULL;
	struct rules *other;
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	apply_announced(&world);
	world.config.queue.first = QUEUE + 100;
	world.config.queue.mark.value = 0x32000000;
	entry.addresses = &range;
	g_assert_cmpint(rules_open("lab", &world.config, &other, &error), ==, 0);
	g_assert_cmpint(rules_apply(other, &entry, 1, &error), ==, 0);
	update(&world, true);
	both = output_of(routes_command);
	g_assert_cmpstr(both, ==,
			"local 192.0.2.8/29 dev lo scope host \nlocal 192.0.2.32/31 dev lo scope "
			"host \n");
	teardown();
	one = output_of(routes_command);
	g_assert_cmpstr(one, ==, "local 192.0.2.32/31 dev lo scope host \n");
	rules_close(other);
	g_assert_cmpint(rules_remove("lab", NULL, &error), ==, 0);
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/announce/never_reaches_a_socket", test_never_reaches_a_socket);
	g_test_add_func("/announce/route_follows_entry", test_route_follows_entry);
	g_test_add_func("/announce/reload", test_reload);
	g_test_add_func("/announce/next_hops", test_next_hops);
	g_test_add_func("/announce/two_instances", test_two_instances);
	return g_test_run();
}
