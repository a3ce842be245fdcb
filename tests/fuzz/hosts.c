/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See hosts.h.
 */
#include "tests/fuzz/hosts.h"

#include <string.h>

#include "tests/fuzz/raw_packet.h"
#include "tests/fuzz/reached.h"

static bool flags_are_bad(uint8_t flags)
{
	return flags == 0 || ((flags & TH_SYN) && (flags & (TH_FIN | TH_RST)));
}

/* An IPv4 transport address to knock at: mostly somebody's. */
static struct taddr4 mapped_of(const struct stage *stage, enum protocol protocol, unsigned which,
			       unsigned port)
{
	const uint32_t binding = stage_binding(stage, protocol, which);

	if (which % 8 < 7 && binding != SLAB_NONE)
		return bib_entry_taddr4(bib_at(&stage->nat->bib[protocol], binding));
	return (struct taddr4){port % 2 ? STAGE_POOL4_FIRST : STAGE_POOL4_SECOND,
			       (uint16_t)(STAGE_PORT + port / 2 % 8)};
}

/* Whose IPv4 side it is. */
static bool event_of_mapped(const struct stage *stage, enum protocol protocol,
			    const struct taddr4 *mapped, struct naive_event *ret)
{
	const struct bib *bib = &stage->nat->bib[protocol];
	const uint32_t index = bib_find4(bib, mapped);

	if (index == SLAB_NONE)
		return false;
	*ret = (struct naive_event){
		.protocol = protocol,
		.client = bib_entry_taddr6(bib_at(bib, index)),
		.mapped = *mapped,
		.pool4 = bib_at(bib, index)->pool4,
	};
	return true;
}

static bool event_of_client(const struct stage *stage, enum protocol protocol,
			    const struct taddr6 *client, struct naive_event *ret)
{
	const struct bib *bib = &stage->nat->bib[protocol];
	const uint32_t index = bib_find6(bib, client);

	if (index == SLAB_NONE)
		return false;
	*ret = (struct naive_event){
		.protocol = protocol,
		.client = *client,
		.mapped = bib_entry_taddr4(bib_at(bib, index)),
		.pool4 = bib_at(bib, index)->pool4,
		.from6 = true,
	};
	return true;
}

static bool is_known(struct stage *stage, const struct naive_event *event)
{
	return naive_sessions_find(&stage->sessions, event->protocol, &event->client, &event->peer);
}

/* S-29: the client has opened towards a peer whose SYN was waiting. */
static void meet_stored(struct stage *stage, const struct naive_event *event)
{
	struct naive_session *session = naive_sessions_find(&stage->sessions, event->protocol,
							    &event->client, &event->peer);

	for (unsigned i = 0; i < stage->stored.n; i++) {
		if (!taddr4_equal(&stage->stored.at[i].mapped, &event->mapped) ||
		    !taddr4_equal(&stage->stored.at[i].peer, &event->peer))
			continue;
		session->state = TCP_FSM_ESTABLISHED;
		session->expires_ms = stage->now_ms + stage->nat->config.tcp_established_ms;
	}
}

/* The event has happened: so it does to the naive sessions. */
static void pass(struct stage *stage, const struct naive_event *event)
{
	const unsigned n = stage->sessions.n;

	naive_sessions_pass(&stage->sessions, event, &stage->nat->config, stage->now_ms);
	if (stage->sessions.n > n && event->protocol == PROTOCOL_TCP && event->from6)
		meet_stored(stage, event);
}

/* The first half of a hairpinned packet may have made a session, although the second did not pass.
 */
static void pass_if_so(struct stage *stage, const struct naive_event *event)
{
	const struct naive_sessions before = stage->sessions;
	const struct naive_session *expected, *session;
	struct naive_sessions now;

	pass(stage, event);
	naive_sessions_read(stage->nat, &now);
	expected = naive_sessions_find(&stage->sessions, event->protocol, &event->client,
				       &event->peer);
	session = naive_sessions_find(&now, event->protocol, &event->client, &event->peer);
	if (!expected || !session || !naive_session_equal(expected, session))
		stage->sessions = before;
}

/* What went out is from and to where the binding says (S-3, S-6). */
static void check_sent4(const struct stage *stage, const struct taddr4 *src,
			const struct taddr4 *dst)
{
	uint8_t bytes[STAGE_SENT_MAX];

	(void)stage_sent(stage, 0, bytes);
	REQUIRE(stage->out.packet[0].version == 4);
	REQUIRE(load_be32(bytes + 12) == src->addr && load_be32(bytes + 16) == dst->addr);
	if (bytes[9] != IPPROTO_ICMP)
		REQUIRE(load_be16(bytes + 20) == src->port && load_be16(bytes + 22) == dst->port);
	else
		REQUIRE(load_be16(bytes + 24) == src->port);
}

