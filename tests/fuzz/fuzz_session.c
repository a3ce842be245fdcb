/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sequences of valid packets, clock steps and changes by the administrator through a small NAT64,
 * against a naive table of sessions (naive_sessions.h): S-1 to S-36, H-1, P-11, P-17, P-22, K-1 to
 * K-6, K-13, X-1, X-2, X-10.
 *
 * An input is a byte of settings, then actions. The low four bits of an action's first byte say
 * what it is (enum action), the high four how long before it the clock stands still or runs, with
 * all that is over ended; the meaning of the bytes behind is told at each action. Four clients,
 * eight peers; so few ports, bindings, sessions and stored SYNs that all of them run out.
 *
 * The checks, after each action: what packets did to the sessions is what the RFC says, to the
 * millisecond, and nothing else has changed; no session ends before its time, nor stays two seconds
 * longer once all that is over has been ended; a packet of a session that is there always passes,
 * to and from the right addresses; no two bindings share a side; every packet is counted once; all
 * tables keep their invariants and bounds. In the end everything goes by time alone.
 *
 * Played without libFuzzer, a corpus must have seen every TCP state.
 */
#include <string.h>

#include "tests/fake_world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_sessions.h"
#include "tests/fuzz/raw_packet.h"
#include "tests/naive.h"

enum action {
	ACTION_SEND6, /* who, flags */
	ACTION_SEND6_AGAIN,
	ACTION_SEND6_TOO,
	ACTION_SEND4, /* who, flags */
	ACTION_SEND4_AGAIN,
	ACTION_SEND4_TOO,
	ACTION_HAIRPIN, /* who, flags */
	ACTION_ERROR,   /* which session */
	ACTION_RUN,     /* seconds, twice: the clock runs, and nobody ends anything */
	ACTION_EXPIRE,  /* budget; 0: until nothing is left to do */
	ACTION_CONFIG,  /* CONFIG_... */
	ACTION_STATIC,  /* which client and port */
	ACTION_REMOVE,  /* which binding */
	ACTION_STATE,   /* of which entry of pool4, and which */
	ACTION_ENTRY,   /* the second entry comes or goes */
	ACTION_PORTS,   /* which ports and addresses the first entry has */
};

#define CONFIG_ADDRESS_DEPENDENT 0x01
#define CONFIG_NO_EXTERNAL_TCP   0x02
#define CONFIG_NO_REFRESH        0x04
#define CONFIG_LONG              0x08
#define CONFIG_NO_HOLD           0x10
#define CONFIG_DRAINING          0x20
#define CONFIG_STRICT            0x40
#define CONFIG_PRESERVE_PORT     0x80

#define N_BINDINGS 10
#define N_SESSIONS 24
#define N_SYNS     3

#define POOL4_FIRST  0xcb007107u /* 203.0.113.7 */
#define POOL4_SECOND 0xcb007108u
#define OWN4         0xc0000209u /* 192.0.2.9, of the host itself */
#define PEER4        0xc6336414u /* 198.51.100.20 and those behind it */
#define FIRST_PORT   1024
#define ACTIONS_MAX  100
#define SLACK_MS     2000 /* K-13 */

struct stored {
	unsigned n;
	struct {
		struct taddr4 mapped, peer;
	} at[N_SYNS];
};

struct fuzz {
	struct fake_world world;
	struct nat64 *nat;
	struct prefix6 pool6;
	uint64_t now_ms;
	uint64_t n_received;
	uint64_t n_created[N_PROTOCOLS];
	uint32_t second; /* id of the second entry, or 0 */
	uint32_t first;
	struct naive_sessions sessions;
	struct stored stored; /* before the action */
	struct out out;
	uint8_t arena[EMIT_ARENA_PER_PACKET];
	struct out_packet packets[EMIT_PIECES_MAX];
};

/* How often a TCP session came to each state, in all inputs together. */
static uint64_t n_states[N_TCP_FSM_STATES];

bool fuzz_finish(void)
{
	bool all = true;

	for (unsigned i = 0; i < N_TCP_FSM_STATES; i++) {
		printf("%s%s %llu", i == 0 ? "# tcp states: " : ", ",
		       i == 0 ? "closed" : tcp_fsm_state_name((enum tcp_fsm_state)i),
		       (unsigned long long)n_states[i]);
		all &= n_states[i] > 0;
	}
	printf("\n");
	return all;
}

static struct taddr6 client_of(unsigned which)
{
	struct taddr6 client = {.port = (uint16_t)(5000 + which % 2)};

