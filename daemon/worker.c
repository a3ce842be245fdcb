/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * Every packet of a batch gets exactly one outcome from the core, and exactly one verdict; so
 * packets received = the sum of the outcomes at every moment when somebody is alone (gateway.h) and
 * nothing is being sent. A translated packet that could not be sent is counted anew, once, however
 * many fragments it had.
 *
 * The order is receive, core, send, verdict; locks are held for the second of these only. A single
 * thread enters its lane for a batch. Where there are others, it does for each packet, or for a few
 * of which it only fetches what they will ask for; and for what is not light it is alone. So nobody
 * waits for longer than one packet takes, and light ones wait for nobody else's light ones.
 *
 * The packets that are sent lie in the receive buffers, in the arena, and in what struct out holds
 * for packets that came in fragments, so all of it is reused or freed only after sending. When the
 * room for what is to be sent runs out within a batch, what is there is sent first.
 *
 * Order: what comes by one queue leaves in its order, and one queue has one thread. The rules put
 * all packets of a flow and direction into one queue (rules_nft.c).
 *
 * Time: sessions end between batches and when the poll times out, a bounded number at a time, so
 * that no packet waits for long behind expiry. That is for the first of several threads to do.
 */
#include "daemon/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/expect.h"
#include "daemon/core/minmax.h"
#include "daemon/core/nat64.h"
#include "daemon/nfqueue.h"
#include "daemon/sending.h"
#include "daemon/thread_number.h"
#include "daemon/world.h"

/* Packets and memory for what one round makes: several batches of unfragmented packets. */
#define OUT_PACKETS (EMIT_PIECES_MAX * 4)
#define OUT_ARENA   (EMIT_ARENA_PER_PACKET * 16)
/* Entries that one round may end: some 100 us. */
#define EXPIRE_BUDGET 256
/* And how many of them others have to wait for. */
#define EXPIRE_STEP 16
/* Fewer packets have nothing to wait for together. */
#define EXPECT_BATCH_MIN 4
/* And so many are some 100 ns, as one packet is. */
#define EXPECT_STEP 8
/* How long a deadline is trusted that others may have made nearer, while packets come. */
#define LOOK_MS 50
/* The control thread may have made a deadline nearer meanwhile. K-13 allows 2 s. */
#define SLEEP_MAX_MS 500

/* Which packets of out came of which incoming one. */
struct origin {
	uint32_t first;
	uint32_t n;
	bool from6;
	enum outcome outcome;
};

/* One socket, and which of the gateway's queues its own are. */
struct source {
	struct nfqueue *nfqueue;
	uint8_t queue[NFQUEUE_QUEUES_MAX];
};

