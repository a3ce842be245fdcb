/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows put back after a start: what is refused, what is kept how long (O-12), what comes back by
 * itself (O-13). */
#include <glib.h>
#include <netinet/tcp.h>

#include "daemon/core/filter.h"
#include "daemon/core/persist.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct gateway_fixture *new_gateway(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);

	g_assert_true(persist_begin(gateway->nat));
	return gateway;
}

static struct persist_row binding_row(enum protocol protocol, uint32_t index, const char *client,
				      const char *mapped)
{
	const struct taddr6 taddr6 = taddr6_of(client);
	struct persist_row row = {
		.kind = PERSIST_BINDING, .protocol = protocol, .index = index, .exists = true};

	row.binding = (struct persist_binding){.addr6 = taddr6.addr,
					       .port6 = taddr6.port,
					       .mapped = taddr4_of(mapped),
					       .number = 7};
	return row;
}

static struct persist_row session_row(enum protocol protocol, uint32_t index, uint32_t binding,
				      const char *peer)
{
	struct persist_row row = {
		.kind = PERSIST_SESSION, .protocol = protocol, .index = index, .exists = true};

	row.session = (struct persist_session){
		.binding = binding,
		.number = 7,
		.peer = taddr4_of(peer),
		.state = protocol == PROTOCOL_TCP ? TCP_FSM_ESTABLISHED : TCP_FSM_CLOSED,
		.until_s = NOW / 1000 + 100,
	};
	return row;
}

static enum persist_result put(struct gateway_fixture *gateway, const struct persist_row *row)
{
	enum persist_result result = persist_restore(gateway->nat, row, NOW);

	g_assert_true(bib_check(&gateway->nat->bib[0]));
	return result;
}

static void expire(struct gateway_fixture *gateway, uint64_t now_ms)
{
	while (!nat64_expire(gateway->nat, now_ms, 100, &gateway->out))
		out_clear(&gateway->out);
	g_assert_true(nat64_check(gateway->nat));
}

static void test_refused_bindings(void)
{
	static const struct {
		const char *client;
		const char *mapped;
		enum persist_result result;
	} cases[] = {
		{"[2001:db8:1::2]:5000", "203.0.113.1:2000", PERSIST_OK},
		{"[2001:db8:1::2]:5000", "203.0.113.1:2001", PERSIST_TAKEN},
		{"[2001:db8:1::3]:5000", "203.0.113.1:2000", PERSIST_TAKEN},
		{"[2001:db8:1::4]:5000", "203.0.113.1:80", PERSIST_NOT_IN_POOL4},
		{"[2001:db8:1::4]:5000", "203.0.113.2:2000", PERSIST_NOT_IN_POOL4},
		{"[2001:db8:1::4]:5000", "127.0.0.1:2000", PERSIST_NOT_IN_POOL4},
		{"[2001:db8:64::c633:6407]:5000", "203.0.113.1:2002", PERSIST_IN_POOL6},
		{"[ff02::1]:5000", "203.0.113.1:2002", PERSIST_BAD},
		{"[::]:5000", "203.0.113.1:2002", PERSIST_BAD},
		{"[fe80::1]:5000", "203.0.113.1:2002", PERSIST_BAD},
	};
	struct gateway_fixture *gateway = new_gateway();

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct persist_row row =
			binding_row(PROTOCOL_UDP, i, cases[i].client, cases[i].mapped);

		g_test_message("%s %s", cases[i].client, cases[i].mapped);
		g_assert_cmpint(put(gateway, &row), ==, cases[i].result);
	}
	struct persist_row row = binding_row(PROTOCOL_TCP, SLAB_CHUNK_ENTRIES, "[2001:db8:1::9]:1",
					     "203.0.113.1:3000");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_FULL); /* no entry can be there */
	row.index = UINT32_MAX;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row.index = 1023;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_TAKEN);
	row = binding_row(PROTOCOL_TCP, 3, "[2001:db8:1::10]:1", "203.0.113.1:3001");
	row.binding.pool6 = 1; /* there is no such prefix */
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_POOL6);
	row.binding.pool6 = PERSIST_POOL6_GONE;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_POOL6);
	row.protocol = N_PROTOCOLS;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 2);
	persist_restored(gateway->nat, false, NOW);
	gateway_free(gateway);
}

/* Rows that are judged together are judged as one after the other would be, also by what comes
 * before them in the same block; and room that was made for too many is given back. */
