/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What RFC 6146, 3.5 makes of a session, in a plain array: who talks to whom, in which state, and
 * until when. Shares no code with the core; its TCP state machine is the text of 3.5.2.2, with what
 * RFC 7857 and RFC 5382 have changed of it.
 */
#pragma once

#include "daemon/core/nat64.h"

#define NAIVE_SESSIONS_MAX 64

struct naive_session {
	enum protocol protocol;
	struct taddr6 client;
	struct taddr4 peer;   /* of an echo the port is the binding's identifier */
	struct taddr4 mapped; /* stays the same as long as the session is there (S-3) */
	uint32_t pool4;
	uint8_t state; /* of TCP */
	uint64_t expires_ms;
};

struct naive_sessions {
	unsigned n;
	struct naive_session at[NAIVE_SESSIONS_MAX];
};

/* One packet as one side of a session sees it. */
struct naive_event {
	enum protocol protocol;
	struct taddr6 client;
	struct taddr4 peer;
	struct taddr4 mapped;
	uint32_t pool4;
	bool from6;
	uint8_t tcp_flags;
};

/* NULL if there is none. */
struct naive_session *naive_sessions_find(struct naive_sessions *sessions, enum protocol protocol,
					  const struct taddr6 *client, const struct taddr4 *peer);

/* The packet has been let through: its session is made, refreshed or changed, as the RFC says. */
void naive_sessions_pass(struct naive_sessions *sessions, const struct naive_event *event,
			 const struct nat64_config *config, uint64_t now_ms);

/* All sessions of a NAT64, as its tables have them. */
void naive_sessions_read(const struct nat64 *nat, struct naive_sessions *ret);

bool naive_session_equal(const struct naive_session *one, const struct naive_session *two);
