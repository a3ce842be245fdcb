/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NAT44 beside NAT64 on an address of the host's own (P-24): rules of others, by which the kernel
 * may give NAT44 a port that is pool4's. One sentence for each, with the rule and the command that
 * keeps the two apart.
 *
 * Judged are masquerade and snat in tables that have a nat chain at postrouting, as nft lists them,
 * and those of iptables' table nat. A rule is ours to worry about if its interface has the address
 * (or it names none), or its list of addresses does; maps are not looked into. ICMP identifiers do
 * not count: what the host tracks is left to it.
 */
#pragma once

#include "daemon/rules_plan.h"

struct rules_nat44_address {
	uint32_t addr;
	char link[16];
};

/* One chain as "nft -a list chain" shows it; own: array of struct rules_own; addresses: array of
 * struct rules_nat44_address. Warnings are appended. */
void rules_nat44_judge(const char *family, const char *table, const char *chain,
		       const char *listing, const GArray *own, const GArray *addresses,
		       GPtrArray *ret);
/* What "iptables-save -t nat" prints. */
void rules_nat44_judge_iptables(const char *saved, const GArray *own, const GArray *addresses,
				GPtrArray *ret);

/* Reads the host's rules, and appends to plan->warnings. What can not be read is not judged. */
void rules_nat44_check(struct rules_plan *plan);
