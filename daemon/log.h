/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines on stderr; under systemd with the priority in front, as sd-daemon(3) has it. Only main,
 * daemon and manager log. Nobody waits for whoever reads there: lines that he does not take are
 * lost, and their number is told.
 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

/* One of LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG; what is less urgent is left out. */
void log_set_level(int level);
int log_level(void);
/* "err" (or "error"), "warning", "notice", "info", "debug"; printed without the second. */
bool log_level_parse(const char *text, int *ret);
const char *log_level_name(int level);
/* Do lines go to the journal, or to whatever stderr is? */
bool log_is_to_journal(void);

/* At the end of the process: what is still to be told (how many lines were lost, and the last
 * errors among them) is waited for, but not longer than some tenths of a second. */
void log_end(void);

void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
