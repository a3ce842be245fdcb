/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real NFQUEUE in a namespace: what the design assumes of it, and what goes wrong at start. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/nfqueue.h"
#include "tests/naive.h"
#include "tests/netns.h"

#define FIRST 6400
#define PORT  9000

static const struct nfqueue_config plain = {
	.first = FIRST,
	.n_queues = 2,
	.length = 1000,
	.memory_size = 4 << 20,
};

static struct nfqueue *new_queue(const struct nfqueue_config *config)
{
	char text[NFQUEUE_TEXT_SIZE];
	struct nfqueue *queue = NULL;
	int r = nfqueue_new(config, &queue, text);

	if (r < 0)
		g_error("%s", text);
	return queue;
}

/* UDP to PORT on lo goes to the second queue, and its receiver here. */
static gboolean set_up(int *ret_sender, int *ret_receiver)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	if (!netns_enter())
		return FALSE;
	if (!netns_try("iptables -A OUTPUT -p udp --dport %d -j NFQUEUE --queue-num %d", PORT,
		       FIRST + 1)) {
		g_test_skip("iptables can not make a rule with NFQUEUE here");
		return FALSE;
	}
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*ret_receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(*ret_receiver, (struct sockaddr *)&to, sizeof(to)), ==, 0);
	*ret_sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(*ret_sender, (struct sockaddr *)&to, sizeof(to)), ==, 0);
	return TRUE;
}

/* The kernel shows the file to root of the initial user namespace only. */
static gboolean read_losses(struct nfqueue *queue, struct nfqueue_losses *ret)
{
	int r = nfqueue_read_losses(queue, ret);

	if (r == -EACCES) {
		g_test_skip("the kernel's counters can not be read in a user namespace");
		return FALSE;
	}
	g_assert_cmpint(r, ==, 0);
	return TRUE;
}

static void send_numbers(int sender, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t number = (uint8_t)i;

		g_assert_cmpint(send(sender, &number, 1, 0), ==, 1);
	}
}

static uint8_t number_of(const struct nfqueue_packet *packet)
{
	g_assert_cmpuint(packet->packet.size, ==, 29);
	return packet->packet.data[28];
}

/* What the host got, as a string of digits. */
static void assert_received(int receiver, const char *expected)
{
	char got[32] = "";
	uint8_t number;

	while (recv(receiver, &number, 1, MSG_DONTWAIT) == 1)
		got[strlen(got)] = (char)('0' + number);
	g_assert_cmpstr(got, ==, expected);
}

/* Packets for the host are accepted, all others of the batch are gone, none is left over. */
static void test_verdicts(void)
{
	struct nfqueue_losses losses[2];
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	queue = new_queue(&plain);
	send_numbers(sender, 8);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 8);
	for (unsigned i = 0; i < 8; i++) {
		g_assert_cmpuint(number_of(&batch.packet[i]), ==, i);
		g_assert_cmpuint(batch.packet[i].queue, ==, 1);
		g_assert_cmpuint(batch.packet[i].packet.headroom, >=, PACKET_HEADROOM);
		/* The last one is for the host, so it lies behind what the batch verdict drops. */
		batch.packet[i].to_host = i == 0 || i == 3 || i == 7;
	}
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	assert_received(receiver, "037");
	if (read_losses(queue, losses))
		g_assert_cmpuint(losses[1].waiting, ==, 0);

	/* A batch of which all is for the host, and one of which nothing is. */
	for (unsigned to_host = 0; to_host < 2; to_host++) {
		send_numbers(sender, 3);
		g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
		g_assert_cmpuint(batch.n_packets, ==, 3);
		for (unsigned i = 0; i < 3; i++)
			batch.packet[i].to_host = to_host;
		g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
		assert_received(receiver, to_host ? "012" : "");
	}
	g_assert_cmpuint(nfqueue_counters(queue)->verdict_failures, ==, 0);
	g_assert_cmpuint(nfqueue_counters(queue)->unreadable, ==, 0);
	nfqueue_free(queue);
}

