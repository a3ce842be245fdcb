/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of bindings: where the BIB, the session tables, pool4 and the clients' records meet.
 *
 * A dynamic binding is made by a packet from the inside (RFC 6146, 3.5.1.1 and 3.5.2.3), holds one
 * transport address of pool4, counts for its source's pairing and for its client, and ends with its
 * last session (S-4). Then its port is held for a while (P-14). A static one is the administrator's
 * from the first to the last (S-5), and counts for nobody.
 */
#pragma once

#include "daemon/core/nat64.h"
#include "daemon/core/tuple.h"

/*
 * A dynamic binding for in->src. peer: where the packet goes; a SYN stored from there decides the
 * choice of (T,t) when it can (S-30). OUTCOME_TRANSLATED with *ret, or why not; then nothing has
 * changed.
 */
enum outcome binding_create(struct nat64 *nat, const struct tuple6 *in, uint8_t pool6,
			    const struct taddr4 *peer, uint64_t now_ms, uint32_t *ret);

/* A session in a binding, for a given state and deadline. OUTCOME_TRANSLATED or why not. */
enum outcome binding_add_session(struct nat64 *nat, enum protocol protocol, uint32_t binding,
				 const struct taddr4 *peer, uint8_t pool6, uint8_t state,
				 uint64_t expires_ms, uint64_t now_ms);

/* Ends the binding if it is dynamic and has no session, because the first could not be made. Its
 * port was not used, so it is not held either. */
void binding_end_if_idle(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			 uint64_t now_ms);

/* Ends a session, and its binding with it if it was the last. */
void binding_end_session(struct nat64 *nat, enum protocol protocol, uint32_t session,
			 uint64_t now_ms);
