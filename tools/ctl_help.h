/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl help, and --help with a command. */
#pragma once

#include "tools/ctl_verbs.h"

/* What --help prints behind these words: of the verb, of all verbs of the noun, or everything. */
enum ctl_status ctl_help_of(struct ctl *ctl, const struct ctl_verb *verb, const char *noun);
