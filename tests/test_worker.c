/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet thread with the real kernel on both sides, client and server being sockets in the same
 * namespace. At the end of each test conservation holds exactly (INTERFACE, section 8).
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/nat64.h"
#include "daemon/nfqueue.h"
#include "daemon/sending.h"
#include "daemon/worker.h"
#include "daemon/world.h"
#include "tests/craft.h"
#include "tests/netns.h"

#define FIRST  6400
#define CLIENT "2001:db8:1::10"
#define SERVER "198.51.100.7"
#define POOL4  "203.0.113.7"
#define PORT   9000

struct setting {
	struct gateway gateway;
	struct world *world;
	struct nfqueue *nfqueue;
	struct sending *sending;
	struct worker *worker;
	int client;
	int server;
};

static void add_pool4(struct nat64 *nat)
{
	struct addr4_range range = {craft_addr4(POOL4), craft_addr4(POOL4)};
	struct pool4_spec spec = {
		.name = "p1",
		.addresses = &range,
		.n_addresses = 1,
		.ports = {.range = {{10000, 20000}}, .n_ranges = 1},
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
	};
	uint32_t id;

	g_assert_cmpint(pool4_add(nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(nat->pool4, id, POOL4_ACTIVE);
}

static struct nat64 *new_core(const struct nat64_world *world)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
	const struct nat64_limits limits = {.bindings = 1000, .sessions = 1000, .stored_syns = 10};
	struct nat64_config config;
	struct nat64 *nat;

	nat64_config_default(&config);
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.pool6[0]));
	config.clients_any = true;
	config.deny_own = false;
	nat = nat64_new(&config, &limits, world, seed, gateway_now_ms());
	g_assert_nonnull(nat);
	add_pool4(nat);
	return nat;
}

/* A datagram socket that waits two seconds at most. */
static int open_socket(int family, const char *addr, uint16_t port)
{
	const struct timeval patience = {.tv_sec = 2};
	const int room = 8 << 20; /* a reader that has to wait for its core must lose nothing */
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), ==,
			0);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	(void)inet_pton(AF_INET, addr, &in4.sin_addr);
	(void)inet_pton(AF_INET6, addr, &in6.sin6_addr);
	if (family == AF_INET)
		g_assert_cmpint(bind(fd, (void *)&in4, sizeof(in4)), ==, 0);
	else
		g_assert_cmpint(bind(fd, (void *)&in6, sizeof(in6)), ==, 0);
	return fd;
}

static gboolean set_up(struct setting *setting)
{
	const struct world_config world_config = {0};
	const struct nfqueue_config nfqueue_config = {
		.first = FIRST,
		.n_queues = 2,
		.n_super = 1,
		.length = 1000,
		.memory_size = 1 << 20,
	};
	const struct rawsock_config rawsock_config = {
		.mark = 0x64000000,
		.mark_mask = 0xff000000,
		.memory_size = 1 << 20,
	};
	char text[NFQUEUE_TEXT_SIZE];
	struct nat64_world functions;

	if (!netns_enter())
		return FALSE;
	if (!netns_try("ip6tables -A OUTPUT -d 2001:db8:64::/96 -j NFQUEUE --queue-num %d",
		       FIRST + 1)) {
		g_test_skip("iptables can not make a rule with NFQUEUE here");
		return FALSE;
	}
	netns_run("iptables -A OUTPUT -d " POOL4 " -j NFQUEUE --queue-num %d", FIRST + 1);
	netns_add_address(CLIENT "/128", "lo");
	netns_add_address(SERVER "/32", "lo");
	netns_add_address(POOL4 "/32", "lo");
	netns_run("ip -6 route add 2001:db8:64::/96 dev lo");

	*setting = (struct setting){0};
	gateway_init(&setting->gateway);
	g_assert_cmpint(world_new(&world_config, &setting->world), ==, 0);
	functions = world_functions(setting->world);
	setting->gateway.nat = new_core(&functions);
	setting->gateway.n_queues = 2;
	setting->gateway.queue[0].number = FIRST;
	setting->gateway.queue[1].number = FIRST + 1;
	if (nfqueue_new(&nfqueue_config, &setting->nfqueue, text) < 0 ||
	    sending_new(&rawsock_config, &setting->sending, text) < 0)
		g_error("%s", text);
	setting->client = open_socket(AF_INET6, CLIENT, 0);
	setting->server = open_socket(AF_INET, SERVER, PORT);
	return TRUE;
}

static void start(struct setting *setting)
{
	const struct worker_config config = {
		.gateway = &setting->gateway,
		.nfqueue = {setting->nfqueue},
		.n_nfqueues = 1,
		.sending = setting->sending,
		.world = setting->world,
	};

	g_assert_cmpint(worker_start(&config, &setting->worker), ==, 0);
}

