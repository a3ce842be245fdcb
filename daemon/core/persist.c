/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See persist.h. Everything that is restored is judged as if a stranger had written it.
 */
#include "daemon/core/persist.h"

#include "daemon/core/binding.h"
#include "daemon/core/minmax.h"
#include "daemon/core/policy.h"

#define SECOND 1000u

static struct dirty *dirty_of(struct nat64 *nat, enum persist_kind kind, enum protocol protocol)
{
	return kind == PERSIST_SESSION ? &nat->sessions[protocol].dirty : &nat->bib[protocol].dirty;
}

static struct slab *slab_of(struct nat64 *nat, enum persist_kind kind, enum protocol protocol)
{
	return kind == PERSIST_SESSION ? &nat->sessions[protocol].sessions
				       : &nat->bib[protocol].entries;
}

bool persist_begin(struct nat64 *nat)
{
	for (unsigned i = 0; i < N_PERSIST_KINDS * N_PROTOCOLS; i++) {
		enum persist_kind kind = i / N_PROTOCOLS;
		enum protocol protocol = i % N_PROTOCOLS;

		if (!dirty_begin(dirty_of(nat, kind, protocol), slab_of(nat, kind, protocol)))
			return false;
	}
	return true;
}

bool persist_begin_stored(struct nat64 *nat)
{
	for (unsigned i = 0; i < N_PERSIST_KINDS * N_PROTOCOLS; i++) {
		enum persist_kind kind = i / N_PROTOCOLS;
		enum protocol protocol = i % N_PROTOCOLS;

		if (!dirty_begin_stored(dirty_of(nat, kind, protocol),
					slab_of(nat, kind, protocol))) {
			persist_end(nat);
			return false;
		}
	}
	return true;
}

void persist_end(struct nat64 *nat)
{
	for (unsigned i = 0; i < N_PERSIST_KINDS * N_PROTOCOLS; i++)
		dirty_end(dirty_of(nat, i / N_PROTOCOLS, i % N_PROTOCOLS));
	closed_drop(&nat->closed, nat->closed.end);
}

bool persist_is_on(const struct nat64 *nat)
{
	return nat->bib[0].dirty.on;
}

uint32_t persist_n_changed(const struct nat64 *nat)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		n += nat->bib[i].dirty.n_changed + nat->sessions[i].dirty.n_changed;
	return n;
}

static void take_session(const struct nat64 *nat, struct persist_row *row, uint64_t bound_ms)
{
	const struct session *session = session_at(&nat->sessions[row->protocol], row->index);
	uint64_t until_s = (bound_ms + SECOND - 1) / SECOND;

	row->session = (struct persist_session){
		.binding = session->bib,
		.number = bib_at(&nat->bib[row->protocol], session->bib)->number,
		.peer = {session->addr4, session->port4},
		.state = session->state,
		.pool6 = session->pool6,
		.until_s = (uint32_t)min_u64(until_s, UINT32_MAX),
		.segments = session_segments(session),
	};
}

static void take_binding(const struct nat64 *nat, struct persist_row *row)
{
	const struct bib_entry *entry = bib_at(&nat->bib[row->protocol], row->index);

	row->binding = (struct persist_binding){
		.addr6 = entry->addr6,
		.port6 = entry->port6,
		.mapped = bib_entry_taddr4(entry),
		.number = entry->number,
		.pool6 = entry->pool6,
		.is_static = entry->is_static,
		.created_s = entry->created_s,
	};
}

/* now_ms: the row is going to be stored; 0: it is only copied. */
static void fill(struct nat64 *nat, struct persist_row *row, uint64_t now_ms)
{
	row->exists = slab_is_used(slab_of(nat, row->kind, row->protocol), row->index);
	if (row->exists && row->kind == PERSIST_SESSION) {
		struct session *session = session_at(&nat->sessions[row->protocol], row->index);

		take_session(nat, row,
			     now_ms > 0 ? session_bound(session, now_ms)
					: session_last_bound(session));
	} else if (row->exists) {
		take_binding(nat, row);
	}
}

