/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A point in time as people write it, for an answer that somebody may be blamed by: only what can
 * be understood in one way. */
#pragma once

#include <stdint.h>

/*
 * RFC 3339 with its zone: "2026-01-31T12:00:00Z", "2026-01-31 13:00:00.5+01:00", without seconds,
 * too; seconds since 1970: "@1769860800"; "now". NULL with µs of CLOCK_REALTIME, or a sentence why
 * it is none and what would be one, for g_free().
 */
char *ctl_time_parse(const char *text, uint64_t *ret_usec);

/* "2026-01-31T12:00:00Z" */
#define CTL_TIME_SIZE 40
const char *ctl_time_print(uint64_t usec, char ret[CTL_TIME_SIZE]);
