/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of pool4's entries at run time: what people ask for, checked, done, and said in a
 * sentence. Each is also written down in the list of changes, so that it outlives a reload.
 *
 * Control thread only; takes the gateway's lock itself. pool4_sync_follow() has been called.
 */
#pragma once

#include "daemon/change.h"
#include "daemon/pool4_sync.h"

/* See change.h. Adding what is there already, identically, changes nothing. */
void pool4_change_add(struct pool4_sync *sync, const struct change_pool4 *request,
		      const struct change_options *options, struct change_result *ret);
/* entry: name, id or addresses. One of the file is disabled instead. */
void pool4_change_remove(struct pool4_sync *sync, const char *entry,
			 const struct change_options *options, struct change_result *ret);
void pool4_change_drain(struct pool4_sync *sync, const char *entry,
			const struct change_options *options, struct change_result *ret);
void pool4_change_enable(struct pool4_sync *sync, const char *entry,
			 const struct change_options *options, struct change_result *ret);

/* The same with an entry that is there, in whatever state. */
void pool4_change_use(struct pool4_sync *sync, const struct pool4_entry *entry,
		      const struct change_options *options, struct change_result *ret);

/* The rules have followed: what they have found out about the entry of this change. */
void pool4_change_add_warnings(const struct pool4_sync *sync, struct change_result *result);

/* The rules could not follow: what was added since they last did is taken back. */
void pool4_change_roll_back(struct pool4_sync *sync);
