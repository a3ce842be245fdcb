/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NFQUEUE rules for kernels whose nf_tables can not queue, made with iptables-nft: one jump per
 * family and hook into a chain of our own, named as the nft table. Only our jumps and chains are
 * ever touched, and the built-in tables and chains that came into being with them.
 */
#pragma once

#include "daemon/rules_plan.h"
#include "daemon/rules_stamp.h"

enum rules_family { RULES_FAMILY4, RULES_FAMILY6, N_RULES_FAMILIES };

/* What iptables-nft-restore --noflush is to read. saved: what iptables-nft-save printed before, of
 * which our jumps are taken out; NULL = there are none. g_free() */
char *rules_iptables_text(const struct rules_plan *plan, enum rules_family family,
			  const char *saved);

/* "iptables-nft-restore", and for IPv6 "ip6tables-nft-restore" */
const char *rules_iptables_restore_program(enum rules_family family);

/* Adds to plan->undo which built-in tables and chains iptables is about to create. */
void rules_iptables_note(struct rules_plan *plan);
int rules_iptables_apply(const struct rules_plan *plan, char **ret_error);
/* The first queue that our chains send to, as iptables says. False: they are not there, or nobody
 * can say. */
bool rules_iptables_queue(const char *table, uint32_t *ret);
/* Are our jumps there? */
bool rules_iptables_present(const struct rules_plan *plan);
/* What our chains have; of a plan that has none there it is nothing. */
void rules_iptables_stamp(const struct rules_plan *plan, struct rules_digest *ret);

/* Takes away our jumps and chains, and what the records in undo say that was created; takes these
 * records out of undo. *ret_changed is set if there was anything, else untouched. */
int rules_iptables_remove(const char *table, GPtrArray *undo, bool *ret_changed, char **ret_error);
