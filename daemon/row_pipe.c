/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of rows go round: filled by the reader, emptied by the other one, and back. An empty one
 * is the end.
 */
#include "daemon/row_pipe.h"

#include <glib.h>
#include <pthread.h>

#define BLOCK_ROWS 256
#define N_BLOCKS   16

struct block {
	unsigned n;
	struct persist_row row[BLOCK_ROWS];
};

struct row_pipe {
	int (*read)(void *context, row_pipe_fn put, void *put_context);
	void *context;
	GAsyncQueue *full;
	GAsyncQueue *empty;
	struct block *filling; /* the reader's */
	int result;
};

static void put(void *context, const struct persist_row *row)
{
	struct row_pipe *pipe = context;

	pipe->filling->row[pipe->filling->n++] = *row;
	if (pipe->filling->n < BLOCK_ROWS)
		return;
	g_async_queue_push(pipe->full, pipe->filling);
	pipe->filling = g_async_queue_pop(pipe->empty);
	pipe->filling->n = 0;
}

static void *run(void *data)
{
	struct row_pipe *pipe = data;

	pipe->filling = g_async_queue_pop(pipe->empty);
	pipe->filling->n = 0;
	pipe->result = pipe->read(pipe->context, put, pipe);
	if (pipe->filling->n > 0) {
		g_async_queue_push(pipe->full, pipe->filling);
		pipe->filling = g_async_queue_pop(pipe->empty);
		pipe->filling->n = 0;
	}
	g_async_queue_push(pipe->full, pipe->filling);
	return NULL;
}

static void use(struct row_pipe *pipe, row_pipe_fn each, void *context)
{
	struct block *block;

	while ((block = g_async_queue_pop(pipe->full))->n > 0) {
		for (unsigned i = 0; i < block->n; i++)
			each(context, &block->row[i]);
		g_async_queue_push(pipe->empty, block);
	}
}

int row_pipe_run(int (*read)(void *context, row_pipe_fn put, void *put_context), void *context,
		 row_pipe_fn each, void *each_context)
{
	struct row_pipe pipe = {.read = read, .context = context};
	struct block *block;
	pthread_t thread;

	pipe.full = g_async_queue_new();
	pipe.empty = g_async_queue_new();
	block = g_new(struct block, N_BLOCKS);
	for (unsigned i = 0; i < N_BLOCKS; i++)
		g_async_queue_push(pipe.empty, &block[i]);
	if (pthread_create(&thread, NULL, run, &pipe) == 0) {
		(void)pthread_setname_np(thread, "restore");
		use(&pipe, each, each_context);
		(void)pthread_join(thread, NULL);
	} else {
		pipe.result = read(context, each, each_context);
	}
	g_async_queue_unref(pipe.full);
	g_async_queue_unref(pipe.empty);
	g_free(block);
	return pipe.result;
}
