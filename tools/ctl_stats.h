/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of GetStatistics in a client: a table from name to value. */
#pragma once

#include <glib.h>

#include "tools/ctl.h"

/* Ordered as the daemon gives them. */
struct ctl_counter {
	char *name;
	uint64_t value;
};

/* A GArray of struct ctl_counter, to be freed with g_array_unref(). */
enum ctl_status ctl_stats_get(struct ctl *ctl, GArray **ret);
/* 0 if there is none of that name. */
uint64_t ctl_stats_value(const GArray *counters, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* How many have a name that begins and ends so. */
uint32_t ctl_stats_count(const GArray *counters, const char *prefix, const char *suffix);
/* The sum of all whose name begins and ends so. */
uint64_t ctl_stats_sum(const GArray *counters, const char *prefix, const char *suffix);
