/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a scenario that set what is configured otherwise by nat64d.conf. False if they make no
 * sense. */
#pragma once

#include "daemon/core/nat64.h"

/* "set KEY VALUE": a number, or one of two words. */
bool scenario_set(struct nat64_config *config, const char *name, const char *value);
/* "answer OUTCOME no|limited|unlimited" */
bool scenario_answer(struct nat64_config *config, const char *name, const char *value);
/* "limit WHAT N" */
bool scenario_limit(struct nat64_limits *limits, const char *name, const char *value);
