/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who had an address and port, out of a log with gaps (L-13): nobody who can have had it is
 * missing. */
#include "tools/owner.h"

#include <stdio.h>
#include <string.h>

/* "b10 tcp A": at second 10 a TCP binding of client A begins; "e": ends; "B:7": a session of it
 * with the peer's port 7. Protocol "any": a block. */
static void add(struct owner_log *log, const char *word)
{
	struct owner_change change = {.prefix_len = 128};
	char what, client, protocol[8];
	unsigned second, peer = 0;

	g_assert_cmpint(sscanf(word, "%c%u %7s %c:%u", &what, &second, protocol, &client, &peer),
			>=, 4);
	change.usec = second * UINT64_C(1000000);
	change.begins = what == 'b';
	if (strcmp(protocol, "any") == 0) {
		change.protocol = N_PROTOCOLS;
		change.prefix_len = 64;
	} else {
		g_assert_true(protocol_parse(protocol, &change.protocol));
	}
	change.client.addr.byte[0] = (uint8_t)client;
	if (peer != 0)
		change.peer = (struct taddr4){0xc6336402, (uint16_t)peer};
	owner_log_add(log, &change);
}

static void print_time(GString *text, uint64_t usec)
{
	if (usec == OWNER_NOT_LOGGED)
		g_string_append_c(text, '?');
	else
		g_string_append_printf(text, "%u", (unsigned)(usec / 1000000));
}

/* "tcp A 10-20, any B 5-?" */
static char *ask(const struct owner_log *log, unsigned from, unsigned until)
{
	g_autoptr(GArray) owners = g_array_new(FALSE, FALSE, sizeof(struct owner));
	GString *text = g_string_new(NULL);

	owner_log_between(log, from * UINT64_C(1000000), until * UINT64_C(1000000), owners);
	for (guint i = 0; i < owners->len; i++) {
		const struct owner *owner = &g_array_index(owners, struct owner, i);

		g_assert_true(owner->is_logged);
		g_string_append_printf(
			text, "%s%s %c ", i == 0 ? "" : ", ",
			owner->protocol == N_PROTOCOLS ? "any" : protocol_name(owner->protocol),
			owner->client.addr.byte[0]);
		print_time(text, owner->created_usec);
		g_string_append_c(text, '-');
		print_time(text, owner->ended_usec);
	}
	return g_string_free(text, FALSE);
}

