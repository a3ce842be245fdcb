/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/filter.h"

#include <netinet/tcp.h>

#include "daemon/core/policy.h"
#include "daemon/core/quota.h"

/* RFC 6146, 4: how long a UDP or ICMP session with this peer lives without a packet. */
static uint32_t query_lifetime_ms(const struct nat64 *nat, enum protocol protocol,
				  const struct taddr4 *peer)
{
	const struct nat64_config *config = &nat->config;

	if (protocol == PROTOCOL_ICMP)
		return config->icmp_ms;
	for (uint32_t i = 0; i < config->n_udp_by_port; i++)
		if (config->udp_by_port[i].port == peer->port)
			return config->udp_by_port[i].lifetime_ms;
	return config->udp_ms;
}

/* The same for TCP: when the timer that a transition has set will run out. */
static uint64_t tcp_deadline_ms(const struct nat64 *nat, enum tcp_fsm_timer timer, uint64_t now_ms)
{
	const struct nat64_config *config = &nat->config;

	switch (timer) {
	case TCP_FSM_EST:
		return now_ms + config->tcp_established_ms;
	case TCP_FSM_TRANSITORY:
		return now_ms + config->tcp_transitory_ms;
	case TCP_FSM_OPENING:
		return now_ms + config->tcp_opening_ms;
	case TCP_FSM_KEEP:
	case TCP_FSM_DELETE:
		break;
	}
	return now_ms;
}

/* RFC 6146, 3.6.2: an echo has one identifier in place of two ports, and both sides see it changed
 * (I-4). */
static uint16_t peer_port(enum protocol protocol, uint16_t peer, uint16_t identifier)
{
	return protocol == PROTOCOL_ICMP ? identifier : peer;
}

/* RFC 6146, 3.6.1: the outgoing tuple of a packet to peer. */
struct tuple4 filter_tuple4(const struct filter_plan *plan)
{
	return (struct tuple4){.protocol = plan->protocol, .src = plan->mapped, .dst = plan->peer};
}

/* RFC 6146, 3.6.1: the outgoing tuple of a packet from peer, whose address is embedded (3.5.4). */
static struct tuple6 outgoing6(const struct nat64 *nat, enum protocol protocol,
			       const struct taddr6 *client, const struct taddr4 *peer,
			       uint8_t pool6)
{
	return (struct tuple6){
		.protocol = protocol,
		.src = {rfc6052_embed(policy_pool6(nat, pool6), peer->addr),
			peer_port(protocol, peer->port, client->port)},
		.dst = *client,
	};
}

struct tuple6 filter_tuple6(const struct nat64 *nat, const struct filter_plan *plan)
{
	return outgoing6(nat, plan->protocol, &plan->client, &plan->peer, plan->pool6);
}

/* RFC 6146, 3.5: endpoint-independent filtering lets everybody in; address-dependent filtering
 * those to whom the inside has sent (S-7, S-16; for TCP C-9). */
static bool filter_permits(const struct nat64 *nat, enum protocol protocol, uint32_t binding,
			   uint32_t addr4)
{
	return nat->config.filtering[protocol] == FILTERING_ENDPOINT_INDEPENDENT ||
	       session_exists_with(&nat->sessions[protocol], binding, addr4);
}

/* A plan sets state and deadline of its session, or makes one with them. */
static void set_session(struct filter_plan *plan, uint8_t state, uint64_t expires_ms)
{
	if (plan->change == FILTER_KEEPS)
		plan->change = plan->session == SLAB_NONE ? FILTER_ADDS : FILTER_SETS;
	plan->state = state;
	plan->expires_ms = expires_ms;
}

/* RFC 6146, 3.5.2.2: the session goes where its state and the segment lead. */
static void tcp_step(const struct nat64 *nat, const struct filter_input *input,
		     struct filter_plan *plan)
{
	enum tcp_fsm_event event = tcp_fsm_event(input->tcp_flags, plan->from6);
	struct tcp_fsm_step step = tcp_fsm_step(plan->state, event, !(input->tcp_flags & TH_ACK),
						nat->config.external_tcp);

