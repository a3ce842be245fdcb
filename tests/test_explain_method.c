/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explain over the bus and the control socket: its sentences, what it refuses, who may ask. That
 * what it says comes true: property/test_explain.c.
 */
#include <string.h>

#include "dbus/explain.h"
#include "dbus/names.h"
#include "tests/bus_clients.h"
#include "tests/csv.h"

/* Outcome and steps as "outcome\nname: text\n..."; a NULL name of an option: none. */
struct asked {
	const char *protocol, *source, *destination;
	const char *option, *type, *value;
};

static sd_bus_message *call_new(sd_bus *bus, const struct asked *asked)
{
	sd_bus_message *call = NULL;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, "Explain"),
			>=, 0);
	g_assert_cmpint(sd_bus_message_append(call, "sss", asked->protocol, asked->source,
					      asked->destination),
			>=, 0);
	g_assert_cmpint(sd_bus_message_open_container(call, 'a', "{sv}"), >=, 0);
	if (asked->option != NULL && *asked->type == 's')
		sd_bus_message_append(call, "{sv}", asked->option, "s", asked->value);
	if (asked->option != NULL && *asked->type == 'u')
		sd_bus_message_append(call, "{sv}", asked->option, "u",
				      (uint32_t)g_ascii_strtoull(asked->value, NULL, 10));
	g_assert_cmpint(sd_bus_message_close_container(call), >=, 0);
	return call;
}

static char *explain(sd_bus *bus, const struct asked *asked)
{
	_cleanup_message_ sd_bus_message *call = call_new(bus, asked), *reply = NULL;
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *outcome, *name, *text;
	GString *said = g_string_new(NULL);

	if (sd_bus_call(bus, call, 0, &error, &reply) < 0)
		g_error("%s: %s", error.name, error.message);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &outcome), >=, 0);
	g_string_append_printf(said, "%s\n", outcome);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ss)"), >=, 0);
	while (sd_bus_message_read(reply, "(ss)", &name, &text) > 0)
		g_string_append_printf(said, "%s: %s\n", name, text);
	return g_string_free(said, FALSE);
}

/* clang-format off */
static const struct {
	struct asked asked;
	const char *said; /* what is drawn is MAPPED */
} explanations[] = {
	{{"udp", "[2001:db8:1::9]:5000", "[2001:db8:64::c633:6401]:53"},
	 "translated\n"
	 "prefix: 2001:db8:64::/96 embeds 198.51.100.1\n"
	 "client: udp bindings of 2001:db8:1::9: 0 of 2048; of client 2001:db8:1::/64: 0, and sessions: 0\n"
	 "route: to 198.51.100.1: MTU 1500\n"
	 "binding: [2001:db8:1::9]:5000 has none yet\n"
	 "pool4: entry wan gives MAPPED\n"
	 "session: with 198.51.100.1:53, new, for 15 s\n"
	 "sent: from MAPPED to 198.51.100.1:53, 1500 bytes at most in one piece\n"
	 "outcome: translated and sent\n"},
	{{"tcp", "2001:db8:1::1#2000", "198.51.100.1:80", "flags", "s", "fin,ack"},
	 "translated\n"
	 "prefix: 2001:db8:64::/96 embeds 198.51.100.1\n"
	 "client: tcp bindings of 2001:db8:1::1: 1 of 2048; of client 2001:db8:1::/64: 1, and sessions: 1\n"
	 "route: to 198.51.100.1: MTU 1500\n"
	 "binding: [2001:db8:1::1]:2000 is MAPPED, dynamic, with 1 session\n"
	 "session: with 198.51.100.1:80 (v6_init), goes on for 239 s\n"
	 "sent: from MAPPED to 198.51.100.1:80, 1500 bytes at most in one piece\n"
	 "outcome: translated and sent\n"},
	{{"udp", "198.51.100.1:53", "192.0.2.1:2000"},
	 "bib4_not_found\n"
	 "binding: 192.0.2.1:2000 has none\n"
	 "outcome: no binding for this pool4 address and UDP port\n"
	 "remedy: 'nat64ctl publish PORT/udp ADDRESS6 --on ADDRESS4' leads it to a client\n"},
	{{"icmp", "[2001:db8:1::9]:7", "10.0.0.1", "ttl", "u", "1"},
	 "hop_limit\n"
	 "prefix: 2001:db8:64::/96 embeds 10.0.0.1\n"
	 "route: to 10.0.0.1: MTU 1500\n"
	 "outcome: hop limit or TTL used up\n"
	 "answer: ICMPv6 error 3/0 to its sender, as far as Limits.ICMPErrorRate permits\n"
	 "remedy: a higher hop limit or TTL; if it was high, packets go round in a loop\n"},
	{{"icmp", "2001:db8:1::9", "[2001:db8:64::a00:1]:7", "icmp", "s", "133/0"},
	 "icmp_untranslatable\n"
	 "prefix: 2001:db8:64::/96 embeds 10.0.0.1\n"
	 "outcome: ICMP type, code or pointer that has no counterpart\n"
	 "remedy: only echo requests and replies, and errors, have a counterpart\n"},
	{{"tcp", "[2001:db8:1::9]:5000", "[2001:db8:65::1]:80"},
	 "not_ours\n"
	 "outcome: not for a Pool6 prefix or a pool4 address: left to the kernel\n"
	 "remedy: is it the right prefix or address? 'nat64ctl status' shows Pool6 and pool4\n"},
};

