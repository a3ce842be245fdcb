/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts a snapshot in place of the database of a daemon that does not run: it is what the next start
 * restores. The snapshot may be of another machine or hostile: it is copied, and the copy looked
 * at as nat64d --check does before anything else is touched.
 */
#pragma once

#include <stdbool.h>

#include "schema/store.h"

struct store_restored {
	uint64_t n_bindings;
	uint64_t n_sessions;
	int64_t wall_s; /* when the snapshot was as it is */
	bool is_there;  /* the database there is just that: nothing is done */
	bool had_other; /* there was a database: it is kept as state.db.replaced-TIME */
};

/* dry: only looks. A negative errno with a sentence in text; all is as it was then. -EBUSY: the
 * database is in use. */
int store_restore(const char *directory, const char *file, bool dry, struct store_restored *ret,
		  char text[STORE_TEXT_SIZE]);