static void check_sent6(const struct stage *stage, const struct taddr4 *from,
			const struct taddr6 *to)
{
	const struct addr6 src = rfc6052_embed(&stage->pool6, from->addr);
	uint8_t bytes[STAGE_SENT_MAX];

	(void)stage_sent(stage, 0, bytes);
	REQUIRE(stage->out.packet[0].version == 6);
	REQUIRE(memcmp(bytes + 8, src.byte, 16) == 0);
	REQUIRE(memcmp(bytes + 24, to->addr.byte, 16) == 0);
	if (bytes[6] != IPPROTO_ICMPV6)
		REQUIRE(load_be16(bytes + 40) == from->port && load_be16(bytes + 42) == to->port);
	else
		REQUIRE(load_be16(bytes + 44) == to->port);
}

/* who: two bits client, three peer, two protocol. */
void hosts_send6(struct stage *stage, uint8_t who, uint8_t flags)
{
	const enum protocol protocol = stage_protocol(who >> 5);
	const struct taddr6 client = stage_client(who);
	struct taddr4 peer = stage_peer(who >> 2);
	const struct addr6 dst = rfc6052_embed(&stage->pool6, peer.addr);
	const struct raw_l4 l4 = {protocol, client.port,
				  protocol == PROTOCOL_ICMP ? client.port : peer.port, flags,
				  flags & 1};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event event;
	const bool is_bound = event_of_client(stage, protocol, &client, &event);
	const uint32_t size = raw_packet6(memory + PACKET_HEADROOM, &client.addr, &dst, &l4);
	enum outcome outcome = stage_receive(stage, memory, size);

	if (protocol == PROTOCOL_ICMP && is_bound)
		peer.port = event.mapped.port;
	event.peer = peer;
	if (stage_is_blocked(stage, &client.addr))
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
	else if (protocol == PROTOCOL_TCP && flags_are_bad(flags))
		REQUIRE(outcome == OUTCOME_BAD_TCP_FLAGS);
	else if (is_bound && is_known(stage, &event))
		REQUIRE(outcome == OUTCOME_TRANSLATED);
	else if (stage_is_limit(outcome))
		REQUIRE(stage_limit_is_reached(stage, outcome, protocol, &client));
	if (outcome == OUTCOME_TRANSLATED) {
		const struct taddr4 mapped = event.mapped;

		REQUIRE(event_of_client(stage, protocol, &client, &event));
		REQUIRE(!is_bound || taddr4_equal(&mapped, &event.mapped)); /* S-3 */
		if (protocol == PROTOCOL_ICMP)
			peer.port = event.mapped.port;
		event.peer = peer;
		event.tcp_flags = flags;
		pass(stage, &event);
		check_sent4(stage, &event.mapped, &peer);
	}
	stage_empty(stage);
	stage_check(stage, false);
}

/* Whom the filter lets in (S-15, S-16; for TCP C-9). */
static bool is_let_in(const struct stage *stage, const struct naive_event *event)
{
	const struct nat64_config *config = &stage->nat->config;
	const bool is_syn = (event->tcp_flags & TH_SYN) && !(event->tcp_flags & TH_RST);

	if (event->protocol == PROTOCOL_TCP && is_syn && !config->external_tcp)
		return false;
	if (config->filtering[event->protocol] == FILTERING_ENDPOINT_INDEPENDENT)
		return true;
	for (unsigned i = 0; i < stage->sessions.n; i++) {
		const struct naive_session *session = &stage->sessions.at[i];

		if (session->protocol == event->protocol &&
		    taddr6_equal(&session->client, &event->client) &&
		    session->peer.addr == event->peer.addr)
			return true;
	}
	return false;
}

static void check_outcome4(struct stage *stage, const struct naive_event *event,
			   enum outcome outcome)
{
	if (event->protocol == PROTOCOL_TCP && flags_are_bad(event->tcp_flags))
		REQUIRE(outcome == OUTCOME_BAD_TCP_FLAGS);
	else if (stage_is_blocked(stage, &event->client.addr))
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
	else if (is_known(stage, event))
		REQUIRE(outcome == OUTCOME_TRANSLATED);
	else if (!is_let_in(stage, event))
		REQUIRE(outcome != OUTCOME_TRANSLATED);
	else if (stage_is_limit(outcome))
		REQUIRE(stage_limit_is_reached(stage, outcome, event->protocol, &event->client));
	else if (stage->sessions.n < STAGE_SESSIONS && stage->stored.n == 0)
		REQUIRE(outcome == OUTCOME_TRANSLATED);
}

