/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/binding.h"

#include "daemon/core/quota.h"

/* How many SYNs of one peer are looked at: it may have sent them to all our ports. */
#define SYNS_TRIED_MAX 16

/*
 * RFC 6146, 3.5.2.2: a client opens towards a peer whose own SYN we hold. The two meet if the new
 * binding gets the transport address that the peer's SYN was sent to (S-30), if it suits the
 * client.
 */
static bool choose_of_stored_syn(const struct nat64 *nat, const struct pool4_request *request,
				 const struct taddr4 *peer, struct pool4_offer *ret)
{
	uint32_t oldest = syn_store_find_by_peer(&nat->syns, peer);
	uint32_t stored = oldest;

	for (unsigned i = 0; stored != SLAB_NONE && i < SYNS_TRIED_MAX; i++) {
		const struct stored_syn *syn = syn_store_at(&nat->syns, stored);
		if ((!request->paired4 || request->paired4 == syn->mapped.addr) &&
		    pool4_choose_exactly(nat->pool4, request, &syn->mapped, ret))
			return true;
		stored = syn->peer_newer == oldest ? SLAB_NONE : syn->peer_newer;
	}
	return false;
}

static enum outcome outcome_of_pool4(enum pool4_result result)
{
	switch (result) {
	case POOL4_OK:
		return OUTCOME_TRANSLATED;
	case POOL4_NO_ENTRY:
		return OUTCOME_POOL4_NO_ENTRY;
	case POOL4_NO_MEMORY:
		return OUTCOME_NO_MEMORY;
	case POOL4_EXHAUSTED:
	case POOL4_TAKEN:
	case POOL4_OVERLAP:
	case POOL4_EXISTS:
	case POOL4_BAD_ADDRESS:
	case POOL4_BAD_PORTS:
	case POOL4_NO_SUCH_ENTRY:
	case POOL4_IN_USE:
	case POOL4_BAD_CLIENTS:
	case POOL4_BAD_BLOCKS:
	case POOL4_SAME_CLIENTS:
		break;
	}
	return OUTCOME_POOL4_EXHAUSTED;
}

/* P-2: the address of a source, by its pairing prefix; its records for several Pool6 prefixes have
 * one address, wherever the entries of pool4 allow it. 0: none yet. */
static uint32_t paired_address(const struct nat64 *nat, const struct addr6 *prefix, uint8_t pool6)
{
	const struct pairing_table *pairings = &nat->pairings;
	uint32_t record = pairing_find(pairings, prefix, pool6);

	if (record != SLAB_NONE && pairing_at(pairings, record)->addr4)
		return pairing_at(pairings, record)->addr4;
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		uint32_t other = pairing_find(pairings, prefix, (uint8_t)i);
		if (other != SLAB_NONE && pairing_at(pairings, other)->addr4)
			return pairing_at(pairings, other)->addr4;
	}
	return 0;
}

/* By which pool4 knows a client; 0 for none. */
static uint64_t hash_of_client(const struct nat64 *nat, uint32_t pairing)
{
	const struct pairing *record;

	if (pairing == SLAB_NONE)
		return 0;
	record = pairing_at(&nat->pairings, pairing);
	return pairing_hash(&nat->pairings, &record->prefix, record->pool6);
}

/* The records that a binding has part in. */
struct owners {
	uint32_t pairing;
	uint32_t address; /* under PAIRING_ADDRESS, if the pairing is of more than the address */
	uint32_t client;
};

static void drop_unused(struct nat64 *nat, const struct owners *owners)
{
	if (owners->pairing != SLAB_NONE)
		pairing_drop_unused(&nat->pairings, owners->pairing);
	if (owners->address != SLAB_NONE)
		pairing_drop_unused(&nat->pairings, owners->address);
	if (owners->client != SLAB_NONE)
		client_drop_unused(&nat->clients, owners->client);
}

