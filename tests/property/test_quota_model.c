/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random packets of many hosts and clients while limits, blocks and the pairing prefix change at
 * random, against a naive judge that counts bindings and sessions from one end of the tables to the
 * other each time: the same packets are refused for the same reasons (L-1 to L-4), and the counts
 * of the records stay right (nat64_check).
 *
 * The seed is fixed; NAT64D_SEED=NUMBER plays another one.
 */
#include <glib.h>

#include "tests/gateway_fixture.h"
#include "tests/property/seed.h"

#define N_STEPS   30000
#define N_CLIENTS 4 /* /64 */
#define N_HOSTS   3 /* of each */
#define N_PORTS   6
#define N_PEERS   4
#define MAX_LIMIT 12
#define BINDINGS  40
#define SESSIONS  70

static struct gateway_fixture *gateway;
static struct random random_numbers;
static uint64_t now_ms = FIXTURE_START_MS;
static unsigned n_of_outcome[N_OUTCOMES];

static uint32_t below(uint32_t bound)
{
	return random_below(&random_numbers, bound);
}

static struct taddr6 random_host(void)
{
	struct taddr6 taddr = taddr6_of("[2001:db8::]:5000");

	taddr.addr.byte[7] = (uint8_t)below(N_CLIENTS);
	taddr.addr.byte[15] = (uint8_t)(1 + below(N_HOSTS));
	taddr.port = (uint16_t)(taddr.port + below(N_PORTS));
	return taddr;
}

static struct taddr4 random_peer(void)
{
	struct taddr4 taddr = {0xc6336400 + below(N_PEERS), 1000};

	return taddr;
}

struct counts {
	uint64_t of_address;
	uint64_t of_client;
	uint64_t sessions_of_client;
	uint64_t bindings;
	uint64_t sessions;
};

/* Everything there is, one by one; static bindings only in the sums. */
static struct counts count(const struct addr6 *host)
{
	const struct prefix6 client = {addr6_mask(host, 64), 64};
	const struct bib *bib = &gateway->nat->bib[PROTOCOL_UDP];
	const struct session_table *sessions = &gateway->nat->sessions[PROTOCOL_UDP];
	struct counts counts = {0};

	for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
		const struct bib_entry *entry = bib_at(bib, i);

		counts.bindings++;
		if (entry->is_static)
			continue;
		counts.of_address += addr6_equal(&entry->addr6, host);
		counts.of_client += prefix6_contains(&client, &entry->addr6);
	}
	for (uint32_t i = session_next(sessions, 0); i != SLAB_NONE;
	     i = session_next(sessions, i + 1)) {
		const struct bib_entry *entry = bib_at(bib, session_at(sessions, i)->bib);

		counts.sessions++;
		counts.sessions_of_client +=
			!entry->is_static && prefix6_contains(&client, &entry->addr6);
	}
	return counts;
}

static bool is_blocked(const struct addr6 *host)
{
	const struct blocklist *blocks = &gateway->nat->blocklist;

	for (uint32_t i = blocklist_next(blocks, 0); i != SLAB_NONE;
	     i = blocklist_next(blocks, i + 1))
		if (prefix6_contains(&blocklist_at(blocks, i)->prefix, host))
			return true;
	return false;
}

static bool reached(uint64_t n, uint64_t limit)
{
	return limit > 0 && n >= limit;
}

/* A new session in a binding, or in one that would be made first (NULL). */
static enum outcome judge_session(const struct counts *counts, const struct bib_entry *entry)
{
	const struct quota_config *quota = &gateway->nat->config.quota;

	if (counts->sessions >= SESSIONS)
		return OUTCOME_SESSION_FULL;
	if (entry && reached(entry->n_sessions, quota->sessions_per_binding))
		return OUTCOME_BINDING_SESSIONS;
	if (!(entry && entry->is_static) &&
	    reached(counts->sessions_of_client, quota->sessions_per_client.value))
		return OUTCOME_CLIENT_SESSIONS;
	return OUTCOME_TRANSLATED;
}

static enum outcome judge_binding(const struct counts *counts)
{
	const struct quota_config *quota = &gateway->nat->config.quota;

	if (counts->bindings >= BINDINGS)
		return OUTCOME_BIB_FULL;
	if (reached(counts->of_address, quota->bindings_per_address))
		return OUTCOME_ADDRESS_BINDINGS;
	if (reached(counts->of_client, quota->bindings_per_client.value))
		return OUTCOME_CLIENT_BINDINGS;
	return OUTCOME_TRANSLATED;
}

static void expect(enum outcome got, enum outcome wanted)
{
	g_assert_cmpstr(outcome_info(got)->name, ==, outcome_info(wanted)->name);
	n_of_outcome[got]++;
}

static enum outcome judge(const struct taddr6 *host, uint32_t binding, const struct taddr4 *peer)
{
	const struct nat64 *nat = gateway->nat;
	struct counts counts = count(&host->addr);
	enum outcome outcome;