/* who: three bits peer, two protocol, three whom. */
void hosts_send4(struct stage *stage, uint8_t who, uint8_t flags)
{
	const enum protocol protocol = stage_protocol(who >> 3);
	const struct taddr4 mapped = mapped_of(stage, protocol, who >> 5, flags);
	struct taddr4 peer = stage_peer(who);
	const struct raw_l4 l4 = {protocol, protocol == PROTOCOL_ICMP ? mapped.port : peer.port,
				  mapped.port, flags, flags & 1};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event event;
	const bool is_bound = event_of_mapped(stage, protocol, &mapped, &event);
	enum outcome outcome = stage_receive(
		stage, memory, raw_packet4(memory + PACKET_HEADROOM, peer.addr, mapped.addr, &l4));

	if (protocol == PROTOCOL_ICMP)
		peer.port = mapped.port;
	event.peer = peer;
	event.tcp_flags = protocol == PROTOCOL_TCP ? flags : 0;
	if (is_bound)
		check_outcome4(stage, &event, outcome);
	else
		REQUIRE(outcome != OUTCOME_TRANSLATED); /* */
	if (outcome == OUTCOME_TRANSLATED) {
		pass(stage, &event);
		check_sent6(stage, &peer, &event.client);
	}
	stage_empty(stage);
	stage_check(stage, false);
}

/* out, in: the two halves; in only if somebody is there. */
static void check_hairpin(struct stage *stage, const struct naive_event *out,
			  const struct naive_event *in, enum outcome outcome)
{
	if (stage_is_blocked(stage, &out->client.addr)) {
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
		return;
	}
	if (outcome == OUTCOME_CLIENT_BLOCKED)
		REQUIRE(in && stage_is_blocked(stage, &in->client.addr));
	if (outcome == OUTCOME_HAIRPINNED)
		REQUIRE(in && !stage_is_blocked(stage, &in->client.addr));
	if (stage_is_limit(outcome))
		REQUIRE(stage_limit_is_reached(stage, outcome, out->protocol, &out->client) ||
			(in && stage_limit_is_reached(stage, outcome, in->protocol, &in->client)));
	if (in && is_known(stage, out) && is_known(stage, in) &&
	    !stage_is_blocked(stage, &in->client.addr))
		REQUIRE(outcome == OUTCOME_HAIRPINNED || flags_are_bad(out->tcp_flags));
}

/* who: two bits client, three whom, one protocol. */
void hosts_hairpin(struct stage *stage, uint8_t who, uint8_t flags)
{
	const enum protocol protocol = who & 0x20 ? PROTOCOL_UDP : PROTOCOL_TCP;
	const struct taddr6 client = stage_client(who);
	const struct taddr4 to = mapped_of(stage, protocol, who >> 2, flags);
	const struct addr6 dst = rfc6052_embed(&stage->pool6, to.addr);
	const struct raw_l4 l4 = {protocol, client.port, to.port, flags, false};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event out = {.protocol = protocol, .client = client}, in;
	enum outcome outcome = stage_receive(
		stage, memory, raw_packet6(memory + PACKET_HEADROOM, &client.addr, &dst, &l4));
	const bool is_bound = event_of_client(stage, protocol, &client, &out);
	const bool is_met = event_of_mapped(stage, protocol, &to, &in);

	out.peer = to;
	in.peer = out.mapped;
	out.tcp_flags = in.tcp_flags = protocol == PROTOCOL_TCP ? flags : TH_ACK;
	check_hairpin(stage, &out, is_met ? &in : NULL, outcome);
	if (!is_bound) {
		REQUIRE(outcome != OUTCOME_HAIRPINNED && outcome != OUTCOME_TRANSLATED);
	} else if (outcome == OUTCOME_HAIRPINNED) {
		pass(stage, &out);
		REQUIRE(is_met);
		pass(stage, &in);
		check_sent6(stage, &out.mapped, &in.client);
	} else if (outcome == OUTCOME_TRANSLATED) {
		pass(stage, &out); /* nobody's any more: it has left */
	} else {
		pass_if_so(stage, &out);
	}
	stage_empty(stage);
	stage_check(stage, false);
}

/* The packet inside is the one that the sender knows (I-6, I-16). */
static void check_inner(const uint8_t *l4, enum protocol protocol, uint16_t src_port,
			uint16_t dst_port)
{
	if (protocol == PROTOCOL_ICMP)
		REQUIRE(load_be16(l4 + 4) == src_port);
	else
		REQUIRE(load_be16(l4) == src_port && load_be16(l4 + 2) == dst_port);
}

