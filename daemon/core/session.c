/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See session.h.
 *
 * Theory of operation. A binding's sessions form a doubly linked list in which those with the same
 * address Z stand together. The first one of such a group is filed in by_address; when it goes, its
 * neighbour takes its place there. So both questions, "this session?" and "any with this address?",
 * cost one hash look-up, also for a binding with a hundred thousand sessions of which all, or none,
 * have one address: an outsider chooses what is asked, and one client what is there. While there
 * are SESSION_LISTED_MAX at most, both are answered from the list, and the indices, which would be
 * a third of a session's memory, have none of them.
 *
 * A session is filed in the wheel under a deadline that is never later than its own. Only
 * session_take_expired() leaves one unfiled, for its caller to decide about.
 *
 * What is stored of a deadline is the end of the 2^bound_shift ms that it lies in, so that a
 * deadline which moves within them is no change.
 *
 * Invariants (session_table_check): every session is in its binding's list, which has n_sessions
 * members, at most SESSION_LISTED_MAX if the binding is not has_indices; else they all are in
 * by_peer, and the first of each group, and no other, in by_address; what the wheel knows is not
 * later than expires_ms.
 */
#include "daemon/core/session.h"

#include "daemon/core/minmax.h"

static_assert(sizeof(struct session) <= 48, "128 bytes for a binding with one session");

static uint64_t hash_peer(const struct session_table *table, uint32_t bib, uint32_t addr4,
			  uint16_t port4)
{
	uint8_t key[sizeof(bib) + sizeof(addr4) + sizeof(port4)];

	memcpy(key, &bib, sizeof(bib));
	memcpy(key + sizeof(bib), &addr4, sizeof(addr4));
	memcpy(key + sizeof(bib) + sizeof(addr4), &port4, sizeof(port4));
	return siphash(&table->key, key, sizeof(key));
}

static uint64_t hash_address(const struct session_table *table, uint32_t bib, uint32_t addr4)
{
	uint8_t key[sizeof(bib) + sizeof(addr4)];

	memcpy(key, &bib, sizeof(bib));
	memcpy(key + sizeof(bib), &addr4, sizeof(addr4));
	return siphash(&table->key, key, sizeof(key));
}

static uint64_t hash_peer_of(const void *context, const void *entry)
{
	const struct session *session = entry;

	return hash_peer(context, session->bib, session->addr4, session->port4);
}

static uint64_t hash_address_of(const void *context, const void *entry)
{
	const struct session *session = entry;

	return hash_address(context, session->bib, session->addr4);
}

void session_table_init(struct session_table *table, struct bib *bib, const struct siphash_key *key,
			uint32_t limit, uint64_t now_ms)
{
	*table = (struct session_table){.bib = bib, .key = *key};
	slab_init(&table->sessions, sizeof(struct session), limit);
	hash_index_init(&table->by_peer, &table->sessions, offsetof(struct session, next),
			hash_peer_of, table);
	hash_index_init(&table->by_address, &table->sessions,
			offsetof(struct session, next_address), hash_address_of, table);
	wheel_init(&table->wheel, &table->sessions, offsetof(struct session, timer), now_ms);
}

void session_table_deinit(struct session_table *table)
{
	if (table == NULL)
		return;
	hash_index_deinit(&table->by_peer);
	hash_index_deinit(&table->by_address);
	slab_deinit(&table->sessions);
	dirty_deinit(&table->dirty);
}

static bool is_with(const struct session *session, const struct taddr4 *peer)
{
	return session->addr4 == peer->addr && session->port4 == peer->port;
}

static uint32_t find_listed(const struct session_table *table, uint32_t index,
			    const struct taddr4 *peer)
{
	while (index != SLAB_NONE && !is_with(session_at(table, index), peer))
		index = session_at(table, index)->bib_next;
	return index;
}

uint32_t session_find(const struct session_table *table, uint32_t bib, const struct taddr4 *peer)
{
	const struct bib_entry *binding = bib_at(table->bib, bib);
	uint32_t index;

	if (!binding->has_indices)
		return find_listed(table, binding->first_session, peer);
	index = hash_index_first(&table->by_peer, hash_peer(table, bib, peer->addr, peer->port));
	while (index != SLAB_NONE) {
		const struct session *session = session_at(table, index);

		if (session->bib == bib && is_with(session, peer))
			break;
		index = session->next;
	}
	return index;
}