/* The whole headroom in front of a packet may be written without harm to any other. */
static void test_headroom(void)
{
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	queue = new_queue(&plain);
	send_numbers(sender, 8);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	for (unsigned i = 0; i < batch.n_packets; i++) {
		struct packet *packet = &batch.packet[i].packet;

		memset(packet->data - packet->headroom, 0xee, packet->headroom);
	}
	for (unsigned i = 0; i < batch.n_packets; i++)
		g_assert_cmpuint(number_of(&batch.packet[i]), ==, i);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	nfqueue_free(queue);
}

static void test_mark(void)
{
	const uint32_t mark = 0x12345678;
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	queue = new_queue(&plain);
	g_assert_cmpint(setsockopt(sender, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), ==, 0);
	send_numbers(sender, 1);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 1);
	g_assert_cmphex(batch.packet[0].packet.mark, ==, mark);
	g_assert_false(batch.packet[0].packet.truncated);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	nfqueue_free(queue);
}

/* A packet longer than an attribute holds comes cut, and says so. */
static void test_truncated(void)
{
	static char payload[65507];
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	netns_run("ip link set lo mtu 65536");
	queue = new_queue(&plain);
	g_assert_cmpint(send(sender, payload, sizeof(payload), 0), ==, sizeof(payload));
	g_assert_cmpint(send(sender, payload, 65531 - 28, 0), ==, 65531 - 28);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 2);
	g_assert_true(batch.packet[0].packet.truncated);
	g_assert_false(batch.packet[1].packet.truncated);
	g_assert_cmpuint(batch.packet[1].packet.size, ==, 65531);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	nfqueue_free(queue);
}

/* A TCP connection on lo of which large packets go to the first queue. */
static gboolean connect_tcp(int *ret_from, int *ret_to)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int listener;

	if (!netns_enter())
		return FALSE;
	netns_run("ip link set lo mtu 1500");
	if (!netns_try("iptables -A OUTPUT -p tcp --dport %d -m length --length 1000:65535 "
		       "-j NFQUEUE --queue-num %d",
		       PORT, FIRST)) {
		g_test_skip("iptables can not make a rule with NFQUEUE here");
		return FALSE;
	}
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(listener, (struct sockaddr *)&to, sizeof(to)), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	*ret_from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(*ret_from, (struct sockaddr *)&to, sizeof(to)), ==, 0);
	*ret_to = accept(listener, NULL, NULL);
	g_assert_cmpint(*ret_to, >=, 0);
	close(listener);
	return TRUE;
}

/* Superpackets come whole by the queues that ask for them, with unfinished checksums; by others
 * they come cut, with whole ones. */
static void test_superpackets(void)
{
	static const char payload[8000];

	for (unsigned n_super = 0; n_super <= 1; n_super++) {
		struct nfqueue_config config = plain;
		struct nfqueue_batch batch;
		struct nfqueue *queue;
		int from, to;

		if (!connect_tcp(&from, &to))
			return;
		config.n_super = n_super;
		queue = new_queue(&config);
		g_assert_cmpint(send(from, payload, sizeof(payload), 0), ==, sizeof(payload));
		g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
		g_assert_cmpuint(batch.n_packets, >, 0);
		for (unsigned i = 0; i < batch.n_packets; i++) {
			struct packet *packet = &batch.packet[i].packet;

			g_assert_cmpint(packet->superpacket, ==, n_super);
			g_assert_cmpint(packet->unfinished, ==, n_super);
			g_assert_cmpint(packet->size > 1500, ==, n_super);
			g_assert_true(n_super || naive_packet_ok(packet->data, packet->size));
		}
		g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
		nfqueue_free(queue);
		close(from);
		close(to);
	}
}

