/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of gateway_errors.csv, through the whole core: for each condition there are packets
 * that meet it, and the row says what the gateway sends about them, or that it sends nothing (I-29,
 * I-30, X-16). A row without a case fails, and so does a case without a row.
 */
#include <glib.h>
#include <string.h>

#include "tests/csv.h"
#include "tests/scenario.h"

#define POOL6   "pool6 2001:db8:64::/96\n"
#define GATEWAY POOL6 "pool4 203.0.113.1 1024-65535\n"
#define BOUND                                                      \
	GATEWAY "static udp [2001:db8::1]:5000 203.0.113.1:5000\n" \
		"static tcp [2001:db8::1]:5000 203.0.113.1:5000\n"
#define BOUND_ELSEWHERE GATEWAY "static udp [2001:db8::9]:1 203.0.113.1:2000\n"
#define SESSION_ELSEWHERE                                              \
	"in v6 2001:db8::9 > 2001:db8:64::198.51.100.7 udp 5000 > 9\n" \
	"out v4 203.0.113.1 > 198.51.100.7 udp $other > 9\n"
#define WELL_KNOWN "pool4 203.0.113.1 1024-65535\n"

#define IN6  "in v6 2001:db8::1 > 2001:db8:64::198.51.100.7 "
#define IN4  "in v4 198.51.100.7 > 203.0.113.1 "
#define OUT6 "out v6 2001:db8:ffff::1 > 2001:db8::1 icmp "
#define OUT4 "out v4 192.0.2.254 > 198.51.100.7 icmp "

/* What each error is about, as the scenario has it on the IPv6 and the IPv4 side. */
#define ABOUT6 "about v6 2001:db8:64::198.51.100.7 > 2001:db8::1 udp 9 > 5000"
#define ABOUT4 "about v4 203.0.113.1 > 198.51.100.7 udp 5000 > 9"

/* One packet that meets the condition of a row. */
struct example {
	const char *condition; /* how the row's text begins */
	const char *direction;
	const char *gateway;
	const char *packet;
	const char *outcome;
	const char *field; /* MTU or pointer of the error that is expected */
};