	REQUIRE(addr6_parse("2001:db8:1::10", &client.addr));
	client.addr.byte[15] = (uint8_t)(client.addr.byte[15] + which / 2 % 2);
	return client;
}

/* Two on each address; one port has a lifetime of its own (K-1). */
static struct taddr4 peer_of(unsigned which)
{
	return (struct taddr4){PEER4 + which / 2 % 4, which % 2 ? 53 : 7000};
}

/* TCP is the one with the most to go wrong. */
static enum protocol protocol_of(unsigned which)
{
	static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP,
						  PROTOCOL_TCP};

	return protocols[which % 4];
}

static bool flags_are_bad(uint8_t flags)
{
	return flags == 0 || ((flags & TH_SYN) && (flags & (TH_FIN | TH_RST)));
}

/* The one of that number, counted around; SLAB_NONE if there is none. */
static uint32_t binding_of(const struct fuzz *fuzz, enum protocol protocol, unsigned which)
{
	const struct bib *bib = &fuzz->nat->bib[protocol];
	uint32_t index = SLAB_NONE;

	if (bib->entries.n_used == 0)
		return SLAB_NONE;
	for (unsigned i = 0; i <= which % bib->entries.n_used; i++)
		index = bib_next(bib, index == SLAB_NONE ? 0 : index + 1);
	return index;
}

/* An IPv4 transport address to knock at: mostly somebody's. */
static struct taddr4 mapped_of(const struct fuzz *fuzz, enum protocol protocol, unsigned which,
			       unsigned port)
{
	const uint32_t binding = binding_of(fuzz, protocol, which);

	if (which % 8 < 7 && binding != SLAB_NONE)
		return bib_entry_taddr4(bib_at(&fuzz->nat->bib[protocol], binding));
	return (struct taddr4){port % 2 ? POOL4_FIRST : POOL4_SECOND,
			       (uint16_t)(FIRST_PORT + port / 2 % 8)};
}

/* Whose IPv4 side it is. */
static bool event_of_mapped(const struct fuzz *fuzz, enum protocol protocol,
			    const struct taddr4 *mapped, struct naive_event *ret)
{
	const struct bib *bib = &fuzz->nat->bib[protocol];
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

static bool event_of_client(const struct fuzz *fuzz, enum protocol protocol,
			    const struct taddr6 *client, struct naive_event *ret)
{
	const struct bib *bib = &fuzz->nat->bib[protocol];
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

static void note_stored(struct fuzz *fuzz)
{
	const struct syn_store *store = &fuzz->nat->syns;

	fuzz->stored.n = 0;
	for (uint32_t i = store->oldest; i != SLAB_NONE; i = syn_store_at(store, i)->newer) {
		REQUIRE(fuzz->stored.n < N_SYNS); /* S-36 */
		fuzz->stored.at[fuzz->stored.n].mapped = syn_store_at(store, i)->mapped;
		fuzz->stored.at[fuzz->stored.n++].peer = syn_store_at(store, i)->peer;
	}
}

/* S-29: the client has opened towards a peer whose SYN was waiting. */
static void meet_stored(struct fuzz *fuzz, const struct naive_event *event)
{
	struct naive_session *session =
		naive_sessions_find(&fuzz->sessions, event->protocol, &event->client, &event->peer);

	for (unsigned i = 0; i < fuzz->stored.n; i++) {
		if (!taddr4_equal(&fuzz->stored.at[i].mapped, &event->mapped) ||
		    !taddr4_equal(&fuzz->stored.at[i].peer, &event->peer))
			continue;
		session->state = TCP_FSM_ESTABLISHED;
		session->expires_ms = fuzz->now_ms + fuzz->nat->config.tcp_established_ms;
	}
}

/* The event has happened: so it does to the naive sessions. */
static void pass(struct fuzz *fuzz, const struct naive_event *event)
{
	const unsigned n = fuzz->sessions.n;

	naive_sessions_pass(&fuzz->sessions, event, &fuzz->nat->config, fuzz->now_ms);
	if (fuzz->sessions.n > n && event->protocol == PROTOCOL_TCP && event->from6)
		meet_stored(fuzz, event);
}

/* An established connection is probed once, and then has the time to answer (S-31). */
static bool was_probed(const struct fuzz *fuzz, const struct naive_session *before,
		       const struct naive_session *now)
{
	struct naive_session probed = *before;

	if (before->protocol != PROTOCOL_TCP || before->state != TCP_FSM_ESTABLISHED)
		return false;
	probed.state = TCP_FSM_TRANS;
	probed.expires_ms = fuzz->now_ms + fuzz->nat->config.tcp_transitory_ms;
	return naive_session_equal(&probed, now);
}

/*
 * The tables against the naive sessions, which are those of before with what the action should have
 * done to them. is_expiry: sessions may have ended, but only those whose time is over.
 */
static void check_sessions(struct fuzz *fuzz, bool is_expiry)
{
	struct naive_sessions now;
	unsigned n_found = 0;

	naive_sessions_read(fuzz->nat, &now);
	for (unsigned i = 0; i < now.n; i++) {
		const struct naive_session *session = &now.at[i];
		const struct naive_session *naive = naive_sessions_find(
			&fuzz->sessions, session->protocol, &session->client, &session->peer);

		REQUIRE(naive); /* nothing but an action makes a session */
		n_found++;
		if (is_expiry && naive->expires_ms <= fuzz->now_ms &&
		    was_probed(fuzz, naive, session))
			continue;
		REQUIRE(session->state == naive->state);
		REQUIRE(session->expires_ms == naive->expires_ms);
		REQUIRE(naive_session_equal(session, naive));
	}
	for (unsigned i = 0; n_found < fuzz->sessions.n && i < fuzz->sessions.n; i++) {
		const struct naive_session *naive = &fuzz->sessions.at[i];

		if (naive_sessions_find(&now, naive->protocol, &naive->client, &naive->peer))
			continue;
		REQUIRE(is_expiry && naive->expires_ms <= fuzz->now_ms); /* K-13 */
		if (naive->protocol == PROTOCOL_TCP)
			n_states[TCP_FSM_CLOSED]++;
		n_found++;
	}
	fuzz->sessions = now;
}

static void count_states(const struct naive_sessions *before, const struct naive_sessions *now)
{
	for (unsigned i = 0; i < now->n; i++) {
		const struct naive_session *session = &now->at[i];
		const struct naive_session *old =
			naive_sessions_find((struct naive_sessions *)before, session->protocol,
					    &session->client, &session->peer);

		if (session->protocol == PROTOCOL_TCP && (!old || old->state != session->state))
			n_states[session->state]++;
	}
}

/* P-11, S-2, naively. */
static void check_bindings(const struct nat64 *nat)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];

		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct taddr4 one = bib_entry_taddr4(bib_at(bib, i));
			const struct taddr6 one6 = bib_entry_taddr6(bib_at(bib, i));

			for (uint32_t j = bib_next(bib, i + 1); j != SLAB_NONE;
			     j = bib_next(bib, j + 1)) {
				const struct taddr4 other = bib_entry_taddr4(bib_at(bib, j));
				const struct taddr6 other6 = bib_entry_taddr6(bib_at(bib, j));

				REQUIRE(!taddr4_equal(&one, &other));
				REQUIRE(!taddr6_equal(&one6, &other6));
			}
		}
	}
}

