/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our table in the kernel: put there as a whole, or changed where it differs from the plan.
 *
 * The elements of the sets that may be large are changed one by one (rules_batch.h), other sets are
 * filled anew. Where something is taken out only to be put in again, a stand-in takes packets
 * meanwhile (rules_nft.h).
 */
#pragma once

#include "daemon/rules_nft.h"
#include "daemon/rules_stamp.h"

/* What its sets have; zeroed: it is not known. */
struct rules_table {
	GArray *ranges[N_RULES_SETS];          /* sets that may be large: struct addr4_range */
	char *words[N_RULES_SETS];             /* the others, as nft says it */
	struct rules_digest set[N_RULES_SETS]; /* and as the kernel has it */
	struct rules_digest stamp;             /* of the table without what sets have */
};

/* there: takes the place of what stands under this name. Errors as in rules.h. */
int rules_table_put(struct rules_table *table, const struct rules_plan *plan, bool there,
		    char **ret_error);

/* After rules_table_put(): makes it what the plan says; undo: with its records. False: the kernel
 * refuses, most likely because it has something else by now. Then it is to be put anew. */
bool rules_table_change(struct rules_table *table, const struct rules_plan *plan, bool undo);

/* Has the kernel what was put there, and nothing else? False also if that can not be read. Takes
 * the longer, the more there is. */
bool rules_table_is_ours(const struct rules_table *table, const struct rules_plan *plan);

void rules_table_forget(struct rules_table *table);
