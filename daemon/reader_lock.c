/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/reader_lock.h"

void reader_lock_init(struct reader_lock *lock)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		(void)pthread_mutex_init(&lock->of[i].lock, NULL);
}

void reader_lock_deinit(struct reader_lock *lock)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		(void)pthread_mutex_destroy(&lock->of[i].lock);
}

void reader_lock_read(struct reader_lock *lock)
{
	(void)pthread_mutex_lock(&lock->of[thread_number()].lock);
}

void reader_lock_read_end(struct reader_lock *lock)
{
	(void)pthread_mutex_unlock(&lock->of[thread_number()].lock);
}

void reader_lock_write(struct reader_lock *lock)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		(void)pthread_mutex_lock(&lock->of[i].lock);
}

void reader_lock_write_end(struct reader_lock *lock)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		(void)pthread_mutex_unlock(&lock->of[i].lock);
}