/* What is drawn, and seconds that pass. */
static char *normalise(const char *said)
{
	g_autoptr(GRegex) drawn = g_regex_new("192\\.0\\.2\\.\\d:(?!2000)\\d+", 0, 0, NULL);
	g_autoptr(GRegex) second = g_regex_new("goes on for \\d+ s", 0, 0, NULL);
	g_autofree char *without = g_regex_replace(drawn, said, -1, 0, "MAPPED", 0, NULL);

	return g_regex_replace(second, without, -1, 0, "goes on for 239 s", 0, NULL);
}
/* clang-format on */

static struct addr6 clients_address(uint8_t number)
{
	struct addr6 addr;

	g_assert_true(addr6_parse("2001:db8:1::", &addr));
	addr.byte[15] = number;
	return addr;
}

static void test_sentences(void)
{
	test_service_add_session(&service, PROTOCOL_TCP, 1, 2000, 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(explanations); i++) {
		for (unsigned c = 0; c < 2; c++) {
			g_autofree char *said = explain(clients[c], &explanations[i].asked);
			g_autofree char *again = explain(clients[c], &explanations[i].asked);
			g_autofree char *plain = normalise(said);

			g_assert_cmpstr(plain, ==, explanations[i].said);
			/* Whatever is drawn is drawn again. */
			if (strstr(said, "goes on") == NULL)
				g_assert_cmpstr(said, ==, again);
		}
	}
}

/* From the IPv4 side: the binding is found, and the packet does not fit. */
static void test_too_big(void)
{
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_TCP];
	const struct taddr6 client = {clients_address(1), 2000};
	struct asked asked = {"tcp", "198.51.100.1:80", NULL, "length", "u", "1500"};
	g_autofree char *said = NULL, *plain = NULL;
	char mapped[ADDR_TEXT_SIZE];

	const struct taddr4 taddr = bib_entry_taddr4(bib_at(bib, bib_find6(bib, &client)));
	asked.destination = taddr4_print(&taddr, mapped);
	said = explain(clients[0], &asked);
	plain = normalise(said);
	g_assert_cmpstr(plain, ==,
			"too_big\n"
			"client: tcp bindings of 2001:db8:1::1: 1 of 2048; of client "
			"2001:db8:1::/64: 1, and sessions: 1\n"
			"route: to 2001:db8:1::1: MTU 1500\n"
			"binding: [2001:db8:1::1]:2000 is MAPPED, dynamic, with 1 session\n"
			"outcome: larger than the next hop's MTU and not to be fragmented\n"
			"answer: ICMPv4 error 3/4 to its sender, as far as Limits.ICMPErrorRate "
			"permits\n"
			"remedy: senders learn the size by the error they get; "
			"Translation.ClampMSS=yes helps TCP if it is lost\n");
}

/* What it has said comes true, and asking has made nothing. */
static void test_comes_true(void)
{
	static const struct asked asked = {"tcp", "[2001:db8:1::7]:4000", "198.51.100.1:80"};
	struct taddr6 client;
	g_autofree char *said = explain(clients[0], &asked), *expected = NULL;
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_TCP];
	char mapped[ADDR_TEXT_SIZE];

	g_assert_true(taddr6_parse(asked.source, &client));
	g_assert_cmpuint(bib_find6(bib, &client), ==, SLAB_NONE);
	test_service_add_session(&service, PROTOCOL_TCP, 7, 4000, 1);
	const struct taddr4 taddr = bib_entry_taddr4(bib_at(bib, bib_find6(bib, &client)));
	expected = g_strdup_printf("\npool4: entry wan gives %s\n", taddr4_print(&taddr, mapped));
	g_assert_nonnull(strstr(said, expected));
}

