/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP session state machine, RFC 6146, 3.5.2, as a table (tests/vectors/tcp_states.csv).
 *
 * It moves from state to state and names the lifetime; it knows no tables and no packets. What the
 * first segment of a session does (state CLOSED) is filter.c's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum tcp_fsm_state {
	TCP_FSM_CLOSED, /* no session; never stored */
	TCP_FSM_V4_INIT,
	TCP_FSM_V6_INIT,
	TCP_FSM_ESTABLISHED,
	TCP_FSM_V4_FIN_RCV,
	TCP_FSM_V6_FIN_RCV,
	TCP_FSM_V4V6_FIN_RCV,
	TCP_FSM_TRANS,
	N_TCP_FSM_STATES,
};

enum tcp_fsm_event {
	TCP_FSM_V6_SYN,
	TCP_FSM_V4_SYN,
	TCP_FSM_V6_FIN,
	TCP_FSM_V4_FIN,
	TCP_FSM_V6_RST,
	TCP_FSM_V4_RST,
	TCP_FSM_V6_OTHER,
	TCP_FSM_V4_OTHER,
	TCP_FSM_TIMEOUT,
	N_TCP_FSM_EVENTS,
};

enum tcp_fsm_timer {
	TCP_FSM_KEEP,       /* lifetime untouched */
	TCP_FSM_EST,        /* Timeouts.TCPEstablished */
	TCP_FSM_TRANSITORY, /* Timeouts.TCPTransitory */
	TCP_FSM_OPENING,    /* Timeouts.TCPOpening (K-4) */
	TCP_FSM_DELETE,     /* the session ends */
};

struct tcp_fsm_step {
	enum tcp_fsm_state next;
	enum tcp_fsm_timer timer;
	bool probe; /* S-31 */
};

enum tcp_fsm_event tcp_fsm_event(uint8_t tcp_flags, bool from6);

/* state is not CLOSED. pure_syn: SYN without ACK; external: the IPv4 side may open (C-6). */
struct tcp_fsm_step tcp_fsm_step(enum tcp_fsm_state state, enum tcp_fsm_event event, bool pure_syn,
				 bool external);

/* "established", "v4_init", ...; "" for CLOSED, which is also the state of UDP and ICMP sessions.
 */
const char *tcp_fsm_state_name(enum tcp_fsm_state state);
bool tcp_fsm_state_parse(const char *name, enum tcp_fsm_state *ret);