struct worker {
	struct worker_config config;
	struct source source[WORKER_NFQUEUES_MAX];
	pthread_t thread;
	int wake_fd;
	atomic_bool stop;
	uint64_t deadline_ms; /* of the core, as it was last seen */
	uint64_t expired_ms;  /* when everything due was last looked at */
	struct nfqueue_batch batch;
	struct expected expected[NFQUEUE_BATCH_MAX];
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

static struct gateway_lane *lane_of(const struct worker *worker)
{
	return &worker->config.gateway->lane[worker->config.lane];
}

static void enter(const struct worker *worker)
{
	gateway_enter(worker->config.gateway, worker->config.lane);
}

static void leave(const struct worker *worker)
{
	gateway_leave(worker->config.gateway, worker->config.lane);
}

/* Has a packet of this origin not been sent? Remarks do not count: the packet itself has. */
static bool has_failed(const struct worker *worker, const struct origin *origin)
{
	bool failed = false;

	for (uint32_t i = origin->first; i < origin->first + origin->n; i++) {
		if (worker->send_error[i] == 0)
			continue;
		if (worker->config.world && means_stale_route(worker->send_error[i]))
			world_forget_routes(worker->config.world);
		failed |= !worker->out.packet[i].is_remark;
	}
	return failed;
}

static void look_at_refused(struct worker *worker)
{
	enter(worker);
	for (unsigned i = 0; i < worker->n_origins; i++) {
		const struct origin *origin = &worker->origin[i];

		if (has_failed(worker, origin))
			nat64_lane_send_failed(&lane_of(worker)->core, origin->from6,
					       origin->outcome);
	}
	for (unsigned i = 0; i < N_GATEWAY_SEND_ERRORS; i++)
		lane_of(worker)->send_errors[i] = sending_errors(worker->config.sending, i);
	leave(worker);
}

/* No lock is held. */
static void send_out(struct worker *worker)
{
	struct out *out = &worker->out;

	if (out->n_packets > 0 && sending_send(worker->config.sending, out->packet, out->n_packets,
					       worker->send_error) > 0)
		look_at_refused(worker);
	worker->n_origins = 0;
	out_clear(out);
}

static void receive_one(struct worker *worker, const struct source *source,
			struct nfqueue_packet *queued, uint64_t now_ms, enum outcome *ret)
{
	lane_of(worker)->received[source->queue[queued->queue]]++;
	*ret = nat64_receive(worker->config.gateway->nat, &queued->packet, now_ms, &worker->out);
}

/* Where there are other threads: one packet, in the lane or alone. */
static void receive_beside(struct worker *worker, const struct source *source,
			   struct nfqueue_packet *queued, uint64_t now_ms, enum outcome *ret)
{
	struct gateway *gateway = worker->config.gateway;
	struct gateway_lane *lane = lane_of(worker);
	bool is_light;

	enter(worker);
	is_light = nat64_receive_light(gateway->nat, &lane->core, &queued->packet, now_ms,
				       &worker->out, ret);
	lane->received[source->queue[queued->queue]] += is_light;
	leave(worker);
	if (is_light)
		return;
	gateway_be_alone(gateway);
	receive_one(worker, source, queued, gateway_not_before(gateway, now_ms), ret);
	gateway_end_alone(gateway);
}

static void walk_packet(struct worker *worker, const struct source *source,
			struct nfqueue_packet *queued, uint64_t now_ms)
{
	const struct packet *packet = &queued->packet;
	/* The translators write over the header, so look before. */
	struct origin origin = {.first = worker->out.n_packets,
				.from6 = packet->size > 0 && packet->data[0] >> 4 == 6};