/* All of them, or none without memory. */
static bool get_owners(struct nat64 *nat, enum protocol protocol, const struct addr6 *src,
		       uint8_t pool6, struct owners *ret)
{
	const uint8_t len = nat->config.pairing_prefix_length;
	const struct addr6 prefix = addr6_mask(src, len);
	bool complete;

	*ret = (struct owners){SLAB_NONE, SLAB_NONE, SLAB_NONE};
	ret->pairing = pairing_get(&nat->pairings, &prefix, len, pool6);
	complete = ret->pairing != SLAB_NONE &&
		   pairing_reserve(&nat->pairings, ret->pairing, protocol);
	if (complete && pairing_at(&nat->pairings, ret->pairing)->len < 128) {
		ret->address = pairing_get(&nat->pairings, src, 128, PAIRING_ADDRESS);
		complete = ret->address != SLAB_NONE &&
			   pairing_reserve(&nat->pairings, ret->address, protocol);
	}
	if (complete) {
		ret->client = client_get(&nat->clients, src);
		complete = ret->client != SLAB_NONE && client_reserve(&nat->clients, ret->client);
	}
	if (!complete)
		drop_unused(nat, ret);
	return complete;
}

/* The binding counts for its owners. */
static void join_owners(struct nat64 *nat, enum protocol protocol, const struct owners *owners)
{
	pairing_ref(&nat->pairings, owners->pairing, protocol);
	if (owners->address != SLAB_NONE)
		pairing_ref(&nat->pairings, owners->address, protocol);
	client_add_binding(&nat->clients, owners->client, protocol);
}

static void leave_owners(struct nat64 *nat, enum protocol protocol, const struct bib_entry *entry)
{
	struct pairing_table *pairings = &nat->pairings;

	if (pairing_at(pairings, entry->pairing)->len < 128)
		pairing_unref(pairings, pairing_find(pairings, &entry->addr6, PAIRING_ADDRESS),
			      protocol);
	pairing_unref(pairings, entry->pairing, protocol);
	client_remove_binding(&nat->clients, client_find(&nat->clients, &entry->addr6), protocol);
}

/* For the log, if it is for that; and for those who look on. */
static void tell(struct nat64 *nat, const struct event *event, bool logged, enum watch_want wanted)
{
	if (logged)
		event_push(&nat->events, event);
	if (nat->watch.wanted & wanted)
		watch_event(&nat->watch, event);
}

/* L-11: in place of its bindings, the block that a client gets or leaves by what pool4 did last. */
static void tell_block(struct nat64 *nat, uint64_t now_ms)
{
	struct pool4_block_change change;

	if (!pool4_block_changed(nat->pool4, &change) ||
	    (!nat->events.want_bindings && !(nat->watch.wanted & WATCH_BINDINGS)))
		return;
	tell(nat,
	     &(struct event){
		     .kind = change.allocated ? EVENT_BLOCK_ALLOCATE : EVENT_BLOCK_RELEASE,
		     .protocol = N_PROTOCOLS,
		     .prefix_len = change.client.len,
		     .addr6 = change.client.addr,
		     .mapped = {change.addr, change.ports.first},
		     .last_port = change.ports.last,
		     .pool4 = change.id,
		     .time_ms = now_ms,
	     },
	     nat->events.want_bindings, WATCH_BINDINGS);
}

/* Of what is restored, or taken back as if it had never been, nobody is to hear: its block was told
 * when the client got it. */
static void keep_block_quiet(struct nat64 *nat)
{
	struct pool4_block_change change;

	(void)pool4_block_changed(nat->pool4, &change);
}

/* RFC 8158, 4.6: a binding that comes or goes, for those who want to know; forced: they need to. */
static void tell_binding(struct nat64 *nat, enum event_kind kind, enum protocol protocol,
			 uint32_t binding, bool forced, uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	const bool logged =
		forced || (nat->events.want_bindings && nat->limits.pool4.mode != POOL4_BLOCKS);

	if (!logged && !(nat->watch.wanted & WATCH_BINDINGS))
		return;
	tell(nat,
	     &(struct event){
		     .kind = kind,
		     .protocol = protocol,
		     .forced = forced,
		     .is_static = entry->is_static,
		     .prefix_len = 128,
		     .addr6 = entry->addr6,
		     .port6 = entry->port6,
		     .mapped = bib_entry_taddr4(entry),
		     .pool4 = entry->pool4,
		     .time_ms = now_ms,
	     },
	     logged, WATCH_BINDINGS);
}

