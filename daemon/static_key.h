/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of static bindings: by both sides and the protocols, whatever they are called. There may be
 * tens of thousands of them, so nobody compares each with each.
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"

/* An empty set; of its own copies of keys. */
GHashTable *static_keys_new(void);
/* False if it is there already. */
bool static_keys_add(GHashTable *keys, const struct config_static *binding);
void static_keys_remove(GHashTable *keys, const struct config_static *binding);
bool static_keys_contain(GHashTable *keys, const struct config_static *binding);

/* One protocol of a binding. */
struct config_static static_key_only(const struct config_static *binding, enum protocol protocol);