/* clang-format off */
#define ENDS "[2001:db8::5]:2000", "198.51.100.1:80"
static const struct {
	struct asked asked;
	const char *error, *message;
} bad_calls[] = {
	{{"sctp", ENDS}, DBUS_ERROR_INVALID_PROTOCOL, "'sctp' is none of: tcp, udp, icmp"},
	{{"", ENDS}, DBUS_ERROR_INVALID_PROTOCOL, "'' is none of: tcp, udp, icmp"},
	{{"tcp", "2001:db8::5", "198.51.100.1:80"}, DBUS_ERROR_INVALID_ADDRESS,
	 "'2001:db8::5' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000"},
	{{"tcp", "[2001:db8::5]:70000", "198.51.100.1:80"}, DBUS_ERROR_INVALID_ADDRESS,
	 "'[2001:db8::5]:70000' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000"},
	{{"udp", "[2001:db8::5]:2000", ""}, DBUS_ERROR_INVALID_ADDRESS,
	 "'' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000"},
	{{"udp", "[2001:db8::5]:2000", "server.example:80"}, DBUS_ERROR_INVALID_ADDRESS,
	 "'server.example:80' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000"},
	{{"udp", "192.0.2.1:80", "[2001:db8::5]:2000"}, DBUS_ERROR_INVALID_ADDRESS,
	 "what comes from the IPv4 side is for an IPv4 address"},
	{{"icmp", "2001:db8::5", "198.51.100.1"}, DBUS_ERROR_INVALID_ADDRESS,
	 "an echo has an identifier: write it as the port of its source, or of its destination"},
	{{"icmp", "[2001:db8::5]:1", "198.51.100.1:2"}, DBUS_ERROR_INVALID_ADDRESS,
	 "an echo has one identifier, not both 1 and 2"},
	{{"tcp", ENDS, "flags", "s", "syn,fun"}, DBUS_ERROR_INVALID_VALUE,
	 "flags: 'syn,fun' is no list of: fin, syn, rst, psh, ack, urg"},
	{{"udp", ENDS, "flags", "s", "syn"}, DBUS_ERROR_INVALID_VALUE, "flags are for tcp, not for udp"},
	{{"udp", ENDS, "icmp", "s", "128/0"}, DBUS_ERROR_INVALID_VALUE, "icmp is for icmp, not for udp"},
	{{"icmp", ENDS, "icmp", "s", "128"}, DBUS_ERROR_INVALID_ADDRESS, "an echo has one identifier, not both 2000 and 80"},
	{{"icmp", "[2001:db8::5]:1", "198.51.100.1", "icmp", "s", "128"}, DBUS_ERROR_INVALID_VALUE,
	 "icmp: '128' is not TYPE/CODE, such as 128/0"},
	{{"icmp", "[2001:db8::5]:1", "198.51.100.1", "icmp", "s", "256/0"}, DBUS_ERROR_INVALID_VALUE,
	 "icmp: '256/0' is not TYPE/CODE, such as 128/0"},
	{{"icmp", "[2001:db8::5]:1", "198.51.100.1", "icmp", "s", "128/0/0"}, DBUS_ERROR_INVALID_VALUE,
	 "icmp: '128/0/0' is not TYPE/CODE, such as 128/0"},
	{{"icmp", "[2001:db8::5]:1", "198.51.100.1", "icmp", "s", "1/4"}, DBUS_ERROR_INVALID_VALUE,
	 "icmp: 1/4 is an error about another packet: explain that one"},
	{{"icmp", "198.51.100.1:1", "192.0.2.1", "icmp", "s", "3/4"}, DBUS_ERROR_INVALID_VALUE,
	 "icmp: 3/4 is an error about another packet: explain that one"},
	{{"tcp", ENDS, "length", "u", "59"}, DBUS_ERROR_INVALID_VALUE,
	 "length: 59 is less than the 60 bytes of the headers"},
	{{"udp", "198.51.100.1:1", "192.0.2.1:2", "length", "u", "27"}, DBUS_ERROR_INVALID_VALUE,
	 "length: 27 is less than the 28 bytes of the headers"},
	{{"tcp", ENDS, "length", "u", "4294967295"}, DBUS_ERROR_INVALID_VALUE,
	 "length: 4294967295 is more than 65535"},
	{{"tcp", ENDS, "ttl", "u", "256"}, DBUS_ERROR_INVALID_VALUE, "ttl: 256 is more than 255"},
	{{"tcp", ENDS, "ttl", "s", "64"}, SD_BUS_ERROR_INVALID_ARGS, "option ttl has type 's' instead of 'u'"},
	{{"tcp", ENDS, "flags", "u", "2"}, SD_BUS_ERROR_INVALID_ARGS, "option flags has type 'u' instead of 's'"},
	{{"tcp", ENDS, "dry-run", "u", "1"}, SD_BUS_ERROR_INVALID_ARGS, "there is no option 'dry-run' here"},
};
/* clang-format on */