	if (step.timer != TCP_FSM_KEEP)
		set_session(plan, (uint8_t)step.next,
			    tcp_deadline_ms(nat, step.timer, input->now_ms));
}

static const struct quota_ahead nothing_ahead;

/* O-13, an exception to S-26: after an unclean start, any segment but SYN and RST brings back the
 * session of a restored binding, if there may be one more. */
static void revive(const struct nat64 *nat, const struct filter_input *input,
		   struct filter_plan *plan)
{
	if (input->now_ms < nat->revive_until_ms && !(input->tcp_flags & (TH_SYN | TH_RST)) &&
	    bib_at(&nat->bib[PROTOCOL_TCP], plan->binding)->is_restored &&
	    quota_new_session(nat, PROTOCOL_TCP, &plan->client.addr, plan->pool6, plan->binding,
			      &nothing_ahead) == OUTCOME_TRANSLATED)
		set_session(plan, TCP_FSM_TRANS,
			    tcp_deadline_ms(nat, TCP_FSM_TRANSITORY, input->now_ms));
}

/* RFC 6146, 3.5.2.2: the session of an outbound TCP segment. */
static void tcp_session_6to4(const struct nat64 *nat, const struct filter_input *input,
			     struct filter_plan *plan)
{
	if (plan->session != SLAB_NONE) {
		tcp_step(nat, input, plan);
		return;
	}
	if (tcp_fsm_event(input->tcp_flags, true) != TCP_FSM_V6_SYN) {
		revive(nat, input, plan);
		return; /* S-26: forward, create nothing */
	}

	plan->stored_syn = syn_store_find(&nat->syns, &plan->mapped, &plan->peer);
	if (plan->stored_syn != SLAB_NONE) /* S-29: the two meet */
		set_session(plan, TCP_FSM_ESTABLISHED,
			    tcp_deadline_ms(nat, TCP_FSM_EST, input->now_ms));
	else
		set_session(plan, TCP_FSM_V6_INIT,
			    tcp_deadline_ms(nat, TCP_FSM_OPENING, input->now_ms));
}

/* RFC 6146, 3.5.1 and 3.5.3, second half: the session of a UDP or ICMP packet. */
static void query_session(const struct nat64 *nat, uint64_t now_ms, struct filter_plan *plan)
{
	set_session(plan, TCP_FSM_CLOSED,
		    now_ms + query_lifetime_ms(nat, plan->protocol, &plan->peer));
}

/* What a plan begins with, of either side. */
static void begin(enum protocol protocol, bool from6, struct filter_plan *ret)
{
	ret->protocol = protocol;
	ret->from6 = from6;
	ret->session = SLAB_NONE;
	ret->change = FILTER_KEEPS;
	ret->state = TCP_FSM_CLOSED;
	ret->stored_syn = SLAB_NONE;
	ret->make.offer.port.entry = NULL;
}

/* The session of a binding with the plan's peer, and where it stands. */
static void find_session(const struct nat64 *nat, struct filter_plan *plan)
{
	const struct session_table *sessions = &nat->sessions[plan->protocol];
	const struct session *session;

	plan->session = session_find(sessions, plan->binding, &plan->peer);
	if (plan->session == SLAB_NONE)
		return;
	session = session_at(sessions, plan->session);
	plan->state = session->state;
	plan->expires_ms = session_timing(session).expires_ms;
}

/* RFC 6146, 3.5.3: the server's side of the session; of an echo it has the binding's identifier. */
static struct taddr4 peer_6to4(const struct tuple6 *in, uint32_t peer4, const struct taddr4 *mapped)
{
	return (struct taddr4){peer4, peer_port(in->protocol, in->dst.port, mapped->port)};
}

