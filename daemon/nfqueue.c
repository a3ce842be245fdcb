/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * Each packet comes as one netlink message, read by recvmmsg() into a fixed buffer with room in
 * front, so that the translators can grow the header in place. The payload is the last attribute:
 * what lies before it has been parsed and may be overwritten.
 *
 * Verdicts: a batch verdict drops every packet of a queue up to its id. Since ids rise within a
 * queue and the kernel sends messages in their order, the highest id of a batch covers exactly this
 * batch. Packets for the host are accepted one by one before, in the same send; the batch verdict
 * no longer finds them. All this is worth half of the cost of receiving (measured).
 *
 * Start: a queue is bound with copy mode "none", in which the kernel drops what comes, and packets
 * flow only when all are bound. Else a gateway that starts under load could find its socket full of
 * the first queue's packets and wait for ever for the acknowledgement of the next one.
 *
 * A queue belongs to the netlink port of the socket that has bound it, whoever holds the socket: a
 * successor that gets the descriptor goes on reading where the other one has stopped. What it does
 * not want any more ends when it is empty, so that what waits there is not lost. As packets
 * stand in line there, nothing is acknowledged then; what the kernel has made of it is in /proc.
 *
 * The queues fail closed: without NFQA_CFG_F_FAIL_OPEN a full queue drops. Where NFQA_CFG_F_GSO is
 * not set the kernel cuts superpackets and finishes checksums: in all queues but those for TCP,
 * since of UDP nobody could tell where the datagrams end, and in those, too, if TCP is sent by raw
 * sockets (cutting them here would win nothing: it is packets that cost, not the cutting). The
 * counters of what was lost are in /proc and nowhere else; the file is opened early, before
 * privileges go.
 */
#include "daemon/nfqueue.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The longest payload that a 16-bit attribute holds. */
#define COPY_RANGE 65531
/* A message with its longest payload, the headroom, and attributes with room to spare. Not a
 * multiple of 4096: the buffers shall not share cache sets. */
#define BUFFER_SIZE (PACKET_HEADROOM + 66 * 1024 + 192)
/* Of each, touched at the start: what packets of the usual link need, with what netlink says of
 * them. */
#define TOUCHED_SIZE 2048
/* A verdict is two headers and one attribute; one for each packet and one for each queue. */
#define VERDICT_SIZE 64
#define VERDICTS_MAX (NFQUEUE_BATCH_MAX + NFQUEUE_QUEUES_MAX)

/* A configuration request, or its acknowledgement. */
#define CONFIG_SIZE 4096

#define PROC_FILE     "/proc/thread-self/net/netfilter/nfnetlink_queue"
#define PROC_SIZE_MAX 16384 /* some 200 queues of all programs together */

struct nfqueue {
	struct mnl_socket *socket;
	int proc_fd; /* -1 if the file can not be read: losses are unknown then */
	uint16_t number[NFQUEUE_QUEUES_MAX];
	uint32_t length;
	uint64_t memory_size;
	unsigned n_queues;
	unsigned n_old;                 /* behind those */
	bool ended[NFQUEUE_QUEUES_MAX]; /* control thread */
	unsigned n_super;
	bool inherited;
	bool settled; /* queues have, or get at once, what we say */
	bool is_same; /* all queues were that socket's already */
	struct nfqueue_counters counters;
	uint8_t *buffers;
	struct iovec iov[NFQUEUE_BATCH_MAX];
	struct mmsghdr message[NFQUEUE_BATCH_MAX];
	char verdicts[VERDICTS_MAX * VERDICT_SIZE];
};

/* One line of PROC_FILE. */
struct proc_line {
	unsigned number;
	uint32_t owner;
	struct nfqueue_losses losses;
};

/* The line at text, and where the next one begins; NULL if there is none. What can not be read has
 * the number of no queue. */
static const char *proc_next(const char *text, struct proc_line *ret)
{
	const char *end;
	unsigned long long full;
	unsigned long long user;

	if (!*text)
		return NULL;
	if (sscanf(text, "%u %u %u %*u %*u %llu %llu", &ret->number, &ret->owner,
		   &ret->losses.waiting, &full, &user) == 5) {
		ret->losses.queue_full = full;
		ret->losses.socket_full = user;
	} else {
		ret->number = UINT_MAX;
	}
	end = strchr(text, '\n');
	return end ? end + 1 : text + strlen(text);
}

