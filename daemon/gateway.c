/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gateway.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/core/minmax.h"
#include "daemon/core/nat64.h"

void gateway_init(struct gateway *gateway)
{
	pthread_mutexattr_t kind;

	*gateway = (struct gateway){.n_lanes = 1,
				    .state = GATEWAY_STARTING,
				    .sending.reason = "nothing has been sent yet"};
	/* A lane is left after some hundred nanoseconds: sleeping at once would take longer. */
	(void)pthread_mutexattr_init(&kind);
	(void)pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
	for (unsigned i = 0; i < GATEWAY_LANES_MAX; i++)
		(void)pthread_mutex_init(&gateway->lane[i].lock, &kind);
	(void)pthread_mutex_init(&gateway->order, &kind);
	(void)pthread_mutexattr_destroy(&kind);
	gateway->started_ms = gateway_now_ms();
}

void gateway_set_lanes(struct gateway *gateway, unsigned n)
{
	assert(n >= 1 && n <= GATEWAY_LANES_MAX);
	gateway->n_lanes = n;
	for (unsigned i = 0; i < n; i++)
		nat64_lane_init(gateway->nat, &gateway->lane[i].core);
}

void gateway_deinit(struct gateway *gateway)
{
	if (!gateway)
		return;
	nat64_free(gateway->nat);
	gateway->nat = NULL;
	for (unsigned i = 0; i < GATEWAY_LANES_MAX; i++)
		(void)pthread_mutex_destroy(&gateway->lane[i].lock);
	(void)pthread_mutex_destroy(&gateway->order);
}

static void lock(pthread_mutex_t *mutex)
{
	int r = pthread_mutex_lock(mutex);

	assert(r == 0);
	(void)r;
}

static void unlock(pthread_mutex_t *mutex)
{
	int r = pthread_mutex_unlock(mutex);

	assert(r == 0);
	(void)r;
}

void gateway_enter(struct gateway *gateway, unsigned lane)
{
	lock(&gateway->lane[lane].lock);
}

void gateway_leave(struct gateway *gateway, unsigned lane)
{
	unlock(&gateway->lane[lane].lock);
}

/* Without order two of them would stand in each other's way, lane by lane. */
void gateway_be_alone(struct gateway *gateway)
{
	if (gateway->n_lanes > 1)
		lock(&gateway->order);
	for (unsigned i = 0; i < gateway->n_lanes; i++)
		lock(&gateway->lane[i].lock);
}

void gateway_end_alone(struct gateway *gateway)
{
	for (unsigned i = 0; i < gateway->n_lanes; i++)
		unlock(&gateway->lane[i].lock);
	if (gateway->n_lanes > 1)
		unlock(&gateway->order);
}

uint64_t gateway_not_before(struct gateway *gateway, uint64_t now_ms)
{
	gateway->latest_ms = max_u64(gateway->latest_ms, now_ms);
	return gateway->latest_ms;
}

static void gather(struct gateway *gateway)
{
	uint64_t send_errors[N_GATEWAY_SEND_ERRORS] = {0};

	for (unsigned i = 0; i < gateway->n_lanes; i++) {
		struct gateway_lane *lane = &gateway->lane[i];

		if (gateway->nat)
			nat64_gather(gateway->nat, &lane->core);
		for (unsigned j = 0; j < gateway->n_queues; j++) {
			gateway->queue[j].received += lane->received[j];
			lane->received[j] = 0;
		}
		for (unsigned j = 0; j < N_GATEWAY_SEND_ERRORS; j++)
			send_errors[j] += lane->send_errors[j];
	}
	memcpy(gateway->send_errors, send_errors, sizeof(send_errors));
}

void gateway_lock(struct gateway *gateway)
{
	gateway_be_alone(gateway);
	gather(gateway);
}

void gateway_unlock(struct gateway *gateway)
{
	gateway_end_alone(gateway);
}

uint64_t gateway_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void gateway_see_store(const struct gateway *gateway, uint64_t now_ms, struct gateway_store *ret)
{
	uint64_t busy_ms;

	*ret = gateway->store;
	busy_ms = ret->busy_since_ms > 0 && now_ms > ret->busy_since_ms
			  ? now_ms - ret->busy_since_ms
			  : 0;
	if (ret->state != GATEWAY_STORE_OK || busy_ms <= GATEWAY_STORE_SLOW_MS)
		return;
	ret->state = GATEWAY_STORE_FAILING;
	(void)snprintf(ret->problem, sizeof(ret->problem),
		       "%s: the disk has been busy with it for %" PRIu64 " s", ret->path,
		       busy_ms / 1000);
}

const char *gateway_state_name(enum gateway_state state)
{
	static const char *const name[N_GATEWAY_STATES] = {
		[GATEWAY_STARTING] = "starting",
		[GATEWAY_ACTIVE] = "active",
		[GATEWAY_DRAINING] = "draining",
		[GATEWAY_STOPPING] = "stopping",
	};

	assert(state < N_GATEWAY_STATES);
	return name[state];
}

const char *gateway_send_error_name(enum gateway_send_error error)
{
	static const char *const name[] = {
#define X(name, text) [GATEWAY_SEND_##name] = text,
		GATEWAY_SEND_ERRORS(X)
#undef X
	};

	_Static_assert(sizeof(name) / sizeof(name[0]) == N_GATEWAY_SEND_ERRORS, "one text each");
	assert(error < N_GATEWAY_SEND_ERRORS);
	return name[error];
}
