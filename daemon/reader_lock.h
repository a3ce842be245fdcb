/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock for what is read for each packet and hardly ever written. Each thread that reads locks a
 * mutex of its own (thread_number.h), so that readers neither wait for each other nor write
 * anything that another one's processor has to fetch. Who writes locks all of them.
 */
#pragma once

#include <pthread.h>

#include "daemon/thread_number.h"

struct reader_lock {
	struct {
		_Alignas(128) pthread_mutex_t lock; /* two cache lines: they are fetched in pairs */
	} of[THREADS_MAX];
};

void reader_lock_init(struct reader_lock *lock);
void reader_lock_deinit(struct reader_lock *lock);

void reader_lock_read(struct reader_lock *lock);
void reader_lock_read_end(struct reader_lock *lock);
void reader_lock_write(struct reader_lock *lock);
void reader_lock_write_end(struct reader_lock *lock);