	if (worker->config.gateway->n_lanes > 1)
		receive_beside(worker, source, queued, now_ms, &origin.outcome);
	else
		receive_one(worker, source, queued, now_ms, &origin.outcome);
	switch (outcome_info(origin.outcome)->verdict) {
	case VERDICT_HOST:
		queued->to_host = true;
		break;
	case VERDICT_TRANSLATED:
		origin.n = worker->out.n_packets - origin.first;
		worker->origin[worker->n_origins++] = origin;
		break;
	case VERDICT_STORED:
	case VERDICT_DROP:
		break;
	}
}

static void expect_some(struct worker *worker, unsigned first, unsigned end)
{
	const struct nat64 *nat = worker->config.gateway->nat;

	enter(worker);
	for (unsigned i = first; i < end; i++)
		expect_packet(nat, &worker->batch.packet[i].packet, &worker->expected[i]);
	for (unsigned i = first; i < end; i++)
		expect_entry(&worker->expected[i]);
	for (unsigned i = first; i < end; i++)
		expect_session(nat, &worker->expected[i]);
	leave(worker);
}

/* What the tables will be asked for by this batch is fetched for all of it at once; where others
 * may wait to be alone, for a few packets at a time. */
static void expect_batch(struct worker *worker)
{
	const unsigned n = worker->batch.n_packets;
	const unsigned step = worker->config.gateway->n_lanes == 1 ? n : EXPECT_STEP;

	if (n < EXPECT_BATCH_MIN)
		return;
	for (unsigned i = 0; i < n; i += step)
		expect_some(worker, i, min_u32(i + step, n));
}

/* As many as there is room for; the first one that is still to come. */
static unsigned walk_some(struct worker *worker, const struct source *source, unsigned i,
			  uint64_t now_ms)
{
	const bool is_single = worker->config.gateway->n_lanes == 1;

	if (is_single)
		enter(worker);
	for (; i < worker->batch.n_packets && out_has_room(&worker->out); i++)
		walk_packet(worker, source, &worker->batch.packet[i], now_ms);
	if (is_single)
		leave(worker);
	return i;
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

/* Some of what is over. */
static bool expire_some(struct worker *worker, uint64_t now_ms, unsigned budget)
{
	struct gateway *gateway = worker->config.gateway;
	bool all_done;

	gateway_be_alone(gateway);
	now_ms = gateway_not_before(gateway, now_ms);
	all_done = nat64_expire(gateway->nat, now_ms, budget, &worker->out);
	if (all_done)
		worker->deadline_ms = nat64_next_deadline(gateway->nat);
	gateway_end_alone(gateway);
	send_out(worker);
	return all_done;
}

/* What is due is for the first lane to do, in small steps where others wait meanwhile. */
static int expire(struct worker *worker, uint64_t now_ms)
{
	const bool is_single = worker->config.gateway->n_lanes == 1;
	const unsigned step = is_single ? EXPIRE_BUDGET : EXPIRE_STEP;
	bool all_done = false;

	if (worker->config.lane != 0)
		return SLEEP_MAX_MS;
	/* Others would wait for it, after each batch. */
	if (!is_single && now_ms < worker->deadline_ms && now_ms < worker->expired_ms + LOOK_MS)
		return sleep_ms(worker->deadline_ms, now_ms);
	for (unsigned done = 0; done < EXPIRE_BUDGET && !all_done; done += step)
		all_done = expire_some(worker, now_ms, step);
	worker->expired_ms = now_ms;
	if (!all_done) {
		worker->deadline_ms = 0;
		return 0;
	}
	return sleep_ms(worker->deadline_ms, now_ms);
}

/* One batch, or none. Returns whether it was full, or a negative errno. */
static int walk_batch(struct worker *worker, const struct source *source, uint64_t now_ms)
{
	int r = nfqueue_receive(source->nfqueue, &worker->batch);
	unsigned i = 0;

	if (r < 0)
		return r;
	expect_batch(worker);
	while (i < worker->batch.n_packets) {
		i = walk_some(worker, source, i, now_ms);
		send_out(worker);
	}
	/* What was not taken is counted there; the kernel keeps the packets until the next one. */
	if (worker->batch.n_packets > 0)
		(void)nfqueue_verdict(source->nfqueue, &worker->batch);
	return worker->batch.n_packets == NFQUEUE_BATCH_MAX;
}

/* A batch of each queue, and what is due. Sets how long nothing will be due. */
static int walk_round(struct worker *worker, int *ret_sleep_ms)
{
	const uint64_t now_ms = gateway_now_ms();
	bool is_full = false;

	if (worker->config.heartbeat)
		atomic_store_explicit(worker->config.heartbeat, now_ms, memory_order_relaxed);
	for (unsigned i = 0; i < worker->config.n_nfqueues; i++) {
		int r = walk_batch(worker, &worker->source[i], now_ms);

		if (r < 0)
			return r;
		is_full |= r > 0;
	}
	*ret_sleep_ms = expire(worker, now_ms);
	/* A full batch is rarely the last one. */
	if (is_full)
		*ret_sleep_ms = 0;
	return 0;
}

static void drop_batch(struct worker *worker, const struct source *source)
{
	struct gateway_lane *lane = lane_of(worker);

	enter(worker);
	for (unsigned i = 0; i < worker->batch.n_packets; i++) {
		const struct nfqueue_packet *queued = &worker->batch.packet[i];
		const struct packet *packet = &queued->packet;

		lane->received[source->queue[queued->queue]]++;
		nat64_lane_count_late(&lane->core, packet->size > 0 && packet->data[0] >> 4 == 6);
	}
	leave(worker);
	(void)nfqueue_verdict(source->nfqueue, &worker->batch);
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
static int drop_waiting(struct worker *worker, const struct source *source)
{
	uint64_t n_left = n_waiting(source->nfqueue);
	int r = 0;

	while (r == 0 && n_left > 0 && !atomic_load(&worker->stop)) {
		unsigned n;

		r = nfqueue_receive(source->nfqueue, &worker->batch);
		n = worker->batch.n_packets;
		if (r < 0 || n == 0)
			break;
		drop_batch(worker, source);
		n_left -= n < n_left ? n : n_left;
	}
	return r;
}

static void *run(void *data)
{
	struct worker *worker = data;
	const struct worker_config *config = &worker->config;
	struct pollfd fds[WORKER_NFQUEUES_MAX + 1];
	int timeout_ms = 0;
	int r = 0;

	thread_number_set(config->lane + 1);
	for (unsigned i = 0; i < config->n_nfqueues; i++) {
		fds[i] = (struct pollfd){.fd = nfqueue_fd(config->nfqueue[i]), .events = POLLIN};
		if (r == 0 && config->drop_waiting)
			r = drop_waiting(worker, &worker->source[i]);
	}
	fds[config->n_nfqueues] = (struct pollfd){.fd = worker->wake_fd, .events = POLLIN};
	while (r == 0 && !atomic_load(&worker->stop)) {
		if (timeout_ms != 0 && poll(fds, config->n_nfqueues + 1, timeout_ms) < 0 &&
		    errno != EINTR)
			r = -errno;
		if (r == 0)
			r = walk_round(worker, &timeout_ms);
	}
	if (r < 0 && config->failed)
		config->failed(config->context, r);
	return NULL;
}

/* Where in the gateway the queues of a socket are counted. One that the configuration does not
 * know, of a predecessor, counts for another. */
static void find_queues(struct worker *worker, unsigned index)
{
	const struct gateway *gateway = worker->config.gateway;
	struct source *source = &worker->source[index];

	source->nfqueue = worker->config.nfqueue[index];
	for (unsigned i = 0; i < nfqueue_n_queues(source->nfqueue) + nfqueue_n_old(source->nfqueue);
	     i++) {
		const uint16_t number = nfqueue_number(source->nfqueue, i);
		unsigned found = 0;

		while (found < gateway->n_queues && gateway->queue[found].number != number)
			found++;
		source->queue[i] = (uint8_t)(found < gateway->n_queues ? found : 0);
	}
}

int worker_start(const struct worker_config *config, struct worker **ret)
{
	struct worker *worker;
	int r;

	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	assert(config->n_nfqueues <= WORKER_NFQUEUES_MAX);
	worker->config = *config;
	for (unsigned i = 0; i < config->n_nfqueues; i++)
		find_queues(worker, i);
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
	/* What it has counted stays. */
	gateway_lock(worker->config.gateway);
	gateway_unlock(worker->config.gateway);
	free(worker);
}

void worker_read_losses(const struct nfqueue *nfqueue, struct gateway *gateway)
{
	struct nfqueue_losses losses[NFQUEUE_QUEUES_MAX] = {0};

	if (nfqueue_read_losses(nfqueue, losses) < 0)
		return;
	gateway_lock(gateway);
	for (unsigned i = 0; i < nfqueue_n_queues(nfqueue); i++) {
		for (unsigned j = 0; j < gateway->n_queues; j++) {
			if (gateway->queue[j].number != nfqueue_number(nfqueue, i))
				continue;
			gateway->queue[j].waiting = losses[i].waiting;
			gateway->queue[j].lost = losses[i].queue_full + losses[i].socket_full;
		}
	}
	gateway_unlock(gateway);
}
