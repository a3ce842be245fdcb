/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dbus/argument.h"

#include "dbus/names.h"
#include "dbus/quote.h"

int argument_protocol(const char *text, enum protocol *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];

	if (protocol_parse(text, ret))
		return 0;
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_PROTOCOL,
				 "'%s' is none of: tcp, udp, icmp", quote(text, quoted));
}

int argument_addr4(const char *text, uint32_t *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];

	if (addr4_parse(text, ret))
		return 0;
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS, "'%s' is not an IPv4 address",
				 quote(text, quoted));
}

int argument_prefix6(const char *text, struct prefix6 *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE], around[ADDR_TEXT_SIZE], host[ADDR_TEXT_SIZE];
	struct prefix6 prefix;

	if (!prefix6_parse(text, &prefix))
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
					 "'%s' is not an IPv6 address or prefix",
					 quote(text, quoted));
	*ret = prefix;
	ret->addr = addr6_mask(&prefix.addr, prefix.len);
	if (addr6_equal(&ret->addr, &prefix.addr))
		return 0;
	return sd_bus_error_setf(
		error, DBUS_ERROR_INVALID_ADDRESS, "%s has host bits set: did you mean %s or %s?",
		quote(text, quoted), prefix6_print(ret, around), addr6_print(&prefix.addr, host));
}
