/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration that is new has to take over from the one that runs. */
#pragma once

#include "daemon/config.h"

/*
 * Makes a freshly read configuration fit the running one: a Pool6 prefix keeps its index, which
 * sessions remember, and what can not change while the daemon runs keeps its value, with a log line
 * for each. 0, or -EINVAL if the rest does not go together with that: *ret_error is a sentence, for
 * g_free().
 */
int daemon_adapt_config(struct config *fresh, const struct config *running, char **ret_error);