	if (is_blocked(&host->addr))
		return OUTCOME_CLIENT_BLOCKED;
	if (binding != SLAB_NONE &&
	    session_find(&nat->sessions[PROTOCOL_UDP], binding, peer) != SLAB_NONE)
		return OUTCOME_TRANSLATED;
	outcome = judge_session(
		&counts, binding == SLAB_NONE ? NULL : bib_at(&nat->bib[PROTOCOL_UDP], binding));
	if (outcome == OUTCOME_TRANSLATED && binding == SLAB_NONE)
		outcome = judge_binding(&counts);
	return outcome;
}

static void send_out(void)
{
	struct taddr6 host = random_host();
	struct taddr4 peer = random_peer();
	enum outcome wanted =
		judge(&host, bib_find6(&gateway->nat->bib[PROTOCOL_UDP], &host), &peer);

	expect(gateway_udp6(gateway, &host, &peer, now_ms), wanted);
}

static void send_in(void)
{
	const struct bib *bib = &gateway->nat->bib[PROTOCOL_UDP];
	struct taddr6 inside = random_host();
	uint32_t binding = bib_find6(bib, &inside);
	struct taddr4 peer = random_peer(), mapped;
	enum outcome wanted;

	if (binding == SLAB_NONE)
		return;
	mapped = bib_entry_taddr4(bib_at(bib, binding));
	wanted = judge(&inside, binding, &peer);
	expect(gateway_udp4(gateway, &peer, &mapped, now_ms), wanted);
}

static void change_limit(void)
{
	struct quota_config *quota = &gateway->nat->config.quota;
	static const uint8_t lengths[] = {128, 64, 56};
	uint32_t value = below(3) ? below(MAX_LIMIT) : 0;

	switch (below(5)) {
	case 0:
		quota->bindings_per_address = value;
		break;
	case 1:
		quota->bindings_per_client.value = value;
		break;
	case 2:
		quota->sessions_per_client.value = 2 * value;
		break;
	case 3:
		quota->sessions_per_binding = value;
		break;
	default:
		gateway->nat->config.pairing_prefix_length = lengths[below(3)];
		break;
	}
}

static void change_block(void)
{
	static const uint8_t lengths[] = {128, 64, 62};
	struct blocklist *blocks = &gateway->nat->blocklist;
	struct prefix6 prefix = {random_host().addr, lengths[below(3)]};
	uint32_t index = blocklist_next(blocks, 0);

	prefix.addr = addr6_mask(&prefix.addr, prefix.len);
	if (index != SLAB_NONE && below(3))
		blocklist_remove(blocks, index);
	else
		g_assert_true(blocklist_add(blocks, &prefix,
					    below(2) ? BLOCKLIST_FOREVER : now_ms + below(100000)));
}

static void pass_time(void)
{
	now_ms += below(50000);
	while (!nat64_expire(gateway->nat, now_ms, 1 + below(50), &gateway->out))
		;
}

static void remove_one(void)
{
	struct taddr6 host = random_host();
	uint32_t binding = bib_find6(&gateway->nat->bib[PROTOCOL_UDP], &host);

	if (binding != SLAB_NONE && !bib_at(&gateway->nat->bib[PROTOCOL_UDP], binding)->is_static)
		nat64_remove_binding(gateway->nat, PROTOCOL_UDP, binding, now_ms);
}

static void add_static(const char *six, const char *four)
{
	struct taddr6 taddr6 = taddr6_of(six);
	struct taddr4 taddr4 = taddr4_of(four);

	g_assert_cmpint(nat64_add_static(gateway->nat, PROTOCOL_UDP, &taddr6, &taddr4, now_ms), ==,
			NAT64_STATIC_OK);
}

static void step(void)
{
	uint32_t what = below(64);

	if (what < 36)
		send_out();
	else if (what < 54)
		send_in();
	else if (what < 58)
		change_limit();
	else if (what < 59)
		change_block();
	else if (what < 62)
		remove_one();
	else
		pass_time();
}

static void test_limits(void)
{
	static const enum outcome all[] = {
		OUTCOME_TRANSLATED,      OUTCOME_CLIENT_BLOCKED,   OUTCOME_SESSION_FULL,
		OUTCOME_BIB_FULL,        OUTCOME_ADDRESS_BINDINGS, OUTCOME_CLIENT_BINDINGS,
		OUTCOME_CLIENT_SESSIONS, OUTCOME_BINDING_SESSIONS,
	};
	struct nat64_limits limits = {BINDINGS, SESSIONS, 1, 65536};
	const uint32_t number = seed_of_run(6888);
	uint8_t seed[RANDOM_SEED_SIZE] = {0};

	memcpy(seed, &number, sizeof(number));
	random_init(&random_numbers, seed);
	g_test_message("NAT64D_SEED=%u", number);
	gateway = gateway_new("203.0.113.0/30", "1024-65535", &limits);
	add_static("[2001:db8::1]:5000", "203.0.113.1:80");
	add_static("[2001:db8:0:1::2]:5001", "203.0.113.1:81");
	for (unsigned i = 0; i < N_STEPS; i++) {
		step();
		g_assert_true(nat64_check(gateway->nat));
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
		g_assert_cmpuint(n_of_outcome[all[i]], >, 20);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/property/quota_model/limits", test_limits);
	return g_test_run();
}
