/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/quota.h"

#include "daemon/core/minmax.h"

/*
 * What a limit stands for with this source: a share is of the ports that it can reach. Where it can
 * reach none, because its entry is drained, it is of the ports of the entry that has its binding,
 * if it is about one (pool4, else 0). 0 = no limit; with a share, that pool4 is to say so.
 */
static uint64_t limit_of(const struct nat64 *nat, const struct port_share *share,
			 enum protocol protocol, const struct addr6 *src, uint8_t pool6,
			 uint32_t pool4)
{
	const struct pool4_entry *entry;
	uint64_t n_ports;

	if (!share->is_percent || share->value == 0)
		return share->value;
	n_ports = pool4_n_reachable(nat->pool4, protocol, src, pool6);
	entry = n_ports == 0 && pool4 ? pool4_entry(nat->pool4, pool4) : NULL;
	return port_share_of(share, entry ? entry->n_ports[protocol] : n_ports);
}

static bool is_reached(uint64_t n, uint64_t limit)
{
	return limit > 0 && n >= limit;
}

/* L-1: of one IPv6 address, whatever prefix of Pool6 it came through. */
static uint64_t bindings_of_address(const struct nat64 *nat, enum protocol protocol,
				    const struct addr6 *src)
{
	const struct pairing_table *table = &nat->pairings;
	uint64_t n = 0;

	if (table->n_addresses > 0) {
		uint32_t index = pairing_find(table, src, PAIRING_ADDRESS);
		if (index != SLAB_NONE)
			n += pairing_n_bindings(table, index, protocol);
	}
	for (uint8_t i = 0; i < NAT64_POOL6_MAX; i++) {
		uint32_t index;

		if (!nat->config.pool6[i].len)
			continue;
		index = pairing_find(table, src, i);
		if (index != SLAB_NONE && pairing_at(table, index)->len == 128)
			n += pairing_n_bindings(table, index, protocol);
	}
	return n;
}

/* L-2. Without a record the client has no bindings, and so has made none for longer than its bucket
 * needs to fill up: no lifetime is below a second. */
static enum outcome check_rate(const struct nat64 *nat, enum protocol protocol, uint32_t client,
			       uint64_t now_ms)
{
	const uint32_t rate = nat->config.quota.binding_rate;
	const struct client_quota *quota = client_quota(&nat->clients, client);
	struct token_bucket bucket;

	if (rate == 0 || !quota)
		return OUTCOME_TRANSLATED;
	bucket = quota->rate[protocol];
	token_bucket_refill(&bucket, rate, now_ms);
	return token_bucket_has_token(&bucket, rate) ? OUTCOME_TRANSLATED : OUTCOME_CLIENT_RATE;
}

enum outcome quota_new_binding(const struct nat64 *nat, enum protocol protocol,
			       const struct addr6 *src, uint8_t pool6, uint64_t now_ms)
{
	const struct quota_config *config = &nat->config.quota;
	uint32_t client = client_find(&nat->clients, src);

	if (nat64_n_bindings(nat) >= nat->limits.bindings)
		return OUTCOME_BIB_FULL;
	if (client == SLAB_NONE)
		return OUTCOME_TRANSLATED;
	if (is_reached(client_n_bindings(&nat->clients, client, protocol),
		       config->bindings_per_address) &&
	    is_reached(bindings_of_address(nat, protocol, src), config->bindings_per_address))
		return OUTCOME_ADDRESS_BINDINGS;
	if (is_reached(client_n_bindings(&nat->clients, client, protocol),
		       limit_of(nat, &config->bindings_per_client, protocol, src, pool6, 0)))
		return OUTCOME_CLIENT_BINDINGS;
	return check_rate(nat, protocol, client, now_ms);
}

/* L-10: one event when the share of the upper threshold is reached, and another one only after the
 * use has been below the lower one. What has just been taken had a limit above 0. */
static bool crosses_up(const struct quota_config *config, bool alarmed, uint64_t n, uint64_t limit)
{
	return !alarmed && n >= port_share_of(&config->alarm[0], limit);
}