static void test_block(void)
{
	const struct persist_row row[] = {
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000"),
		binding_row(PROTOCOL_UDP, 1, "[2001:db8:1::2]:5000", "203.0.113.1:2001"),
		binding_row(PROTOCOL_UDP, 2, "[2001:db8:1::3]:5000", "203.0.113.1:2000"),
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::4]:5000", "203.0.113.1:2002"),
		binding_row(PROTOCOL_TCP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000"),
		binding_row(N_PROTOCOLS, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000"),
		binding_row(PROTOCOL_TCP, UINT32_MAX, "[2001:db8:1::5]:5000", "203.0.113.1:2003"),
		session_row(PROTOCOL_UDP, 0, 0, "198.51.100.7:53"),
		session_row(PROTOCOL_UDP, 1, 0, "198.51.100.7:53"),
		session_row(PROTOCOL_UDP, 2, 0, "198.51.100.7:54"),
		session_row(PROTOCOL_UDP, 3, 1, "198.51.100.7:53"),
		session_row(PROTOCOL_UDP, 4, UINT32_MAX, "198.51.100.7:53"),
		session_row(PROTOCOL_TCP, 0, 0, "198.51.100.7:80"),
	};
	static const enum persist_result expected[] = {
		PERSIST_OK,         PERSIST_TAKEN,      PERSIST_TAKEN, PERSIST_TAKEN, PERSIST_OK,
		PERSIST_BAD,        PERSIST_BAD,        PERSIST_OK,    PERSIST_TAKEN, PERSIST_OK,
		PERSIST_NO_BINDING, PERSIST_NO_BINDING, PERSIST_OK,
	};
	struct gateway_fixture *one_by_one = new_gateway(), *together = new_gateway();
	enum persist_result result[G_N_ELEMENTS(row)];

	G_STATIC_ASSERT(G_N_ELEMENTS(row) == G_N_ELEMENTS(expected));
	persist_expect(together->nat, PERSIST_BINDING, UINT64_MAX);
	persist_expect(together->nat, PERSIST_SESSION, 1500);
	persist_restore_all(together->nat, row, G_N_ELEMENTS(row), NOW, result);
	for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
		g_test_message("row %u", i);
		g_assert_cmpint(result[i], ==, expected[i]);
		g_assert_cmpint(persist_restore(one_by_one->nat, &row[i], NOW), ==, expected[i]);
	}
	persist_restored(together->nat, false, NOW);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		g_assert_cmpuint(together->nat->bib[i].by6.n_buckets, ==,
				 one_by_one->nat->bib[i].by6.n_buckets);
	g_assert_cmpuint(nat64_n_sessions(together->nat), ==, 3);
	gateway_free(one_by_one);
	gateway_free(together);
}

static void test_refused_sessions(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_TCP, 5, "[2001:db8:1::2]:5000", "203.0.113.1:2000");

	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	row = binding_row(PROTOCOL_ICMP, 5, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);

	persist_restored(gateway->nat, false, NOW);
	const struct persist_row good = session_row(PROTOCOL_TCP, 0, 5, "198.51.100.7:80");
	row = good;
	row.session.binding = 4;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_BINDING);
	row.session.binding = UINT32_MAX;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_BINDING);
	row = good;
	row.session.number = 8; /* of the one that was there before */
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_BINDING);
	row = good;
	row.session.state = N_TCP_FSM_STATES;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row.session.state = TCP_FSM_CLOSED;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row = good;
	row.session.peer.addr = 0xe0000001;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row = good;
	row.session.pool6 = 16;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_POOL6);
	row = good;
	row.session.until_s = NOW / 1000;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OVER);
	row = session_row(PROTOCOL_ICMP, 0, 5, "198.51.100.7:80"); /* not the identifier */
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row.session.peer.port = 2000;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	g_assert_cmpint(put(gateway, &good), ==, PERSIST_OK);
	g_assert_cmpint(put(gateway, &good), ==, PERSIST_TAKEN);
	row = good;
	row.index = 1;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_TAKEN);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 2);
	gateway_free(gateway);
}

