/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of one of our files into a descriptor that somebody else gave: a pipe that he does not
 * read from, or a file on a disk that hangs, is as slow as he likes. So a thread of its own writes,
 * and who waits for it can leave it at any time, also while the kernel does not come back from a
 * write.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct copy_out;

/* Begins. The file may be removed and fd closed at once: the copy has them open itself. 0 or a
 * negative errno. SIGPIPE is to be ignored. */
int copy_out_new(const char *path, int fd, struct copy_out **ret);
/* Waits for its end: 0 when all is written (and safe, if it is a file), or a negative errno:
 * -ECANCELED once *stop, -ETIMEDOUT after limit_ms, or when nothing has been taken for a minute.
 * After an error it writes no more than what it was at. */
int copy_out_wait(struct copy_out *copy, const atomic_bool *stop, uint64_t limit_ms);
/* It has come back from what it was at. NULL: yes. */
bool copy_out_is_over(struct copy_out *copy);
/* What is not over goes on by itself until it is. copy may be NULL. */
void copy_out_free(struct copy_out *copy);
