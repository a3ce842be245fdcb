/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet rules in a real kernel (A-13, A-18, P-18, P-24, X-17, X-18; DATAPATH, f and g).
 *
 * A gateway's namespace with one interface; its other end is in a second namespace without any
 * stack in the way, where a packet socket plays the rest of the world: it sends whole packets and
 * sees what leaves. "The daemon" is a socket that has bound the queues and never answers; how many
 * packets reached it is read from the kernel. Packets cross a veth pair before send() returns, and
 * a ping to the gateway marks the end of what is waited for: nothing sleeps.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/nfqueue.h"
#include "daemon/rules.h"
#include "daemon/rules_probe.h"
#include "tests/craft.h"
#include "tests/netns.h"

#define OWN     "192.0.2.1"     /* the gateway's own address, in pool4 */
#define FOREIGN "203.0.113.7"   /* in pool4, nobody's address */
#define PEER    "192.0.2.2"     /* on the link */
#define FAR     "198.51.100.20" /* behind the peer */
#define CLIENT  "2001:db8:1::10"
#define OWN6    "2001:db8:1::1"
#define SERVER6 "2001:db8:64::c633:6414"
#define MARK    0x64000000
#define QUEUE   6400

struct world {
	int wire; /* the packet socket at the far end */
	int link;
	pid_t holder; /* keeps the far namespace */
	struct config config;
	struct rules *rules;
	struct nfqueue *queue; /* NULL: the daemon is away */
};

static void set_config(struct config *config)
{
	*config = (struct config){
		.queue = {.first = QUEUE, .mark = {.value = MARK, .mask = 0xff000000}},
		.forwarding = CONFIG_FORWARDING_AUTO,
		.local_traffic = true,
	};
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config->nat64.pool6[0]));
}

