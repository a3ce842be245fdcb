/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine alone; every row of tcp_states.csv is played by test_tcp_states.c. */
#include <glib.h>
#include <netinet/tcp.h>

#include "daemon/core/tcp_fsm.h"

/* Precedence of flags: RST, SYN, FIN, other (tcp_states.csv, first lines). */
static void test_events(void)
{
	static const struct {
		uint8_t flags;
		enum tcp_fsm_event event6;
		enum tcp_fsm_event event4;
	} cases[] = {
		{TH_SYN, TCP_FSM_V6_SYN, TCP_FSM_V4_SYN},
		{TH_SYN | TH_ACK, TCP_FSM_V6_SYN, TCP_FSM_V4_SYN},
		{TH_FIN | TH_ACK, TCP_FSM_V6_FIN, TCP_FSM_V4_FIN},
		{TH_RST, TCP_FSM_V6_RST, TCP_FSM_V4_RST},
		{TH_RST | TH_FIN | TH_ACK, TCP_FSM_V6_RST, TCP_FSM_V4_RST},
		{TH_ACK, TCP_FSM_V6_OTHER, TCP_FSM_V4_OTHER},
		{TH_PUSH | TH_URG, TCP_FSM_V6_OTHER, TCP_FSM_V4_OTHER},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_assert_cmpint(tcp_fsm_event(cases[i].flags, true), ==, cases[i].event6);
		g_assert_cmpint(tcp_fsm_event(cases[i].flags, false), ==, cases[i].event4);
	}
}

/* Only time ends a session, and a cell that keeps the timer keeps the state. */
static void test_table_is_whole(void)
{
	for (unsigned state = TCP_FSM_V4_INIT; state < N_TCP_FSM_STATES; state++) {
		for (unsigned event = 0; event < N_TCP_FSM_EVENTS; event++) {
			struct tcp_fsm_step step = tcp_fsm_step(
				(enum tcp_fsm_state)state, (enum tcp_fsm_event)event, false, true);
			if (event != TCP_FSM_TIMEOUT) {
				g_assert_cmpint(step.next, !=, TCP_FSM_CLOSED);
				g_assert_cmpint(step.timer, !=, TCP_FSM_DELETE);
				g_assert_false(step.probe);
			}
			if (step.timer == TCP_FSM_KEEP)
				g_assert_cmpint(step.next, ==, state);
			g_assert_cmpint(step.timer == TCP_FSM_DELETE, ==,
					step.next == TCP_FSM_CLOSED);
		}
	}
}

/* S-31: only an established session is probed. */
static void test_probe(void)
{
	for (unsigned state = TCP_FSM_V4_INIT; state < N_TCP_FSM_STATES; state++) {
		struct tcp_fsm_step step =
			tcp_fsm_step((enum tcp_fsm_state)state, TCP_FSM_TIMEOUT, false, true);
		g_assert_cmpint(step.probe, ==, state == TCP_FSM_ESTABLISHED);
	}
}

/* C-6: a pure SYN after both FINs opens anew; from outside only if that is allowed. */
static void test_reopening(void)
{
	const enum tcp_fsm_state both = TCP_FSM_V4V6_FIN_RCV;

	g_assert_cmpint(tcp_fsm_step(both, TCP_FSM_V6_SYN, true, false).next, ==, TCP_FSM_V6_INIT);
	g_assert_cmpint(tcp_fsm_step(both, TCP_FSM_V6_SYN, false, true).next, ==, both);
	g_assert_cmpint(tcp_fsm_step(both, TCP_FSM_V4_SYN, true, true).next, ==, TCP_FSM_V4_INIT);
	g_assert_cmpint(tcp_fsm_step(both, TCP_FSM_V4_SYN, true, false).next, ==, both);
	g_assert_cmpint(tcp_fsm_step(both, TCP_FSM_V6_FIN, true, true).next, ==, both);
}

static void test_names(void)
{
	enum tcp_fsm_state found = TCP_FSM_CLOSED;

	for (unsigned state = TCP_FSM_V4_INIT; state < N_TCP_FSM_STATES; state++) {
		const char *name = tcp_fsm_state_name((enum tcp_fsm_state)state);
		g_assert_true(tcp_fsm_state_parse(name, &found));
		g_assert_cmpint(found, ==, state);
	}
	g_assert_false(tcp_fsm_state_parse("", &found));
	g_assert_false(tcp_fsm_state_parse("Established", &found));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tcp_fsm/events", test_events);
	g_test_add_func("/tcp_fsm/table_is_whole", test_table_is_whole);
	g_test_add_func("/tcp_fsm/probe", test_probe);
	g_test_add_func("/tcp_fsm/reopening", test_reopening);
	g_test_add_func("/tcp_fsm/names", test_names);
	return g_test_run();
}
