/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How packets for pool4 come to this host, and for which addresses the kernel is to answer ARP
 * (Pool4.Announce). Pure: no system calls.
 *
 * An address in the subnet of a link is asked for by ARP there. The kernel answers for what is
 * local, and a route "local PREFIX dev lo" makes a whole prefix local without a single address. Any
 * other address is sent here by a router. What is announced is not the host's: our rules take it
 * before routing, and drop what would reach a local socket all the same (P-23).
 *
 * Never announced: what is configured on an interface; the next hop of a route, which the host
 * would lose sight of; and what the rules leave to the kernel (exempt, or routed natively, A-18).
 */
#pragma once

#include "daemon/rules_plan.h"
#include "daemon/rules_route.h"

/* Fills plan->announce, plan->reach and plan->warnings. After rules_plan_set_native(). */
void rules_announce_plan(struct rules_plan *plan, const struct rules_entry *entries,
			 uint32_t n_entries, const uint32_t *own, size_t n_own,
			 const struct rules_routes *routes);

/* The same for entries in addition, if nothing on this host has to do with them, so that a router
 * sends what is for them: plan->reach is about these alone then. Else false. */
bool rules_announce_add(struct rules_plan *plan, const struct rules_entry *entries,
			uint32_t n_entries, const uint32_t *own, size_t n_own,
			const struct rules_routes *routes);

/* The prefixes that the range consists of, appended: array of struct prefix4. */
void rules_announce_split(const struct addr4_range *range, GArray *ret);