/* RFC 6146, 3.5.1 to 3.5.3, first half: the binding and the session, if there are any. */
static void find_6to4(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
		      uint32_t peer4, struct filter_plan *ret)
{
	const struct bib *bib = &nat->bib[in->protocol];

	begin(in->protocol, true, ret);
	ret->pool6 = pool6;
	ret->client = in->src;
	ret->binding = bib_find6(bib, &in->src);
	ret->peer = (struct taddr4){peer4, in->dst.port};
	if (ret->binding == SLAB_NONE)
		return;
	ret->mapped = bib_entry_taddr4(bib_at(bib, ret->binding));
	ret->peer = peer_6to4(in, peer4, &ret->mapped);
	find_session(nat, ret);
}

/* May this packet pass, and make a binding and a session as far as they are not there yet? */
static enum outcome permit_6to4(const struct nat64 *nat, const struct filter_plan *plan,
				const struct filter_input *input)
{
	bool opens = plan->protocol != PROTOCOL_TCP ||
		     tcp_fsm_event(input->tcp_flags, true) == TCP_FSM_V6_SYN;

	if (plan->binding == SLAB_NONE && !opens)
		return OUTCOME_BIB6_NOT_FOUND; /* S-26 */
	if (plan->session != SLAB_NONE)
		return OUTCOME_TRANSLATED;

	enum outcome outcome = policy_new_session(nat, &plan->client.addr, plan->pool6,
						  plan->peer.addr, input->hairpinned);
	if (outcome != OUTCOME_TRANSLATED || !opens)
		return outcome;
	return quota_new_session(nat, plan->protocol, &plan->client.addr, plan->pool6,
				 plan->binding, &nothing_ahead);
}

enum outcome filter_6to4_check(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			       uint32_t peer4, const struct filter_input *input,
			       struct filter_plan *ret)
{
	find_6to4(nat, in, pool6, peer4, ret);
	return permit_6to4(nat, ret, input);
}

/* RFC 6146, 3.5, from the IPv6 side: policy, binding, session. */
enum outcome filter_6to4(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			 uint32_t peer4, const struct filter_input *input, struct filter_plan *ret)
{
	enum outcome outcome = filter_6to4_check(nat, in, pool6, peer4, input, ret);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (input->known_only && ret->session == SLAB_NONE)
		return FILTER_UNDECIDED;

	if (ret->binding == SLAB_NONE) {
		outcome = binding_choose(nat, in->protocol, &ret->client, pool6, &ret->peer,
					 input->now_ms, &ret->make);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
		ret->mapped = ret->make.offer.port.taddr;
		ret->peer = peer_6to4(in, peer4, &ret->mapped);
	}
	if (in->protocol == PROTOCOL_TCP)
		tcp_session_6to4(nat, input, ret);
	else
		query_session(nat, input->now_ms, ret);
	return OUTCOME_TRANSLATED;
}

/* RFC 6146, 3.5.1 and 3.5.3: an IPv4 packet that no binding knows is dropped, if it is ours at all
 * (S-14). */
static enum outcome unbound_4to6(const struct nat64 *nat, const struct tuple4 *in,
				 const struct filter_input *input)
{
	const struct nat64_world *world = &nat->world;

	if (!input->hairpinned && world->own4(world->context, in->dst.addr))
		return OUTCOME_LEFT_TO_HOST; /* P-23 */
	if (!input->hairpinned && !pool4_find(nat->pool4, in->protocol, in->dst.addr, in->dst.port))
		return OUTCOME_NOT_OURS;
	switch (in->protocol) {
	case PROTOCOL_TCP:
		return OUTCOME_BIB4_NOT_FOUND_TCP;
	case PROTOCOL_ICMP:
		return OUTCOME_BIB4_NOT_FOUND_ICMP;
	case PROTOCOL_UDP:
	case N_PROTOCOLS:
		break;
	}
	return OUTCOME_BIB4_NOT_FOUND;
}

/* P-23: a SYN to the host's own address is ours to keep only if nobody there waits for it. */
static bool syn_is_for_host(const struct nat64 *nat, const struct tuple4 *in, bool pure_syn)
{
	const struct nat64_world *world = &nat->world;

	return world->own4(world->context, in->dst.addr) &&
	       (!pure_syn ||
		world->listens4(world->context, PROTOCOL_TCP, in->dst.addr, in->dst.port));
}