static pid_t hold_namespace(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe(ready), ==, 0);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void open_wire(struct world *world)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", (int)world->holder);
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int far = open(path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(setns(far, CLONE_NEWNET), ==, 0);
	netns_run("ip link set far arp off");
	netns_run("ip link set far up");
	world->link = address.sll_ifindex = (int)if_nametoindex("far");
	world->wire = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	g_assert_cmpint(bind(world->wire, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(setns(home, CLONE_NEWNET), ==, 0);
	close(home);
	close(far);
}

static gboolean world_begin(struct world *world)
{
	*world = (struct world){.wire = -1};
	if (!netns_enter())
		return FALSE;
	world->holder = hold_namespace();
	netns_run("ip link add near address 02:00:00:00:00:01 type veth peer name far "
		  "address 02:00:00:00:00:02");
	netns_run("ip link set far netns %d", (int)world->holder);
	netns_run("ip link set near up");
	open_wire(world);
	netns_run("ip addr add " OWN "/24 dev near");
	netns_run("ip addr add " OWN6 "/64 dev near nodad");
	netns_run("ip neigh add " PEER " lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip -6 neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip -6 neigh add " CLIENT " lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip route add default via " PEER);
	netns_run("ip -6 route add default via 2001:db8:1::2");
	set_config(&world->config);
	return TRUE;
}

static void daemon_stop(struct world *world)
{
	nfqueue_free(world->queue);
	world->queue = NULL;
}

static void daemon_start(struct world *world)
{
	static const struct nfqueue_config config = {
		.first = QUEUE, .n_queues = 2, .length = 1000, .memory_size = 1 << 20};
	char text[NFQUEUE_TEXT_SIZE];

	g_assert_cmpint(nfqueue_new(&config, &world->queue, text), ==, 0);
}

static void world_end(struct world *world)
{
	rules_close(world->rules);
	daemon_stop(world);
	close(world->wire);
	(void)kill(world->holder, SIGKILL);
}

/* An entry: OWN with ports 5000-5999, and FOREIGN. */
static const struct addr4_range *pool4(void)
{
	static struct addr4_range ranges[2];

	ranges[0].first = ranges[0].last = craft_addr4(OWN);
	ranges[1].first = ranges[1].last = craft_addr4(FOREIGN);
	return ranges;
}

static const struct port_ranges ports = {.range = {{5000, 5999}}, .n_ranges = 1};

static void apply(struct world *world)
{
	struct rules_entry entry = {pool4(), 2, &ports, {true, true, true}};
	char *error = NULL;

	if (world->rules == NULL && rules_open(NULL, &world->config, &world->rules, &error) < 0)
		g_error("%s", error);
	if (rules_apply(world->rules, &entry, 1, &error) < 0)
		g_error("%s", error);
	g_assert_true(rules_present(world->rules));
}

static void teardown(void)
{
	char *error = NULL;

	if (rules_remove(NULL, NULL, &error) < 0)
		g_error("%s", error);
}

/* From the world to the gateway. */
static void send_in(struct world *world, const struct craft *what)
{
	static struct craft_buffer buffer;
	struct packet packet = craft_packet(&buffer, what);
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(what->version == 6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = world->link,
		.sll_halen = ETH_ALEN,
		.sll_addr = {2, 0, 0, 0, 0, 1},
	};

	g_assert_cmpint(sendto(world->wire, packet.data, packet.size, 0, (struct sockaddr *)&to,
			       sizeof(to)),
			==, packet.size);
}

struct seen {
	uint8_t byte[2048];
	ssize_t size;
};

/* Until a ping of ours comes back: what left the gateway before, the first that has protocol from
 * src (as text), else nothing. IPv4's or IPv6's by the text. */
static gboolean left_gateway(struct world *world, uint8_t protocol, const char *src,
			     struct seen *ret)
{
	static const struct craft ping = {.version = 4,
					  .src = PEER,
					  .dst = OWN,
					  .protocol = IPPROTO_ICMP,
					  .icmp_type = 8,
					  .src_port = 7};
	bool v6 = strchr(src, ':') != NULL;
	gboolean found = FALSE;

	send_in(world, &ping);
	for (;;) {
		struct pollfd ready = {.fd = world->wire, .events = POLLIN};
		struct sockaddr_ll from = {0};
		socklen_t size = sizeof(from);
		char text[INET6_ADDRSTRLEN];
		struct seen seen;
		const uint8_t *p = seen.byte;

		g_assert_cmpint(poll(&ready, 1, 2000), ==, 1);
		seen.size = recvfrom(world->wire, seen.byte, sizeof(seen.byte), 0,
				     (struct sockaddr *)&from, &size);
		if (from.sll_pkttype == PACKET_OUTGOING || seen.size < 20 ||
		    (p[0] >> 4 == 6) != (from.sll_protocol == htons(ETH_P_IPV6)) ||
		    (from.sll_protocol != htons(ETH_P_IPV6) &&
		     from.sll_protocol != htons(ETH_P_IP)))
			continue;
		if (p[0] >> 4 == 4 && p[9] == IPPROTO_ICMP && p[20] == 0 && p[24] == 0 &&
		    p[25] == 7)
			return found;
		inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? p + 8 : p + 12, text, sizeof(text));
		if (!found && (p[0] >> 4 == 6) == v6 && p[v6 ? 6 : 9] == protocol &&
		    strcmp(text, src) == 0) {
			*ret = seen;
			found = TRUE;
		}
	}
}

/* How many packets have come to queue number (0 = TCP, 1 = the rest). */
static unsigned queued(unsigned number)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	g_assert_true(
		g_file_get_contents("/proc/net/netfilter/nfnetlink_queue", &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		unsigned queue, sequence;

		if (sscanf(*line, "%u %*u %*u %*u %*u %*u %*u %u", &queue, &sequence) == 2 &&
		    queue == QUEUE + number)
			return sequence;
	}
	return 0;
}

static char *output_of(const char *command)
{
	char *text = NULL;

	if (!g_spawn_command_line_sync(command, &text, NULL, NULL, NULL))
		g_error("%s can not be run", command);
	return text;
}

/* All that setup may touch. */
static char *snapshot(void)
{
	g_autofree char *nft = output_of("nft list ruleset");
	g_autofree char *save4 = output_of("sh -c 'iptables-nft-save | grep -v ^#'");
	g_autofree char *save6 = output_of("sh -c 'ip6tables-nft-save | grep -v ^#'");
	g_autofree char *routes4 = output_of("ip -4 route show table all");
	g_autofree char *routes6 = output_of("ip -6 route show table all");
	g_autofree char *sysctls = output_of("sh -c 'grep -r . /proc/sys/net/ipv4/ip_forward "
					     "/proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf "
					     "2>/dev/null | grep -v stable_secret | sort'");

	return g_strconcat(nft, save4, save6, routes4, routes6, sysctls, NULL);
}

static void test_teardown_restores(void)
{
	g_autofree char *before = NULL, *during = NULL, *after = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	netns_run("nft add table inet fw");
	netns_run("nft add chain inet fw in { type filter hook input priority 0 ; }");
	netns_run("iptables-nft -t raw -A OUTPUT -d 192.0.2.99 -j DROP");
	netns_run("ip6tables-nft -t mangle -A PREROUTING -d 2001:db8::99 -j DROP");
	netns_run("sysctl -qw net.ipv4.conf.near.forwarding=1");
	netns_run("sysctl -qw net.ipv4.conf.all.accept_redirects=0");
	before = snapshot();
	apply(&world);
	during = snapshot();
	g_assert_cmpstr(during, !=, before);
	teardown();
	after = snapshot();
	g_assert_cmpstr(after, ==, before);
	teardown(); /* once more does nothing */
	world_end(&world);
}

static void test_apply_is_idempotent(void)
{
	g_autofree char *first = NULL, *second = NULL, *first4 = NULL, *second4 = NULL;
	g_autofree char *before = NULL, *after = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	first = output_of("nft list table inet nat64d");
	first4 = output_of("sh -c 'iptables-nft-save | grep -v ^#'");
	apply(&world);
	second = output_of("nft list table inet nat64d");
	second4 = output_of("sh -c 'iptables-nft-save | grep -v ^#'");
	g_assert_cmpstr(first, ==, second);
	g_assert_cmpstr(first4, ==, second4);
	teardown();
	after = snapshot(); /* the records are those of the first time */
	g_assert_cmpstr(after, ==, before);
	world_end(&world);
}

/* What --print shows does the same as apply. */
static void test_print_is_what_apply_does(void)
{
	struct rules_entry entry = {pool4(), 2, &ports, {true, true, true}};
	g_autofree char *printed = NULL, *applied = NULL, *script = NULL, *text = NULL;
	g_autofree char *path = g_strdup_printf("/tmp/nat64d-rules-%d", (int)getpid());
	struct world world;

	if (!world_begin(&world))
		return;
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &text), ==, 0);
	script = rules_print(world.rules, &entry, 1);
	g_assert_true(g_file_set_contents(path, script, -1, NULL));
	netns_run("sh -c 'sh -e %s >/dev/null'", path);
	(void)unlink(path);
	printed = snapshot();
	teardown();
	apply(&world);
	applied = snapshot();
	g_assert_cmpstr(printed, ==, applied);
	world_end(&world);
}