static const struct example examples[] = {
	{"TTL <= 1", "4to6", BOUND, IN4 "udp 9 > 5000 ttl 1", "HOP_LIMIT", ""},
	{"TTL <= 1", "4to6", BOUND, IN4 "udp 9 > 5000 ttl 0", "HOP_LIMIT", ""},
	{"TTL <= 1", "4to6", BOUND, IN4 "tcp 9 > 5000 S ttl 1", "HOP_LIMIT", ""},
	{"Hop Limit <= 1", "6to4", GATEWAY, IN6 "udp 5000 > 9 ttl 1", "HOP_LIMIT", ""},
	{"Hop Limit <= 1", "6to4", GATEWAY, IN6 "tcp 5000 > 9 S ttl 0", "HOP_LIMIT", ""},
	{"Hop Limit <= 1", "6to4", GATEWAY, IN6 "echo 5 ttl 1", "HOP_LIMIT", ""},
	{"DF=1 and resulting", "4to6", BOUND "mtu6 1400\n", IN4 "udp 9 > 5000 len 1353 df 1",
	 "TOO_BIG", "mtu 1380"},
	{"no Fragment header", "6to4", GATEWAY "mtu4 1400\n", IN6 "udp 5000 > 9 len 1373",
	 "TOO_BIG", "mtu 1420"},
	{"no Fragment header", "6to4", GATEWAY "mtu4 576\n", IN6 "udp 5000 > 9 len 1233", "TOO_BIG",
	 "mtu 1280"},
	{"no Fragment header", "6to4", GATEWAY "mtu4 1400\n", IN6 "echo 5 len 1373", "TOO_BIG",
	 "mtu 1420"},
	{"unexpired source route", "4to6", BOUND, IN4 "udp 9 > 5000 opt 83070401020304",
	 "SOURCE_ROUTE", ""},
	{"unexpired source route", "4to6", BOUND, IN4 "udp 9 > 5000 opt 89070701020304",
	 "SOURCE_ROUTE", ""},
	{"Routing header", "6to4", GATEWAY, IN6 "udp 5000 > 9 ext hbh,rt1", "ROUTING_HEADER",
	 "ptr 51"},
	{"last next header", "6to4", GATEWAY, IN6 "proto 132 len 12", "UNKNOWN_PROTOCOL", ""},
	{"last next header", "6to4", GATEWAY, IN6 "proto 59 len 12", "UNKNOWN_PROTOCOL", ""},
	{"last next header", "6to4", GATEWAY, IN6 "proto 59 len 0", "UNKNOWN_PROTOCOL", ""},
	{"protocol is not", "4to6", GATEWAY, IN4 "proto 132 len 12", "UNKNOWN_PROTOCOL", ""},
	{"UDP/TCP BIB or session", "6to4",
	 POOL6 "pool4 203.0.113.1 2000\nstatic udp [2001:db8::9]:1 203.0.113.1:2000\n",
	 IN6 "udp 5000 > 9", "POOL4_EXHAUSTED", ""},
	{"UDP/TCP BIB or session", "6to4", BOUND_ELSEWHERE "limit bindings 1\n",
	 IN6 "tcp 5000 > 9 S", "BIB_FULL", ""},
	{"UDP/TCP BIB or session", "6to4", GATEWAY "limit sessions 1\n" SESSION_ELSEWHERE,
	 IN6 "tcp 5000 > 9 S", "SESSION_FULL", ""},
	{"UDP/TCP BIB or session", "6to4", POOL6 "pool4 203.0.113.1 2000 tcp\n", IN6 "udp 5000 > 9",
	 "POOL4_NO_ENTRY", ""},
	{"packet dropped by administrative policy", "6to4", GATEWAY "deny 198.51.100.0/24\n",
	 IN6 "udp 5000 > 9", "DESTINATION_DENIED", ""},
	{"packet dropped by administrative policy", "6to4", GATEWAY "clients 2001:db8:1::/48\n",
	 IN6 "udp 5000 > 9", "CLIENT_NOT_ALLOWED", ""},
	{"packet dropped by administrative policy", "4to6", BOUND "deny_source 198.51.100.0/24\n",
	 IN4 "udp 9 > 5000", "SOURCE_DENIED", ""},
	{"packet dropped by administrative policy", "4to6",
	 GATEWAY "deny_source 198.51.100.0/24\n"
		 "static icmp [2001:db8::1]:5 203.0.113.1:5000\n",
	 IN4 "echo 5000", "SOURCE_DENIED", ""},
	{"Well-Known Prefix", "6to4", WELL_KNOWN,
	 "in v6 2001:db8::1 > 64:ff9b::10.0.0.1 udp 5000 > 9", "NONGLOBAL_DESTINATION", ""},
	{"UDP to pool4 without", "4to6", GATEWAY, IN4 "udp 9 > 5000", "BIB4_NOT_FOUND", ""},
	{"ICMP query to pool4", "4to6", GATEWAY, IN4 "echo 5000", "BIB4_NOT_FOUND_ICMP", ""},
	{"UDP or ICMP query refused", "4to6", BOUND "set FilteringUDP address-dependent\n",
	 IN4 "udp 9 > 5000", "FILTERED", ""},
	{"IPv6 source inside Pref64", "6to4", GATEWAY,
	 "in v6 2001:db8:64::9 > 2001:db8:64::198.51.100.7 udp 5000 > 9", "SOURCE_IN_POOL6", ""},
	{"illegal IPv6 source", "6to4", GATEWAY,
	 "in v6 fe80::9 > 2001:db8:64::198.51.100.7 udp 5000 > 9", "ILLEGAL_SOURCE", ""},
	{"illegal IPv6 source", "6to4", GATEWAY,
	 "in v6 ff02::9 > 2001:db8:64::198.51.100.7 udp 5000 > 9 ttl 1", "ILLEGAL_SOURCE", ""},
	{"illegal IPv4 source", "4to6", BOUND, "in v4 240.0.0.1 > 203.0.113.1 udp 9 > 5000 ttl 1",
	 "ILLEGAL_SOURCE", ""},
	{"illegal IPv4 source", "4to6", BOUND, "in v4 224.0.0.1 > 203.0.113.1 proto 132 len 8",
	 "ILLEGAL_SOURCE", ""},
	{"the offending packet is an ICMP error", "both", BOUND, IN6 "icmp 1/4 ttl 1 " ABOUT6,
	 "HOP_LIMIT", ""},
	{"the offending packet is an ICMP error", "both", BOUND, IN4 "icmp 3/3 ttl 1 " ABOUT4,
	 "HOP_LIMIT", ""},
	{"the offending packet is an ICMP error", "both", BOUND, IN6 "icmp 1/4 ext rt1 " ABOUT6,
	 "ROUTING_HEADER", ""},
	{"the offending packet is an ICMP error", "both", BOUND,
	 IN4 "icmp 3/3 opt 83070401020304 " ABOUT4, "SOURCE_ROUTE", ""},
	{"the offending packet is an ICMP error", "both", BOUND "deny 198.51.100.0/24\n",
	 IN6 "icmp 1/4 " ABOUT6, "DESTINATION_DENIED", ""},
	{"ICMP error whose tuple", "both", GATEWAY, IN6 "icmp 1/4 " ABOUT6, "ICMP_NO_BINDING", ""},
	{"ICMP error whose tuple", "both", GATEWAY, IN4 "icmp 3/3 " ABOUT4, "ICMP_NO_BINDING", ""},
	{"ICMP error whose tuple", "both", BOUND, IN4 "icmp 3/3 " ABOUT4 " cut 23",
	 "ICMP_INNER_UNUSABLE", ""},
	{"non-first fragment", "both", BOUND, IN4 "udp 9 > 5000 len 16 frag 8/0 ttl 1",
	 "FRAGMENT_STORED", ""},
	{"non-first fragment", "both", BOUND, IN6 "udp 5000 > 9 len 16 frag 8/0 ttl 1",
	 "FRAGMENT_STORED", ""},
	{"non-first fragment", "both", BOUND, IN6 "udp 5000 > 9 len 1 frag 8/1", "FRAGMENT_BAD",
	 ""},
	{"non-first fragment", "both", BOUND, IN6 "tcp 5000 > 9 A len 4 frag 8/1", "FRAGMENT_TINY",
	 ""},
	{"non-first fragment", "both", BOUND, IN6 "proto 132 len 16 frag 8/0", "UNKNOWN_PROTOCOL",
	 ""},
	{"non-first fragment", "both", BOUND, IN4 "proto 132 len 16 frag 8/0", "UNKNOWN_PROTOCOL",
	 ""},
	{"non-first fragment", "both", BOUND, IN6 "udp 5000 > 9 len 16 ext rt1 frag 8/0",
	 "ROUTING_HEADER", ""},
	{"TCP segment in CLOSED", "both", GATEWAY, IN6 "tcp 5000 > 80 A", "BIB6_NOT_FOUND", ""},
	{"TCP segment in CLOSED", "both", GATEWAY "route4 0.0.0.0/0 none\n", IN6 "tcp 5000 > 80 R",
	 "BIB6_NOT_FOUND", ""},
	{"TCP segment in CLOSED", "both", GATEWAY, IN4 "tcp 80 > 5000 A ttl 1",
	 "BIB4_NOT_FOUND_TCP", ""},
	{"TCP segment in CLOSED", "both", GATEWAY "set AnswerUnbound yes\n", IN4 "tcp 80 > 5000 FA",
	 "BIB4_NOT_FOUND_TCP", ""},
	{"first fragment without", "6to4", GATEWAY, IN6 "tcp 5000 > 9 S frag 0/1 cut 64 poke 5=18",
	 "FRAGMENT_TINY", "ptr 0"},
	{"first fragment without", "6to4", GATEWAY, IN6 "tcp 5000 > 9 S frag 0/1 poke 60=f0",
	 "FRAGMENT_TINY", "ptr 0"},
	{"first fragment without", "6to4", GATEWAY, IN6 "udp 5000 > 9 frag 0/1 cut 54 poke 5=e",
	 "FRAGMENT_TINY", "ptr 0"},
	{"fragment with M=1", "6to4", GATEWAY, IN6 "udp 5000 > 9 len 9 frag 0/1", "FRAGMENT_BAD",
	 "ptr 4"},
	{"fragment that would make", "6to4", GATEWAY, IN6 "udp 5000 > 9 len 1000 frag 64800/0",
	 "FRAGMENT_TOO_BIG", ""},
	{"fragment that would make", "6to4", GATEWAY, IN6 "udp 5000 > 9 len 1000 frag 65528/1",
	 "FRAGMENT_TOO_BIG", ""},
	{"overlapping fragments", "6to4", GATEWAY,
	 IN6 "udp 5000 > 9 len 16 frag 0/1\nend FRAGMENT_STORED\n" IN6
	     "udp 5000 > 9 len 16 frag 16/0",
	 "FRAGMENT_OVERLAP", ""},
	{"untranslatable ICMP", "both", BOUND, IN4 "icmp 13/0 len 12", "ICMP_UNTRANSLATABLE", ""},
	{"untranslatable ICMP", "both", BOUND, IN6 "icmp 135/0 len 16 ttl 1", "ICMP_UNTRANSLATABLE",
	 ""},
	{"untranslatable ICMP", "both", BOUND, IN6 "icmp 1/5 " ABOUT6, "ICMP_UNTRANSLATABLE", ""},
};

