/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invariants of a NAT64 (nat64_check): its tables by themselves, what clients and pairings
 * count of each other, that no dynamic binding is without a session (S-4, O-12), and that bindings
 * and pool4 agree about which ports are in use.
 */
#include "daemon/core/nat64.h"

/* Adds what a binding counts to its owners' records, or (sign UINT32_MAX) takes it away. */
static bool count_binding(const struct nat64 *nat, enum protocol protocol,
			  const struct bib_entry *entry, uint32_t sign)
{
	const struct pairing_table *pairings = &nat->pairings;
	uint32_t client = client_find(&nat->clients, &entry->addr6);
	uint32_t address = pairing_find(pairings, &entry->addr6, PAIRING_ADDRESS);
	const struct pairing *pairing;

	if (!slab_is_used(&pairings->pairings, entry->pairing) || client == SLAB_NONE)
		return false;
	pairing = pairing_at(pairings, entry->pairing);
	pairing_shift(pairings, entry->pairing, protocol, sign);
	if (pairing->len < 128 && address == SLAB_NONE)
		return false;
	if (pairing->len < 128)
		pairing_shift(pairings, address, protocol, sign);
	client_shift(&nat->clients, client, protocol, sign, sign * entry->n_sessions);
	return true;
}

static bool count_bindings(const struct nat64 *nat, uint32_t sign)
{
	bool ok = true;

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];
		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct bib_entry *entry = bib_at(bib, i);
			if (!entry->is_static)
				ok &= count_binding(nat, (enum protocol)protocol, entry, sign);
		}
	}
	return ok;
}

/* Nothing is left once all bindings have been taken away? */
static bool owners_are_empty(const struct nat64 *nat)
{
	uint32_t left = 0;

	for (uint32_t i = client_next(&nat->clients, 0); i != SLAB_NONE;
	     i = client_next(&nat->clients, i + 1))
		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
			left |= client_n_bindings(&nat->clients, i, (enum protocol)protocol) |
				client_n_sessions(&nat->clients, i, (enum protocol)protocol);
	for (uint32_t i = slab_next(&nat->pairings.pairings, 0); i != SLAB_NONE;
	     i = slab_next(&nat->pairings.pairings, i + 1))
		for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
			left |= pairing_n_bindings(&nat->pairings, i, (enum protocol)protocol);
	return left == 0;
}

/* What clients and pairings count are the bindings and sessions that there are. Taken away and
 * added again, so that it takes no memory. */
static bool counts_check(const struct nat64 *nat)
{
	bool ok = count_bindings(nat, UINT32_MAX);

	ok &= owners_are_empty(nat);
	return count_bindings(nat, 1) && ok;
}

/* Every dynamic binding lives by its sessions (S-4). */
static bool bindings_check(const struct nat64 *nat)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];
		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct bib_entry *entry = bib_at(bib, i);
			if (!entry->is_static && entry->n_sessions == 0 &&
			    !(nat->idle_until_ms && entry->is_restored))
				return false;
		}
	}
	return true;
}

/* A port of an entry is in use if and only if a binding has it (P-11). */
static bool ports_check(const struct nat64 *nat)
{
	const struct pool4_entry *entry;

	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];
		uint64_t n_used = 0, n_bound = 0;

		for (uint32_t id = 0; (entry = pool4_next(nat->pool4, id)) != NULL; id = entry->id)
			n_used += entry->n_used[protocol];
		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct taddr4 mapped = bib_entry_taddr4(bib_at(bib, i));

			/* What forward.c knows bindings by. */
			if (!pool4_is_used(nat->pool4, protocol, &mapped))
				return false;
			n_bound += bib_at(bib, i)->pool4 != 0;
		}
		if (n_used != n_bound)
			return false;
	}
	return true;
}

bool nat64_check(const struct nat64 *nat)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++)
		if (!bib_check(&nat->bib[protocol]) ||
		    !session_table_check(&nat->sessions[protocol]))
			return false;
	return bindings_check(nat) && ports_check(nat) && pool4_check(nat->pool4) &&
	       pairing_table_check(&nat->pairings) && client_table_check(&nat->clients) &&
	       counts_check(nat) && blocklist_check(&nat->blocklist) &&
	       event_queue_check(&nat->events) && watch_check(&nat->watch) &&
	       closed_check(&nat->closed) && syn_store_check(&nat->syns) &&
	       fragment_check(&nat->fragments) && nat64_n_bindings(nat) <= nat->bindings_bound &&
	       nat64_n_sessions(nat) <= nat->sessions_bound;
}
