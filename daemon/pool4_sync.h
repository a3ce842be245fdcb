/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps three things in step: what the configuration and the host say of pool4 and static bindings,
 * the core's entries, and the kernel's rules. An entry is used only after its rule is in.
 *
 * Control thread only; takes the gateway's lock itself. It does not log: what people should know
 * goes to report().
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/rules.h"

struct pool4_sync;

struct pool4_sync_config {
	struct gateway *gateway;
	void (*report)(int level, const char *text);
};

int pool4_sync_new(const struct pool4_sync_config *config, struct pool4_sync **ret);
void pool4_sync_free(struct pool4_sync *sync);

/*
 * Makes the core's entries and static bindings what config says, with the host's addresses and free
 * ports of now. Entries that are gone are drained; those whose protocols or clients have changed
 * are replaced, and their bindings end; where addresses have changed, bindings at those that are
 * gone end (P-22). Returns how many could not be made, each of them reported. Called at start, at
 * reload, after the host's addresses have changed, and every ten seconds (P-18).
 */
unsigned pool4_sync_follow(struct pool4_sync *sync, const struct config *config);

/*
 * Brings the rules to what the core has, all of them anew or by the difference only, and lets new
 * entries be used. rules NULL: the operator's own rules are there. Errors as in rules.h.
 */
int pool4_sync_rules(struct pool4_sync *sync, struct rules *rules, bool anew, char **ret_error);
