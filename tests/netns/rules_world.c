/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netns/rules_world.h"

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
#include "tests/netns.h"

static void set_config(struct config *config)
{
	*config = (struct config){
		.queue = {.first = QUEUE,
			  .workers = 1,
			  .mark = {.value = MARK, .mask = 0xff000000}},
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

gboolean world_begin(struct world *world)
{
	*world = (struct world){.wire = -1};
	if (!netns_enter())
		return FALSE;
	world->holder = hold_namespace();
	netns_run("ip link add near address 02:00:00:00:00:01 type veth peer name far "
		  "address 02:00:00:00:00:02");
	netns_run("ip link set far netns %d", (int)world->holder);
	netns_run("ip link set near addrgenmode none"); /* whose routes come when they please */
	netns_run("ip link set near up");
	open_wire(world);
	netns_run("ip addr add " OWN "/24 dev near");
	netns_add_address(OWN6 "/64", "near");
	netns_run("ip neigh add " PEER " lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip -6 neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip -6 neigh add " CLIENT " lladdr 02:00:00:00:00:02 dev near");
	netns_run("ip route add default via " PEER);
	netns_run("ip -6 route add default via 2001:db8:1::2");
	set_config(&world->config);
	return TRUE;
}

void daemon_stop(struct world *world)
{
	nfqueue_free(world->queue);
	world->queue = NULL;
}

void daemon_start(struct world *world)
{
	static const struct nfqueue_config config = {
		.first = QUEUE, .n_queues = 2, .length = 1000, .memory_size = 1 << 20};
	char text[NFQUEUE_TEXT_SIZE];

	g_assert_cmpint(nfqueue_new(&config, &world->queue, text), ==, 0);
}

void world_end(struct world *world)
{
	rules_close(world->rules);
	daemon_stop(world);
	close(world->wire);
	(void)kill(world->holder, SIGKILL);
}

struct rules_entry world_entry(void)
{
	static const struct port_ranges ports = {.range = {{5000, 5999}}, .n_ranges = 1};
	static struct addr4_range ranges[2];

	ranges[0].first = ranges[0].last = craft_addr4(OWN);
	ranges[1].first = ranges[1].last = craft_addr4(FOREIGN);
	return (struct rules_entry){ranges, 2, &ports, {true, true, true}};
}

void apply(struct world *world)
{
	struct rules_entry entry = world_entry();
	char *error = NULL;

	if (world->rules == NULL && rules_open(NULL, &world->config, &world->rules, &error) < 0)
		g_error("%s", error);
	if (rules_apply(world->rules, &entry, 1, &error) < 0)
		g_error("%s", error);
	g_assert_true(rules_present(world->rules));
}

const char *world_warning(const struct world *world, guint i)
{
	const struct rules_warning *warning = g_ptr_array_index(rules_warnings(world->rules), i);

	return warning->text;
}

void teardown(void)
{
	char *error = NULL;

	if (rules_remove(NULL, NULL, &error) < 0)
		g_error("%s", error);
}

static void send_frame(struct world *world, const struct craft *what,
		       const uint8_t to_mac[ETH_ALEN])
{
	static struct craft_buffer buffer;
	struct packet packet = craft_packet(&buffer, what);
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(what->version == 6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = world->link,
		.sll_halen = ETH_ALEN,
	};

	memcpy(to.sll_addr, to_mac, ETH_ALEN);
	g_assert_cmpint(sendto(world->wire, packet.data, packet.size, 0, (struct sockaddr *)&to,
			       sizeof(to)),
			==, packet.size);
}

/* From the world to the gateway. */
void send_in(struct world *world, const struct craft *what)
{
	send_frame(world, what, (const uint8_t[ETH_ALEN]){2, 0, 0, 0, 0, 1});
}

/* The same to everybody on the link. */
void send_to_all(struct world *world, const struct craft *what)
{
	send_frame(world, what, (const uint8_t[ETH_ALEN]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
}

/* Until a ping of ours comes back: what left the gateway before, the first that has protocol from
 * src (as text), else nothing. IPv4's or IPv6's by the text. */
gboolean left_gateway(struct world *world, uint8_t protocol, const char *src, struct seen *ret)
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
unsigned queued(unsigned number)
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

unsigned queued_soon(unsigned number, unsigned n)
{
	for (unsigned ms = 0; ms < 5000 && queued(number) < n; ms += 5)
		g_usleep(5000);
	return queued(number);
}

char *output_of(const char *command)
{
	char *text = NULL;

	if (!g_spawn_command_line_sync(command, &text, NULL, NULL, NULL))
		g_error("%s can not be run", command);
	return text;
}

/* All that setup may touch. */
char *snapshot(void)
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
void send_out(const struct craft *what, bool marked)
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