/* Stops, checks that every packet received has one outcome, and takes all down. */
static void tear_down(struct setting *setting, uint64_t expected_received)
{
	const struct nat64_counters *counters = &setting->gateway.nat->counters;
	uint64_t received = 0;
	uint64_t ended = 0;

	worker_stop(setting->worker);
	for (unsigned i = 0; i < 2; i++)
		received += setting->gateway.queue[i].received;
	for (unsigned i = 0; i < N_OUTCOMES; i++)
		ended += counters->packets[0][i] + counters->packets[1][i];
	g_assert_cmpuint(received, ==, expected_received);
	g_assert_cmpuint(ended, ==, received);
	g_assert_cmpuint(nfqueue_counters(setting->nfqueue)->unreadable, ==, 0);
	g_assert_cmpuint(nfqueue_counters(setting->nfqueue)->verdict_failures, ==, 0);
	g_assert_true(nat64_check(setting->gateway.nat));
	nfqueue_free(setting->nfqueue);
	sending_free(setting->sending, false);
	gateway_deinit(&setting->gateway);
	world_free(setting->world);
	(void)close(setting->client);
	(void)close(setting->server);
}

static uint64_t ended_with(struct setting *setting, bool from6, enum outcome outcome)
{
	return setting->gateway.nat->counters.packets[!from6][outcome];
}

static void send6(int fd, const char *addr, uint16_t port, const void *data, size_t size)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	g_assert_cmpint(inet_pton(AF_INET6, addr, &to.sin6_addr), ==, 1);
	g_assert_cmpint(sendto(fd, data, size, 0, (void *)&to, sizeof(to)), ==, (ssize_t)size);
}

static void test_there_and_back(void)
{
	struct setting setting;
	struct sockaddr_in from4 = {0};
	struct sockaddr_in6 from6 = {0};
	socklen_t size4 = sizeof(from4);
	socklen_t size6 = sizeof(from6);
	char data[64];

	if (!set_up(&setting))
		return;
	start(&setting);
	send6(setting.client, "2001:db8:64::" SERVER, PORT, "question", 8);
	g_assert_cmpint(recvfrom(setting.server, data, sizeof(data), 0, (void *)&from4, &size4), ==,
			8);
	g_assert_cmphex(ntohl(from4.sin_addr.s_addr), ==, craft_addr4(POOL4));
	g_assert_cmpint(sendto(setting.server, "an answer", 9, 0, (void *)&from4, size4), ==, 9);
	g_assert_cmpint(recvfrom(setting.client, data, sizeof(data), 0, (void *)&from6, &size6), ==,
			9);
	g_assert_cmpuint(ntohs(from6.sin6_port), ==, PORT);
	tear_down(&setting, 2);
}

/* More than a batch, all waiting before the thread starts. */
static void test_many(void)
{
	enum { N = 3 * NFQUEUE_BATCH_MAX + 7 };
	struct setting setting;

	if (!set_up(&setting))
		return;
	for (unsigned i = 0; i < N; i++)
		send6(setting.client, "2001:db8:64::" SERVER, PORT, &i, sizeof(i));
	start(&setting);
	for (unsigned i = 0; i < N; i++) {
		unsigned number = 0;

		g_assert_cmpint(recv(setting.server, &number, sizeof(number), 0), ==,
				sizeof(number));
		g_assert_cmpuint(number, ==, i);
	}
	tear_down(&setting, N);
}

/* Each way to end in one batch: translated, refused by the kernel, dropped, left to the host. */
static void test_outcomes(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT + 1)};
	struct setting setting;
	struct nat64 *nat;
	char data[64];
	int host;

	if (!set_up(&setting))
		return;
	nat = setting.gateway.nat;
	netns_run("ip address add 198.51.100.8/32 dev lo");
	netns_run("iptables -A OUTPUT -s " POOL4 " -d 198.51.100.8 -j DROP");
	host = open_socket(AF_INET, POOL4, PORT + 1);
	to.sin_addr.s_addr = htonl(craft_addr4(POOL4));

	send6(setting.client, "2001:db8:64::198.51.100.8", PORT, "refused", 7);
	send6(setting.client, "2001:db8:64::127.0.0.1", PORT, "illegal", 7);
	g_assert_cmpint(sendto(setting.server, "host", 4, 0, (void *)&to, sizeof(to)), ==, 4);
	send6(setting.client, "2001:db8:64::" SERVER, PORT, "good", 4);
	start(&setting);
	g_assert_cmpint(recv(setting.server, data, sizeof(data), 0), ==, 4);
	g_assert_cmpint(recv(host, data, sizeof(data), 0), ==, 4);

	gateway_lock(&setting.gateway);
	g_assert_cmpuint(ended_with(&setting, true, OUTCOME_TRANSLATED), ==, 1);
	g_assert_cmpuint(ended_with(&setting, true, OUTCOME_SEND_FAILED), ==, 1);
	g_assert_cmpuint(ended_with(&setting, true, OUTCOME_ILLEGAL_DESTINATION), ==, 1);
	g_assert_cmpuint(ended_with(&setting, false, OUTCOME_LEFT_TO_HOST) +
				 ended_with(&setting, false, OUTCOME_NOT_OURS),
			 ==, 1);
	g_assert_cmpuint(nat->counters.packets[0][OUTCOME_SEND_FAILED], ==, 1);
	g_assert_cmpuint(setting.gateway.send_errors[GATEWAY_SEND_FIREWALL], ==, 1);
	gateway_unlock(&setting.gateway);
	(void)close(host);
	tear_down(&setting, 4);
}

