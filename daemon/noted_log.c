/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/noted_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#define LINE_SIZE (NOTED_TEXT_SIZE + 256)

static void report(const struct noted_log *log, enum outcome outcome,
		   const struct noted_packet *last, uint64_t n)
{
	const struct outcome_info *info = outcome_info(outcome);
	char packet[NOTED_TEXT_SIZE];
	char more[64] = "";
	char line[LINE_SIZE];

	if (n > 1)
		(void)snprintf(more, sizeof(more), ", and %" PRIu64 " more since the last line",
			       n - 1);
	(void)snprintf(line, sizeof(line), "dropped %s: %s (%s)%s",
		       last->version ? noted_print(last, packet) : "a packet", info->sentence,
		       info->name, more);
	log->report(LOG_NOTICE, line);
}

void noted_log_report(struct noted_log *log, struct gateway *gateway, uint64_t now_ms)
{
	for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
		struct noted_packet last;
		uint64_t n;

		if (!outcome_info(outcome)->noted || now_ms < log->next_ms[outcome])
			continue;
		gateway_lock(gateway);
		n = gateway->nat->counters.packets[0][outcome] +
		    gateway->nat->counters.packets[1][outcome];
		last = gateway->nat->noted[outcome];
		gateway_unlock(gateway);
		if (n == log->n_told[outcome])
			continue;
		report(log, outcome, &last, n - log->n_told[outcome]);
		log->n_told[outcome] = n;
		log->next_ms[outcome] = now_ms + NOTED_LOG_INTERVAL_MS;
	}
}
