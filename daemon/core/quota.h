/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limits of what one client, one address and one binding may have (L-1 to L-3), and what the
 * operator hears when a limit is met, or soon will be (L-4, L-10).
 *
 * A limit stops what is new and never anything that is there, also when it has just been lowered.
 * All limits are for each protocol on its own. Static bindings are the administrator's: they and
 * their sessions count for no client and are refused to none. Only Limits.SessionsPerBinding is for
 * every binding, as sessions can be made from outside.
 */
#pragma once

#include "daemon/core/nat64.h"

/* May this source have one more dynamic binding? */
enum outcome quota_new_binding(const struct nat64 *nat, enum protocol protocol,
			       const struct addr6 *src, uint8_t pool6, uint64_t now_ms);
/* It has got one, which is counted already. */
void quota_took_binding(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			uint64_t now_ms);
/* A port of this entry of pool4 is not in use any more. */
void quota_gave_back(struct nat64 *nat, enum protocol protocol, uint32_t pool4, uint64_t now_ms);

/* Sessions of the same protocol that are to be made before the one that is asked about. */
struct quota_ahead {
	uint32_t n_sessions;
	uint32_t n_of_client; /* of them, those that count for its client */
};

/* May there be one more session, in this binding or (SLAB_NONE) in one that src gets first? */
enum outcome quota_new_session(const struct nat64 *nat, enum protocol protocol,
			       const struct addr6 *src, uint8_t pool6, uint32_t binding,
			       const struct quota_ahead *ahead);

/* What a source has of one protocol, and may have; limits are 0 where there are none. */
struct quota_use {
	uint64_t address_bindings;
	uint64_t address_limit;
	uint64_t client_bindings;
	uint64_t client_limit;
	uint64_t sessions; /* of the client */
	uint64_t session_limit;
};
void quota_use(const struct nat64 *nat, enum protocol protocol, const struct addr6 *src,
	       uint8_t pool6, struct quota_use *ret);

/* Tells of alarms that were put off, so that they do not come and go too often. */
void quota_expire(struct nat64 *nat, uint64_t now_ms);

/* What was refused to whom. */
struct quota_refusal {
	enum outcome outcome;
	enum protocol protocol;
	const struct addr6 *host; /* on the IPv6 side */
	uint8_t pool6;
	uint32_t pool4; /* the entry that had no port, or has the binding; or 0 */
	uint32_t addr4; /* the only address that would have done, or 0 */
};

/* Is it one that quota_refused() counts, or tells anybody of? */
bool quota_is_refusal(enum outcome outcome);
/* Counts and tells of it, if it is about a limit or about exhaustion; else nothing. */
void quota_refused(struct nat64 *nat, const struct quota_refusal *refusal, uint64_t now_ms);