/* What an operator bound once is judged as it would be now. */
static void test_refused_statics(void)
{
	static const struct {
		const char *client;
		const char *mapped;
		enum persist_result result;
	} cases[] = {
		{"[2001:db8:1::2]:443", "203.0.113.1:443", PERSIST_OK}, /* any port of an address */
		{"[2001:db8:1::2]:443", "203.0.113.1:444", PERSIST_TAKEN},
		{"[2001:db8:1::3]:443", "203.0.113.1:443", PERSIST_TAKEN},
		{"[2001:db8:1::3]:443", "198.51.100.1:443", PERSIST_NOT_IN_POOL4},
		{"[2001:db8:1::3]:443", "203.0.113.1:0", PERSIST_BAD},
		{"[2001:db8:1::3]:0", "203.0.113.1:444", PERSIST_BAD},
		{"[2001:db8:64::c633:6407]:443", "203.0.113.1:444", PERSIST_IN_POOL6},
		{"[ff02::1]:443", "203.0.113.1:444", PERSIST_BAD},
	};
	struct gateway_fixture *gateway = new_gateway();

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct persist_row row =
			binding_row(PROTOCOL_TCP, i, cases[i].client, cases[i].mapped);

		g_test_message("%s %s", cases[i].client, cases[i].mapped);
		row.binding.is_static = true;
		row.binding.created_s = 17;
		g_assert_cmpint(put(gateway, &row), ==, cases[i].result);
	}
	/* It is of all prefixes, so it lasts when its own has gone. */
	struct persist_row row =
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:443", "203.0.113.1:443");
	row.binding.is_static = true;
	row.binding.pool6 = PERSIST_POOL6_GONE;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);
	expire(gateway, NOW + PERSIST_KEEP_MS);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 2);
	const struct bib_entry *entry = bib_at(&gateway->nat->bib[PROTOCOL_TCP], 0);
	g_assert_true(entry->is_static);
	g_assert_true(entry->is_restored);
	g_assert_cmpuint(entry->number, ==, 7);
	g_assert_cmpuint(entry->created_s, ==, 17);
	g_assert_cmpuint(bib_at(&gateway->nat->bib[PROTOCOL_UDP], 0)->pool6, ==, 0);
	gateway_free(gateway);
}

/* X-1 holds for what is restored, to the entry. */
static void test_full(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct nat64_limits limits = gateway->nat->limits;
	struct persist_row row =
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	const struct persist_row second =
		binding_row(PROTOCOL_UDP, 1, "[2001:db8:1::3]:5000", "203.0.113.1:2001");

	limits.bindings = 1;
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	for (unsigned is_static = 0; is_static < 2; is_static++) {
		row = second;
		row.binding.is_static = is_static;
		g_assert_cmpint(put(gateway, &row), ==, PERSIST_FULL);
	}
	limits.bindings = 2;
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpint(put(gateway, &second), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);

	const struct taddr6 third = taddr6_of("[2001:db8:1::4]:5000");
	const struct taddr4 port = taddr4_of("203.0.113.1:2002");
	g_assert_cmpint(nat64_add_static(gateway->nat, PROTOCOL_TCP, &third, &port, NOW), ==,
			NAT64_STATIC_FULL);

	limits.sessions = 1;
	nat64_set_limits(gateway->nat, &limits);
	row = session_row(PROTOCOL_UDP, 0, 0, "198.51.100.7:80");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	row = session_row(PROTOCOL_UDP, 1, 0, "198.51.100.7:81");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_FULL);
	limits.sessions = 3;
	nat64_set_limits(gateway->nat, &limits);
	limits.sessions_of[PROTOCOL_UDP] = 1;
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_FULL);
	limits.sessions_of[PROTOCOL_UDP] = 2;
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	gateway_free(gateway);
}

/* A clock that went back makes no session that lives for years. */
static void test_lifetime_is_bounded(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");

	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);
	row = session_row(PROTOCOL_UDP, 0, 0, "198.51.100.7:80");
	row.session.until_s = UINT32_MAX;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	g_assert_cmpuint(session_at(&gateway->nat->sessions[PROTOCOL_UDP], 0)->expires_ms, <=,
			 NOW + 450000 + 1000);
	gateway_free(gateway);
}

/* Of each kind the longest that it can live: half as long again as it is refreshed for, and what
 * was rounded up (session_bound()). K-1 to K-4, K-6. */
