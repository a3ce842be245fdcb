/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters and the use of pool4 as metrics: names, types, labels and order as INTERFACE,
 * section 8, has them; and as text of the OpenMetrics format. The daemon and nat64ctl share it.
 * Pure.
 *
 * Every counter is there from the start, so that a first event is a change.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define METRICS_N_PROTOCOLS 3 /* tcp, udp, icmp */

/* A counter of GetStatistics. */
struct metrics_counter {
	const char *name;
	uint64_t value;
};

/* An entry of pool4. */
struct metrics_entry {
	const char *name;
	uint64_t total[METRICS_N_PROTOCOLS];
	uint64_t used[METRICS_N_PROTOCOLS];
};

struct metrics {
	const struct metrics_counter *counter;
	uint32_t n_counters;
	const struct metrics_entry *entry;
	uint32_t n_entries;
};

/* A label has a name and a value; no value of ours holds what would have to be escaped. */
struct metrics_label {
	const char *name, *value;
};

/* Who is told. All samples of a family come behind it, before the next one. */
struct metrics_sink {
	void (*family)(void *context, const char *name, bool is_counter, const char *help);
	/* name with its "_total". label: two, of which one without name is none. */
	void (*sample)(void *context, const char *name, const struct metrics_label *label,
		       uint64_t value);
	void *context;
};

void metrics_tell(const struct metrics *metrics, const struct metrics_sink *sink);

/* The whole text, with its end. */
void metrics_print(const struct metrics *metrics, GString *ret);
