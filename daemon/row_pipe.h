/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows that one thread reads and another one uses: reading a database and putting its rows into the
 * core take about the same time, so on two processors both together take half of it.
 */
#pragma once

#include "daemon/core/persist.h"

typedef void (*row_pipe_fn)(void *context, const struct persist_row *row);

/*
 * Calls read in a thread of its own, with what it is to call for each row; and for all of these
 * rows each, in this thread and in the same order. What is under way between the two is bounded.
 * Returns what read returned, when both have ended. Where there can be no thread, read has this
 * one and calls each itself.
 */
int row_pipe_run(int (*read)(void *context, row_pipe_fn put, void *put_context), void *context,
		 row_pipe_fn each, void *each_context);
