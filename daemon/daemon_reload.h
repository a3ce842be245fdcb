/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the daemon when it starts, and when it changes while it runs. */
#pragma once

#include "daemon/config.h"

/* Reads path, with a log line for each problem. NULL if it is refused. */
struct config *daemon_load_config(const char *path);

/*
 * Makes a freshly read configuration fit the running one: a Pool6 prefix keeps its index, which
 * sessions remember, and what can not change while the daemon runs keeps its value, with a log line
 * for each.
 */
void daemon_adapt_config(struct config *fresh, const struct config *running);
