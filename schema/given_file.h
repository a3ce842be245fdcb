/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DIRECTORY/ports: the ring of daemon/core/given.h in a file that is mapped into memory, so that
 * the kernel has what a process has written, however that ends. No database: it is written by every
 * packet that makes a binding.
 *
 * So the directory should be one of a file system in memory: on a disk the kernel takes the right
 * to write to a page away whenever it has written it there, and the next packet would wait for the
 * file system, which may be frozen for a snapshot, or wait for its journal. There it does not
 * outlive the machine, so a process that ends well leaves a copy where the state is.
 */
#pragma once

#include <stdbool.h>

#include "daemon/core/given.h"

struct given_file;

/* 0 or a negative errno. What is there already, of whatever kind, becomes such a file. */
int given_file_open(const char *directory, struct given_file **ret);
void given_file_close(struct given_file *file);

/* Is this directory in memory? */
bool given_file_is_place(const char *directory);
/* Makes the file what the one in another directory is, if that was noted in last. 0 or a negative
 * errno; -ENOENT: there is none, or none of ours; -ESTALE: an older one, which *ret_older (of
 * given_file_close()) has in memory, as ports of it may still be in use. The other one stays where
 * it is. */
int given_file_take(struct given_file *file, const char *directory, struct given_file **ret_older);
/* Writes a copy into another directory. 0 or a negative errno. */
int given_file_leave(const struct given_file *file, const char *directory);
/* The file, or the copy, is not needed there any more. */
void given_file_remove(const char *directory);

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