static void test_bad_arguments(void)
{
	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(bad_calls); i++) {
		_cleanup_message_ sd_bus_message *call =
			call_new(clients[i % 2], &bad_calls[i / 2].asked);
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

		g_assert_cmpint(sd_bus_call(clients[i % 2], call, 0, &error, NULL), <, 0);
		g_assert_cmpstr(error.message, ==, bad_calls[i / 2].message);
		g_assert_cmpstr(error.name, ==, bad_calls[i / 2].error);
	}
}

/* Who talks to whom is not for everybody. */
static void test_access(void)
{
	static const char *const calls[] = {
		"Explain 'sssa{sv}' udp '[2001:db8:1::1]:2000' 198.51.100.1:80 0",
	};

	bus_clients_check_access(calls, G_N_ELEMENTS(calls), false);
}

/* Whatever a packet that was asked about is refused for can be mended. */
static void test_remedies(void)
{
	static const enum outcome not_asked[] = {OUTCOME_TRUNCATED,
						 OUTCOME_MALFORMED_IP4,
						 OUTCOME_MALFORMED_IP6,
						 OUTCOME_MALFORMED_TCP,
						 OUTCOME_MALFORMED_UDP,
						 OUTCOME_MALFORMED_ICMP,
						 OUTCOME_ROUTING_HEADER,
						 OUTCOME_SOURCE_ROUTE,
						 OUTCOME_UNKNOWN_PROTOCOL,
						 OUTCOME_ICMP_NO_BINDING,
						 OUTCOME_UDP6_ZERO_CHECKSUM,
						 OUTCOME_UDP4_ZERO_CHECKSUM,
						 OUTCOME_NO_MEMORY,
						 OUTCOME_SEND_FAILED,
						 OUTCOME_BAD_EXTENSION_HEADERS,
						 OUTCOME_SUPERPACKET_NOT_TCP,
						 OUTCOME_LATE};

	for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
		const struct outcome_info *info = outcome_info(outcome);
		bool asked = !g_str_has_prefix(info->name, "fragment_") &&
			     !g_str_has_prefix(info->name, "icmp_bad") &&
			     !g_str_has_prefix(info->name, "icmp_inner") &&
			     !g_str_has_prefix(info->name, "icmp_address");

		for (unsigned i = 0; i < G_N_ELEMENTS(not_asked); i++)
			asked &= outcome != not_asked[i];
		if (asked && info->verdict != VERDICT_TRANSLATED && explain_remedy(outcome) == NULL)
			g_error("nothing is said of what would mend %s", info->name);
		if (explain_remedy(outcome) != NULL)
			g_assert_cmpuint(strlen(explain_remedy(outcome)), <, EXPLAIN_TEXT_SIZE);
	}
}

/* Word for word, for every outcome. */
static void test_remedy_words(void)
{
	bool listed[N_OUTCOMES] = {false};
	struct csv *rows = csv_open("remedies.csv");

	while (csv_next(rows)) {
		enum outcome outcome = outcome_parse(csv_get(rows, "outcome"));

		g_test_message("remedies.csv:%u", csv_line(rows));
		g_assert_cmpint(outcome, !=, N_OUTCOMES);
		g_assert_false(listed[outcome]);
		listed[outcome] = true;
		g_assert_cmpstr(explain_remedy(outcome), ==, csv_get(rows, "remedy"));
	}
	csv_close(rows);
	for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
		if (!listed[outcome])
			g_assert_cmpstr(explain_remedy(outcome), ==, NULL);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/explain/sentences", test_sentences);
	g_test_add_func("/explain/too-big", test_too_big);
	g_test_add_func("/explain/comes-true", test_comes_true);
	g_test_add_func("/explain/bad-arguments", test_bad_arguments);
	g_test_add_func("/explain/access", test_access);
	g_test_add_func("/explain/remedies", test_remedies);
	g_test_add_func("/explain/remedy-words", test_remedy_words);
	return bus_clients_run(NULL);
}
