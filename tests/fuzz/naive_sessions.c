/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See naive_sessions.h.
 */
#include "tests/fuzz/naive_sessions.h"

#include "tests/fuzz/fuzz.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

struct naive_session *naive_sessions_find(struct naive_sessions *sessions, enum protocol protocol,
					  const struct taddr6 *client, const struct taddr4 *peer)
{
	for (unsigned i = 0; i < sessions->n; i++) {
		struct naive_session *session = &sessions->at[i];

		if (session->protocol == protocol && taddr6_equal(&session->client, client) &&
		    taddr4_equal(&session->peer, peer))
			return session;
	}
	return NULL;
}

static struct naive_session *add(struct naive_sessions *sessions, const struct naive_event *event)
{
	REQUIRE(sessions->n < NAIVE_SESSIONS_MAX);
	struct naive_session *session = &sessions->at[sessions->n++];

	*session = (struct naive_session){
		.protocol = event->protocol,
		.client = event->client,
		.peer = event->peer,
		.mapped = event->mapped,
		.pool4 = event->pool4,
	};
	return session;
}

/* 3.5.1 and 3.5.3. */
static void pass_query(struct naive_sessions *sessions, const struct naive_event *event,
		       const struct nat64_config *config, uint64_t now_ms)
{
	struct naive_session *session =
		naive_sessions_find(sessions, event->protocol, &event->client, &event->peer);
	uint32_t lifetime_ms = event->protocol == PROTOCOL_ICMP ? config->icmp_ms : config->udp_ms;

	/* The only port with a lifetime of its own in this world. */
	if (event->protocol == PROTOCOL_UDP && event->peer.port == 53)
		lifetime_ms = config->udp_by_port[0].lifetime_ms;
	if (session && !event->from6 && !config->inbound_refresh)
		return;
	if (!session)
		session = add(sessions, event);
	session->expires_ms = now_ms + lifetime_ms;
}

/* 3.5.2.2, CLOSED. */
static void open_tcp(struct naive_sessions *sessions, const struct naive_event *event,
		     const struct nat64_config *config, uint64_t now_ms)
{
	struct naive_session *session;

	if (!(event->tcp_flags & SYN) || (event->tcp_flags & RST))
		return;
	session = add(sessions, event);
	session->state = event->from6 ? TCP_FSM_V6_INIT : TCP_FSM_V4_INIT;
	session->expires_ms = now_ms + config->tcp_opening_ms;
}

static void set(struct naive_session *session, enum tcp_fsm_state state, uint64_t expires_ms)
{
	session->state = (uint8_t)state;
	session->expires_ms = expires_ms;
}

/* 3.5.2.2, all other states, for a packet. */
static void step_tcp(struct naive_session *session, const struct naive_event *event,
		     const struct nat64_config *config, uint64_t now_ms)
{
	const uint8_t flags = event->tcp_flags;
	const bool rst = flags & RST, syn = !rst && (flags & SYN), fin = !rst && (flags & FIN);
	const bool six = event->from6;
	const uint64_t established_ms = now_ms + config->tcp_established_ms;
	const uint64_t transitory_ms = now_ms + config->tcp_transitory_ms;
	const uint64_t opening_ms = now_ms + config->tcp_opening_ms;

	switch ((enum tcp_fsm_state)session->state) {
	case TCP_FSM_V4_INIT:
		if (syn && six)
			set(session, TCP_FSM_ESTABLISHED, established_ms);
		return;
	case TCP_FSM_V6_INIT:
		if (syn && six)
			set(session, TCP_FSM_V6_INIT, opening_ms);
		if (syn && !six)
			set(session, TCP_FSM_ESTABLISHED, established_ms);
		return;
	case TCP_FSM_ESTABLISHED:
		if (rst)
			set(session, TCP_FSM_TRANS, transitory_ms);
		else if (fin)
			set(session, six ? TCP_FSM_V6_FIN_RCV : TCP_FSM_V4_FIN_RCV, established_ms);
		else
			set(session, TCP_FSM_ESTABLISHED, established_ms);
		return;
	case TCP_FSM_V4_FIN_RCV:
	case TCP_FSM_V6_FIN_RCV:
		if (rst)
			set(session, TCP_FSM_TRANS, transitory_ms);
		else if (fin && six == (session->state == TCP_FSM_V4_FIN_RCV))
			set(session, TCP_FSM_V4V6_FIN_RCV, transitory_ms);
		else
			set(session, (enum tcp_fsm_state)session->state, established_ms);
		return;
	case TCP_FSM_V4V6_FIN_RCV:
		/* RFC 9293, 3.6.1: a new connection on the old ports. */
		if (syn && !(flags & ACK) && six)
			set(session, TCP_FSM_V6_INIT, opening_ms);
		if (syn && !(flags & ACK) && !six && config->external_tcp)
			set(session, TCP_FSM_V4_INIT, opening_ms);
		return;
	case TCP_FSM_TRANS:
		if (!rst)
			set(session, TCP_FSM_ESTABLISHED, established_ms);
		return;
	case TCP_FSM_CLOSED:
	case N_TCP_FSM_STATES:
		break;
	}
	REQUIRE(!"a state that no session has");
}

void naive_sessions_pass(struct naive_sessions *sessions, const struct naive_event *event,
			 const struct nat64_config *config, uint64_t now_ms)
{
	struct naive_session *session;

	if (event->protocol != PROTOCOL_TCP) {
		pass_query(sessions, event, config, now_ms);
		return;
	}
	session = naive_sessions_find(sessions, PROTOCOL_TCP, &event->client, &event->peer);
	if (session)
		step_tcp(session, event, config, now_ms);
	else
		open_tcp(sessions, event, config, now_ms);
}

void naive_sessions_read(const struct nat64 *nat, struct naive_sessions *ret)
{
	ret->n = 0;
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct session_table *table = &nat->sessions[protocol];

		for (uint32_t i = session_next(table, 0); i != SLAB_NONE;
		     i = session_next(table, i + 1)) {
			const struct session *session = session_at(table, i);
			const struct bib_entry *binding = bib_at(&nat->bib[protocol], session->bib);

			REQUIRE(ret->n < NAIVE_SESSIONS_MAX);
			ret->at[ret->n++] = (struct naive_session){
				.protocol = (enum protocol)protocol,
				.client = bib_entry_taddr6(binding),
				.peer = {session->addr4, session->port4},
				.mapped = bib_entry_taddr4(binding),
				.pool4 = binding->pool4,
				.state = session->state,
				.expires_ms = session->expires_ms,
			};
		}
	}
}

bool naive_session_equal(const struct naive_session *one, const struct naive_session *two)
{
	return one->protocol == two->protocol && taddr6_equal(&one->client, &two->client) &&
	       taddr4_equal(&one->peer, &two->peer) && taddr4_equal(&one->mapped, &two->mapped) &&
	       one->pool4 == two->pool4 && one->state == two->state &&
	       one->expires_ms == two->expires_ms;
}
