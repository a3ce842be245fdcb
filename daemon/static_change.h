/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of bindings at run time (S-5): static ones are made, any can be ended. See
 * pool4_change.h.
 */
#pragma once

#include "daemon/change.h"
#include "daemon/pool4_sync.h"

/* A static binding, for each of the protocols or none. */
void static_change_add(struct pool4_sync *sync, const struct change_bib *request,
		       const struct change_options *options, struct change_result *ret);
/* Those that match what is given of both sides, static or not; the others of the protocols need
 * not be there. */
void static_change_remove(struct pool4_sync *sync, const struct change_bib *request,
			  const struct change_options *options, struct change_result *ret);

/* The rules could not follow: static bindings are as they were when they last did. Dynamic ones
 * that have ended do not come back. Before pool4_change_roll_back(). */
void static_change_roll_back(struct pool4_sync *sync);