static void test_longest_lifetimes(void)
{
	static const struct {
		enum protocol protocol;
		uint8_t state;
		uint64_t longest_ms;
	} cases[] = {
		{PROTOCOL_UDP, TCP_FSM_CLOSED, 300000},
		{PROTOCOL_ICMP, TCP_FSM_CLOSED, 60000},
		{PROTOCOL_TCP, TCP_FSM_TRANS, 240000},
		{PROTOCOL_TCP, TCP_FSM_V6_INIT, 7200000 + 240000},
		{PROTOCOL_TCP, TCP_FSM_ESTABLISHED, 7200000 + 240000},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct gateway_fixture *gateway = new_gateway();
		struct nat64_config *config = &gateway->nat->config;
		const enum protocol protocol = cases[i].protocol;
		struct persist_row row =
			binding_row(protocol, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");

		config->tcp_established_ms = 7200000 + 240000;
		g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
		row = session_row(protocol, 0, 0, "198.51.100.7:2000");
		row.session.state = cases[i].state;
		row.session.until_s = UINT32_MAX;
		g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
		g_assert_cmpuint(session_at(&gateway->nat->sessions[protocol], 0)->expires_ms, ==,
				 NOW + cases[i].longest_ms * 3 / 2 + 1000);
		gateway_free(gateway);
	}

	/* A port of UDP may have a longer one than the others. */
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	struct port_lifetime *by_port = gateway->nat->config.udp_by_port;
	gateway->nat->config.n_udp_by_port = 2;
	by_port[0] = (struct port_lifetime){.port = 53, .lifetime_ms = 15000};
	by_port[1] = (struct port_lifetime){.port = 4500, .lifetime_ms = 600000};
	by_port[2] = (struct port_lifetime){.port = 4501, .lifetime_ms = 900000}; /* is none */
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	row = session_row(PROTOCOL_UDP, 0, 0, "198.51.100.7:2000");
	row.session.until_s = UINT32_MAX;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	g_assert_cmpuint(session_at(&gateway->nat->sessions[PROTOCOL_UDP], 0)->expires_ms, ==,
			 NOW + 600000 * 3 / 2 + 1000);
	gateway_free(gateway);
}

/* O-12: what comes back is what was kept. */
static void test_fields(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_TCP, 4, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	const struct bib_entry *entry;
	const struct session *session;

	g_assert_true(prefix6_parse("2001:db8:65::/96", &gateway->nat->config.pool6[3]));
	row.binding.pool6 = 3;
	row.binding.created_s = -5;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	entry = bib_at(&gateway->nat->bib[PROTOCOL_TCP], 4);
	g_assert_cmpuint(entry->pool6, ==, 3);
	g_assert_cmpint(entry->created_s, ==, -5);
	g_assert_cmpuint(entry->number, ==, 7);
	g_assert_false(entry->is_static);
	g_assert_true(entry->is_restored);

	row = session_row(PROTOCOL_TCP, 9, 4, "198.51.100.7:80");
	row.session.pool6 = 3;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	session = session_at(&gateway->nat->sessions[PROTOCOL_TCP], 9);
	g_assert_cmpuint(session->bib, ==, 4);
	g_assert_cmphex(session->addr4, ==, 0xc6336407);
	g_assert_cmpuint(session->port4, ==, 80);
	g_assert_cmpuint(session->state, ==, TCP_FSM_ESTABLISHED);
	g_assert_cmpuint(session->pool6, ==, 3);
	g_assert_cmpuint(session->expires_ms, ==, NOW + 100000);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 0); /* stored is what is there */

	/* A binding that was not restored is none of its sessions. */
	bib_at(&gateway->nat->bib[PROTOCOL_TCP], 4)->is_restored = false;
	row = session_row(PROTOCOL_TCP, 10, 4, "198.51.100.7:81");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_NO_BINDING);
	gateway_free(gateway);
}

/* O-12 */
static void test_idle_binding_is_kept(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_UDP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	const struct taddr6 client = taddr6_of("[2001:db8:1::3]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");

	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	row = binding_row(PROTOCOL_UDP, 1, "[2001:db8:1::3]:5000", "203.0.113.1:2001");
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);
	expire(gateway, NOW + PERSIST_KEEP_MS - 1);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 2);
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW + 1000), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(gateway_sent_src4(gateway).port, ==, 2001);
	expire(gateway, NOW + PERSIST_KEEP_MS);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 1);
	g_assert_cmpuint(gateway->nat->idle_until_ms, ==, 0);
	gateway_free(gateway);
}