/* X-17, and after teardown the same packets do leave: the test can fail. */
static void test_nothing_leaks_without_daemon(void)
{
	static const struct craft to_pool6 = {.version = 6,
					      .src = CLIENT,
					      .dst = SERVER6,
					      .protocol = IPPROTO_UDP,
					      .src_port = 4000,
					      .dst_port = 53};
	static const struct craft to_pool4 = {.version = 4,
					      .src = PEER,
					      .dst = FOREIGN,
					      .protocol = IPPROTO_UDP,
					      .src_port = 53,
					      .dst_port = 6000};
	struct world world;
	struct seen seen;

	if (!world_begin(&world))
		return;
	apply(&world);
	send_in(&world, &to_pool6);
	g_assert_false(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
	send_in(&world, &to_pool4);
	g_assert_false(left_gateway(&world, IPPROTO_UDP, PEER, &seen));

	/* Somebody flushes iptables: nothing leaks, it is noticed and mended. */
	if (rules_mode(world.rules) == RULES_IPTABLES) {
		netns_run("ip6tables-nft -t raw -F");
		netns_run("iptables-nft -t raw -F");
		netns_run("iptables-nft -t mangle -F");
		netns_run("ip -6 route del 2001:db8:64::/96"); /* else to lo, not out */
		g_assert_false(rules_present(world.rules));
		send_in(&world, &to_pool6);
		g_assert_false(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
		send_in(&world, &to_pool4);
		g_assert_false(left_gateway(&world, IPPROTO_UDP, PEER, &seen));
		apply(&world);
	}
	daemon_start(&world);
	send_in(&world, &to_pool6);
	send_in(&world, &to_pool4);
	g_assert_cmpuint(queued(1), ==, 2);
	daemon_stop(&world);

	teardown();
	netns_run("sysctl -qw net.ipv4.ip_forward=1");
	netns_run("sysctl -qw net.ipv6.conf.all.forwarding=1");
	send_in(&world, &to_pool6);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
	send_in(&world, &to_pool4);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, PEER, &seen));
	world_end(&world);
}

