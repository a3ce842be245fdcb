/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of outcomes: names both ways, and the ICMP answers that tests/vectors/gateway_errors.csv
 * demands.
 */
#include "daemon/core/outcome.h"

#include <glib.h>

static void test_names_are_lower_case_and_unique(void)
{
	g_assert_cmpstr(outcome_info(OUTCOME_BAD_U_OCTET)->name, ==, "bad_u_octet");
	g_assert_cmpstr(outcome_info(OUTCOME_TRANSLATED)->name, ==, "translated");
	g_assert_cmpstr(outcome_info(OUTCOME_EXTERNAL_TCP_FORBIDDEN)->name, ==,
			"external_tcp_forbidden");

	for (int i = 0; i < N_OUTCOMES; i++) {
		const char *name = outcome_info((enum outcome)i)->name;

		g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), ==,
				 strlen(name));
		g_assert_cmpuint(strlen(name), >, 0);
		for (int j = 0; j < i; j++)
			g_assert_cmpstr(name, !=, outcome_info((enum outcome)j)->name);
	}
}

static void test_sentences_are_there(void)
{
	for (int i = 0; i < N_OUTCOMES; i++)
		g_assert_cmpuint(strlen(outcome_info((enum outcome)i)->sentence), >, 10);
}

static void test_parse(void)
{
	for (int i = 0; i < N_OUTCOMES; i++) {
		const char *name = outcome_info((enum outcome)i)->name;
		g_autofree char *upper = g_ascii_strup(name, -1);

		g_assert_cmpint(outcome_parse(name), ==, i);
		g_assert_cmpint(outcome_parse(upper), ==, i);
	}
	g_assert_cmpint(outcome_parse(""), ==, N_OUTCOMES);
	g_assert_cmpint(outcome_parse("translate"), ==, N_OUTCOMES);
	g_assert_cmpint(outcome_parse("translated "), ==, N_OUTCOMES);
}

static void test_verdicts(void)
{
	g_assert_cmpint(outcome_info(OUTCOME_TRANSLATED)->verdict, ==, VERDICT_TRANSLATED);
	g_assert_cmpint(outcome_info(OUTCOME_HAIRPINNED)->verdict, ==, VERDICT_TRANSLATED);
	g_assert_cmpint(outcome_info(OUTCOME_NOT_OURS)->verdict, ==, VERDICT_HOST);
	g_assert_cmpint(outcome_info(OUTCOME_SYN_STORED)->verdict, ==, VERDICT_STORED);
	g_assert_cmpint(outcome_info(OUTCOME_MALFORMED_IP4)->verdict, ==, VERDICT_DROP);

	/* Only what is dropped is answered, or has been stored for too long. */
	for (int i = 0; i < N_OUTCOMES; i++) {
		const struct outcome_info *info = outcome_info((enum outcome)i);

		if (info->verdict != VERDICT_DROP && info->verdict != VERDICT_STORED)
			g_assert_false(info->answer6.sent || info->answer4.sent);
	}

	/* The log speaks of what shows that somebody's stack or a limit is wrong (F-9, T-34, T-36).
	 */
	for (int i = 0; i < N_OUTCOMES; i++)
		g_assert_true(outcome_info((enum outcome)i)->noted ==
			      (i == OUTCOME_TRUNCATED || i == OUTCOME_SUPERPACKET_NOT_TCP ||
			       i == OUTCOME_BAD_EXTENSION_HEADERS ||
			       i == OUTCOME_UDP6_ZERO_CHECKSUM || i == OUTCOME_UDP4_ZERO_CHECKSUM ||
			       i == OUTCOME_FRAGMENT_MEMORY || i == OUTCOME_NO_MEMORY ||
			       i == OUTCOME_SYN_STORE_FULL));
}

