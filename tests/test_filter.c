/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filtering and updating on bare tuples; the rows of the requirements are in tests/packets,
 * test_lookup.c and test_tcp_states.c. */
#include <glib.h>
#include <netinet/tcp.h>

#include "daemon/core/filter.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct gateway_fixture *gateway;

static struct tuple6 tuple6_to_server(enum protocol protocol, uint16_t port)
{
	return (struct tuple6){protocol,
			       taddr6_of("[2001:db8::1]:5000"),
			       {taddr6_of("[2001:db8:64::c633:6407]:0").addr, port}};
}

static enum outcome out6(enum protocol protocol, uint16_t port, uint8_t flags, struct tuple4 *ret)
{
	const struct tuple6 in = tuple6_to_server(protocol, port);
	const struct filter_input input = {flags, false, NOW};

	struct filter_plan plan;
	enum outcome outcome = filter_6to4(gateway->nat, &in, 0, 0xc6336407, &input, &plan);

	if (outcome == OUTCOME_TRANSLATED)
		*ret = filter_tuple4(&plan);
	return outcome == OUTCOME_TRANSLATED ? filter_commit(gateway->nat, &plan, NOW) : outcome;
}

static enum outcome in4(const struct tuple4 *in, const struct filter_input *input,
			struct tuple6 *ret)
{
	struct filter_plan plan;
	enum outcome outcome = filter_4to6_check(gateway->nat, in, input, NULL, &plan);

	if (outcome == OUTCOME_TRANSLATED)
		outcome = filter_4to6(gateway->nat, input, NULL, &plan);
	if (outcome == OUTCOME_TRANSLATED)
		*ret = filter_tuple6(gateway->nat, &plan);
	return outcome == OUTCOME_TRANSLATED ? filter_commit(gateway->nat, &plan, NOW) : outcome;
}

/* RFC 6146, 3.6: the outgoing tuples of both directions are each other's mirror. */
static void test_tuples_mirror(void)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
		uint16_t port = protocol == PROTOCOL_ICMP ? 5000 : 80;
		const struct filter_input input = {TH_SYN | TH_ACK, false, NOW};
		struct tuple4 sent;
		struct tuple6 back;

		g_assert_cmpint(out6((enum protocol)protocol, port, TH_SYN, &sent), ==,
				OUTCOME_TRANSLATED);
		g_assert_cmpuint(sent.src.addr, ==, 0xcb007101);
		g_assert_cmpuint(sent.dst.addr, ==, 0xc6336407);
		g_assert_cmpuint(sent.dst.port, ==, protocol == PROTOCOL_ICMP ? sent.src.port : 80);

		struct tuple4 answer = {(enum protocol)protocol, sent.dst, sent.src};
		struct tuple6 asked = tuple6_to_server((enum protocol)protocol, port);
		g_assert_cmpint(in4(&answer, &input, &back), ==, OUTCOME_TRANSLATED);
		g_assert_true(taddr6_equal(&back.dst, &asked.src));
		g_assert_true(taddr6_equal(&back.src, &asked.dst));
		gateway_free(gateway);
	}
}

/* I-16: errors find what is there, and leave it as it was. */
static void test_errors_change_nothing(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct session_table *sessions = &gateway->nat->sessions[PROTOCOL_UDP];
	struct tuple4 sent, error4;
	struct tuple6 error6;
	uint8_t pool6;

	g_assert_cmpint(out6(PROTOCOL_UDP, 80, 0, &sent), ==, OUTCOME_TRANSLATED);
	const struct session before = *session_at(sessions, session_next(sessions, 0));
	const struct tuple4 in4 = {PROTOCOL_UDP, {0xc6336408, 99}, sent.src};
	const struct tuple6 in6 = tuple6_to_server(PROTOCOL_UDP, 99);

	g_assert_cmpint(filter_error_4to6(gateway->nat, &in4, &error6, &pool6), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpint(filter_error_6to4(gateway->nat, &in6, 0xc6336408, &error4), ==,
			OUTCOME_TRANSLATED);
	gateway->nat->config.filtering[PROTOCOL_UDP] = FILTERING_ADDRESS_DEPENDENT;
	g_assert_cmpint(filter_error_4to6(gateway->nat, &in4, &error6, &pool6), ==,
			OUTCOME_ICMP_NO_BINDING);
	g_assert_cmpint(filter_error_6to4(gateway->nat, &in6, 0xc6336408, &error4), ==,
			OUTCOME_ICMP_NO_BINDING);

	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 1);
	const struct session *after = session_at(sessions, session_next(sessions, 0));
	g_assert_cmpmem(after, sizeof(*after), &before, sizeof(before));
	gateway_free(gateway);
}

/* A refused packet leaves the tables as they were (the promise of filter.h). */
static void test_refusal_changes_nothing(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct tuple4 stranger = {PROTOCOL_TCP, {0xc6336408, 99}, {0xcb007101, 4000}};
	const struct filter_input syn = {TH_SYN, false, NOW};
	struct tuple4 sent;
	struct tuple6 back;

	g_assert_cmpint(out6(PROTOCOL_TCP, 80, TH_ACK, &sent), ==, OUTCOME_BIB6_NOT_FOUND);
	g_assert_cmpint(in4(&stranger, &syn, &back), ==, OUTCOME_SYN_STORED);
	g_assert_cmpuint(gateway->nat->syns.syns.n_used, ==, 0); /* the caller stores it */
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	g_assert_cmpuint(nat64_n_sessions(gateway->nat), ==, 0);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/filter/tuples_mirror", test_tuples_mirror);
	g_test_add_func("/filter/errors_change_nothing", test_errors_change_nothing);
	g_test_add_func("/filter/refusal_changes_nothing", test_refusal_changes_nothing);
	return g_test_run();
}