/* clang-format off */
/* One packet to the own address: where it goes with the daemon, and what answers without it. */
static const struct own_case {
	const char *name;
	struct craft packet;
	int queue;	/* -1: none */
	uint8_t answer; /* protocol of what the host answers without the daemon; 0 = nothing */
} own_cases[] = {
	{"tcp outside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_TCP,
			 .src_port = 9, .dst_port = 22, .tcp_flags = 2}, -1, IPPROTO_TCP},
	{"tcp inside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_TCP,
			.src_port = 9, .dst_port = 5000, .tcp_flags = 2}, 0, 0},
	{"udp outside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_UDP,
			 .src_port = 9, .dst_port = 6000}, -1, IPPROTO_ICMP},
	{"udp inside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_UDP,
			.src_port = 9, .dst_port = 5999}, 1, 0},
	{"echo outside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_ICMP,
			  .icmp_type = 8, .src_port = 77}, -1, IPPROTO_ICMP},
	{"echo inside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_ICMP,
			 .icmp_type = 8, .src_port = 5001}, 1, IPPROTO_ICMP},
	{"echo reply inside", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_ICMP,
			       .icmp_type = 0, .icmp_code = 0, .src_port = 5001}, 1, 0},
	{"error", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_ICMP,
		   .icmp_type = 3, .icmp_code = 1, .payload_size = 28}, 1, 0},
	{"later fragment", {.version = 4, .src = PEER, .dst = OWN, .protocol = IPPROTO_UDP,
			    .fragment_offset = 185, .fragment_id = 1, .payload_size = 64}, 1, 0},
	{"sctp", {.version = 4, .src = PEER, .dst = OWN, .protocol = 132,
		  .payload_size = 16}, -1, IPPROTO_ICMP},
};
/* clang-format on */

static void run_own_cases(struct world *world, bool fragments)
{
	struct seen seen;

	for (size_t i = 0; i < G_N_ELEMENTS(own_cases); i++) {
		const struct own_case *c = &own_cases[i];
		gboolean answered;
		unsigned n[2];

		if (c->packet.fragment_offset != 0 && !fragments)
			continue;
		daemon_start(world);
		n[0] = queued(0);
		n[1] = queued(1);
		send_in(world, &c->packet);
		n[0] = queued(0) - n[0];
		n[1] = queued(1) - n[1];
		daemon_stop(world);
		if (n[0] != (c->queue == 0) || n[1] != (c->queue == 1))
			g_error("%s: %u in the TCP queue, %u in the other", c->name, n[0], n[1]);
		/* What it left behind with no answer expected must not be taken for one. */
		(void)left_gateway(world, 0, PEER, &seen);
		if (c->packet.fragment_offset != 0)
			continue;
		send_in(world, &c->packet);
		answered = c->answer != 0 && left_gateway(world, c->answer, OWN, &seen);
		if (c->answer == 0)
			answered = left_gateway(world, IPPROTO_TCP, OWN, &seen) ||
				   left_gateway(world, IPPROTO_ICMP, OWN, &seen);
		if (answered != (c->answer != 0))
			g_error("%s: the host %s", c->name,
				answered ? "answers" : "does not answer");
	}
}

static void test_own_address(void)
{
	struct world world;

	if (!world_begin(&world))
		return;
	netns_run("sysctl -qw net.ipv4.icmp_ratelimit=0");
	apply(&world);
	g_assert_false(rules_probe_conntrack()); /* setup itself does not begin to track */
	run_own_cases(&world, true);
	world_end(&world);
}

static void track(void)
{
	netns_run("nft add table inet fw");
	netns_run("nft add chain inet fw in { type filter hook input priority 0 ; }");
	netns_run("nft add rule inet fw in ct state established accept");
	netns_run("nft add table ip nat");
	netns_run("nft add chain ip nat out { type nat hook postrouting priority 100 ; }");
	netns_run("nft add rule ip nat out oif near masquerade");
}

/* The same with connection tracking, defragmentation and NAT44 on the same address; a fragment
 * waits in the kernel then. */
