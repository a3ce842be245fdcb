/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hints for a batch of packets: in large tables a look-up waits for memory two or three times, one
 * after the other, and that of one packet need not wait for that of another. Who has several
 * packets calls expect_packet() for all of them, then expect_entry() for all, then expect_session()
 * for all, and then nat64_receive(), which finds in the cache what it looks for.
 *
 * Nothing changes, and nothing is decided: what is guessed wrongly costs time only. As little as
 * possible is read of a packet, and it may be anything.
 */
#pragma once

#include "daemon/core/nat64.h"

/* Tables of fewer bindings stay in the cache by themselves. */
#define EXPECT_BINDINGS_MIN 4096

struct expected {
	const struct hash_index *table; /* NULL: there is nothing to be expected */
	enum protocol protocol;
	uint64_t hash;
};

/* Whoever is in the core, in whichever way, may call these; the tables stay until the last. */
void expect_packet(const struct nat64 *nat, const struct packet *packet, struct expected *ret);
void expect_entry(const struct expected *expected);
void expect_session(const struct nat64 *nat, const struct expected *expected);