/* The first session of the group with this address, or SLAB_NONE. */
static uint32_t find_group(const struct session_table *table, uint32_t bib, uint32_t addr4)
{
	const struct bib_entry *binding = bib_at(table->bib, bib);
	uint32_t index = binding->first_session;

	if (!binding->has_indices) {
		while (index != SLAB_NONE && session_at(table, index)->addr4 != addr4)
			index = session_at(table, index)->bib_next;
		return index;
	}
	index = hash_index_first(&table->by_address, hash_address(table, bib, addr4));
	while (index != SLAB_NONE) {
		const struct session *session = session_at(table, index);

		if (session->bib == bib && session->addr4 == addr4)
			break;
		index = session->next_address;
	}
	return index;
}

bool session_exists_with(const struct session_table *table, uint32_t bib, uint32_t addr4)
{
	return find_group(table, bib, addr4) != SLAB_NONE;
}

/* Puts a session into its binding's list, behind prev or in front of all. */
static void link_to_binding(struct session_table *table, uint32_t index, uint32_t prev)
{
	struct session *session = session_at(table, index);
	struct bib_entry *binding = bib_at(table->bib, session->bib);
	uint32_t *from_prev =
		prev != SLAB_NONE ? &session_at(table, prev)->bib_next : &binding->first_session;

	session->bib_prev = prev;
	session->bib_next = *from_prev;
	*from_prev = index;
	if (session->bib_next != SLAB_NONE)
		session_at(table, session->bib_next)->bib_prev = index;
	binding->n_sessions++;
}

static void unlink_from_binding(struct session_table *table, const struct session *session)
{
	struct bib_entry *binding = bib_at(table->bib, session->bib);

	if (session->bib_prev != SLAB_NONE)
		session_at(table, session->bib_prev)->bib_next = session->bib_next;
	else
		binding->first_session = session->bib_next;
	if (session->bib_next != SLAB_NONE)
		session_at(table, session->bib_next)->bib_prev = session->bib_prev;
	binding->n_sessions--;
}

static bool has_address(const struct session_table *table, uint32_t index, uint32_t addr4)
{
	return index != SLAB_NONE && session_at(table, index)->addr4 == addr4;
}

static void leave_indices(struct session_table *table, uint32_t index)
{
	const struct session *session = session_at(table, index);

	hash_index_remove(&table->by_peer, index, hash_peer_of(table, session));
	if (!has_address(table, session->bib_prev, session->addr4))
		hash_index_remove(&table->by_address, index, hash_address_of(table, session));
}

/* is_first: of those with its address. False without memory, and then nothing has changed. */
static bool join_indices(struct session_table *table, uint32_t index, bool is_first)
{
	const struct session *session = session_at(table, index);
	const uint64_t hash = hash_peer_of(table, session);

	if (!hash_index_add(&table->by_peer, index, hash))
		return false;
	if (!is_first || hash_index_add(&table->by_address, index, hash_address_of(table, session)))
		return true;
	hash_index_remove(&table->by_peer, index, hash);
	return false;
}

/* All sessions of the binding before this one; they are few. */
static void leave_all(struct session_table *table, const struct bib_entry *binding, uint32_t end)
{
	for (uint32_t i = binding->first_session; i != end; i = session_at(table, i)->bib_next)
		leave_indices(table, i);
}

/* The same of all its sessions; false without memory, and then none of them is there. */
static bool join_all(struct session_table *table, struct bib_entry *binding)
{
	for (uint32_t i = binding->first_session; i != SLAB_NONE;
	     i = session_at(table, i)->bib_next) {
		const struct session *session = session_at(table, i);

		if (!join_indices(table, i,
				  !has_address(table, session->bib_prev, session->addr4))) {
			leave_all(table, binding, i);
			return false;
		}
	}
	binding->has_indices = true;
	return true;
}

/* Fills a session that was allocated and files it; false without memory, and then its place is free
 * again. */
static bool file(struct session_table *table, uint32_t index, const struct session *filled)
{
	struct bib_entry *binding = bib_at(table->bib, filled->bib);
	uint32_t group;

	*session_at(table, index) = *filled;
	if (!dirty_reserve(&table->dirty, index))
		goto free_session;
	if (!binding->has_indices && binding->n_sessions == SESSION_LISTED_MAX &&
	    !join_all(table, binding))
		goto free_session;
	group = find_group(table, filled->bib, filled->addr4);
	if (binding->has_indices && !join_indices(table, index, group == SLAB_NONE))
		goto free_session;

	link_to_binding(table, index, group);
	wheel_add(&table->wheel, index, filled->expires_ms);
	dirty_mark(&table->dirty, index);
	return true;

free_session:
	slab_free(&table->sessions, index);
	return false;
}