static void check_counters(struct fuzz *fuzz)
{
	const struct nat64 *nat = fuzz->nat;
	uint64_t n = 0;

	for (unsigned i = 0; i < N_OUTCOMES; i++)
		n += nat->counters.packets[0][i] + nat->counters.packets[1][i];
	REQUIRE(n == fuzz->n_received);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		REQUIRE(nat->counters.sessions_created[i] == fuzz->n_created[i]);
}

/* All that goes out is right. */
static void check_sent(struct fuzz *fuzz)
{
	uint8_t bytes[2048];

	for (uint32_t i = 0; i < fuzz->out.n_packets; i++) {
		const struct out_packet *packet = &fuzz->out.packet[i];
		size_t size = 0;

		for (unsigned j = 0; j < packet->n_parts; j++) {
			REQUIRE(size + packet->part[j].size <= sizeof(bytes));
			memcpy(bytes + size, packet->part[j].base, packet->part[j].size);
			size += packet->part[j].size;
		}
		REQUIRE(naive_packet_ok(bytes, size));
	}
}

static void check_all(struct fuzz *fuzz, const struct naive_sessions *before, bool is_expiry)
{
	struct naive_sessions old = *before;

	check_sessions(fuzz, is_expiry);
	count_states(before, &fuzz->sessions);
	for (unsigned i = 0; i < fuzz->sessions.n; i++) {
		const struct naive_session *session = &fuzz->sessions.at[i];

		if (!naive_sessions_find(&old, session->protocol, &session->client, &session->peer))
			fuzz->n_created[session->protocol]++;
	}
	check_counters(fuzz);
	check_bindings(fuzz->nat);
	REQUIRE(nat64_check(fuzz->nat));
	REQUIRE(fuzz->sessions.n <= N_SESSIONS && nat64_n_bindings(fuzz->nat) <= N_BINDINGS);
	note_stored(fuzz);
}