static bool crosses_down(const struct quota_config *config, bool alarmed, uint64_t n,
			 uint64_t limit)
{
	return alarmed && n < port_share_of(&config->alarm[1], limit);
}

static void watch_client(struct nat64 *nat, enum protocol protocol, uint32_t index,
			 const struct bib_entry *entry, uint64_t now_ms)
{
	const struct quota_config *config = &nat->config.quota;
	struct client_quota *quota = client_quota(&nat->clients, index);
	uint64_t n = client_n_bindings(&nat->clients, index, protocol), limit;

	if (config->bindings_per_client.value == 0)
		return;
	limit = limit_of(nat, &config->bindings_per_client, protocol, &entry->addr6, entry->pool6,
			 0);
	if (quota && crosses_down(config, quota->alarmed[protocol], n, limit))
		quota->alarmed[protocol] = false;
	if (!crosses_up(config, quota && quota->alarmed[protocol], n, limit))
		return;
	quota = client_quota_get(&nat->clients, index);
	if (quota)
		quota->alarmed[protocol] = event_push_limited(
			&nat->events,
			&(struct event){
				.kind = EVENT_CLIENT_HIGH,
				.protocol = protocol,
				.addr6 = addr6_mask(&entry->addr6, nat->clients.prefix_length),
				.prefix_len = nat->clients.prefix_length,
				.value = n,
				.limit = limit,
				.time_ms = now_ms,
			});
}

static void watch_all(struct nat64 *nat, uint64_t now_ms)
{
	const struct quota_config *config = &nat->config.quota;
	uint64_t n = nat64_n_bindings(nat);

	if (crosses_down(config, nat->bindings_alarmed, n, nat->limits.bindings))
		nat->bindings_alarmed = false;
	if (crosses_up(config, nat->bindings_alarmed, n, nat->limits.bindings))
		nat->bindings_alarmed =
			event_push_limited(&nat->events, &(struct event){
								 .kind = EVENT_BINDINGS_HIGH,
								 .protocol = N_PROTOCOLS,
								 .value = n,
								 .limit = nat->limits.bindings,
								 .time_ms = now_ms,
							 });
}

static void watch_pool4(struct nat64 *nat, enum protocol protocol, uint32_t id, uint64_t now_ms)
{
	enum pool4_alarm alarm =
		pool4_watch(nat->pool4, id, protocol, nat->config.quota.alarm, now_ms);
	const struct pool4_entry *entry;

	if (alarm == POOL4_ALARM_SAME)
		return;
	entry = pool4_entry(nat->pool4, id);
	if (alarm == POOL4_ALARM_LATER) {
		uint64_t due_ms = entry->alarm_ms[protocol] + POOL4_ALARM_INTERVAL_MS;
		nat->alarm_due_ms = min_u64(nat->alarm_due_ms, due_ms);
		return;
	}
	event_push(&nat->events,
		   &(struct event){
			   .kind = alarm == POOL4_ALARM_RAISED ? EVENT_POOL_HIGH : EVENT_POOL_LOW,
			   .protocol = protocol,
			   .pool4 = id,
			   .value = entry->n_used[protocol],
			   .limit = entry->n_ports[protocol],
			   .time_ms = now_ms,
		   });
}

void quota_expire(struct nat64 *nat, uint64_t now_ms)
{
	const struct pool4_entry *entry;

	if (now_ms < nat->alarm_due_ms)
		return;
	nat->alarm_due_ms = UINT64_MAX;
	for (uint32_t id = 0; (entry = pool4_next(nat->pool4, id)) != NULL;) {
		id = entry->id;
		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
			watch_pool4(nat, (enum protocol)protocol, id, now_ms);
	}
}

void quota_took_binding(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			uint64_t now_ms)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], binding);
	uint32_t client = client_find(&nat->clients, &entry->addr6);

	if (nat->config.quota.binding_rate > 0) {
		struct client_quota *quota = client_quota_get(&nat->clients, client);
		if (quota) {
			token_bucket_refill(&quota->rate[protocol], nat->config.quota.binding_rate,
					    now_ms);
			token_bucket_take(&quota->rate[protocol]);
		}
	}
	watch_client(nat, protocol, client, entry, now_ms);
	watch_pool4(nat, protocol, entry->pool4, now_ms);
	watch_all(nat, now_ms);
}

