/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the daemon that runs for its rules. It knows more than the files say, as what was added at
 * run time; who put the table in place by the files beside it would let packets to that pass until
 * the daemon has noticed. The question is an empty chain in the table, named "renew": the daemon
 * sees that its table is not as it was, and puts it in place anew, and with that the chain is gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Has somebody asked? table: its name. */
bool rules_renew_is_asked(const char *table);

/* Does somebody read the queues to which the rules send packets, so that what is taken away is put
 * in place anew? rules: the table's, of rules_in_kernel(). Where iptables queues, they name no
 * queue. */
bool rules_renew_is_kept(const char *table, const char *rules);

/*
 * Asks and waits. 0: done. -ESRCH: there is no such table in this network namespace, or nobody
 * reads that queue. -ETIMEDOUT: whoever reads it has not done it within so many milliseconds.
 */
int rules_renew_ask(const char *table, uint32_t queue, unsigned patience_ms);
