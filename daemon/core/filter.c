/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/filter.h"

#include <netinet/tcp.h>

#include "daemon/core/binding.h"
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
static struct tuple4 outgoing4(enum protocol protocol, const struct bib_entry *entry,
			       const struct taddr4 *peer)
{
	return (struct tuple4){.protocol = protocol, .src = bib_entry_taddr4(entry), .dst = *peer};
}

/* RFC 6146, 3.6.1: the outgoing tuple of a packet from peer, whose address is embedded (3.5.4). */
static struct tuple6 outgoing6(const struct nat64 *nat, enum protocol protocol,
			       const struct bib_entry *entry, const struct taddr4 *peer,
			       uint8_t pool6)
{
	return (struct tuple6){
		.protocol = protocol,
		.src = {rfc6052_embed(policy_pool6(nat, pool6), peer->addr),
			peer_port(protocol, peer->port, entry->port6)},
		.dst = bib_entry_taddr6(entry),
	};
}

/* RFC 6146, 3.5: endpoint-independent filtering lets everybody in; address-dependent filtering
 * those to whom the inside has sent (S-7, S-16; for TCP C-9). */
static bool filter_permits(const struct nat64 *nat, enum protocol protocol, uint32_t binding,
			   uint32_t addr4)
{
	return nat->config.filtering[protocol] == FILTERING_ENDPOINT_INDEPENDENT ||
	       session_exists_with(&nat->sessions[protocol], binding, addr4);
}

/* RFC 6146, 3.5.1 and 3.5.3, second half: the session of an outbound UDP or ICMP packet. */
static enum outcome query_session_6to4(struct nat64 *nat, enum protocol protocol, uint32_t binding,
				       const struct taddr4 *peer, uint8_t pool6, uint64_t now_ms)
{
	struct session_table *sessions = &nat->sessions[protocol];
	uint64_t expires_ms = now_ms + query_lifetime_ms(nat, protocol, peer);
	uint32_t session = session_find(sessions, binding, peer);

	if (session == SLAB_NONE)
		return binding_add_session(nat, protocol, binding, peer, pool6, TCP_FSM_CLOSED,
					   expires_ms, now_ms);
	session_at(sessions, session)->pool6 = pool6;
	session_touch(sessions, session, expires_ms);
	return OUTCOME_TRANSLATED;
}

/* The SYN that we may hold from peer has met its counterpart (S-29); true if there was one. */
static bool discard_stored_syn(struct nat64 *nat, uint32_t binding, const struct taddr4 *peer)
{
	struct taddr4 mapped = bib_entry_taddr4(bib_at(&nat->bib[PROTOCOL_TCP], binding));
	uint32_t stored = syn_store_find(&nat->syns, &mapped, peer);

	if (stored == SLAB_NONE)
		return false;
	syn_store_remove(&nat->syns, stored);
	return true;
}

/* RFC 6146, 3.5.2.2: the session goes where its state and the segment lead. */
static void tcp_step(struct nat64 *nat, uint32_t session, enum tcp_fsm_event event,
		     uint8_t tcp_flags, uint64_t now_ms)
{
	struct session_table *sessions = &nat->sessions[PROTOCOL_TCP];
	struct tcp_fsm_step step = tcp_fsm_step(session_at(sessions, session)->state, event,
						!(tcp_flags & TH_ACK), nat->config.external_tcp);

	if (step.timer != TCP_FSM_KEEP)
		session_set_state(sessions, session, (uint8_t)step.next,
				  tcp_deadline_ms(nat, step.timer, now_ms));
}

/* RFC 6146, 3.5.2.2: the session of an outbound TCP segment. */
static enum outcome tcp_session_6to4(struct nat64 *nat, uint32_t binding, const struct taddr4 *peer,
				     uint8_t pool6, const struct filter_input *input)
{
	struct session_table *sessions = &nat->sessions[PROTOCOL_TCP];
	enum tcp_fsm_event event = tcp_fsm_event(input->tcp_flags, true);
	uint32_t session = session_find(sessions, binding, peer);

	if (session != SLAB_NONE) {
		session_at(sessions, session)->pool6 = pool6;
		tcp_step(nat, session, event, input->tcp_flags, input->now_ms);
		return OUTCOME_TRANSLATED;
	}
	if (event != TCP_FSM_V6_SYN)
		return OUTCOME_TRANSLATED; /* S-26: forward, create nothing */

	enum outcome outcome = binding_add_session(
		nat, PROTOCOL_TCP, binding, peer, pool6, TCP_FSM_V6_INIT,
		tcp_deadline_ms(nat, TCP_FSM_OPENING, input->now_ms), input->now_ms);
	if (outcome == OUTCOME_TRANSLATED && discard_stored_syn(nat, binding, peer))
		session_set_state(sessions, session_find(sessions, binding, peer),
				  TCP_FSM_ESTABLISHED,
				  tcp_deadline_ms(nat, TCP_FSM_EST, input->now_ms));
	return outcome;
}

