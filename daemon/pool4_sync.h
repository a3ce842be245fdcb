/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps three things in step: what the configuration, the changes at run time and the host say of
 * pool4 and static bindings; the core's entries; and the kernel's rules. An entry is used only
 * after its rule is in.
 *
 * Control thread only; takes the gateway's lock itself. It does not log: what people should know
 * goes to report().
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/rules.h"

struct kept_row;
struct pool4_sync;

struct pool4_sync_config {
	struct gateway *gateway;
	void (*report)(int level, const char *text);
	/* An entry is new, is gone, or has another state. May be NULL. */
	void (*changed)(void *context, uint32_t id);
	/* Once: the first entries are there, and no binding yet, so what was stored can come back.
	 * Static ones that nobody wants any more end after that. May be NULL. */
	void (*restore)(void *context);
	void *context;
};

int pool4_sync_new(const struct pool4_sync_config *config, struct pool4_sync **ret);
void pool4_sync_free(struct pool4_sync *sync);

/* What was changed at run time before the start (kept.h), before anything is followed. */
void pool4_sync_restore(struct pool4_sync *sync, const struct config *config,
			const GPtrArray *rows);
/* What has changed since the last time, as rows to keep; and the row that is to be kept under the
 * key of this one. */
void pool4_sync_take_kept(struct pool4_sync *sync, GPtrArray *ret);
struct kept_row *pool4_sync_kept_now(const struct pool4_sync *sync, const struct kept_row *row);

/*
 * Makes the core's entries and static bindings what config says, with the changes at run time, the
 * host's addresses and free ports of now. Entries that are gone are drained; those whose addresses,
 * protocols or clients have changed are replaced, and their bindings end. Returns how many of the
 * configuration could not be made; those and what was added at run time are reported, and tried
 * again. Called at start, at reload, and every ten seconds (P-18).
 * config stays until the next call with another one.
 */
unsigned pool4_sync_follow(struct pool4_sync *sync, const struct config *config);

/* Static bindings that have made way for restored ones (persist_make_way()) are made again,
 * elsewhere in the table. */
void pool4_sync_renew_statics(struct pool4_sync *sync);

/* How much of the rules is brought to what the core has. */
enum pool4_sync_extent {
	POOL4_SYNC_ANEW,       /* all, whatever is there */
	POOL4_SYNC_DIFFERENCE, /* what differs, wherever that is */
	POOL4_SYNC_PENDING,    /* what waits: new entries have come since the last time, and
				* nothing else has happened */
};

/*
 * Brings the rules to what the core has, and lets new entries be used. rules NULL: the operator's
 * own rules are there. Errors as in rules.h.
 */
int pool4_sync_rules(struct pool4_sync *sync, struct rules *rules, enum pool4_sync_extent extent,
		     char **ret_error);

/* Takes out the draining entries whose last binding has ended. True if there were any: then the
 * rules are to follow. */
bool pool4_sync_reap(struct pool4_sync *sync);