/* The line of queue number; false if there is none. */
static bool proc_find(const char *text, unsigned number, struct proc_line *ret)
{
	while ((text = proc_next(text, ret)) != NULL)
		if (ret->number == number)
			return true;
	return false;
}

static int proc_read(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -EACCES;
	/* One read gives no more than a page. */
	do {
		n = pread(fd, text + length, size - 1 - length, (off_t)length);
		if (n < 0)
			return -errno;
		length += (size_t)n;
	} while (n > 0 && length < size - 1);
	text[length] = '\0';
	return 0;
}

/* The netlink port that has this queue, or 0. */
static uint32_t queue_owner(const struct nfqueue *queue, uint16_t number)
{
	struct proc_line line;
	char text[PROC_SIZE_MAX];

	if (proc_read(queue->proc_fd, text, sizeof(text)) < 0 || !proc_find(text, number, &line))
		return 0;
	return line.owner;
}

void nfqueue_explain(int error, uint16_t number, uint32_t owner, char *ret_text)
{
	if (owner != 0)
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE,
			       "queue number %u is in use by another program (netlink port %u, "
			       "usually its process id); set Queue.First to a free one",
			       number, owner);
	else if (error == -EPERM || error == -EACCES)
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE,
			       "binding queue %u is not permitted: CAP_NET_ADMIN is missing (or "
			       "another program has that queue number)",
			       number);
	else if (error == -EBUSY)
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE,
			       "queue number %u is in use; set Queue.First to a free one", number);
	else if (error == -EINVAL || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT)
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE,
			       "this kernel has no NFQUEUE (module nfnetlink_queue, "
			       "CONFIG_NETFILTER_NETLINK_QUEUE)");
	else
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE, "queue %u can not be bound: %s", number,
			       strerror(-error));
}

/* Sends one configuration message and reads its acknowledgement. */
static int configure(struct nfqueue *queue, struct nlmsghdr *nlh)
{
	char reply[CONFIG_SIZE];
	const struct nlmsghdr *answer = (const struct nlmsghdr *)reply;
	const struct nlmsgerr *error;
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_sendto(queue->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(queue->socket, reply, sizeof(reply));
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n < 0 || answer->nlmsg_type != NLMSG_ERROR);
	error = mnl_nlmsg_get_payload(answer);
	return error->error;
}

static struct nlmsghdr *put_queue(char *buffer, uint16_t number, uint32_t length, bool bind)
{
	struct nlmsghdr *nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);

	if (bind) {
		nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
		nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_NONE, 0);
	}
	nfq_nlmsg_cfg_put_qmaxlen(nlh, length);
	/* Fail closed, whole packets are cut by the kernel: all flags off. */
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(0));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
	return nlh;
}

static int bind_queue(struct nfqueue *queue, uint16_t number, uint32_t length)
{
	char buffer[CONFIG_SIZE];
	struct nlmsghdr *nlh = put_queue(buffer, number, length, true);

	return configure(queue, nlh);
}

/* Not acknowledged: errors come among the packets, and are counted as those of verdicts. */
static int send_config(struct nfqueue *queue, const struct nlmsghdr *nlh)
{
	return mnl_socket_sendto(queue->socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* Lets packets flow. Not acknowledged: the answer would stand in line with them. A failure comes as
 * one of a verdict would, and is counted so. */
static int open_number(struct nfqueue *queue, uint16_t number, bool is_super)
{
	char buffer[CONFIG_SIZE];
	struct nlmsghdr *nlh;

	nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_RANGE);
	/* Said in any case: the daemon before may have had it otherwise. */
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(is_super ? NFQA_CFG_F_GSO : 0));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	return send_config(queue, nlh);
}

/* Ours already, or bound now: nothing that the predecessor would notice. Where /proc can not be
 * read (in a user namespace), binding a queue of ours once more does no harm. What is new holds
 * what comes, as rules may lead there before the predecessor has ended. */
