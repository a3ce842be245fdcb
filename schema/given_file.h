/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DIRECTORY/ports: the ring of daemon/core/given.h in a file that is mapped into memory, so that
 * the kernel has what a process has written, however that ends. No database: it is written by every
 * packet that makes a binding.
 */
#pragma once

#include "daemon/core/given.h"

struct given_file;

/* 0 or a negative errno. What is there already, of whatever kind, becomes such a file. */
int given_file_open(const char *directory, struct given_file **ret);
void given_file_close(struct given_file *file);

struct given_ring *given_file_ring(struct given_file *file);
/* All up to the n-th are stored otherwise now. */
void given_file_set_stored(struct given_file *file, uint64_t n);

/*
 * Calls each for the ports that may have been in use when the file was written last: those after
 * the last one that is stored, and those of the last hold_ms. Each once, in the order in which they
 * were noted last: where only so many can be held, the newest are. How many.
 */
uint32_t given_file_each(const struct given_file *file, uint64_t hold_ms,
			 void (*each)(void *context, enum protocol protocol,
				      const struct taddr4 *mapped),
			 void *context);
/* The same for all that were noted from this number on (given_ring.n), in their order. */
void given_file_each_since(const struct given_file *file, uint64_t n,
			   void (*each)(void *context, enum protocol protocol,
					const struct taddr4 *mapped),
			   void *context);
