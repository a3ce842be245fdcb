/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of lookup.csv, through the whole core: a scenario is made of the row and played. pool4
 * has one port only, so (T,t) is always 203.0.113.1:4000; W is 198.51.100.7, others are .8.
 */
#include <glib.h>
#include <string.h>

#include "tests/csv.h"
#include "tests/scenario.h"

#define GATEWAY "pool6 2001:db8:64::/96\npool4 203.0.113.1 4000\n"
#define CLIENT  "2001:db8::1"
#define SERVER  "2001:db8:64::198.51.100."

/* The same four packets in each protocol; PEER is 7 or 8. */
struct words {
	const char *name;
	const char *table;
	const char *in6;
	const char *out4;
	const char *in4;
	const char *out6;
	const char *bound_static;
	const char *filtering;
	const char *exhausted; /* a static binding that has the only port */
	unsigned lifetime;
};

static const struct words protocols[] = {
	{
		.name = "UDP",
		.table = "udp",
		.in6 = "in v6 " CLIENT " > " SERVER "%s udp 5000 > 5300 len 4\n",
		.out4 = "out v4 203.0.113.1 > 198.51.100.%s udp 4000 > 5300 len 4\n",
		.in4 = "in v4 198.51.100.%s > 203.0.113.1 udp 5300 > 4000 len 4\n",
		.out6 = "out v6 " SERVER "%s > " CLIENT " udp 5300 > 5000 len 4\n",
		.bound_static = "static udp [" CLIENT "]:5000 203.0.113.1:4000\n",
		.filtering = "set FilteringUDP address-dependent\n",
		.exhausted = "static udp [2001:db8::9]:1 203.0.113.1:4000\n",
		.lifetime = 300,
	},
	{
		.name = "ICMP",
		.table = "icmp",
		.in6 = "in v6 " CLIENT " > " SERVER "%s echo 5000 len 4\n",
		.out4 = "out v4 203.0.113.1 > 198.51.100.%s echo 4000 len 4\n",
		.in4 = "in v4 198.51.100.%s > 203.0.113.1 reply 4000 len 4\n",
		.out6 = "out v6 " SERVER "%s > " CLIENT " reply 5000 len 4\n",
		.bound_static = "static icmp [" CLIENT "]:5000 203.0.113.1:4000\n",
		.filtering = "set FilteringICMP address-dependent\n",
		.exhausted = "static icmp [2001:db8::9]:1 203.0.113.1:4000\n",
		.lifetime = 60,
	},
};

static void append(GString *text, const char *template, const char *peer)
{
	g_auto(GStrv) parts = g_strsplit(template, "%s", -1);
	g_autofree char *line = g_strjoinv(peer, parts);

	g_string_append(text, line);
}

/* The inside sends to a peer before the event: binding and session are there. */
static void append_sent(GString *text, const struct words *w, const char *peer)
{
	append(text, w->in6, peer);
	append(text, w->out4, peer);
}

/* What lies under the row: configuration first, then the packets before the event. */
static void append_before(GString *text, const struct csv *row, const struct words *w)
{
	const char *bib = csv_get(row, "bib");
	const char *filter = csv_get(row, "filter");
	const char *session = csv_get(row, "session");

	if (g_str_has_prefix(filter, "ADF"))
		g_string_append(text, w->filtering);
	if (strstr(filter, "policy denies"))
		g_string_append(text, "deny 198.51.100.0/24\n");
	if (strstr(session, "limit reached"))
		g_string_append(text, "limit sessions 1\n");
	if (strstr(bib, "allocation fails"))
		g_string_append(text, w->exhausted);
	if (g_str_has_prefix(bib, "static"))
		g_string_append(text, w->bound_static);
	if (!g_str_has_prefix(bib, "present"))
		return;

	bool knows_peer = g_str_has_prefix(session, "present") || strstr(filter, "ADF, a session");
	append_sent(text, w, knows_peer && !strstr(session, "(W w)") ? "7" : "8");
	if (strstr(session, "(W w)")) {
		/* Another port of W. */
		g_string_append(text, "in v6 " CLIENT " > " SERVER "7 udp 5000 > 5301\n"
				      "out v4 203.0.113.1 > 198.51.100.7 udp 4000 > 5301\n");
	}
}

static void append_icmp_error(GString *text, const char *answer, bool from6, const char *peer)
{
	if (strstr(answer, "MAY") || !*answer || g_str_has_prefix(answer, "none"))
		return; /* optional ones are off by default: tests/packets/s14_unbound_answered.pkt
			 */

	g_auto(GStrv) words = g_strsplit(answer, " ", 3); /* ICMPv6 1/3 ... */
	g_assert_cmpstr(words[0], ==, from6 ? "ICMPv6" : "ICMPv4");
	if (from6)
		g_string_append_printf(text, "out v6 2001:db8:ffff::1 > " CLIENT " icmp %s\n",
				       words[1]);
	else
		g_string_append_printf(text, "out v4 192.0.2.254 > 198.51.100.%s icmp %s\n", peer,
				       words[1]);
}

