/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances side by side, where iptables' rules queue: the jumps of each match a mark, so the first
 * whose jump matches another one's mark would take that one's packets.
 */
#pragma once

#include "daemon/config.h"

/*
 * saved: what iptables-nft-save printed. Is one of the marks that go with this Queue.Mark also
 * that of an instance whose table is another one? Then a sentence that names it and a Queue.Mark
 * that is nobody's, else NULL. g_free()
 */
char *rules_instances_clash(const char *saved, const char *table, const struct config_mark *mark);

/* The same of what this host has. A negative errno; *ret_error as in rules.h. */
int rules_instances_check(const char *table, const struct config_mark *mark, char **ret_error);
