/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pool4_move.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/pool4_text.h"
#include "daemon/gateway.h"

/* Ranges that are made here. */
struct ranges {
	struct addr4_range *range; /* NULL: no memory */
	uint32_t n;
};

static struct ranges without(const struct addr4_range *range, uint32_t n_ranges,
			     const struct addr4_range *minus, uint32_t n_minus)
{
	struct ranges left = {calloc((size_t)n_ranges + n_minus, sizeof(*range)), 0};

	if (left.range)
		left.n = addr4_ranges_without(range, n_ranges, minus, n_minus, left.range);
	return left;
}

bool pool4_move_is_needed(const struct pool4_entry *entry, const struct pool4_spec *wanted)
{
	return entry->spec.n_addresses != wanted->n_addresses ||
	       memcmp(entry->spec.addresses, wanted->addresses,
		      wanted->n_addresses * sizeof(*wanted->addresses)) != 0;
}

bool pool4_move_differs(const struct pool4_entry *entry, const struct pool4_spec *wanted)
{
	return pool4_move_is_needed(entry, wanted) ||
	       !port_ranges_equal(&entry->spec.ports, &wanted->ports);
}

const char *pool4_move_print(const struct addr4_range *range, uint32_t n_ranges,
			     char text[POOL4_MOVE_ADDRESSES_SIZE])
{
	if (pool4_text_print(range, n_ranges, text, POOL4_MOVE_ADDRESSES_SIZE) >=
	    POOL4_MOVE_ADDRESSES_SIZE)
		(void)snprintf(text, POOL4_MOVE_ADDRESSES_SIZE, "%" PRIu64 " addresses",
			       addr4_ranges_count(range, n_ranges));
	return text;
}

/* The rest stays in use. */
static bool shrink(struct nat64 *nat, const struct pool4_entry *entry, const struct ranges *stays)
{
	return pool4_set_addresses(nat->pool4, entry->id, stays->range, stays->n) == POOL4_OK;
}

/* All of its addresses are others now, of which the rules know nothing yet. */
static bool change_all(struct nat64 *nat, const struct pool4_entry *entry,
		       const struct pool4_spec *wanted)
{
	uint32_t id = entry->id;

	pool4_set_state(nat->pool4, id, POOL4_PENDING);
	return pool4_set_addresses(nat->pool4, id, wanted->addresses, wanted->n_addresses) ==
	       POOL4_OK;
}

bool pool4_move_from(struct nat64 *nat, uint32_t id, const struct pool4_spec *wanted,
		     char text[POOL4_MOVE_TEXT_SIZE])
{
	const struct pool4_entry *entry = pool4_entry(nat->pool4, id);
	const struct pool4_spec *spec = &entry->spec;
	struct ranges gone =
		without(spec->addresses, spec->n_addresses, wanted->addresses, wanted->n_addresses);
	struct ranges stays = without(spec->addresses, spec->n_addresses, gone.range, gone.n);
	bool done = gone.range && stays.range;
	char addresses[POOL4_MOVE_ADDRESSES_SIZE];

	text[0] = '\0';
	if (done && gone.n > 0) {
		done = stays.n > 0 ? shrink(nat, entry, &stays) : change_all(nat, entry, wanted);
		if (done)
			(void)snprintf(text, POOL4_MOVE_TEXT_SIZE, "pool4 entry %s: %s is gone",
				       entry->spec.name,
				       pool4_move_print(gone.range, gone.n, addresses));
	}
	free(gone.range);
	free(stays.range);
	return done;
}

enum pool4_result pool4_move_to(struct nat64 *nat, uint32_t id, const struct pool4_spec *wanted,
				char text[POOL4_MOVE_TEXT_SIZE], uint32_t *ret_other)
{
	const struct pool4_entry *entry = pool4_entry(nat->pool4, id);
	struct ranges fresh = without(wanted->addresses, wanted->n_addresses, entry->spec.addresses,
				      entry->spec.n_addresses);
	enum pool4_result result;
	char addresses[POOL4_MOVE_ADDRESSES_SIZE];

	text[0] = '\0';
	*ret_other = 0;
	if (!fresh.range)
		return POOL4_NO_MEMORY;
	result = pool4_set_places(nat->pool4, id, wanted, ret_other);
	if (result == POOL4_OK && fresh.n > 0)
		(void)snprintf(text, POOL4_MOVE_TEXT_SIZE, "pool4 entry %s has %s now",
			       entry->spec.name, pool4_move_print(fresh.range, fresh.n, addresses));
	free(fresh.range);
	return result;
}
