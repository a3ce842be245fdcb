/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a scenario that look at the tables. */
#include <string.h>

#include "tests/scenario_player.h"

static void check_binding(struct scenario_player *player, char **words)
{
	enum protocol protocol = scenario_protocol(player, words[1]);
	g_auto(GStrv) six = g_strsplit(words[2], "]:", 2);
	g_auto(GStrv) four = g_strsplit(words[3], ":", 2);
	const char *port6 = g_hash_table_lookup(player->variables, six[1]);
	const char *port4 = g_hash_table_lookup(player->variables, four[1]);
	g_autofree char *text6 = g_strdup_printf("%s]:%s", six[0], port6 ? port6 : six[1]);
	g_autofree char *text4 = g_strdup_printf("%s:%s", four[0], port4 ? port4 : four[1]);
	struct taddr6 taddr6;
	struct taddr4 taddr4;

	REQUIRE(player, taddr6_parse(text6, &taddr6) && taddr4_parse(text4, &taddr4),
		"%s and %s are no transport addresses", text6, text4);
	const struct bib *bib = &player->nat->bib[protocol];
	REQUIRE(player,
		bib_find6(bib, &taddr6) != SLAB_NONE &&
			bib_find6(bib, &taddr6) == bib_find4(bib, &taddr4),
		"no such binding");
}

static const struct session *only_tcp_session(struct scenario_player *player)
{
	const struct session_table *sessions = &player->nat->sessions[PROTOCOL_TCP];

	REQUIRE(player, sessions->sessions.n_used == 1, "there are %u TCP sessions",
		sessions->sessions.n_used);
	return session_at(sessions, session_next(sessions, 0));
}

static void check_state(struct scenario_player *player, const char *wanted)
{
	const char *name = tcp_fsm_state_name((enum tcp_fsm_state)only_tcp_session(player)->state);

	REQUIRE(player, strcmp(name, wanted) == 0, "the state is %s", name);
}

static void check_timer(struct scenario_player *player, const char *wanted)
{
	uint64_t left_ms = only_tcp_session(player)->expires_ms - player->now_ms;

	REQUIRE(player, left_ms == g_ascii_strtoull(wanted, NULL, 0) * 1000,
		"%" G_GUINT64_FORMAT " ms are left", left_ms);
}

static void check_count(struct scenario_player *player, const char *what, uint32_t is,
			const char *wanted)
{
	REQUIRE(player, is == g_ascii_strtoull(wanted, NULL, 0), "%s: %u, not %s", what, is,
		wanted);
}

/* "counted OUTCOME N" */
static void check_counted(struct scenario_player *player, char **words)
{
	enum outcome outcome = outcome_parse(words[1]);

	REQUIRE(player, outcome != N_OUTCOMES, "there is no outcome \"%s\"", words[1]);
	check_count(player, words[1],
		    (uint32_t)(player->nat->counters.packets[0][outcome] +
			       player->nat->counters.packets[1][outcome]),
		    words[2]);
}

/* Ports of all entries that are held, or that were given out all the same. */
static void check_held(struct scenario_player *player, char **words)
{
	enum protocol protocol = scenario_protocol(player, words[1]);
	const struct pool4_entry *entry;
	uint64_t n_held = 0, n_reused = 0;

	for (uint32_t id = 0; (entry = pool4_next(player->nat->pool4, id)) != NULL;) {
		id = entry->id;
		n_held += entry->n_held[protocol];
		n_reused += entry->n_reused[protocol];
	}
	check_count(player, words[0], (uint32_t)(strcmp(words[0], "held") == 0 ? n_held : n_reused),
		    words[2]);
}

/* Of an event: its name in event.h. */
static void check_event(struct scenario_player *player, const char *wanted)
{
	static const char *const names[] = {
#define X(name, number, sub_type, id, text) #name,
		EVENT_LIST(X)
#undef X
	};
	struct event event;

	REQUIRE(player, event_next(&player->nat->events, &event), "there is no event");
	REQUIRE(player, strcmp(names[event.kind], wanted) == 0, "the event is %s",
		names[event.kind]);
}

bool scenario_inspect(struct scenario_player *player, char **words)
{
	struct nat64 *nat = player->nat;
	unsigned n_words = g_strv_length(words);

	if (strcmp(words[0], "bindings") == 0 && n_words == 3)
		check_count(player, "bindings",
			    nat->bib[scenario_protocol(player, words[1])].entries.n_used, words[2]);
	else if (strcmp(words[0], "sessions") == 0 && n_words == 3)
		check_count(player, "sessions",
			    nat->sessions[scenario_protocol(player, words[1])].sessions.n_used,
			    words[2]);
	else if (strcmp(words[0], "stored") == 0 && n_words == 2)
		check_count(player, "stored SYNs", nat->syns.syns.n_used, words[1]);
	else if (strcmp(words[0], "fragments") == 0 && n_words == 2)
		check_count(player, "packets in fragments", nat->fragments.queues.n_used, words[1]);
	else if (strcmp(words[0], "incomplete") == 0 && n_words == 2)
		check_count(player, "incomplete packets", (uint32_t)nat->counters.fragments_expired,
			    words[1]);
	else if ((strcmp(words[0], "held") == 0 || strcmp(words[0], "reused") == 0) && n_words == 3)
		check_held(player, words);
	else if (strcmp(words[0], "event") == 0 && n_words == 2)
		check_event(player, words[1]);
	else if (strcmp(words[0], "counted") == 0 && n_words == 3)
		check_counted(player, words);
	else if (strcmp(words[0], "state") == 0 && n_words == 2)
		check_state(player, words[1]);
	else if (strcmp(words[0], "timer") == 0 && n_words == 2)
		check_timer(player, words[1]);
	else if (strcmp(words[0], "binding") == 0 && n_words == 4)
		check_binding(player, words);
	else
		return false;
	return true;
}
