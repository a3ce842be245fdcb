/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/policy.h"

int policy_pool6_of(const struct nat64 *nat, const struct addr6 *addr)
{
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *prefix = &nat->config.pool6[i];
		if (prefix->len && prefix6_contains(prefix, addr))
			return i;
	}
	return -1;
}

const struct prefix6 *policy_pool6(const struct nat64 *nat, uint8_t index)
{
	const struct prefix6 *prefixes = nat->config.pool6;

	if (!prefixes[index].len)
		for (index = 0; index < NAT64_POOL6_MAX - 1 && !prefixes[index].len; index++)
			;
	return &prefixes[index];
}

static bool in_prefixes4(const struct prefix4 *prefixes, uint32_t n_prefixes, uint32_t addr)
{
	for (uint32_t i = 0; i < n_prefixes; i++)
		if (prefix4_contains(&prefixes[i], addr))
			return true;
	return false;
}

static bool in_prefixes6(const struct prefix6 *prefixes, uint32_t n_prefixes,
			 const struct addr6 *addr)
{
	for (uint32_t i = 0; i < n_prefixes; i++)
		if (prefix6_contains(&prefixes[i], addr))
			return true;
	return false;
}

bool policy_exempt6(const struct nat64 *nat, const struct addr6 *addr)
{
	return in_prefixes6(nat->config.exempt6, nat->config.n_exempt6, addr);
}

bool policy_exempt4(const struct nat64 *nat, uint32_t addr)
{
	return in_prefixes4(nat->config.exempt4, nat->config.n_exempt4, addr);
}

bool policy_exempt_server(const struct nat64 *nat, enum protocol protocol,
			  const struct taddr4 *server)
{
	for (uint32_t i = 0; i < nat->config.n_exempt_ports; i++) {
		const struct exempt_ports *exempt = &nat->config.exempt_ports[i];
		if (exempt->protocol == protocol && server->port >= exempt->first &&
		    server->port <= exempt->last &&
		    prefix4_contains(&exempt->servers, server->addr))
			return true;
	}
	return false;
}

static bool is_well_known(const struct prefix6 *prefix)
{
	return prefix->len == rfc6052_well_known_prefix.len &&
	       addr6_equal(&prefix->addr, &rfc6052_well_known_prefix.addr);
}

bool policy_nonglobal(const struct nat64 *nat, uint8_t pool6, uint32_t addr4)
{
	const struct nat64_config *config = &nat->config;

	return is_well_known(policy_pool6(nat, pool6)) && addr4_is_nonglobal(addr4) &&
	       !config->any_nonglobal &&
	       !in_prefixes4(config->nonglobal, config->n_nonglobal, addr4);
}

/* RFC 8215 and RFC 4193: prefixes that no stranger can reach us by, or that everybody may use. */
static bool serves_anybody(const struct prefix6 *prefix)
{
	static const struct prefix6 local_use = {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, 48};
	static const struct prefix6 unique_local = {{{0xfc}}, 7};

	return is_well_known(prefix) || prefix6_contains(&local_use, &prefix->addr) ||
	       prefix6_contains(&unique_local, &prefix->addr);
}

/* a network-specific prefix can be reached by the whole Internet. Who is not behind a route of
 * his own there is a stranger. */
static bool client_allowed(const struct nat64 *nat, const struct addr6 *client, uint8_t pool6)
{
	const struct nat64_config *config = &nat->config;
	const struct nat64_world *world = &nat->world;

	if (config->clients_any || in_prefixes6(config->clients, config->n_clients, client) ||
	    world->own6(world->context, client))
		return true;
	if (!config->clients_auto)
		return false;
	if (serves_anybody(policy_pool6(nat, pool6)))
		return true;

	struct route_answer route;
	world->route6(world->context, client, &route);
	return route.state != ROUTE_NONE && !route.by_default_route;
}

bool policy_denied4(const struct nat64 *nat, uint32_t dst4, bool hairpinned)
{
	const struct nat64_config *config = &nat->config;

	if (config->deny_own && !hairpinned && nat->world.own4(nat->world.context, dst4))
		return true;
	return in_prefixes4(config->deny, config->n_deny, dst4);
}

bool policy_denied_source4(const struct nat64 *nat, uint32_t src4)
{
	return in_prefixes4(nat->config.deny_source, nat->config.n_deny_source, src4);
}

enum outcome policy_new_session(const struct nat64 *nat, const struct addr6 *client, uint8_t pool6,
				uint32_t dst4, bool hairpinned)
{
	if (!client_allowed(nat, client, pool6))
		return OUTCOME_CLIENT_NOT_ALLOWED;
	return policy_denied4(nat, dst4, hairpinned) ? OUTCOME_DESTINATION_DENIED
						     : OUTCOME_TRANSLATED;
}
