/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/closed_writer.h"

#include <stdlib.h>

/* For which the lock is held. */
#define SLICE_RECORDS 256
/* So long something that is too old stays, at most. */
#define FORGET_MS 10000
/* Between two words about those that were lost. */
#define LOST_MS 60000

static uint32_t read_retention_s(const struct closed_writer *writer)
{
	uint32_t retention_s;

	gateway_lock(writer->gateway);
	retention_s = writer->gateway->nat->config.retention_s;
	gateway_unlock(writer->gateway);
	return retention_s;
}

/* Where nothing is kept, once is enough. */
static bool is_time_to_forget(const struct closed_writer *writer, uint32_t retention_s)
{
	return retention_s != writer->retention_s ||
	       (retention_s > 0 && gateway_now_ms() - writer->forgotten_ms >= FORGET_MS);
}

static uint64_t count(const struct closed_writer *writer)
{
	const struct closed_queue *closed = &writer->gateway->nat->closed;
	uint64_t n;

	gateway_lock(writer->gateway);
	n = closed->end - closed->first;
	gateway_unlock(writer->gateway);
	return n;
}

bool closed_writer_has_work(const struct closed_writer *writer)
{
	return count(writer) > 0 || is_time_to_forget(writer, read_retention_s(writer));
}

/* Of those that have ended until now, about max. */
static int put_some(struct closed_writer *writer, struct store *store, uint64_t max)
{
	struct closed_binding closed[SLICE_RECORDS];
	struct store_clock now;
	unsigned n = SLICE_RECORDS;
	int r = 0;

	store_clock_read(&now);
	gateway_lock(writer->gateway);
	writer->put = writer->gateway->nat->closed.first;
	gateway_unlock(writer->gateway);
	for (uint64_t n_put = 0; r == 0 && n == SLICE_RECORDS && n_put < max; n_put += n) {
		gateway_lock(writer->gateway);
		n = closed_copy(&writer->gateway->nat->closed, writer->put, closed, SLICE_RECORDS);
		gateway_unlock(writer->gateway);
		for (unsigned i = 0; i < n && r == 0; i++)
			r = store_put_closed(store, &closed[i], &now);
		writer->put += n;
	}
	return r;
}

/* By the wall clock, as far as it is believed. */
static int find_bounds(struct closed_writer *writer, struct store *store, uint32_t retention_s,
		       int64_t *ret_before_s, int64_t *ret_after_s)
{
	int64_t oldest_s, newest_s;
	struct store_clock now;
	int r;

	store_clock_read(&now);
	if (closed_clock_look(&writer->clock, now.boot_ms, now.wall_ms)) {
		r = store_closed_range(store, &oldest_s, &newest_s);
		if (r < 0)
			return r;
		closed_clock_range(&writer->clock, oldest_s, newest_s);
	}
	closed_clock_bounds(&writer->clock, retention_s, ret_before_s, ret_after_s);
	return 0;
}

static int forget(struct closed_writer *writer, struct store *store)
{
	uint32_t retention_s = read_retention_s(writer);
	int64_t before_s = INT64_MAX, after_s = INT64_MAX;
	bool more = false;
	int r = 0;

	if (!is_time_to_forget(writer, retention_s))
		return 0;
	if (retention_s > 0)
		r = find_bounds(writer, store, retention_s, &before_s, &after_s);
	if (r == 0)
		r = store_forget_closed(store, before_s, after_s, &more);
	if (r == 0 && !more) {
		writer->forgotten_ms = gateway_now_ms();
		writer->retention_s = retention_s;
	}
	return r;
}

int closed_writer_put(struct closed_writer *writer, struct store *store)
{
	int r = put_some(writer, store, UINT64_MAX);

	return r == 0 ? forget(writer, store) : r;
}

void closed_writer_stored(struct closed_writer *writer)
{
	void *piece[CLOSED_CHUNKS];
	unsigned n;

	gateway_lock(writer->gateway);
	n = closed_detach(&writer->gateway->nat->closed, writer->put, piece);
	gateway_unlock(writer->gateway);
	while (n > 0)
		free(piece[--n]);
}

int closed_writer_put_pile(struct closed_writer *writer, struct store *store, uint64_t but,
			   uint64_t owner)
{
	struct store_clock now;
	int r = 0;

	while (r == 0 && count(writer) > but) {
		r = store_begin(store);
		if (r == 0)
			r = put_some(writer, store, but);
		store_clock_read(&now);
		if (r == 0)
			r = store_commit(store, &now, owner, false);
		if (r == 0)
			closed_writer_stored(writer);
		else
			store_roll_back(store);
	}
	return r;
}

uint64_t closed_writer_take_lost(struct closed_writer *writer)
{
	uint64_t now_ms = gateway_now_ms(), n_lost, n;

	gateway_lock(writer->gateway);
	n_lost = writer->gateway->nat->closed.n_lost;
	gateway_unlock(writer->gateway);
	n = n_lost - writer->n_lost;
	if (n == 0 || (writer->lost_ms > 0 && now_ms - writer->lost_ms < LOST_MS))
		return 0;
	writer->n_lost = n_lost;
	writer->lost_ms = now_ms;
	return n;
}