static void test_all(void)
{
	static const struct {
		const char *log;
		unsigned from, until;
		const char *owners;
	} cases[] = {
		{"b10 tcp A|e20 tcp A", 12, 13, "tcp A 10-20"},
		{"b10 tcp A|e20 tcp A", 20, 30, "tcp A 10-20"},
		{"b10 tcp A|e20 tcp A", 5, 10, "tcp A 10-20"},
		{"b10 tcp A|e20 tcp A", 21, 30, ""},
		{"b10 tcp A|e20 tcp A", 5, 9, ""},
		{"", 5, 9, ""},
		/* One after the other, and protocols beside each other. */
		{"b10 tcp A|e20 tcp A|b21 tcp B|e30 tcp B", 15, 25, "tcp A 10-20, tcp B 21-30"},
		{"b10 tcp A|b11 udp B|b12 icmp C|e20 udp B|e21 tcp A", 19, 19,
		 "tcp A 10-21, udp B 11-20, icmp C 12-?"},
		/* The end, the begin or both are not in the log. */
		{"b10 tcp A", 12, 99, "tcp A 10-?"},
		{"b10 tcp A", 5, 9, ""},
		{"e20 tcp A", 12, 13, "tcp A ?-20"},
		{"e20 tcp A", 21, 22, ""},
		{"b10 tcp A|b21 tcp B", 15, 16, "tcp A 10-21"},
		{"b10 tcp A|b21 tcp B", 22, 23, "tcp B 21-?"},
		{"b10 tcp A|e30 tcp B", 15, 35, "tcp A 10-30, tcp B ?-30"},
		/* Told twice. */
		{"b10 tcp A|b11 tcp A|e20 tcp A", 15, 16, "tcp A 10-20"},
		{"b10 tcp A|e20 tcp A|e21 tcp A", 15, 22, "tcp A 10-20"},
		{"b10 tcp A|e20 tcp A|e23 tcp A", 21, 22, "tcp A ?-23"},
		/* Not for a time in which another had it. */
		{"b1 tcp B|e8 tcp B|e20 tcp A", 3, 4, "tcp B 1-8"},
		{"b1 tcp B|e8 tcp B|e20 tcp A", 9, 9, "tcp A ?-20"},
		{"b1 tcp B|e8 tcp B|b9 tcp A:1|e12 tcp A:9", 3, 4, "tcp B 1-8"},
		/* The clock was set back in between. */
		{"b100 tcp A|e60 tcp A", 55, 65, "tcp A 100-60"},
		{"b900 tcp C|b10 tcp A|e20 tcp A", 15, 16, "tcp A 10-20, tcp C 900-10"},
		/* Sessions: from the first to the last. */
		{"b10 tcp A:1|b12 tcp A:2|e13 tcp A:1|e20 tcp A:2", 15, 16, "tcp A 10-20"},
		{"b10 tcp A:1|e13 tcp A:1|b15 tcp A:1|e20 tcp A:1", 5, 99,
		 "tcp A 10-13, tcp A 15-20"},
		/* One that began before the log ends: he had it before, and has it still. */
		{"b10 tcp A:1|e13 tcp A:9|e20 tcp A:1", 5, 6, "tcp A ?-20"},
		/* From bindings to sessions, when nobody tells the binding's end. */
		{"b10 tcp A|b12 tcp A:2|e13 tcp A:2", 50, 60, "tcp A 10-?"},
		/* And from sessions to bindings; or with both of them. */
		{"b10 tcp A:1|e20 tcp A", 15, 99, "tcp A 10-20"},
		{"b10 tcp A:1|b10 tcp A:2|e20 tcp A:1|e20 tcp A:2|e20 tcp A", 5, 99, "tcp A 10-20"},
		{"b10 tcp A:1|e20 tcp A|e20 tcp A:1", 5, 99, "tcp A 10-20"},
		/* Blocks. */
		{"b10 any A|b12 tcp A|e13 tcp A|e20 any A", 11, 12, "any A 10-20, tcp A 12-13"},
		{"b10 any A|b12 any B", 11, 12, "any A 10-12, any B 12-?"},
		/* A binding of it that its address was taken from. */
		{"b1 any B|e8 any B|b10 any A|e20 tcp A|e20 any A", 2, 15,
		 "any B 1-8, any A 10-20"},
		{"b10 any A|e20 any A|e20 tcp A", 2, 15, "any A 10-20"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct owner_log *log = owner_log_new();
		g_auto(GStrv) words = g_strsplit(cases[i].log, "|", 0);
		g_autofree char *owners = NULL;

		for (char **word = words; *word != NULL; word++)
			add(log, *word);
		owners = ask(log, cases[i].from, cases[i].until);
		g_test_message("%s", cases[i].log);
		g_assert_cmpstr(owners, ==, cases[i].owners);
		owner_log_free(log);
	}
}

/* What is in the journal beside what the daemon says. */
static void test_covers(void)
{
	const uint64_t second = 1000000;
	const struct owner known = {
		.protocol = PROTOCOL_TCP,
		.client = {.addr = {{1}}, .port = 5},
		.prefix_len = 128,
		.created_usec = 10 * second,
		.ended_usec = 20 * second,
	};
	struct owner logged = known, still = known;

	g_assert_true(owner_covers(&known, &logged));
	logged.created_usec = 9 * second;
	logged.ended_usec = 21 * second;
	g_assert_true(owner_covers(&known, &logged));
	logged.ended_usec = OWNER_NOT_LOGGED;
	g_assert_true(owner_covers(&known, &logged));
	logged.created_usec = OWNER_NOT_LOGGED;
	g_assert_true(owner_covers(&known, &logged));
	/* It began earlier, ended later, or was another time. */
	logged.created_usec = 5 * second;
	g_assert_false(owner_covers(&known, &logged));
	logged = known;
	logged.ended_usec = 25 * second;
	g_assert_false(owner_covers(&known, &logged));
	logged.created_usec = 30 * second;
	g_assert_false(owner_covers(&known, &logged));
	still.ended_usec = OWNER_NEVER;
	g_assert_true(owner_covers(&still, &logged));
	logged = known;
	logged.protocol = PROTOCOL_UDP;
	g_assert_false(owner_covers(&known, &logged));
	logged = known;
	logged.client.port = 6;
	g_assert_false(owner_covers(&known, &logged));
	logged = known;
	logged.prefix_len = 64;
	g_assert_false(owner_covers(&known, &logged));
}

int main(int argc, char *argv[])
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/owner/between", test_all);
	g_test_add_func("/owner/covers", test_covers);
	return g_test_run();
}
