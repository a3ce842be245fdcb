/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about deterministic mode: whose ports are which is computed, with or
 * without traffic (RFC 7422, 2; P-20). */
#include <inttypes.h>

#include "dbus/argument.h"
#include "dbus/authorise.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"

#define PORTS_TEXT_SIZE 1024

static int require_mode(const struct nat64 *nat, sd_bus_error *error)
{
	if (nat->limits.pool4.mode == POOL4_DETERMINISTIC)
		return 0;
	return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
				"whose ports are which is computed with Pool4.Mode=deterministic "
				"only: 'nat64ctl bib list' shows who has them now");
}

/* The place of a prefix of Pool6; "": of the first. Under the lock. */
static int find_pool6(const struct nat64 *nat, const char *text, int *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];
	struct prefix6 prefix;
	bool any = *text == '\0';

	if (!any && !prefix6_parse(text, &prefix))
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
					 "'%s' is not an IPv6 prefix", quote(text, quoted));
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *pool6 = &nat->config.pool6[i];

		if (pool6->len != 0 && (any || (pool6->len == prefix.len &&
						addr6_equal(&pool6->addr, &prefix.addr)))) {
			*ret = i;
			return 0;
		}
	}
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_VALUE, "'%s' is not a prefix of Pool6",
				 quote(text, quoted));
}

/* The client that an address, or a prefix inside of it, belongs to. */
static int parse_client(const struct nat64 *nat, const char *text, struct prefix6 *ret,
			sd_bus_error *error)
{
	uint8_t length = nat->config.pairing_prefix_length;
	char printed[ADDR_TEXT_SIZE];
	struct prefix6 prefix;
	int r;

	r = argument_prefix6(text, &prefix, error);
	if (r < 0)
		return r;
	if (prefix.len < length)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
					 "%s is more than one client: each is a /%u "
					 "(Pool4.PairingPrefixLength)",
					 prefix6_print(&prefix, printed), length);
	*ret = (struct prefix6){addr6_mask(&prefix.addr, length), length};
	return 0;
}

int deterministic_method_ports_of(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct nat64 *nat = manager->gateway->nat;
	const char *protocol_text, *client_text, *prefix_text;
	char client[ADDR_TEXT_SIZE], address[ADDR_TEXT_SIZE], ports_text[PORTS_TEXT_SIZE];
	struct port_ranges ports;
	enum protocol protocol;
	struct prefix6 prefix;
	bool found = false;
	uint32_t addr = 0;
	int r, pool6 = 0;

	r = sd_bus_message_read(message, "sss", &protocol_text, &client_text, &prefix_text);
	if (r < 0)
		return r;
	r = argument_protocol(protocol_text, &protocol, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = require_mode(nat, error);
	if (r < 0)
		return r;
	gateway_lock(manager->gateway);
	r = parse_client(nat, client_text, &prefix, error);
	if (r >= 0)
		r = find_pool6(nat, prefix_text, &pool6, error);
	if (r >= 0)
		found = pool4_range_of(nat->pool4, protocol, &prefix.addr, pool6, &addr, &ports);
	gateway_unlock(manager->gateway);
	if (r < 0)
		return r;
	prefix6_print(&prefix, client);
	if (!found)
		return sd_bus_error_setf(error, DBUS_ERROR_NO_SUCH_CLIENT,
					 "no active entry of pool4 has %s ports for %s",
					 protocol_text, client);
	return sd_bus_reply_method_return(
		message, "sss", client, addr4_print(addr, address),
		port_ranges_print(&ports, ports_text, sizeof(ports_text)));
}

int deterministic_method_client_of(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct nat64 *nat = manager->gateway->nat;
	const char *protocol_text, *address_text;
	char text[ADDR_TEXT_SIZE];
	enum protocol protocol;
	struct taddr4 taddr;
	struct prefix6 client;
	bool found;
	int r;

	r = sd_bus_message_read(message, "ssq", &protocol_text, &address_text, &taddr.port);
	if (r < 0)
		return r;
	r = argument_protocol(protocol_text, &protocol, error);
	if (r >= 0)
		r = argument_addr4(address_text, &taddr.addr, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = require_mode(nat, error);
	if (r < 0)
		return r;
	gateway_lock(manager->gateway);
	found = pool4_client_of(nat->pool4, protocol, &taddr, &client);
	gateway_unlock(manager->gateway);
	if (!found)
		return sd_bus_error_setf(error, DBUS_ERROR_NO_SUCH_CLIENT,
					 "%s %s:%u is no client's", protocol_text,
					 addr4_print(taddr.addr, text), taddr.port);
	return sd_bus_reply_method_return(message, "s", prefix6_print(&client, text));
}