static int adopt_queue(struct nfqueue *queue, uint16_t number, uint32_t length, char *text)
{
	uint32_t port = mnl_socket_get_portid(queue->socket);
	uint32_t owner = queue_owner(queue, number);
	char buffer[CONFIG_SIZE];
	int r;

	if (owner == port)
		return 0;
	queue->is_same = false;
	r = send_config(queue, put_queue(buffer, number, length, true));
	if (queue->proc_fd >= 0)
		owner = queue_owner(queue, number);
	if (r == 0 && owner != port && queue->proc_fd >= 0)
		r = -EBUSY;
	if (r == 0)
		r = open_number(queue, number, false);
	if (r < 0)
		nfqueue_explain(r, number, owner, text);
	return r;
}

static int bind_queues(struct nfqueue *queue, uint32_t length, char *text)
{
	queue->is_same = queue->inherited && queue->n_old == 0;
	for (unsigned i = 0; i < queue->n_queues; i++) {
		const uint16_t number = queue->number[i];
		int r;

		if (queue->inherited) {
			r = adopt_queue(queue, number, length, text);
			if (r < 0)
				return r;
			continue;
		}
		r = bind_queue(queue, number, length);
		if (r < 0) {
			nfqueue_explain(r, number, queue_owner(queue, number), text);
			return r;
		}
	}
	return 0;
}

static int open_queue(struct nfqueue *queue, unsigned index)
{
	return open_number(queue, queue->number[index], index < queue->n_super);
}

static int open_queues(struct nfqueue *queue, char *text)
{
	for (unsigned i = 0; i < queue->n_queues; i++) {
		int r = open_queue(queue, i);

		if (r < 0) {
			nfqueue_explain(r, queue->number[i], 0, text);
			return r;
		}
	}
	return 0;
}

/* The kernel doubles what it is told, and tells the doubled value. */
static void set_memory(int fd, uint64_t memory_size, char *ret_text)
{
	int size = memory_size > INT32_MAX / 2 ? INT32_MAX / 2 : (int)memory_size;
	int got = 0;
	socklen_t length = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length);
	if (got / 2 < size)
		(void)snprintf(ret_text, NFQUEUE_TEXT_SIZE,
			       "the queues' receive buffer is %d bytes instead of %d: more needs "
			       "CAP_NET_ADMIN in the initial user namespace, or a larger sysctl "
			       "net.core.rmem_max",
			       got / 2, size);
}

void nfqueue_set_waiting(struct nfqueue *queue, uint32_t length, uint64_t memory_size, char *text)
{
	char buffer[CONFIG_SIZE];

	text[0] = '\0';
	if (queue->length == length && queue->memory_size == memory_size)
		return;
	queue->length = length;
	queue->memory_size = memory_size;
	for (unsigned i = 0; i < queue->n_queues; i++) {
		struct nlmsghdr *nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number[i]);

		nfq_nlmsg_cfg_put_qmaxlen(nlh, length);
		(void)mnl_socket_sendto(queue->socket, nlh, nlh->nlmsg_len);
	}
	set_memory(mnl_socket_get_fd(queue->socket), memory_size, text);
}

void nfqueue_set_super(struct nfqueue *queue, unsigned n_super)
{
	char text[NFQUEUE_TEXT_SIZE];

	assert(n_super <= queue->n_queues);
	queue->n_super = n_super;
	if (queue->settled)
		(void)open_queues(queue, text);
}

/* Small packets of a full batch find their memory there: the first such batch may come after days,
 * and each page it touches first would cost it a fault. */
static int make_buffers(struct nfqueue *queue)
{
	queue->buffers = malloc((size_t)NFQUEUE_BATCH_MAX * BUFFER_SIZE);
	if (!queue->buffers)
		return -ENOMEM;
	for (size_t i = 0; i < NFQUEUE_BATCH_MAX; i++) {
		uint8_t *buffer = queue->buffers + i * BUFFER_SIZE;

		memset(buffer, 0, TOUCHED_SIZE);
		queue->iov[i] = (struct iovec){
			.iov_base = buffer + PACKET_HEADROOM,
			.iov_len = BUFFER_SIZE - PACKET_HEADROOM,
		};
		queue->message[i].msg_hdr =
			(struct msghdr){.msg_iov = &queue->iov[i], .msg_iovlen = 1};
	}
	return 0;
}

