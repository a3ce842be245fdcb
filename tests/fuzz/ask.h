/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would become of a packet, asked right before it is sent: both must be the same. */
#pragma once

#include "daemon/core/decision.h"

/* The bytes stay as they are. N_OUTCOMES: it is none that can be asked about. */
static inline enum outcome ask(const struct nat64 *nat, const struct packet *packet,
			       uint64_t now_ms)
{
	struct packet look = *packet, question = *packet;
	struct decision decision;

	if (packet_parse(&look) == OUTCOME_TRANSLATED && (look.is_fragment || look.is_icmp_error))
		return N_OUTCOMES;
	return nat64_explain(nat, &question, now_ms, &decision);
}