/* a full queue drops, and the losses can be read. */
static void test_losses(void)
{
	struct nfqueue_config config = plain;
	struct nfqueue_losses losses[2];
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	config.length = 3;
	queue = new_queue(&config);
	for (unsigned i = 0; i < 5; i++) {
		uint8_t number = (uint8_t)i;

		(void)!send(sender, &number, 1, 0);
	}
	if (read_losses(queue, losses)) {
		g_assert_cmpuint(losses[1].waiting, ==, 3);
		g_assert_cmpuint(losses[1].queue_full, ==, 2);
		g_assert_cmpuint(losses[0].waiting, ==, 0);
	}
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 3);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	assert_received(receiver, "");
	nfqueue_free(queue);
}

/* A socket too small for what comes loses packets, not the connection to the kernel. */
static void test_overrun(void)
{
	struct nfqueue_config config = plain;
	struct nfqueue_losses losses[2];
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	unsigned n_received = 0;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	config.memory_size = 4096;
	queue = new_queue(&config);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t number = (uint8_t)i;

		(void)!send(sender, &number, 1, 0);
	}
	do {
		g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
		g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
		n_received += batch.n_packets;
	} while (batch.n_packets > 0);
	g_assert_cmpuint(n_received, <, 100);
	if (read_losses(queue, losses)) {
		g_assert_cmpuint(n_received + losses[1].socket_full, ==, 100);
		g_assert_cmpuint(losses[1].waiting, ==, 0);
	}
	send_numbers(sender, 1);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 1);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	nfqueue_free(queue);
}

/* More may wait, and less, without a new queue; what waits stays. */
static void test_set_waiting(void)
{
	struct nfqueue_config config = plain;
	struct nfqueue_losses losses[2];
	struct nfqueue_batch batch;
	struct nfqueue *queue;
	char text[NFQUEUE_TEXT_SIZE];
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	config.length = 2;
	queue = new_queue(&config);
	send_numbers(sender, 3);
	nfqueue_set_waiting(queue, 4, config.memory_size, text);
	g_assert_cmpstr(text, ==, "");
	send_numbers(sender, 3);
	if (read_losses(queue, losses)) {
		g_assert_cmpuint(losses[1].waiting, ==, 4);
		g_assert_cmpuint(losses[1].queue_full, ==, 2);
	}
	nfqueue_set_waiting(queue, 1, 4096, text);
	send_numbers(sender, 1);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 4);
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	nfqueue_free(queue);
}

static void test_occupied(void)
{
	struct nfqueue_config overlapping = plain;
	char text[NFQUEUE_TEXT_SIZE];
	struct nfqueue *other = NULL;
	struct nfqueue *queue;

	if (!netns_enter())
		return;
	queue = new_queue(&plain);
	overlapping.first = FIRST + 1;
	g_assert_cmpint(nfqueue_new(&overlapping, &other, text), <, 0);
	g_assert_null(other);
	/* Who it is can be told only where the kernel's list can be read. */
	g_assert_nonnull(strstr(text, "another program"));
	g_assert_nonnull(strstr(text, "6401"));
	/* The first of the two was free: nothing of the failed attempt is left. */
	nfqueue_free(queue);
	nfqueue_free(new_queue(&overlapping));
}

/* In a child: capabilities do not come back. */
static void test_capability(void)
{
	pid_t pid;
	int status;

	if (!netns_enter())
		return;
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
		struct __user_cap_data_struct none[2] = {{0}};
		char text[NFQUEUE_TEXT_SIZE];
		struct nfqueue *queue = NULL;

		(void)syscall(SYS_capset, &header, none);
		_exit(nfqueue_new(&plain, &queue, text) == -EPERM && !queue &&
				      strstr(text, "CAP_NET_ADMIN is missing")
			      ? 0
			      : 1);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
}