/* RFC 6146, 3.5.2.2, CLOSED, no binding (S-25 a and b, S-26). */
static enum outcome tcp_unbound_4to6(const struct nat64 *nat, const struct tuple4 *in,
				     const struct filter_input *input)
{
	if (syn_store_find(&nat->syns, &in->dst, &in->src) != SLAB_NONE)
		return OUTCOME_SYN_WAITS;
	if (tcp_fsm_event(input->tcp_flags, false) != TCP_FSM_V4_SYN ||
	    !pool4_find(nat->pool4, PROTOCOL_TCP, in->dst.addr, in->dst.port))
		return unbound_4to6(nat, in, input);
	if (!input->hairpinned && syn_is_for_host(nat, in, !(input->tcp_flags & TH_ACK)))
		return OUTCOME_LEFT_TO_HOST;
	if (policy_denied_source4(nat, in->src.addr))
		return OUTCOME_SOURCE_DENIED_TCP;
	return nat->config.external_tcp ? OUTCOME_SYN_STORED : OUTCOME_EXTERNAL_TCP_FORBIDDEN;
}

/* the prefix of the session if there is one, else that which the inside used last. */
static uint8_t prefix_towards(const struct nat64 *nat, enum protocol protocol, uint32_t binding,
			      uint32_t session)
{
	return session != SLAB_NONE ? session_at(&nat->sessions[protocol], session)->pool6
				    : bib_at(&nat->bib[protocol], binding)->pool6;
}

/* RFC 6146, 3.5.2.2: may an inbound TCP segment for a binding pass? */
static enum outcome permit_tcp_4to6(const struct nat64 *nat, const struct filter_plan *plan,
				    const struct filter_input *input)
{
	if (plan->session != SLAB_NONE)
		return OUTCOME_TRANSLATED;
	if (syn_store_find(&nat->syns, &plan->mapped, &plan->peer) != SLAB_NONE)
		return OUTCOME_SYN_WAITS; /* S-27 */
	if (policy_denied_source4(nat, plan->peer.addr))
		return OUTCOME_SOURCE_DENIED_TCP; /* silent: S-28 */

	bool permitted = filter_permits(nat, PROTOCOL_TCP, plan->binding, plan->peer.addr);
	if (tcp_fsm_event(input->tcp_flags, false) != TCP_FSM_V4_SYN)
		return permitted ? OUTCOME_TRANSLATED : OUTCOME_FILTERED_TCP; /* S-26 */
	if (!nat->config.external_tcp)
		return OUTCOME_EXTERNAL_TCP_FORBIDDEN;              /* S-25 a */
	return permitted ? OUTCOME_TRANSLATED : OUTCOME_SYN_STORED; /* S-25 c to e */
}

/* RFC 6146, 3.5.1 and 3.5.3: may an inbound UDP or ICMP packet for a binding pass? */
static enum outcome permit_4to6(const struct nat64 *nat, const struct filter_plan *plan,
				const struct filter_input *input)
{
	if (plan->protocol == PROTOCOL_TCP)
		return permit_tcp_4to6(nat, plan, input);
	if (plan->session == SLAB_NONE && policy_denied_source4(nat, plan->peer.addr))
		return OUTCOME_SOURCE_DENIED; /* RFC 7915, 4.4 */
	return filter_permits(nat, plan->protocol, plan->binding, plan->peer.addr)
		       ? OUTCOME_TRANSLATED
		       : OUTCOME_FILTERED; /* S-17 */
}

/* RFC 6146, 3.5, from the IPv4 side, as far as it does not depend on the way to the client. */
enum outcome filter_4to6_check(const struct nat64 *nat, const struct tuple4 *in,
			       const struct filter_input *input, const struct filter_plan *first,
			       struct filter_plan *ret)
{
	const struct bib *bib = &nat->bib[in->protocol];

