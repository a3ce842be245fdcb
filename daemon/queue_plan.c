/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/queue_plan.h"

#include <assert.h>

#define NO_SOCKET UINT32_MAX

enum kind { KIND_TCP, KIND_REST, N_KINDS };

struct load {
	unsigned n[N_KINDS];
};

static void guess(uint16_t first, unsigned index, unsigned n_owned, struct queue_plan_owned *ret)
{
	ret->number[0] = (uint16_t)(first + index);
	ret->number[1] = (uint16_t)(first + n_owned + index);
	ret->n = 2;
}

static bool owns(const struct queue_plan_owned *owned, uint16_t number)
{
	for (unsigned i = 0; i < owned->n; i++)
		if (owned->number[i] == number)
			return true;
	return false;
}

static bool is_less(const struct load *a, const struct load *b, enum kind kind)
{
	const unsigned all_a = a->n[KIND_TCP] + a->n[KIND_REST];
	const unsigned all_b = b->n[KIND_TCP] + b->n[KIND_REST];

	return all_a != all_b ? all_a < all_b : a->n[kind] < b->n[kind];
}

/* The thread with the fewest queues, of those the one with the fewest of that kind. */
static unsigned least(const struct load *load, unsigned n_workers, enum kind kind)
{
	unsigned found = 0;

	for (unsigned i = 1; i < n_workers; i++)
		if (is_less(&load[i], &load[found], kind))
			found = i;
	return found;
}

static void add_old(const struct queue_plan_owned *owned, uint16_t first, unsigned n,
		    struct queue_plan_socket *ret)
{
	for (unsigned i = 0; i < owned->n; i++)
		if ((uint16_t)(owned->number[i] - first) >= n &&
		    ret->n_queues + ret->n_old < QUEUE_PLAN_QUEUES_MAX)
			ret->number[ret->n_queues + ret->n_old++] = owned->number[i];
}

void queue_plan_make(uint16_t first, unsigned n_workers, const struct queue_plan_owned *owned,
		     unsigned n_owned, struct queue_plan *ret)
{
	struct queue_plan_owned before[QUEUE_PLAN_SOCKETS_MAX];
	unsigned socket_of[2 * QUEUE_PLAN_SOCKETS_MAX];
	struct load load[QUEUE_PLAN_SOCKETS_MAX] = {0};
	const unsigned n = 2 * n_workers;

	assert(n_workers >= 1 && n_workers <= QUEUE_PLAN_SOCKETS_MAX);
	assert(n_owned <= QUEUE_PLAN_SOCKETS_MAX);
	*ret = (struct queue_plan){.n_workers = n_workers,
				   .n_sockets = n_owned > n_workers ? n_owned : n_workers};
	for (unsigned i = 0; i < n_owned; i++) {
		before[i] = owned[i];
		if (!owned[i].is_known)
			guess(first, i, n_owned, &before[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		socket_of[i] = NO_SOCKET;
		for (unsigned j = 0; j < n_owned && socket_of[i] == NO_SOCKET; j++)
			if (owns(&before[j], (uint16_t)(first + i)))
				socket_of[i] = j;
		if (socket_of[i] != NO_SOCKET)
			load[queue_plan_worker(ret, socket_of[i])].n[i >= n_workers]++;
	}
	for (unsigned i = 0; i < n; i++) {
		const enum kind kind = i < n_workers ? KIND_TCP : KIND_REST;
		struct queue_plan_socket *socket;

		if (socket_of[i] == NO_SOCKET) {
			socket_of[i] = least(load, n_workers, kind);
			load[socket_of[i]].n[kind]++;
		}
		socket = &ret->socket[socket_of[i]];
		socket->number[socket->n_queues++] = (uint16_t)(first + i);
		socket->n_super += kind == KIND_TCP;
	}
	for (unsigned i = 0; i < n_owned; i++)
		add_old(&before[i], first, n, &ret->socket[i]);
}
