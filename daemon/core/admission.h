/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose is a packet, and may it have the addresses that it has (RFC 6146, 3.5, P-23)?
 * Asked before the tables are, and again about packets that nothing in the tables wants.
 */
#pragma once

#include "daemon/core/nat64.h"

/* A packet from the IPv6 side: OUTCOME_TRANSLATED with the index of its prefix and the embedded
 * address, or why it goes no further. */
enum outcome admission_6to4(const struct nat64 *nat, const struct packet *packet, int *ret_pool6,
			    uint32_t *ret_peer4);

/* A packet from the IPv4 side; whether it is for pool4 is seen with its binding. */
enum outcome admission_4to6(const struct nat64 *nat, const struct packet *packet);

/* An inbound packet has ended as outcome: if no binding wants it, it may be the host's (P-23) or
 * the kernel's after all. */
enum outcome admission_unbound_4to6(const struct nat64 *nat, const struct packet *packet,
				    enum outcome outcome);

/* The same for a packet of either side that packet_parse() has refused as outcome. */
enum outcome admission_refused(const struct nat64 *nat, const struct packet *packet,
			       enum outcome outcome);
