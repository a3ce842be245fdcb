/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configuration says about addresses: which are ours, exempt, allowed or denied. Pure
 * questions to nat->config and the world; nothing here changes.
 */
#pragma once

#include "daemon/core/nat64.h"

/* Index of the Pool6 prefix that contains addr, or -1. */
int policy_pool6_of(const struct nat64 *nat, const struct addr6 *addr);

/* The prefix behind an index kept in a session or binding; if that prefix has been removed, the
 * first one there is. */
const struct prefix6 *policy_pool6(const struct nat64 *nat, uint8_t index);

/* left to the kernel by the configuration. */
bool policy_exempt6(const struct nat64 *nat, const struct addr6 *addr);
bool policy_exempt4(const struct nat64 *nat, uint32_t addr);
/* The same for a server's port; of ICMP none. */
bool policy_exempt_server(const struct nat64 *nat, enum protocol protocol,
			  const struct taddr4 *server);

/* not to be shown through this prefix. */
bool policy_nonglobal(const struct nat64 *nat, uint8_t pool6, uint32_t addr4);

/* may nothing go to this IPv4 destination? hairpinned: it is ours to translate again, and not
 * the host's own. */
bool policy_denied4(const struct nat64 *nat, uint32_t dst4, bool hairpinned);

/* I-30: may this IPv4 source open nothing? */
bool policy_denied_source4(const struct nat64 *nat, uint32_t src4);

/* Asked about every packet that has no session yet: OUTCOME_TRANSLATED, or why not. */
enum outcome policy_new_session(const struct nat64 *nat, const struct addr6 *client, uint8_t pool6,
				uint32_t dst4, bool hairpinned);