/* Why the packet of this row is dropped. */
static const char *drop_of(const struct csv *row, const struct words *w)
{
	const char *bib = csv_get(row, "bib");
	const char *filter = csv_get(row, "filter");

	if (strstr(filter, "policy denies"))
		return "DESTINATION_DENIED";
	if (strstr(bib, "allocation fails"))
		return "POOL4_EXHAUSTED";
	if (strstr(csv_get(row, "session"), "limit reached"))
		return "SESSION_FULL";
	if (g_str_has_prefix(bib, "absent"))
		return strcmp(w->table, "udp") == 0 ? "BIB4_NOT_FOUND" : "BIB4_NOT_FOUND_ICMP";
	return "FILTERED";
}

static char *query_scenario(const struct csv *row, const struct words *w)
{
	GString *text = g_string_new(GATEWAY);
	bool from6 = strcmp(csv_get(row, "direction"), "6to4") == 0;
	const char *action = csv_get(row, "action");
	unsigned later = w->lifetime - 10;

	append_before(text, row, w);
	g_string_append_printf(text, "+%us ", later);
	append(text, from6 ? w->in6 : w->in4, "7");

	if (g_str_has_prefix(action, "drop")) {
		append_icmp_error(text, csv_get(row, "icmp_error"), from6, "7");
		g_string_append_printf(text, "end %s\n", drop_of(row, w));
		/* No timer touched: whatever session there was ends at its old time. */
		g_string_append_printf(text, "+12s expire\nsessions %s 0\n", w->table);
		return g_string_free(text, FALSE);
	}
	g_assert_nonnull(strstr(action, "forward"));
	append(text, from6 ? w->out4 : w->out6, "7");
	if (strstr(action, "create BIB"))
		g_string_append_printf(text, "bindings %s 1\n", w->table);
	/* The timer was set: the session of this packet lives on, and only it. */
	g_string_append_printf(text, "+%us expire\nsessions %s 1\n+12s expire\nsessions %s 0\n",
			       later, w->table, w->table);
	return g_string_free(text, FALSE);
}

/* ICMP errors about UDP packets between the client and W. */
static char *error_scenario(const struct csv *row)
{
	static const char error6[] = "in v6 " CLIENT " > " SERVER "7 icmp 1/4 about v6 " SERVER
				     "7 > " CLIENT " udp 5300 > 5000 len 4\n";
	static const char error6_out[] = "out v4 203.0.113.1 > 198.51.100.7 icmp 3/3 about "
					 "v4 198.51.100.7 > 203.0.113.1 udp 5300 > 4000 len 4\n";
	static const char error4[] = "in v4 198.51.100.7 > 203.0.113.1 icmp 3/3 about "
				     "v4 203.0.113.1 > 198.51.100.7 udp 4000 > 5300 len 4\n";
	static const char error4_out[] = "out v6 " SERVER "7 > " CLIENT " icmp 1/4 about v6 " CLIENT
					 " > " SERVER "7 udp 5000 > 5300 len 4\n";
	const struct words *udp = &protocols[0];
	GString *text = g_string_new(GATEWAY);
	bool from6 = strcmp(csv_get(row, "direction"), "6to4") == 0;
	bool present = g_str_has_prefix(csv_get(row, "bib"), "present");
	bool filtered = strcmp(csv_get(row, "filter"), "ADF") == 0;

	if (filtered)
		g_string_append(text, udp->filtering);
	if (present)
		append_sent(text, udp, "8");
	g_string_append_printf(text, "+290s %s", from6 ? error6 : error4);
	if (strstr(csv_get(row, "action"), "translate"))
		g_string_append(text, from6 ? error6_out : error4_out);
	else
		g_string_append(text, "end ICMP_NO_BINDING\n");
	/* I-16: nothing made, nothing refreshed, nothing deleted. */
	g_string_append_printf(text, "sessions udp %d\n+12s expire\nsessions udp 0\n", present);
	return g_string_free(text, FALSE);
}

static void play(gconstpointer text)
{
	scenario_play_text("row", text);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	struct csv *rows = csv_open("lookup.csv");
	while (csv_next(rows)) {
		const char *protocol = csv_get(rows, "protocol");
		const struct words *w = NULL;
		for (unsigned i = 0; i < G_N_ELEMENTS(protocols); i++)
			if (strcmp(protocol, protocols[i].name) == 0)
				w = &protocols[i];
		g_assert_true(w || strcmp(protocol, "ICMP error") == 0);

		g_autofree char *name = g_strdup_printf("/lookup/line%u/%s/%s", csv_line(rows),
							protocol, csv_get(rows, "direction"));
		g_test_add_data_func_full(name, w ? query_scenario(rows, w) : error_scenario(rows),
					  play, g_free);
	}
	csv_close(rows);
	return g_test_run();
}
