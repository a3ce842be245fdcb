/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * Every packet of a batch gets exactly one outcome from the core, which counts it, and exactly one
 * verdict; so packets received = the sum of the core's outcomes at every moment when the lock is
 * free and nothing is being sent. A translated packet that could not be sent is counted anew
 * (nat64_send_failed()), once, however many fragments it had.
 *
 * The order is receive, core (lock held), send, verdict. The packets that are sent lie in the
 * receive buffers, in the arena, and in what struct out holds for packets that came in fragments,
 * so all of it is reused or freed only after sending. When the room for what is to be sent runs out
 * within a batch, what is there is sent first, without the lock.
 *
 * Time: sessions end between batches and when the poll times out, a bounded number at a time, so
 * that no packet waits for long behind expiry.
 */
#include "daemon/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/nat64.h"
#include "daemon/nfqueue.h"
#include "daemon/sending.h"
#include "daemon/world.h"

/* Packets and memory for what one round makes: several batches of unfragmented packets. */
#define OUT_PACKETS (EMIT_PIECES_MAX * 4)
#define OUT_ARENA   (EMIT_ARENA_PER_PACKET * 16)
/* Entries that one round may end: some 100 us. */
#define EXPIRE_BUDGET 256
/* The control thread may have made a deadline nearer meanwhile. K-13 allows 2 s. */
#define SLEEP_MAX_MS 500

/* Which packets of out came of which incoming one. */
struct origin {
	uint32_t first;
	uint32_t n;
	bool from6;
	enum outcome outcome;
};

struct worker {
	struct worker_config config;
	pthread_t thread;
	int wake_fd;
	atomic_bool stop;
	struct nfqueue_batch batch;
	struct out out;
	struct out_packet packets[OUT_PACKETS];
	int send_error[OUT_PACKETS];
	struct origin origin[NFQUEUE_BATCH_MAX]; /* of translated packets in out only */
	unsigned n_origins;
	uint8_t arena[OUT_ARENA];
};

/* The kernel knows better than the cache. */
static bool means_stale_route(int error)
{
	return error == -EMSGSIZE || error == -ENETUNREACH || error == -EHOSTUNREACH;
}

/* The lock is held before and after, not while sending. */
static void send_out(struct worker *worker)
{
	struct gateway *gateway = worker->config.gateway;
	struct out *out = &worker->out;
	unsigned n_refused = 0;

	if (out->n_packets > 0) {
		gateway_unlock(gateway);
		n_refused = sending_send(worker->config.sending, out->packet, out->n_packets,
					 worker->send_error);
		gateway_lock(gateway);
	}
	for (unsigned i = 0; n_refused > 0 && i < worker->n_origins; i++) {
		const struct origin *origin = &worker->origin[i];

		for (uint32_t j = origin->first; j < origin->first + origin->n; j++) {
			if (worker->send_error[j] == 0)
				continue;
			if (worker->config.world && means_stale_route(worker->send_error[j]))
				world_forget_routes(worker->config.world);
			/* The packet itself has gone out. */
			if (out->packet[j].is_remark)
				continue;
			nat64_send_failed(gateway->nat, origin->from6, origin->outcome);
			break;
		}
	}
	worker->n_origins = 0;
	out_clear(out);
}

static void walk_packet(struct worker *worker, struct nfqueue_packet *queued, uint64_t now_ms)
{
	struct gateway *gateway = worker->config.gateway;
	struct packet *packet = &queued->packet;
	/* The translators write over the header, so look before. */
	bool from6 = packet->size > 0 && packet->data[0] >> 4 == 6;
	struct out *out = &worker->out;
	uint32_t first;
	enum outcome outcome;

	if (!out_has_room(out))
		send_out(worker);
	first = out->n_packets;
	gateway->queue[worker->config.first_queue + queued->queue].received++;
	outcome = nat64_receive(gateway->nat, packet, now_ms, out);
	switch (outcome_info(outcome)->verdict) {
	case VERDICT_HOST:
		queued->to_host = true;
		break;
	case VERDICT_TRANSLATED:
		worker->origin[worker->n_origins++] = (struct origin){
			.first = first,
			.n = out->n_packets - first,
			.from6 = from6,
			.outcome = outcome,
		};
		break;
	case VERDICT_STORED:
	case VERDICT_DROP:
		break;
	}
}

/* How long to sleep when nothing comes and nothing is due now. */
static int sleep_ms(uint64_t deadline_ms, uint64_t now_ms)
{
	if (deadline_ms <= now_ms)
		return 1;
	if (deadline_ms - now_ms > SLEEP_MAX_MS)
		return SLEEP_MAX_MS;
	return (int)(deadline_ms - now_ms);
}

static void count_errors(const struct worker *worker)
{
	const struct worker_config *config = &worker->config;

	for (unsigned i = 0; i < N_GATEWAY_SEND_ERRORS; i++)
		config->gateway->send_errors[i] = sending_errors(config->sending, i);
}

