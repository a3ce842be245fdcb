/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random UDP packets and steps of the clock through the whole core, against a naive model of
 * RFC 6146, 3.5.1: a list of sessions with their deadlines. Between the end of a lifetime and two
 * seconds later (K-13) both answers are right, and the model takes that of the core.
 */
#include <glib.h>

#include "tests/gateway_fixture.h"
#include "tests/property/seed.h"

#define N_CLIENTS   12
#define N_PEERS     6
#define N_STEPS     40000
#define LIFETIME_MS 300000
#define SLACK_MS    2000

struct model_session {
	bool exists;
	uint64_t expires_ms;
};

static struct gateway_fixture *gateway;
static struct model_session sessions[N_CLIENTS][N_PEERS];
static struct taddr4 mapped[N_CLIENTS]; /* while a session exists */
static uint64_t now_ms = FIXTURE_START_MS;

static struct taddr6 client_taddr(unsigned client)
{
	struct taddr6 taddr = taddr6_of("[2001:db8::1]:5000");

	taddr.addr.byte[15] = (uint8_t)(client / 3 + 1); /* three ports a host */
	taddr.port = (uint16_t)(5000 + client % 3);
	return taddr;
}

/* Some peers share an address. */
static struct taddr4 peer_taddr(unsigned peer)
{
	return (struct taddr4){0xc6336400 + peer / 2, (uint16_t)(9000 + peer)};
}

static uint32_t binding_of(unsigned client)
{
	struct taddr6 taddr = client_taddr(client);

	return bib_find6(&gateway->nat->bib[PROTOCOL_UDP], &taddr);
}

static bool core_has(unsigned client, unsigned peer)
{
	struct taddr4 taddr = peer_taddr(peer);
	uint32_t binding = binding_of(client);

	return binding != SLAB_NONE &&
	       session_find(&gateway->nat->sessions[PROTOCOL_UDP], binding, &taddr) != SLAB_NONE;
}

static bool model_has_binding(unsigned client)
{
	for (unsigned peer = 0; peer < N_PEERS; peer++)
		if (sessions[client][peer].exists)
			return true;
	return false;
}

static void step_clock(struct random *random)
{
	now_ms += random_below(random, 8) ? random_below(random, 2000)
					  : random_below(random, 2 * LIFETIME_MS);
	while (!nat64_expire(gateway->nat, now_ms, 1 + random_below(random, 50), &gateway->out))
		;
	for (unsigned client = 0; client < N_CLIENTS; client++) {
		for (unsigned peer = 0; peer < N_PEERS; peer++) {
			struct model_session *session = &sessions[client][peer];
			if (session->exists && now_ms >= session->expires_ms)
				session->exists = now_ms < session->expires_ms + SLACK_MS &&
						  core_has(client, peer);
			g_assert_cmpint(core_has(client, peer), ==, session->exists);
		}
	}
}

static void refresh(unsigned client, unsigned peer)
{
	sessions[client][peer] = (struct model_session){true, now_ms + LIFETIME_MS};
}

static void send_out(unsigned client, unsigned peer)
{
	struct taddr6 src = client_taddr(client);
	struct taddr4 dst = peer_taddr(peer);

	g_assert_cmpint(gateway_udp6(gateway, &src, &dst, now_ms), ==, OUTCOME_TRANSLATED);
	struct taddr4 from = gateway_sent_src4(gateway);
	if (model_has_binding(client))
		g_assert_true(taddr4_equal(&from, &mapped[client])); /* S-3 */
	for (unsigned other = 0; other < N_CLIENTS; other++)
		if (other != client && model_has_binding(other))
			g_assert_false(taddr4_equal(&from, &mapped[other])); /* S-2 */
	mapped[client] = from;
	refresh(client, peer);
}

static void send_in(unsigned client, unsigned peer)
{
	struct taddr4 src = peer_taddr(peer);

	if (!mapped[client].addr)
		return;
	enum outcome outcome = gateway_udp4(gateway, &src, &mapped[client], now_ms);
	for (unsigned owner = 0; owner < N_CLIENTS; owner++) {
		if (!model_has_binding(owner) || !taddr4_equal(&mapped[owner], &mapped[client]))
			continue;
		struct taddr6 back = gateway_sent_dst6(gateway);
		struct taddr6 wanted = client_taddr(owner);
		g_assert_cmpint(outcome, ==, OUTCOME_TRANSLATED);
		g_assert_true(taddr6_equal(&back, &wanted));
		refresh(owner, peer);
		return;
	}
	g_assert_cmpint(outcome, ==, OUTCOME_BIB4_NOT_FOUND);
}

static void test_udp(void)
{
	const uint32_t number = seed_of_run(6146);
	uint8_t seed[RANDOM_SEED_SIZE] = {0};
	struct random random;

	memcpy(seed, &number, sizeof(number));
	random_init(&random, seed);
	g_test_message("NAT64D_SEED=%u", number);
	gateway = gateway_new("203.0.113.0/30", "2000-2015", NULL);
	for (unsigned i = 0; i < N_STEPS; i++) {
		unsigned client = random_below(&random, N_CLIENTS);
		unsigned peer = random_below(&random, N_PEERS);

		if (random_below(&random, 4) == 0)
			step_clock(&random);
		else if (random_below(&random, 2))
			send_out(client, peer);
		else
			send_in(client, peer);
		if (i % 64 == 0)
			g_assert_true(nat64_check(gateway->nat));
	}
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/property/nat64_model/udp", test_udp);
	return g_test_run();
}
