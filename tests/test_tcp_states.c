/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of tcp_states.csv, through the whole core: a scenario is made of the row (the state is
 * reached by real segments, ten seconds pass, the event comes) and played.
 *
 * pool4 has one port only, so (T,t) is always 203.0.113.1:4000; the peer is 198.51.100.7:80.
 */
#include <glib.h>
#include <string.h>

#include "tests/csv.h"
#include "tests/scenario.h"

#define GATEWAY "pool6 2001:db8:64::/96\npool4 203.0.113.1 4000\n"
#define STATIC  "static tcp [2001:db8::1]:5000 203.0.113.1:4000\n"
#define ADF     "set FilteringTCP address-dependent\n"

#define IN6(flags)   "in v6 2001:db8::1 > 2001:db8:64::198.51.100.7 tcp 5000 > 80 " flags "\n"
#define OUT4(flags)  "out v4 203.0.113.1 > 198.51.100.7 tcp 4000 > 80 " flags "\n"
#define IN4(flags)   "in v4 198.51.100.7 > 203.0.113.1 tcp 80 > 4000 " flags "\n"
#define OUT6(flags)  "out v6 2001:db8:64::198.51.100.7 > 2001:db8::1 tcp 80 > 5000 " flags "\n"
#define PASS6(flags) IN6(flags) OUT4(flags)
#define PASS4(flags) IN4(flags) OUT6(flags)

#define OPENED PASS6("S") PASS4("SA")

/* How to reach a state, its name in the core, and what its timer says then. */
static const struct {
	const char *state;
	const char *gateway;
	const char *steps;
	const char *name;
	unsigned timer;
} ways[] = {
	{"V6_INIT", "", PASS6("S"), "v6_init", 240},
	{"V4_INIT", STATIC, PASS4("S"), "v4_init", 240},
	{"ESTABLISHED", "", OPENED, "established", 7200},
	{"V4_FIN_RCV", "", OPENED PASS4("FA"), "v4_fin_rcv", 7200},
	{"V6_FIN_RCV", "", OPENED PASS6("FA"), "v6_fin_rcv", 7200},
	{"V4V6_FIN_RCV", "", OPENED PASS6("FA") PASS4("FA"), "v4v6_fin_rcv", 240},
	{"TRANS", "", OPENED PASS4("R"), "trans", 240},
};

static const char *flags_of(const char *event, bool ack)
{
	if (strstr(event, "SYN"))
		return ack ? "SA" : "S";
	if (strstr(event, "FIN"))
		return "FA";
	if (strstr(event, "RST"))
		return "R";
	return "A";
}

/* The event as a packet, without and with what is forwarded. */
static void append_event(GString *text, const char *event, const char *flags, bool forwarded)
{
	bool from6 = event[1] == '6';

	g_string_append_printf(text, from6 ? IN6("%s") : IN4("%s"), flags);
	if (forwarded)
		g_string_append_printf(text, from6 ? OUT4("%s") : OUT6("%s"), flags);
}

static void append_timer(GString *text, const char *timer, unsigned before)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} timers[] = {{"TCP_TRANS", 240}, {"TCP_EST", 7200}};

	for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++) {
		if (strcmp(timer, timers[i].name) == 0) {
			g_string_append_printf(text, "timer %u\n", timers[i].seconds);
			return;
		}
	}
	g_assert_cmpstr(timer, ==, "unchanged");
	g_string_append_printf(text, "timer %u\n", before - 10);
}

static const char *name_of(const char *state)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++)
		if (strcmp(ways[i].state, state) == 0)
			return ways[i].name;
	g_error("tcp_states.csv: state \"%s\"", state);
}

/* A session in the table and an event of its own. */
static void append_transition(GString *text, const struct csv *row, unsigned way, bool ack)
{
	const char *event = csv_get(row, "event");
	const char *condition = csv_get(row, "condition");

	if (strstr(condition, "forbids external"))
		g_string_append(text, "set ExternalTCP no\n");
	g_string_append_printf(text, "%s%sstate %s\ntimer %u\n+10s expire\n", ways[way].gateway,
			       ways[way].steps, ways[way].name, ways[way].timer);
	g_assert_true(g_str_has_prefix(csv_get(row, "action"), "forward"));
	append_event(text, event, flags_of(event, ack), true);
	g_string_append_printf(text, "state %s\n", name_of(csv_get(row, "next_state")));
	append_timer(text, csv_get(row, "timer"), ways[way].timer);
}

static void append_timeout(GString *text, const struct csv *row, unsigned way)
{
	const char *action = csv_get(row, "action");

	g_string_append_printf(text, "%s%s+%us expire\nsessions tcp 1\n+3s expire\n",
			       ways[way].gateway, ways[way].steps, ways[way].timer - 1);
	if (strstr(action, "probe")) {
		g_string_append(text, OUT6("A seq 0 ack 0 win 0 len 0"));
		g_string_append_printf(text, "state %s\n", name_of(csv_get(row, "next_state")));
		return;
	}
	g_assert_nonnull(strstr(action, "delete STE"));
	g_assert_cmpstr(csv_get(row, "next_state"), ==, "CLOSED");
	g_string_append_printf(text, "sessions tcp 0\nbindings tcp %d\n",
			       ways[way].gateway[0] ? 1 : 0);
}