	begin(in->protocol, false, ret);
	ret->mapped = in->dst;
	ret->peer = in->src;
	ret->binding = bib_find4(bib, &in->dst);
	if (ret->binding == SLAB_NONE)
		return in->protocol == PROTOCOL_TCP ? tcp_unbound_4to6(nat, in, input)
						    : unbound_4to6(nat, in, input);
	ret->client = bib_entry_taddr6(bib_at(bib, ret->binding));
	find_session(nat, ret);
	ret->pool6 = prefix_towards(nat, in->protocol, ret->binding, ret->session);
	if (first && first->binding == ret->binding && ret->session == SLAB_NONE)
		ret->pool6 = first->pool6; /* it will have been used with this one last */

	if (blocklist_covers(&nat->blocklist, &ret->client.addr))
		return OUTCOME_CLIENT_BLOCKED;
	if (policy_nonglobal(nat, ret->pool6, in->src.addr))
		return OUTCOME_NONGLOBAL_SOURCE; /* */
	return permit_4to6(nat, ret, input);
}

/* S-28: the IPv4 side hears nothing about a SYN that nobody has asked for. */
static enum outcome silenced(enum outcome outcome)
{
	switch ((int)outcome) {
	case OUTCOME_SESSION_FULL:
		return OUTCOME_SESSION_FULL_TCP;
	case OUTCOME_CLIENT_SESSIONS:
		return OUTCOME_CLIENT_SESSIONS_TCP;
	case OUTCOME_BINDING_SESSIONS:
		return OUTCOME_BINDING_SESSIONS_TCP;
	default:
		return outcome;
	}
}

/* The session that a hairpinned packet makes on its way out counts when it asks for another one. */
static struct quota_ahead ahead_of(const struct nat64 *nat, const struct filter_plan *first,
				   const struct addr6 *client)
{
	const uint8_t len = nat->clients.prefix_length;
	struct quota_ahead ahead = {.n_sessions = 1};

	if (!first || first->change != FILTER_ADDS)
		return nothing_ahead;
	if (first->binding == SLAB_NONE ||
	    !bib_at(&nat->bib[first->protocol], first->binding)->is_static) {
		const struct addr6 counted = addr6_mask(&first->client.addr, len);
		const struct addr6 asked = addr6_mask(client, len);
		ahead.n_of_client = addr6_equal(&counted, &asked);
	}
	return ahead;
}

/* RFC 6146, 3.5, from the IPv4 side: what filter_4to6_check() has let pass makes or refreshes its
 * session. */
enum outcome filter_4to6(const struct nat64 *nat, const struct filter_input *input,
			 const struct filter_plan *first, struct filter_plan *plan)
{
	const bool is_tcp = plan->protocol == PROTOCOL_TCP;

	if (plan->session != SLAB_NONE) {
		if (is_tcp)
			tcp_step(nat, input, plan);
		else if (nat->config.inbound_refresh)
			query_session(nat, input->now_ms, plan); /* S-20 */
		return OUTCOME_TRANSLATED;
	}
	if (input->known_only)
		return FILTER_UNDECIDED;
	if (is_tcp && tcp_fsm_event(input->tcp_flags, false) != TCP_FSM_V4_SYN) {
		revive(nat, input, plan);
		return OUTCOME_TRANSLATED; /* S-26: forward, create nothing */
	}

	const struct quota_ahead ahead = ahead_of(nat, first, &plan->client.addr);
	enum outcome outcome = quota_new_session(nat, plan->protocol, &plan->client.addr,
						 plan->pool6, plan->binding, &ahead);
	if (outcome != OUTCOME_TRANSLATED)
		return is_tcp ? silenced(outcome) : outcome;
	if (is_tcp)
		set_session(plan, TCP_FSM_V4_INIT,
			    tcp_deadline_ms(nat, TCP_FSM_OPENING, input->now_ms));
	else
		query_session(nat, input->now_ms, plan);
	return OUTCOME_TRANSLATED;
}

bool filter_turns_back(const struct filter_plan *first)
{
	bool has_session = first->session != SLAB_NONE || first->change == FILTER_ADDS;

	return has_session && taddr4_equal(&first->mapped, &first->peer);
}

