/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/scenario.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/pool4_text.h"
#include "tests/naive.h"
#include "tests/scenario_fragments.h"
#include "tests/scenario_packet.h"
#include "tests/scenario_player.h"
#include "tests/scenario_settings.h"

enum protocol scenario_protocol(const struct scenario_player *player, const char *word)
{
	enum protocol protocol = PROTOCOL_TCP;

	REQUIRE(player, word && protocol_parse(word, &protocol), "\"%s\" is no protocol", word);
	return protocol;
}

static struct route_answer read_route(const char *word)
{
	if (strcmp(word, "none") == 0)
		return (struct route_answer){.state = ROUTE_NONE, .mtu = 1500};
	if (strcmp(word, "dead") == 0)
		return (struct route_answer){.state = ROUTE_NEXT_HOP_DEAD, .mtu = 1500};
	if (strcmp(word, "trial") == 0)
		return (struct route_answer){.state = ROUTE_OK, .mtu = 1500, .on_trial = true};
	if (strcmp(word, "default") == 0)
		return (struct route_answer){
			.state = ROUTE_OK, .mtu = 1500, .by_default_route = true};
	return (struct route_answer){.state = ROUTE_OK,
				     .mtu = (uint32_t)g_ascii_strtoull(word, NULL, 0)};
}

static void add_pool4(struct scenario_player *player, char **words)
{
	static unsigned n_names;
	char problem[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text addresses;
	struct pool4_spec spec = {.pool6 = POOL4_ANY_PREFIX};
	const char *failed = pool4_text_parse(words[1], &addresses, problem);
	REQUIRE(player, !failed, "%s", failed);
	failed = port_ranges_parse(words[2], &spec.ports, problem, sizeof(problem));
	REQUIRE(player, !failed, "%s", failed);

	spec.addresses = addresses.range;
	spec.n_addresses = addresses.n_ranges;
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		spec.protocol[protocol] =
			!words[3] || strstr(words[3], protocol_name((enum protocol)protocol));
	g_auto(GStrv) clients = g_strsplit(words[3] && words[4] ? words[4] : "", ",", -1);
	for (; clients[spec.n_clients]; spec.n_clients++)
		REQUIRE(player,
			prefix6_parse(clients[spec.n_clients], &spec.clients[spec.n_clients]),
			"\"%s\" is no prefix", clients[spec.n_clients]);
	(void)g_snprintf(spec.name, sizeof(spec.name), "s%u", n_names++);

	uint32_t id;
	enum pool4_result result = pool4_add(player->nat->pool4, &spec, &id);
	REQUIRE(player, result == POOL4_OK, "%s", pool4_result_text(result));
	pool4_set_state(player->nat->pool4, id, POOL4_ACTIVE);
	pool4_text_deinit(&addresses);
}

static void add_static(struct scenario_player *player, char **words)
{
	struct taddr6 taddr6;
	struct taddr4 taddr4;

	REQUIRE(player, taddr6_parse(words[2], &taddr6) && taddr4_parse(words[3], &taddr4),
		"static PROTOCOL [V6]:PORT V4:PORT");
	enum nat64_static_result result = nat64_add_static(
		player->nat, scenario_protocol(player, words[1]), &taddr6, &taddr4, player->now_ms);
	REQUIRE(player, result == NAT64_STATIC_OK, "static binding refused (%d)", result);
}

static void make_gateway(struct scenario_player *player)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = "the same numbers in every run";
	struct nat64_world world = fake_world_calls(&player->world);

	player->nat = nat64_new(&player->config, &player->limits, &world, seed, player->now_ms);
	player->nat->events.want_bindings = player->want_bindings;
	if (g_getenv("NAT64D_LANE")) {
		player->lane = g_new0(struct nat64_lane, 1);
		nat64_lane_init(player->nat, player->lane);
	}
	for (guint i = 0; i < player->before->len; i++) {
		char **words = player->before->pdata[i];
		if (strcmp(words[0], "pool4") == 0)
			add_pool4(player, words);
		else
			add_static(player, words);
	}
}

