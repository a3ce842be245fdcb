/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/tcp_fsm.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <string.h>

#define CELL(state, time)                              \
	{                                              \
		TCP_FSM_##state, TCP_FSM_##time, false \
	}
#define PROBE(state, time)                            \
	{                                             \
		TCP_FSM_##state, TCP_FSM_##time, true \
	}

/*
 * RFC 6146, 3.5.2.2, one row for each state. Where RFC 7857 (RST in the FIN states, C-5) or
 * RFC 5382 (a FIN refreshes, C-7) ask for something else than RFC 6146, this is theirs. V4_INIT is
 * that of a forwarded SYN: a stored one waits in syn_store.h.
 */
/* clang-format off */
static const struct tcp_fsm_step steps[N_TCP_FSM_STATES][N_TCP_FSM_EVENTS] = {
	[TCP_FSM_V4_INIT] = {
		[TCP_FSM_V6_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_SYN]   = CELL(V4_INIT, KEEP),
		[TCP_FSM_V6_FIN]   = CELL(V4_INIT, KEEP),
		[TCP_FSM_V4_FIN]   = CELL(V4_INIT, KEEP),
		[TCP_FSM_V6_RST]   = CELL(V4_INIT, KEEP),
		[TCP_FSM_V4_RST]   = CELL(V4_INIT, KEEP),
		[TCP_FSM_V6_OTHER] = CELL(V4_INIT, KEEP),
		[TCP_FSM_V4_OTHER] = CELL(V4_INIT, KEEP),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
	[TCP_FSM_V6_INIT] = {
		[TCP_FSM_V6_SYN]   = CELL(V6_INIT, OPENING),
		[TCP_FSM_V4_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V6_FIN]   = CELL(V6_INIT, KEEP),
		[TCP_FSM_V4_FIN]   = CELL(V6_INIT, KEEP),
		[TCP_FSM_V6_RST]   = CELL(V6_INIT, KEEP),
		[TCP_FSM_V4_RST]   = CELL(V6_INIT, KEEP),
		[TCP_FSM_V6_OTHER] = CELL(V6_INIT, KEEP),
		[TCP_FSM_V4_OTHER] = CELL(V6_INIT, KEEP),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
	[TCP_FSM_ESTABLISHED] = {
		[TCP_FSM_V6_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V6_FIN]   = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_V4_FIN]   = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_V6_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V4_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V6_OTHER] = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_OTHER] = CELL(ESTABLISHED, EST),
		[TCP_FSM_TIMEOUT]  = PROBE(TRANS, TRANSITORY),
	},
	[TCP_FSM_V4_FIN_RCV] = {
		[TCP_FSM_V6_SYN]   = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_V4_SYN]   = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_V6_FIN]   = CELL(V4V6_FIN_RCV, TRANSITORY),
		[TCP_FSM_V4_FIN]   = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_V6_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V4_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V6_OTHER] = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_V4_OTHER] = CELL(V4_FIN_RCV, EST),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
	[TCP_FSM_V6_FIN_RCV] = {
		[TCP_FSM_V6_SYN]   = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_V4_SYN]   = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_V6_FIN]   = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_V4_FIN]   = CELL(V4V6_FIN_RCV, TRANSITORY),
		[TCP_FSM_V6_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V4_RST]   = CELL(TRANS, TRANSITORY),
		[TCP_FSM_V6_OTHER] = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_V4_OTHER] = CELL(V6_FIN_RCV, EST),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
	[TCP_FSM_V4V6_FIN_RCV] = { /* a pure SYN opens anew: tcp_fsm_step() */
		[TCP_FSM_V6_SYN]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V4_SYN]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V6_FIN]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V4_FIN]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V6_RST]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V4_RST]   = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V6_OTHER] = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_V4_OTHER] = CELL(V4V6_FIN_RCV, KEEP),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
	[TCP_FSM_TRANS] = {
		[TCP_FSM_V6_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_SYN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V6_FIN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_FIN]   = CELL(ESTABLISHED, EST),
		[TCP_FSM_V6_RST]   = CELL(TRANS, KEEP),
		[TCP_FSM_V4_RST]   = CELL(TRANS, KEEP),
		[TCP_FSM_V6_OTHER] = CELL(ESTABLISHED, EST),
		[TCP_FSM_V4_OTHER] = CELL(ESTABLISHED, EST),
		[TCP_FSM_TIMEOUT]  = CELL(CLOSED, DELETE),
	},
};
/* clang-format on */

static const char *const state_names[N_TCP_FSM_STATES] = {
	[TCP_FSM_CLOSED] = "",
	[TCP_FSM_V4_INIT] = "v4_init",
	[TCP_FSM_V6_INIT] = "v6_init",
	[TCP_FSM_ESTABLISHED] = "established",
	[TCP_FSM_V4_FIN_RCV] = "v4_fin_rcv",
	[TCP_FSM_V6_FIN_RCV] = "v6_fin_rcv",
	[TCP_FSM_V4V6_FIN_RCV] = "v4v6_fin_rcv",
	[TCP_FSM_TRANS] = "trans",
};

enum tcp_fsm_event tcp_fsm_event(uint8_t tcp_flags, bool from6)
{
	if (tcp_flags & TH_RST)
		return from6 ? TCP_FSM_V6_RST : TCP_FSM_V4_RST;
	if (tcp_flags & TH_SYN)
		return from6 ? TCP_FSM_V6_SYN : TCP_FSM_V4_SYN;
	if (tcp_flags & TH_FIN)
		return from6 ? TCP_FSM_V6_FIN : TCP_FSM_V4_FIN;
	return from6 ? TCP_FSM_V6_OTHER : TCP_FSM_V4_OTHER;
}

struct tcp_fsm_step tcp_fsm_step(enum tcp_fsm_state state, enum tcp_fsm_event event, bool pure_syn,
				 bool external)
{
	assert(state > TCP_FSM_CLOSED && state < N_TCP_FSM_STATES && event < N_TCP_FSM_EVENTS);

	/* C-6: after both FINs a connection may be opened anew with the same ports, RFC
	 * 9293, 3.6.1.
	 */
	if (state == TCP_FSM_V4V6_FIN_RCV && pure_syn) {
		if (event == TCP_FSM_V6_SYN)
			return (struct tcp_fsm_step)CELL(V6_INIT, OPENING);
		if (event == TCP_FSM_V4_SYN && external)
			return (struct tcp_fsm_step)CELL(V4_INIT, OPENING);
	}
	return steps[state][event];
}

const char *tcp_fsm_state_name(enum tcp_fsm_state state)
{
	assert(state < N_TCP_FSM_STATES);
	return state_names[state];
}

bool tcp_fsm_state_parse(const char *name, enum tcp_fsm_state *ret)
{
	for (unsigned state = TCP_FSM_V4_INIT; state < N_TCP_FSM_STATES; state++) {
		if (strcmp(name, state_names[state]) == 0) {
			*ret = (enum tcp_fsm_state)state;
			return true;
		}
	}
	return false;
}
