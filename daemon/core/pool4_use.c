/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much there is in pool4 for a client, and when an entry is nearly used up (pool4.h; L-1,
 * L-10).
 */
#include "daemon/core/pool4_internal.h"

uint64_t pool4_n_reachable(const struct pool4 *pool, enum protocol protocol,
			   const struct addr6 *client, int pool6)
{
	struct pool4_scope *scope[POOL4_SCOPES_MAX];
	unsigned n_scopes = pool4_scope_match(&pool->scopes, client, pool6, protocol, scope);
	struct port_ranges ports;
	uint32_t addr;
	uint64_t n = 0;

	if (pool->allocation.mode == POOL4_DETERMINISTIC)
		return pool4_range_of(pool, protocol, client, pool6, &addr, &ports)
			       ? port_ranges_count(&ports)
			       : 0;
	for (unsigned i = 0; i < n_scopes; i++)
		n += scope[i]->n_ports[protocol];
	return n;
}

enum pool4_alarm pool4_watch(struct pool4 *pool, uint32_t id, enum protocol protocol,
			     const struct port_share threshold[2], uint64_t now_ms)
{
	struct pool4_item *item = pool4_item_find(pool, id);
	struct pool4_entry *entry;
	uint64_t n_used, n_ports;
	bool changes;

	if (!item || item->entry.n_ports[protocol] == 0)
		return POOL4_ALARM_SAME;
	entry = &item->entry;
	n_used = entry->n_used[protocol];
	n_ports = entry->n_ports[protocol];
	changes = entry->alarmed[protocol] ? n_used < port_share_of(&threshold[1], n_ports)
					   : n_used >= port_share_of(&threshold[0], n_ports);
	if (!changes)
		return POOL4_ALARM_SAME;
	if (entry->alarm_ms[protocol] &&
	    now_ms < entry->alarm_ms[protocol] + POOL4_ALARM_INTERVAL_MS)
		return POOL4_ALARM_LATER;
	entry->alarmed[protocol] = !entry->alarmed[protocol];
	entry->alarm_ms[protocol] = now_ms;
	return entry->alarmed[protocol] ? POOL4_ALARM_RAISED : POOL4_ALARM_CLEARED;
}