static void tell_session(struct nat64 *nat, enum event_kind kind, enum protocol protocol,
			 uint32_t binding, const struct taddr4 *peer, uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);

	if (!nat->events.want_sessions && !(nat->watch.wanted & WATCH_SESSIONS))
		return;
	tell(nat,
	     &(struct event){
		     .kind = kind,
		     .protocol = protocol,
		     .is_static = entry->is_static,
		     .prefix_len = 128,
		     .addr6 = entry->addr6,
		     .port6 = entry->port6,
		     .mapped = bib_entry_taddr4(entry),
		     .peer = *peer,
		     .pool4 = entry->pool4,
		     .time_ms = now_ms,
	     },
	     nat->events.want_sessions, WATCH_SESSIONS);
}

enum outcome binding_choose(const struct nat64 *nat, enum protocol protocol,
			    const struct taddr6 *client, uint8_t pool6, const struct taddr4 *peer,
			    uint64_t now_ms, struct binding_plan *ret)
{
	struct addr6 prefix;

	ret->index = SLAB_NONE;
	ret->key = NULL;
	ret->offer.port.entry = NULL;
	ret->request = (struct pool4_request){.protocol = protocol,
					      .client = &client->addr,
					      .pool6 = pool6,
					      .port6 = client->port};
	if (nat->draining)
		return OUTCOME_DRAINING;
	enum outcome outcome = quota_new_binding(nat, protocol, &client->addr, pool6, now_ms);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	prefix = addr6_mask(&client->addr, nat->config.pairing_prefix_length);
	ret->request.paired4 = paired_address(nat, &prefix, pool6);
	ret->request.client_hash = pairing_hash(&nat->pairings, &prefix, pool6);
	ret->is_exact = protocol == PROTOCOL_TCP &&
			choose_of_stored_syn(nat, &ret->request, peer, &ret->offer);
	if (ret->is_exact)
		return OUTCOME_TRANSLATED;
	return outcome_of_pool4(pool4_choose(nat->pool4, &ret->request, &ret->offer));
}

/* At this index, which no other has. */
static uint32_t add_at(struct bib *bib, uint32_t index, const struct bib_key *key)
{
	return bib_add_at(bib, index, key) ? index : SLAB_NONE;
}

/* The entry of the BIB, with its transport address out of pool4; SLAB_NONE without memory. */
static uint32_t add_entry(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms)
{
	const struct pool4_request *request = &plan->request;
	const struct taddr6 client = {*request->client, request->port6};
	struct bib *bib = &nat->bib[request->protocol];
	struct bib_key made;
	uint32_t pool4, binding;

	if (!plan->key) {
		made = bib_key(bib, &client, &plan->offer.port.taddr);
		bib_prefetch(bib, &made);
	}
	if (pool4_accept(nat->pool4, request, &plan->offer) != POOL4_OK)
		return SLAB_NONE;
	pool4 = plan->offer.port.entry->id;
	if (plan->key) {
		binding = add_at(bib, plan->index, plan->key);
	} else {
		/* Nobody has the port that pool4 offers, and this client has no binding. */
		binding = bib_add_unbound(bib, &made);
	}
	if (binding == SLAB_NONE) {
		pool4_give_back(nat->pool4, request->protocol, &plan->offer.port.taddr, pool4);
		keep_block_quiet(nat);
		return SLAB_NONE;
	}

	struct bib_entry *entry = bib_at(bib, binding);
	entry->pool4 = pool4;
	entry->pool6 = (uint8_t)request->pool6;
	entry->created_s = (int32_t)(now_ms / 1000);
	return binding;
}

/* The binding with all that it counts for; SLAB_NONE without memory, and then nothing has changed.
 */
static uint32_t make(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms)
{
	const struct pool4_request *request = &plan->request;
	struct owners owners;

	if (!get_owners(nat, request->protocol, request->client, (uint8_t)request->pool6, &owners))
		return SLAB_NONE;
	uint32_t binding = add_entry(nat, plan, now_ms);
	if (binding == SLAB_NONE) {
		drop_unused(nat, &owners);
		return SLAB_NONE;
	}

	struct bib_entry *entry = bib_at(&nat->bib[request->protocol], binding);
	struct pairing *pairing = pairing_at(&nat->pairings, owners.pairing);
	entry->pairing = owners.pairing;
	if (!pairing->addr4)
		pairing->addr4 = entry->addr4;
	join_owners(nat, request->protocol, &owners);
	return binding;
}

