/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/thread_number.h"

#include <assert.h>

static _Thread_local unsigned own_number;

void thread_number_set(unsigned number)
{
	assert(number < THREADS_MAX);
	own_number = number;
}

unsigned thread_number(void)
{
	return own_number;
}
