/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which entry of pool4 is meant by a name, an id or addresses. */
#pragma once

#include "daemon/change.h"
#include "daemon/core/pool4.h"

/* NULL with the error: no entry, or more than one, is meant. */
const struct pool4_entry *pool4_words_find(const struct pool4 *pool, const char *words,
					   struct change_result *ret);