/* What it has been allowed on its way out it may do on its way back, and no session is as fresh. */
void filter_turn_back(const struct nat64 *nat, const struct filter_input *input,
		      struct filter_plan *plan)
{
	plan->from6 = false;
	if (plan->protocol == PROTOCOL_TCP)
		tcp_step(nat, input, plan);
	plan->from6 = true;
}

/* The session, of a binding that is there by now. */
static enum outcome commit_session(struct nat64 *nat, const struct filter_plan *plan,
				   uint32_t binding, uint64_t now_ms)
{
	struct session_table *sessions = &nat->sessions[plan->protocol];

	switch (plan->change) {
	case FILTER_KEEPS:
		break;
	case FILTER_SETS:
		session_set_state(sessions, plan->session, plan->state, plan->expires_ms);
		break;
	case FILTER_ADDS:
		if (binding_add_session(nat, plan->protocol, binding, &plan->peer, plan->pool6,
					plan->state, plan->expires_ms,
					now_ms) != OUTCOME_TRANSLATED)
			return OUTCOME_NO_MEMORY;
		break;
	}
	if (plan->session != SLAB_NONE && plan->from6)
		session_set_pool6(sessions, plan->session, plan->pool6);
	if (plan->stored_syn != SLAB_NONE)
		syn_store_remove(&nat->syns, plan->stored_syn);
	return OUTCOME_TRANSLATED;
}

bool filter_is_light(const struct nat64 *nat, const struct filter_plan *plan)
{
	const struct session_table *sessions = &nat->sessions[plan->protocol];
	const struct bib *bib = &nat->bib[plan->protocol];

	if (plan->session == SLAB_NONE || plan->stored_syn != SLAB_NONE)
		return false;
	if (plan->from6 && (session_at(sessions, plan->session)->pool6 != plan->pool6 ||
			    bib_at(bib, plan->binding)->pool6 != plan->pool6))
		return false;
	return plan->change == FILTER_KEEPS ||
	       session_only_lives_on(sessions, plan->session, plan->state, plan->expires_ms);
}

void filter_commit_light(struct nat64 *nat, const struct filter_plan *plan)
{
	if (plan->change == FILTER_SETS)
		session_live_on(&nat->sessions[plan->protocol], plan->session, plan->expires_ms);
}

enum outcome filter_commit(struct nat64 *nat, const struct filter_plan *plan, uint64_t now_ms)
{
	uint32_t binding = plan->binding;
	enum outcome outcome;

	if (binding == SLAB_NONE) {
		outcome = binding_create(nat, &plan->make, now_ms, &binding);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	outcome = commit_session(nat, plan, binding, now_ms);
	if (outcome != OUTCOME_TRANSLATED) {
		binding_end_if_idle(nat, plan->protocol, binding, now_ms);
		return outcome;
	}
	if (plan->from6)
		bib_set_pool6(&nat->bib[plan->protocol], binding, plan->pool6); /* */
	return OUTCOME_TRANSLATED;
}

/* With strict pairing one address was asked for, and no other would have done. */
static uint32_t only_address(const struct nat64 *nat, const struct filter_plan *plan)
{
	return nat->config.pool4_policy.strict_pairing ? plan->make.request.paired4 : 0;
}

void filter_refused(struct nat64 *nat, const struct filter_plan *plan, enum outcome outcome,
		    uint64_t now_ms)
{
	struct quota_refusal refusal = {.outcome = outcome,
					.protocol = plan->protocol,
					.host = &plan->client.addr,
					.pool6 = plan->pool6};

	if (plan->binding != SLAB_NONE)
		refusal.pool4 = bib_at(&nat->bib[plan->protocol], plan->binding)->pool4;
	if (outcome == OUTCOME_POOL4_EXHAUSTED) {
		const struct pool4_entry *entry = plan->make.offer.port.entry;
		pool4_count_refusal(plan->protocol, &plan->make.offer);
		refusal.pool4 = entry ? entry->id : 0;
		refusal.addr4 = only_address(nat, plan);
	}
	quota_refused(nat, &refusal, now_ms);
}

/* RFC 6146, 3.5, of ICMP errors: with endpoint-independent filtering the binding suffices,
 * otherwise the session must be there (C-13). */
static bool error_permitted(const struct nat64 *nat, enum protocol protocol, uint32_t session)
{
	return session != SLAB_NONE ||
	       nat->config.filtering[protocol] == FILTERING_ENDPOINT_INDEPENDENT;
}

/* RFC 6146, 3.4 and 3.6.1: an error finds the binding of the packet it is about (I-12, I-14). */
enum outcome filter_error_6to4(const struct nat64 *nat, const struct tuple6 *in, uint32_t peer4,
			       struct tuple4 *ret)
{
	const struct bib *bib = &nat->bib[in->protocol];
	uint32_t binding = bib_find6(bib, &in->src);
	if (binding == SLAB_NONE)
		return OUTCOME_ICMP_NO_BINDING;

