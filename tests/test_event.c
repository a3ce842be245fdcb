/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue of events: names and numbers of RFC 8158 (L-8), its rate (L-9) and its bound (L-14). */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/event.h"
#include "tests/csv.h"

static const struct siphash_key key = {{1, 2}};

static const char *registry_of(const struct event_info *info)
{
	if (info->sub_type == 0)
		return "natEvent";
	/* 13 Quota Exceeded, 18 Threshold Reached: the two events that have sub-types. */
	g_assert_true(info->number == 13 || info->number == 18);
	return info->number == 13 ? "natQuotaExceededEvent" : "natThresholdEvent";
}

/* L-8: every name is that of its number in the registry, and is meant for a NAT64. */
static void test_names(void)
{
	for (unsigned kind = 0; kind < N_EVENT_KINDS; kind++) {
		const struct event_info *info = event_info(kind);
		unsigned value = info->sub_type ? info->sub_type : info->number;
		struct csv *csv = csv_open("nat_events.csv");
		bool found = false;

		while (csv_next(csv)) {
			if (strcmp(csv_get(csv, "registry"), registry_of(info)) != 0 ||
			    strtoul(csv_get(csv, "value"), NULL, 10) != value)
				continue;
			g_assert_cmpstr(csv_get(csv, "name"), ==, info->name);
			g_assert_cmpstr(csv_get(csv, "nat64_use"), ==, "used");
			found = true;
		}
		g_assert_true(found);
		csv_close(csv);
	}
}

static struct event event_at(uint64_t time_ms, uint8_t client)
{
	return (struct event){.kind = EVENT_QUOTA_CLIENT,
			      .protocol = PROTOCOL_UDP,
			      .outcome = OUTCOME_CLIENT_BINDINGS,
			      .addr6 = {{0x20, 0x01, client}},
			      .prefix_len = 64,
			      .time_ms = time_ms};
}

/* The queue starts small and doubles, up to its bound. */
static void test_steps_of_memory(void)
{
	const struct event event = event_at(1, 0);
	struct event_queue queue;

	event_queue_init(&queue, &key);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned room = 32;

		event_push(&queue, &event);
		while (room < MIN(i + 1, 4096))
			room *= 2;
		g_assert_cmpuint(event_queue_memory(&queue), ==, room * sizeof(event));
	}
	g_assert_cmpuint(queue.n_dropped, ==, 5000 - 4096);
	event_queue_deinit(&queue);
}

/* In order; nothing before the first one. */
static void test_order(void)
{
	struct event_queue queue;
	struct event event;

	event_queue_init(&queue, &key);
	g_assert_false(event_next(&queue, &event));
	g_assert_cmpuint(event_queue_memory(&queue), ==, 0);
	for (uint64_t round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < 50; i++) {
			event = event_at(i, 0);
			event_push(&queue, &event);
			g_assert_true(event_queue_check(&queue));
		}
		for (uint64_t i = 0; i < 50; i++) {
			g_assert_true(event_next(&queue, &event));
			g_assert_cmpuint(event.time_ms, ==, i);
		}
		g_assert_false(event_next(&queue, &event));
	}
	event_queue_deinit(&queue);
}

/* L-14: a full queue drops what is new, and counts it. */
static void test_full(void)
{
	struct event_queue queue;
	struct event event;

	event_queue_init(&queue, &key);
	for (uint64_t i = 0; i < EVENT_QUEUE_MAX + 10; i++) {
		event = event_at(i, 0);
		event_push(&queue, &event);
	}
	g_assert_cmpuint(queue.n_dropped, ==, 10);
	g_assert_cmpuint(queue.n_events, ==, EVENT_QUEUE_MAX);
	g_assert_true(event_queue_check(&queue));
	g_assert_true(event_next(&queue, &event));
	g_assert_cmpuint(event.time_ms, ==, 0);
	event_push(&queue, &event);
	g_assert_cmpuint(queue.n_dropped, ==, 10);
	event_queue_deinit(&queue);
}