static bool is_netfilter(int fd)
{
	int domain = 0, protocol = -1;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

static bool adopt_socket(struct nfqueue *queue, int fd)
{
	if (fd <= 0)
		return false;
	if (is_netfilter(fd))
		queue->socket = mnl_socket_fdopen(fd);
	if (!queue->socket)
		(void)close(fd);
	return queue->socket != NULL;
}

static int open_socket(struct nfqueue *queue, int inherited_fd, char *text)
{
	const int on = 1;

	queue->inherited = adopt_socket(queue, inherited_fd);
	if (!queue->inherited)
		queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!queue->socket ||
	    (!queue->inherited && mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0)) {
		int r = -errno;

		nfqueue_explain(r, queue->number[0], 0, text);
		return r;
	}
	/* A full buffer then just loses packets, which the kernel counts. */
	if (mnl_socket_setsockopt(queue->socket, NETLINK_NO_ENOBUFS, (void *)&on, sizeof(on)) < 0) {
		int r = -errno;

		(void)snprintf(text, NFQUEUE_TEXT_SIZE, "NETLINK_NO_ENOBUFS: %s", strerror(-r));
		return r;
	}
	return 0;
}

int nfqueue_queues_of(int fd, uint16_t ret[NFQUEUE_QUEUES_MAX])
{
	struct sockaddr_nl address = {.nl_family = AF_UNSPEC};
	socklen_t size = sizeof(address);
	int proc_fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	char text[PROC_SIZE_MAX];
	const char *next = text;
	struct proc_line line;
	int r = proc_read(proc_fd, text, sizeof(text));
	int n = 0;

	if (proc_fd >= 0)
		(void)close(proc_fd);
	if (r == 0 && getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		r = -errno;
	if (r < 0 || address.nl_family != AF_NETLINK)
		return r < 0 ? r : -EINVAL;
	while (n < NFQUEUE_QUEUES_MAX && (next = proc_next(next, &line)) != NULL)
		if (line.owner == address.nl_pid && line.number <= UINT16_MAX)
			ret[n++] = (uint16_t)line.number;
	return n;
}

int nfqueue_new(const struct nfqueue_config *config, struct nfqueue **ret, char *text)
{
	struct nfqueue *queue;
	int r;

	assert(config->n_queues + config->n_old <= NFQUEUE_QUEUES_MAX);
	text[0] = '\0';
	queue = calloc(1, sizeof(*queue));
	if (!queue && config->inherited_fd > 0)
		(void)close(config->inherited_fd);
	if (!queue)
		goto no_memory;
	for (unsigned i = 0; i < config->n_queues + config->n_old; i++)
		queue->number[i] =
			config->numbers ? config->numbers[i] : (uint16_t)(config->first + i);
	queue->length = config->length;
	queue->memory_size = config->memory_size;
	queue->n_queues = config->n_queues;
	queue->n_old = config->n_old;
	queue->n_super = config->n_super;
	queue->proc_fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	if (make_buffers(queue) < 0)
		goto no_memory;
	r = open_socket(queue, config->inherited_fd, text);
	if (r == 0)
		r = bind_queues(queue, config->length, text);
	if (r < 0)
		goto out;
	/* The file exists only once the kernel's module is loaded. */
	if (queue->proc_fd < 0)
		queue->proc_fd = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	if (!queue->inherited)
		set_memory(mnl_socket_get_fd(queue->socket), config->memory_size, text);
	/* What is inherited is open, and its reader may be at it yet: nfqueue_settle(). */
	queue->settled = !queue->inherited;
	r = queue->inherited ? 0 : open_queues(queue, text);
	if (r < 0)
		goto out;
	*ret = queue;
	return 0;

no_memory:
	(void)snprintf(text, NFQUEUE_TEXT_SIZE, "no memory for the queues");
	r = -ENOMEM;
out:
	nfqueue_free(queue);
	return r;
}

void nfqueue_free(struct nfqueue *queue)
{
	if (!queue)
		return;
	if (queue->socket)
		(void)mnl_socket_close(queue->socket);
	if (queue->proc_fd >= 0)
		(void)close(queue->proc_fd);
	free(queue->buffers);
	free(queue);
}

bool nfqueue_is_inherited(const struct nfqueue *queue)
{
	return queue->inherited;
}

bool nfqueue_has_same_queues(const struct nfqueue *queue)
{
	return queue->is_same;
}

static unsigned n_all(const struct nfqueue *queue)
{
	return queue->n_queues + queue->n_old;
}

/* Which of the queues is it? As many as there are if none of them. */
static unsigned index_of(const struct nfqueue *queue, unsigned number)
{
	unsigned i = 0;

	while (i < n_all(queue) && queue->number[i] != number)
		i++;
	return i;
}

static void end_queue(struct nfqueue *queue, uint16_t number)
{
	char buffer[CONFIG_SIZE];
	struct nlmsghdr *nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
	(void)send_config(queue, nlh);
}

static void end_others(struct nfqueue *queue)
{
	uint32_t port = mnl_socket_get_portid(queue->socket);
	char text[PROC_SIZE_MAX];
	const char *next = text;
	struct proc_line line;

	if (proc_read(queue->proc_fd, text, sizeof(text)) < 0)
		return;
	while ((next = proc_next(next, &line)) != NULL)
		if (line.owner == port && index_of(queue, line.number) == n_all(queue))
			end_queue(queue, (uint16_t)line.number);
}

void nfqueue_take_back(struct nfqueue *queue)
{
	/* It may have wanted what we did not. */
	memset(queue->ended, 0, sizeof(queue->ended));
	end_others(queue);
}

void nfqueue_end_old(struct nfqueue *queue)
{
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX];

	if (queue->n_old == 0 || nfqueue_read_losses(queue, losses) < 0)
		return;
	for (unsigned i = queue->n_queues; i < n_all(queue); i++) {
		if (queue->ended[i] || losses[i].waiting > 0)
			continue;
		queue->ended[i] = true;
		end_queue(queue, queue->number[i]);
	}
}