/* An error that may be sent, about what is always a later fragment, which another row forbids. */
static const char *const always_later = "fragment that would make";

static bool used[G_N_ELEMENTS(examples)];

static void play(gconstpointer text)
{
	scenario_play_text("row", text);
}

/* The error of the row, if it is to be sent. */
static void append_error(GString *text, const struct csv *row, const char *field)
{
	const char *family = csv_get(row, "family");

	if (strcmp(family, "none") == 0)
		return;
	g_string_append_printf(text, "%s%s/%s %s\n", strcmp(family, "ICMPv6") == 0 ? OUT6 : OUT4,
			       csv_get(row, "type"), csv_get(row, "code"), field);
}

static void add(const struct csv *row, unsigned example, const char *variant, char *text)
{
	g_autofree char *name =
		g_strdup_printf("/gateway_errors/line%u/%u%s", csv_line(row), example, variant);

	g_test_add_data_func_full(name, text, play, g_free);
}

/* I-31: each is configurable off, and an error that is off by default is configurable on. */
static void add_chosen(const struct csv *row, unsigned i, const char *choice)
{
	const struct example *example = &examples[i];
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "answer %s %s\n%s%s\n", example->outcome, choice,
			       example->gateway, example->packet);
	if (strcmp(choice, "no") != 0 && strcmp(example->condition, always_later) != 0)
		append_error(text, row, example->field);
	g_string_append_printf(text, "end %s\n", example->outcome);
	g_autofree char *variant = g_strdup_printf("/%s", choice);
	add(row, i, variant, g_string_free(text, FALSE));
}

