/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of Log.Target=file:PATH. Lines wait in memory until they are flushed; a thread of its
 * own writes them, as the disk may hang (aside.h). Whoever moves the file away (logrotate) gets a
 * new one under its name. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct log_file;

struct log_file *log_file_new(const char *path);

/* A line, without its end. Returns how many lines are lost by that, 0 or 1, with *error as errno
 * has it; *error stays what it is if none is. */
unsigned log_file_write(struct log_file *file, const char *line, int *error);
/* What waits goes to the file. Returns and sets the same; *error also when they only have to wait.
 */
uint64_t log_file_flush(struct log_file *file, int *error);
bool log_file_is_written(struct log_file *file);

/* What it has not taken by now is lost: how many lines. */
uint64_t log_file_free(struct log_file *file, int *error);