static void empty(struct fuzz *fuzz)
{
	check_sent(fuzz);
	out_clear(&fuzz->out);
	memset(fuzz->arena, 0xa5, sizeof(fuzz->arena));
}

/* budget 0: until nothing is left to do; then nothing has stayed too long (K-13). */
static void expire(struct fuzz *fuzz, unsigned budget)
{
	const struct naive_sessions before = fuzz->sessions;

	if (budget != 0)
		(void)nat64_expire(fuzz->nat, fuzz->now_ms, budget, &fuzz->out);
	while (budget == 0 && !nat64_expire(fuzz->nat, fuzz->now_ms, 3, &fuzz->out))
		empty(fuzz);
	empty(fuzz);
	check_all(fuzz, &before, true);
	for (unsigned i = 0; budget == 0 && i < fuzz->sessions.n; i++)
		REQUIRE(fuzz->sessions.at[i].expires_ms + SLACK_MS > fuzz->now_ms);
}

static enum outcome receive(struct fuzz *fuzz, uint8_t *memory, uint32_t size)
{
	struct packet packet = {
		.data = memory + PACKET_HEADROOM, .size = size, .headroom = PACKET_HEADROOM};
	enum outcome outcome;

	fuzz->n_received++;
	outcome = nat64_receive(fuzz->nat, &packet, fuzz->now_ms, &fuzz->out);
	if (outcome_info(outcome)->verdict == VERDICT_TRANSLATED)
		REQUIRE(fuzz->out.n_packets == 1);
	else
		REQUIRE(fuzz->out.n_packets <= (outcome_info(outcome)->verdict == VERDICT_DROP));
	return outcome;
}

/* What went out is from and to where the binding says (S-3, S-6). */
static void check_sent4(const struct fuzz *fuzz, const struct taddr4 *src, const struct taddr4 *dst)
{
	const uint8_t *bytes = fuzz->out.packet[0].part[0].base;

	REQUIRE(fuzz->out.packet[0].version == 4);
	REQUIRE(load_be32(bytes + 12) == src->addr && load_be32(bytes + 16) == dst->addr);
	if (bytes[9] != IPPROTO_ICMP)
		REQUIRE(load_be16(bytes + 20) == src->port && load_be16(bytes + 22) == dst->port);
	else
		REQUIRE(load_be16(bytes + 24) == src->port);
}

static void check_sent6(const struct fuzz *fuzz, const struct taddr4 *from, const struct taddr6 *to)
{
	const uint8_t *bytes = fuzz->out.packet[0].part[0].base;
	const struct addr6 src = rfc6052_embed(&fuzz->pool6, from->addr);

	REQUIRE(fuzz->out.packet[0].version == 6);
	REQUIRE(memcmp(bytes + 8, src.byte, 16) == 0);
	REQUIRE(memcmp(bytes + 24, to->addr.byte, 16) == 0);
	if (bytes[6] != IPPROTO_ICMPV6)
		REQUIRE(load_be16(bytes + 40) == from->port && load_be16(bytes + 42) == to->port);
	else
		REQUIRE(load_be16(bytes + 44) == to->port);
}

/* who: two bits client, three peer, two protocol. */
static void send6(struct fuzz *fuzz, uint8_t who, uint8_t flags)
{
	const struct naive_sessions before = fuzz->sessions;
	const enum protocol protocol = protocol_of(who >> 5);
	const struct taddr6 client = client_of(who);
	struct taddr4 peer = peer_of(who >> 2);
	const struct addr6 dst = rfc6052_embed(&fuzz->pool6, peer.addr);
	const struct raw_l4 l4 = {protocol, client.port,
				  protocol == PROTOCOL_ICMP ? client.port : peer.port, flags,
				  flags & 1};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event event;
	const bool is_bound = event_of_client(fuzz, protocol, &client, &event);
	bool is_known;
	enum outcome outcome;

	if (protocol == PROTOCOL_ICMP && is_bound)
		peer.port = event.mapped.port;
	is_known = is_bound && naive_sessions_find(&fuzz->sessions, protocol, &client, &peer);
	outcome = receive(fuzz, memory,
			  raw_packet6(memory + PACKET_HEADROOM, &client.addr, &dst, &l4));
	if (protocol == PROTOCOL_TCP && flags_are_bad(flags))
		REQUIRE(outcome == OUTCOME_BAD_TCP_FLAGS);
	else if (is_known)
		REQUIRE(outcome == OUTCOME_TRANSLATED);
	if (outcome == OUTCOME_TRANSLATED) {
		const struct taddr4 mapped = event.mapped;

		REQUIRE(event_of_client(fuzz, protocol, &client, &event));
		REQUIRE(!is_bound || taddr4_equal(&mapped, &event.mapped)); /* S-3 */
		if (protocol == PROTOCOL_ICMP)
			peer.port = event.mapped.port;
		event.peer = peer;
		event.tcp_flags = flags;
		pass(fuzz, &event);
		check_sent4(fuzz, &event.mapped, &peer);
	}
	empty(fuzz);
	check_all(fuzz, &before, false);
}