/* A line about the gateway itself; false if it is none. */
static bool configure(struct scenario_player *player, char **words)
{
	struct fake_world *world = &player->world;
	const char *verb = words[0];
	unsigned n_words = g_strv_length(words);
	bool ok = true;

	if (strcmp(verb, "pool4") == 0 || strcmp(verb, "static") == 0) {
		g_ptr_array_add(player->before, g_strdupv(words));
	} else if (strcmp(verb, "pool6") == 0) {
		unsigned i = 0;
		while (player->has_pool6 && player->config.pool6[i].len)
			i++;
		ok = prefix6_parse(words[1], &player->config.pool6[i]) &&
		     !rfc6052_prefix_problem(&player->config.pool6[i]);
		player->has_pool6 = true;
	} else if (strcmp(verb, "set") == 0 && n_words == 3) {
		ok = scenario_set(&player->config, words[1], words[2]);
	} else if (strcmp(verb, "limit") == 0 && n_words == 3) {
		if (strcmp(words[1], "want_bindings") == 0)
			player->want_bindings = strcmp(words[2], "0") != 0;
		else
			ok = scenario_limit(&player->limits, words[1], words[2]);
	} else if (strcmp(verb, "own4") == 0) {
		ok = addr4_parse(words[1], &world->own4[world->n_own4++]);
	} else if (strcmp(verb, "own6") == 0) {
		ok = addr6_parse(words[1], &world->own6[world->n_own6++]);
	} else if (strcmp(verb, "deny") == 0) {
		ok = prefix4_parse(words[1], &player->config.deny[player->config.n_deny++]);
	} else if (strcmp(verb, "deny_source") == 0) {
		ok = prefix4_parse(words[1],
				   &player->config.deny_source[player->config.n_deny_source++]);
	} else if (strcmp(verb, "answer") == 0 && n_words == 3) {
		ok = scenario_answer(&player->config, words[1], words[2]);
	} else if (strcmp(verb, "exempt4") == 0) {
		ok = prefix4_parse(words[1], &player->config.exempt4[player->config.n_exempt4++]);
	} else if (strcmp(verb, "exempt_ports") == 0 && n_words == 4) {
		struct exempt_ports *exempt =
			&player->config.exempt_ports[player->config.n_exempt_ports++];
		exempt->protocol = scenario_protocol(player, words[1]);
		ok = sscanf(words[2], "%hu-%hu", &exempt->first, &exempt->last) == 2 &&
		     prefix4_parse(words[3], &exempt->servers);
	} else if (strcmp(verb, "nonglobal") == 0) {
		ok = prefix4_parse(words[1],
				   &player->config.nonglobal[player->config.n_nonglobal++]);
	} else if (strcmp(verb, "clients") == 0) {
		player->config.clients_auto = false;
		ok = prefix6_parse(words[1], &player->config.clients[player->config.n_clients++]);
	} else if (strcmp(verb, "listen") == 0) {
		world->listener[world->n_listeners].protocol = scenario_protocol(player, words[1]);
		ok = taddr4_parse(words[2], &world->listener[world->n_listeners++].taddr);
	} else if (strcmp(verb, "mtu4") == 0) {
		world->mtu4 = (uint32_t)g_ascii_strtoull(words[1], NULL, 0);
	} else if (strcmp(verb, "mtu6") == 0) {
		world->mtu6 = (uint32_t)g_ascii_strtoull(words[1], NULL, 0);
	} else if (strcmp(verb, "route4") == 0 && n_words == 3) {
		world->route4[world->n_route4].answer = read_route(words[2]);
		ok = prefix4_parse(words[1], &world->route4[world->n_route4++].prefix);
	} else if (strcmp(verb, "route6") == 0 && n_words == 3) {
		world->route6[world->n_route6].answer = read_route(words[2]);
		ok = prefix6_parse(words[1], &world->route6[world->n_route6++].prefix);
	} else {
		return false;
	}
	REQUIRE(player, ok, "\"%s\" makes no sense for %s", words[1], verb);
	return true;
}

