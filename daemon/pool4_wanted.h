/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entries of pool4 as they should be now: what the configuration says and what was changed at
 * run time, with the addresses and free ports that the host has at this moment (P-18).
 *
 * Asks the kernel; control thread only, without the gateway's lock.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/pool4_auto.h"
#include "daemon/pool4_runtime.h"

/* The entry that exists while there is no other. */
#define POOL4_WANTED_AUTO "auto"

struct pool4_wanted {
	struct pool4_spec spec; /* spec.addresses is addresses->data: sorted, merged; may be none */
	GArray *addresses;
	enum pool4_intent intent;
	/* For the user: the core has refused it, or its new addresses and ports, and that was
	 * reported. */
	bool tried;
	bool change_refused;
	bool ports_auto;
};

/* In the order of the files, then of being added. */
struct pool4_wanted_list {
	GPtrArray *entries; /* of struct pool4_wanted */
	GHashTable *by_name;
};

/* Reads the host's addresses anew. An entry whose interfaces have no address now is there without
 * addresses; auto without a default route is left out. */
struct pool4_wanted_list *pool4_wanted_new(struct pool4_auto *autos, const struct config *config,
					   const struct pool4_runtime *runtime);
void pool4_wanted_free(struct pool4_wanted_list *list);

/* NULL if there is none, or no list yet. */
struct pool4_wanted *pool4_wanted_find(const struct pool4_wanted_list *list, const char *name);

/* One entry, with the host's addresses as they were read last. */
struct pool4_wanted *pool4_wanted_entry(struct pool4_auto *autos, const struct config_pool4 *entry);
void pool4_wanted_entry_free(struct pool4_wanted *wanted);
/* Takes it over. Its name stays as it is. */
void pool4_wanted_add(struct pool4_wanted_list *list, struct pool4_wanted *wanted);
void pool4_wanted_remove(struct pool4_wanted_list *list, const char *name);
