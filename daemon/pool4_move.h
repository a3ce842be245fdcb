/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An entry of pool4 moves to other addresses while it is in use, in two steps: what is gone goes
 * before the rules change, what is new comes after them (P-22). Bindings at addresses that stay
 * live on.
 *
 * The gateway's lock is held by the caller.
 */
#pragma once

#include "daemon/core/nat64.h"

/* One sentence for the log. */
#define POOL4_MOVE_TEXT_SIZE 256

bool pool4_move_is_needed(const struct pool4_entry *entry, const struct pool4_spec *wanted);
/* Or has it other ports than it is to? */
bool pool4_move_differs(const struct pool4_entry *entry, const struct pool4_spec *wanted);

/*
 * Takes away what is not wanted; its bindings are still to be ended (nat64_end_bindings()). If
 * nothing of the entry stays, it gets the new addresses at once and is pending. False if it can not
 * move now: it is to be replaced. text is empty if no address is gone.
 */
bool pool4_move_from(struct nat64 *nat, uint32_t id, const struct pool4_spec *wanted,
		     char text[POOL4_MOVE_TEXT_SIZE]);

/* Brings what is new, ports included (pool4_set_places()). text as above. */
enum pool4_result pool4_move_to(struct nat64 *nat, uint32_t id, const struct pool4_spec *wanted,
				char text[POOL4_MOVE_TEXT_SIZE], uint32_t *ret_other);

/* "203.0.113.9", or how many there are if that would be long. */
#define POOL4_MOVE_ADDRESSES_SIZE 128
const char *pool4_move_print(const struct addr4_range *range, uint32_t n_ranges,
			     char text[POOL4_MOVE_ADDRESSES_SIZE]);
