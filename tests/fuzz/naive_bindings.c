/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See naive_bindings.h.
 */
#include "tests/fuzz/naive_bindings.h"

#include "tests/fuzz/fuzz.h"

void naive_bindings_read(const struct nat64 *nat, struct naive_bindings *ret)
{
	ret->n = 0;
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];

		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct bib_entry *entry = bib_at(bib, i);

			REQUIRE(ret->n < NAIVE_BINDINGS_MAX);
			ret->at[ret->n++] = (struct naive_binding){
				.protocol = (enum protocol)protocol,
				.client = bib_entry_taddr6(entry),
				.mapped = bib_entry_taddr4(entry),
				.pool4 = entry->pool4,
				.is_static = entry->is_static,
			};
		}
	}
}

const struct naive_binding *naive_bindings_find6(const struct naive_bindings *bindings,
						 enum protocol protocol,
						 const struct taddr6 *client)
{
	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *binding = &bindings->at[i];

		if (binding->protocol == protocol && taddr6_equal(&binding->client, client))
			return binding;
	}
	return NULL;
}

const struct naive_binding *naive_bindings_find4(const struct naive_bindings *bindings,
						 enum protocol protocol,
						 const struct taddr4 *mapped)
{
	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *binding = &bindings->at[i];

		if (binding->protocol == protocol && taddr4_equal(&binding->mapped, mapped))
			return binding;
	}
	return NULL;
}

bool naive_bindings_have(const struct naive_bindings *bindings, const struct naive_binding *binding)
{
	const struct naive_binding *found =
		naive_bindings_find6(bindings, binding->protocol, &binding->client);

	return found && taddr4_equal(&found->mapped, &binding->mapped) &&
	       found->pool4 == binding->pool4 && found->is_static == binding->is_static;
}