static void test_explain(void)
{
	static const struct {
		int error;
		uint32_t owner;
		const char *text;
	} cases[] = {
		{-EPERM, 1234,
		 "queue number 6400 is in use by another program (netlink port 1234, usually its "
		 "process id); set Queue.First to a free one"},
		{-EPERM, 0,
		 "binding queue 6400 is not permitted: CAP_NET_ADMIN is missing (or another "
		 "program "
		 "has that queue number)"},
		{-EBUSY, 0, "queue number 6400 is in use; set Queue.First to a free one"},
		{-EINVAL, 0,
		 "this kernel has no NFQUEUE (module nfnetlink_queue, "
		 "CONFIG_NETFILTER_NETLINK_QUEUE)"},
		{-EPROTONOSUPPORT, 0,
		 "this kernel has no NFQUEUE (module nfnetlink_queue, "
		 "CONFIG_NETFILTER_NETLINK_QUEUE)"},
		{-ENOMEM, 0, "queue 6400 can not be bound: Cannot allocate memory"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[NFQUEUE_TEXT_SIZE];

		nfqueue_explain(cases[i].error, 6400, cases[i].owner, text);
		g_assert_cmpstr(text, ==, cases[i].text);
	}
}

/* The queues that the kernel says this socket has; skips the test where it does not tell. */
static gboolean has_queues(const struct nfqueue *queue, unsigned n)
{
	uint16_t numbers[NFQUEUE_QUEUES_MAX];
	int r = nfqueue_queues_of(nfqueue_fd(queue), numbers);

	if (r == -EACCES) {
		g_test_skip("the kernel's queues can not be read in a user namespace");
		return FALSE;
	}
	g_assert_cmpint(r, ==, (int)n);
	return TRUE;
}

/* A successor that wants other queues binds them by the socket that it got, sends packets there,
 * and dies: they end when the one before takes all back, and its own stay as they are. */
static void test_taken_back(void)
{
	struct nfqueue_config other = plain;
	struct nfqueue_losses losses[2];
	struct nfqueue_batch batch;
	struct nfqueue *queue, *successor;
	int sender;
	int receiver;

	if (!set_up(&sender, &receiver))
		return;
	queue = new_queue(&plain);
	other.first = FIRST + 2;
	other.inherited_fd = dup(nfqueue_fd(queue));
	successor = new_queue(&other);
	if (!has_queues(queue, 4))
		goto out;
	netns_run("iptables -I OUTPUT -p udp --dport %d -j NFQUEUE --queue-num %d", PORT,
		  FIRST + 3);
	send_numbers(sender, 3);
	g_assert_cmpint(nfqueue_read_losses(successor, losses), ==, 0);
	g_assert_cmpuint(losses[1].waiting, ==, 3);
	nfqueue_free(successor);
	successor = NULL;
	g_assert_true(has_queues(queue, 4));

	netns_run("iptables -D OUTPUT -p udp --dport %d -j NFQUEUE --queue-num %d", PORT,
		  FIRST + 3);
	nfqueue_take_back(queue);
	g_assert_true(has_queues(queue, 2));
	/* Nothing of them has passed. */
	assert_received(receiver, "");
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 0);
	send_numbers(sender, 2);
	g_assert_cmpint(nfqueue_receive(queue, &batch), ==, 0);
	g_assert_cmpuint(batch.n_packets, ==, 2);
	batch.packet[0].to_host = batch.packet[1].to_host = true;
	g_assert_cmpint(nfqueue_verdict(queue, &batch), ==, 0);
	assert_received(receiver, "01");
	g_assert_cmpuint(nfqueue_counters(queue)->verdict_failures, ==, 0);
out:
	nfqueue_free(successor);
	nfqueue_free(queue);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/nfqueue/verdicts", test_verdicts);
	g_test_add_func("/nfqueue/headroom", test_headroom);
	g_test_add_func("/nfqueue/mark", test_mark);
	g_test_add_func("/nfqueue/truncated", test_truncated);
	g_test_add_func("/nfqueue/superpackets", test_superpackets);
	g_test_add_func("/nfqueue/losses", test_losses);
	g_test_add_func("/nfqueue/overrun", test_overrun);
	g_test_add_func("/nfqueue/set-waiting", test_set_waiting);
	g_test_add_func("/nfqueue/occupied", test_occupied);
	g_test_add_func("/nfqueue/taken-back", test_taken_back);
	g_test_add_func("/nfqueue/capability", test_capability);
	g_test_add_func("/nfqueue/explain", test_explain);
	return g_test_run();
}
