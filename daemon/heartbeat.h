/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When packets were last looked at, in memory that outlives the process, if somebody keeps the
 * descriptor: the next daemon knows by it how long nobody did.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Longer than this after a crash, and what has waited is late: it is dropped. */
#define HEARTBEAT_LATE_MS 1000
/* After a clean end that left its tables somebody restarts us on purpose, and no packet is to be
 * lost by it, however slow the machine is. */
#define HEARTBEAT_LATE_CLEAN_MS 15000

struct heartbeat;

/* fd: that of before, which is taken over, or -1. Anything else than ours, or none, becomes a new
 * one that has never beaten. 0 or a negative errno. */
int heartbeat_new(int fd, struct heartbeat **ret);
void heartbeat_free(struct heartbeat *heartbeat);

int heartbeat_fd(const struct heartbeat *heartbeat);
/* Where it is written, in the core's clock; 0 = never. */
_Atomic uint64_t *heartbeat_place(struct heartbeat *heartbeat);
