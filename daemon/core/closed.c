/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See closed.h.
 *
 * Invariant (closed_check): there is a chunk exactly where a number from first to end has its
 * place. The one of first may be there although they are all stored.
 */
#include "daemon/core/closed.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t chunk_of(uint64_t number)
{
	return number / CLOSED_CHUNK_RECORDS;
}

static struct closed_binding *record_at(const struct closed_queue *queue, uint64_t number)
{
	return &queue->chunk[chunk_of(number) % CLOSED_CHUNKS][number % CLOSED_CHUNK_RECORDS];
}

static void free_chunk(struct closed_queue *queue, uint64_t chunk)
{
	free(queue->chunk[chunk % CLOSED_CHUNKS]);
	queue->chunk[chunk % CLOSED_CHUNKS] = NULL;
}

void closed_deinit(struct closed_queue *queue)
{
	if (!queue)
		return;
	for (uint64_t i = 0; i < CLOSED_CHUNKS; i++)
		free_chunk(queue, i);
	queue->first = queue->end;
}

/* Room for the record at the end. */
static bool have_chunk(struct closed_queue *queue)
{
	struct closed_binding **chunk = &queue->chunk[chunk_of(queue->end) % CLOSED_CHUNKS];

	if (chunk_of(queue->end) - chunk_of(queue->first) >= CLOSED_CHUNKS)
		return false;
	if (!*chunk)
		*chunk = malloc(CLOSED_CHUNK_RECORDS * sizeof(**chunk));
	return *chunk != NULL;
}

void closed_note(struct closed_queue *queue, const struct closed_binding *binding)
{
	if (!have_chunk(queue)) {
		queue->n_lost++;
		return;
	}
	*record_at(queue, queue->end) = *binding;
	queue->end++;
}

unsigned closed_copy(const struct closed_queue *queue, uint64_t from, struct closed_binding *ret,
		     unsigned max)
{
	unsigned n = 0;

	assert(from >= queue->first);
	while (n < max && from + n < queue->end) {
		ret[n] = *record_at(queue, from + n);
		n++;
	}
	return n;
}

unsigned closed_detach(struct closed_queue *queue, uint64_t before, void *ret[CLOSED_CHUNKS])
{
	unsigned n = 0;

	assert(before >= queue->first && before <= queue->end);
	for (uint64_t chunk = chunk_of(queue->first); chunk < chunk_of(before); chunk++) {
		ret[n++] = queue->chunk[chunk % CLOSED_CHUNKS];
		queue->chunk[chunk % CLOSED_CHUNKS] = NULL;
	}
	queue->first = before;
	return n;
}

void closed_drop(struct closed_queue *queue, uint64_t before)
{
	void *piece[CLOSED_CHUNKS];

	for (unsigned n = closed_detach(queue, before, piece); n > 0; n--)
		free(piece[n - 1]);
}

size_t closed_memory(const struct closed_queue *queue)
{
	size_t n_chunks = 0;

	for (unsigned i = 0; i < CLOSED_CHUNKS; i++)
		n_chunks += queue->chunk[i] != NULL;
	return n_chunks * CLOSED_CHUNK_RECORDS * sizeof(struct closed_binding);
}

bool closed_check(const struct closed_queue *queue)
{
	uint64_t first = chunk_of(queue->first), n_used = 0, n_chunks = 0;

	if (queue->first > queue->end ||
	    queue->end - queue->first > CLOSED_CHUNKS * CLOSED_CHUNK_RECORDS)
		return false;
	for (uint64_t i = queue->first; i < queue->end;
	     i = (chunk_of(i) + 1) * CLOSED_CHUNK_RECORDS) {
		n_used++;
		if (!queue->chunk[chunk_of(i) % CLOSED_CHUNKS])
			return false;
	}
	for (unsigned i = 0; i < CLOSED_CHUNKS; i++)
		n_chunks += queue->chunk[i] != NULL;
	/* What is stored up to the middle of a chunk leaves that. */
	return n_chunks == n_used || (n_chunks == n_used + 1 && queue->first == queue->end &&
				      queue->chunk[first % CLOSED_CHUNKS]);
}