static void test_own_address_tracked(void)
{
	struct world world;

	if (!world_begin(&world))
		return;
	g_assert_false(rules_probe_conntrack());
	track();
	g_assert_true(rules_probe_conntrack());
	netns_run("sysctl -qw net.ipv4.icmp_ratelimit=0");
	apply(&world);
	run_own_cases(&world, false);
	world_end(&world);
}

/* P-24: a reply to the host's own program, whose port is in the entry. tracked: it arrives. */
static void reply_to_own_program(bool tracked)
{
	static const struct craft reply = {.version = 4,
					   .src = FAR,
					   .dst = OWN,
					   .protocol = IPPROTO_UDP,
					   .src_port = 53,
					   .dst_port = 5100};
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(5100)};
	struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct world world;
	struct seen seen;
	char byte = 0;
	int fd;

	if (!world_begin(&world))
		return;
	if (tracked)
		track();
	apply(&world);
	own.sin_addr.s_addr = htonl(craft_addr4(OWN));
	far.sin_addr.s_addr = htonl(craft_addr4(FAR));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&own, sizeof(own)), ==, 0);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&far, sizeof(far)), ==, 0);
	g_assert_cmpint(send(fd, &byte, 1, 0), ==, 1);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, OWN, &seen));
	send_in(&world, &reply);
	(void)left_gateway(&world, 0, PEER, &seen);
	g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), ==, tracked ? 0 : -1);
	close(fd);
	world_end(&world);
}

static void test_tracked_connection_is_the_hosts(void)
{
	reply_to_own_program(true);
}

static void test_untracked_fails_closed(void)
{
	reply_to_own_program(false);
}

static int raw_socket(int family, bool marked)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	unsigned mark = MARK | 0x5;
	int on = 1;

	g_assert_cmpint(fd, >=, 0);
	if (family == AF_INET)
		g_assert_cmpint(setsockopt(fd, IPPROTO_IP, IP_NODEFRAG, &on, sizeof(on)), ==, 0);
	else
		g_assert_cmpint(setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)), ==, 0);
	if (marked)
		g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), ==, 0);
	return fd;
}

/* As the daemon sends. */
static void send_out(const struct craft *what, bool marked)
{
	static struct craft_buffer buffer;
	struct packet packet = craft_packet(&buffer, what);
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	bool v6 = what->version == 6;
	int fd = raw_socket(v6 ? AF_INET6 : AF_INET, marked);

	if (v6)
		inet_pton(AF_INET6, what->dst, &to6.sin6_addr);
	else
		inet_pton(AF_INET, what->dst, &to4.sin_addr);
	g_assert_cmpint(sendto(fd, packet.data, packet.size, 0,
			       v6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4,
			       v6 ? sizeof(to6) : sizeof(to4)),
			==, packet.size);
	close(fd);
}

/* X-18; DATAPATH, g: what the daemon sends leaves as it is. Without the mark it does not: NAT44
 * takes it, and the fragments are held back or rewritten. */
static void sent_packets(bool tracked)
{
	static const struct craft udp4 = {.version = 4,
					  .src = FOREIGN,
					  .dst = FAR,
					  .protocol = IPPROTO_UDP,
					  .src_port = 5000,
					  .dst_port = 53,
					  .payload_size = 8};
	static const struct craft late4 = {.version = 4,
					   .src = FOREIGN,
					   .dst = FAR,
					   .protocol = IPPROTO_UDP,
					   .fragment_offset = 8,
					   .fragment_id = 0x1234,
					   .more_fragments = true,
					   .payload_size = 64};
	static const struct craft late6 = {.version = 6,
					   .src = SERVER6,
					   .dst = CLIENT,
					   .protocol = IPPROTO_UDP,
					   .fragment_header = true,
					   .fragment_offset = 8,
					   .fragment_id = 0x12345678,
					   .more_fragments = true,
					   .payload_size = 64};
	struct world world;
	struct seen seen;

	if (!world_begin(&world))
		return;
	if (tracked)
		track();
	apply(&world);
	daemon_start(&world);
	send_out(&udp4, true);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, FOREIGN, &seen));
	g_assert_cmpuint(seen.byte[20] << 8 | seen.byte[21], ==, 5000);
	send_out(&late4, true);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, FOREIGN, &seen));
	g_assert_cmpuint(seen.byte[4] << 8 | seen.byte[5], ==, 0x1234);
	send_out(&late6, true);
	g_assert_true(left_gateway(&world, IPPROTO_FRAGMENT, SERVER6, &seen));
	g_assert_cmpuint(seen.byte[44] << 24 | seen.byte[45] << 16 | seen.byte[46] << 8 |
				 seen.byte[47],
			 ==, 0x12345678);
	g_assert_cmpuint(queued(0) + queued(1), ==, 0);
	if (tracked) {
		send_out(&udp4, false);
		g_assert_false(left_gateway(&world, IPPROTO_UDP, FOREIGN, &seen));
		send_out(&late6, false);
		g_assert_false(left_gateway(&world, IPPROTO_FRAGMENT, SERVER6, &seen));
	}
	world_end(&world);
}