/* Whom the filter lets in (S-15, S-16; for TCP C-9). */
static bool is_let_in(const struct fuzz *fuzz, const struct naive_event *event)
{
	const struct nat64_config *config = &fuzz->nat->config;
	const bool is_syn = (event->tcp_flags & TH_SYN) && !(event->tcp_flags & TH_RST);

	if (event->protocol == PROTOCOL_TCP && is_syn && !config->external_tcp)
		return false;
	if (config->filtering[event->protocol] == FILTERING_ENDPOINT_INDEPENDENT)
		return true;
	for (unsigned i = 0; i < fuzz->sessions.n; i++) {
		const struct naive_session *session = &fuzz->sessions.at[i];

		if (session->protocol == event->protocol &&
		    taddr6_equal(&session->client, &event->client) &&
		    session->peer.addr == event->peer.addr)
			return true;
	}
	return false;
}

/* who: three bits peer, two protocol, three whom. */
static void send4(struct fuzz *fuzz, uint8_t who, uint8_t flags)
{
	const struct naive_sessions before = fuzz->sessions;
	const enum protocol protocol = protocol_of(who >> 3);
	const struct taddr4 mapped = mapped_of(fuzz, protocol, who >> 5, flags);
	struct taddr4 peer = peer_of(who);
	const struct raw_l4 l4 = {protocol, protocol == PROTOCOL_ICMP ? mapped.port : peer.port,
				  mapped.port, flags, flags & 1};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event event;
	const bool is_bound = event_of_mapped(fuzz, protocol, &mapped, &event);
	enum outcome outcome = receive(
		fuzz, memory, raw_packet4(memory + PACKET_HEADROOM, peer.addr, mapped.addr, &l4));

	if (protocol == PROTOCOL_ICMP)
		peer.port = mapped.port;
	event.peer = peer;
	event.tcp_flags = protocol == PROTOCOL_TCP ? flags : 0;
	if (!is_bound) {
		REQUIRE(outcome != OUTCOME_TRANSLATED); /* */
	} else if (protocol == PROTOCOL_TCP && flags_are_bad(flags)) {
		REQUIRE(outcome == OUTCOME_BAD_TCP_FLAGS);
	} else if (naive_sessions_find(&fuzz->sessions, protocol, &event.client, &peer)) {
		REQUIRE(outcome == OUTCOME_TRANSLATED);
	} else if (!is_let_in(fuzz, &event)) {
		REQUIRE(outcome != OUTCOME_TRANSLATED);
	} else if (fuzz->sessions.n < N_SESSIONS && fuzz->stored.n == 0) {
		REQUIRE(outcome == OUTCOME_TRANSLATED);
	}
	if (outcome == OUTCOME_TRANSLATED) {
		pass(fuzz, &event);
		check_sent6(fuzz, &peer, &event.client);
	}
	empty(fuzz);
	check_all(fuzz, &before, false);
}

/* The first half of a hairpinned packet may have made a session, although the second did not pass.
 */
static void pass_if_so(struct fuzz *fuzz, const struct naive_event *event)
{
	const struct naive_sessions before = fuzz->sessions;
	const struct naive_session *expected, *session;
	struct naive_sessions now;

	pass(fuzz, event);
	naive_sessions_read(fuzz->nat, &now);
	expected =
		naive_sessions_find(&fuzz->sessions, event->protocol, &event->client, &event->peer);
	session = naive_sessions_find(&now, event->protocol, &event->client, &event->peer);
	if (!expected || !session || !naive_session_equal(expected, session))
		fuzz->sessions = before;
}

