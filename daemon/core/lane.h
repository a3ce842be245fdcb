/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each packet thread has of its own in the core, so that several can be in it at once: what it
 * counts, and its random numbers.
 *
 * Most packets belong to a session that is known, and change nothing but its deadline: they are
 * "light". Any number of threads may receive light packets at once (nat64_receive_light()), each
 * with its own lane, as long as nobody else is in the core; for all other functions one has to be
 * alone. What they share then is only read, but for two things that are written in one piece:
 * deadlines of sessions, and the counters of IPv4 Identifications. Who excludes whom is the edge's
 * affair (gateway.h).
 *
 * What a lane has counted is no part of the core's counters until nat64_gather(), by somebody who
 * is alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/outcome.h"
#include "daemon/core/random.h"

struct nat64;
struct out;
struct packet;

/* As in struct nat64_counters. */
struct nat64_lane {
	struct random random;
	uint64_t packets[2][N_OUTCOMES];
	uint64_t bytes[2];
};

/* Its random numbers come from those of the core. */
void nat64_lane_init(struct nat64 *nat, struct nat64_lane *ret);

/* As nat64_receive(), for a light packet. False for any other: then nothing has happened, and the
 * packet is as it was. */
bool nat64_receive_light(struct nat64 *nat, struct nat64_lane *lane, struct packet *packet,
			 uint64_t now_ms, struct out *out, enum outcome *ret);

/* A packet that ended as outcome (TRANSLATED or HAIRPINNED), light or not, could not be sent after
 * all: it is counted anew, as OUTCOME_SEND_FAILED. */
void nat64_lane_send_failed(struct nat64_lane *lane, bool from6, enum outcome outcome);

/* A packet that the core never gets, as OUTCOME_LATE. */
void nat64_lane_count_late(struct nat64_lane *lane, bool from6);

/* What the lane has counted goes over to the core's counters. */
void nat64_gather(struct nat64 *nat, struct nat64_lane *lane);