static enum filter_change change_of(struct gateway_fixture *gateway, uint8_t flags, bool from6,
				    uint64_t now_ms, uint8_t *ret_state)
{
	const struct filter_input input = {.tcp_flags = flags, .now_ms = now_ms};
	const struct tuple4 in4 = {PROTOCOL_TCP, taddr4_of("198.51.100.7:80"),
				   taddr4_of("203.0.113.1:2000")};
	const struct tuple6 in6 = {PROTOCOL_TCP, taddr6_of("[2001:db8:1::2]:5000"),
				   taddr6_of("[2001:db8:64::c633:6407]:80")};
	struct filter_plan plan;

	if (from6) {
		g_assert_cmpint(filter_6to4(gateway->nat, &in6, 0, in4.src.addr, &input, &plan), ==,
				OUTCOME_TRANSLATED);
	} else {
		g_assert_cmpint(filter_4to6_check(gateway->nat, &in4, &input, NULL, &plan), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpint(filter_4to6(gateway->nat, &input, NULL, &plan), ==,
				OUTCOME_TRANSLATED);
	}
	*ret_state = plan.state;
	return plan.change;
}

/* O-13, an exception to S-26. */
static void test_segment_revives(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row =
		binding_row(PROTOCOL_TCP, 0, "[2001:db8:1::2]:5000", "203.0.113.1:2000");
	const uint64_t late_ms = NOW + PERSIST_KEEP_MS;
	uint8_t state;

	g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);
	g_assert_cmpint(change_of(gateway, TH_ACK, true, NOW, &state), ==, FILTER_KEEPS);
	persist_restored(gateway->nat, true, NOW);
	for (unsigned from6 = 0; from6 < 2; from6++) {
		g_assert_cmpint(change_of(gateway, TH_ACK, from6, late_ms - 1, &state), ==,
				FILTER_ADDS);
		g_assert_cmpint(state, ==, TCP_FSM_TRANS);
		g_assert_cmpint(change_of(gateway, TH_FIN | TH_ACK, from6, NOW, &state), ==,
				FILTER_ADDS);
		g_assert_cmpint(change_of(gateway, TH_RST, from6, NOW, &state), ==, FILTER_KEEPS);
		g_assert_cmpint(change_of(gateway, TH_SYN | TH_ACK, from6, NOW, &state), ==,
				FILTER_ADDS);
		g_assert_cmpint(state, !=, TCP_FSM_TRANS); /* as ever */
		g_assert_cmpint(change_of(gateway, TH_ACK, from6, late_ms, &state), ==,
				FILTER_KEEPS);
	}
	gateway->nat->limits.sessions = 0;
	g_assert_cmpint(change_of(gateway, TH_ACK, true, NOW, &state), ==, FILTER_KEEPS);
	gateway->nat->limits.sessions = 1000;
	bib_at(&gateway->nat->bib[PROTOCOL_TCP], 0)->is_restored = false;
	g_assert_cmpint(change_of(gateway, TH_ACK, true, NOW, &state), ==, FILTER_KEEPS);
	bib_at(&gateway->nat->bib[PROTOCOL_TCP], 0)->is_restored = true;
	gateway_free(gateway);
}

/* K-13: the second that is stored is the first one at which the session can not be there any more.
 */
static void test_deadline_is_rounded_up(void)
{
	const struct taddr6 client = taddr6_of("[2001:db8:1::3]:5000");
	const struct taddr4 server = taddr4_of("198.51.100.7:80");
	/* A bound is a multiple of 2^17 ms then; this one is one of a second, too. */
	const uint64_t full_ms = 125 << 17;
	bool was_full = false;

	for (uint64_t now_ms = NOW; now_ms < full_ms; now_ms += 10007) {
		struct gateway_fixture *gateway = new_gateway();
		struct persist_cursor cursor = {0};
		struct persist_row row;

		g_assert_cmpint(gateway_udp6(gateway, &client, &server, now_ms), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(persist_take(gateway->nat, &cursor, &row, 1, now_ms), ==, 1);
		g_assert_cmpint(row.kind, ==, PERSIST_SESSION);
		uint64_t bound_ms = session_bound(
			session_at(&gateway->nat->sessions[PROTOCOL_UDP], row.index), now_ms);
		g_assert_cmpuint(bound_ms, >=, now_ms + gateway->nat->config.udp_ms);
		g_assert_cmpuint(row.session.until_s, ==, bound_ms / 1000 + (bound_ms % 1000 > 0));
		was_full |= bound_ms == full_ms;
		gateway_free(gateway);
	}
	g_assert_true(was_full);
}

/* From now on everything counts as changed, of every table; then what changes does. */
static void test_begin(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct taddr6 client = taddr6_of("[2001:db8:1::3]:5000");
	struct taddr4 server = taddr4_of("198.51.100.7:80");

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 0);
	g_assert_true(persist_begin(gateway->nat));
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 4);
	server.port++;
	g_assert_cmpint(gateway_syn6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 5);
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 6);
	gateway_free(gateway);
}