static struct session make(uint32_t bib, const struct taddr4 *peer, uint8_t pool6, uint8_t state,
			   uint64_t expires_ms)
{
	return (struct session){
		.bib = bib,
		.addr4 = peer->addr,
		.port4 = peer->port,
		.state = state & 7,
		.pool6 = pool6 & 15,
		.expires_ms = expires_ms & SESSION_TIME_MAX,
	};
}

uint32_t session_add(struct session_table *table, uint32_t bib, const struct taddr4 *peer,
		     uint8_t pool6, uint8_t state, uint64_t expires_ms)
{
	const struct session session = make(bib, peer, pool6, state, expires_ms);
	uint32_t index = slab_alloc(&table->sessions);

	return index != SLAB_NONE && file(table, index, &session) ? index : SLAB_NONE;
}

bool session_add_at(struct session_table *table, uint32_t index, uint32_t bib,
		    const struct taddr4 *peer, uint8_t pool6, uint8_t state, uint64_t expires_ms)
{
	const struct session session = make(bib, peer, pool6, state, expires_ms);

	return slab_alloc_at(&table->sessions, index) && file(table, index, &session);
}

/* The session goes; its neighbour takes its place as the first of their address. */
static void remove_from_indices(struct session_table *table, uint32_t index)
{
	const struct session *session = session_at(table, index);

	if (has_address(table, session->bib_prev, session->addr4) ||
	    !has_address(table, session->bib_next, session->addr4)) {
		leave_indices(table, index);
		return;
	}
	hash_index_remove(&table->by_peer, index, hash_peer_of(table, session));
	hash_index_replace(&table->by_address, index, session->bib_next,
			   hash_address_of(table, session));
}

void session_remove(struct session_table *table, uint32_t index)
{
	struct session *session = session_at(table, index);
	struct bib_entry *binding = bib_at(table->bib, session->bib);

	if (binding->has_indices)
		remove_from_indices(table, index);
	unlink_from_binding(table, session);
	if (binding->has_indices && binding->n_sessions <= SESSION_LISTED_MAX / 2) {
		leave_all(table, binding, SLAB_NONE);
		binding->has_indices = false;
	}
	if (wheel_is_filed(&session->timer))
		wheel_remove(&table->wheel, index);
	slab_free(&table->sessions, index);
	dirty_gone(&table->dirty, index);
}

/* Two that do so at once are both right. */
static void set_deadline(struct session *session, uint64_t expires_ms)
{
	struct session_timing timing = session_timing(session);
	uint64_t word;

	if (timing.expires_ms == expires_ms)
		return;
	timing.expires_ms = expires_ms & SESSION_TIME_MAX;
	memcpy(&word, &timing, sizeof(word));
	__atomic_store_n(&session->timing_word, word, __ATOMIC_RELAXED);
}

static bool leaves_bound(const struct session *session, uint64_t expires_ms)
{
	return (session_timing(session).expires_ms ^ expires_ms) >> session->bound_shift != 0;
}

bool session_only_lives_on(const struct session_table *table, uint32_t index, uint8_t state,
			   uint64_t expires_ms)
{
	const struct session *session = session_at(table, index);
	const struct dirty *dirty = &table->dirty;

	return session->state == state && wheel_is_filed(&session->timer) &&
	       !wheel_is_earlier(&session->timer, expires_ms) &&
	       (!dirty->on || dirty_is_changed(dirty, index) || !leaves_bound(session, expires_ms));
}

/* Another thread may have moved the deadline since it was asked, but within the same bound: there
 * is nothing to be marked. */
void session_live_on(struct session_table *table, uint32_t index, uint64_t expires_ms)
{
	set_deadline(session_at(table, index), expires_ms);
}

