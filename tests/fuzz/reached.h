/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the inputs of a run have reached, all together: so that a corpus which misses something that
 * the session target is for is found out (fuzz_finish()).
 */
#pragma once

#include "daemon/core/outcome.h"
#include "daemon/core/tcp_fsm.h"

enum reached {
	REACHED_BLOCK,            /* a client got a block of ports */
	REACHED_BLOCK_RELEASE,    /* and gave it back */
	REACHED_RANGE,            /* a binding in a client's own range of ports */
	REACHED_HAIRPINNED_ERROR, /* an ICMP error about a hairpinned packet */
	N_REACHED,
};

void reached(enum reached what);
void reached_outcome(enum outcome outcome);
/* How often a TCP session came to a state; TCP_FSM_CLOSED: ended. */
void reached_tcp_state(enum tcp_fsm_state state);

/* Prints the counts. False if one that should not be is zero. */
bool reached_all(void);
