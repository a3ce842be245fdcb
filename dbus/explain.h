/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nat64_explain() has decided, in sentences: one step after the other as the packet meets
 * them, each with a name that programs can rely on (org.nat64d1.xml lists them).
 */
#pragma once

#include "daemon/core/decision.h"

#define EXPLAIN_STEPS_MAX 12
#define EXPLAIN_TEXT_SIZE 256

struct explain_step {
	const char *name;
	char text[EXPLAIN_TEXT_SIZE];
};

struct explanation {
	struct explain_step step[EXPLAIN_STEPS_MAX];
	unsigned n_steps;
};

/* The caller holds the gateway's lock, since before he asked. packet: as nat64_explain() left it.
 */
void explain_decision(const struct nat64 *nat, const struct packet *packet,
		      const struct decision *decision, enum outcome outcome, uint64_t now_ms,
		      struct explanation *ret);

/* What would have to change for such a packet to pass: one sentence; NULL if nothing is amiss, or
 * nothing here would mend it. */
const char *explain_remedy(enum outcome outcome);