/* An error that is off by default is played twice. */
static void add_example(const struct csv *row, unsigned i)
{
	const struct example *example = &examples[i];
	bool optional = g_str_has_prefix(csv_get(row, "details"), "default off");
	bool silent = strcmp(example->condition, always_later) == 0;

	for (int enabled = optional ? 0 : 1; enabled < 2; enabled++) {
		GString *text = g_string_new(example->gateway);
		if (optional && enabled)
			g_string_append(text, "set AnswerUnbound yes\n");
		g_string_append_printf(text, "%s\n", example->packet);
		if (enabled && !silent)
			append_error(text, row, example->field);
		g_string_append_printf(text, "end %s\n", example->outcome);
		add(row, i, enabled ? "" : "/off", g_string_free(text, FALSE));
	}
	if (strcmp(csv_get(row, "family"), "none") != 0) {
		add_chosen(row, i, "no");
		add_chosen(row, i, "limited");
		add_chosen(row, i, "unlimited");
	}
	used[i] = true;
}

/* The one row about time. */
static void add_stored_syn(const struct csv *row)
{
	GString *text = g_string_new(GATEWAY IN4 "tcp 9 > 5000 S seq 77\nend SYN_STORED\n"
						 "+5999ms expire\nstored 1\n+2001ms expire\n");

	append_error(text, row, "about v4 198.51.100.7 > 203.0.113.1 tcp 9 > 5000 S seq 77 ttl 64");
	g_string_append(text, "stored 0\n");
	add(row, 0, "", g_string_free(text, FALSE));
	add(row, 0, "/no",
	    g_strdup(GATEWAY "answer SYN_STORED no\n" IN4
			     "tcp 9 > 5000 S\nend SYN_STORED\n+8s expire\nstored 0\n"));
}

