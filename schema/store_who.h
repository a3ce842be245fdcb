/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who had an address and port at a time (L-13), of the bindings that have ended: asked by a
 * connection of its own, which only reads, in whatever thread.
 */
#pragma once

#include <glib.h>

#include "schema/store.h"

struct store_who_question {
	struct taddr4 mapped;
	/* Seconds of CLOCK_REALTIME: those that had it at any time from here to there. */
	int64_t from_s;
	int64_t to_s;
	uint32_t max; /* rows */
};

struct store_who_row {
	enum protocol protocol; /* N_PROTOCOLS: it had the block of ports, for all of them */
	struct taddr6 client;
	uint8_t prefix_len; /* then, of the client; its port is 0 */
	int64_t created_s;
	int64_t ended_s;
};

/* Appends to ret (of struct store_who_row): bindings, then blocks, of each the earliest first and
 * max rows at most; 0, or a negative errno with a sentence in text. */
int store_who(const struct store_config *config, const struct store_who_question *question,
	      GArray *ret, char text[STORE_TEXT_SIZE]);