unsigned nfqueue_n_queues(const struct nfqueue *queue)
{
	return queue->n_queues;
}

unsigned nfqueue_n_old(const struct nfqueue *queue)
{
	return queue->n_old;
}

uint16_t nfqueue_number(const struct nfqueue *queue, unsigned index)
{
	assert(index < n_all(queue));
	return queue->number[index];
}

void nfqueue_settle(struct nfqueue *queue)
{
	char text[NFQUEUE_TEXT_SIZE];

	if (!queue->inherited)
		return;
	queue->settled = true;
	for (unsigned i = 0; i < queue->n_queues; i++) {
		char buffer[CONFIG_SIZE];

		(void)send_config(queue, put_queue(buffer, queue->number[i], queue->length, false));
	}
	(void)open_queues(queue, text);
	/* What is less than asked for was remarked when it was asked first. */
	set_memory(mnl_socket_get_fd(queue->socket), queue->memory_size, text);
	end_others(queue);
}

int nfqueue_fd(const struct nfqueue *queue)
{
	return mnl_socket_get_fd(queue->socket);
}

static void read_offload(uint32_t info, struct packet *packet)
{
	packet->superpacket = (info & NFQA_SKB_GSO) != 0;
	packet->unfinished = (info & NFQA_SKB_CSUMNOTREADY) != 0;
}