enum outcome binding_create(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms,
			    uint32_t *ret)
{
	enum protocol protocol = plan->request.protocol;
	uint32_t binding = make(nat, plan, now_ms);

	if (binding == SLAB_NONE)
		return OUTCOME_NO_MEMORY;
	tell_block(nat, now_ms);
	nat->counters.bindings_created[protocol]++;
	quota_took_binding(nat, protocol, binding, now_ms);
	given_note(nat->given, protocol, &plan->offer.port.taddr, now_ms);
	tell_binding(nat, EVENT_BINDING_CREATE, protocol, binding, false, now_ms);
	*ret = binding;
	return OUTCOME_TRANSLATED;
}

enum outcome binding_restore(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms)
{
	uint32_t binding = make(nat, plan, now_ms);

	if (binding == SLAB_NONE)
		return OUTCOME_NO_MEMORY;
	keep_block_quiet(nat);
	bib_at(&nat->bib[plan->request.protocol], binding)->is_restored = true;
	return OUTCOME_TRANSLATED;
}

/* Of the client that a binding's sessions count for; SLAB_NONE if it is static. */
static uint32_t client_of(const struct nat64 *nat, const struct bib_entry *entry)
{
	return entry->is_static ? SLAB_NONE : client_find(&nat->clients, &entry->addr6);
}

enum outcome binding_add_session(struct nat64 *nat, enum protocol protocol, uint32_t binding,
				 const struct taddr4 *peer, uint8_t pool6, uint8_t state,
				 uint64_t expires_ms, uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	uint32_t client = client_of(nat, entry);

	if (client != SLAB_NONE && !client_reserve(&nat->clients, client))
		return OUTCOME_NO_MEMORY;
	if (session_add(&nat->sessions[protocol], binding, peer, pool6, state, expires_ms) ==
	    SLAB_NONE)
		return OUTCOME_NO_MEMORY;

	if (client != SLAB_NONE)
		client_add_session(&nat->clients, client, protocol);
	nat->counters.sessions_created[protocol]++;
	tell_session(nat, EVENT_SESSION_CREATE, protocol, binding, peer, now_ms);
	return OUTCOME_TRANSLATED;
}

bool binding_restore_session(struct nat64 *nat, enum protocol protocol, uint32_t index,
			     uint32_t binding, const struct taddr4 *peer, uint8_t pool6,
			     uint8_t state, uint64_t expires_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	uint32_t client = client_of(nat, entry);

	if (client != SLAB_NONE && !client_reserve(&nat->clients, client))
		return false;
	if (!session_add_at(&nat->sessions[protocol], index, binding, peer, pool6, state,
			    expires_ms))
		return false;
	if (client != SLAB_NONE)
		client_add_session(&nat->clients, client, protocol);
	return true;
}

void binding_undo_session(struct nat64 *nat, enum protocol protocol, uint32_t index)
{
	const struct session *session = session_at(&nat->sessions[protocol], index);
	uint32_t client = client_of(nat, bib_at(&nat->bib[protocol], session->bib));

	if (client != SLAB_NONE)
		client_remove_session(&nat->clients, client, protocol);
	session_remove(&nat->sessions[protocol], index);
}

static void remove_session(struct nat64 *nat, enum protocol protocol, uint32_t index,
			   uint64_t now_ms)
{
	const struct session *session = session_at(&nat->sessions[protocol], index);

	tell_session(nat, EVENT_SESSION_DELETE, protocol, session->bib,
		     &(struct taddr4){session->addr4, session->port4}, now_ms);
	binding_undo_session(nat, protocol, index);
}

/* pool4 has the transport address back already. */
static void binding_remove(struct nat64 *nat, enum protocol protocol, uint32_t binding)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);

	if (!entry->is_static)
		leave_owners(nat, protocol, entry);
	bib_remove(&nat->bib[protocol], binding);
}

/* L-11: of a client's block that is all that is told. */
static void tell_as_block(const struct nat64 *nat, struct closed_binding *closed)
{
	const uint32_t size = nat->limits.pool4.block_size;

	closed->mapped.port = (uint16_t)(closed->mapped.port / size * size);
	closed->port6 = (uint16_t)(closed->mapped.port + size - 1);
	closed->addr6 = addr6_mask(&closed->addr6, nat->config.pairing_prefix_length);
	closed->prefix_len = nat->config.pairing_prefix_length;
	closed->protocol = N_PROTOCOLS;
}

