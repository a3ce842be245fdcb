/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that were set at run time, on top of the files. The newest word wins: each remembers what
 * the files said when it was set, and is dropped when they say something else later.
 */
#pragma once

#include <glib.h>

#include "daemon/config_keys.h"

struct config_override {
	const struct config_key *key;
	char *value;
	char *base; /* what the files said; NULL: nothing */
};

/* A list of them, which frees its members. */
GPtrArray *config_overrides_new(void);
GPtrArray *config_overrides_copy(const GPtrArray *overrides);

/* NULL if the key is not set. */
const struct config_override *config_override_find(const GPtrArray *overrides,
						   const struct config_key *key);
/* In place of what was set before. */
void config_override_put(GPtrArray *overrides, const struct config_key *key, const char *value,
			 const char *base);
bool config_override_remove(GPtrArray *overrides, const struct config_key *key);
