/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See syn_store.h.
 *
 * The SYNs of one peer form a ring in the order of their arrival, and only the oldest stands in
 * by_peer: a peer that sends SYNs to all our ports makes no chain longer.
 */
#include "daemon/core/syn_store.h"

static uint64_t hash_tuple(const struct syn_store *store, const struct taddr4 *mapped,
			   const struct taddr4 *peer)
{
	uint8_t key[2 * (sizeof(mapped->addr) + sizeof(mapped->port))];

	memcpy(key, &mapped->addr, sizeof(mapped->addr));
	memcpy(key + 4, &peer->addr, sizeof(peer->addr));
	memcpy(key + 8, &mapped->port, sizeof(mapped->port));
	memcpy(key + 10, &peer->port, sizeof(peer->port));
	return siphash(&store->key, key, sizeof(key));
}

static uint64_t hash_peer(const struct syn_store *store, const struct taddr4 *peer)
{
	uint8_t key[sizeof(peer->addr) + sizeof(peer->port)];

	memcpy(key, &peer->addr, sizeof(peer->addr));
	memcpy(key + 4, &peer->port, sizeof(peer->port));
	return siphash(&store->key, key, sizeof(key));
}

static uint64_t hash_tuple_of(const void *context, const void *entry)
{
	const struct stored_syn *syn = entry;

	return hash_tuple(context, &syn->mapped, &syn->peer);
}

static uint64_t hash_peer_of(const void *context, const void *entry)
{
	const struct stored_syn *syn = entry;

	return hash_peer(context, &syn->peer);
}

void syn_store_init(struct syn_store *store, const struct siphash_key *key, uint32_t limit)
{
	*store = (struct syn_store){.oldest = SLAB_NONE, .newest = SLAB_NONE, .key = *key};
	slab_init(&store->syns, sizeof(struct stored_syn), limit);
	hash_index_init(&store->by_tuple, &store->syns, offsetof(struct stored_syn, next),
			hash_tuple_of, store);
	hash_index_init(&store->by_peer, &store->syns, offsetof(struct stored_syn, next_peer),
			hash_peer_of, store);
}

void syn_store_deinit(struct syn_store *store)
{
	if (store == NULL)
		return;
	hash_index_deinit(&store->by_tuple);
	hash_index_deinit(&store->by_peer);
	slab_deinit(&store->syns);
	store->oldest = SLAB_NONE;
	store->newest = SLAB_NONE;
}

uint32_t syn_store_find(const struct syn_store *store, const struct taddr4 *mapped,
			const struct taddr4 *peer)
{
	uint32_t index = hash_index_first(&store->by_tuple, hash_tuple(store, mapped, peer));

	while (index != SLAB_NONE) {
		const struct stored_syn *syn = syn_store_at(store, index);

		if (taddr4_equal(&syn->mapped, mapped) && taddr4_equal(&syn->peer, peer))
			break;
		index = syn->next;
	}
	return index;
}

uint32_t syn_store_find_by_peer(const struct syn_store *store, const struct taddr4 *peer)
{
	uint32_t index = hash_index_first(&store->by_peer, hash_peer(store, peer));

	while (index != SLAB_NONE) {
		const struct stored_syn *syn = syn_store_at(store, index);

		if (taddr4_equal(&syn->peer, peer))
			break;
		index = syn->next_peer;
	}
	return index;
}

/* Behind the newest of its peer; oldest is the first one, or SLAB_NONE. */
static void link_to_peer(struct syn_store *store, uint32_t index, uint32_t oldest)
{
	struct stored_syn *syn = syn_store_at(store, index);
	struct stored_syn *first;

	if (oldest == SLAB_NONE) {
		syn->peer_older = index;
		syn->peer_newer = index;
		return;
	}
	first = syn_store_at(store, oldest);
	syn->peer_older = first->peer_older;
	syn->peer_newer = oldest;
	syn_store_at(store, first->peer_older)->peer_newer = index;
	first->peer_older = index;
}

static void link_to_all(struct syn_store *store, uint32_t index)
{
	struct stored_syn *syn = syn_store_at(store, index);

	syn->older = store->newest;
	syn->newer = SLAB_NONE;
	if (store->newest != SLAB_NONE)
		syn_store_at(store, store->newest)->newer = index;
	else
		store->oldest = index;
	store->newest = index;
}

static void unlink_from_all(struct syn_store *store, const struct stored_syn *syn)
{
	if (syn->older != SLAB_NONE)
		syn_store_at(store, syn->older)->newer = syn->newer;
	else
		store->oldest = syn->newer;
	if (syn->newer != SLAB_NONE)
		syn_store_at(store, syn->newer)->older = syn->older;
	else
		store->newest = syn->older;
}