/* RFC 6146, 3.5.3: the server's side of the session; of an echo it has the binding's identifier. */
static struct taddr4 peer_6to4(const struct nat64 *nat, const struct tuple6 *in, uint32_t binding,
			       uint32_t peer4)
{
	struct taddr4 peer = {peer4, in->dst.port};

	if (in->protocol == PROTOCOL_ICMP && binding != SLAB_NONE)
		peer.port = bib_at(&nat->bib[PROTOCOL_ICMP], binding)->port4;
	return peer;
}

/* RFC 6146, 3.5.1 to 3.5.3, first half: may this packet pass, and make a binding and a session as
 * far as they are not there yet? */
static enum outcome permit_6to4(const struct nat64 *nat, const struct tuple6 *in, uint32_t binding,
				const struct taddr4 *peer, uint8_t pool6,
				const struct filter_input *input)
{
	bool opens = in->protocol != PROTOCOL_TCP ||
		     tcp_fsm_event(input->tcp_flags, true) == TCP_FSM_V6_SYN;

	if (binding == SLAB_NONE && !opens)
		return OUTCOME_BIB6_NOT_FOUND; /* S-26 */
	if (binding != SLAB_NONE &&
	    session_find(&nat->sessions[in->protocol], binding, peer) != SLAB_NONE)
		return OUTCOME_TRANSLATED;

	enum outcome outcome =
		policy_new_session(nat, &in->src.addr, pool6, peer->addr, input->hairpinned);
	if (outcome != OUTCOME_TRANSLATED || !opens)
		return outcome;
	return quota_new_session(nat, in->protocol, &in->src.addr, pool6, binding);
}

/* RFC 6146, 3.5, from the IPv6 side, as far as nothing changes. */
enum outcome filter_6to4_check(const struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			       uint32_t peer4, const struct filter_input *input)
{
	uint32_t binding = bib_find6(&nat->bib[in->protocol], &in->src);
	struct taddr4 peer = peer_6to4(nat, in, binding, peer4);

	return permit_6to4(nat, in, binding, &peer, pool6, input);
}

/* Tells of it if it was for a limit (L-4). */
static void session_refused(struct nat64 *nat, enum outcome outcome, enum protocol protocol,
			    const struct addr6 *host, uint8_t pool6, uint32_t binding,
			    uint64_t now_ms)
{
	quota_refused(nat,
		      &(struct quota_refusal){
			      .outcome = outcome,
			      .protocol = protocol,
			      .host = host,
			      .pool6 = pool6,
			      .pool4 = binding == SLAB_NONE
					       ? 0
					       : bib_at(&nat->bib[protocol], binding)->pool4,
		      },
		      now_ms);
}

