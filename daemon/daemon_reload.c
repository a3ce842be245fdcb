/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_reload.h"

#include <errno.h>
#include <string.h>

#include "daemon/config_check.h"
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

/* What takes the next start keeps its value. True: it would have another one. */
static bool keep(const struct config_key *key, struct config *fresh, const struct config *running)
{
	void *field = (char *)fresh + key->offset;
	const void *before = (const char *)running + key->offset;
	size_t size = config_type_size(key->type);

	if (memcmp(field, before, size) == 0)
		return false;
	memcpy(field, before, size);
	log_line(LOG_WARNING, "%s.%s has changed: that takes effect at the next start",
		 key->section, key->name);
	return true;
}

/* As the files were checked with other values: entries that are fit for Pool4.Mode=dynamic may not
 * be so for the mode that runs, and would be cut without being made again. */
static int check(const struct config *config, char **ret_error)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config_file *nowhere = config_file_new();

	config_check(config, nowhere, problems);
	config_file_free(nowhere);
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);
		g_autofree char *text = config_problem_print(problem);

		if (problem->severity != CONFIG_ERROR)
			continue;
		*ret_error = g_strdup_printf("%s; that goes by what is in use until a restart, "
					     "which would take all of it",
					     text);
		return -EINVAL;
	}
	return 0;
}

int daemon_adapt_config(struct config *fresh, const struct config *running, char **ret_error)
{
	bool keeps = false;

	keep_indices(fresh, running);
	/* Processors may have come or gone: the queues are those that are bound. */
	fresh->queue.n_workers = running->queue.n_workers;
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (!config_key_is_of_object(key) && !config_key_is_live(key, running))
			keeps |= keep(key, fresh, running);
	}
	return keeps ? check(fresh, ret_error) : 0;
}