/* From one client to another's IPv4 side (3.8). who: two bits client, three whom, one protocol. */
static void hairpin(struct fuzz *fuzz, uint8_t who, uint8_t flags)
{
	const struct naive_sessions before = fuzz->sessions;
	const enum protocol protocol = who & 0x20 ? PROTOCOL_UDP : PROTOCOL_TCP;
	const struct taddr6 client = client_of(who);
	const struct taddr4 to = mapped_of(fuzz, protocol, who >> 2, flags);
	const struct addr6 dst = rfc6052_embed(&fuzz->pool6, to.addr);
	const struct raw_l4 l4 = {protocol, client.port, to.port, flags, false};
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX];
	struct naive_event out, in;
	enum outcome outcome = receive(
		fuzz, memory, raw_packet6(memory + PACKET_HEADROOM, &client.addr, &dst, &l4));

	if (event_of_client(fuzz, protocol, &client, &out)) {
		out.peer = to;
		out.tcp_flags = flags;
		if (outcome == OUTCOME_HAIRPINNED) {
			pass(fuzz, &out);
			REQUIRE(event_of_mapped(fuzz, protocol, &to, &in));
			in.peer = out.mapped;
			in.tcp_flags = flags;
			pass(fuzz, &in);
			check_sent6(fuzz, &out.mapped, &in.client);
		} else if (outcome == OUTCOME_TRANSLATED) {
			pass(fuzz, &out); /* nobody's any more: it has left */
		} else {
			pass_if_so(fuzz, &out);
		}
	} else {
		REQUIRE(outcome != OUTCOME_HAIRPINNED && outcome != OUTCOME_TRANSLATED);
	}
	empty(fuzz);
	check_all(fuzz, &before, false);
}

/* About a packet of a session, from a router on either side: it passes, and changes nothing. */
static void send_error(struct fuzz *fuzz, uint8_t which)
{
	const struct naive_sessions before = fuzz->sessions;
	const struct taddr4 router = peer_of(which >> 1);
	const struct naive_session *session;
	uint8_t memory[PACKET_HEADROOM + RAW_PACKET_MAX], about[RAW_PACKET_MAX];
	struct addr6 peer6;
	struct raw_l4 l4;
	uint32_t size;

	if (fuzz->sessions.n == 0)
		return;
	session = &fuzz->sessions.at[(which >> 1) % fuzz->sessions.n];
	l4 = (struct raw_l4){.protocol = session->protocol, .tcp_flags = TH_ACK};
	if (which % 2 == 0) {
		l4.src_port = session->mapped.port;
		l4.dst_port = session->peer.port;
		size = raw_packet4(about, session->mapped.addr, session->peer.addr, &l4);
		size = raw_error4(memory + PACKET_HEADROOM, router.addr, about, size);
	} else {
		peer6 = rfc6052_embed(&fuzz->pool6, session->peer.addr);
		l4.src_port = session->protocol == PROTOCOL_ICMP ? session->client.port
								 : session->peer.port;
		l4.dst_port = session->client.port;
		l4.is_reply = true;
		size = raw_packet6(about, &peer6, &session->client.addr, &l4);
		size = raw_error6(memory + PACKET_HEADROOM, &session->client.addr, about, size);
	}
	REQUIRE(outcome_info(receive(fuzz, memory, size))->verdict == VERDICT_TRANSLATED);
	empty(fuzz);
	check_all(fuzz, &before, false);
}

static void configure(struct fuzz *fuzz, uint8_t flags)
{
	struct nat64_config config;

	nat64_config_default(&config);
	config.pool6[0] = fuzz->pool6;
	config.clients_any = true;
	config.n_udp_by_port = 1; /* 53 */
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		config.filtering[i] = flags & CONFIG_ADDRESS_DEPENDENT
					      ? FILTERING_ADDRESS_DEPENDENT
					      : FILTERING_ENDPOINT_INDEPENDENT;
	config.external_tcp = !(flags & CONFIG_NO_EXTERNAL_TCP);
	config.inbound_refresh = !(flags & CONFIG_NO_REFRESH);
	config.pool4_policy.hold_ms = flags & CONFIG_NO_HOLD ? 0 : 120000;
	config.pool4_policy.strict_pairing = flags & CONFIG_STRICT;
	config.pool4_policy.preserve_port = flags & CONFIG_PRESERVE_PORT;
	if (flags & CONFIG_LONG) {
		config.udp_ms *= 3;
		config.icmp_ms *= 3;
		config.tcp_opening_ms = 120000;
		config.tcp_transitory_ms *= 2;
	}
	if (!fuzz->nat) {
		static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
		static const struct nat64_limits limits = {N_BINDINGS, N_SESSIONS, N_SYNS, 32768};
		struct nat64_world world = fake_world_calls(&fuzz->world);

		fuzz->nat = nat64_new(&config, &limits, &world, seed, fuzz->now_ms);
		REQUIRE(fuzz->nat);
	}
	nat64_set_config(fuzz->nat, &config);
	fuzz->nat->draining = flags & CONFIG_DRAINING;
}