bool syn_store_is_full(const struct syn_store *store)
{
	return store->syns.n_used >= store->syns.limit;
}

bool syn_store_add(struct syn_store *store, const struct taddr4 *mapped, const struct taddr4 *peer,
		   const uint8_t *packet, size_t size, uint64_t expires_ms)
{
	uint32_t oldest = syn_store_find_by_peer(store, peer);
	uint32_t index = slab_alloc(&store->syns);
	struct stored_syn *syn;

	if (index == SLAB_NONE)
		return false;
	syn = syn_store_at(store, index);
	syn->mapped = *mapped;
	syn->peer = *peer;
	syn->expires_ms = expires_ms;
	syn->packet_size = (uint16_t)(size < SYN_STORE_PACKET_MAX ? size : SYN_STORE_PACKET_MAX);
	memcpy(syn->packet, packet, syn->packet_size);

	if (!hash_index_add(&store->by_tuple, index, hash_tuple_of(store, syn)))
		goto free_syn;
	if (oldest == SLAB_NONE &&
	    !hash_index_add(&store->by_peer, index, hash_peer_of(store, syn)))
		goto remove_tuple;
	link_to_peer(store, index, oldest);
	link_to_all(store, index);
	return true;

remove_tuple:
	hash_index_remove(&store->by_tuple, index, hash_tuple_of(store, syn));
free_syn:
	slab_free(&store->syns, index);
	return false;
}

void syn_store_remove(struct syn_store *store, uint32_t index)
{
	struct stored_syn *syn = syn_store_at(store, index);
	uint64_t hash = hash_peer_of(store, syn);

	if (syn->peer_newer == index)
		hash_index_remove(&store->by_peer, index, hash);
	else if (syn_store_find_by_peer(store, &syn->peer) == index)
		hash_index_replace(&store->by_peer, index, syn->peer_newer, hash);
	syn_store_at(store, syn->peer_older)->peer_newer = syn->peer_newer;
	syn_store_at(store, syn->peer_newer)->peer_older = syn->peer_older;

	hash_index_remove(&store->by_tuple, index, hash_tuple_of(store, syn));
	unlink_from_all(store, syn);
	slab_free(&store->syns, index);
}

uint32_t syn_store_expired(const struct syn_store *store, uint64_t now_ms)
{
	return syn_store_next_deadline(store) <= now_ms ? store->oldest : SLAB_NONE;
}

uint64_t syn_store_next_deadline(const struct syn_store *store)
{
	return store->oldest != SLAB_NONE ? syn_store_at(store, store->oldest)->expires_ms
					  : UINT64_MAX;
}

size_t syn_store_memory(const struct syn_store *store)
{
	return slab_memory(&store->syns) + hash_index_memory(&store->by_tuple) +
	       hash_index_memory(&store->by_peer);
}

/* The neighbours in both lists agree, and the oldest of the peer is no newer than this one. */
static bool check_links(const struct syn_store *store, uint32_t index)
{
	const struct stored_syn *syn = syn_store_at(store, index);
	const struct stored_syn *newer = syn_store_at(store, syn->peer_newer);
	uint32_t first = syn_store_find_by_peer(store, &syn->peer);

	if (newer->peer_older != index || !taddr4_equal(&newer->peer, &syn->peer))
		return false;
	if (first == SLAB_NONE || syn_store_at(store, first)->expires_ms > syn->expires_ms)
		return false;
	return syn_store_find(store, &syn->mapped, &syn->peer) == index;
}

bool syn_store_check(const struct syn_store *store)
{
	uint32_t older = SLAB_NONE;
	uint32_t index = store->oldest;
	uint64_t expires_ms = 0;
	uint32_t n = 0;

	if (!slab_check(&store->syns) || !hash_index_check(&store->by_tuple) ||
	    !hash_index_check(&store->by_peer))
		return false;
	while (index != SLAB_NONE) {
		const struct stored_syn *syn;

		if (!slab_is_used(&store->syns, index) || ++n > store->syns.n_used)
			return false;
		syn = syn_store_at(store, index);
		if (syn->older != older || syn->expires_ms < expires_ms ||
		    syn->packet_size > SYN_STORE_PACKET_MAX || !check_links(store, index))
			return false;
		expires_ms = syn->expires_ms;
		older = index;
		index = syn->newer;
	}
	return store->newest == older && n == store->syns.n_used && n == store->by_tuple.n_entries;
}
