/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet rules in a real kernel (A-13, A-18, P-18, P-24, X-17, X-18; DATAPATH, f and g). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/rules_probe.h"
#include "tests/netns.h"
#include "tests/netns/rules_world.h"

/* Ends the test at the first line that differs: the whole is too long to read. */
static void assert_same(const char *got, const char *expected)
{
	g_auto(GStrv) got_lines = g_strsplit(got, "\n", -1);
	g_auto(GStrv) expected_lines = g_strsplit(expected, "\n", -1);

	for (size_t i = 0; got_lines[i] != NULL || expected_lines[i] != NULL; i++) {
		g_assert_cmpstr(got_lines[i], ==, expected_lines[i]);
		if (got_lines[i] == NULL)
			return;
	}
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
	assert_same(after, before);
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
	assert_same(second, first);
	assert_same(second4, first4);
	teardown();
	after = snapshot(); /* the records are those of the first time */
	assert_same(after, before);
	world_end(&world);
}

/* What --print shows does the same as apply. */
static void test_print_is_what_apply_does(void)
{
	struct rules_entry entry = world_entry();
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
	assert_same(printed, applied);
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
	struct rules_entry entry = world_entry();
	struct world world;
	char *error = NULL;
	double took;

	if (!world_begin(&world)) {
		g_free(many);
		return;
	}
	entry.addresses = many;
	entry.n_addresses = N - 1;
	for (uint32_t i = 0; i < N; i++)
		many[i].first = many[i].last = craft_addr4("10.0.0.0") + 2 * i;
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &error), ==, 0);
	g_test_timer_start();
	g_assert_cmpint(rules_apply(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("65 535 ranges in %.2f s", took);
	g_assert_cmpfloat(took, <, 60);
	entry.n_addresses = N;
	g_test_timer_start();
	g_assert_cmpint(rules_update(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("one more in %.2f s", took);
	g_assert_cmpfloat(took, <, 60);
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

/* Two instances: what they share is undone by the last that goes, whoever did it. */
static void test_two_instances(void)
{
	struct rules_entry entry = world_entry();
	g_autofree char *before = NULL, *between = NULL, *after = NULL;
	struct rules *other;
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	world.config.queue.first = QUEUE + 100;
	world.config.queue.mark.value = 0x32000000;
	g_assert_cmpint(rules_open("lab", &world.config, &other, &error), ==, 0);
	g_assert_cmpint(rules_apply(other, &entry, 1, &error), ==, 0);
	g_assert_true(rules_present(world.rules));
	g_assert_true(rules_present(other));
	teardown();
	between = output_of("cat /proc/sys/net/ipv4/ip_forward");
	g_assert_cmpstr(between, ==, "1\n");
	g_assert_true(rules_present(other));
	rules_close(other);
	g_assert_cmpint(rules_remove("lab", NULL, &error), ==, 0);
	after = snapshot();
	assert_same(after, before);
	world_end(&world);
}

static void set_net_admin(bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	g_assert_cmpint(syscall(SYS_capget, &header, data), ==, 0);
	if (on)
		data[0].effective |= 1u << CAP_NET_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_NET_ADMIN);
	g_assert_cmpint(syscall(SYS_capset, &header, data), ==, 0);
}

/* Bad input: one sentence that names what is missing, and nothing has changed. */
static void test_missing_right(void)
{
	g_autofree char *before = NULL, *after = NULL, *apply_error = NULL, *remove_error = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	set_net_admin(false);
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &apply_error), ==, -EPERM);
	g_assert_cmpint(rules_remove(NULL, NULL, &remove_error), ==, -EPERM);
	set_net_admin(true);
	g_assert_cmpstr(apply_error, ==, "packet rules need the capability CAP_NET_ADMIN");
	g_assert_cmpstr(remove_error, ==, apply_error);
	after = snapshot();
	assert_same(after, before);
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
	g_test_add_func("/rules/two_instances", test_two_instances);
	g_test_add_func("/rules/missing_right", test_missing_right);
	return g_test_run();
}
