/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host around the packet rules: forwarding, accept_ra, the route for Pool6.
 *
 * A step says what is to be done, a record what undoes it; both are one line of text:
 *
 *   sysctl net/ipv4/ip_forward 1      write the value
 *   route 2001:db8:64::/96            as a step: add our route; as a record: remove it
 *   unroute 2001:db8:64::/96          a step only: remove our route, of which the record goes, too
 *
 * Records stand in the chain "undo" of the nft table, written before the first step is taken, and
 * are kept when rules are applied again: they tell the host's state before the very first time.
 */
#pragma once

#include "daemon/rules_plan.h"
#include "daemon/rules_route.h"

/* Records out of what nft prints for the chain. */
void rules_host_parse_undo(const char *listing, GPtrArray *ret_records);

/* The steps that this host needs now; their records are added to plan->undo, but none for what is
 * recorded already. */
void rules_host_plan(struct rules_plan *plan, bool forwarding, const struct rules_routes *routes,
		     GPtrArray *ret_steps);
int rules_host_do(const GPtrArray *steps, char **ret_error);
/* Undoes what it can; what has gone meanwhile (an interface, a route) does not count. */
int rules_host_undo(const GPtrArray *records, char **ret_error);

/* The step as a command for a shell. g_free() */
char *rules_host_command(const char *step);