/* One batch, or none, and what is due. Sets how long nothing will be due. */
static int walk_batch(struct worker *worker, int *ret_sleep_ms)
{
	struct gateway *gateway = worker->config.gateway;
	uint64_t now_ms;
	bool all_done;
	int r;

	r = nfqueue_receive(worker->config.nfqueue, &worker->batch);
	if (r < 0)
		return r;
	now_ms = gateway_now_ms();
	if (worker->config.heartbeat)
		atomic_store_explicit(worker->config.heartbeat, now_ms, memory_order_relaxed);
	gateway_lock(gateway);
	for (unsigned i = 0; i < worker->batch.n_packets; i++)
		walk_packet(worker, &worker->batch.packet[i], now_ms);
	send_out(worker);
	all_done = nat64_expire(gateway->nat, now_ms, EXPIRE_BUDGET, &worker->out);
	send_out(worker);
	*ret_sleep_ms = all_done ? sleep_ms(nat64_next_deadline(gateway->nat), now_ms) : 0;
	count_errors(worker);
	gateway_unlock(gateway);
	/* A full batch is rarely the last one. */
	if (worker->batch.n_packets == NFQUEUE_BATCH_MAX)
		*ret_sleep_ms = 0;
	/* What was not taken is counted there; the kernel keeps the packets until the next one. */
	(void)nfqueue_verdict(worker->config.nfqueue, &worker->batch);
	return 0;
}

static void drop_batch(struct worker *worker)
{
	struct gateway *gateway = worker->config.gateway;

	gateway_lock(gateway);
	for (unsigned i = 0; i < worker->batch.n_packets; i++) {
		const struct nfqueue_packet *queued = &worker->batch.packet[i];
		const struct packet *packet = &queued->packet;

		gateway->queue[worker->config.first_queue + queued->queue].received++;
		nat64_count_late(gateway->nat, packet->size > 0 && packet->data[0] >> 4 == 6);
	}
	gateway_unlock(gateway);
	(void)nfqueue_verdict(worker->config.nfqueue, &worker->batch);
}

/* How many packets wait, as far as the kernel tells. */
static uint64_t n_waiting(const struct nfqueue *nfqueue)
{
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX] = {0};
	uint64_t n = 0;

	if (nfqueue_read_losses(nfqueue, losses) < 0)
		return UINT64_MAX;
	for (unsigned i = 0; i < NFQUEUE_QUEUES_MAX; i++)
		n += losses[i].waiting;
	return n;
}

/* What has waited while nobody read the queue, but not for ever what comes meanwhile. What the
 * predecessor had in hand is among the number, and goes with the first verdict. */
static int drop_waiting(struct worker *worker)
{
	uint64_t n_left = n_waiting(worker->config.nfqueue);
	int r = 0;

	while (r == 0 && n_left > 0 && !atomic_load(&worker->stop)) {
		unsigned n;

		r = nfqueue_receive(worker->config.nfqueue, &worker->batch);
		n = worker->batch.n_packets;
		if (r < 0 || n == 0)
			break;
		drop_batch(worker);
		n_left -= n < n_left ? n : n_left;
	}
	return r;
}

static void *run(void *data)
{
	struct worker *worker = data;
	struct pollfd fds[] = {
		{.fd = nfqueue_fd(worker->config.nfqueue), .events = POLLIN},
		{.fd = worker->wake_fd, .events = POLLIN},
	};
	int timeout_ms = 0;
	int r = worker->config.drop_waiting ? drop_waiting(worker) : 0;

	while (r == 0 && !atomic_load(&worker->stop)) {
		if (timeout_ms != 0 && poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
			r = -errno;
		if (r == 0)
			r = walk_batch(worker, &timeout_ms);
	}
	if (r < 0 && worker->config.failed)
		worker->config.failed(worker->config.context, r);
	return NULL;
}

int worker_start(const struct worker_config *config, struct worker **ret)
{
	struct worker *worker;
	int r;

	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	worker->config = *config;
	worker->out = (struct out){
		.packet = worker->packets,
		.capacity = OUT_PACKETS,
		.arena = worker->arena,
		.arena_size = OUT_ARENA,
	};
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake_fd < 0) {
		r = -errno;
		goto failed;
	}
	r = -pthread_create(&worker->thread, NULL, run, worker);
	if (r < 0) {
		(void)close(worker->wake_fd);
		goto failed;
	}
	(void)pthread_setname_np(worker->thread, "packets");
	*ret = worker;
	return 0;

failed:
	free(worker);
	return r;
}

void worker_stop(struct worker *worker)
{
	const uint64_t one = 1;

	if (!worker)
		return;
	atomic_store(&worker->stop, true);
	(void)!write(worker->wake_fd, &one, sizeof(one));
	(void)pthread_join(worker->thread, NULL);
	(void)close(worker->wake_fd);
	free(worker);
}

void worker_read_losses(struct nfqueue *nfqueue, struct gateway *gateway)
{
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX];

	if (nfqueue_read_losses(nfqueue, losses) < 0)
		return;
	gateway_lock(gateway);
	for (unsigned i = 0; i < gateway->n_queues; i++) {
		gateway->queue[i].waiting = losses[i].waiting;
		gateway->queue[i].lost = losses[i].queue_full + losses[i].socket_full;
	}
	gateway_unlock(gateway);
}
