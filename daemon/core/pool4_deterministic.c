/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool4 in deterministic mode (P-20): each entry has a map between its clients and its addresses
 * and ports (deterministic.h), and there is nothing to choose but a port of the client's own.
 *
 * For a client only the entry with the longest matching Clients= counts, and no two entries are for
 * the same clients, so that there is one answer in both directions. Nothing is held: a port goes to
 * nobody else anyway.
 */
#include <stdlib.h>

#include "daemon/core/pool4_site.h"

static struct deterministic map_of(const struct pool4 *pool, const struct pool4_spec *spec)
{
	return (struct deterministic){
		.clients = spec->clients,
		.n_prefixes = spec->n_clients,
		.client_length = pool->allocation.client_length,
		.addresses = spec->addresses,
		.n_ranges = spec->n_addresses,
		.ports = &spec->ports,
	};
}

bool pool4_map_suits(const struct pool4 *pool, const struct pool4_spec *spec)
{
	struct deterministic map = map_of(pool, spec);
	char error[DETERMINISTIC_ERROR_SIZE];

	return pool->allocation.mode != POOL4_DETERMINISTIC || !deterministic_init(&map, error);
}

enum pool4_result pool4_item_set_map(const struct pool4 *pool, struct pool4_item *item)
{
	char error[DETERMINISTIC_ERROR_SIZE];

	if (pool->allocation.mode != POOL4_DETERMINISTIC)
		return POOL4_OK;
	if (!item->map)
		item->map = malloc(sizeof(*item->map));
	if (!item->map)
		return POOL4_NO_MEMORY;
	*item->map = map_of(pool, &item->entry.spec);
	return deterministic_init(item->map, error) ? POOL4_BAD_CLIENTS : POOL4_OK;
}

/* The only active entry for the protocol in the first scope that has one. */
static struct pool4_item *find_item(const struct pool4 *pool, enum protocol protocol,
				    const struct addr6 *client, int pool6)
{
	struct pool4_scope *scope[POOL4_SCOPES_MAX];
	unsigned n = pool4_scope_match(&pool->scopes, client, pool6, protocol, scope);
	uint32_t number;

	if (n == 0)
		return NULL;
	return pool4_item_of(pool4_scope_pick(scope[0], protocol, POOL4_WEIGHT_ALL, 0, &number));
}

struct pool4_item *pool4_find_range(const struct pool4 *pool, enum protocol protocol,
				    const struct addr6 *client, int pool6, uint32_t *ret_addr,
				    struct port_ranges *ret_ports)
{
	struct pool4_item *item = find_item(pool, protocol, client, pool6);

	if (!item || !deterministic_range(item->map, client, ret_addr, ret_ports))
		return NULL;
	return item;
}

enum pool4_result pool4_choose_of_range(const struct pool4 *pool, const struct pool4_choice *choice,
					struct pool4_pick *ret)
{
	const struct pool4_request *request = choice->request;
	struct port_ranges ranges;
	uint32_t addr;
	struct pool4_item *item = pool4_find_range(pool, request->protocol, request->client,
						   request->pool6, &addr, &ranges);

	if (!item)
		return POOL4_NO_ENTRY;
	ret->entry = &item->entry;
	return pool4_site_draw(pool, request, pool4_site_find(pool, choice, addr), &ranges, ret)
		       ? POOL4_OK
		       : POOL4_EXHAUSTED;
}

bool pool4_choose_in_range(const struct pool4 *pool, const struct pool4_request *request,
			   struct pool4_pick *port)
{
	struct port_ranges ports;
	uint32_t addr;
	struct pool4_item *item = pool4_find_range(pool, request->protocol, request->client,
						   request->pool6, &addr, &ports);

	if (!item || addr != port->taddr.addr || !port_ranges_contain(&ports, port->taddr.port))
		return false;
	port->entry = &item->entry;
	return true;
}

/* How close an entry is to the client: the longest of its prefixes counts, and of two with the same
 * one the entry that names the prefix of Pool6 (as pool4_scope_match() has it); 0 if it is not for
 * him. */
static unsigned closeness(const struct pool4_spec *spec, const struct pool4_request *request)
{
	unsigned ret = 0;

	if (!spec->protocol[request->protocol] ||
	    (spec->pool6 != POOL4_ANY_PREFIX && spec->pool6 != request->pool6))
		return 0;
	for (uint32_t i = 0; i < spec->n_clients; i++)
		if (prefix6_contains(&spec->clients[i], request->client) &&
		    2u * spec->clients[i].len + 2 > ret)
			ret = 2u * spec->clients[i].len + 2;
	return ret > 0 && spec->pool6 != POOL4_ANY_PREFIX ? ret + 1 : ret;
}

/* Is there an entry that comes before this one for the client? A drained one keeps what it has, and
 * comes before no other. Looking at all of them takes long, and is for when some scope is closer.
 */
static bool is_behind_another(const struct pool4 *pool, const struct pool4_item *item,
			      const struct pool4_request *request)
{
	const struct pool4_entry *entry;
	unsigned own = closeness(&item->entry.spec, request);

	if (item->entry.state == POOL4_DRAINING)
		return false;
	if (!pool4_scope_has_closer(&pool->scopes, request->client, request->pool6, own / 2 - 1,
				    own % 2 == 1))
		return false;
	for (uint32_t id = 0; (entry = pool4_next(pool, id)) != NULL; id = entry->id)
		if (entry->state != POOL4_DISABLED && entry->state != POOL4_DRAINING &&
		    closeness(&entry->spec, request) > own)
			return true;
	return false;
}

/* Entries are not active yet when bindings are restored. */
bool pool4_choose_in_range_restored(const struct pool4 *pool, const struct pool4_request *request,
				    struct pool4_pick *port)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, port->taddr.addr); node;
	     node = pool4_next_cover(node, port->taddr.addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);
		struct port_ranges ports;
		uint32_t addr;

		if (item->map && node->entry->state != POOL4_DISABLED &&
		    closeness(&node->entry->spec, request) > 0 &&
		    deterministic_range(item->map, request->client, &addr, &ports) &&
		    addr == port->taddr.addr && port_ranges_contain(&ports, port->taddr.port) &&
		    !is_behind_another(pool, item, request)) {
			port->entry = &item->entry;
			return true;
		}
	}
	return false;
}

bool pool4_range_of(const struct pool4 *pool, enum protocol protocol, const struct addr6 *client,
		    int pool6, uint32_t *ret_addr, struct port_ranges *ret_ports)
{
	return pool4_find_range(pool, protocol, client, pool6, ret_addr, ret_ports) != NULL;
}

bool pool4_client_of(const struct pool4 *pool, enum protocol protocol, const struct taddr4 *taddr,
		     struct prefix6 *ret)
{
	for (struct pool4_index_node *node = pool4_first_cover(pool, taddr->addr); node;
	     node = pool4_next_cover(node, taddr->addr)) {
		struct pool4_item *item = pool4_item_of(node->entry);
		struct prefix6 client;

		/* Where an entry for some of its clients alone comes first, they are not here. */
		if (item->map && deterministic_client(item->map, taddr, &client) &&
		    find_item(pool, protocol, &client.addr, node->entry->spec.pool6) == item) {
			*ret = client;
			return true;
		}
	}
	return false;
}
