/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/binding.h"

/* How many SYNs of one peer are looked at: it may have sent them to all our ports. */
#define SYNS_TRIED_MAX 16

/* Takes the transport address that a stored SYN was sent to, if it suits the client. */
static bool take_address_of(struct nat64 *nat, const struct pool4_request *request,
			    const struct taddr4 *mapped, uint32_t *ret_pool4)
{
	if (request->paired4 && request->paired4 != mapped->addr)
		return false;

	const struct pool4_entry *entry =
		pool4_find(nat->pool4, request->protocol, mapped->addr, mapped->port);
	return entry && pool4_entry_serves(entry, request->client, request->pool6) &&
	       !pool4_is_held(nat->pool4, request->protocol, mapped, request->client_hash) &&
	       pool4_take_exactly(nat->pool4, request->protocol, mapped, ret_pool4) == POOL4_OK;
}

/*
 * RFC 6146, 3.5.2.2: a client opens towards a peer whose own SYN we hold. The two meet if the new
 * binding gets the transport address that the peer's SYN was sent to (S-30).
 */
static bool take_address_of_stored_syn(struct nat64 *nat, const struct pool4_request *request,
				       const struct taddr4 *peer, struct taddr4 *ret,
				       uint32_t *ret_pool4)
{
	uint32_t oldest = syn_store_find_by_peer(&nat->syns, peer);
	uint32_t stored = oldest;

	for (unsigned i = 0; stored != SLAB_NONE && i < SYNS_TRIED_MAX; i++) {
		const struct stored_syn *syn = syn_store_at(&nat->syns, stored);
		if (take_address_of(nat, request, &syn->mapped, ret_pool4)) {
			*ret = syn->mapped;
			return true;
		}
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
		break;
	}
	return OUTCOME_POOL4_EXHAUSTED;
}

/* P-2: a client's records for several Pool6 prefixes have one address, wherever the entries of
 * pool4 allow it. */
static uint32_t paired_address(const struct nat64 *nat, const struct client *record)
{
	if (record->addr4)
		return record->addr4;
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		uint32_t other = client_find(&nat->clients, &record->prefix, (uint8_t)i);
		if (other != SLAB_NONE && client_at(&nat->clients, other)->addr4)
			return client_at(&nat->clients, other)->addr4;
	}
	return 0;
}

/* By which pool4 knows a client; 0 for none. */
static uint64_t hash_of_client(const struct nat64 *nat, uint32_t client)
{
	const struct client *record;

	if (client == SLAB_NONE)
		return 0;
	record = client_at(&nat->clients, client);
	return client_hash(&nat->clients, &record->prefix, record->pool6);
}

/* Takes a transport address for the client of the packet, paired with its other ones (P-2). */
static enum outcome take_address(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
				 const struct taddr4 *peer, uint32_t client, struct taddr4 *ret,
				 uint32_t *ret_pool4)
{
	const struct client *record = client_at(&nat->clients, client);
	struct pool4_request request = {
		.protocol = in->protocol,
		.client = &in->src.addr,
		.pool6 = pool6,
		.port6 = in->src.port,
		.paired4 = paired_address(nat, record),
		.client_hash = hash_of_client(nat, client),
	};

	if (in->protocol == PROTOCOL_TCP &&
	    take_address_of_stored_syn(nat, &request, peer, ret, ret_pool4))
		return OUTCOME_TRANSLATED;
	return outcome_of_pool4(pool4_take(nat->pool4, &request, ret, ret_pool4));
}

enum outcome binding_create(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			    const struct taddr4 *peer, uint64_t now_ms, uint32_t *ret)
{
	if (nat->draining)
		return OUTCOME_DRAINING;
	if (nat64_n_bindings(nat) >= nat->limits.bindings)
		return OUTCOME_BIB_FULL;

	struct addr6 prefix = addr6_mask(&in->src.addr, nat->config.pairing_prefix_length);
	uint32_t client = client_get(&nat->clients, &prefix, pool6);
	if (client == SLAB_NONE)
		return OUTCOME_NO_MEMORY;

	struct taddr4 mapped;
	uint32_t pool4;
	enum outcome outcome = take_address(nat, in, pool6, peer, client, &mapped, &pool4);
	if (outcome != OUTCOME_TRANSLATED) {
		client_drop_unused(&nat->clients, client);
		return outcome;
	}

	struct bib *bib = &nat->bib[in->protocol];
	uint32_t binding = bib_add(bib, &in->src, &mapped);
	if (binding == SLAB_NONE) {
		pool4_give_back(nat->pool4, in->protocol, &mapped, pool4);
		client_drop_unused(&nat->clients, client);
		return OUTCOME_NO_MEMORY;
	}

	client_ref(&nat->clients, client);
	if (!client_at(&nat->clients, client)->addr4)
		client_at(&nat->clients, client)->addr4 = mapped.addr;

	struct bib_entry *entry = bib_at(bib, binding);
	entry->client = client;
	entry->pool4 = pool4;
	entry->pool6 = pool6;
	entry->created_s = (uint32_t)(now_ms / 1000);
	nat->counters.bindings_created[in->protocol]++;
	*ret = binding;
	return OUTCOME_TRANSLATED;
}

