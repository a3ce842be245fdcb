/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gateway.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/core/nat64.h"

void gateway_init(struct gateway *gateway)
{
	*gateway = (struct gateway){.state = GATEWAY_STARTING,
				    .sending.reason = "nothing has been sent yet"};
	(void)pthread_mutex_init(&gateway->lock, NULL);
	gateway->started_ms = gateway_now_ms();
}

void gateway_deinit(struct gateway *gateway)
{
	if (!gateway)
		return;
	nat64_free(gateway->nat);
	gateway->nat = NULL;
	(void)pthread_mutex_destroy(&gateway->lock);
}

void gateway_lock(struct gateway *gateway)
{
	int r = pthread_mutex_lock(&gateway->lock);
	assert(r == 0);
	(void)r;
}

void gateway_unlock(struct gateway *gateway)
{
	int r = pthread_mutex_unlock(&gateway->lock);
	assert(r == 0);
	(void)r;
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
