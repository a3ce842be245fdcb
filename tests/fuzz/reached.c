/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See reached.h.
 */
#include "tests/fuzz/reached.h"

#include <stdio.h>

/* These are what is met with limits, blocked clients and hairpinning. */
static const enum outcome wanted[] = {
	OUTCOME_HAIRPINNED,       OUTCOME_CLIENT_BLOCKED,  OUTCOME_ADDRESS_BINDINGS,
	OUTCOME_CLIENT_BINDINGS,  OUTCOME_CLIENT_RATE,     OUTCOME_CLIENT_SESSIONS,
	OUTCOME_BINDING_SESSIONS, OUTCOME_POOL4_EXHAUSTED,
};

static const char *const names[] = {"block", "block release", "range", "hairpinned error"};
_Static_assert(sizeof(names) / sizeof(names[0]) == N_REACHED, "one name for each");

static uint64_t n_states[N_TCP_FSM_STATES];
static uint64_t n_outcomes[N_OUTCOMES];
static uint64_t n_others[N_REACHED];

void reached(enum reached what)
{
	n_others[what]++;
}

void reached_outcome(enum outcome outcome)
{
	n_outcomes[outcome]++;
}

void reached_tcp_state(enum tcp_fsm_state state)
{
	n_states[state]++;
}

static bool print(const char *lead, const char *name, uint64_t n)
{
	printf("%s%s %llu", lead, name, (unsigned long long)n);
	return n > 0;
}

bool reached_all(void)
{
	bool all = true;

	for (unsigned i = 0; i < N_TCP_FSM_STATES; i++)
		all &= print(i == 0 ? "# tcp states: " : ", ",
			     i == 0 ? "closed" : tcp_fsm_state_name((enum tcp_fsm_state)i),
			     n_states[i]);
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		all &= print(i == 0 ? "\n# outcomes: " : ", ", outcome_info(wanted[i])->name,
			     n_outcomes[wanted[i]]);
	for (unsigned i = 0; i < N_REACHED; i++)
		all &= print(i == 0 ? "\n# others: " : ", ", names[i], n_others[i]);
	printf("\n");
	return all;
}
