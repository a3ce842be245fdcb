/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The beginning, the clock and the end of a NAT64: everything of nat64.h that is not about one
 * packet.
 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/core/answer.h"
#include "daemon/core/filter.h"
#include "daemon/core/icmp_transit.h"
#include "daemon/core/minmax.h"
#include "daemon/core/nat64.h"
#include "daemon/core/persist.h"
#include "daemon/core/quota.h"
#include "daemon/core/reassembly.h"
#include "daemon/core/tcp_probe.h"

#define SECOND 1000u

void nat64_config_default(struct nat64_config *ret)
{
	*ret = (struct nat64_config){
		.pool6 = {rfc6052_well_known_prefix},
		.external_tcp = true,
		.clients_auto = true,
		.deny_own = true,
		.inbound_refresh = true,
		.rules = {.traffic_class = XLAT_COPY,
			  .type_of_service = XLAT_COPY,
			  .lowest_ipv6_mtu = 1280},
		.pool4_policy = {.parity = true, .hold_ms = 120 * SECOND, .max_held = {25, true}},
		.pairing_prefix_length = 128,
		.quota = {.bindings_per_address = 2048, .alarm = {{80, true}, {70, true}}},
		.icmp_limit = {.rate = 10,
			       .burst = 10,
			       .rate_total = 1000,
			       .client_prefix_length = 64},
		.udp_ms = 300 * SECOND,
		.tcp_established_ms = 7200 * SECOND,
		.tcp_transitory_ms = 240 * SECOND,
		.tcp_opening_ms = 240 * SECOND,
		.tcp_incoming_syn_ms = 6 * SECOND,
		.icmp_ms = 60 * SECOND,
		.fragment_ms = 10 * SECOND,
		.udp_by_port = {{53, 15 * SECOND}, {123, 15 * SECOND}},
		.n_udp_by_port = 2,
	};
}

/* Every table gets a key of its own out of the one seed. */
static struct siphash_key make_key(struct random *random)
{
	struct siphash_key key;

	for (unsigned i = 0; i < 2; i++)
		key.k[i] = (uint64_t)random_u32(random) << 32 | random_u32(random);
	return key;
}

/* A binding has a record for its pairing, and one for its address. */
static uint32_t pairing_limit(const struct nat64_limits *limits)
{
	return limits->bindings < SLAB_NONE / 4 ? limits->bindings * 2 : SLAB_LIMIT_MAX;
}

struct nat64 *nat64_new(const struct nat64_config *config, const struct nat64_limits *limits,
			const struct nat64_world *world, const uint8_t seed[RANDOM_SEED_SIZE],
			uint64_t now_ms)
{
	struct nat64 *nat = calloc(1, sizeof(*nat));
	if (!nat)
		return NULL;
	nat->limits = *limits;
	nat->world = *world;
	random_init(&nat->random, seed);

	uint8_t pool4_seed[RANDOM_SEED_SIZE];
	for (unsigned i = 0; i < sizeof(pool4_seed); i++)
		pool4_seed[i] = (uint8_t)random_u32(&nat->random);
	struct siphash_key key = make_key(&nat->random);
	nat->pool4 = pool4_new(&key, pool4_seed);
	nat->limits.pool4.client_length = config->pairing_prefix_length;
	if (!nat->pool4 || !pool4_set_allocation(nat->pool4, &nat->limits.pool4)) {
		pool4_free(nat->pool4);
		free(nat);
		return NULL;
	}

	key = make_key(&nat->random);
	pairing_table_init(&nat->pairings, &key, pairing_limit(limits));
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		key = make_key(&nat->random);
		bib_init(&nat->bib[protocol], &key, limits->bindings);
		key = make_key(&nat->random);
		session_table_init(&nat->sessions[protocol], &nat->bib[protocol], &key,
				   limits->sessions, now_ms);
	}
	key = make_key(&nat->random);
	syn_store_init(&nat->syns, &key, limits->stored_syns);
	key = make_key(&nat->random);
	ip4_id_init(&nat->ip4_ids, &key);
	key = make_key(&nat->random);
	icmp_limit_init(&nat->icmp_limit, &config->icmp_limit, &key);
	key = make_key(&nat->random);
	fragment_table_init(&nat->fragments, &key, limits->fragment_memory, config->fragment_ms);
	key = make_key(&nat->random);
	client_table_init(&nat->clients, &key, limits->bindings,
			  config->icmp_limit.client_prefix_length);
	key = make_key(&nat->random);
	blocklist_init(&nat->blocklist, &key);
	key = make_key(&nat->random);
	event_queue_init(&nat->events, &key);
	nat->alarm_due_ms = UINT64_MAX;
	nat64_set_config(nat, config);
	nat64_set_limits(nat, limits);
	return nat;
}

void nat64_free(struct nat64 *nat)
{
	if (!nat)
		return;
	fragment_table_deinit(&nat->fragments);
	syn_store_deinit(&nat->syns);
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		session_table_deinit(&nat->sessions[protocol]);
		bib_deinit(&nat->bib[protocol]);
	}
	watch_deinit(&nat->watch);
	closed_deinit(&nat->closed);
	event_queue_deinit(&nat->events);
	blocklist_deinit(&nat->blocklist);
	client_table_deinit(&nat->clients);
	pairing_table_deinit(&nat->pairings);
	pool4_free(nat->pool4);
	free(nat);
}