/* V4_INIT with the SYN in the store, not in the session table. */
static void append_stored(GString *text, const struct csv *row)
{
	const char *event = csv_get(row, "event");
	const char *action = csv_get(row, "action");

	g_string_append(text, IN4("S") "end SYN_STORED\nstored 1\n");
	if (strcmp(event, "TIMEOUT") == 0) {
		g_string_append(text, "+5s expire\nstored 1\n+2s expire\n"
				      "out v4 192.0.2.254 > 198.51.100.7 icmp 3/3 about "
				      "v4 198.51.100.7 > 203.0.113.1 tcp 80 > 4000 S\nstored 0\n");
		return;
	}
	g_assert_nonnull(strstr(action, "drop silently"));
	append_event(text, event, flags_of(event, false), false);
	g_string_append(text, "end SYN_WAITS\nstored 1\n");
}

/* No session: what matters is in the words of the condition. */
static void append_closed(GString *text, const struct csv *row, bool ack)
{
	static const struct {
		const char *condition;
		const char *gateway;
		const char *outcome; /* NULL: forwarded */
		unsigned sessions;
	} conditions[] = {
		{"no BIB or STE can be created", "static tcp [2001:db8::9]:1 203.0.113.1:4000\n",
		 "POOL4_EXHAUSTED", 0},
		{"denied by policy", "deny 198.51.100.0/24\n", "DESTINATION_DENIED", 0},
		{"policy drops externally", "set ExternalTCP no\n", "EXTERNAL_TCP_FORBIDDEN", 0},
		{"no session (T t) with address Y", STATIC ADF, "SYN_STORED or FILTERED_TCP", 0},
		{"some session (T t) with address Y", STATIC ADF, NULL, 2},
		{"not in TCP BIB and policy permits", "", "SYN_STORED", 0},
		{"(T t) not in TCP BIB", "", "BIB4_NOT_FOUND_TCP", 0},
		{"endpoint-independent", STATIC, NULL, 1},
		{"absent and resources", "", NULL, 1},
		{"(X'x) absent", "", "BIB6_NOT_FOUND", 0},
		{"present and policy permits", STATIC, NULL, 0},
		{"filter permits", STATIC, NULL, 0},
		{"(X'x) present", STATIC, NULL, 1},
	};
	const char *condition = csv_get(row, "condition");
	const char *event = csv_get(row, "event");
	const char *action = csv_get(row, "action");
	unsigned i = 0;

	while (i < G_N_ELEMENTS(conditions) && !strstr(condition, conditions[i].condition))
		i++;
	if (i == G_N_ELEMENTS(conditions))
		g_error("tcp_states.csv:%u: condition \"%s\"", csv_line(row), condition);
	const char *outcome = conditions[i].outcome;
	if (outcome && strstr(outcome, " or "))
		outcome = strstr(event, "SYN") ? "SYN_STORED" : "FILTERED_TCP";

	g_assert_cmpint(!outcome, ==,
			strstr(action, "forward") && !strstr(action, "do not forward"));
	g_assert_cmpint(outcome && strcmp(outcome, "SYN_STORED") == 0, ==,
			!!strstr(action, "store packet"));
	g_string_append(text, conditions[i].gateway);
	if (conditions[i].sessions == 2)
		g_string_append(text,
				"in v6 2001:db8::1 > 2001:db8:64::198.51.100.7 tcp 5000 > 81 S\n"
				"out v4 203.0.113.1 > 198.51.100.7 tcp 4000 > 81 S\n");
	append_event(text, event, flags_of(event, ack), !outcome);
	if (strstr(action, "ICMPv6 1/3"))
		g_string_append(text, "out v6 2001:db8:ffff::1 > 2001:db8::1 icmp 1/3\n");
	if (strstr(action, "ICMPv6 1/1"))
		g_string_append(text, "out v6 2001:db8:ffff::1 > 2001:db8::1 icmp 1/1\n");
	if (outcome)
		g_string_append_printf(text, "end %s\n", outcome);
	g_string_append_printf(text, "sessions tcp %u\n", conditions[i].sessions);
	if (conditions[i].sessions == 1) {
		g_string_append_printf(text, "state %s\n", name_of(csv_get(row, "next_state")));
		append_timer(text, csv_get(row, "timer"), 0);
	}
}

static char *scenario_of(const struct csv *row, bool ack)
{
	const char *state = csv_get(row, "state");
	const char *event = csv_get(row, "event");
	GString *text = g_string_new(GATEWAY);
	unsigned way = 0;

	if (strcmp(state, "CLOSED") == 0) {
		append_closed(text, row, ack);
	} else if (strstr(csv_get(row, "condition"), "is stored")) {
		append_stored(text, row);
	} else {
		while (way < G_N_ELEMENTS(ways) && strcmp(ways[way].state, state) != 0)
			way++;
		g_assert_cmpuint(way, <, G_N_ELEMENTS(ways));
		if (strcmp(event, "TIMEOUT") == 0)
			append_timeout(text, row, way);
		else
			append_transition(text, row, way, ack);
	}
	return g_string_free(text, FALSE);
}

static void play(gconstpointer text)
{
	scenario_play_text("row", text);
}

/* A SYN counts with or without ACK, unless the condition says which. */
static void add_row(const struct csv *row)
{
	const char *condition = csv_get(row, "condition");
	bool is_syn = strstr(csv_get(row, "event"), "_SYN");
	bool without = !strstr(condition, "SYN with ACK");
	bool with = is_syn && !strstr(condition, "SYN without ACK");

	for (int ack = 0; ack < 2; ack++) {
		if (ack ? !with : !without)
			continue;
		g_autofree char *name = g_strdup_printf("/tcp_states/line%u/%s/%s%s", csv_line(row),
							csv_get(row, "state"),
							csv_get(row, "event"), ack ? "+ACK" : "");
		g_test_add_data_func_full(name, scenario_of(row, ack), play, g_free);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	struct csv *rows = csv_open("tcp_states.csv");
	while (csv_next(rows))
		add_row(rows);
	csv_close(rows);
	return g_test_run();
}