/* To the client of a session, about what it has sent to its peer; from an IPv4 address. */
static void check_error6(const struct stage *stage, uint32_t from,
			 const struct naive_session *session)
{
	const struct addr6 src = rfc6052_embed(&stage->pool6, from);
	const struct addr6 peer = rfc6052_embed(&stage->pool6, session->peer.addr);
	uint8_t bytes[STAGE_SENT_MAX];

	(void)stage_sent(stage, 0, bytes);
	REQUIRE(stage->out.packet[0].version == 6 && bytes[6] == IPPROTO_ICMPV6);
	REQUIRE(memcmp(bytes + 8, src.byte, 16) == 0);
	REQUIRE(memcmp(bytes + 24, session->client.addr.byte, 16) == 0);
	REQUIRE(memcmp(bytes + 56, session->client.addr.byte, 16) == 0);
	REQUIRE(memcmp(bytes + 72, peer.byte, 16) == 0);
	check_inner(bytes + 88, session->protocol, session->client.port, session->peer.port);
}

/* To the peer of a session, about what it has sent to the client (I-21). */
static void check_error4(const struct stage *stage, const struct naive_session *session)
{
	const struct taddr4 *peer = &session->peer, *mapped = &session->mapped;
	uint8_t bytes[STAGE_SENT_MAX];

	(void)stage_sent(stage, 0, bytes);
	REQUIRE(stage->out.packet[0].version == 4 && bytes[9] == IPPROTO_ICMP);
	REQUIRE(load_be32(bytes + 12) == mapped->addr && load_be32(bytes + 16) == peer->addr);
	REQUIRE(load_be32(bytes + 40) == peer->addr && load_be32(bytes + 44) == mapped->addr);
	check_inner(bytes + 48, session->protocol, peer->port, mapped->port);
}

/* From a router on the IPv4 side, about a packet from the client. */
static void send_error4(struct stage *stage, const struct naive_session *session, uint32_t router)
{
	const struct raw_l4 l4 = {session->protocol, session->mapped.port, session->peer.port,
				  TH_ACK, false};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX], about[RAW_PACKET_MAX];
	uint32_t size = raw_packet4(about, session->mapped.addr, session->peer.addr, &l4);
	enum outcome outcome = stage_receive(
		stage, memory, raw_error4(memory + PACKET_HEADROOM, router, about, size));

	if (stage_is_blocked(stage, &session->client.addr)) {
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
		return;
	}
	REQUIRE(outcome == OUTCOME_TRANSLATED);
	check_error6(stage, router, session);
}

/* H-6: the peer is another client's IPv4 side. It gets the error, about what it has sent. */
static void check_hairpinned_error(struct stage *stage, const struct naive_session *session,
				   const struct naive_event *other, enum outcome outcome)
{
	const struct naive_session *theirs = naive_sessions_find(&stage->sessions, other->protocol,
								 &other->client, &session->mapped);
	const struct naive_session about = {
		.protocol = other->protocol, .client = other->client, .peer = session->mapped};

	if (stage_is_blocked(stage, &other->client.addr)) {
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
		return;
	}
	if (!theirs &&
	    stage->nat->config.filtering[other->protocol] == FILTERING_ADDRESS_DEPENDENT) {
		REQUIRE(outcome == OUTCOME_ICMP_NO_BINDING); /* C-13 */
		return;
	}
	REQUIRE(outcome == OUTCOME_HAIRPINNED);
	check_error6(stage, session->mapped.addr, &about);
	reached(REACHED_HAIRPINNED_ERROR);
}

/* From the client, about a packet to it. */
static void send_error6(struct stage *stage, const struct naive_session *session)
{
	const struct addr6 peer = rfc6052_embed(&stage->pool6, session->peer.addr);
	const struct raw_l4 l4 = {session->protocol,
				  session->protocol == PROTOCOL_ICMP ? session->client.port
								     : session->peer.port,
				  session->client.port, TH_ACK, true};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX], about[RAW_PACKET_MAX];
	uint32_t size = raw_packet6(about, &peer, &session->client.addr, &l4);
	struct naive_event other;
	enum outcome outcome = stage_receive(
		stage, memory,
		raw_error6(memory + PACKET_HEADROOM, &session->client.addr, about, size));

	if (stage_is_blocked(stage, &session->client.addr)) {
		REQUIRE(outcome == OUTCOME_CLIENT_BLOCKED);
	} else if (event_of_mapped(stage, session->protocol, &session->peer, &other)) {
		check_hairpinned_error(stage, session, &other, outcome);
	} else if (session->peer.addr >> 8 == STAGE_PEER4 >> 8) {
		REQUIRE(outcome == OUTCOME_TRANSLATED);
		check_error4(stage, session);
	} else {
		REQUIRE(outcome != OUTCOME_HAIRPINNED); /* whoever it was has left */
	}
}

/* which: one bit from which side, the rest which session and router. */
void hosts_error(struct stage *stage, uint8_t which)
{
	if (stage->sessions.n == 0)
		return;
	const struct naive_session *session = &stage->sessions.at[(which >> 1) % stage->sessions.n];

	if (which % 2 == 0)
		send_error4(stage, session, stage_peer(which >> 1).addr);
	else
		send_error6(stage, session);
	stage_empty(stage);
	stage_check(stage, false);
}