void quota_gave_back(struct nat64 *nat, enum protocol protocol, uint32_t pool4, uint64_t now_ms)
{
	watch_pool4(nat, protocol, pool4, now_ms);
}

/* no further session of this protocol? */
static bool sessions_full(const struct nat64 *nat, enum protocol protocol, uint32_t n_ahead)
{
	return nat64_n_sessions(nat) + n_ahead >= nat->limits.sessions ||
	       is_reached(nat->sessions[protocol].sessions.n_used + n_ahead,
			  nat->limits.sessions_of[protocol]);
}

enum outcome quota_new_session(const struct nat64 *nat, enum protocol protocol,
			       const struct addr6 *src, uint8_t pool6, uint32_t binding,
			       const struct quota_ahead *ahead)
{
	const struct quota_config *config = &nat->config.quota;
	const struct bib_entry *entry =
		binding == SLAB_NONE ? NULL : bib_at(&nat->bib[protocol], binding);
	uint32_t client;

	if (sessions_full(nat, protocol, ahead->n_sessions))
		return OUTCOME_SESSION_FULL;
	if (entry && is_reached(entry->n_sessions, config->sessions_per_binding))
		return OUTCOME_BINDING_SESSIONS;
	if (config->sessions_per_client.value == 0 || (entry && entry->is_static))
		return OUTCOME_TRANSLATED;
	client = client_find(&nat->clients, src);
	if (client == SLAB_NONE)
		return OUTCOME_TRANSLATED;
	return is_reached(client_n_sessions(&nat->clients, client, protocol) + ahead->n_of_client,
			  limit_of(nat, &config->sessions_per_client, protocol, src, pool6,
				   entry ? entry->pool4 : 0))
		       ? OUTCOME_CLIENT_SESSIONS
		       : OUTCOME_TRANSLATED;
}

void quota_use(const struct nat64 *nat, enum protocol protocol, const struct addr6 *src,
	       uint8_t pool6, struct quota_use *ret)
{
	const struct quota_config *config = &nat->config.quota;
	uint32_t index = client_find(&nat->clients, src);
	const struct client_table *clients = &nat->clients;
	const bool is_known = index != SLAB_NONE;

	*ret = (struct quota_use){
		.address_bindings = bindings_of_address(nat, protocol, src),
		.address_limit = config->bindings_per_address,
		.client_bindings = is_known ? client_n_bindings(clients, index, protocol) : 0,
		.client_limit =
			limit_of(nat, &config->bindings_per_client, protocol, src, pool6, 0),
		.sessions = is_known ? client_n_sessions(clients, index, protocol) : 0,
		.session_limit =
			limit_of(nat, &config->sessions_per_client, protocol, src, pool6, 0),
	};
}

/* RFC 8158, 4.5: the event of each outcome that is about a limit; others are none. */
static bool event_of_outcome(enum outcome outcome, enum event_kind *ret)
{
	switch ((int)outcome) {
	case OUTCOME_POOL4_EXHAUSTED:
		*ret = EVENT_ADDRESSES_EXHAUSTED;
		return true;
	case OUTCOME_SESSION_FULL:
	case OUTCOME_SESSION_FULL_TCP:
		*ret = EVENT_QUOTA_SESSIONS;
		return true;
	case OUTCOME_BIB_FULL:
		*ret = EVENT_QUOTA_BINDINGS;
		return true;
	case OUTCOME_ADDRESS_BINDINGS:
	case OUTCOME_CLIENT_BINDINGS:
	case OUTCOME_CLIENT_RATE:
	case OUTCOME_CLIENT_SESSIONS:
	case OUTCOME_CLIENT_SESSIONS_TCP:
	case OUTCOME_BINDING_SESSIONS:
	case OUTCOME_BINDING_SESSIONS_TCP:
		*ret = EVENT_QUOTA_CLIENT;
		return true;
	default:
		return false;
	}
}

