/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet rules in a real kernel (A-13, A-18, P-18, P-24, X-17, X-18; DATAPATH, f and g). */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/rules_probe.h"
#include "tests/netns.h"
#include "tests/netns/rules_world.h"

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
	g_assert_cmpuint(queued_soon(1, 2), ==, 2);
	/* I-29 (RFC 1812, 5.3.4): what came to everybody on the link is not forwarded, and not
	 * answered. */
	send_to_all(&world, &to_pool6);
	send_to_all(&world, &to_pool4);
	g_assert_cmpuint(queued(1), ==, 2);
	g_assert_false(left_gateway(&world, IPPROTO_UDP, CLIENT, &seen));
	g_assert_false(left_gateway(&world, IPPROTO_UDP, PEER, &seen));
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
		g_assert_cmpuint(queued_soon(1, i + 1), ==, i + 1);
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
	g_assert_cmpuint(queued_soon(1, 1), ==, 1);
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
	g_assert_cmpuint(queued_soon(1, 1), ==, 1);
	send_out(&error, true);
	g_assert_cmpuint(queued_soon(1, 2), ==, 2);
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
	struct rules_entry entry = world_entry();
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
	struct rules_entry entries[2] = {world_entry(), world_entry()};
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	entries[1].addresses = &range;
	entries[1].n_addresses = 1;
	apply(&world);
	daemon_start(&world);
	send_in(&world, &packet);
	g_assert_cmpuint(queued(1), ==, 0);
	g_assert_cmpint(rules_update(world.rules, entries, 2, &error), ==, 0);
	send_in(&world, &packet);
	g_assert_cmpuint(queued_soon(1, 1), ==, 1);
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

static void update(struct world *world)
{
	struct rules_entry entry = world_entry();
	char *error = NULL;

	if (rules_update(world->rules, &entry, 1, &error) < 0)
		g_error("%s", error);
}

/* The only sentence of now starts with these words; its command. */
static const char *command_of_warning(const struct world *world, const char *words)
{
	const char *sentence;

	g_assert_cmpuint(rules_warnings(world->rules)->len, ==, 1);
	sentence = world_warning(world, 0);
	if (!g_str_has_prefix(sentence, words))
		g_error("\"%s\" instead of \"%s\"", sentence, words);
	return strstr(sentence, "): ") + strlen("): ");
}

/* P-24: NAT44 on the same address, by nft and by iptables: the command of the warning settles it.
 */
static void test_nat44_beside(void)
{
	struct world world;

	if (!world_begin(&world))
		return;
	track();
	apply(&world);
	netns_run("%s",
		  command_of_warning(&world, "NAT44 can use ports of " OWN
					     " that are pool4's, by 'oif \"near\" masquerade' "
					     "(table ip nat, chain out): nft 'insert rule"));
	update(&world);
	g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
	netns_run("nft delete table ip nat");
	netns_run("iptables-nft -t nat -A POSTROUTING -o near -j MASQUERADE");
	update(&world);
	netns_run("sh -c '%s'",
		  command_of_warning(&world, "NAT44 can use ports of " OWN
					     " that are pool4's, by '-A POSTROUTING -o near -j "
					     "MASQUERADE' (iptables, table nat): iptables -t nat "
					     "-I POSTROUTING 1 -o near -p tcp -j MASQUERADE "
					     "--to-ports 49152-65535 && iptables"));
	update(&world);
	g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
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
	g_test_add_func("/rules/nat44_beside", test_nat44_beside);
	return g_test_run();
}