static void test_sent_is_untouched(void)
{
	sent_packets(false);
}

static void test_sent_is_untouched_tracked(void)
{
	sent_packets(true);
}

/* Fragments to Pool6 and to a foreign pool4 address are taken as on the wire, tracked or not. */
static void test_fragments_are_taken(void)
{
	static const struct craft late[] = {
		{.version = 6,
		 .src = CLIENT,
		 .dst = SERVER6,
		 .protocol = IPPROTO_UDP,
		 .fragment_header = true,
		 .fragment_offset = 8,
		 .fragment_id = 9,
		 .payload_size = 64},
		{.version = 4,
		 .src = PEER,
		 .dst = FOREIGN,
		 .protocol = IPPROTO_UDP,
		 .fragment_offset = 8,
		 .fragment_id = 9,
		 .payload_size = 64},
	};
	struct world world;

	if (!world_begin(&world))
		return;
	track();
	apply(&world);
	daemon_start(&world);
	for (unsigned i = 0; i < G_N_ELEMENTS(late); i++) {
		send_in(&world, &late[i]);
		g_assert_cmpuint(queued(1), ==, i + 1);
	}
	world_end(&world);
}

/* Translation.LocalTraffic: the route is there even without a default route, and the output hook
 * takes what the gateway itself sends; without the daemon it does not leave. */
static void test_local_traffic(void)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct world world;
	struct seen seen;
	char byte = 0;
	int fd;

	if (!world_begin(&world))
		return;
	netns_run("ip -6 route del default");
	apply(&world);
	inet_pton(AF_INET6, SERVER6, &to.sin6_addr);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to));
	g_assert_false(left_gateway(&world, IPPROTO_UDP, OWN6, &seen));
	daemon_start(&world);
	(void)sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to));
	g_assert_cmpuint(queued(1), ==, 1);
	close(fd);
	world_end(&world);
}

/* DATAPATH, g: the kernel's own error about what the daemon sent from an own address comes in by
 * lo, with the daemon's mark if net.ipv4.fwmark_reflect is on. */
static void test_errors_by_lo_are_taken(void)
{
	static const struct craft error = {.version = 4,
					   .src = OWN,
					   .dst = OWN,
					   .protocol = IPPROTO_ICMP,
					   .icmp_type = 3,
					   .icmp_code = 1,
					   .payload_size = 28};
	struct world world;

	if (!world_begin(&world))
		return;
	apply(&world);
	daemon_start(&world);
	send_out(&error, false);
	g_assert_cmpuint(queued(1), ==, 1);
	send_out(&error, true);
	g_assert_cmpuint(queued(1), ==, 2);
	world_end(&world);
}