void session_touch(struct session_table *table, uint32_t index, uint64_t expires_ms)
{
	struct session *session = session_at(table, index);

	if (leaves_bound(session, expires_ms))
		dirty_mark(&table->dirty, index);
	set_deadline(session, expires_ms);
	if (wheel_is_filed(&session->timer)) {
		if (!wheel_is_earlier(&session->timer, expires_ms))
			return;
		wheel_remove(&table->wheel, index);
	}
	wheel_add(&table->wheel, index, expires_ms);
}

uint64_t session_bound(struct session *session, uint64_t now_ms)
{
	const uint64_t expires_ms = session->expires_ms;
	uint64_t left_ms = max_u64(expires_ms, now_ms) - now_ms;
	unsigned shift = 0;

	while (shift < 31 && UINT64_C(2) << shift <= left_ms / 2)
		shift++;
	session->bound_shift = (uint16_t)shift & 31;
	return session_last_bound(session);
}

void session_set_state(struct session_table *table, uint32_t index, uint8_t state,
		       uint64_t expires_ms)
{
	struct session *session = session_at(table, index);

	if (session->state != state) {
		dirty_mark(&table->dirty, index);
		session->state = state & 7;
	}
	session_touch(table, index, expires_ms);
}

uint32_t session_take_expired(struct session_table *table, uint64_t now_ms, unsigned *budget)
{
	uint32_t index;

	while ((index = wheel_take_due(&table->wheel, now_ms, budget)) != SLAB_NONE) {
		const struct session *session = session_at(table, index);

		if (session->expires_ms <= now_ms)
			break;
		wheel_add(&table->wheel, index, session->expires_ms);
	}
	return index;
}

uint64_t session_next_deadline(const struct session_table *table)
{
	return wheel_next_deadline(&table->wheel);
}

uint32_t session_next(const struct session_table *table, uint32_t from)
{
	return slab_next(&table->sessions, from);
}

size_t session_table_memory(const struct session_table *table)
{
	return slab_memory(&table->sessions) + hash_index_memory(&table->by_peer) +
	       hash_index_memory(&table->by_address) + dirty_memory(&table->dirty);
}

/* How many there are, in bindings with many sessions and all. */
struct counted {
	uint32_t n_sessions;
	uint32_t n_indexed;
	uint32_t n_groups; /* of these */
};

/* The list of one binding; counts its sessions and groups. */
static bool check_binding(const struct session_table *table, uint32_t bib, struct counted *counted)
{
	const struct bib_entry *binding = bib_at(table->bib, bib);
	uint32_t prev = SLAB_NONE;
	uint32_t index = binding->first_session;
	uint32_t n = 0;

	while (index != SLAB_NONE) {
		const struct session *session;

		if (!slab_is_used(&table->sessions, index) || ++n > binding->n_sessions)
			return false;
		session = session_at(table, index);
		if (session->bib != bib || session->bib_prev != prev)
			return false;
		if (!has_address(table, prev, session->addr4)) {
			if (find_group(table, bib, session->addr4) != index)
				return false;
			counted->n_groups += binding->has_indices;
		}
		prev = index;
		index = session->bib_next;
	}
	counted->n_sessions += n;
	counted->n_indexed += binding->has_indices ? n : 0;
	return n == binding->n_sessions && (n <= SESSION_LISTED_MAX || binding->has_indices) &&
	       (n > SESSION_LISTED_MAX / 2 || !binding->has_indices);
}

bool session_table_check(const struct session_table *table)
{
	struct counted counted = {0};

	if (!slab_check(&table->sessions) || !hash_index_check(&table->by_peer) ||
	    !hash_index_check(&table->by_address) || !wheel_check(&table->wheel) ||
	    !dirty_check(&table->dirty))
		return false;
	for (uint32_t i = bib_next(table->bib, 0); i != SLAB_NONE;
	     i = bib_next(table->bib, i + 1)) {
		if (!check_binding(table, i, &counted))
			return false;
	}
	if (counted.n_sessions != table->sessions.n_used ||
	    counted.n_indexed != table->by_peer.n_entries ||
	    counted.n_groups != table->by_address.n_entries)
		return false;

	for (uint32_t i = session_next(table, 0); i != SLAB_NONE; i = session_next(table, i + 1)) {
		const struct session *session = session_at(table, i);
		struct taddr4 peer = {session->addr4, session->port4};

		if (session_find(table, session->bib, &peer) != i)
			return false;
		if (wheel_is_filed(&session->timer) &&
		    wheel_is_earlier(&session->timer, session->expires_ms))
			return false;
	}
	return true;
}
