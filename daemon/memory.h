/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process tells the C library about memory, once at its start.
 */
#pragma once

#include <malloc.h>

/* What is as large as this, such as long answers and the pieces of large tables, is the kernel's
 * again when it is freed. By itself the C library would keep some of it, and more the larger it
 * was. */
#define MEMORY_LARGE_SIZE (64 << 10)

static inline void memory_prepare(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MEMORY_LARGE_SIZE);
}