/* Neighbours end together, however small the steps are. */
static void test_idle_neighbours_end(void)
{
	struct gateway_fixture *gateway = new_gateway();

	for (uint16_t i = 0; i < 5; i++) {
		struct persist_row row =
			binding_row(PROTOCOL_TCP, i, "[2001:db8:1::2]:5000", "203.0.113.1:2000");

		row.binding.port6 += i;
		row.binding.mapped.port += i;
		g_assert_cmpint(put(gateway, &row), ==, PERSIST_OK);
	}
	persist_restored(gateway->nat, false, NOW);
	for (unsigned i = 0; i < 5; i++) {
		unsigned budget = 1;

		persist_expire(gateway->nat, NOW + PERSIST_KEEP_MS, &budget);
		g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 4 - i);
	}
	gateway_free(gateway);
}

/* What was refused is removed from what is kept, and what has no place is not marked. */
static void test_refused_is_marked(void)
{
	struct gateway_fixture *gateway = new_gateway();
	struct persist_row row = binding_row(PROTOCOL_UDP, 9, "[::]:1", "203.0.113.1:2000");
	const uint32_t end = slab_index_end(&gateway->nat->bib[PROTOCOL_UDP].entries);
	struct persist_cursor cursor = {0};
	struct persist_row taken[4];

	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row.index = UINT32_MAX;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	row.index = end;
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	g_assert_cmpuint(persist_n_changed(gateway->nat), ==, 1);
	/* Above Limits.Bindings, but where an entry can be. */
	row.index = end - 1;
	g_assert_cmpuint(row.index, >, gateway->nat->limits.bindings);
	g_assert_cmpint(put(gateway, &row), ==, PERSIST_BAD);
	g_assert_cmpuint(persist_take(gateway->nat, &cursor, taken, 4, NOW), ==, 2);
	g_assert_cmpuint(taken[0].index, ==, 9);
	g_assert_false(taken[0].exists);
	g_assert_cmpuint(taken[1].index, ==, end - 1);
	g_assert_false(taken[1].exists);
	gateway_free(gateway);
}

/* In each mode, and as at a start: the entries are not active before all is restored. */
static void test_pending_entry(void)
{
	static const enum pool4_mode modes[] = {POOL4_DYNAMIC, POOL4_BLOCKS, POOL4_DETERMINISTIC};

	for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
		const struct nat64_limits limits = {1000, 2000, 16, 1 << 20,
						    .pool4 = {.mode = modes[i], .block_size = 64}};
		const struct gateway_options options = {.addresses = "203.0.113.1",
							.ports = "1024-65535",
							.limits = &limits,
							.now_ms = NOW,
							.clients = "2001:db8:1::/124"};
		const struct taddr6 client = taddr6_of("[2001:db8:1::2]:5000");
		const struct taddr4 server = taddr4_of("198.51.100.7:443");
		struct gateway_fixture *gateway = gateway_new_with(&options);
		struct persist_cursor cursor = {0};
		struct persist_row rows[4];
		struct taddr4 mapped, again;
		unsigned n;

		g_assert_true(persist_begin(gateway->nat));
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
		mapped = gateway_sent_src4(gateway);
		n = persist_copy(gateway->nat, PERSIST_ALL, &cursor, rows, 4);
		g_assert_cmpuint(n, ==, 2);
		gateway_free(gateway);

		gateway = gateway_new_with(&options);
		pool4_set_state(gateway->nat->pool4, gateway->pool4, POOL4_PENDING);
		for (unsigned j = 0; j < n; j++)
			g_assert_cmpint(put(gateway, &rows[j]), ==, PERSIST_OK);
		persist_restored(gateway->nat, false, NOW);
		pool4_set_state(gateway->nat->pool4, gateway->pool4, POOL4_ACTIVE);
		g_assert_true(nat64_check(gateway->nat));
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
		again = gateway_sent_src4(gateway);
		g_assert_true(taddr4_equal(&mapped, &again));
		g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 1);
		gateway_free(gateway);
	}
}