/* And those about fragments that are not followed by the others. */
static void add_incomplete(const struct csv *row)
{
	const bool is6 = strcmp(csv_get(row, "direction"), "6to4") == 0;
	const char *packet = is6 ? IN6 "udp 5000 > 9" : IN4 "udp 9 > 5000";
	const char *about = is6 ? "about v6 2001:db8::1 > 2001:db8:64::198.51.100.7 udp 5000 > 9 "
				  "more 1 size 72"
				: "about v4 198.51.100.7 > 203.0.113.1 udp 9 > 5000 more 1 size 44";

	for (int enabled = 0; enabled < 2; enabled++) {
		GString *text = g_string_new(enabled ? GATEWAY "set AnswerUnbound yes\n" : GATEWAY);
		g_string_append_printf(text, "%s len 16 frag 0/1\nend FRAGMENT_STORED\n", packet);
		g_string_append_printf(text, "%s len 16 frag 40/1\nend FRAGMENT_STORED\n", packet);
		g_string_append(text, "+9999ms expire\nincomplete 0\n+1ms expire\n");
		if (enabled)
			append_error(text, row, about);
		g_string_append(text, "incomplete 1\n");
		add(row, 0, enabled ? "" : "/off", g_string_free(text, FALSE));
	}
	/* Only what came first can be quoted. */
	GString *text = g_string_new(GATEWAY "set AnswerUnbound yes\n");
	g_string_append_printf(text, "%s len 16 frag 40/0\nend FRAGMENT_STORED\n+10s expire\n",
			       packet);
	add(row, 0, "/later", g_string_free(text, FALSE));
}

static void add_row(const struct csv *row)
{
	const char *condition = csv_get(row, "condition");
	const char *direction = csv_get(row, "direction");
	unsigned n_examples = 0;

	if (g_str_has_prefix(condition, "V4_INIT timer expired")) {
		add_stored_syn(row);
		return;
	}
	if (g_str_has_prefix(condition, "reassembly timer expired")) {
		add_incomplete(row);
		return;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
		if (!g_str_has_prefix(condition, examples[i].condition) ||
		    strcmp(direction, examples[i].direction) != 0)
			continue;
		add_example(row, i);
		n_examples++;
	}
	if (n_examples == 0)
		g_error("gateway_errors.csv:%u: \"%s\" has no example", csv_line(row), condition);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	struct csv *rows = csv_open("gateway_errors.csv");
	while (csv_next(rows))
		add_row(rows);
	csv_close(rows);
	for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++)
		if (!used[i])
			g_error("no row begins with \"%s\"", examples[i].condition);
	return g_test_run();
}
