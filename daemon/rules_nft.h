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
	N_RULES_SETS,
};

/* The elements of a set, separated by commas; "" if it is empty. g_free() */
char *rules_nft_elements(const struct rules_plan *plan, enum rules_set set);

/* The whole table; one transaction that takes the place of what was there. g_free() */
char *rules_nft_table(const struct rules_plan *plan);

/* Empties a set and fills it; part of a transaction. */
void rules_nft_refill(GString *text, const struct rules_plan *plan, enum rules_set set,
		      const char *elements);