/* a more specific native route is followed, and followed no more once it has gone. */
static void test_native_route(void)
{
	static const struct craft packet = {.version = 6,
					    .src = CLIENT,
					    .dst = SERVER6,
					    .protocol = IPPROTO_UDP,
					    .src_port = 4000,
					    .dst_port = 53};
	struct rules_entry entry = {pool4(), 2, &ports, {true, true, true}};
	struct world world;
	char *error = NULL;
	struct seen seen;

	if (!world_begin(&world))
		return;
	netns_run("ip -6 route add 2001:db8:64::c633:6400/120 via 2001:db8:1::2");
	apply(&world);
	send_in(&world, &packet);
	g_assert_true(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
	netns_run("ip -6 route del 2001:db8:64::c633:6400/120");
	g_assert_cmpint(rules_update(world.rules, &entry, 1, &error), ==, 0);
	send_in(&world, &packet);
	g_assert_false(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
	world_end(&world);
}

/* An address is taken once it is in pool4, as the host's own once it is that, and then no more. */
static void test_update(void)
{
	static const struct craft packet = {.version = 4,
					    .src = PEER,
					    .dst = "203.0.113.99",
					    .protocol = IPPROTO_UDP,
					    .src_port = 53,
					    .dst_port = 80};
	struct addr4_range range = {craft_addr4("203.0.113.99"), craft_addr4("203.0.113.99")};
	struct rules_entry entries[2] = {
		{pool4(), 2, &ports, {true, true, true}},
		{&range, 1, &ports, {true, true, true}},
	};
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	apply(&world);
	daemon_start(&world);
	send_in(&world, &packet);
	g_assert_cmpuint(queued(1), ==, 0);
	g_assert_cmpint(rules_update(world.rules, entries, 2, &error), ==, 0);
	send_in(&world, &packet);
	g_assert_cmpuint(queued(1), ==, 1);
	netns_run("ip addr add 203.0.113.99/32 dev near");
	g_assert_cmpint(rules_update(world.rules, entries, 2, &error), ==, 0);
	send_in(&world, &packet); /* port 80 is the host's */
	g_assert_cmpuint(queued(1), ==, 1);
	netns_run("ip addr del 203.0.113.99/32 dev near");
	g_assert_cmpint(rules_update(world.rules, entries, 1, &error), ==, 0);
	send_in(&world, &packet);
	g_assert_cmpuint(queued(1), ==, 1);
	world_end(&world);
}

/* 65 536 addresses of which no two touch: the whole table, and one more by an update. */
static void test_many_addresses(void)
{
	enum { N = 65536 };
	struct addr4_range *many = g_new(struct addr4_range, N);
	struct rules_entry entry = {many, N - 1, &ports, {true, true, true}};
	struct world world;
	char *error = NULL;
	double took;

	if (!world_begin(&world)) {
		g_free(many);
		return;
	}
	for (uint32_t i = 0; i < N; i++)
		many[i].first = many[i].last = craft_addr4("10.0.0.0") + 2 * i;
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &error), ==, 0);
	g_test_timer_start();
	g_assert_cmpint(rules_apply(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("65 535 ranges in %.2f s", took);
	g_assert_cmpfloat(took, <, 10);
	entry.n_addresses = N;
	g_test_timer_start();
	g_assert_cmpint(rules_update(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("one more in %.2f s", took);
	g_assert_cmpfloat(took, <, 10);
	g_free(many);
	world_end(&world);
}

/* Queue.Rules=none: the host is set up, and the table holds nothing but how to undo that. */
static void test_queue_rules_none(void)
{
	g_autofree char *table = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	world.config.queue.rules = CONFIG_RULES_NONE;
	apply(&world);
	table = output_of("nft list ruleset");
	g_assert_null(strstr(table, "hook"));
	g_assert_nonnull(strstr(table, "sysctl net/ipv4/ip_forward 0"));
	teardown();
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules/teardown_restores", test_teardown_restores);
	g_test_add_func("/rules/apply_is_idempotent", test_apply_is_idempotent);
	g_test_add_func("/rules/print_is_what_apply_does", test_print_is_what_apply_does);
	g_test_add_func("/rules/nothing_leaks_without_daemon", test_nothing_leaks_without_daemon);
	g_test_add_func("/rules/own_address", test_own_address);
	g_test_add_func("/rules/own_address_tracked", test_own_address_tracked);
	g_test_add_func("/rules/tracked_connection_is_the_hosts",
			test_tracked_connection_is_the_hosts);
	g_test_add_func("/rules/untracked_fails_closed", test_untracked_fails_closed);
	g_test_add_func("/rules/sent_is_untouched", test_sent_is_untouched);
	g_test_add_func("/rules/sent_is_untouched_tracked", test_sent_is_untouched_tracked);
	g_test_add_func("/rules/fragments_are_taken", test_fragments_are_taken);
	g_test_add_func("/rules/local_traffic", test_local_traffic);
	g_test_add_func("/rules/errors_by_lo_are_taken", test_errors_by_lo_are_taken);
	g_test_add_func("/rules/native_route", test_native_route);
	g_test_add_func("/rules/update", test_update);
	g_test_add_func("/rules/many_addresses", test_many_addresses);
	g_test_add_func("/rules/queue_rules_none", test_queue_rules_none);
	return g_test_run();
}
