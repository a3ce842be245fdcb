/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel can do and whether this host tracks connections, found out by trying, with
 * nothing left behind.
 */
#pragma once

#include <stdbool.h>

/* Can nf_tables queue? A transaction that is never committed tells. -EOPNOTSUPP: it can not;
 * another error: packet rules do not work at all here, and *ret_error says why. */
int rules_probe_nft_queue(char **ret_error);

/* Can it choose the queue by a hash? */
bool rules_probe_nft_hash(void);

/* Are IPv4 connections tracked in this network namespace? Asking does not begin it. */
bool rules_probe_conntrack(void);