void nat64_set_config(struct nat64 *nat, const struct nat64_config *config)
{
	nat->config = *config;
	pool4_set_policy(nat->pool4, &config->pool4_policy);
	nat->icmp_limit.config = config->icmp_limit;
	nat->fragments.timeout_ms = config->fragment_ms;
}

void nat64_set_limits(struct nat64 *nat, const struct nat64_limits *limits)
{
	const struct pool4_allocation allocation = nat->limits.pool4;

	nat->limits = *limits;
	nat->limits.pool4 = allocation;
	nat->bindings_bound = max_u32(limits->bindings, nat64_n_bindings(nat));
	nat->sessions_bound = max_u32(limits->sessions, nat64_n_sessions(nat));
	pool4_set_held_limit(nat->pool4, limits->bindings);
	nat->pairings.pairings.limit = pairing_limit(limits);
	nat->pairings.many.limit = pairing_limit(limits);
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		nat->bib[protocol].entries.limit = limits->bindings;
		nat->sessions[protocol].sessions.limit = limits->sessions;
	}
	nat->clients.clients.limit = limits->bindings;
	nat->clients.quotas.limit = limits->bindings;
	nat->syns.syns.limit = limits->stored_syns;
	fragment_table_set_limit(&nat->fragments, limits->fragment_memory);
}

/* S-28 for a SYN that came from our own IPv6 side: the answer to T1 is hairpinned like any error.
 */
static void send_back_to_ipv6(struct nat64 *nat, struct out *out)
{
	const struct out_part error = out->packet[--out->n_packets].part[0]; /* the only part */
	uint8_t *buffer = out_alloc(out, PACKET_HEADROOM + error.size);
	struct packet packet = {
		.data = buffer + PACKET_HEADROOM, .size = error.size, .headroom = PACKET_HEADROOM};
	enum outcome outcome;

	memcpy(packet.data, error.base, error.size);
	outcome = packet_parse(&packet);
	assert(outcome == OUTCOME_TRANSLATED && packet.is_icmp_error); /* it is our own */
	(void)outcome;
	(void)icmp_transit_4to6(nat, &packet, out);
}

static void expire_syns(struct nat64 *nat, uint64_t now_ms, unsigned *budget, struct out *out)
{
	uint32_t index;

	while (*budget && out_has_room(out) &&
	       (index = syn_store_expired(&nat->syns, now_ms)) != SLAB_NONE) {
		const struct stored_syn *syn = syn_store_at(&nat->syns, index);
		bool from_ipv6 = pool4_has_address(nat->pool4, syn->peer.addr);
		if (answer_stored_syn(nat, syn, now_ms, out) && from_ipv6)
			send_back_to_ipv6(nat, out);
		syn_store_remove(&nat->syns, index);
		nat->counters.stored_syns_expired++;
		(*budget)--;
	}
}

static void expire_sessions(struct nat64 *nat, enum protocol protocol, uint64_t now_ms,
			    unsigned *budget, struct out *out)
{
	while (*budget && out_has_room(out)) {
		uint32_t session = session_take_expired(&nat->sessions[protocol], now_ms, budget);
		if (session == SLAB_NONE)
			return;

		struct filter_probe probe;
		if (filter_expired(nat, protocol, session, now_ms, &probe)) {
			tcp_probe_build(&probe.src, &probe.dst, out);
			nat->counters.probes_sent++;
		}
	}
}

bool nat64_expire(struct nat64 *nat, uint64_t now_ms, unsigned budget, struct out *out)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		expire_sessions(nat, (enum protocol)protocol, now_ms, &budget, out);
	expire_syns(nat, now_ms, &budget, out);
	reassembly_expire(nat, now_ms, &budget, out);
	pool4_expire(nat->pool4, now_ms, &budget);
	blocklist_expire(&nat->blocklist, now_ms);
	quota_expire(nat, now_ms);
	persist_expire(nat, now_ms, &budget);
	return budget && out_has_room(out);
}

uint64_t nat64_next_deadline(const struct nat64 *nat)
{
	uint64_t next = nat->alarm_due_ms;

	next = min_u64(next, syn_store_next_deadline(&nat->syns));
	next = min_u64(next, fragment_next_deadline(&nat->fragments));
	next = min_u64(next, pool4_next_deadline(nat->pool4));
	next = min_u64(next, blocklist_next_deadline(&nat->blocklist));
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		next = min_u64(next, session_next_deadline(&nat->sessions[protocol]));
	return next;
}

uint32_t nat64_n_bindings(const struct nat64 *nat)
{
	uint32_t n = 0;

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n += nat->bib[protocol].entries.n_used;
	return n;
}

uint32_t nat64_n_sessions(const struct nat64 *nat)
{
	uint32_t n = 0;

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n += nat->sessions[protocol].sessions.n_used;
	return n;
}

size_t nat64_memory(const struct nat64 *nat)
{
	size_t bytes = sizeof(*nat) + pool4_memory(nat->pool4) +
		       pairing_table_memory(&nat->pairings) + client_table_memory(&nat->clients) +
		       blocklist_memory(&nat->blocklist) + event_queue_memory(&nat->events) +
		       watch_memory(&nat->watch) + closed_memory(&nat->closed) +
		       syn_store_memory(&nat->syns) + fragment_memory(&nat->fragments);

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		bytes += bib_memory(&nat->bib[protocol]) +
			 session_table_memory(&nat->sessions[protocol]);
	return bytes;
}