/* A packet as it would go onto the wire, out of its parts. */
static GByteArray *gather(const struct out_packet *packet)
{
	GByteArray *bytes = g_byte_array_new();

	for (unsigned i = 0; i < packet->n_parts; i++)
		g_byte_array_append(bytes, packet->part[i].base, packet->part[i].size);
	return bytes;
}

/* Everything that the step has brought must have been named. */
static void finish_step(struct scenario_player *player)
{
	if (!player->has_step)
		return;
	player->has_step = false;
	if (player->n_compared < player->out.n_packets) {
		g_autoptr(GByteArray) bytes = gather(&player->packets[player->n_compared]);
		g_autofree char *text = scenario_packet_describe(bytes->data, bytes->len);
		REQUIRE(player, false, "not expected: %s", text);
	}
	if (player->is_packet && !player->has_end)
		REQUIRE(player, outcome_info(player->outcome)->verdict == VERDICT_TRANSLATED,
			"the packet ended as %s", outcome_info(player->outcome)->name);
}

static void begin_step(struct scenario_player *player, bool is_packet)
{
	player->has_step = true;
	player->is_packet = is_packet;
	player->has_end = false;
	player->sum_error = 0;
	player->n_compared = 0;
	out_clear(&player->out);
	while (!nat64_expire(player->nat, player->now_ms, 64, &player->out)) {
		/* The arena may be full of what was not sent after all. */
		REQUIRE(player, out_has_room(&player->out) || player->out.n_packets == 0,
			"too much is sent by the clock");
		if (!out_has_room(&player->out))
			out_clear(&player->out);
	}
	REQUIRE(player, nat64_check(player->nat), "the tables are inconsistent");
	if (is_packet && player->out.n_packets) {
		g_autoptr(GByteArray) bytes = gather(&player->packets[0]);
		g_autofree char *text = scenario_packet_describe(bytes->data, bytes->len);
		REQUIRE(player, false, "sent by the clock alone: %s", text);
	}
}

/* "badsum": what is translated must stay off by as much (T-32). */
static uint16_t read_sum_error(char **words)
{
	for (; *words && strcmp(*words, "about") != 0; words++)
		if (strcmp(*words, "badsum") == 0 && words[1])
			return (uint16_t)(0xffff - g_ascii_strtoull(words[1], NULL, 0));
	return 0;
}

static void judge_sums(const struct scenario_player *player, const GByteArray *bytes,
		       const char *text)
{
	bool translated = outcome_info(player->outcome)->verdict == VERDICT_TRANSLATED;

	if (!player->sum_error || !translated) {
		REQUIRE(player, naive_packet_ok(bytes->data, bytes->len),
			"wrong lengths or checksums: %s", text);
		return;
	}
	REQUIRE(player, naive_header_ok(bytes->data, bytes->len), "wrong lengths: %s", text);
	uint16_t error = naive_transport_error(bytes->data, bytes->len);
	REQUIRE(player, error == player->sum_error, "the checksum is off by %u, not %u: %s", error,
		player->sum_error, text);
}

static void play_in(struct scenario_player *player, char **words)
{
	begin_step(player, true);

	GByteArray *bytes = scenario_packet_make(words, player->variables, player->where);
	struct packet packet = {.data = player->buffer + PACKET_HEADROOM,
				.size = bytes->len,
				.headroom = PACKET_HEADROOM};
	memcpy(packet.data, bytes->data, bytes->len);
	packet.superpacket = scenario_packet_option(words, "super", player->where) != 0;
	packet.unfinished = packet.superpacket ||
			    scenario_packet_option(words, "unfinished", player->where) != 0;
	if (packet.unfinished)
		scenario_packet_unfinish(packet.data, packet.size);
	player->sum_error = read_sum_error(words);
	g_byte_array_unref(bytes);

	if (!player->lane || !nat64_receive_light(player->nat, player->lane, &packet,
						  player->now_ms, &player->out, &player->outcome))
		player->outcome = nat64_receive(player->nat, &packet, player->now_ms, &player->out);
	if (player->lane)
		nat64_gather(player->nat, player->lane);
	REQUIRE(player, nat64_check(player->nat), "the tables are inconsistent");
}