void binding_note_closed(struct nat64 *nat, struct closed_binding closed, bool is_static)
{
	/* Nobody stores it where nothing is written behind. */
	if (nat->config.retention_s == 0 || !nat->bib[closed.protocol].dirty.on)
		return;
	if (nat->limits.pool4.mode == POOL4_BLOCKS && !is_static)
		tell_as_block(nat, &closed);
	closed_note(&nat->closed, &closed);
}

static void note_closed(struct nat64 *nat, enum protocol protocol, const struct bib_entry *entry,
			uint64_t now_ms)
{
	binding_note_closed(nat,
			    (struct closed_binding){
				    .addr6 = entry->addr6,
				    .mapped = bib_entry_taddr4(entry),
				    .port6 = entry->port6,
				    .protocol = (uint8_t)protocol,
				    .created_s = entry->created_s,
				    .ended_ms = now_ms,
			    },
			    entry->is_static);
}

/* The end of a binding that was in use: its port is held for a while (P-14). */
static void binding_end(struct nat64 *nat, enum protocol protocol, uint32_t binding, bool forced,
			uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	struct taddr4 mapped = bib_entry_taddr4(entry);
	uint32_t pool4 = entry->pool4;

	given_note(nat->given, protocol, &mapped, now_ms);
	tell_binding(nat, EVENT_BINDING_DELETE, protocol, binding, forced, now_ms);
	note_closed(nat, protocol, entry, now_ms);
	pool4_retire(nat->pool4, protocol, &mapped, pool4, hash_of_client(nat, entry->pairing),
		     now_ms);
	tell_block(nat, now_ms);
	binding_remove(nat, protocol, binding);
	quota_gave_back(nat, protocol, pool4, now_ms);
}

void binding_end_if_idle(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			 uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	struct taddr4 mapped = bib_entry_taddr4(entry);

	if (entry->is_static || entry->n_sessions > 0)
		return;
	tell_binding(nat, EVENT_BINDING_DELETE, protocol, binding, false, now_ms);
	pool4_give_back(nat->pool4, protocol, &mapped, entry->pool4);
	tell_block(nat, now_ms);
	binding_remove(nat, protocol, binding);
}

void binding_undo(struct nat64 *nat, enum protocol protocol, uint32_t binding, uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	const struct taddr4 mapped = bib_entry_taddr4(entry);

	while (entry->n_sessions > 0)
		binding_undo_session(nat, protocol, entry->first_session);
	pool4_give_back(nat->pool4, protocol, &mapped, entry->pool4);
	keep_block_quiet(nat);
	binding_remove(nat, protocol, binding);
}

void binding_end_session(struct nat64 *nat, enum protocol protocol, uint32_t session,
			 uint64_t now_ms)
{
	uint32_t binding = session_at(&nat->sessions[protocol], session)->bib;
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);

	remove_session(nat, protocol, session, now_ms);
	if (!entry->is_static && entry->n_sessions == 0)
		binding_end(nat, protocol, binding, false, now_ms);
}

/* S-5: may the administrator bind these two? */
enum nat64_static_result nat64_check_static(const struct nat64 *nat, enum protocol protocol,
					    const struct taddr6 *taddr6,
					    const struct taddr4 *taddr4)
{
	if (addr6_is_illegal_source(&taddr6->addr))
		return NAT64_STATIC_ILLEGAL;
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *prefix = &nat->config.pool6[i];
		if (prefix->len && prefix6_contains(prefix, &taddr6->addr))
			return NAT64_STATIC_IN_POOL6;
	}

	const struct nat64_world *world = &nat->world;
	bool own = world->own4(world->context, taddr4->addr);
	if (!own && !pool4_has_address(nat->pool4, taddr4->addr))
		return NAT64_STATIC_NOT_OUR_ADDRESS;
	if (own && world->listens4(world->context, protocol, taddr4->addr, taddr4->port))
		return NAT64_STATIC_LISTENER;

	const struct bib *bib = &nat->bib[protocol];
	uint32_t found6 = bib_find6(bib, taddr6);
	uint32_t found4 = bib_find4(bib, taddr4);
	if (found6 == SLAB_NONE && found4 == SLAB_NONE)
		return NAT64_STATIC_OK;
	if (found6 == found4 && bib_at(bib, found6)->is_static)
		return NAT64_STATIC_IDENTICAL;
	return NAT64_STATIC_TAKEN;
}

