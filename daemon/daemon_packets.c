/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_packets.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/minmax.h"
#include "daemon/daemon_sending.h"
#include "daemon/log.h"
#include "daemon/nfqueue.h"
#include "daemon/worker.h"

_Static_assert(QUEUE_PLAN_SOCKETS_MAX == GATEWAY_LANES_MAX, "a socket for each thread");
_Static_assert(QUEUE_PLAN_SOCKETS_MAX <= DESCRIPTORS_MORE_MAX + 1, "all are handed over");
_Static_assert(QUEUE_PLAN_QUEUES_MAX == NFQUEUE_QUEUES_MAX, "a plan can be carried out");

/* The sockets of before without gaps, and what they have. */
static void take_inherited(struct daemon_packets *packets, struct descriptors *inherited,
			   int fd[QUEUE_PLAN_SOCKETS_MAX],
			   struct queue_plan_owned owned[QUEUE_PLAN_SOCKETS_MAX])
{
	for (unsigned i = 0; i < QUEUE_PLAN_SOCKETS_MAX; i++) {
		int *place =
			i == 0 ? &inherited->fd[DESCRIPTOR_QUEUE] : &inherited->more_queues[i - 1];
		struct queue_plan_owned *ret = &owned[packets->n_before];
		int n;

		if (*place < 0)
			continue;
		n = nfqueue_queues_of(*place, ret->number);
		ret->is_known = n >= 0;
		ret->n = n > 0 ? (unsigned)n : 0;
		fd[packets->n_before++] = *place;
		*place = -1;
	}
}

/* A sentence of each kind is enough. */
static void remark(const char *text)
{
	if (text[0])
		log_line(LOG_NOTICE, "%s", text);
}

static int open_sockets(struct daemon_packets *packets, const struct config_queue *queue,
			int fd[QUEUE_PLAN_SOCKETS_MAX])
{
	char text[NFQUEUE_TEXT_SIZE] = "";
	char first_text[NFQUEUE_TEXT_SIZE] = "";
	int r = 0;

	for (unsigned i = 0; i < packets->plan.n_sockets && r == 0; i++) {
		const struct queue_plan_socket *planned = &packets->plan.socket[i];
		const struct nfqueue_config config = {
			.numbers = planned->number,
			.n_queues = planned->n_queues,
			.n_super = planned->n_super,
			.n_old = planned->n_old,
			.length = queue->length,
			.memory_size = queue->memory_size,
			.inherited_fd = i < packets->n_before ? fd[i] : 0,
		};

		r = nfqueue_new(&config, &packets->nfqueue[i], text);
		fd[i] = -1;
		if (r < 0)
			log_line(LOG_ERR, "%s", text);
		else if (!first_text[0])
			(void)memcpy(first_text, text, sizeof(first_text));
	}
	if (r == 0)
		remark(first_text);
	for (unsigned i = 0; i < packets->n_before; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	return r;
}

static void tell_gateway(struct daemon_packets *packets, const struct config_queue *queue)
{
	struct gateway *gateway = packets->gateway;

	gateway_set_lanes(gateway, packets->n_workers);
	for (unsigned i = 0; i < 2 * packets->n_workers; i++)
		gateway->queue[i].number = (uint16_t)(queue->first + i);
	gateway->n_queues = 2 * packets->n_workers;
}

int daemon_packets_open(struct daemon_packets *packets, const struct config_queue *queue,
			unsigned n_workers, struct descriptors *inherited)
{
	struct queue_plan_owned owned[QUEUE_PLAN_SOCKETS_MAX] = {0};
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX];
	int fd[QUEUE_PLAN_SOCKETS_MAX];
	int r;

	packets->n_workers = packets->n_counted = n_workers;
	take_inherited(packets, inherited, fd, owned);
	queue_plan_make((uint16_t)queue->first, n_workers, owned, packets->n_before,
			&packets->plan);
	r = open_sockets(packets, queue, fd);
	if (r < 0)
		return r;
	packets->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (packets->failed_fd < 0) {
		r = -errno;
		log_line(LOG_ERR, "the packet threads can not be watched: %s", strerror(-r));
		return r;
	}
	r = nfqueue_read_losses(packets->nfqueue[0], losses);
	if (r < 0)
		log_line(LOG_NOTICE,
			 "packets that are lost before they reach the daemon can not be counted: "
			 "/proc/net/netfilter/nfnetlink_queue: %s",
			 strerror(-r));
	tell_gateway(packets, queue);
	return 0;
}

