/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports that are made while a lock is held, and said when it is free: saying is a system call.
 */
#pragma once

#include <glib.h>

struct unsaid;

struct unsaid *unsaid_new(void (*report)(int level, const char *text));
void unsaid_free(struct unsaid *unsaid);

/* level: LOG_NOTICE and so on. */
void unsaid_add(struct unsaid *unsaid, int level, const char *format, ...) G_GNUC_PRINTF(3, 4);
void unsaid_say_all(struct unsaid *unsaid);