/* RFC 6146, 3.5, from the IPv6 side: policy, binding, session, and the outgoing tuple (3.6). */
enum outcome filter_6to4(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6, uint32_t peer4,
			 const struct filter_input *input, struct tuple4 *ret)
{
	struct bib *bib = &nat->bib[in->protocol];
	uint32_t binding = bib_find6(bib, &in->src);
	struct taddr4 peer = peer_6to4(nat, in, binding, peer4);

	enum outcome outcome = permit_6to4(nat, in, binding, &peer, pool6, input);
	if (outcome != OUTCOME_TRANSLATED) {
		session_refused(nat, outcome, in->protocol, &in->src.addr, pool6, binding,
				input->now_ms);
		return outcome;
	}

	if (binding == SLAB_NONE) {
		outcome = binding_create(nat, in, pool6, &peer, input->now_ms, &binding);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
		peer = peer_6to4(nat, in, binding, peer4);
	}

	outcome = in->protocol == PROTOCOL_TCP ? tcp_session_6to4(nat, binding, &peer, pool6, input)
					       : query_session_6to4(nat, in->protocol, binding,
								    &peer, pool6, input->now_ms);
	if (outcome != OUTCOME_TRANSLATED) {
		binding_end_if_idle(nat, in->protocol, binding, input->now_ms);
		return outcome;
	}

	bib_at(bib, binding)->pool6 = pool6; /* */
	*ret = outgoing4(in->protocol, bib_at(bib, binding), &peer);
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
static uint8_t prefix_towards(const struct nat64 *nat, enum protocol protocol,
			      const struct filter_found *found)
{
	return found->session != SLAB_NONE
		       ? session_at(&nat->sessions[protocol], found->session)->pool6
		       : bib_at(&nat->bib[protocol], found->binding)->pool6;
}

/* RFC 6146, 3.5.2.2: may an inbound TCP segment for a binding pass? */
static enum outcome permit_tcp_4to6(const struct nat64 *nat, const struct filter_found *found,
				    const struct tuple4 *in, const struct filter_input *input)
{
	if (found->session != SLAB_NONE)
		return OUTCOME_TRANSLATED;
	if (syn_store_find(&nat->syns, &in->dst, &in->src) != SLAB_NONE)
		return OUTCOME_SYN_WAITS; /* S-27 */
	if (policy_denied_source4(nat, in->src.addr))
		return OUTCOME_SOURCE_DENIED_TCP; /* silent: S-28 */

	bool permitted = filter_permits(nat, PROTOCOL_TCP, found->binding, in->src.addr);
	if (tcp_fsm_event(input->tcp_flags, false) != TCP_FSM_V4_SYN)
		return permitted ? OUTCOME_TRANSLATED : OUTCOME_FILTERED_TCP; /* S-26 */
	if (!nat->config.external_tcp)
		return OUTCOME_EXTERNAL_TCP_FORBIDDEN;              /* S-25 a */
	return permitted ? OUTCOME_TRANSLATED : OUTCOME_SYN_STORED; /* S-25 c to e */
}

/* RFC 6146, 3.5.1 and 3.5.3: may an inbound UDP or ICMP packet for a binding pass? */
static enum outcome permit_4to6(const struct nat64 *nat, const struct filter_found *found,
				const struct tuple4 *in, const struct filter_input *input)
{
	if (in->protocol == PROTOCOL_TCP)
		return permit_tcp_4to6(nat, found, in, input);
	if (found->session == SLAB_NONE && policy_denied_source4(nat, in->src.addr))
		return OUTCOME_SOURCE_DENIED; /* RFC 7915, 4.4 */
	return filter_permits(nat, in->protocol, found->binding, in->src.addr)
		       ? OUTCOME_TRANSLATED
		       : OUTCOME_FILTERED; /* S-17 */
}

/* RFC 6146, 3.5, from the IPv4 side, as far as nothing changes, and the outgoing tuple (3.6). */
enum outcome filter_4to6_check(const struct nat64 *nat, const struct tuple4 *in,
			       const struct filter_input *input, struct filter_found *ret_found,
			       struct tuple6 *ret)
{
	const struct bib *bib = &nat->bib[in->protocol];
	const struct session_table *sessions = &nat->sessions[in->protocol];

	ret_found->binding = bib_find4(bib, &in->dst);
	if (ret_found->binding == SLAB_NONE)
		return in->protocol == PROTOCOL_TCP ? tcp_unbound_4to6(nat, in, input)
						    : unbound_4to6(nat, in, input);
	ret_found->session = session_find(sessions, ret_found->binding, &in->src);

	const struct bib_entry *entry = bib_at(bib, ret_found->binding);
	if (blocklist_covers(&nat->blocklist, &entry->addr6))
		return OUTCOME_CLIENT_BLOCKED;
	uint8_t pool6 = prefix_towards(nat, in->protocol, ret_found);
	if (policy_nonglobal(nat, pool6, in->src.addr))
		return OUTCOME_NONGLOBAL_SOURCE; /* */
	*ret = outgoing6(nat, in->protocol, entry, &in->src, pool6);
	return permit_4to6(nat, ret_found, in, input);
}

/* RFC 6146, 3.5.1 and 3.5.3, second half: the session of an inbound UDP or ICMP packet. */
static enum outcome query_session_4to6(struct nat64 *nat, const struct tuple4 *in,
				       const struct filter_found *found, uint64_t now_ms)
{
	uint64_t expires_ms = now_ms + query_lifetime_ms(nat, in->protocol, &in->src);

	if (found->session == SLAB_NONE)
		return binding_add_session(nat, in->protocol, found->binding, &in->src,
					   prefix_towards(nat, in->protocol, found), TCP_FSM_CLOSED,
					   expires_ms, now_ms);
	if (nat->config.inbound_refresh)
		session_touch(&nat->sessions[in->protocol], found->session, expires_ms); /* S-20 */
	return OUTCOME_TRANSLATED;
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

/* RFC 6146, 3.5.2.2: the session of an inbound TCP segment. */
static enum outcome tcp_session_4to6(struct nat64 *nat, const struct tuple4 *in,
				     const struct filter_input *input,
				     const struct filter_found *found)
{
	enum tcp_fsm_event event = tcp_fsm_event(input->tcp_flags, false);

	if (found->session != SLAB_NONE) {
		tcp_step(nat, found->session, event, input->tcp_flags, input->now_ms);
		return OUTCOME_TRANSLATED;
	}
	if (event != TCP_FSM_V4_SYN)
		return OUTCOME_TRANSLATED; /* S-26: forward, create nothing */

	enum outcome outcome = binding_add_session(
		nat, PROTOCOL_TCP, found->binding, &in->src,
		prefix_towards(nat, PROTOCOL_TCP, found), TCP_FSM_V4_INIT,
		tcp_deadline_ms(nat, TCP_FSM_OPENING, input->now_ms), input->now_ms);
	return silenced(outcome);
}

/* RFC 6146, 3.5, from the IPv4 side: what filter_4to6_check() has let pass makes or refreshes its
 * session. */
enum outcome filter_4to6(struct nat64 *nat, const struct tuple4 *in,
			 const struct filter_input *input, const struct filter_found *found)
{
	enum outcome outcome = in->protocol == PROTOCOL_TCP
				       ? tcp_session_4to6(nat, in, input, found)
				       : query_session_4to6(nat, in, found, input->now_ms);
	if (outcome != OUTCOME_TRANSLATED) {
		const struct bib_entry *entry = bib_at(&nat->bib[in->protocol], found->binding);
		session_refused(nat, outcome, in->protocol, &entry->addr6, entry->pool6,
				found->binding, input->now_ms);
	}
	return outcome;
}

/* RFC 6146, 3.5, of ICMP errors: with endpoint-independent filtering the binding suffices,
 * otherwise the session must be there (C-13). */
static bool error_permitted(const struct nat64 *nat, enum protocol protocol,
			    const struct filter_found *found)
{
	return found->session != SLAB_NONE ||
	       nat->config.filtering[protocol] == FILTERING_ENDPOINT_INDEPENDENT;
}

/* RFC 6146, 3.4 and 3.6.1: an error finds the binding of the packet it is about (I-12, I-14). */
enum outcome filter_error_6to4(const struct nat64 *nat, const struct tuple6 *in, uint32_t peer4,
			       struct tuple4 *ret)
{
	struct filter_found found = {.binding = bib_find6(&nat->bib[in->protocol], &in->src)};
	if (found.binding == SLAB_NONE)
		return OUTCOME_ICMP_NO_BINDING;

	struct taddr4 peer = peer_6to4(nat, in, found.binding, peer4);
	found.session = session_find(&nat->sessions[in->protocol], found.binding, &peer);
	if (!error_permitted(nat, in->protocol, &found))
		return OUTCOME_ICMP_NO_BINDING;

	*ret = outgoing4(in->protocol, bib_at(&nat->bib[in->protocol], found.binding), &peer);
	return OUTCOME_TRANSLATED;
}

/* The same from the IPv4 side (I-16). */
enum outcome filter_error_4to6(const struct nat64 *nat, const struct tuple4 *in, struct tuple6 *ret,
			       uint8_t *ret_pool6)
{
	struct filter_found found = {.binding = bib_find4(&nat->bib[in->protocol], &in->dst)};
	if (found.binding == SLAB_NONE || addr4_is_illegal(in->src.addr))
		return OUTCOME_ICMP_NO_BINDING; /* nothing ever went to such an address */
	if (blocklist_covers(&nat->blocklist,
			     &bib_at(&nat->bib[in->protocol], found.binding)->addr6))
		return OUTCOME_CLIENT_BLOCKED;

	found.session = session_find(&nat->sessions[in->protocol], found.binding, &in->src);
	if (!error_permitted(nat, in->protocol, &found))
		return OUTCOME_ICMP_NO_BINDING;

	*ret_pool6 = prefix_towards(nat, in->protocol, &found);
	if (policy_nonglobal(nat, *ret_pool6, in->src.addr))
		return OUTCOME_NONGLOBAL_SOURCE; /* C-4 */
	*ret = outgoing6(nat, in->protocol, bib_at(&nat->bib[in->protocol], found.binding),
			 &in->src, *ret_pool6);
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
			struct tuple6 towards =
				outgoing6(nat, protocol, bib_at(&nat->bib[protocol], entry->bib),
					  &peer, entry->pool6);
			*ret = (struct filter_probe){towards.src, towards.dst};
			session_set_state(sessions, session, (uint8_t)step.next,
					  tcp_deadline_ms(nat, step.timer, now_ms));
			return !blocklist_covers(&nat->blocklist, &towards.dst.addr);
		}
	}
	binding_end_session(nat, protocol, session, now_ms);
	return false;
}