void daemon_packets_close(struct daemon_packets *packets)
{
	daemon_packets_stop(packets);
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		nfqueue_free(packets->nfqueue[i]);
	if (packets->failed_fd >= 0)
		(void)close(packets->failed_fd);
	*packets = DAEMON_PACKETS_CLOSED;
}

void daemon_packets_compare(struct daemon_packets *packets, unsigned n_workers)
{
	if (packets->n_counted == n_workers)
		return;
	packets->n_counted = n_workers;
	if (n_workers != packets->n_workers)
		log_line(LOG_NOTICE,
			 "processors have come or gone: Queue.Workers=auto would be %u now, and is "
			 "%u until a restart",
			 n_workers, packets->n_workers);
}

int daemon_packets_failed_fd(const struct daemon_packets *packets)
{
	return packets->failed_fd;
}

int daemon_packets_error(const struct daemon_packets *packets)
{
	return atomic_load(&packets->error);
}

/* Packet thread. */
static void worker_failed(void *context, int error)
{
	struct daemon_packets *packets = context;
	const uint64_t one = 1;

	atomic_store(&packets->error, error);
	(void)!write(packets->failed_fd, &one, sizeof(one));
}

static int start_one(struct daemon_packets *packets, unsigned index, bool drop_waiting)
{
	struct worker_config config = {
		.gateway = packets->gateway,
		.lane = index,
		.sending = packets->sending->sending[index],
		.world = packets->world,
		.heartbeat = index == 0 ? packets->first_beat : &packets->beat[index],
		.drop_waiting = drop_waiting,
		.failed = worker_failed,
		.context = packets,
	};

	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		if (queue_plan_worker(&packets->plan, i) == index)
			config.nfqueue[config.n_nfqueues++] = packets->nfqueue[i];
	return worker_start(&config, &packets->worker[index]);
}

int daemon_packets_start(struct daemon_packets *packets, _Atomic uint64_t *first_beat,
			 bool drop_waiting)
{
	int r = 0;

	packets->first_beat = first_beat;
	packets->is_running = true;
	for (unsigned i = 0; i < packets->n_workers && r == 0; i++)
		r = start_one(packets, i, drop_waiting);
	if (r < 0) {
		log_line(LOG_ERR, "the packet threads can not be started: %s", strerror(-r));
		daemon_packets_stop(packets);
	}
	return r;
}

void daemon_packets_stop(struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->n_workers; i++) {
		worker_stop(packets->worker[i]);
		packets->worker[i] = NULL;
	}
	packets->is_running = false;
}

uint64_t daemon_packets_oldest_beat(const struct daemon_packets *packets)
{
	uint64_t oldest = atomic_load(packets->first_beat);

	for (unsigned i = 1; i < packets->n_workers; i++)
		oldest = min_u64(oldest, atomic_load(&packets->beat[i]));
	return oldest;
}

void daemon_packets_count(struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		worker_read_losses(packets->nfqueue[i], packets->gateway);
}

void daemon_packets_end_old(struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		nfqueue_end_old(packets->nfqueue[i]);
}

bool daemon_packets_are_inherited(const struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		if (nfqueue_is_inherited(packets->nfqueue[i]))
			return true;
	return false;
}

/* With another number of threads the same queues may serve for something else. */
bool daemon_packets_have_same_queues(const struct daemon_packets *packets)
{
	if (packets->n_before != packets->n_workers)
		return false;
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		if (!nfqueue_has_same_queues(packets->nfqueue[i]))
			return false;
	return true;
}

void daemon_packets_settle(struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		nfqueue_settle(packets->nfqueue[i]);
}

void daemon_packets_take_back(struct daemon_packets *packets)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		nfqueue_take_back(packets->nfqueue[i]);
}

void daemon_packets_set_super(struct daemon_packets *packets, bool whole)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++)
		nfqueue_set_super(packets->nfqueue[i], whole ? packets->plan.socket[i].n_super : 0);
}

void daemon_packets_set_waiting(struct daemon_packets *packets, const struct config_queue *queue)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++) {
		char text[NFQUEUE_TEXT_SIZE];

		nfqueue_set_waiting(packets->nfqueue[i], queue->length, queue->memory_size, text);
		if (i == 0)
			remark(text);
	}
}

void daemon_packets_list(const struct daemon_packets *packets, struct descriptors *ret)
{
	for (unsigned i = 0; i < packets->plan.n_sockets; i++) {
		if (i == 0)
			ret->fd[DESCRIPTOR_QUEUE] = nfqueue_fd(packets->nfqueue[i]);
		else
			ret->more_queues[i - 1] = nfqueue_fd(packets->nfqueue[i]);
	}
}