/* Anywhere, or with a key at this index. */
static enum nat64_static_result add_static(struct nat64 *nat, enum protocol protocol,
					   const struct taddr6 *taddr6, const struct taddr4 *taddr4,
					   const struct bib_key *key, uint32_t index,
					   uint64_t now_ms)
{
	struct bib *bib = &nat->bib[protocol];
	enum nat64_static_result problem = nat64_check_static(nat, protocol, taddr6, taddr4);
	if (problem != NAT64_STATIC_OK)
		return problem;
	if (nat64_n_bindings(nat) >= nat->limits.bindings)
		return NAT64_STATIC_FULL;

	uint32_t pool4;
	enum pool4_result taken = pool4_take_exactly(nat->pool4, protocol, taddr4, &pool4);
	if (taken != POOL4_OK)
		return taken == POOL4_NO_MEMORY ? NAT64_STATIC_FULL : NAT64_STATIC_TAKEN;

	uint32_t binding = key ? add_at(bib, index, key) : bib_add(bib, taddr6, taddr4);
	if (binding == SLAB_NONE) {
		pool4_give_back(nat->pool4, protocol, taddr4, pool4);
		return NAT64_STATIC_FULL;
	}

	struct bib_entry *entry = bib_at(bib, binding);
	entry->is_static = true;
	entry->is_restored = key != NULL;
	entry->pairing = SLAB_NONE;
	entry->pool4 = pool4;
	entry->created_s = (int32_t)(now_ms / 1000);
	if (!entry->is_restored)
		tell_binding(nat, EVENT_BINDING_CREATE, protocol, binding, false, now_ms);
	return NAT64_STATIC_OK;
}

enum nat64_static_result nat64_add_static(struct nat64 *nat, enum protocol protocol,
					  const struct taddr6 *taddr6, const struct taddr4 *taddr4,
					  uint64_t now_ms)
{
	return add_static(nat, protocol, taddr6, taddr4, NULL, SLAB_NONE, now_ms);
}

enum nat64_static_result binding_restore_static(struct nat64 *nat, enum protocol protocol,
						const struct bib_key *key, uint32_t index,
						uint64_t now_ms)
{
	return add_static(nat, protocol, &key->taddr6, &key->taddr4, key, index, now_ms);
}

static void remove_with_sessions(struct nat64 *nat, enum protocol protocol, uint32_t index,
				 bool forced, uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], index);

	while (entry->n_sessions)
		remove_session(nat, protocol, entry->first_session, now_ms);
	binding_end(nat, protocol, index, forced, now_ms);
}

void nat64_remove_binding(struct nat64 *nat, enum protocol protocol, uint32_t index,
			  uint64_t now_ms)
{
	remove_with_sessions(nat, protocol, index, false, now_ms);
}

/* False if its sessions are too many for the budget: some of them have ended. */
static bool end_within(struct nat64 *nat, enum protocol protocol, uint32_t index, unsigned *budget,
		       uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], index);

	for (; entry->n_sessions > *budget && *budget > 0; (*budget)--)
		remove_session(nat, protocol, entry->first_session, now_ms);
	if (*budget == 0)
		return false;
	*budget -= entry->n_sessions;
	remove_with_sessions(nat, protocol, index, true, now_ms);
	return true;
}

bool nat64_end_bindings(struct nat64 *nat, uint32_t pool4_id, bool outside, struct nat64_step *step,
			unsigned budget, uint64_t now_ms)
{
	const struct pool4_entry *entry = pool4_entry(nat->pool4, pool4_id);
	unsigned n_places = budget;

	for (; step->protocol < N_PROTOCOLS; step->protocol++, step->index = 0) {
		const struct bib *bib = &nat->bib[step->protocol];
		uint32_t i;

		for (; (i = bib_next(bib, step->index)) != SLAB_NONE; step->index = i + 1) {
			if (n_places-- == 0)
				return true;
			if (bib_at(bib, i)->pool4 != pool4_id ||
			    (outside && pool4_entry_has_address(entry, bib_at(bib, i)->addr4)))
				continue;
			if (!end_within(nat, step->protocol, i, &budget, now_ms))
				return true;
			step->n_ended++;
		}
	}
	return false;
}
