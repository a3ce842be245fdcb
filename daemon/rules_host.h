/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host around the packet rules: forwarding, accept_ra, links with too large superpackets, the
 * route for Pool6, the routes that announce pool4.
 *
 * A step says what is to be done, a record what undoes it; both are one line of text:
 *
 *   sysctl net/ipv4/ip_forward 1      write the value
 *   link eth0 65000 65000 0 0         set the sizes of superpackets (rules_links.h)
 *   route 2001:db8:64::/96            as a step: add our route; as a record: remove it
 *   unroute 2001:db8:64::/96          a step only: remove our route, of which the record goes, too
 *   announce 192.0.2.8/29             as a step: add our local route; as a record: remove it
 *   withdraw 192.0.2.8/29             a step only, as unroute
 *
 * Withdrawing and unrouting come before the rules change, announcing and routing after that: what
 * is local must not be without its rule for a moment, and who puts other rules in place as soon as
 * they change (the daemon, behind a script) must not take a route for there that is about to go. So
 * do the records, which are undone before the table goes.
 *
 * Records stand in the chain "undo" of the nft table, written before the first step is taken, and
 * are kept when rules are applied again: they tell the host's state before the very first time.
 */
#pragma once

#include "daemon/rules_plan.h"
#include "daemon/rules_route.h"

/* The IPv4 addresses of all interfaces, appended: array of uint32_t. */
int rules_host_addresses(GArray *ret);
/* The steps that this host needs now; their records are added to plan->undo, but none for what is
 * recorded already. */
void rules_host_plan(struct rules_plan *plan, bool forwarding, const struct rules_routes *routes,
		     GPtrArray *ret_before, GPtrArray *ret_after);
/* The same for what is announced. Array of prefixes that are so now: announced4 of the routes.
 * True if the records have changed. */
bool rules_host_plan_announce(struct rules_plan *plan, const GArray *announced,
			      GPtrArray *ret_before, GPtrArray *ret_after);
int rules_host_do(const GPtrArray *steps, char **ret_error);
/* Undoes what it can; what has gone meanwhile (an interface, a route) does not count. */
int rules_host_undo(const GPtrArray *records, char **ret_error);

/* The step as a command for a shell. g_free() */
char *rules_host_command(const char *step);
