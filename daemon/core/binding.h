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

/* A dynamic binding that is to be made; good until anything changes. */
struct binding_plan {
	struct pool4_request request; /* for whom: its client points to the caller's address */
	struct pool4_offer offer;     /* (T,t) is offer.port.taddr; and who had none to offer */
	bool is_exact;                /* it is that which a stored SYN was sent to (S-30) */
	uint32_t index;               /* where it was before a restart; SLAB_NONE: anywhere */
	const struct bib_key *key;    /* of that one, neither side of which is bound; else NULL */
};

/*
 * Is there a dynamic binding for client, whose packet goes to peer? A SYN stored from there decides
 * the choice of (T,t) when it can (S-30). OUTCOME_TRANSLATED, or why not; nothing changes.
 */
enum outcome binding_choose(const struct nat64 *nat, enum protocol protocol,
			    const struct taddr6 *client, uint8_t pool6, const struct taddr4 *peer,
			    uint64_t now_ms, struct binding_plan *ret);
/* Makes it. OUTCOME_TRANSLATED with *ret, or OUTCOME_NO_MEMORY, and then nothing has changed. */
enum outcome binding_create(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms,
			    uint32_t *ret);

/* The same of one that was there before a restart, as is_restored says from now on: at its index
 * again, and nobody is told. */
enum outcome binding_restore(struct nat64 *nat, const struct binding_plan *plan, uint64_t now_ms);
/* A static one; OK, or why not. */
enum nat64_static_result binding_restore_static(struct nat64 *nat, enum protocol protocol,
						const struct bib_key *key, uint32_t index,
						uint64_t now_ms);
/* A session of it, which is not there yet; false without memory, or if the index is not free. */
bool binding_restore_session(struct nat64 *nat, enum protocol protocol, uint32_t index,
			     uint32_t binding, const struct taddr4 *peer, uint8_t pool6,
			     uint8_t state, uint64_t expires_ms);

/* Takes a session back, and a binding with all that it has, as if they had never been restored:
 * that is told to nobody, and the port is free. */
void binding_undo_session(struct nat64 *nat, enum protocol protocol, uint32_t session);
void binding_undo(struct nat64 *nat, enum protocol protocol, uint32_t binding, uint64_t now_ms);

/* A session in a binding, for a given state and deadline, which quota.h has allowed.
 * OUTCOME_TRANSLATED or OUTCOME_NO_MEMORY. */
enum outcome binding_add_session(struct nat64 *nat, enum protocol protocol, uint32_t binding,
				 const struct taddr4 *peer, uint8_t pool6, uint8_t state,
				 uint64_t expires_ms, uint64_t now_ms);

/* Ends the binding if it is dynamic and has no session, because the first could not be made. Its
 * port was not used, so it is not held either. */
void binding_end_if_idle(struct nat64 *nat, enum protocol protocol, uint32_t binding,
			 uint64_t now_ms);

/* L-13: a binding has ended, as a row of its own or of its block, if that is kept. */
void binding_note_closed(struct nat64 *nat, struct closed_binding closed, bool is_static);

/* Ends a session, and its binding with it if it was the last. */
void binding_end_session(struct nat64 *nat, enum protocol protocol, uint32_t session,
			 uint64_t now_ms);
