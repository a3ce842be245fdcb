/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_reload.h"

#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/log.h"

static bool same_prefix(const struct prefix6 *a, const struct prefix6 *b)
{
	return a->len == b->len && addr6_equal(&a->addr, &b->addr);
}

/* The index of prefix in list, or -1. */
static int find_prefix(const struct prefix6 list[NAT64_POOL6_MAX], const struct prefix6 *prefix)
{
	for (int i = 0; i < NAT64_POOL6_MAX; i++)
		if (list[i].len != 0 && same_prefix(&list[i], prefix))
			return i;
	return -1;
}

/* Old prefixes stay where they are; new ones take places that are free in both. */
static void keep_indices(struct config *fresh, const struct config *running)
{
	struct prefix6 placed[NAT64_POOL6_MAX] = {{{{0}}, 0}};
	int index[NAT64_POOL6_MAX];

	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *prefix = &fresh->nat64.pool6[i];

		index[i] = prefix->len == 0 ? -1 : find_prefix(running->nat64.pool6, prefix);
		if (index[i] >= 0)
			placed[index[i]] = *prefix;
	}
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		if (fresh->nat64.pool6[i].len == 0 || index[i] >= 0)
			continue;
		for (int place = 0; place < NAT64_POOL6_MAX && index[i] < 0; place++)
			if (placed[place].len == 0 && running->nat64.pool6[place].len == 0)
				index[i] = place;
		for (int place = 0; place < NAT64_POOL6_MAX && index[i] < 0; place++)
			if (placed[place].len == 0)
				index[i] = place;
		placed[index[i]] = fresh->nat64.pool6[i];
	}
	for (uint32_t i = 0; i < fresh->n_pool4; i++) {
		int *pool6 = &fresh->pool4[i].spec.pool6;

		if (*pool6 != POOL4_ANY_PREFIX)
			*pool6 = index[*pool6];
	}
	memcpy(fresh->nat64.pool6, placed, sizeof(placed));
}

/* What takes the next start keeps its value. */
static void keep(const struct config_key *key, struct config *fresh, const struct config *running)
{
	void *field = (char *)fresh + key->offset;
	const void *before = (const char *)running + key->offset;
	size_t size = config_type_size(key->type);

	if (memcmp(field, before, size) == 0)
		return;
	memcpy(field, before, size);
	log_line(LOG_WARNING, "%s.%s has changed: that takes effect at the next start",
		 key->section, key->name);
}

void daemon_adapt_config(struct config *fresh, const struct config *running)
{
	keep_indices(fresh, running);
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (!config_key_is_of_object(key) && !config_key_is_live(key, running))
			keep(key, fresh, running);
	}
}