/* L-9: one about each subject in ten seconds; the next one says how many there were between. */
static void test_rate(void)
{
	struct event_queue queue;
	struct event event;

	event_queue_init(&queue, &key);
	for (uint64_t i = 0; i < 100; i++) {
		event = event_at(1000 + i, 1);
		event_push_limited(&queue, &event);
	}
	g_assert_cmpuint(queue.n_events, ==, 1);
	event = event_at(1100, 2);
	event_push_limited(&queue, &event);
	g_assert_cmpuint(queue.n_events, ==, 2); /* of another client */
	g_assert_cmpuint(queue.n_suppressed, ==, 99);

	event = event_at(1000 + 9999, 1);
	event_push_limited(&queue, &event);
	g_assert_cmpuint(queue.n_events, ==, 2);
	event = event_at(1000 + 10000, 1);
	event_push_limited(&queue, &event);
	g_assert_cmpuint(queue.n_events, ==, 3);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_true(event_next(&queue, &event));
		g_assert_cmpuint(event.n_suppressed, ==, 0);
	}
	g_assert_true(event_next(&queue, &event));
	g_assert_cmpuint(event.n_suppressed, ==, 100);
	event_queue_deinit(&queue);
}

/* Whether another event passes when this one, of the same moment, has. */
static bool passes_beside(const struct event *event, const struct event *other)
{
	struct event_queue queue;
	bool passes;

	event_queue_init(&queue, &key);
	g_assert_true(event_push_limited(&queue, event));
	passes = event_push_limited(&queue, other);
	event_queue_deinit(&queue);
	return passes;
}

/* L-9: a subject is a kind, protocol, limit, client, entry and address, every bit of them. */
static void test_subjects(void)
{
	const struct event event = event_at(1000, 1);
	struct event other = event;

	g_assert_false(passes_beside(&event, &other));
	other.value = other.limit = 7;
	g_assert_false(passes_beside(&event, &other));
	other = event;
	other.kind = EVENT_QUOTA_SESSIONS;
	g_assert_true(passes_beside(&event, &other));
	other = event;
	other.protocol = PROTOCOL_TCP;
	g_assert_true(passes_beside(&event, &other));
	other = event;
	other.outcome = OUTCOME_CLIENT_RATE;
	g_assert_true(passes_beside(&event, &other));
	other = event;
	other.prefix_len = 65;
	g_assert_true(passes_beside(&event, &other));
	for (unsigned i = 0; i < 32; i++) {
		other = event;
		other.pool4 = 1u << i;
		g_assert_true(passes_beside(&event, &other));
		other = event;
		other.mapped.addr = 1u << i;
		g_assert_true(passes_beside(&event, &other));
	}
	for (unsigned i = 0; i < 128; i++) {
		other = event;
		other.addr6.byte[i / 8] ^= (uint8_t)(1 << i % 8);
		g_assert_true(passes_beside(&event, &other));
	}
}

/* Two subjects that share a place: what one was denied is not told of the other. */
static void test_shared_place(void)
{
	struct event event = event_at(1000, 0), other = event_at(1000, 0), told;
	struct event_queue queue;

	do
		other.pool4++;
	while (passes_beside(&event, &other));
	event_queue_init(&queue, &key);
	g_assert_true(event_push_limited(&queue, &event));
	g_assert_false(event_push_limited(&queue, &event));
	g_assert_false(event_push_limited(&queue, &other));
	other.time_ms = 1000 + EVENT_INTERVAL_MS;
	g_assert_true(event_push_limited(&queue, &other));
	g_assert_true(event_next(&queue, &told));
	g_assert_true(event_next(&queue, &told));
	g_assert_cmpuint(told.pool4, ==, other.pool4);
	g_assert_cmpuint(told.n_suppressed, ==, 0);
	g_assert_cmpuint(queue.n_suppressed, ==, 2);
	event_queue_deinit(&queue);
}

/* However many subjects a flood has: no more than 256 in ten seconds. */
static void test_flood(void)
{
	struct event_queue queue;

	event_queue_init(&queue, &key);
	for (uint32_t i = 0; i < 100000; i++) {
		struct event event = event_at(1000, 0);
		event.addr6.byte[4] = (uint8_t)(i >> 16);
		event.addr6.byte[5] = (uint8_t)(i >> 8);
		event.addr6.byte[6] = (uint8_t)i;
		event_push_limited(&queue, &event);
	}
	g_assert_cmpuint(queue.n_events, <=, 256);
	g_assert_cmpuint(queue.n_events, >, 200);
	g_assert_cmpuint(queue.n_events + queue.n_suppressed, ==, 100000);
	g_assert_cmpuint(queue.n_dropped, ==, 0);
	event_queue_deinit(&queue);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/event/names", test_names);
	g_test_add_func("/event/order", test_order);
	g_test_add_func("/event/steps_of_memory", test_steps_of_memory);
	g_test_add_func("/event/full", test_full);
	g_test_add_func("/event/rate", test_rate);
	g_test_add_func("/event/subjects", test_subjects);
	g_test_add_func("/event/shared_place", test_shared_place);
	g_test_add_func("/event/flood", test_flood);
	return g_test_run();
}