unsigned persist_take(struct nat64 *nat, struct persist_cursor *cursor, struct persist_row *ret,
		      unsigned max, uint64_t now_ms)
{
	unsigned n = 0;

	while (n < max && cursor->step < N_PERSIST_KINDS * N_PROTOCOLS) {
		struct persist_row *row = &ret[n];
		struct dirty *dirty;

		row->kind = cursor->step / N_PROTOCOLS;
		row->protocol = cursor->step % N_PROTOCOLS;
		dirty = dirty_of(nat, row->kind, row->protocol);
		row->index = dirty_next(dirty, cursor->index);
		if (row->index == SLAB_NONE) {
			cursor->step++;
			cursor->index = 0;
			continue;
		}
		row->changed = false;
		fill(nat, row, now_ms);
		dirty_take(dirty, row->index, row->exists);
		cursor->index = row->index + 1;
		n++;
	}
	return n;
}

/* The next index of this part, at or behind from. */
static uint32_t next_of(struct nat64 *nat, enum persist_part part, enum persist_kind kind,
			enum protocol protocol, uint32_t from)
{
	const struct dirty *dirty = dirty_of(nat, kind, protocol);
	const struct slab *slab = slab_of(nat, kind, protocol);
	uint32_t changed =
		dirty->on && part != PERSIST_STORED ? dirty_next(dirty, from) : SLAB_NONE;
	uint32_t i;

	if (part == PERSIST_CHANGED)
		return changed;
	i = slab_next(slab, from);
	if (part == PERSIST_ALL)
		return min_u32(i, changed);
	while (i != SLAB_NONE && (!dirty_has_row(dirty, i) ||
				  (kind == PERSIST_SESSION && dirty_is_changed(dirty, i))))
		i = slab_next(slab, i + 1);
	return i;
}

unsigned persist_copy(struct nat64 *nat, enum persist_part part, struct persist_cursor *cursor,
		      struct persist_row *ret, unsigned max)
{
	unsigned n = 0;

	while (n < max && cursor->step < N_PERSIST_KINDS * N_PROTOCOLS) {
		struct persist_row *row = &ret[n];

		row->kind = cursor->step / N_PROTOCOLS == 0 ? PERSIST_BINDING : PERSIST_SESSION;
		row->protocol = cursor->step % N_PROTOCOLS;
		row->index = next_of(nat, part, row->kind, row->protocol, cursor->index);
		if (row->index == SLAB_NONE) {
			cursor->step++;
			cursor->index = 0;
			continue;
		}
		row->changed =
			part != PERSIST_STORED &&
			dirty_is_changed(dirty_of(nat, row->kind, row->protocol), row->index);
		fill(nat, row, 0);
		cursor->index = row->index + 1;
		n++;
	}
	return n;
}

void persist_take_back(struct nat64 *nat, enum persist_kind kind, enum protocol protocol,
		       uint32_t index)
{
	dirty_take_back(dirty_of(nat, kind, protocol), index);
}

static bool has_pool6(const struct nat64 *nat, uint8_t pool6)
{
	return pool6 < NAT64_POOL6_MAX && nat->config.pool6[pool6].len > 0;
}

static enum persist_result restore_static(struct nat64 *nat, const struct persist_row *row,
					  const struct bib_key *key, uint64_t now_ms)
{
	const struct persist_binding *from = &row->binding;

	if (row->protocol != PROTOCOL_ICMP && (from->port6 == 0 || from->mapped.port == 0))
		return PERSIST_BAD;
	switch (binding_restore_static(nat, row->protocol, key, row->index, now_ms)) {
	case NAT64_STATIC_OK:
		return PERSIST_OK;
	case NAT64_STATIC_IDENTICAL:
	case NAT64_STATIC_TAKEN:
		return PERSIST_TAKEN;
	case NAT64_STATIC_ILLEGAL:
		return PERSIST_BAD;
	case NAT64_STATIC_IN_POOL6:
		return PERSIST_IN_POOL6;
	case NAT64_STATIC_NOT_OUR_ADDRESS:
	case NAT64_STATIC_LISTENER:
		return PERSIST_NOT_IN_POOL4;
	case NAT64_STATIC_FULL:
		break;
	}
	return PERSIST_FULL;
}