/* P-20: who has a port is computed, so one that the map gives to another client does not come back;
 * nor one that his client would not get now, as a closer entry is there for him. */
static void test_deterministic(void)
{
	static const struct {
		const char *client;
		const char *mapped;
		bool closer_is_off, is_drained;
		enum persist_result result;
	} rows[] = {
		/* 16 clients, 4032 ports each, from 1024 on */
		{"[2001:db8:1::3]:5000", "203.0.113.1:13120", false, false, PERSIST_OK},
		{"[2001:db8:1::3]:5000", "203.0.113.1:13119", false, false, PERSIST_NOT_IN_POOL4},
		{"[2001:db8:1::3]:5000", "203.0.113.1:17152", false, false, PERSIST_NOT_IN_POOL4},
		{"[2001:db8:2::2]:5000", "203.0.113.1:13120", false, false, PERSIST_NOT_IN_POOL4},
		/* and one of them with an entry of his own */
		{"[2001:db8:1::5]:5000", "203.0.113.9:3000", false, false, PERSIST_OK},
		{"[2001:db8:1::5]:5000", "203.0.113.1:21184", false, false, PERSIST_NOT_IN_POOL4},
		{"[2001:db8:1::5]:5000", "203.0.113.1:21184", true, false, PERSIST_OK},
		{"[2001:db8:1::5]:5000", "203.0.113.1:21184", false, true, PERSIST_OK},
		{"[2001:db8:1::5]:5000", "203.0.113.9:3000", true, false, PERSIST_NOT_IN_POOL4},
	};
	const struct nat64_limits limits = {1000, 2000, 16, 1 << 20,
					    .pool4 = {.mode = POOL4_DETERMINISTIC}};
	const struct gateway_options options = {.addresses = "203.0.113.1",
						.ports = "1024-65535",
						.limits = &limits,
						.now_ms = NOW,
						.clients = "2001:db8:1::/124"};
	struct addr4_range address = {0xcb007109, 0xcb007109};
	struct pool4_spec closer = {.name = "closer",
				    .addresses = &address,
				    .n_addresses = 1,
				    .ports = {{{2000, 3999}}, 1},
				    .protocol = {true, true, true},
				    .n_clients = 1,
				    .pool6 = POOL4_ANY_PREFIX};

	g_assert_true(prefix6_parse("2001:db8:1::5/128", &closer.clients[0]));
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct gateway_fixture *gateway = gateway_new_with(&options);
		struct pool4 *pool4 = gateway->nat->pool4;
		struct persist_row row =
			binding_row(PROTOCOL_UDP, 0, rows[i].client, rows[i].mapped);
		uint32_t id;

		g_assert_cmpint(pool4_add(pool4, &closer, &id), ==, POOL4_OK);
		pool4_set_state(pool4, gateway->pool4,
				rows[i].is_drained ? POOL4_DRAINING : POOL4_PENDING);
		if (rows[i].closer_is_off)
			pool4_set_state(pool4, id, POOL4_DISABLED);
		g_test_message("%s %s", rows[i].client, rows[i].mapped);
		g_assert_cmpint(put(gateway, &row), ==, rows[i].result);
		persist_restored(gateway->nat, false, NOW);
		gateway_free(gateway);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/persist/pending_entry", test_pending_entry);
	g_test_add_func("/persist/deterministic", test_deterministic);
	g_test_add_func("/persist/refused_bindings", test_refused_bindings);
	g_test_add_func("/persist/block", test_block);
	g_test_add_func("/persist/refused_sessions", test_refused_sessions);
	g_test_add_func("/persist/refused_statics", test_refused_statics);
	g_test_add_func("/persist/full", test_full);
	g_test_add_func("/persist/lifetime_is_bounded", test_lifetime_is_bounded);
	g_test_add_func("/persist/idle_binding_is_kept", test_idle_binding_is_kept);
	g_test_add_func("/persist/segment_revives", test_segment_revives);
	g_test_add_func("/persist/deadline_is_rounded_up", test_deadline_is_rounded_up);
	g_test_add_func("/persist/begin", test_begin);
	g_test_add_func("/persist/idle_neighbours_end", test_idle_neighbours_end);
	g_test_add_func("/persist/refused_is_marked", test_refused_is_marked);
	g_test_add_func("/persist/longest_lifetimes", test_longest_lifetimes);
	g_test_add_func("/persist/fields", test_fields);
	return g_test_run();
}