/* which: two bits client, two protocol, one address, three port. */
static void add_static(struct fuzz *fuzz, uint8_t which)
{
	const struct naive_sessions before = fuzz->sessions;
	const struct taddr6 client = client_of(which);
	const struct taddr4 mapped = {which & 0x10 ? OWN4 : POOL4_FIRST,
				      (uint16_t)(FIRST_PORT + (which >> 5))};
	const enum protocol protocol = protocol_of(which >> 2);
	const enum nat64_static_result result =
		nat64_add_static(fuzz->nat, protocol, &client, &mapped, fuzz->now_ms);
	struct naive_event event;

	if (result == NAT64_STATIC_OK || result == NAT64_STATIC_IDENTICAL) {
		REQUIRE(event_of_client(fuzz, protocol, &client, &event));
		REQUIRE(taddr4_equal(&event.mapped, &mapped));
	}
	check_all(fuzz, &before, false);
}

/* Those that the administrator ends; what is left of them is counted as closed. */
static void forget(struct fuzz *fuzz, bool (*ends)(const struct naive_session *, const void *),
		   const void *context)
{
	struct naive_sessions *sessions = &fuzz->sessions;

	for (unsigned i = 0; i < sessions->n;) {
		if (ends(&sessions->at[i], context))
			sessions->at[i] = sessions->at[--sessions->n];
		else
			i++;
	}
}

struct binding_key {
	enum protocol protocol;
	struct taddr4 mapped;
};

static bool is_of_binding(const struct naive_session *session, const void *context)
{
	const struct binding_key *key = context;

	return session->protocol == key->protocol && taddr4_equal(&session->mapped, &key->mapped);
}

static bool is_of_entry(const struct naive_session *session, const void *context)
{
	return session->pool4 == *(const uint32_t *)context;
}

/* which: two bits protocol, the rest of which binding. */
static void remove_binding(struct fuzz *fuzz, uint8_t which)
{
	const struct naive_sessions before = fuzz->sessions;
	struct binding_key key = {.protocol = protocol_of(which)};
	const uint32_t index = binding_of(fuzz, key.protocol, which >> 2);

	if (index == SLAB_NONE)
		return;
	key.mapped = bib_entry_taddr4(bib_at(&fuzz->nat->bib[key.protocol], index));
	forget(fuzz, is_of_binding, &key);
	nat64_remove_binding(fuzz->nat, key.protocol, index, fuzz->now_ms);
	check_all(fuzz, &before, false);
}