static enum persist_result restore_dynamic(struct nat64 *nat, const struct persist_row *row,
					   const struct bib_key *key, uint64_t now_ms)
{
	const struct persist_binding *from = &row->binding;
	const struct addr6 prefix = addr6_mask(&from->addr6, nat->config.pairing_prefix_length);
	struct binding_plan plan = {
		.index = row->index,
		.key = key,
		.request = {.protocol = row->protocol,
			    .client = &from->addr6,
			    .pool6 = from->pool6,
			    .port6 = from->port6,
			    .client_hash = pairing_hash(&nat->pairings, &prefix, from->pool6)},
	};

	if (!pool4_find(nat->pool4, row->protocol, from->mapped.addr, from->mapped.port) ||
	    !pool4_choose_restored(nat->pool4, &plan.request, &from->mapped, &plan.offer))
		return PERSIST_NOT_IN_POOL4;
	return binding_restore(nat, &plan, now_ms) == OUTCOME_TRANSLATED ? PERSIST_OK
									 : PERSIST_FULL;
}

static enum persist_result restore_binding(struct nat64 *nat, const struct persist_row *row,
					   const struct bib_key *key, uint64_t now_ms)
{
	const struct persist_binding *from = &row->binding;
	/* A static one is of all prefixes. */
	uint8_t pool6 = from->is_static && !has_pool6(nat, from->pool6) ? 0 : from->pool6;
	struct bib *bib = &nat->bib[row->protocol];
	enum persist_result result;

	if (addr6_is_illegal_source(&from->addr6))
		return PERSIST_BAD;
	if (!has_pool6(nat, pool6))
		return PERSIST_NO_POOL6;
	if (policy_pool6_of(nat, &from->addr6) >= 0)
		return PERSIST_IN_POOL6;
	if (slab_is_used(&bib->entries, row->index) || bib_is_bound(bib, key))
		return PERSIST_TAKEN;
	if (nat64_n_bindings(nat) >= nat->limits.bindings)
		return PERSIST_FULL;
	result = from->is_static ? restore_static(nat, row, key, now_ms)
				 : restore_dynamic(nat, row, key, now_ms);
	if (result != PERSIST_OK)
		return result;

	struct bib_entry *entry = bib_at(bib, row->index);
	entry->number = from->number;
	entry->pool6 = pool6;
	entry->created_s = from->created_s;
	bib->last_number = (uint16_t)(bib->last_number + 1);
	return PERSIST_OK;
}

/* The longest time that a session of this kind may live from now on, what is stored being an upper
 * bound: a clock that went back makes none that never ends. */
static uint64_t longest_ms(const struct nat64 *nat, enum protocol protocol, uint8_t state)
{
	const struct nat64_config *config = &nat->config;
	uint64_t longest = config->icmp_ms;

	if (protocol == PROTOCOL_TCP) {
		longest = max_u64(config->tcp_transitory_ms, config->tcp_opening_ms);
		if (state != TCP_FSM_TRANS)
			longest = max_u64(longest, config->tcp_established_ms);
	} else if (protocol == PROTOCOL_UDP) {
		longest = config->udp_ms;
		for (uint32_t i = 0; i < config->n_udp_by_port; i++)
			longest = max_u64(longest, config->udp_by_port[i].lifetime_ms);
	}
	return longest + longest / 2 + SECOND; /* session_bound() */
}

static bool is_state(enum protocol protocol, uint8_t state)
{
	return protocol == PROTOCOL_TCP ? state > TCP_FSM_CLOSED && state < N_TCP_FSM_STATES
					: state == TCP_FSM_CLOSED;
}