/* A batch of packets that each leave in pieces: more than there is room for at once. */
static void test_fragments(void)
{
	enum { N = NFQUEUE_BATCH_MAX, SIZE = 1200 };
	static char data[SIZE];
	struct setting setting;

	if (!set_up(&setting))
		return;
	netns_run("ip route replace table local local " SERVER " dev lo mtu 200");
	for (unsigned i = 0; i < N; i++) {
		data[0] = (char)i;
		send6(setting.client, "2001:db8:64::" SERVER, PORT, data, SIZE);
	}
	start(&setting);
	for (unsigned i = 0; i < N; i++) {
		g_assert_cmpint(recv(setting.server, data, sizeof(data), 0), ==, SIZE);
		g_assert_cmpint(data[0], ==, i);
	}
	tear_down(&setting, N);
}

static int connect_tcp(struct setting *setting, int *ret_server)
{
	const struct timeval patience = {.tv_sec = 30}; /* TCP's own is much longer */
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, SERVER, &at.sin_addr);
	(void)inet_pton(AF_INET6, "2001:db8:64::" SERVER, &to.sin6_addr);
	g_assert_cmpint(bind(listener, (void *)&at, sizeof(at)), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	g_assert_cmpint(connect(client, (void *)&to, sizeof(to)), ==, 0);
	*ret_server = accept(listener, NULL, NULL);
	g_assert_cmpint(
		setsockopt(*ret_server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), ==,
		0);
	(void)close(listener);
	return client;
}

/* A superpacket whose segments have to become smaller: that its sender can not be told is no loss
 * of the packet. It goes by raw sockets here, cut by ourselves. */
static void test_remark(void)
{
	enum { SIZE = 100000 };
	static char data[SIZE];
	struct setting setting;
	size_t n = 0;
	int client, server;

	if (!set_up(&setting))
		return;
	netns_run("ip link set lo mtu 9000");
	netns_run("ip route replace table local local " SERVER " dev lo mtu 1400");
	netns_run("ip6tables -I OUTPUT -p tcp -d 2001:db8:64::/96 -j NFQUEUE --queue-num %d",
		  FIRST);
	/* Later ones pass, as packets that are no superpackets depend on them. */
	netns_run("ip6tables -I OUTPUT -p icmpv6 --icmpv6-type packet-too-big -m limit "
		  "--limit 1/hour --limit-burst 1 -j DROP");
	start(&setting);
	client = connect_tcp(&setting, &server);
	g_assert_cmpint(send(client, data, SIZE, 0), ==, SIZE);
	while (n < SIZE) {
		ssize_t got = recv(server, data, SIZE, 0);

		g_assert_cmpint(got, >, 0);
		n += (size_t)got;
	}
	(void)close(client);
	(void)close(server);
	worker_stop(setting.worker);
	setting.worker = NULL;
	g_assert_cmpuint(setting.gateway.send_errors[GATEWAY_SEND_FIREWALL], ==, 1);
	g_assert_cmpuint(ended_with(&setting, true, OUTCOME_SEND_FAILED), ==, 0);
	g_assert_cmpuint(ended_with(&setting, true, OUTCOME_TRANSLATED), >=, 3);
	tear_down(&setting, setting.gateway.queue[0].received + setting.gateway.queue[1].received);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/worker/there-and-back", test_there_and_back);
	g_test_add_func("/worker/many", test_many);
	g_test_add_func("/worker/outcomes", test_outcomes);
	g_test_add_func("/worker/fragments", test_fragments);
	g_test_add_func("/worker/remark", test_remark);
	return g_test_run();
}