static uint32_t add_entry(struct fuzz *fuzz, uint32_t addr, uint16_t last_port)
{
	const struct addr4_range range = {addr, addr};
	struct pool4_spec spec = {.addresses = &range,
				  .n_addresses = 1,
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	uint32_t id;

	REQUIRE(port_ranges_add(&spec.ports, FIRST_PORT, last_port));
	if (pool4_add(fuzz->nat->pool4, &spec, &id) != POOL4_OK)
		return 0;
	pool4_set_state(fuzz->nat->pool4, id, POOL4_ACTIVE);
	return id;
}

/* P-22: a removed entry takes its bindings with it. */
static void change_second(struct fuzz *fuzz)
{
	const struct naive_sessions before = fuzz->sessions;

	if (fuzz->second == 0) {
		fuzz->second = add_entry(fuzz, POOL4_SECOND, FIRST_PORT + 3);
	} else {
		forget(fuzz, is_of_entry, &fuzz->second);
		(void)nat64_remove_bindings_of(fuzz->nat, fuzz->second, fuzz->now_ms);
		REQUIRE(pool4_remove(fuzz->nat->pool4, fuzz->second) == POOL4_OK);
		fuzz->second = 0;
	}
	check_all(fuzz, &before, false);
}

static void change_state(struct fuzz *fuzz, uint8_t which)
{
	const struct naive_sessions before = fuzz->sessions;
	static const enum pool4_state states[] = {POOL4_ACTIVE, POOL4_ACTIVE, POOL4_DRAINING,
						  POOL4_DISABLED};
	const uint32_t id = which % 2 && fuzz->second ? fuzz->second : fuzz->first;

	pool4_set_state(fuzz->nat->pool4, id, states[which >> 1 & 3]);
	check_all(fuzz, &before, false);
}

static bool is_outside(const struct naive_session *session, const void *context)
{
	const struct pool4_entry *entry = context;

	return session->pool4 == entry->id && !pool4_entry_has_address(entry, session->mapped.addr);
}

/* which: three bits the last port, two the address. */
static void change_ports(struct fuzz *fuzz, uint8_t which)
{
	const struct naive_sessions before = fuzz->sessions;
	const uint32_t addr = POOL4_FIRST + (which >> 3 & 3) % 3 * 4;
	const struct addr4_range range = {addr, addr};
	struct port_ranges ports = {0};

	REQUIRE(port_ranges_add(&ports, FIRST_PORT, (uint16_t)(FIRST_PORT + which % 8)));
	(void)pool4_set_ports(fuzz->nat->pool4, fuzz->first, &ports);
	if (pool4_set_addresses(fuzz->nat->pool4, fuzz->first, &range, 1) == POOL4_OK) {
		forget(fuzz, is_outside, pool4_entry(fuzz->nat->pool4, fuzz->first));
		(void)nat64_remove_bindings_outside(fuzz->nat, fuzz->first, fuzz->now_ms);
	}
	check_all(fuzz, &before, false);
}

static void begin(struct fuzz *fuzz, uint8_t flags)
{
	memset(fuzz, 0, sizeof(*fuzz));
	fuzz->now_ms = 1000;
	fuzz->out.packet = fuzz->packets;
	fuzz->out.capacity = EMIT_PIECES_MAX;
	fuzz->out.arena = fuzz->arena;
	fuzz->out.arena_size = sizeof(fuzz->arena);
	fake_world_init(&fuzz->world);
	fuzz->world.own4[fuzz->world.n_own4++] = OWN4;
	REQUIRE(prefix6_parse("2001:db8:64::/96", &fuzz->pool6));
	configure(fuzz, flags);
	fuzz->first = add_entry(fuzz, POOL4_FIRST, FIRST_PORT + 7);
	REQUIRE(fuzz->first);
}

/* Without packets everything ends: idle connections after a probe, held ports after their time. */
static void end(struct fuzz *fuzz)
{
	for (unsigned i = 0; i < 3; i++) {
		fuzz->now_ms += 4 * fuzz->nat->config.tcp_established_ms;
		expire(fuzz, 0);
	}
	REQUIRE(fuzz->sessions.n == 0 && fuzz->stored.n == 0);
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &fuzz->nat->bib[protocol];

		for (uint32_t i; (i = bib_next(bib, 0)) != SLAB_NONE;) {
			REQUIRE(bib_at(bib, i)->is_static);
			nat64_remove_binding(fuzz->nat, (enum protocol)protocol, i, fuzz->now_ms);
		}
	}
	fuzz->now_ms += 1000000;
	expire(fuzz, 0);
	REQUIRE(nat64_n_bindings(fuzz->nat) == 0 && fuzz->nat->clients.clients.n_used == 0);
	REQUIRE(nat64_next_deadline(fuzz->nat) == UINT64_MAX);
	nat64_free(fuzz->nat);
}

static void act(struct fuzz *fuzz, struct fuzz_input *input)
{
	static const uint32_t wait_ms[16] = {0,      0,      0,       0,      0,     0,
					     1,      100,    1000,    6001,   16000, 61000,
					     241000, 301000, 7200000, 7441000};
	const uint8_t first = fuzz_byte(input), second = fuzz_byte(input);

	if (wait_ms[first >> 4] != 0) {
		fuzz->now_ms += wait_ms[first >> 4];
		expire(fuzz, 0);
	}
	switch ((enum action)(first & 15)) {
	case ACTION_SEND6:
	case ACTION_SEND6_AGAIN:
	case ACTION_SEND6_TOO:
		send6(fuzz, second, fuzz_byte(input));
		return;
	case ACTION_SEND4:
	case ACTION_SEND4_AGAIN:
	case ACTION_SEND4_TOO:
		send4(fuzz, second, fuzz_byte(input));
		return;
	case ACTION_HAIRPIN:
		hairpin(fuzz, second, fuzz_byte(input));
		return;
	case ACTION_ERROR:
		send_error(fuzz, second);
		return;
	case ACTION_RUN:
		fuzz->now_ms += 500u * second * second;
		return;
	case ACTION_EXPIRE:
		expire(fuzz, second);
		return;
	case ACTION_CONFIG:
		configure(fuzz, second);
		return;
	case ACTION_STATIC:
		add_static(fuzz, second);
		return;
	case ACTION_REMOVE:
		remove_binding(fuzz, second);
		return;
	case ACTION_STATE:
		change_state(fuzz, second);
		return;
	case ACTION_ENTRY:
		change_second(fuzz);
		return;
	case ACTION_PORTS:
		change_ports(fuzz, second);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = {bytes, size};
	static struct fuzz fuzz;

	begin(&fuzz, fuzz_byte(&input));
	for (unsigned n = 0; input.size > 0 && n < ACTIONS_MAX; n++)
		act(&fuzz, &input);
	end(&fuzz);
	return 0;
}