static enum persist_result restore_session(struct nat64 *nat, const struct persist_row *row,
					   uint64_t now_ms)
{
	const struct persist_session *from = &row->session;
	const struct bib *bib = &nat->bib[row->protocol];
	uint32_t limit = nat->limits.sessions_of[row->protocol];
	const struct session_table *table = &nat->sessions[row->protocol];

	if (!slab_is_used(&bib->entries, from->binding) ||
	    bib_at(bib, from->binding)->number != from->number ||
	    !bib_at(bib, from->binding)->is_restored)
		return PERSIST_NO_BINDING;
	if (!is_state(row->protocol, from->state) || addr4_is_illegal(from->peer.addr) ||
	    (row->protocol == PROTOCOL_ICMP &&
	     from->peer.port != bib_at(bib, from->binding)->port4))
		return PERSIST_BAD;
	if (!has_pool6(nat, from->pool6))
		return PERSIST_NO_POOL6;
	if (from->until_s * UINT64_C(1000) <= now_ms)
		return PERSIST_OVER;
	if (slab_is_used(&table->sessions, row->index) ||
	    session_find(table, from->binding, &from->peer) != SLAB_NONE)
		return PERSIST_TAKEN;
	if (nat64_n_sessions(nat) >= nat->limits.sessions ||
	    (limit > 0 && table->sessions.n_used >= limit))
		return PERSIST_FULL;

	uint64_t expires_ms = min_u64(from->until_s * UINT64_C(1000),
				      now_ms + longest_ms(nat, row->protocol, from->state));
	if (!binding_restore_session(nat, row->protocol, row->index, from->binding, &from->peer,
				     from->pool6, from->state, expires_ms))
		return PERSIST_FULL;
	/* Whatever they say is safe: segment.c has a least and the way's MTU as the most. */
	if (row->protocol == PROTOCOL_TCP)
		session_set_segments(&nat->sessions[PROTOCOL_TCP], row->index, from->segments);
	return PERSIST_OK;
}

/* A row that no entry can have is nothing to mark; whoever keeps it removes it. */
void persist_set_changed(struct nat64 *nat, const struct persist_row *row)
{
	struct dirty *dirty;

	if (row->protocol >= N_PROTOCOLS)
		return;
	dirty = dirty_of(nat, row->kind, row->protocol);
	if (dirty->on && row->index < slab_index_end(slab_of(nat, row->kind, row->protocol)) &&
	    dirty_reserve(dirty, row->index))
		dirty_take_back(dirty, row->index);
}

static bool is_possible(const struct persist_row *row)
{
	return row->protocol < N_PROTOCOLS && row->index <= SLAB_LIMIT_MAX;
}

/* The first row of a table says that it will be used. */
static void make_room(struct nat64 *nat, const struct persist_row *row)
{
	uint32_t n = nat->n_expected[row->kind];

	if (nat->bib[row->protocol].entries.n_used == 0)
		bib_reserve(&nat->bib[row->protocol], n);
}

/* Of a session all that is asked for is with its binding. */
static void prepare(struct nat64 *nat, const struct persist_row *row, struct bib_key *ret)
{
	const struct bib *bib = &nat->bib[row->protocol];

	if (row->kind == PERSIST_SESSION) {
		slab_prefetch(&bib->entries, row->session.binding);
		return;
	}
	make_room(nat, row);
	const struct taddr6 client = {row->binding.addr6, row->binding.port6};
	*ret = bib_key(bib, &client, &row->binding.mapped);
	bib_prefetch(bib, ret);
}

static void prefetch_first(const struct nat64 *nat, const struct persist_row *row,
			   const struct bib_key *key)
{
	if (row->kind == PERSIST_BINDING)
		bib_prefetch_first(&nat->bib[row->protocol], key);
}

static enum persist_result restore(struct nat64 *nat, const struct persist_row *row,
				   const struct bib_key *key, uint64_t now_ms)
{
	enum persist_result result = row->kind == PERSIST_SESSION
					     ? restore_session(nat, row, now_ms)
					     : restore_binding(nat, row, key, now_ms);

	if (result == PERSIST_OK)
		dirty_is_stored(dirty_of(nat, row->kind, row->protocol), row->index);
	else
		persist_set_changed(nat, row);
	return result;
}

