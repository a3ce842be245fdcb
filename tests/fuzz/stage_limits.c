/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client of the stage may have, counted from one end of the tables to the other (L-1 to
 * L-4), and whom the administrator has blocked.
 *
 * A limit is for what is new: whoever got a binding or session in an action has no more than the
 * limit now, others may have more. And whoever was refused one for a limit has as many.
 */
#include "tests/fuzz/stage.h"

static struct prefix6 client_of(const struct stage *stage, const struct addr6 *addr)
{
	const uint8_t len = stage->nat->config.icmp_limit.client_prefix_length;

	return (struct prefix6){addr6_mask(addr, len), len};
}

static uint64_t share_of(const struct port_share *share, uint64_t n_ports)
{
	return share->is_percent ? (n_ports * share->value + 99) / 100 : share->value;
}

/* A share is rounded up. 0 = no limit, also without ports to share. */
static uint64_t limit_of(const struct stage *stage, const struct port_share *share,
			 const struct addr6 *addr)
{
	return share_of(share, stage_reachable(stage, addr));
}

/* The same of the sessions in a binding, which may be NULL: then of its entry's ports. */
static uint64_t session_limit_of(const struct stage *stage, const struct addr6 *addr,
				 const struct naive_binding *binding)
{
	const struct port_share *share = &stage->nat->config.quota.sessions_per_client;
	const struct pool4_entry *entry = NULL;

	if (binding && stage_reachable(stage, addr) == 0)
		entry = pool4_entry(stage->nat->pool4, binding->pool4);
	return entry ? share_of(share, entry->n_ports[binding->protocol])
		     : limit_of(stage, share, addr);
}

/* Dynamic ones of a prefix. */
static unsigned count_bindings(const struct naive_bindings *bindings, enum protocol protocol,
			       const struct prefix6 *prefix)
{
	unsigned n = 0;

	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *binding = &bindings->at[i];

		n += binding->protocol == protocol && !binding->is_static &&
		     prefix6_contains(prefix, &binding->client.addr);
	}
	return n;
}

/* Those in dynamic bindings of a prefix. */
static unsigned count_sessions(const struct naive_sessions *sessions,
			       const struct naive_bindings *bindings, enum protocol protocol,
			       const struct prefix6 *prefix)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sessions->n; i++) {
		const struct naive_session *session = &sessions->at[i];

		n += session->protocol == protocol &&
		     prefix6_contains(prefix, &session->client.addr) &&
		     !naive_bindings_find6(bindings, protocol, &session->client)->is_static;
	}
	return n;
}

static unsigned count_sessions_of(const struct naive_sessions *sessions, enum protocol protocol,
				  const struct taddr6 *client)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sessions->n; i++)
		n += sessions->at[i].protocol == protocol &&
		     taddr6_equal(&sessions->at[i].client, client);
	return n;
}

/* Has the client made as many bindings as the rate allows in some time up to now, so many more
 * included? As many as the rate at once, and as many again each second. */
static bool rate_is_exceeded(const struct stage *stage, enum protocol protocol,
			     const struct prefix6 *client, unsigned n_more)
{
	const uint64_t rate = stage->nat->config.quota.binding_rate;
	uint64_t n = n_more;

	for (unsigned i = stage->made.n; i-- > 0;) {
		if (stage->made.at[i].protocol != protocol ||
		    !addr6_equal(&stage->made.at[i].client.addr, &client->addr))
			continue;
		n++;
		if (n * 1000 > rate * (1000 + stage->now_ms - stage->made.at[i].at_ms))
			return true;
	}
	return false;
}

bool stage_is_limit(enum outcome outcome)
{
	switch ((int)outcome) {
	case OUTCOME_ADDRESS_BINDINGS:
	case OUTCOME_CLIENT_BINDINGS:
	case OUTCOME_CLIENT_RATE:
	case OUTCOME_CLIENT_SESSIONS:
	case OUTCOME_CLIENT_SESSIONS_TCP:
	case OUTCOME_BINDING_SESSIONS:
	case OUTCOME_BINDING_SESSIONS_TCP:
		return true;
	default:
		return false;
	}
}

static bool is_reached(uint64_t n, uint64_t limit)
{
	return limit != 0 && n >= limit;
}

bool stage_limit_is_reached(const struct stage *stage, enum outcome outcome, enum protocol protocol,
			    const struct taddr6 *client)
{
	const struct quota_config *quota = &stage->nat->config.quota;
	const struct prefix6 prefix = client_of(stage, &client->addr);
	const struct prefix6 host = {client->addr, 128};
	const struct naive_binding *binding;
	struct naive_bindings bindings;
	struct naive_sessions sessions;

	naive_bindings_read(stage->nat, &bindings);
	naive_sessions_read(stage->nat, &sessions);
	switch ((int)outcome) {
	case OUTCOME_ADDRESS_BINDINGS:
		return is_reached(count_bindings(&bindings, protocol, &host),
				  quota->bindings_per_address);
	case OUTCOME_CLIENT_BINDINGS:
		return is_reached(count_bindings(&bindings, protocol, &prefix),
				  limit_of(stage, &quota->bindings_per_client, &client->addr));
	case OUTCOME_CLIENT_RATE:
		return quota->binding_rate != 0 &&
		       (!stage->made.is_exact || rate_is_exceeded(stage, protocol, &prefix, 1));
	case OUTCOME_CLIENT_SESSIONS:
	case OUTCOME_CLIENT_SESSIONS_TCP:
		binding = naive_bindings_find6(&bindings, protocol, client);
		if (binding && binding->is_static)
			return false;
		return is_reached(count_sessions(&sessions, &bindings, protocol, &prefix),
				  session_limit_of(stage, &client->addr, binding));
	case OUTCOME_BINDING_SESSIONS:
	case OUTCOME_BINDING_SESSIONS_TCP:
		return is_reached(count_sessions_of(&sessions, protocol, client),
				  quota->sessions_per_binding);
	}
	return false;
}