/* "flood COUNT PACKET": so many packets, in whose words @ is 1, 2, 3 and so on. What comes of them
 * is not looked at, but counted. */
static void play_flood(struct scenario_player *player, char **words)
{
	uint64_t count = g_ascii_strtoull(words[0], NULL, 10);

	for (uint64_t i = 1; i <= count; i++) {
		g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, i);
		g_autofree char *line = g_strjoinv(" ", words + 1);
		g_auto(GStrv) parts = g_strsplit(line, "@", -1);
		g_autofree char *numbered = g_strjoinv(number, parts);
		g_auto(GStrv) packet = g_strsplit(numbered, " ", -1);

		play_in(player, packet);
		player->n_compared = player->out.n_packets;
		player->has_end = true;
	}
}

/* What is left to whoever sends it. */
static void judge_offload(const struct scenario_player *player, char **words,
			  const struct out_packet *packet)
{
	const bool unfinished = scenario_packet_option(words, "unfinished", player->where) != 0;
	const uint64_t segment_size = scenario_packet_option(words, "segment", player->where);

	REQUIRE(player, packet->segment_size == segment_size, "the segments have %u bytes, not %u",
		packet->segment_size, (unsigned)segment_size);
	REQUIRE(player, packet->unfinished == (unfinished || segment_size != 0),
		"the checksum is %sfinished", packet->unfinished ? "un" : "");
}

static void play_out(struct scenario_player *player, char **words)
{
	if (player->n_compared == player->out.n_packets)
		REQUIRE(player, false, "nothing (more) was sent; the packet ended as %s",
			outcome_info(player->outcome)->name);

	const struct out_packet *packet = &player->packets[player->n_compared++];
	g_autoptr(GByteArray) bytes = gather(packet);
	g_autofree char *text = scenario_packet_describe(bytes->data, bytes->len);
	g_autofree char *problem = scenario_packet_compare(words, player->variables, player->where,
							   bytes->data, bytes->len);
	REQUIRE(player, !problem, "%s in: %s", problem, text);
	judge_offload(player, words, packet);
	if (packet->unfinished)
		scenario_packet_finish(bytes->data, bytes->len);
	judge_sums(player, bytes, text);
}

static void play_join(struct scenario_player *player, char **words)
{
	g_autoptr(GByteArray) whole = g_byte_array_new();

	REQUIRE(player, player->out.n_packets > 0, "nothing was sent; the packet ended as %s",
		outcome_info(player->outcome)->name);
	while (player->n_compared < player->out.n_packets) {
		g_autoptr(GByteArray) bytes = gather(&player->packets[player->n_compared++]);
		g_autofree char *text = scenario_packet_describe(bytes->data, bytes->len);
		REQUIRE(player, naive_header_ok(bytes->data, bytes->len), "wrong: %s", text);
		g_autofree char *problem =
			scenario_fragments_join(whole, bytes->data, bytes->len,
						player->n_compared == player->out.n_packets);
		REQUIRE(player, !problem, "%s in: %s", problem, text);
	}
	g_autofree char *text = scenario_packet_describe(whole->data, whole->len);
	g_autofree char *problem = scenario_packet_compare(words, player->variables, player->where,
							   whole->data, whole->len);
	REQUIRE(player, !problem, "%s in: %s", problem, text);
	judge_sums(player, whole, text);
}

static void play_end(struct scenario_player *player, const char *name)
{
	enum outcome wanted = outcome_parse(name);

	REQUIRE(player, wanted != N_OUTCOMES, "there is no outcome \"%s\"", name);
	REQUIRE(player, player->outcome == wanted, "the packet ended as %s, not %s",
		outcome_info(player->outcome)->name, name);
	player->has_end = true;
}

static uint64_t read_time_ms(const struct scenario_player *player, const char *word)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"", 1000}};
	char *end;
	uint64_t value = g_ascii_strtoull(word, &end, 10);

	for (unsigned i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].unit) == 0)
			return value * units[i].ms;
	REQUIRE(player, false, "\"%s\" is no time", word);
	return 0;
}