void persist_restore_all(struct nat64 *nat, const struct persist_row *row, unsigned n,
			 uint64_t now_ms, enum persist_result *ret)
{
	struct bib_key key[PERSIST_BLOCK];

	assert(n <= PERSIST_BLOCK);
	for (unsigned i = 0; i < n; i++)
		if (is_possible(&row[i]))
			prepare(nat, &row[i], &key[i]);
	for (unsigned i = 0; i < n; i++)
		if (is_possible(&row[i]))
			prefetch_first(nat, &row[i], &key[i]);
	for (unsigned i = 0; i < n; i++)
		ret[i] =
			is_possible(&row[i]) ? restore(nat, &row[i], &key[i], now_ms) : PERSIST_BAD;
}

enum persist_result persist_restore(struct nat64 *nat, const struct persist_row *row,
				    uint64_t now_ms)
{
	enum persist_result result;

	persist_restore_all(nat, row, 1, now_ms, &result);
	return result;
}

/* The binding at the place of this row, if it is the same; else NULL. */
static struct bib_entry *find_same(const struct nat64 *nat, const struct persist_row *row)
{
	const struct persist_binding *from = &row->binding;
	const struct bib *bib = &nat->bib[row->protocol];
	struct bib_entry *entry;

	if (!row->exists || !slab_is_used(&bib->entries, row->index) ||
	    (!from->is_static && !has_pool6(nat, from->pool6)))
		return NULL;
	entry = bib_at(bib, row->index);
	return entry->is_restored && entry->number == from->number &&
			       entry->is_static == from->is_static && entry->port6 == from->port6 &&
			       entry->port4 == from->mapped.port &&
			       entry->addr4 == from->mapped.addr &&
			       addr6_equal(&entry->addr6, &from->addr6)
		       ? entry
		       : NULL;
}

void persist_make_way(struct nat64 *nat, const struct persist_row *row, uint64_t now_ms)
{
	if (!is_possible(row) || !slab_is_used(slab_of(nat, row->kind, row->protocol), row->index))
		return;
	if (row->kind == PERSIST_SESSION)
		binding_undo_session(nat, row->protocol, row->index);
	else if (!find_same(nat, row))
		binding_undo(nat, row->protocol, row->index, now_ms);
}

bool persist_is_there(struct nat64 *nat, const struct persist_row *row)
{
	if (!is_possible(row) || row->kind != PERSIST_BINDING || !find_same(nat, row))
		return false;
	/* A static one is of all prefixes. */
	if (has_pool6(nat, row->binding.pool6))
		bib_set_pool6(&nat->bib[row->protocol], row->index, row->binding.pool6);
	return true;
}

void persist_expect(struct nat64 *nat, enum persist_kind kind, uint64_t n)
{
	uint32_t limit = kind == PERSIST_SESSION ? nat->limits.sessions : nat->limits.bindings;

	nat->n_expected[kind] = (uint32_t)min_u64(n, limit);
}

void persist_restored(struct nat64 *nat, bool unclean, uint64_t now_ms)
{
	nat->idle_until_ms = now_ms + PERSIST_KEEP_MS;
	nat->revive_until_ms = unclean ? now_ms + PERSIST_KEEP_MS : 0;
	nat->idle_step = (struct nat64_step){0};
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		bib_trim(&nat->bib[i]);
	}
}

void persist_expire(struct nat64 *nat, uint64_t now_ms, unsigned *budget)
{
	struct nat64_step *step = &nat->idle_step;

	if (nat->idle_until_ms == 0 || now_ms < nat->idle_until_ms)
		return;
	for (; step->protocol < N_PROTOCOLS; step->protocol++, step->index = 0) {
		enum protocol protocol = step->protocol;
		uint32_t i;

		for (; (i = bib_next(&nat->bib[protocol], step->index)) != SLAB_NONE;
		     step->index = i + 1) {
			const struct bib_entry *entry = bib_at(&nat->bib[protocol], i);

			if (*budget == 0)
				return;
			(*budget)--;
			if (!entry->is_static && entry->n_sessions == 0)
				nat64_remove_binding(nat, protocol, i, now_ms);
		}
	}
	nat->idle_until_ms = 0;
}
