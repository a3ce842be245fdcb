/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds after each action on the stage: the sessions are as they should be, to the
 * millisecond, and everything else is in order.
 */
#include "tests/fuzz/reached.h"
#include "tests/fuzz/stage.h"

/* An established connection is probed once, and then has the time to answer (S-31). */
static bool was_probed(const struct stage *stage, const struct naive_session *before,
		       const struct naive_session *now)
{
	struct naive_session probed = *before;

	if (before->protocol != PROTOCOL_TCP || before->state != TCP_FSM_ESTABLISHED)
		return false;
	probed.state = TCP_FSM_TRANS;
	probed.expires_ms = stage->now_ms + stage->nat->config.tcp_transitory_ms;
	return naive_session_equal(&probed, now);
}

/* The tables against the naive sessions, which are those of before with what the action should have
 * done to them. */
static void check_sessions(struct stage *stage, bool is_expiry)
{
	struct naive_sessions now;
	unsigned n_found = 0;

	naive_sessions_read(stage->nat, &now);
	for (unsigned i = 0; i < now.n; i++) {
		const struct naive_session *session = &now.at[i];
		const struct naive_session *naive = naive_sessions_find(
			&stage->sessions, session->protocol, &session->client, &session->peer);

		REQUIRE(naive); /* nothing but an action makes a session */
		n_found++;
		if (is_expiry && naive->expires_ms <= stage->now_ms &&
		    was_probed(stage, naive, session))
			continue;
		REQUIRE(session->state == naive->state);
		REQUIRE(session->expires_ms == naive->expires_ms);
		REQUIRE(naive_session_equal(session, naive));
	}
	for (unsigned i = 0; n_found < stage->sessions.n && i < stage->sessions.n; i++) {
		const struct naive_session *naive = &stage->sessions.at[i];

		if (naive_sessions_find(&now, naive->protocol, &naive->client, &naive->peer))
			continue;
		REQUIRE(is_expiry && naive->expires_ms <= stage->now_ms); /* K-13 */
		if (naive->protocol == PROTOCOL_TCP)
			reached_tcp_state(TCP_FSM_CLOSED);
		n_found++;
	}
	stage->sessions = now;
}

/* Counts sessions that are new, and states that are. */
static void count_new(struct stage *stage)
{
	for (unsigned i = 0; i < stage->sessions.n; i++) {
		const struct naive_session *session = &stage->sessions.at[i];
		const struct naive_session *old =
			naive_sessions_find(&stage->sessions_before, session->protocol,
					    &session->client, &session->peer);

		if (!old)
			stage->n_created[session->protocol]++;
		if (session->protocol == PROTOCOL_TCP && (!old || old->state != session->state))
			reached_tcp_state((enum tcp_fsm_state)session->state);
	}
}

/* P-11, S-2, naively. */
static void check_bindings(const struct naive_bindings *bindings)
{
	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *one = &bindings->at[i];

		for (unsigned j = 0; j < i; j++) {
			const struct naive_binding *other = &bindings->at[j];

			REQUIRE(one->protocol != other->protocol ||
				!taddr4_equal(&one->mapped, &other->mapped));
			REQUIRE(one->protocol != other->protocol ||
				!taddr6_equal(&one->client, &other->client));
		}
	}
}

static void check_counters(const struct stage *stage)
{
	const struct nat64 *nat = stage->nat;
	uint64_t n = 0;

	for (unsigned i = 0; i < N_OUTCOMES; i++)
		n += nat->counters.packets[0][i] + nat->counters.packets[1][i];
	REQUIRE(n == stage->n_received);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		REQUIRE(nat->counters.sessions_created[i] == stage->n_created[i]);
}

static void note_stored(struct stage *stage)
{
	const struct syn_store *store = &stage->nat->syns;

	stage->stored.n = 0;
	for (uint32_t i = store->oldest; i != SLAB_NONE; i = syn_store_at(store, i)->newer) {
		REQUIRE(stage->stored.n < STAGE_SYNS); /* S-36 */
		stage->stored.at[stage->stored.n].mapped = syn_store_at(store, i)->mapped;
		stage->stored.at[stage->stored.n++].peer = syn_store_at(store, i)->peer;
	}
}

void stage_check(struct stage *stage, bool is_expiry)
{
	struct naive_bindings bindings;

	check_sessions(stage, is_expiry);
	count_new(stage);
	naive_bindings_read(stage->nat, &bindings);
	check_bindings(&bindings);
	stage_check_ports(stage, &bindings);
	stage_check_limits(stage, &bindings);
	check_counters(stage);
	REQUIRE(nat64_check(stage->nat));
	REQUIRE(stage->sessions.n <= STAGE_SESSIONS && bindings.n <= STAGE_BINDINGS);
	note_stored(stage);
	stage->sessions_before = stage->sessions;
	stage->bindings_before = bindings;
}
