/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pool4_sync.c and pool4_change.c share. */
#pragma once

#include "daemon/pool4_sync.h"
#include "daemon/pool4_wanted.h"
#include "daemon/static_sync.h"

/* One protocol of a static binding was made, or has ended. */
struct static_step {
	struct config_static binding;
	enum protocol protocol;
	bool made;
};

struct pool4_sync {
	struct pool4_sync_config config;
	struct pool4_auto *autos;
	struct pool4_runtime *runtime;
	struct pool4_wanted_list *wanted; /* of the last time; NULL = never yet */
	struct static_sync *statics;
	const struct config *followed; /* of the last time */
	GArray *pending;               /* ids that wait for their rules */
	GArray *added;                 /* those of them that a change has added */
	GArray *static_steps;          /* since the rules last followed: struct static_step */
	GArray *draining;              /* ids */
	uint32_t auto_id;              /* of the entry "auto" that has made way, or 0 */
	struct port_ranges auto_ports; /* which it had before */
	bool differ;                   /* some entry has other ports or addresses than it is to */
	GPtrArray *warnings;           /* struct rules_warning: what the last update found */
	GHashTable *warned;            /* sentences of those that have been reported */
	bool no_address_reported;
	uint32_t last_name; /* number of the last entry that got a name here */
};

/* Prefix= of an entry; len 0 = any. */
struct prefix6 pool4_sync_prefix(const struct pool4_sync *sync, const struct pool4_spec *spec);

void pool4_sync_say(struct pool4_sync *sync, int level, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
void pool4_sync_tell(struct pool4_sync *sync, uint32_t id);

/* What pool4_sync_add() would say. */
enum pool4_result pool4_sync_check(struct pool4_sync *sync, const struct pool4_wanted *wanted,
				   uint32_t *ret_other);
/* Adds it to the core, and to those that wait for their rules. wanted->spec.name is filled in. */
enum pool4_result pool4_sync_add(struct pool4_sync *sync, struct pool4_wanted *wanted,
				 uint32_t *ret_id);
/* Ports of the entry that were chosen by hand, on an address that is the host's own, and that the
 * host uses itself (P-18): sentences. */
void pool4_sync_find_clashes(const struct pool4_sync *sync, const struct pool4_wanted *wanted,
			     GPtrArray *ret);
/* An entry that is not pending any more, or again: state is written, and told. */
void pool4_sync_set_state(struct pool4_sync *sync, uint32_t id, enum pool4_state state);
/* An entry has come: static bindings that have waited for its addresses are made. Any? */
bool pool4_sync_follow_statics(struct pool4_sync *sync);
/* The entry is used again, once its rules are in. */
void pool4_sync_revive(struct pool4_sync *sync, uint32_t id);
/* Takes no new bindings and goes with the last one, at once if there is none. True: it is gone, or
 * off. */
bool pool4_sync_drain(struct pool4_sync *sync, uint32_t id);
/* Ends its bindings and takes it out of the core. Returns how many they were. */
uint32_t pool4_sync_cut(struct pool4_sync *sync, uint32_t id);
/* Ends its bindings; it stays in the core, disabled. Returns how many they were. */
uint32_t pool4_sync_disable(struct pool4_sync *sync, uint32_t id);
/* Is there nothing else, so that "auto" takes its place? */
bool pool4_sync_wants_auto(const struct pool4_sync *sync);
