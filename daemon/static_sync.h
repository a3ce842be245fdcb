/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the core's static bindings in step with the configuration and with what was changed at run
 * time (S-5). One protocol of a binding is a binding of its own here.
 *
 * Control thread only; takes the gateway's lock itself.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/pool4_runtime.h"

struct static_sync;

typedef void (*static_sync_report_fn)(int level, const char *text);

struct static_sync *static_sync_new(struct gateway *gateway, static_sync_report_fn report);
void static_sync_free(struct static_sync *sync);

/* is_new: config is not that of the last time. One that was refused is tried again each time, and
 * reported once. Returns how many of config could not be made. */
unsigned static_sync_follow(struct static_sync *sync, const struct config *config, bool is_new,
			    const struct pool4_runtime *runtime);
/* Some may have ended with their entry, or made way: they are to be made again. */
void static_sync_forget_ended(struct static_sync *sync);

/* One may have any port of an address of pool4. Those that are outside the entry's ports, and have
 * no place without it: the protocols of their bindings, all in all. */
uint32_t static_sync_n_around(const struct static_sync *sync, const struct pool4_entry *entry);
/* An entry has gone, or has other addresses: ends those that have no place any more (P-22); how
 * many. */
uint32_t static_sync_end_lost(struct static_sync *sync);

/* Once, after a start: those that were restored with the state, and that nobody wants any more. */
void static_sync_end_restored(struct static_sync *sync);

/* Those that the core has, each with one protocol or more. */
uint32_t static_sync_count(const struct static_sync *sync);
const struct config_static *static_sync_at(const struct static_sync *sync, uint32_t i);

/* A change at run time has made or ended this in the core: of its protocols. */
void static_sync_made(struct static_sync *sync, const struct config_static *binding);
void static_sync_ended(struct static_sync *sync, enum protocol protocol,
		       const struct taddr4 *outside);

/* Why not, as a clause: "its outside address is ...". */
const char *static_sync_text(enum nat64_static_result result);
