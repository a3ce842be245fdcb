/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows from thread to thread: all of them, in their order, and how the reading ended. */
#include <glib.h>

#include "daemon/row_pipe.h"

struct reading {
	uint32_t n_rows;
	int result;
	GThread *thread;
};

static int read_rows(void *context, row_pipe_fn put, void *put_context)
{
	struct reading *reading = context;
	struct persist_row row = {.kind = PERSIST_BINDING, .protocol = PROTOCOL_UDP};

	reading->thread = g_thread_self();
	for (row.index = 0; row.index < reading->n_rows; row.index++)
		put(put_context, &row);
	return reading->result;
}

struct seen {
	uint32_t n;
	GThread *thread;
};

static void see(void *context, const struct persist_row *row)
{
	struct seen *seen = context;

	g_assert_cmpuint(row->index, ==, seen->n);
	g_assert_cmpint(row->kind, ==, PERSIST_BINDING);
	seen->n++;
	seen->thread = g_thread_self();
}

/* Around a block, around all blocks, and far more. */
static void test_all(void)
{
	static const uint32_t n_rows[] = {0, 1, 255, 256, 257, 4095, 4096, 4097, 100000};

	for (unsigned i = 0; i < G_N_ELEMENTS(n_rows); i++) {
		struct reading reading = {.n_rows = n_rows[i]};
		struct seen seen = {0};

		g_assert_cmpint(row_pipe_run(read_rows, &reading, see, &seen), ==, 0);
		g_assert_cmpuint(seen.n, ==, n_rows[i]);
		g_assert_true(reading.thread != g_thread_self());
		g_assert_true(seen.n == 0 || seen.thread == g_thread_self());
	}
}

/* What was read until then comes all the same. */
static void test_failure(void)
{
	struct reading reading = {.n_rows = 300, .result = -5};
	struct seen seen = {0};

	g_assert_cmpint(row_pipe_run(read_rows, &reading, see, &seen), ==, -5);
	g_assert_cmpuint(seen.n, ==, 300);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/row_pipe/all", test_all);
	g_test_add_func("/row_pipe/failure", test_failure);
	return g_test_run();
}
