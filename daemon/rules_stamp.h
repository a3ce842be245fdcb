/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * By what to tell whether nf_tables still has what was put there: the kernel numbers tables, chains
 * and rules (handles), and whoever puts one anew, or another, gets a new number. What sets have is
 * told by the elements themselves.
 *
 * All of it is reading. 0 or a negative errno; -ENOENT: there is none of that name. A digest is of
 * no use but to be compared with another.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/addr4_ranges.h"

/* Adds up, in any order. */
struct rules_digest {
	uint64_t n;
	uint64_t sum;
};

void rules_digest_add(struct rules_digest *digest, const struct rules_digest *more);
bool rules_digest_equal(const struct rules_digest *a, const struct rules_digest *b);

/* Goes on by one with each transaction of anybody in this network namespace. */
int rules_stamp_generation(uint32_t *ret);

/* A table of family inet: itself, its chains and the rules in their order, apart from those in the
 * chain "undo", which other instances write to. */
int rules_stamp_table(const char *table, struct rules_digest *ret);

/* The rules of one chain; family: "ip" or "ip6". */
int rules_stamp_chain(const char *family, const char *table, const char *chain,
		      struct rules_digest *ret);

/* What a set of a table of family inet has. */
int rules_stamp_set(const char *table, const char *set, struct rules_digest *ret);
/* What it would be if these ranges, of which no two touch, were all. */
void rules_stamp_ranges(const struct addr4_range *range, uint32_t n, struct rules_digest *ret);