enum outcome binding_add_session(struct nat64 *nat, enum protocol protocol, uint32_t binding,
				 const struct taddr4 *peer, uint8_t pool6, uint8_t state,
				 uint64_t expires_ms)
{
	if (nat64_n_sessions(nat) >= nat->limits.sessions)
		return OUTCOME_SESSION_FULL;
	if (session_add(&nat->sessions[protocol], binding, peer, pool6, state, expires_ms) ==
	    SLAB_NONE)
		return OUTCOME_NO_MEMORY;
	nat->counters.sessions_created[protocol]++;
	return OUTCOME_TRANSLATED;
}

/* pool4 has the transport address back already. */
static void binding_remove(struct nat64 *nat, enum protocol protocol, uint32_t binding)
{
	uint32_t client = bib_at(&nat->bib[protocol], binding)->client;

	if (client != SLAB_NONE)
		client_unref(&nat->clients, client);
	bib_remove(&nat->bib[protocol], binding);
}

/* The end of a binding that was in use: its port is held for a while (P-14). */
static void binding_end(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	struct taddr4 mapped = bib_entry_taddr4(entry);

	pool4_retire(nat->pool4, protocol, &mapped, entry->pool4,
		     hash_of_client(nat, entry->client), now_ms);
	binding_remove(nat, protocol, binding);
}

void binding_end_if_idle(struct nat64 *nat, enum protocol protocol, uint32_t binding)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	struct taddr4 mapped = bib_entry_taddr4(entry);

	if (entry->is_static || entry->n_sessions > 0)
		return;
	pool4_give_back(nat->pool4, protocol, &mapped, entry->pool4);
	binding_remove(nat, protocol, binding);
}

void binding_end_session(struct nat64 *nat, enum protocol protocol, uint32_t session,
			 uint64_t now_ms)
{
	uint32_t binding = session_at(&nat->sessions[protocol], session)->bib;
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);

	session_remove(&nat->sessions[protocol], session);
	if (!entry->is_static && entry->n_sessions == 0)
		binding_end(nat, protocol, binding, now_ms);
}

/* S-5: may the administrator bind these two? */
static enum nat64_static_result static_binding_problem(const struct nat64 *nat,
						       enum protocol protocol,
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

enum nat64_static_result nat64_add_static(struct nat64 *nat, enum protocol protocol,
					  const struct taddr6 *taddr6, const struct taddr4 *taddr4,
					  uint64_t now_ms)
{
	enum nat64_static_result problem = static_binding_problem(nat, protocol, taddr6, taddr4);
	if (problem != NAT64_STATIC_OK)
		return problem;
	if (nat64_n_bindings(nat) >= nat->limits.bindings)
		return NAT64_STATIC_FULL;

	uint32_t pool4;
	enum pool4_result taken = pool4_take_exactly(nat->pool4, protocol, taddr4, &pool4);
	if (taken != POOL4_OK)
		return taken == POOL4_NO_MEMORY ? NAT64_STATIC_FULL : NAT64_STATIC_TAKEN;

	uint32_t binding = bib_add(&nat->bib[protocol], taddr6, taddr4);
	if (binding == SLAB_NONE) {
		pool4_give_back(nat->pool4, protocol, taddr4, pool4);
		return NAT64_STATIC_FULL;
	}

	struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	entry->is_static = true;
	entry->client = SLAB_NONE;
	entry->pool4 = pool4;
	entry->created_s = (uint32_t)(now_ms / 1000);
	return NAT64_STATIC_OK;
}

void nat64_remove_binding(struct nat64 *nat, enum protocol protocol, uint32_t index,
			  uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], index);

	while (entry->n_sessions)
		session_remove(&nat->sessions[protocol], entry->first_session);
	binding_end(nat, protocol, index, now_ms);
}

/* Of an entry of pool4: all bindings, or those at addresses that it does not have. */
static uint32_t remove_bindings(struct nat64 *nat, uint32_t pool4_id, bool all, uint64_t now_ms)
{
	const struct pool4_entry *entry = pool4_entry(nat->pool4, pool4_id);
	uint32_t n_removed = 0;

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		struct bib *bib = &nat->bib[protocol];
		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			if (bib_at(bib, i)->pool4 != pool4_id ||
			    (!all && pool4_entry_has_address(entry, bib_at(bib, i)->addr4)))
				continue;
			nat64_remove_binding(nat, protocol, i, now_ms);
			n_removed++;
		}
	}
	return n_removed;
}

uint32_t nat64_remove_bindings_of(struct nat64 *nat, uint32_t pool4_id, uint64_t now_ms)
{
	return remove_bindings(nat, pool4_id, true, now_ms);
}

uint32_t nat64_remove_bindings_outside(struct nat64 *nat, uint32_t pool4_id, uint64_t now_ms)
{
	return remove_bindings(nat, pool4_id, false, now_ms);
}
