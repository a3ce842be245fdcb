/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that play a scenario share: the player itself (scenario.c), and how it ends. */
#pragma once

#include <glib.h>

#include "daemon/core/nat64.h"
#include "tests/fake_world.h"

#define ARENA_SIZE  (64 * 1024)
#define N_PACKETS   (4 * EMIT_PIECES_MAX)
#define BUFFER_SIZE (PACKET_HEADROOM + 65600)

struct scenario_player {
	char *where; /* "NAME.pkt:LINE", for messages */
	GHashTable *variables;
	struct fake_world world;
	struct nat64_config config;
	struct nat64_limits limits;
	bool has_pool6;
	bool want_bindings;
	GPtrArray *before; /* pool4 and static lines, played once the gateway exists */
	struct nat64 *nat;
	struct nat64_lane *lane; /* packets come as where there are several threads; or NULL */
	uint64_t now_ms;

	/* Of the step that is being looked at. */
	bool has_step;
	bool is_packet;
	bool has_end;
	uint16_t sum_error; /* by how much the packet's checksum was off, see naive.h */
	enum outcome outcome;
	unsigned n_compared;
	struct out out;
	struct out_packet packets[N_PACKETS];
	uint8_t arena[ARENA_SIZE];
	uint8_t buffer[BUFFER_SIZE];
};

/* Ends the test, with the line at which it stands. */
#define REQUIRE(player, condition, ...)                                          \
	do {                                                                     \
		if (!(condition)) {                                              \
			g_autofree char *message = g_strdup_printf(__VA_ARGS__); \
			g_error("%s: %s", (player)->where, message);             \
		}                                                                \
	} while (0)

enum protocol scenario_protocol(const struct scenario_player *player, const char *word);

/* A line that looks at the tables; false if it is none. */
bool scenario_inspect(struct scenario_player *player, char **words);
