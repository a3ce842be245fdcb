/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Outcomes worth a word in the log (NOTED in outcome.h), at most one line in ten seconds for each,
 * which names the last packet and how many more there were. Control thread; the packets themselves
 * only leave what core/noted.h says.
 */
#pragma once

#include "daemon/core/nat64.h"
#include "daemon/gateway.h"

#define NOTED_LOG_INTERVAL_MS 10000

struct noted_log {
	uint64_t n_told[N_OUTCOMES]; /* packets that lines have spoken of */
	uint64_t next_ms[N_OUTCOMES];
	void (*report)(int level, const char *text);
};

/* Zeroed but for report before the first call. Takes the gateway's lock. */
void noted_log_report(struct noted_log *log, struct gateway *gateway, uint64_t now_ms);
