/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines on stderr; under systemd with the priority in front, as sd-daemon(3) has it. Only main,
 * daemon and manager log.
 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

/* One of LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG; what is less urgent is left out. */
void log_set_level(int level);
/* "err" (or "error"), "warning", "notice", "info", "debug". */
bool log_level_parse(const char *text, int *ret);

void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
