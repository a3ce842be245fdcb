/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet rules in nft's words. Text only: rules_kernel.c runs it.
 */
#pragma once

#include "daemon/rules_plan.h"

/* Everything that changes while the daemon runs is a set. */
enum rules_set {
	RULES_SET_POOL6,
	RULES_SET_EXEMPT6,
	RULES_SET_NATIVE6,
	RULES_SET_EXEMPT4,
	RULES_SET_NATIVE4,
	RULES_SET_POOL4,
	RULES_SET_OWN,
	RULES_SET_OWN_PORTS,
	RULES_SET_OWN_IDS,
	RULES_SET_ANNOUNCED,
	N_RULES_SETS,
};

/* The elements of a set, separated by commas; "" if it is empty. g_free() */
char *rules_nft_elements(const struct rules_plan *plan, enum rules_set set);

/* The whole table; one transaction that takes the place of what was there. g_free() */
char *rules_nft_table(const struct rules_plan *plan);

/* The name of a set, as it stands in the table. */
const char *rules_nft_set_name(enum rules_set set);

/* The same rules under the table's name with this behind it, without the records. nf_tables makes
 * new rules valid before the elements of new or refilled sets can be found: for some microseconds
 * nothing would match, and packets would pass. A second table that is complete by then takes them.
 * pool4: the addresses that it takes, or NULL: all. g_free() */
#define RULES_STAND_IN "-stand-in"
char *rules_nft_stand_in(const struct rules_plan *plan, GArray *pool4);

/* Puts plan->undo in the place of the records that are there; part of a transaction. */
void rules_nft_rewrite_undo(GString *text, const struct rules_plan *plan);

/* What a set that may be large has, as an array of struct addr4_range; NULL: another set. Such sets
 * are changed by rules_batch.h. */
GArray *rules_nft_ranges(const struct rules_plan *plan, enum rules_set set);

/* Empties a set and fills it; part of a transaction. */
void rules_nft_refill(GString *text, const struct rules_plan *plan, enum rules_set set,
		      const char *elements);