/* Whom a limit is about: an address, a client, or (false) all together. */
static bool is_about_client(enum outcome outcome)
{
	return outcome == OUTCOME_CLIENT_BINDINGS || outcome == OUTCOME_CLIENT_RATE ||
	       outcome == OUTCOME_CLIENT_SESSIONS || outcome == OUTCOME_CLIENT_SESSIONS_TCP;
}

static uint64_t limit_of_refusal(const struct nat64 *nat, const struct quota_refusal *refusal)
{
	const struct quota_config *config = &nat->config.quota;

	switch ((int)refusal->outcome) {
	case OUTCOME_ADDRESS_BINDINGS:
		return config->bindings_per_address;
	case OUTCOME_CLIENT_RATE:
		return config->binding_rate;
	case OUTCOME_CLIENT_BINDINGS:
		return limit_of(nat, &config->bindings_per_client, refusal->protocol, refusal->host,
				refusal->pool6, refusal->pool4);
	case OUTCOME_CLIENT_SESSIONS:
	case OUTCOME_CLIENT_SESSIONS_TCP:
		return limit_of(nat, &config->sessions_per_client, refusal->protocol, refusal->host,
				refusal->pool6, refusal->pool4);
	default:
		return config->sessions_per_binding;
	}
}

static void name_client(const struct nat64 *nat, const struct quota_refusal *refusal,
			uint32_t client, struct event *event)
{
	const struct client_quota *quota =
		client == SLAB_NONE ? NULL : client_quota(&nat->clients, client);

	event->prefix_len = is_about_client(refusal->outcome) ? nat->clients.prefix_length : 128;
	event->addr6 = addr6_mask(refusal->host, event->prefix_len);
	event->value = quota ? quota->n_refused : 0;
	event->limit = limit_of_refusal(nat, refusal);
}

/* RFC 8158, 4.5: an address without a port, or, if none of several has one, all of them. */
static void name_pool4(const struct nat64 *nat, const struct quota_refusal *refusal,
		       struct event *event)
{
	const struct pool4_entry *entry =
		refusal->pool4 ? pool4_entry(nat->pool4, refusal->pool4) : NULL;

	if (!entry)
		return;
	event->pool4 = entry->id;
	event->value = entry->n_refused[refusal->protocol];
	event->limit = entry->n_ports[refusal->protocol];
	event->mapped.addr = refusal->addr4;
	if (entry->n_addresses == 1)
		event->mapped.addr = entry->spec.addresses[0].first;
	if (event->mapped.addr)
		event->kind = EVENT_PORTS_EXHAUSTED;
}

bool quota_is_refusal(enum outcome outcome)
{
	enum event_kind kind;

	return event_of_outcome(outcome, &kind);
}

void quota_refused(struct nat64 *nat, const struct quota_refusal *refusal, uint64_t now_ms)
{
	struct event event = {
		.protocol = refusal->protocol,
		.outcome = refusal->outcome,
		.time_ms = now_ms,
	};
	uint32_t client;

	if (!event_of_outcome(refusal->outcome, &event.kind))
		return;
	client = client_find(&nat->clients, refusal->host);
	if (client != SLAB_NONE) {
		struct client_quota *quota = client_quota_get(&nat->clients, client);
		if (quota)
			quota->n_refused++;
	}
	switch ((int)event.kind) {
	case EVENT_QUOTA_CLIENT:
		name_client(nat, refusal, client, &event);
		break;
	case EVENT_ADDRESSES_EXHAUSTED:
		name_pool4(nat, refusal, &event);
		break;
	case EVENT_QUOTA_SESSIONS:
		event.limit = nat64_n_sessions(nat) >= nat->limits.sessions
				      ? nat->limits.sessions
				      : nat->limits.sessions_of[refusal->protocol];
		break;
	case EVENT_QUOTA_BINDINGS:
		event.limit = nat->limits.bindings;
		break;
	}
	(void)event_push_limited(&nat->events, &event);
}