/* The conditions of gateway_errors.csv by outcome; -1: none. What is not here is silent. */
static void test_answers(void)
{
	static const struct {
		enum outcome outcome;
		int type6, code6, type4, code4;
		bool optional;
	} rows[] = {
		{OUTCOME_HOP_LIMIT, 3, 0, 11, 0, false},
		{OUTCOME_TOO_BIG, 2, 0, 3, 4, false},
		{OUTCOME_SOURCE_ROUTE, -1, -1, 3, 5, false},
		{OUTCOME_ROUTING_HEADER, 4, 0, -1, -1, false},
		{OUTCOME_UNKNOWN_PROTOCOL, 1, 4, 3, 2, false},
		{OUTCOME_SYN_STORED, -1, -1, 3, 3, false}, /* after its six seconds */
		{OUTCOME_FRAGMENT_STORED, 3, 1, 11, 1, true},
		{OUTCOME_FRAGMENT_TINY, 4, 3, -1, -1, false},
		{OUTCOME_FRAGMENT_BAD, 4, 0, -1, -1, false},
		{OUTCOME_DESTINATION_DENIED, 1, 1, -1, -1, false},
		{OUTCOME_SOURCE_DENIED, 1, 1, 3, 13, false},
		{OUTCOME_NO_ROUTE, 1, 0, 3, 0, false},
		{OUTCOME_HOST_UNREACHABLE, 1, 0, 3, 1, false},
		{OUTCOME_POOL4_NO_ENTRY, 1, 3, -1, -1, false},
		{OUTCOME_SESSION_FULL, 1, 3, 3, 1, false},
		{OUTCOME_SESSION_FULL_TCP, 1, 3, -1, -1, false},
		{OUTCOME_NO_MEMORY, 1, 3, 3, 1, false},
		{OUTCOME_DRAINING, 1, 3, -1, -1, false},
		{OUTCOME_POOL4_EXHAUSTED, 1, 3, -1, -1, false},
		{OUTCOME_BIB_FULL, 1, 3, -1, -1, false},
		{OUTCOME_ADDRESS_BINDINGS, 1, 3, -1, -1, false},
		{OUTCOME_CLIENT_BINDINGS, 1, 3, -1, -1, false},
		{OUTCOME_CLIENT_RATE, 1, 3, -1, -1, false},
		{OUTCOME_CLIENT_SESSIONS, 1, 3, 3, 1, false},
		{OUTCOME_CLIENT_SESSIONS_TCP, 1, 3, -1, -1, false},
		{OUTCOME_BINDING_SESSIONS, 1, 3, 3, 1, false},
		{OUTCOME_BINDING_SESSIONS_TCP, 1, 3, -1, -1, false},
		{OUTCOME_CLIENT_BLOCKED, 1, 1, -1, -1, false},
		{OUTCOME_CLIENT_NOT_ALLOWED, 1, 1, -1, -1, false},
		{OUTCOME_NONGLOBAL_DESTINATION, 1, 1, -1, -1, false},
		/* With ICMPv6 for a hairpinned packet (H-10). */
		{OUTCOME_BIB4_NOT_FOUND, 1, 4, 3, 3, true},
		{OUTCOME_BIB4_NOT_FOUND_ICMP, 1, 0, 3, 1, true},
		{OUTCOME_FILTERED, 1, 1, 3, 13, true},
	};
	bool listed[N_OUTCOMES] = {false};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct outcome_info *info = outcome_info(rows[i].outcome);

		listed[rows[i].outcome] = true;
		g_test_message("%s", info->name);
		g_assert_cmpint(info->answer6.sent ? info->answer6.type : -1, ==, rows[i].type6);
		g_assert_cmpint(info->answer6.sent ? info->answer6.code : -1, ==, rows[i].code6);
		g_assert_cmpint(info->answer4.sent ? info->answer4.type : -1, ==, rows[i].type4);
		g_assert_cmpint(info->answer4.sent ? info->answer4.code : -1, ==, rows[i].code4);
		g_assert_cmpint(info->answer6.optional || info->answer4.optional, ==,
				rows[i].optional);
	}
	for (int i = 0; i < N_OUTCOMES; i++) {
		const struct outcome_info *info = outcome_info((enum outcome)i);

		g_assert_true(listed[i] || (!info->answer6.sent && !info->answer4.sent));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/outcome/names_are_lower_case_and_unique",
			test_names_are_lower_case_and_unique);
	g_test_add_func("/outcome/sentences_are_there", test_sentences_are_there);
	g_test_add_func("/outcome/parse", test_parse);
	g_test_add_func("/outcome/verdicts", test_verdicts);
	g_test_add_func("/outcome/answers", test_answers);
	return g_test_run();
}
