/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors on their way through the gateway (RFC 6146, 3.4 to 3.6; I-12 to I-21; H-6): about
 * packets that were translated before, so they find a binding or go nowhere, and change nothing.
 */
#pragma once

#include "daemon/core/nat64.h"

/* The type and code have a counterpart. pool6: index of the prefix of the outer destination. */
enum outcome icmp_transit_6to4(struct nat64 *nat, struct packet *packet, uint8_t pool6,
			       struct out *out);
enum outcome icmp_transit_4to6(struct nat64 *nat, struct packet *packet, struct out *out);