/* Attributes of one message, in place. False if it is no packet. */
static bool read_packet(struct nfqueue *queue, uint8_t *message, size_t size,
			struct nfqueue_packet *ret)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)message;
	struct nlattr *attr[NFQA_MAX + 1] = {NULL};
	const struct nfqnl_msg_packet_hdr *header;
	unsigned index;

	if (!mnl_nlmsg_ok(nlh, (int)size))
		return false;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		/* Only verdicts are sent, and only their failures are answered. */
		queue->counters.verdict_failures++;
		return false;
	}
	if (nlh->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
	    nfq_nlmsg_parse(nlh, attr) < 0 || !attr[NFQA_PACKET_HDR])
		goto unreadable;
	header = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	index = index_of(queue,
			 ntohs(((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->res_id));
	if (index == n_all(queue))
		goto unreadable;

	*ret = (struct nfqueue_packet){
		.id = ntohl(header->packet_id),
		.queue = (uint8_t)index,
		.packet.data = message + size,
		.packet.truncated = attr[NFQA_CAP_LEN] != NULL,
	};
	if (attr[NFQA_MARK])
		ret->packet.mark = ntohl(mnl_attr_get_u32(attr[NFQA_MARK]));
	if (attr[NFQA_SKB_INFO])
		read_offload(ntohl(mnl_attr_get_u32(attr[NFQA_SKB_INFO])), &ret->packet);
	if (attr[NFQA_PAYLOAD]) {
		ret->packet.data = mnl_attr_get_payload(attr[NFQA_PAYLOAD]);
		ret->packet.size = mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]);
	}
	ret->packet.headroom = (uint32_t)(ret->packet.data - message) + PACKET_HEADROOM;
	return true;

unreadable:
	queue->counters.unreadable++;
	return false;
}

int nfqueue_receive(struct nfqueue *queue, struct nfqueue_batch *ret)
{
	int n;

	ret->n_packets = 0;
	n = recvmmsg(mnl_socket_get_fd(queue->socket), queue->message, NFQUEUE_BATCH_MAX,
		     MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno == ENOBUFS)
			queue->counters.overruns++;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
		return 0;
	}
	for (int i = 0; i < n; i++)
		if (read_packet(queue, queue->iov[i].iov_base, queue->message[i].msg_len,
				&ret->packet[ret->n_packets]))
			ret->n_packets++;
	return 0;
}

int nfqueue_verdict(struct nfqueue *queue, const struct nfqueue_batch *batch)
{
	uint32_t last_id[NFQUEUE_QUEUES_MAX] = {0};
	bool drop[NFQUEUE_QUEUES_MAX] = {false};
	size_t size = 0;
	struct nlmsghdr *nlh;

	for (unsigned i = 0; i < batch->n_packets; i++) {
		const struct nfqueue_packet *packet = &batch->packet[i];

		if (!packet->to_host) {
			drop[packet->queue] = true;
			last_id[packet->queue] = packet->id;
			continue;
		}
		nlh = nfq_nlmsg_put(queue->verdicts + size, NFQNL_MSG_VERDICT,
				    queue->number[packet->queue]);
		nfq_nlmsg_verdict_put(nlh, (int)packet->id, NF_ACCEPT);
		size += nlh->nlmsg_len;
	}
	for (unsigned i = 0; i < n_all(queue); i++) {
		if (!drop[i])
			continue;
		nlh = nfq_nlmsg_put(queue->verdicts + size, NFQNL_MSG_VERDICT_BATCH,
				    queue->number[i]);
		nfq_nlmsg_verdict_put(nlh, (int)last_id[i], NF_DROP);
		size += nlh->nlmsg_len;
	}
	assert(size <= sizeof(queue->verdicts));
	if (size == 0 || mnl_socket_sendto(queue->socket, queue->verdicts, size) >= 0)
		return 0;
	queue->counters.verdict_failures++;
	return -errno;
}

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue)
{
	return &queue->counters;
}

int nfqueue_read_losses(const struct nfqueue *queue, struct nfqueue_losses *ret)
{
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX];
	char text[PROC_SIZE_MAX];
	int r;

	r = proc_read(queue->proc_fd, text, sizeof(text));
	if (r < 0)
		return r;
	for (unsigned i = 0; i < n_all(queue); i++) {
		struct proc_line line;
		const bool is_there = proc_find(text, queue->number[i], &line);

		/* An old one has ended in the meantime. */
		if (!is_there && i < queue->n_queues)
			return -ENODATA;
		losses[i] = is_there ? line.losses : (struct nfqueue_losses){0};
	}
	memcpy(ret, losses, n_all(queue) * sizeof(losses[0]));
	return 0;
}
