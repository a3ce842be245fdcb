/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/deterministic.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/core/minmax.h"

/* There are fewer IPv4 transport addresses than 2 to the power of this. */
#define CLIENT_BITS_MAX 48

static uint64_t clients_of(const struct deterministic *map, const struct prefix6 *prefix)
{
	return UINT64_C(1) << (map->client_length - prefix->len);
}

static const char *check_prefix(const struct deterministic *map, uint32_t i,
				char error[DETERMINISTIC_ERROR_SIZE])
{
	const struct prefix6 *prefix = &map->clients[i];
	char text[2][ADDR_TEXT_SIZE];

	if (prefix->len > map->client_length) {
		snprintf(error, DETERMINISTIC_ERROR_SIZE,
			 "%s is smaller than one client, which is a /%u (PairingPrefixLength)",
			 prefix6_print(prefix, text[0]), map->client_length);
		return error;
	}
	if (map->client_length - prefix->len > CLIENT_BITS_MAX) {
		snprintf(error, DETERMINISTIC_ERROR_SIZE,
			 "%s has 2^%d clients, each a /%u (PairingPrefixLength), more than there "
			 "are IPv4 addresses and ports",
			 prefix6_print(prefix, text[0]), map->client_length - prefix->len,
			 map->client_length);
		return error;
	}
	for (uint32_t j = 0; j < i; j++) {
		if (!prefix6_overlaps(prefix, &map->clients[j]))
			continue;
		snprintf(error, DETERMINISTIC_ERROR_SIZE, "%s and %s have clients in common",
			 prefix6_print(&map->clients[j], text[0]), prefix6_print(prefix, text[1]));
		return error;
	}
	return NULL;
}

const char *deterministic_init(struct deterministic *map, char error[DETERMINISTIC_ERROR_SIZE])
{
	uint64_t n_addresses = addr4_ranges_count(map->addresses, map->n_ranges);
	uint32_t n_ports = port_ranges_count(map->ports);
	uint64_t clients_each;

	assert(n_addresses > 0 && n_ports > 0);
	map->n_clients = 0;
	map->clients_each = map->ports_each = 0;
	if (map->n_prefixes == 0) {
		snprintf(error, DETERMINISTIC_ERROR_SIZE,
			 "Clients= is needed: ports are computed from a client's place in it");
		return error;
	}
	for (uint32_t i = 0; i < map->n_prefixes; i++) {
		if (check_prefix(map, i, error))
			return error;
	}
	for (uint32_t i = 0; i < map->n_prefixes; i++)
		map->n_clients += clients_of(map, &map->clients[i]);
	clients_each = (map->n_clients + n_addresses - 1) / n_addresses;
	if (clients_each > n_ports) {
		snprintf(error, DETERMINISTIC_ERROR_SIZE,
			 "%" PRIu64 " clients, each a /%u (PairingPrefixLength), cannot share "
			 "%" PRIu64 " address%s with %" PRIu32 " port%s: that is %" PRIu64
			 " clients for each address",
			 map->n_clients, map->client_length, n_addresses,
			 n_addresses == 1 ? "" : "es", n_ports, n_ports == 1 ? "" : "s",
			 clients_each);
		map->n_clients = 0;
		return error;
	}
	map->clients_each = (uint32_t)clients_each;
	map->ports_each = n_ports / map->clients_each;
	return NULL;
}

/* The bits of addr from bit number first up to last, of which there are no more than 48. */
static uint64_t bits_between(const struct addr6 *addr, unsigned first, unsigned last)
{
	uint64_t ret = 0;

	for (unsigned i = first; i < last; i++)
		ret = ret << 1 | (addr->byte[i / 8] >> (7 - i % 8) & 1);
	return ret;
}

static void set_bits_between(struct addr6 *addr, unsigned first, unsigned last, uint64_t bits)
{
	for (unsigned i = last; i > first; i--, bits >>= 1)
		addr->byte[(i - 1) / 8] |= (uint8_t)((bits & 1) << (7 - (i - 1) % 8));
}

static bool client_number(const struct deterministic *map, const struct addr6 *addr, uint64_t *ret)
{
	uint64_t before = 0;

	for (uint32_t i = 0; map->n_clients > 0 && i < map->n_prefixes; i++) {
		const struct prefix6 *prefix = &map->clients[i];

		if (prefix6_contains(prefix, addr)) {
			*ret = before + bits_between(addr, prefix->len, map->client_length);
			return true;
		}
		before += clients_of(map, prefix);
	}
	return false;
}

/* The ports number first up to last, from 0, of a list. */
static void cut_ports(const struct port_ranges *ports, uint32_t first, uint32_t last,
		      struct port_ranges *ret)
{
	uint32_t before = 0;

	ret->n_ranges = 0;
	for (uint32_t i = 0; i < ports->n_ranges; i++) {
		const struct port_range *range = &ports->range[i];
		uint32_t n = range->last - range->first + 1u;
		uint32_t from = max_u32(first, before) - before;
		uint32_t to = min_u32(last - before, n - 1);

		if (last < before)
			break;
		if (from <= to)
			ret->range[ret->n_ranges++] = (struct port_range){
				(uint16_t)(range->first + from), (uint16_t)(range->first + to)};
		before += n;
	}
}

bool deterministic_range(const struct deterministic *map, const struct addr6 *addr,
			 uint32_t *ret_addr, struct port_ranges *ret_ports)
{
	uint64_t number, place;
	uint32_t first;

	if (!client_number(map, addr, &number))
		return false;
	place = number / map->clients_each;
	for (uint32_t i = 0; i < map->n_ranges; i++) {
		const struct addr4_range *range = &map->addresses[i];
		uint64_t n = (uint64_t)range->last - range->first + 1;

		if (place < n) {
			*ret_addr = range->first + (uint32_t)place;
			break;
		}
		place -= n;
	}
	first = (uint32_t)(number % map->clients_each) * map->ports_each;
	cut_ports(map->ports, first, first + map->ports_each - 1, ret_ports);
	return true;
}

static bool address_number(const struct deterministic *map, uint32_t addr, uint64_t *ret)
{
	uint64_t before = 0;

	for (uint32_t i = 0; i < map->n_ranges; i++) {
		const struct addr4_range *range = &map->addresses[i];

		if (addr >= range->first && addr <= range->last) {
			*ret = before + (addr - range->first);
			return true;
		}
		before += (uint64_t)range->last - range->first + 1;
	}
	return false;
}

static bool port_number(const struct deterministic *map, uint16_t port, uint32_t *ret)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < map->ports->n_ranges; i++) {
		const struct port_range *range = &map->ports->range[i];

		if (port >= range->first && port <= range->last) {
			*ret = before + (uint32_t)(port - range->first);
			return true;
		}
		before += range->last - range->first + 1u;
	}
	return false;
}

bool deterministic_client(const struct deterministic *map, const struct taddr4 *taddr,
			  struct prefix6 *ret)
{
	uint64_t address, number;
	uint32_t port;

	if (map->n_clients == 0 || !address_number(map, taddr->addr, &address) ||
	    !port_number(map, taddr->port, &port) || port / map->ports_each >= map->clients_each)
		return false;
	number = address * map->clients_each + port / map->ports_each;
	for (uint32_t i = 0; i < map->n_prefixes; i++) {
		const struct prefix6 *prefix = &map->clients[i];

		if (number < clients_of(map, prefix)) {
			*ret = (struct prefix6){prefix->addr, map->client_length};
			set_bits_between(&ret->addr, prefix->len, map->client_length, number);
			return true;
		}
		number -= clients_of(map, prefix);
	}
	return false;
}
