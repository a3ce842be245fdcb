/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_reload.h"

#include <errno.h>
#include <string.h>

#include "daemon/log.h"

struct config *daemon_load_config(const char *path)
{
	GPtrArray *problems = config_problems_new();
	struct config *config = NULL;

	if (config_load(path, &config, problems) < 0)
		config = NULL;
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);
		char *text = config_problem_print(problem);

		log_line(problem->severity == CONFIG_ERROR ? LOG_ERR : LOG_WARNING, "%s", text);
		g_free(text);
	}
	g_ptr_array_unref(problems);
	return config;
}

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

static void keep(const char *key, void *fresh, const void *running, size_t size)
{
	if (memcmp(fresh, running, size) == 0)
		return;
	memcpy(fresh, running, size);
	log_line(LOG_WARNING, "%s has changed: that takes effect at the next start", key);
}

void daemon_adapt_config(struct config *fresh, const struct config *running)
{
	keep_indices(fresh, running);
#define KEEP(key, member) keep(key, &fresh->member, &running->member, sizeof(fresh->member))
	KEEP("Pool4.Mode", limits.pool4.mode);
	KEEP("Pool4.BlockSize", limits.pool4.block_size);
	if (running->limits.pool4.mode != POOL4_DYNAMIC)
		KEEP("Pool4.PairingPrefixLength", nat64.pairing_prefix_length);
	KEEP("Limits.Bindings", limits.bindings);
	KEEP("Limits.Sessions", limits.sessions);
	KEEP("Limits.SessionsTCP", limits.sessions_of[PROTOCOL_TCP]);
	KEEP("Limits.SessionsUDP", limits.sessions_of[PROTOCOL_UDP]);
	KEEP("Limits.SessionsICMP", limits.sessions_of[PROTOCOL_ICMP]);
	KEEP("Limits.ClientPrefixLength", nat64.icmp_limit.client_prefix_length);
	KEEP("Limits.StoredSYNs", limits.stored_syns);
	KEEP("Limits.FragmentMemory", limits.fragment_memory);
	KEEP("Limits.Pool4Objects", pool4_objects);
	KEEP("Queue.First", queue.first);
	KEEP("Queue.Workers", queue.workers);
	KEEP("Queue.Length", queue.length);
	KEEP("Queue.Memory", queue.memory_size);
	KEEP("Queue.Mark", queue.mark);
#undef KEEP
}