/* The rate is about to change. What was made under another one still counts, but not in a way that
 * is known. */
void stage_forget_rate(struct stage *stage)
{
	if (stage->nat->config.quota.binding_rate != 0)
		stage->made.is_exact = false;
	stage->made.n = 0;
}

/* A client without bindings has made none for so long that they do not count any more, or they were
 * taken away by the administrator, and with them goes what is known. */
static void forget_made(struct stage *stage, const struct naive_bindings *bindings)
{
	struct stage_made *made = &stage->made;
	unsigned n_kept = 0;

	for (unsigned i = 0; i < made->n; i++) {
		unsigned n_bindings = 0;

		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
			n_bindings += count_bindings(bindings, (enum protocol)protocol,
						     &made->at[i].client);
		if (n_bindings > 0)
			made->at[n_kept++] = made->at[i];
	}
	made->n = n_kept;
}

static void check_binding(struct stage *stage, const struct naive_bindings *bindings,
			  const struct naive_binding *binding)
{
	const struct quota_config *quota = &stage->nat->config.quota;
	const struct prefix6 client = client_of(stage, &binding->client.addr);
	const struct prefix6 host = {binding->client.addr, 128};
	const uint64_t per_client =
		limit_of(stage, &quota->bindings_per_client, &binding->client.addr);

	REQUIRE(quota->bindings_per_address == 0 ||
		count_bindings(bindings, binding->protocol, &host) <= quota->bindings_per_address);
	REQUIRE(per_client == 0 ||
		count_bindings(bindings, binding->protocol, &client) <= per_client);
	if (quota->binding_rate == 0)
		return;
	REQUIRE(stage->made.n < STAGE_MADE_MAX);
	stage->made.at[stage->made.n].protocol = binding->protocol;
	stage->made.at[stage->made.n].client = client;
	stage->made.at[stage->made.n++].at_ms = stage->now_ms;
	REQUIRE(!rate_is_exceeded(stage, binding->protocol, &client, 0));
}

static void check_session(const struct stage *stage, const struct naive_bindings *bindings,
			  const struct naive_session *session)
{
	const struct quota_config *quota = &stage->nat->config.quota;
	const struct prefix6 client = client_of(stage, &session->client.addr);
	const struct naive_binding *binding =
		naive_bindings_find6(bindings, session->protocol, &session->client);
	const uint64_t per_client = session_limit_of(stage, &session->client.addr, binding);

	REQUIRE(quota->sessions_per_binding == 0 ||
		count_sessions_of(&stage->sessions, session->protocol, &session->client) <=
			quota->sessions_per_binding);
	REQUIRE(per_client == 0 || binding->is_static ||
		count_sessions(&stage->sessions, bindings, session->protocol, &client) <=
			per_client);
}

/* The bindings that are there now; the sessions have been found right. */
void stage_check_limits(struct stage *stage, const struct naive_bindings *bindings)
{
	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *binding = &bindings->at[i];

		if (!binding->is_static && !naive_bindings_have(&stage->bindings_before, binding))
			check_binding(stage, bindings, binding);
	}
	for (unsigned i = 0; i < stage->sessions.n; i++) {
		const struct naive_session *session = &stage->sessions.at[i];

		if (!naive_sessions_find(&stage->sessions_before, session->protocol,
					 &session->client, &session->peer))
			check_session(stage, bindings, session);
	}
	forget_made(stage, bindings);
}

void stage_allow(struct stage *stage, const struct prefix6 *prefix)
{
	struct stage_blocked *blocked = &stage->blocked;

	for (unsigned i = 0; i < blocked->n;) {
		if (blocked->at[i].prefix.len == prefix->len &&
		    addr6_equal(&blocked->at[i].prefix.addr, &prefix->addr))
			blocked->at[i] = blocked->at[--blocked->n];
		else
			i++;
	}
}

void stage_block(struct stage *stage, const struct prefix6 *prefix, uint64_t until_ms)
{
	struct stage_blocked *blocked = &stage->blocked;

	stage_allow(stage, prefix);
	REQUIRE(blocked->n < STAGE_BLOCKED_MAX);
	blocked->at[blocked->n].prefix = *prefix;
	blocked->at[blocked->n++].until_ms = until_ms;
}

bool stage_is_blocked(const struct stage *stage, const struct addr6 *addr)
{
	for (unsigned i = 0; i < stage->blocked.n; i++) {
		if (prefix6_contains(&stage->blocked.at[i].prefix, addr))
			return true;
	}
	return false;
}

void stage_expire_blocked(struct stage *stage)
{
	struct stage_blocked *blocked = &stage->blocked;

	for (unsigned i = 0; i < blocked->n;) {
		if (blocked->at[i].until_ms <= stage->now_ms)
			blocked->at[i] = blocked->at[--blocked->n];
		else
			i++;
	}
}