	struct taddr4 mapped = bib_entry_taddr4(bib_at(bib, binding));
	struct taddr4 peer = peer_6to4(in, peer4, &mapped);
	uint32_t session = session_find(&nat->sessions[in->protocol], binding, &peer);
	if (!error_permitted(nat, in->protocol, session))
		return OUTCOME_ICMP_NO_BINDING;

	*ret = (struct tuple4){.protocol = in->protocol, .src = mapped, .dst = peer};
	return OUTCOME_TRANSLATED;
}

/* The same from the IPv4 side (I-16). */
enum outcome filter_error_4to6(const struct nat64 *nat, const struct tuple4 *in, struct tuple6 *ret,
			       uint8_t *ret_pool6)
{
	const struct bib *bib = &nat->bib[in->protocol];
	uint32_t binding = bib_find4(bib, &in->dst);
	if (binding == SLAB_NONE || addr4_is_illegal(in->src.addr))
		return OUTCOME_ICMP_NO_BINDING; /* nothing ever went to such an address */
	const struct taddr6 client = bib_entry_taddr6(bib_at(bib, binding));
	if (blocklist_covers(&nat->blocklist, &client.addr))
		return OUTCOME_CLIENT_BLOCKED;

	uint32_t session = session_find(&nat->sessions[in->protocol], binding, &in->src);
	if (!error_permitted(nat, in->protocol, session))
		return OUTCOME_ICMP_NO_BINDING;

	*ret_pool6 = prefix_towards(nat, in->protocol, binding, session);
	if (policy_nonglobal(nat, *ret_pool6, in->src.addr))
		return OUTCOME_NONGLOBAL_SOURCE; /* C-4 */
	*ret = outgoing6(nat, in->protocol, &client, &in->src, *ret_pool6);
	return OUTCOME_TRANSLATED;
}

/* RFC 6146, 3.5.2.2, ESTABLISHED: an idle connection is probed, once, and then is transitory; every
 * other session ends (S-31). */
bool filter_expired(struct nat64 *nat, enum protocol protocol, uint32_t session, uint64_t now_ms,
		    struct filter_probe *ret)
{
	struct session_table *sessions = &nat->sessions[protocol];
	struct session *entry = session_at(sessions, session);

	if (protocol == PROTOCOL_TCP) {
		struct tcp_fsm_step step =
			tcp_fsm_step(entry->state, TCP_FSM_TIMEOUT, false, false);
		if (step.probe) {
			struct taddr4 peer = {entry->addr4, entry->port4};
			struct taddr6 client =
				bib_entry_taddr6(bib_at(&nat->bib[protocol], entry->bib));
			struct tuple6 towards =
				outgoing6(nat, protocol, &client, &peer, entry->pool6);
			*ret = (struct filter_probe){towards.src, towards.dst};
			session_set_state(sessions, session, (uint8_t)step.next,
					  tcp_deadline_ms(nat, step.timer, now_ms));
			return !blocklist_covers(&nat->blocklist, &towards.dst.addr);
		}
	}
	binding_end_session(nat, protocol, session, now_ms);
	return false;
}