/* What the administrator does between packets; false if it is nothing of that. */
static bool administer(struct scenario_player *player, char **words)
{
	struct blocklist *blocks = &player->nat->blocklist;
	struct prefix6 prefix;
	bool done;

	if (strcmp(words[0], "block") != 0 && strcmp(words[0], "unblock") != 0)
		return false;
	finish_step(player);
	REQUIRE(player, words[1] && prefix6_parse(words[1], &prefix), "%s PREFIX", words[0]);
	if (strcmp(words[0], "block") == 0) {
		uint64_t until_ms = BLOCKLIST_FOREVER;
		if (words[2])
			until_ms = player->now_ms + read_time_ms(player, words[2]);
		done = blocklist_add(blocks, &prefix, until_ms);
	} else {
		uint32_t index = blocklist_find(blocks, &prefix);
		done = index != SLAB_NONE;
		if (done)
			blocklist_remove(blocks, index);
	}
	REQUIRE(player, done, "the prefix can not be %sed", words[0]);
	return true;
}

static void play_line(struct scenario_player *player, char **words)
{
	if (!player->nat && configure(player, words))
		return;
	if (!player->nat)
		make_gateway(player);

	if (words[0][0] == '+') {
		finish_step(player);
		player->now_ms += read_time_ms(player, words[0] + 1);
		words++;
		REQUIRE(player, *words, "a time needs \"in\" or \"expire\"");
	}
	if (strcmp(words[0], "in") == 0) {
		finish_step(player);
		play_in(player, words + 1);
	} else if (strcmp(words[0], "flood") == 0) {
		finish_step(player);
		play_flood(player, words + 1);
	} else if (strcmp(words[0], "expire") == 0) {
		finish_step(player);
		begin_step(player, false);
	} else if (strcmp(words[0], "out") == 0) {
		play_out(player, words + 1);
	} else if (strcmp(words[0], "join") == 0) {
		play_join(player, words + 1);
	} else if (strcmp(words[0], "end") == 0 && words[1]) {
		play_end(player, words[1]);
	} else if (!administer(player, words)) {
		REQUIRE(player, scenario_inspect(player, words), "\"%s\" is no line of a scenario",
			words[0]);
	}
}

static char **words_of(const char *line)
{
	GPtrArray *words = g_ptr_array_new();
	g_auto(GStrv) parts = g_strsplit_set(line, " \t\r", -1);

	for (char **part = parts; *part; part++)
		if (**part)
			g_ptr_array_add(words, g_strdup(*part));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static struct scenario_player *player_new(void)
{
	struct scenario_player *player = g_new0(struct scenario_player, 1);

	player->variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	player->before = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
	player->limits = (struct nat64_limits){1000, 2000, 16, 16 << 20};
	player->now_ms = 1000000;
	player->out = (struct out){.packet = player->packets,
				   .capacity = N_PACKETS,
				   .arena = player->arena,
				   .arena_size = ARENA_SIZE};
	fake_world_init(&player->world);
	nat64_config_default(&player->config);
	return player;
}

static void player_free(struct scenario_player *player)
{
	out_clear(&player->out);
	nat64_free(player->nat);
	g_free(player->lane);
	g_ptr_array_unref(player->before);
	g_hash_table_unref(player->variables);
	g_free(player->where);
	g_free(player);
}

void scenario_play_text(const char *name, const char *text)
{
	struct scenario_player *player = player_new();
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = words_of(lines[i]);
		g_free(player->where);
		player->where = g_strdup_printf("%s:%u", name, i + 1);
		if (words[0] && words[0][0] != '#')
			play_line(player, words);
	}
	finish_step(player);
	REQUIRE(player, player->nat, "nothing was played");
	player_free(player);
}

void scenario_play(const char *path)
{
	g_autofree char *text = NULL;
	g_autofree char *name = g_path_get_basename(path);
	g_autoptr(GError) error = NULL;

	if (!g_file_get_contents(path, &text, NULL, &error))
		g_error("%s", error->message);
	scenario_play_text(name, text);
}
