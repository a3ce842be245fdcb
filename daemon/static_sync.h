/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the core's static bindings what the configuration says.
 *
 * Control thread only, with the gateway's lock held. What people should know goes to unsaid.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/unsaid.h"

struct static_sync;

struct static_sync *static_sync_new(struct gateway *gateway, struct unsaid *unsaid);
void static_sync_free(struct static_sync *sync);

/* Each for all of its protocols or none. One that was refused is tried again each time: its address
 * may have come, its port may be free. Returns how many could not be made. */
unsigned static_sync_follow(struct static_sync *sync, const struct config *config);

/* Those that ended with their address or entry are to be made again. */
void static_sync_forget_ended(struct static_sync *sync);

/* The i-th of those that the core has, or NULL. */
const struct config_static *static_sync_get(const struct static_sync *sync, uint32_t i);
