/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/event.h"

#include <stdlib.h>

#define FIRST_CAPACITY 32

static const struct event_info infos[N_EVENT_KINDS] = {
#define X(name_, number_, sub_type_, id_, text_) \
	[EVENT_##name_] = {                      \
		.name = (text_), .id = (id_), .number = (number_), .sub_type = (sub_type_)},
	EVENT_LIST(X)
#undef X
};

const struct event_info *event_info(enum event_kind kind)
{
	return &infos[kind];
}

void event_queue_init(struct event_queue *queue, const struct siphash_key *key)
{
	*queue = (struct event_queue){.key = *key};
}

void event_queue_deinit(struct event_queue *queue)
{
	if (!queue)
		return;
	free(queue->ring);
	queue->ring = NULL;
}

/* Makes room for one more; false if there may be none. */
static bool reserve(struct event_queue *queue)
{
	uint32_t capacity = queue->capacity ? queue->capacity * 2 : FIRST_CAPACITY;
	struct event *ring;

	if (queue->n_events < queue->capacity)
		return true;
	if (capacity > EVENT_QUEUE_MAX)
		return false;
	ring = calloc(capacity, sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < queue->n_events; i++)
		ring[i] = queue->ring[(queue->first + i) % queue->capacity];
	free(queue->ring);
	queue->ring = ring;
	queue->capacity = capacity;
	queue->first = 0;
	return true;
}

void event_push(struct event_queue *queue, const struct event *event)
{
	if (!reserve(queue)) {
		queue->n_dropped++;
		return;
	}
	queue->ring[(queue->first + queue->n_events++) % queue->capacity] = *event;
}

/* The same on machines of either byte order: which subjects share a place must not depend on it. */
static uint64_t hash_subject(const struct event_queue *queue, const struct event *event)
{
	const uint32_t numbers[] = {event->kind, event->protocol, event->outcome, event->pool4,
				    event->mapped.addr};
	uint8_t data[sizeof(numbers) + sizeof(event->addr6.byte) + 1];

	for (size_t i = 0; i < sizeof(numbers); i++)
		data[i] = (uint8_t)(numbers[i / 4] >> 8 * (i % 4));
	memcpy(data + sizeof(numbers), event->addr6.byte, sizeof(event->addr6.byte));
	data[sizeof(data) - 1] = event->prefix_len;
	return siphash(&queue->key, data, sizeof(data));
}

bool event_push_limited(struct event_queue *queue, const struct event *event)
{
	uint64_t subject = hash_subject(queue, event);
	struct event_limit *limit = &queue->limit[subject % EVENT_LIMITS];
	struct event passing = *event;

	if (event->time_ms < limit->until_ms) {
		limit->n_suppressed += limit->subject == subject;
		queue->n_suppressed++;
		return false;
	}
	passing.n_suppressed = limit->subject == subject ? limit->n_suppressed : 0;
	*limit = (struct event_limit){.subject = subject,
				      .until_ms = event->time_ms + EVENT_INTERVAL_MS};
	event_push(queue, &passing);
	return true;
}

bool event_next(struct event_queue *queue, struct event *ret)
{
	if (queue->n_events == 0)
		return false;
	*ret = queue->ring[queue->first];
	queue->first = (queue->first + 1) % queue->capacity;
	queue->n_events--;
	return true;
}

size_t event_queue_memory(const struct event_queue *queue)
{
	return queue->capacity * sizeof(*queue->ring);
}

bool event_queue_check(const struct event_queue *queue)
{
	return queue->n_events <= queue->capacity && queue->capacity <= EVENT_QUEUE_MAX &&
	       (queue->capacity == 0 ? !queue->ring : queue->first < queue->capacity);
}
